//! The candidate: the tree that the workspace's bytes make, and its difference from the base.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use super::{
    Error, Limits,
    ignore::ignored,
    listing::{Descend, Listing, Reader, Root, What},
    manifest::{Handed, Kind, Manifest},
    parallel,
    staging::{Found, Stage},
    unchanged::converted_from_base,
};
use crate::{
    digest::Digest,
    gate::{Change, Fact, Oddity, git_refuses},
    git::{Attributed, Attributes, Entry, Mode, Oid, Repository, Tree},
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
    let base = Arc::new(repository.list(manifest.tree)?);
    let listing = list(&root, &base, Some(manifest.owner))?;
    let there: Vec<(&Vec<u8>, &What)> = listing.iter().collect();
    let same = parallel::map(&there, || root.reader(), |reader, (path, what)| same(manifest, reader, path, what))?;
    let found = there.into_iter().zip(same).filter(|(_, same)| *same != (true, true)).map(|((path, what), (same_bytes, same_mode))| {
        let old = base.get(path).copied();
        // Where the base has nothing, the bytes are new to it even if only their mode changed since.
        Found { path: path.clone(), what: what.clone(), old, same_bytes: same_bytes && old.is_some(), same_mode }
    });
    let found = found.collect();
    let gone = gone(&base, &listing, |path| manifest.files.contains_key(path));
    let mut made = finish(&root, repository, manifest.tree, &base, Differences { found, gone, attributes: Attributed::new() }, ci_config)?;
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
    let base = Arc::new(repository.list(base_tree)?);
    let listing = list(&root, &base, None)?;
    let there: Vec<(&Vec<u8>, &What, Option<Entry>)> = with_base(&listing, &base).collect();
    let same = parallel::map(&there, || root.reader(), |reader, (path, what, old)| as_in_base(reader, path, what, *old))?;
    let differing: Vec<_> = there.iter().zip(&same).filter(|(_, same)| !**same).map(|(there, _)| *there).collect();
    let (attributes, converted) = converted(&root, repository, base_tree, &base, &differing)?;
    let found = there.into_iter().zip(same).filter_map(|((path, what, old), same)| {
        let same_mode = old.is_none_or(|old| as_its_mode(old.mode, what));
        let same_bytes = same || converted.contains(path);
        (!(same_bytes && same_mode)).then(|| Found { path: path.clone(), what: what.clone(), old, same_bytes, same_mode })
    });
    let found = found.collect();
    let gone = gone(&base, &listing, |_| true);
    finish(&root, repository, base_tree, &base, Differences { found, gone, attributes }, ci_config)
}

/// What is listed, with what the base has there. Both are in the order of their paths.
fn with_base<'a>(listing: &'a Listing, base: &'a Tree) -> impl Iterator<Item = (&'a Vec<u8>, &'a What, Option<Entry>)> {
    let mut entries = base.iter().peekable();
    listing.iter().map(move |(path, what)| {
        while entries.next_if(|(other, _)| *other < path).is_some() {}
        (path, what, entries.next_if(|(other, _)| *other == path).map(|(_, entry)| *entry))
    })
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

/// Whether the base has the very bytes of what is in the work tree.
fn as_in_base(reader: &mut Reader<'_>, path: &[u8], what: &What, old: Option<Entry>) -> Result<bool, Error> {
    match (old, what) {
        (_, What::Folder) => Ok(!is_repository(path)),
        (Some(entry), What::File { .. }) if entry.mode.is_file() => Ok(reader.oid(path)? == entry.id),
        (Some(entry), What::Symlink) if entry.mode == Mode::Symlink => Ok(Oid::of_blob(&reader.link(path)?)? == entry.id),
        _ => Ok(false),
    }
}

