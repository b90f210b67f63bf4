//! From one judgement to the whole inspection: what is denied may be left out, and a branch of several changes is judged
//! as one, too.

use std::collections::BTreeSet;

use super::{Change, Error, Judgement, Terms, judge};
use crate::{
    git::{Oid, Repository, Staged},
    policy::OnViolation,
    verdict::Decision,
};

/// A file that was left out may have been what another one needed to pass; after so many rounds the change is denied.
const ROUNDS: usize = 8;

/// What stood before the earlier changes of the same branch.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Earlier {
    /// Its tree.
    pub tree: Oid,
    /// Its commit.
    pub commit: Oid,
}

/// Judges `change` by `terms`, and all that the branch changes since `earlier`, so that no change passes in slices. Where
/// the policy says so, files that are denied are left out as long as something remains; the judgement is that of the change
/// that is given back.
///
/// # Errors
/// Any [`Error`]; then nothing is known of the change and nothing may leave.
pub fn inspect(
    change: Change,
    repository: &Repository,
    terms: &Terms<'_>,
    earlier: Option<&Earlier>,
) -> Result<(Change, Judgement), Error> {
    let (change, judgement) = alone(change, repository, terms)?;
    match earlier.filter(|earlier| earlier.tree != change.base()) {
        None => Ok((change, judgement)),
        Some(earlier) => {
            let since = judge(&change.since(repository, earlier.tree)?, repository, terms)?;
            Ok((change, judgement.with(&since, &format!("since {}, the last commit of somebody else", earlier.commit))))
        }
    }
}

fn alone(change: Change, repository: &Repository, terms: &Terms<'_>) -> Result<(Change, Judgement), Error> {
    let whole = judge(&change, repository, terms)?;
    if terms.policy.on_violation == OnViolation::Deny {
        return Ok((change, whole));
    }
    let (mut rest, mut judgement) = (change.clone(), whole.clone());
    for _ in 0..ROUNDS {
        if judgement.verdict.decision != Decision::Deny {
            return Ok((rest, judgement));
        }
        let Some(offending) = judgement.offending().filter(|paths| !paths.is_empty()) else { break };
        rest = without(rest, offending, &judgement, repository)?;
        if rest.is_empty() {
            break;
        }
        judgement = judge(&rest, repository, terms)?;
    }
    Ok((change, whole))
}

/// The change without what it does at `paths`, and at paths that stand in the way of what was there before.
fn without(change: Change, paths: &BTreeSet<Vec<u8>>, judgement: &Judgement, repository: &Repository) -> Result<Change, Error> {
    let touched = |path: &[u8]| paths.iter().any(|denied| denied == path || is_below(path, denied) || is_below(denied, path));
    let gone: Vec<Vec<u8>> = change.facts().iter().map(|fact| fact.path.clone()).filter(|path| touched(path)).collect();
    let staged: Vec<Staged> = gone.iter().map(|path| Staged { path: path.clone(), entry: change.before().get(path).copied() }).collect();
    let (tree, after) = repository.write_tree(change.tree(), change.after(), &staged)?;
    let reasons = gone.iter().map(|path| (path.clone(), reason(judgement, path))).collect();
    Ok(change.without(tree, after, reasons))
}

/// Why a path is left out: the first thing that denies it.
fn reason(judgement: &Judgement, path: &[u8]) -> String {
    let shown = crate::git::shown(path);
    let denying = |finding: &&crate::verdict::Finding| finding.path == shown && finding.severity >= crate::verdict::Severity::Deny;
    match judgement.verdict.findings.iter().find(denying) {
        Some(finding) => format!("{}: {}", finding.rule, finding.message),
        None => "it depends on another file that is left out".to_owned(),
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}
