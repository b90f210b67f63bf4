//! Attacks on the walls. Each prints its marker first, works outside of the walls, and fails inside with the very error that
//! the wall gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/inside.rs"]
mod inside;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use inside::{BROKER, TIDEWAITER, inside, is_root, outside, refused, text, workspace};
use tempfile::TempDir;

#[test]
fn no_socket_can_be_taken_off_loopback_by_a_link_local_bind() {
    // 62 is SO_BINDTOIFINDEX. The bind fails, for there is no device 4242, and yet moves the socket there.
    refused(
        "s = socket.socket(socket.AF_INET6)\ns.setsockopt(1, 62, 1)\ntry: s.bind(('fe80::1', 0, 0, 4242))\nexcept OSError: pass\nif s.getsockopt(1, 62) == 1: raise OSError(errno.EPERM, '')",
        "EAFNOSUPPORT",
    );
}

/// Says aloud that a test cannot run here.
fn lacks(what: &str, programs: &[&str]) -> bool {
    let there = |name: &str| Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap().status.success();
    let missing = programs.iter().find(|name| !there(name));
    if !is_root() {
        println!("NOT RUN: {what}: it needs root");
        return true;
    }
    if let Some(missing) = missing {
        println!("NOT RUN: {what}: it needs {missing}");
    }
    missing.is_some()
}

fn file(name: &str) -> String {
    format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Every probe was tried on both sides and had the expected result.
fn all_as_expected(output: &Output) {
    let text = text(output);
    let tried = |side: &str| text.lines().any(|line| line.starts_with(side) && line.ends_with(" tried, 0 wrong"));
    assert!(output.status.success() && tried("outside: ") && tried("inside: "), "{text}");
}

#[test]
fn every_probe_is_refused_here() {
    let mut probes = outside(Path::new("/"), &["sh", &file("attacks/probes.sh"), TIDEWAITER, &file("attacks/probes.py")]);
    all_as_expected(&probes.env("TIDEWAITER_POLICY", BROKER).output().unwrap());
}

#[test]
fn every_probe_is_refused_in_a_container_of_dockers_default_profile() {
    for user in ["0:0", "1000:1000"] {
        if lacks(&format!("the probes in a container as {user}"), &["podman", "unshare", "runc", "ip"]) {
            continue;
        }
        let enter = file("containers/enter.sh");
        let probes = [file("attacks/probes.sh"), file("attacks/probes.py")];
        let command = [&enter, "--user", user, "--", "sh", &probes[0], TIDEWAITER, &probes[1]];
        all_as_expected(&outside(Path::new("/"), &command).output().unwrap());
    }
}

#[test]
fn exchanging_the_address_during_connect_never_leads_outside() {
    if lacks("racing the address of connect", &["unshare", "ip", "gcc"]) {
        return;
    }
    let directory = workspace();
    let program = directory.path().join("race");
    let made = Command::new("gcc").args(["-O1", "-pthread", "-o"]).arg(&program).arg(file("attacks/race.c")).output().unwrap();
    assert!(made.status.success(), "{}", text(&made));
    fs::write(directory.path().join("any.toml"), format!("{BROKER}loopback = \"any\"\n")).unwrap();
    let output = outside(directory.path(), &[&file("attacks/race.sh"), TIDEWAITER, directory.path().to_str().unwrap()]).output().unwrap();
    let text = text(&output);
    assert!(output.status.success() && text.contains("inside: reached outside: 0 of 3000"), "{text}");
    assert!(!text.contains("outside: reached outside: 0 of"), "the race does not even work outside: {text}");
}

#[test]
fn a_journal_where_the_agent_may_write_is_refused() {
    let directory = workspace();
    let apart = TempDir::new().unwrap();
    for (journal, code) in [(directory.path().join("j"), Some(125)), (apart.path().join("j"), Some(0))] {
        let command = [TIDEWAITER, "run", "--journal", journal.to_str().unwrap(), "--", "true"];
        let output = outside(directory.path(), &command).output().unwrap();
        assert_eq!((output.status.code(), journal.exists()), (code, code == Some(0)), "{}", text(&output));
    }
}

/// Sockets that others can be connected to take the agent's unix sockets away: one by a relative name says not where it is.
#[test]
fn a_unix_socket_bound_by_a_relative_name_is_out_of_reach() {
    let apart = workspace();
    let bind =
        "import os, socket, sys\nos.umask(0)\ns = socket.socket(1)\ns.bind('s')\ns.listen()\nprint('ready', flush=True)\nsys.stdin.read()";
    let mut server =
        Command::new("python3").args(["-c", bind]).current_dir(apart.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(server.stdout.as_mut().unwrap(), &mut [0; 5]).unwrap();
    let code = format!("socket.socket(1).connect('{}/s')", apart.path().display());
    refused(&code, "EACCES");
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// As root the workspace changes hands for the time of the run: nothing else does, and all of it comes back.
#[test]
fn only_the_workspace_is_lent_and_all_of_it_comes_back() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    if lacks("lending the workspace", &[]) {
        return;
    }
    let directory = workspace();
    let apart = TempDir::new_in(directory.path().parent().unwrap()).unwrap();
    let (linked, pointed) = (apart.path().join("linked"), apart.path().join("pointed"));
    fs::write(&linked, "").unwrap();
    fs::write(&pointed, "").unwrap();
    fs::hard_link(&linked, directory.path().join("name")).unwrap();
    symlink(&pointed, directory.path().join("link")).unwrap();
    fs::write(directory.path().join("set-id"), "").unwrap();
    fs::set_permissions(directory.path().join("set-id"), fs::Permissions::from_mode(0o4755)).unwrap();
    let script =
        "stat -c %u . name link set-id; mkdir d; echo x > d/one; ln d/one two; chmod 4755 two; ln -s /etc/passwd passwd; chmod 0 d";
    let output = inside(directory.path(), &["sh", "-c", script]).output().unwrap();
    assert_eq!(text(&output), "61000\n0\n61000\n0\n");
    for entry in ["d", "d/one", "two", "passwd", "link", "name", "set-id"] {
        let meta = fs::symlink_metadata(directory.path().join(entry)).unwrap();
        let set_id = meta.is_file() && meta.mode() & 0o6000 != 0;
        assert_eq!((meta.uid(), set_id), (0, entry == "set-id"), "{entry}");
    }
    assert!([&linked, &pointed].iter().all(|path| fs::metadata(path).unwrap().uid() == 0));
}
