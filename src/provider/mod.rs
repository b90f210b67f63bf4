//! Far ends that the gateway speaks for: what may be asked of each, and how it takes its credential.
//!
//! Everything here decides on values; the gateway sends.

pub mod anthropic;
pub mod bedrock;
mod form;
pub mod json;
mod openai;
pub mod registry;
pub mod usage;
pub mod vertex;

use hyper::{
    HeaderMap, Method, StatusCode,
    header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue},
};
use serde::{Deserialize, Serialize};

use crate::{
    policy::{Provider, Route},
    secret::Secret,
};

/// Begins the names of fields in which SDKs of several providers describe themselves; they go on.
const SDK_HEADERS: &str = "x-stainless-";

/// Why a request does not go on, in words that a model can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that decided, `area/name`.
    pub rule: &'static str,
    /// What was asked, why it is refused and what to do instead. One sentence or two, no secret in it.
    pub reason: String,
}

impl Refusal {
    /// Refuses by `rule`.
    pub fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// What the policy says to every request of a route.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Exact names, or a prefix with a final `*`.
    pub models: Vec<String>,
    /// Where requests may go, for providers that have regions.
    pub regions: Vec<String>,
    /// Whether the provider may reach out for the agent: fetch, search, run code, speak with other services.
    pub internet: bool,
    /// The project that requests are made in, for providers that have them.
    pub project: Option<String>,
}

/// Where a request goes that passed as far as its target goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The method.
    pub method: Method,
    /// Path and query below the route's base URL, as they are sent.
    pub path: String,
    /// The region that the path names or that was chosen for it; empty for providers that have none.
    pub region: String,
}

/// Judges where a request to `provider` goes. `path` and `query` are as they were sent, without `/` and the provider's name at
/// their beginning.
///
/// # Errors
/// Whatever the provider's rules do not list, and any path that could be read in two ways.
pub fn target(provider: Provider, method: &Method, path: &str, query: Option<&str>, rules: &Rules) -> Result<Target, Refusal> {
    match provider {
        Provider::Anthropic => anthropic::target(method, path, query),
        Provider::OpenAi => openai::target(method, path, query),
        Provider::Bedrock => bedrock::target(method, path, query, rules),
        Provider::Vertex => vertex::target(method, path, query, rules),
    }
}

/// The header fields that go on to `provider`, credential and length not among them.
///
/// # Errors
/// What the provider's rules refuse.
pub fn headers(provider: Provider, sent: &HeaderMap, rules: &Rules) -> Result<HeaderMap, Refusal> {
    match provider {
        Provider::Anthropic => anthropic::headers(sent, rules.internet),
        Provider::OpenAi => openai::headers(sent),
        Provider::Bedrock => bedrock::headers(sent),
        Provider::Vertex => vertex::headers(sent),
    }
}

/// Judges the body of a request to `provider` and returns the one that goes on: the value that was checked.
///
/// # Errors
/// What the provider's rules refuse.
pub fn body(provider: Provider, sent: &[u8], target: &Target, rules: &Rules) -> Result<Vec<u8>, Refusal> {
    match provider {
        Provider::Anthropic => anthropic::body(sent, &rules.models, rules.internet),
        Provider::OpenAi => openai::body(sent, target, rules),
        Provider::Bedrock => bedrock::body(sent, target),
        Provider::Vertex => vertex::body(sent, target, rules),
    }
}

/// Judges whether an answer of `provider`, by its status and header fields, may go to the agent as it is.
///
/// # Errors
/// What would tell of the credential.
pub fn answer(provider: Provider, status: StatusCode, headers: &HeaderMap) -> Result<(), Refusal> {
    match provider {
        Provider::Anthropic | Provider::OpenAi | Provider::Vertex => Ok(()),
        Provider::Bedrock => bedrock::answer(status, headers),
    }
}

/// What a request to `target` with the `checked` body will be billed for; none where nothing is: tokens are counted for nothing
/// (platform.claude.com/docs/en/build-with-claude/token-counting, "Pricing and rate limits").
pub fn asked(target: &Target, checked: &[u8]) -> Option<usage::Asked> {
    let call = target.path.rsplit('/').next().unwrap_or_default();
    let free = target.method != Method::POST || ["count_tokens", "count-tokens"].iter().any(|name| call.starts_with(name));
    (!free).then(|| usage::Asked::new(&target.path, checked))
}

