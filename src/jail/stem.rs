//! The stem: parent of the agent and of every orphan that it leaves, in a Landlock domain of its own with scopes only.
//! From inside that domain one `kill(-1, SIGKILL)` ends every descendant and touches nothing outside. Where the kernel has no
//! such domain, the agent has a uid of its own, and the same signal is sent as that uid.
//!
//! The stem may die itself, of a lack of memory or by a hand outside. Its parent, the keeper, has a domain around the stem's
//! and does only one thing: when the stem is gone, it kills and reaps whoever is left.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
};

use caps::{CapSet, Capability};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{SigSet, SigmaskHow, Signal, sigprocmask},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::{Uid, getresuid, pipe2, setresuid},
};
use serde::{Deserialize, Serialize};

use super::{Failure, Report, enter};
use crate::{
    cgroup::Cgroup,
    fence::{
        look,
        netns::{self, Space},
        witness,
    },
    landlock,
    role::Role,
    sys::{self, wait::Waited},
};

/// What the supervisor asks for: one byte each; the pipe's end asks for [`EMPTY`].
pub const EMPTY: u8 = b'k';

/// Followed by a signal's number: sends it to the agent's first process.
pub const SIGNAL: u8 = b's';

/// The descriptors that the stem finds: 0 to 2 are the agent's, these follow.
#[derive(Debug)]
struct Descriptors {
    /// What is handed to `enter`: specification, report, go, broker, ready.
    enter: [OwnedFd; 5],
    /// Commands; its end is the supervisor's.
    control: OwnedFd,
    /// Where [`News`] go.
    news: OwnedFd,
    /// The broker's questions to the witness.
    broker: OwnedFd,
}

/// Whom the last signal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emptying {
    /// Everybody in the stem's Landlock scope.
    Scope,
    /// Everybody of a uid that is the agent's alone.
    Uid {
        /// That uid.
        agent: u32,
        /// Nobody's: whoever has it is out of the agent's reach.
        killer: u32,
    },
}

/// What keeper and stem have to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// How to empty the room.
    pub emptying: Emptying,
    /// Whether the run is only observed, so that the witness resolves paths.
    pub observed: bool,
    /// The cgroup that the agent runs in; the keeper removes it.
    pub cgroup: Option<Cgroup>,
    /// The namespaces to make.
    pub space: Option<Space>,
}

/// What the stem tells, a JSON line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// The agent's first process ended with this status, as a shell says it.
    Ended(i32),
    /// This signal, which asks to end, came to the stem: from outside, since nobody of the agent can reach it.
    Asked(i32),
    /// The kernel killed so many for want of memory in the agent's cgroup.
    OutOfMemory(u64),
    /// No descendant is left; so many were killed or had been left behind.
    Empty(u32),
}

