//! Containers as a docker executor has them made: runc through podman, Docker's default seccomp profile, and for a root file
//! system this machine's own under an overlay, with our entrypoint, the shim and a policy in it.

use std::{
    env, fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");
/// Tells the inner process its scratch directory.
const SCRATCH: &str = "TIDEWAITER_TEST_SCRATCH";
const PROGRAMS: [&str; 5] = ["podman", "runc", "unshare", "ip", "git"];

/// Runs `test`, the body of the test `name`, in namespaces of its own, so that nothing leaves the machine, and what it mounts
/// and starts ends with it; or says aloud why not.
pub(crate) fn apart(name: &str, test: impl Fn(&Engine)) {
    if let Some(scratch) = env::var_os(SCRATCH) {
        return test(&Engine::furnish(PathBuf::from(scratch)));
    }
    let there = |program: &&&str| !Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success();
    if let Some(missing) = PROGRAMS.iter().find(there) {
        return println!("NOT RUN: {name}: it needs {missing}");
    }
    let into = |program: &[&str]| {
        let mut made = Command::new(containers().join("apart.sh"));
        made.args(program).stdin(Stdio::null());
        made
    };
    if !into(&["true"]).output().is_ok_and(|output| output.status.success()) {
        return println!("NOT RUN: {name}: namespaces cannot be made here");
    }
    let scratch = TempDir::new().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let own = env::current_exe().unwrap();
    let output = into(&[own.to_str().unwrap(), "--exact", name, "--nocapture", "--test-threads=1"])
        .env(SCRATCH, scratch.path())
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    println!("{}", text(&output));
    assert!(output.status.success() && text(&output).contains("1 passed"), "{name} failed");
}

/// What the tests with the whole image keep for containers.
fn containers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers")
}

/// Both streams of a program.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) struct Engine {
    scratch: PathBuf,
}

/// One container: how it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make<'a> {
    pub(crate) name: &'a str,
    /// Options of the engine.
    pub(crate) options: &'a [&'a str],
    /// The image's entrypoint.
    pub(crate) entrypoint: &'a [&'a str],
    /// What the runner asks for.
    pub(crate) command: &'a [&'a str],
    /// The container's environment.
    pub(crate) variables: &'a [(String, String)],
}

pub(crate) const ENTRYPOINT: &[&str] = &["/usr/local/bin/tidewaiter", "init", "--"];

impl Engine {
    fn furnish(scratch: PathBuf) -> Self {
        let engine = Self { scratch };
        let at = engine.scratch.display();
        let mounts = format!(
            "set -e; mount -t tmpfs -o mode=755 tidewaiter {at}; cd {at}; mkdir upper work root store builds tmp
             mkdir -p upper/etc/tidewaiter upper/usr/local/lib/tidewaiter/bin upper/usr/local/bin upper/opt/gitlab-runner; chmod 777 builds
             mount -t overlay -o lowerdir=/,upperdir={at}/upper,workdir={at}/work tidewaiter root"
        );
        assert!(Command::new("sh").args(["-c", &mounts]).status().unwrap().success());
        fs::copy(TIDEWAITER, engine.root("usr/local/bin/tidewaiter")).unwrap();
        symlink("/usr/local/bin/tidewaiter", engine.root("usr/local/lib/tidewaiter/bin/claude")).unwrap();
        engine
    }

    /// A file of the image.
    pub(crate) fn root(&self, path: &str) -> PathBuf {
        self.scratch.join("root").join(path)
    }

    /// The build volume, which survives a container.
    pub(crate) fn builds(&self) -> PathBuf {
        self.scratch.join("builds")
    }

    fn podman(&self) -> Command {
        let mut podman = Command::new("podman");
        podman.env("CONTAINERS_CONF", containers().join("containers.conf")).arg("--log-level=error");
        for (option, place) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            podman.arg(option).arg(self.scratch.join("store").join(place));
        }
        podman
    }

    /// The container before it starts.
    pub(crate) fn container(&self, make: Make<'_>) -> Command {
        let mut podman = self.podman();
        podman.args(["run", "--rm", "--interactive", "--quiet", "--network=host", "--name", make.name, "--workdir=/"]);
        podman.arg(format!("--security-opt=seccomp={}", containers().join("docker-like-seccomp.json").display()));
        podman.arg(format!("--pidfile={}", self.scratch.join(make.name).display()));
        podman.arg(format!("--volume={0}:{0}", self.builds().display())).args(make.options);
        for (name, value) in make.variables {
            podman.arg(format!("--env={name}={value}"));
        }
        podman.arg("--rootfs").arg(self.scratch.join("root")).args(make.entrypoint).args(make.command);
        podman.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        podman
    }

    /// Starts it and sends it `script`.
    pub(crate) fn start(&self, make: Make<'_>, script: &str) -> Child {
        let mut child = self.container(make).spawn().unwrap();
        // A command that does not start does not read.
        let _ = child.stdin.take().unwrap().write_all(script.as_bytes());
        child
    }

    pub(crate) fn run(&self, make: Make<'_>, script: &str) -> Output {
        self.start(make, script).wait_with_output().unwrap()
    }

    /// The container's first process.
    pub(crate) fn first_process(&self, name: &str) -> i32 {
        let file = self.scratch.join(name);
        let mut pid = None;
        wait_until("the container starts", || {
            pid = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
            pid.is_some()
        });
        pid.unwrap()
    }
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(120), "{what}: it never happened");
        sleep(Duration::from_millis(10));
    }
}

/// Everyone who descends from `pid`.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children: Vec<i32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    children.iter().flat_map(|&child| [vec![child], descendants(child)].concat()).collect()
}

pub(crate) fn signal(pid: i32, number: i32) {
    // It may be gone.
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::try_from(number).unwrap());
}