/// Bytes of a body that are read at most: the Messages API's own bound (32 MB).
pub const MAX_BODY: usize = 32 << 20;

/// The variables that tell programs where the provider of `route` is: a base URL below `gateway` (`http://127.0.0.1:PORT`),
/// and the ticket where its clients have their key. `credential` is the route's, where there is one.
pub fn variables(route: &Route, credential: Option<&Credential>, gateway: &str, ticket: &Secret) -> Vec<(String, String)> {
    let base = format!("{gateway}/{}", route.provider.name());
    match route.provider {
        Provider::Anthropic => vec![("ANTHROPIC_BASE_URL".into(), base), ("ANTHROPIC_AUTH_TOKEN".into(), ticket.reveal().to_owned())],
        Provider::Vertex => vertex::variables(route, credential.and_then(Credential::project), &base, ticket),
        Provider::OpenAi => openai::variables(&base, ticket),
        Provider::Bedrock => bedrock::variables(route, &base, ticket),
    }
}

/// What proves to a provider who pays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// An API key, sent as `x-api-key`.
    ApiKey(Secret),
    /// An access token, sent as `Authorization: Bearer`.
    Bearer(Secret),
    /// What requests to AWS are signed with.
    Aws(bedrock::Identity),
    /// What Google gives access tokens for, which are sent as `Authorization: Bearer`.
    Google(vertex::Access),
}

/// Why a job's variables hold no credential for a route, in words that name the variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// None of its variables is set.
    #[error("{0}")]
    Absent(String),
    /// Some are, and they do not make one.
    #[error("{0}")]
    Wrong(String),
}

/// The credential for `route` among a job's variables: for the Claude API `ANTHROPIC_API_KEY`, else `ANTHROPIC_AUTH_TOKEN`; for
/// Bedrock see [`bedrock`], for Vertex [`vertex`]. `variable` gives the value of one that is set and not empty, and the content of
/// one that names a file.
///
/// # Errors
/// What is missing or wrong.
pub fn credential(route: &Route, variable: impl Fn(&str) -> Option<String>) -> Result<Credential, Lack> {
    match route.provider {
        Provider::Anthropic => {
            let key = variable("ANTHROPIC_API_KEY").map(|key| Credential::ApiKey(Secret::new(key)));
            let found = key.or_else(|| variable("ANTHROPIC_AUTH_TOKEN").map(|token| Credential::Bearer(Secret::new(token))));
            found.ok_or_else(|| Lack::Absent("ANTHROPIC_API_KEY is not set: store it as a masked CI/CD variable".to_owned()))
        }
        Provider::OpenAi => openai::credential(variable),
        Provider::Bedrock => bedrock::credential(variable),
        Provider::Vertex => vertex::credential(route, variable).map(Credential::Google),
    }
}

impl Credential {
    /// The project that it is for, where its provider has projects.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Google(access) => Some(&access.project),
            Self::ApiKey(_) | Self::Bearer(_) | Self::Aws(_) => None,
        }
    }
}

/// The header that carries an API key, marked sensitive so that no log prints it.
///
/// # Errors
/// When it has characters that no header can carry, such as a line end.
pub fn key_header(key: &Secret) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    header(HeaderName::from_static("x-api-key"), key.reveal())
}

/// The header that carries an access token.
///
/// # Errors
/// As for [`key_header`].
pub fn bearer_header(token: &Secret) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    header(AUTHORIZATION, &format!("Bearer {}", token.reveal()))
}

/// The header that a route names for its credential, which is sent as it is.
///
/// # Errors
/// As for [`key_header`], and when `name` is none of a header.
pub fn own_header(name: &str, secret: &Secret) -> Result<(HeaderName, HeaderValue), hyper::http::Error> {
    Ok(header(HeaderName::from_bytes(name.as_bytes())?, secret.reveal())?)
}

fn header(name: HeaderName, text: &str) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Shows text of the agent's choosing in a message: at most 80 characters, control and non-ASCII ones escaped.
pub fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_credential_has_its_header() {
        let (name, value) = key_header(&Secret::new("made-up-key")).unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-api-key", "made-up-key"));
        let (name, value) = bearer_header(&Secret::new("made-up-token")).unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("authorization", "Bearer made-up-token"));
        assert!(value.is_sensitive());
    }

    #[test]
    fn a_credential_with_a_line_end_is_refused() {
        assert!(key_header(&Secret::new("made-up\r\nhost: x")).is_err());
    }
}
