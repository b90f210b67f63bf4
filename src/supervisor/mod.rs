//! The supervisor: starts the processes around an agent, lets it go when every wall stands, and holds it until nobody of it
//! is left. A single-threaded event loop; it parses only lines of our own processes.

mod advice;
mod authorities;
mod doors;
mod lines;
mod observe;
mod registries;
mod room;
mod start;
mod watch;
pub mod worker;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

pub use advice::Asking;
use nix::sys::signalfd::SignalFd;
pub use room::Room;
pub use start::{Standby, block_signals, hide};

use crate::{
    advice as words, cgroup,
    environment::{Places, Variables},
    fence::Fence,
    gitlab::reads::Access,
    jail,
    journal::{self, Journal},
    policy::{GATEWAY_PORT, Policy, Provider, Route, Used, registry::NoRegistry},
    promise::Ground,
    provider::{self, Credential},
    scribe,
    secret::Secret,
    upstream::Proxy,
};

/// What is to be locked in.
#[derive(Debug)]
pub struct Task<'a> {
    /// What it may do.
    pub policy: &'a Policy,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Programs of that name in the agent's PATH that are not meant.
    pub passed_over: Vec<PathBuf>,
    /// The variables of the job; the agent's are made from them.
    pub job: &'a Variables,
    /// More of the agent's variables: the provider's.
    pub environment: Variables,
    /// Its directories.
    pub places: Places,
    /// The job's own directories, for the self-test.
    pub room: &'a Room,
    /// The gateway's listener: loopback.
    pub gateway: Gateway,
    /// How the log is written.
    pub scribe: scribe::Spec,
    /// Whether the job's standard input goes on to the agent.
    pub job_in: bool,
    /// The walls that stand here.
    pub ground: &'a Ground,
    /// What we still write ourselves once the agent runs, besides what is open.
    pub writes: Vec<PathBuf>,
    /// What a signal to us means.
    pub on_signal: OnSignal,
    /// Whether the policy is enforced. Only `run` has the other one.
    pub stance: Stance,
    /// How the agent may ask the gate; none where there is none, or it may not.
    pub asking: Option<Asking>,
}

/// Whether the policy is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stance {
    /// It is.
    #[default]
    Enforce,
    /// It is not, as to hosts and to reading files: what it would refuse is counted.
    Observe,
}

/// What the gateway puts in, by provider.
pub type Credentials = BTreeMap<Provider, Credential>;

/// The gateway before it starts.
#[derive(Debug)]
pub struct Gateway {
    /// Where it will listen; none where it listens in a network of the agent's own.
    listener: Option<TcpListener>,
    /// What stands for the agent.
    pub ticket: Secret,
    /// What it puts in for the agent.
    pub credentials: Credentials,
    /// For the policy's GitLab.
    pub gitlab: Option<Access>,
    /// The policy's upstream proxy.
    pub proxy: Option<Proxy>,
}

impl Gateway {
    /// Opens a listener on loopback, where `fence` leaves that to us, and draws a ticket.
    ///
    /// # Errors
    /// When neither can be had.
    pub fn new(fence: Fence, credentials: Credentials, gitlab: Option<Access>, proxy: Option<Proxy>) -> Result<Self, Error> {
        let listener = (!fence.is_own_network()).then(|| TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.transpose().map_err(Error::Listen)?;
        let ticket = Secret::random().map_err(|error| Error::Step { step: "draw a ticket", source: error })?;
        Ok(Self { listener, ticket, credentials, gitlab, proxy })
    }

    /// Where the agent finds it.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn address(&self) -> Result<SocketAddr, Error> {
        match &self.listener {
            Some(listener) => listener.local_addr().map_err(|source| Error::Step { step: "ask for the gateway's address", source }),
            None => Ok(SocketAddr::from(([127, 0, 0, 1], GATEWAY_PORT))),
        }
    }
}

impl Gateway {
    /// The variable that tells the agent where it asks the gate.
    ///
    /// # Errors
    /// As for [`Gateway::address`].
    pub fn gate_variable(&self) -> Result<(String, String), Error> {
        let address = format!("http://tidewaiter:{}@{}{}", self.ticket.reveal(), self.address()?, words::PATH);
        Ok((words::VARIABLE.to_owned(), address))
    }

    /// The variables that tell the agent where the far ends of the policy's routes are.
    ///
    /// # Errors
    /// As for [`Gateway::address`].
    pub fn variables(&self, policy: &Policy) -> Result<Vec<(String, String)>, Error> {
        let gateway = format!("http://{}", self.address()?);
        let gitlab = policy.network.gitlab.as_ref().zip(self.gitlab.as_ref());
        let of_gitlab = gitlab.map(|(policy, access)| access.variables(policy, &gateway, &self.ticket)).unwrap_or_default();
        let variables = |route: &Route| provider::variables(route, self.credentials.get(&route.provider), &gateway, &self.ticket);
        Ok(policy.network.routes.iter().flat_map(variables).chain(of_gitlab).collect())
    }
}

