//! Pages that name files: addresses of the registry itself become paths of the gateway. Every other address stays as it is, and
//! whoever follows it meets the proxy's verdict.

use serde_json::Value;

use super::super::Refusal;
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
        if self.kind == Kind::Pypi && !media.contains("json") {
            let text = std::str::from_utf8(page).map_err(|error| odd(error.to_string()))?;
            return Ok(self.html(text, address).into_bytes());
        }
        let mut value: Value = serde_json::from_slice(page).map_err(|error| odd(error.to_string()))?;
        for place in places(self.kind, &mut value) {
            if let Some(routed) = place.as_str().and_then(|url| self.routed(url, address)) {
                *place = Value::String(routed);
            }
        }
        if self.kind == Kind::Crates
            && let Some(config) = value.as_object_mut()
        {
            // Nothing is published from here, and the ticket comes along anyhow.
            config.remove("api");
            config.remove("auth-required");
        }
        serde_json::to_vec(&value).map_err(|error| odd(error.to_string()))
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

/// Where on a page of JSON the addresses stand.
fn places(kind: Kind, page: &mut Value) -> Vec<&mut Value> {
    match kind {
        // The whole document has a table of versions; that of one version has its own `dist`.
        Kind::Npm if page.get("versions").is_some() => {
            let versions = page.get_mut("versions").and_then(Value::as_object_mut);
            versions.into_iter().flatten().filter_map(|(_, version)| version.pointer_mut("/dist/tarball")).collect()
        }
        Kind::Npm => page.pointer_mut("/dist/tarball").into_iter().collect(),
        Kind::Pypi => {
            let files = page.get_mut("files").and_then(Value::as_array_mut);
            files.into_iter().flatten().filter_map(|file| file.get_mut("url")).collect()
        }
        Kind::Crates => page.get_mut("dl").into_iter().collect(),
        Kind::Go | Kind::Maven | Kind::Debian | Kind::Alpine => vec![],
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
    fn what_is_no_page_is_refused() {
        let pages = Pages { kind: Kind::Npm, ends: &ends(), here: String::new() };
        assert_eq!(pages.rewrite("application/json", "https://registry.example/x", b"<html>").unwrap_err().rule, "registry/page");
    }
}
