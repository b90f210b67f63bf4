//! Built-in lists: files that steer programs with more rights than a reader's eyes.

use crate::{
    gate::{
        Error,
        finding::{Judge, Way},
        language,
    },
    glyph::fold,
};

/// A built-in rule for a path, with what the path is.
type Match = (&'static str, &'static str);

/// Endings of files of settings.
const SETTINGS: &[&str] = &[".yml", ".yaml", ".json", ".json5", ".jsonc", ".toml", ".xml", ".hcl"];
/// Endings of settings that are programs.
const PROGRAMS: &[&str] = &[".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".sh", ".zsh"];

/// CI systems that a mirror of the repository may run, and bots that change it.
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
    ".azuredevops/",
    ".pipelines/",
    ".github/workflow-templates/",
    ".gitea/actions/",
    ".forgejo/actions/",
    ".semaphore/",
    ".teamcity/",
    "bamboo-specs/",
    ".codefresh/",
    ".harness/",
    ".jenkins/",
    ".builds/",
    ".zuul.d/",
    "zuul.d/",
    ".copr/",
    ".obs/",
    ".mergify/",
];
/// Files at the root, without their ending.
const FOREIGN_FILES: &[&str] = &[
    ".travis",
    ".drone",
    ".drone.jsonnet",
    ".drone.star",
    ".woodpecker",
    ".cirrus",
    ".cirrus.star",
    "appveyor",
    ".appveyor",
    "bitbucket-pipelines",
    "wercker",
    "codefresh",
    ".scrutinizer",
    "screwdriver",
    ".zuul",
    ".build",
    ".onedev-buildspec",
    ".ci-operator",
    ".prow",
    ".packit",
    "bitrise",
    "codemagic",
    "netlify",
    "vercel",
    "amplify",
    "heroku",
    ".readthedocs",
    "readthedocs",
    ".github/dependabot",
    ".github/settings",
    ".github/mergify",
    ".github/renovate",
    "renovate",
    ".renovaterc",
    ".mergify",
    ".kodiak",
    ".bulldozer",
    ".pullapprove",
];
/// Beginnings of names of which a repository may have several, anywhere.
const FOREIGN_STARTS: &[&str] = &["azure-pipelines", "cloudbuild", "buildspec", ".buildspec"];

/// Folders and files of editors and of hooks that run on a developer's machine.
const EDITOR_FOLDERS: &[&str] = &[
    ".vscode",
    ".vs",
    ".idea",
    ".run",
    ".settings",
    "nbproject",
    ".devcontainer",
    ".gitpod",
    ".ona",
    ".idx",
    ".codesandbox",
    ".zed",
    ".fleet",
    ".nova",
    ".helix",
    ".nvim",
    ".vim",
    ".theia",
    ".sourcekit-lsp",
    ".husky",
    ".cargo-husky",
    ".lefthook",
    ".lefthook-local",
    ".githooks",
    ".git-hooks",
    "githooks",
    ".hooks",
    ".trunk",
    ".hg",
    ".mise",
    "mise-tasks",
    ".flox",
];
const EDITOR_FILES: &[&str] = &[
    ".envrc",
    ".envrc.local",
    ".autoenv",
    ".tool-versions",
    ".asdfrc",
    ".prototools",
    ".sdkmanrc",
    ".devcontainer",
    "devcontainer",
    "devbox",
    "devenv.nix",
    "devenv",
    "shell.nix",
    "flake.nix",
    "replit.nix",
    ".replit",
    ".stackblitzrc",
    "vagrantfile",
    "brewfile",
    "pkgx",
    ".pkgx",
    "hermit",
    "aqua",
    ".aqua",
    ".rtx",
    ".pre-commit-config",
    ".pre-commit-hooks",
    "prek",
    "lefthook",
    ".lefthook",
    "lefthook-local",
    ".lefthook-local",
    ".huskyrc",
    "husky.config",
    ".lintstagedrc",
    "lint-staged.config",
    ".simple-git-hooks",
    "simple-git-hooks",
    ".commitlintrc",
    "commitlint.config",
    ".overcommit",
    "captainhook",
    "grumphp",
    "grumphp.yml.dist",
    ".rusty-hook",
    "hk.pkl",
    ".gitconfig",
    ".exrc",
    ".exrc.lua",
    ".nvimrc",
    ".nvim.lua",
    ".lvimrc",
    ".lazy.lua",
    ".neoconf",
    ".vimrc",
    "_vimrc",
    ".dir-locals.el",
    ".dir-locals-2.el",
    ".projectile",
    ".project",
    ".classpath",
    ".clangd",
    ".gitpod",
    ".sublime-project",
];
/// Endings of such names.
const EDITOR_ENDINGS: &[&str] = &[".code-workspace", ".sublime-project", ".sublime-workspace", ".run.xml"];

