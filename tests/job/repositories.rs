//! Checkouts that are none, and branches that move while the job runs.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Output, Stdio},
};

use crate::{IMPLEMENT, Scene};

/// Runs the job and does `meanwhile` when its agent has printed a line. The agent goes on a moment later.
fn while_the_agent_runs(scene: &Scene, script: &str, meanwhile: impl FnOnce()) -> Output {
    let mut job = scene.job(&format!("echo at-work; sleep 2; {script}"));
    let mut child = job.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut stdout = String::new();
    while !stdout.contains("agent │ at-work") {
        assert_ne!(out.read_line(&mut stdout).unwrap(), 0, "{stdout}");
    }
    meanwhile();
    out.read_to_string(&mut stdout).unwrap();
    let rest = child.wait_with_output().unwrap();
    Output { stdout: stdout.into_bytes(), ..rest }
}

#[test]
fn what_is_no_checkout_is_named() {
    let git = |arguments: &[&str], directory: &std::path::Path| {
        assert!(Command::new("git").args(arguments).current_dir(directory).status().unwrap().success());
    };
    let cases: [(&str, &[&[&str]]); 3] =
        [("no repository", &[]), ("an empty repository", &[&["init", "-q"]]), ("a bare repository", &[&["init", "-q", "--bare"]])];
    for (what, commands) in cases {
        let scene = Scene::new();
        fs::remove_dir_all(scene.directory()).unwrap();
        fs::create_dir(scene.directory()).unwrap();
        commands.iter().for_each(|arguments| git(arguments, &scene.directory()));
        println!("{what}");
        let output = scene.run(IMPLEMENT);
        scene.refused(&output, 2, &[]);
        assert!(crate::last_line(&output).contains("HEAD") || crate::last_line(&output).contains(scene.directory().to_str().unwrap()));
    }
    let scene = Scene::new();
    let nowhere = scene.scratch.path().join("nowhere");
    let output = scene.job(IMPLEMENT).env("CI_PROJECT_DIR", &nowhere).current_dir("/").output().unwrap();
    scene.ended(&output, 2, &[nowhere.to_str().unwrap(), "CI_PROJECT_DIR"]);
    scene.nothing_left();
}

#[test]
fn a_target_that_moves_meanwhile_is_left_to_the_merge() {
    let scene = Scene::new();
    let base = scene.gitlab.tip("main").unwrap();
    let output =
        while_the_agent_runs(&scene, IMPLEMENT, || drop(scene.gitlab.commit("main", &[("src/ferry.py", "def depart():\n    raise\n")])));
    scene.ended(&output, 0, &["merge request !1 opened"]);
    assert_ne!(scene.gitlab.tip("main").unwrap(), base);
    assert_eq!(scene.gitlab.git(&["rev-parse", &format!("{}^", scene.branch())]), base, "made from the base that it was judged on");
    assert_eq!(scene.gitlab.git(&["diff", "--name-only", &base, &scene.branch()]), "src/ferry.py");
}

#[test]
fn a_branch_of_our_name_without_a_merge_request_is_left_alone() {
    let scene = Scene::new();
    scene.gitlab.git(&["branch", &scene.branch(), "main"]);
    let theirs = scene.gitlab.commit(&scene.branch(), &[("theirs.txt", "mine\n")]);
    let output = scene.run(IMPLEMENT);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    assert_eq!(scene.gitlab.merge_requests()[0].source_branch, format!("{}-{}", scene.branch(), crate::JOB));
    assert_eq!(scene.gitlab.tip(&scene.branch()).unwrap(), theirs);
}

#[test]
fn a_branch_that_appears_meanwhile_is_not_overwritten() {
    let scene = Scene::new();
    let output = while_the_agent_runs(&scene, IMPLEMENT, || {
        scene.gitlab.git(&["branch", &scene.branch(), "main"]);
        scene.gitlab.commit(&scene.branch(), &[("theirs.txt", "mine\n")]);
    });
    scene.ended(&output, 69, &[&scene.branch()]);
    scene.answered("**Failed:**", &[&scene.branch()]);
    assert!(scene.gitlab.merge_requests().is_empty());
    assert_eq!(scene.gitlab.git(&["log", "-1", "--format=%an", &scene.branch()]), "Stand-in");
}

#[test]
fn commits_that_are_pushed_to_a_followed_branch_meanwhile_stay() {
    let scene = Scene::new();
    scene.ended(&scene.run(IMPLEMENT), 0, &["opened"]);
    let before = scene.gitlab.merge_requests()[0].description.clone();
    let mut theirs = String::new();
    let more = "cat > /dev/null; echo '# more' >> src/ferry.py";
    let output = while_the_agent_runs(&scene, more, || theirs = scene.gitlab.commit(&scene.branch(), &[("theirs.txt", "mine\n")]));
    scene.ended(&output, 69, &[&scene.branch(), "rejected"]);
    scene.answered("**Failed:**", &[&scene.branch()]);
    assert_eq!(scene.gitlab.tip(&scene.branch()).unwrap(), theirs);
    assert_eq!(scene.gitlab.merge_requests()[0].description, before);
}
