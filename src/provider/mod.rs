//! Far ends that the gateway speaks for: what may be asked of each, and how it takes its credential.
//!
//! Everything here decides on values; the gateway sends.

pub mod anthropic;
pub mod json;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
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