/// Files that agents read as instructions.
const INSTRUCTIONS: &[&str] = &[
    "claude.md",
    "claude.local.md",
    "agents.md",
    "agents.override.md",
    "agent.md",
    "gemini.md",
    "qwen.md",
    "crush.md",
    "warp.md",
    "jules.md",
    "codex.md",
    "replit.md",
    "skill.md",
    ".cursorrules",
    ".windsurfrules",
    ".clinerules",
    ".continuerules",
    ".augment-guidelines",
    ".goosehints",
    ".rules",
    "copilot-instructions.md",
];
/// Endings of names of such files.
const INSTRUCTION_ENDINGS: &[&str] = &[".instructions.md", ".prompt.md", ".chatmode.md", ".agent.md"];
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
    ".agent",
    ".aiassistant",
    ".augment",
    ".cline",
    ".clinerules",
    ".cody",
    ".copilot",
    ".crush",
    ".devin",
    ".factory",
    ".goose",
    ".iflow",
    ".junie",
    ".kilocode",
    ".mcp",
    ".openhands",
    ".rovodev",
    ".serena",
    ".tabnine",
    ".taskmaster",
    ".trae",
    ".zencoder",
];
/// Files by name without their ending.
const AGENT_FILES: &[&str] = &[
    ".mcp",
    "mcp",
    "mcp.config",
    "mcp_config",
    "mcp-config",
    "mcp_settings",
    "cline_mcp_settings",
    "claude_desktop_config",
    ".claude",
    ".aider.conf",
    ".aider.model.settings",
    "opencode",
    ".opencode",
    "crush",
    ".crush",
];
/// The same, whole.
const AGENT_NAMES: &[&str] = &[".cursorignore", ".claudeignore", ".roomodes", ".kilocodemodes"];
/// Endings of files of settings, which have nothing to do with a program of the same name.
const AGENT_ENDINGS: &[&str] = &["json", "jsonc", "yml", "yaml"];
/// Folders in agents' folders that hold texts for the model.
const AGENT_TEXTS: &[&str] =
    &["skills", "commands", "agents", "rules", "prompts", "docs", "output-styles", "steering", "workflows", "microagents"];

pub(super) fn judge(judge: &mut Judge<'_>) -> Result<(), Error> {
    let taken_in = super::imports::taken_in(judge)?;
    for fact in judge.facts() {
        let folded = fold(&fact.path);
        for (rule, what) in matches(&folded) {
            let verb = if fact.remains() { "changes" } else { "removes" };
            judge.find(rule, &fact.path, format!("this {verb} {what}"), Way::Rule);
        }
        if taken_in.contains(&folded) && !instructs(&folded) {
            judge.find("agent/instructions", &fact.path, "agents' instructions take this file in".to_owned(), Way::Rule);
        }
    }
    Ok(())
}

/// Whether agents take the file at `path`, folded, as instructions.
pub(super) fn instructs(path: &str) -> bool {
    matches(path).iter().any(|(rule, _)| *rule == "agent/instructions")
}

/// Which rules `path`, folded, falls under.
fn matches(path: &str) -> Vec<Match> {
    let names: Vec<&str> = path.split('/').map(bare).collect();
    [git(&names), gitlab(&names), foreign(path), agent(&names), editor(&names)].into_iter().flatten().collect()
}

fn last<'a>(names: &[&'a str]) -> &'a str {
    names.last().copied().unwrap_or_default()
}

/// NTFS short names of git's own files are `GITATT~1` and the like (git's `protectNTFS`).
fn git(names: &[&str]) -> Option<Match> {
    match last(names) {
        name if name == ".gitattributes" || is_short(name, "gitatt", "gi7d29") => {
            Some(("git/attributes", "attributes, which run filters and hide differences"))
        }
        name if name == ".gitmodules" || is_short(name, "gitmod", "gi7eba") => Some(("git/modules", "the list of submodules")),
        name if name == ".gitignore" || is_short(name, "gitign", "gi250a") => Some(("git/ignore", "what git ignores")),
        ".lfsconfig" => Some(("git/attributes", "where Git LFS sends and fetches files")),
        name if name == ".mailmap" || name == ".git-blame-ignore-revs" || is_short(name, "mailma", "maba30") => {
            Some(("git/ignore", "who is shown as the author"))
        }
        _ => None,
    }
}

/// Whether NTFS may have given `name` to a file whose short names begin with `start`, or, once those are taken, are made of
/// `hashed` (git's `is_ntfs_dot_generic`).
fn is_short(name: &str, start: &str, hashed: &str) -> bool {
    let Some((head, number)) = name.split_once('~') else { return false };
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    numbered && (head == start || name.len() == 8 && hashed.starts_with(head))
}

