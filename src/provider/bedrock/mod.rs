//! Claude on AWS Bedrock as the gateway lets it through: three calls of one region at a time, bodies of the Messages API.
//!
//! Below the gateway a path is `/REGION/model/ID/CALL`; what follows the region is Bedrock's own. The list of inference profiles,
//! which Claude Code asks for when it starts, is another host's, tells of the account, and is not needed: it goes on without.

mod keys;
mod lists;
mod model;
pub mod role;
pub mod sign;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

pub use keys::{Identity, Keys, Role};

use super::{Refusal, Rules, Target, anthropic, shown};
use crate::{
    policy::{Route, is_aws_region as is_region},
    secret::Secret,
};

pub(super) use keys::credential;

/// Judges where a request goes: see [`super::target`].
///
/// # Errors
/// Any other method, path or query, a region or a model that is not listed, and any path that could be read in two ways.
pub(super) fn target(method: &Method, path: &str, query: Option<&str>, rules: &Rules) -> Result<Target, Refusal> {
    let refused = |rule, what: String| {
        let known = "the gateway forwards only POST /bedrock/REGION/model/ID/ and one of invoke, invoke-with-response-stream, count-tokens";
        Err(Refusal::new(rule, format!("{what}: {known}, without a query")))
    };
    let parts: Vec<&str> = path.split('/').collect();
    let ["", region, "model", id, call] = parts[..] else {
        return refused("route/path", format!("there is no way to /bedrock{}", shown(path)));
    };
    if !lists::CALLS.contains(&call) {
        return refused("route/path", format!("there is no way to /bedrock{}", shown(path)));
    }
    if *method != Method::POST {
        return refused("route/method", format!("{} is not allowed there", shown(method.as_str())));
    }
    if let Some(query) = query {
        return refused("route/query", format!("the query `{}` is not allowed", shown(query)));
    }
    let asked: Vec<&str> = rules.regions.iter().map(String::as_str).filter(|region| is_region(region)).collect();
    if !asked.contains(&region) {
        let listed = asked.join(", ");
        let why = format!("the policy does not list the region `{}` (network.route.regions); allowed: {listed}", shown(region));
        return Err(Refusal::new("route/region", why));
    }
    let model = model::Model::judge(id, region, &rules.models, &rules.regions)?;
    Ok(Target { method: Method::POST, path: format!("/model/{}/{call}", model.encoded()), region: region.to_owned() })
}

