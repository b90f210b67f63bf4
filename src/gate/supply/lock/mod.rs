//! Lockfiles: which files exactly are fetched, from where, and with which hash.

mod lines;
mod node;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use super::{Lines, address, manifest::Ecosystem, named, without_mark};
use crate::{
    gate::{
        Op,
        content::File,
        finding::{Judge, Way},
    },
    policy::Changes,
    verdict::Severity::{self, Deny, Review},
};

/// The form of a lockfile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gate) enum Kind {
    PackageLock,
    Yarn,
    Pnpm,
    Cargo,
    Poetry,
    Uv,
    Pipfile,
    GoSum,
    Composer,
    Gemfile,
    GradleHashes,
    /// Any other: only the addresses in it are looked at.
    Other(Ecosystem),
}

impl Kind {
    pub(super) fn ecosystem(self) -> Ecosystem {
        match self {
            Self::PackageLock | Self::Yarn | Self::Pnpm => Ecosystem::Npm,
            Self::Cargo => Ecosystem::Cargo,
            Self::Poetry | Self::Uv | Self::Pipfile => Ecosystem::Python,
            Self::GoSum => Ecosystem::Go,
            Self::Composer => Ecosystem::Php,
            Self::Gemfile => Ecosystem::Ruby,
            Self::GradleHashes => Ecosystem::Jvm,
            Self::Other(ecosystem) => ecosystem,
        }
    }
}

/// The form of the lockfile at a path, folded.
pub(in crate::gate) fn kind(path: &str) -> Option<Kind> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    Some(match name {
        "package-lock.json" | "npm-shrinkwrap.json" => Kind::PackageLock,
        "yarn.lock" => Kind::Yarn,
        "pnpm-lock.yaml" => Kind::Pnpm,
        "cargo.lock" => Kind::Cargo,
        "poetry.lock" | "pdm.lock" => Kind::Poetry,
        "uv.lock" | "pylock.toml" => Kind::Uv,
        "pipfile.lock" => Kind::Pipfile,
        "go.sum" | "go.work.sum" => Kind::GoSum,
        "composer.lock" => Kind::Composer,
        "gemfile.lock" | "gems.locked" => Kind::Gemfile,
        "verification-metadata.xml" if folder.ends_with("gradle") => Kind::GradleHashes,
        "bun.lock" | "deno.lock" => Kind::Other(Ecosystem::Npm),
        "gradle.lockfile" | "buildscript-gradle.lockfile" => Kind::Other(Ecosystem::Jvm),
        "pixi.lock" | "conda-lock.yml" => Kind::Other(Ecosystem::Python),
        _ => return None,
    })
}

/// Where an entry's file comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::gate) struct Source {
    /// The host; for a git repository `git ` before it, for an index of crates its path after it.
    pub(super) host: String,
    /// Whether it is fetched over TLS or SSH.
    pub(super) safe: bool,
    /// The whole address.
    pub(super) address: String,
}

impl Source {
    /// None when `text` names no host.
    fn of(text: &str) -> Option<Self> {
        let found = address::of(text)?;
        let is_git = text.starts_with("git") || text.trim_end().split(['#', '?']).next().is_some_and(|text| text.ends_with(".git"));
        let host = if is_git { format!("git {}", found.host) } else { found.host };
        Some(Self { host, safe: found.safe, address: text.to_owned() })
    }
}

/// One entry of a lockfile.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::gate) struct Entry {
    /// The package that it stands for.
    pub(super) name: String,
    /// Its version.
    pub(super) version: String,
    /// Where its files come from; none where the format, or this lockfile, leaves that open.
    pub(super) sources: Vec<Source>,
    /// Hashes of its files, sorted.
    pub(super) hashes: Vec<String>,
    /// Whether the format has a hash for this entry.
    pub(super) hashed: bool,
    /// A file or folder that it is taken from.
    pub(super) file: Option<String>,
    /// Another package's name that it holds.
    pub(super) holds: Option<String>,
}

