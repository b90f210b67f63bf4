//! Pseudo-terminals of the agent's own: a file system of them (devpts) in its own mount namespace, in which nobody else has one.

use std::{fs, os::unix::fs::MetadataExt as _};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

/// Where they are (pts(4)).
const PLACE: &str = "/dev/pts";

/// Terminals are few, and the whole machine shares their number (proc(5), `/proc/sys/kernel/pty/max`).
const OPTIONS: &str = "newinstance,ptmxmode=0666,mode=0600,max=64";

/// The number of the file system of the terminals that are seen here; none where there is none.
pub fn here() -> Option<u64> {
    fs::metadata(PLACE).ok().map(|place| place.dev())
}

/// Whether the terminals that are seen here are others than those `outside`. It is found out in the agent's place: where the
/// mount was refused, there are none.
pub fn are_own(outside: Option<u64>) -> bool {
    outside.is_some_and(|outside| here().is_some_and(|here| here != outside))
}

/// Covers the terminals of everybody else. Without a place for them, or where the kernel refuses, the agent has none.
///
/// # Errors
/// When it went wrong in another way.
pub(super) fn make() -> Result<(), Errno> {
    match mount(Some("devpts"), PLACE, Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, Some(OPTIONS)) {
        Ok(()) | Err(Errno::ENOENT | Errno::ENODEV | Errno::EPERM | Errno::EACCES | Errno::EINVAL) => Ok(()),
        Err(other) => Err(other),
    }
}
