//! Between the pipes: reads the agent's output and errors, and feeds its input, without waiting for one while another has
//! something (poll(2)).

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Write},
    os::fd::{AsFd as _, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{Error, Summary};

/// Bytes that are read at once: what a pipe holds (pipe(7)).
const CHUNK: usize = 64 << 10;

/// The ends that the scribe holds.
#[derive(Debug)]
pub struct Pipes {
    /// The agent's standard output is read from here.
    pub out: OwnedFd,
    /// The agent's standard error is read from here.
    pub err: OwnedFd,
    /// The agent's standard input is written here. It becomes non-blocking.
    pub agent_in: Option<OwnedFd>,
    /// What is copied to the agent's standard input after the prompt. None: it is closed after the prompt.
    pub job_in: Option<OwnedFd>,
}

/// Who gets what was read.
pub(super) trait Reader {
    fn out(&mut self, bytes: &[u8]) -> Result<(), Error>;
    fn err(&mut self, bytes: &[u8]) -> Result<(), Error>;
    fn end(&mut self) -> Result<Summary, Error>;
}

/// Hands everything on as it is.
pub(super) struct Raw<L, E> {
    pub(super) log: L,
    pub(super) errors: E,
}

impl<L: Write, E: Write> Reader for Raw<L, E> {
    fn out(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.log.write_all(bytes).and_then(|()| self.log.flush()).map_err(Error::Log)
    }

    fn err(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.errors.write_all(bytes).and_then(|()| self.errors.flush()).map_err(Error::Log)
    }

    fn end(&mut self) -> Result<Summary, Error> {
        Ok(Summary::default())
    }
}

/// The agent's standard input.
struct Feed {
    to: Option<File>,
    from: Option<File>,
    pending: Vec<u8>,
    written: usize,
}

impl Feed {
    fn new(prompt: Option<String>, to: Option<OwnedFd>, from: Option<OwnedFd>) -> Result<Self, Error> {
        if let Some(pipe) = &to {
            let flags = fcntl(pipe, FcntlArg::F_GETFL).map_err(Error::Input)?;
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK)).map_err(Error::Input)?;
        }
        let pending = prompt.unwrap_or_default().into_bytes();
        let mut feed = Self { to: to.map(File::from), from: from.map(File::from), pending, written: 0 };
        feed.close_if_done();
        Ok(feed)
    }

    fn has_pending(&self) -> bool {
        self.written < self.pending.len()
    }

    fn close(&mut self) {
        (self.to, self.from) = (None, None);
    }

    fn close_if_done(&mut self) {
        if !self.has_pending() && self.from.is_none() {
            self.close();
        }
    }

    /// Writes what the pipe takes. An agent that does not read its input is no error of ours.
    fn write(&mut self) {
        let Some(to) = &mut self.to else { return };
        match to.write(&self.pending[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.close(),
        }
        self.close_if_done();
    }

    /// Reads what is to be written next. An input that cannot be read is at its end.
    fn read(&mut self) {
        let Some(from) = &mut self.from else { return };
        let mut buffer = vec![0; CHUNK];
        match from.read(&mut buffer) {
            Ok(count) if count > 0 => {
                buffer.truncate(count);
                (self.pending, self.written) = (buffer, 0);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            _ => self.from = None,
        }
        self.close_if_done();
    }
}

/// What can be done now.
#[derive(Default)]
struct Ready {
    out: bool,
    err: bool,
    feed: bool,
    feed_gone: bool,
    source: bool,
}

/// Runs until output and errors are both at their end.
pub(super) fn run(prompt: Option<String>, pipes: Pipes, reader: &mut impl Reader) -> Result<Summary, Error> {
    let (mut out, mut err) = (Some(File::from(pipes.out)), Some(File::from(pipes.err)));
    let mut feed = Feed::new(prompt, pipes.agent_in, pipes.job_in)?;
    let mut buffer = vec![0; CHUNK];
    while out.is_some() || err.is_some() {
        let ready = wait(out.as_ref(), err.as_ref(), &feed)?;
        if ready.out {
            let count = read(&mut out, &mut buffer)?;
            reader.out(&buffer[..count])?;
        }
        if ready.err {
            let count = read(&mut err, &mut buffer)?;
            reader.err(&buffer[..count])?;
        }
        if ready.feed_gone && !feed.has_pending() {
            feed.close();
        }
        if ready.feed {
            feed.write();
        }
        if ready.source {
            feed.read();
        }
    }
    reader.end()
}

fn read(from: &mut Option<File>, buffer: &mut [u8]) -> Result<usize, Error> {
    let Some(file) = from else { return Ok(0) };
    match file.read(buffer) {
        Ok(0) => {
            *from = None;
            Ok(0)
        }
        Ok(count) => Ok(count),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        Err(error) => Err(Error::Read(error)),
    }
}

fn wait(out: Option<&File>, err: Option<&File>, feed: &Feed) -> Result<Ready, Error> {
    let writing = if feed.has_pending() { PollFlags::POLLOUT } else { PollFlags::empty() };
    let source = feed.from.as_ref().filter(|_| !feed.has_pending());
    let watched = [(out, PollFlags::POLLIN), (err, PollFlags::POLLIN), (feed.to.as_ref(), writing), (source, PollFlags::POLLIN)];
    let mut polled: Vec<PollFd<'_>> = watched.iter().filter_map(|(file, flags)| Some(PollFd::new((*file)?.as_fd(), *flags))).collect();
    match poll(&mut polled, PollTimeout::NONE) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(Ready::default()),
        Err(error) => return Err(Error::Wait(error)),
    }
    let mut answers = polled.iter().map(|one| one.revents().unwrap_or(PollFlags::empty()));
    let mut answer = |file: Option<&File>| file.and_then(|_| answers.next()).unwrap_or(PollFlags::empty());
    let (out, err, to, source) = (answer(out), answer(err), answer(feed.to.as_ref()), answer(source));
    let gone = to.intersects(PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL);
    Ok(Ready {
        out: !out.is_empty(),
        err: !err.is_empty(),
        feed: feed.has_pending() && !to.is_empty(),
        feed_gone: gone,
        source: !source.is_empty(),
    })
}
