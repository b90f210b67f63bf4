//! Namespaces: whether they may be made, and the one interface inside a new network namespace.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::{
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
    unistd::{ForkResult, Pid, fork},
};

use super::wait::{Waited, wait};

/// Something that is tried in a child of this process.
#[derive(Debug)]
pub struct Attempt(Pid);

impl Attempt {
    /// Tries `attempt` in a child that then ends, so that nothing of it stays. To be called from a process with one thread, or
    /// with an attempt that only makes system calls.
    ///
    /// # Errors
    /// When no child can be made.
    pub fn begin(attempt: impl FnOnce() -> bool) -> io::Result<Self> {
        // SAFETY: the child makes system calls only (the callers' part) and leaves by _exit, which runs no destructor.
        match unsafe { fork()? } {
            ForkResult::Child => {
                let status = i32::from(!attempt());
                // SAFETY: ends this child without touching what it shares with its parent.
                unsafe { libc::_exit(status) }
            }
            ForkResult::Parent { child } => Ok(Self(child)),
        }
    }

    /// Waits for its end: whether it succeeded.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn succeeded(self) -> io::Result<bool> {
        Ok(matches!(wait(self.0.as_raw(), false)?, Waited::Ended(_, 0)))
    }
}

/// Brings the interface `lo` of this network namespace up, by which the kernel also gives it 127.0.0.1 and ::1
/// (netdevice(7), `SIOCSIFFLAGS`). Needs CAP_NET_ADMIN over the namespace.
///
/// # Errors
/// `EPERM` without it.
pub fn loopback_up() -> io::Result<()> {
    let asked: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all-zero is a valid value of this structure of numbers and bytes.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = (*from).cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: `request` is a valid structure for this request; the kernel reads it only.
    match unsafe { libc::ioctl(asked.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
