//! Claude on Google Cloud's Vertex AI as the gateway lets it through: the Messages API's calls, whose project, region and model
//! stand in the path.
//!
//! Sources: Anthropic's documentation (platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai) and its SDK for
//! Vertex for the paths and `anthropic_version`; runs of Claude Code 2.1.197 and 2.1.331 for what it sends.

mod access;
mod assertion;
mod tokens;

use hyper::{
    HeaderMap, Method,
    header::{HeaderName, HeaderValue},
};
use serde_json::Value;

pub use access::{Access, Proof};
pub use tokens::{Ask, Given, Service, Wrong};

use super::{Refusal, Rules, Target, anthropic, shown};
use crate::{policy::Route, secret::Secret};

pub(super) use access::credential;

/// The one version of the body.
const VERSION: &str = "vertex-2023-10-16";

/// The name that stands in a model's place where tokens are only counted.
const COUNT: &str = "count-tokens";

/// A token of `anthropic-beta` that Claude Code sends with every call to Vertex, wanted or not. It is left out: the tool that it
/// is for is refused.
const LEFT_OUT: &str = "web-search-2025-03-05";

/// Judges where a request goes: see [`super::target`].
///
/// # Errors
/// Any other method, path or query, another project than the route's, a region or a model that is not listed, and any path
/// that could be read in two ways.
pub(super) fn target(method: &Method, path: &str, query: Option<&str>, rules: &Rules) -> Result<Target, Refusal> {
    let refused = |rule, what: String| {
        let known = "the gateway forwards only POST /vertex/v1/projects/PROJECT/locations/REGION/publishers/anthropic/models/MODEL:rawPredict, \
                     the same with :streamRawPredict, and count-tokens:rawPredict, without a query";
        Err(Refusal::new(rule, format!("{what}: {known}")))
    };
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:@".contains(&b)) || path.contains("//") || path.contains("..") {
        return refused("route/path", format!("the path `{}` has an encoding, `;`, `//`, `..` or an odd character", shown(path)));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let ["", "v1", "projects", project, "locations", region, "publishers", "anthropic", "models", call] = parts[..] else {
        return refused("route/path", format!("there is no way to /vertex{}", shown(path)));
    };
    let Some((model, verb @ ("rawPredict" | "streamRawPredict"))) = call.rsplit_once(':') else {
        return refused("route/path", format!("there is no call `{}`", shown(call)));
    };
    if model == COUNT && verb != "rawPredict" {
        return refused("route/path", format!("there is no call `{}`", shown(call)));
    }
    if *method != Method::POST {
        return refused("route/method", format!("{} is not allowed on /vertex{}", shown(method.as_str()), shown(path)));
    }
    if let Some(query) = query {
        return refused("route/query", format!("the query `{}` is not allowed", shown(query)));
    }
    match &rules.project {
        Some(own) if own == project => {}
        own => {
            let own = own.as_deref().unwrap_or("none");
            let why = format!("requests in the project `{}` are not allowed; the job's project is `{own}`", shown(project));
            return Err(Refusal::new("route/project", why));
        }
    }
    if !rules.regions.iter().any(|listed| listed == region) {
        let (region, listed) = (shown(region), rules.regions.join(", "));
        return Err(Refusal::new("route/region", format!("the policy does not list the region `{region}`; allowed: {listed}")));
    }
    if model != COUNT {
        anthropic::listed_model(model, &rules.models, 0)?;
    }
    Ok(Target { method: Method::POST, path: path.to_owned(), region: region.to_owned() })
}

/// The header fields that go on: those of the Claude API.
///
/// # Errors
/// As for the Claude API.
pub(super) fn headers(sent: &HeaderMap) -> Result<HeaderMap, Refusal> {
    let betas = HeaderName::from_static("anthropic-beta");
    let mut less = sent.clone();
    less.remove(&betas);
    for value in sent.get_all(&betas) {
        let odd = || Refusal::new("route/beta", "anthropic-beta has odd characters");
        let text = value.to_str().map_err(|_| odd())?;
        let kept: Vec<&str> = text.split(',').filter(|token| token.trim() != LEFT_OUT).collect();
        if !kept.is_empty() {
            less.append(betas.clone(), HeaderValue::from_str(&kept.join(",")).map_err(|_| odd())?);
        }
    }
    anthropic::headers(&less, false)
}

