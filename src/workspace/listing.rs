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

use super::{Error, Limits};
use crate::{
    digest::{Digest, Hashing},
    git::{Oid, shown},
};

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

    /// As [`unreadable`](Self::unreadable), for what was listed: what is gone or became another kind of thing since, moves.
    fn moved(&self, path: &[u8]) -> impl FnOnce(Errno) -> Error + use<'_> {
        let path = path.to_vec();
        move |errno| match errno {
            Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EINVAL | Errno::EAGAIN => Error::Moving(shown(&path)),
            other => self.unreadable(&path)(other),
        }
    }

    fn too_much(&self, what: &'static str, limit: u64) -> Error {
        Error::TooMuch { root: self.path.clone(), what, limit }
    }

    fn in_time(&self) -> Result<(), Error> {
        if Instant::now() > self.limits.deadline { Err(Error::TimedOut(self.path.clone())) } else { Ok(()) }
    }

    /// Lists everything; `descend` decides on each folder. Files of another owner than `owner` are special: only a
    /// link to a file outside can be one.
    pub(super) fn list(&self, owner: Option<u32>, descend: &dyn Fn(&[u8]) -> Descend) -> Result<Listing, Error> {
        let mut walk = Walk { root: self, owner, descend, found: Vec::new(), bytes: 0 };
        let fd = openat2(&self.fd, ".", how(FOLDER)).map_err(self.unreadable(b"."))?;
        walk.folder(fd, b"", 0)?;
        Ok(walk.found.into_iter().collect())
    }

    /// What reads its files.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { root: self, folder: None, buffer: vec![0; BUFFER] }
    }

    fn io(&self, path: &[u8]) -> impl FnOnce(std::io::Error) -> Error + use<'_> {
        let path = shown(path);
        move |source| Error::Unreadable { root: self.path.clone(), path, source }
    }

    /// Whether something is in the folder at `path`; what is there and cannot be read counts as something.
    pub(super) fn has_entries(&self, path: &[u8]) -> bool {
        match openat2(&self.fd, OsStr::from_bytes(path), how(FOLDER)).and_then(Dir::from_fd) {
            Ok(mut dir) => dir.iter().any(|entry| !entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b".."))),
            Err(errno) => errno != Errno::ENOENT,
        }
    }
}

/// Bytes that are read at once.
pub(super) const BUFFER: usize = 1 << 17;

/// Reads files one after the other. The folder of the last one stays open: the files of one folder are mostly read
/// together, and no path has to be walked twice.
pub(super) struct Reader<'a> {
    root: &'a Root,
    folder: Option<(Vec<u8>, OwnedFd)>,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    /// The folder of `path`, opened, and the last name.
    fn folder<'p>(&mut self, path: &'p [u8]) -> Result<(&OwnedFd, &'p OsStr), Error> {
        let (folder, name) = match path.iter().rposition(|b| *b == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b"."[..], path),
        };
        let open = match self.folder.take() {
            Some(open) if open.0 == folder => open,
            _ => (folder.to_vec(), openat2(&self.root.fd, OsStr::from_bytes(folder), how(FOLDER)).map_err(self.root.moved(path))?),
        };
        Ok((&self.folder.insert(open).1, OsStr::from_bytes(name)))
    }

    fn open(&mut self, path: &[u8]) -> Result<(File, u64), Error> {
        let root = self.root;
        root.in_time()?;
        let (folder, name) = self.folder(path)?;
        let fd = openat2(folder, name, how(FILE)).map_err(root.moved(path))?;
        let stat = fstat(&fd).map_err(root.unreadable(path))?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Error::Moving(shown(path)));
        }
        Ok((File::from(fd), u64::try_from(stat.st_size).unwrap_or(u64::MAX)))
    }

    /// The file at `path`, opened for reading, and its bytes, which are at most what the limits take.
    pub(super) fn file(&mut self, path: &[u8]) -> Result<(File, u64), Error> {
        let limit = self.root.limits.file_bytes;
        match self.open(path)? {
            (_, size) if size > limit => Err(Error::TooLarge { path: shown(path), size, limit }),
            found => Ok(found),
        }
    }

    /// Hands on the bytes of the file at `path`, piece by piece, at most `limit` of them.
    pub(super) fn each(&mut self, path: &[u8], limit: u64, mut take: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let root = self.root;
        let (mut file, size) = self.open(path)?;
        let mut left = limit.checked_sub(size).map(|_| limit);
        loop {
            let count = file.read(&mut self.buffer).map_err(root.io(path))?;
            left = left.and_then(|left| left.checked_sub(count as u64));
            match left {
                None => return Err(Error::TooLarge { path: shown(path), size, limit }),
                Some(_) if count == 0 => return Ok(()),
                Some(_) => take(&self.buffer[..count])?,
            }
        }
    }

    /// The bytes of the file at `path`, at most `limit` of them.
    pub(super) fn read(&mut self, path: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
        let (file, size) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(self.root.io(path))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge { path: shown(path), size, limit });
        }
        Ok(bytes)
    }

    /// The text of the link at `path`.
    pub(super) fn link(&mut self, path: &[u8]) -> Result<Vec<u8>, Error> {
        let root = self.root;
        let (folder, name) = self.folder(path)?;
        let text = readlinkat(folder, name).map_err(root.moved(path))?;
        Ok(text.as_bytes().to_vec())
    }

    /// The digest and the size of the file at `path`.
    pub(super) fn digest(&mut self, path: &[u8]) -> Result<(Digest, u64), Error> {
        let (file, _) = self.file(path)?;
        let file = file.take(self.root.limits.file_bytes.saturating_add(1));
        digest(file, &mut self.buffer).map_err(self.root.io(path))
    }

    /// The name that the bytes of the file at `path` have as a blob, to be compared with the base's.
    pub(super) fn oid(&mut self, path: &[u8]) -> Result<Oid, Error> {
        let (file, size) = self.file(path)?;
        let oid = Oid::of_stream(file, size, &mut self.buffer).map_err(self.root.io(path))?;
        oid.ok_or_else(|| Error::Moving(shown(path)))
    }
}

/// Hashes a stream.
pub(super) fn digest(mut from: impl std::io::Read, buffer: &mut [u8]) -> std::io::Result<(Digest, u64)> {
    let mut hashing = Hashing::default();
    loop {
        match from.read(buffer)? {
            0 => return Ok(hashing.done()),
            n => hashing.take(&buffer[..n]),
        }
    }
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

struct Walk<'a> {
    root: &'a Root,
    owner: Option<u32>,
    descend: &'a dyn Fn(&[u8]) -> Descend,
    found: Vec<(Vec<u8>, What)>,
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
        let stat = fstatat(folder.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(self.root.moved(&path))?;
        let what = self.what(&stat)?;
        if what != What::Folder {
            self.found.push((path, what));
            return Ok(());
        }
        let descend = (self.descend)(&path);
        if matches!(descend, Descend::LeaveOut) {
            return Ok(());
        }
        self.found.push((path.clone(), What::Folder));
        if matches!(descend, Descend::Into) {
            let fd = openat2(folder, name, how(FOLDER)).map_err(self.root.moved(&path))?;
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
