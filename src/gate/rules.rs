//! The rules by their ids.

use super::Error;
use crate::{policy::Changes, verdict::Severity};

/// A rule: its id is stable.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `area/name`.
    pub id: &'static str,
    /// What its findings weigh where the policy says nothing. Single findings of a rule may be heavier; what
    /// [`Severity::Block`] finds cannot be made lighter.
    pub severity: Severity,
    /// What it is about, in one line.
    pub about: &'static str,
}

const fn rule(id: &'static str, severity: Severity, about: &'static str) -> Rule {
    Rule { id, severity, about }
}

/// Every rule of the gate, sorted by id.
pub const RULES: &[Rule] = &[
    rule("agent/control", Severity::Block, "settings, hooks and MCP servers of coding agents"),
    rule("agent/instructions", Severity::Review, "instructions and skills of coding agents"),
    rule("ci/config", Severity::Deny, "GitLab CI configuration and every local file that it includes"),
    rule("ci/foreign", Severity::Deny, "configuration of other CI systems, which a mirror would run"),
    rule("content/encoding", Severity::Deny, "a changed file with a working-tree-encoding, which is not converted"),
    rule("content/filter", Severity::Deny, "a changed file of a filter driver, which is never run"),
    rule("content/lfs", Severity::Deny, "a changed file that Git LFS holds, which is not uploaded"),
    rule("editor/control", Severity::Deny, "editor, container and hook configuration that runs programs on a developer's machine"),
    rule("git/attributes", Severity::Deny, ".gitattributes: filters, hidden diffs, exports"),
    rule("git/directory", Severity::Block, "a path that some system reads as .git, or a repository inside the tree"),
    rule("git/ignore", Severity::Review, ".gitignore: what later changes will not show"),
    rule("git/modules", Severity::Block, ".gitmodules: addresses that git contacts and paths that it writes"),
    rule("git/repository", Severity::Warn, "the agent changed hooks or configuration of its own repository"),
    rule("gitlab/config", Severity::Deny, "files under .gitlab and CODEOWNERS"),
    rule("mode/exec", Severity::Deny, "a file that became executable"),
    rule("mode/gitlink", Severity::Deny, "a submodule added, moved or replaced"),
    rule("mode/special", Severity::Block, "devices, FIFOs, sockets, set-user-id files, modes that git does not know"),
    rule("mode/symlink", Severity::Deny, "a symbolic link"),
    rule("name/collision", Severity::Deny, "two paths that some file system cannot tell apart"),
    rule("name/control", Severity::Block, "control, invisible or invalid characters, a leading dash, overlong names"),
    rule("name/windows", Severity::Deny, "names that Windows reads as devices, streams or other paths"),
    rule("path/allow", Severity::Deny, "paths that changes.allow does not name"),
    rule("path/ignored", Severity::Warn, "new files that the base's ignore rules leave out"),
    rule("path/protect", Severity::Deny, "paths that changes.protect names"),
    rule("path/review", Severity::Review, "paths that changes.review names"),
    rule("secret/known", Severity::Block, "a secret of this job, plain or encoded"),
    rule("size/bytes", Severity::Deny, "more bytes than changes.max_bytes"),
    rule("size/file", Severity::Deny, "a file larger than changes.max_file_bytes"),
    rule("size/files", Severity::Deny, "more files than changes.max_files"),
    rule("size/lines", Severity::Deny, "more lines than changes.max_lines"),
];

pub(super) fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// Whether every rule that the policy sets exists and can be set.
///
/// # Errors
/// [`Error::UnknownRule`], [`Error::FixedRule`].
pub fn check_rules(policy: &Changes) -> Result<(), Error> {
    for (id, (severity, origin)) in &policy.rules {
        let rule = find(id).ok_or_else(|| Error::UnknownRule {
            origin: origin.clone(),
            id: crate::git::shown(id.as_bytes()),
            known: RULES.iter().map(|rule| rule.id).collect::<Vec<_>>().join(", "),
        })?;
        if rule.severity == Severity::Block && *severity < Severity::Deny {
            return Err(Error::FixedRule { origin: origin.clone(), id: rule.id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique() {
        assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(RULES.iter().all(|rule| rule.id.split('/').count() == 2));
    }
}
