//! The broker answers the agent's `socket` calls, and is told of its `connect` calls.
//!
//! The arguments of `socket` are plain numbers that the kernel copied: nothing is read from the agent's memory, so there is
//! nothing to race. The broker makes the socket, binds it to the device `lo` and puts it into the agent's table of
//! descriptors. Without CAP_NET_RAW nobody can unbind it (socket(7), `SO_BINDTODEVICE`).
//!
//! A `connect` to an address outside could not get there anyway. It is refused at once (`EACCES`), so that nobody waits for
//! an answer that cannot come, and noted. Every other one goes on to the kernel, whose walls decide whatever the address has
//! become meanwhile.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt::BindToDevice},
};

use super::{
    observer::{Means, Observer},
    outside, ports, witness,
};
use crate::{
    journal::Event,
    sys::{
        notify::{self, Call},
        process::{QUIET, forget_code},
        socket as options,
    },
};

/// Connection attempts to an address that nobody on loopback has end after this many repetitions (about three seconds).
const SYN_RETRIES: i32 = 1;

/// Programs and addresses that are noted; one who tries more of them is noted no further.
const NOTED: usize = 500;

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

/// What the broker works with.
#[derive(Debug)]
pub struct Broker {
    /// Where the agent's calls come in.
    pub listener: OwnedFd,
    /// Its end is the supervisor's.
    pub lifeline: OwnedFd,
    /// Reads addresses.
    pub witness: OwnedFd,
    /// Where an [`Event::Outside`] goes for each new address, a JSON line each.
    pub records: File,
    /// The range of the agent's own ports, first and last, or [`ports::ANY`].
    pub local_ports: (u16, u16),
    /// Sees what the policy would refuse, where the run is only observed.
    pub observer: Option<Observer>,
}

impl Broker {
    /// Answers calls until the agent's last process or the supervisor is gone.
    ///
    /// # Errors
    /// When the listener breaks.
    pub fn serve(mut self) -> Result<(), Error> {
        let served = self.answer_all();
        // Nobody may take it any more; then nobody misses it.
        let _ = self.observer.iter().try_for_each(|observer| observer.end(&self.records));
        served
    }

    fn answer_all(&mut self) -> Result<(), Error> {
        let mut noted = BTreeSet::new();
        let mut patience = PollTimeout::try_from(QUIET).unwrap_or(PollTimeout::NONE);
        loop {
            let mut fds = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN), PollFd::new(self.lifeline.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, patience) {
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Error::Wait(errno)),
                Ok(0) => {
                    forget_code();
                    patience = PollTimeout::NONE;
                    continue;
                }
                Ok(_) => {}
            }
            let [calls, life] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::POLLERR));
            if !life.is_empty() {
                return Ok(());
            }
            if calls.contains(PollFlags::POLLIN) {
                self.answer(&mut noted)?;
            } else if !calls.is_empty() {
                return wait_for_the_end(&self.lifeline);
            }
        }
    }

    /// Answers one call. That the caller is gone meanwhile is no error of ours.
    fn answer(&mut self, noted: &mut BTreeSet<(String, SocketAddr)>) -> Result<(), Error> {
        let call = match notify::receive(self.listener.as_fd()) {
            Ok(call) => call,
            Err(error) => return gone(error),
        };
        if let Some(observer) = &mut self.observer {
            let means = Means { listener: self.listener.as_fd(), witness: &self.witness, records: &self.records };
            match observer.answer(means, &call) {
                Ok(false) => {}
                other => return other.map(drop).or_else(gone),
            }
        }
        let answered = if i64::from(call.data.nr) == libc::SYS_connect {
            self.connect(&call, noted)
        } else {
            give_socket(self.listener.as_fd(), &call, self.local_ports)
        };
        answered.or_else(gone)
    }

    /// What the witness saw counts only while the caller still waits: else another may have its number by now.
    fn connect(&mut self, call: &Call, noted: &mut BTreeSet<(String, SocketAddr)>) -> io::Result<()> {
        let listener = self.listener.as_fd();
        let seen = witness::ask(&self.witness, call.pid, call.data.args[1], call.data.args[2]);
        let seen = seen.filter(|_| notify::waits(listener, call.id));
        if let (Some(observer), Some(seen)) = (&mut self.observer, &seen) {
            observer.connects(Means { listener, witness: &self.witness, records: &self.records }, seen)?;
        }
        let Some((seen, address)) = seen.and_then(|seen| outside::address(&seen.bytes).map(|address| (seen, address))) else {
            return notify::go_on(listener, call.id);
        };
        notify::refuse(listener, call.id, libc::EACCES)?;
        if noted.len() < NOTED && noted.insert((seen.program.clone(), address)) {
            let event = Event::Outside { program: seen.program, pid: call.pid, address: address.to_string() };
            // In one piece: the gateway writes into the same pipe.
            self.records.write_all(format!("{}\n", serde_json::to_string(&event)?).as_bytes())?;
        }
        Ok(())
    }
}

