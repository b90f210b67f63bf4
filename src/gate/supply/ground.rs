//! What the base already uses: dependencies, hosts, crates that the compiler runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    address, lock,
    manifest::{self, Ecosystem},
};
use crate::{
    gate::{Error, content, finding::Judge},
    git::{self, Entry, Tree},
};

/// Files of the base that are read; what more there is counts as not used.
const FILES: usize = 4000;
/// Bytes of one of them.
const FILE: u64 = 8 << 20;
/// Bytes of all of them.
const BYTES: usize = 64 << 20;

/// What the base already uses.
#[derive(Debug, Default)]
pub(in crate::gate) struct Ground {
    names: BTreeMap<Ecosystem, BTreeSet<String>>,
    hosts: BTreeSet<(Ecosystem, String)>,
    unsafe_hosts: BTreeSet<(Ecosystem, String)>,
    locked: BTreeSet<Ecosystem>,
    build_scripts: BTreeSet<Vec<u8>>,
    macros: BTreeSet<Vec<u8>>,
}

impl Ground {
    /// Reads what the change makes it necessary to know.
    ///
    /// # Errors
    /// [`Error::Git`] when the repository cannot be read.
    pub(in crate::gate) fn of(judge: &Judge<'_>) -> Result<Self, Error> {
        let mut ground = Self::default();
        let of_packages = |path: &[u8]| {
            let path = lower(path);
            manifest::kind(&path).is_some() || lock::kind(&path).is_some()
        };
        if judge.facts().any(|fact| of_packages(&fact.path)) {
            ground.read_packages(judge)?;
        }
        ground.read_crates(judge)?;
        Ok(ground)
    }

    fn read_packages(&mut self, judge: &Judge<'_>) -> Result<(), Error> {
        let (mut files, mut bytes) = (0, 0);
        for (path, entry) in judge.change.before() {
            let path = lower(path);
            let (manifest, lock, settings) = (manifest::kind(&path), lock::kind(&path), settings(&path));
            if (manifest.is_none() && lock.is_none() && settings.is_none()) || files == FILES || bytes > BYTES {
                continue;
            }
            let Some(text) = text(judge, *entry)? else { continue };
            files += 1;
            bytes += text.len();
            if let Some(kind) = manifest {
                let manifest = manifest::read(kind, &text).unwrap_or_default();
                self.names.entry(kind.ecosystem()).or_default().extend(manifest.dependencies.into_keys());
            }
            if let Some(kind) = lock {
                self.locked.insert(kind.ecosystem());
                for source in lock::read(kind, &text).unwrap_or_default().into_iter().flat_map(|entry| entry.sources) {
                    self.add_host(kind.ecosystem(), source.host, source.safe);
                }
            }
            if let Some(ecosystem) = settings {
                address::all(&text).for_each(|(address, _)| self.add_host(ecosystem, address.host, address.safe));
            }
        }
        Ok(())
    }

    fn add_host(&mut self, ecosystem: Ecosystem, host: String, safe: bool) {
        if !safe {
            self.unsafe_hosts.insert((ecosystem, host.clone()));
        }
        self.hosts.insert((ecosystem, host));
    }

    /// Reads the manifest of every crate that has a changed file.
    fn read_crates(&mut self, judge: &Judge<'_>) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        let mut last: Option<&[u8]> = None;
        for fact in judge.facts().filter(|fact| fact.path.to_ascii_lowercase().ends_with(b".rs")) {
            let folder = folder(&fact.path);
            if last == Some(folder) {
                continue;
            }
            last = Some(folder);
            for tree in [judge.change.before(), judge.change.after()] {
                let Some((above, entry)) = crate_above(tree, folder) else { continue };
                if seen.insert((above.to_vec(), entry.id)) && entry.mode.is_file() {
                    let text = text(judge, entry)?.unwrap_or_default();
                    self.add_crate(above, &text);
                }
            }
        }
        Ok(())
    }

