//! The fence `netns`: namespaces in which there is no network but a `lo` of their own, no System V memory of anyone else, and
//! no file of names but ours. The gateway's listeners are made inside and passed out, so that they are all that leads anywhere.

use std::{
    fs, io,
    net::{SocketAddrV4, TcpListener},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::prctl,
    unistd::{getegid, geteuid},
};
use serde::{Deserialize, Serialize};

use super::terminals;
use crate::sys::namespace::{self, Attempt};

/// What the new namespaces hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Space {
    /// Whether a user namespace around them gives the right to make them.
    pub user: bool,
    /// The loopback addresses that are listened on for the gateway.
    pub listen: Vec<SocketAddrV4>,
    /// Files that take the place of others: ours, and the name under which it is seen.
    pub files: Vec<(PathBuf, PathBuf)>,
}

/// What this host lets us make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Namespaces {
    /// None.
    #[default]
    None,
    /// Network and mount namespaces, with privileges that we have.
    Plain,
    /// The same within a user namespace.
    User,
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The namespaces themselves.
    #[error("network and mount namespaces cannot be made: {0}")]
    Unshare(Errno),
    /// The user namespace's map of ids.
    #[error("{path}: {source}")]
    Ids {
        /// The file.
        path: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A mount.
    #[error("mounting on {path}: {source}")]
    Mount {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: Errno,
    },
    /// The loopback interface.
    #[error("bringing `lo` up in a network namespace: {0}")]
    Loopback(io::Error),
    /// A listener of the gateway.
    #[error("listening on {address} in a network namespace: {source}")]
    Listen {
        /// Where.
        address: SocketAddrV4,
        /// The system's reason.
        source: io::Error,
    },
}

fn flags(user: bool) -> CloneFlags {
    let plain = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC;
    if user { plain | CloneFlags::CLONE_NEWUSER } else { plain }
}

/// Begins to find out which there are, by making them in a child that ends at once.
#[derive(Debug)]
pub struct Trying(io::Result<Attempt>);

impl Trying {
    /// Tries those that our own privileges allow.
    pub fn begin() -> Self {
        Self(attempt(false))
    }

    /// What was found; without privileges of ours, those within a user namespace are tried now.
    pub fn found(self) -> Namespaces {
        let works = |tried: io::Result<Attempt>| tried.and_then(Attempt::succeeded).unwrap_or(false);
        if works(self.0) {
            Namespaces::Plain
        } else if works(attempt(true)) {
            Namespaces::User
        } else {
            Namespaces::None
        }
    }
}

fn attempt(user: bool) -> io::Result<Attempt> {
    Attempt::begin(|| unshare(flags(user)).is_ok() && private().is_ok())
}

/// What is mounted from here on is seen by nobody else.
fn private() -> Result<(), Errno> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

/// Moves this process into new namespaces and returns the listeners, in the order of the addresses.
///
/// # Errors
/// The first step that fails.
pub fn enter(space: &Space) -> Result<Vec<OwnedFd>, Error> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare(flags(space.user)).map_err(Error::Unshare)?;
    if space.user {
        map_ids(uid, gid)?;
    }
    private().map_err(|source| Error::Mount { path: "/".into(), source })?;
    terminals::make().map_err(|source| Error::Mount { path: "/dev/pts".into(), source })?;
    for (from, to) in &space.files {
        cover(from, to)?;
    }
    namespace::loopback_up().map_err(Error::Loopback)?;
    space.listen.iter().map(|address| listen(*address)).collect()
}

/// One uid and one gid, which keep their numbers. A process that hides may not write its own map (proc(5)), so this one
/// shows itself for that moment.
fn map_ids(uid: u32, gid: u32) -> Result<(), Error> {
    let write = |path: &'static str, text: String| fs::write(path, text).map_err(|source| Error::Ids { path, source });
    let hidden = prctl::get_dumpable() == Ok(false);
    prctl::set_dumpable(true).map_err(Error::Unshare)?;
    let written = write("/proc/self/setgroups", "deny".to_owned())
        .and_then(|()| write("/proc/self/uid_map", format!("{uid} {uid} 1")))
        .and_then(|()| write("/proc/self/gid_map", format!("{gid} {gid} 1")));
    if hidden {
        prctl::set_dumpable(false).map_err(Error::Unshare)?;
    }
    written
}

/// Puts `from` in the place of `to`, where `to` is there.
fn cover(from: &Path, to: &Path) -> Result<(), Error> {
    match mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(source) => Err(Error::Mount { path: to.to_owned(), source }),
    }
}

fn listen(address: SocketAddrV4) -> Result<OwnedFd, Error> {
    TcpListener::bind(address).map(Into::into).map_err(|source| Error::Listen { address, source })
}
