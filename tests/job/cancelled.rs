//! A job that is asked to end at any moment: nothing left, or all of it did and the log says so.

use std::{
    collections::BTreeMap,
    io::Read as _,
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{IMPLEMENT, JOB, Scene, all_at_once, last_line, support::gitlab::Request, text};

fn start(scene: &Scene, script: &str) -> Child {
    scene.job(script).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn terminate(child: &Child) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
}

/// How a job that was asked to end stands: nothing of it, or all of it.
fn whole(scene: &Scene, output: &Output) -> &'static str {
    let (branches, requests) = (scene.gitlab.branches(), scene.gitlab.merge_requests());
    let said = text(output);
    assert!(!said.contains("panicked"), "{said}");
    match (branches.len(), requests.len()) {
        (1, 0) => {
            assert!(!last_line(output).contains("merge request !"), "{said}");
            "nothing left"
        }
        (2, 1) => {
            assert!(last_line(output).contains("merge request !1 opened"), "{said}");
            "all left"
        }
        other => panic!("half a state: {other:?}: {said}"),
    }
}

/// The exit code or the signal, as a shell says it.
fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap())
}

/// Random moments, spread over the whole job: one in each of so many parts of what an undisturbed job takes.
const MOMENTS: u32 = 20;

#[test]
fn whenever_a_job_is_asked_to_end_nothing_is_left_in_half() {
    let counts = Mutex::new(BTreeMap::<(&str, i32), u32>::new());
    all_at_once((0..4).collect(), |part: u32| {
        // GitLab is slow, so that publishing takes its share of the time.
        let slow = || {
            let scene = Scene::new();
            scene.gitlab.latency(Duration::from_millis(200));
            scene
        };
        let control = slow();
        let begin = Instant::now();
        assert_eq!(control.run(IMPLEMENT).status.code(), Some(0));
        let whole_job = begin.elapsed();
        for number in (part..MOMENTS).step_by(4) {
            let scene = slow();
            let moment = whole_job * (number * 256 + u32::from(random_byte())) / (MOMENTS * 256);
            let (stands, status) = ended_after(&scene, moment);
            *counts.lock().unwrap().entry((stands, status)).or_default() += 1;
        }
    });
    let counts = counts.into_inner().unwrap();
    println!("{counts:?}");
    assert_eq!(counts.values().sum::<u32>(), MOMENTS);
}

fn ended_after(scene: &Scene, moment: Duration) -> (&'static str, i32) {
    let child = start(scene, IMPLEMENT);
    sleep(moment);
    terminate(&child);
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    let (stands, status) = (whole(scene, &output), status(&output));
    println!("asked after {} ms, ended {} ms later: {stands}, {status}", moment.as_millis(), asked.elapsed().as_millis());
    assert!(status == 143 || stands == "all left" && status == 0, "after {moment:?}: {}", text(&output));
    assert_eq!(std::fs::read_dir(scene.rooms()).unwrap().count(), 0, "after {moment:?}: {}", text(&output));
    (stands, status)
}

fn random_byte() -> u8 {
    let mut byte = [0];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut byte)).unwrap();
    byte[0]
}

/// Waits until GitLab got so many requests that end so.
fn until(scene: &Scene, count: usize, method: &str, end: &str) {
    let start = Instant::now();
    let is_one = |request: &&Request| request.method == method && request.path.ends_with(end);
    while scene.gitlab.requests().iter().filter(is_one).count() < count {
        assert!(start.elapsed() < Duration::from_secs(30), "{method} {end} never came");
        sleep(Duration::from_millis(5));
    }
}

/// A job whose GitLab is slow, asked to end when GitLab got so many such requests.
fn asked_to_end_at(count: usize, method: &str, end: &str) -> (Scene, Output) {
    let scene = Scene::new();
    scene.gitlab.latency(Duration::from_millis(500));
    let child = start(&scene, IMPLEMENT);
    until(&scene, count, method, end);
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    (scene, output)
}

#[test]
fn a_job_that_is_asked_to_end_while_it_publishes_goes_to_the_end_of_it() {
    let moments = vec![("POST", "/git-receive-pack"), ("POST", "/merge_requests")];
    all_at_once(moments, |(method, end): (&str, &str)| {
        let (scene, output) = asked_to_end_at(1, method, end);
        assert_eq!(whole(&scene, &output), "all left", "{}", text(&output));
        scene.ended(&output, 143, &["signal 15", "merge request !1 opened"]);
        scene.answered("**Done:** !1", &[]);
    });
}

#[test]
fn a_job_that_is_asked_to_end_before_it_publishes_says_so_in_the_thread() {
    // GitLab is asked for the job at its beginning, and again before anything is pushed.
    let moments = vec![(1, "POST", "/issues/1/notes"), (2, "GET", "/api/v4/job")];
    all_at_once(moments, |(count, method, end): (usize, &str, &str)| {
        let (scene, output) = asked_to_end_at(count, method, end);
        scene.ended(&output, 143, &["cancelled by signal 15", "nothing left"]);
        scene.nothing_left();
        scene.answered("**Cancelled.**", &[]);
    });
}

/// Every process beneath `pid`.
fn beneath(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children: Vec<u32> = text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    children.iter().copied().chain(children.iter().flat_map(|child| beneath(*child))).collect()
}

/// A runner signals every process but the container's first, which may be ours; an agent may make a success of it.
#[test]
fn a_signal_to_all_but_the_supervisor_is_a_cancel_even_if_the_agent_says_otherwise() {
    let scene = Scene::new();
    let script = format!("{IMPLEMENT}; trap 'exit 0' TERM; touch ready; while :; do sleep 0.05; done");
    let child = start(&scene, &script);
    let all = || beneath(child.id());
    let is_agent = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep\0"));
    let begin = Instant::now();
    while !all().iter().any(is_agent) {
        assert!(begin.elapsed() < Duration::from_secs(20), "the agent never started");
        sleep(Duration::from_millis(10));
    }
    let pids: Vec<String> = all().iter().map(u32::to_string).collect();
    let _ = Command::new("kill").arg("-TERM").args(&pids).stderr(Stdio::null()).status().unwrap();
    let output = child.wait_with_output().unwrap();
    scene.ended(&output, 143, &["cancelled by signal 15", "nothing left"]);
    scene.nothing_left();
    scene.answered("**Cancelled.**", &[]);
}

/// A signal to the agent alone, of which it makes a success, cannot be told from an agent that ended well: GitLab is asked.
#[test]
fn what_hits_the_agent_alone_is_left_to_gitlab() {
    for (state, code) in [("running", 0), ("canceled", 69)] {
        let scene = Scene::new();
        scene.gitlab.set_job(JOB, state);
        let output = scene.run(&format!("{IMPLEMENT}; trap 'exit 0' TERM; kill -TERM $$; exit 1"));
        scene.ended(&output, code, &[]);
        assert_eq!(scene.gitlab.merge_requests().len(), usize::from(code == 0), "{}", text(&output));
    }
}
