//! Lockfiles of npm (docs.npmjs.com, "package-lock.json"), Yarn (both generations) and pnpm.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, Source};
use crate::{gate::yaml, provider::json};

/// Packages in each other in the first version of npm's format.
const DEEPEST: usize = 60;

pub(super) fn package_lock(text: &str) -> Option<Vec<Entry>> {
    let value = json::parse(text.as_bytes()).ok()?;
    let object = value.as_object()?;
    let mut entries = Vec::new();
    for (path, package) in object.get("packages").and_then(Value::as_object).into_iter().flatten() {
        if let (Some((_, name)), Some(package)) = (path.rsplit_once("node_modules/"), package.as_object()) {
            entries.extend(npm(name, package));
        }
    }
    first_version(object, &mut entries, DEEPEST)?;
    declared(&value, &mut entries);
    Some(entries)
}

fn first_version(object: &Map<String, Value>, entries: &mut Vec<Entry>, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    for (name, package) in object.get("dependencies").and_then(Value::as_object).into_iter().flatten() {
        if let Some(package) = package.as_object() {
            entries.extend(npm(name, package));
            first_version(package, entries, depth)?;
        }
    }
    Some(())
}

/// One package; none for a link to a folder of the project.
fn npm(name: &str, package: &Map<String, Value>) -> Option<Entry> {
    let text = |key: &str| package.get(key).and_then(Value::as_str);
    let is = |key: &str| package.get(key).and_then(Value::as_bool) == Some(true);
    if is("link") {
        return None;
    }
    let written = text("version").unwrap_or_default();
    // The first version of the format writes another package, an address or a path in the version's place.
    let (real, version) = match written.strip_prefix("npm:").and_then(|rest| rest.rsplit_once('@')) {
        Some((real, version)) => (Some(real), version),
        None => (text("name"), written),
    };
    let resolved = text("resolved").or_else(|| version.contains(':').then_some(version));
    let mut entry = node(name, real.unwrap_or(name), version, resolved);
    entry.hashed &= !is("inBundle") && !is("bundled");
    Some(entry.with_hashes(text("integrity").unwrap_or_default().split_whitespace()))
}

/// An entry for `name` that holds `real`, by the address or path that it is taken from.
fn node(name: &str, real: &str, version: &str, resolved: Option<&str>) -> Entry {
    let source = resolved.and_then(Source::of);
    let is_git = source.as_ref().is_some_and(|source| source.host.starts_with("git "));
    let file = resolved.filter(|_| source.is_none()).map(|text| text.trim_start_matches("file:").to_owned());
    let tarball = source.as_ref().filter(|_| !is_git).and_then(|source| other_package(&source.address, real, version));
    let holds = if real == name || is_variant(name, real) { tarball } else { Some(real.to_owned()) };
    let hashed = !is_git && file.is_none();
    Entry {
        name: name.to_owned(),
        version: version.to_owned(),
        sources: source.into_iter().collect(),
        hashed,
        file,
        holds,
        ..Entry::default()
    }
}

/// Whether a name is another one with an ending, as `string-width-cjs` is of `string-width`: a usual way to have two
/// versions of one package side by side.
fn is_variant(name: &str, real: &str) -> bool {
    name.strip_prefix(real).is_some_and(|ending| ending.starts_with('-'))
}

/// What a registry's address says that it holds, where that is not this version of this package: `…/name/-/name-1.2.3.tgz`.
fn other_package(address: &str, name: &str, version: &str) -> Option<String> {
    let path = address.split(['?', '#']).next()?;
    let (before, file) = path.rsplit_once("/-/")?;
    let before = before.replace("%2f", "/").replace("%2F", "/").replace("%40", "@");
    let scope = |rest: &str| rest.trim_end_matches('/').rsplit('/').next().is_some_and(|folder| folder.starts_with('@'));
    let named = before.strip_suffix(name).is_some_and(|rest| rest.ends_with('/') && !scope(rest));
    let short = name.rsplit('/').next().unwrap_or(name);
    let file = file.rsplit('/').next()?.trim_end_matches(".tgz").trim_end_matches(".tar.gz");
    let numbered = version.is_empty()
        || file.strip_prefix(short).is_some_and(|rest| rest.trim_start_matches(['-', 'v']) == version.trim_start_matches('v'));
    let numbered = numbered || version.contains(':') || file.contains('+') || version.contains('+') || file.contains('%');
    let what = || before.rsplit("://").next().unwrap_or_default().split_once('/').map_or("", |(_, path)| path).to_owned() + " " + file;
    (!named || !numbered).then(what)
}

