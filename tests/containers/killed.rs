//! Containers die at any moment, or are cancelled: nothing is pushed by halves, and nothing planted runs afterwards.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    place::{given, text},
    runner::{Runner, podman},
    scene::{Job, Scene, runner_fetches},
};

/// How many containers are killed.
const TIMES: u32 = 20;

struct Attack {
    /// Touched by what is planted.
    marker: PathBuf,
    script: String,
}

impl Attack {
    /// Plants wherever git would run something: in its own tree and in the checkout. Then makes a change and ends.
    fn new(scratch: &Path, checkout: &Path) -> Self {
        let marks = scratch.join("builds/marks");
        fs::create_dir(&marks).unwrap();
        fs::set_permissions(&marks, fs::Permissions::from_mode(0o777)).unwrap();
        let marker = marks.join("planted-program-ran");
        let script = format!(
            "cat > /dev/null\nfor git in .git {}/.git; do\n\
             {{ printf '#!/bin/sh\\ntouch {}\\n' > $git/evil && chmod +x $git/evil && cp $git/evil $git/hooks/post-checkout\n\
             git --git-dir=$git config core.fsmonitor \"$(realpath $git)/evil\"; }} 2>/dev/null\ndone\n\
             printf 'def depart():\\n    return True\\n' > src/ferry.py\nsleep 0.3\n",
            checkout.display(),
            marker.display()
        );
        Self { marker, script }
    }

    fn policy(&self, more: &str) -> String {
        let command = serde_json::json!(["sh", "-c", format!("{}{more}", self.script)]);
        format!("[agent]\nkind = \"command\"\ncommand = {command}\n[limits]\ntime = 60\n")
    }

    /// Where nothing holds the agent, the runner's next git steps do run what it planted.
    fn works_without_walls(&self, scene: &Scene) {
        let tree = scene.checkout().with_file_name("control");
        let url = scene.gitlab.clone_url().replace("http://", &format!("http://oauth2:{}@", scene.token));
        runner_fetches(&tree, &url);
        let agent = Command::new("sh").args(["-c", &self.script]).current_dir(&tree).stdin(Stdio::null()).status().unwrap();
        assert!(agent.success());
        runner_fetches(&tree, &url);
        assert!(self.marker.exists(), "the attack does not even work outside of the walls");
        fs::remove_file(&self.marker).unwrap();
        for tree in [tree, scene.checkout()] {
            fs::remove_dir_all(tree).unwrap();
        }
    }
}

/// How a kill met its job.
#[derive(Debug, Default)]
struct Tally {
    before_the_verdict: u32,
    judged_and_not_pushed: u32,
    pushed: u32,
    over_already: u32,
}

#[test]
#[ignore = "run apart by a test of main.rs"]
fn inside() {
    let (scratch, _) = given();
    let scene = Scene::new(&scratch);
    scene.get_sources(&scene.job());
    let attack = Attack::new(&scratch, &scene.checkout());
    attack.works_without_walls(&scene);
    scene.policy(&attack.policy(""));
    let whole = undisturbed(&scene, &scene.job(), Runner::Root);
    let (mut tally, mut last) = (Tally::default(), None);
    for turn in 0..TIMES {
        let job = Job { entrypoint: turn / 8 % 2 == 0, ..scene.job() };
        let runner = if turn / 2 % 2 == 0 { Runner::Root } else { Runner::User };
        // Half of them at a random moment of each part of the job, half soon after the agent ended: while its change leaves.
        let (ended, moment) = match turn % 2 {
            0 => (false, (whole / TIMES) * turn + (whole / TIMES).mul_f64(random())),
            _ => (true, (whole / 8).mul_f64(random())),
        };
        kill_at(&scene, &scratch, &job, runner, (ended, moment), turn / 4 % 2 == 0);
        nobody_is_left(&job);
        pushed_whole_or_not_at_all(&scene, &job, &mut tally);
        scene.get_sources(&job);
        assert!(!attack.marker.exists(), "killed after {moment:?}, agent ended {ended}, as {runner:?}: what was planted ran");
        last = Some(job);
    }
    println!("killed in {whole:?}: {tally:?}");
    assert!(tally.before_the_verdict > 0 && tally.over_already < TIMES * 3 / 4, "the moments are badly chosen: {tally:?}");
    for runner in [Runner::Root, Runner::User] {
        undisturbed(&scene, &scene.job(), runner);
    }
    undisturbed(&scene, &scene.job_for(last.unwrap().issue), Runner::Root);
    assert!(!attack.marker.exists());
}

