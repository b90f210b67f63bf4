use std::collections::{BTreeMap, BTreeSet};

use seccompiler::BpfProgram;

use super::{
    machine::{Call, Step, run},
    sockets::{Sockets, sockets_on, without_truncate},
    written::{
        self, Machine,
        list::{self, Condition, Group, Lists},
    },
    *,
};

const MACHINES: [Machine; 2] = [Machine::X86_64, Machine::Aarch64];
const THIS: Machine = if cfg!(target_arch = "x86_64") { Machine::X86_64 } else { Machine::Aarch64 };

fn of(machine: Machine) -> Numbers {
    match machine {
        Machine::X86_64 => X86_64,
        Machine::Aarch64 => AARCH64,
    }
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const EPERM: u32 = libc::SECCOMP_RET_ERRNO | 1;
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | 38;
/// What every call of x32 has in its number (asm/unistd.h).
const X32: u32 = 0x4000_0000;

/// Every call of a machine by name, from the kernel's headers.
fn numbers(machine: Machine) -> BTreeMap<&'static str, u32> {
    let table = match machine {
        Machine::X86_64 => include_str!("../../policies/seccomp/x86_64.txt"),
        Machine::Aarch64 => include_str!("../../policies/seccomp/aarch64.txt"),
    };
    table.lines().map(|line| line.split_once(' ').unwrap()).map(|(number, name)| (name, number.parse().unwrap())).collect()
}

fn answer(program: &BpfProgram, call: Call) -> u32 {
    run(&compiled(program), call).unwrap()
}

fn compiled(program: &BpfProgram) -> Vec<Step> {
    program.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect()
}

fn steps(program: &[libc::sock_filter]) -> Vec<Step> {
    program.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect()
}

/// As the kernel does with several filters: of two errors the newer filter's.
fn both([allow, refuse]: &[BpfProgram; 2], call: Call) -> u32 {
    match (answer(allow, call), answer(refuse, call)) {
        (KILL, _) | (_, KILL) => KILL,
        (allow, ALLOW) => allow,
        (_, refuse) => refuse,
    }
}

fn holds(condition: &Condition, args: [u64; 6]) -> bool {
    let value = args[usize::from(condition.arg)] as u32 & condition.mask.unwrap_or(u32::MAX);
    condition.eq.is_none_or(|eq| value == eq)
        && condition.ne.is_none_or(|ne| value != ne)
        && condition.set.is_none_or(|bits| value & bits == bits)
}

/// What the written lists say, read without the compiler.
fn as_written(lists: &Lists, machine: Machine, name: &str, args: [u64; 6]) -> u32 {
    let applies = |group: &Group| {
        group.names(machine).any(|call| call == name)
            && (group.any.is_empty() || group.any.iter().any(|condition| holds(condition, args)))
            && group.all.iter().all(|condition| holds(condition, args))
    };
    match (lists.refuse.iter().any(applies), lists.allow.iter().any(applies)) {
        (true, _) => EPERM,
        (_, true) => ALLOW,
        _ => ENOSYS,
    }
}

