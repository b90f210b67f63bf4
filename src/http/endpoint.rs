//! Base URLs of far ends that get a credential.

use std::{fmt, net::IpAddr};

use crate::host::{Host, HostPort, NotAHost};

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain; only where the caller allows it.
    Http,
    /// TLS.
    Https,
}

/// `scheme://host[:port][/path]`: no user, no query, no fragment, no trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The scheme.
    pub scheme: Scheme,
    /// Host and port.
    pub address: HostPort,
    /// Empty, or begins with `/` and does not end with one.
    pub path: String,
}

/// Text that is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum NotAnEndpoint {
    /// Another scheme, or none.
    #[error("`{0}` does not begin with https:// (or http:// to a loopback address)")]
    Scheme(String),
    /// A credential, query, fragment or odd character.
    #[error("`{0}` must be scheme://host[:port][/path] in plain characters, without user, query, fragment, `..` or percent signs")]
    Form(String),
    /// Not a host.
    #[error(transparent)]
    Host(#[from] NotAHost),
    /// Plain HTTP to a host that is not loopback.
    #[error("`{0}` would send a credential in plain text; plain http is only for loopback addresses")]
    Plain(String),
}

impl Endpoint {
    /// Parses an endpoint that gets a credential: plain HTTP is only for loopback addresses.
    ///
    /// # Errors
    /// Any [`NotAnEndpoint`].
    pub fn parse(text: &str) -> Result<Self, NotAnEndpoint> {
        let endpoint = Self::parse_any(text)?;
        match (&endpoint.scheme, &endpoint.address.host) {
            (Scheme::Http, Host::Address(address)) if address.is_loopback() => Ok(endpoint),
            (Scheme::Http, _) => Err(NotAnEndpoint::Plain(text.to_owned())),
            (Scheme::Https, _) => Ok(endpoint),
        }
    }

    /// Parses an endpoint, plain HTTP included: for a self-managed GitLab without TLS.
    ///
    /// # Errors
    /// Any [`NotAnEndpoint`] but `Plain`.
    pub fn parse_any(text: &str) -> Result<Self, NotAnEndpoint> {
        let (scheme, rest, default) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest, 443)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest, 80)
        } else {
            return Err(NotAnEndpoint::Scheme(text.chars().take(80).collect()));
        };
        let rest = rest.trim_end_matches('/');
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:[]".contains(&b);
        if !rest.bytes().all(plain) || path.split('/').any(|name| name == "..") || path.contains("//") {
            return Err(NotAnEndpoint::Form(text.chars().take(80).collect()));
        }
        let with_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let address = if with_port { authority.parse()? } else { HostPort { host: authority.parse()?, port: default } };
        Ok(Self { scheme, address, path: path.to_owned() })
    }

    /// The value of the `Host` header: without the scheme's default port.
    pub fn host_header(&self) -> String {
        match (self.scheme, self.address.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => self.address.host.to_string(),
            _ => self.address.to_string(),
        }
    }

    /// The name for TLS, or the address.
    pub fn server_name(&self) -> String {
        match &self.address.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => address.to_string(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.host_header(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_come_back_as_they_were() {
        for text in ["https://api.example", "https://git.example:8443/gitlab", "http://127.0.0.1:8080", "https://[::1]:8443"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_could_mislead_is_refused() {
        for text in [
            "",
            "ftp://a.example",
            "http://far.example",
            "https://u:p@a.example",
            "https://a.example/?q",
            "https://a.example/#f",
            "https://a.example/../b",
            "https://a.example:99999",
            "https://127.1",
            "https://",
            "https://a.example//b",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
