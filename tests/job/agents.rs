//! Agents that are missing, hang, flood, lie, leave processes behind, or leave a workspace that cannot be read as it is.

use std::{
    fs,
    process::{Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread::sleep,
    time::Duration,
};

use crate::{
    IMPLEMENT, Scene, all_at_once,
    support::provider::{Provider, Turn},
    text,
};

fn under(scene: &Scene, script: &str, limits: &str) -> Output {
    let quoted = serde_json::to_string(script).unwrap();
    let policy = format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {quoted}]\n[limits]\n{limits}\n");
    scene.job_by(&policy).output().unwrap()
}

#[test]
fn a_program_that_is_missing_is_named() {
    for (command, word) in [("no-such-agent", "not found"), ("/etc/passwd", "cannot be executed")] {
        let scene = Scene::new();
        let policy = format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"{command}\"]\n");
        scene.refused(&scene.job_by(&policy).output().unwrap(), 67, &[command, word]);
    }
}

#[test]
fn an_agent_that_hangs_is_stopped() {
    let scene = Scene::new();
    let output = under(&scene, &format!("{IMPLEMENT}; trap '' TERM; sleep 60"), "time = 2");
    scene.refused(&output, 68, &["`limits.time`"]);
}

#[test]
fn an_agent_whose_tokens_are_used_up_is_stopped() {
    let scene = Scene::new();
    let provider = Provider::start(vec![Turn::text("hi")]);
    let ask = "curl -s $ANTHROPIC_BASE_URL/v1/messages -H \"Authorization: Bearer $ANTHROPIC_AUTH_TOKEN\" \
               -H content-type:application/json -d '{\"model\":\"claude-opus-4-8\",\"max_tokens\":9,\"messages\":[]}'";
    let quoted = serde_json::to_string(&format!("{IMPLEMENT}; {ask}; {ask}; sleep 60")).unwrap();
    let policy = |limits| {
        format!(
            "version = 1\n[agent]\nkind = \"command\"\nmodels = [\"claude-opus-*\"]\ncommand = [\"sh\", \"-c\", {quoted}]\n\
             [[network.route]]\nprovider = \"anthropic\"\nbase_url = \"{}\"\n[limits]\n{limits}\n",
            provider.base_url()
        )
    };
    for limits in ["tokens = 11", "usd = 0.00007"] {
        let output = scene.job_by(&policy(limits)).env("ANTHROPIC_API_KEY", "made-up-provider-key").output().unwrap();
        let limit = limits.split(' ').next().unwrap();
        scene.refused(&output, 68, &[&format!("`limits.{limit}` of the policy is used up")]);
        // 10 tokens of input and 1 of output came in the answer.
        assert!(text(&output).contains("1 requests") && text(&output).contains("11 tokens for about 0.000075 USD"), "{}", text(&output));
        scene.checkout();
    }
    assert_eq!(provider.requests().len(), 2);
}

/// The most memory that a process of ours beneath `pid` has had, in KiB (proc(5), `VmHWM`).
fn peak(pid: u32, most: &AtomicU64) {
    let line = |pid: &str| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let parent = line(&pid.to_string());
    for child in fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default().split_whitespace() {
        // Until it is another program, a child has its parent's memory, which held our whole program once, to hash it.
        if line(child) == parent {
            continue;
        }
        let Ok(status) = fs::read_to_string(format!("/proc/{child}/status")) else { continue };
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        most.fetch_max(line.trim().trim_end_matches(" kB").parse().unwrap_or(0), Ordering::Relaxed);
    }
}

#[test]
fn an_agent_that_floods_its_log_changes_nothing() {
    let scene = Scene::new();
    // 200 MB: half of it as one line, half of it in lines.
    let flood = "head -c 100000000 /dev/zero | tr '\\0' x; echo; yes line | head -c 100000000";
    let quoted = serde_json::to_string(&format!("{IMPLEMENT}; {flood}")).unwrap();
    let policy = format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {quoted}]\n[limits]\nlog_bytes = \"64K\"\n");
    let child = scene.job_by(&policy).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (pid, most) = (child.id(), AtomicU64::new(0));
    let output = std::thread::scope(|scope| {
        let waits = scope.spawn(|| child.wait_with_output().unwrap());
        while !waits.is_finished() {
            peak(pid, &most);
            sleep(Duration::from_millis(20));
        }
        waits.join().unwrap()
    });
    scene.ended(&output, 0, &["merge request !1 opened"]);
    let said = text(&output);
    assert!(said.contains("were not shown (limits.log_bytes)") && said.len() < 200_000, "{} bytes", said.len());
    let most = most.into_inner();
    println!("the largest of our processes had {most} KiB; the log has {} bytes", said.len());
    assert!((1..100_000).contains(&most), "{most} KiB");
}

