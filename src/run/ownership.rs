//! As root, the agent has a uid of its own: for the time of the run the workspace is lent to it.

use std::{
    ffi::CString,
    fs,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat},
    sys::stat::{FileStat, Mode, SFlag, fstat},
    unistd::{Gid, Uid, fchownat},
};

use super::place::Error;

/// Directories within directories; what lies deeper is no project, and would cost a descriptor each.
const DEEPEST: u32 = 256;

/// `S_ISUID` and `S_ISGID` of inode(7).
const SET_ID: u32 = 0o6000;

/// A uid and a gid.
type Owner = (u32, u32);

/// Gives the workspace back when dropped: at that time nobody of the agent is left.
#[derive(Debug)]
pub(super) struct Lent {
    workspace: PathBuf,
    owner: Owner,
    agent: u32,
}

/// Lends `workspace` to `agent`. Only what its owner owns on the same file system changes hands: plain files, directories
/// and links, no device, no socket, nothing with a set-id bit (it would lose it), and no file that has another name too,
/// which may lie outside.
///
/// # Errors
/// When an owner cannot be changed.
pub(super) fn lend(workspace: &Path, agent: Option<u32>) -> Result<Option<Lent>, Error> {
    let Some(agent) = agent else { return Ok(None) };
    let meta = fs::metadata(workspace).map_err(|source| Error::Open { path: workspace.to_owned(), source })?;
    if meta.uid() == agent {
        return Ok(None);
    }
    let lent = Lent { workspace: workspace.to_owned(), owner: (meta.uid(), meta.gid()), agent };
    let (owner, device) = (meta.uid(), meta.dev());
    let lendable = |meta: &FileStat| {
        let plain = kind(meta) == SFlag::S_IFREG && meta.st_nlink == 1 && meta.st_mode & SET_ID == 0;
        meta.st_uid == owner && meta.st_dev == device && (plain || [SFlag::S_IFDIR, SFlag::S_IFLNK].contains(&kind(meta)))
    };
    change(workspace, &lendable, (agent, agent))?;
    Ok(Some(lent))
}

impl Drop for Lent {
    fn drop(&mut self) {
        // All that is the agent's, under however many names it lies: its links cannot lead out.
        let agent = self.agent;
        if let Err(error) = change(&self.workspace, &|meta| meta.st_uid == agent, self.owner) {
            eprintln!("tidewaiter: {error}; `chown -R {}:{} {}` mends it", self.owner.0, self.owner.1, self.workspace.display());
        }
    }
}

/// Changes what `may_change` says of the tree at `path`, all of it even where a part fails; the first failure is returned.
fn change(path: &Path, may_change: &dyn Fn(&FileStat) -> bool, to: Owner) -> Result<(), Error> {
    let failed = |errno: Errno| Error::Own { path: path.to_owned(), source: errno.into() };
    let top = open(path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).map_err(failed)?;
    visit(&top, DEEPEST, may_change, to).map_err(failed)
}

/// Every entry is opened without following a link, looked at, and changed through that descriptor: whoever exchanges names
/// meanwhile gains nothing.
fn visit(entry: &OwnedFd, deeper: u32, may_change: &dyn Fn(&FileStat) -> bool, to: Owner) -> Result<(), Errno> {
    let meta = fstat(entry)?;
    let changed = if may_change(&meta) { give(entry, to) } else { Ok(()) };
    if kind(&meta) != SFlag::S_IFDIR {
        return changed;
    }
    let Some(deeper) = deeper.checked_sub(1) else { return Err(Errno::ELOOP) };
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::openat(entry, ".", flags, Mode::empty())?;
    let names: Vec<CString> = directory.iter().map(|found| found.map(|found| found.file_name().to_owned())).collect::<Result<_, _>>()?;
    drop(directory);
    let inner = names.iter().filter(|name| ![&b"."[..], b".."].contains(&name.to_bytes())).map(|name| {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(entry, name.as_c_str(), flags, Mode::empty()) {
            // Somebody removed it meanwhile: git tidies up in the background.
            Err(Errno::ENOENT) => Ok(()),
            found => visit(&found?, deeper, may_change, to),
        }
    });
    inner.fold(changed, Result::and)
}

fn give(entry: &OwnedFd, (uid, gid): Owner) -> Result<(), Errno> {
    fchownat(entry, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::AT_EMPTY_PATH)
}

fn kind(meta: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(meta.st_mode & SFlag::S_IFMT.bits())
}
