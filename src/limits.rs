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

/// The soft limit of open files that Linux gives its first process (`INR_OPEN_CUR` of linux/fs.h).
const OPEN_FILES: u64 = 1024;

/// Raises the soft limit of open files of this process to `wanted`, or as far as its hard limit lets it, and gives what it is.
/// This is no wall: where the kernel refuses, less is open at once.
pub fn raise_open_files(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return OPEN_FILES };
    let raised = wanted.min(hard).max(soft);
    setrlimit(Resource::RLIMIT_NOFILE, raised, hard).map_or(soft, |()| raised)
}

fn lower(name: &'static str, resource: Resource, to: u64) -> Result<(), Error> {
    let set = || {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, to.min(hard), to.min(hard))
    };
    set().map_err(|source| Error { name, source })
}