/// A job that nobody kills, from its first process to its end.
fn undisturbed(scene: &Scene, job: &Job, runner: Runner) -> Duration {
    scene.get_sources(job);
    let child = scene.start(runner, job, "set -eu\ntidewaiter job\n");
    scene.first_process(job);
    let start = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{runner:?}: {}", text(&output));
    let opened = scene.gitlab.merge_requests();
    // Where a killed job left its branch without a merge request, another name is taken.
    let ours = |name: &str| name == job.branch() || name.starts_with(&format!("{}-", job.branch()));
    assert!(opened.iter().any(|request| ours(&request.source_branch)), "{}", text(&output));
    start.elapsed()
}

fn random() -> f64 {
    let mut byte = [0; 1];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut byte).unwrap();
    f64::from(byte[0]) / 256.0
}

fn kill_at(scene: &Scene, scratch: &Path, job: &Job, runner: Runner, (ended, moment): (bool, Duration), directly: bool) {
    scene.get_sources(job);
    let child = scene.start(runner, job, "set -eu\ntidewaiter job\n");
    let first = Pid::from_raw(scene.first_process(job));
    let start = Instant::now();
    while ended && scene.journal(job, "ended").is_empty() && start.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(1));
    }
    sleep(moment);
    // Either fails where the job is over already.
    if directly {
        let _ = kill(first, Signal::SIGKILL);
    } else {
        let _ = podman(scratch).args(["kill", "--signal=KILL", &job.name()]).output().unwrap();
    }
    child.wait_with_output().unwrap();
}

/// No process of a container is left: all others here share this one's process namespace. Nor does the stand-in's git work.
fn nobody_is_left(job: &Job) {
    let own = fs::read_link("/proc/self/ns/pid").unwrap();
    let all = || fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let guest = |process: &PathBuf| fs::read_link(process.join("ns/pid")).is_ok_and(|other| other != own);
    let git = |process: &PathBuf| {
        fs::read_to_string(process.join("comm")).is_ok_and(|name| name.starts_with("git")) && fs::read_link(process.join("exe")).is_ok()
    };
    let start = Instant::now();
    while all().any(|process| guest(&process) || git(&process)) {
        let left: Vec<_> = all().filter(guest).map(|process| fs::read_to_string(process.join("cmdline"))).collect();
        assert!(start.elapsed() < Duration::from_secs(5), "{}: somebody lives on: {left:?}", job.name());
        sleep(Duration::from_millis(10));
    }
}

fn pushed_whole_or_not_at_all(scene: &Scene, job: &Job, tally: &mut Tally) {
    let branch = job.branch();
    let verdicts = scene.journal(job, "verdict");
    let opened = scene.gitlab.merge_requests().iter().any(|request| request.source_branch == branch);
    let Some(tip) = scene.gitlab.tip(&branch) else {
        assert!(!opened, "a merge request without its branch");
        let count = if verdicts.is_empty() { &mut tally.before_the_verdict } else { &mut tally.judged_and_not_pushed };
        *count += 1;
        return;
    };
    let count = if scene.journal(job, "end").is_empty() { &mut tally.pushed } else { &mut tally.over_already };
    *count += 1;
    let tree = scene.gitlab.git(&["rev-parse", &format!("{tip}^{{tree}}")]);
    assert_eq!(verdicts.first().and_then(|record| record["tree"].as_str()), Some(tree.as_str()), "another tree than the judged one");
    assert_eq!(scene.gitlab.git(&["rev-parse", &format!("{tip}^@")]), scene.gitlab.tip("main").unwrap());
    assert_eq!(scene.gitlab.git(&["diff", "--name-only", "main", &tip]), "src/ferry.py");
    // Every object is there.
    scene.gitlab.git(&["fsck", "--connectivity-only", "--no-dangling"]);
}

