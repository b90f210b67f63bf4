//! The broker's part in an observed run: it answers what the walls would refuse as they would, notes it, and notes what the
//! policy would refuse of the paths that go by.
//!
//! Which calls are refused is decided by the filters themselves, not by this ([`Walls`]). What a path leads to is decided by
//! Landlock: the call goes on, whatever was seen.

use std::{
    fmt::Debug,
    fs::File,
    io::{self, Write as _},
    net::SocketAddr,
    os::fd::{BorrowedFd, OwnedFd},
};

use super::{
    calls::{self, Named, Purpose},
    look::{self, Question, Seen, State},
    outside,
    watching::Watching,
    witness::{self, Sight},
};
use crate::{
    journal::{Access, Event, Kind, Refusal, Tally},
    sys::notify::{self, Call},
};

/// The filters of an enforced run, which the broker answers for.
pub trait Walls: Debug {
    /// The errno that they give; none for a call that goes on, or that is the broker's to answer.
    fn refusal(&self, data: &libc::seccomp_data) -> Option<i32>;

    /// What a call is called.
    fn name(&self, number: i32) -> String;
}

/// Sees an observed run.
#[derive(Debug)]
pub struct Observer {
    watching: Watching,
    walls: Box<dyn Walls>,
    tally: Tally,
    /// Before the first program is started, what comes is the self-test's.
    is_agent: bool,
}

/// Where its means are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub(super) listener: BorrowedFd<'a>,
    pub(super) witness: &'a OwnedFd,
    pub(super) records: &'a File,
}

impl Observer {
    /// One that has seen nothing yet.
    pub fn new(watching: Watching, walls: Box<dyn Walls>) -> Self {
        Self { watching, walls, tally: Tally::default(), is_agent: false }
    }

    /// Answers `call` if it is refused or names a path; false for one that is answered as in every run.
    pub(super) fn answer(&mut self, means: Means<'_>, call: &Call) -> io::Result<bool> {
        if let Some(errno) = self.walls.refusal(&call.data) {
            self.refuse(means, call, errno)?;
            return Ok(true);
        }
        let number = call.data.nr;
        if calls::of(number).next().is_none() {
            return Ok(false);
        }
        self.is_agent |= [libc::SYS_execve, libc::SYS_execveat].contains(&libc::c_long::from(number));
        let looks: Vec<_> = calls::of(number).filter_map(|named| Some((named, look::ask(means.witness, question(named, call))?))).collect();
        // What the witness saw counts only while the caller still waits: else another may have its number by now.
        let waits = notify::waits(means.listener, call.id);
        notify::go_on(means.listener, call.id)?;
        for (named, seen) in looks.into_iter().filter(|_| waits) {
            self.path(means, named, call, seen)?;
        }
        Ok(true)
    }

    fn refuse(&mut self, means: Means<'_>, call: &Call, errno: i32) -> io::Result<()> {
        let program = witness::ask(means.witness, call.pid, 0, 0).map(|sight| sight.program).unwrap_or_default();
        notify::refuse(means.listener, call.id, errno)?;
        let name = self.walls.name(call.data.nr);
        let what = match libc::c_long::from(call.data.nr) {
            libc::SYS_socket => socket(&name, &call.data.args),
            _ => name,
        };
        self.note(means, Refusal { kind: Kind::Syscall, what, access: Access::Call, program })
    }

    fn path(&mut self, means: Means<'_>, named: &Named, call: &Call, seen: Seen) -> io::Result<()> {
        match access(named, call, &seen) {
            Some(access) if self.watching.refuses(&seen.path, access) => {
                let what = seen.path.to_string_lossy().into_owned();
                self.note(means, Refusal { kind: Kind::File, what, access, program: seen.program })
            }
            _ => Ok(()),
        }
    }

    /// Somebody connects to `sight`'s address.
    pub(super) fn connects(&mut self, means: Means<'_>, sight: &Sight) -> io::Result<()> {
        let refused =
            outside::address(&sight.bytes).or_else(|| outside::loopback(&sight.bytes).filter(|to| self.watching.refuses_port(to.port())));
        refused.map_or(Ok(()), |to: SocketAddr| {
            let program = sight.program.clone();
            self.note(means, Refusal { kind: Kind::Address, what: to.to_string(), access: Access::Connect, program })
        })
    }

    /// A new thing is told at once, so that it is known whatever ends the broker; how often, at the end.
    fn note(&mut self, means: Means<'_>, refusal: Refusal) -> io::Result<()> {
        if self.is_agent && self.tally.add(refusal.clone(), 1) {
            tell(means.records, &Event::WouldRefuse { refusal, count: 1 })?;
        }
        Ok(())
    }

    /// Tells the rest.
    pub(super) fn end(&self, records: &File) -> io::Result<()> {
        for (refusal, count) in self.tally.seen().filter(|(_, count)| *count > 1) {
            tell(records, &Event::WouldRefuse { refusal: refusal.clone(), count: count - 1 })?;
        }
        match self.tally.left_out() {
            0 => Ok(()),
            left_out => tell(records, &Event::Observed { status: None, distinct: 0, left_out }),
        }
    }
}

