//! The gate alone: what would it say of a branch, or of a work tree as it stands?

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    exit::Exit,
    gate::{self, Change, Judgement, Known, Terms},
    git::{self, Checkout, Oid, Repository},
    policy::{Policy, Source},
    report,
    workspace::{self, Limits},
};

/// Bytes of a policy.
const LONGEST_POLICY: u64 = 1 << 20;

/// How long an inspection may take.
const TIME: Duration = Duration::from_secs(600);

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A commit, by any name that git knows, or a tree.
    Head(String),
    /// The work tree's files as they are now, committed or not.
    Worktree,
}

/// What to check.
#[derive(Debug)]
pub struct Options<'a> {
    /// The work tree whose repository is asked, or a folder in it.
    pub repository: PathBuf,
    /// The commit or tree that the change is measured from.
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
    /// No policy where one was asked for.
    #[error("{0} is no policy: the file is not there, or is no text")]
    NoPolicy(String),
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
            Self::NoPolicy(_) => Exit::Policy,
            Self::Git(error) => error.exit(),
            Self::Workspace(error) => error.exit(),
            Self::Gate(error) => error.exit(),
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct Checked {
    /// The judgement.
    pub judgement: Judgement,
    /// The tree that the change is measured from.
    pub base: Oid,
    /// The tree that was judged.
    pub tree: Oid,
    /// How many paths differ.
    pub changed: usize,
    /// The change as JSON, of the form in `docs/facts.schema.json`; only where it was asked for.
    pub facts: Option<String>,
}

/// Judges what `options` name, and lists its facts where `facts` says so. Reads the repository's objects and references,
/// nothing else of it, and writes to a scratch folder that is gone afterwards.
///
/// # Errors
/// Any [`Error`].
pub fn check(options: &Options<'_>, facts: bool) -> Result<Checked, Error> {
    gate::check_rules(&options.policy.changes)?;
    let (_scratch, checkout, repository) = open(&options.repository)?;
    let base = repository.tree(&options.base)?;
    let limits = Limits::within(TIME);
    let change = match &options.target {
        Target::Head(revision) => {
            let tree = repository.tree(revision)?;
            let change = Change::between(&repository, base, tree, vec![], &options.ci_config)?;
            workspace::with_objects(change, &checkout, &repository)?
        }
        Target::Worktree => workspace::worktree(checkout.root(), base, &repository, limits, &options.ci_config)?.change,
    };
    let (change, judgement) =
        gate::inspect(change, &repository, &Terms::now(&options.policy.changes, options.known, limits.deadline), None)?;
    let facts = if facts { Some(report::write(&gate::facts(&change, &judgement, &repository)?)) } else { None };
    Ok(Checked { judgement, base, tree: change.tree(), changed: change.facts().len(), facts })
}

/// The policy that stands at `path` in the commit `base`: never that of the change.
///
/// # Errors
/// [`Error::NoPolicy`] when there is none, and what reading says.
pub fn policy_at(repository: &Path, base: &str, path: &str) -> Result<Source, Error> {
    let (_scratch, _, repository) = open(repository)?;
    let tree = repository.list(repository.tree(base)?)?;
    let name = format!("{base}:{path}");
    let entry = tree.get(path.as_bytes()).filter(|entry| entry.mode.is_file()).ok_or_else(|| Error::NoPolicy(name.clone()))?;
    let text = String::from_utf8(repository.blob(entry.id, LONGEST_POLICY)?).map_err(|_| Error::NoPolicy(name.clone()))?;
    Ok(Source { name, text })
}

fn open(path: &Path) -> Result<(Scratch, Checkout, Repository), Error> {
    let checkout = Checkout::find(path)?;
    let scratch = Scratch::make()?;
    let repository = Repository::create(&scratch.0.join("git"))?;
    repository.borrow(&checkout)?;
    Ok((scratch, checkout, repository))
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
