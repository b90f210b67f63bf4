//! The tip of a branch that is followed up, written out as it is stored: no filter, no conversion.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink},
    },
    path::Path,
    time::Instant,
};

use super::{
    Error, Options,
    copy::{failed, give},
    manifest::{Handed, Kind, Manifest},
};
use crate::{
    digest::Digest,
    gate::git_refuses,
    git::{Checkout, Entry, Mode, Oid, OwnRepository, Repository, Tree, shown},
};

/// Writes the files of `commit`, which `repository` holds, to `to`, which must not exist yet, with a repository of the
/// agent's own on `branch`. `checkout` is the one whose objects `repository` borrowed.
///
/// # Errors
/// As [`super::make`].
pub fn write_out(
    checkout: &Checkout,
    repository: &Repository,
    commit: Oid,
    branch: &str,
    to: &Path,
    options: &Options,
) -> Result<Manifest, Error> {
    let tree = repository.tree_of(commit)?;
    let base = repository.list(tree)?;
    fs::DirBuilder::new().mode(0o755).create(to).map_err(failed(to))?;
    let mut files = BTreeMap::new();
    for (path, entry) in &base {
        check(&base, path, entry.mode)?;
        let target = to.join(std::ffi::OsStr::from_bytes(path));
        if let Some(parent) = target.parent() {
            fs::DirBuilder::new().mode(0o755).recursive(true).create(parent).map_err(failed(parent))?;
        }
        files.insert(path.clone(), written(repository, *entry, &target, options)?);
    }
    let own = OwnRepository::create(repository, checkout, to, commit, Some(branch))?;
    own.settle(&[])?;
    let config = Digest::of(own.config()?);
    if let Some((uid, gid)) = options.owner {
        give(to, uid, gid)?;
    }
    let owner = options.owner.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
    Ok(Manifest { head: commit, tree, owner, config, files })
}

/// A tree can be made by hand: no path of it may lead out of the folder, or through a link of the same tree.
fn check(tree: &Tree, path: &[u8], mode: Mode) -> Result<(), Error> {
    let through_another = path.iter().enumerate().any(|(at, byte)| *byte == b'/' && tree.contains_key(&path[..at]));
    if git_refuses(path, Some(mode)) || through_another { Err(Error::Path(shown(path))) } else { Ok(()) }
}

fn written(repository: &Repository, entry: Entry, to: &Path, options: &Options) -> Result<Handed, Error> {
    if Instant::now() > options.limits.deadline {
        return Err(Error::TimedOut(to.to_owned()));
    }
    if entry.mode == Mode::Gitlink {
        fs::DirBuilder::new().mode(0o755).create(to).map_err(failed(to))?;
        return Ok(Handed { kind: Kind::Submodule, size: 0, digest: Digest::of("") });
    }
    let bytes = repository.blob(entry.id, options.limits.file_bytes)?;
    let (size, digest) = (bytes.len() as u64, Digest::of(&bytes));
    if entry.mode == Mode::Symlink {
        symlink(std::ffi::OsStr::from_bytes(&bytes), to).map_err(failed(to))?;
        return Ok(Handed { kind: Kind::Symlink, size, digest });
    }
    let executable = match entry.mode {
        Mode::Executable => true,
        Mode::Odd(number) => number & 0o100 != 0,
        _ => false,
    };
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = fs::File::options().write(true).create_new(true).mode(mode).open(to).map_err(failed(to))?;
    file.write_all(&bytes).map_err(failed(to))?;
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed(to))?;
    Ok(Handed { kind: Kind::File { executable }, size, digest })
}
