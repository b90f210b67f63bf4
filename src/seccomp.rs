//! The seccomp wall: an allow-list of system calls, refusals with `EPERM` of forms that get past other walls, and the
//! filter with the listener that hands `socket` to the broker.
//!
//! The lists are data, `policies/seccomp/`, every rule with its why. What is not listed does not exist (`ENOSYS`), so that
//! C libraries fall back to older calls; another architecture's calls (i386, x32) end the process or do not exist either.

use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};
use seccompiler::{BpfMap, BpfProgram, TargetArch, apply_filter, compile_from_json};

#[cfg(target_arch = "x86_64")]
const LIST: &str = include_str!("../policies/seccomp/x86_64.json");
#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
/// `AUDIT_ARCH_X86_64` of linux/audit.h.
#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xC000_003E;

/// Offsets in `struct seccomp_data` (seccomp(2)); arguments are 64 bits wide, their low half first on little-endian.
const OFFSET_NR: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_ARGS: u32 = 16;

/// The number of `socket` on this architecture.
const SYS_SOCKET: u32 = libc::SYS_socket as u32;

/// The number of `connect`.
const SYS_CONNECT: u32 = libc::SYS_connect as u32;

/// `SOCK_TYPE_MASK` of linux/net.h: the rest of the type argument is flags.
const SOCK_TYPE_MASK: u32 = 0xf;

