//! Addresses in manifests, lockfiles and settings.

/// Letters of an address that are read out of a text.
const LONGEST: usize = 300;

/// Where a package comes from over the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    /// Whether it is fetched over TLS or SSH.
    pub(super) safe: bool,
    /// The host in lower case, with its port where one is named.
    pub(super) host: String,
}

/// The host of an absolute address, `git@host:path` included; none for what names no host.
pub(super) fn of(text: &str) -> Option<Address> {
    let text = text.trim().trim_start_matches("git+").trim_start_matches("registry+").trim_start_matches("sparse+");
    if let Some((scheme, rest)) = text.split_once("://") {
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default().trim_end_matches('.').to_lowercase();
        let scheme = scheme.to_ascii_lowercase();
        let known = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        return (known && !host.is_empty() && scheme != "file").then(|| Address { safe: is_safe(&scheme), host });
    }
    let (user, rest) = text.split_once('@')?;
    let (host, path) = rest.split_once(':')?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    (plain(user) && plain(host) && !path.is_empty()).then(|| Address { safe: true, host: host.to_lowercase() })
}

fn is_safe(scheme: &str) -> bool {
    matches!(scheme.rsplit('+').next(), Some("https" | "ssh"))
}

/// Every absolute address in a text, in the order of the text; what stands inside of one is part of it. Takes time in proportion
/// to the text.
pub(super) fn all(text: &str) -> impl Iterator<Item = (Address, &str)> {
    let mut next = 0;
    text.match_indices("://").filter_map(move |(at, _)| {
        let is_scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let scheme = text.as_bytes()[..at].iter().rev().take(20).take_while(|b| is_scheme(b)).count();
        if scheme == 0 || at < next {
            return None;
        }
        let ends = |c: char| c.is_whitespace() || "\"'<>`(){}[],;|".contains(c);
        let rest = text[at + 3..].char_indices().take(LONGEST).take_while(|(_, c)| !ends(*c));
        let end = rest.last().map_or(at + 3, |(last, c)| at + 3 + last + c.len_utf8());
        let whole = text.get(at - scheme..end)?;
        let address = of(whole)?;
        next = end;
        Some((address, whole))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_whatever_the_spelling() {
        for (text, safe, host) in [
            ("https://R.example/a/-/a-1.tgz", true, "r.example"),
            ("http://r.example:8080/a", false, "r.example:8080"),
            ("HTTPS://user:pass@r.example./a", true, "r.example"),
            ("https://good.example@evil.example/a", true, "evil.example"),
            ("git+ssh://git@r.example/a.git#abc", true, "r.example"),
            ("git+https://r.example/a", true, "r.example"),
            ("git://r.example/a", false, "r.example"),
            ("git@r.example:a/b.git", true, "r.example"),
            ("registry+https://r.example/index", true, "r.example"),
            ("sparse+https://r.example/index/", true, "r.example"),
            ("https://r.example\\@evil.example/", true, "r.example"),
        ] {
            assert_eq!(of(text), Some(Address { safe, host: host.to_owned() }), "{text}");
        }
        for text in ["", "1.2.3", "file:../a", "file:///a", "npm:a@1", "@scope/a", "workspace:*", "https://", "a@b"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn every_address_of_a_text_is_found() {
        let found: Vec<String> = all("a = \"https://a.example/x\", (http://b.example) é://c ://d https://").map(|(a, _)| a.host).collect();
        assert_eq!(found, ["a.example", "b.example"]);
    }
}
