//! A worker: a process of ours that gets one specification, gives one answer and ends. It holds only what it was given, and
//! dies with us.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::SignalFd,
    },
    unistd::{Pid, pipe2, setpgid},
};
use serde::{Serialize, de::DeserializeOwned};

use super::start;
use crate::{
    jail::confine::{self, Keep},
    role::Role,
    sys::{self, process::Child, wait::Waited},
};

/// Longer answers are a fault.
const LONGEST: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started or waited for.
    #[error("{role}: {source}")]
    Start {
        /// Which worker.
        role: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// It ended without an answer.
    #[error("{0} ended without an answer; its reason stands above")]
    Silent(&'static str),
    /// It took too long.
    #[error("{role} gave no answer within {seconds} s")]
    Late {
        /// Which worker.
        role: &'static str,
        /// The bound.
        seconds: u64,
    },
    /// The job was cancelled meanwhile.
    #[error("cancelled by signal {0}")]
    Cancelled(i32),
}

/// An answer, and whether the job was cancelled while the worker made it.
#[derive(Debug)]
pub struct Told<A> {
    /// What it says.
    pub answer: A,
    /// A signal that asks us to end, which came when the worker [saw it through](see_through).
    pub cancelled: Option<i32>,
}

/// Starts `role` with `spec` and waits for its answer, at most `time`. A signal that asks us to end goes on to the worker,
/// which ends by it, or has come so far that it goes to its end.
///
/// # Errors
/// When there is no answer.
pub fn ask<S: Serialize, A: DeserializeOwned>(role: Role, spec: &S, time: Duration) -> Result<Told<A>, Error> {
    let failed = |source: io::Error| Error::Start { role: role.name(), source };
    let signals = start::watch_signals().map_err(|error| failed(io::Error::other(error)))?;
    prctl::set_child_subreaper(true).map_err(|errno| failed(errno.into()))?;
    let json = serde_json::to_vec(spec).map_err(|error| failed(error.into()))?;
    let (mut worker, answer) = Worker::start(role, &json).map_err(failed)?;
    let mut listening = Listening { role, answer: answer.into(), signals, text: Vec::new(), cancelled: None };
    let heard = listening.until(&worker.child, Instant::now() + time);
    if heard.is_err() || listening.cancelled.is_some() {
        signal(&worker.child, libc::SIGKILL);
    }
    let status = worker.end().map_err(failed)?;
    heard?;
    let cancelled = listening.cancelled;
    match serde_json::from_slice(&listening.text) {
        Ok(answer) => Ok(Told { answer, cancelled }),
        // A runner that cancels signals every process.
        Err(_) => Err(match cancelled.or(Some(status - 128).filter(|number| start::asks_to_end(*number))) {
            Some(number) => Error::Cancelled(number),
            None => Error::Silent(role.name()),
        }),
    }
}

/// A worker that was started.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    /// Its end tells the worker that we are gone.
    _own: OwnedFd,
}

impl Worker {
    /// Starts `role` with the specification `json`; what comes back with it is where its answer is read.
    pub(super) fn start(role: Role, json: &[u8]) -> io::Result<(Self, OwnedFd)> {
        let memory = sys::descriptor::memory(json)?;
        let (answer, answer_in) = pipe2(OFlag::O_CLOEXEC)?;
        let (parent, own) = pipe2(OFlag::O_CLOEXEC)?;
        let child = sys::process::respawn(role.name(), &[(memory.as_fd(), 3), (answer_in.as_fd(), 4), (parent.as_fd(), 5)])?;
        Ok((Self { child, _own: own }, answer))
    }

    /// Kills it and all that it started.
    pub(super) fn kill(&mut self) {
        signal(&self.child, libc::SIGKILL);
        // Somebody else's reaping is as good.
        let _ = self.end();
    }

    /// Waits for its end, and ends what it started besides.
    pub(super) fn end(&mut self) -> io::Result<i32> {
        let status = self.child.wait()?;
        reap_group(&self.child);
        Ok(status)
    }
}

/// What is heard of one worker.
struct Listening {
    role: Role,
    answer: File,
    signals: SignalFd,
    text: Vec<u8>,
    cancelled: Option<i32>,
}

