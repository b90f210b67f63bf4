//! Jobs that are killed at any moment.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::{IMPLEMENT, Scene, text};

#[test]
fn a_killed_job_leaves_nothing_that_git_would_run() {
    let scene = Scene::new();
    let marker = scene.scratch.path().join("planted-program-ran");
    fs::write(&marker, "").unwrap();
    fs::remove_file(&marker).unwrap();
    let script = format!(
        "printf '#!/bin/sh\\ntouch {0}\\n' > evil; chmod +x evil; cp evil .git/hooks/post-checkout; git config core.fsmonitor \"$PWD/evil\"; while :; do echo x >> src/ferry.py; sleep 0.01; done",
        marker.display()
    );
    for whole_container in [false, true] {
        if whole_container && !nix::unistd::geteuid().is_root() {
            println!("NOT RUN: killing a job with all its processes at once needs root");
            continue;
        }
        for _ in 0..20 {
            let moment = random_moment();
            let job = scene.job(&script);
            let mut job = if whole_container { in_a_container(&job) } else { job };
            let mut job = job.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            sleep(moment);
            job.kill().unwrap();
            job.wait().unwrap();
            runner_fetches(&scene.directory());
            assert!(!marker.exists(), "killed after {moment:?}, whole container: {whole_container}");
            assert!(agents().is_empty(), "killed after {moment:?}: the agent lives on: {:?}", agents());
        }
    }
    scene.nothing_left();
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// The same job as PID 1 of a process namespace: when it dies, so does everything in there, as with a container.
fn in_a_container(job: &Command) -> Command {
    let mut made = Command::new("unshare");
    made.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(job.get_program()).args(job.get_args());
    made.env_clear().envs(job.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    made.current_dir(job.get_current_dir().unwrap());
    made
}

fn random_moment() -> Duration {
    let mut byte = [0; 1];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut byte).unwrap();
    Duration::from_millis(5 + 3 * u64::from(byte[0]))
}

/// Processes of the agent that plants: none may outlive its job by more than a moment.
fn agents() -> Vec<String> {
    for _ in 0..50 {
        let listed = Command::new("pgrep").args(["-f", "^sh -c printf.*planted-program-ran"]).output().unwrap();
        let found: Vec<String> = String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
        if found.is_empty() {
            return found;
        }
        sleep(Duration::from_millis(20));
    }
    vec!["see pgrep".to_owned()]
}

/// What the runner's own git does in a kept checkout (`GIT_STRATEGY=fetch`).
fn runner_fetches(checkout: &Path) {
    for arguments in [
        vec!["status", "--porcelain"],
        vec!["clean", "-ffdx"],
        vec!["fetch", "-q", "--depth=20", "origin", "main"],
        vec!["checkout", "-qf", "--detach", "FETCH_HEAD"],
    ] {
        assert!(
            Command::new("git").args(&arguments).current_dir(checkout).stdout(Stdio::null()).status().unwrap().success(),
            "{arguments:?}"
        );
    }
}
