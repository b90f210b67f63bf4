//! Seccomp's user notification (seccomp_unotify(2)): a filter with a listener, and the listener's three requests.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use libc::{seccomp_data, seccomp_notif, seccomp_notif_addfd, sock_filter, sock_fprog};

/// `SECCOMP_ADDFD_FLAG_SEND` of linux/seccomp.h (Linux 5.14): inject and answer in one step.
const ADDFD_SEND: u32 = 1 << 1;

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE` of linux/seccomp.h (Linux 5.5).
const CONTINUE: u32 = 1;

/// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV` of linux/seccomp.h (Linux 5.19): no signal but a deadly one interrupts a call that
/// has been received.
const WAIT_KILLABLE: libc::c_ulong = 1 << 5;

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of linux/seccomp.h (Linux 6.6): who waits for an answer and who gives it take turns on one
/// processor, so that neither has to wake another processor up.
const SYNC_WAKE_UP: libc::c_int = 1;

/// `SECCOMP_IOCTL_NOTIF_RECV`, `_SEND`, `_ID_VALID`, `_ADDFD` and `_SET_FLAGS` of linux/seccomp.h.
mod request {
    #![allow(missing_docs)]
    nix::ioctl_readwrite!(receive, b'!', 0, libc::seccomp_notif);
    nix::ioctl_readwrite!(send, b'!', 1, libc::seccomp_notif_resp);
    nix::ioctl_write_ptr!(id_valid, b'!', 2, u64);
    nix::ioctl_write_ptr!(add_descriptor, b'!', 3, libc::seccomp_notif_addfd);
    // The flags are the argument itself, as `_IOW('!', 4, __u64)` does not say.
    nix::ioctl_write_int_bad!(set_flags, nix::request_code_write!(b'!', 4, size_of::<u64>()));
}

/// One call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its cookie at the listener.
    pub id: u64,
    /// The thread that called.
    pub pid: u32,
    /// The call's number and arguments: plain numbers, copied by the kernel.
    pub data: seccomp_data,
}

/// Installs `program` on the calling thread and returns its listener (close-on-exec). The kernel allows one listener a
/// tree of filters. Needs no_new_privs.
///
/// # Errors
/// `EBUSY` where a listener is there already; `EINVAL` where the kernel does not know listeners.
pub fn install_with_listener(program: &[sock_filter]) -> io::Result<OwnedFd> {
    install(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)
}

/// The same for a filter that hands over calls which programs do not expect to be interrupted. On kernels that cannot spare
/// them, they are.
///
/// # Errors
/// As above.
pub fn install_with_patient_listener(program: &[sock_filter]) -> io::Result<OwnedFd> {
    match install(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => install_with_listener(program),
        other => other,
    }
}

fn install(program: &[sock_filter], flags: libc::c_ulong) -> io::Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: `program` and the filter that it points to live through the call; the kernel copies and only reads them.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &program) };
    let number = i32::try_from(answer).unwrap_or(-1);
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us.
    let listener = unsafe { OwnedFd::from_raw_fd(number) };
    // It saves time alone: an older kernel does without.
    // SAFETY: a plain number; no memory is named.
    let _ = unsafe { request::set_flags(listener.as_raw_fd(), SYNC_WAKE_UP) };
    Ok(listener)
}

/// Waits for the next call.
///
/// # Errors
/// `ENOENT` when the caller died meanwhile; `EINTR`.
pub fn receive(listener: BorrowedFd<'_>) -> io::Result<Call> {
    // SAFETY: the kernel demands a zeroed structure, and all-zero is a valid value of it.
    let mut notif: seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: `notif` is a valid structure of the size that the request's number encodes.
    unsafe { request::receive(listener.as_raw_fd(), &raw mut notif)? };
    Ok(Call { id: notif.id, pid: notif.pid, data: notif.data })
}

/// Answers the call `id` with a descriptor of its own for `socket`; close-on-exec as the caller asked.
///
/// # Errors
/// `ENOENT` when the caller died or was interrupted; `EMFILE` when its table is full.
pub fn answer_with(listener: BorrowedFd<'_>, id: u64, socket: impl AsFd, close_on_exec: bool) -> io::Result<()> {
    let request = seccomp_notif_addfd {
        id,
        flags: ADDFD_SEND,
        srcfd: u32::try_from(socket.as_fd().as_raw_fd()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
        newfd: 0,
        newfd_flags: if close_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
    };
    // SAFETY: `request` is a valid structure of the size that the request's number encodes, read only.
    unsafe { request::add_descriptor(listener.as_raw_fd(), &raw const request)? };
    Ok(())
}

/// Answers the call `id` with the error `errno` (positive).
///
/// # Errors
/// `ENOENT` when the caller is gone.
pub fn refuse(listener: BorrowedFd<'_>, id: u64, errno: i32) -> io::Result<()> {
    respond(listener, libc::seccomp_notif_resp { id, val: 0, error: -errno, flags: 0 })
}

/// Lets the kernel make the call `id`. It reads what the arguments point to again: only for calls that other walls hold
/// whatever they say (seccomp_unotify(2), "Security considerations").
///
/// # Errors
/// `ENOENT` when the caller is gone.
pub fn go_on(listener: BorrowedFd<'_>, id: u64) -> io::Result<()> {
    respond(listener, libc::seccomp_notif_resp { id, val: 0, error: 0, flags: CONTINUE })
}

/// Whether the call `id` still waits, and so the thread that made it is still the same.
pub fn waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: `id` is read by the kernel for the eight bytes that the request's number encodes.
    unsafe { request::id_valid(listener.as_raw_fd(), &raw const id) }.is_ok()
}

fn respond(listener: BorrowedFd<'_>, mut response: libc::seccomp_notif_resp) -> io::Result<()> {
    // SAFETY: `response` is a valid structure of the size that the request's number encodes.
    unsafe { request::send(listener.as_raw_fd(), &raw mut response)? };
    Ok(())
}
