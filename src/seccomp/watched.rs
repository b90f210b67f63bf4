//! The wall of an observed run. What the other filters refuse goes to the listener too, which answers with the same error: an
//! errno of another filter would be the kernel's last word (seccomp(2)), and nobody would learn of the call.

use libc::{BPF_JA, BPF_JMP, BPF_K, BPF_RET, SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ALLOW, SECCOMP_RET_DATA, SECCOMP_RET_ERRNO, sock_filter};

use super::{
    HERE, Numbers,
    machine::{self, Call, Step},
    programs,
    sockets::{self, Sockets, answer, if_equal, load, statement},
};

/// The numbers of this machine's system calls, from the kernel's headers.
#[cfg(target_arch = "x86_64")]
const TABLE: &str = include_str!("../../policies/seccomp/x86_64.txt");
#[cfg(target_arch = "aarch64")]
const TABLE: &str = include_str!("../../policies/seccomp/aarch64.txt");

/// The filters of an enforced run, in the order in which the kernel asks them: the newest first.
#[derive(Debug)]
pub struct Watched {
    programs: [Vec<Step>; 3],
}

/// The filters of this machine, to be watched.
pub fn watched(wanted: Sockets) -> Watched {
    watched_on([programs::REFUSE, programs::ALLOW], HERE, wanted)
}

pub(super) fn watched_on([refuse, allow]: [&[Step]; 2], machine: Numbers, wanted: Sockets) -> Watched {
    let sockets = sockets::sockets_on(machine, wanted).iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect();
    Watched { programs: [refuse.to_vec(), allow.to_vec(), sockets] }
}

impl Watched {
    /// One filter for the listener: it hands over what any of the filters refuses or hands over, and the calls of `others`
    /// besides. What ends the process does so here too; nothing is allowed that they do not allow.
    pub fn filter(&self, others: &[u32]) -> Vec<sock_filter> {
        let notify = answer(libc::SECCOMP_RET_USER_NOTIF);
        let mut made: Vec<sock_filter> = self.programs.iter().flat_map(|program| handing_over(program)).collect();
        made.push(load(sockets::OFFSET_NR));
        made.extend(others.iter().flat_map(|number| [if_equal(*number, 0, 1), notify]));
        made.push(answer(SECCOMP_RET_ALLOW));
        made
    }

    /// The errno that the filters give; none for a call that goes on, or that is the listener's to answer. What they do not
    /// answer is refused.
    pub fn refusal(&self, data: &libc::seccomp_data) -> Option<i32> {
        let call = Call { arch: data.arch, nr: data.nr.cast_unsigned(), args: data.args };
        match self.programs.iter().map(|program| machine::run(program, call)).find(|answer| *answer != Some(SECCOMP_RET_ALLOW)) {
            None => None,
            Some(Some(libc::SECCOMP_RET_USER_NOTIF)) => None,
            Some(Some(said)) if said & SECCOMP_RET_ACTION_FULL == SECCOMP_RET_ERRNO => i32::try_from(said & SECCOMP_RET_DATA).ok(),
            Some(_) => Some(libc::EPERM),
        }
    }
}

/// The program with its answers exchanged: what it refuses is handed over, what it allows is asked of the one behind it. No
/// statement moves, so its jumps stay right.
fn handing_over(program: &[Step]) -> impl Iterator<Item = sock_filter> {
    let behind = |index: usize| u32::try_from(program.len() - index - 1).unwrap_or(u32::MAX);
    program.iter().enumerate().map(move |(index, &(code, jt, jf, k))| match (u32::from(code), k) {
        (code, SECCOMP_RET_ALLOW) if code == BPF_RET | BPF_K => statement(BPF_JMP | BPF_JA, behind(index)),
        (code, k) if code == BPF_RET | BPF_K && k & SECCOMP_RET_ACTION_FULL == SECCOMP_RET_ERRNO => answer(libc::SECCOMP_RET_USER_NOTIF),
        _ => sock_filter { code, jt, jf, k },
    })
}

/// What a system call of this machine is called.
pub fn name(number: i32) -> String {
    let named = TABLE.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| known.parse() == Ok(number));
    named.map_or_else(|| format!("number {number}"), |(_, name)| name.to_owned())
}