/// Judges the body of a call to `target` and returns the one that goes on.
///
/// # Errors
/// As for the Claude API; another version; a model besides the one in the path.
pub(super) fn body(sent: &[u8], target: &Target, rules: &Rules) -> Result<Vec<u8>, Refusal> {
    let value = anthropic::read(sent)?;
    anthropic::check(&value, &["anthropic_version", "anthropic_beta"], false)?;
    match value.get("anthropic_version") {
        Some(Value::String(version)) if version == VERSION => {}
        _ => return Err(Refusal::new("route/version", format!("the body must have `anthropic_version` with the value `{VERSION}`"))),
    }
    match value.get("anthropic_beta") {
        None => {}
        Some(Value::Array(tokens)) => tokens.iter().try_for_each(|token| anthropic::beta(token.as_str().unwrap_or_default(), false))?,
        Some(_) => return Err(Refusal::new("route/form", "`anthropic_beta` must be a list")),
    }
    if target.path.ends_with("/count-tokens:rawPredict") {
        anthropic::model(value.get("model"), &rules.models)?;
    } else if value.get("model").is_some() {
        return Err(Refusal::new("route/key", "the body has the key `model`, which is not allowed here: the model stands in the path"));
    }
    anthropic::write(&value)
}

/// The variables by which Claude Code comes here, its project the one of `access` (docs: "Claude Code on Google Vertex AI").
/// Without them it takes another provider, so none are set where the route has no project.
pub(super) fn variables(route: &Route, project: Option<&str>, base: &str, ticket: &Secret) -> Vec<(String, String)> {
    let (Some(project), Some(region)) = (project, route.regions.first()) else { return Vec::new() };
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        set("CLAUDE_CODE_USE_VERTEX", "1"),
        set("CLAUDE_CODE_SKIP_VERTEX_AUTH", "1"),
        set("ANTHROPIC_VERTEX_BASE_URL", &format!("{base}/v1")),
        set("ANTHROPIC_VERTEX_PROJECT_ID", project),
        set("CLOUD_ML_REGION", region),
        set("ANTHROPIC_AUTH_TOKEN", ticket.reveal()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            internet: false,
            models: vec!["claude-opus-*".into(), "claude-haiku-4-5@20251001".into()],
            regions: vec!["europe-west1".into(), "global".into()],
            project: Some("made-up-project".into()),
        }
    }

    fn path(region: &str, call: &str) -> String {
        format!("/v1/projects/made-up-project/locations/{region}/publishers/anthropic/models/{call}")
    }

    fn judge(method: &str, path: &str, query: Option<&str>) -> Result<Target, &'static str> {
        target(&method.parse().unwrap(), path, query, &rules()).map_err(|refusal| refusal.rule)
    }

    #[test]
    fn three_calls_go_through_in_the_listed_regions() {
        for (region, call) in [
            ("europe-west1", "claude-opus-4-8:rawPredict"),
            ("global", "claude-opus-4-8@20260101:streamRawPredict"),
            ("europe-west1", "claude-haiku-4-5@20251001:streamRawPredict"),
            ("global", "count-tokens:rawPredict"),
        ] {
            let path = path(region, call);
            let target = judge("POST", &path, None).unwrap();
            assert_eq!((target.path, target.region.as_str()), (path, region));
        }
    }

    #[test]
    fn nothing_else_goes_through() {
        let good = path("global", "claude-opus-4-8:rawPredict");
        for (method, path, query, rule) in [
            ("GET", good.clone(), None, "route/method"),
            ("POST", good.clone(), Some("alt=sse"), "route/query"),
            ("POST", good.clone(), Some(""), "route/query"),
            ("POST", good.replace("made-up-project", "made-up-other"), None, "route/project"),
            ("POST", path("us-east5", "claude-opus-4-8:rawPredict"), None, "route/region"),
            ("POST", path("", "claude-opus-4-8:rawPredict"), None, "route/path"),
            ("POST", path("global", "claude-sonnet-4-5:rawPredict"), None, "route/model"),
            ("POST", path("global", "claude-haiku-4-5@20990101:rawPredict"), None, "route/model"),
            ("POST", path("global", ":rawPredict"), None, "route/model"),
            ("POST", path("global", "claude-opus-4-8:predict"), None, "route/path"),
            ("POST", path("global", "claude-opus-4-8:serverStreamingPredict"), None, "route/path"),
            ("POST", path("global", "claude-opus-4-8"), None, "route/path"),
            ("POST", path("global", "count-tokens:streamRawPredict"), None, "route/path"),
            ("POST", good.replace("anthropic", "google"), None, "route/path"),
            ("POST", good.replace("/v1/", "/v1beta1/"), None, "route/path"),
            ("POST", good.replace("/models/", "/models/x/"), None, "route/path"),
            ("POST", good.replace("/v1/", "/v1/x/../"), None, "route/path"),
            ("POST", good.replace("/v1/", "//v1/"), None, "route/path"),
            ("POST", good.replace("opus", "%6fpus"), None, "route/path"),
            ("POST", format!("{good};x"), None, "route/path"),
            ("POST", "/v1/projects/made-up-project/locations/global/endpoints/1:rawPredict".into(), None, "route/path"),
            ("POST", "/v1/messages".into(), None, "route/path"),
            ("POST", String::new(), None, "route/path"),
        ] {
            assert_eq!(judge(method, &path, query), Err(rule), "{method} {path} {query:?}");
        }
        let without = Rules { project: None, ..rules() };
        assert_eq!(target(&Method::POST, &good, None, &without).unwrap_err().rule, "route/project");
    }

    fn says(call: &str, text: &str) -> Result<String, &'static str> {
        let target = Target { method: Method::POST, path: path("global", call), region: "global".into() };
        body(text.as_bytes(), &target, &rules()).map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|refusal| refusal.rule)
    }

    #[test]
    fn a_body_goes_on_as_it_was_checked() {
        let text = r#"{"anthropic_version":"vertex-2023-10-16","messages":[],"max_tokens":1,"anthropic_beta":["effort-2025-11-24"]}"#;
        assert_eq!(says("claude-opus-4-8:rawPredict", text).unwrap(), text);
        let count = r#"{"model":"claude-opus-4-8","messages":[],"anthropic_version":"vertex-2023-10-16"}"#;
        assert_eq!(says("count-tokens:rawPredict", count).unwrap(), count);
    }

    #[test]
    fn other_bodies_are_refused() {
        let call = "claude-opus-4-8:rawPredict";
        for (call, text, rule) in [
            (call, r#"{"messages":[]}"#, "route/version"),
            (call, r#"{"messages":[],"anthropic_version":"bedrock-2023-05-31"}"#, "route/version"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","anthropic_version":"x"}"#, "route/json"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","model":"claude-opus-4-8"}"#, "route/key"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","anthropic_beta":["web-search-2025-03-05"]}"#, "route/beta"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","anthropic_beta":[1]}"#, "route/beta"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","anthropic_beta":"effort-2025-11-24"}"#, "route/form"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","mcp_servers":[]}"#, "route/key"),
            (call, r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","tools":[{"type":"web_search_20250305"}]}"#, "route/tool"),
            ("count-tokens:rawPredict", r#"{"messages":[],"anthropic_version":"vertex-2023-10-16"}"#, "route/model"),
            (
                "count-tokens:rawPredict",
                r#"{"messages":[],"anthropic_version":"vertex-2023-10-16","model":"claude-sonnet-4-5"}"#,
                "route/model",
            ),
        ] {
            assert_eq!(says(call, text), Err(rule), "{text}");
        }
    }

    #[test]
    fn the_beta_of_a_tool_that_is_refused_stays_here() {
        let sent = |betas: &[&'static str]| {
            let mut map = HeaderMap::new();
            map.append("content-type", HeaderValue::from_static("application/json"));
            for value in betas {
                map.append("anthropic-beta", HeaderValue::from_static(value));
            }
            headers(&map).map(|kept| kept.get_all("anthropic-beta").iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            sent(&["claude-code-20250219, web-search-2025-03-05,effort-2025-11-24"]).unwrap(),
            ["claude-code-20250219,effort-2025-11-24"]
        );
        assert!(sent(&["web-search-2025-03-05"]).unwrap().is_empty());
        assert_eq!(sent(&["web-search-2025-03-05", "files-api-2025-04-14"]).unwrap_err().rule, "route/beta");
    }
}
