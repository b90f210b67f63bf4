//! The self-test: the process that is about to become the agent tries what the agent must not be able to do. A wall that
//! lets one of these through ends the job, whatever its version number promised.

use std::{
    ffi::OsString,
    fs::File,
    io,
    net::{SocketAddr, SocketAddrV4, TcpStream},
    os::fd::{AsRawFd as _, OwnedFd},
    path::PathBuf,
};

use nix::{
    errno::Errno,
    sched::{CloneFlags, unshare},
    sys::{
        signal::kill,
        socket::{
            AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, sendto, setsockopt, socket, sockopt::BindToDevice,
        },
    },
    unistd::getppid,
};
use serde::{Deserialize, Serialize};

/// What is there to be tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Targets {
    /// A file outside that everyone's mode bits let read.
    pub file: PathBuf,
    /// Listens on loopback, where the agent has no business; none where the policy opens loopback.
    pub forbidden: Option<SocketAddr>,
    /// The gateway's address, which must be in reach.
    pub gateway: SocketAddr,
}

/// A wall does not hold, or holds too much.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that must fail did not, or failed in another way.
    #[error("{what} must fail with {expected}, and {}", .got.as_ref().map_or("went through".to_owned(), |errno| format!("failed with {errno}")))]
    Holds {
        /// What was tried.
        what: &'static str,
        /// The error that the wall gives.
        expected: Errno,
        /// What happened.
        got: Option<Errno>,
    },
    /// Something that must work did not.
    #[error("{what} must work, and failed: {source}")]
    Blocks {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// Tries every wall.
///
/// # Errors
/// The first one that does not hold.
pub fn walls(targets: &Targets) -> Result<(), Error> {
    must_fail("reading a file outside", Errno::EACCES, File::open(&targets.file).map_err(errno))?;
    must_fail("a UDP socket", Errno::EACCES, socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None))?;
    must_fail("a raw socket", Errno::EACCES, socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None))?;
    must_fail("a user namespace", Errno::EPERM, unshare(CloneFlags::CLONE_NEWUSER))?;
    must_fail("a signal to the parent", Errno::EPERM, kill(getppid(), None))?;
    must_fail("unbinding a socket from loopback", Errno::EPERM, setsockopt(&tcp()?, BindToDevice, &OsString::new()))?;
    if let Some(SocketAddr::V4(address)) = targets.forbidden {
        forbidden_port(address)?;
    }
    TcpStream::connect(targets.gateway).map(drop).map_err(|source| Error::Blocks { what: "connecting to the gateway", source })
}

fn forbidden_port(address: SocketAddrV4) -> Result<(), Error> {
    let to = SockaddrIn::from(address);
    must_fail("connecting to a port outside", Errno::EACCES, connect(tcp()?.as_raw_fd(), &to))?;
    let fast = MsgFlags::from_bits_retain(libc::MSG_FASTOPEN);
    must_fail("a fast-open send to a port outside", Errno::EPERM, sendto(tcp()?.as_raw_fd(), b"x", &to, fast))?;
    let bound = tcp()?;
    let from = SockaddrIn::new(127, 0, 0, 2, 0);
    bind(bound.as_raw_fd(), &from).map_err(|errno| Error::Blocks { what: "binding to 127.0.0.2", source: errno.into() })?;
    must_fail("connecting outside from another loopback address", Errno::EACCES, connect(bound.as_raw_fd(), &to))
}

fn tcp() -> Result<OwnedFd, Error> {
    let made = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    made.map_err(|errno| Error::Blocks { what: "a TCP socket through the broker", source: errno.into() })
}

fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

fn must_fail<T>(what: &'static str, expected: Errno, result: Result<T, Errno>) -> Result<(), Error> {
    match result {
        Err(got) if got == expected => Ok(()),
        Err(got) => Err(Error::Holds { what, expected, got: Some(got) }),
        Ok(_) => Err(Error::Holds { what, expected, got: None }),
    }
}
