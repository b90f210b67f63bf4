//! The workspace worker: copies the checkout for the agent, or writes out the tip of the branch that is followed up, and
//! remembers what was handed over.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{context::Refusal, publish::remote};
use crate::{
    exit::Exit,
    gate::Earlier,
    git::{self, Branch, Checkout, Oid, Repository},
    gitlab::JobFacts,
    secret::Secret,
    upstream::Proxy,
    workspace::{self, Limits},
};

/// Commits of a branch that are fetched, as GitLab's runner does by default (`GIT_DEPTH`).
const DEPTH: u32 = 20;

/// What the worker is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The job's own directory, beneath which this worker writes.
    pub room: PathBuf,
    /// The job's variables without its secrets.
    pub variables: BTreeMap<String, String>,
    /// `GITLAB_ACCESS_TOKEN`, to fetch the branch that is followed up.
    pub token: Secret,
    /// The upstream proxy, on the way there.
    pub proxy: Option<Proxy>,
    /// That branch and its tip.
    pub tip: Option<(String, String)>,
    /// Where the agent's tree goes; none where there is no agent.
    pub workspace: Option<PathBuf>,
    /// Where our repository goes.
    pub repository: PathBuf,
    /// Where the manifest goes.
    pub manifest: PathBuf,
    /// The agent's uid, where it has one of its own.
    pub uid: Option<u32>,
}

/// What was handed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Handed {
    /// The commit that the change is judged against, and its parent.
    pub commit: Oid,
    /// The tree of that commit.
    pub tree: Oid,
    /// What stood before the earlier changes of the branch, where it is followed up.
    pub earlier: Option<Earlier>,
}

/// Does the work.
///
/// # Errors
/// A [`Refusal`].
pub fn work(spec: Spec) -> Result<Handed, Refusal> {
    let facts = JobFacts::from_variables(&spec.variables).map_err(|error| Refusal::new(error, Exit::Usage))?;
    let refused = |error: git::Error| Refusal::new(&error, error.exit());
    let checkout = Checkout::open(&facts.checkout).map_err(refused)?;
    let repository = Repository::create(&spec.repository).map_err(refused)?;
    repository.borrow(&checkout).map_err(refused)?;
    let (commit, earlier) = match &spec.tip {
        None => (checkout.head().map_err(refused)?.0, None),
        Some((branch, tip)) => {
            let commit = fetched(&spec, &facts, &repository, branch, tip)?;
            (commit, Some(earlier(&repository, commit, branch)?))
        }
    };
    let tree = repository.tree_of(commit).map_err(refused)?;
    let unmade = |error: workspace::Error| Refusal::new(&error, error.exit());
    let options = workspace::Options { owner: spec.uid.map(|uid| (uid, uid)), limits: Limits::within(super::INSPECTION_TIME) };
    if let Some(path) = &spec.workspace {
        let manifest = match &spec.tip {
            None => workspace::make(&checkout, &repository, path, &options),
            Some((branch, _)) => workspace::write_out(&checkout, &repository, commit, branch, path, &options),
        };
        manifest.and_then(|manifest| manifest.save(&spec.manifest)).map_err(unmade)?;
    }
    Ok(Handed { commit, tree, earlier })
}

/// The last commit of the branch that is not ours: whoever made it has seen what came before, and all of ours since is judged
/// as one change.
fn earlier(repository: &Repository, tip: Oid, branch: &str) -> Result<Earlier, Refusal> {
    let refused = |error: git::Error| Refusal::new(&error, error.exit());
    let found = repository.last_of_others(tip, DEPTH, super::is_ours).map_err(refused)?;
    let commit = found.ok_or_else(|| {
        let reason = format!(
            "the last {DEPTH} commits of `{branch}` are all Tidewaiter's own, so they cannot be judged as one change: \
             let somebody look at them and add a commit, or start from the issue again"
        );
        Refusal::new(reason, Exit::Uninspected)
    })?;
    Ok(Earlier { tree: repository.tree_of(commit).map_err(refused)?, commit })
}

/// The tip, as it was when GitLab was asked: another push meanwhile is not built upon.
fn fetched(spec: &Spec, facts: &JobFacts, repository: &Repository, branch: &str, tip: &str) -> Result<Oid, Refusal> {
    let name = Branch::new(branch).map_err(|error| Refusal::new(error, Exit::Internal))?;
    let found = repository
        .fetch(&remote(facts, spec.token.clone(), spec.proxy.clone())?, &name, DEPTH)
        .map_err(|error| Refusal::new(&error, error.exit()))?;
    if found.to_string() == tip {
        Ok(found)
    } else {
        Err(Refusal::new(format!("the branch `{branch}` was pushed to while this job started; run it again"), Exit::Remote))
    }
}
