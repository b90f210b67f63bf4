//! Which addresses may stand as links and images, and how the others are shown.

use std::fmt::Write as _;

use super::Hosts;
use crate::{gitlab::text, host::Host};

/// Bytes of an address that is shown.
const SHOWN_BYTES: usize = 500;
/// Pages of GitLab's that a link may lead to. Issues, merge requests, commits and the like are not among them: GitLab takes
/// their addresses for references, and notes there that they were mentioned.
const PAGES: [&str; 5] = ["/-/blob/", "/-/tree/", "/-/raw/", "/-/jobs/", "/-/pipelines/"];
/// Where GitLab keeps images that are no page and no badge.
const IMAGES: [&str; 2] = ["/uploads/", "/-/raw/"];
/// Hosts of badges: what they show looks like a verdict, so that it is never shown as an image.
const BADGES: [&str; 4] = ["shields.io", "badgen.net", "badge.fury.io", "badges.gitter.im"];

impl Hosts {
    /// Whether a link may lead to `url`.
    pub(super) fn links(&self, url: &str) -> bool {
        is_relative(url) || self.allows(url, &PAGES).is_some()
    }

    /// Whether the image at `url` may be shown.
    pub(super) fn shows(&self, url: &str) -> bool {
        let badge = |host: &Host| {
            let name = host.to_string();
            BADGES.iter().any(|badge| name.strip_suffix(badge).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
        };
        self.allows(url, &IMAGES).is_some_and(|host| !badge(&host))
    }

    /// The host of `url` where that is `http` or `https`, plainly spelled, without a user, and to a host that is named, or to
    /// one of `pages` of GitLab's.
    fn allows(&self, url: &str, pages: &[&str]) -> Option<Host> {
        let (authority, path) = parts(url)?;
        let host = host(authority)?;
        let rest = url.strip_prefix(self.gitlab.trim_end_matches('/')).filter(|rest| !self.gitlab.is_empty() && rest.starts_with('/'));
        match rest {
            Some(rest) => (is_plain(rest) && pages.iter().any(|page| rest.contains(page))).then_some(host),
            None if self.is_gitlab(&host) => None,
            None => (self.named.iter().any(|entry| entry.covers(&host)) && path.bytes().all(is_of_address)).then_some(host),
        }
    }

    /// GitLab's own host under another scheme, port or path is still GitLab's.
    fn is_gitlab(&self, other: &Host) -> bool {
        parts(&self.gitlab).and_then(|(authority, _)| host(authority)).is_some_and(|own| own == *other)
    }
}

/// Authority and the rest of an address of the web.
fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    Some(rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())))
}

fn host(authority: &str) -> Option<Host> {
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    };
    let sound = port.is_none_or(|port| !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()));
    name.parse().ok().filter(|_| sound)
}

/// RFC 3986's characters without the parentheses, quotes and brackets that mean something in Markdown.
fn is_of_address(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/?#&=%+,;:@!".contains(&byte)
}

/// A path of plain names with perhaps a fragment: no step up, no query, nothing encoded.
fn is_plain(path: &str) -> bool {
    let (path, fragment) = path.split_once('#').unwrap_or((path, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
    plain(path) && plain(fragment) && !path.contains("//") && !path.split('/').any(|part| matches!(part, "." | ".."))
}

/// A heading of the text itself, or a file of the repository.
fn is_relative(url: &str) -> bool {
    url.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '#') && is_plain(url) && url.len() > 1
}

/// `url` for people to read: one line, a host that is not plain ASCII as DNS would ask for it.
pub(super) fn shown(url: &str) -> String {
    let url = text::line(url, SHOWN_BYTES);
    let Some(start) = url.find("://").map(|at| at + 3) else { return url };
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let labels: Vec<String> = url[start..end].split('.').map(ascii).collect();
    format!("{}{}{}", &url[..start], labels.join("."), &url[end..])
}

/// A label of a host name as `xn--…` where it is not ASCII.
fn ascii(label: &str) -> String {
    if label.is_ascii() { label.to_owned() } else { punycode(&label.to_lowercase()) }
}

/// RFC 3492 section 6.3, with the parameters of its section 5. A label is at most [`SHOWN_BYTES`] long, so nothing overflows.
fn punycode(label: &str) -> String {
    const BASE: u32 = 36;
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).unwrap_or(0);
    if basic > 0 {
        out.push('-');
    }
    let (mut next, mut delta, mut bias, mut done) = (128_u32, 0_u32, 72_u32, basic);
    let total = u32::try_from(label.chars().count()).unwrap_or(0);
    while done < total {
        let Some(least) = label.chars().map(u32::from).filter(|&code| code >= next).min() else { break };
        delta = delta.saturating_add((least - next).saturating_mul(done + 1));
        next = least;
        for code in label.chars().map(u32::from) {
            if code < next {
                delta = delta.saturating_add(1);
            }
            if code == next {
                let (mut left, mut k) = (delta, BASE);
                loop {
                    let least = k.saturating_sub(bias).clamp(1, 26);
                    if left < least {
                        break;
                    }
                    out.push(digit(least + (left - least) % (BASE - least)));
                    left = (left - least) / (BASE - least);
                    k += BASE;
                }
                out.push(digit(left));
                bias = adapted(delta, done + 1, done == basic);
                (delta, done) = (0, done + 1);
            }
        }
        delta = delta.saturating_add(1);
        next += 1;
    }
    let mut name = "xn--".to_owned();
    let _ = write!(name, "{out}");
    name
}

