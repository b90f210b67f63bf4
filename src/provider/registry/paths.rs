//! Paths of packages, kind by kind.

use super::{super::Refusal, shown};
use crate::policy::{
    Registry,
    registry::{Kind, is_module_within},
};

/// Where a read goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of [`super::ends`].
    pub end: usize,
    /// The path below it, as it is sent.
    pub path: String,
}

/// What the clients of a kind ask for. `*` stands for what is left of one part, a `**` for one part or more; none of them begins
/// with `.` or `-`, where registries have their own calls.
struct Shapes {
    /// Below the registry's address.
    index: &'static [&'static str],
    /// Below every address of it: the files that its pages name.
    files: &'static [&'static str],
}

fn shapes(kind: Kind) -> Shapes {
    let (index, files): (&[_], &[_]) = match kind {
        // github.com/npm/registry, docs/REGISTRY-API.md; the last one is how GitLab names tarballs.
        Kind::Npm => (
            &["/*", "/*/*", "/@*/*", "/@*/*/*", "/*/-/*.tgz", "/@*/*/-/*.tgz", "/@*/*/-/@*/*.tgz"],
            &["/**/*.tgz", "/**/-/*.tgz", "/**/-/@*/*.tgz"],
        ),
        // PEP 503 and 691; names of files by PEP 427, 625 and 658.
        Kind::Pypi => (
            &["/*", "/*/"],
            &[
                "/**/*.whl",
                "/**/*.whl.metadata",
                "/**/*.tar.gz",
                "/**/*.tar.gz.metadata",
                "/**/*.zip",
                "/**/*.tar.bz2",
                "/**/*.tgz",
                "/**/*.egg",
            ],
        ),
        // doc.rust-lang.org/cargo/reference/registry-index.html; `is_index_of_a_crate` has more to say.
        Kind::Crates => (&["/config.json", "/1/*", "/2/*", "/3/*/*", "/*/*/*"], &["/**/download", "/**/*.crate"]),
        // go.dev/ref/mod#goproxy-protocol; the module is judged besides.
        Kind::Go => (&["/**/@v/list", "/**/@v/*.info", "/**/@v/*.mod", "/**/@v/*.zip", "/**/@latest"], &[]),
        // maven.apache.org/repositories/layout.html, and Gradle's module files.
        Kind::Maven => (
            &[
                "/**/maven-metadata.xml",
                "/**/*.pom",
                "/**/*.jar",
                "/**/*.war",
                "/**/*.aar",
                "/**/*.module",
                "/**/*.klib",
                "/**/*.zip",
                "/**/*.tar.gz",
                "/**/*.exe",
            ],
            &[],
        ),
        // wiki.debian.org/DebianRepository/Format.
        Kind::Debian => (
            &[
                "/dists/**",
                "/pool/**/*.deb",
                "/pool/**/*.udeb",
                "/pool/**/*.dsc",
                "/pool/**/*.tar.gz",
                "/pool/**/*.tar.xz",
                "/pool/**/*.tar.bz2",
                "/pool/**/*.tar.zst",
                "/pool/**/*.diff.gz",
                "/pool/**/*.asc",
            ],
            &[],
        ),
        // wiki.alpinelinux.org/wiki/Apk_spec.
        Kind::Alpine => (&["/**/APKINDEX.tar.gz", "/**/*.apk"], &[]),
    };
    Shapes { index, files }
}

/// What stands behind the name of a Maven file for its digest or its signature.
const DIGESTS: &[&str] = &[".sha1", ".md5", ".sha256", ".sha512", ".asc"];

/// Judges the path that follows the kind in a request to a registry: below its own address, or `/~1/…` at the root of its host,
/// and `/~2/…` and on at the places of its files.
///
/// # Errors
/// Every path that is not that of a package, that has a query, or that could be read in two ways.
pub fn place(registry: &Registry, path: &str, query: Option<&str>) -> Result<Place, Refusal> {
    if query.is_some() {
        return Err(Refusal::new("registry/query", "a query is not sent to a registry: no package manager needs one to read"));
    }
    let (end, path) = end(path);
    let odd = |why| Refusal::new("registry/path", format!("{}: {why}", shown(path)));
    let plain = plain(registry.kind, path).ok_or_else(|| odd("has characters or parts that could be read in two ways"))?;
    let known = registry.files.len() + 2;
    let named = end < known && (end == 0 && is_index(registry.kind, &plain) || is_file(registry.kind, &plain));
    if !named {
        return Err(odd("is not the path of a package of this registry; nothing else of it can be asked for"));
    }
    if registry.kind == Kind::Go {
        judge_module(registry, &plain)?;
    }
    Ok(Place { end, path: path.to_owned() })
}

/// The number of the far end, and the path there.
fn end(path: &str) -> (usize, &str) {
    let numbered = path.strip_prefix("/~").and_then(|rest| {
        let (number, _) = rest.split_once('/')?;
        let end = number.parse().ok().filter(|end| *end > 0 && number.len() < 3)?;
        Some((end, &rest[number.len()..]))
    });
    numbered.unwrap_or((0, path))
}

