//! What GitLab Runner does around a job: its git steps, its variables, its log.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    show::Stage,
    support::gitlab::{GitLab, PATH, PROJECT},
};

/// After this a job that still runs is killed, and the demo has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The job's secrets. Made up, and they look it.
#[derive(Debug)]
pub struct Secrets {
    /// The provider's key: for the gateway alone.
    pub key: String,
    /// The token that pushes and opens merge requests.
    pub gitlab: String,
    /// A token that the policy hands to the agent, for the project's tests.
    pub staging: String,
}

/// A machine that takes jobs.
pub struct Runner<'a> {
    pub gitlab: &'a GitLab,
    pub scratch: &'a Path,
    /// The program `tidewaiter`.
    pub binary: PathBuf,
    pub policy: PathBuf,
    pub secrets: &'a Secrets,
    pub stage: Stage,
}

/// How a job went.
#[derive(Debug)]
pub struct Done {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// The log, a plain line each.
    pub log: Vec<String>,
    /// The journal's records.
    pub journal: Vec<Value>,
}

/// Runs git as nobody's user, with nobody's configuration.
pub fn git_in(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut git = Command::new("git");
    git.current_dir(directory).args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    git.envs([("HOME", "/nonexistent"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")]);
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Ferry maintainers").env(format!("GIT_{who}_EMAIL"), "maintainers@ferry.example");
    }
    let output = git.stdin(Stdio::null()).output().map_err(|error| format!("git cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

impl Runner<'_> {
    /// `CI_PROJECT_DIR`.
    pub fn checkout(&self) -> PathBuf {
        self.scratch.join("builds/demo/project")
    }

    /// Gets the sources of `main`, as the runner does with `GIT_STRATEGY: fetch` and `GIT_DEPTH: 20`, the kept tree included.
    pub fn get_sources(&self, job: u64) -> Result<String, String> {
        let checkout = self.checkout();
        fs::create_dir_all(&checkout).map_err(|error| format!("{}: {error}", checkout.display()))?;
        let head = self.gitlab.tip("main").ok_or("the stand-in has no branch main")?;
        git_in(&checkout, &["init", "--quiet", "--initial-branch=none"])?;
        // A kept tree has it already.
        let _ = git_in(&checkout, &["remote", "add", "origin", &self.repository_url(job)]);
        git_in(&checkout, &["remote", "set-url", "origin", &self.repository_url(job)])?;
        let pipeline = format!("+{head}:refs/pipelines/{}", pipeline(job));
        git_in(
            &checkout,
            &["fetch", "--quiet", "--depth", "20", "--prune", "--force", "origin", &pipeline, "+refs/heads/main:refs/remotes/origin/main"],
        )?;
        git_in(&checkout, &["checkout", "--quiet", "--force", &head])?;
        git_in(&checkout, &["clean", "-ffdx", "--quiet"])?;
        Ok(head)
    }

    fn repository_url(&self, job: u64) -> String {
        self.gitlab.clone_url().replacen("http://", &format!("http://gitlab-ci-token:{}@", self.gitlab.job_token(job)), 1)
    }

    /// Runs `tidewaiter job` for a note on `issue` and shows its log as it comes.
    pub fn run(&self, job: u64, issue: u64, note: (u64, &str, &str)) -> Result<Done, String> {
        let head = self.get_sources(job)?;
        let (mut reader, writer) = std::io::pipe().map_err(|error| format!("no pipe: {error}"))?;
        let other = writer.try_clone().map_err(|error| format!("no pipe: {error}"))?;
        let mut command = Command::new(&self.binary);
        command.args(["job", "--policy"]).arg(&self.policy).current_dir(self.checkout()).env_clear();
        command.envs(self.variables(job, &head, issue, note)).stdin(Stdio::null()).stdout(writer).stderr(other);
        let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.binary.display()))?;
        // Only the child's ends of the pipe are left open.
        drop(command);
        let ended = end_after(PATIENCE, child.id());
        let log = show_log(&mut reader, self.stage);
        let status = child.wait().map_err(|error| format!("the job was lost: {error}"))?;
        drop(ended);
        Ok(Done { code: status.code(), log, journal: self.journal(job) })
    }

    /// The variables that GitLab and the project's settings give to a job.
    fn variables(&self, job: u64, head: &str, issue: u64, (note, discussion, words): (u64, &str, &str)) -> Vec<(String, String)> {
        let (url, temporary) = (self.gitlab.url(), self.scratch.join("tmp"));
        let path = std::env::var("PATH").unwrap_or_default();
        let context = serde_json::json!({ "object_kind": "note", "issue": { "iid": issue }, "object_attributes": {
            "id": note, "note": words, "noteable_type": "Issue", "discussion_id": discussion } });
        [
            ("PATH", format!("{}:{path}", self.scratch.join("bin").display())),
            ("HOME", self.scratch.join("runner").display().to_string()),
            ("TMPDIR", temporary.display().to_string()),
            ("CI", "true".to_owned()),
            ("GITLAB_CI", "true".to_owned()),
            ("CI_SERVER", "yes".to_owned()),
            ("CI_SERVER_URL", url.clone()),
            ("CI_API_V4_URL", self.gitlab.api()),
            ("CI_PROJECT_ID", PROJECT.to_string()),
            ("CI_PROJECT_PATH", PATH.to_owned()),
            ("CI_PROJECT_NAME", "ferry".to_owned()),
            ("CI_PROJECT_DIR", self.checkout().display().to_string()),
            ("CI_PROJECT_URL", format!("{url}/{PATH}")),
            ("CI_JOB_ID", job.to_string()),
            ("CI_JOB_NAME", "agent".to_owned()),
            ("CI_JOB_URL", format!("{url}/{PATH}/-/jobs/{job}")),
            ("CI_JOB_TOKEN", self.gitlab.job_token(job)),
            ("CI_PIPELINE_ID", pipeline(job).to_string()),
            ("CI_PIPELINE_SOURCE", "trigger".to_owned()),
            ("CI_COMMIT_SHA", head.to_owned()),
            ("CI_COMMIT_REF_NAME", "main".to_owned()),
            ("CI_COMMIT_BRANCH", "main".to_owned()),
            ("CI_COMMIT_REF_PROTECTED", "true".to_owned()),
            ("CI_COMMIT_AUTHOR", "Ferry maintainers <maintainers@ferry.example>".to_owned()),
            ("CI_DEFAULT_BRANCH", "main".to_owned()),
            ("CI_REPOSITORY_URL", self.repository_url(job)),
            ("AI_FLOW_EVENT", "mention".to_owned()),
            ("AI_FLOW_INPUT", words.to_owned()),
            ("AI_FLOW_CONTEXT", context.to_string()),
            ("ANTHROPIC_API_KEY", self.secrets.key.clone()),
            ("GITLAB_ACCESS_TOKEN", self.secrets.gitlab.clone()),
            ("STAGING_TOKEN", self.secrets.staging.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// What the job's journal beside the checkout says; nothing where there is none.
    fn journal(&self, job: u64) -> Vec<Value> {
        let mut beside = self.checkout().into_os_string();
        beside.push(format!(".tidewaiter/{job}/journal.jsonl"));
        let text = fs::read_to_string(PathBuf::from(beside)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn pipeline(job: u64) -> u64 {
    1000 + job
}

/// Kills `process` after `time`, unless what this returns is dropped before.
fn end_after(time: Duration, process: u32) -> mpsc::Sender<()> {
    let (keep, kept) = mpsc::channel();
    thread::spawn(move || {
        if kept.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout)
            && let Ok(process) = i32::try_from(process)
        {
            // If it has just ended there is nothing to kill.
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
    });
    keep
}

/// Shows the log as GitLab does: folded sections by their headline alone. Returns all its lines without control characters.
fn show_log(log: &mut impl std::io::Read, stage: Stage) -> Vec<String> {
    let (mut lines, mut folded) = (Vec::new(), None);
    for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let text = plain(&line);
        if line.contains("section_end:")
            && let Some((headline, count)) = folded.take()
        {
            stage.log(&format!("▸ {headline} ({count} lines)"));
        }
        if line.contains("section_start:") && line.contains("[collapsed=true]") {
            folded = Some((text.clone(), 0));
        } else if let Some((_, count)) = &mut folded {
            *count += 1;
        } else if !text.is_empty() {
            stage.log(&text);
        }
        lines.push(text);
    }
    lines
}

/// A line without section markers and colours.
fn plain(line: &str) -> String {
    let line = line.rsplit_once('\r').map_or(line, |(_, rest)| rest);
    let mut parts = line.split('\x1b');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &part[end + 1..]));
    }
    out
}
