//! Attacks on the walls. Each prints its marker first, works outside of the walls, and fails inside with the very error that
//! the wall gives.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");

/// A directory that the agent's uid can reach, as a checkout in a job is.
fn workspace() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

fn outside(directory: &Path, command: &[&str]) -> Command {
    let mut made = Command::new(command[0]);
    made.args(&command[1..]).current_dir(directory).env_remove("TIDEWAITER_POLICY").env_remove("GITLAB_CI").stdin(Stdio::null());
    made
}

fn inside(directory: &Path, command: &[&str]) -> Command {
    outside(directory, &[&[TIDEWAITER, "run", "--"], command].concat())
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Python that prints a marker, tries, and prints `went through` or the name of the error that it got.
fn attempt(code: &str) -> String {
    format!(
        "import array,ctypes,errno,fcntl,os,signal,socket,struct,sys,time\nprint('trying')\ntry:\n    {}\n    print('went through')\nexcept OSError as e:\n    print(errno.errorcode[e.errno])\n",
        code.replace('\n', "\n    ")
    )
}

/// The attempt goes through outside and fails with `error` inside.
fn refused(code: &str, error: &str) {
    let directory = workspace();
    let script = attempt(code);
    let control = outside(directory.path(), &["python3", "-c", &script]).output().unwrap();
    assert!(text(&control).contains("went through"), "the attempt does not even work outside: {code}\n{}", text(&control));
    let attack = inside(directory.path(), &["python3", "-c", &script]).output().unwrap();
    assert_eq!(text(&attack).lines().collect::<Vec<_>>(), ["trying", error], "{code}");
}

#[test]
fn no_socket_can_be_taken_off_loopback_by_a_link_local_bind() {
    // 62 is SO_BINDTOIFINDEX. The bind fails, for there is no device 4242, and yet moves the socket there.
    refused(
        "s = socket.socket(socket.AF_INET6)\ns.setsockopt(1, 62, 1)\ntry: s.bind(('fe80::1', 0, 0, 4242))\nexcept OSError: pass\nif s.getsockopt(1, 62) == 1: raise OSError(errno.EPERM, '')",
        "EAFNOSUPPORT",
    );
}
