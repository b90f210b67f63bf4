//! Doors to what reads a change's bytes here, for the fuzz targets alone.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{Blobs, Fact, Known, change, ci, content, place, reading::kind, secret, supply::lock, yaml};
use crate::{
    git::{Entry, Error, Mode, Oid, Pointer, Tree},
    policy::Leaks,
};

/// What a CI configuration includes; none when it cannot be read.
pub fn includes(text: &str) -> Option<Vec<String>> {
    ci::includes(text)
}

/// Whether `text` matches `pattern` as GitLab matches includes.
pub fn wild(pattern: &str, text: &str) -> bool {
    ci::wild(pattern, text)
}

/// Files in memory, and how many bytes of them were asked for.
struct Files<'a> {
    bytes: BTreeMap<Oid, &'a [u8]>,
    read: AtomicUsize,
}

impl Blobs for Files<'_> {
    fn blob(&self, id: Oid, limit: u64) -> Result<Vec<u8>, Error> {
        let bytes = self.bytes.get(&id).ok_or(Error::Missing(id))?;
        let size = bytes.len() as u64;
        self.read.fetch_add(bytes.len(), Ordering::Relaxed);
        if size > limit { Err(Error::BlobTooLarge { oid: id, size, limit }) } else { Ok(bytes.to_vec()) }
    }

    fn size(&self, id: Oid) -> Result<u64, Error> {
        self.bytes.get(&id).map(|bytes| bytes.len() as u64).ok_or(Error::Missing(id))
    }

    fn object(&self, pointer: &Pointer) -> Result<Vec<u8>, Error> {
        Err(Error::LfsObject(pointer.digest))
    }
}

/// Why each of `files` is CI configuration or is run by a job (none: it is neither), and how many bytes were read for that.
///
/// # Errors
/// What reading them says.
pub fn pipeline(files: &BTreeMap<String, &[u8]>) -> Result<(Vec<Option<String>>, usize), Error> {
    let (mut tree, mut bytes) = (Tree::new(), BTreeMap::new());
    for (path, content) in files {
        let id = Oid::of_blob(content)?;
        tree.insert(path.as_bytes().to_vec(), Entry { mode: Mode::File, id });
        bytes.insert(id, *content);
    }
    let blobs = Files { bytes, read: AtomicUsize::new(0) };
    let found = ci::CiFiles::at(&blobs, &tree, ci::CI_CONFIG)?;
    let why = |path: &String| found.why(path.as_bytes()).map(|(_, why)| why);
    Ok((files.keys().map(why).collect(), blobs.read.into_inner()))
}

/// The differences of two trees.
pub fn differences(before: &Tree, after: &Tree) -> Vec<Fact> {
    change::differences(before, after)
}

/// Values of a YAML text, and their bytes with every alias written out; none when it cannot be read.
pub fn yaml(text: &str) -> Option<(usize, usize)> {
    yaml::parse(text).map(|documents| documents.iter().fold((0, 0), |sum, document| add(sum, document)))
}

fn add((values, bytes): (usize, usize), value: &yaml::Value) -> (usize, usize) {
    let sum = (values + 1, bytes + value.text().map_or(0, str::len));
    let sum = value.items().fold(sum, |sum, item| add(sum, item));
    value.pairs().fold(sum, |sum, (key, value)| add(add(sum, key), value))
}

/// The entries of the lockfile at `path`, each written out; none when it cannot be read, or that is no lockfile.
pub fn lock(path: &str, text: &str) -> Option<Vec<String>> {
    let entries = lock::read(lock::kind(path)?, text)?;
    Some(entries.iter().map(|entry| format!("{entry:?}")).collect())
}

/// What a file is by its bytes, what stands behind its end, whether an archive is at its end, and why it is no text.
pub fn kind(bytes: &[u8]) -> (Option<&'static str>, &[u8], bool, Option<String>) {
    let found = kind::of(bytes);
    let behind = found.map_or(&[][..], |found| kind::behind_end(found, bytes));
    let text = content::text(bytes);
    (found.map(|found| found.name), behind, kind::zip_at_end(bytes), text.and_then(|text| kind::is_no_text(bytes, &text)))
}

/// What has the form of a secret, as it stands there (where and of which kind), and how much decoding showed.
pub fn secrets(bytes: &[u8]) -> (Vec<(Range<usize>, &'static str)>, usize) {
    secret::forms(bytes)
}

/// How many secrets a blob has by their form where nothing is decoded.
pub fn plain_secrets(bytes: &[u8]) -> usize {
    secret::plain_forms(bytes)
}

/// Where the rules of the user's own files find secrets, and whether all could look.
pub fn leaks(files: &[Leaks], path: &str, bytes: &[u8]) -> (Vec<(String, Range<usize>)>, bool) {
    let (found, whole) = secret::leaks::scan(files, Some(path.as_bytes()), bytes);
    (found.into_iter().map(|leak| (leak.id.to_owned(), leak.secret)).collect(), whole)
}

/// The job's own secrets in a blob.
pub fn known(known: &Known, bytes: &[u8]) -> Vec<String> {
    secret::known_in(known, bytes)
}

/// A path as the most forgiving file system reads it, and whether that is git's own directory.
pub fn fold(path: &[u8]) -> (String, bool) {
    (place::fold(path), place::has_dot_git(path))
}
