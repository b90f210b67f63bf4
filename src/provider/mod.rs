//! Far ends that the gateway speaks for: what may be asked of each, and how it takes its credential.
//!
//! Everything here decides on values; the gateway sends.

pub mod anthropic;
pub mod json;

use hyper::{
    HeaderMap, Method,
    header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue},
};
use serde::{Deserialize, Serialize};

use crate::{policy::Provider, secret::Secret};

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
pub fn target(provider: Provider, method: &Method, path: &str, query: Option<&str>, _rules: &Rules) -> Result<Target, Refusal> {
    match provider {
        Provider::Anthropic => anthropic::target(method, path, query),
    }
}

/// The header fields that go on to `provider`, credential and length not among them.
///
/// # Errors
/// What the provider's rules refuse.
pub fn headers(provider: Provider, sent: &HeaderMap) -> Result<HeaderMap, Refusal> {
    match provider {
        Provider::Anthropic => anthropic::headers(sent),
    }
}

/// Judges the body of a request to `provider` and returns the one that goes on: the value that was checked.
///
/// # Errors
/// What the provider's rules refuse.
pub fn body(provider: Provider, sent: &[u8], _target: &Target, rules: &Rules) -> Result<Vec<u8>, Refusal> {
    match provider {
        Provider::Anthropic => anthropic::body(sent, &rules.models),
    }
}

/// Bytes of a body that are read at most: the Messages API's own bound (32 MB).
pub const MAX_BODY: usize = 32 << 20;

/// The variables that tell programs where `provider` is: a base URL below `gateway` (`http://127.0.0.1:PORT`), and the ticket
/// where its clients have their key.
pub fn variables(provider: Provider, gateway: &str, ticket: &Secret) -> Vec<(String, String)> {
    let base = format!("{gateway}/{}", provider.name());
    match provider {
        Provider::Anthropic => vec![("ANTHROPIC_BASE_URL".into(), base), ("ANTHROPIC_AUTH_TOKEN".into(), ticket.reveal().to_owned())],
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
}

/// The credential for `provider` among a job's variables: `ANTHROPIC_API_KEY`, else `ANTHROPIC_AUTH_TOKEN`. `variable` gives
/// the value of one that is set and not empty.
pub fn credential(provider: Provider, variable: impl Fn(&str) -> Option<String>) -> Option<Credential> {
    match provider {
        Provider::Anthropic => {
            let key = variable("ANTHROPIC_API_KEY").map(|key| Credential::ApiKey(Secret::new(key)));
            key.or_else(|| variable("ANTHROPIC_AUTH_TOKEN").map(|token| Credential::Bearer(Secret::new(token))))
        }
    }
}

impl Credential {
    /// The header that carries it, marked sensitive so that no log prints it.
    ///
    /// # Errors
    /// When the value has characters that no header can carry, such as a line end.
    pub fn header(&self) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
        let (name, text) = match self {
            Self::ApiKey(key) => (HeaderName::from_static("x-api-key"), key.reveal().to_owned()),
            Self::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.reveal())),
        };
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        Ok((name, value))
    }
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
        let (name, value) = Credential::ApiKey(Secret::new("made-up-key")).header().unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-api-key", "made-up-key"));
        let (name, value) = Credential::Bearer(Secret::new("made-up-token")).header().unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("authorization", "Bearer made-up-token"));
        assert!(value.is_sensitive());
    }

    #[test]
    fn a_credential_with_a_line_end_is_refused() {
        assert!(Credential::ApiKey(Secret::new("made-up\r\nhost: x")).header().is_err());
    }
}
