//! Files that instructions of agents take in: `@path` in a `CLAUDE.md` or its like.

use std::collections::BTreeSet;

use super::{control, fold};
use crate::{
    gate::{Error, finding::Judge},
    git,
};

/// Files that are read, of instructions and of what they take in.
const FILES: usize = 100;
/// Bytes of one of them.
const BYTES: u64 = 1 << 20;

/// Paths, folded, that instructions of the base take in, directly or by each other.
///
/// # Errors
/// [`Error::Git`] when the repository cannot be read.
pub(super) fn taken_in(judge: &Judge<'_>) -> Result<BTreeSet<String>, Error> {
    let before = judge.change.before();
    let is_instructions = |path: &&Vec<u8>| control::instructs(&fold(path));
    let mut waiting: Vec<Vec<u8>> = before.keys().filter(is_instructions).take(FILES).cloned().collect();
    let mut found = BTreeSet::new();
    let mut read = 0;
    while let Some(path) = waiting.pop() {
        let Some(entry) = before.get(&path).filter(|entry| entry.mode.is_file() && read < FILES) else { continue };
        read += 1;
        let bytes = match judge.blobs.blob(entry.id, BYTES) {
            Err(git::Error::Missing(_) | git::Error::BlobTooLarge { .. }) => continue,
            other => other?,
        };
        let folder = path.iter().rposition(|b| *b == b'/').map_or(&b""[..], |at| &path[..at]);
        for named in String::from_utf8_lossy(&bytes).split_whitespace().filter_map(|word| word.strip_prefix('@')) {
            let named = named.trim_end_matches(['.', ',', ')', ';', ':']).as_bytes();
            for path in [joined(folder, named), joined(b"", named)].into_iter().flatten() {
                if before.contains_key(&path) && found.insert(fold(&path)) {
                    waiting.push(path);
                }
            }
        }
    }
    Ok(found)
}

/// `path` from `folder`, without `.` and `..`; none where it leaves the repository.
fn joined(folder: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in folder.split(|b| *b == b'/').chain(path.split(|b| *b == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join(&b'/'))
}
