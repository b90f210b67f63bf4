//! Real git repositories in temporary folders, and the way of a change from checkout to judgement.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _, fs::symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tidewaiter::{
    gate::{self, CI_CONFIG, Change, Judgement, Known, Terms},
    git::{Checkout, Repository},
    policy::{Policy, Source},
    secret::Secret,
    workspace::{self, Candidate, Limits, Manifest, Options},
};

/// A scratch folder with a checkout in it, and later a workspace.
pub struct Scene {
    folder: TempDir,
    /// Arguments that the developer's own git gets: configuration that a runner's checkout would have.
    pub config: Vec<String>,
}

/// How often a race is tried, where 60 times do not do.
pub const RACES: &str = "TIDEWAITER_RACES";

pub const SECRET: &str = "made-up-job-token-0123";

impl Scene {
    /// A checkout with one commit of a few plain files.
    pub fn plain() -> Self {
        let scene = Self::empty();
        scene.write("README.md", "hello\n");
        scene.write("src/main.rs", "fn main() {}\n");
        scene.write("run.sh", "#!/bin/sh\n");
        scene.make_executable("run.sh");
        scene.commit("first");
        scene
    }

    pub fn empty() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap(), config: vec![] };
        fs::create_dir(scene.checkout()).unwrap();
        scene.git(&["init", "-q", "-b", "main"]);
        scene
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn checkout(&self) -> PathBuf {
        self.path().join("checkout")
    }

    pub fn workspace(&self) -> PathBuf {
        self.path().join("workspace")
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        write(&self.checkout(), path, bytes);
    }

    pub fn make_executable(&self, path: &str) {
        fs::set_permissions(self.checkout().join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Commits a submodule at `sub`.
    pub fn add_submodule(&self) {
        let other = self.path().join("other");
        fs::create_dir(&other).unwrap();
        run_git(&other, &["init", "-q", "-b", "main"]);
        fs::write(other.join("inner.txt"), "inner\n").unwrap();
        run_git(&other, &["add", "-A"]);
        run_git(&other, &["commit", "-q", "-m", "inner"]);
        self.git(&["submodule", "--quiet", "add", other.to_str().unwrap(), "sub"]);
        self.commit("a submodule");
    }

    /// The developer's own git in the checkout, with the scene's configuration.
    pub fn git(&self, arguments: &[&str]) -> String {
        let config: Vec<&str> = self.config.iter().flat_map(|setting| ["-c", setting]).collect();
        run_git(&self.checkout(), &[&config[..], arguments].concat())
    }

    pub fn repository(&self) -> Repository {
        let dir = self.path().join(format!("ours-{}", fs::read_dir(self.path()).unwrap().count()));
        let repository = Repository::create(&dir).unwrap();
        repository.borrow(&Checkout::open(&self.checkout()).unwrap()).unwrap();
        repository
    }

    /// Makes the workspace.
    pub fn hand_over(&self) -> Given<'_> {
        let repository = self.repository();
        let checkout = Checkout::open(&self.checkout()).unwrap();
        let options = Options { owner: None, limits: limits() };
        let manifest = workspace::make(&checkout, &repository, &self.workspace(), &options).unwrap();
        Given { scene: self, repository, manifest }
    }
}

/// A workspace in the hands of an agent.
pub struct Given<'a> {
    pub scene: &'a Scene,
    pub repository: Repository,
    pub manifest: Manifest,
}

impl Given<'_> {
    pub fn path(&self, path: &str) -> PathBuf {
        self.scene.workspace().join(path)
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        write(&self.scene.workspace(), path, bytes);
    }

    pub fn link(&self, path: &str, target: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        symlink(target, self.path(path)).unwrap();
    }

    pub fn remove(&self, path: &str) {
        let path = self.path(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    pub fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The agent's own git in its workspace, with nothing neutralised.
    pub fn git(&self, arguments: &[&str]) -> String {
        run_git(&self.scene.workspace(), arguments)
    }

    pub fn inspect(&self) -> Result<Candidate, workspace::Error> {
        self.inspect_within(limits())
    }

    pub fn inspect_within(&self, limits: Limits) -> Result<Candidate, workspace::Error> {
        workspace::candidate(&self.manifest, &self.scene.workspace(), &self.repository, limits, CI_CONFIG)
    }

    pub fn judge(&self) -> Judgement {
        self.judge_by("version = 1\n")
    }

    pub fn judge_by(&self, policy: &str) -> Judgement {
        self.inspect_by(policy).1
    }

    pub fn inspect_by(&self, policy: &str) -> (Change, Judgement) {
        let candidate = self.inspect().unwrap();
        gate::inspect(candidate.change, &self.repository, &Terms::now(&policy_of(policy).changes, &known(), limits().deadline), None)
            .unwrap()
    }

    /// `rule=severity` of every finding, sorted, each once.
    pub fn rules(&self) -> Vec<String> {
        rules(&self.judge())
    }

    pub fn rules_by(&self, policy: &str) -> Vec<String> {
        rules(&self.judge_by(policy))
    }
}

pub fn rules(judgement: &Judgement) -> Vec<String> {
    let found = judgement.verdict.findings.iter().map(|finding| format!("{}={:?}", finding.rule, finding.severity).to_lowercase());
    found.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

pub fn policy_of(text: &str) -> Policy {
    Policy::compose(vec![Source { name: "test".into(), text: text.into() }]).unwrap()
}

pub fn known() -> Known {
    Known::new(vec![("JOB_TOKEN".into(), Secret::new(SECRET))]).unwrap()
}

pub fn limits() -> Limits {
    Limits::within(Duration::from_secs(120))
}

pub fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    write_bytes(root, path.as_bytes(), bytes);
}

pub fn write_bytes(root: &Path, path: &[u8], bytes: impl AsRef<[u8]>) {
    let path = root.join(OsStr::from_bytes(path));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub fn run_git(folder: &Path, arguments: &[&str]) -> String {
    let output = try_git(folder, arguments);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Git as a person would call it, but for a name, an address and no configuration from outside the test.
pub fn try_git(folder: &Path, arguments: &[&str]) -> Output {
    let identity = [
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@localhost"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@localhost"),
    ];
    Command::new("git")
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .envs(identity)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
