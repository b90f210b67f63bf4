//! OpenAI's API, and others that speak it, as the gateway lets them through: two calls, known headers, known bodies.

mod body;
mod lists;

use hyper::{HeaderMap, Method};

use super::{Credential, Lack, Refusal, Rules, SDK_HEADERS, Target, anthropic, shown};
use crate::secret::Secret;

/// The calls that there are, below the provider's base URL.
const RESPONSES: &str = "/v1/responses";
const CHAT: &str = "/v1/chat/completions";

/// Judges where a request goes: see [`super::target`].
///
/// # Errors
/// Any other method, path or query.
pub(super) fn target(method: &Method, path: &str, query: Option<&str>) -> Result<Target, Refusal> {
    let refused = |rule, what: String| {
        let known = "the gateway forwards only POST /openai/v1/responses and POST /openai/v1/chat/completions, without a query";
        Err(Refusal::new(rule, format!("{what}: {known}")))
    };
    if ![RESPONSES, CHAT].contains(&path) {
        return refused("route/path", format!("there is no way to /openai{}", shown(path)));
    }
    if *method != Method::POST {
        return refused("route/method", format!("{} is not allowed on /openai{path}", shown(method.as_str())));
    }
    match query {
        None => Ok(Target { method: Method::POST, path: path.to_owned(), region: String::new() }),
        Some(query) => refused("route/query", format!("the query `{}` is not allowed", shown(query))),
    }
}

/// The header fields that go on, credential and length not among them.
///
/// # Errors
/// When a body that is not plain JSON is announced.
pub(super) fn headers(sent: &HeaderMap) -> Result<HeaderMap, Refusal> {
    anthropic::announced(sent)?;
    let known = |name: &str| lists::HEADERS.contains(&name) || name.starts_with(SDK_HEADERS);
    Ok(sent.iter().filter(|(name, _)| known(name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Judges the body of a request to `target` and returns the one that goes on.
///
/// # Errors
/// Whatever is not JSON of one meaning, or has a key, tool, item, source or model that is not listed; `store`.
pub(super) fn body(sent: &[u8], target: &Target, rules: &Rules) -> Result<Vec<u8>, Refusal> {
    if target.path == CHAT { body::chat(sent, &rules.models) } else { body::responses(sent, &rules.models) }
}

/// The variables that OpenAI's own SDKs and Codex read.
pub(super) fn variables(base: &str, ticket: &Secret) -> Vec<(String, String)> {
    vec![("OPENAI_BASE_URL".into(), format!("{base}/v1")), ("OPENAI_API_KEY".into(), ticket.reveal().to_owned())]
}

/// The job's `OPENAI_API_KEY`.
///
/// # Errors
/// When it is not set.
pub(super) fn credential(variable: impl Fn(&str) -> Option<String>) -> Result<Credential, Lack> {
    let key = variable("OPENAI_API_KEY").map(|key| Credential::Bearer(Secret::new(key)));
    key.ok_or_else(|| Lack::Absent("OPENAI_API_KEY is not set: store it as a masked CI/CD variable".to_owned()))
}
