//! A range of loopback ports on which nobody listens: the agent's own, for the project's test servers.

use std::{collections::BTreeSet, fs, io, os::fd::AsRawFd as _, path::PathBuf};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket},
};

/// How many ports the range has.
pub const WIDTH: u16 = 1024;

/// No range: where nothing is reserved, the kernel chooses. Linux before 6.3 knows no other way.
pub const ANY: (u16, u16) = (0, 0);

/// The kernel's own range of ephemeral ports. A socket's range is only ever cut out of it (ip(7), `IP_LOCAL_PORT_RANGE`), so
/// the agent's range lies in it too.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// No range was found, or the kernel's tables cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table of sockets.
    #[error("{path}: {source}")]
    Table {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// All taken.
    #[error("no {WIDTH} neighbouring ports between {0} and {1} ({EPHEMERAL}) are free on loopback")]
    Taken(u16, u16),
}

/// The ports on which somebody in this network namespace listens now, at whatever address.
///
/// # Errors
/// When the kernel does not tell.
pub fn used() -> Result<BTreeSet<u16>, Error> {
    let mut used = BTreeSet::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        used.extend(listening(family).map_err(|errno| Error::Table { path: "sock_diag".into(), source: errno.into() })?);
    }
    Ok(used)
}

/// The first and the last port of a range that nothing in this network namespace uses now.
///
/// # Errors
/// When there is none.
pub fn free_range() -> Result<(u16, u16), Error> {
    let used = used()?;
    let (low, high) = bounds(&read(EPHEMERAL)?);
    choose(&used, low, high).ok_or(Error::Taken(low, high))
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Table { path: path.into(), source })
}

/// The two numbers of the kernel's range; nonsense leaves no room at all.
fn bounds(text: &str) -> (u16, u16) {
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// `SOCK_DIAG_BY_FAMILY`, and `NLM_F_REQUEST | NLM_F_DUMP`, of sock_diag(7) and netlink(7).
const BY_FAMILY: u16 = 20;
const REQUEST_DUMP: u16 = 0x301;
/// `NLMSG_ERROR` and `NLMSG_DONE` of netlink(7).
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `TCP_LISTEN` of netinet/tcp.h as a bit of `idiag_states`: the kernel then leaves connections, which may be many, alone.
const LISTENING: u32 = 1 << 10;
/// A netlink message's head.
const HEAD: usize = 16;

/// The ports of this network namespace on which somebody listens.
fn listening(family: i32) -> nix::Result<Vec<u16>> {
    let asked = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    send(asked.as_raw_fd(), &request(family), MsgFlags::empty())?;
    let (mut ports, mut answer) = (Vec::new(), [0; 32 << 10]);
    loop {
        let length = recv(asked.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        if read_answer(&answer[..length], &mut ports)? {
            return Ok(ports);
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` (sock_diag(7)), the address left open.
fn request(family: i32) -> [u8; 72] {
    let mut out = [0; 72];
    out[..4].copy_from_slice(&72_u32.to_ne_bytes());
    out[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    out[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
    out[HEAD] = u8::try_from(family).unwrap_or(0);
    out[HEAD + 1] = u8::try_from(libc::IPPROTO_TCP).unwrap_or(0);
    out[HEAD + 4..HEAD + 8].copy_from_slice(&LISTENING.to_ne_bytes());
    out
}

/// Takes the local ports out of one datagram of the answer; true at its end. What is cut short is an error.
fn read_answer(mut rest: &[u8], ports: &mut Vec<u16>) -> nix::Result<bool> {
    while let (Some(length), Some(kind)) = (number(rest, 0), number(rest, 4)) {
        let message = rest.get(..usize::from(length)).filter(|message| message.len() >= HEAD).ok_or(Errno::EBADMSG)?;
        match kind {
            DONE => return Ok(true),
            ERROR => return Err(Errno::EBADMSG),
            // `idiag_sport` of `struct inet_diag_msg`, in network order.
            _ => ports.push(number(message, HEAD + 4).map(u16::from_be).ok_or(Errno::EBADMSG)?),
        }
        rest = rest.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Two bytes in this machine's order. Lengths of messages here are far below 64 KiB.
fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn choose(used: &BTreeSet<u16>, low: u16, high: u16) -> Option<(u16, u16)> {
    let lasts = std::iter::successors(Some(high), |last| last.checked_sub(WIDTH));
    let ranges = lasts.map_while(|last| Some((last.checked_sub(WIDTH - 1)?, last))).take_while(|(first, _)| *first >= low.max(1024));
    ranges.into_iter().find(|(first, last)| used.range(first..=last).next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_range_is_passed_over() {
        assert_eq!(choose(&BTreeSet::new(), 32_768, 60_999), Some((59_976, 60_999)));
        assert_eq!(choose(&BTreeSet::from([60_000]), 32_768, 60_999), Some((58_952, 59_975)));
        assert_eq!(choose(&(32_768..60_999).step_by(512).collect(), 32_768, 60_999), None);
        assert_eq!(choose(&BTreeSet::new(), 60_000, 60_999), None);
        assert_eq!(bounds("32768\t60999\n"), (32_768, 60_999));
        assert_eq!(choose(&BTreeSet::new(), bounds("").0, bounds("").1), None);
    }

    #[test]
    fn the_kernel_tells_who_listens() {
        let here = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = here.local_addr().unwrap().port();
        assert!(listening(libc::AF_INET).unwrap().contains(&port));
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(!listening(libc::AF_INET).unwrap().contains(&client.local_addr().unwrap().port()));
    }

    #[test]
    fn a_torn_answer_is_an_error() {
        assert_eq!(read_answer(&[200, 0, 0, 0, 20, 0, 0, 0], &mut vec![]), Err(Errno::EBADMSG));
        assert_eq!(read_answer(&[4, 0, 0, 0, 20, 0, 0, 0], &mut vec![]), Err(Errno::EBADMSG));
    }
}
