//! Built-in lists: files that steer programs with more rights than a reader's eyes.

use crate::{
    gate::finding::{Judge, Way},
    glyph::fold,
};

/// A built-in rule for a path, with what the path is.
type Match = (&'static str, &'static str);

/// CI systems that a mirror of the repository may run.
const FOREIGN: &[&str] = &[
    ".github/workflows/",
    ".github/actions/",
    ".circleci/",
    ".tekton/",
    ".buildkite/",
    ".woodpecker/",
    ".forgejo/workflows/",
    ".gitea/workflows/",
    ".azure-pipelines/",
];
const FOREIGN_FILES: &[&str] = &[
    "jenkinsfile",
    ".travis.yml",
    ".drone.yml",
    ".woodpecker.yml",
    ".cirrus.yml",
    "appveyor.yml",
    ".appveyor.yml",
    "bitbucket-pipelines.yml",
    "azure-pipelines.yml",
    "azure-pipelines.yaml",
    "cloudbuild.yaml",
    "cloudbuild.yml",
    "buildspec.yml",
];

/// Folders and files of editors and of hooks that run on a developer's machine.
const EDITOR_FOLDERS: &[&str] = &[".vscode", ".idea", ".devcontainer", ".husky", ".lefthook", ".zed", ".fleet"];
const EDITOR_FILES: &[&str] = &[
    ".envrc",
    ".tool-versions",
    "mise.toml",
    ".mise.toml",
    ".pre-commit-config.yaml",
    ".pre-commit-config.yml",
    "lefthook.yml",
    "lefthook.yaml",
    ".lefthook.yml",
    ".lefthook.yaml",
    "lefthook-local.yml",
    ".devcontainer.json",
    ".exrc",
    ".nvimrc",
    ".nvim.lua",
    ".dir-locals.el",
    ".vimrc",
    ".gitpod.yml",
    ".sublime-project",
];

/// Files that agents read as instructions.
const INSTRUCTIONS: &[&str] = &[
    "claude.md",
    "claude.local.md",
    "agents.md",
    "agents.override.md",
    "agent.md",
    "gemini.md",
    "skill.md",
    ".cursorrules",
    ".windsurfrules",
    ".clinerules",
    ".goosehints",
    ".rules",
    "copilot-instructions.md",
];
/// Folders of agents; what in them is not plain text to read is a setting.
const AGENT_FOLDERS: &[&str] = &[
    ".claude",
    ".claude-plugin",
    ".codex",
    ".gemini",
    ".cursor",
    ".windsurf",
    ".aider",
    ".agents",
    ".opencode",
    ".continue",
    ".amazonq",
    ".kiro",
    ".roo",
    ".qwen",
];
const AGENT_FILES: &[&str] =
    &[".mcp.json", "mcp.json", ".claude.json", ".aider.conf.yml", "opencode.json", "opencode.jsonc", ".cursorignore", ".claudeignore"];
/// Folders in agents' folders that hold texts for the model.
const AGENT_TEXTS: &[&str] = &["skills", "commands", "agents", "rules", "prompts", "docs", "output-styles"];

pub(super) fn judge(judge: &mut Judge<'_>) {
    for fact in judge.facts() {
        let folded = fold(&fact.path);
        for (rule, what) in matches(&folded) {
            let verb = if fact.remains() { "changes" } else { "removes" };
            judge.find(rule, &fact.path, format!("this {verb} {what}"), Way::Rule);
        }
    }
}

/// Which rules `path`, folded, falls under.
fn matches(path: &str) -> Vec<Match> {
    let names: Vec<&str> = path.split('/').map(|name| name.trim_end_matches(['.', ' '])).collect();
    [git(&names), gitlab(&names), foreign(path), agent(&names), editor(&names)].into_iter().flatten().collect()
}

fn last<'a>(names: &[&'a str]) -> &'a str {
    names.last().copied().unwrap_or_default()
}

/// NTFS short names of git's own files are `GITATT~1` and the like (git's `protectNTFS`).
fn git(names: &[&str]) -> Option<Match> {
    match last(names) {
        ".gitattributes" => Some(("git/attributes", "attributes, which run filters and hide differences")),
        name if name.starts_with("gitatt~") => Some(("git/attributes", "attributes, which run filters and hide differences")),
        ".gitmodules" => Some(("git/modules", "the list of submodules")),
        name if name.starts_with("gitmod~") => Some(("git/modules", "the list of submodules")),
        ".gitignore" => Some(("git/ignore", "what git ignores")),
        name if name.starts_with("gitign~") => Some(("git/ignore", "what git ignores")),
        ".lfsconfig" => Some(("git/attributes", "where Git LFS sends and fetches files")),
        ".mailmap" | ".git-blame-ignore-revs" => Some(("git/ignore", "who is shown as the author")),
        _ => None,
    }
}