/// Arguments around everything that the rules on `name` ask for, alone and in pairs.
fn arguments(lists: &Lists, machine: Machine, name: &str) -> Vec<[u64; 6]> {
    let conditions = || {
        let groups = lists.allow.iter().chain(&lists.refuse).filter(|group| group.names(machine).any(|call| call == name));
        groups.flat_map(|group| group.any.iter().chain(&group.all))
    };
    let asked = conditions().flat_map(|condition| [condition.eq, condition.ne, condition.set]).flatten().map(u64::from);
    let values: BTreeSet<u64> =
        asked.flat_map(|value| [value, value + 1, !value, value | 1 << 32, value | 0x8_0800]).chain([0, 1, 2, u64::MAX]).collect();
    let looked_at: Vec<usize> = conditions().map(|condition| condition.arg.into()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut made = vec![[0; 6], [u64::MAX; 6]];
    for index in looked_at {
        made = made.iter().flat_map(|args| values.iter().map(move |value| with(*args, index, *value))).collect();
    }
    made
}

fn with(mut args: [u64; 6], index: usize, value: u64) -> [u64; 6] {
    args[index] = value;
    args
}

#[test]
fn the_lists_compile_and_every_rule_says_why() {
    let lists = list::read().unwrap();
    let mut reasons = BTreeSet::new();
    for group in lists.allow.iter().chain(&lists.refuse).chain(&lists.absent) {
        assert!(group.why.len() > 20 && reasons.insert(&group.why), "no reason, or another's: {}", group.why);
        assert!(group.names(Machine::X86_64).count() > 0, "no call: {}", group.why);
        assert!(group.any.iter().chain(&group.all).all(|condition| condition.is.len() > 5), "{}", group.why);
    }
    for machine in MACHINES {
        written::compile(machine).unwrap();
    }
}

#[test]
fn every_call_stands_in_one_list_and_every_name_is_a_calls() {
    let lists = list::read().unwrap();
    for machine in MACHINES {
        let names = |groups: &[Group], whole: bool| {
            let groups = groups.iter().filter(|group| !whole || group.any.is_empty() && group.all.is_empty());
            groups.flat_map(|group| group.names(machine).map(str::to_owned).collect::<Vec<_>>()).collect::<BTreeSet<_>>()
        };
        let (allow, refuse, absent) = (names(&lists.allow, false), names(&lists.refuse, false), names(&lists.absent, false));
        let known: BTreeSet<String> = numbers(machine).into_keys().map(str::to_owned).collect();
        assert_eq!(&(&allow | &refuse) | &absent, known, "{machine:?}");
        assert!((&(&allow | &refuse) & &absent).is_empty(), "{machine:?}: absent and yet listed");
        assert!((&allow & &names(&lists.refuse, true)).is_empty(), "{machine:?}: allowed, and refused whatever the arguments");
    }
}

#[test]
fn what_was_built_in_is_what_is_written() {
    let built = [programs::ALLOW, programs::REFUSE].map(<[_]>::to_vec);
    assert_eq!(written::compile(THIS).unwrap().map(|program| program.iter().map(|s| (s.code, s.jt, s.jf, s.k)).collect::<Vec<_>>()), built);
}

/// Every number, and whatever the rules look at: the compiled programs answer as the lists are written.
#[test]
fn the_compiled_lists_answer_as_they_are_written() {
    let lists = list::read().unwrap();
    for machine in MACHINES {
        let filters = written::compile(machine).unwrap();
        let numbers = numbers(machine);
        let names: BTreeMap<u32, &str> = numbers.iter().map(|(name, number)| (*number, *name)).collect();
        let mut tried = 0;
        for nr in (0..1024).chain([X32 - 1, i32::MAX.cast_unsigned(), 1 << 31, u32::MAX]) {
            let name = names.get(&nr).copied().unwrap_or("");
            for args in arguments(&lists, machine, name) {
                let call = Call { arch: of(machine).audit, nr, args };
                assert_eq!(both(&filters, call), as_written(&lists, machine, name, args), "{machine:?} {name} {call:x?}");
                assert_eq!(both(&filters, Call { nr: nr | X32, ..call }), ENOSYS, "x32: {call:x?}");
                tried += 1;
            }
            for arch in [0x4000_0003, 0x4000_0028, MACHINES.map(|machine| of(machine).audit)[usize::from(machine == Machine::X86_64)]] {
                assert_eq!(both(&filters, Call { arch, nr, args: [0; 6] }), KILL, "{machine:?} {nr} of {arch:#x}");
            }
        }
        assert!(tried > 4000, "{tried}");
    }
}

/// What gets past other walls stays refused whatever becomes of the lists: this does not read them.
#[test]
fn the_ways_past_other_walls_are_refused() {
    let refused = "io_uring_setup io_uring_enter io_uring_register unshare setns mount umount2 pivot_root chroot fsopen fsconfig \
        fsmount fspick open_tree move_mount mount_setattr keyctl add_key request_key bpf perf_event_open userfaultfd pidfd_getfd \
        kcmp process_madvise name_to_handle_at open_by_handle_at quotactl quotactl_fd vmsplice init_module finit_module kexec_load \
        reboot fanotify_init syslog";
    let absent = "clone3 open_tree_attr statmount listmount mq_open msgget msgrcv memfd_secret";
    for machine in MACHINES {
        let (filters, numbers) = (written::compile(machine).unwrap(), numbers(machine));
        for (names, expected) in [(refused, EPERM), (absent, ENOSYS)] {
            for name in names.split_whitespace() {
                for args in [[0; 6], [u64::MAX; 6]] {
                    let call = Call { arch: of(machine).audit, nr: numbers[name], args };
                    assert_eq!(both(&filters, call), expected, "{machine:?} {name}");
                }
            }
        }
    }
    let ldt = Call { arch: X86_64.audit, nr: numbers(Machine::X86_64)["modify_ldt"], args: [1; 6] };
    assert_eq!(both(&written::compile(Machine::X86_64).unwrap(), ldt), EPERM);
}

/// The tables that the tests stand on are the C library's where it has the name, and so is the machine's constant.
#[test]
fn the_numbers_are_the_c_librarys() {
    for (name, number) in [
        ("socket", libc::SYS_socket),
        ("clone3", libc::SYS_clone3),
        ("openat2", libc::SYS_openat2),
        ("mseal", libc::SYS_mseal),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("landlock_restrict_self", libc::SYS_landlock_restrict_self),
    ] {
        assert_eq!(i64::from(numbers(THIS)[name]), number, "{name}");
    }
    for machine in MACHINES {
        assert_eq!(of(machine).socket, numbers(machine)["socket"]);
    }
}

#[test]
fn a_group_that_can_be_read_in_two_ways_does_not_compile() {
    let group = |rest: &str| {
        let text = format!("absent = []\nallow = []\n{}", rest.replace("[]\n", "[[refuse]]\nwhy = \"a reason that is long\"\n"));
        toml::from_str::<Lists>(&text).map(|lists| lists.for_seccompiler(Machine::X86_64).is_ok())
    };
    let asks = "all = [{ arg = 0, eq = 1, is = \"one\" }]\n";
    assert!(group(&format!("[]\ncalls = [\"prctl\"]\n{asks}[]\ncalls = [\"prctl\"]\n{asks}")).unwrap());
    assert!(!group(&format!("[]\ncalls = [\"prctl\"]\n[]\ncalls = [\"prctl\"]\n{asks}")).unwrap());
    assert!(!group(&format!("[]\ncalls = [\"prctl\"]\n{asks}any = [{{ arg = 0, eq = 1, is = \"one\" }}]\n")).unwrap());
    assert!(!group("[]\ncalls = [\"prctl\"]\nany = [{ arg = 0, is = \"nothing\" }]\n").unwrap());
    assert!(group("[]\ncalls = [\"prctl\"]\nwhen = 1\n").is_err());
}

const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;
const REFUSE_SOCKET: u32 = libc::SECCOMP_RET_ERRNO | 13;
const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | 97;

fn socket_answer(machine: Machine, wanted: Sockets, call: Call) -> u32 {
    run(&steps(&sockets_on(of(machine), wanted)), call).unwrap()
}

fn call_of(machine: Machine, nr: u32, [domain, kind, protocol]: [u64; 3]) -> Call {
    Call { arch: of(machine).audit, nr, args: [domain, kind, protocol, 0, 0, 0] }
}

#[test]
fn only_plain_tcp_reaches_the_broker() {
    for machine in MACHINES {
        for (socket, unix, expected) in [
            ([2, 1, 0], false, NOTIFY),
            ([2, 1 | 0o2_004_000, 6], false, NOTIFY),
            ([10, 1, 0], true, ABSENT),
            ([2, 1, 262], false, REFUSE_SOCKET), // IPPROTO_MPTCP
            ([2, 2, 0], false, REFUSE_SOCKET),
            ([10, 2, 17], false, ABSENT),
            ([2, 3, 1], false, REFUSE_SOCKET),
            ([2, 1, 132], false, REFUSE_SOCKET), // IPPROTO_SCTP
            ([1, 1, 0], false, REFUSE_SOCKET),
            ([1, 1, 0], true, ALLOW),
            ([16, 3, 0], false, ALLOW),
            ([16, 3, 15], false, REFUSE_SOCKET), // NETLINK_KOBJECT_UEVENT
            ([17, 3, 0], true, REFUSE_SOCKET),   // AF_PACKET
            ([40, 1, 0], true, REFUSE_SOCKET),   // AF_VSOCK
            ([38, 5, 0], true, REFUSE_SOCKET),   // AF_ALG
            ([43, 1, 0], true, REFUSE_SOCKET),   // AF_SMC
            ([1 << 32 | 2, 1 << 32 | 2, 0], true, REFUSE_SOCKET),
        ] {
            let wanted = Sockets { unix, own_network: false };
            let answer = socket_answer(machine, wanted, call_of(machine, of(machine).socket, socket));
            assert_eq!(answer, expected, "{machine:?} {socket:?} unix {unix}");
        }
    }
}

#[test]
fn a_network_of_ones_own_has_tcp_and_udp_and_nothing_else() {
    for machine in MACHINES {
        for (socket, expected) in [
            ([2, 1, 0], ALLOW),
            ([10, 1 | 0o2_004_000, 6], ALLOW),
            ([2, 2, 17], ALLOW),
            ([10, 2, 0], ALLOW),
            ([2, 1, 262], REFUSE_SOCKET),  // IPPROTO_MPTCP
            ([2, 1, 132], REFUSE_SOCKET),  // IPPROTO_SCTP
            ([10, 2, 136], REFUSE_SOCKET), // IPPROTO_UDPLITE
            ([2, 2, 1], REFUSE_SOCKET),    // IPPROTO_ICMP
            ([2, 1, 17], REFUSE_SOCKET),
            ([2, 3, 1], REFUSE_SOCKET),
            ([2, 5, 132], REFUSE_SOCKET),
            ([1, 1, 0], REFUSE_SOCKET),
            ([16, 3, 15], REFUSE_SOCKET),
            ([17, 3, 0], REFUSE_SOCKET),
            ([40, 1, 0], REFUSE_SOCKET),
        ] {
            let wanted = Sockets { unix: false, own_network: true };
            let answer = socket_answer(machine, wanted, call_of(machine, of(machine).socket, socket));
            assert_eq!(answer, expected, "{machine:?} {socket:?}");
        }
    }
}

#[test]
fn whoever_connects_is_told_of_and_other_calls_go_on() {
    for machine in MACHINES {
        for own_network in [false, true] {
            let wanted = Sockets { unix: true, own_network };
            assert_eq!(socket_answer(machine, wanted, call_of(machine, of(machine).connect, [3, 0, 16])), NOTIFY);
            assert_eq!(socket_answer(machine, wanted, call_of(machine, 0, [2, 2, 0])), ALLOW);
            for arch in [0x4000_0003, 0x4000_0028] {
                assert_eq!(socket_answer(machine, wanted, Call { arch, ..call_of(machine, 359, [2, 2, 0]) }), KILL);
            }
        }
    }
}

/// What an observed run's filter does is what the three filters do, with the listener in the place of every errno; and the
/// errno that the broker then gives is theirs.
#[test]
fn a_watched_filter_allows_no_more_and_refuses_with_the_same_error() {
    let lists = list::read().unwrap();
    for machine in MACHINES {
        let (filters, numbers) = (written::compile(machine).unwrap(), numbers(machine));
        let names: BTreeMap<u32, &str> = numbers.iter().map(|(name, number)| (*number, *name)).collect();
        let [allow, refuse] = filters.each_ref().map(compiled);
        let openat = numbers["openat"];
        for (unix, own_network) in [(false, false), (true, true)] {
            let wanted = Sockets { unix, own_network };
            let watched = watched::watched_on([&refuse, &allow], of(machine), wanted);
            let program = watched.filter(&[openat]);
            assert!(program.len() <= 4096, "{}: more than the kernel takes (linux/bpf_common.h, BPF_MAXINSNS)", program.len());
            let program = steps(&program);
            for nr in (0..1024).chain([X32 - 1, X32 | 1, 1 << 31, u32::MAX]) {
                let mut tried = arguments(&lists, machine, names.get(&nr).copied().unwrap_or(""));
                tried.extend([[2, 1, 0], [2, 2, 0], [10, 1, 0], [1, 1, 0], [16, 3, 0], [17, 3, 0]].map(|[a, b, c]| [a, b, c, 0, 0, 0]));
                for args in tried {
                    let call = Call { arch: of(machine).audit, nr, args };
                    let enforced = match both(&filters, call) {
                        ALLOW => socket_answer(machine, wanted, call),
                        other => other,
                    };
                    let (expected, refused) = match enforced {
                        ALLOW if nr == openat => (NOTIFY, None),
                        ALLOW | NOTIFY => (enforced, None),
                        errno => (NOTIFY, Some(i32::try_from(errno & libc::SECCOMP_RET_DATA).unwrap())),
                    };
                    assert_eq!(run(&program, call), Some(expected), "{machine:?} {call:x?}");
                    let data = libc::seccomp_data { nr: nr.cast_signed(), arch: call.arch, instruction_pointer: 0, args };
                    assert_eq!(watched.refusal(&data), refused, "{machine:?} {call:x?}");
                }
                assert_eq!(run(&program, Call { arch: 0x4000_0003, nr, args: [0; 6] }), Some(KILL));
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let watched = watched(Sockets { unix: true, own_network: true });
    let data = libc::seccomp_data { nr: 0, arch: 0x4000_0003, instruction_pointer: 0, args: [0; 6] };
    assert_eq!(watched.refusal(&data), Some(libc::EPERM));
    assert_eq!((name(i32::try_from(libc::SYS_openat).unwrap()), name(-1)), ("openat".to_owned(), "number -1".to_owned()));
}

/// The filter of an enforced run, statement by statement: whoever changes it changes this too.
#[test]
fn the_enforced_filter_is_what_it_was() {
    let digests: Vec<String> = MACHINES
        .iter()
        .flat_map(|machine| {
            [(false, false), (true, false), (false, true), (true, true)].map(|(unix, own_network)| (machine, Sockets { unix, own_network }))
        })
        .map(|(machine, wanted)| {
            let bytes: Vec<u8> = sockets_on(of(*machine), wanted)
                .iter()
                .flat_map(|step| [&step.code.to_le_bytes()[..], &[step.jt, step.jf], &step.k.to_le_bytes()].concat())
                .collect();
            crate::digest::Digest::of(bytes).to_string()
        })
        .collect();
    assert_eq!(digests, ENFORCED);
}

const ENFORCED: [&str; 8] = [
    "sha256:dbc03f5269d28a7ba4efd86ee960a8f73266e80bc862f26d46fdcc74931af8ec",
    "sha256:bfaecc1eabb30347e3d794c4bc9f67f2804c9cc169a0cb6e572361dba64d4c0f",
    "sha256:8259039b1d4c6c6da591c6caac88160266ba257dff12a662751d5b038d7a7edf",
    "sha256:feb5f4d1fc26d942a963eb675e0e8b431cafa266a9fc03f2d47ba9d458ebd856",
    "sha256:28e92730230526abd50388b67a7b17d36c7b37e5c92ed2abb9397945d3ccf903",
    "sha256:50bb7f54333c14b5c52b6383acc28f634b5efbf46a6f2bd127366f514893c628",
    "sha256:b9e11937f210d347034c661019c3ae81329d4f262350c6054f9f2fa47c440076",
    "sha256:b2d4d9a6a0af52b67b016bff376768e28c0db18312e264896573872660dedd77",
];

#[test]
fn truncating_by_name_is_refused_where_landlock_cannot() {
    for machine in MACHINES {
        let program: Vec<_> = without_truncate(of(machine)).iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect();
        let answer = |call| run(&program, call).unwrap();
        for (name, number) in numbers(machine) {
            let expected = if name == "truncate" { EPERM } else { ALLOW };
            assert_eq!(answer(call_of(machine, number, [0; 3])), expected, "{machine:?} {name}");
        }
        assert_eq!(answer(Call { arch: 0x4000_0003, ..call_of(machine, 92, [0; 3]) }), KILL);
    }
}

/// The calls that work is made of: none of the filters looks at an argument of theirs, so that the kernel answers from a bitmap
/// (`seccomp_cache_prepare` of its seccomp.c) and runs no filter, however long the lists are.
#[test]
fn the_calls_that_work_is_made_of_run_no_filter() {
    const OFTEN: &str = "openat read write close newfstatat fstat getdents64 lseek pread64 fcntl mmap munmap futex getppid";
    for machine in MACHINES {
        let numbers = numbers(machine);
        let mut filters: Vec<_> = written::compile(machine).unwrap().each_ref().map(compiled).into();
        filters.extend(
            [(true, false), (true, true)].map(|(unix, own_network)| steps(&sockets_on(of(machine), Sockets { unix, own_network }))),
        );
        filters.push(steps(&without_truncate(of(machine))));
        for program in &mut filters {
            for step in program.iter_mut().filter(|step| u32::from(step.0) == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS && step.3 > 4) {
                // The instruction pointer, which `run` does not know: whoever gets there has no answer.
                step.3 = 8;
            }
            for name in OFTEN.split(' ') {
                assert_eq!(run(program, call_of(machine, numbers[name], [0; 3])), Some(ALLOW), "{machine:?} {name}");
            }
        }
        let asks = |name: &str| filters.iter().any(|program| run(program, call_of(machine, numbers[name], [0; 3])).is_none());
        assert!(asks("socket") && asks("clone"), "{machine:?}: calls whose arguments matter are told from these");
    }
}
