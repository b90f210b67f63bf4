//! The walls go up in one fixed order, then the program starts. The order is security:
//!
//! * Path descriptors are opened, the bounding set and the secure bits changed while the process is still privileged;
//!   after the change of uid all of these fail.
//! * The change of uid clears the death signal, so that one is set after it, and then the parent is checked: it may have
//!   died in between.
//! * The listener's filter goes up before the allow-list, and its descriptor leaves the process before the self-test,
//!   which makes sockets.
//! * Nothing that comes from the agent is read before the last wall stands.

use std::{
    convert::Infallible,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
};

use caps::CapSet;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::Signal,
        stat::{Mode, umask},
    },
    unistd::{Gid, Uid, chdir, setgroups, setresgid, setresuid, setsid},
};

use super::{Failure, Report, Spec, exec, probe};
use crate::{
    cgroup,
    fence::{calls, terminals},
    landlock::{self, Grants},
    limits, seccomp, sys,
};

/// The descriptors that `enter` finds, from 3 on.
#[derive(Debug)]
pub struct Descriptors {
    /// The [`Spec`] as JSON.
    pub spec: OwnedFd,
    /// Where [`Report`]s go; closed by a successful exec.
    pub report: OwnedFd,
    /// A byte comes when the agent may start.
    pub go: OwnedFd,
    /// The socket pair to the broker.
    pub broker: OwnedFd,
    /// Comes to its end when the specification is there.
    pub ready: OwnedFd,
    /// Ends when the parent dies.
    pub parent: OwnedFd,
}

impl Descriptors {
    /// Takes them from their numbers.
    ///
    /// # Errors
    /// When one was not handed over.
    pub(super) fn take() -> io::Result<Self> {
        let take = sys::descriptor::take;
        Ok(Self { spec: take(3)?, report: take(4)?, go: take(5)?, broker: take(6)?, ready: take(7)?, parent: take(8)? })
    }
}