#[test]
fn an_agent_that_takes_too_much_memory_is_told_of() {
    let hog = format!("{IMPLEMENT}; python3 -c 'b = bytearray(300 << 20); b[::4096] = bytes(len(b) // 4096)' || exit 0");
    let bounds = |limits: &str| {
        let scene = Scene::new();
        (under(&scene, &hog, &format!("time = 60\n[process.limits]\n{limits}")), scene)
    };
    let (free, scene) = bounds("");
    scene.ended(&free, 0, &["merge request !1 opened"]);
    assert!(!text(&free).contains("of the agent's processes"), "{}", text(&free));
    let (bound, scene) = bounds("memory_bytes = \"128M\"");
    if bound.status.code() == Some(65) && text(&bound).contains("`bounds`") {
        println!("NOT RUN: an agent that takes too much memory: {}", text(&bound));
        return;
    }
    scene.ended(&bound, 0, &["merge request !1 opened"]);
    assert!(text(&bound).contains("the kernel killed 1 of the agent's processes"), "{}", text(&bound));
}

#[test]
fn processes_that_are_left_behind_are_killed_and_counted() {
    let scene = Scene::new();
    let daemon = "setsid sh -c 'trap \"\" TERM HUP; sleep 5 & echo up >> $up; wait; echo late >> src/ferry.py' > /dev/null 2>&1 &";
    let ready = "until [ $(grep -c up $up) = 3 ]; do sleep 0.05; done";
    let output = scene.run(&format!("{IMPLEMENT}; export up=$(mktemp); {daemon} {daemon} {daemon} {ready}"));
    scene.ended(&output, 0, &["merge request !1 opened"]);
    // Each shell has a `sleep` of its own.
    assert!(text(&output).contains("left 6 processes behind; they were killed"), "{}", text(&output));
    let content = scene.gitlab.git(&["show", &format!("{}:src/ferry.py", scene.branch())]);
    assert!(!content.contains("late"), "{content}");
}

/// What the agent leaves, the exit code, and what the log says.
const LEFT: [(&str, u8, &str); 9] = [
    ("mkdir -p d/e; echo x > d/e/f; chmod 0 d/e/f d/e d", 0, "merge request"),
    ("chmod 0 src/ferry.py src .", 0, "changed no file"),
    ("rm -rf * .[!.]*", 66, "ci/config"),
    ("cd ..; rm -rf \"$CI_PROJECT_DIR\"; mv workspace gone; ln -s /etc workspace; true", 66, "ci/config"),
    ("mkfifo pipe", 66, "pipe"),
    ("python3 -c \"import socket; socket.socket(1).bind('sock')\"", 66, "sock"),
    ("echo x > aux.txt; echo x > nul", 66, "nul"),
    ("mknod device c 1 3 || echo x > \"$(printf 'a\\nb')\"", 66, "a\\nb"),
    ("rm -rf src; ln -s / src", 66, "mode/symlink"),
];

#[test]
fn whatever_the_agent_leaves_is_judged_or_not_inspected_but_never_passed_unseen() {
    all_at_once(LEFT.to_vec(), |(script, code, word): (&str, u8, &str)| {
        let scene = Scene::new();
        let output = scene.run(&format!("cat > /dev/null; {script}"));
        println!("{script}: {:?}", output.status.code());
        // Without a uid of its own for the agent, we are no more than it is: what it locks is not read.
        let unread = output.status.code() == Some(71) && !nix::unistd::geteuid().is_root();
        if unread {
            scene.refused(&output, 71, &["cannot be read"]);
        } else {
            scene.ended(&output, code, &[]);
            assert!(text(&output).contains(word), "{script}: {}", text(&output));
        }
        if code != 0 {
            scene.nothing_left();
        }
    });
}
