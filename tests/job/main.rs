//! `tidewaiter job` from its variables to the merge request, on a GitLab and with a git of the tests' own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agents;
mod asks;
mod behind;
mod cancelled;
mod codex;
mod gitlab;
mod killed;
mod lfs;
mod pinned;
mod policies;
mod providers;
mod repositories;
mod second;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod vertex;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use support::gitlab::{GitLab, PATH, PROJECT, Role};
use tempfile::TempDir;

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");
const JOB: u64 = 700;

/// What an agent that does as it is told runs.
const IMPLEMENT: &str = "cat > /dev/null; printf 'def depart():\\n    return True\\n' > src/ferry.py; echo done";

/// A GitLab with an issue, a checkout as the runner makes it, and the variables of a job.
struct Scene {
    gitlab: GitLab,
    issue: u64,
    token: String,
    job_token: String,
    scratch: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::at(GitLab::start())
    }

    fn at(gitlab: GitLab) -> Self {
        gitlab.commit("main", &[(".gitlab-ci.yml", "test: {script: make test}\n"), ("src/ferry.py", "def depart():\n    pass\n")]);
        let issue = gitlab.add_issue("The ferry does not depart", "Make `depart` return True.");
        let (token, job_token) = (gitlab.token(Role::Developer), gitlab.job_token(JOB));
        let scratch = TempDir::new().unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let scene = Self { gitlab, issue, token, job_token, scratch };
        fs::create_dir(scene.rooms()).unwrap();
        fs::set_permissions(scene.rooms(), fs::Permissions::from_mode(0o755)).unwrap();
        scene.checkout();
        scene
    }

    fn directory(&self) -> PathBuf {
        self.scratch.path().join("builds/ferry")
    }

    /// Where jobs make their rooms.
    fn rooms(&self) -> PathBuf {
        self.scratch.path().join("rooms")
    }

    /// As the runner fetches: shallow, detached.
    fn checkout(&self) {
        let directory = self.directory();
        let _ = fs::remove_dir_all(&directory);
        let url = self.gitlab.clone_url().replace("://", &format!("://oauth2:{}@", self.token));
        // The runner's side is not what is tried.
        let done = Command::new("git")
            .env("GIT_SSL_NO_VERIFY", "1")
            .args(["clone", "-q", "--depth=20"])
            .arg(url)
            .arg(&directory)
            .status()
            .unwrap();
        assert!(done.success());
        assert!(Command::new("git").args(["checkout", "-q", "--detach"]).current_dir(&directory).status().unwrap().success());
    }

    /// A job whose agent is `script`, a shell's.
    fn job(&self, script: &str) -> Command {
        let quoted = serde_json::to_string(script).unwrap();
        self.job_by(&format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {quoted}]\n[limits]\ntime = 20\n"))
    }

    /// A job under the policy `text`.
    fn job_by(&self, text: &str) -> Command {
        let policy = self.scratch.path().join("policy.toml");
        fs::write(&policy, text).unwrap();
        let mut job = Command::new(TIDEWAITER);
        job.args(["job", "--policy"]).arg(policy).env_clear().stdin(Stdio::null()).current_dir(self.directory());
        job.env("PATH", std::env::var_os("PATH").unwrap()).env("TMPDIR", self.rooms());
        let (api, url) = (self.gitlab.api(), self.gitlab.url());
        let tip = self.gitlab.tip("main").unwrap();
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", &url),
            ("CI_API_V4_URL", &api),
            ("CI_PROJECT_ID", &PROJECT.to_string()),
            ("CI_PROJECT_PATH", PATH),
            ("CI_PROJECT_DIR", self.directory().to_str().unwrap()),
            ("CI_JOB_ID", &JOB.to_string()),
            ("CI_JOB_URL", &format!("{url}/{PATH}/-/jobs/{JOB}")),
            ("CI_PIPELINE_ID", "70"),
            ("CI_PIPELINE_SOURCE", "trigger"),
            ("CI_COMMIT_SHA", &tip),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_COMMIT_REF_PROTECTED", "true"),
            ("CI_DEFAULT_BRANCH", "main"),
            ("AI_FLOW_CONTEXT", &about("issue", self.issue)),
            ("AI_FLOW_INPUT", "Please implement this issue."),
            ("GITLAB_ACCESS_TOKEN", &self.token),
            ("CI_JOB_TOKEN", &self.job_token),
        ] {
            job.env(name, value);
        }
        job
    }

    fn run(&self, script: &str) -> Output {
        self.job(script).output().unwrap()
    }

    fn branch(&self) -> String {
        format!("tidewaiter/issue-{}", self.issue)
    }

    fn nothing_left(&self) {
        assert_eq!(self.gitlab.branches(), ["main"]);
        assert!(self.gitlab.merge_requests().is_empty());
    }

    /// The job ended with `code`, its last line says all of `words`, and its room is gone.
    fn ended(&self, output: &Output, code: u8, words: &[&str]) {
        let text = text(output);
        assert_eq!(output.status.code(), Some(i32::from(code)), "{text}");
        let last = last_line(output);
        assert!(last.starts_with("tidewaiter") && words.iter().all(|word| last.contains(word)), "{words:?} in the last line of {text}");
        assert!(!text.contains("panicked"), "{text}");
        let left: Vec<_> = fs::read_dir(self.rooms()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?} is left: {text}");
    }

    /// The same, nothing left the job, and the thread has an answer of `words`.
    fn refused(&self, output: &Output, code: u8, words: &[&str]) {
        self.ended(output, code, words);
        self.nothing_left();
        self.answered("**Failed:**", words);
    }

    /// The last note on the issue begins with `head` and says all of `words`.
    fn answered(&self, head: &str, words: &[&str]) {
        let notes = self.gitlab.notes(&format!("issues/{}", self.issue));
        let body = notes.last().map(|note| note.body.replace('\\', "")).unwrap_or_default();
        assert!(body.contains(head), "{head}: {body}");
        assert!(words.iter().all(|word| body.contains(word)), "{words:?}: {body}");
    }

    /// Nobody was told anything in the thread.
    fn unanswered(&self) {
        assert!(self.gitlab.notes(&format!("issues/{}", self.issue)).is_empty());
    }
}

/// `AI_FLOW_CONTEXT` of an issue or a merge request.
fn about(kind: &str, iid: u64) -> String {
    format!("{{\"object_kind\":\"{kind}\",\"{kind}\":{{\"iid\":{iid}}}}}")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The last line of the job's log; before there is one, what was said on standard error.
fn last_line(output: &Output) -> String {
    let said = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    String::from_utf8_lossy(said).lines().last().unwrap_or_default().to_owned()
}

/// Runs `cases` on a few threads: most of their time is waiting.
fn all_at_once<C: Send>(cases: Vec<C>, run: impl Fn(C) + Sync) {
    let queue = std::sync::Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().pop() else { return };
                    run(case);
                }
            });
        }
    });
}
