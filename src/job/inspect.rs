//! The gate worker: it has no network, and the job's secrets only as values to look for. It hashes the workspace, writes the
//! candidate tree into our repository, and judges it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::context::Refusal;
use crate::{
    exit::Exit,
    gate::{self, Fact, Known, Op, Passed, Terms},
    git::{Oid, Repository, shown},
    gitlab::merge_request::{Change, ChangedFile},
    policy::{Policy, Source},
    secret::Secret,
    verdict::Verdict,
    workspace::{self, Limits, Manifest},
};

/// What the worker is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The job's own directory, beneath which this worker writes.
    pub room: PathBuf,
    /// The policy's layers.
    pub policy: Vec<Source>,
    /// The job's secrets by their variables' names.
    pub secrets: Vec<(String, Secret)>,
    /// The agent's tree.
    pub workspace: PathBuf,
    /// Our repository.
    pub repository: PathBuf,
    /// What was handed over.
    pub manifest: PathBuf,
    /// The agent's last words.
    pub summary: String,
    /// The project's CI configuration path.
    pub ci_config: String,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The judged tree.
    pub tree: Oid,
    /// The proof that it may leave; none when it was denied.
    pub passed: Option<Passed>,
    /// Whether it is the base's.
    pub unchanged: bool,
    /// What changed.
    pub files: Vec<ChangedFile>,
    /// The agent's last words without the job's secrets.
    pub summary: String,
}

/// Does the work.
///
/// # Errors
/// A [`Refusal`]: the change could not be inspected.
pub fn work(spec: Spec) -> Result<Judged, Refusal> {
    let uninspected = |error: &dyn std::fmt::Display| Refusal::new(error, Exit::Uninspected);
    let policy = Policy::compose(spec.policy).map_err(|error| Refusal::new(error, Exit::Policy))?;
    let known = Known::new(spec.secrets).map_err(|error| uninspected(&error))?;
    let repository = Repository::open(&spec.repository).map_err(|error| uninspected(&error))?;
    let unmade = |error: workspace::Error| Refusal::new(&error, error.exit());
    let manifest = Manifest::load(&spec.manifest).map_err(unmade)?;
    let limits = Limits::within(super::INSPECTION_TIME);
    let change = workspace::candidate(&manifest, &spec.workspace, &repository, limits, &spec.ci_config).map_err(unmade)?.change;
    let judged = gate::inspect(change, &repository, &Terms::now(&policy.changes, &known, limits.deadline));
    let (change, judgement) = judged.map_err(|error| Refusal::new(&error, error.exit()))?;
    let files = change.facts().iter().map(|fact| changed_file(fact, judgement.lines(&fact.path))).collect();
    let (verdict, tree, unchanged) = (judgement.verdict.clone(), change.tree(), change.is_empty());
    Ok(Judged { verdict, tree, passed: judgement.passed(), unchanged, files, summary: known.redact(&spec.summary) })
}

fn changed_file(fact: &Fact, (added, removed): (u64, u64)) -> ChangedFile {
    let what = match fact.op() {
        Op::Add => Change::Added,
        Op::Delete => Change::Deleted,
        Op::Modify | Op::Mode => Change::Modified,
    };
    ChangedFile { what, path: shown(&fact.path), added: Some(added), removed: Some(removed) }
}
