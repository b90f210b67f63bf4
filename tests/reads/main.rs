//! The route to GitLab: real git and curl inside of `tidewaiter run` and `tidewaiter job`, against a GitLab of the tests' own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fetches;
#[path = "../support/inside.rs"]
mod inside;
mod listed;
mod own;
mod refused;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use inside::{TIDEWAITER, outside, text, workspace};
use support::gitlab::{GitLab, PATH, PROJECT, Role};
use tempfile::TempDir;

/// A GitLab with an issue, the policy that pins it, and a place to work in.
struct Scene {
    gitlab: GitLab,
    token: String,
    policies: TempDir,
    workspace: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::at(GitLab::start(), "")
    }

    /// With further lines of `[network.gitlab]`.
    fn with(lines: &str) -> Self {
        Self::at(GitLab::start(), lines)
    }

    fn at(gitlab: GitLab, lines: &str) -> Self {
        gitlab.commit("main", &[("src/ferry.py", "def depart():\n    pass\n"), (".gitlab-ci.yml", "test: {script: make test}\n")]);
        gitlab.add_issue("The ferry does not depart", "Make `depart` return True.");
        let token = gitlab.token(Role::Developer);
        let scene = Self { gitlab, token, policies: workspace(), workspace: workspace() };
        scene.policy(&format!("[network.gitlab]\nurl = \"{}\"\n{lines}", scene.gitlab.url()));
        scene
    }

    /// The rest of the policy after its version and the fence that is to be had everywhere.
    fn policy(&self, rest: &str) {
        let rest = if rest.contains("[network]") { rest.to_owned() } else { format!("[network]\nfence = \"broker\"\n{rest}") };
        fs::write(self.policies.path().join("policy.toml"), format!("version = 1\n{rest}")).unwrap();
    }

    fn journal(&self) -> PathBuf {
        self.policies.path().join("journal.jsonl")
    }

    fn variables(&self, command: &mut Command) {
        let url = self.gitlab.url();
        for (name, value) in [
            ("CI_SERVER_URL", url.as_str()),
            ("CI_API_V4_URL", &self.gitlab.api()),
            ("CI_PROJECT_ID", &PROJECT.to_string()),
            ("CI_PROJECT_PATH", PATH),
            ("CI_PROJECT_URL", &format!("{url}/{PATH}")),
            ("GITLAB_ACCESS_TOKEN", &self.token),
            ("CI_JOB_TOKEN", "glcbt-made-up-of-the-job"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ] {
            command.env(name, value);
        }
    }

    /// `script`, locked in.
    fn inside(&self, script: &str) -> Command {
        let policy = self.policies.path().join("policy.toml");
        let _ = fs::remove_file(self.journal());
        let (policy, journal) = (policy.to_str().unwrap().to_owned(), self.journal().to_str().unwrap().to_owned());
        let words = [TIDEWAITER, "run", "--policy", &policy, "--journal", &journal, "--", "bash", "-c", script];
        let mut command = outside(self.workspace.path(), &words);
        self.variables(&mut command);
        command
    }

    /// What `script` says inside; it ended well.
    fn said(&self, script: &str) -> String {
        let output = self.inside(script).output().unwrap();
        assert!(output.status.success(), "{script}\n{}", text(&output));
        text(&output)
    }

    /// `script` outside of the walls.
    fn outside(&self, script: &str) -> Output {
        let mut command = outside(self.workspace.path(), &["bash", "-c", script]);
        self.variables(&mut command);
        command.output().unwrap()
    }

    /// Nothing of GitLab's token and the job's was seen inside.
    fn kept(&self, said: &str) {
        assert!(!said.contains("glpat-") && !said.contains("glcbt-") && !said.contains("glrt-"), "{said}");
    }
}

/// curl as scripts in `.gitlab-ci.yml` call it; `$API` is the project's address. The answer's body, then its status.
const CURL: &str = r#"
API="$CI_API_V4_URL/projects/$CI_PROJECT_ID"
get() { curl -sS --path-as-is -H "JOB-TOKEN: $CI_JOB_TOKEN" -w '\n%{http_code}\n' "$@"; }
"#;
