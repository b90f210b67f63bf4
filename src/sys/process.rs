//! Processes of our own program, fresh or copied, and the calls by which a process gives up rights.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    io,
    os::fd::{AsRawFd as _, BorrowedFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn},
    sys::{
        signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask},
        stat::Mode,
    },
    unistd::{ForkResult, fork},
};

use super::{
    descriptor,
    wait::{Waited, wait},
};

/// The nice value of those that give way.
const LOW: i32 = 10;

/// A process that we started.
#[derive(Debug)]
pub struct Child {
    pid: i32,
    status: Option<i32>,
}

impl Child {
    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until it has ended: its status, as a shell says it.
    ///
    /// # Errors
    /// When somebody else has reaped it.
    pub fn wait(&mut self) -> io::Result<i32> {
        loop {
            if let Some(status) = self.look(false)? {
                return Ok(status);
            }
        }
    }

    /// Its status if it has ended already.
    ///
    /// # Errors
    /// When somebody else has reaped it.
    pub fn try_wait(&mut self) -> io::Result<Option<i32>> {
        self.look(true)
    }

    fn look(&mut self, now: bool) -> io::Result<Option<i32>> {
        if self.status.is_none() {
            self.status = match wait(self.pid, now)? {
                Waited::Ended(_, status) => Some(status),
                Waited::NoChild => return Err(io::Error::from_raw_os_error(libc::ECHILD)),
                Waited::Nothing | Waited::Stopped(_) => None,
            };
        }
        Ok(self.status)
    }

    /// Kills it. One that was waited for is left alone: its number may be another's.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        if self.status.is_some() { Ok(()) } else { kill(self.pid, libc::SIGKILL) }
    }
}

