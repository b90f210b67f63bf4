//! Git plumbing: the `git` program with a clean environment, always from a git directory that we made.
//!
//! Nothing of the checkout's configuration, index, hooks or attributes is read. Its objects are reached through
//! `objects/info/alternates` of a [`Repository`] of ours; its references are read by our own code.

mod attributes;
mod batch;
mod branch;
mod checkout;
mod folders;
mod history;
mod lfs;
mod oid;
mod pack;
mod pointer;
mod program;
mod remote;
mod repository;
mod show;
mod store;
mod tree;

pub use attributes::{Attributed, Attributes};
pub use branch::{Branch, NotABranch};
pub use checkout::Checkout;
pub use folders::Staged;
pub use lfs::Keeping;
pub use oid::{NotAnOid, Oid};
pub use pack::OwnRepository;
pub use pointer::Pointer;
pub use remote::{ASKPASS_VARIABLE, Expect, Remote, USER, askpass_main};
pub use repository::Repository;
pub use show::shown;
pub use store::Identity;
pub use tree::{Entry, Mode, Tree};

use std::path::PathBuf;

/// Why a git call has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no git.
    #[error("git was not found in {}; install git 2.40 or newer in the image", program::PATH)]
    NoProgram,
    /// Git could not be started, or its pipes broke.
    #[error("git {call}: {source}")]
    Pipe {
        /// The git command.
        call: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Git said no.
    #[error("git {call} failed ({status}): {stderr}")]
    Failed {
        /// The git command.
        call: &'static str,
        /// How it ended.
        status: String,
        /// What it said, bounded and escaped.
        stderr: String,
    },
    /// Git's answer has another form than its manual says.
    #[error("git {call} gave an answer that is not understood: {answer}")]
    Answer {
        /// The git command.
        call: &'static str,
        /// The beginning of the answer, escaped.
        answer: String,
    },
    /// More output than can be held.
    #[error("git {call} answered more than {limit} bytes; the repository is too large to be inspected")]
    TooLarge {
        /// The git command.
        call: &'static str,
        /// The bound in bytes.
        limit: u64,
    },
    /// The git program lacks something that we need; what it says of its version.
    #[error("`{0}` is too old; install git 2.40 or newer in the image")]
    TooOld(String),
    /// No repository that can be used.
    #[error("{} is not a git repository that can be used: {reason}", path.display())]
    NotARepository {
        /// Where one was looked for.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// Object names of 32 bytes.
    #[error("{} uses SHA-256 object names, which are not supported yet", .0.display())]
    Sha256(PathBuf),
    /// A file of ours or of the checkout's repository.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A name that names no commit here.
    #[error("`{revision}` names no commit in this repository{why}")]
    Revision {
        /// The name, escaped.
        revision: String,
        /// More of it, after a comma or a semicolon; empty where nothing is known.
        why: &'static str,
    },
    /// A path that no tree can hold, or not beside another one.
    #[error("the path {0} can stand in no tree of git's")]
    Path(String),
    /// An object that is not there.
    #[error("object {0} is not in the repository; fetch it first (shallow or partial clone)")]
    Missing(Oid),
    /// An object that is larger than asked for.
    #[error("object {oid} has {size} bytes, more than the {limit} that are read")]
    BlobTooLarge {
        /// The object.
        oid: Oid,
        /// Its size.
        size: u64,
        /// The bound.
        limit: u64,
    },
    /// An object of Git LFS that is not kept here, or not as it was.
    #[error("the object {0} of Git LFS is not here, or has other bytes than its name says")]
    LfsObject(crate::digest::Digest),
    /// Bytes that were made to have the object name of others (the SHAttered family of attacks).
    #[error("bytes that form a SHA-1 collision were found; nothing of this change can be trusted")]
    Collision,
    /// The far end gave no answer.
    #[error("{url} cannot be reached: {stderr}")]
    Unreachable {
        /// Where, without user and password.
        url: String,
        /// What git said, bounded and escaped.
        stderr: String,
    },
    /// The far end does not accept the token.
    #[error("{url} refused the token; it needs the right to {right} there: {stderr}")]
    Authentication {
        /// Where.
        url: String,
        /// `read` or `push`.
        right: &'static str,
        /// What git said, bounded and escaped.
        stderr: String,
    },
    /// The branch was not accepted: it is protected, exists, moved, or a push rule speaks against it.
    #[error("branch {branch} was not accepted: {reason}")]
    Rejected {
        /// The branch.
        branch: String,
        /// The reason that the far end or git gave, escaped.
        reason: String,
    },
    /// An address that is not `http://` or `https://`.
    #[error("`{0}` is not an http or https address of a repository")]
    Url(String),
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> crate::exit::Exit {
        use crate::exit::Exit;
        match self {
            Self::Unreachable { .. } | Self::Authentication { .. } | Self::Rejected { .. } => Exit::Remote,
            Self::NotARepository { .. } | Self::Sha256(_) | Self::Revision { .. } | Self::Url(_) => Exit::Usage,
            Self::TooLarge { .. } | Self::BlobTooLarge { .. } | Self::Missing(_) | Self::Path(_) | Self::LfsObject(_) | Self::Collision => {
                Exit::Uninspected
            }
            Self::NoProgram | Self::Pipe { .. } | Self::Failed { .. } | Self::Answer { .. } | Self::TooOld(_) | Self::File { .. } => {
                Exit::Internal
            }
        }
    }
}

fn file_error(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::File { path: path.to_owned(), source }
}

/// Doors to what reads git's answers about hostile repositories, for the fuzz targets alone.
#[doc(hidden)]
pub mod fuzz {
    use super::{Tree, attributes, tree};

    /// A listing of `git ls-tree`.
    pub fn tree(listing: &[u8]) -> Option<Tree> {
        tree::parse(listing).ok()
    }

    /// An answer of `git check-attr`: how many paths it speaks of.
    pub fn attributes(answer: &[u8]) -> Option<usize> {
        attributes::parse_attributes(answer).ok().map(|found| found.len())
    }
}
