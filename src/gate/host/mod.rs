//! Hosts that code newly names: where a program could send what it knows, or fetch what it runs.

mod find;
mod lists;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashSet},
};

use super::{
    content::{File, Line},
    finding::{Judge, Place, Way},
    language::{self, Comments, Ground},
    rules::Rule,
};
use crate::{
    host::{Host, NotAHost},
    verdict::Severity::{Review, Warn},
};
use find::{Form, Mention};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("host/new", Warn, "a host that code newly names and that changes.hosts does not"),
    Rule::new("host/odd", Review, "an address that hides where it leads: a number, punycode, a shortener, a paste or tunnel service"),
];

/// What says where a package comes from and who made it; nothing there is contacted.
const ABOUT: &[&str] = &[
    "homepage",
    "repository",
    "documentation",
    "bugs",
    "funding",
    "author",
    "maintainer",
    "contributor",
    "copyright",
    "license",
    "licence",
    "project_urls",
    "issue",
    "changelog",
    "download_url",
    "source_url",
    "scm",
    "vendor",
    "contact",
    "$schema",
    "xmlns",
    "xsi:",
    "doctype",
];

/// Hosts with other signs than names have that are sought in what a file was before.
const SOUGHT: usize = 1000;

/// A host with the first place that names it.
#[derive(Debug)]
struct Seen {
    path: Vec<u8>,
    line: u64,
    /// Why it is odd, where it is.
    odd: Option<&'static str>,
}

/// Hosts of a part of a change, or of the whole of it.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    new: BTreeMap<String, Seen>,
    old: BTreeSet<String>,
}

impl Hosts {
    fn see(&mut self, host: String, seen: Seen) {
        match self.new.get_mut(&host) {
            Some(first) if first.odd.is_some() || seen.odd.is_none() => {}
            Some(first) => *first = seen,
            None => {
                self.new.insert(host, seen);
            }
        }
    }

    /// Adds those of the next part.
    pub(super) fn join(&mut self, part: Self) {
        for (host, seen) in part.new {
            self.see(host, seen);
        }
        self.old.extend(part.old);
    }
}

/// Takes down which hosts a file newly names.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    if !is_read(file) {
        return;
    }
    let comments = Comments::of(file.folded);
    let before = Before::of(file.old_text.unwrap_or_default());
    for line in file.removed {
        let hosts = find::mentions(line.text).into_iter().filter_map(|mention| weigh(&mention)).map(|(host, _)| host);
        judge.tally.hosts.old.extend(hosts);
    }
    for line in file.added {
        for mention in find::mentions(line.text) {
            let in_comment = comments.fills(line.text) && !is_quoted(*line, &mention);
            let Some((host, odd)) = weigh(&mention).filter(|_| !in_comment) else { continue };
            if odd.is_none() && says_nothing(file, *line, &mention) {
                continue;
            }
            let named = host.parse::<Host>().is_ok_and(|host| judge.policy.hosts.iter().any(|entry| entry.covers(&host)));
            if !named && !before.has(mention.host) {
                judge.tally.hosts.see(host, Seen { path: file.fact.path.clone(), line: line.number, odd });
            }
        }
    }
}

/// Tells each host once for the whole change. What another file named before only moved.
pub(super) fn judge_sums(judge: &mut Judge<'_>) {
    let hosts = std::mem::take(&mut judge.tally.hosts);
    for (host, Seen { path, line, odd }) in hosts.new.iter().filter(|(host, _)| !hosts.old.contains(*host)) {
        let step = "look at what is sent there, or add the host to changes.hosts";
        let place = Place::line(path, *line);
        match odd {
            Some(why) => judge.find("host/odd", place, format!("{host} is {why}"), Way::Step(step)),
            None => judge.find("host/new", place, format!("the change newly names the host {host}"), Way::Step(step)),
        }
    }
}

/// Documents name hosts all day, and lock files have rules of their own.
fn is_read(file: &File<'_>) -> bool {
    let ending = language::ending(file.folded);
    let is_page = matches!(ending, "html" | "htm" | "xhtml");
    !language::is_lock(file.folded) && (is_page || Ground::of(file.folded) == Ground::Code) && file.text.is_some()
}

fn is_quoted(line: Line<'_>, mention: &Mention<'_>) -> bool {
    line.text.get(..mention.at).is_some_and(|before| before.ends_with(['"', '\'', '`']))
}