impl Entry {
    /// With its hashes, in one order.
    fn with_hashes<'t>(mut self, hashes: impl IntoIterator<Item = &'t str>) -> Self {
        self.hashes = hashes.into_iter().map(str::to_owned).filter(|hash| !hash.is_empty()).collect();
        self.hashes.sort();
        self.hashes.dedup();
        self
    }
}

/// The entries of a lockfile; none when it cannot be read.
pub(in crate::gate) fn read(kind: Kind, text: &str) -> Option<Vec<Entry>> {
    let text = without_mark(text);
    match kind {
        Kind::PackageLock => node::package_lock(text),
        Kind::Yarn => node::yarn(text),
        Kind::Pnpm => node::pnpm(text),
        Kind::Cargo => tables::cargo(text),
        Kind::Poetry => tables::poetry(text),
        Kind::Uv => tables::uv(text),
        Kind::Pipfile => tables::pipfile(text),
        Kind::Composer => tables::composer(text),
        Kind::GoSum => Some(lines::go_sum(text)),
        Kind::Gemfile => Some(lines::gemfile(text)),
        Kind::GradleHashes => lines::gradle(text),
        Kind::Other(_) => Some(lines::addresses(text)),
    }
}

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(kind) = kind(file.folded) else { return };
    if file.fact.op() == Op::Delete {
        let what = "this lockfile is gone: what it held still holds no longer".to_owned();
        judge.find("lock/removed", file, what, Way::Rule);
        return;
    }
    let is_file = |entry: Option<crate::git::Entry>| entry.is_some_and(|entry| entry.mode.is_file());
    let Some(new) = file.text.filter(|_| is_file(file.fact.new)).and_then(|text| read(kind, text)) else {
        let what = "this lockfile cannot be read with one meaning only, so nothing is known of what it fetches".to_owned();
        judge.find("lock/format", file, what, Way::Step("let the package manager write it anew"));
        return;
    };
    let old = file.old_text.filter(|_| is_file(file.fact.old)).and_then(|text| read(kind, text)).unwrap_or_default();
    if !old.is_empty() && new.is_empty() {
        judge.find("lock/removed", file, "this lockfile holds nothing any more".to_owned(), Way::Rule);
    }
    let known: BTreeSet<&Entry> = old.iter().collect();
    let mut before: BTreeMap<(&str, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in &old {
        before.entry((&entry.name, &entry.version)).or_default().push(entry);
    }
    let hashed = old.is_empty() || old.iter().any(|entry| !entry.hashes.is_empty());
    let (mut hosts, mut lines) = (BTreeSet::new(), Lines::of(file));
    for entry in new.iter().collect::<BTreeSet<_>>().into_iter().filter(|entry| !known.contains(entry)) {
        let before = before.get(&(entry.name.as_str(), entry.version.as_str())).map(Vec::as_slice).unwrap_or_default();
        judge_hosts(judge, &mut lines, kind, entry, before, &mut hosts);
        judge_hashes(judge, &mut lines, entry, before, hashed);
        if let Some(other) = entry.holds.as_ref().filter(|other| !before.iter().any(|entry| entry.holds.as_ref() == Some(other))) {
            let message = format!("the entry {} holds another package or version, {}", named(&entry.name), named(other));
            judge.find("lock/alias", lines.at(&entry.name), message, Way::Rule);
        }
    }
    if !hosts.is_empty() {
        let hosts: Vec<String> = hosts.iter().take(10).map(|host| named(host)).collect();
        let message = format!("the base has no lockfile to compare with; this one fetches from {}", hosts.join(", "));
        judge.weigh("lock/host", Review, file, message, Way::Rule);
    }
}

