//! Lighter walls for our own helpers after they were started: no privilege, no files but those named, no program, and no
//! signal to anyone outside.

use std::path::PathBuf;

use caps::{CapSet, Capability, CapsHashSet};
use nix::{
    errno::Errno,
    sys::prctl,
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};

use crate::{
    landlock::{self, Grants, Ports},
    seccomp, sys,
};

/// What a helper keeps.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// Files and directories to read, passed over where they do not exist.
    pub read: Vec<PathBuf>,
    /// Directories to write.
    pub write: Vec<PathBuf>,
    /// Whether it may connect to and bind any TCP port.
    pub network: bool,
    /// Whether it keeps the capabilities that it has: to read and give away files of other uids.
    pub capabilities: bool,
    /// The uid to change to, where the process may.
    pub uid: Option<u32>,
    /// Whether it makes no other system calls than an agent may.
    pub calls: bool,
}

/// A wall that does not stand; the helper ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The uid.
    #[error("changing the uid to {uid}: {source}")]
    Uid {
        /// The uid asked for.
        uid: u32,
        /// The system's reason.
        source: Errno,
    },
    /// Capabilities.
    #[error("capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    /// no_new_privs.
    #[error("no_new_privs: {0}")]
    NoNewPrivs(Errno),
    /// Landlock.
    #[error(transparent)]
    Landlock(#[from] landlock::Error),
    /// Seccomp.
    #[error(transparent)]
    Seccomp(#[from] seccomp::Error),
}

/// Hides this process from others of its uid: no core dump, no ptrace, no reading of its memory (prctl(2),
/// `PR_SET_DUMPABLE`). To be called before anything secret is read.
///
/// # Errors
/// When the kernel refuses.
pub fn hide() -> Result<(), Errno> {
    prctl::set_dumpable(false)
}

/// Gives up everything that is not in `keep`, for good.
///
/// # Errors
/// The first wall that does not stand.
pub fn confine(keep: &Keep) -> Result<(), Error> {
    let grants = Grants {
        read_if_there: keep.read.clone(),
        write: keep.write.clone(),
        devices: !keep.read.is_empty(),
        // Older kernels have no such rule. Our own helpers then have one wall less.
        ports: if keep.network || sys::landlock::abi() < landlock::PORTS_ABI { Ports::Open } else { Ports::Closed },
        ..Grants::default()
    };
    let opened = landlock::open(&grants)?;
    if let Some(uid) = keep.uid {
        change(uid).map_err(|source| Error::Uid { uid, source })?;
    }
    if !keep.capabilities {
        for set in [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
            caps::clear(None, set)?;
        }
    }
    prctl::set_no_new_privs().map_err(Error::NoNewPrivs)?;
    opened.restrict()?;
    hide().map_err(Error::NoNewPrivs)?;
    if keep.calls {
        seccomp::apply()?;
    }
    Ok(())
}

/// What a supervisor needs after boarding: to give files back, to kill the agent, and to give workers their uid.
const SETTLED: [Capability; 9] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_DAC_READ_SEARCH,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
    Capability::CAP_SETGID,
    Capability::CAP_SETUID,
    Capability::CAP_SETPCAP,
];

/// The supervisor's own walls, for it and all that it starts from here on: it writes beneath `write` alone, makes no
/// namespace and no mount, and gains nothing by any program.
///
/// # Errors
/// The first wall that does not stand.
pub fn settle(write: &[PathBuf]) -> Result<(), Error> {
    let grants = Grants {
        read: vec!["/".into()],
        write: write.to_vec(),
        devices: true,
        ports: Ports::Open,
        // It holds the agent by signals.
        others: true,
        ..Grants::default()
    };
    let opened = landlock::open(&grants)?;
    let kept = SETTLED.into_iter().collect();
    for set in [CapSet::Effective, CapSet::Permitted] {
        let held: CapsHashSet = caps::read(None, set)?.intersection(&kept).copied().collect();
        caps::set(None, set, &held)?;
    }
    prctl::set_no_new_privs().map_err(Error::NoNewPrivs)?;
    opened.restrict()?;
    hide().map_err(Error::NoNewPrivs)
}

fn change(uid: u32) -> Result<(), Errno> {
    setgroups(&[])?;
    let gid = Gid::from_raw(uid);
    setresgid(gid, gid, gid)?;
    let uid = Uid::from_raw(uid);
    setresuid(uid, uid, uid)
}
