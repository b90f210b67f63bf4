//! Lockfiles that are TOML or JSON tables: Cargo, Poetry, PDM, uv, Pipenv, Composer.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Entry, Source};
use crate::provider::json;

fn packages<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn entry(package: &Table) -> Entry {
    Entry { name: text(package, "name").to_owned(), version: text(package, "version").to_owned(), ..Entry::default() }
}

pub(super) fn cargo(file: &str) -> Option<Vec<Entry>> {
    let table: Table = file.parse().ok()?;
    let old_sums = table.get("metadata").and_then(Value::as_table);
    let read = |package: &Table| {
        let mut entry = entry(package);
        let address = text(package, "source");
        let is_git = address.starts_with("git+");
        entry.hashed = !address.is_empty() && !is_git;
        entry.sources = Source::of(address).map(|source| if is_git { source } else { index(source) }).into_iter().collect();
        let key = format!("checksum {} {} ({address})", entry.name, entry.version);
        let sum = package.get("checksum").or_else(|| old_sums?.get(&key)).and_then(Value::as_str);
        entry.with_hashes(sum)
    };
    Some(packages(&table, "package").map(read).collect())
}

/// An index of crates is told by its whole address: one host may have several.
fn index(source: Source) -> Source {
    let path = source.address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    Source { host: format!("{}/{}", source.host, path.trim_end_matches('/')), ..source }
}

pub(super) fn poetry(file: &str) -> Option<Vec<Entry>> {
    let table: Table = file.parse().ok()?;
    let old_files = table.get("metadata").and_then(|metadata| metadata.get("files")).and_then(Value::as_table);
    let read = |package: &Table| {
        let mut entry = entry(package);
        let source = package.get("source").and_then(Value::as_table);
        let address = source.map(|source| text(source, "url")).unwrap_or_default();
        let is_git = source.is_some_and(|source| text(source, "type") == "git") || package.contains_key("git");
        entry.sources = Source::of(&if is_git { format!("git+{address}") } else { address.to_owned() }).into_iter().collect();
        let is_folder = source.is_some_and(|source| matches!(text(source, "type"), "directory" | "file")) || package.contains_key("path");
        entry.hashed = !is_git && !is_folder;
        let key = format!("{} {}", entry.name, entry.version);
        let files = package.get("files").or_else(|| old_files?.get(&entry.name)).or_else(|| old_files?.get(&key));
        let files: Vec<&Table> = files.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table).collect();
        entry.sources.extend(files.iter().filter_map(|file| Source::of(text(file, "url"))));
        let whole = files.iter().all(|file| !text(file, "hash").is_empty());
        entry.with_hashes(files.iter().filter(|_| whole).map(|file| text(file, "hash")))
    };
    Some(packages(&table, "package").map(read).collect())
}

pub(super) fn uv(file: &str) -> Option<Vec<Entry>> {
    let table: Table = file.parse().ok()?;
    let read = |package: &Table| {
        let mut entry = entry(package);
        let source = package.get("source").and_then(Value::as_table);
        let part = |key: &str| source.and_then(|source| source.get(key)).and_then(Value::as_str);
        let git = part("git").map(|address| format!("git+{address}"));
        let vcs = package.get("vcs").and_then(|vcs| vcs.get("url")).and_then(Value::as_str).map(|address| format!("git+{address}"));
        let index = package.get("index").and_then(Value::as_str);
        let addresses = [git.as_deref(), vcs.as_deref(), part("registry"), part("url"), index];
        entry.sources = addresses.into_iter().flatten().filter_map(Source::of).collect();
        let wheels = package.get("wheels").and_then(Value::as_array).into_iter().flatten();
        let one = ["sdist", "archive"].iter().filter_map(|key| package.get(*key));
        let files: Vec<&Table> = wheels.chain(one).filter_map(Value::as_table).collect();
        entry.sources.extend(files.iter().filter_map(|file| Source::of(text(file, "url"))));
        entry.sources.sort();
        entry.sources.dedup_by(|a, b| a.host == b.host && a.safe == b.safe);
        entry.hashed = !files.is_empty();
        let hash = |file: &Table| match file.get("hashes").and_then(Value::as_table) {
            Some(hashes) => {
                hashes.iter().map(|(kind, hash)| format!("{kind}:{}", hash.as_str().unwrap_or_default())).next().unwrap_or_default()
            }
            None => text(file, "hash").to_owned(),
        };
        let hashes: Vec<String> = files.iter().map(|file| hash(file)).collect();
        let whole = hashes.iter().all(|hash| !hash.is_empty());
        entry.with_hashes(hashes.iter().filter(|_| whole).map(String::as_str))
    };
    Some(packages(&table, "package").chain(packages(&table, "packages")).map(read).collect())
}

pub(super) fn pipfile(file: &str) -> Option<Vec<Entry>> {
    let value = json::parse(file.as_bytes()).ok()?;
    let mut entries = Vec::new();
    for (section, packages) in value.as_object()? {
        if section == "_meta" {
            let sources = packages.get("sources").and_then(Json::as_array).into_iter().flatten();
            let addresses = sources.filter_map(|source| source.get("url").and_then(Json::as_str)).filter_map(Source::of);
            entries.extend(addresses.map(|source| Entry { name: "sources".to_owned(), sources: vec![source], ..Entry::default() }));
            continue;
        }
        for (name, package) in packages.as_object().into_iter().flatten() {
            let part = |key: &str| package.get(key).and_then(Json::as_str);
            let git = part("git").map(|address| if address.starts_with("git") { address.to_owned() } else { format!("git+{address}") });
            let address = git.as_deref().or_else(|| part("file")).and_then(Source::of);
            let is_folder = part("path").is_some() || part("git").is_some();
            let hashes = package.get("hashes").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
            let entry = Entry { name: name.clone(), version: part("version").unwrap_or_default().to_owned(), ..Entry::default() };
            entries.push(Entry { sources: address.into_iter().collect(), hashed: !is_folder, ..entry }.with_hashes(hashes));
        }
    }
    Some(entries)
}

pub(super) fn composer(file: &str) -> Option<Vec<Entry>> {
    let value = json::parse(file.as_bytes()).ok()?;
    value.as_object()?;
    let lists = ["packages", "packages-dev"].iter().filter_map(|key| value.get(*key)?.as_array());
    let read = |package: &Json| {
        let part = |place: &str, key: &str| package.get(place).and_then(|place| place.get(key)).and_then(Json::as_str).unwrap_or_default();
        let field = |key: &str| package.get(key).and_then(Json::as_str).unwrap_or_default();
        let addresses = [part("source", "url"), part("dist", "url")];
        // A branch moves; a version does not.
        let moves = field("version").starts_with("dev-") || field("version").ends_with("-dev");
        let sum = |kind: &str, text: &str| (!text.is_empty() && !moves).then(|| format!("{kind}:{text}"));
        let hashes =
            [sum("source", part("source", "reference")), sum("dist", part("dist", "reference")), sum("sha1", part("dist", "shasum"))];
        let path = (part("dist", "type") == "path").then(|| part("dist", "url").to_owned());
        Entry {
            name: field("name").to_owned(),
            version: field("version").to_owned(),
            sources: addresses.iter().filter_map(|address| Source::of(address)).collect(),
            hashed: !moves && path.is_none(),
            file: path,
            ..Entry::default()
        }
        .with_hashes(hashes.iter().flatten().map(String::as_str))
    };
    Some(lists.flatten().map(read).collect())
}
