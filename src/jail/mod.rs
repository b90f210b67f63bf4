//! All walls together: what a locked-in process is given ([`Spec`]), the one order in which the walls go up ([`enter`]),
//! the proof that they stand ([`probe`]), the process that empties the room ([`stem`]), and lighter walls for our own
//! processes ([`confine`]).

pub mod confine;
pub mod enter;
pub mod exec;
pub mod probe;
pub mod stem;

use std::{ffi::OsString, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    cgroup::Cgroup,
    fence::{Fence, Watching},
    landlock::Grants,
    limits::Limits,
};

/// Everything that `enter` needs; it is handed over as JSON in anonymous memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program, looked for in the agent's PATH, and its arguments.
    pub command: Vec<OsString>,
    /// Programs of that name in the agent's PATH that are not meant.
    pub passed_over: Vec<PathBuf>,
    /// The agent's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Its uid and gid, where the supervisor may change them.
    pub uid: Option<u32>,
    /// Resource limits.
    pub limits: Limits,
    /// The cgroup that it runs in, where one was made for it.
    pub cgroup: Option<Cgroup>,
    /// Files and ports.
    pub grants: Grants,
    /// What keeps its sockets on loopback.
    pub fence: Fence,
    /// The file system of the terminals outside, where the agent gets one of its own.
    pub terminals: Option<u64>,
    /// Whether it may make unix sockets.
    pub unix: bool,
    /// What the self-test tries.
    pub probe: probe::Targets,
    /// Where the run is only observed: by what.
    pub watching: Option<Watching>,
}

/// What `enter` says to the supervisor before it waits for the word to go on, and if it fails after that.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Every wall stands, and this was tried.
    Locked(Vec<probe::Tried>),
    /// A wall does not stand, or the program does not start.
    Failed {
        /// What failed and why, in one line.
        reason: String,
        /// What kind of failure it is.
        kind: Failure,
    },
}

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// A wall, or what it needs: the host or the policy.
    Wall,
    /// The program is not there.
    NotFound,
    /// The program is there and does not start.
    NotExecutable,
}
