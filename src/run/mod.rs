//! `tidewaiter run`: locks a command in where it stands, with the gateway; no GitLab, no gate.

mod ownership;
mod place;

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use crate::{
    agent::{self, Launch},
    environment::{self, Places, Variables},
    exit,
    gitlab::reads::{Access, Mismatch},
    jail::Failure,
    journal::{self, Event, Journal},
    policy::{self, Policy},
    promise,
    provider::{self, Lack},
    scribe,
    supervisor::{self, Credentials, Gateway, OnSignal, Outcome, Room, Stance, Standby, Stop, Task},
};

/// What the command line says.
#[derive(Debug)]
pub struct Options {
    /// Policy files, the highest layer first.
    pub policy: Vec<PathBuf>,
    /// The tree that the command may change; the current directory where none is named.
    pub workspace: Option<PathBuf>,
    /// Where the journal goes; nowhere where none is named.
    pub journal: Option<PathBuf>,
    /// The command.
    pub command: Vec<OsString>,
    /// How the command's output is shown.
    pub log: scribe::Mode,
    /// Whether our standard input goes on to the command.
    pub stdin: bool,
    /// Whether the log may have colours.
    pub colours: bool,
    /// Whether the policy is enforced, or what it would refuse is counted. The latter needs a journal.
    pub stance: Stance,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The exit code: the command's status, or [`exit::RUN_OBSERVED`].
    pub code: u8,
    /// The command's own status.
    pub status: u8,
    /// Of an observed run: how many distinct things the policy would have refused.
    pub would_refuse: Option<u64>,
    /// What is to be said of the memory that it used.
    pub starved: Option<String>,
}