/// Which of `differing` are files that a checkout of the base would hold all the same, by a conversion of its attributes, and
/// what these are of each file that the base has.
fn converted(
    root: &Root,
    repository: &Repository,
    base_tree: Oid,
    base: &Tree,
    differing: &[(&Vec<u8>, &What, Option<Entry>)],
) -> Result<(Attributed, BTreeSet<Vec<u8>>), Error> {
    let files: Vec<(Vec<u8>, Entry)> = differing
        .iter()
        .filter(|(_, what, _)| matches!(what, What::File { .. }))
        .filter_map(|(path, _, old)| Some(((*path).clone(), old.filter(|entry| entry.mode.is_file())?)))
        .collect();
    let paths: Vec<Vec<u8>> = files.iter().map(|(path, _)| path.clone()).collect();
    let (attributes, none) = (repository.attributes(base_tree, base, &paths)?, Attributes::default());
    let same = parallel::map(
        &files,
        || root.reader(),
        |reader, (path, entry)| converted_from_base(reader, repository, path, *entry, attributes.get(path).unwrap_or(&none)),
    )?;
    let converted = paths.into_iter().zip(same).filter(|(_, same)| *same).map(|(path, _)| path).collect();
    Ok((attributes, converted))
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
    let mut listed = listing.iter().peekable();
    let mut there = |path: &Vec<u8>, entry: &Entry| {
        while listed.next_if(|(other, _)| *other < path).is_some() {}
        match listed.next_if(|(other, _)| *other == path) {
            Some((_, What::Folder)) => entry.mode == Mode::Gitlink,
            Some(_) => true,
            None => false,
        }
    };
    base.iter().filter(|(path, entry)| !there(path, entry) && was(path)).map(|(path, _)| path.clone()).collect()
}

/// Whether the bytes and the mode of a path are those that were handed over.
fn same(manifest: &Manifest, reader: &mut Reader<'_>, path: &[u8], what: &What) -> Result<(bool, bool), Error> {
    Ok(match (manifest.files.get(path), what) {
        // What is in a folder is listed by itself.
        (_, What::Folder) => (!is_repository(path), true),
        (Some(Handed { kind: Kind::Symlink, digest, .. }), What::Symlink) => (Digest::of(reader.link(path)?) == *digest, true),
        (Some(Handed { kind: Kind::File { executable: before }, digest, size: length }), What::File { size, executable }) => {
            (size == length && reader.digest(path)? == (*digest, *length), before == executable)
        }
        _ => (false, false),
    })
}

/// What is not as it was.
struct Differences {
    found: Vec<Found>,
    gone: Vec<Vec<u8>>,
    /// Those that are known already.
    attributes: Attributed,
}

fn finish(
    root: &Root,
    repository: &Repository,
    base_tree: Oid,
    base: &Arc<Tree>,
    Differences { found, gone, attributes }: Differences,
    ci_config: &str,
) -> Result<Candidate, Error> {
    let untracked: Vec<Vec<u8>> = found.iter().filter(|found| found.old.is_none()).map(|found| found.path.clone()).collect();
    let ignored = ignored(repository, base, &untracked)?;
    let (odd, plain): (Vec<Found>, Vec<Found>) =
        found.into_iter().filter(|found| !ignored.contains(&found.path)).partition(|found| oddity(found).is_some());
    let mut facts: Vec<Fact> = odd.iter().map(|found| fact(found, oddity(found))).collect();
    let mut stage = Stage::new(root, repository, base_tree, base);
    facts.extend(stage.add(plain, attributes)?);
    facts.extend(lost_submodules(base, &gone, &odd));
    stage.remove(gone.into_iter().chain(replaced_folders(base, &odd)));
    let objects = stage.objects();
    let (tree, files) = stage.write()?;
    let change = Change::of(repository, (base_tree, Arc::clone(base)), (tree, files), facts, ci_config)?;
    Ok(Candidate { tree, change: change.with_ignored(ignored.into_iter().collect()).with_objects(objects) })
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
    let config = root.reader().read(b".git/config", CONFIG).map(Digest::of);
    let hooks = root.has_entries(b".git/hooks");
    let attributes = root.has_entries(b".git/info");
    !config.is_ok_and(|config| config == manifest.config) || hooks || attributes
}
