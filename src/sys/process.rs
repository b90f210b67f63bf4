//! Fresh processes of our own program, and the calls by which a process gives up rights.
#![allow(unsafe_code)]

use std::{
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, RawFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, Stdio},
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};

/// Where moved descriptors wait until every target is free; above any target that we use.
const PARKED: RawFd = 64;

/// Starts this program again as `role` (its `argv[0]`) with an empty environment and only the descriptors named:
/// each pair is ours and the number that the child finds it under. Those of 0, 1 and 2 that are not named are `/dev/null`,
/// standard error aside, which stays.
///
/// # Errors
/// When the process cannot be made or the program cannot be executed.
pub fn respawn(role: &str, descriptors: &[(BorrowedFd<'_>, RawFd)]) -> io::Result<Child> {
    let moves: Vec<(RawFd, RawFd)> = descriptors.iter().map(|(fd, target)| (fd.as_raw_fd(), *target)).collect();
    let mut command = Command::new("/proc/self/exe");
    // A stream that is named is put in place below: until then it has to stay what it is, since it may be a source too.
    let stream = |number: RawFd| if moves.iter().any(|(_, target)| *target == number) { Stdio::inherit() } else { Stdio::null() };
    command.arg0(role).env_clear().stdin(stream(0)).stdout(stream(1));
    // SAFETY: between fork and exec the closure only makes async-signal-safe calls (fcntl, dup2, close_range) and touches
    // a vector that was filled before; it does not allocate.
    unsafe {
        command.pre_exec(move || place(&moves));
    }
    command.spawn()
}

fn place(moves: &[(RawFd, RawFd)]) -> io::Result<()> {
    let next = |index: usize| PARKED + RawFd::try_from(index).unwrap_or(RawFd::MAX);
    for (index, (from, _)) in moves.iter().enumerate() {
        // SAFETY: dup3 on numbers; a parking place is ours alone in this child, close-on-exec.
        check(unsafe { libc::dup3(*from, next(index), libc::O_CLOEXEC) })?;
    }
    for (index, (_, target)) in moves.iter().enumerate() {
        // SAFETY: as above; the target loses what it held, which is why the sources were parked first.
        check(unsafe { libc::dup2(next(index), *target) })?;
    }
    let first = moves.iter().map(|(_, target)| target + 1).max().unwrap_or(3).max(3);
    super::descriptor::close_on_exec_from(u32::try_from(first).unwrap_or(3))
}

fn check(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Gives every signal its default action and unblocks all: an agent starts as from a shell.
///
/// # Errors
/// When the kernel refuses, which it has no reason to.
pub fn default_signals() -> nix::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: installs no handler of ours, only the default action.
        unsafe { sigaction(signal, &default)? };
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// `SECBIT_*` of linux/securebits.h: root's uid gives no capabilities, setuid fixes none up, none may be raised as ambient;
/// all locked.
const SECUREBITS: libc::c_ulong = 0b1110_1111;

/// Locks the secure bits (prctl(2), `PR_SET_SECUREBITS`). Needs CAP_SETPCAP.
///
/// # Errors
/// `EPERM` without that capability.
pub fn lock_securebits() -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) }).map(drop)
}

/// Sends signal `number` to the process `pid`.
///
/// # Errors
/// `ESRCH` when it is gone, `EPERM`, `EINVAL`.
pub fn kill(pid: i32, number: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(pid, number) }).map(drop)
}

/// Asks for another process's memory to be advised (process_madvise(2)), for a descriptor that is none.
///
/// # Errors
/// Always: `EBADF`, or what a filter says.
pub fn advise_nobody() -> nix::Result<()> {
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: the descriptor is invalid and no memory is named: the kernel refuses before it does anything.
    let answer = unsafe { libc::syscall(libc::SYS_process_madvise, -1, none, 0_usize, 0, 0) };
    nix::errno::Errno::result(answer).map(drop)
}