fn judge_hosts(
    judge: &mut Judge<'_>,
    lines: &mut Lines<'_, '_>,
    kind: Kind,
    entry: &Entry,
    before: &[&Entry],
    unknown: &mut BTreeSet<String>,
) {
    let (ground, ecosystem) = (std::sync::Arc::clone(&judge.ground), kind.ecosystem());
    let step = "let the package manager write the lockfile anew, or add the host to changes.hosts";
    for source in &entry.sources {
        let moved = || before.iter().any(|old| !old.sources.is_empty() && !old.sources.iter().any(|old| old.host == source.host));
        let allowed = allows(judge.policy, &source.host);
        let message = if !source.safe && !ground.has_unsafe_host(ecosystem, &source.host) {
            format!("{} is fetched from {} without https", named(&entry.name), named(&source.host))
        } else if !ground.has_host(ecosystem, &source.host) && !allowed {
            if !ground.is_locked(ecosystem) {
                unknown.insert(source.host.clone());
                continue;
            }
            format!(
                "{} is fetched from {}, which no lockfile or setting of the target branch uses",
                named(&entry.name),
                named(&source.host)
            )
        } else if moved() && !allowed {
            format!("the same version of {} is fetched from another host, {}", named(&entry.name), named(&source.host))
        } else {
            continue;
        };
        judge.find("lock/host", lines.at(&source.address), message, Way::Step(step));
        return;
    }
    if let Some(path) = entry.file.as_ref().filter(|path| !before.iter().any(|old| old.file.as_ref() == Some(path))) {
        let message = format!("{} is taken from {}, which is no registry", named(&entry.name), named(path));
        judge.weigh("lock/host", Review, lines.at(path), message, Way::Rule);
    }
}

fn allows(policy: &Changes, host: &str) -> bool {
    let bare = host.trim_start_matches("git ").split(['/', ':']).next().unwrap_or_default();
    bare.parse::<crate::host::Host>().is_ok_and(|host| policy.hosts.iter().any(|entry| entry.covers(&host)))
}

fn judge_hashes(judge: &mut Judge<'_>, lines: &mut Lines<'_, '_>, entry: &Entry, before: &[&Entry], hashed: bool) {
    let had = before.iter().any(|old| !old.hashes.is_empty());
    let word = entry.hashes.first().unwrap_or(&entry.name);
    let way = Way::Step("let the package manager write the lockfile anew");
    if entry.hashes.is_empty() {
        let never = !before.is_empty() && !had && before.iter().any(|old| old.sources == entry.sources);
        if (entry.hashed && hashed && !never) || had {
            judge.find("lock/hash", lines.at(word), format!("{} has no hash", named(&entry.name)), way);
        }
    } else if had {
        let weight = before.iter().filter(|old| !old.hashes.is_empty()).map(|old| swapped(&old.hashes, &entry.hashes)).min();
        if let Some(Some(weight)) = weight {
            let message = format!("{} {} has another hash than before, and is no new version", named(&entry.name), named(&entry.version));
            judge.weigh("lock/hash", weight, lines.at(word), message, way);
        }
    }
}

/// What it weighs that the same version has other hashes; nothing where they can be of the same files.
fn swapped(old: &[String], new: &[String]) -> Option<Severity> {
    let more = || new.iter().filter(|hash| !old.contains(hash));
    let of_new_kind = |hash: &String| !old.iter().any(|old| algorithm(old) == algorithm(hash));
    if more().next().is_none() {
        None
    } else if old.iter().all(|hash| new.contains(hash)) {
        // More files of the same version, as of a wheel for one more platform; or another algorithm for the same file.
        if more().all(of_new_kind) { None } else { Some(Review) }
    } else if more().all(|hash| of_new_kind(hash) && !is_weak(hash)) {
        Some(Review)
    } else {
        Some(Deny)
    }
}

fn algorithm(hash: &str) -> &str {
    hash.split_once(['-', ':', '=']).map_or("", |(algorithm, _)| algorithm)
}

fn is_weak(hash: &str) -> bool {
    matches!(algorithm(hash), "sha1" | "md5")
}
