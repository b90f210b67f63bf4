//! The job's script: its walls, and the program that it is.
//!
//! The walls are light. `apk add`, `apt-get`, `npm install` and services that the script starts work as they do without us,
//! so files and the network stay open, and root stays root with the capabilities that a container has by default. What goes
//! is what would open the way to another process's memory, and with it to the credentials in custody.

use std::{convert::Infallible, ffi::OsString, io, os::fd::OwnedFd};

use caps::{CapSet, Capability};
use nix::{errno::Errno, sys::prctl};
use serde::{Deserialize, Serialize};

use super::channel::CHANNEL;
use crate::{
    exit,
    exit::Exit,
    jail::exec,
    landlock,
    sys::{self, descriptor::take},
};

/// What the script is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Its environment.
    pub environment: Vec<(OsString, OsString)>,
}

impl Spec {
    /// In memory that can be handed over.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn written(&self) -> io::Result<OwnedFd> {
        sys::descriptor::memory(&serde_json::to_vec(self)?)
    }
}

/// The capabilities that a container has by default (moby, `oci/caps/defaults.go`). A privileged container has more; its script
/// does without them.
const KEPT: [Capability; 14] = [
    Capability::CAP_AUDIT_WRITE,
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_NET_RAW,
    Capability::CAP_SETFCAP,
    Capability::CAP_SETGID,
    Capability::CAP_SETPCAP,
    Capability::CAP_SETUID,
    Capability::CAP_SYS_CHROOT,
];

/// Why the script has not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was handed over.
    #[error("the specification cannot be read: {0}")]
    Spec(io::Error),
    /// A wall of the host's.
    #[error("{0}; without it a script could read the credentials out of other processes")]
    Landlock(#[from] landlock::Error),
    /// Capabilities.
    #[error("capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    /// no_new_privs, signals.
    #[error("{step}: {source}")]
    Step {
        /// The step.
        step: &'static str,
        /// The system's reason.
        source: Errno,
    },
    /// The way to ask for an agent.
    #[error("descriptor {CHANNEL} cannot be handed over: {0}; raise the limit of open files (ulimit -n)")]
    Channel(io::Error),
    /// The program.
    #[error(transparent)]
    Exec(#[from] exec::Error),
}

impl Error {
    /// The exit code: as a shell's where there is no program.
    pub fn code(&self) -> u8 {
        match self {
            Self::Landlock(_) => Exit::Host.code(),
            Self::Exec(exec::Error::NotFound(_)) => exit::RUN_NOT_FOUND,
            Self::Exec(_) => exit::RUN_NOT_EXECUTABLE,
            _ => Exit::Internal.code(),
        }
    }
}

/// The role: puts the walls up and becomes the script.
///
/// # Errors
/// The step that failed; then nothing of the script has run.
pub fn main() -> Result<Infallible, Error> {
    let spec = sys::descriptor::content(take(3).map_err(Error::Spec)?).map_err(Error::Spec)?;
    let spec: Spec = serde_json::from_slice(&spec).map_err(|error| Error::Spec(error.into()))?;
    let channel = take(4).map_err(Error::Channel)?;
    sys::descriptor::close_on_exec_from(3).map_err(Error::Channel)?;
    sys::descriptor::leave(&channel, CHANNEL).map_err(Error::Channel)?;
    drop_capabilities()?;
    prctl::set_no_new_privs().map_err(|source| Error::Step { step: "no_new_privs", source })?;
    // Nobody in this domain reads the memory, the environment or the descriptors of a process outside.
    landlock::apart()?;
    sys::process::default_signals().map_err(|source| Error::Step { step: "default signals", source })?;
    Ok(exec::exec(&spec.command, &spec.environment, &[])?)
}

fn drop_capabilities() -> Result<(), Error> {
    let bounding = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)?;
    let sets = [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable];
    let sets = [CapSet::Bounding].into_iter().filter(|_| bounding).chain(sets);
    for set in sets {
        for capability in caps::read(None, set)?.into_iter().filter(|capability| !KEPT.contains(capability)) {
            caps::drop(None, set, capability)?;
        }
    }
    Ok(())
}