/// What SIGTERM, SIGINT and the like mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// They are passed on to the agent; if it has not ended ten seconds after one that asks it to, it is killed.
    Forward,
    /// The job is cancelled: the agent is killed at once, and nothing leaves.
    Cancel,
}

/// Why the agent did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `limits.time`.
    Time,
    /// `limits.turns`.
    Turns,
    /// More of its requests were refused than `limits.requests` lets it send.
    Refused,
    /// The gateway refused a request because this one of the limits is used up.
    Spent(&'static str),
    /// A signal to us.
    Cancelled(i32),
    /// The gateway, the broker, the scribe or the keeper ended.
    Helper(&'static str),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time => f.write_str("`limits.time` of the policy is over"),
            Self::Turns => f.write_str("`limits.turns` of the policy is reached"),
            Self::Refused => f.write_str("the gateway refused more of its requests than `limits.requests` of the policy"),
            Self::Spent(limit) => write!(f, "`limits.{limit}` of the policy is used up"),
            Self::Cancelled(number) => write!(f, "cancelled by signal {number}"),
            Self::Helper(name) => write!(f, "the {name} ended"),
        }
    }
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status of the agent's first process, as a shell says it.
    pub status: i32,
    /// Why it was stopped, if it was.
    pub stopped: Option<Stop>,
    /// What the agent's own stream told.
    pub summary: Option<scribe::Summary>,
    /// Processes of the agent that the kernel killed: together they used more than the policy lets them.
    pub out_of_memory: u64,
    /// Processes that the agent had left behind, killed.
    pub left_behind: u32,
    /// How long it ran.
    pub took: Duration,
    /// What the self-test inside the walls tried.
    pub proof: Vec<jail::probe::Tried>,
    /// What it used up of the policy's limits.
    pub used: Used,
    /// Of an observed run: how many distinct things the policy would have refused.
    pub would_refuse: Option<u64>,
}

impl Outcome {
    /// What is said of an agent that used more memory than it may.
    pub fn starved(&self) -> Option<String> {
        let told = |killed| {
            format!("the kernel killed {killed} of the agent's processes: they used more than `process.limits.memory_bytes` of the policy")
        };
        (self.out_of_memory > 0).then(|| told(self.out_of_memory))
    }
}

/// Why there is no outcome. The agent has not run, or is dead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A directory of the job.
    #[error("the job's directories cannot be made in {path}: {source}; set TMPDIR to a directory that this user may write")]
    Room {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No port for the gateway.
    #[error("the gateway finds no port on 127.0.0.1: {0}; end what holds the ports of this container's loopback")]
    Listen(io::Error),
    /// A system call in the step named.
    #[error("{step}: {source}")]
    Step {
        /// The step.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The agent's cgroup.
    #[error("the agent's cgroup: {0}. {remedy}", remedy = .0.remedy())]
    Cgroup(#[from] cgroup::Error),
    /// A wall of our own.
    #[error("the supervisor's own walls: {0}")]
    Settling(#[from] jail::confine::Error),
    /// No range of ports for the agent.
    #[error(transparent)]
    Ports(#[from] crate::fence::ports::Error),
    /// A registry of the policy's.
    #[error(transparent)]
    Registry(#[from] NoRegistry),
    /// The journal cannot be written: no job without one.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A wall does not stand, or the program does not start.
    #[error("{reason}")]
    Entering {
        /// What failed and why.
        reason: String,
        /// What kind of failure it is.
        kind: jail::Failure,
    },
    /// A process of ours ended before the agent started.
    #[error("the {0} ended before the agent could start; its reason stands above")]
    Helper(&'static str),
    /// The stem ended without emptying the room; its keeper has done it.
    #[error("the process that holds the agent ended early, so the agent was killed")]
    Stem,
}

/// The signals that [`block_signals`] holds back, to be read.
///
/// # Errors
/// When the kernel refuses.
pub fn signals() -> Result<SignalFd, Error> {
    start::watch_signals()
}

/// Locks the task's command in, waits for its end, and empties the room.
///
/// # Errors
/// Any [`Error`].
pub fn hold(task: Task<'_>, journal: &mut Journal) -> Result<Outcome, Error> {
    hide()?;
    hold_by(Standby::start()?, task, journal)
}

/// The same, by processes that were started before.
///
/// # Errors
/// Any [`Error`].
pub fn hold_by(standby: Standby, task: Task<'_>, journal: &mut Journal) -> Result<Outcome, Error> {
    let crew = start::crew(standby, task)?;
    watch::watch(crew, journal)
}