    fn add_crate(&mut self, folder: &[u8], manifest: &str) {
        let Ok(table) = manifest.parse::<toml::Table>() else { return };
        let is_macro = |key| table.get("lib").and_then(|lib| lib.get(key)).and_then(toml::Value::as_bool) == Some(true);
        if is_macro("proc-macro") || is_macro("proc_macro") {
            self.macros.insert(folder.to_vec());
        }
        if let Some(script) = table.get("package").and_then(|package| package.get("build")).and_then(toml::Value::as_str) {
            self.build_scripts.insert([folder, script.trim_start_matches("./").as_bytes()].concat());
        }
    }

    /// Names of dependencies that the base has.
    pub(super) fn names(&self, ecosystem: Ecosystem) -> impl Iterator<Item = &str> {
        self.names.get(&ecosystem).into_iter().flatten().map(String::as_str)
    }

    /// Whether some manifest of the base has this dependency.
    pub(super) fn has_name(&self, ecosystem: Ecosystem, name: &str) -> bool {
        self.names.get(&ecosystem).is_some_and(|names| names.contains(name))
    }

    /// Whether lockfiles or settings of the base use this host.
    pub(super) fn has_host(&self, ecosystem: Ecosystem, host: &str) -> bool {
        self.hosts.contains(&(ecosystem, host.to_owned()))
    }

    /// Whether they use it without TLS.
    pub(super) fn has_unsafe_host(&self, ecosystem: Ecosystem, host: &str) -> bool {
        self.unsafe_hosts.contains(&(ecosystem, host.to_owned()))
    }

    /// Whether the base has a lockfile at all.
    pub(super) fn is_locked(&self, ecosystem: Ecosystem) -> bool {
        self.locked.contains(&ecosystem)
    }

    /// Whether a crate names this file as its build script.
    pub(super) fn is_build_script(&self, path: &[u8]) -> bool {
        self.build_scripts.contains(path)
    }

    /// Whether this file is code of a crate of procedural macros.
    pub(super) fn is_proc_macro(&self, path: &[u8]) -> bool {
        let inside = |folder: &Vec<u8>| path.strip_prefix(folder.as_slice()).is_some_and(|rest| rest.starts_with(b"src/"));
        self.macros.iter().any(inside)
    }
}

/// A path in lower case.
fn lower(path: &[u8]) -> String {
    String::from_utf8_lossy(path).to_ascii_lowercase()
}

/// The folder of a path, with the slash at its end.
fn folder(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1)]
}

/// The nearest folder at or above `from` that has a crate's manifest.
fn crate_above<'p>(tree: &Tree, from: &'p [u8]) -> Option<(&'p [u8], Entry)> {
    let mut at = from;
    loop {
        if let Some(entry) = tree.get(&[at, b"Cargo.toml"].concat()) {
            return Some((at, *entry));
        }
        let (_, above) = at.split_last()?;
        at = folder(above);
    }
}

fn text(judge: &Judge<'_>, entry: Entry) -> Result<Option<String>, Error> {
    if !entry.mode.is_file() {
        return Ok(None);
    }
    match judge.blobs.blob(entry.id, FILE) {
        Err(git::Error::Missing(_) | git::Error::BlobTooLarge { .. }) => Ok(None),
        other => Ok(content::text(&other?).map(|text| super::without_mark(&text).to_owned())),
    }
}

/// Whose hosts a file of settings names.
fn settings(path: &str) -> Option<Ecosystem> {
    let mut names = path.rsplit('/');
    let (name, folder) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    match name {
        ".npmrc" | ".yarnrc" | ".yarnrc.yml" | "bunfig.toml" => Some(Ecosystem::Npm),
        "pip.conf" | "pip.ini" | "uv.toml" => Some(Ecosystem::Python),
        "config" | "config.toml" if folder == ".cargo" => Some(Ecosystem::Cargo),
        "auth.json" => Some(Ecosystem::Php),
        "settings.xml" => Some(Ecosystem::Jvm),
        "config" if folder == ".bundle" => Some(Ecosystem::Ruby),
        _ => None,
    }
}
