//! The policy: TOML layers, each of which may only narrow the one above, made into one checked [`Policy`].
//!
//! `file` reads text into raw tables (unknown keys refused); `layer` checks one layer and lets it narrow the policy
//! so far; `pattern` is the one glob dialect. The checked value is what every wall, the gateway and the gate act on.

pub mod credentials;
mod empty;
mod file;
mod layer;
mod leaks;
mod left;
mod named;
mod network;
mod pattern;
pub mod registry;
mod size;
mod tunnel;
mod upstream;
mod waiver;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

pub use leaks::{Allowed, Expression, LeakRule, Leaks, Target as LeakTarget};
pub use left::{Usd, Used};
pub use named::Named;
pub use network::{
    Fence, GATEWAY_PORT, GitLab, Google, Grant, Loopback, MOST_SERVICES, Network, Provider, Route, is_aws_region, is_project_path,
};
pub use pattern::{Origin, Pattern};
pub use registry::Registry;
pub use tunnel::Tunnel;
pub use upstream::{NoCredential, Upstream};
pub use waiver::Waiver;

use crate::{digest::Digest, verdict::Severity};

/// Of the uids after the agent's own, two are ours; the very last means "as it was" (setresuid(2)).
const HIGHEST_UID: u32 = u32::MAX - 3;

/// The policy that is used where none is named: the file `policies/default.toml`, every line of it commented.
pub const DEFAULT: &str = include_str!("../../policies/default.toml");

/// Where an image keeps the policy that nobody below can widen.
pub const IMAGE_POLICY: &str = "/etc/tidewaiter/policy.toml";

/// One layer as it was read: a name to show (a path, or a variable's name) and the text.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// What to call it in messages.
    pub name: String,
    /// The TOML text.
    pub text: String,
}

/// Why a policy is refused. Every one of these ends the command before anything runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No layer at all.
    #[error("no policy was given")]
    Empty,
    /// A file that cannot be read.
    #[error("policy {name}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Not TOML, an unknown or repeated key, or a value of the wrong type.
    #[error("policy {name} is not valid:\n{message}")]
    Syntax {
        /// The layer.
        name: String,
        /// What the TOML reader says, with the source line.
        message: String,
    },
    /// A value that has the right type but no meaning.
    #[error("policy {origin}: `{key}` {reason}")]
    Value {
        /// Layer and line.
        origin: Origin,
        /// The key's full name.
        key: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// A rule file for secrets that is not understood.
    #[error("policy: the rule file {name} cannot be used: {reason}")]
    Leaks {
        /// The file.
        name: String,
        /// What is wrong, and in which rule.
        reason: String,
    },
    /// A lower layer asks for more than the layers above grant.
    #[error("policy {origin}: `{key}` would widen the policy: {reason}; a lower layer may only narrow")]
    Widens {
        /// Layer and line.
        origin: Origin,
        /// The key's full name.
        key: String,
        /// What is asked beyond what is granted.
        reason: String,
    },
}

/// The one policy that all layers make together.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which agent, and how it is started.
    pub agent: Agent,
    /// Files besides the workspace.
    pub files: Files,
    /// Ways out.
    pub network: Network,
    /// The agent's processes.
    pub process: Process,
    /// When to stop.
    pub limits: Limits,
    /// What may leave.
    pub changes: Changes,
    /// How it leaves.
    pub merge_request: MergeRequest,
    /// What the host must have.
    pub require: Require,
    sources: Vec<Source>,
    digest: Digest,
}

/// Which program is the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentKind {
    /// Claude Code.
    Claude,
    /// OpenAI's Codex.
    Codex,
    /// Any command: the prompt comes on its standard input.
    Command,
}

/// Section `[agent]`.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Which adapter speaks with it.
    pub kind: AgentKind,
    /// The program and its first arguments; for `claude` and `codex` where to find it (default: that name in PATH).
    pub command: Vec<String>,
    /// The model to ask for.
    pub model: Option<String>,
    /// The models that the provider's route lets through, exact names or a prefix with a final `*`. Empty: none.
    pub models: Vec<String>,
    /// After so many turns the agent is told to stop.
    pub max_turns: Option<u32>,
    /// Text of the policy's owner, put before the task.
    pub instructions: Option<String>,
    /// Whether it may ask the gate, while it works, what would become of its change.
    pub ask_gate: bool,
}