/// The header fields that go on: see [`super::headers`].
///
/// # Errors
/// As for the Claude API.
pub(super) fn headers(sent: &HeaderMap) -> Result<HeaderMap, Refusal> {
    let kept = anthropic::headers(sent, false)?;
    Ok(kept.iter().filter(|(name, _)| lists::HEADERS.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Judges the body of a request to `target`: see [`super::body`].
///
/// # Errors
/// As for the Claude API.
pub(super) fn body(sent: &[u8], target: &Target) -> Result<Vec<u8>, Refusal> {
    if target.path.rsplit('/').next() == Some(lists::COUNT) { counted(sent) } else { messages(sent) }
}

/// A body of the Messages API, without what the path says, and with what a header says elsewhere.
fn messages(sent: &[u8]) -> Result<Vec<u8>, Refusal> {
    let value = anthropic::read(sent)?;
    anthropic::check(&value, &["anthropic_version", "anthropic_beta"], false)?;
    if let Some(key) = lists::IN_PATH.iter().find(|key| value.get(**key).is_some()) {
        return Err(Refusal::new("route/key", format!("the body has the key `{key}`, which is not allowed here: the path says it")));
    }
    if value.get("anthropic_version").and_then(Value::as_str) != Some(lists::VERSION) {
        let why = format!("the body must have `anthropic_version` with the value `{}`", lists::VERSION);
        return Err(Refusal::new("route/version", why));
    }
    let odd = || Refusal::new("route/form", "`anthropic_beta` must be a list of strings");
    let betas = value.get("anthropic_beta").map_or(Ok(&[][..]), |betas| betas.as_array().map(Vec::as_slice).ok_or_else(odd))?;
    betas.iter().try_for_each(|token| token.as_str().ok_or_else(odd).and_then(|token| anthropic::beta(token, false)))?;
    anthropic::write(&value)
}

/// `{"input": {"invokeModel": {"body": BASE64}}}`, with the body of the call that is to be counted.
fn counted(sent: &[u8]) -> Result<Vec<u8>, Refusal> {
    let form = || Refusal::new("route/form", "the body must be {\"input\": {\"invokeModel\": {\"body\": …}}} with a body in base64");
    let value = anthropic::read(sent)?;
    let inner = ["input", "invokeModel", "body"].iter().try_fold(&value, |value, key| alone(value, key)).ok_or_else(form)?;
    let inner = inner.as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or_else(form)?;
    let checked = STANDARD.encode(messages(&inner)?);
    anthropic::write(&json!({ "input": { "invokeModel": { "body": checked } } }))
}

/// The value of `key` in an object that has no other.
fn alone<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.as_object().filter(|object| object.len() == 1)?.get(key)
}

/// Judges an answer by its status and headers: what Bedrock says of a credential can show whose it is, or what was signed with it
/// (an invalid signature is answered with the text that should have been signed, session token included).
///
/// # Errors
/// In words of our own, where the answer is an error of that kind or of none that is known.
pub(super) fn answer(status: StatusCode, headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = kind(headers);
    // Where much is asked, and where the service is ill, nobody looks at credentials.
    let harmless = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if !status.is_client_error() || harmless || lists::TOLD.contains(&kind) {
        return Ok(());
    }
    let known = lists::REFUSALS.iter().find(|(name, _)| *name == kind);
    let why = known.map_or_else(|| "the reason is kept from the agent".to_owned(), |(name, meaning)| format!("{name}: {meaning}"));
    Err(Refusal::new("credential/refused", format!("Bedrock did not take the job's credential ({}, {why})", status.as_u16())))
}

/// Whether an answer says that the session of the keys which signed the request is over, and nothing else.
pub fn has_expired(status: StatusCode, headers: &HeaderMap) -> bool {
    status.is_client_error() && kind(headers) == lists::EXPIRED
}

/// The name of an error.
fn kind(headers: &HeaderMap) -> &str {
    let kind = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // It may have a namespace before or after it (smithy.io, restJson1, "Operation error serialization").
    kind.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default()
}

/// What tells programs where Bedrock is: see [`super::variables`]. With `CLAUDE_CODE_SKIP_BEDROCK_AUTH` Claude Code would leave the
/// ticket out of what it sends by AWS' own client (counting tokens), so the ticket stands where a Bedrock API key does.
pub(super) fn variables(route: &Route, base: &str, ticket: &Secret) -> Vec<(String, String)> {
    let region = route.regions.first().map_or("", String::as_str);
    let base = format!("{base}/{region}");
    let pairs = [
        ("CLAUDE_CODE_USE_BEDROCK", "1"),
        ("ANTHROPIC_BEDROCK_BASE_URL", &base),
        // For AWS' own programs and libraries (docs.aws.amazon.com/sdkref, "Service-specific endpoints").
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", &base),
        ("AWS_BEARER_TOKEN_BEDROCK", ticket.reveal()),
        ("AWS_REGION", region),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(method: &str, path: &str, query: Option<&str>) -> Result<Target, &'static str> {
        let rules = Rules {
            internet: false,
            models: vec!["eu.anthropic.claude-*".to_owned()],
            regions: ["eu-central-1", "eu-west-1", "eu"].map(str::to_owned).to_vec(),
            project: None,
        };
        target(&method.parse().unwrap(), path, query, &rules).map_err(|refusal| refusal.rule)
    }

    #[test]
    fn three_calls_go_through_and_nothing_else() {
        for call in ["invoke", "invoke-with-response-stream", "count-tokens"] {
            let judged = judge("POST", &format!("/eu-west-1/model/eu.anthropic.claude-a-v1:0/{call}"), None).unwrap();
            assert_eq!((judged.path, judged.region.as_str()), (format!("/model/eu.anthropic.claude-a-v1%3A0/{call}"), "eu-west-1"));
        }
        let good = "/eu-central-1/model/eu.anthropic.claude-a/invoke";
        for (method, path, query, rule) in [
            ("GET", good, None, "route/method"),
            ("post", good, None, "route/method"),
            ("POST", good, Some(""), "route/query"),
            ("POST", good, Some("X-Amz-Signature=made-up"), "route/query"),
            ("GET", "/eu-central-1/inference-profiles", Some("type=SYSTEM_DEFINED"), "route/path"),
            ("POST", "/eu-central-1/model/eu.anthropic.claude-a/converse", None, "route/path"),
            ("POST", "/eu-central-1/model/eu.anthropic.claude-a/invoke/", None, "route/path"),
            ("POST", "/eu-central-1/model/eu.anthropic.claude-a/%69nvoke", None, "route/path"),
            ("POST", "/eu-central-1//model/eu.anthropic.claude-a/invoke", None, "route/path"),
            ("POST", "/eu-central-1/x/../model/eu.anthropic.claude-a/invoke", None, "route/path"),
            ("POST", "/eu-central-1/async-invoke", None, "route/path"),
            ("POST", "/model/eu.anthropic.claude-a/invoke", None, "route/path"),
            ("POST", "/us-east-1/model/eu.anthropic.claude-a/invoke", None, "route/region"),
            ("POST", "//model/eu.anthropic.claude-a/invoke", None, "route/region"),
            ("POST", "/eu/model/eu.anthropic.claude-a/invoke", None, "route/region"),
            ("POST", "/EU-CENTRAL-1/model/eu.anthropic.claude-a/invoke", None, "route/region"),
            ("POST", "/eu%2Dcentral-1/model/eu.anthropic.claude-a/invoke", None, "route/region"),
            ("POST", "/eu-central-1/model/us.anthropic.claude-a/invoke", None, "route/model"),
            ("POST", "/eu-central-1/model//invoke", None, "route/model"),
            ("POST", "/eu-central-1/model/%2e%2e/invoke", None, "route/model"),
        ] {
            assert_eq!(judge(method, path, query).unwrap_err(), rule, "{method} {path} {query:?}");
        }
    }

    #[test]
    fn only_errors_that_say_nothing_of_the_credential_are_told() {
        let told = |status: u16, kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-amzn-errortype", kind.parse().unwrap());
            answer(StatusCode::from_u16(status).unwrap(), &headers)
        };
        for (status, kind) in [
            (200, ""),
            (400, "ValidationException"),
            (400, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"),
            (400, "com.amazon.bedrock#ValidationException"),
            (404, "ResourceNotFoundException"),
            (429, "ThrottlingException"),
            (429, ""),
            (503, ""),
        ] {
            assert!(told(status, kind).is_ok(), "{status} {kind}");
        }
        for (status, kind) in
            [(403, "AccessDeniedException"), (403, "InvalidSignatureException"), (400, ""), (400, "Made<Up>"), (401, ""), (404, "")]
        {
            let refusal = told(status, kind).unwrap_err();
            assert!(refusal.rule == "credential/refused" && !refusal.reason.contains('<'), "{refusal:?}");
        }
    }
}