/// A name without the ending of a file of settings. A program is one where its name says so.
fn stem(name: &str) -> &str {
    let program =
        || PROGRAMS.iter().find_map(|ending| name.strip_suffix(ending)).filter(|stem| stem.starts_with('.') || stem.ends_with(".config"));
    SETTINGS.iter().find_map(|ending| name.strip_suffix(ending)).or_else(program).unwrap_or(name)
}

/// A name without what Windows drops from it, a stream's name with it.
fn bare(name: &str) -> &str {
    name.split(':').next().unwrap_or_default().trim_end_matches(['.', ' '])
}

fn gitlab(names: &[&str]) -> Option<Match> {
    match names {
        [".gitlab", ..] => Some(("gitlab/config", "what GitLab reads from .gitlab")),
        ["codeowners"] | ["docs" | ".github", "codeowners"] => Some(("gitlab/config", "who must approve")),
        [".gitlab-webide.yml"] => Some(("gitlab/config", "what GitLab's editor runs")),
        _ => None,
    }
}

fn foreign(path: &str) -> Option<Match> {
    let what = "the configuration of a CI system, or of a bot that changes the repository";
    let folder = FOREIGN.iter().any(|folder| path.starts_with(folder) || path == folder.trim_end_matches('/'));
    let name = path.rsplit('/').next().unwrap_or_default();
    let started = || FOREIGN_STARTS.iter().any(|start| name.strip_prefix(start).is_some_and(is_variant));
    let settings = stem(name) != name && started() || FOREIGN_FILES.contains(&stem(path)) || matches!(path, "action.yml" | "action.yaml");
    let jenkins = name.strip_prefix("jenkinsfile").is_some_and(|rest| is_variant(rest) && rest != ".md");
    (folder || settings || jenkins || name.ends_with(".jenkinsfile")).then_some(("ci/foreign", what))
}

/// Whether what follows a name makes another one of the same kind, such as `-release.yml`, and no program of that name.
fn is_variant(rest: &str) -> bool {
    let is_program = language::is_code(language::ending(rest)) && stem(rest) == rest && !rest.ends_with(".groovy");
    rest.is_empty() || rest.starts_with(['.', '-', '_']) && !is_program
}

fn agent(names: &[&str]) -> Option<Match> {
    let name = last(names);
    let named = INSTRUCTIONS.contains(&name) || name.starts_with(".roorules") || INSTRUCTION_ENDINGS.iter().any(|end| name.ends_with(end));
    if named || matches!(names, [".github", "instructions" | "prompts" | "chatmodes" | "agents", ..]) {
        return Some(("agent/instructions", "what agents take as instructions"));
    }
    let settings = AGENT_ENDINGS.contains(&language::ending(name)) && AGENT_FILES.contains(&stem(name));
    if settings || AGENT_NAMES.contains(&name) || matches!(names, [".github", "hooks", _, ..]) {
        return Some(("agent/control", "settings of a coding agent"));
    }
    let folder = names.iter().position(|name| AGENT_FOLDERS.contains(name))?;
    match names.get(folder + 1) {
        Some(inner) if (AGENT_TEXTS.contains(inner) || inner.starts_with("rules-")) && names.len() > folder + 2 => {
            Some(("agent/instructions", "what agents take as instructions"))
        }
        Some(inner) if inner.ends_with(".md") && names.len() == folder + 2 => {
            Some(("agent/instructions", "what agents take as instructions"))
        }
        _ => Some(("agent/control", "settings of a coding agent")),
    }
}

/// Whether programs on a developer's machine run what the file at `path` says, by themselves.
pub(in crate::gate) fn runs_by_itself(path: &str) -> bool {
    let folded = fold(path.as_bytes());
    let names: Vec<&str> = folded.split('/').map(bare).collect();
    let controls = editor(&names).is_some() || agent(&names).is_some_and(|(rule, _)| rule == "agent/control");
    controls && !matches!(language::ending(&folded), "xml" | "iml" | "md" | "png" | "svg" | "txt")
}

fn editor(names: &[&str]) -> Option<Match> {
    let folder = names.iter().any(|name| EDITOR_FOLDERS.contains(name));
    let name = last(names);
    let mise = name.ends_with(".toml") && (name.starts_with("mise.") || name.starts_with(".mise."))
        || names.windows(2).any(|two| matches!(two, [".config", "mise"] | ["mise", "config.toml"]));
    let file = EDITOR_FILES.contains(&stem(name)) || EDITOR_FILES.contains(&name) || EDITOR_ENDINGS.iter().any(|end| name.ends_with(end));
    let file = file || mise;
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
