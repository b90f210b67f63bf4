//! The gate alone: what would it say of a branch, or of a work tree as it stands?

use std::{path::PathBuf, time::Duration};

use crate::{
    exit::Exit,
    gate::{self, Change, Judgement, Known, Terms},
    git::{self, Checkout, Repository},
    policy::Policy,
    workspace::{self, Limits},
};

/// How long an inspection may take.
const TIME: Duration = Duration::from_secs(600);

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A commit, by any name that git knows.
    Head(String),
    /// The work tree's files as they are now, committed or not.
    Worktree,
}

/// What to check.
#[derive(Debug)]
pub struct Options<'a> {
    /// The work tree whose repository is asked.
    pub repository: PathBuf,
    /// The commit that the change is measured from.
    pub base: String,
    /// What is judged.
    pub target: Target,
    /// The policy.
    pub policy: &'a Policy,
    /// Secrets to look for.
    pub known: &'a Known,
    /// The project's CI configuration path; [`gate::CI_CONFIG`] where it names none.
    pub ci_config: String,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No room for a repository of ours.
    #[error("no scratch folder can be made in {}: {source}", path.display())]
    Scratch {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The repository.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// The work tree.
    #[error(transparent)]
    Workspace(#[from] workspace::Error),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] gate::Error),
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Scratch { .. } => Exit::Internal,
            Self::Git(error) => error.exit(),
            Self::Workspace(error) => error.exit(),
            Self::Gate(error) => error.exit(),
        }
    }
}

/// Judges what `options` name. Reads the repository's objects and references, nothing else of it, and writes to a
/// scratch folder that is gone afterwards.
///
/// # Errors
/// Any [`Error`].
pub fn check(options: &Options<'_>) -> Result<Judgement, Error> {
    gate::check_rules(&options.policy.changes)?;
    let checkout = Checkout::open(&options.repository)?;
    let scratch = Scratch::make()?;
    let repository = Repository::create(&scratch.0.join("git"))?;
    repository.borrow(&checkout)?;
    let base = repository.tree_of(repository.resolve(&options.base)?)?;
    let limits = Limits::within(TIME);
    let change = match &options.target {
        Target::Head(revision) => {
            let tree = repository.tree_of(repository.resolve(revision)?)?;
            Change::between(&repository, base, tree, vec![], &options.ci_config)?
        }
        Target::Worktree => workspace::worktree(checkout.root(), base, &repository, limits, &options.ci_config)?.change,
    };
    Ok(gate::inspect(change, &repository, &Terms::now(&options.policy.changes, options.known, limits.deadline), None)?.1)
}

/// A folder that is removed again.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Error> {
        let template = std::env::temp_dir().join("tidewaiter-check-XXXXXX");
        let failed = |source: std::io::Error| Error::Scratch { path: std::env::temp_dir(), source };
        nix::unistd::mkdtemp(&template).map(Self).map_err(|errno| failed(errno.into()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
