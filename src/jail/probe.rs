//! The self-test: the process that is about to become the agent tries what the agent must not be able to do. A wall that
//! lets one of these through ends the job, whatever its version number promised.

use std::{
    ffi::OsString,
    fs::File,
    io,
    net::{SocketAddr, SocketAddrV4, TcpStream},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::PathBuf,
};

use nix::{
    errno::Errno,
    net::if_::if_nameindex,
    sched::{CloneFlags, unshare},
    sys::{
        signal::kill,
        socket::{
            AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, sendto, setsockopt, socket, sockopt::BindToDevice,
        },
    },
    unistd::{Uid, getppid, setuid},
};
use serde::{Deserialize, Serialize};

use crate::{fence::Fence, sys};

/// What is there to be tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Targets {
    /// A file outside that everyone's mode bits let read.
    pub file: PathBuf,
    /// Listens on loopback, where the agent has no business; none where the policy opens loopback.
    pub forbidden: Option<SocketAddr>,
    /// The gateway's address, which must be in reach.
    pub gateway: SocketAddr,
    /// The supervisor's network namespace, by the number of its inode.
    pub network: u64,
    /// Whether path names of unix sockets may be connected to.
    pub unix: bool,
}

/// Something that was tried, and went as it must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The promise that it belongs to.
    pub promise: String,
    /// What was tried.
    pub what: String,
    /// The error that it got; none where it had to work.
    pub refused: Option<String>,
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
    /// The agent's network namespace is the supervisor's, or holds more than loopback.
    #[error("the agent's network holds more than a loopback of its own")]
    Network,
}

/// Tries every wall, and tells what was tried.
///
/// # Errors
/// The first one that does not hold.
pub fn walls(targets: &Targets, fence: Fence) -> Result<Vec<Tried>, Error> {
    let mut proof = Proof(vec![]);
    proof.refused("files", "reading a file outside", Errno::EACCES, File::open(&targets.file).map_err(errno))?;
    proof.refused("files", "writing a file outside", Errno::EACCES, File::options().write(true).open(&targets.file).map_err(errno))?;
    proof.refused("processes", "reading the parent's environment", Errno::EACCES, parents_environment())?;
    proof.refused("privilege", "a user namespace", Errno::EPERM, unshare(CloneFlags::CLONE_NEWUSER))?;
    // In a user namespace that knows one uid there is no other (user_namespaces(7)).
    let nobody = if fence == Fence::UserNetns { Errno::EINVAL } else { Errno::EPERM };
    proof.refused("privilege", "becoming root", nobody, setuid_of_another())?;
    proof.refused("kernel-surface", "a system call that is not listed", Errno::EPERM, sys::process::advise_nobody())?;
    proof.refused("signals", "a signal to the parent", Errno::EPERM, kill(getppid(), None))?;
    proof.refused("network", "a raw socket", Errno::EACCES, made(AddressFamily::Inet, SockType::Raw))?;
    proof.refused("network", "a packet socket", Errno::EACCES, made(AddressFamily::Packet, SockType::Raw))?;
    if !targets.unix {
        proof.refused("network", "a unix socket", Errno::EACCES, made(AddressFamily::Unix, SockType::Stream))?;
    }
    if fence.is_own_network() {
        own_network(targets.network)?;
        proof.0.push(Tried {
            promise: "network".to_owned(),
            what: "looking for an interface but lo".to_owned(),
            refused: Some("none".to_owned()),
        });
    } else {
        proof.refused("network", "a UDP socket", Errno::EACCES, made(AddressFamily::Inet, SockType::Datagram))?;
        proof.refused("network", "an IPv6 socket", Errno::EAFNOSUPPORT, made(AddressFamily::Inet6, SockType::Stream))?;
        let unbound = setsockopt(&tcp()?, BindToDevice, &OsString::new());
        proof.refused("network", "unbinding a socket from loopback", Errno::EPERM, unbound)?;
    }
    if let Some(SocketAddr::V4(address)) = targets.forbidden {
        forbidden_port(&mut proof, address)?;
    }
    proof.works("connecting to the gateway", TcpStream::connect(targets.gateway))?;
    Ok(proof.0)
}

fn forbidden_port(proof: &mut Proof, address: SocketAddrV4) -> Result<(), Error> {
    let to = SockaddrIn::from(address);
    proof.refused("network", "connecting to a port outside", Errno::EACCES, connect(tcp()?.as_raw_fd(), &to))?;
    let fast = MsgFlags::from_bits_retain(libc::MSG_FASTOPEN);
    proof.refused("network", "a fast-open send to a port outside", Errno::EPERM, sendto(tcp()?.as_raw_fd(), b"x", &to, fast))?;
    let bound = tcp()?;
    let from = SockaddrIn::new(127, 0, 0, 2, 0);
    bind(bound.as_raw_fd(), &from).map_err(|errno| Error::Blocks { what: "binding to 127.0.0.2", source: errno.into() })?;
    let connected = connect(bound.as_raw_fd(), &to);
    proof.refused("network", "connecting outside from another loopback address", Errno::EACCES, connected)
}

/// The namespace is another than the supervisor's, and `lo` is all that is in it.
fn own_network(of_supervisor: u64) -> Result<(), Error> {
    let asked = |what| move |source| Error::Blocks { what, source };
    let here = std::fs::metadata("/proc/self/ns/net").map_err(asked("asking for the network namespace"))?.ino();
    let names = if_nameindex().map_err(|errno| asked("listing the network's interfaces")(errno.into()))?;
    let only_lo = names.iter().all(|interface| interface.name() == c"lo");
    if here != of_supervisor && only_lo { Ok(()) } else { Err(Error::Network) }
}

fn parents_environment() -> Result<Vec<u8>, Errno> {
    std::fs::read(format!("/proc/{}/environ", getppid())).map_err(errno)
}

/// Another uid than ours: root's, or the one beside ours where we are root.
fn setuid_of_another() -> Result<(), Errno> {
    setuid(Uid::from_raw(if Uid::current().is_root() { 1 } else { 0 }))
}

fn made(family: AddressFamily, kind: SockType) -> Result<OwnedFd, Errno> {
    socket(family, kind, SockFlag::SOCK_CLOEXEC, None)
}

fn tcp() -> Result<OwnedFd, Error> {
    let what = "a TCP socket through the fence";
    made(AddressFamily::Inet, SockType::Stream).map_err(|errno| Error::Blocks { what, source: errno.into() })
}

fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

struct Proof(Vec<Tried>);

impl Proof {
    fn refused<T>(&mut self, promise: &str, what: &'static str, expected: Errno, result: Result<T, Errno>) -> Result<(), Error> {
        let got = result.err();
        if got != Some(expected) {
            return Err(Error::Holds { what, expected, got });
        }
        self.0.push(Tried { promise: promise.to_owned(), what: what.to_owned(), refused: Some(format!("{expected:?}")) });
        Ok(())
    }

    fn works<T>(&mut self, what: &'static str, result: io::Result<T>) -> Result<(), Error> {
        result.map_err(|source| Error::Blocks { what, source })?;
        self.0.push(Tried { promise: "network".to_owned(), what: what.to_owned(), refused: None });
        Ok(())
    }
}
