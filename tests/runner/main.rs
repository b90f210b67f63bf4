//! The image's entrypoint under GitLab Runner's hand: its arguments, its script on standard input, its signals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod engine;
mod scene;
mod script;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use engine::{ENTRYPOINT, Engine, Make, apart, descendants, signal, text, wait_until};
use scene::{AGENT, KEY, Scene};
use script::{DETECT, Quoting};

/// A container without a job.
fn plain<'a>(entrypoint: &'a [&'a str], command: &'a [&'a str]) -> Make<'a> {
    Make { name: "plain", options: &[], entrypoint, command, variables: &[] }
}

#[test]
fn the_scripts_status_is_the_containers() {
    apart("the_scripts_status_is_the_containers", |engine| {
        let shell = &["sh", "-c", DETECT];
        for (script, status) in [("exit 0", 0), ("exit 77", 77), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("no-such-command", 127)] {
            let output = engine.run(plain(ENTRYPOINT, shell), script);
            assert_eq!(output.status.code(), Some(status), "{script}: {}", text(&output));
        }
        let nested = engine.run(plain(ENTRYPOINT, shell), "mkdir -m 777 /tmp/nested; cd /tmp/nested; tidewaiter run -- id -u");
        assert_eq!(text(&nested), "61000\n");
        for (command, status) in [(&["no-such-program"][..], 127), (&["/etc/passwd"], 126), (&[], 2)] {
            let output = engine.run(plain(ENTRYPOINT, command), "");
            assert_eq!(output.status.code(), Some(status), "{command:?}: {}", text(&output));
        }
    });
}

#[test]
fn orphans_are_reaped() {
    apart("orphans_are_reaped", |engine| {
        let script = "for i in $(seq 300); do (sleep 0.3 & ) ; done; sleep 1; cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z ' ; exit 0";
        // A first process that does not reap leaves all of them.
        let command = format!("sh -c '{}' & exec sleep 4", script.replace('\'', "'\\''"));
        let control = engine.run(plain(&[], &["sh", "-c", &command]), "");
        assert!(text(&control).trim().parse::<u32>().is_ok_and(|count| count >= 290), "{}", text(&control));
        let output = engine.run(plain(ENTRYPOINT, &["sh", "-c", DETECT]), script);
        assert_eq!((text(&output).trim(), output.status.code()), ("0", Some(0)));
    });
}

/// Wherever a script could find a value.
const SEARCH: &str = r#"env | grep -c provider-key-000[1] || true
set | grep -c provider-key-000[1] || true
cat /proc/1/environ 2>&1 | tr '\0' '\n' | grep -a 'provider-key-000[1]\|ermission' | sort -u || true
python3 -c "import re; m = open('/proc/1/maps').read(); print('maps')" 2>&1 | tail -n 1 || true
cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -a -c provider-key-000[1] || true
python3 -c "print('descriptors', open('/proc/1/fd/1'))" 2>&1 | tail -n 1 || true"#;

/// The script finds the key nowhere, and the agents that it asks for work with it.
fn custody(engine: &Engine, options: &[&str]) {
    let scene = Scene::new(engine, AGENT, "time = 300");
    // Without us all of it lies open.
    let open = Make { entrypoint: &[], options, ..scene.make() };
    let control = engine.run(open, &scene.script(SEARCH, Quoting::AnsiC));
    assert!(text(&control).matches(KEY).count() >= 2 && text(&control).contains("\nmaps\n"), "{}", text(&control));
    for (quoting, line) in [(Quoting::AnsiC, "tidewaiter job"), (Quoting::Posix, "claude -p \"do it\" --debug")] {
        let script = scene.script(&format!("export AI_FLOW_INPUT='do it'\n{SEARCH}\n{line}\necho the script goes on"), quoting);
        assert!(script.contains(KEY), "the runner sends it");
        let output = engine.run(Make { options, ..scene.make() }, &script);
        let shown = text(&output);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        assert!(!shown.contains(KEY) && !shown.contains(&scene.token()), "{shown}");
        assert_eq!(shown.lines().filter(|line| *line == "0").count(), 3, "{shown}");
        assert_eq!(shown.matches("Permission denied").count(), 3, "{shown}");
        assert!(shown.contains("\nthe script goes on\n"), "{shown}");
        assert_eq!(scene.gitlab.merge_requests().len(), 1, "{shown}");
    }
    assert!(scene.changed("asked.txt").contains("do it"));
    assert!(scene.changed("answer.txt").contains("hello"), "{}", scene.changed("answer.txt"));
    let asked = scene.provider.requests();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|request| request.header("x-api-key") == Some(KEY)));
    let descriptors = scene.changed("descriptors.txt");
    let numbers: Vec<&str> = descriptors.lines().filter_map(|line| line.split_once(" ->").map(|(number, _)| number)).collect();
    assert_eq!(numbers, ["0", "1", "2"], "{descriptors}");
    assert!(!scene.changed("variables.txt").contains("held-by-tidewaiter"));
}

