//! An entry of `changes.hosts`: one host, or all below a name.

use std::{fmt, str::FromStr};

use crate::host::Host;

/// Which hosts an entry names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Exactly this one.
    Host(Host),
    /// `*.name`: every name below, at any depth, and not the name itself.
    Below(Host),
}

impl Named {
    /// Whether it names `host`.
    pub fn covers(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Host(own), _) => own == host,
            (Self::Below(own), Host::Name(_)) => host.is_below(own),
            (Self::Below(_), Host::Address(_)) => false,
        }
    }

    /// Whether it names nothing that `above` does not.
    pub fn is_within(&self, above: &Self) -> bool {
        match (self, above) {
            (Self::Host(own), _) => above.covers(own),
            (Self::Below(own), Self::Below(_)) => self == above || above.covers(own),
            (Self::Below(_), Self::Host(_)) => false,
        }
    }
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = |text: &str| text.parse::<Host>().map_err(|error| error.to_string());
        match text.strip_prefix("*.") {
            None => parsed(text).map(Self::Host),
            Some(rest) => match parsed(rest)? {
                own @ Host::Name(_) if own.to_string().contains('.') => Ok(Self::Below(own)),
                _ => Err("stands for too much: behind `*.` comes a name of at least two parts".to_owned()),
            },
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(own) => own.fmt(f),
            Self::Below(own) => write!(f, "*.{own}"),
        }
    }
}

impl serde::Serialize for Named {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_names_all_below() {
        let named = |text: &str| text.parse::<Named>().unwrap();
        let covers = |entry: &str, host: &str| named(entry).covers(&host.parse().unwrap());
        assert!(covers("api.example", "API.example.") && covers("*.sub.example", "a.b.sub.example") && covers("192.0.2.1", "192.0.2.1"));
        assert!(
            !covers("api.example", "x.api.example") && !covers("*.sub.example", "sub.example") && !covers("*.sub.example", "xsub.example")
        );
        assert!(named("*.a.sub.example").is_within(&named("*.sub.example")) && named("a.sub.example").is_within(&named("*.sub.example")));
        assert!(!named("*.sub.example").is_within(&named("a.sub.example")) && !named("sub.example").is_within(&named("*.sub.example")));
        for text in ["*", "*.example", "*.192.0.2.1", "a*.sub.example", "*.*.example", "", "a b", "https://a.example"] {
            assert!(text.parse::<Named>().is_err(), "{text}");
        }
    }
}