fn gitlab(names: &[&str]) -> Option<Match> {
    match names {
        [".gitlab", ..] => Some(("gitlab/config", "what GitLab reads from .gitlab")),
        ["codeowners"] | ["docs", "codeowners"] => Some(("gitlab/config", "who must approve")),
        _ => None,
    }
}

fn foreign(path: &str) -> Option<Match> {
    let what = "the configuration of a CI system";
    let folder = FOREIGN.iter().any(|folder| path.starts_with(folder) || path == folder.trim_end_matches('/'));
    let stem = path.rsplit('/').next().unwrap_or_default();
    let file = FOREIGN_FILES.contains(&path) || stem == "jenkinsfile" || stem.starts_with("jenkinsfile.");
    (folder || file).then_some(("ci/foreign", what))
}

fn agent(names: &[&str]) -> Option<Match> {
    let name = last(names);
    if INSTRUCTIONS.contains(&name) || matches!(names, [".github", "instructions" | "prompts" | "chatmodes" | "agents", ..]) {
        return Some(("agent/instructions", "what agents take as instructions"));
    }
    if AGENT_FILES.contains(&name) {
        return Some(("agent/control", "settings of a coding agent"));
    }
    let folder = names.iter().position(|name| AGENT_FOLDERS.contains(name))?;
    match names.get(folder + 1) {
        Some(inner) if AGENT_TEXTS.contains(inner) && names.len() > folder + 2 => {
            Some(("agent/instructions", "what agents take as instructions"))
        }
        _ => Some(("agent/control", "settings of a coding agent")),
    }
}

fn editor(names: &[&str]) -> Option<Match> {
    let folder = names.iter().any(|name| EDITOR_FOLDERS.contains(name));
    let name = last(names);
    let file = EDITOR_FILES.contains(&name) || name.ends_with(".code-workspace") || name.ends_with(".sublime-project");
    (folder || file).then_some(("editor/control", "what an editor or a hook runs on a developer's machine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str) -> Vec<&'static str> {
        matches(&fold(path.as_bytes())).into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn each_file_falls_under_its_rule() {
        for (path, rule) in [
            (".claude/settings.json", "agent/control"),
            ("sub/.claude/hooks/x.sh", "agent/control"),
            (".claude", "agent/control"),
            (".claude/skills", "agent/control"),
            (".CLAUDE/Settings.local.json", "agent/control"),
            (".mcp.json", "agent/control"),
            (".cursor/mcp.json", "agent/control"),
            ("CLAUDE.md", "agent/instructions"),
            ("a/AGENTS.md", "agent/instructions"),
            (".claude/skills/x/SKILL.md", "agent/instructions"),
            (".github/copilot-instructions.md", "agent/instructions"),
            (".vscode/tasks.json", "editor/control"),
            (".husky/pre-commit", "editor/control"),
            ("x.code-workspace", "editor/control"),
            (".gitattributes", "git/attributes"),
            ("a/.gitattributes", "git/attributes"),
            (".gitmodules", "git/modules"),
            ("GITMOD~1", "git/modules"),
            (".gitignore", "git/ignore"),
            (".gitlab/CODEOWNERS", "gitlab/config"),
            (".gitlab", "gitlab/config"),
            ("CODEOWNERS", "gitlab/config"),
            (".github/workflows/x.yml", "ci/foreign"),
            ("Jenkinsfile", "ci/foreign"),
            (".g\u{200c}itattributes", "git/attributes"),
        ] {
            assert_eq!(rules(path), [rule], "{path}");
        }
    }

    #[test]
    fn look_alikes_fall_under_none() {
        for path in [
            "src/claude.rs",
            "docs/gitlab/a.md",
            "src/codeowners.rs",
            "a/.gitlab/x",
            "vscode/x",
            "git.md",
            "src/mcp.rs",
            "docs/agents/x.md",
            ".github/ISSUE_TEMPLATE/a.md",
        ] {
            assert!(rules(path).is_empty(), "{path}");
        }
    }
}