/// A step that failed. The program has not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The specification cannot be read: a fault of ours.
    #[error("the specification cannot be read: {0}")]
    Spec(io::Error),
    /// A system call in the step named.
    #[error("{step}: {source}")]
    Step {
        /// The step.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A capability set that cannot be changed.
    #[error("capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    /// A resource limit.
    #[error(transparent)]
    Limits(#[from] limits::Error),
    /// The cgroup.
    #[error("entering the cgroup: {0}")]
    Cgroup(#[from] cgroup::Error),
    /// Landlock.
    #[error(transparent)]
    Landlock(#[from] landlock::Error),
    /// Seccomp.
    #[error(transparent)]
    Seccomp(#[from] seccomp::Error),
    /// A wall that stands but does not hold.
    #[error("self-test inside the walls: {0}")]
    Probe(#[from] probe::Error),
    /// The supervisor or the stem is gone.
    #[error("the supervisor ended before the agent could start")]
    Orphaned,
    /// The program does not start.
    #[error("{reason}{}", hint(.0), reason = .0)]
    Exec(#[from] exec::Error),
}

fn hint(error: &exec::Error) -> &'static str {
    match error {
        exec::Error::NotExecutable { source: Errno::EACCES, .. } => {
            " (is it within `files.read` of the policy, and executable for the agent's uid?)"
        }
        // execve(2): RLIMIT_NPROC counts all processes of the uid on this host, those of other jobs among them.
        exec::Error::NotExecutable { source: Errno::EAGAIN, .. } => {
            " (the agent's uid has more processes on this host than `process.limits.processes` of the policy)"
        }
        _ => "",
    }
}

impl Error {
    fn kind(&self) -> Failure {
        match self {
            Self::Exec(exec::Error::NotFound(_)) => Failure::NotFound,
            Self::Exec(exec::Error::NotExecutable { .. }) => Failure::NotExecutable,
            _ => Failure::Wall,
        }
    }
}

/// The role: enters, and reports home why it could not. Returns only on failure.
pub fn main(mut fds: Descriptors) {
    let Err(error) = read(&mut fds).and_then(|spec| enter(&spec, &mut fds));
    let report = Report::Failed { reason: error.to_string(), kind: error.kind() };
    if let Ok(line) = serde_json::to_string(&report) {
        // Nobody is left to tell when this fails; the exit of this process says the rest.
        let _ = writeln!(File::from(fds.report), "{line}");
    }
}

fn read(fds: &mut Descriptors) -> Result<Spec, Error> {
    let again = |fd: &OwnedFd| fd.try_clone().map_err(Error::Spec);
    let bytes = sys::descriptor::awaited(again(&fds.spec)?, again(&fds.ready)?).map_err(Error::Spec)?.ok_or(Error::Orphaned)?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Spec(error.into()))
}

/// Puts every wall up and becomes the program.
///
/// # Errors
/// The first step that fails; then nothing of the agent has run.
pub fn enter(spec: &Spec, fds: &mut Descriptors) -> Result<Infallible, Error> {
    step("new session", setsid())?;
    step("close descriptors", sys::descriptor::close_on_exec_from(3))?;
    step("file mode mask", Ok::<_, Errno>(umask(Mode::from_bits_truncate(0o022))))?;
    limits::apply(&spec.limits)?;
    if let Some(cgroup) = &spec.cgroup {
        cgroup.join()?;
    }
    let paths = landlock::open(&Grants { terminals: terminals::are_own(spec.terminals), ..spec.grants.clone() })?;
    // As root this goes through the workspace's permissions, so the directory is entered before the uid changes.
    step("enter the workspace", chdir(&spec.directory))?;
    change_uid(spec.uid)?;
    drop_capabilities()?;
    step("no_new_privs", prctl::set_no_new_privs())?;
    step("default signals", sys::process::default_signals())?;
    step("death signal", prctl::set_pdeathsig(Some(Signal::SIGKILL)))?;
    parent_lives(fds)?;
    paths.restrict()?;
    forbid_calls(spec, fds)?;
    let tried = probe::walls(&spec.probe, spec.fence)?;
    await_go(fds, tried)?;
    Ok(exec::exec(&spec.command, &spec.environment, &spec.passed_over)?)
}

/// The listener's filter, then the allow-list. Where the run is only observed, one filter is both, and the broker refuses.
fn forbid_calls(spec: &Spec, fds: &Descriptors) -> Result<(), Error> {
    let program = listened(spec);
    let installed = match &spec.watching {
        None => sys::notify::install_with_listener(&program),
        Some(_) => sys::notify::install_with_patient_listener(&program),
    };
    let listener = step("socket filter", installed)?;
    step("hand the listener over", sys::socket::send_descriptor(&fds.broker, &listener))?;
    drop(listener);
    if sys::landlock::abi() < landlock::TRUNCATE_ABI {
        seccomp::forbid_truncate()?;
    }
    match &spec.watching {
        None => Ok(seccomp::apply()?),
        Some(_) => Ok(()),
    }
}

/// The filter whose calls the broker answers.
fn listened(spec: &Spec) -> Vec<libc::sock_filter> {
    let sockets = seccomp::Sockets { unix: spec.unix, own_network: spec.fence.is_own_network() };
    match &spec.watching {
        None => seccomp::sockets(sockets),
        Some(_) => seccomp::watched(sockets).filter(&calls::numbers()),
    }
}

fn step<T, E: Into<io::Error>>(step: &'static str, result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|source| Error::Step { step, source: source.into() })
}

/// Groups, gid, bounding set and secure bits, then the uid: the first four need what the last takes away.
fn change_uid(uid: Option<u32>) -> Result<(), Error> {
    if let Some(uid) = uid {
        step("groups", setgroups(&[]))?;
        let gid = Gid::from_raw(uid);
        step("gid", setresgid(gid, gid, gid))?;
    }
    if caps::has_cap(None, CapSet::Effective, caps::Capability::CAP_SETPCAP)? {
        caps::clear(None, CapSet::Bounding)?;
        step("secure bits", sys::process::lock_securebits())?;
    }
    let Some(uid) = uid.map(Uid::from_raw) else { return Ok(()) };
    step("uid", setresuid(uid, uid, uid))
}

fn drop_capabilities() -> Result<(), Error> {
    for set in [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set)?;
    }
    Ok(())
}

fn parent_lives(fds: &Descriptors) -> Result<(), Error> {
    let mut parent = [PollFd::new(fds.parent.as_fd(), PollFlags::POLLIN)];
    match step("check the parent", poll(&mut parent, PollTimeout::ZERO))? {
        0 => Ok(()),
        _ => Err(Error::Orphaned),
    }
}

fn await_go(fds: &mut Descriptors, tried: Vec<probe::Tried>) -> Result<(), Error> {
    let line = serde_json::to_string(&Report::Locked(tried)).map_err(|error| Error::Spec(error.into()))?;
    step("report", writeln!(File::from(step("report", fds.report.try_clone())?), "{line}"))?;
    let mut go = File::from(step("wait for the word to go", fds.go.try_clone())?);
    match step("wait for the word to go", go.read(&mut [0]))? {
        0 => Err(Error::Orphaned),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::{Fence, Watching};

    fn spec(watching: Option<Watching>) -> Spec {
        let gateway = "127.0.0.1:1".parse().unwrap();
        Spec {
            command: vec![],
            passed_over: vec![],
            environment: vec![],
            directory: "/".into(),
            uid: None,
            limits: limits::Limits { processes: 1, open_files: 1, file_bytes: 1 },
            cgroup: None,
            grants: Grants::default(),
            fence: Fence::Broker,
            terminals: None,
            unix: true,
            probe: probe::Targets { file: "/".into(), forbidden: None, gateway, network: 0, unix: true },
            watching,
        }
    }

    #[test]
    fn only_an_observed_run_has_another_filter() {
        let bytes = |program: &[libc::sock_filter]| program.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect::<Vec<_>>();
        let enforced = bytes(&seccomp::sockets(seccomp::Sockets { unix: true, own_network: false }));
        assert_eq!(bytes(&listened(&spec(None))), enforced);
        let empty = Watching { read: vec![], write: vec![], devices: vec![], deny: vec![], ports: None, unix: true, own_network: false };
        assert_ne!(bytes(&listened(&spec(Some(empty)))), enforced);
    }
}