/// Section `[files]`: absolute paths. Deny wins over read and write.
#[derive(Clone, Debug)]
pub struct Files {
    /// May be read and executed.
    pub read: Vec<PathBuf>,
    /// Whether `read` is the built-in list, whose paths need not all exist.
    pub built_in: bool,
    /// May be read, executed and written.
    pub write: Vec<PathBuf>,
    /// Taken out of the two lists above. A path that does not exist is no error.
    pub deny: Vec<PathBuf>,
}

/// Whether the agent may make unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unix {
    /// Where no socket outside can be reached with the agent's uid.
    Auto,
    /// Never (socket pairs aside).
    Deny,
    /// Always.
    Allow,
}

/// Section `[process]`.
#[derive(Clone, Debug)]
pub struct Process {
    /// Names of variables that the agent inherits besides the fixed ones.
    pub env: Vec<String>,
    /// Unix sockets.
    pub unix: Unix,
    /// The agent's uid and gid where the supervisor is root.
    pub uid: u32,
    /// Processes and threads of the agent's uid (`RLIMIT_NPROC`), and of the agent's cgroup where it has one (`pids.max`).
    pub processes: u64,
    /// Open files a process (`RLIMIT_NOFILE`).
    pub open_files: u64,
    /// Bytes a file (`RLIMIT_FSIZE`).
    pub file_bytes: u64,
    /// Bytes of memory that all of them use together; needs a cgroup that can be written.
    pub memory_bytes: Option<u64>,
    /// Processors that all of them use together; needs such a cgroup too.
    pub cpus: Option<f64>,
}

/// Section `[limits]`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Wall time of the agent.
    pub time: Duration,
    /// Turns of the agent, where its stream tells them.
    pub turns: Option<u32>,
    /// Requests through the gateway. As many may be refused before the agent is stopped.
    pub requests: u64,
    /// Bytes sent through the gateway.
    pub up_bytes: u64,
    /// Bytes received through the gateway.
    pub down_bytes: u64,
    /// Tokens of models, as providers count them in their answers.
    pub tokens: Option<u64>,
    /// What they cost by our list of prices, in millionths of a US dollar.
    pub micro_usd: Option<u64>,
    /// Connections to the gateway at once; more of them wait.
    pub connections: u32,
    /// Bytes of the agent's output that reach the job's log.
    pub log_bytes: u64,
}

/// Section `[changes]`.
#[derive(Clone, Debug)]
pub struct Changes {
    /// One list a layer that has one; a path must match in each of them. No list: every path.
    pub allow: Vec<Vec<Pattern>>,
    /// Paths that the agent may not touch, besides what the rules protect.
    pub protect: Vec<Pattern>,
    /// Paths whose change needs a human's look.
    pub review: Vec<Pattern>,
    /// Where files may be added, besides `allow`. No list: wherever it allows.
    pub add: Vec<Vec<Pattern>>,
    /// Which files may be removed, besides `allow`. No list: whatever it allows.
    pub delete: Vec<Vec<Pattern>>,
    /// Files that may become executable.
    pub executable: Exceptions,
    /// Files that may be binary: images, fonts, archives.
    pub binary: Exceptions,
    /// Texts that may change the direction of reading, as Arabic and Hebrew documents do.
    pub bidirectional: Exceptions,
    /// Hosts that the change may newly name, and to which the text of its merge request may link.
    pub hosts: Vec<Named>,
    /// Whether changed files that the base's attributes hand to Git LFS may leave: as pointers, their objects uploaded before.
    pub lfs: bool,
    /// More rules for secrets, in gitleaks' format.
    pub secrets: Vec<Leaks>,
    /// Rules whose severity the policy sets, with the line that does.
    pub rules: BTreeMap<String, (Severity, Origin)>,
    /// Files changed.
    pub max_files: u64,
    /// Bytes of one changed file.
    pub max_file_bytes: u64,
    /// Bytes of all changed files.
    pub max_bytes: u64,
    /// Lines added and removed.
    pub max_lines: u64,
    /// Files removed or emptied.
    pub max_deleted: u64,
    /// Folders in each other.
    pub max_depth: u64,
    /// Bytes of one line of text.
    pub max_line_bytes: u64,
    /// What becomes of a change that is denied.
    pub on_violation: OnViolation,
    /// Whether a denied change goes among the reports that the runner uploads, unless it holds a secret.
    pub denied_artifact: bool,
    /// Whether layers below may waive rules, too.
    pub lower_waivers: bool,
    /// Findings that somebody answers for.
    pub waivers: Vec<Waiver>,
}

