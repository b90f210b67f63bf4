//! The script's text on its way from the runner to the shell, through the veil. Bounded: nothing more is read before what
//! was read has gone on.

use std::{
    fs::File,
    io::{self, Stdin, Write as _},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::PollFlags,
    unistd::pipe2,
};

use crate::custody::Veil;

/// Bytes that are read at once; a pipe's usual size.
const PIECE: usize = 64 << 10;

/// Our standard input, the veil, and a pipe to the shell.
#[derive(Debug)]
pub(super) struct Stream {
    source: Option<Stdin>,
    sink: Option<File>,
    veil: Veil,
    decided: Vec<u8>,
}

impl Stream {
    /// The stream, and the end that the shell reads.
    pub(super) fn new(veil: Veil) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Self { source: Some(io::stdin()), sink: Some(writer.into()), veil, decided: vec![] }, reader))
    }

    /// What there is to wait for.
    pub(super) fn wants(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match (&self.source, &self.sink) {
            (_, Some(sink)) if !self.decided.is_empty() => Some((sink.as_fd(), PollFlags::POLLOUT)),
            (Some(source), Some(_)) => Some((source.as_fd(), PollFlags::POLLIN)),
            _ => None,
        }
    }

    /// Does what it was waiting for. A reader that is gone ends the stream.
    pub(super) fn go_on(&mut self) {
        let done = if self.decided.is_empty() { self.read() } else { self.write() };
        match done {
            Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                (self.source, self.sink) = (None, None);
            }
            _ if self.source.is_none() && self.decided.is_empty() => self.sink = None,
            _ => {}
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let Some(source) = &self.source else { return Ok(()) };
        let mut piece = [0; PIECE];
        // Not through the standard library's buffer: a poll would not see what lies in it.
        match nix::unistd::read(source, &mut piece)? {
            0 => {
                self.source = None;
                self.decided = self.veil.finish();
            }
            length => self.decided = self.veil.push(&piece[..length]),
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let written = sink.write(&self.decided)?;
        self.decided.drain(..written);
        Ok(())
    }
}
