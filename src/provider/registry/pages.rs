//! Pages that name files: addresses of the registry itself become paths of the gateway. Every other address stays as it is, and
//! whoever follows it meets the proxy's verdict.

use std::fmt;

use serde::{
    Deserialize as _, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::super::{Refusal, json};
use crate::{
    http::{Endpoint, Scheme},
    policy::registry::Kind,
};

/// Whether the answer to a read of `path` names files by their address.
pub fn is_page(kind: Kind, path: &str) -> bool {
    match kind {
        Kind::Npm => !path.ends_with(".tgz"),
        Kind::Pypi => path.trim_end_matches('/').matches('/').count() == 1,
        Kind::Crates => path == "/config.json",
        Kind::Go | Kind::Maven | Kind::Debian | Kind::Alpine => false,
    }
}

/// How addresses on a registry's pages are told.
#[derive(Debug)]
pub struct Pages<'a> {
    /// Whose pages.
    pub kind: Kind,
    /// The registry's far ends, as [`super::ends`] gives them.
    pub ends: &'a [Endpoint],
    /// Where the gateway serves it, without a `/` at the end.
    pub here: String,
}

impl Pages<'_> {
    /// The page that the agent gets in the place of `page`, which came from `address`.
    ///
    /// # Errors
    /// When it is not what the registry's protocol says.
    pub fn rewrite(&self, media: &str, address: &str, page: &[u8]) -> Result<Vec<u8>, Refusal> {
        let odd = |why: String| Refusal::new("registry/page", format!("the registry's page cannot be read: {why}"));
        let text = std::str::from_utf8(page).map_err(|error| odd(error.to_string()))?;
        match self.kind {
            Kind::Pypi if !media.contains("json") => Ok(self.html(text, address).into_bytes()),
            Kind::Crates => self.config(page, address).map_err(|error| odd(error.to_string())),
            _ => self.json(text, address).map_err(|error| odd(error.to_string())),
        }
    }

    /// A page with many addresses. It is passed on as it is but for these, and no value is made of anything else: what a page costs here is
    /// what its text costs.
    fn json(&self, text: &str, address: &str) -> Result<Vec<u8>, serde_json::Error> {
        let mut found = Vec::new();
        for path in paths(self.kind) {
            let mut reader = serde_json::Deserializer::from_str(text);
            Search { path, found: &mut found }.deserialize(&mut reader)?;
            reader.end()?;
        }
        // All of them are parts of the text.
        let at = |value: &RawValue| value.get().as_ptr().addr() - text.as_ptr().addr();
        found.sort_unstable_by_key(|value| at(value));
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for value in found {
            let Ok(url) = serde_json::from_str::<String>(value.get()) else { continue };
            let Some(routed) = self.routed(&url, address) else { continue };
            out.extend_from_slice(text.get(done..at(value)).unwrap_or_default().as_bytes());
            serde_json::to_writer(&mut out, &routed)?;
            done = at(value) + value.get().len();
        }
        out.extend_from_slice(text.get(done..).unwrap_or_default().as_bytes());
        Ok(out)
    }

    /// The `config.json` of an index of crates.
    fn config(&self, page: &[u8], address: &str) -> Result<Vec<u8>, serde_json::Error> {
        let mut value = json::parse(page)?;
        if let Some(config) = value.as_object_mut() {
            if let Some(routed) = config.get("dl").and_then(Value::as_str).and_then(|url| self.routed(url, address)) {
                config.insert("dl".to_owned(), Value::String(routed));
            }
            // Nothing is published from here, and the ticket comes along anyhow.
            config.remove("api");
            config.remove("auth-required");
        }
        serde_json::to_vec(&value)
    }

    /// Where the agent finds what is at `url`, a reference on the page at `address`; none where that is not of this registry.
    pub fn routed(&self, url: &str, address: &str) -> Option<String> {
        let (url, fragment) = url.split_once('#').map_or((url, String::new()), |(url, rest)| (url, format!("#{rest}")));
        let url = joined(address, url)?;
        let below = |(number, end): (usize, &Endpoint)| {
            let rest = url.strip_prefix(&end.to_string())?;
            let whole = rest.starts_with('/') && !rest.contains('?');
            whole.then(|| (end.path.len(), number, rest.to_owned()))
        };
        // The longest one says most; of two that are alike the first is the registry itself.
        let (_, number, rest) =
            self.ends.iter().enumerate().filter_map(below).max_by_key(|(length, number, _)| (*length, usize::MAX - number))?;
        let number = if number == 0 { String::new() } else { format!("/~{number}") };
        Some(format!("{}{number}{rest}{fragment}", self.here))
    }

    /// PEP 503: the addresses stand in the attribute `href` of anchors.
    fn html(&self, text: &str, address: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, quote, url, after)) = next_reference(rest) {
            out.push_str(before);
            let plain = url.replace("&amp;", "&");
            let routed = self.routed(&plain, address).map(|routed| routed.replace('&', "&amp;"));
            out.push_str(routed.as_deref().unwrap_or(url));
            out.push(quote);
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// What stands before a reference, with the quote that opens it; the quote; the reference; and what stands behind it.
fn next_reference(text: &str) -> Option<(&str, char, &str, &str)> {
    let (at, _) = text.match_indices("href=").find(|(at, _)| text[at + 5..].starts_with(['"', '\'']))?;
    let quote = text[at + 5..].chars().next()?;
    let (before, rest) = text.split_at(at + 6);
    let (url, _) = rest.split_once(quote)?;
    Some((before, quote, url, &rest[url.len() + 1..]))
}

/// A step on the way to a value.
enum Step {
    Key(&'static str),
    Each,
}

/// Where on a page of JSON the addresses stand.
fn paths(kind: Kind) -> &'static [&'static [Step]] {
    use Step::{Each, Key};
    match kind {
        // The whole document has a table of versions; that of one version has its own `dist`.
        Kind::Npm => &[&[Key("versions"), Each, Key("dist"), Key("tarball")], &[Key("dist"), Key("tarball")]],
        Kind::Pypi => &[&[Key("files"), Each, Key("url")]],
        Kind::Crates | Kind::Go | Kind::Maven | Kind::Debian | Kind::Alpine => &[],
    }
}

/// Reads a value and finds what stands at `path` in it.
struct Search<'a, 'de> {
    path: &'static [Step],
    found: &'a mut Vec<&'de RawValue>,
}

impl<'de> DeserializeSeed<'de> for Search<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self.path {
            [] => {
                self.found.push(<&RawValue>::deserialize(from)?);
                Ok(())
            }
            _ => from.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Search<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let [step, path @ ..] = self.path else { return Ok(()) };
        while let Some(key) = entries.next_key::<String>()? {
            let leads = match step {
                Step::Each => true,
                Step::Key(name) => key == *name,
            };
            if leads {
                entries.next_value_seed(Search { path, found: &mut *self.found })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        match self.path {
            [Step::Each, path @ ..] => while list.next_element_seed(Search { path, found: &mut *self.found })?.is_some() {},
            _ => while list.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

/// The address that `reference` means on the page at `address` (RFC 3986 section 5.2), without default ports; none where it is
/// no address of HTTP.
fn joined(address: &str, reference: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let whole = if reference.contains("://") {
        reference.to_owned()
    } else if reference.starts_with("//") {
        format!("{scheme}:{reference}")
    } else if reference.starts_with('/') {
        format!("{scheme}://{host}{reference}")
    } else {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{scheme}://{host}{directory}/{reference}")
    };
    let (scheme, rest) = whole.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let origin = Endpoint::parse_any(&format!("{scheme}://{host}")).ok()?;
    let scheme = if origin.scheme == Scheme::Https { "https" } else { "http" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(format!("{scheme}://{}/{}", origin.host_header(), parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Vec<Endpoint> {
        ["https://registry.example/simple", "https://registry.example", "https://files.registry.example"]
            .map(|url| Endpoint::parse(url).unwrap())
            .into()
    }

    fn rewritten(kind: Kind, media: &str, page: &str) -> String {
        let pages = Pages { kind, ends: &ends(), here: "http://127.0.0.1:1/registry/x".into() };
        String::from_utf8(pages.rewrite(media, "https://registry.example/simple/left/", page.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn addresses_of_the_registry_lead_to_the_gateway_and_others_stay() {
        let html = "<a data-x='1' href=\"../../packages/left-1.0.tar.gz#sha256=00\">a</a><a href='https://FILES.registry.example:443/b.whl'>b</a>\
                    <a href=\"https://evil.example/c.whl\">c</a><a href=\"c-1.zip\">d</a><a href=\"/x.zip?a=b\">e</a>";
        assert_eq!(
            rewritten(Kind::Pypi, "text/html", html),
            "<a data-x='1' href=\"http://127.0.0.1:1/registry/x/~1/packages/left-1.0.tar.gz#sha256=00\">a</a>\
             <a href='http://127.0.0.1:1/registry/x/~2/b.whl'>b</a><a href=\"https://evil.example/c.whl\">c</a>\
             <a href=\"http://127.0.0.1:1/registry/x/left/c-1.zip\">d</a><a href=\"/x.zip?a=b\">e</a>"
        );
        let json = r#"{"files":[{"url":"https://files.registry.example/b.whl"},{"url":"https://registry.example.evil.example/b.whl"}]}"#;
        assert_eq!(
            rewritten(Kind::Pypi, "application/vnd.pypi.simple.v1+json", json),
            r#"{"files":[{"url":"http://127.0.0.1:1/registry/x/~2/b.whl"},{"url":"https://registry.example.evil.example/b.whl"}]}"#
        );
        let npm = r#"{"versions":{"1.0.0":{"dist":{"tarball":"https://registry.example/simple/left/-/left-1.0.0.tgz"}}}}"#;
        assert!(rewritten(Kind::Npm, "application/json", npm).contains("\"http://127.0.0.1:1/registry/x/left/-/left-1.0.0.tgz\""));
        assert_eq!(
            rewritten(
                Kind::Crates,
                "",
                r#"{"dl":"https://files.registry.example/crates","api":"https://registry.example","auth-required":true}"#
            ),
            r#"{"dl":"http://127.0.0.1:1/registry/x/~2/crates"}"#
        );
    }

    #[test]
    fn what_is_not_an_address_is_passed_on_as_it_is() {
        let page = r#"{"dist": {"tarball":"https://registry.example/simple/a.tgz"}, "versions" :{"1.0.0":{"dist":{"n":1.50,"tarball":"https:\/\/registry.example\/simple\/b.tgz"},"tarball":"https://registry.example/simple/c.tgz"},"2":7,"2.5":-7.5e400,"3":{"dist":"x"},"4":{"dist":{"tarball":null}}} }"#;
        assert_eq!(
            rewritten(Kind::Npm, "application/json", page),
            page.replace(r#""https://registry.example/simple/a.tgz""#, r#""http://127.0.0.1:1/registry/x/a.tgz""#)
                .replace(r#""https:\/\/registry.example\/simple\/b.tgz""#, r#""http://127.0.0.1:1/registry/x/b.tgz""#)
        );
        for odd in
            ["[]", "5", "null", "\"x\"", r#"{"versions":5}"#, r#"{"versions":[{"dist":{"tarball":"https://registry.example/simple/a"}}]}"#]
        {
            assert!(!rewritten(Kind::Npm, "", odd).is_empty(), "{odd}");
        }
    }

    #[test]
    fn a_page_that_is_all_values_costs_what_its_text_does() {
        let page = format!(
            r#"{{"versions":{{"1":{{"x":[{}0],"dist":{{"tarball":"https://registry.example/simple/a.tgz"}}}}}}}}"#,
            "0,".repeat(4 << 20)
        );
        assert!(rewritten(Kind::Npm, "", &page).ends_with(r#""http://127.0.0.1:1/registry/x/a.tgz"}}}}"#));
        let pages = Pages { kind: Kind::Crates, ends: &ends(), here: String::new() };
        let refused = pages.rewrite("", "https://registry.example/x", page.as_bytes()).unwrap_err();
        assert!(refused.reason.contains("more than 1048576 values"), "{refused:?}");
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let pages = Pages { kind: Kind::Npm, ends: &ends(), here: String::new() };
        assert_eq!(pages.rewrite("application/json", "https://registry.example/x", b"<html>").unwrap_err().rule, "registry/page");
    }
}