/// What the root asks for may be declared as another package; then the manifest tells of it.
fn declared(value: &Value, entries: &mut [Entry]) {
    let root = value.get("packages").and_then(|packages| packages.get(""));
    let tables = ["dependencies", "devDependencies", "optionalDependencies"];
    let asked: BTreeMap<&str, &str> = tables
        .iter()
        .filter_map(|table| root?.get(*table)?.as_object())
        .flatten()
        .filter_map(|(name, version)| Some((name.as_str(), version.as_str()?.strip_prefix("npm:")?)))
        .collect();
    for entry in entries {
        let real = asked.get(entry.name.as_str()).filter(|asked| entry.holds.as_deref().is_some_and(|real| is_version_of(asked, real)));
        if real.is_some() {
            entry.holds = None;
        }
    }
}

/// Whether `asked`, `name@range`, is of the package `real`.
fn is_version_of(asked: &str, real: &str) -> bool {
    asked.strip_prefix(real).is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
}

pub(super) fn yarn(text: &str) -> Option<Vec<Entry>> {
    if text.lines().any(|line| line.starts_with("__metadata:")) { berry(text) } else { Some(classic(text)) }
}

/// The name of a descriptor such as `@scope/name@range`, and the range.
fn descriptor(text: &str) -> (&str, &str) {
    let text = text.trim().trim_matches('"');
    match text.get(1..).and_then(|rest| rest.find('@')) {
        Some(at) => (&text[..=at], &text[at + 2..]),
        None => (text, ""),
    }
}

/// The package that a descriptor or a resolution names.
fn real_name<'t>(name: &'t str, range: &'t str) -> &'t str {
    let aliased = range.strip_prefix("npm:").map(descriptor).filter(|(_, range)| !range.is_empty());
    aliased.map_or(name, |(real, _)| real)
}

fn classic(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut block: Option<(String, BTreeMap<String, String>)> = None;
    for line in text.lines().chain(["end:"]) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            entries.extend(block.take().map(|(head, fields)| classic_entry(&head, &fields)));
            block = Some((line.trim_end().trim_end_matches(':').to_owned(), BTreeMap::new()));
        } else if let (Some((_, fields)), Some(field)) = (&mut block, line.strip_prefix("  ").filter(|line| !line.starts_with(' '))) {
            let (key, value) = field.split_once([' ', ':']).unwrap_or((field, ""));
            fields.insert(key.trim_matches('"').to_owned(), value.trim_start_matches([':', ' ']).trim().trim_matches('"').to_owned());
        }
    }
    entries
}

fn classic_entry(head: &str, fields: &BTreeMap<String, String>) -> Entry {
    let (name, range) = descriptor(head.split(',').next().unwrap_or_default());
    let field = |key: &str| fields.get(key).map(String::as_str);
    let (version, resolved) = (field("version").unwrap_or_default(), field("resolved"));
    let fragment = resolved.and_then(|resolved| resolved.split_once('#')).map(|(_, fragment)| format!("sha1-{fragment}"));
    let entry = node(name, real_name(name, range), version, resolved);
    let hashes = field("integrity").unwrap_or_default().split_whitespace().chain(fragment.as_deref());
    entry.with_hashes(hashes)
}

fn berry(text: &str) -> Option<Vec<Entry>> {
    let documents = yaml::parse(text)?;
    let mut entries = Vec::new();
    for (head, fields) in documents.iter().flat_map(|document| document.pairs()) {
        let head = head.text()?;
        let field = |key: &str| fields.field(key).and_then(yaml::Value::text);
        let Some(resolution) = field("resolution") else { continue };
        let (name, _) = descriptor(head.split(',').next().unwrap_or_default());
        let (real, from) = descriptor(resolution);
        let archive = from.split_once("__archiveUrl=").map(|(_, url)| url.replace("%3A", ":").replace("%2F", "/"));
        let is_local = ["workspace:", "link:", "portal:", "patch:", "file:", "virtual:"].iter().any(|kind| from.starts_with(kind));
        let resolved = archive.as_deref().or_else(|| (!from.starts_with("npm:") && !is_local).then_some(from));
        let mut entry = node(name, real, field("version").unwrap_or_default(), resolved);
        entry.hashed = !is_local && field("conditions").is_none();
        let hash = field("checksum").map(|sum| sum.replacen('/', "-", 1));
        entries.push(entry.with_hashes(hash.as_deref()));
    }
    Some(entries)
}

