//! The gate: base tree, candidate tree and policy in, verdict out.
//!
//! [`judge`] decides on values alone; the bytes of changed files come through [`Blobs`]. Only it makes a [`Passed`],
//! and only what is passed may leave.

mod change;
mod content;
mod facts;
mod finding;
#[doc(hidden)]
pub mod fuzz;
mod inspect;
mod language;
mod parts;
mod rules;
mod tally;
mod yaml;

mod checks;
mod ci;
mod host;
mod left;
mod lfs;
mod place;
mod reading;
mod secret;
mod supply;

pub use change::{Blobs, Change, Fact, Oddity, Op};
pub use ci::{CI_CONFIG, CiFiles};
pub use facts::{Facts, facts};
pub use inspect::{Earlier, inspect};
pub use place::git_refuses;
pub use rules::{Rule, check_rules, rules};
pub use secret::{Known, redact};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    git::{self, Oid, Pointer},
    policy::Changes,
    verdict::{Decision, Finding, Verdict},
};
use finding::Judge;

/// Bytes of one changed file that are read for judging. The policy's own bound is far below.
const LARGEST: u64 = 256 << 20;

/// Why there is no verdict. Never a pass.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy names rules that do not exist.
    #[error("policy {origin}: `{id}` is no rule; the rules are {known}")]
    UnknownRule {
        /// The line.
        origin: crate::policy::Origin,
        /// The id.
        id: String,
        /// All ids.
        known: String,
    },
    /// The policy makes a rule lighter that has no lighter weight.
    #[error("policy {origin}: `{id}` cannot be made lighter or waived; no policy can allow what this rule finds")]
    FixedRule {
        /// The line.
        origin: crate::policy::Origin,
        /// The id.
        id: &'static str,
    },
    /// The repository cannot be read.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// The search for known secrets cannot be set up.
    #[error("the job's secrets cannot be searched for: {0}")]
    Secrets(#[from] Box<aho_corasick::BuildError>),
    /// Out of time.
    #[error("the change could not be judged in time; nothing is known of it")]
    TimedOut,
}

impl Error {
    /// The exit code that goes with it.
    pub fn exit(&self) -> crate::exit::Exit {
        match self {
            Self::UnknownRule { .. } | Self::FixedRule { .. } => crate::exit::Exit::Policy,
            Self::Git(error) => error.exit(),
            Self::Secrets(_) | Self::TimedOut => crate::exit::Exit::Uninspected,
        }
    }
}

/// A tree that may leave. Made by [`judge`] alone; it is serialised only on its way to another process of ours.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Passed {
    base: Oid,
    tree: Oid,
    review: bool,
    objects: Vec<Pointer>,
}

impl Passed {
    /// The tree that was judged.
    pub fn tree(&self) -> Oid {
        self.tree
    }

    /// The tree that it was judged against.
    pub fn base(&self) -> Oid {
        self.base
    }

    /// The objects of Git LFS that were judged with it, which must be there before it is.
    pub fn objects(&self) -> &[Pointer] {
        &self.objects
    }

    /// Whether it may leave only as a draft.
    pub fn needs_review(&self) -> bool {
        self.review
    }
}

/// What [`judge`] says.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The decision with its grounds.
    pub verdict: Verdict,
    passed: Option<Passed>,
    lines: BTreeMap<Vec<u8>, (u64, u64)>,
    offending: Option<BTreeSet<Vec<u8>>>,
}

impl Judgement {
    /// Lines added to and removed from the file at `path`.
    pub fn lines(&self, path: &[u8]) -> (u64, u64) {
        self.lines.get(path).copied().unwrap_or_default()
    }

    /// The paths without which nothing would be denied; none where something is denied that is no path's alone.
    pub fn offending(&self) -> Option<&BTreeSet<Vec<u8>>> {
        self.offending.as_ref()
    }

    /// The same, and what `other` found besides, with the words `when`: the tree may leave only when both say so.
    fn with(mut self, other: &Self, when: &str) -> Self {
        let same = |a: &Finding, b: &Finding| (&a.rule, &a.path, a.line, a.severity) == (&b.rule, &b.path, b.line, b.severity);
        let new: Vec<Finding> =
            other.verdict.findings.iter().filter(|finding| !self.verdict.findings.iter().any(|own| same(own, finding))).cloned().collect();
        let told = new.into_iter().map(|finding| Finding { message: format!("{}, {when}", finding.message), ..finding });
        self.verdict = Verdict::weigh(self.verdict.findings.into_iter().chain(told).collect());
        self.passed = match self.verdict.decision {
            Decision::Deny => None,
            decision => self.passed.map(|passed| Passed { review: decision == Decision::Review, ..passed }),
        };
        self
    }

    /// The proof that the tree may leave; none when it was denied.
    pub fn passed(self) -> Option<Passed> {
        self.passed
    }
}

/// What a change is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The policy's section.
    pub policy: &'a Changes,
    /// The job's secrets.
    pub known: &'a Known,
    /// When to give up.
    pub until: Instant,
    /// Today, for what expires: milliseconds since 1970.
    pub now: i64,
}

impl<'a> Terms<'a> {
    /// By `policy` as it holds now.
    pub fn now(policy: &'a Changes, known: &'a Known, until: Instant) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { policy, known, until, now: i64::try_from(since.as_millis()).unwrap_or(i64::MAX) }
    }
}

/// Judges `change` by `terms` as it is; the bytes of its files come from `blobs`.
///
/// # Errors
/// Any [`Error`]; then nothing is known of the change and nothing may leave.
pub fn judge(change: &Change, blobs: &dyn Blobs, terms: &Terms<'_>) -> Result<Judgement, Error> {
    check_rules(terms.policy)?;
    let mut judge = Judge::new(change, blobs, terms);
    place::judge(&mut judge)?;
    ci::judge(&mut judge);
    secret::judge_names(&mut judge);
    reading::judge_names(&mut judge);
    checks::judge(&mut judge);
    judge.ground = Arc::new(supply::Ground::of(&judge)?);
    parts::each(&mut judge, judge_file)?;
    place::judge_sums(&mut judge);
    host::judge_sums(&mut judge);
    checks::judge_sums(&mut judge);
    judge.notes();
    let lines = std::mem::take(&mut judge.tally.lines);
    let offending = judge.offending();
    let verdict = Verdict::weigh(judge.into_findings());
    let passed = match verdict.decision {
        Decision::Deny => None,
        decision => {
            let objects = change.facts().iter().filter(|_| terms.policy.lfs).filter_map(|fact| change.object(fact));
            let (base, tree, review) = (change.base(), change.tree(), decision == Decision::Review);
            Some(Passed { base, tree, review, objects: objects.collect::<BTreeSet<_>>().into_iter().collect() })
        }
    };
    Ok(Judgement { verdict, passed, lines, offending })
}

/// What is said of one changed file by itself.
fn judge_file(judge: &mut Judge<'_>, file: &content::File<'_>) {
    judge.tally.see(file);
    secret::judge_file(judge, file);
    reading::judge_file(judge, file);
    supply::judge_file(judge, file);
    // The host in a pointer of Git LFS is its format's name.
    if Pointer::plain(file.new).is_none() {
        host::judge_file(judge, file);
    }
    checks::judge_file(judge, file);
    lfs::judge_file(judge, file);
}