/// How many milliseconds [`answer_one`] waits for a call that is about to come.
const SOON: u16 = 2_000;

/// Answers one call, for a trial of the whole way from a call to a socket.
///
/// # Errors
/// When none comes soon, or the kernel takes no answer.
pub fn answer_one(listener: &OwnedFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], SOON)? {
        0 => Err(Errno::ETIMEDOUT.into()),
        _ => give_socket(listener.as_fd(), &notify::receive(listener.as_fd())?, ports::ANY),
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

/// Answers a `socket` call: with a socket on loopback, or with an error. It never goes on to the kernel.
fn give_socket(listener: BorrowedFd<'_>, call: &Call, local_ports: (u16, u16)) -> io::Result<()> {
    match wanted(call).and_then(|flags| Ok((make(flags, local_ports)?, flags))) {
        Ok((socket, flags)) => {
            let sent = notify::answer_with(listener, call.id, &socket, flags.contains(SockFlag::SOCK_CLOEXEC));
            sent.or_else(|error| notify::refuse(listener, call.id, error.raw_os_error().unwrap_or(libc::EACCES)))
        }
        Err(errno) => notify::refuse(listener, call.id, errno as i32),
    }
}

fn gone(error: io::Error) -> Result<(), Error> {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::EINTR | libc::ESRCH | libc::EINPROGRESS) => Ok(()),
        _ => Err(Error::Listener(error)),
    }
}

/// Reads the arguments again although the filter did: TCP over IPv4 and nothing else. An IPv6 socket could be taken off `lo`
/// again by a bind to a link-local address (see the filter). The flags are what is left to choose.
fn wanted(call: &Call) -> Result<SockFlag, Errno> {
    let number = |index: usize| i32::from_ne_bytes((call.data.args[index] as u32).to_ne_bytes());
    let kind = number(1);
    let flags = SockFlag::from_bits(kind & !0xf).ok_or(Errno::EINVAL)?;
    if i64::from(call.data.nr) != libc::SYS_socket
        || number(0) != libc::AF_INET
        || kind & 0xf != libc::SOCK_STREAM
        || ![0, libc::IPPROTO_TCP].contains(&number(2))
    {
        return Err(Errno::EACCES);
    }
    Ok(flags)
}

/// A TCP socket that can only reach loopback; any failure is a refusal.
fn make(flags: SockFlag, local_ports: (u16, u16)) -> Result<OwnedFd, Errno> {
    let made = socket(AddressFamily::Inet, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&made, BindToDevice, &OsString::from("lo"))?;
    let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EACCES));
    if local_ports != ports::ANY {
        options::set_local_ports(&made, local_ports.0, local_ports.1).map_err(errno)?;
    }
    options::set_syn_retries(&made, SYN_RETRIES).map_err(errno)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(nr: i64, args: [u64; 3]) -> Call {
        let [domain, kind, protocol] = args;
        let data =
            libc::seccomp_data { nr: i32::try_from(nr).unwrap(), arch: 0, instruction_pointer: 0, args: [domain, kind, protocol, 0, 0, 0] };
        Call { id: 0, pid: 0, data }
    }

    #[test]
    fn what_the_filter_lets_through_by_mistake_is_refused_again() {
        for args in [[1, 1, 0], [2, 2, 0], [2, 3, 6], [2, 1, 262], [17, 3, 0], [10, 1, 0], [10, 1, 132]] {
            assert_eq!(wanted(&call(libc::SYS_socket, args)), Err(Errno::EACCES), "{args:?}");
        }
        assert_eq!(wanted(&call(libc::SYS_accept, [2, 1, 6])), Err(Errno::EACCES));
        assert_eq!(wanted(&call(libc::SYS_socket, [2, 1 | 0x40, 0])), Err(Errno::EINVAL));
        assert!(wanted(&call(libc::SYS_socket, [2, 1 | 0o2_000_000, 6])).is_ok());
    }
}
