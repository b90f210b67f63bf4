//! A tree of unknown making, listed and read without following a link, crossing a mount or waiting for a FIFO.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::Read as _,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    time::Instant,
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat},
    sys::stat::{FileStat, Mode, SFlag, fstat, fstatat},
};
use sha2::{Digest as _, Sha256};

use super::{Error, Limits};
use crate::{digest::Digest, git::shown};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    File { size: u64, executable: bool },
    Symlink,
    Folder,
    Special(String),
}

/// Everything below a root but the root itself, by path.
pub(super) type Listing = BTreeMap<Vec<u8>, What>;

/// What to do with a folder.
pub(super) enum Descend {
    Into,
    NotInto,
    LeaveOut,
}

/// An opened tree.
pub(super) struct Root {
    path: PathBuf,
    fd: OwnedFd,
    limits: Limits,
}

/// openat2(2): nothing above the root, no link anywhere, no other file system.
const RESOLVE: ResolveFlag = ResolveFlag::RESOLVE_BENEATH
    .union(ResolveFlag::RESOLVE_NO_SYMLINKS)
    .union(ResolveFlag::RESOLVE_NO_MAGICLINKS)
    .union(ResolveFlag::RESOLVE_NO_XDEV);

const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

fn how(flags: OFlag) -> OpenHow {
    OpenHow::new().flags(flags).resolve(RESOLVE)
}

impl Root {
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        let fd = nix::fcntl::open(path, FOLDER, Mode::empty());
        let unreadable = |errno: Errno| Error::Unreadable { root: path.to_owned(), path: ".".to_owned(), source: errno.into() };
        Ok(Self { path: path.to_owned(), fd: fd.map_err(unreadable)?, limits })
    }

    fn unreadable(&self, path: &[u8]) -> impl FnOnce(Errno) -> Error + use<'_> {
        let path = shown(path);
        move |errno| Error::Unreadable { root: self.path.clone(), path, source: errno.into() }
    }

    fn too_much(&self, what: &'static str, limit: u64) -> Error {
        Error::TooMuch { root: self.path.clone(), what, limit }
    }

    pub(super) fn in_time(&self) -> Result<(), Error> {
        if Instant::now() > self.limits.deadline { Err(Error::TimedOut(self.path.clone())) } else { Ok(()) }
    }

    /// Lists everything; `descend` decides on each folder. Files of another owner than `owner` are special: only a
    /// link to a file outside can be one.
    pub(super) fn list(&self, owner: Option<u32>, descend: &dyn Fn(&[u8]) -> Descend) -> Result<Listing, Error> {
        let mut walk = Walk { root: self, owner, descend, found: Listing::new(), bytes: 0 };
        let fd = openat2(&self.fd, ".", how(FOLDER)).map_err(self.unreadable(b"."))?;
        walk.folder(fd, b"", 0)?;
        Ok(walk.found)
    }

    fn open_file(&self, path: &[u8]) -> Result<(File, u64), Error> {
        let fd = openat2(&self.fd, OsStr::from_bytes(path), how(FILE)).map_err(self.unreadable(path))?;
        let stat = fstat(&fd).map_err(self.unreadable(path))?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Error::Moving(shown(path)));
        }
        Ok((File::from(fd), u64::try_from(stat.st_size).unwrap_or(u64::MAX)))
    }

    fn io(&self, path: &[u8]) -> impl FnOnce(std::io::Error) -> Error + use<'_> {
        let path = shown(path);
        move |source| Error::Unreadable { root: self.path.clone(), path, source }
    }

    /// The file at `path`, opened for reading, if it has at most the bytes that the limits take.
    pub(super) fn file(&self, path: &[u8]) -> Result<File, Error> {
        let limit = self.limits.file_bytes;
        match self.open_file(path)? {
            (_, size) if size > limit => Err(Error::TooLarge { path: shown(path), size, limit }),
            (file, _) => Ok(file),
        }
    }

    /// The bytes of the file at `path`, at most `limit` of them.
    pub(super) fn read(&self, path: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
        self.in_time()?;
        let (file, size) = self.open_file(path)?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(self.io(path))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { path: shown(path), size, limit });
        }
        Ok(bytes)
    }

    /// The text of the link at `path`.
    pub(super) fn link(&self, path: &[u8]) -> Result<Vec<u8>, Error> {
        let (folder, name) = match path.iter().rposition(|b| *b == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b"."[..], path),
        };
        let fd = openat2(&self.fd, OsStr::from_bytes(folder), how(FOLDER)).map_err(self.unreadable(path))?;
        let text = readlinkat(&fd, OsStr::from_bytes(name)).map_err(self.unreadable(path))?;
        Ok(text.as_bytes().to_vec())
    }

    /// Whether something is in the folder at `path`; what is there and cannot be read counts as something.
    pub(super) fn has_entries(&self, path: &[u8]) -> bool {
        match openat2(&self.fd, OsStr::from_bytes(path), how(FOLDER)).and_then(Dir::from_fd) {
            Ok(mut dir) => dir.iter().any(|entry| !entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b".."))),
            Err(errno) => errno != Errno::ENOENT,
        }
    }

    /// The digest and the size of the file at `path`.
    pub(super) fn digest(&self, path: &[u8]) -> Result<(Digest, u64), Error> {
        self.in_time()?;
        let file = self.file(path)?;
        digest(file.take(self.limits.file_bytes.saturating_add(1))).map_err(self.io(path))
    }
}

