//! The candidate: the tree that the workspace's bytes make, and its difference from the base.

use std::{collections::BTreeSet, path::Path};

use super::{
    Error, Limits,
    ignore::ignored,
    listing::{Descend, Listing, Root, What},
    manifest::{Kind, Manifest},
    staging::{Found, Stage},
    unchanged::same_as_base,
};
use crate::{
    digest::Digest,
    gate::{Change, Fact, Oddity, git_refuses},
    git::{Attributes, Entry, Mode, Oid, Repository, Tree},
};

/// A tree of ours, made from the workspace's bytes, with what it changes.
#[derive(Debug)]
pub struct Candidate {
    /// The tree, in the repository that was given.
    pub tree: Oid,
    /// Its difference from the base.
    pub change: Change,
}

/// Bytes of the agent's repository's configuration that are compared.
const CONFIG: u64 = 1 << 20;

/// Inspects the workspace at `path` against what was handed over. Every process of the agent must be dead.
///
/// # Errors
/// Any [`Error`]; then nothing is known of the change. Their exit code is mostly 71.
pub fn candidate(manifest: &Manifest, path: &Path, repository: &Repository, limits: Limits, ci_config: &str) -> Result<Candidate, Error> {
    let root = Root::open(path, limits)?;
    let base = repository.list(manifest.tree)?;
    let listing = list(&root, &base, Some(manifest.owner))?;
    let mut found = Vec::new();
    for (path, what) in &listing {
        let old = base.get(path).copied();
        match compare(manifest, &root, path, what)? {
            Compared::Same => {}
            Compared::Mode if old.is_some() => {
                found.push(Found { path: path.clone(), what: what.clone(), old, same_bytes: true, same_mode: false })
            }
            Compared::Mode => found.push(Found { path: path.clone(), what: what.clone(), old, same_bytes: false, same_mode: false }),
            Compared::Bytes { same_mode } => {
                found.push(Found { path: path.clone(), what: what.clone(), old, same_bytes: false, same_mode })
            }
        }
    }
    let gone: Vec<Vec<u8>> =
        base.keys().filter(|path| !listing.contains_key(*path) && manifest.files.contains_key(*path)).cloned().collect();
    let mut made = finish(&root, repository, manifest.tree, &base, found, gone, ci_config)?;
    made.change.own_repository_touched = repository_touched(&root, manifest);
    Ok(made)
}

/// Inspects the work tree at `path` against the tree `base_tree`, with no record of what was there before: what a
/// checkout of the base would hold is unchanged, everything else is a change. Files that a sparse checkout left out
/// count as removed.
///
/// # Errors
/// As [`candidate`].
pub fn worktree(path: &Path, base_tree: Oid, repository: &Repository, limits: Limits, ci_config: &str) -> Result<Candidate, Error> {
    let root = Root::open(path, limits)?;
    let base = repository.list(base_tree)?;
    let listing = list(&root, &base, None)?;
    let tracked: Vec<Vec<u8>> = listing.keys().filter(|path| base.contains_key(*path)).cloned().collect();
    let attributes = repository.attributes(base_tree, &tracked)?;
    let none = Attributes::default();
    let mut found = Vec::new();
    for (path, what) in &listing {
        let old = base.get(path).copied();
        let same_bytes = match (old, what) {
            (Some(entry), What::File { .. }) if entry.mode.is_file() => {
                same_as_base(&root, repository, path, entry, attributes.get(path).unwrap_or(&none))?
            }
            (Some(entry), What::Symlink) if entry.mode == Mode::Symlink => Oid::of_blob(&root.link(path)?)? == entry.id,
            (Some(entry), What::Folder) => entry.mode == Mode::Gitlink,
            (None, What::Folder) => !is_repository(path),
            _ => false,
        };
        let same_mode = old.is_some_and(|entry| {
            mode_of(what) == entry.mode || matches!((entry.mode, what), (Mode::Odd(_), What::File { .. }) | (Mode::Gitlink, What::Folder))
        });
        if !(same_bytes && (same_mode || old.is_none())) {
            found.push(Found { path: path.clone(), what: what.clone(), old, same_bytes, same_mode });
        }
    }
    let gone: Vec<Vec<u8>> = base.keys().filter(|path| !listing.contains_key(*path)).cloned().collect();
    finish(&root, repository, base_tree, &base, found, gone, ci_config)
}

/// Everything in the tree but its own repository; submodules and nested repositories are not entered.
fn list(root: &Root, base: &Tree, owner: Option<u32>) -> Result<Listing, Error> {
    let descend = |path: &[u8]| match path {
        b".git" => Descend::LeaveOut,
        path if is_repository(path) || base.get(path).is_some_and(|entry| entry.mode == Mode::Gitlink) => Descend::NotInto,
        _ => Descend::Into,
    };
    let mut listing = root.list(owner, &descend)?;
    // A gitfile or a link in the repository's place is not read either.
    listing.remove(&b".git"[..]);
    Ok(listing)
}

/// Whether the last name of `path` is `.git`: below the root that is somebody's nested repository.
fn is_repository(path: &[u8]) -> bool {
    path.rsplit(|b| *b == b'/').next() == Some(b".git")
}