/// What becomes of a change that is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnViolation {
    /// Nothing leaves.
    Deny,
    /// The files that are denied are left out, and what remains is judged anew; it leaves as a draft that names them.
    Drop,
}

/// Paths for which a rule makes an exception: one list a layer that has one, and a path must match in each of them. No
/// list: none.
#[derive(Clone, Debug, Default)]
pub struct Exceptions(Vec<Vec<Pattern>>);

impl Exceptions {
    /// Whether `path`, byte for byte, is one of them.
    pub fn names(&self, path: &[u8]) -> bool {
        !self.0.is_empty() && self.0.iter().all(|list| list.iter().any(|pattern| pattern.allows(path)))
    }
}

/// Section `[merge_request]`.
#[derive(Clone, Debug)]
pub struct MergeRequest {
    /// Begins every branch name, e.g. `tidewaiter/`.
    pub branch: String,
    /// Always a draft, not only after a review verdict.
    pub draft: bool,
    /// Labels of the merge request.
    pub labels: Vec<String>,
}

/// Section `[require]`.
#[derive(Clone, Debug)]
pub struct Require {
    /// The least Landlock ABI.
    pub landlock: u32,
}

impl Policy {
    /// Composes `sources`, the highest layer first.
    ///
    /// # Errors
    /// Any [`Error`]: the first one that is met, with its layer and line.
    pub fn compose(sources: Vec<Source>) -> Result<Self, Error> {
        layer::compose(sources)
    }

    /// Reads the layers of a command: the image's policy if there is one, then the files named with `--policy`, then
    /// `lower` (a path or a text, the variable `TIDEWAITER_POLICY`). Without any of the first two the built-in default
    /// stands on top.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn of_command(files: &[PathBuf], lower: Option<&str>) -> Result<Self, Error> {
        Self::compose(Self::layers(files, lower)?)
    }

    /// Reads the files named with `--policy` alone.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn files(files: &[PathBuf]) -> Result<Vec<Source>, Error> {
        files.iter().cloned().map(read).try_fold(vec![], |all, layer| with_rule_files(all, layer?))
    }

    /// The layers of a command as [`Policy::of_command`] finds them, not looked into yet.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn layers(files: &[PathBuf], lower: Option<&str>) -> Result<Vec<Source>, Error> {
        let mut sources = Vec::new();
        if std::fs::exists(IMAGE_POLICY).map_err(|source| Error::Unreadable { name: IMAGE_POLICY.to_owned(), source })? {
            sources = with_rule_files(sources, read(PathBuf::from(IMAGE_POLICY))?)?;
        }
        sources.extend(Self::files(files)?);
        if sources.is_empty() {
            sources.push(Source { name: "default".to_owned(), text: DEFAULT.to_owned() });
        }
        match lower {
            Some(text) if text.contains(['\n', '=']) => {
                sources = with_rule_files(sources, Source { name: "TIDEWAITER_POLICY".to_owned(), text: text.to_owned() })?;
            }
            Some(path) if !path.is_empty() => sources = with_rule_files(sources, read(PathBuf::from(path))?)?,
            _ => {}
        }
        Ok(sources)
    }

    /// The layers that this policy was made of, for a process of ours that composes it again.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Stands for this policy in logs, the journal and the merge request.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// `sources` and `layer`, with the rule files that it names behind it.
fn with_rule_files(mut sources: Vec<Source>, layer: Source) -> Result<Vec<Source>, Error> {
    let files = leaks::read(&layer)?;
    sources.push(layer);
    sources.extend(files);
    Ok(sources)
}

fn read(path: PathBuf) -> Result<Source, Error> {
    let name = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Source { name, text }),
        Err(source) => Err(Error::Unreadable { name, source }),
    }
}