/// Hashes a stream.
pub(super) fn digest(mut from: impl std::io::Read) -> std::io::Result<(Digest, u64)> {
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 17]);
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            n => {
                hash.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
    let text = format!("sha256:{}", crate::digest::hex(&hash.finalize()));
    let digest = text.parse().map_err(|_| std::io::Error::other("a digest of another length"))?;
    Ok((digest, size))
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

struct Walk<'a> {
    root: &'a Root,
    owner: Option<u32>,
    descend: &'a dyn Fn(&[u8]) -> Descend,
    found: Listing,
    bytes: u64,
}

impl Walk<'_> {
    fn folder(&mut self, fd: OwnedFd, path: &[u8], depth: usize) -> Result<(), Error> {
        let limits = &self.root.limits;
        if depth > limits.depth {
            return Err(self.root.too_much("folders in each other", limits.depth as u64));
        }
        self.root.in_time()?;
        let copy = fd.try_clone().map_err(self.root.io(path))?;
        let mut dir = Dir::from_fd(copy).map_err(self.root.unreadable(path))?;
        for entry in dir.iter() {
            let entry = entry.map_err(self.root.unreadable(path))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let below = if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
                self.entry(&fd, name, below, depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &[u8], path: Vec<u8>, depth: usize) -> Result<(), Error> {
        let limits = self.root.limits;
        if self.found.len() >= limits.entries {
            return Err(self.root.too_much("entries", limits.entries as u64));
        }
        let name = OsStr::from_bytes(name);
        let stat = fstatat(folder.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(self.root.unreadable(&path))?;
        let what = self.what(&stat)?;
        if what != What::Folder {
            self.found.insert(path, what);
            return Ok(());
        }
        let descend = (self.descend)(&path);
        if matches!(descend, Descend::LeaveOut) {
            return Ok(());
        }
        self.found.insert(path.clone(), What::Folder);
        if matches!(descend, Descend::Into) {
            let fd = openat2(folder, name, how(FOLDER)).map_err(self.root.unreadable(&path))?;
            self.folder(fd, &path, depth + 1)?;
        }
        Ok(())
    }

    fn what(&mut self, stat: &FileStat) -> Result<What, Error> {
        let special = |what: &str| Ok(What::Special(what.to_owned()));
        match kind(stat) {
            SFlag::S_IFREG if stat.st_mode & (Mode::S_ISUID | Mode::S_ISGID).bits() != 0 => special("a set-user-id or set-group-id file"),
            SFlag::S_IFREG if self.owner.is_some_and(|owner| owner != stat.st_uid) => special("a file of another owner"),
            SFlag::S_IFREG => {
                let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
                self.bytes = self.bytes.saturating_add(size);
                if self.bytes > self.root.limits.bytes {
                    return Err(self.root.too_much("bytes", self.root.limits.bytes));
                }
                Ok(What::File { size, executable: stat.st_mode & Mode::S_IXUSR.bits() != 0 })
            }
            SFlag::S_IFLNK => Ok(What::Symlink),
            SFlag::S_IFDIR => Ok(What::Folder),
            SFlag::S_IFIFO => special("a FIFO"),
            SFlag::S_IFSOCK => special("a socket"),
            SFlag::S_IFBLK | SFlag::S_IFCHR => special("a device"),
            _ => special("of an unknown kind"),
        }
    }
}
