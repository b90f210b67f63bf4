//! The way from the script to us: one end of a socket pair that the shell, and whatever it starts, inherits under a fixed
//! number. There is no path and no name: who does not descend from the script does not have it.
//!
//! A message carries descriptors alone: a line on which the status comes back and whose end is a cancel, the request, and
//! where the job's log goes. The first process parses nothing of it; the request is read by the job's own process.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, OwnedFd, RawFd},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socketpair, sockopt};
use serde::{Deserialize, Serialize};

use crate::{
    custody,
    environment::Variables,
    policy::Source,
    sys::{
        descriptor::{memory, take},
        socket::send_descriptors,
    },
    workspace::LONGEST_BUNDLE,
};

/// Where the script finds it. Above what shells use for themselves: bash takes 10 and up, 63 and down, and 255.
pub const CHANNEL: RawFd = 97;

/// Bytes of a request: the longest prompt, a few policies, and a kept change.
const LONGEST: u64 = (4 << 20) + LONGEST_BUNDLE * 4 / 3;

/// What the script asks for. It names no path, and its layers can only narrow.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What the agent is asked for; none where the job's own variables say it.
    pub prompt: Option<String>,
    /// Layers of the policy beneath the job's own.
    pub policy: Vec<Source>,
    /// A change that an earlier job kept, in base64.
    pub bundle: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request could not be sent.
    #[error("the job's first process cannot be asked: {0}")]
    Ask(#[from] io::Error),
    /// It went away.
    #[error("the job's first process ended without an answer")]
    Gone,
}

/// The channel, where `variables` are those of a script whose credentials are in custody, and the descriptor came so far.
pub fn find(variables: &Variables) -> Option<OwnedFd> {
    if !custody::holds(variables) {
        return None;
    }
    let found = take(CHANNEL).ok()?;
    matches!(getsockopt(&found, sockopt::SockType), Ok(SockType::SeqPacket)).then_some(found)
}

/// Asks for a job and waits for its exit code. Should this process end before, the job is cancelled.
///
/// # Errors
/// When there is no answer.
pub fn ask(channel: &OwnedFd, request: &Request) -> Result<u8, Error> {
    let text = memory(&serde_json::to_vec(request).map_err(io::Error::from)?)?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let (line, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags).map_err(io::Error::from)?;
    send_descriptors(channel, &[theirs.as_fd(), text.as_fd(), io::stdout().as_fd(), io::stderr().as_fd()])?;
    drop(theirs);
    let mut status = [0];
    match File::from(line).read_exact(&mut status) {
        Ok(()) => Ok(status[0]),
        Err(_) => Err(Error::Gone),
    }
}

/// Reads a request, in the job's own process.
///
/// # Errors
/// When it is none, or too long.
pub fn read(request: OwnedFd) -> io::Result<Request> {
    let mut text = Vec::new();
    File::from(request).take(LONGEST).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
