//! Starts the processes around an agent: gateway, broker, scribe, and the stem, which starts the agent.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        socket::{AddressFamily, SockFlag, SockType, socketpair},
    },
    unistd::pipe2,
};

use super::{
    Error, OnSignal, Stance, Task, authorities,
    doors::Doors,
    lines::Lines,
    observe::{self, Observation},
    registries,
};
use crate::{
    cgroup::{Bounds, Cgroup},
    environment,
    fence::{Fence, netns::Space, ports, terminals, unix},
    gateway,
    jail::{
        self,
        stem::{Emptying, Orders},
    },
    landlock::{Grants, Ports},
    limits::Limits,
    policy::{Loopback, Policy, Unix},
    promise::Ground,
    role::Role,
    sys::{self, process::Child},
};

/// Everything that the event loop holds.
pub(super) struct Crew {
    pub(super) children: Vec<(&'static str, Child)>,
    pub(super) signals: SignalFd,
    /// Commands to the stem; closing it empties the room.
    pub(super) control: Option<File>,
    /// Closing it ends gateway and broker.
    pub(super) lifeline: Option<OwnedFd>,
    /// Lets the agent go.
    pub(super) go: Option<File>,
    pub(super) news: Lines,
    pub(super) report: Lines,
    pub(super) records: Lines,
    pub(super) results: Lines,
    pub(super) time: Duration,
    pub(super) turns: Option<u32>,
    pub(super) requests: u64,
    pub(super) on_signal: OnSignal,
    /// The count of an observed run.
    pub(super) observation: Option<Observation>,
    pub(super) command: Vec<String>,
    pub(super) fence: Fence,
    pub(super) writes: Vec<PathBuf>,
    /// Held until the walls were tried against it.
    pub(super) forbidden: Option<TcpListener>,
}

/// Which signals the event loop reads; the rest keep their default action.
const WATCHED: [Signal; 7] =
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

pub(super) fn crew(task: Task<'_>) -> Result<Crew, Error> {
    let cgroup = Bounds::of(&task.policy.process).map(|bounds| Cgroup::make(&bounds)).transpose()?;
    let crew = with_cgroup(task, cgroup.clone());
    if let (Err(_), Some(cgroup)) = (&crew, cgroup) {
        // Where there is a keeper, it is removed by it. The reason for leaving counts more than what is left behind.
        let _ = cgroup.remove();
    }
    crew
}

fn with_cgroup(task: Task<'_>, cgroup: Option<Cgroup>) -> Result<Crew, Error> {
    step("hide from other processes", jail::confine::hide())?;
    step("adopt orphans", prctl::set_child_subreaper(true))?;
    let signals = watch_signals()?;
    let ground = task.ground;
    // Taken first, so that it is not in the agent's range.
    let forbidden = step("listen on loopback", TcpListener::bind(("127.0.0.1", 0)))?;
    let registries = registries::located(&task)?;
    registries::furnish(&task)?;
    authorities::furnish(&task)?;
    let doors = Doors::plan(&task.policy.network, ground.fence)?;
    let local = if is_reserved(&task) { ports::free_range()? } else { ports::ANY };
    let (life, lifeline) = pipe()?;
    let (records, records_in) = pipe()?;
    let (results, results_in) = pipe()?;
    let (news, news_in) = pipe()?;
    let (report, report_in) = pipe()?;
    let (go, go_in) = pipe()?;
    let (control, control_in) = pipe()?;
    let ([stdin, stdin_in], [stdout, stdout_in], [stderr, stderr_in]) = (pair(ground.uid)?, pair(ground.uid)?, pair(ground.uid)?);
    let (to_broker, from_enter) = sockets(SockType::Stream)?;
    let (to_gateway, from_door) = sockets(SockType::Stream)?;
    let (asks, witness) = sockets(SockType::SeqPacket)?;
    if let Some(listener) = &task.gateway.listener {
        doors.hand_over(listener, &to_gateway)?;
    }

    let helper = ground.uid.map(helper_uid);
    let specification = jail::Spec { cgroup: cgroup.clone(), ..specification(&task, &doors, local, &forbidden)? };
    let spec = memory(&specification)?;
    let observed = task.stance == Stance::Observe;
    let gateway_spec = memory(&(
        gateway::Spec {
            policy: task.policy.sources().to_vec(),
            ticket: task.gateway.ticket.clone(),
            credentials: task.gateway.credentials.clone(),
            gitlab: task.gateway.gitlab.clone(),
            registries,
            unlisted: if observed { gateway::Unlisted::Noted } else { gateway::Unlisted::Refused },
        },
        doors.meanings(),
        helper,
    ))?;
    let broker_spec = memory(&(local, helper, &specification.watching))?;
    let scribe_spec = memory(&(&task.scribe, task.job_in, helper))?;
    let space = memory(&space(&task, &doors)?)?;
    let orders = memory(&Orders { emptying: emptying(ground), observed, cgroup })?;
    let (standard_in, standard_out, standard_err) = (io::stdin(), io::stdout(), io::stderr());

    let start = |name, role: Role, descriptors: &[_]| {
        step("start a process", sys::process::respawn(role.name(), descriptors)).map(|child| (name, child))
    };
    let children = vec![
        start(
            "keeper",
            Role::Keeper,
            &[
                (stdin.as_fd(), 0),
                (stdout_in.as_fd(), 1),
                (stderr_in.as_fd(), 2),
                (spec.as_fd(), 3),
                (report_in.as_fd(), 4),
                (go.as_fd(), 5),
                (to_broker.as_fd(), 6),
                (control.as_fd(), 7),
                (news_in.as_fd(), 8),
                (witness.as_fd(), 9),
                (orders.as_fd(), 10),
                (space.as_fd(), 11),
                (to_gateway.as_fd(), 12),
            ],
        )?,
        start("gateway", Role::Gateway, &[(gateway_spec.as_fd(), 3), (from_door.as_fd(), 4), (records_in.as_fd(), 5), (life.as_fd(), 6)])?,
        start(
            "broker",
            Role::Broker,
            &[(broker_spec.as_fd(), 3), (from_enter.as_fd(), 4), (life.as_fd(), 5), (asks.as_fd(), 6), (records_in.as_fd(), 7)],
        )?,
        start(
            "scribe",
            Role::Scribe,
            &[
                (standard_in.as_fd(), 0),
                (standard_out.as_fd(), 1),
                (standard_err.as_fd(), 2),
                (scribe_spec.as_fd(), 3),
                (stdout.as_fd(), 4),
                (stderr.as_fd(), 5),
                (stdin_in.as_fd(), 6),
                (results_in.as_fd(), 7),
            ],
        )?,
    ];
    let lines = |pipe| step("read without waiting", Lines::new(pipe));
    Ok(Crew {
        children,
        signals,
        control: Some(control_in.into()),
        lifeline: Some(lifeline),
        go: Some(go_in.into()),
        news: lines(news)?,
        report: lines(report)?,
        records: lines(records)?,
        results: lines(results)?,
        time: task.policy.limits.time,
        turns: task.policy.limits.turns,
        requests: task.policy.limits.requests,
        on_signal: task.on_signal,
        observation: observed.then(Observation::default),
        command: task.command.iter().map(|word| word.display().to_string()).collect(),
        fence: ground.fence,
        writes: task.writes,
        forbidden: Some(forbidden),
    })
}

/// The namespaces of a network of the agent's own, with a file of names of ours.
fn space(task: &Task<'_>, doors: &Doors) -> Result<Option<Space>, Error> {
    let fence = task.ground.fence;
    if !fence.is_own_network() {
        return Ok(None);
    }
    let mut files = vec![(task.room.hosts(), PathBuf::from("/etc/hosts"))];
    step("write the file of names", publish(&files[0].0, doors.hosts_file().as_ref()))?;
    let uid = task.ground.uid.unwrap_or_else(|| nix::unistd::geteuid().as_raw());
    if let Some(users) = fs::read("/etc/passwd").ok().and_then(|users| environment::with_user(users, uid, &task.places.home)) {
        files.push((task.room.users(), "/etc/passwd".into()));
        step("write the file of users", publish(&task.room.users(), &users))?;
    }
    Ok(Some(Space { user: fence == Fence::UserNetns, listen: doors.places(), files }))
}

/// Writes a file that everyone may read, whatever our file mode mask.
pub(super) fn publish(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn emptying(ground: &Ground) -> Emptying {
    match ground.uid {
        Some(uid) if !ground.has_scopes() => Emptying::Uid { agent: uid, killer: helper_uid(helper_uid(uid)) },
        _ => Emptying::Scope,
    }
}

fn sockets(kind: SockType) -> Result<(OwnedFd, OwnedFd), Error> {
    step("make a socket pair", socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC))
}

/// Our helpers' uid: beside the agent's, so that neither is the other's nor root. The next one is nobody's.
pub(super) fn helper_uid(agent: u32) -> u32 {
    agent + 1
}

/// Those that ask us to end.
pub(super) const ENDING: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

pub(super) fn asks_to_end(number: i32) -> bool {
    ENDING.iter().any(|signal| *signal as i32 == number)
}

fn watched() -> SigSet {
    let mut set = SigSet::empty();
    WATCHED.into_iter().for_each(|signal| set.add(signal));
    set
}

/// Lets the signals that ask us to end wait until somebody watches for them.
///
/// # Errors
/// When the system refuses.
pub fn block_signals() -> Result<(), Error> {
    step("block signals", watched().thread_block())
}

pub(super) fn watch_signals() -> Result<SignalFd, Error> {
    block_signals()?;
    step("watch signals", SignalFd::with_flags(&watched(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK))
}

fn specification(task: &Task<'_>, doors: &Doors, (low, high): (u16, u16), forbidden: &TcpListener) -> Result<jail::Spec, Error> {
    let policy = task.policy;
    let ground = task.ground;
    let gateway = task.gateway.address()?;
    let forbidden = step("ask for an address", forbidden.local_addr())?;
    let mut variables = environment::agent(task.job, &policy.process.env, &task.places, gateway.port(), &task.gateway.ticket);
    variables.extend(registries::variables(task)?);
    variables.extend(authorities::variables(task));
    variables.extend(task.environment.clone());
    doors.tell(&mut variables);
    let mut connect = policy.network.ports.clone();
    connect.push(gateway.port());
    connect.extend(doors.ports());
    let reserved = is_reserved(task);
    let unix = unix_sockets(policy, task);
    let mut grants = grants(task, if reserved { Ports::Only { connect, low, high } } else { Ports::Open });
    let watching = (task.stance == Stance::Observe).then(|| observe::watching(&grants, unix, ground.fence.is_own_network()));
    if watching.is_some() {
        grants.read_if_there.extend(observe::widened(task));
    }
    let network = step("ask for the network namespace", fs::metadata("/proc/self/ns/net"))?.ino();
    Ok(jail::Spec {
        command: task.command.clone(),
        passed_over: task.passed_over.clone(),
        environment: variables.into_iter().collect(),
        directory: task.places.workspace.clone(),
        uid: ground.uid,
        limits: Limits {
            processes: policy.process.processes,
            open_files: policy.process.open_files,
            file_bytes: policy.process.file_bytes,
        },
        cgroup: None,
        grants,
        fence: ground.fence,
        terminals: ground.fence.is_own_network().then(terminals::here).flatten(),
        unix,
        probe: jail::probe::Targets { file: task.room.outside(), forbidden: reserved.then_some(forbidden), gateway, network, unix },
        watching,
    })
}

/// Whether the agent's own ports are a range of the loopback that is shared.
fn is_reserved(task: &Task<'_>) -> bool {
    task.policy.network.loopback == Loopback::Reserved && !task.ground.fence.is_own_network()
}

fn grants(task: &Task<'_>, ports: Ports) -> Grants {
    let files = &task.policy.files;
    let (mut read, read_if_there) = if files.built_in { (vec![], files.read.clone()) } else { (files.read.clone(), vec![]) };
    read.extend(authorities::grants(task));
    let mut write = files.write.clone();
    write.extend([task.places.workspace.clone(), task.places.home.clone(), task.places.tmp.clone()]);
    Grants { read, read_if_there, write, deny: files.deny.clone(), devices: true, terminals: false, ports, others: false }
}

fn unix_sockets(policy: &Policy, task: &Task<'_>) -> bool {
    let uid = task.ground.uid.unwrap_or_else(|| nix::unistd::geteuid().as_raw());
    match policy.process.unix {
        Unix::Deny => false,
        Unix::Allow => true,
        Unix::Auto => task.ground.apart && unix::reachable(uid, task.room.base()).is_none(),
    }
}

fn memory(value: &impl serde::Serialize) -> Result<OwnedFd, Error> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::Step { step: "write a specification (are all paths UTF-8?)", source: error.into() })?;
    step("hand a specification over", sys::descriptor::memory(&json))
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    step("make a pipe", pipe2(OFlag::O_CLOEXEC))
}

/// A pipe for one of the agent's standard streams. Its owner is the agent's uid, so that it opens by name too: a shell's
/// `>/dev/stderr` opens it anew. Nobody else's stream is behind it, so the agent reaches no more than its own two ends.
fn pair(uid: Option<u32>) -> Result<[OwnedFd; 2], Error> {
    let (reader, writer) = pipe()?;
    if let Some(uid) = uid {
        step("own the agent's streams", fchown(&writer, Some(uid), Some(uid)))?;
    }
    Ok([reader, writer])
}

pub(super) fn step<T, E: Into<io::Error>>(step: &'static str, result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|source| Error::Step { step, source: source.into() })
}