/// Why the command did not run, or its end is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy.
    #[error(transparent)]
    Policy(#[from] policy::Error),
    /// The program is ourselves.
    #[error(transparent)]
    Ourselves(#[from] agent::Ourselves),
    /// A variable that names another GitLab than the policy.
    #[error(transparent)]
    GitLab(#[from] Mismatch),
    /// The host.
    #[error(transparent)]
    Host(#[from] promise::Missing),
    /// The workspace.
    #[error(transparent)]
    Place(#[from] place::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Starting or holding it.
    #[error(transparent)]
    Held(#[from] supervisor::Error),
    /// A credential.
    #[error("{0}")]
    Credential(String),
    /// Nobody would learn anything.
    #[error("an observed run needs a journal: name a new file with --journal")]
    Unrecorded,
    /// It was stopped before its end.
    #[error("the command was stopped: {0}")]
    Stopped(String),
}

impl Error {
    /// The exit code, as `docker run` has it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Ourselves(_) | Self::Held(supervisor::Error::Entering { kind: Failure::NotFound, .. }) => exit::RUN_NOT_FOUND,
            Self::Held(supervisor::Error::Entering { kind: Failure::NotExecutable, .. }) => exit::RUN_NOT_EXECUTABLE,
            _ => exit::RUN_FAILED,
        }
    }
}

/// Runs the command and tells how it ended.
///
/// # Errors
/// Any [`Error`].
pub fn run(options: Options) -> Result<Done, Error> {
    let observed = options.stance == Stance::Observe;
    if observed && options.journal.is_none() {
        return Err(Error::Unrecorded);
    }
    let standby = Standby::start();
    let job: Variables = std::env::vars_os().collect();
    let lower = job.get(OsStr::new("TIDEWAITER_POLICY")).and_then(|value| value.to_str());
    let mut policy = Policy::of_command(&options.policy, lower)?;
    let passed_over = agent::passed_over(&options.command[0], environment::path(&job))?;
    let ground = promise::require(&policy)?;
    // What the host lacks is told first: it may be why nothing starts.
    let standby = standby?;
    supervisor::hide()?;
    let workspace = place::workspace(options.workspace)?;
    environment::guard(&job, &mut policy.files, &workspace).map_err(Error::Credential)?;
    environment::part(&job, &policy.process.env, policy.network.proxy_variable()).map_err(Error::Credential)?;
    let credentials = credentials(&job, &policy)?;
    let proxy = environment::proxy(&job, &policy).map_err(Error::Credential)?;
    place::outside(options.journal.as_deref(), policy.files.write.iter().chain([&workspace]))?;
    // From here on there is something to be put back: whoever asks us to end is heard once the agent could be told.
    supervisor::block_signals()?;
    let mut journal = options.journal.as_deref().map_or_else(|| Ok(Journal::unwritten()), Journal::create)?;
    let uid = ground.uid;
    let room = Room::make(&std::env::temp_dir(), uid)?;
    let _lent = ownership::lend(&workspace, uid)?;
    let places = Places { workspace, home: room.home(), tmp: room.tmp() };
    place::reachable(&places.workspace, uid)?;
    if options.journal.is_some() {
        if observed {
            journal.observe();
        }
        journal.record(&ground.start(if observed { "observe" } else { "run" }, policy.digest()))?;
        if observed {
            journal.record(&Event::Observe { enforced: false })?;
        }
        if let Some(upstream) = &policy.network.upstream {
            journal.record(&Event::Step { step: "upstream".to_owned(), outcome: upstream.to_string() })?;
        }
    }
    let value = |name: &str| environment::value(&job, name);
    let gitlab = policy.network.gitlab.as_ref().map(|policy| Access::of_job(policy, value)).transpose()?.flatten();
    let gateway = Gateway::new(ground.fence, credentials, gitlab, proxy)?;
    let environment = variables(&policy, &gateway, &places)?;
    let task = Task {
        policy: &policy,
        command: options.command,
        passed_over,
        job: &job,
        environment,
        places,
        room: &room,
        gateway,
        scribe: scribe::Spec {
            mode: options.log,
            prompt: None,
            log_bytes: policy.limits.log_bytes,
            colours: options.colours,
            sections: false,
        },
        job_in: options.stdin,
        ground: &ground,
        writes: vec![room.parent()],
        on_signal: OnSignal::Forward,
        stance: options.stance,
        asking: None,
    };
    let outcome = supervisor::hold_by(standby, task, &mut journal)?;
    let status = status(&outcome)?;
    let code = if observed { exit::RUN_OBSERVED } else { status };
    journal.record(&Event::End { exit: code, commit: None })?;
    Ok(Done { code, status, would_refuse: outcome.would_refuse, starved: outcome.starved() })
}

/// What the gateway puts in. A route whose credential is not there does not exist.
fn credentials(job: &Variables, policy: &Policy) -> Result<Credentials, Error> {
    let mut out = Credentials::new();
    for route in &policy.network.routes {
        match provider::credential(route, |name| environment::value(job, name)) {
            Ok(credential) => drop(out.insert(route.provider, credential)),
            Err(Lack::Absent(_)) => {}
            Err(Lack::Wrong(reason)) => return Err(Error::Credential(reason)),
        }
    }
    Ok(out)
}

/// What tells the command where its provider is, where the policy has a route to one, and where its GitLab is.
fn variables(policy: &Policy, gateway: &Gateway, places: &Places) -> Result<Variables, Error> {
    let launch =
        Launch { agent: &policy.agent, home: &places.home, tmp: &places.tmp, asks_by: None, provider: &[], workspace: &places.workspace };
    let of_agent = if policy.network.routes.is_empty() { vec![] } else { agent::environment(&launch) };
    let variables = of_agent.into_iter().chain(gateway.variables(policy)?);
    Ok(variables.map(|(name, value)| (name.into(), value.into())).collect())
}

/// The command's own status; that we ended it is said aloud, and is our failure unless a signal asked for it.
fn status(outcome: &Outcome) -> Result<u8, Error> {
    match outcome.stopped {
        Some(stop @ (Stop::Time | Stop::Turns | Stop::Refused | Stop::Spent(_) | Stop::Helper(_))) => Err(Error::Stopped(stop.to_string())),
        Some(Stop::Cancelled(_)) | None => Ok(u8::try_from(outcome.status).unwrap_or(u8::MAX)),
    }
}