/// The path with its escapes undone, if it has one meaning: the escapes are those that package managers write, and none makes
/// another one.
fn plain(kind: Kind, path: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = path.strip_prefix('/')?.chars();
    while let Some(c) = rest.next() {
        plain.push(match c {
            '%' => {
                let code: String = rest.by_ref().take(2).collect();
                match code.to_ascii_lowercase().as_str() {
                    "21" => '!',
                    "2b" => '+',
                    "40" => '@',
                    "7e" => '~',
                    // The one place where npm writes it: between a scope and a name.
                    "2f" if kind == Kind::Npm && plain.starts_with('@') && !plain.contains('/') => '/',
                    _ => return None,
                }
            }
            c if c.is_ascii_alphanumeric() || "-._~!@+=,/".contains(c) => c,
            _ => return None,
        });
    }
    let inner = plain.strip_suffix('/').unwrap_or(&plain);
    let sound = !inner.is_empty() && inner.split('/').all(|part| !matches!(part, "" | "." | ".."));
    sound.then(|| format!("/{plain}"))
}

fn is_index(kind: Kind, path: &str) -> bool {
    let path = match kind {
        Kind::Maven => DIGESTS.iter().find_map(|digest| path.strip_suffix(digest)).unwrap_or(path),
        _ => path,
    };
    shapes(kind).index.iter().any(|shape| fits(shape, path)) && (kind != Kind::Crates || is_index_of_a_crate(path))
}

fn is_file(kind: Kind, path: &str) -> bool {
    shapes(kind).files.iter().any(|shape| fits(shape, path))
}

/// Whether the directories are those that the crate's name asks for.
fn is_index_of_a_crate(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    if path == "/config.json" {
        return true;
    }
    let sound = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    let directories = match name.len() {
        0 => return false,
        short @ (1 | 2) => short.to_string(),
        3 => format!("3/{}", name.get(..1).unwrap_or_default()),
        _ => format!("{}/{}", name.get(..2).unwrap_or_default(), name.get(2..4).unwrap_or_default()),
    };
    sound && path == format!("/{directories}/{name}")
}

/// A proxy for Go fetches whatever host a module names, so only listed ones are asked for.
fn judge_module(registry: &Registry, path: &str) -> Result<(), Refusal> {
    // Up to the last one, as a proxy's own greedy reading would have it: no module has `@` in it.
    let coded = path.rsplit_once("/@").map_or("", |(module, _)| module).trim_start_matches('/');
    let refused = |why: &str| Refusal::new("registry/module", format!("{}: {why}", shown(coded)));
    let module = unescaped(coded).ok_or_else(|| refused("is no escaped path of a module"))?;
    if registry.modules.iter().any(|granted| is_module_within(&module, granted)) {
        return Ok(());
    }
    Err(refused("the policy does not list this module (network.registry.modules), and a proxy would fetch its host"))
}

/// Undoes the `!x` that stands for a capital letter (go.dev/ref/mod#module-proxy).
fn unescaped(coded: &str) -> Option<String> {
    let mut module = String::new();
    let mut rest = coded.chars();
    while let Some(c) = rest.next() {
        module.push(match c {
            '!' => rest.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase(),
            c if c.is_ascii_uppercase() || c == '@' => return None,
            c => c,
        });
    }
    Some(module)
}

fn fits(shape: &str, path: &str) -> bool {
    let (shape, path): (Vec<_>, Vec<_>) = (shape.split('/').skip(1).collect(), path.split('/').skip(1).collect());
    parts_fit(&shape, &path)
}

fn parts_fit(shape: &[&str], path: &[&str]) -> bool {
    match (shape, path) {
        ([], []) => true,
        (["**", rest @ ..], [first, after @ ..]) => free(first) && (parts_fit(rest, after) || parts_fit(shape, after)),
        ([part, rest @ ..], [first, after @ ..]) => part_fits(part, first) && parts_fit(rest, after),
        _ => false,
    }
}

fn part_fits(shape: &str, part: &str) -> bool {
    match shape.split_once('*') {
        None => shape == part,
        Some((before, after)) => part.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).is_some_and(free),
    }
}

