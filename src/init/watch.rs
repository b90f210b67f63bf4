//! The first process's event loop: signals, children, the script's text, and what the script asks for.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signalfd::SignalFd,
    unistd::Pid,
};

use super::{
    Error,
    call::{Call, Desk},
    step,
    stream::Stream,
};
use crate::{
    supervisor,
    sys::{self, wait::Waited},
};

/// How long a job may take to end after it was cancelled: less than the ten seconds that engines and the runner give.
const GRACE: Duration = Duration::from_secs(8);

struct Watch {
    script: Pid,
    status: Option<u8>,
    signals: SignalFd,
    stream: Option<Stream>,
    channel: Option<OwnedFd>,
    desk: Desk,
    call: Option<Call>,
    /// When the call that was cancelled is killed.
    deadline: Option<Instant>,
}

/// What a look at the descriptors found.
struct Ready {
    stream: bool,
    channel: bool,
    caller: bool,
}

/// Until the script has ended, and the job that it may have left: the script's status.
pub(super) fn watch(script: Pid, stream: Option<Stream>, channel: OwnedFd, desk: Desk) -> Result<u8, Error> {
    let signals = supervisor::signals()?;
    let mut watch = Watch { script, status: None, signals, stream, channel: Some(channel), desk, call: None, deadline: None };
    loop {
        match (watch.status, &watch.call) {
            (Some(status), None) => return Ok(status),
            _ => watch.turn()?,
        }
    }
}

impl Watch {
    fn turn(&mut self) -> Result<(), Error> {
        let ready = self.wait()?;
        while let Some(signal) = step("read signals", self.signals.read_signal())? {
            self.signal(i32::try_from(signal.ssi_signo).unwrap_or(0));
        }
        self.reap()?;
        if ready.caller {
            self.cancel(libc::SIGTERM);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.kill();
        }
        match &mut self.stream {
            Some(stream) if ready.stream => stream.go_on(),
            _ => {}
        }
        if ready.channel { self.listen() } else { Ok(()) }
    }

    fn wait(&self) -> Result<Ready, Error> {
        let stream = self.stream.as_ref().and_then(Stream::wants);
        // One at a time: who asks meanwhile waits in the socket.
        let channel = self.channel.as_ref().filter(|_| self.call.is_none()).map(|channel| (channel.as_fd(), PollFlags::POLLIN));
        // A cancelled caller's line stays at its end.
        let caller = self.call.as_ref().filter(|_| self.deadline.is_none()).map(|call| (call.line(), PollFlags::POLLIN));
        let signals = Some((self.signals.as_fd(), PollFlags::POLLIN));
        let mut fds: Vec<PollFd<'_>> =
            [signals, stream, channel, caller].into_iter().flatten().map(|(fd, events)| PollFd::new(fd, events)).collect();
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let timeout = left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        match poll(&mut fds, timeout) {
            Err(Errno::EINTR) => return Ok(Ready { stream: false, channel: false, caller: false }),
            other => step("wait", other)?,
        };
        let mut found = fds.iter().skip(1).map(|fd| fd.any().unwrap_or(true));
        let mut next = |there: bool| there && found.next().unwrap_or(false);
        Ok(Ready { stream: next(stream.is_some()), channel: next(channel.is_some()), caller: next(caller.is_some()) })
    }

    /// The script gets what we get; a job that it asked for is cancelled by what asks it to end.
    fn signal(&mut self, number: i32) {
        if number == libc::SIGCHLD {
            return;
        }
        if self.status.is_none() {
            // That it is gone meanwhile is as good.
            let _ = sys::process::kill(self.script.as_raw(), number);
        }
        if [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT].contains(&number) {
            self.cancel(number);
        }
    }

    /// Reaps whoever has ended: the script, the job, and every orphan of theirs.
    fn reap(&mut self) -> Result<(), Error> {
        loop {
            match step("reap", sys::wait::wait(-1, true))? {
                Waited::Ended(pid, code) => self.ended(Pid::from_raw(pid), u8::try_from(code).unwrap_or(u8::MAX)),
                Waited::Nothing | Waited::NoChild => return Ok(()),
                Waited::Stopped(_) => {}
            }
        }
    }

    fn ended(&mut self, pid: Pid, status: u8) {
        if pid == self.script {
            self.status = Some(status);
            (self.stream, self.channel) = (None, None);
            self.cancel(libc::SIGTERM);
        }
        if let Some(call) = self.call.take_if(|call| call.pid == pid.as_raw()) {
            self.deadline = None;
            self.desk.end(call, status);
        }
    }

    fn cancel(&mut self, number: i32) {
        if let Some(call) = &self.call {
            let _ = sys::process::kill(call.pid, number);
            self.deadline.get_or_insert_with(|| Instant::now() + GRACE);
        }
    }

    fn kill(&mut self) {
        if let Some(call) = &self.call {
            let _ = sys::process::kill(call.pid, libc::SIGKILL);
        }
        self.deadline = Some(Instant::now() + GRACE);
    }

    fn listen(&mut self) -> Result<(), Error> {
        let Some(channel) = &self.channel else { return Ok(()) };
        match sys::socket::receive_descriptors(channel) {
            Ok(Some(message)) => match self.desk.start(message) {
                Ok(call) => self.call = call,
                // The script goes on, and its caller hears that nobody answers.
                Err(error) => eprintln!("tidewaiter: {error}"),
            },
            // Nobody holds the other end any more.
            Ok(None) => self.channel = None,
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) || error.raw_os_error() == Some(libc::EINTR) => {}
            Err(error) => return step("listen to the script", Err(error)),
        }
        Ok(())
    }
}
