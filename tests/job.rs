//! `tidewaiter job` from its variables to the merge request, on a GitLab and with a git of the tests' own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    fs,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use support::gitlab::{GitLab, PATH, PROJECT, Role};
use tempfile::TempDir;

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");
const JOB: u64 = 700;

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
        let gitlab = GitLab::start();
        gitlab.commit("main", &[(".gitlab-ci.yml", "test: {script: make test}\n"), ("src/ferry.py", "def depart():\n    pass\n")]);
        let issue = gitlab.add_issue("The ferry does not depart", "Make `depart` return True.");
        let (token, job_token) = (gitlab.token(Role::Developer), gitlab.job_token(JOB));
        let scratch = TempDir::new().unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let scene = Self { gitlab, issue, token, job_token, scratch };
        scene.checkout();
        scene
    }

    fn directory(&self) -> PathBuf {
        self.scratch.path().join("builds/ferry")
    }

    /// As the runner fetches: shallow, detached.
    fn checkout(&self) {
        let directory = self.directory();
        let _ = fs::remove_dir_all(&directory);
        let url = self.gitlab.clone_url().replace("http://", &format!("http://oauth2:{}@", self.token));
        let done = Command::new("git").args(["clone", "-q", "--depth=20"]).arg(url).arg(&directory).status().unwrap();
        assert!(done.success());
        assert!(Command::new("git").args(["checkout", "-q", "--detach"]).current_dir(&directory).status().unwrap().success());
    }

    /// A job whose agent is `script`, a shell's.
    fn job(&self, script: &str) -> Command {
        let policy = self.scratch.path().join("policy.toml");
        let quoted = serde_json::to_string(script).unwrap();
        fs::write(
            &policy,
            format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {quoted}]\n[limits]\ntime = 20\n"),
        )
        .unwrap();
        let mut job = Command::new(TIDEWAITER);
        job.args(["job", "--policy"]).arg(policy).env_clear().stdin(Stdio::null()).current_dir(self.directory());
        job.env("PATH", std::env::var_os("PATH").unwrap()).env("TMPDIR", self.scratch.path());
        let (api, url) = (self.gitlab.api(), self.gitlab.url());
        let tip = self.gitlab.tip("main").unwrap();
        let context = format!("{{\"object_kind\":\"issue\",\"issue\":{{\"iid\":{}}}}}", self.issue);
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
            ("AI_FLOW_CONTEXT", &context),
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

    fn nothing_left(&self) {
        assert_eq!(self.gitlab.branches(), ["main"]);
        assert!(self.gitlab.merge_requests().is_empty());
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const IMPLEMENT: &str = "cat > /dev/null; printf 'def depart():\\n    return True\\n' > src/ferry.py; echo done";

#[test]
fn a_change_becomes_a_merge_request() {
    let scene = Scene::new();
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let requests = scene.gitlab.merge_requests();
    assert_eq!(requests.len(), 1);
    let branch = format!("tidewaiter/issue-{}", scene.issue);
    assert_eq!((requests[0].source_branch.as_str(), requests[0].target_branch.as_str()), (branch.as_str(), "main"));
    let shown = scene.gitlab.git(&["show", "--format=%an <%ae>", "--stat", &branch]);
    assert!(shown.starts_with("Tidewaiter <tidewaiter@noreply.127.0.0.1>") && shown.contains("src/ferry.py"), "{shown}");
    let notes = scene.gitlab.notes(&format!("issues/{}", scene.issue));
    assert!(notes.last().unwrap().body.contains("Done"), "{}", notes.last().unwrap().body);
    let verdict = fs::read_to_string(scene.directory().join("tidewaiter-report/verdict.json")).unwrap();
    assert!(verdict.contains("pass"), "{verdict}");
}

#[test]
fn a_second_job_updates_the_merge_request() {
    let scene = Scene::new();
    assert_eq!(scene.run(IMPLEMENT).status.code(), Some(0));
    let again = scene.run("cat >/dev/null; grep -q 'return True' src/ferry.py && echo '# tested' >> src/ferry.py; git log --oneline");
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    assert_eq!(scene.gitlab.merge_requests().len(), 1);
    let branch = format!("tidewaiter/issue-{}", scene.issue);
    let content = scene.gitlab.git(&["show", &format!("{branch}:src/ferry.py")]);
    assert!(content.contains("return True") && content.contains("# tested"), "{content}");
    assert_eq!(scene.gitlab.git(&["rev-list", "--count", &format!("main..{branch}")]).trim(), "2");
}

#[test]
fn what_the_gate_denies_stays() {
    let scene = Scene::new();
    for (script, rule) in [
        ("echo 'x: {script: evil}' >> .gitlab-ci.yml", "ci/config"),
        ("echo \"$(cat)\" >/dev/null; ln -s /etc/passwd link", "mode/symlink"),
        ("mkdir -p .claude; echo '{}' > .claude/settings.json", "agent/control"),
    ] {
        let output = scene.run(script);
        assert_eq!(output.status.code(), Some(66), "{script}: {}", text(&output));
        assert!(text(&output).contains(rule), "{script}: {}", text(&output));
    }
    scene.nothing_left();
    assert!(scene.gitlab.notes(&format!("issues/{}", scene.issue)).last().unwrap().body.contains("Refused"));
}

#[test]
fn a_leaked_secret_stays() {
    let scene = Scene::new();
    let secret = "made-up-deploy-secret-0001";
    let script = format!("cat >/dev/null; printf %s '{secret}' | base64 > notes.txt");
    let control = scene.run(&script.replace("notes.txt", "fine.txt").replace(secret, "harmless-text-of-any-kind"));
    assert_eq!(control.status.code(), Some(0), "{}", text(&control));
    let output = scene.job(&script).env("DEPLOY_TOKEN", secret).output().unwrap();
    assert_eq!(output.status.code(), Some(66), "{}", text(&output));
    assert!(text(&output).contains("secret/known") && text(&output).contains("DEPLOY_TOKEN"), "{}", text(&output));
    assert!(!text(&output).contains(secret), "the log shows the secret");
}

#[test]
fn a_planted_hook_leaves_nothing_behind() {
    let scene = Scene::new();
    let before = fs::read(scene.directory().join(".git/config")).unwrap();
    let output = scene.run("cat >/dev/null; printf '#!/bin/sh\\ntouch /tmp/x' > .git/hooks/pre-push; chmod +x .git/hooks/pre-push; git config core.fsmonitor ./evil");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("changed no file"), "{}", text(&output));
    assert_eq!(fs::read(scene.directory().join(".git/config")).unwrap(), before);
    assert!(!scene.directory().join(".git/hooks/pre-push").exists());
    scene.nothing_left();
}

