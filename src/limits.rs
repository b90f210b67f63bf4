//! Resource limits of the agent's processes (setrlimit(2)).

use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit, setrlimit},
};
use serde::{Deserialize, Serialize};

/// What one process, or one uid, may use.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads of the uid.
    pub processes: u64,
    /// Open files a process.
    pub open_files: u64,
    /// Bytes a file.
    pub file_bytes: u64,
}

/// A limit that cannot be set.
#[derive(Debug, thiserror::Error)]
#[error("limit {name}: {source}")]
pub struct Error {
    name: &'static str,
    source: Errno,
}

/// Lowers the soft and the hard limit of each resource; one that is lower already stays. No process dumps its memory.
///
/// # Errors
/// When the kernel refuses.
pub fn apply(limits: &Limits) -> Result<(), Error> {
    lower("processes", Resource::RLIMIT_NPROC, limits.processes)?;
    lower("open_files", Resource::RLIMIT_NOFILE, limits.open_files)?;
    lower("file_bytes", Resource::RLIMIT_FSIZE, limits.file_bytes)?;
    lower("core dumps", Resource::RLIMIT_CORE, 0)
}

fn lower(name: &'static str, resource: Resource, to: u64) -> Result<(), Error> {
    let set = || {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, to.min(hard), to.min(hard))
    };
    set().map_err(|source| Error { name, source })
}