fn mode_of(what: &What) -> Mode {
    match what {
        What::File { executable: true, .. } => Mode::Executable,
        What::Symlink => Mode::Symlink,
        What::File { .. } | What::Folder | What::Special(_) => Mode::File,
    }
}

/// How a path differs from what was handed over.
enum Compared {
    Same,
    Mode,
    Bytes { same_mode: bool },
}

fn compare(manifest: &Manifest, root: &Root, path: &[u8], what: &What) -> Result<Compared, Error> {
    let handed = manifest.files.get(path);
    Ok(match (handed.map(|handed| (handed.kind, handed)), what) {
        (Some((Kind::Submodule, _)), What::Folder) => Compared::Same,
        (None, What::Folder) if !is_repository(path) => Compared::Same,
        (Some((Kind::Symlink, handed)), What::Symlink) => match Digest::of(root.link(path)?) == handed.digest {
            true => Compared::Same,
            false => Compared::Bytes { same_mode: true },
        },
        (Some((Kind::File { executable: before }, handed)), What::File { size, executable }) => {
            let same_mode = before == *executable;
            let same_bytes = *size == handed.size && root.digest(path)? == (handed.digest, handed.size);
            match (same_bytes, same_mode) {
                (true, true) => Compared::Same,
                (true, false) => Compared::Mode,
                (false, same_mode) => Compared::Bytes { same_mode },
            }
        }
        // A folder in the place of a file: what is in it is listed by itself, and the file is gone.
        (Some((Kind::File { .. } | Kind::Symlink, _)), What::Folder) => Compared::Same,
        _ => Compared::Bytes { same_mode: false },
    })
}

fn finish(
    root: &Root,
    repository: &Repository,
    base_tree: Oid,
    base: &Tree,
    found: Vec<Found>,
    gone: Vec<Vec<u8>>,
    ci_config: &str,
) -> Result<Candidate, Error> {
    let untracked: Vec<Vec<u8>> = found.iter().filter(|found| found.old.is_none()).map(|found| found.path.clone()).collect();
    let ignored = ignored(repository, base, &untracked)?;
    let (odd, plain): (Vec<Found>, Vec<Found>) =
        found.into_iter().filter(|found| !ignored.contains(&found.path)).partition(|found| oddity(found).is_some());
    let mut facts: Vec<Fact> = odd.iter().map(|found| fact(found, oddity(found))).collect();
    let mut stage = Stage::new(root, repository, base_tree, base);
    facts.extend(stage.add(plain)?);
    facts.extend(lost_submodules(base, &gone, &odd));
    stage.remove(gone.into_iter().chain(replaced_folders(base, &odd)));
    let tree = stage.write()?;
    let mut change = Change::between(repository, base_tree, tree, facts, ci_config)?;
    change.ignored = ignored.into_iter().collect();
    Ok(Candidate { tree, change })
}

fn fact(found: &Found, oddity: Option<Oddity>) -> Fact {
    Fact { path: found.path.clone(), old: found.old, new: None, oddity }
}

/// Why a path can be in no tree.
fn oddity(found: &Found) -> Option<Oddity> {
    let link = (found.what == What::Symlink).then_some(Mode::Symlink);
    match &found.what {
        _ if found.old.is_some_and(|entry| entry.mode == Mode::Gitlink) => Some(Oddity::Submodule),
        _ if is_repository(&found.path) => Some(Oddity::Repository),
        What::Special(what) => Some(Oddity::Special(what.clone())),
        _ if git_refuses(&found.path, link) => Some(Oddity::Name),
        // Only a folder named `.git` is ever found, and that is the case above.
        What::Folder => Some(Oddity::Repository),
        What::File { .. } | What::Symlink => None,
    }
}

/// Submodules whose folder is gone are removed from the tree like files; nothing more is to be said of them here.
fn lost_submodules(base: &Tree, gone: &[Vec<u8>], odd: &[Found]) -> Vec<Fact> {
    let told: BTreeSet<&Vec<u8>> = odd.iter().map(|found| &found.path).collect();
    let is_one = |path: &&Vec<u8>| base.get(*path).is_some_and(|entry: &Entry| entry.mode == Mode::Gitlink) && !told.contains(path);
    let fact = |path: &Vec<u8>| Fact { path: path.clone(), old: base.get(path).copied(), new: None, oddity: None };
    gone.iter().filter(is_one).map(fact).collect()
}

/// Files of the base below a path that now holds something which no tree can hold.
fn replaced_folders(base: &Tree, odd: &[Found]) -> Vec<Vec<u8>> {
    odd.iter().flat_map(|found| super::staging::below(base, &found.path)).collect()
}

/// Whether the agent changed what steers its own repository. It is looked at for the report alone; what cannot be read
/// counts as changed.
fn repository_touched(root: &Root, manifest: &Manifest) -> bool {
    let config = root.read(b".git/config", CONFIG).map(Digest::of);
    let hooks = root.has_entries(b".git/hooks");
    let attributes = root.has_entries(b".git/info");
    !config.is_ok_and(|config| config == manifest.config) || hooks || attributes
}