#[test]
fn a_link_in_the_checkout_does_not_choose_where_reports_go() {
    let scene = Scene::new();
    let victim = scene.scratch.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    let reports = scene.directory().join("tidewaiter-report");
    fs::create_dir(&reports).unwrap();
    for name in ["journal.jsonl", "verdict.json", "report.html"] {
        std::os::unix::fs::symlink(&victim, reports.join(name)).unwrap();
    }
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert!(fs::read_to_string(reports.join("journal.jsonl")).unwrap().contains("\"seq\":0"));
}

#[test]
fn no_change_is_said_and_nothing_is_opened() {
    let scene = Scene::new();
    let output = scene.run("cat > /dev/null");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    scene.nothing_left();
    assert!(scene.gitlab.notes(&format!("issues/{}", scene.issue)).last().unwrap().body.contains("Nothing to do"));
}

#[test]
fn an_agent_that_fails_hangs_or_forks_leaves_nothing() {
    let scene = Scene::new();
    for (script, code) in [
        ("echo x >> src/ferry.py; exit 3", 67),
        ("echo x >> src/ferry.py; kill -TERM $$", 143),
        ("(setsid sh -c 'sleep 1; echo late >> src/ferry.py' &) ; exit 1", 67),
    ] {
        let output = scene.run(script);
        assert_eq!(output.status.code(), Some(code), "{script}: {}", text(&output));
    }
    let mut slow = scene.job("sleep 60");
    let policy = scene.scratch.path().join("policy.toml");
    fs::write(&policy, fs::read_to_string(&policy).unwrap().replace("time = 20", "time = 1")).unwrap();
    let output = slow.output().unwrap();
    assert_eq!(output.status.code(), Some(68), "{}", text(&output));
    scene.nothing_left();
}

