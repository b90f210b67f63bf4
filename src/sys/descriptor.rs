//! Descriptors that were handed over by number, and private memory to hand over content in.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
};

use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::memfd::{MFdFlags, memfd_create},
};

/// Takes the descriptor `number`, which our parent put there, and marks it close-on-exec.
///
/// # Errors
/// `EBADF` when nothing was handed over under that number.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD only asks; for a number that is not open it fails with EBADF and nothing is owned.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the number is open (just asked), and roles call this once a number, at their start, before they open others.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(fd)
}

/// Marks every descriptor from `first` on close-on-exec (close_range(2), Linux 5.11).
///
/// # Errors
/// When the kernel does not know the call.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: only sets a flag on descriptors; no memory is passed.
    match unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Leaves `fd` under `number` for a program that is executed next; what was there is closed.
///
/// # Errors
/// `EBADF` when the number is beyond the limit of open files.
pub fn leave(fd: &OwnedFd, number: RawFd) -> io::Result<()> {
    // SAFETY: plain numbers; the caller is about to execute another program, so nothing of ours owns what was there.
    match unsafe { libc::dup2(fd.as_raw_fd(), number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Puts `content` into anonymous memory (memfd_create(2)) that can be handed to a child; it never touches a disk.
///
/// # Errors
/// When the memory cannot be had.
pub fn memory(content: &[u8]) -> io::Result<OwnedFd> {
    let memory = empty_memory()?;
    fill(&memory, content)?;
    Ok(memory)
}

/// The same, with nothing in it yet.
///
/// # Errors
/// When the memory cannot be had.
pub fn empty_memory() -> io::Result<OwnedFd> {
    Ok(memfd_create("tidewaiter", MFdFlags::MFD_CLOEXEC)?)
}

/// Puts `content` into an [`empty_memory`], for whoever has it already.
///
/// # Errors
/// When there is no room for it.
pub fn fill(memory: &OwnedFd, content: &[u8]) -> io::Result<()> {
    let mut file = File::from(memory.try_clone()?);
    file.write_all(content)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(())
}

/// What `memory` holds once the pipe `ready` has come to its end; none where it was never filled.
///
/// # Errors
/// When it cannot be read.
pub fn awaited(memory: OwnedFd, ready: OwnedFd) -> io::Result<Option<Vec<u8>>> {
    File::from(ready).read_to_end(&mut Vec::new())?;
    Ok(Some(content(memory)?).filter(|content| !content.is_empty()))
}

/// Reads what [`memory`] holds and closes it.
///
/// # Errors
/// When it cannot be read.
pub fn content(fd: OwnedFd) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    File::from(fd).read_to_end(&mut out)?;
    Ok(out)
}
