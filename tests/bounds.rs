//! Bounds of all the agent's processes together: a cgroup of its own, and a refusal where none can be had.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/inside.rs"]
mod inside;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use inside::{TIDEWAITER, is_root, outside, text, wait_until, workspace};
use tempfile::TempDir;

/// A policy with these limits, under a uid of this test's own: RLIMIT_NPROC counts by uid, whoever's job it is.
fn policy(directory: &Path, name: &str, limits: &str) -> String {
    let path = directory.join(name);
    let uid = 64_000 + std::process::id() % 1000;
    fs::write(&path, format!("version = 1\n[process]\nuid = {uid}\n[process.limits]\n{limits}\n")).unwrap();
    path.display().to_string()
}

fn run(directory: &Path, policy: &str, command: &[&str]) -> Command {
    outside(directory, &[&[TIDEWAITER, "run", "--policy", policy, "--"], command].concat())
}

/// Says aloud that there is no cgroup to be had here, and why.
fn has_no_cgroup(what: &str) -> bool {
    let directory = workspace();
    let policy = policy(directory.path(), "asks.toml", "memory_bytes = \"64M\"\ncpus = 1");
    let doctor = outside(directory.path(), &[TIDEWAITER, "doctor", "--policy", &policy]).output().unwrap();
    let said = text(&doctor);
    let lacks = said.lines().find(|line| line.trim_start().starts_with("bounds") && line.contains("MISSING"));
    if let Some(lacks) = lacks {
        println!("NOT RUN: {what}: {}", lacks.trim());
    }
    lacks.is_some()
}

/// Cgroups of ours anywhere on this machine that bound memory so.
fn cgroups(bytes: u64) -> usize {
    let output = Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-name", "tidewaiter-*"]).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    let bound = |directory: &str, file: &str| fs::read_to_string(format!("{directory}/{file}")).unwrap_or_default();
    let is_it =
        |directory: &&str| ["memory.max", "memory.limit_in_bytes"].iter().any(|file| bound(directory, file).trim() == bytes.to_string());
    found.lines().filter(is_it).count()
}

/// Its child takes 200 MiB.
const HOG: &str = "import subprocess, sys\ncode = 'b = bytearray(200 << 20)\\nfor i in range(0, len(b), 4096): b[i] = 1'\nprint('child', subprocess.run([sys.executable, '-c', code]).returncode)";

#[test]
fn who_takes_too_much_memory_is_killed_and_that_is_said() {
    if has_no_cgroup("a process that takes too much memory") {
        return;
    }
    let directory = workspace();
    let journals = TempDir::new().unwrap();
    for (limits, child, killed) in [("", "child 0", 0), ("memory_bytes = 67112960", "child -9", 1)] {
        let policy = policy(directory.path(), "p.toml", limits);
        let journal = journals.path().join(format!("{killed}"));
        let command = [TIDEWAITER, "run", "--policy", &policy, "--journal", journal.to_str().unwrap(), "--", "python3", "-c", HOG];
        let said = text(&outside(directory.path(), &command).output().unwrap());
        assert!(said.contains(child), "{limits}: {said}");
        assert_eq!(said.contains("killed 1 of the agent's processes"), killed == 1, "{said}");
        let noted = fs::read_to_string(journal).unwrap();
        assert_eq!(noted.matches("\"event\":\"out-of-memory\",\"killed\":1").count(), killed, "{noted}");
        assert_eq!(noted.contains("a cgroup of the agent's own: 67112960 bytes of memory"), killed == 1, "{noted}");
    }
    assert_eq!(cgroups(67_112_960), 0);
}

#[test]
fn processors_are_shared_out() {
    if has_no_cgroup("processors") {
        return;
    }
    let directory = workspace();
    let spin = "import time\nend = time.time() + 2\nwhile time.time() < end: pass\nprint(time.process_time())";
    let used = |limits: &str| {
        let policy = policy(directory.path(), "p.toml", limits);
        let output = run(directory.path(), &policy, &["python3", "-c", spin]).output().unwrap();
        text(&output).trim().parse::<f64>().unwrap_or_else(|_| panic!("{}", text(&output)))
    };
    let (bound, free) = (used("cpus = 0.1"), used(""));
    println!("with 0.1 processors {bound} s in 2 s, without a bound {free} s");
    assert!(bound < 0.4 && free > 0.5, "{bound} {free}");
}

/// The keeper removes what was made, whoever is gone before.
#[test]
fn nothing_of_a_cgroup_is_left_when_the_supervisor_is_killed() {
    if has_no_cgroup("a supervisor that is killed") {
        return;
    }
    let directory = workspace();
    let rooms = workspace();
    let policy = policy(directory.path(), "p.toml", "memory_bytes = 67117056");
    let mut supervisor =
        run(directory.path(), &policy, &["sh", "-c", "touch ready; sleep 60"]).env("TMPDIR", rooms.path()).spawn().unwrap();
    wait_until("start", || directory.path().join("ready").exists());
    assert_eq!(cgroups(67_117_056), 1);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    wait_until("the keeper removes the cgroup", || cgroups(67_117_056) == 0);
}

/// In a mount namespace of its own, after `change`.
fn where_none_can_be_written(directory: &Path, change: &str, command: &[&str]) -> Output {
    let script = format!("{change} && exec \"$@\"");
    outside(directory, &[&["unshare", "-m", "sh", "-c", &script, "sh", TIDEWAITER], command].concat())
        .stdout(Stdio::piped())
        .output()
        .unwrap()
}

#[test]
fn where_no_cgroup_can_be_written_a_policy_that_bounds_memory_is_refused() {
    if !is_root() {
        println!("NOT RUN: a host without cgroups: it needs root, to make a mount namespace");
        return;
    }
    let directory = workspace();
    let (with, without) = (policy(directory.path(), "p.toml", "memory_bytes = \"64M\""), policy(directory.path(), "q.toml", ""));
    let read_only = "for at in /sys/fs/cgroup $(findmnt -rno TARGET -t cgroup,cgroup2); do mount -o remount,bind,ro $at; done";
    for (change, reason) in [("umount -R /sys/fs/cgroup", "no cgroup here has the controller `memory`"), (read_only, "/sys/fs/cgroup")] {
        let tried = |policy: &str, story: &[&str]| {
            let command = [&story[..1], &["--policy", policy], &story[1..]].concat();
            let output = where_none_can_be_written(directory.path(), change, &command);
            (output.status.code(), text(&output))
        };
        for (story, code) in [(vec!["run", "--", "true"], 125), (vec!["doctor"], 65)] {
            let (refused, said) = tried(&with, &story);
            assert_eq!(refused, Some(code), "{change}: {said}");
            let words = ["`bounds`", reason, "take `memory_bytes` and `cpus` out of `process.limits`"];
            assert!(words.iter().all(|word| said.contains(word)), "{change}: {said}");
            let (held, said) = tried(&without, &story);
            assert_eq!(held, Some(0), "{change}: {said}");
        }
        assert!(tried(&without, &["doctor"]).1.contains("no cgroup, for the policy names no memory"));
    }
}
