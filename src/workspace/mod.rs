//! The agent's own tree: made from the checkout's bytes, inspected after the agent is gone.
//!
//! [`make`] copies and records what it hands over in a [`Manifest`]; [`candidate`] compares the workspace with it and
//! writes the tree that the gate judges. Nothing follows a link, nothing runs a filter, and the agent's repository is
//! never read.

mod bundle;
mod candidate;
mod convert;
mod copy;
mod ignore;
mod listing;
mod manifest;
mod objects;
mod parallel;
mod staging;
mod tip;
mod unchanged;

pub use bundle::{Bundle, LONGEST as LONGEST_BUNDLE};
pub use candidate::{Candidate, candidate, worktree};
pub use copy::{Options, make};
pub use manifest::{Handed, Kind, Manifest};
pub use objects::with_objects;
pub use tip::write_out;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{exit::Exit, gate, git};

/// Bounds of what is copied and inspected. Beyond them there is no verdict, so they stand well above the policy's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files, links and folders.
    pub entries: usize,
    /// Bytes of one file that is copied or hashed.
    pub file_bytes: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Folders in each other.
    pub depth: usize,
    /// When to give up.
    pub deadline: Instant,
}

impl Limits {
    /// A million entries, 4 GiB a file, 64 GiB in all, 128 folders deep, within `time`.
    pub fn within(time: Duration) -> Self {
        Self { entries: 1_000_000, file_bytes: 4 << 30, bytes: 64 << 30, depth: 128, deadline: Instant::now() + time }
    }
}

/// Bytes of one changed file that are taken into a tree; they are held in memory.
const LARGEST_CHANGED: u64 = 256 << 20;

/// Why a workspace cannot be made or inspected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something in the workspace cannot be read.
    #[error("{path} in {} cannot be read: {source}; what cannot be read cannot be inspected", root.display())]
    Unreadable {
        /// The tree.
        root: PathBuf,
        /// The path in it, escaped.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// More than can be inspected.
    #[error("{} has more than {limit} {what}; it is too large to be inspected", root.display())]
    TooMuch {
        /// The tree.
        root: PathBuf,
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// One file that is larger than can be inspected.
    #[error("{path} has {size} bytes, more than the {limit} that are inspected")]
    TooLarge {
        /// The path, escaped.
        path: String,
        /// Its size.
        size: u64,
        /// The bound.
        limit: u64,
    },
    /// A file changed while it was read: something still runs that writes.
    #[error("{0} changed while it was read; something still writes to the workspace")]
    Moving(String),
    /// Out of time.
    #[error("the inspection of {} took too long", .0.display())]
    TimedOut(PathBuf),
    /// A file of the copy could not be written.
    #[error("the workspace could not be made: {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A path of a tree that leads elsewhere.
    #[error("the branch holds the path {0}, which no git makes; it is not written out")]
    Path(String),
    /// The manifest is not one.
    #[error("the manifest {} cannot be used: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A kept change that cannot be used.
    #[error("the kept change cannot be used: {0}")]
    Bundle(String),
    /// Git.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] gate::Error),
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::TooMuch { .. } | Self::TooLarge { .. } | Self::Moving(_) | Self::TimedOut(_) => {
                Exit::Uninspected
            }
            Self::Path(_) | Self::Bundle(_) => Exit::Uninspected,
            Self::Write { .. } | Self::Manifest { .. } => Exit::Internal,
            // Git that fails on what the agent made is an inspection that failed.
            Self::Git(error) => match error.exit() {
                Exit::Internal => Exit::Uninspected,
                other => other,
            },
            Self::Gate(error) => error.exit(),
        }
    }
}