fn tell(mut records: &File, event: &Event) -> io::Result<()> {
    let line = serde_json::to_string(event)?;
    // One write: the gateway's records come through the same pipe.
    records.write_all(format!("{line}\n").as_bytes())
}

fn question(named: &Named, call: &Call) -> Question {
    let argument = |index: usize| call.data.args[index];
    // Descriptors are 32 bits wide, whatever stands in the other half.
    let base = named.base.map(|index| (argument(index) as u32).cast_signed());
    let how = if let Purpose::How(index) = named.purpose { Some(argument(index)) } else { None };
    let follow = match named.purpose {
        Purpose::Flags(index) => argument(index) & u64::from(libc::O_NOFOLLOW.cast_unsigned()) == 0,
        Purpose::Only(access) => !matches!(access, Access::Create | Access::Remove),
        Purpose::How(_) => true,
    };
    Question { tid: call.pid, path: argument(named.path), base, how, follow }
}

/// What the call does to the path; none where the kernel refuses it by itself, since nothing is there.
fn access(named: &Named, call: &Call, seen: &Seen) -> Option<Access> {
    let of_open = |flags: u64| match seen.state {
        State::Absent if calls::makes(flags) => Some(Access::Create),
        State::Absent => None,
        _ => calls::opened(flags),
    };
    let access = match named.purpose {
        Purpose::Flags(index) => of_open(call.data.args[index])?,
        Purpose::How(_) => of_open(seen.flags)?,
        // creat(2) is the one that makes what it writes to.
        Purpose::Only(Access::Write) if seen.state == State::Absent => Access::Create,
        Purpose::Only(access) => access,
    };
    match (seen.state, access) {
        (State::Nothing, _) | (State::Absent, Access::Execute | Access::Remove) => None,
        // Making what is there fails by itself, but for a renaming onto it.
        _ => Some(access),
    }
}

/// A refused socket says which one: `socket(2, 2, 0)`, in the numbers of socket(2) without the flags.
fn socket(name: &str, args: &[u64; 6]) -> String {
    let [domain, kind, protocol] = [args[0] as u32, args[1] as u32 & 0xf, args[2] as u32];
    format!("{name}({domain}, {kind}, {protocol})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: i64, args: [u64; 6]) -> Call {
        let data = libc::seccomp_data { nr: i32::try_from(number).unwrap(), arch: 0, instruction_pointer: 0, args };
        Call { id: 0, pid: 7, data }
    }

    fn judged(number: i64, args: [u64; 6], state: State) -> Vec<Option<Access>> {
        let call = call(number, args);
        let seen = Seen { program: String::new(), state, path: "/x".into(), flags: 0 };
        calls::of(call.data.nr).map(|named| access(named, &call, &seen)).collect()
    }

    #[test]
    fn what_a_call_does_depends_on_what_is_there() {
        let openat = |flags: i32, state| judged(libc::SYS_openat, [0, 0, u64::from(flags.cast_unsigned()), 0, 0, 0], state)[0];
        assert_eq!(openat(libc::O_RDONLY, State::There), Some(Access::Read));
        assert_eq!(openat(libc::O_RDONLY, State::Closed), Some(Access::Read));
        assert_eq!(openat(libc::O_RDONLY, State::Absent), None);
        assert_eq!(openat(libc::O_RDONLY | libc::O_CREAT, State::Absent), Some(Access::Create));
        assert_eq!(openat(libc::O_WRONLY | libc::O_CREAT, State::There), Some(Access::Write));
        assert_eq!(openat(libc::O_PATH, State::There), None);
        assert_eq!(openat(libc::O_RDWR, State::Nothing), None);
        assert_eq!(judged(libc::SYS_execve, [0; 6], State::Absent), [None]);
        assert_eq!(judged(libc::SYS_execve, [0; 6], State::There), [Some(Access::Execute)]);
        assert_eq!(judged(libc::SYS_unlinkat, [0; 6], State::Absent), [None]);
        assert_eq!(judged(libc::SYS_renameat2, [0; 6], State::There), [Some(Access::Remove), Some(Access::Create)]);
        assert_eq!(judged(libc::SYS_mkdirat, [0; 6], State::Absent), [Some(Access::Create)]);
        assert!(judged(libc::SYS_socket, [0; 6], State::There).is_empty());
    }

    #[test]
    fn questions_name_the_arguments() {
        let asked = call(libc::SYS_openat, [u64::MAX << 32 | 5, 0x1000, 0o400_000, 0, 0, 0]);
        let question = question(calls::of(asked.data.nr).next().unwrap(), &asked);
        assert_eq!((question.tid, question.path, question.base, question.how), (7, 0x1000, Some(5), None));
        assert_eq!(socket("socket", &[2, 2 | 0o2_000_000, 17, 0, 0, 0]), "socket(2, 2, 17)");
    }
}
