//! The base's ignore rules, away from the workspace's.

use std::{collections::BTreeSet, ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, path::Path};

use super::Error;
use crate::git::{Repository, Tree};

/// One `.gitignore` that is larger is nobody's.
const LARGEST: u64 = 1 << 20;

/// Which of `paths` the `.gitignore` files of `base` ignore. They are written out alone, below `repository`, because
/// git reads such files only from a work tree.
pub(super) fn ignored(repository: &Repository, base: &Tree, paths: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, Error> {
    if paths.is_empty() {
        return Ok(BTreeSet::new());
    }
    let folder = repository.dir().join("ignore-rules");
    let _ = fs::remove_dir_all(&folder);
    make_folder(&folder)?;
    for (path, entry) in base.iter().filter(|(path, entry)| is_rules(path) && entry.mode.is_file()) {
        let to = folder.join(OsStr::from_bytes(path));
        make_folder(to.parent().unwrap_or(&folder))?;
        let bytes = repository.blob(entry.id, LARGEST)?;
        fs::write(&to, bytes).map_err(|source| Error::Write { path: to.clone(), source })?;
    }
    let found = repository.ignored(&folder, paths)?;
    let _ = fs::remove_dir_all(&folder);
    Ok(found)
}

fn is_rules(path: &[u8]) -> bool {
    path.rsplit(|b| *b == b'/').next() == Some(b".gitignore")
}

fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::Write { path: path.to_owned(), source })
}
