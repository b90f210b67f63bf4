//! Push and fetch against git's own smart HTTP server on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use support::{
    proxy::{PEERS_LOGIN, PROXY, Peer, Stands, in_a_network},
    remote::{TOKEN, branch, commit, remote, serve},
    repo::{Scene, run_git},
};
use tidewaiter::{
    exit::Exit,
    git::{Error, Expect, Identity, Remote},
    secret::Secret,
    upstream::Proxy,
};

#[test]
fn one_branch_arrives_and_the_token_is_nowhere_to_be_seen() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let (repository, remote) = (scene.repository(), remote(&scene, &server, TOKEN));
    let oid = commit(&repository, "work");
    repository.push(&remote, oid, &branch("tidewaiter/1"), Expect::Absent).unwrap();
    let there = run_git(&scene.path().join("project.git"), &["for-each-ref", "--format=%(refname) %(objectname)"]);
    assert!(there.contains(&format!("refs/heads/tidewaiter/1 {oid}")), "{there}");
    assert_eq!(there.lines().count(), 2, "main and the new one, no tag: {there}");
    let log = fs::read_to_string(scene.path().join("askpass.log")).unwrap();
    assert!(log.contains("Password for") && !log.contains(TOKEN), "the token is in no argument and no environment");
    let fetched = repository.fetch(&remote, &branch("tidewaiter/1"), 1).unwrap();
    assert_eq!(fetched, oid);
}

#[test]
fn a_branch_that_is_there_already_is_not_overwritten() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let (repository, remote) = (scene.repository(), remote(&scene, &server, TOKEN));
    let (first, second) = (commit(&repository, "first"), commit(&repository, "second"));
    repository.push(&remote, first, &branch("x"), Expect::Absent).unwrap();
    for expect in [Expect::Absent, Expect::Ancestor] {
        let error = repository.push(&remote, second, &branch("x"), expect).unwrap_err();
        assert!(matches!(error, Error::Rejected { .. }), "{error}");
        assert_eq!(error.exit(), Exit::Remote);
    }
    assert_eq!(run_git(&scene.path().join("project.git"), &["rev-parse", "x"]).trim(), first.to_string());
    let by = Identity { name: "T".into(), email: "t@localhost".into(), seconds: 1_700_000_001 };
    let next = repository.commit(repository.tree_of(first).unwrap(), &[first], "next", &by).unwrap();
    repository.push(&remote, next, &branch("x"), Expect::Ancestor).unwrap();
}

#[test]
fn a_branch_that_the_server_protects() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let hook = scene.path().join("project.git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho 'GitLab: You are not allowed to push' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let repository = scene.repository();
    let error = repository.push(&remote(&scene, &server, TOKEN), commit(&repository, "x"), &branch("x"), Expect::Absent).unwrap_err();
    assert!(matches!(&error, Error::Rejected { reason, .. } if reason.contains("not allowed to push")), "{error}");
}

#[test]
fn a_wrong_token_a_missing_branch_and_a_dead_server_are_told_apart() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let repository = scene.repository();
    let oid = commit(&repository, "x");
    let wrong = remote(&scene, &server, "made-up-wrong-token");
    let error = repository.push(&wrong, oid, &branch("x"), Expect::Absent).unwrap_err();
    assert!(matches!(error, Error::Authentication { .. }) && !error.to_string().contains("made-up"), "{error}");
    let right = remote(&scene, &server, TOKEN);
    let error = repository.fetch(&right, &branch("missing"), 1).unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }), "{error}");
    let redirected = Remote { url: right.url.replace("/project.git", "/elsewhere/project.git"), ..right.clone() };
    assert!(repository.push(&redirected, oid, &branch("y"), Expect::Absent).is_err(), "the token follows no redirect");
    drop(server);
    let error = repository.push(&right, oid, &branch("x"), Expect::Absent).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Remote);
}

#[test]
fn git_goes_through_the_proxy_and_nowhere_else() {
    for (program, port) in [("tinyproxy", 8888), ("squid", 3128)] {
        in_a_network(&[("git.example", "93.184.216.40")], || {
            let scene = Scene::plain();
            let server = serve(&scene);
            let stands = Stands::at("93.184.216.40", server.port);
            let folder = tempfile::tempdir().unwrap();
            let Some(_peer) = Peer::start(program, port, server.port, folder.path()) else {
                return println!("NOT RUN: {program} is not installed");
            };
            let through = |port: u16, login: &str| {
                let proxy = Proxy::open(format!("{PROXY}:{port}").parse().unwrap(), vec![], false);
                let proxy = Some(proxy.with_credential(Secret::new(login)).unwrap());
                // The program itself, which tells the two passwords apart.
                let askpass = PathBuf::from(env!("CARGO_BIN_EXE_tidewaiter"));
                let url = format!("http://git.example:{}/project.git", server.port);
                Remote { url, token: Secret::new(TOKEN), askpass, ca_file: None, proxy }
            };
            let repository = scene.repository();
            let oid = commit(&repository, "work");
            // tinyproxy answers with 401 where it should with 407, which over plain HTTP looks like GitLab's own.
            let denied = if program == "squid" { "407" } else { "Authentication failed" };
            for (remote, word) in [(through(9, PEERS_LOGIN), "port 9"), (through(port, "made-up-user:wrong"), denied)] {
                let error = repository.push(&remote, oid, &branch("tidewaiter/1"), Expect::Absent).unwrap_err();
                let said = error.to_string();
                assert_eq!(error.exit(), Exit::Remote);
                assert!(said.contains(&format!("through the upstream proxy http://{PROXY}:")) && said.contains(word), "{program}: {said}");
                assert!(!said.contains("made-up-password") && !said.contains(TOKEN), "{said}");
            }
            assert_eq!(stands.connections(), 0, "nothing goes round it");
            let remote = through(port, PEERS_LOGIN);
            repository.push(&remote, oid, &branch("tidewaiter/1"), Expect::Absent).unwrap();
            assert_eq!(repository.fetch(&remote, &branch("tidewaiter/1"), 1).unwrap(), oid);
            assert!(stands.connections() > 0);
        });
    }
}

#[test]
fn a_commit_of_ours_that_somebody_rebased_is_ours() {
    let scene = Scene::plain();
    let theirs = scene.git(&["rev-parse", "HEAD"]);
    let ours = |address: &str| address == "tidewaiter@noreply.example";
    let commit = |author: &str| {
        scene.git(&["commit", "-q", "--allow-empty", "-m", "more", "--author", author]);
        scene.git(&["rev-parse", "HEAD"]).trim().parse().unwrap()
    };
    let tip = commit("Tidewaiter <tidewaiter@noreply.example>");
    let found = scene.repository().last_of_others(tip, 20, ours).unwrap().unwrap();
    assert_eq!(found.to_string(), theirs.trim());
    assert_eq!(scene.repository().last_of_others(tip, 1, ours).unwrap(), None, "none that far back");
    let last = commit("Somebody <somebody@localhost>");
    assert_eq!(scene.repository().last_of_others(last, 20, ours).unwrap(), Some(last));
}