/// Why this wall does not stand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list does not compile: a fault of ours.
    #[error("the list of system calls does not compile: {0}")]
    Compile(#[from] seccompiler::Error),
    /// A part of the list is missing: a fault of ours.
    #[error("the list of system calls has no part `{0}`")]
    Missing(&'static str),
}

/// The compiled allow-list and refusals.
#[derive(Debug)]
pub struct Filters {
    allow: BpfProgram,
    refuse: BpfProgram,
}

/// Compiles the lists of this architecture.
///
/// # Errors
/// When a list is broken.
pub fn compile() -> Result<Filters, Error> {
    let mut map: BpfMap = compile_from_json(LIST.as_bytes(), ARCH)?;
    let mut part = |name| map.remove(name).ok_or(Error::Missing(name));
    Ok(Filters { allow: part("allow")?, refuse: part("refuse")? })
}

impl Filters {
    /// Puts the wall up for this thread and all that it starts. Needs no_new_privs. The refusals come last: of two
    /// filters that refuse, the newer one's error is seen.
    ///
    /// # Errors
    /// When the kernel refuses a filter.
    pub fn apply(&self) -> Result<(), Error> {
        apply_filter(&self.allow)?;
        apply_filter(&self.refuse)?;
        Ok(())
    }
}

/// What the filter with the listener is made for.
#[derive(Clone, Copy, Debug)]
pub struct Sockets {
    /// Whether unix sockets are made.
    pub unix: bool,
    /// Whether the network is the agent's own, with nothing but `lo`: then its internet sockets need nobody's hand.
    pub own_network: bool,
}

/// The filter with the listener. Unix sockets are made as `unix` says, netlink only for routes and addresses
/// (`NETLINK_ROUTE`), and what is not named here is no socket (`EACCES`). Whoever connects is told of to the broker.
///
/// In a network of the agent's own, TCP and UDP sockets are made. In one that is shared, TCP over IPv4 asks the broker and
/// there is no IPv6 (`EAFNOSUPPORT`, as on a kernel without it, so that programs fall back): bind(2) of an IPv6 socket to a
/// link-local address takes the device from `sin6_scope_id` and overrides `SO_BINDTODEVICE` without any privilege, even
/// when it then fails (ipv6(7)); a v4-mapped address is next, and the socket is outside.
pub fn sockets(Sockets { unix, own_network }: Sockets) -> Vec<sock_filter> {
    let allow = answer(libc::SECCOMP_RET_ALLOW);
    let refuse = answer(libc::SECCOMP_RET_ERRNO | libc::EACCES.cast_unsigned());
    let absent = answer(libc::SECCOMP_RET_ERRNO | libc::EAFNOSUPPORT.cast_unsigned());
    let notify = answer(libc::SECCOMP_RET_USER_NOTIF);
    let [domain, kind, protocol] = [0, 1, 2].map(|index| load(OFFSET_ARGS + 8 * index));
    // UDP bound to `lo` can still be steered out (ip(7), `IP_PKTINFO`).
    let (v6, tcp, udp) = if own_network { (INTERNET, allow, allow) } else { (ABSENT, notify, refuse) };
    vec![
        load(OFFSET_ARCH),
        if_equal(AUDIT_ARCH, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(OFFSET_NR),
        if_equal(SYS_CONNECT, 0, 1),
        notify,
        if_equal(SYS_SOCKET, 1, 0),
        allow,
        domain,
        if_equal(libc::AF_UNIX.cast_unsigned(), 0, 1),
        if unix { allow } else { refuse },
        if_equal(libc::AF_NETLINK.cast_unsigned(), 0, 4),
        protocol,
        if_equal(libc::NETLINK_ROUTE.cast_unsigned(), 0, 1),
        allow,
        refuse,
        if_equal(libc::AF_INET.cast_unsigned(), 3, 0),
        if_equal(libc::AF_INET6.cast_unsigned(), v6, 0),
        refuse,
        absent,
        kind,
        statement(BPF_ALU | BPF_AND | BPF_K, SOCK_TYPE_MASK),
        if_equal(libc::SOCK_STREAM.cast_unsigned(), 0, 4),
        protocol,
        if_equal(0, 1, 0),
        if_equal(libc::IPPROTO_TCP.cast_unsigned(), 0, 6),
        tcp,
        if_equal(libc::SOCK_DGRAM.cast_unsigned(), 0, 4),
        protocol,
        if_equal(0, 1, 0),
        if_equal(libc::IPPROTO_UDP.cast_unsigned(), 0, 1),
        udp,
        refuse,
    ]
}

/// From the comparison with `AF_INET6` on: to the internet sockets, and to the answer that there is none.
const INTERNET: u8 = 2;
const ABSENT: u8 = 1;

fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn answer(value: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, value)
}

/// Goes on after as many statements as `yes` or `no` say.
fn if_equal(value: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { jt: yes, jf: no, ..statement(BPF_JMP | BPF_JEQ | BPF_K, value) }
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a filter as the kernel would, on `socket(domain, kind, protocol)` of `arch`.
    fn run(program: &[sock_filter], arch: u32, nr: u32, args: [u32; 3]) -> u32 {
        let (mut at, mut a) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => {
                    a = match step.k {
                        OFFSET_NR => nr,
                        OFFSET_ARCH => arch,
                        offset => args[usize::try_from((offset - OFFSET_ARGS) / 8).unwrap()],
                    }
                }
                code if code == BPF_ALU | BPF_AND | BPF_K => a &= step.k,
                code if code == BPF_JMP | BPF_JEQ | BPF_K => at += usize::from(if a == step.k { step.jt } else { step.jf }),
                _ => return step.k,
            }
        }
    }

    #[test]
    fn only_plain_tcp_reaches_the_broker() {
        const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;
        const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
        const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | 13;
        const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | 97;
        for (socket, unix, expected) in [
            ([2, 1, 0], false, NOTIFY),
            ([2, 1 | 0o2_004_000, 6], false, NOTIFY),
            ([10, 1, 0], true, ABSENT),
            ([2, 1, 262], false, REFUSE), // IPPROTO_MPTCP
            ([2, 2, 0], false, REFUSE),
            ([10, 2, 17], false, ABSENT),
            ([2, 3, 1], false, REFUSE),
            ([2, 1, 132], false, REFUSE), // IPPROTO_SCTP
            ([1, 1, 0], false, REFUSE),
            ([1, 1, 0], true, ALLOW),
            ([16, 3, 0], false, ALLOW),
            ([16, 3, 15], false, REFUSE), // NETLINK_KOBJECT_UEVENT
            ([17, 3, 0], true, REFUSE),   // AF_PACKET
            ([40, 1, 0], true, REFUSE),   // AF_VSOCK
            ([38, 5, 0], true, REFUSE),   // AF_ALG
            ([43, 1, 0], true, REFUSE),   // AF_SMC
        ] {
            let filter = sockets(Sockets { unix, own_network: false });
            assert_eq!(run(&filter, AUDIT_ARCH, SYS_SOCKET, socket), expected, "{socket:?} unix {unix}");
        }
        for own_network in [false, true] {
            let filter = sockets(Sockets { unix: true, own_network });
            assert_eq!(run(&filter, AUDIT_ARCH, 0, [2, 2, 0]), ALLOW);
            assert_eq!(run(&filter, AUDIT_ARCH, SYS_CONNECT, [3, 0, 16]), NOTIFY);
            assert_eq!(run(&filter, 0x4000_0003, 359, [2, 2, 0]), libc::SECCOMP_RET_KILL_PROCESS);
        }
    }

    #[test]
    fn a_network_of_ones_own_has_tcp_and_udp_and_nothing_else() {
        const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
        const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | 13;
        for (socket, expected) in [
            ([2, 1, 0], ALLOW),
            ([10, 1 | 0o2_004_000, 6], ALLOW),
            ([2, 2, 17], ALLOW),
            ([10, 2, 0], ALLOW),
            ([2, 1, 262], REFUSE),  // IPPROTO_MPTCP
            ([2, 1, 132], REFUSE),  // IPPROTO_SCTP
            ([10, 2, 136], REFUSE), // IPPROTO_UDPLITE
            ([2, 2, 1], REFUSE),    // ICMP
            ([2, 1, 17], REFUSE),
            ([2, 3, 1], REFUSE),
            ([2, 5, 132], REFUSE),
            ([17, 3, 0], REFUSE),
            ([16, 3, 15], REFUSE),
            ([40, 1, 0], REFUSE),
        ] {
            let filter = sockets(Sockets { unix: false, own_network: true });
            assert_eq!(run(&filter, AUDIT_ARCH, SYS_SOCKET, socket), expected, "{socket:?}");
        }
    }

    #[test]
    fn the_lists_compile_and_every_rule_says_why() {
        compile().unwrap();
        let lists: serde_json::Value = serde_json::from_str(LIST).unwrap();
        for list in ["allow", "refuse"] {
            for rule in lists[list]["filter"].as_array().unwrap() {
                assert!(rule["comment"].as_str().is_some_and(|why| why.len() > 8), "{rule}");
            }
        }
    }
}