/// Why there is no stem.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scope that the killing relies on.
    #[error(transparent)]
    Landlock(#[from] landlock::Error),
    /// The namespaces.
    #[error(transparent)]
    Space(#[from] netns::Error),
    /// A system call in the step named.
    #[error("stem, {step}: {source}")]
    Step {
        /// The step.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// What the keeper finds.
#[derive(Debug)]
pub struct Kept {
    /// What is handed to the stem: what `enter` gets (specification, report, go, the socket to the broker, and what comes to its
    /// end when the specification is there), the commands, where [`News`] go, and the broker's questions to the witness.
    pub stem: [OwnedFd; 8],
    /// The [`Orders`] as JSON.
    pub orders: OwnedFd,
    /// Where the listeners made in new namespaces go.
    pub door: OwnedFd,
    /// Comes to its end when the orders are there.
    pub ready: OwnedFd,
}

/// The role of the keeper: makes the namespaces in which everything of the agent lives, starts the stem and outlives it.
///
/// # Errors
/// When a namespace or the stem could not be made, or waiting failed.
pub fn keep(Kept { stem, orders, door, ready }: Kept) -> Result<(), Error> {
    let Some(orders) = step("read how to empty the room", sys::descriptor::awaited(orders, ready))? else { return Ok(()) };
    let orders: Orders = step("read how to empty the room", serde_json::from_slice(&orders).map_err(io::Error::from))?;
    let held = hold(stem, door, &orders);
    let removed = orders.cgroup.map_or(Ok(()), |cgroup| step("remove the agent's cgroup", cgroup.remove()));
    held.and(removed)
}

/// Until nobody of the agent is left.
fn hold(handed: [OwnedFd; 8], door: OwnedFd, orders: &Orders) -> Result<(), Error> {
    if let Err(error) = enter_space(orders.space.as_ref(), door) {
        // Standard error is the agent's: the reason goes home by the way of all walls.
        let report = Report::Failed { reason: error.to_string(), kind: Failure::Wall };
        let line = step("tell", serde_json::to_string(&report).map_err(io::Error::from))?;
        return step("tell", writeln!(File::from(step("tell", handed[1].try_clone())?), "{line}"));
    }
    step("adopt orphans", prctl::set_child_subreaper(true))?;
    orders.emptying.bound()?;
    let numbered: Vec<_> = handed.iter().map(OwnedFd::as_fd).zip(3..).collect();
    let mut copy = step("start the stem", sys::process::copy(Role::Stem.name(), &numbered, || stem(orders.clone())))?;
    drop(handed);
    step("leave the agent's streams", silence())?;
    step("wait for the stem", copy.wait())?;
    loop {
        orders.emptying.kill_all()?;
        if step("reap", sys::wait::wait(-1, false))? == Waited::NoChild {
            return Ok(());
        }
    }
}

/// What the copy of the keeper does.
fn stem(orders: Orders) -> u8 {
    match Descriptors::take().and_then(|fds| main(fds, orders)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}: {error}", Role::Stem.name());
            1
        }
    }
}

/// What the copy of the stem does; it returns only when the agent was not started, and why goes home through a descriptor.
fn entering() -> u8 {
    if let Ok(descriptors) = enter::Descriptors::take() {
        enter::main(descriptors);
    }
    1
}

impl Descriptors {
    /// Takes them from their numbers.
    fn take() -> Result<Self, Error> {
        let take = |number| step("take a descriptor", sys::descriptor::take(number));
        let enter = [take(3)?, take(4)?, take(5)?, take(6)?, take(7)?];
        Ok(Self { enter, control: take(8)?, news: take(9)?, broker: take(10)? })
    }
}

/// The namespaces come before the stem's domain: Landlock refuses mounts from inside of one.
fn enter_space(space: Option<&Space>, door: OwnedFd) -> Result<(), Error> {
    let Some(space) = space else { return Ok(()) };
    for listener in netns::enter(space)? {
        step("hand a listener over", sys::socket::send_descriptor(&door, &listener))?;
    }
    Ok(())
}

impl Emptying {
    /// Puts up the scope that bounds the last signal. Without one it would reach the whole machine.
    fn bound(self) -> Result<(), Error> {
        match self {
            Self::Scope => Ok(landlock::scope_only()?),
            Self::Uid { .. } => Ok(()),
        }
    }

    /// Kills everyone of the agent. Outside of a scope the signal would reach the whole container, so it is never sent with
    /// our own uid there.
    fn kill_all(self) -> Result<(), Error> {
        match self {
            Self::Scope => step("kill", kill_everybody()),
            Self::Uid { agent, killer } => step("kill", with_reach_of(agent, killer, kill_everybody)),
        }
    }
}

fn kill_everybody() -> io::Result<()> {
    match sys::process::kill(-1, libc::SIGKILL) {
        Err(error) if !matches!(error.raw_os_error(), Some(libc::ESRCH | libc::EPERM)) => Err(error),
        _ => Ok(()),
    }
}

/// Sends signals as `agent` does, and to nobody else: kill(2) goes by the sender's real and effective uid, and by the
/// receiver's real and saved one. Those two are never the agent's here, so that it cannot stop or kill us meanwhile. No
/// process is made for it: after a fork bomb there may be none to be had.
fn with_reach_of(agent: u32, killer: u32, send: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let own = getresuid()?;
    let held = caps::read(None, CapSet::Effective).map_err(io::Error::other)?;
    // With it the signal would reach everybody, whatever our uid.
    caps::drop(None, CapSet::Effective, Capability::CAP_KILL).map_err(io::Error::other)?;
    setresuid(Uid::from_raw(killer), Uid::from_raw(agent), own.saved)?;
    let sent = send();
    setresuid(own.real, own.effective, own.saved)?;
    caps::set(None, CapSet::Effective, &held).map_err(io::Error::other)?;
    // A change of uid makes a process visible again where the system is set so (proc(5), `suid_dumpable`).
    prctl::set_dumpable(false)?;
    sent
}

/// The role.
///
/// # Errors
/// When the agent could not be started, or waiting failed; the room is empty then too.
fn main(fds: Descriptors, Orders { emptying, observed, cgroup, .. }: Orders) -> Result<(), Error> {
    step("ignore nothing", prctl::set_dumpable(false))?;
    step("adopt orphans", prctl::set_child_subreaper(true))?;
    emptying.bound()?;
    let mut watched = SigSet::empty();
    [Signal::SIGCHLD, Signal::SIGTERM].into_iter().for_each(|signal| watched.add(signal));
    step("block signals", sigprocmask(SigmaskHow::SIG_BLOCK, Some(&watched), None))?;
    let signals = step("watch signals", SignalFd::with_flags(&watched, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK))?;
    // Held open by this process alone: its end tells `enter` that its parent is gone.
    let (parent, _own) = step("make a pipe", pipe2(nix::fcntl::OFlag::O_CLOEXEC))?;
    let Descriptors { enter, control, news, broker: asks } = fds;
    let handed: Vec<_> = enter.iter().chain([&parent]).map(OwnedFd::as_fd).zip(3..).collect();
    let agent = step("start the agent", sys::process::copy(Role::Enter.name(), &handed, entering))?.pid();
    drop((enter, parent));
    step("leave the agent's streams", silence())?;
    let mut room =
        Room { agent, ended: false, reaped: 0, emptying, observed, cgroup, control: File::from(control), news: File::from(news) };
    let result = room.watch(&signals, asks);
    let emptied = room.empty();
    result.and(emptied)
}

/// The agent's streams are the agent's: while the stem held them, their readers would wait for it.
fn silence() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(())
}