/// Whether a line names a host only for its reader: behind code in a comment, in a package's own data, as a link of a page.
fn says_nothing(file: &File<'_>, line: Line<'_>, mention: &Mention<'_>) -> bool {
    let before = line.text.get(..mention.at).unwrap_or_default();
    let ending = language::ending(file.folded);
    if matches!(ending, "html" | "htm" | "xhtml") {
        return !["src=", "action=", "fetch(", "XMLHttpRequest", "import("].iter().any(|mark| line.text.contains(mark));
    }
    let key = line.text.trim_start_matches(['"', '\'', '<', '[', ' ', '\t', '_', '-']).to_ascii_lowercase();
    let is_data = matches!(
        ending,
        "json" | "toml" | "yml" | "yaml" | "cfg" | "ini" | "xml" | "pom" | "gemspec" | "podspec" | "cabal" | "nuspec" | "csproj"
    );
    let is_about = (is_data || file.name() == "setup.py") && ABOUT.iter().any(|about| key.starts_with(about));
    let is_name = ["xmlns", "schemaLocation", "$schema", "$id", "$ref"].iter().any(|mark| before.contains(mark));
    // The text of a documentation string, or of a comment behind code: nothing there is quoted.
    let trailing = ["// ", " # ", "/* ", "-- "].iter().any(|mark| before.contains(mark));
    let is_link = before.ends_with(['<', '[']) || before.ends_with("](") || !before.contains(['"', '\'', '`', '=']);
    is_about || is_name || !is_quoted(line, mention) && mention.form == Form::Url && !is_script(file) && (trailing || is_link)
}

/// Whether files of this kind have addresses without quotes that a program contacts.
fn is_script(file: &File<'_>) -> bool {
    let ending = language::ending(file.folded);
    !language::is_code(ending)
        || ["sh", "bash", "zsh", "fish", "ksh", "yml", "yaml", "toml", "conf", "cfg", "ini", "env", "properties", "mk", "dockerfile", "ps1"]
            .contains(&ending)
}

/// The host in its one spelling, with why it is odd; none where it says nothing.
fn weigh(mention: &Mention<'_>) -> Option<(String, Option<&'static str>)> {
    let text = mention.host;
    if mention.form == Form::Encoded {
        return Some((crate::git::shown(text.get(..24).unwrap_or(text).as_bytes()), Some("the beginning of an address in base64")));
    }
    let lower = text.to_lowercase();
    let odd_text = |why: &'static str| Some((crate::git::shown(lower.as_bytes()), Some(why)));
    match text.parse::<Host>() {
        Ok(Host::Name(name)) => {
            let last = name.rsplit('.').next().unwrap_or_default();
            let sound =
                name.contains('.') && last.len() >= 2 && (last.bytes().all(|b| b.is_ascii_alphabetic()) || last.starts_with("xn--"));
            if !sound || lists::means_nothing(&name) || mention.form != Form::Url && lists::is_file(&name) {
                return None;
            }
            let odd = if name.split('.').any(|label| label.starts_with("xn--")) {
                Some("a name in punycode, which is shown as something else")
            } else if lists::is_service(&name, mention.path) {
                Some("a service that shortens addresses, keeps pastes, takes in what is sent or leads into a private network")
            } else if mention.has_user {
                Some("the host of an address that shows another one before it")
            } else {
                None
            };
            Some((name, odd))
        }
        Ok(Host::Address(address)) => {
            let name = address.to_string();
            match place_of(address) {
                Reach::Nowhere => None,
                Reach::Metadata => Some((name, Some("the address at which clouds give credentials to their machines"))),
                Reach::Outside if matches!(mention.form, Form::Url | Form::Slashes) && !lists::is_anybodys(&name) => {
                    Some((name, Some("an address without a name")))
                }
                Reach::Outside => Some((name, None)),
            }
        }
        Err(NotAHost::Ambiguous(_)) if mention.form == Form::Url && is_number(text) => {
            odd_text("an address in a spelling that programs read differently")
        }
        Err(NotAHost::Label(..))
            if mention.form == Form::Url
                && !text.is_ascii()
                && text.contains('.')
                && text.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '.' | '-')) =>
        {
            odd_text("a name with letters of other alphabets, which can be drawn like another one")
        }
        Err(_) => None,
    }
}

/// `2130706433`, `0x7f000001`, `0177.0.0.1`: what C libraries read as an address, and no version number.
fn is_number(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && (part.bytes().all(|b| b.is_ascii_digit())
                || part.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())))
    };
    let lower = text.to_ascii_lowercase();
    lower.split('.').all(part) && (lower.contains('.') || lower.len() >= 8)
}