fn digit(value: u32) -> char {
    char::from_digit(value, 36)
        .map_or('0', |_| if value < 26 { char::from(b'a' + value as u8) } else { char::from(b'0' + (value - 26) as u8) })
}

fn adapted(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts {
            gitlab: "https://gitlab.example/git".to_owned(),
            named: vec!["docs.example".parse().unwrap(), "img.shields.io".parse().unwrap()],
        }
    }

    #[test]
    fn only_plain_addresses_of_known_hosts_are_links() {
        for url in [
            "https://docs.example/a?b=c#d",
            "http://DOCS.example:8080/",
            "https://docs.example",
            "https://gitlab.example/git/g/p/-/blob/main/a.rs#L1-9",
            "docs/a.md",
            "#heading",
            "README.md#use",
        ] {
            assert!(hosts().links(url), "{url}");
        }
        for url in [
            "https://evil.example/?d=x",
            "https://docs.example.evil.example/",
            "https://docs.example@evil.example/",
            "https://user@docs.example/",
            "https://docs.example:x/",
            "https://docs.example\\@evil.example/",
            "https://docs.example/(x)",
            "https://docs.example/\u{e9}",
            "//docs.example/",
            "https:docs.example",
            "HTTPS://docs.example/",
            "https://d\u{43e}cs.example/",
            "https://gitlab.example/git/g/p/-/issues/1",
            "https://gitlab.example/git/g/p/-/blob/../../-/issues/1",
            "https://gitlab.example/git/g/p/-/blob/main/a?private_token=x",
            "https://gitlab.example/other/-/blob/main",
            "http://gitlab.example/git/g/p/-/blob/main",
            "javascript:alert(1)",
            "data:text/html,x",
            "mailto:a@b.example",
            "/-/profile",
            "../x",
            "a:b",
            "",
            "#",
        ] {
            assert!(!hosts().links(url), "{url}");
        }
    }

    #[test]
    fn no_image_is_a_badge_or_a_page() {
        assert!(hosts().shows("https://docs.example/a.png"));
        assert!(hosts().shows("https://gitlab.example/git/g/p/uploads/ab12/a.png"));
        for url in
            ["https://img.shields.io/x", "https://gitlab.example/git/g/p/badges/main/pipeline.svg", "a.png", "https://evil.example/x"]
        {
            assert!(!hosts().shows(url), "{url}");
        }
    }

    /// The labels that are not of one letter are samples of RFC 3492 section 7.1, or well known.
    #[test]
    fn a_name_in_other_letters_is_shown_as_dns_asks_for_it() {
        for (url, seen) in [
            ("https://b\u{fc}cher.example/x", "https://xn--bcher-kva.example/x"),
            ("https://\u{430}pple.example", "https://xn--pple-43d.example"),
            (
                "https://\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8bf4}\u{4e2d}\u{6587}.example",
                "https://xn--ihqwcrb4cv8a8dqg056pqjye.example",
            ),
            ("https://plain.example/\u{fc}", "https://plain.example/\u{fc}"),
        ] {
            assert_eq!(shown(url), seen);
        }
    }
}
