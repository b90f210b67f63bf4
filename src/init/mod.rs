//! `tidewaiter init -- CMD…`: the entrypoint of our images, and so the first process of a job's container.
//!
//! It starts the job's script with the credentials taken out of its environment and its text, passes signals on, reaps, and
//! ends with the script's status. What the script asks for through `claude` or `tidewaiter job` it starts itself, as a
//! process beside the script, with the credentials that the script does not hold.

mod call;
pub mod channel;
pub mod script;
mod stream;
mod watch;

use std::{
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    os::fd::{AsFd as _, OwnedFd},
};

use nix::{
    sys::{
        prctl,
        socket::{AddressFamily, SockFlag, SockType, socketpair},
    },
    unistd::Pid,
};

pub use call::{Called, Left, Report};

use crate::{
    custody::{self, Veil},
    environment::{self, Variables},
    jail::confine,
    policy::Policy,
    role::Role,
    supervisor, sys,
};
use stream::Stream;

/// Why the script was not started, or could not be waited for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call in the step named.
    #[error("init, {step}: {source}")]
    Step {
        /// The step.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The credentials.
    #[error("init: the credentials cannot be hidden from the script: {0}")]
    Custody(#[from] aho_corasick::BuildError),
    /// The signals.
    #[error(transparent)]
    Signals(#[from] supervisor::Error),
}

/// Starts `command` as the job's script and stays until it has ended: its status, as a shell says it.
///
/// # Errors
/// Any [`Error`].
pub fn init(command: Vec<OsString>) -> Result<u8, Error> {
    // Before anything else runs in this container: nobody reads the credentials out of this process.
    step("hide from other processes", confine::hide())?;
    step("adopt orphans", prctl::set_child_subreaper(true))?;
    supervisor::block_signals()?;
    let mut job: Variables = std::env::vars_os().collect();
    let mut visible = job.clone();
    environment::hold_files(&mut job);
    // Now, since the script may exchange the files.
    let lower = job.get(OsStr::new("TIDEWAITER_POLICY")).and_then(|value| value.to_str());
    let policy = Policy::layers(&[], lower).map_err(|error| error.to_string());
    // A policy that is not valid is told of when the script calls; nothing is sent anywhere by it.
    let composed = policy.as_ref().ok().and_then(|layers| Policy::compose(layers.clone()).ok());
    let veil = custody::take(&mut visible, composed.as_ref().and_then(|policy| policy.network.proxy_variable()))?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, scripts) = step("make a socket pair", socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags))?;
    let (stream, pipe) = standard_input(veil)?;
    let spec = script::Spec { command, environment: visible.into_iter().collect() };
    let script = start(&spec, pipe.as_ref(), &scripts)?;
    drop((scripts, pipe));
    watch::watch(script, stream, ours, call::Desk::new(job, policy))
}

/// What the script reads: the runner's text through the veil. A terminal is a person's, who types no script of the runner's,
/// and goes on as it is.
fn standard_input(veil: Veil) -> Result<(Option<Stream>, Option<OwnedFd>), Error> {
    if io::stdin().is_terminal() {
        return Ok((None, None));
    }
    let (stream, pipe) = step("make a pipe", Stream::new(veil))?;
    Ok((Some(stream), Some(pipe)))
}

fn start(spec: &script::Spec, stdin: Option<&OwnedFd>, channel: &OwnedFd) -> Result<Pid, Error> {
    let spec = step("hand a specification over", spec.written())?;
    let own = (io::stdin(), io::stdout(), io::stderr());
    let stdin = stdin.map_or_else(|| own.0.as_fd(), OwnedFd::as_fd);
    let handed = [(stdin, 0), (own.1.as_fd(), 1), (own.2.as_fd(), 2), (spec.as_fd(), 3), (channel.as_fd(), 4)];
    let child = step("start the script", sys::process::respawn(Role::Script.name(), &handed))?;
    Ok(Pid::from_raw(child.pid()))
}

fn step<T, E: Into<io::Error>>(step: &'static str, result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|source| Error::Step { step, source: source.into() })
}
