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
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    sys::{
        prctl,
        signal::{SigSet, SigmaskHow, Signal},
        signalfd::{SfdFlags, SignalFd},
        socket::{AddressFamily, SockFlag, SockType, socketpair},
    },
    unistd::pipe2,
};

use super::{
    Error, OnSignal, Stance, Task,
    advice::Adviser,
    authorities,
    doors::Doors,
    lines::Lines,
    observe::{self, Observation},
    registries,
};
use crate::{
    agent,
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
    pub(super) adviser: Adviser,
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

/// The processes around an agent before it is known what they are for. They start while that is found out, and wait for it;
/// where it never comes to it, they end.
#[derive(Debug)]
pub struct Standby {
    starting: JoinHandle<io::Result<Children>>,
    /// Closing it says that every specification is there,
    ready: OwnedFd,
    /// and this one that the keeper's orders are, which can go on alone for a while.
    ordered: OwnedFd,
    specs: Specs,
    streams: [OwnedFd; 3],
    to_gateway: OwnedFd,
    control: OwnedFd,
    lifeline: OwnedFd,
    go: OwnedFd,
    news: OwnedFd,
    report: OwnedFd,
    records: OwnedFd,
    results: OwnedFd,
    answers: OwnedFd,
}

type Children = Vec<(&'static str, Child)>;

/// Hides this process from others of its uid, before it reads what they may not know.
///
/// # Errors
/// When the kernel refuses.
pub fn hide() -> Result<(), Error> {
    step("hide from other processes", jail::confine::hide())
}

/// Where each is told what it is for.
#[derive(Debug)]
struct Specs {
    enter: OwnedFd,
    orders: OwnedFd,
    gateway: OwnedFd,
    broker: OwnedFd,
    scribe: OwnedFd,
}

impl Specs {
    fn new() -> Result<Self, Error> {
        let memory = || step("make memory to hand over", sys::descriptor::empty_memory());
        Ok(Self { enter: memory()?, orders: memory()?, gateway: memory()?, broker: memory()?, scribe: memory()? })
    }

    fn again(&self) -> Result<Self, Error> {
        Ok(Self {
            enter: again(&self.enter)?,
            orders: again(&self.orders)?,
            gateway: again(&self.gateway)?,
            broker: again(&self.broker)?,
            scribe: again(&self.scribe)?,
        })
    }
}

fn again(fd: &OwnedFd) -> Result<OwnedFd, Error> {
    step("make a descriptor", fd.try_clone())
}

impl Standby {
    /// Starts them.
    ///
    /// # Errors
    /// When what connects them cannot be had.
    pub fn start() -> Result<Self, Error> {
        step("adopt orphans", prctl::set_child_subreaper(true))?;
        let specs = Specs::new()?;
        let (is_ready, ready) = pipe()?;
        let (is_ordered, ordered) = pipe()?;
        let (life, lifeline) = pipe()?;
        let (records, records_in) = pipe()?;
        let (results, results_in) = pipe()?;
        let (answers_out, answers) = pipe()?;
        let (news, news_in) = pipe()?;
        let (report, report_in) = pipe()?;
        let (go_out, go) = pipe()?;
        let (control_out, control) = pipe()?;
        let ((stdin, stdin_in), (stdout, stdout_in), (stderr, stderr_in)) = (pipe()?, pipe()?, pipe()?);
        let (to_broker, from_enter) = sockets(SockType::Stream)?;
        let (to_gateway, from_door) = sockets(SockType::Stream)?;
        let (asks, witness) = sockets(SockType::SeqPacket)?;
        let streams = [again(&stdin)?, again(&stdout)?, again(&stderr)?];
        let (theirs, door) = (specs.again()?, again(&to_gateway)?);
        // A process that executes a program keeps the thread waiting that started it, so this one does not wait for them.
        let starting = move || {
            let (standard_in, standard_out, standard_err) = (io::stdin(), io::stdout(), io::stderr());
            let start = |name, role: Role, descriptors: &[_]| sys::process::respawn(role.name(), descriptors).map(|child| (name, child));
            Ok(vec![
                start(
                    "keeper",
                    Role::Keeper,
                    &[
                        (stdin.as_fd(), 0),
                        (stdout_in.as_fd(), 1),
                        (stderr_in.as_fd(), 2),
                        (theirs.enter.as_fd(), 3),
                        (report_in.as_fd(), 4),
                        (go_out.as_fd(), 5),
                        (to_broker.as_fd(), 6),
                        (is_ready.as_fd(), 7),
                        (control_out.as_fd(), 8),
                        (news_in.as_fd(), 9),
                        (witness.as_fd(), 10),
                        (theirs.orders.as_fd(), 11),
                        (door.as_fd(), 12),
                        (is_ordered.as_fd(), 13),
                    ],
                )?,
                start(
                    "gateway",
                    Role::Gateway,
                    &[
                        (theirs.gateway.as_fd(), 3),
                        (from_door.as_fd(), 4),
                        (records_in.as_fd(), 5),
                        (life.as_fd(), 6),
                        (is_ready.as_fd(), 7),
                        (answers_out.as_fd(), 8),
                    ],
                )?,
                start(
                    "broker",
                    Role::Broker,
                    &[
                        (theirs.broker.as_fd(), 3),
                        (from_enter.as_fd(), 4),
                        (life.as_fd(), 5),
                        (asks.as_fd(), 6),
                        (records_in.as_fd(), 7),
                        (is_ready.as_fd(), 8),
                    ],
                )?,
                start(
                    "scribe",
                    Role::Scribe,
                    &[
                        (standard_in.as_fd(), 0),
                        (standard_out.as_fd(), 1),
                        (standard_err.as_fd(), 2),
                        (theirs.scribe.as_fd(), 3),
                        (stdout.as_fd(), 4),
                        (stderr.as_fd(), 5),
                        (stdin_in.as_fd(), 6),
                        (results_in.as_fd(), 7),
                        (is_ready.as_fd(), 8),
                    ],
                )?,
            ])
        };
        // What asks us to end is for this thread alone to hear: the other one and the processes begin with it blocked.
        let heard = step("block signals", watched().thread_swap_mask(SigmaskHow::SIG_BLOCK))?;
        let starting = step("start a thread", thread::Builder::new().spawn(starting));
        step("hear signals", heard.thread_set_mask())?;
        let starting = starting?;
        Ok(Self { starting, ready, ordered, specs, streams, to_gateway, control, lifeline, go, news, report, records, results, answers })
    }
}

pub(super) fn crew(standby: Standby, task: Task<'_>) -> Result<Crew, Error> {
    let cgroup = Bounds::of(&task.policy.process).map(|bounds| Cgroup::make(&bounds)).transpose()?;
    let crew = with_cgroup(standby, task, cgroup.clone());
    if let (Err(_), Some(cgroup)) = (&crew, cgroup) {
        // Where there is a keeper, it is removed by it. The reason for leaving counts more than what is left behind.
        let _ = cgroup.remove();
    }
    crew
}

fn with_cgroup(standby: Standby, task: Task<'_>, cgroup: Option<Cgroup>) -> Result<Crew, Error> {
    let signals = watch_signals()?;
    let (ground, observed) = (task.ground, task.stance == Stance::Observe);
    // Taken first, so that it is not in the agent's range.
    let forbidden = step("listen on loopback", TcpListener::bind(("127.0.0.1", 0)))?;
    let registries = registries::located(&task)?;
    registries::furnish(&task)?;
    authorities::furnish(&task)?;
    let doors = Doors::plan(&task.policy.network, ground.fence)?;
    own(&standby.streams, ground.uid)?;
    let Standby { starting, ready, ordered, specs, to_gateway, control, lifeline, go, news, report, records, results, answers, .. } =
        standby;
    let space = space(&task, &doors)?;
    tell(&specs.orders, &Orders { emptying: emptying(ground), observed, cgroup: cgroup.clone(), space })?;
    drop(ordered);
    let local = if is_reserved(&task) { ports::free_range()? } else { ports::ANY };
    if let Some(listener) = &task.gateway.listener {
        doors.hand_over(listener, &to_gateway)?;
    }

    let helper = ground.uid.map(helper_uid);
    let specification = jail::Spec { cgroup, ..specification(&task, &doors, local, &forbidden)? };
    tell(&specs.enter, &specification)?;
    tell(
        &specs.gateway,
        &(
            gateway::Spec {
                policy: task.policy.sources().to_vec(),
                ticket: task.gateway.ticket.clone(),
                credentials: task.gateway.credentials.clone(),
                gitlab: task.gateway.gitlab.clone(),
                registries,
                proxy: task.gateway.proxy.clone(),
                unlisted: if observed { gateway::Unlisted::Noted } else { gateway::Unlisted::Refused },
            },
            doors.meanings(),
            helper,
        ),
    )?;
    tell(&specs.broker, &(local, helper, &specification.watching))?;
    tell(&specs.scribe, &(&task.scribe, task.job_in, helper))?;
    drop(ready);
    let children = starting.join().unwrap_or_else(|_| Err(io::Error::other("it broke off")));
    let children = step("start a process", children)?;
    let lines = |pipe| step("read without waiting", Lines::new(pipe));
    Ok(Crew {
        children,
        signals,
        control: Some(control.into()),
        lifeline: Some(lifeline),
        go: Some(go.into()),
        news: lines(news)?,
        report: lines(report)?,
        records: lines(records)?,
        results: lines(results)?,
        adviser: step("write without waiting", Adviser::new(task.asking, answers))?,
        time: task.policy.limits.time,
        turns: agent::turns(task.policy),
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
    registries::tell(task, &mut variables)?;
    authorities::tell(task, &mut variables);
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
    let (mut read, mut read_if_there) = if files.built_in { (vec![], files.read.clone()) } else { (files.read.clone(), vec![]) };
    read.extend(authorities::grants(task));
    read_if_there.extend(task.asking.iter().map(|asking| asking.program.clone()));
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

fn tell(memory: &OwnedFd, value: &impl serde::Serialize) -> Result<(), Error> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::Step { step: "write a specification (are all paths UTF-8?)", source: error.into() })?;
    step("hand a specification over", sys::descriptor::fill(memory, &json))
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    step("make a pipe", pipe2(OFlag::O_CLOEXEC))
}

/// The agent's standard streams become the agent's uid's, so that they open by name too: a shell's `>/dev/stderr` opens its
/// own anew. Nobody else's stream is behind them, so the agent reaches no more than its own ends.
fn own(streams: &[OwnedFd], uid: Option<u32>) -> Result<(), Error> {
    let Some(uid) = uid else { return Ok(()) };
    streams.iter().try_for_each(|stream| step("own the agent's streams", fchown(stream, Some(uid), Some(uid))))
}

pub(super) fn step<T, E: Into<io::Error>>(step: &'static str, result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|source| Error::Step { step, source: source.into() })
}
