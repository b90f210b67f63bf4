//! Lines from a pipe, without ever waiting for one.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// A line longer than this is a fault of the process that writes it.
const LONGEST: usize = 1 << 20;

/// The reading end of a pipe whose writer is a process of ours that writes JSON lines.
#[derive(Debug)]
pub(super) struct Lines {
    pipe: File,
    rest: Vec<u8>,
    open: bool,
}

impl Lines {
    pub(super) fn new(pipe: OwnedFd) -> io::Result<Self> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { pipe: pipe.into(), rest: vec![], open: true })
    }

    /// Whether the writer still has it open, as far as was read.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Reads what is there and returns its whole lines, without their ends. A last line without an end is dropped: its
    /// writer died in the middle of it.
    pub(super) fn read(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut chunk = [0; 4 << 10];
        loop {
            match self.pipe.read(&mut chunk) {
                Ok(0) => {
                    self.open = false;
                    break;
                }
                Ok(length) => self.rest.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            if self.rest.len() > LONGEST {
                break;
            }
        }
        let mut lines: Vec<Vec<u8>> = self.rest.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.rest = lines.pop().unwrap_or_default();
        if self.rest.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of over 1 MiB from a process of ours"));
        }
        Ok(lines)
    }
}

impl AsFd for Lines {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_come_whole_and_a_torn_one_is_dropped() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let mut writer = File::from(writer);
        let mut lines = Lines::new(reader).unwrap();
        assert!(lines.read().unwrap().is_empty() && lines.is_open());
        writer.write_all(b"one\ntw").unwrap();
        assert_eq!(lines.read().unwrap(), [b"one"]);
        writer.write_all(b"o\nthree").unwrap();
        drop(writer);
        assert_eq!(lines.read().unwrap(), [b"two"]);
        assert!(!lines.is_open());
    }
}