#[test]
fn the_script_holds_no_credential_and_its_job_works_with_them() {
    apart("the_script_holds_no_credential_and_its_job_works_with_them", |engine| custody(engine, &[]));
}

#[test]
fn another_user_holds_no_credential_either() {
    apart("another_user_holds_no_credential_either", |engine| custody(engine, &["--user=1000:1000"]));
}

#[test]
fn a_privileged_script_holds_no_credential_either() {
    apart("a_privileged_script_holds_no_credential_either", |engine| custody(engine, &["--privileged"]));
}

#[test]
fn calls_of_one_job_share_its_limits() {
    apart("calls_of_one_job_share_its_limits", |engine| {
        let scene = Scene::new(engine, AGENT, "time = 300\nrequests = 1");
        let output = scene.run("claude -p one\nset +e\nclaude -p two; echo status $?\nTIDEWAITER_POLICY= claude -p three; echo status $?");
        assert!(text(&output).contains("earlier calls have used up this job's limits"), "{}", text(&output));
        assert_eq!(text(&output).matches("\nstatus 68\n").count(), 2, "{}", text(&output));
        assert_eq!(scene.provider.requests().len(), 1);
        // A new job has its own: after_script is one for us, since its container is a new one.
        assert_eq!(scene.run("claude -p after").status.code(), Some(0));
    });
}

#[test]
fn a_script_chooses_no_policy() {
    apart("a_script_chooses_no_policy", |engine| {
        let scene = Scene::new(engine, "cat > asked.txt", "time = 300");
        let wide = "printf 'version = 1\\n[agent]\\nkind = \"command\"\\ncommand = [\"id\"]\\n' > /tmp/wide.toml";
        let output = scene.run(&format!("{wide}\ncp /tmp/wide.toml /etc/tidewaiter/policy.toml\nset +e\ntidewaiter job --policy /tmp/wide.toml; echo status $?\nclaude -p 'as before'"));
        assert!(text(&output).contains("\nstatus 64\n") && text(&output).contains("would widen"), "{}", text(&output));
        assert!(scene.changed("asked.txt").contains("as before"));
    });
}

/// The agent has made its change and waits.
const WAITS: &str = "cat > asked.txt; echo 'def depart(): pass' > ferry.py; echo at work; sleep 600";

fn at_work(scene: &Scene<'_>) -> (std::process::Child, i32) {
    let child = scene.start("claude -p 'do it'\necho the script goes on");
    let first = scene.engine.first_process("job");
    let sleeping = |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\x00600\0");
    wait_until("the agent works", || descendants(first).iter().any(sleeping));
    (child, first)
}

#[test]
fn the_runners_cancel_ends_in_time_with_nothing_pushed() {
    apart("the_runners_cancel_ends_in_time_with_nothing_pushed", |engine| {
        let scene = Scene::new(engine, WAITS, "time = 300");
        let (child, first) = at_work(&scene);
        let start = Instant::now();
        descendants(first).into_iter().for_each(|pid| signal(pid, libc::SIGTERM));
        let output = child.wait_with_output().unwrap();
        // The first process was not even asked.
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_ne!(output.status.code(), Some(0), "{}", text(&output));
        assert!(!text(&output).contains("\nthe script goes on"), "{}", text(&output));
        scene.nothing_left();
    });
}

#[test]
fn an_engines_stop_ends_in_time_with_nothing_pushed() {
    apart("an_engines_stop_ends_in_time_with_nothing_pushed", |engine| {
        let scene = Scene::new(engine, WAITS, "time = 300");
        let (child, first) = at_work(&scene);
        let start = Instant::now();
        signal(first, libc::SIGTERM);
        let output = child.wait_with_output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_ne!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("cancelled by signal 15"), "{}", text(&output));
        scene.nothing_left();
    });
}

