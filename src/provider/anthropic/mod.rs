//! The Claude API as the gateway lets it through: two calls, known headers, known bodies.

mod body;
mod internet;
mod lists;

use hyper::{HeaderMap, Method, header::HeaderName};

use super::{Refusal, SDK_HEADERS, Target, shown};

pub use body::body;
pub(super) use body::{check, listed_model, model, read, write};

/// The calls that there are, below the provider's base URL.
const CALLS: &[&str] = &["/v1/messages", "/v1/messages/count_tokens"];

/// Judges where a request goes: see [`super::target`].
///
/// # Errors
/// Any other method, path or query, and any path that could be read in two ways.
pub(super) fn target(method: &Method, path: &str, query: Option<&str>) -> Result<Target, Refusal> {
    let refused = |rule, what: String| {
        let known = "the gateway forwards only POST /anthropic/v1/messages and POST /anthropic/v1/messages/count_tokens";
        Err(Refusal::new(rule, format!("{what}: {known}, with no query or with ?beta=true")))
    };
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b)) || path.contains("//") || path.contains("..") {
        return refused("route/path", format!("the path `{}` has an encoding, `;`, `//`, `..` or an odd character", shown(path)));
    }
    if !CALLS.contains(&path) {
        return refused("route/path", format!("there is no way to /anthropic{}", shown(path)));
    }
    if *method != Method::POST {
        return refused("route/method", format!("{} is not allowed on /anthropic{path}", shown(method.as_str())));
    }
    let path = match query {
        None => path.to_owned(),
        Some("beta=true") => format!("{path}?beta=true"),
        Some(query) => return refused("route/query", format!("the query `{}` is not allowed", shown(query))),
    };
    Ok(Target { method: Method::POST, path, region: String::new() })
}

/// Whether `anthropic-beta` may name `token`; `internet` says whether the provider may reach out for the agent.
pub(super) fn beta(token: &str, internet: bool) -> Result<(), Refusal> {
    let refused = || Refusal::new("route/beta", format!("anthropic-beta names `{}`, which is not allowed here", shown(token)));
    let known = lists::BETAS.contains(&token) || body::when(internet, internet::BETAS).contains(&token);
    known.then_some(()).ok_or_else(refused)
}

/// The header fields that go on, credential and length not among them.
///
/// # Errors
/// When `anthropic-beta` names a token that is not listed, or a body that is not plain JSON is announced.
pub(super) fn headers(sent: &HeaderMap, internet: bool) -> Result<HeaderMap, Refusal> {
    let mut kept = HeaderMap::new();
    for (name, value) in sent {
        if lists::HEADERS.contains(&name.as_str()) || name.as_str().starts_with(SDK_HEADERS) {
            kept.append(name.clone(), value.clone());
        }
    }
    announced(sent)?;
    let betas = HeaderName::from_static("anthropic-beta");
    for value in sent.get_all(&betas) {
        let text = value.to_str().unwrap_or("\u{fffd}");
        text.split(',').map(str::trim).try_for_each(|token| beta(token, internet))?;
        kept.append(betas.clone(), value.clone());
    }
    Ok(kept)
}

/// Whether a body of plain JSON is announced.
pub(super) fn announced(sent: &HeaderMap) -> Result<(), Refusal> {
    if sent.contains_key(hyper::header::CONTENT_ENCODING) {
        return Err(Refusal::new("route/header", "a compressed body (content-encoding) cannot be checked: send plain JSON"));
    }
    let kinds: Vec<_> = sent.get_all(hyper::header::CONTENT_TYPE).iter().collect();
    if kinds.len() != 1 || !is_json(kinds[0].as_bytes()) {
        return Err(Refusal::new("route/header", "the body must be announced once, as `content-type: application/json`"));
    }
    Ok(())
}

fn is_json(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    [&b"application/json"[..], b"application/json; charset=utf-8", b"application/json;charset=utf-8"].contains(&value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(method: &str, path: &str, query: Option<&str>) -> Result<String, &'static str> {
        target(&method.parse().unwrap(), path, query).map(|target| target.path).map_err(|refusal| refusal.rule)
    }

    #[test]
    fn two_calls_go_through_and_nothing_else() {
        assert_eq!(judge("POST", "/v1/messages", Some("beta=true")).unwrap(), "/v1/messages?beta=true");
        assert_eq!(judge("POST", "/v1/messages/count_tokens", None).unwrap(), "/v1/messages/count_tokens");
        for (method, path, query, rule) in [
            ("GET", "/v1/messages", None, "route/method"),
            ("post", "/v1/messages", None, "route/method"),
            ("HEAD", "", None, "route/path"),
            ("POST", "/v1/files", None, "route/path"),
            ("POST", "/v1/messages/batches", None, "route/path"),
            ("POST", "/v1/messages/", None, "route/path"),
            ("POST", "/V1/messages", None, "route/path"),
            ("POST", "/v1/%6dessages", None, "route/path"),
            ("POST", "/v1/messages%2fbatches", None, "route/path"),
            ("POST", "/v1//messages", None, "route/path"),
            ("POST", "/v1/files/../messages", None, "route/path"),
            ("POST", "/v1/messages;a", None, "route/path"),
            ("POST", "/v1/messages", Some(""), "route/query"),
            ("POST", "/v1/messages", Some("beta=true&beta=true"), "route/query"),
            ("POST", "/v1/messages", Some("BETA=true"), "route/query"),
            ("POST", "/v1/messages", Some("beta=%74rue"), "route/query"),
        ] {
            assert_eq!(judge(method, path, query), Err(rule), "{method} {path} {query:?}");
        }
    }

    fn sent(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_listed_header_fields_go_on() {
        let all = sent(&[
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "claude-code-20250219, effort-2025-11-24"),
            ("x-stainless-os", "Linux"),
            ("authorization", "Bearer made-up"),
            ("x-api-key", "made-up"),
            ("x-http-method-override", "GET"),
            ("cookie", "a=b"),
            ("connection", "x-app"),
        ]);
        let kept = headers(&all, false).unwrap();
        let names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "anthropic-version", "x-stainless-os", "anthropic-beta"]);
    }

    #[test]
    fn odd_betas_and_bodies_are_refused() {
        let json = ("content-type", "application/json");
        for (fields, rule) in [
            (vec![json, ("anthropic-beta", "files-api-2025-04-14")], "route/beta"),
            (vec![json, ("anthropic-beta", "effort-2025-11-24,,")], "route/beta"),
            (vec![json, ("anthropic-beta", "effort-2025-11-24"), ("anthropic-beta", "mcp-client-2025-11-20")], "route/beta"),
            (vec![json, ("content-encoding", "gzip")], "route/header"),
            (vec![json, ("content-type", "text/plain")], "route/header"),
            (vec![("content-type", "multipart/form-data")], "route/header"),
            (vec![], "route/header"),
        ] {
            assert_eq!(headers(&sent(&fields), false).unwrap_err().rule, rule, "{fields:?}");
        }
    }
}
