//! Our own processes die at bad moments: the agent dies too, and nothing hangs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// Leaves two processes in sessions of their own behind that no signal but SIGKILL ends, and stays.
const AGENT: &str = "for i in 1 2; do setsid sh -c 'trap : TERM HUP INT; while :; do echo x >> alive; sleep 0.02; done' & done; trap : TERM; while :; do sleep 0.02; done";

fn workspace() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

fn start(directory: &Path, agent: &str) -> Child {
    let mut made = Command::new(env!("CARGO_BIN_EXE_tidewaiter"));
    made.args(["run", "--", "sh", "-c", agent]).current_dir(directory).env_remove("TIDEWAITER_POLICY").stdin(Stdio::null());
    made.stdout(Stdio::null()).spawn().unwrap()
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

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: it never happened");
        sleep(Duration::from_millis(5));
    }
}

/// The status of a process that ends in time.
fn ended(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if start.elapsed() > Duration::from_secs(20) => {
                child.kill().unwrap();
                panic!("it hangs");
            }
            None => sleep(Duration::from_millis(5)),
        }
    }
}

fn is_at_work(directory: &Path) -> bool {
    let size = || fs::metadata(directory.join("alive")).map_or(0, |meta| meta.len());
    let before = size();
    sleep(Duration::from_millis(200));
    size() != before
}

#[test]
fn when_a_process_of_ours_is_killed_the_agent_is_dead() {
    for name in ["stem", "keeper", "gateway", "broker", "scribe"] {
        let directory = workspace();
        let mut supervisor = start(directory.path(), AGENT);
        wait_until(name, || directory.path().join("alive").exists());
        assert!(is_at_work(directory.path()), "{name}: the agent does not even work before");
        let victim = role(&supervisor, &format!("tidewaiter-{name}")).unwrap_or_else(|| panic!("there is no {name}"));
        kill(victim, Signal::SIGKILL).unwrap();
        assert_eq!(ended(&mut supervisor).code(), Some(125), "{name}");
        assert!(!is_at_work(directory.path()), "{name}: the agent lives on");
    }
}

/// A runner that cancels sends SIGTERM to every process in the container.
#[test]
fn a_signal_to_all_of_our_processes_ends_the_agent_in_order() {
    let directory = workspace();
    let mut supervisor = start(directory.path(), AGENT);
    wait_until("start", || directory.path().join("alive").exists());
    for name in ["keeper", "stem", "gateway", "broker", "scribe"] {
        kill(role(&supervisor, &format!("tidewaiter-{name}")).unwrap(), Signal::SIGTERM).unwrap();
    }
    assert!(is_at_work(directory.path()), "they leave it to the supervisor");
    kill(Pid::from_raw(i32::try_from(supervisor.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(ended(&mut supervisor).code(), Some(128 + 9), "it ignores the signal and is killed after ten seconds");
    assert!(!is_at_work(directory.path()));
}

/// From the first fork to the running agent.
#[test]
fn whenever_the_supervisor_is_killed_nobody_is_left() {
    for moment in 0..25 {
        let directory = workspace();
        let mut supervisor = start(directory.path(), AGENT);
        sleep(Duration::from_millis(4 * moment));
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        let place = directory.path().canonicalize().unwrap();
        let inside = |pid: &str| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == place);
        let pids = || fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        wait_until(&format!("killed after {} ms", 4 * moment), || !pids().any(|pid| inside(&pid)));
        assert!(!is_at_work(directory.path()), "killed after {} ms", 4 * moment);
    }
}

/// From the first step, before the workspace is lent, to the running agent.
#[test]
fn whenever_a_signal_comes_the_workspace_is_given_back() {
    use std::os::unix::{fs::MetadataExt as _, process::ExitStatusExt as _};
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: giving the workspace back: it needs root");
        return;
    }
    for moment in 0..25 {
        let directory = workspace();
        for name in 0..500 {
            fs::write(directory.path().join(name.to_string()), "").unwrap();
        }
        let mut supervisor = start(directory.path(), "exec sleep 60");
        sleep(Duration::from_millis(moment));
        kill(Pid::from_raw(i32::try_from(supervisor.id()).unwrap()), Signal::SIGTERM).unwrap();
        let status = ended(&mut supervisor);
        let by_signal = status.signal() == Some(15) || matches!(status.code(), Some(137 | 143));
        assert!(by_signal, "after {moment} ms: {status}");
        let entries = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().uid());
        assert_eq!(entries.filter(|uid| *uid != 0).count(), 0, "after {moment} ms");
        assert_eq!(fs::metadata(directory.path()).unwrap().uid(), 0, "after {moment} ms");
    }
}
