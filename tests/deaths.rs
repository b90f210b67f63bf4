//! Our own processes die at bad moments: the agent dies too, and nothing hangs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/inside.rs"]
mod inside;

use std::{
    fs,
    path::Path,
    process::{Child, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use inside::{TIDEWAITER, is_root, outside, wait_until, workspace};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// Leaves two processes in sessions of their own behind that no signal but SIGKILL ends, and stays.
const AGENT: &str = "for i in 1 2; do setsid sh -c 'trap : TERM HUP INT; while :; do echo x >> alive; sleep 0.02; done' & done; trap : TERM; while :; do sleep 0.02; done";

/// A place to work, and one for the rooms: a supervisor that is killed leaves its own behind.
struct Scene {
    directory: TempDir,
    rooms: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { directory: workspace(), rooms: workspace() }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Under a uid of this test's own: the kernel counts RLIMIT_NPROC by uid, whoever's job it is, and a flood of processes
    /// in another test would leave this agent none.
    fn start(&self, agent: &str) -> Child {
        let policy = self.rooms.path().join("policy.toml");
        fs::write(&policy, format!("version = 1\n[process]\nuid = {}\n", 62_000 + std::process::id() % 2000)).unwrap();
        let command = [TIDEWAITER, "run", "--policy", policy.to_str().unwrap(), "--", "sh", "-c", agent];
        outside(self.path(), &command).env("TMPDIR", self.rooms.path()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn written(&self) -> u64 {
        fs::metadata(self.path().join("alive")).map_or(0, |meta| meta.len())
    }

    /// Waits until the agent has written something more: on a busy machine its turn may come late.
    fn works(&self, what: &str) {
        let before = self.written();
        wait_until(what, || self.written() != before);
    }

    /// Whether something is written that the agent would not have had the time for.
    fn lives_on(&self) -> bool {
        let before = self.written();
        sleep(Duration::from_millis(300));
        self.written() != before
    }
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The process of ours of that role, beneath the supervisor.
fn role(supervisor: &Child, name: &str) -> Option<Pid> {
    let ours = children(supervisor.id());
    let all: Vec<u32> = ours.iter().copied().chain(ours.iter().flat_map(|pid| children(*pid))).collect();
    let is = |pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(format!("{name}\0").as_bytes()));
    all.into_iter().find(is).map(|pid| Pid::from_raw(i32::try_from(pid).unwrap()))
}

/// The status of a process that ends in time.
fn ended(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if start.elapsed() > Duration::from_secs(60) => {
                child.kill().unwrap();
                panic!("it hangs");
            }
            None => sleep(Duration::from_millis(5)),
        }
    }
}

#[test]
fn when_a_process_of_ours_is_killed_the_agent_is_dead() {
    for name in ["stem", "keeper", "gateway", "broker", "scribe"] {
        let scene = Scene::new();
        let mut supervisor = scene.start(AGENT);
        scene.works(name);
        let victim = role(&supervisor, &format!("tidewaiter-{name}")).unwrap_or_else(|| panic!("there is no {name}"));
        kill(victim, Signal::SIGKILL).unwrap();
        assert_eq!(ended(&mut supervisor).code(), Some(125), "{name}");
        assert!(!scene.lives_on(), "{name}: the agent lives on");
    }
}

/// A runner that cancels sends SIGTERM to every process in the container.
#[test]
fn a_signal_to_all_of_our_processes_ends_the_agent_in_order() {
    let scene = Scene::new();
    let mut supervisor = scene.start(AGENT);
    scene.works("start");
    for name in ["keeper", "stem", "gateway", "broker", "scribe"] {
        kill(role(&supervisor, &format!("tidewaiter-{name}")).unwrap(), Signal::SIGTERM).unwrap();
    }
    scene.works("they leave it to the supervisor");
    kill(Pid::from_raw(i32::try_from(supervisor.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(ended(&mut supervisor).code(), Some(128 + 9), "it ignores the signal and is killed after ten seconds");
    assert!(!scene.lives_on());
}

/// From the first fork to the running agent.
#[test]
fn whenever_the_supervisor_is_killed_nobody_is_left() {
    for moment in 0..25 {
        let scene = Scene::new();
        let mut supervisor = scene.start(AGENT);
        sleep(Duration::from_millis(4 * moment));
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        let place = scene.path().canonicalize().unwrap();
        let inside = |pid: &str| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == place);
        let pids = || fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        wait_until(&format!("killed after {} ms", 4 * moment), || !pids().any(|pid| inside(&pid)));
        assert!(!scene.lives_on(), "killed after {} ms", 4 * moment);
    }
}

/// From the first step, before the workspace is lent, to the running agent.
#[test]
fn whenever_a_signal_comes_the_workspace_is_given_back() {
    use std::os::unix::{fs::MetadataExt as _, process::ExitStatusExt as _};
    if !is_root() {
        println!("NOT RUN: giving the workspace back: it needs root");
        return;
    }
    for moment in 0..25 {
        let scene = Scene::new();
        for name in 0..500 {
            fs::write(scene.path().join(name.to_string()), "").unwrap();
        }
        let mut supervisor = scene.start("exec sleep 60");
        sleep(Duration::from_millis(moment));
        kill(Pid::from_raw(i32::try_from(supervisor.id()).unwrap()), Signal::SIGTERM).unwrap();
        let status = ended(&mut supervisor);
        let by_signal = status.signal() == Some(15) || matches!(status.code(), Some(137 | 143));
        assert!(by_signal, "after {moment} ms: {status}");
        let entries = fs::read_dir(scene.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().uid());
        assert_eq!(entries.filter(|uid| *uid != 0).count(), 0, "after {moment} ms");
        assert_eq!(fs::metadata(scene.path()).unwrap().uid(), 0, "after {moment} ms");
    }
}

/// Reads the numbers of proc(5), `/proc/pid/status`.
fn status(pid: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

/// Once the agent runs, none of our own processes can gain anything, and those that face it hold no capability.
#[test]
fn our_own_processes_are_behind_walls_too() {
    let scene = Scene::new();
    let mut supervisor = scene.start(AGENT);
    scene.works("start");
    let control = std::process::id();
    assert_eq!(status(control, "NoNewPrivs"), "0", "the walls are not ours to begin with");
    for name in ["gateway", "broker", "scribe"] {
        let pid = u32::try_from(role(&supervisor, &format!("tidewaiter-{name}")).unwrap().as_raw()).unwrap();
        let found = ["NoNewPrivs", "CapEff", "CapPrm", "Seccomp"].map(|field| status(pid, field));
        let seccomp = if name == "broker" { "0" } else { "2" };
        assert_eq!(found, ["1", "0000000000000000", "0000000000000000", seccomp], "{name}");
    }
    assert_eq!(status(supervisor.id(), "NoNewPrivs"), "1");
    if is_root() {
        // CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
        assert_eq!(u64::from_str_radix(&status(supervisor.id(), "CapEff"), 16).unwrap() & !0x1ff, 0);
    }
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
}

/// The orphan is reaped by a process of ours, which goes on.
#[test]
fn an_orphan_that_a_real_time_signal_ends_ends_nothing_else() {
    let orphan = "(setsid sh -c 'sleep 0.1; kill -40 $$' &); sleep 1; echo still here";
    let directory = workspace();
    for command in [["run", "--", "sh", "-c", orphan], ["init", "--", "sh", "-c", orphan]] {
        let output = outside(directory.path(), &[&[TIDEWAITER], &command[..]].concat()).output().unwrap();
        assert_eq!((inside::text(&output).as_str(), output.status.code()), ("still here\n", Some(0)), "{command:?}");
    }
}

/// A doctor that was interrupted has proved nothing.
#[test]
fn an_interrupted_doctor_never_says_that_the_walls_were_proven() {
    let directory = workspace();
    let mut interrupted = 0;
    for moment in 0..25 {
        let mut made = outside(directory.path(), &[TIDEWAITER, "doctor"]);
        let mut doctor = made.stdout(Stdio::piped()).spawn().unwrap();
        sleep(Duration::from_millis(4 * moment));
        // It may have ended by now.
        let _ = kill(Pid::from_raw(i32::try_from(doctor.id()).unwrap()), Signal::SIGTERM);
        let status = ended(&mut doctor);
        let mut said = String::new();
        std::io::Read::read_to_string(&mut doctor.stdout.take().unwrap(), &mut said).unwrap();
        let proven = said.contains("proven inside the walls") && said.contains("files · reading a file outside: refused, EACCES");
        assert_eq!(status.code() == Some(0), proven, "after {moment} × 4 ms: {status}\n{said}");
        interrupted += u32::from(said.contains("NOT PROVEN  cancelled"));
    }
    assert!(interrupted > 0, "no moment was between the first wall and the proof");
}
