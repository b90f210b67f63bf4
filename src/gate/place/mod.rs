//! Rules that look at paths, kinds and numbers of files, and at no file's text.

mod control;
mod imports;
mod mode;
mod name;
mod path;
mod size;
mod target;

pub(super) use crate::glyph::fold;
pub(super) use control::runs_by_itself;
pub use name::git_refuses;
pub(super) use name::has_dot_git;
pub(super) use size::judge_sums;

use super::{Error, finding::Judge, rules::Rule};
use crate::verdict::Severity::{Block, Deny, Review, Warn};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("agent/control", Block, "settings, hooks and MCP servers of coding agents"),
    Rule::new("agent/instructions", Review, "instructions and skills of coding agents"),
    Rule::new("ci/foreign", Deny, "configuration of other CI systems, which a mirror would run"),
    Rule::new("content/encoding", Deny, "a changed file with a working-tree-encoding, which is not converted"),
    Rule::new("content/filter", Deny, "a changed file of a filter driver, which is never run"),
    Rule::new("content/lfs", Block, "a file of Git LFS that may not be uploaded, or a pointer whose object is not here"),
    Rule::new("editor/control", Deny, "editor, container and hook configuration that runs programs on a developer's machine"),
    Rule::new("git/attributes", Deny, ".gitattributes: filters, hidden diffs, exports"),
    Rule::new("git/directory", Block, "a path that some system reads as .git, or a repository inside the tree"),
    Rule::new("git/ignore", Review, ".gitignore: what later changes will not show"),
    Rule::new("git/modules", Block, ".gitmodules: addresses that git contacts and paths that it writes"),
    Rule::new("git/repository", Warn, "the agent changed hooks or configuration of its own repository"),
    Rule::new("gitlab/config", Deny, "files under .gitlab and CODEOWNERS"),
    Rule::new("mode/exec", Deny, "a file that became executable and that changes.executable does not name"),
    Rule::new("mode/gitlink", Deny, "a submodule added, moved or replaced"),
    Rule::new("mode/special", Block, "devices, FIFOs, sockets, set-user-id files, modes that git does not know"),
    Rule::new("mode/symlink", Deny, "a symbolic link"),
    Rule::new("name/collision", Deny, "two paths that some file system cannot tell apart"),
    Rule::new("name/control", Block, "control, invisible or invalid characters, a leading dash, overlong names"),
    Rule::new("name/windows", Deny, "names that Windows reads as devices, streams or other paths"),
    Rule::new("path/add", Deny, "new paths that changes.add does not name"),
    Rule::new("path/allow", Deny, "paths that changes.allow does not name"),
    Rule::new("path/delete", Deny, "removed paths that changes.delete does not name"),
    Rule::new("path/dropped", Review, "a file that was left out as changes.on_violation says"),
    Rule::new("path/ignored", Warn, "new files that the base's ignore rules leave out"),
    Rule::new("path/protect", Deny, "paths that changes.protect names"),
    Rule::new("path/review", Review, "paths that changes.review names"),
    Rule::new("size/bytes", Deny, "more bytes than changes.max_bytes"),
    Rule::new("size/deleted", Deny, "more files removed or emptied than changes.max_deleted"),
    Rule::new("size/depth", Deny, "more folders in each other than changes.max_depth"),
    Rule::new("size/file", Deny, "a file larger than changes.max_file_bytes"),
    Rule::new("size/files", Deny, "more files than changes.max_files"),
    Rule::new("size/lines", Deny, "more lines than changes.max_lines"),
];

/// Judges what the trees alone say.
pub(super) fn judge(judge: &mut Judge<'_>) -> Result<(), Error> {
    path::judge(judge);
    control::judge(judge)?;
    name::judge(judge);
    mode::judge(judge)?;
    size::judge(judge)
}