struct Room {
    agent: i32,
    ended: bool,
    reaped: u32,
    emptying: Emptying,
    observed: bool,
    cgroup: Option<Cgroup>,
    control: File,
    news: File,
}

impl Room {
    /// Reaps, obeys and bears witness until the room is to be emptied.
    fn watch(&mut self, signals: &SignalFd, asks: OwnedFd) -> Result<(), Error> {
        let mut asks = Some(asks);
        loop {
            let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
            fds.extend(asks.as_ref().map(|asks| PollFd::new(asks.as_fd(), PollFlags::POLLIN)));
            match poll(&mut fds, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                other => step("wait", other)?,
            };
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
            if ready[0] {
                self.hear(signals)?;
            }
            if ready[1] && !self.obey()? {
                return Ok(());
            }
            if ready.get(2) == Some(&true) {
                // A broker that is gone asks no more; nothing of the walls depends on it.
                let answer = |asks: &OwnedFd| if self.observed { look::answer(asks) } else { witness::answer(asks) };
                asks = asks.filter(|asks| answer(asks).unwrap_or(false));
            }
        }
    }

    /// A cancel is told before the end of the agent, which may have got the same signal and made a success of it.
    fn hear(&mut self, signals: &SignalFd) -> Result<(), Error> {
        while let Some(signal) = step("read signals", signals.read_signal())? {
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            if number == libc::SIGTERM {
                self.tell(News::Asked(number))?;
            }
        }
        self.reap(true).map(drop)
    }

    /// Does what one command says; false when the room is to be emptied.
    fn obey(&mut self) -> Result<bool, Error> {
        let mut command = [0; 2];
        match step("read a command", self.control.read(&mut command))? {
            2 if command[0] == SIGNAL => {
                if !self.ended {
                    // That it is gone meanwhile is as good.
                    let _ = sys::process::kill(self.agent, i32::from(command[1]));
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Kills and reaps until nobody is left. A process that forks while it is killed is found by the next round.
    fn empty(&mut self) -> Result<(), Error> {
        loop {
            self.emptying.kill_all()?;
            if !self.reap(false)? {
                break;
            }
        }
        match self.cgroup.as_ref().map_or(0, Cgroup::killed) {
            0 => {}
            killed => self.tell(News::OutOfMemory(killed))?,
        }
        let count = self.reaped.saturating_sub(1);
        self.tell(News::Empty(count))
    }

    /// Reaps one child, or all that have ended `now`; false when there is no child at all.
    fn reap(&mut self, now: bool) -> Result<bool, Error> {
        loop {
            let (pid, code) = match step("reap", sys::wait::wait(-1, now))? {
                Waited::NoChild => return Ok(false),
                Waited::Nothing => return Ok(true),
                // Whoever asks its parent to trace it (ptrace(2), `PTRACE_TRACEME`) stands still until it is killed.
                Waited::Stopped(_) => continue,
                Waited::Ended(pid, code) => (pid, code),
            };
            self.reaped += 1;
            if pid == self.agent && !self.ended {
                self.ended = true;
                self.tell(News::Ended(code))?;
            }
            if !now {
                return Ok(true);
            }
        }
    }

    /// The supervisor may be dead: then nobody listens, and the room is emptied all the same.
    fn tell(&mut self, news: News) -> Result<(), Error> {
        let line = serde_json::to_string(&news).map_err(|error| Error::Step { step: "tell", source: error.into() })?;
        match writeln!(self.news, "{line}") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Step { step: "tell", source: error }),
            _ => Ok(()),
        }
    }
}

fn step<T, E: Into<io::Error>>(step: &'static str, result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|source| Error::Step { step, source: source.into() })
}