/// Starts this program again as `role` (its `argv[0]`) with an empty environment and only the descriptors named:
/// each pair is ours and the number that the child finds it under. Those of 0, 1 and 2 that are not named are `/dev/null`,
/// standard error aside, which stays; so do the signals that this thread blocks. Until it is executed the child borrows our memory (posix_spawn(3)): none is copied.
///
/// # Errors
/// When the process cannot be made or the program cannot be executed.
pub fn respawn(role: &str, descriptors: &[(BorrowedFd<'_>, RawFd)]) -> io::Result<Child> {
    descriptor::close_on_exec_from(3)?;
    let mut actions = PosixSpawnFileActions::init()?;
    for (from, to) in moves(descriptors) {
        actions.add_dup2(from, to)?;
    }
    for parked in parked(descriptors) {
        actions.add_close(parked)?;
    }
    for stream in (0..2).filter(|number| descriptors.iter().all(|(_, target)| target != number)) {
        actions.add_open(stream, c"/dev/null", OFlag::O_RDWR, Mode::empty())?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
    let mut default = SigSet::empty();
    default.add(Signal::SIGPIPE);
    attributes.set_sigdefault(&default)?;
    let (name, none): (_, [&CStr; 0]) = (CString::new(role)?, []);
    let pid = posix_spawn(c"/proc/self/exe", &actions, &attributes, &[name], &none)?;
    Ok(Child { pid: pid.as_raw(), status: None })
}

/// This process, and all that it starts, give way to others (setpriority(2)).
///
/// # Errors
/// When the kernel refuses.
pub fn give_way() -> io::Result<()> {
    // SAFETY: numbers alone are passed.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, LOW) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Where descriptors wait until every target is free: above all that are moved.
fn parked(descriptors: &[(BorrowedFd<'_>, RawFd)]) -> std::ops::Range<RawFd> {
    let first = descriptors.iter().map(|(fd, target)| fd.as_raw_fd().max(*target) + 1).max().unwrap_or(3).max(3);
    first..first + RawFd::try_from(descriptors.len()).unwrap_or(0)
}

/// From and to, in their order: a target loses what it held, and that may be a source too, so all are parked first.
fn moves(descriptors: &[(BorrowedFd<'_>, RawFd)]) -> Vec<(RawFd, RawFd)> {
    let park = descriptors.iter().zip(parked(descriptors)).map(|((fd, _), parked)| (fd.as_raw_fd(), parked));
    let place = descriptors.iter().zip(parked(descriptors)).map(|((_, target), parked)| (parked, *target));
    park.chain(place).collect()
}

/// Goes on as `role` in a copy of this process, which finds the descriptors as one that was [respawned](respawn) does and holds
/// no other; 0, 1 and 2 stay. It ends with what `main` returns, or by executing a program. To be called from a process with one
/// thread, whose memory holds nothing that the copy must not know.
///
/// # Errors
/// When the process cannot be made.
pub fn copy(role: &str, descriptors: &[(BorrowedFd<'_>, RawFd)], main: impl FnOnce() -> u8) -> io::Result<Child> {
    // SAFETY: there is one thread (the callers' part), so no lock is held by another that the copy lacks.
    match unsafe { fork()? } {
        ForkResult::Parent { child } => Ok(Child { pid: child.as_raw(), status: None }),
        ForkResult::Child => {
            let run = || {
                name(role);
                place(descriptors).map_or(u8::MAX, |()| main())
            };
            // Whatever goes wrong must not return into what is the parent's.
            let status = catch_unwind(AssertUnwindSafe(run)).unwrap_or(u8::MAX);
            // SAFETY: ends this process; nothing that is shared with its parent is run down.
            unsafe { libc::_exit(status.into()) }
        }
    }
}

/// Puts the descriptors in their places and closes all others. What owned them in this process is never dropped: it is the
/// parent's.
fn place(descriptors: &[(BorrowedFd<'_>, RawFd)]) -> io::Result<()> {
    for (from, to) in moves(descriptors) {
        // SAFETY: plain numbers; both belong to the parent's objects, which this copy does not touch any more.
        check(unsafe { libc::dup2(from, to) })?;
    }
    let first = parked(descriptors).start;
    for number in (3..first).filter(|number| descriptors.iter().all(|(_, target)| target != number)) {
        // SAFETY: as above; that it is not open is as good.
        unsafe { libc::close(number) };
    }
    // SAFETY: as above.
    match unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

unsafe extern "C" {
    /// `argv[0]` as the C library found it (program_invocation_name(3)).
    static program_invocation_name: *mut libc::c_char;
}

/// Writes `role` over `argv[0]`, so that the process is seen under it; a name that is too long is cut.
fn name(role: &str) {
    // SAFETY: the pointer is that of the first argument, a string on the stack that the kernel made; nobody else reads it now.
    let old = unsafe { std::slice::from_raw_parts_mut(program_invocation_name.cast::<u8>(), libc::strlen(program_invocation_name)) };
    let bytes = role.bytes().chain(std::iter::repeat(0));
    old.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
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

/// After so long without anything to do, [`forget_code`] is worth its while.
pub const QUIET: Duration = Duration::from_millis(300);

/// Unmaps the pages of our own program that are mapped by now; what is used again comes back from the page cache by itself. After the
/// start, a process that mostly waits needs few of them.
pub fn forget_code() {
    // SAFETY: `forget` has the callback's type, and needs no data.
    unsafe { libc::dl_iterate_phdr(Some(forget), std::ptr::null_mut()) };
}

/// Of one object: its segments that nobody writes. Those hold what the file holds, so that nothing is lost (madvise(2),
/// `MADV_DONTNEED` on a mapped file). The relocated ones are written before they are protected, and have `PF_W`.
extern "C" fn forget(object: *mut libc::dl_phdr_info, _: usize, _: *mut libc::c_void) -> libc::c_int {
    const PAGE: usize = 4096;
    // SAFETY: the C library hands a valid structure over, whose headers live as long as the program.
    let (base, headers) = unsafe {
        let object = &*object;
        (object.dlpi_addr, std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()))
    };
    for header in headers.iter().filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0) {
        let (Ok(start), Ok(length)) = (usize::try_from(base + header.p_vaddr), usize::try_from(header.p_memsz)) else { continue };
        let within = start % PAGE;
        // SAFETY: these pages are a private mapping of a file that nobody wrote to; read again, they are the same.
        unsafe { libc::madvise((start - within) as *mut libc::c_void, length + within, libc::MADV_DONTNEED) };
    }
    0
}
