//! Policies that make no sense, and those that allow nothing.

use crate::{IMPLEMENT, Scene, text};

/// An agent that is never started, for it would leave a trace.
const AGENT: &str = "version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"echo started\"]\n";

#[test]
fn a_policy_that_is_none_is_refused_with_its_line() {
    let scene = Scene::new();
    for (more, words) in [
        ("modles = []\n", &["policy.toml", "5", "modles"][..]),
        ("[limits]\ntime = true\n", &["policy.toml", "6", "time"]),
        ("[changes]\nallow = \"src/**\"\n", &["policy.toml", "6", "allow"]),
        ("[limits\n", &["policy.toml", "5"]),
        ("[elsewhere]\n", &["policy.toml", "5", "elsewhere"]),
    ] {
        let output = scene.job_by(&format!("{AGENT}{more}")).output().unwrap();
        scene.ended(&output, 64, words);
        assert!(!text(&output).contains("started"), "{}", text(&output));
        scene.nothing_left();
        scene.unanswered();
        assert!(scene.gitlab.requests().iter().all(|request| !request.path.starts_with("/api/")), "GitLab was asked");
    }
}

#[test]
fn a_policy_that_is_not_there_is_named() {
    let scene = Scene::new();
    let output = scene.job(IMPLEMENT).args(["--policy", "/nowhere/policy.toml"]).output().unwrap();
    scene.ended(&output, 64, &["/nowhere/policy.toml"]);
    let output = scene.job(IMPLEMENT).env("TIDEWAITER_POLICY", "/nowhere/policy.toml").output().unwrap();
    scene.ended(&output, 64, &["/nowhere/policy.toml"]);
    scene.nothing_left();
}

/// An empty list can only be a mistake; it never means everything.
#[test]
fn an_empty_list_of_what_may_is_refused() {
    let scene = Scene::new();
    let output = scene.job_by(&format!("{AGENT}[changes]\nallow = []\n")).output().unwrap();
    scene.ended(&output, 64, &["policy.toml:6", "changes.allow", "empty"]);
    assert!(!text(&output).contains("started"), "{}", text(&output));
    scene.nothing_left();
}

#[test]
fn a_path_that_is_not_listed_may_not_change() {
    let scene = Scene::new();
    let script = serde_json::to_string(IMPLEMENT).unwrap();
    let agent = format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {script}]\n");
    let output = scene.job_by(&format!("{agent}[changes]\nallow = [\"docs/**\"]\n")).output().unwrap();
    scene.ended(&output, 66, &["denied"]);
    assert!(text(&output).contains("src/ferry.py"), "{}", text(&output));
    scene.nothing_left();
    scene.answered("**Refused:**", &["src/ferry.py"]);
    let control = scene.job_by(&format!("{agent}[changes]\nallow = [\"src/**\"]\n")).output().unwrap();
    scene.ended(&control, 0, &["merge request !1 opened"]);
}
