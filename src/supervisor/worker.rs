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
    },
    unistd::pipe2,
};
use serde::{Serialize, de::DeserializeOwned};

use super::start;
use crate::{
    jail::confine::{self, Keep},
    role::Role,
    sys,
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

/// Starts `role` with `spec` and waits for its answer, at most `time`. A signal that asks us to end kills it.
///
/// # Errors
/// When there is no answer.
pub fn ask<S: Serialize, A: DeserializeOwned>(role: Role, spec: &S, time: Duration) -> Result<A, Error> {
    let failed = |source: io::Error| Error::Start { role: role.name(), source };
    let signals = start::watch_signals().map_err(|error| failed(io::Error::other(error)))?;
    let json = serde_json::to_vec(spec).map_err(|error| failed(error.into()))?;
    let memory = sys::descriptor::memory(&json).map_err(failed)?;
    let (answer, answer_in) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| failed(errno.into()))?;
    let (parent, _own) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| failed(errno.into()))?;
    let mut child =
        sys::process::respawn(role.name(), &[(memory.as_fd(), 3), (answer_in.as_fd(), 4), (parent.as_fd(), 5)]).map_err(failed)?;
    drop(answer_in);
    let deadline = Instant::now() + time;
    let mut text = Vec::new();
    let mut answer = File::from(answer);
    let result = loop {
        let mut fds = [PollFd::new(answer.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Err(Error::Late { role: role.name(), seconds: time.as_secs() });
        }
        match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Err(Errno::EINTR) => continue,
            other => other.map_err(|errno| failed(errno.into()))?,
        };
        let [said, signalled] = fds.map(|fd| fd.any().unwrap_or(true));
        if signalled && let Some(number) = asked_to_end(&signals) {
            break Err(Error::Cancelled(number));
        }
        if said && answer.by_ref().take(1 << 16).read_to_end(&mut text).map_err(failed)? == 0 {
            break Ok(());
        }
        if text.len() as u64 > LONGEST {
            break Err(Error::Silent(role.name()));
        }
    };
    if result.is_err() {
        child.kill().map_err(failed)?;
    }
    child.wait().map_err(failed)?;
    result.and_then(|()| serde_json::from_slice(&text).map_err(|_| Error::Silent(role.name())))
}

fn asked_to_end(signals: &nix::sys::signalfd::SignalFd) -> Option<i32> {
    let mut found = None;
    while let Ok(Some(signal)) = signals.read_signal() {
        let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
        if [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT].contains(&number) {
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
