//! The witness of an observed run: besides addresses it reads paths out of the agent's memory, and resolves them as the agent's
//! own process would.
//!
//! As with addresses, what it reads may be changed the next moment. It is for the journal alone: the call goes on to the kernel,
//! whose walls decide.

use std::{
    fs, io,
    os::{
        fd::{AsFd, AsRawFd as _},
        unix::ffi::OsStrExt as _,
    },
    path::{Component, Path, PathBuf},
};

use nix::{
    fcntl::{OFlag, open},
    sys::{
        socket::{MsgFlags, recv, send},
        stat::Mode,
    },
};

use super::witness::{self, NAME};

/// The longest path (limits.h, `PATH_MAX`).
const PATH: usize = 4096;

/// A question about a path; those of [`witness::QUESTION`] bytes are about an address.
const QUESTION: usize = 40;

/// The answer's head: name, state, flags. The path follows.
const HEAD: usize = NAME + 1 + 8;

/// What stands for "no pointer" and "the current directory".
const NONE: u64 = u64::MAX;

/// Which path the broker asks about.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The thread that calls.
    pub tid: u32,
    /// Where the path stands in its memory.
    pub path: u64,
    /// The descriptor that it is relative to; none for the current directory.
    pub base: Option<i32>,
    /// Where a `struct open_how` stands (openat2(2)).
    pub how: Option<u64>,
    /// Whether a link at the path's end is followed.
    pub follow: bool,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The program's name, as it calls itself.
    pub program: String,
    /// Whether it is there.
    pub state: State,
    /// The canonical path, as far as it could be resolved.
    pub path: PathBuf,
    /// The flags of the `struct open_how`.
    pub flags: u64,
}

/// Whether a path is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is.
    There,
    /// It is not; its directory is.
    Absent,
    /// The agent's uid may not look: the path is as it was written.
    Closed,
    /// Neither it nor its directory is there, or it could not be read.
    Nothing,
}

const STATES: [State; 4] = [State::There, State::Absent, State::Closed, State::Nothing];

/// Asks the witness. None when it is gone.
pub fn ask(witness: impl AsFd, question: Question) -> Option<Seen> {
    let witness = witness.as_fd().as_raw_fd();
    let base = question.base.map_or(NONE, |fd| u64::from(fd.cast_unsigned()));
    let numbers = [u64::from(question.tid), question.path, base, question.how.unwrap_or(NONE), u64::from(question.follow)];
    send(witness, &numbers.map(u64::to_ne_bytes).concat(), MsgFlags::MSG_NOSIGNAL).ok()?;
    let mut answer = [0; HEAD + PATH];
    let length = recv(witness, &mut answer, MsgFlags::empty()).ok()?;
    let (head, path) = answer.get(..length)?.split_at_checked(HEAD)?;
    let flags = u64::from_ne_bytes(head[NAME + 1..].try_into().ok()?);
    let state = *STATES.get(usize::from(head[NAME]))?;
    Some(Seen { program: witness::text(&head[..NAME]), state, path: Path::new(std::ffi::OsStr::from_bytes(path)).to_owned(), flags })
}

/// Answers one question, about a path or an address; false when nobody asks any more.
///
/// # Errors
/// When the socket fails.
pub fn answer(broker: impl AsFd) -> io::Result<bool> {
    let mut question = [0; QUESTION];
    match recv(broker.as_fd().as_raw_fd(), &mut question, MsgFlags::empty())? {
        QUESTION => {}
        length => return witness::reply(broker, &question[..length.min(witness::QUESTION)], |_| true),
    }
    let number = |index: usize| u64::from_ne_bytes(question[8 * index..][..8].try_into().unwrap_or_default());
    let (tid, base, how) = (number(0), number(2), number(3));
    let mut answer = vec![0; HEAD];
    witness::name(tid, &mut answer[..NAME]);
    let (state, path) = look(tid, number(1), base, number(4) != 0).unwrap_or((State::Nothing, PathBuf::new()));
    let mut flags = [0; 8];
    if how != NONE {
        // Unread flags are 0, an open for reading.
        let _ = witness::memory(tid, how, &mut flags);
    }
    answer[NAME] = state as u8;
    answer[NAME + 1..HEAD].copy_from_slice(&flags);
    let path = path.as_os_str().as_bytes();
    answer.extend(&path[..path.len().min(PATH)]);
    send(broker.as_fd().as_raw_fd(), &answer, MsgFlags::MSG_NOSIGNAL)?;
    Ok(true)
}

fn look(tid: u64, address: u64, base: u64, follow: bool) -> io::Result<(State, PathBuf)> {
    let mut bytes = [0; PATH];
    let read = witness::memory(tid, address, &mut bytes)?;
    let end = bytes[..read].iter().position(|byte| *byte == 0).ok_or(io::ErrorKind::InvalidData)?;
    let written = Path::new(std::ffi::OsStr::from_bytes(&bytes[..end]));
    // AT_FDCWD is negative; in the other half of the argument may stand anything.
    let number = (base as u32).cast_signed();
    let base = if base == NONE || number < 0 { "cwd".to_owned() } else { format!("fd/{number}") };
    witness::as_owner(tid, || Ok(resolve(&of_its_own(tid, &format!("/proc/{tid}/{base}"), written), follow)))
}

