//! The witness: reads, for the broker, the address that somebody of the agent connects to.
//!
//! Only an ancestor may read the agent's memory, so the stem is the witness. What it reads may be changed the next moment: it
//! is for the journal and for a quick answer, and no wall stands on it.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd as _},
        unix::fs::{FileExt as _, MetadataExt as _},
    },
};

use nix::{
    sys::socket::{MsgFlags, recv, send},
    unistd::{Gid, Uid, setfsgid, setfsuid},
};

use super::outside;

/// Bytes of a program's name (proc(5), `/proc/pid/comm`, its end included).
pub(super) const NAME: usize = 16;

/// The longest `struct sockaddr` (`sockaddr_storage`).
const ADDRESS: usize = 128;

/// What the broker asks: whose memory, where, how much.
pub(super) const QUESTION: usize = 24;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The program's name, as it calls itself; empty where the address is one of loopback, but for an observed run.
    pub program: String,
    /// The bytes at the address; empty where they could not be read.
    pub bytes: Vec<u8>,
}

/// Asks the witness for `length` bytes at `address` of the thread `tid`. None when it is gone.
pub fn ask(witness: impl AsFd, tid: u32, address: u64, length: u64) -> Option<Sight> {
    let witness = witness.as_fd().as_raw_fd();
    let question = [u64::from(tid), address, length].map(u64::to_ne_bytes).concat();
    send(witness, &question, MsgFlags::MSG_NOSIGNAL).ok()?;
    let mut answer = [0; NAME + ADDRESS];
    let length = recv(witness, &mut answer, MsgFlags::empty()).ok()?;
    let (name, bytes) = answer.get(..length)?.split_at_checked(NAME)?;
    Some(Sight { program: text(name), bytes: bytes.to_vec() })
}

/// A name as the witness hands it over.
pub(super) fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_end_matches('\0').trim_end().to_owned()
}

/// Answers one question; false when nobody asks any more.
///
/// # Errors
/// When the socket fails.
pub fn answer(broker: impl AsFd) -> io::Result<bool> {
    let mut question = [0; QUESTION];
    let length = recv(broker.as_fd().as_raw_fd(), &mut question, MsgFlags::empty())?;
    // Nothing is noted of one who stays within loopback, and looking for a name takes as long as all the rest.
    reply(broker, &question[..length], |bytes| bytes.is_empty() || outside::address(bytes).is_some())
}

/// Replies to a question that was received, with the program's name where it `is_named` for what was read; false when it is none.
pub(super) fn reply(broker: impl AsFd, question: &[u8], is_named: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
    if question.len() < QUESTION {
        return Ok(false);
    }
    let number = |index: usize| u64::from_ne_bytes(question[8 * index..][..8].try_into().unwrap_or_default());
    let mut answer = [0; NAME + ADDRESS];
    let wanted = usize::try_from(number(2)).unwrap_or(ADDRESS).min(ADDRESS);
    let read = memory(number(0), number(1), &mut answer[NAME..NAME + wanted]).unwrap_or(0);
    if is_named(&answer[NAME..NAME + read]) {
        name(number(0), &mut answer[..NAME]);
    }
    send(broker.as_fd().as_raw_fd(), &answer[..NAME + read], MsgFlags::MSG_NOSIGNAL)?;
    Ok(true)
}

pub(super) fn name(tid: u64, to: &mut [u8]) {
    let text = fs::read(format!("/proc/{tid}/comm")).unwrap_or_default();
    to.iter_mut().zip(text).for_each(|(to, from)| *to = from);
}

pub(super) fn memory(tid: u64, address: u64, to: &mut [u8]) -> io::Result<usize> {
    as_owner(tid, || File::open(format!("/proc/{tid}/mem")).and_then(|memory| memory.read_at(to, address)))
}

/// With the owner's file system uid the kernel compares like with like (ptrace(2), `PTRACE_MODE_FSCREDS`); no capability
/// is needed.
pub(super) fn as_owner<T>(tid: u64, look: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let owner = fs::metadata(format!("/proc/{tid}"))?;
    setfsgid(Gid::from_raw(owner.gid()));
    setfsuid(Uid::from_raw(owner.uid()));
    let seen = look();
    setfsuid(Uid::current());
    setfsgid(Gid::current());
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    #[test]
    fn the_witness_tells_name_and_bytes() {
        let (asks, answers) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let outer = [&2_u16.to_ne_bytes()[..], &[1, 187, 198, 51, 100, 7]].concat();
        let inner = [&2_u16.to_ne_bytes()[..], &[1, 187, 127, 0, 0, 1]].concat();
        let thread = std::thread::spawn(move || while answer(&answers).unwrap() {});
        let at = outer.as_ptr() as u64;
        let seen = ask(&asks, std::process::id(), at, 8).unwrap();
        assert_eq!(seen.bytes, outer);
        assert!(!seen.program.is_empty());
        let seen = ask(&asks, std::process::id(), inner.as_ptr() as u64, 8).unwrap();
        assert_eq!((seen.bytes, seen.program.as_str()), (inner, ""), "nothing is noted of it");
        assert_eq!(ask(&asks, std::process::id(), 1, 16).unwrap().bytes, b"");
        assert!(ask(&asks, std::process::id(), at, u64::MAX).unwrap().bytes.len() <= ADDRESS);
        drop(asks);
        thread.join().unwrap();
    }
}
