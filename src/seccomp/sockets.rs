//! Filters by hand: the one with the listener, since `seccompiler` cannot hand a call to one, and a small one beside it.

use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};

use super::{HERE, Numbers};

/// Offsets in `struct seccomp_data` (seccomp(2)); arguments are 64 bits wide, their low half first on little-endian, which
/// every machine here is.
pub(super) const OFFSET_NR: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_ARGS: u32 = 16;

/// `SOCK_TYPE_MASK` of linux/net.h: the rest of the type argument is flags.
const SOCK_TYPE_MASK: u32 = 0xf;

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
pub fn sockets(wanted: Sockets) -> Vec<sock_filter> {
    sockets_on(HERE, wanted)
}

pub(super) fn sockets_on(machine: Numbers, Sockets { unix, own_network }: Sockets) -> Vec<sock_filter> {
    let allow = answer(libc::SECCOMP_RET_ALLOW);
    let refuse = answer(libc::SECCOMP_RET_ERRNO | libc::EACCES.cast_unsigned());
    let absent = answer(libc::SECCOMP_RET_ERRNO | libc::EAFNOSUPPORT.cast_unsigned());
    let notify = answer(libc::SECCOMP_RET_USER_NOTIF);
    let [domain, kind, protocol] = [0, 1, 2].map(|index| load(OFFSET_ARGS + 8 * index));
    // UDP bound to `lo` can still be steered out (ip(7), `IP_PKTINFO`).
    let (v6, tcp, udp) = if own_network { (INTERNET, allow, allow) } else { (ABSENT, notify, refuse) };
    let mut program = vec![
        load(OFFSET_ARCH),
        if_equal(machine.audit, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(OFFSET_NR),
        if_equal(machine.connect, 0, 1),
        notify,
        if_equal(machine.socket, 1, 0),
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
    ];
    // What is of neither protocol is refused at the end.
    program.extend(internet(libc::SOCK_STREAM, libc::IPPROTO_TCP, protocol, tcp, 6));
    program.extend(internet(libc::SOCK_DGRAM, libc::IPPROTO_UDP, protocol, udp, 1));
    program.push(refuse);
    program
}

/// For a socket of this kind: `made` where its protocol is 0 or the one of that number, else as many statements further as `other`
/// says. Other kinds are past it.
fn internet(kind: i32, number: i32, protocol: sock_filter, made: sock_filter, other: u8) -> [sock_filter; 5] {
    [if_equal(kind.cast_unsigned(), 0, 4), protocol, if_equal(0, 1, 0), if_equal(number.cast_unsigned(), 0, other), made]
}

/// From the comparison with `AF_INET6` on: to the internet sockets, and to the answer that there is none.
const INTERNET: u8 = 2;
const ABSENT: u8 = 1;

/// Lets every call go on but truncate(2).
pub(super) fn without_truncate(machine: Numbers) -> Vec<sock_filter> {
    vec![
        load(OFFSET_ARCH),
        if_equal(machine.audit, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(OFFSET_NR),
        if_equal(machine.truncate, 0, 1),
        answer(libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned()),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

pub(super) fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

pub(super) fn answer(value: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, value)
}

/// Goes on after as many statements as `yes` or `no` say.
pub(super) fn if_equal(value: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { jt: yes, jf: no, ..statement(BPF_JMP | BPF_JEQ | BPF_K, value) }
}

pub(super) fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt: 0, jf: 0, k }
}