pub(super) fn pnpm(text: &str) -> Option<Vec<Entry>> {
    let documents = yaml::parse(text)?;
    let mut entries = Vec::new();
    for document in &documents {
        for (key, package) in document.get("packages").flat_map(|packages| packages.pairs()) {
            let key = key.text()?;
            let field = |name: &str| package.field(name).and_then(yaml::Value::text);
            let resolution = package.field("resolution");
            let part = |name: &str| resolution.and_then(|resolution| resolution.field(name)).and_then(yaml::Value::text);
            let (name, version) = pnpm_key(key);
            let resolved = part("tarball").or_else(|| part("repo"));
            let mut entry =
                node(field("name").unwrap_or(name), field("name").unwrap_or(name), field("version").unwrap_or(version), resolved);
            entry.hashed &= part("directory").is_none() && part("repo").is_none() && !is_codeload(resolved);
            entries.push(entry.with_hashes(part("integrity").unwrap_or_default().split_whitespace()));
        }
        let importers = document.get("importers").flat_map(|importers| importers.pairs().map(|(_, importer)| importer));
        let snapshots = document.get("snapshots").flat_map(|snapshots| snapshots.pairs().map(|(_, snapshot)| snapshot));
        for holder in importers.chain(snapshots) {
            for table in ["dependencies", "devDependencies", "optionalDependencies"] {
                let pairs = holder.get(table).flat_map(|table| table.pairs());
                entries.extend(pairs.filter_map(|(name, value)| pnpm_alias(name.text()?, value)));
            }
        }
    }
    Some(entries)
}

/// Whether an address is an archive of a git repository's commit, which pnpm writes no hash for.
fn is_codeload(resolved: Option<&str>) -> bool {
    resolved.is_some_and(|address| address.contains("/tar.gz/") || address.contains("/archive.tar.gz") || address.contains("/get/"))
}

/// `name` and `version` of `name@1`, `/name@1` or `/name/1`, without what stands for its peers.
fn pnpm_key(key: &str) -> (&str, &str) {
    let key = key.trim_start_matches('/').split('(').next().unwrap_or_default();
    match descriptor(key) {
        (_, "") => key.rsplit_once('/').unwrap_or((key, "")),
        found => found,
    }
}

/// A dependency that is asked for by one name and is another package, without the manifest's asking for that.
fn pnpm_alias(name: &str, value: &yaml::Value) -> Option<Entry> {
    let field = |key: &str| value.field(key).and_then(yaml::Value::text);
    let version = value.text().or_else(|| field("version"))?;
    let asked = field("specifier").unwrap_or_default();
    let (real, number) = descriptor(version.split('(').next().unwrap_or_default());
    let is_package = number.starts_with(|c: char| c.is_ascii_digit()) && !version.contains(':');
    let strange = is_package && real != name && !is_variant(name, real) && !asked.starts_with("npm:");
    strange.then(|| Entry { name: name.to_owned(), version: String::new(), holds: Some(real.to_owned()), ..Entry::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_must_hold_what_the_entry_says() {
        for (address, name, version) in [
            ("https://r.example/a/-/a-1.2.3.tgz", "a", "1.2.3"),
            ("https://r.example/@s/a/-/a-1.2.3.tgz#abc", "@s/a", "1.2.3"),
            ("https://r.example/@s%2fa/-/a-1.2.3.tgz", "@s/a", "1.2.3"),
            ("https://r.example/x/npm/@s/a/-/@s/a-1.2.3-rc.1.tgz", "@s/a", "1.2.3-rc.1"),
            ("https://r.example/download/a/1.2.3/hash", "a", "1.2.3"),
        ] {
            assert_eq!(other_package(address, name, version), None, "{address}");
        }
        for (address, name, version) in [
            ("https://r.example/b/-/b-1.2.3.tgz", "a", "1.2.3"),
            ("https://r.example/xa/-/a-1.2.3.tgz", "a", "1.2.3"),
            ("https://r.example/@evil/a/-/a-1.2.3.tgz", "@s/a", "1.2.3"),
            ("https://r.example/a/-/a-1.2.4.tgz", "a", "1.2.3"),
            ("https://r.example/a/-/b-1.2.3.tgz", "a", "1.2.3"),
        ] {
            assert!(other_package(address, name, version).is_some(), "{address}");
        }
    }

    #[test]
    fn every_generation_of_yarn_and_pnpm_is_read() {
        let classic = "# yarn lockfile v1\n\n\"@s/a@^1.0.0\", \"@s/a@~1\":\n  version \"1.0.1\"\n  resolved \"https://r.example/@s/a/-/a-1.0.1.tgz#aa\"\n  integrity sha512-x\n  dependencies:\n    b \"1\"\n";
        let entries = yarn(classic).unwrap();
        assert_eq!((entries.len(), entries[0].name.as_str(), entries[0].hashes.len()), (1, "@s/a", 2));
        let berry = "__metadata:\n  version: 8\n\n\"a@npm:^1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  checksum: 10c0/abc\n\n\"x@workspace:.\":\n  version: 0.0.0\n  resolution: \"x@workspace:.\"\n";
        let entries = yarn(berry).unwrap();
        assert_eq!((entries.len(), entries[0].hashes[0].as_str(), entries[1].hashed), (2, "10c0-abc", false));
        for key in ["/a/1.0.0", "/a@1.0.0", "a@1.0.0", "a@1.0.0(b@2)"] {
            assert_eq!(pnpm_key(key), ("a", "1.0.0"), "{key}");
        }
        assert_eq!(pnpm_key("/@s/a/1.0.0"), ("@s/a", "1.0.0"));
    }
}
