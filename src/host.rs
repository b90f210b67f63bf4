//! Host names in one canonical form: canonicalise once, then match and dial the same value.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::address;

/// A DNS host name (RFC 1123 section 2.1) in lower case without a trailing dot, or an IP address in its one canonical
/// spelling. Spellings that a resolver might read in another way (`127.1`, `0x7f.1`, percent signs, NUL, non-ASCII)
/// are refused, never guessed at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A name.
    Name(String),
    /// An address; IPv4-mapped IPv6 addresses become IPv4.
    Address(IpAddr),
}

/// Text that is no host in canonical reach.
#[derive(Debug, thiserror::Error)]
pub enum NotAHost {
    /// Empty, or longer than the 253 characters of RFC 1035.
    #[error("`{0}` is not a host name: it is empty or longer than 253 characters")]
    Length(String),
    /// A label is empty, too long, or has other characters than letters, digits, `-` and `_`.
    #[error("`{0}` is not a host name: the label `{1}` is not 1 to 63 letters, digits, `-` or `_`")]
    Label(String, String),
    /// All digits at the end: an address in a spelling that programs read differently.
    #[error("`{0}` looks like an address in an ambiguous spelling; write it as four decimal numbers")]
    Ambiguous(String),
    /// A port that is missing, zero, or no number.
    #[error("`{0}` has no port between 1 and 65535; write host:port")]
    Port(String),
}

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() || name.len() > 253 {
            return Err(NotAHost::Length(shown(text)));
        }
        if let Some(label) = name.split('.').find(|label| !label_is_sound(label)) {
            return Err(NotAHost::Label(shown(text), shown(label)));
        }
        match name.rsplit('.').next() {
            Some(last) if last.starts_with("0x") || last.bytes().all(|b| b.is_ascii_digit()) => Err(NotAHost::Ambiguous(shown(text))),
            _ => Ok(Self::Name(name)),
        }
    }
}

impl Host {
    /// Whether this is the machine itself: a loopback address, or a name that stands for one (RFC 6761 section 6.3).
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address::is_loopback(*address),
        }
    }

    /// Whether this is a name below the name `above`, at any depth.
    pub fn is_below(&self, above: &Self) -> bool {
        match (self, above) {
            (Self::Name(name), Self::Name(above)) => name.strip_suffix(above.as_str()).is_some_and(|rest| rest.ends_with('.')),
            _ => false,
        }
    }
}

fn label_is_sound(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// A host and a TCP port, `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, never zero.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let (host, port) = text.rsplit_once(':').ok_or_else(|| NotAHost::Port(shown(text)))?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|&port: &u16| digits && port != 0).ok_or_else(|| NotAHost::Port(shown(text)))?;
        if host.contains(':') && !host.starts_with('[') {
            return Err(NotAHost::Port(shown(text)));
        }
        Ok(Self { host: host.parse()?, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

macro_rules! text_in_serde {
    ($($kind:ty),*) => {$(
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
text_in_serde!(Host, HostPort);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_remains() {
        for (text, canonical) in
            [("GitLab.Example.", "gitlab.example"), ("[::ffff:127.0.0.1]", "127.0.0.1"), ("::1", "[::1]"), ("a_b.example", "a_b.example")]
        {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn what_resolvers_read_differently_is_refused() {
        for text in [
            "",
            ".",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "a..b",
            "a b",
            "a\0.b",
            "a%2eb",
            "ａ.example",
            "a。b",
            "-a.b",
            "a@b",
            "a#b",
            "a/b",
            "a\\b",
            "a?b",
            "1.2.3.4.",
            "::1%eth0",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_port_is_needed() {
        for text in ["a.example", "a.example:", "a.example:0", "a.example:65536", "a.example:+1", "::1:443", "a.example:443x"] {
            assert!(text.parse::<HostPort>().is_err(), "{text:?}");
        }
        assert_eq!("[::1]:443".parse::<HostPort>().unwrap().to_string(), "[::1]:443");
    }
}
