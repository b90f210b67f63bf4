//! Commands outside and inside of the walls (`tidewaiter run`), and refusals that are shown both ways.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");

/// A directory that the agent's uid can reach, as a checkout in a job is.
pub fn workspace() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

pub fn outside(directory: &Path, command: &[&str]) -> Command {
    let mut made = Command::new(command[0]);
    made.args(&command[1..]).current_dir(directory).env_remove("TIDEWAITER_POLICY").env_remove("GITLAB_CI").stdin(Stdio::null());
    made
}

/// The fence that is to be had everywhere; `fences` shows the other one.
pub const BROKER: &str = "version = 1\n[network]\nfence = \"broker\"\n";

pub fn inside(directory: &Path, command: &[&str]) -> Command {
    let mut made = outside(directory, &[&[TIDEWAITER, "run", "--"], command].concat());
    made.env("TIDEWAITER_POLICY", BROKER);
    made
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Python that prints a marker, tries, and prints `went through` or the name of the error that it got.
pub fn attempt(code: &str) -> String {
    format!(
        "import array,ctypes,errno,fcntl,os,signal,socket,struct,sys,time\nprint('trying')\ntry:\n    {}\n    print('went through')\nexcept OSError as e:\n    print(errno.errorcode[e.errno])\n",
        code.replace('\n', "\n    ")
    )
}

/// The attempt goes through outside and fails with `error` inside.
pub fn refused(code: &str, error: &str) {
    let directory = workspace();
    let script = attempt(code);
    let control = outside(directory.path(), &["python3", "-c", &script]).output().unwrap();
    assert!(text(&control).contains("went through"), "the attempt does not even work outside: {code}\n{}", text(&control));
    let attack = inside(directory.path(), &["python3", "-c", &script]).output().unwrap();
    assert_eq!(text(&attack).lines().collect::<Vec<_>>(), ["trying", error], "{code}");
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Waits for `condition`, as long as a machine that is busy with other things may need.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}: it never happened");
        sleep(Duration::from_millis(5));
    }
}
