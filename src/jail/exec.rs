//! Becoming a program, looked for in an environment that is not this process's own.

use std::{
    convert::Infallible,
    ffi::{CString, NulError, OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
};

use nix::{errno::Errno, unistd::execve};

/// The program has not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing of that name in the environment's PATH.
    #[error("{0}: command not found in PATH")]
    NotFound(String),
    /// The kernel refuses to execute it.
    #[error("{path}: cannot be executed: {source}")]
    NotExecutable {
        /// The program.
        path: PathBuf,
        /// The system's reason.
        source: Errno,
    },
    /// A word or a variable with a null byte.
    #[error("the command line: {0}")]
    Null(#[from] NulError),
}

/// As execvp(3) does: of the places in the environment's PATH the first that can be executed; one that may not be is passed
/// over, and only told when there is no other. Those in `passed_over` are not looked at.
///
/// # Errors
/// Why no program has started.
pub fn exec(command: &[OsString], environment: &[(OsString, OsString)], passed_over: &[PathBuf]) -> Result<Infallible, Error> {
    let name = command.first().map_or(OsStr::new(""), |name| name.as_os_str());
    let arguments: Vec<CString> = command.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>()?;
    let pair = |(name, value): &(OsString, OsString)| CString::new([name.as_bytes(), value.as_bytes()].join(&b'='));
    let variables: Vec<CString> = environment.iter().map(pair).collect::<Result<_, _>>()?;
    let mut refused = Error::NotFound(name.display().to_string());
    for path in places(name, environment).into_iter().filter(|place| !passed_over.contains(place)) {
        match execve(&CString::new(path.as_os_str().as_bytes())?, &arguments, &variables) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(source @ Errno::EACCES) if path.is_file() || name.as_bytes().contains(&b'/') => {
                refused = Error::NotExecutable { path, source };
            }
            Err(Errno::EACCES) => {}
            Err(source) => return Err(Error::NotExecutable { path, source }),
        }
    }
    Err(refused)
}

/// A name with a slash is a path; another may lie in any directory of PATH.
fn places(name: &OsStr, environment: &[(OsString, OsString)]) -> Vec<PathBuf> {
    if name.is_empty() {
        return vec![];
    }
    if name.as_bytes().contains(&b'/') {
        return vec![PathBuf::from(name)];
    }
    let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str()).unwrap_or_default();
    std::env::split_paths(path).map(|directory| directory.join(name)).collect()
}