/// The path as anyone may open it who is not that thread: what /proc says of whoever looks is of that thread.
fn of_its_own(tid: u64, base: &str, written: &Path) -> PathBuf {
    let process = PathBuf::from(format!("/proc/{tid}"));
    let joined = |prefix: &str, inner: &str| Some(process.join(inner).join(written.strip_prefix(prefix).ok()?));
    let stream = |name: &str, fd: &str| (written == Path::new(name)).then(|| process.join("fd").join(fd));
    joined("/proc/self", "")
        .or_else(|| joined("/proc/thread-self", ""))
        .or_else(|| joined("/dev/fd", "fd"))
        .or_else(|| stream("/dev/stdin", "0"))
        .or_else(|| stream("/dev/stdout", "1"))
        .or_else(|| stream("/dev/stderr", "2"))
        .unwrap_or_else(|| Path::new(base).join(written))
}

/// The kernel's own resolution: nothing is opened but a place.
fn resolve(path: &Path, follow: bool) -> (State, PathBuf) {
    let missing = |error: io::Error| match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => (State::Closed, plain(path)),
        _ => (State::Nothing, PathBuf::new()),
    };
    match place(path, follow) {
        Ok(found) => (State::There, found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return missing(error) };
            place(directory, true).map_or_else(missing, |directory| (State::Absent, directory.join(name)))
        }
        Err(error) => missing(error),
    }
}

fn place(path: &Path, follow: bool) -> io::Result<PathBuf> {
    // Not by std: where the C library is musl it takes O_PATH for a mode of access and drops it, and the file itself is opened.
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | if follow { OFlag::empty() } else { OFlag::O_NOFOLLOW };
    let place = open(path, flags, Mode::empty())?;
    fs::read_link(format!("/proc/self/fd/{}", place.as_raw_fd()))
}

/// A path that cannot be resolved, without `.` and `..`: its directory's magic link is, if it can be.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
        if out.starts_with("/proc")
            && let Ok(target) = fs::read_link(&out)
        {
            out = target;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
    use std::{ffi::CString, fs::File};

    #[test]
    fn the_witness_resolves_paths_as_the_process_would() {
        let (asks, answers) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let thread = std::thread::spawn(move || while answer(&answers).unwrap() {});
        let directory = tempfile::TempDir::new().unwrap();
        let place = directory.path().canonicalize().unwrap();
        fs::write(place.join("file"), "").unwrap();
        std::os::unix::fs::symlink("file", place.join("link")).unwrap();
        let opened = File::open(&place).unwrap();
        let seen = |path: &str, base: Option<i32>, follow: bool| {
            let text = CString::new(path).unwrap();
            let question = Question { tid: std::process::id(), path: text.as_ptr() as u64, base, how: None, follow };
            let seen = ask(&asks, question).unwrap();
            (seen.state, seen.path)
        };
        let there = |name: &str| (State::There, place.join(name));
        assert_eq!(seen(place.join("link").to_str().unwrap(), None, true), there("file"));
        assert_eq!(seen(place.join("link").to_str().unwrap(), None, false), there("link"));
        assert_eq!(seen("./x/../link", Some(opened.as_raw_fd()), true), (State::Nothing, PathBuf::new()));
        assert_eq!(seen("link", Some(opened.as_raw_fd()), true), there("file"));
        assert_eq!(seen("", Some(opened.as_raw_fd()), true), (State::There, place.clone()));
        assert_eq!(seen("new", Some(opened.as_raw_fd()), true), (State::Absent, place.join("new")));
        assert_eq!(seen("no/new", Some(opened.as_raw_fd()), true).0, State::Nothing);
        let cwd = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(seen("Cargo.toml", None, true), (State::There, cwd.join("Cargo.toml")));
        assert_eq!(seen("Cargo.toml", Some(libc::AT_FDCWD), true), (State::There, cwd.join("Cargo.toml")));
        assert_eq!(seen(&format!("/dev/fd/{}", opened.as_raw_fd()), None, true), (State::There, place));
        let how = libc::O_RDWR.cast_unsigned();
        let how = u64::from(how);
        let question = Question { tid: std::process::id(), path: 1, base: None, how: Some(&raw const how as u64), follow: true };
        let unreadable = ask(&asks, question).unwrap();
        assert_eq!((unreadable.state, unreadable.flags), (State::Nothing, how));
        // Addresses are asked for as ever.
        assert_eq!(witness::ask(&asks, std::process::id(), &raw const how as u64, 8).unwrap().bytes, how.to_ne_bytes());
        drop(asks);
        thread.join().unwrap();
    }
}