fn free(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(kind: Kind) -> Registry {
        Registry {
            kind,
            url: "https://registry.example".into(),
            files: vec!["https://files.registry.example".into()],
            modules: vec!["git.example/team".into(), "git.example/Big/one".into()],
            ca_file: None,
        }
    }

    #[test]
    fn what_the_tools_ask_for_goes_on() {
        for (kind, path) in [
            (Kind::Npm, "/left"),
            (Kind::Npm, "/@team%2fleft"),
            (Kind::Npm, "/@team/left"),
            (Kind::Npm, "/left/1.0.0"),
            (Kind::Npm, "/left/-/left-1.0.0.tgz"),
            (Kind::Npm, "/@team/left/-/left-1.0.0.tgz"),
            (Kind::Npm, "/@team/left/-/@team/left-1.0.0.tgz"),
            (Kind::Npm, "/~1/npm/left/-/left-1.0.0.tgz"),
            (Kind::Pypi, "/left/"),
            (Kind::Pypi, "/~2/packages/0a/left-1.0%2Bcpu-py3-none-any.whl"),
            (Kind::Pypi, "/~2/packages/0a/left-1.0-py3-none-any.whl.metadata"),
            (Kind::Crates, "/config.json"),
            (Kind::Crates, "/1/a"),
            (Kind::Crates, "/3/a/abc"),
            (Kind::Crates, "/le/ft/left-pad"),
            (Kind::Crates, "/~1/api/v1/crates/left-pad/1.0.0/download"),
            (Kind::Crates, "/~2/crates/left-pad/left-pad-1.0.0.crate"),
            (Kind::Go, "/git.example/team/x/@v/list"),
            (Kind::Go, "/git.example/!big/one/@v/v1.0.0+incompatible.zip"),
            (Kind::Go, "/git.example/team/@latest"),
            (Kind::Go, "/git.example/%21big/one/@v/v1.0.0.info"),
            (Kind::Maven, "/org/example/left/1.0/left-1.0.jar.sha1"),
            (Kind::Maven, "/org/example/left/maven-metadata.xml"),
            (Kind::Debian, "/dists/stable/InRelease"),
            (Kind::Debian, "/pool/main/l/left/left_1.0%2bdeb_amd64.deb"),
            (Kind::Alpine, "/v3.20/main/x86_64/APKINDEX.tar.gz"),
        ] {
            let place = place(&registry(kind), path, None);
            assert!(place.as_ref().is_ok_and(|place| path.ends_with(&place.path)), "{path}: {place:?}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (kind, path, rule) in [
            (Kind::Npm, "/-/whoami", "registry/path"),
            (Kind::Npm, "/-/npm/v1/tokens", "registry/path"),
            (Kind::Npm, "/-/v1/search", "registry/path"),
            (Kind::Npm, "/left/-rev/1", "registry/path"),
            (Kind::Npm, "/left%2f..%2fx", "registry/path"),
            (Kind::Npm, "/@team%2fleft%2f..", "registry/path"),
            (Kind::Npm, "/@team%2f..", "registry/path"),
            (Kind::Npm, "/left/../x", "registry/path"),
            (Kind::Npm, "//evil.example/x", "registry/path"),
            (Kind::Npm, "/left%00", "registry/path"),
            (Kind::Npm, "/left%252f", "registry/path"),
            (Kind::Npm, "/left;x", "registry/path"),
            (Kind::Npm, "/http://evil.example/x.tgz", "registry/path"),
            (Kind::Npm, "/~3/x/y.tgz", "registry/path"),
            (Kind::Npm, "/~1/left", "registry/path"),
            (Kind::Npm, "/", "registry/path"),
            (Kind::Npm, "", "registry/path"),
            (Kind::Pypi, "/", "registry/path"),
            (Kind::Pypi, "/~2/legacy/", "registry/path"),
            (Kind::Pypi, "/left%2fx/", "registry/path"),
            (Kind::Crates, "/api/v1/crates", "registry/path"),
            (Kind::Crates, "/xx/ft/left-pad", "registry/path"),
            (Kind::Crates, "/~1/me", "registry/path"),
            (Kind::Go, "/evil.example/x/@v/list", "registry/module"),
            (Kind::Go, "/git.example/teamx/@v/list", "registry/module"),
            (Kind::Go, "/git.example/team@x/@v/list", "registry/module"),
            (Kind::Go, "/git.example/!Team/@v/list", "registry/module"),
            (Kind::Go, "/git.example/team/../../evil.example/x/@v/list", "registry/path"),
            (Kind::Go, "/git.example/@v/list", "registry/module"),
            (Kind::Go, "/sumdb/sum.example/lookup/x@v1", "registry/path"),
            (Kind::Go, "/evil.example/x/@v/@v/list", "registry/module"),
            (Kind::Go, "/git.example/team/@v/evil.example/x/@v/list", "registry/module"),
            (Kind::Go, "/git.example/team/@latest/@v/list", "registry/module"),
            (Kind::Maven, "/service/rest/v1/status", "registry/path"),
            (Kind::Debian, "/pool/main/x.html", "registry/path"),
            (Kind::Debian, "/dists/../x", "registry/path"),
            (Kind::Alpine, "/v3.20/main", "registry/path"),
        ] {
            assert_eq!(place(&registry(kind), path, None).unwrap_err().rule, rule, "{kind:?} {path}");
        }
        assert_eq!(place(&registry(Kind::Npm), "/left", Some("write=true")).unwrap_err().rule, "registry/query");
    }
}