enum Reach {
    Nowhere,
    Metadata,
    Outside,
}

/// Addresses that lead to the machine itself, into a private network or nowhere (RFC 6890), and those of clouds' metadata.
fn place_of(address: std::net::IpAddr) -> Reach {
    use std::net::IpAddr::{V4, V6};
    match address {
        V4(v4) if matches!(v4.octets(), [169, 254, 169, 254] | [100, 100, 100, 200]) => Reach::Metadata,
        V4(v4) => match v4.octets() {
            [0 | 10 | 127 | 224..=255, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Reach::Nowhere,
            [192, 0, 0 | 2, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Nowhere,
            _ => Reach::Outside,
        },
        V6(v6) if v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Reach::Metadata,
        V6(v6) => match v6.segments() {
            [0, 0, 0, 0, 0, 0, 0, _] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0xfc00..=0xfdff | 0xfe80..=0xffff, ..] => {
                Reach::Nowhere
            }
            _ => Reach::Outside,
        },
    }
}

/// Every name that a text has, so that each is found at once, however many there are.
struct Before<'t> {
    text: &'t str,
    names: HashSet<&'t str>,
    /// Names that are still sought in the text as they are.
    left: Cell<usize>,
}

impl<'t> Before<'t> {
    fn of(text: &'t str) -> Self {
        // A full stop behind a name ends a sentence.
        let names = text.split(|sign| !is_part(sign)).map(|name| name.strip_suffix('.').unwrap_or(name)).collect();
        Self { text, names, left: Cell::new(SOUGHT) }
    }

    /// Whether the text has `host` as a whole name. One with other signs than names have is new once too many of them were sought.
    fn has(&self, host: &str) -> bool {
        if host.chars().all(is_part) {
            return self.names.contains(host.strip_suffix('.').unwrap_or(host));
        }
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0 && self.text.contains(host)
    }
}

fn is_part(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(line: &str) -> Vec<(String, bool)> {
        find::mentions(line).iter().filter_map(weigh).map(|(host, odd)| (host, odd.is_some())).collect()
    }

    #[test]
    fn odd_addresses_are_told_from_names() {
        for line in [
            "fetch('http://45.9.148.3/x')",
            "fetch('//45.9.148.3/x')",
            "fetch('http://[2606:4700::1]/x')",
            "fetch('http://0x2d099403/x')",
            "fetch('http://755602435/')",
            "fetch('https://xn--pypal-4ve.com/')",
            "fetch('https://pаypal.com/')",
            "fetch('https://bit.ly/x')",
            "fetch('https://abc.ngrok-free.app')",
            "fetch('https://discord.com/api/webhooks/1/x')",
            "fetch('http://169.254.169.254/latest/meta-data')",
            "fetch('https://github.com@evil-host.com/')",
            "fetch(atob('aHR0cHM6Ly9ldmls'))",
        ] {
            let found = weighed(line);
            assert!(found.iter().any(|(_, odd)| *odd), "{line}: {found:?}");
        }
        for line in [
            "fetch('https://api.vendor-host.com/')",
            "'x@vendor-host.com'",
            "dial('45.9.148.3')",
            "fetch('//api.vendor-host.com/x.js')",
            "https://discord.com/invite",
            "http://1.2.3.4/",
        ] {
            let found = weighed(line);
            assert!(found.len() == 1 && !found[0].1, "{line}: {found:?}");
        }
        for line in [
            "https://example.com/ https://api.test/ http://localhost:80/ http://127.0.0.1/ http://10.0.0.1/ http://203.0.113.7/ http://[::1]/",
            "xmlns=\"http://www.w3.org/2000/svg\" https://json-schema.org/x https://img.shields.io/badge/x",
            "icon@2x.png user@localhost",
            "http://intranet/ https://a.b-/",
        ] {
            assert_eq!(weighed(line), [], "{line}");
        }
    }

    #[test]
    fn whole_names_are_compared() {
        let stands_in = |text: &str, host: &str| Before::of(text).has(host);
        assert!(
            stands_in("see https://evil.com/x", "evil.com")
                && stands_in("\"evil.com\"", "evil.com")
                && stands_in("at evil.com.", "evil.com")
        );
        assert!(
            !stands_in("https://notevil.com/", "evil.com")
                && !stands_in("https://evil.community/", "evil.com")
                && !stands_in("", "evil.com")
        );
    }
}
