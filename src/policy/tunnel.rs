//! An entry of `network.tunnels`: one host, or all below a name, each with one port.

use std::{fmt, str::FromStr};

use crate::host::{Host, HostPort};

/// What an entry lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// `host:port`: exactly that.
    Host(HostPort),
    /// `*.name:port`: every name below, at any depth, and not the name itself.
    Below(HostPort),
}

impl Tunnel {
    /// Whether it lets `to` through.
    pub fn covers(&self, to: &HostPort) -> bool {
        match self {
            Self::Host(own) => own == to,
            Self::Below(own) => own.port == to.port && to.host.is_below(&own.host),
        }
    }

    /// Whether it lets nothing through that `above` does not.
    pub fn is_within(&self, above: &Self) -> bool {
        match (self, above) {
            (Self::Host(own), _) => above.covers(own),
            (Self::Below(own), Self::Below(_)) => self == above || above.covers(own),
            (Self::Below(_), Self::Host(_)) => false,
        }
    }

    /// The one host; none where it stands for many, so that no file of names can hold them.
    pub fn host(&self) -> Option<&Host> {
        match self {
            Self::Host(own) => Some(&own.host),
            Self::Below(_) => None,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Host(own) | Self::Below(own) => own.port,
        }
    }
}

impl FromStr for Tunnel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = |text: &str| text.parse::<HostPort>().map_err(|error| error.to_string());
        let Some(rest) = text.strip_prefix("*.") else {
            return match text.contains('*') {
                true => Err("has a `*` that does not stand alone before the first dot; write `*.name.example:443`".to_owned()),
                false => parsed(text).map(Self::Host),
            };
        };
        match parsed(rest)? {
            own @ HostPort { host: Host::Name(_), .. } if own.host.to_string().contains('.') => Ok(Self::Below(own)),
            _ => Err("stands for too much: behind `*.` comes a name of at least two parts".to_owned()),
        }
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(own) => own.fmt(f),
            Self::Below(own) => write!(f, "*.{own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunnel(text: &str) -> Tunnel {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_stands_for_all_below_and_nothing_else() {
        let below = tunnel("*.Sub.Example:443");
        assert_eq!(below.to_string(), "*.sub.example:443");
        let covered = |text: &str| below.covers(&text.parse().unwrap());
        assert!(covered("a.sub.example:443") && covered("a.b.sub.example:443") && covered("A.sub.example.:443"));
        for other in
            ["sub.example:443", "asub.example:443", "a.sub.example:80", "a.sub.example.evil.example:443", "example:443", "192.0.2.7:443"]
        {
            assert!(!covered(other), "{other}");
        }
    }

    #[test]
    fn other_stars_are_refused() {
        for text in [
            "*:443",
            "*.example:443",
            "*.com:443",
            "**.sub.example:443",
            "*.*.example:443",
            "a.*.example:443",
            "a*.sub.example:443",
            "*sub.example:443",
            "*.sub.example:*",
            "*.sub.example",
            "*.:443",
            "*.192.0.2.7:443",
            "*.[::1]:443",
            "git.example:*",
        ] {
            assert!(text.parse::<Tunnel>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_narrower_is_within() {
        for (own, above, within) in [
            ("a.sub.example:443", "*.sub.example:443", true),
            ("*.a.sub.example:443", "*.sub.example:443", true),
            ("*.sub.example:443", "*.sub.example:443", true),
            ("sub.example:443", "*.sub.example:443", false),
            ("a.sub.example:8443", "*.sub.example:443", false),
            ("*.sub.example:443", "*.a.sub.example:443", false),
            ("*.sub.example:443", "sub.example:443", false),
            ("*.evil.example:443", "*.sub.example:443", false),
        ] {
            assert_eq!(tunnel(own).is_within(&tunnel(above)), within, "{own} {above}");
        }
    }
}