#[test]
fn what_is_missing_is_said_before_the_agent_starts() {
    let scene = Scene::new();
    let marker = scene.scratch.path().join("started");
    let cases: [(&str, &str, u8, &str); 5] = [
        ("GITLAB_ACCESS_TOKEN", "", 69, "GITLAB_ACCESS_TOKEN"),
        ("GITLAB_ACCESS_TOKEN", "made-up-and-wrong", 69, "401"),
        ("AI_FLOW_CONTEXT", "{\"issue\":{\"iid\":999}}", 69, "999"),
        ("CI_PROJECT_ID", "none", 2, "CI_PROJECT_ID"),
        ("TIDEWAITER_POLICY", "version = 1\n[network]\ntunnels = [\"a.example:443\"]\n", 64, "widen"),
    ];
    for (name, value, code, reason) in cases {
        let output = scene.job(&format!("touch {}", marker.display())).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(code)), "{name}={value}: {}", text(&output));
        assert!(text(&output).contains(reason), "{name}={value}: {}", text(&output));
    }
    let reporter = scene.gitlab.token(Role::Reporter);
    let output = scene.job("true").env("GITLAB_ACCESS_TOKEN", reporter).output().unwrap();
    assert!(text(&output).contains("Developer role"), "{}", text(&output));
    let own = "Tidewaiter <tidewaiter@noreply.127.0.0.1>";
    let output = scene.job("true").env("CI_COMMIT_AUTHOR", own).env_remove("AI_FLOW_INPUT").env_remove("AI_FLOW_CONTEXT").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("own"), "{}", text(&output));
    scene.nothing_left();
}

#[test]
fn gitlab_that_fails_ends_the_job() {
    let scene = Scene::new();
    scene.gitlab.garbage_next("/user", "<html>", 1);
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(69), "{}", text(&output));
    scene.nothing_left();
}

#[test]
fn a_killed_job_leaves_nothing_that_git_would_run() {
    let scene = Scene::new();
    let marker = scene.scratch.path().join("planted-program-ran");
    fs::write(&marker, "").unwrap();
    fs::remove_file(&marker).unwrap();
    let script = format!(
        "printf '#!/bin/sh\\ntouch {0}\\n' > evil; chmod +x evil; cp evil .git/hooks/post-checkout; git config core.fsmonitor \"$PWD/evil\"; while :; do echo x >> src/ferry.py; sleep 0.01; done",
        marker.display()
    );
    for whole_container in [false, true] {
        if whole_container && !nix::unistd::geteuid().is_root() {
            println!("NOT RUN: killing a job with all its processes at once needs root");
            continue;
        }
        for _ in 0..20 {
            let moment = random_moment();
            let job = scene.job(&script);
            let mut job = if whole_container { in_a_container(&job) } else { job };
            let mut job = job.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            sleep(moment);
            job.kill().unwrap();
            job.wait().unwrap();
            runner_fetches(&scene.directory());
            assert!(!marker.exists(), "killed after {moment:?}, whole container: {whole_container}");
            assert!(agents().is_empty(), "killed after {moment:?}: the agent lives on: {:?}", agents());
        }
    }
    scene.nothing_left();
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// The same job as PID 1 of a process namespace: when it dies, so does everything in there, as with a container.
fn in_a_container(job: &Command) -> Command {
    let mut made = Command::new("unshare");
    made.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(job.get_program()).args(job.get_args());
    made.env_clear().envs(job.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    made.current_dir(job.get_current_dir().unwrap());
    made
}

fn random_moment() -> Duration {
    let mut byte = [0; 1];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut byte).unwrap();
    Duration::from_millis(5 + 3 * u64::from(byte[0]))
}

/// Processes of the agent that plants: none may outlive its job by more than a moment.
fn agents() -> Vec<String> {
    for _ in 0..50 {
        let listed = Command::new("pgrep").args(["-f", "^sh -c printf.*planted-program-ran"]).output().unwrap();
        let found: Vec<String> = String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
        if found.is_empty() {
            return found;
        }
        sleep(Duration::from_millis(20));
    }
    vec!["see pgrep".to_owned()]
}

/// What the runner's own git does in a kept checkout (`GIT_STRATEGY=fetch`).
fn runner_fetches(checkout: &Path) {
    for arguments in [
        vec!["status", "--porcelain"],
        vec!["clean", "-ffdx"],
        vec!["fetch", "-q", "--depth=20", "origin", "main"],
        vec!["checkout", "-qf", "--detach", "FETCH_HEAD"],
    ] {
        assert!(
            Command::new("git").args(&arguments).current_dir(checkout).stdout(Stdio::null()).status().unwrap().success(),
            "{arguments:?}"
        );
    }
}
