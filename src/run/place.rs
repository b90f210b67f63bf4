//! Where a command may be locked in.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Why a directory is no workspace.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or no directory.
    #[error("directory {path}: {source}")]
    Open {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Granting it would grant far more than a project.
    #[error("workspace {0} holds more than a project; change into the project's own directory, or name it with --workspace")]
    TooWide(PathBuf),
    /// The agent's uid cannot get there.
    #[error(
        "workspace {path}: {ancestor} may not be entered by the agent's uid {uid}; move the project to a place that others may enter, or `chmod o+x {ancestor}`"
    )]
    Closed {
        /// The workspace.
        path: PathBuf,
        /// The directory on the way.
        ancestor: PathBuf,
        /// The agent's uid.
        uid: u32,
    },
    /// The agent could rewrite the journal.
    #[error("the journal {0} would lie where the agent may write; name a place outside")]
    Journal(PathBuf),
    /// Its owner cannot be changed for the time of the run.
    #[error("workspace {path}: its owner cannot be changed to the agent's uid: {source}")]
    Own {
        /// What could not be changed.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Directories of the system: none is a project, and none that holds one of them is.
const SYSTEM: &[&str] =
    &["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/lib", "/var/run"];

/// The workspace in its canonical form: `named`, or the current directory.
///
/// # Errors
/// When it is no directory, or holds more than a project.
pub(super) fn workspace(named: Option<PathBuf>) -> Result<PathBuf, Error> {
    let path = named.unwrap_or_else(|| PathBuf::from("."));
    let found = path.canonicalize().and_then(|found| fs::read_dir(&found).map(|_| found));
    let found = found.map_err(|source| Error::Open { path, source })?;
    let home = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
    let own = home.iter().map(PathBuf::as_path).filter(|home| *home != Path::new("/"));
    let holds_another = SYSTEM.iter().map(Path::new).chain([Path::new("/tmp")]).chain(own).any(|other| other.starts_with(&found));
    let is_inside = SYSTEM.iter().any(|system| found.starts_with(system));
    if holds_another || is_inside { Err(Error::TooWide(found)) } else { Ok(found) }
}

/// Checks that `journal`, where there is one, will lie in none of `writable`.
///
/// # Errors
/// When it will.
pub(super) fn outside<'a>(journal: Option<&Path>, mut writable: impl Iterator<Item = &'a PathBuf>) -> Result<(), Error> {
    let Some(journal) = journal else { return Ok(()) };
    let parent = journal.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(|source| Error::Open { path: parent.to_owned(), source })?;
    let within = |place: &PathBuf| parent.starts_with(place.canonicalize().as_ref().unwrap_or(place));
    if writable.any(within) { Err(Error::Journal(journal.to_owned())) } else { Ok(()) }
}

/// Checks that `uid` may go through every directory above `workspace`.
///
/// # Errors
/// The first that it may not.
pub(super) fn reachable(workspace: &Path, uid: Option<u32>) -> Result<(), Error> {
    let Some(uid) = uid else { return Ok(()) };
    for ancestor in workspace.ancestors().skip(1) {
        let meta = fs::metadata(ancestor).map_err(|source| Error::Open { path: ancestor.to_owned(), source })?;
        let bit = if meta.uid() == uid { 0o100 } else { 0o001 };
        if meta.mode() & bit == 0 {
            return Err(Error::Closed { path: workspace.to_owned(), ancestor: ancestor.to_owned(), uid });
        }
    }
    Ok(())
}
