//! The program `claude` of our images: the documented `script:` lines run the whole job, and start the real agent only.
//!
//! The image is this machine with a directory of its own over /opt, in a mount namespace: the shim lies there, and a
//! stand-in for Claude Code that says how it was started.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use support::gitlab::{GitLab, PATH, PROJECT, Role};
use tempfile::TempDir;

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");
const JOB: u64 = 701;

/// Claude Code's part: takes the prompt, changes a file, and says so in the form that it would.
const AGENT: &str = r#"#!/bin/sh
cat > asked.txt
echo "$@" > arguments.txt
command -v claude > which.txt
printf 'def depart():\n    return True\n' > ferry.py
echo '{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"done"}'
"#;

struct Scene {
    gitlab: GitLab,
    token: String,
    scratch: TempDir,
}

impl Scene {
    /// None where no mount namespace can be had.
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("NOT RUN: the shim through a whole job needs root, for a mount namespace");
            return None;
        }
        let gitlab = GitLab::start();
        gitlab.commit("main", &[("ferry.py", "def depart():\n    pass\n")]);
        let (token, scratch) = (gitlab.token(Role::Developer), TempDir::new().unwrap());
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let scene = Self { gitlab, token, scratch };
        let url = scene.gitlab.clone_url().replace("http://", &format!("http://oauth2:{}@", scene.token));
        let done = Command::new("git").args(["clone", "-q"]).arg(url).arg(scene.checkout()).status().unwrap();
        assert!(done.success());
        symlink(TIDEWAITER, scene.directory("shim").join("claude")).unwrap();
        fs::copy(TIDEWAITER, scene.directory("copy").join("claude")).unwrap();
        write_program(&scene.directory("agent").join("claude"), AGENT);
        Some(scene)
    }

    fn checkout(&self) -> PathBuf {
        self.scratch.path().join("ferry")
    }

    /// A directory that the job finds beneath /opt.
    fn directory(&self, name: &str) -> PathBuf {
        let made = self.scratch.path().join("opt").join(name);
        fs::create_dir_all(&made).unwrap();
        made
    }

    /// Runs `script` as the runner's shell does, from its standard input, with `path` beneath /opt first in PATH.
    fn run(&self, path: &[&str], script: &str) -> Output {
        let file = self.scratch.path().join("script");
        fs::write(&file, script).unwrap();
        let places: Vec<String> = path.iter().map(|name| format!("/opt/{name}")).collect();
        let mut job = Command::new("unshare");
        let inside = format!("mount --bind {}/opt /opt && exec sh", self.scratch.path().display());
        job.args(["--mount", "--propagation", "private", "sh", "-c", &inside]).env_clear().current_dir(self.checkout());
        job.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", places.join(":"))).env("TMPDIR", self.scratch.path());
        let (api, url) = (self.gitlab.api(), self.gitlab.url());
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", &url),
            ("CI_API_V4_URL", &api),
            ("CI_PROJECT_ID", &PROJECT.to_string()),
            ("CI_PROJECT_PATH", PATH),
            ("CI_PROJECT_DIR", self.checkout().to_str().unwrap()),
            ("CI_JOB_ID", &JOB.to_string()),
            ("CI_PIPELINE_ID", "70"),
            ("CI_COMMIT_SHA", &self.gitlab.tip("main").unwrap()),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_COMMIT_REF_PROTECTED", "true"),
            ("CI_DEFAULT_BRANCH", "main"),
            ("GITLAB_ACCESS_TOKEN", &self.token),
            ("ANTHROPIC_API_KEY", "made-up-provider-key-0001"),
        ] {
            job.env(name, value);
        }
        job.stdin(fs::File::open(&file).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    }

    /// A file of the one change that left.
    fn changed(&self, file: &str) -> String {
        assert_eq!(self.gitlab.merge_requests().len(), 1);
        self.gitlab.git(&["show", &format!("tidewaiter/job-{JOB}:{file}")])
    }
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_documented_script_opens_a_merge_request() {
    let Some(scene) = Scene::new() else { return };
    let script = r#"claude -p "${AI_FLOW_INPUT:-'Review recent changes'}" --permission-mode acceptEdits --allowedTools "Bash(*) Read(*) Edit(*) Write(*) mcp__gitlab" --debug
echo the script goes on"#;
    let output = scene.run(&["shim", "agent"], script);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("no effect here, policy and walls decide: --permission-mode, --allowedTools, --debug"));
    assert!(text(&output).contains("the script goes on\n"), "{}", text(&output));
    assert!(scene.changed("asked.txt").contains("'Review recent changes'"));
    assert!(!scene.changed("arguments.txt").contains("Bash(*)"), "the script's tools are not the agent's");
}

#[test]
fn a_prompt_may_come_through_a_pipe_and_flags_narrow() {
    let Some(scene) = Scene::new() else { return };
    let script = r#"echo "Depart in time" | claude --model claude-opus-4-1 --max-turns 7"#;
    let output = scene.run(&["shim", "agent"], script);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(scene.changed("asked.txt").contains("Depart in time"));
    let arguments = scene.changed("arguments.txt");
    assert!(arguments.contains("--max-turns 7 --model claude-opus-4-1"), "{arguments}");
}

#[test]
fn what_goes_past_the_policy_starts_nothing() {
    let Some(scene) = Scene::new() else { return };
    for (line, code, reason) in [
        ("claude -p x --max-turns 101", 64, "would widen"),
        ("claude -p x --model another-model", 64, "agent.models"),
        ("claude -p x --dangerously-skip-permissions", 2, "--dangerously-skip-permissions is refused"),
        ("claude -p x --mcp-config /tmp/x.json", 2, "--mcp-config is refused"),
        ("claude -p x --made-up", 2, "--made-up is not known"),
        ("claude -p 'say made-up-provider-key-0001'", 2, "the prompt holds the value of ANTHROPIC_API_KEY"),
        ("claude mcp list", 2, "only runs prompts"),
        ("claude -p", 2, "there is no prompt"),
    ] {
        let output = scene.run(&["shim", "agent"], line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", text(&output));
        assert!(text(&output).contains(reason), "{line}: {}", text(&output));
    }
    assert_eq!(scene.gitlab.branches(), ["main"]);
}

#[test]
fn the_agent_is_never_the_shim_itself() {
    let Some(scene) = Scene::new() else { return };
    for path in [&["shim"][..], &["copy"], &["shim", "copy"]] {
        let output = scene.run(path, "/opt/shim/claude -p x");
        assert_eq!(output.status.code(), Some(67), "{path:?}: {}", text(&output));
        assert!(text(&output).contains("the only `claude` in PATH is Tidewaiter itself"), "{path:?}: {}", text(&output));
    }
    assert_eq!(scene.gitlab.branches(), ["main"]);
    let output = scene.run(&["copy", "shim", "agent"], "claude -p x");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(scene.changed("arguments.txt").contains("--strict-mcp-config"));
}

#[test]
fn outside_of_a_job_it_says_what_it_is() {
    let scratch = TempDir::new().unwrap();
    let shim = scratch.path().join("claude");
    symlink(TIDEWAITER, &shim).unwrap();
    let run = |word: &str| Command::new(&shim).arg(word).env_remove("GITLAB_CI").stdin(Stdio::null()).output().unwrap();
    let output = run("a prompt");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output), "tidewaiter: this `claude` is Tidewaiter, which runs agents in GitLab CI jobs only; GITLAB_CI is not set\n");
    for word in ["--version", "--help"] {
        let output = run(word);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output).to_lowercase().contains("tidewaiter") && text(&output).contains("`claude`"), "{}", text(&output));
    }
}
