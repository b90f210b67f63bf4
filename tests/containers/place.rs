//! What every test needs first: the image, the agent, and a place apart from the rest of the machine.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use crate::{
    agent::{self, Agent},
    runner::{Runner, beside, storage},
};

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");
/// Tells the inner process its scratch directory.
const SCRATCH: &str = "TIDEWAITER_TEST_SCRATCH";
/// Tells the inner process its runner.
const RUNNER: &str = "TIDEWAITER_TEST_RUNNER";
/// Names the program to test with, where it is not to come from npm.
const CLAUDE: &str = "TIDEWAITER_CLAUDE";
/// What the set-up installs, or says how to install.
const PROGRAMS: [&str; 7] = ["podman", "runc", "buildah", "unshare", "flock", "ip", "git"];

/// What a test has to do with the real Claude Code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claude {
    Unused,
    /// The test says less without it.
    Helps,
    Needed,
}

/// Runs the test `inner` of this very binary apart, with the image built; or says aloud why not.
pub(crate) fn play(what: &str, inner: &str, runner: Runner, claude: Claude) {
    if let Err(reason) = attempt(inner, runner, claude) {
        println!("NOT RUN: {what}: {reason}");
    }
}

fn attempt(inner: &str, runner: Runner, claude: Claude) -> Result<(), String> {
    lacking()?;
    let scratch = TempDir::new().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(scratch.path().join("bin")).unwrap();
    {
        // What is kept for later runs is made once.
        static ONCE: Mutex<()> = Mutex::new(());
        let _one = ONCE.lock().unwrap_or_else(PoisonError::into_inner);
        image(scratch.path())?;
        bring(claude, &scratch.path().join("bin"))?;
    }
    let output = apart(env::current_exe().unwrap().as_os_str())
        .args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(SCRATCH, scratch.path())
        .env(RUNNER, format!("{runner:?}"))
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    let said = text(&output);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{inner} as {runner:?} failed");
    Ok(())
}

/// The scratch directory and the runner, for the inner process.
pub(crate) fn given() -> (PathBuf, Runner) {
    let name = env::var(RUNNER).unwrap();
    let runner = Runner::ALL.into_iter().find(|runner| format!("{runner:?}") == name).unwrap();
    (env::var_os(SCRATCH).unwrap().into(), runner)
}

/// Both streams of a program.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn lacking() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("it needs root".to_owned());
    }
    let there = |name: &&str| Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap().status.success();
    if let Some(missing) = PROGRAMS.iter().find(|name| !there(name)) {
        return Err(format!("it needs {missing}"));
    }
    if !apart("true".as_ref()).output().is_ok_and(|output| output.status.success()) {
        return Err("namespaces cannot be made here".to_owned());
    }
    let shared = Command::new("ldd").arg(TIDEWAITER).output().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("=>"));
    if shared {
        return Err("it needs a static binary: `make test`, or CARGO_BUILD_TARGET=x86_64-unknown-linux-musl".to_owned());
    }
    Ok(())
}

fn apart(program: &std::ffi::OsStr) -> Command {
    let mut made = Command::new(beside("apart.sh"));
    made.arg(program).stdin(Stdio::null());
    made
}

/// The project's image by its own script, in storage that goes with `scratch`; its base is kept between runs.
fn image(scratch: &Path) -> Result<(), String> {
    let cache = base()?;
    let own = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/store\"\nrunroot = \"{0}/run\"\n[storage.options]\nadditionalimagestores = [\"{1}/store\"]\n",
        scratch.display(),
        cache.display()
    );
    fs::write(scratch.join("storage.conf"), own).unwrap();
    let mut build = apart("sh".as_ref());
    storage(&mut build, scratch);
    // A job begins with hashing its program: a test's has tens of megabytes of debugging information, which nobody ships.
    let stripped = Command::new("strip").arg("-o").arg(binary(scratch)).arg(TIDEWAITER).status().is_ok_and(|status| status.success());
    if !stripped {
        fs::copy(TIDEWAITER, binary(scratch)).unwrap();
    }
    let output = build.arg(script("build.sh")).arg(binary(scratch)).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    Ok(())
}

/// The program that is tested.
pub(crate) fn binary(scratch: &Path) -> PathBuf {
    scratch.join("tidewaiter")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images").join(name)
}

/// Makes the base image outside of the clone where it is not kept yet: the directory with its storage.
fn base() -> Result<PathBuf, String> {
    let kept = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let kept = kept.ok_or("neither XDG_CACHE_HOME nor HOME says where to keep the base image")?;
    // Another recipe makes another base.
    let mut hasher = DefaultHasher::new();
    for part in ["debian/base.sh", "debian/packages"] {
        fs::read(script(part)).unwrap().hash(&mut hasher);
    }
    let place = kept.join("tidewaiter").join(format!("base-{:016x}", hasher.finish()));
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let own = format!("[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/store\"\nrunroot = \"{0}/run\"\n", place.display());
    fs::write(place.join("storage.conf"), own).unwrap();
    // Only here the network is needed, for Debian's packages.
    let make = "buildah inspect --type image localhost/debian-git >/dev/null 2>&1 || exec sh \"$0\" localhost/debian-git";
    let mut once = Command::new("flock");
    storage(&mut once, &place);
    once.arg(place.join("lock")).args(["unshare", "--mount", "--propagation", "private", "sh", "-c", make]).arg(script("debian/base.sh"));
    let output = once.stdin(Stdio::null()).output().unwrap();
    if output.status.success() { Ok(place) } else { Err(format!("the base image cannot be made: {}", text(&output).trim())) }
}

/// Puts Claude Code into `bin`, as the demo does.
fn bring(claude: Claude, bin: &Path) -> Result<(), String> {
    if claude == Claude::Unused {
        return Ok(());
    }
    let found = match env::var_os(CLAUDE) {
        Some(named) => agent::place(Path::new(&named), &bin.join("claude")),
        None => match Agent::find(&built().parent().unwrap().join("demo"), bin, |line| println!("{line}")) {
            Ok(Agent::Claude) => Ok(()),
            Ok(Agent::Script) => Err("Claude Code cannot be had from npm".to_owned()),
            Err(reason) => Err(reason),
        },
    };
    match found {
        Err(reason) if claude == Claude::Helps => {
            println!("NOT RUN: the demo in a container with the real Claude Code, a script plays it: {reason}");
            Ok(())
        }
        found => found,
    }
}

/// Where cargo puts what it builds.
pub(crate) fn built() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}