/// Returns when `word` was said; the thread gives everything that is said until the end.
fn until(log: std::process::ChildStdout, word: &'static str) -> JoinHandle<String> {
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains(word) {
                let _ = tell.send(());
            }
            all.push_str(&line);
            all.push('\n');
        }
        all
    });
    if told.recv_timeout(Duration::from_secs(60)).is_err() {
        panic!("it never said {word:?}: {}", reader.join().unwrap());
    }
    reader
}

/// In the middle of boarding: the first process of a container loses signals that it does not look out for.
fn cancelled_while_boarding(scene: &Scene, scratch: &Path) {
    let mut boarding = 0;
    for _ in 0..5 {
        let job = Job { entrypoint: false, ..scene.job() };
        scene.get_sources(&job);
        let child = scene.command(Runner::Root, &job, &["tidewaiter", "job"]).spawn().unwrap();
        let first = scene.first_process(&job);
        let start = Instant::now();
        while !looks_out(first) {
            assert!(start.elapsed() < Duration::from_secs(20), "it never looks out for SIGTERM");
            sleep(Duration::from_millis(1));
        }
        boarding += u32::from(scene.journal(&job, "start").is_empty());
        podman(scratch).args(["stop", "-t", "10", &job.name()]).output().unwrap();
        let output = child.wait_with_output().unwrap();
        println!("cancelled while boarding: {:?} after {:?}", output.status.code(), start.elapsed());
        assert_eq!(output.status.code(), Some(143), "{}", text(&output));
    }
    assert!(boarding > 0, "only after boarding it looks out for SIGTERM");
}

/// Whether a process blocks SIGTERM, to read it when it can (proc_pid_status(5)).
fn looks_out(process: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Before it is the program it is still runc, whose threads block nothing for long.
    let program = fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.trim() == "tidewaiter");
    program && blocked.is_some_and(|mask| mask & (1 << (libc::SIGTERM - 1)) != 0)
}

#[test]
#[ignore = "run apart by a test of main.rs"]
fn inside_cancelled() {
    let (scratch, _) = given();
    let scene = Scene::new(&scratch);
    scene.get_sources(&scene.job());
    let attack = Attack::new(&scratch, &scene.checkout());
    // An agent that ends well when it is told to end: what it made must stay all the same.
    scene.policy(&attack.policy("trap 'exit 0' TERM\necho at work\nwhile :; do sleep 0.1; done\n"));
    for runner in [Runner::Root, Runner::User] {
        for first in [true, false] {
            let job = Job { entrypoint: !first, ..scene.job() };
            scene.get_sources(&job);
            let mut child = if first {
                scene.command(runner, &job, &["tidewaiter", "job"]).spawn().unwrap()
            } else {
                scene.start(runner, &job, "set -eu\ntidewaiter job\necho 'the script went on'\n")
            };
            let said = until(child.stdout.take().unwrap(), "at work");
            if !first {
                // As GitLab Runner does: first every process but the first one.
                podman(&scratch).args(["exec", &job.name(), "sh", "-c", "kill -TERM -1"]).output().unwrap();
            }
            let start = Instant::now();
            podman(&scratch).args(["stop", "-t", "10", &job.name()]).output().unwrap();
            let output = child.wait_with_output().unwrap();
            println!("cancelled {runner:?}, first process {first}: {:?} after {:?}", output.status.code(), start.elapsed());
            let said = said.join().unwrap();
            assert_eq!(output.status.code(), Some(143), "{runner:?}, first process {first}: {said}");
            assert!(!said.contains("went on"), "{said}");
            nobody_is_left(&job);
            scene.get_sources(&job);
            assert!(!attack.marker.exists());
        }
    }
    cancelled_while_boarding(&scene, &scratch);
    assert_eq!(scene.gitlab.branches(), ["main"]);
    assert!(scene.gitlab.merge_requests().is_empty());
}
