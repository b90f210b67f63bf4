//! The broker answers the agent's `socket` calls.
//!
//! The arguments of `socket` are plain numbers that the kernel copied: nothing is read from the agent's memory, so there is
//! nothing to race. The broker makes the socket, binds it to the device `lo` and puts it into the agent's table of
//! descriptors. Without CAP_NET_RAW nobody can unbind it (socket(7), `SO_BINDTODEVICE`).

use std::{
    ffi::OsString,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt::BindToDevice},
};

use crate::sys::{notify, socket as options};

/// Connection attempts to an address that nobody on loopback has end after this many repetitions (about three seconds).
const SYN_RETRIES: i32 = 1;

/// Why the broker ended. Its end ends the agent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener does not answer.
    #[error("the listener failed: {0}")]
    Listener(#[from] io::Error),
    /// Waiting failed.
    #[error("waiting for calls failed: {0}")]
    Wait(Errno),
}

/// Answers calls until the agent's last process or the supervisor is gone.
///
/// # Errors
/// When the listener breaks.
pub fn serve(listener: &OwnedFd, lifeline: &OwnedFd, local_ports: (u16, u16)) -> Result<(), Error> {
    loop {
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN), PollFd::new(lifeline.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(Error::Wait(errno)),
            Ok(_) => {}
        }
        let [calls, life] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::POLLERR));
        if !life.is_empty() {
            return Ok(());
        }
        if calls.contains(PollFlags::POLLIN) {
            answer(listener.as_fd(), local_ports)?;
        } else if !calls.is_empty() {
            return wait_for_the_end(lifeline);
        }
    }
}

/// No process is left that could call. Ending now would look like a failure to the supervisor.
fn wait_for_the_end(lifeline: &OwnedFd) -> Result<(), Error> {
    loop {
        match poll(&mut [PollFd::new(lifeline.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            other => return other.map(drop).map_err(Error::Wait),
        }
    }
}

/// Answers one call. That the caller is gone meanwhile is no error of ours.
fn answer(listener: BorrowedFd<'_>, local_ports: (u16, u16)) -> Result<(), Error> {
    let call = match notify::receive(listener) {
        Ok(call) => call,
        Err(error) => return gone(error),
    };
    let made = wanted(call.data.args).and_then(|flags| Ok((make(flags, local_ports)?, flags)));
    let answered = match made {
        Ok((socket, flags)) => {
            let sent = notify::answer_with(listener, call.id, &socket, flags.contains(SockFlag::SOCK_CLOEXEC));
            sent.or_else(|error| notify::refuse(listener, call.id, error.raw_os_error().unwrap_or(libc::EACCES)))
        }
        Err(errno) => notify::refuse(listener, call.id, errno as i32),
    };
    answered.or_else(gone)
}

fn gone(error: io::Error) -> Result<(), Error> {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::EINTR | libc::ESRCH | libc::EINPROGRESS) => Ok(()),
        _ => Err(Error::Listener(error)),
    }
}

/// Reads the arguments again although the filter did: TCP over IPv4 and nothing else. An IPv6 socket could be taken off `lo`
/// again by a bind to a link-local address (see the filter). The flags are what is left to choose.
fn wanted(args: [u64; 6]) -> Result<SockFlag, Errno> {
    let number = |index: usize| i32::from_ne_bytes((args[index] as u32).to_ne_bytes());
    let kind = number(1);
    let flags = SockFlag::from_bits(kind & !0xf).ok_or(Errno::EINVAL)?;
    if number(0) != libc::AF_INET || kind & 0xf != libc::SOCK_STREAM || ![0, libc::IPPROTO_TCP].contains(&number(2)) {
        return Err(Errno::EACCES);
    }
    Ok(flags)
}

/// A TCP socket that can only reach loopback; any failure is a refusal.
fn make(flags: SockFlag, (low, high): (u16, u16)) -> Result<OwnedFd, Errno> {
    let made = socket(AddressFamily::Inet, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&made, BindToDevice, &OsString::from("lo"))?;
    let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EACCES));
    options::set_local_ports(&made, low, high).map_err(errno)?;
    options::set_syn_retries(&made, SYN_RETRIES).map_err(errno)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_filter_lets_through_by_mistake_is_refused_again() {
        for args in [[1, 1, 0], [2, 2, 0], [2, 3, 6], [2, 1, 262], [17, 3, 0], [10, 1, 0], [10, 1, 132]] {
            assert_eq!(wanted([args[0], args[1], args[2], 0, 0, 0]), Err(Errno::EACCES), "{args:?}");
        }
        assert_eq!(wanted([2, 1 | 0x40, 0, 0, 0, 0]), Err(Errno::EINVAL));
        assert!(wanted([2, 1 | 0o2_000_000, 6, 0, 0, 0]).is_ok());
    }
}
