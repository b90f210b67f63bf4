//! A GitLab with an issue, the runner's checkout on a volume, and jobs in containers.

use std::{
    cell::Cell,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    place::binary,
    runner::{DETECT, IMAGE, Runner},
    support::gitlab::{GitLab, PATH, PROJECT, Role},
};

pub(crate) struct Scene {
    pub(crate) gitlab: GitLab,
    pub(crate) token: String,
    scratch: PathBuf,
    next: Cell<u64>,
}

/// One job before it starts.
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) issue: u64,
    pub(crate) token: String,
    pub(crate) variables: Vec<(String, String)>,
    /// Whether the image's entrypoint is used, as the docker executor does; Kubernetes does not.
    pub(crate) entrypoint: bool,
}

impl Job {
    /// The container's name.
    pub(crate) fn name(&self) -> String {
        format!("job-{}", self.number)
    }

    pub(crate) fn branch(&self) -> String {
        format!("tidewaiter/issue-{}", self.issue)
    }
}

impl Scene {
    /// Furnishes `scratch` and gets the sources.
    pub(crate) fn new(scratch: &Path) -> Self {
        let gitlab = GitLab::start();
        gitlab.commit("main", &[(".gitlab-ci.yml", "test: {script: make test}\n"), ("src/ferry.py", "def depart():\n    pass\n")]);
        let token = gitlab.token(Role::Developer);
        let scene = Self { gitlab, token, scratch: scratch.to_owned(), next: Cell::new(700) };
        fs::create_dir(scratch.join("builds")).unwrap();
        // The runner opens its volume to whoever the job's user is.
        fs::set_permissions(scratch.join("builds"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        scene
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.scratch.join("builds/ferry")
    }

    /// A new issue and a job for it.
    pub(crate) fn job(&self) -> Job {
        let issue = self.gitlab.add_issue("The ferry does not depart", "Make `depart` return True.");
        self.job_for(issue)
    }

    pub(crate) fn job_for(&self, issue: u64) -> Job {
        let number = self.next.replace(self.next.get() + 1);
        let token = self.gitlab.job_token(number);
        let (url, checkout) = (self.gitlab.url(), self.checkout().display().to_string());
        let path = format!("{}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", self.scratch.display());
        let variables = [
            ("PATH", path),
            ("CI", "true".to_owned()),
            ("GITLAB_CI", "true".to_owned()),
            ("CI_SERVER_URL", url.clone()),
            ("CI_API_V4_URL", self.gitlab.api()),
            ("CI_PROJECT_ID", PROJECT.to_string()),
            ("CI_PROJECT_PATH", PATH.to_owned()),
            ("CI_PROJECT_DIR", checkout),
            ("CI_JOB_ID", number.to_string()),
            ("CI_JOB_URL", format!("{url}/{PATH}/-/jobs/{number}")),
            ("CI_PIPELINE_ID", "70".to_owned()),
            ("CI_PIPELINE_SOURCE", "trigger".to_owned()),
            ("CI_COMMIT_SHA", self.gitlab.tip("main").unwrap()),
            ("CI_COMMIT_REF_NAME", "main".to_owned()),
            ("CI_COMMIT_REF_PROTECTED", "true".to_owned()),
            ("CI_DEFAULT_BRANCH", "main".to_owned()),
            ("AI_FLOW_CONTEXT", format!("{{\"object_kind\":\"issue\",\"issue\":{{\"iid\":{issue}}}}}")),
            ("AI_FLOW_INPUT", "Please implement this issue.".to_owned()),
            ("GITLAB_ACCESS_TOKEN", self.token.clone()),
            ("CI_JOB_TOKEN", token.clone()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Job { number, issue, token, variables, entrypoint: true }
    }

    /// What the runner's own git does before a job, as root and with an open file mode mask: all of it in a kept checkout.
    pub(crate) fn get_sources(&self, job: &Job) {
        let url = self.gitlab.clone_url().replace("http://", &format!("http://gitlab-ci-token:{}@", job.token));
        runner_fetches(&self.checkout(), &url);
    }

    /// Writes the policy: the image's own in a container, a named one on the host.
    pub(crate) fn policy(&self, text: &str) {
        fs::write(self.scratch.join("policy.toml"), format!("version = 1\n{text}")).unwrap();
    }

    /// The words of a script that start the job.
    pub(crate) fn tidewaiter(&self, runner: Runner) -> String {
        match runner {
            Runner::Host => format!("{} job --policy {}/policy.toml", binary(&self.scratch).display(), self.scratch.display()),
            _ => "tidewaiter job".to_owned(),
        }
    }

    /// `program` with the job's variables, where the runner would run it.
    pub(crate) fn command(&self, runner: Runner, job: &Job, program: &[&str]) -> Command {
        let mut made = match runner {
            Runner::Host => {
                let mut made = Command::new(program[0]);
                made.args(&program[1..]).env_clear().envs(job.variables.iter().cloned()).env("TMPDIR", &self.scratch);
                made.env("HOME", "/root").current_dir(self.checkout());
                made
            }
            _ => self.container(runner, job, program),
        };
        made.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        made
    }

    fn container(&self, runner: Runner, job: &Job, program: &[&str]) -> Command {
        let scratch = self.scratch.display();
        let mut made = runner.container(&self.scratch, &job.name());
        made.arg(format!("--volume={scratch}/builds:{scratch}/builds")).arg(format!("--volume={scratch}/bin:{scratch}/bin:ro"));
        made.arg(format!("--volume={scratch}/policy.toml:/etc/tidewaiter/policy.toml:ro"));
        made.arg(format!("--workdir={}", self.checkout().display()));
        for (name, value) in &job.variables {
            made.arg(format!("--env={name}={value}"));
        }
        if !job.entrypoint {
            made.arg("--entrypoint=");
        }
        made.arg(IMAGE).args(program);
        made
    }

    /// Starts a job by its script, which comes through standard input as the runner sends it.
    pub(crate) fn start(&self, runner: Runner, job: &Job, script: &str) -> Child {
        let mut child = self.command(runner, job, &["sh", "-c", DETECT]).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        child
    }

    pub(crate) fn run(&self, runner: Runner, job: &Job, script: &str) -> Output {
        self.start(runner, job, script).wait_with_output().unwrap()
    }

    /// The container's first process, as soon as there is one.
    pub(crate) fn first_process(&self, job: &Job) -> i32 {
        let file = self.scratch.join(job.name());
        let start = Instant::now();
        loop {
            if let Ok(pid) = fs::read_to_string(&file).unwrap_or_default().trim().parse() {
                return pid;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the container never started");
            sleep(Duration::from_millis(1));
        }
    }

    /// The journal's records of that kind.
    pub(crate) fn journal(&self, job: &Job, event: &str) -> Vec<Value> {
        let file = self.scratch.join(format!("builds/ferry.tidewaiter/{}/journal.jsonl", job.number));
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|record: &Value| record["event"] == event).collect()
    }
}

/// The runner's git steps in `checkout` (`GIT_STRATEGY: fetch`, `GIT_DEPTH: 20`).
pub(crate) fn runner_fetches(checkout: &Path, url: &str) {
    let steps = "set -eu; umask 0; mkdir -p \"$1\"; cd \"$1\"; [ -e .git ] || { git init -q; git remote add origin \"$2\"; }
        git remote set-url origin \"$2\"; git status --porcelain; git clean -ffdxq; git fetch -q --depth=20 origin main; git checkout -qf --detach FETCH_HEAD";
    let mut git = Command::new("sh");
    git.args(["-c", steps, "sh"]).arg(checkout).arg(url).env("GIT_CONFIG_COUNT", "1");
    // The runner works in trees of whichever owner.
    git.envs([("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")]);
    let output = git.output().unwrap();
    assert!(output.status.success(), "{}", crate::place::text(&output));
}