impl Listening {
    /// Until the worker closes its answer.
    fn until(&mut self, child: &Child, deadline: Instant) -> Result<(), Error> {
        let role = self.role.name();
        let failed = |source: io::Error| Error::Start { role, source };
        let begin = Instant::now();
        loop {
            let mut fds = [PollFd::new(self.answer.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Late { role, seconds: begin.elapsed().as_secs() });
            }
            match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Err(Errno::EINTR) => continue,
                other => other.map_err(|errno| failed(errno.into()))?,
            };
            let [said, signalled] = fds.map(|fd| fd.any().unwrap_or(true));
            if signalled && let Some(number) = asked_to_end(&self.signals) {
                self.cancelled.get_or_insert(number);
                signal(child, number);
            }
            if said && self.answer.by_ref().take(1 << 16).read_to_end(&mut self.text).map_err(failed)? == 0 {
                return Ok(());
            }
            if self.text.len() as u64 > LONGEST {
                return Err(Error::Silent(role));
            }
        }
    }
}

/// Signals the worker and what it started; it may not lead its group yet.
fn signal(child: &Child, number: i32) {
    let pid = child.pid();
    if sys::process::kill(-pid, number).is_err() {
        // Gone meanwhile is as good.
        let _ = sys::process::kill(pid, number);
    }
}

/// The worker is gone; what it had started ends before its directories are removed.
fn reap_group(child: &Child) {
    let pid = child.pid();
    let _ = sys::process::kill(-pid, libc::SIGKILL);
    while matches!(sys::wait::wait(-pid, false), Ok(Waited::Ended(..) | Waited::Stopped(_))) {}
}

/// The last signal that asks us to end and that nobody heard yet.
pub fn unheard() -> Option<i32> {
    start::watch_signals().ok().and_then(|signals| asked_to_end(&signals))
}

/// From here on a worker goes to its end: a signal that asks it to end, or what it started, is only the supervisor's to hear.
///
/// # Errors
/// When the kernel refuses.
pub fn see_through() -> io::Result<()> {
    let mut set = SigSet::empty();
    start::ENDING.into_iter().for_each(|signal| set.add(signal));
    Ok(set.thread_block()?)
}

fn asked_to_end(signals: &SignalFd) -> Option<i32> {
    let mut found = None;
    while let Ok(Some(signal)) = signals.read_signal() {
        let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
        if start::asks_to_end(number) {
            found = Some(number);
        }
    }
    found
}

/// What a worker finds: its specification, and where its answer goes.
#[derive(Debug)]
pub struct Desk {
    spec: OwnedFd,
    answer: OwnedFd,
}

impl Desk {
    /// Takes the descriptors that were handed over, and makes sure that this process dies with its parent.
    ///
    /// # Errors
    /// When the parent is gone already, or nothing was handed over.
    pub fn take() -> io::Result<Self> {
        let desk = Self { spec: sys::descriptor::take(3)?, answer: sys::descriptor::take(4)? };
        let parent = sys::descriptor::take(5)?;
        prctl::set_pdeathsig(Some(Signal::SIGKILL))?;
        // Leads what it starts, so that all of it can be ended together.
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        // Only unblocked: a git that ends early must be an error here, not a signal.
        SigSet::empty().thread_set_mask()?;
        let mut fds = [PollFd::new(parent.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::ZERO)? {
            0 => Ok(desk),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Reads the specification, gives up all that is not in what `keep` says of it, works, and answers.
    ///
    /// # Errors
    /// When the specification cannot be read, a wall does not stand, or nobody takes the answer.
    pub fn work<S: DeserializeOwned, A: Serialize>(
        self,
        keep: impl FnOnce(&S) -> Option<Keep>,
        work: impl FnOnce(S) -> A,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let spec: S = serde_json::from_slice(&sys::descriptor::content(self.spec)?)?;
        if let Some(keep) = keep(&spec) {
            confine::confine(&keep)?;
        }
        serde_json::to_writer(File::from(self.answer), &work(spec))?;
        Ok(())
    }
}
