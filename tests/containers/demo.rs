//! `make demo` in a container: one merge request opened, every attack refused.

use std::fs;

use crate::{
    agent,
    place::{binary, built, given, text},
    runner::{IMAGE, Runner},
    scene::Scene,
};

/// Where the demo looks for its program and its agent.
const BUILT: &str = "/opt/built/release";

#[test]
#[ignore = "run apart by a test of main.rs"]
fn inside() {
    let (scratch, runner) = given();
    let (demo, claude, empty) = (built().join("examples/demo"), scratch.join("bin/claude"), scratch.join("empty"));
    if !demo.is_file() {
        println!("NOT RUN: the demo in a container, {runner:?}: it is not built; `make test` builds it");
        return;
    }
    fs::create_dir(&empty).unwrap();
    let mut container = runner.container(&scratch, "demo");
    // The demo brings a policy of its own, which the image's would not let widen anything.
    let mut volumes = vec![(demo, format!("{BUILT}/examples/demo")), (binary(&scratch), format!("{BUILT}/tidewaiter"))];
    volumes.push((empty, "/etc/tidewaiter".to_owned()));
    if claude.is_file() {
        let packages = format!("/opt/built/demo/claude-code-{}/node_modules/@anthropic-ai", agent::VERSION);
        volumes.push((claude.clone(), format!("{packages}/claude-code-linux-x64/claude")));
    }
    for (from, to) in volumes {
        container.arg(format!("--volume={}:{to}:ro", from.display()));
    }
    // It starts jobs itself, as a runner does: none of them is this container's.
    let output = container.args(["--entrypoint=", IMAGE]).arg(format!("{BUILT}/examples/demo")).output().unwrap();
    let said = text(&output);
    println!("{said}");
    assert!(output.status.success() && said.contains("The demo is over"), "{runner:?}");
    assert_eq!(said.contains("The agent is the real Claude Code"), claude.is_file(), "{runner:?}");
}

#[test]
#[ignore = "run apart by a test of main.rs"]
fn inside_refused() {
    let (scratch, runner) = given();
    let scene = Scene::new(&scratch);
    scene.policy("[agent]\nkind = \"command\"\ncommand = [\"touch\", \"x\"]\n");
    for (runner, code) in [(Runner::Root, 0), (runner, 65)] {
        let job = scene.job();
        scene.get_sources(&job);
        let output = scene.run(runner, &job, "set -eu\ntidewaiter job\n");
        assert_eq!(output.status.code(), Some(code), "{runner:?}: {}", text(&output));
    }
}
