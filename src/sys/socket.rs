//! Socket options that `nix` does not have, and descriptors sent over a socket pair.
#![allow(unsafe_code)]

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// `IP_LOCAL_PORT_RANGE` of linux/in.h (Linux 6.3).
const IP_LOCAL_PORT_RANGE: libc::c_int = 51;

/// Makes the kernel choose the socket's own port between `low` and `high` when it is asked for any (ip(7)).
///
/// # Errors
/// `ENOPROTOOPT` before Linux 6.3.
pub fn set_local_ports(socket: impl AsFd, low: u16, high: u16) -> io::Result<()> {
    set_number(
        socket.as_fd(),
        libc::IPPROTO_IP,
        IP_LOCAL_PORT_RANGE,
        i32::from_ne_bytes((u32::from(high) << 16 | u32::from(low)).to_ne_bytes()),
    )
}

/// How often a connection attempt is repeated before it fails (tcp(7), `TCP_SYNCNT`).
///
/// # Errors
/// When the socket is no TCP socket.
pub fn set_syn_retries(socket: impl AsFd, count: i32) -> io::Result<()> {
    set_number(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_SYNCNT, count)
}

fn set_number(socket: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(4);
    // SAFETY: `value` is read by the kernel for `size` bytes, its own size.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends `fd` over the socket pair `to` (unix(7), `SCM_RIGHTS`).
///
/// # Errors
/// When the other side is gone.
pub fn send_descriptor(to: impl AsFd, fd: impl AsFd) -> io::Result<()> {
    let fds = [fd.as_fd().as_raw_fd()];
    sendmsg::<()>(to.as_fd().as_raw_fd(), &[IoSlice::new(b"f")], &[ControlMessage::ScmRights(&fds)], MsgFlags::empty(), None)?;
    Ok(())
}

/// Receives one descriptor, close-on-exec.
///
/// # Errors
/// `UnexpectedEof` when the other side closed without sending one.
pub fn receive_descriptor(from: impl AsFd) -> io::Result<OwnedFd> {
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([i32; 1]);
    let message = recvmsg::<()>(from.as_fd().as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = part
            && let [fd] = fds[..]
        {
            // SAFETY: the kernel installed this descriptor for us in this very call.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Sends `fds` in one message over the socket pair `to`.
///
/// # Errors
/// When the other side is gone.
pub fn send_descriptors(to: impl AsFd, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let fds: Vec<i32> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(to.as_fd().as_raw_fd(), &[IoSlice::new(b"f")], &[ControlMessage::ScmRights(&fds)], flags, None)?;
    Ok(())
}

/// Receives the descriptors of one message without waiting, close-on-exec; none when the other side is gone.
///
/// # Errors
/// `EAGAIN` when there is no message.
pub fn receive_descriptors(from: impl AsFd) -> io::Result<Option<Vec<OwnedFd>>> {
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    // Room for all that a message can carry (unix(7), `SCM_MAX_FD`), whoever sent it: what has no room is an error.
    let mut space = nix::cmsg_space!([i32; 253]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<()>(from.as_fd().as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut out = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = part {
            // SAFETY: the kernel installed these descriptors for us in this very call.
            out.extend(fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((message.bytes > 0).then_some(out))
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    use super::*;

    #[test]
    fn as_many_descriptors_arrive_as_can_be_sent() {
        let (to, from) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let out = io::stdout();
        for count in [1, 4, 253] {
            send_descriptors(&to, &vec![out.as_fd(); count]).unwrap();
            assert_eq!(receive_descriptors(&from).unwrap().map(|fds| fds.len()), Some(count));
        }
        assert!(send_descriptors(&to, &vec![out.as_fd(); 254]).is_err());
        drop(to);
        assert!(receive_descriptors(&from).unwrap().is_none());
    }
}
