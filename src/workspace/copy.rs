//! Makes the workspace.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Seek as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, OpenOptionsExt as _, lchown, symlink},
    },
    path::{Path, PathBuf},
};

use super::{
    Error, Limits,
    listing::{BUFFER, Descend, Listing, Reader, Root, What, digest},
    manifest::{Handed, Kind, Manifest},
};
use crate::{
    digest::Digest,
    git::{Checkout, Mode, OwnRepository, Repository, Tree},
};

/// What a workspace is made with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whose files they will be; none to keep our own uid.
    pub owner: Option<(u32, u32)>,
    /// Bounds of the copy.
    pub limits: Limits,
}

/// Copies the checkout's files (its `.git` and those of its submodules aside) to `to`, which must not exist yet, with a
/// repository of the agent's own that holds what `HEAD` reaches. `repository` must have borrowed the checkout's objects.
///
/// # Errors
/// [`Error::Write`], [`Error::Unreadable`], [`Error::TooMuch`], [`Error::Git`]. What was made so far is left in place.
pub fn make(checkout: &Checkout, repository: &Repository, to: &Path, options: &Options) -> Result<Manifest, Error> {
    let (head, branch) = checkout.head()?;
    let tree = repository.tree_of(head)?;
    let base = repository.list(tree)?;
    let from = Root::open(checkout.root(), options.limits)?;
    let listing = from.list(None, &|path| if is_git(path) { Descend::LeaveOut } else { Descend::Into })?;
    let mut copy = Copy { from: from.reader(), to, base: &base, buffer: vec![0; BUFFER] };
    let files = copy.all(&listing)?;
    let own = OwnRepository::create(repository, checkout, to, head, branch.as_deref())?;
    let absent: Vec<Vec<u8>> = base
        .iter()
        .filter(|(path, entry)| entry.mode != Mode::Gitlink && !files.contains_key(*path))
        .map(|(path, _)| path.clone())
        .collect();
    own.settle(&absent)?;
    let config = Digest::of(own.config()?);
    if let Some((uid, gid)) = options.owner {
        give(to, uid, gid)?;
    }
    let owner = options.owner.map_or_else(|| nix::unistd::geteuid().as_raw(), |(uid, _)| uid);
    Ok(Manifest { head, tree, owner, config, files })
}

/// Whether the last name of `path` is `.git`.
fn is_git(path: &[u8]) -> bool {
    path.rsplit(|b| *b == b'/').next() == Some(b".git")
}

struct Copy<'a> {
    from: Reader<'a>,
    to: &'a Path,
    base: &'a Tree,
    buffer: Vec<u8>,
}

impl Copy<'_> {
    fn all(&mut self, listing: &Listing) -> Result<BTreeMap<Vec<u8>, Handed>, Error> {
        let mut files = BTreeMap::new();
        self.folder(self.to)?;
        for (path, what) in listing.iter().filter(|(path, _)| !is_git(path)) {
            let to = self.to.join(OsStr::from_bytes(path));
            let handed = match what {
                What::Folder => {
                    self.folder(&to)?;
                    self.submodule(path)
                }
                What::File { executable, .. } => Some(self.file(path, &to, *executable)?),
                What::Symlink => Some(self.symlink(path, &to)?),
                // Devices, FIFOs and sockets are nobody's work; they are not handed over.
                What::Special(_) => None,
            };
            if let Some(handed) = handed {
                files.insert(path.clone(), handed);
            }
        }
        Ok(files)
    }

    fn folder(&self, path: &Path) -> Result<(), Error> {
        fs::DirBuilder::new().mode(0o755).create(path).map_err(failed(path))
    }

    fn submodule(&self, path: &[u8]) -> Option<Handed> {
        let is_one = self.base.get(path).is_some_and(|entry| entry.mode == Mode::Gitlink);
        is_one.then(|| Handed { kind: Kind::Submodule, size: 0, digest: Digest::of("") })
    }

    /// Copies with copy_file_range(2), which shares the blocks where the file system can.
    fn file(&mut self, path: &[u8], to: &Path, executable: bool) -> Result<Handed, Error> {
        let (mut source, _) = self.from.file(path)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut target = fs::File::options().read(true).write(true).create_new(true).mode(mode).open(to).map_err(failed(to))?;
        io::copy(&mut source, &mut target).map_err(failed(to))?;
        target.rewind().map_err(failed(to))?;
        // The umask must not decide on the bit that is compared afterwards.
        target.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode)).map_err(failed(to))?;
        let (digest, size) = digest(&target, &mut self.buffer).map_err(failed(to))?;
        Ok(Handed { kind: Kind::File { executable }, size, digest })
    }

    fn symlink(&mut self, path: &[u8], to: &Path) -> Result<Handed, Error> {
        let text = self.from.link(path)?;
        symlink(OsStr::from_bytes(&text), to).map_err(failed(to))?;
        Ok(Handed { kind: Kind::Symlink, size: text.len() as u64, digest: Digest::of(&text) })
    }
}

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = PathBuf::from(path);
    move |source| Error::Write { path, source }
}

/// Gives a tree that nobody else has touched yet to `uid` and `gid`; links themselves, not what they lead to.
pub(super) fn give(path: &Path, uid: u32, gid: u32) -> Result<(), Error> {
    let kind = fs::symlink_metadata(path).map_err(failed(path))?.file_type();
    if kind.is_dir() {
        for entry in fs::read_dir(path).map_err(failed(path))? {
            give(&entry.map_err(failed(path))?.path(), uid, gid)?;
        }
    }
    lchown(path, Some(uid), Some(gid)).map_err(failed(path))
}
