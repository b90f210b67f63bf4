//! The candidate: the tree that the workspace's bytes make, and its difference from the base.

use std::{collections::BTreeSet, path::Path};

use super::{
    Error, Limits,
    ignore::ignored,
    listing::{Descend, Listing, Root, What},
    manifest::{Handed, Kind, Manifest},
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
        if let Some((same_bytes, same_mode)) = difference(manifest, &root, path, what)? {
            let old = base.get(path).copied();
            // Where the base has nothing, the bytes are new to it even if only their mode changed since.
            found.push(Found { path: path.clone(), what: what.clone(), old, same_bytes: same_bytes && old.is_some(), same_mode });
        }
    }
    let gone = gone(&base, &listing, |path| manifest.files.contains_key(path));
    let mut made = finish(&root, repository, manifest.tree, &base, found, gone, ci_config)?;
    made.change = made.change.with_repository_touched(repository_touched(&root, manifest));
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
    let mut found = Vec::new();
    for (path, what) in &listing {
        let old = base.get(path).copied();
        let same_bytes = as_in_base(&root, repository, path, what, old, attributes.get(path))?;
        let same_mode = old.is_none_or(|old| as_its_mode(old.mode, what));
        if !(same_bytes && same_mode) {
            found.push(Found { path: path.clone(), what: what.clone(), old, same_bytes, same_mode });
        }
    }
    let gone = gone(&base, &listing, |_| true);
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

/// Whether the base says the same of what is in the work tree.
fn as_in_base(
    root: &Root,
    repository: &Repository,
    path: &[u8],
    what: &What,
    old: Option<Entry>,
    attributes: Option<&Attributes>,
) -> Result<bool, Error> {
    let none = Attributes::default();
    match (old, what) {
        (_, What::Folder) => Ok(!is_repository(path)),
        (Some(entry), What::File { .. }) if entry.mode.is_file() => {
            same_as_base(root, repository, path, entry, attributes.unwrap_or(&none))
        }
        (Some(entry), What::Symlink) if entry.mode == Mode::Symlink => Ok(Oid::of_blob(&root.link(path)?)? == entry.id),
        _ => Ok(false),
    }
}

fn as_its_mode(mode: Mode, what: &What) -> bool {
    match (mode, what) {
        (_, What::Folder) | (Mode::Symlink, What::Symlink) | (Mode::Odd(_), What::File { .. }) => true,
        (Mode::File, What::File { executable, .. }) => !executable,
        (Mode::Executable, What::File { executable, .. }) => *executable,
        _ => false,
    }
}

/// Which of the base's files are no longer there, of those that `was` there. A folder is there in the place of a
/// submodule; in the place of a file it is not that file.
fn gone(base: &Tree, listing: &Listing, was: impl Fn(&Vec<u8>) -> bool) -> Vec<Vec<u8>> {
    let there = |path: &Vec<u8>, entry: &Entry| match listing.get(path) {
        Some(What::Folder) => entry.mode == Mode::Gitlink,
        Some(_) => true,
        None => false,
    };
    base.iter().filter(|(path, entry)| was(path) && !there(path, entry)).map(|(path, _)| path.clone()).collect()
}

/// How a path differs from what was handed over: whether its bytes and its mode are the same. None: in nothing.
fn difference(manifest: &Manifest, root: &Root, path: &[u8], what: &What) -> Result<Option<(bool, bool)>, Error> {
    let (same_bytes, same_mode) = match (manifest.files.get(path), what) {
        // What is in a folder is listed by itself.
        (_, What::Folder) => (!is_repository(path), true),
        (Some(Handed { kind: Kind::Symlink, digest, .. }), What::Symlink) => (Digest::of(root.link(path)?) == *digest, true),
        (Some(Handed { kind: Kind::File { executable: before }, digest, size: length }), What::File { size, executable }) => {
            (size == length && root.digest(path)? == (*digest, *length), before == executable)
        }
        _ => (false, false),
    };
    Ok((!(same_bytes && same_mode)).then_some((same_bytes, same_mode)))
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
    let change = Change::between(repository, base_tree, tree, facts, ci_config)?.with_ignored(ignored.into_iter().collect());
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
