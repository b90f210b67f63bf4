//! What both acts share: the scratch directory, the stand-ins, the policy.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    agent::{Agent, Step},
    runner::{Runner, Secrets},
    show::Stage,
    support::{
        gitlab::{GitLab, Role},
        provider::Provider,
    },
};

/// Everything that is set up once.
pub struct Play<'a> {
    pub stage: Stage,
    pub scratch: &'a Path,
    pub gitlab: &'a GitLab,
    pub secrets: &'a Secrets,
    agent: Agent,
    binary: PathBuf,
}

impl<'a> Play<'a> {
    /// Finds the program and the agent, and furnishes `scratch`.
    pub fn set_up(stage: Stage, scratch: &'a Path, gitlab: &'a GitLab, secrets: &'a Secrets) -> Result<Self, String> {
        let (binary, cache) = binary()?;
        // The agent may have a uid of its own, which has to get through.
        for (name, mode) in [("", 0o755), ("bin", 0o755), ("builds", 0o755), ("runner", 0o755), ("tmp", 0o1777)] {
            let place = scratch.join(name);
            let made = fs::create_dir_all(&place).and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(mode)));
            made.map_err(|error| format!("{}: {error}", place.display()))?;
        }
        let agent = Agent::find(&cache, &scratch.join("bin"), |line| stage.say(line))?;
        Ok(Self { stage, scratch, gitlab, secrets, agent, binary })
    }

    pub fn is_claude(&self) -> bool {
        self.agent == Agent::Claude
    }

    /// A new issue, shown, with a note on it that starts the job: the issue, and the note with its thread.
    pub fn issue(&self, (title, text): (&str, &str), note: &str) -> (u64, (u64, String)) {
        let issue = self.gitlab.add_issue(title, text);
        let started = self.gitlab.add_note(&format!("issues/{issue}"), note);
        let lines: Vec<String> = text.lines().chain(["", note]).map(str::to_owned).collect();
        self.stage.page(&format!("Issue #{issue}: {title}"), &lines);
        (issue, started)
    }

    /// Teaches the agent `steps`, and writes the policy for it.
    pub fn prepare(&self, steps: &[Step]) -> Result<(Provider, Runner<'_>), String> {
        let bin = self.scratch.join("bin");
        let provider = Provider::start(self.agent.learn(steps, &bin)?);
        let policy = self.scratch.join("policy.toml");
        fs::write(&policy, self.policy(&bin, &provider.base_url())).map_err(|error| format!("{}: {error}", policy.display()))?;
        let (gitlab, scratch, secrets, stage) = (self.gitlab, self.scratch, self.secrets, self.stage);
        Ok((provider, Runner { gitlab, scratch, binary: self.binary.clone(), policy, secrets, stage }))
    }

    fn policy(&self, bin: &Path, base_url: &str) -> String {
        // Who names a list gives up the built-in one, of which this is the part that programs need.
        let system = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc"].map(Path::new);
        let read: Vec<&Path> = system.into_iter().filter(|path| path.exists()).chain([bin]).collect();
        format!(
            "version = 1\n[agent]\n{}[files]\nread = {}\n[[network.route]]\nprovider = \"anthropic\"\nbase_url = \"{base_url}\"\n\
             [process]\nenv = [\"STAGING_TOKEN\"]\n[limits]\ntime = \"60s\"\nturns = 40\nrequests = 200\nup_bytes = \"64M\"\ndown_bytes = \"64M\"\n\
             [changes]\nallow = [\"**\"]\nprotect = [\"LICENSE\"]\n[merge_request]\nbranch = \"tidewaiter/\"\nlabels = [\"tidewaiter\"]\n",
            self.agent.section(bin),
            json!(read)
        )
    }

    /// The tree that the runner keeps.
    pub fn checkout(&self) -> PathBuf {
        self.scratch.join("builds/demo/project")
    }

    /// The jobs were given a temporary directory of their own: it must be empty again.
    pub fn nothing_left_behind(&self) -> Result<(), String> {
        let left = fs::read_dir(self.scratch.join("tmp")).map_err(|error| format!("the scratch directory cannot be read: {error}"))?;
        let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
        self.stage.expect("the jobs left nothing in their temporary directory", left.is_empty(), || format!("there is {left:?}"))
    }
}

impl Secrets {
    /// New ones, a token of `gitlab` among them.
    pub fn make(gitlab: &GitLab) -> Self {
        let (key, staging) = ("sk-ant-made-up-0123456789abcdef".to_owned(), "staging-made-up-fedcba9876543210".to_owned());
        Self { key, gitlab: gitlab.token(Role::Developer), staging }
    }
}

/// The program beside this example, and the directory that holds all that cargo built.
/// Tidewaiter itself, and where what is downloaded is kept.
pub fn binary() -> Result<(PathBuf, PathBuf), String> {
    let own = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let profile = own.parent().and_then(Path::parent).ok_or("this program is not where cargo puts examples")?;
    let binary = profile.join("tidewaiter");
    if !binary.is_file() {
        return Err(format!("{} is not built: run `make demo`, or `cargo build --release` first", binary.display()));
    }
    Ok((binary, profile.parent().unwrap_or(profile).join("demo")))
}
