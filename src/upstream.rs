//! The organisation's own proxy, through which every far end is reached: where it is, and for whom it stands between.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    host::{Host, HostPort},
    secret::Secret,
};

/// Bytes of a credential: a request's head is still a short one with it.
const LONGEST_CREDENTIAL: usize = 1024;

/// The proxy, with its credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proxy {
    address: HostPort,
    credential: Option<Secret>,
    direct: Vec<Exempt>,
    resolves: bool,
}

/// Hosts that are reached without the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// Exactly that.
    Host(Host),
    /// `*.name`: every name below, at any depth, and not the name itself.
    Below(Host),
}

/// How a far end is reached through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// The proxy is told an address that we resolved.
    Resolved,
    /// The proxy is told the name and resolves it: which address that is nobody checks but the proxy.
    Delegated,
}

/// Text that is no `user:password`.
#[derive(Debug, thiserror::Error)]
#[error(
    "must hold user:password, at most {LONGEST_CREDENTIAL} bytes and no control characters; the user is not empty and has no colon in it (RFC 7617)"
)]
pub struct NotACredential;

impl Proxy {
    /// The proxy at `address`, which asks for no credential, for all hosts but those that are `direct`; `resolves` says that it
    /// alone resolves names.
    pub fn open(address: HostPort, direct: Vec<Exempt>, resolves: bool) -> Self {
        Self { address, credential: None, direct, resolves }
    }

    /// The same proxy with a credential.
    ///
    /// # Errors
    /// When it is no `user:password`.
    pub fn with_credential(self, credential: Secret) -> Result<Self, NotACredential> {
        let text = credential.reveal();
        let has_user = text.split_once(':').is_some_and(|(user, _)| !user.is_empty());
        if has_user && text.len() <= LONGEST_CREDENTIAL && !text.chars().any(char::is_control) {
            Ok(Self { credential: Some(credential), ..self })
        } else {
            Err(NotACredential)
        }
    }

    /// `user:password`, where it asks for them.
    pub fn credential(&self) -> Option<&Secret> {
        self.credential.as_ref()
    }

    /// Where it is.
    pub fn address(&self) -> &HostPort {
        &self.address
    }

    /// The same apart.
    pub fn user(&self) -> Option<(&str, Secret)> {
        let (user, password) = self.credential.as_ref()?.reveal().split_once(':')?;
        Some((user, Secret::new(password)))
    }

    /// How `host` is reached through it; none where it is reached without: a host of `no_proxy`, or this machine itself.
    pub fn passage(&self, host: &Host) -> Option<Passage> {
        if host.is_loopback() || self.direct.iter().any(|exempt| exempt.covers(host)) {
            return None;
        }
        let named = self.resolves && matches!(host, Host::Name(_));
        Some(if named { Passage::Delegated } else { Passage::Resolved })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.address)
    }
}

impl Exempt {
    /// Whether `host` is reached without the proxy.
    pub fn covers(&self, host: &Host) -> bool {
        match self {
            Self::Host(own) => own == host,
            Self::Below(above) => host.is_below(above),
        }
    }
}

impl FromStr for Exempt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = |text: &str| text.parse::<Host>().map_err(|error| error.to_string());
        let below = text.strip_prefix("*.");
        match below.unwrap_or(text) {
            "" | "*" => Err("stands for every host: leave network.upstream out instead".to_owned()),
            rest if rest.contains('*') => {
                Err("has a `*` that does not stand alone before the first dot; write `*.name.example`".to_owned())
            }
            rest if rest.starts_with('.') => Err(format!(
                "begins with a dot, which programs read differently; write `*{rest}` for all below and `{}` for itself",
                &rest[1..]
            )),
            rest if rest.contains('/') => Err("is a range of addresses or a URL; write single addresses and names".to_owned()),
            rest => match (below, parsed(rest)?) {
                (None, host) => Ok(Self::Host(host)),
                (Some(_), host @ Host::Name(_)) => Ok(Self::Below(host)),
                (Some(_), Host::Address(_)) => Err("has an address behind `*.`, below which there is nothing".to_owned()),
            },
        }
    }
}

impl fmt::Display for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Below(host) => write!(f, "*.{host}"),
        }
    }
}

impl Serialize for Exempt {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exempt {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    fn proxy(direct: &[&str], resolves: bool) -> Proxy {
        Proxy::open("proxy.example:3128".parse().unwrap(), direct.iter().map(|text| text.parse().unwrap()).collect(), resolves)
    }

    #[test]
    fn what_is_exempt_and_what_is_here_goes_without_it() {
        let proxy = proxy(&["git.example", "*.inner.example", "*.corp", "192.0.2.7", "[2001:db8::1]"], false);
        for direct in [
            "git.example",
            "a.inner.example",
            "a.b.inner.example",
            "x.corp",
            "192.0.2.7",
            "::ffff:192.0.2.7",
            "2001:db8::1",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "localhost",
            "a.localhost",
        ] {
            assert_eq!(proxy.passage(&host(direct)), None, "{direct}");
        }
        for other in ["a.git.example", "inner.example", "xinner.example", "corp", "192.0.2.8", "notlocalhost", "localhost.example"] {
            assert_eq!(proxy.passage(&host(other)), Some(Passage::Resolved), "{other}");
        }
    }

    #[test]
    fn names_are_delegated_only_where_the_proxy_alone_resolves_them() {
        let proxy = proxy(&["git.example"], true);
        assert_eq!(proxy.passage(&host("api.example")), Some(Passage::Delegated));
        assert_eq!(proxy.passage(&host("192.0.2.7")), Some(Passage::Resolved));
        assert_eq!(proxy.passage(&host("git.example")), None);
    }

    #[test]
    fn spellings_that_programs_read_differently_are_refused() {
        for text in [
            "",
            "*",
            "*.",
            ".sub.example",
            "*..sub.example",
            "a.*.example",
            "*sub.example",
            "**.sub.example",
            "10.0.0.0/8",
            "git.example:443",
            "*.192.0.2.7",
            "*.[::1]",
            "http://git.example",
            "192.0.2",
            "git.example, other.example",
        ] {
            assert!(text.parse::<Exempt>().is_err(), "{text:?}");
        }
        assert!(".sub.example".parse::<Exempt>().unwrap_err().contains("`*.sub.example` for all below and `sub.example` for itself"));
        assert_eq!("*.Sub.Example.".parse::<Exempt>().unwrap().to_string(), "*.sub.example");
    }

    #[test]
    fn a_credential_is_a_user_and_a_password() {
        let made = |text: &str| proxy(&[], false).with_credential(Secret::new(text));
        let (user, password) =
            made("made-up:pass:word ü").map(|proxy| proxy.user().map(|(user, p)| (user.to_owned(), p)).unwrap()).unwrap();
        assert!(user == "made-up" && password.matches("pass:word ü".as_bytes()));
        for text in ["", "made-up", ":password", "made-up:pass\nword", "made-up:pass\0", &format!("u:{}", "x".repeat(1023))] {
            assert!(made(text).is_err(), "{text:?}");
        }
        assert!(!format!("{:?}", made("made-up:password")).contains("password"));
    }
}