#[test]
fn native_steps_work_without_custody() {
    apart("native_steps_work_without_custody", |engine| {
        let scene = Scene::new(engine, "cat > asked.txt", "time = 300");
        // The step's variables come to the helper by another way than the container's environment.
        let helper = engine.root("opt/gitlab-runner/gitlab-runner-helper");
        let exports: String =
            scene.variables.iter().map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''"))).collect();
        fs::write(&helper, format!("#!/bin/sh\necho \"$@\"\n{exports}cd $CI_PROJECT_DIR\nclaude -p 'a step'\n")).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let steps = ["/opt/gitlab-runner/gitlab-runner-helper", "steps", "serve", "sh", "-c", DETECT];
        let output = engine.run(plain(ENTRYPOINT, &steps), "");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).starts_with("steps serve sh -c if [ -x"), "{}", text(&output));
        assert!(scene.changed("asked.txt").contains("a step"));
    });
}

#[test]
fn another_init_may_come_first() {
    apart("another_init_may_come_first", |engine| {
        if !engine.root("usr/bin/tini").exists() {
            return println!("NOT RUN: another init before ours: it needs tini");
        }
        let scene = Scene::new(engine, AGENT, "time = 300");
        let entrypoint = [&["/usr/bin/tini", "--"], ENTRYPOINT].concat();
        let make = Make { entrypoint: &entrypoint, ..scene.make() };
        let output = engine.run(make, &scene.script(&format!("{SEARCH}\nclaude -p 'do it'\nexit 9"), Quoting::AnsiC));
        assert_eq!(output.status.code(), Some(9), "{}", text(&output));
        // The environment of that first process is out of the script's reach too.
        assert!(!text(&output).contains(&format!("{KEY}\n")), "{}", text(&output));
        assert_eq!(scene.gitlab.merge_requests().len(), 1);
    });
}

#[test]
fn packages_can_still_be_installed() {
    apart("packages_can_still_be_installed", |engine: &Engine| {
        let make = "set -e; dpkg -P made-up >/dev/null 2>&1 || true; rm -rf /tmp/p /tmp/q /tmp/pipe /opt/made-up; mkdir -p /tmp/p/DEBIAN /tmp/p/opt/made-up; echo hi > /tmp/p/opt/made-up/file; chown 33:33 /tmp/p/opt/made-up/file
printf 'Package: made-up\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody\\nDescription: none\\n' > /tmp/p/DEBIAN/control
printf '#!/bin/sh\\nset -e\\nchown 34:34 /opt/made-up/file; su nobody -s /bin/sh -c id >/dev/null\\n' > /tmp/p/DEBIAN/postinst; chmod 755 /tmp/p/DEBIAN/postinst
dpkg-deb -b /tmp/p /tmp/made-up.deb >/dev/null; apt-get install -y /tmp/made-up.deb >/tmp/log 2>&1 || cat /tmp/log
stat -c '%u %n' /opt/made-up/file; mkdir /tmp/q; ln /opt/made-up/file /tmp/q/link; mv /tmp/q/link /opt/made-up/moved; mknod /tmp/pipe p; echo installed";
        for options in [&[][..], &["--privileged"]] {
            let output = engine.run(Make { options, ..plain(ENTRYPOINT, &["sh", "-c", DETECT]) }, make);
            assert!(text(&output).contains("34 /opt/made-up/file\ninstalled\n"), "{options:?}: {}", text(&output));
        }
    });
}

#[test]
fn a_large_script_streams_through() {
    apart("a_large_script_streams_through", |engine| {
        let scene = Scene::new(engine, "true", "time = 300");
        let lines: String = (0..200_000).map(|number| format!(": {number} {KEY}\n")).collect();
        let output = engine.run(scene.make(), &format!("{lines}grep VmHWM /proc/1/status\necho end {KEY}\n"));
        let shown = text(&output);
        assert!(shown.ends_with("end held-by-tidewaiter\n"), "{shown}");
        let kilobytes: u64 = shown.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kilobytes < 64 << 10, "the first process took {kilobytes} KiB");
    });
}
