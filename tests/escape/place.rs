//! The places where every case is tried, and how a run is started in one.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::json;

use crate::case::{Case, Kind};

/// The run without walls.
pub const OPEN: &str = "open";

/// Where, as whom, behind which fence.
#[derive(Debug)]
pub struct Place {
    /// Names the column; what stands behind `-` is the fence, where it is not the broker.
    pub name: &'static str,
    pub uid: u32,
    /// Options of `podman run`; none for this machine itself.
    pub container: Option<&'static [&'static str]>,
    pub fence: &'static str,
}

/// Kubernetes' restricted profile: no root, no capability, a root file system that cannot be written, no entry in passwd.
const RESTRICTED: &[&str] = &[
    "--user",
    "10001:10001",
    "--passwd=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp:mode=1777,notmpcopyup",
];

/// Every place; the first is the one without walls.
pub const PLACES: &[Place] = &[
    Place { name: OPEN, uid: 0, container: None, fence: "broker" },
    Place { name: "host", uid: 0, container: None, fence: "broker" },
    Place { name: "host-netns", uid: 0, container: None, fence: "netns" },
    Place { name: "root", uid: 0, container: Some(&["--user", "0:0"]), fence: "broker" },
    Place { name: "user", uid: 1000, container: Some(&["--user", "1000:1000"]), fence: "broker" },
    Place { name: "restricted", uid: 10_001, container: Some(RESTRICTED), fence: "broker" },
];

/// Hosts that the policy lists besides those that must be refused all the same: cloud metadata, names with inner addresses.
const POLICY: &str = r#"version = 1

[agent]
kind = "command"
models = ["model-one"]

[files]
deny = ["/opt/secrets"]

[network]
fence = "FENCE"
tunnels = [
    "allowed.example:443", "allowed.example:80", "rebind.example:6379", "inner.example:443", "linklocal.example:443",
    "mixed.example:443", "flip.example:443", "metadata.google.internal:80", "169.254.169.254:80", "168.63.129.16:80", "100.100.100.200:80",
    "[fd00:ec2::254]:80", "127.0.0.1:6379",
]
private = [
    "allowed.example", "mixed.example", "flip.example", "metadata.google.internal", "169.254.169.254", "168.63.129.16", "100.100.100.200",
    "fd00:ec2::254",
]

[[network.route]]
provider = "anthropic"
base_url = "https://provider.example"
ca_file = "CA"

[process]
uid = UID

[process.limits]
processes = 512
open_files = 512
file_bytes = "64M"

[limits]
time = "10m"
"#;

impl Place {
    /// The agent's uid where the supervisor is root. The kernel counts processes by uid over all containers, so that each place
    /// of each run has its own.
    fn agent(&self) -> u32 {
        let index = PLACES.iter().position(|place| place.name == self.name).unwrap_or_default();
        100_000 + std::process::id() % 10_000 * 20 + u32::try_from(index).unwrap_or_default() * 2
    }

    fn walls(&self) -> &'static str {
        if self.name == OPEN { "off" } else { "on" }
    }

    /// Makes the place's directory below `base`: a project, what lies beside one in a job, a home, and the cases.
    pub fn prepare(&self, base: &Path, cases: &[&Case], programs: &Path, pki: &Path, binary: &Path) -> PathBuf {
        let directory = base.join(self.name);
        let known = directory.join("builds/project/.cases");
        for path in [
            "bin",
            "builds/project/.git",
            "builds/project.tmp",
            "builds/checkout/.git",
            "cache/project",
            "home/.ssh",
            "home/.docker",
            "out",
            "around",
            "sockets",
        ] {
            fs::create_dir_all(directory.join(path)).unwrap();
        }
        fs::create_dir_all(&known).unwrap();
        let secrets = ["builds/project.tmp/CI_VARIABLE", "home/.ssh/id_ed25519", "home/.netrc", "home/.docker/config.json", "home/.bashrc"];
        for file in secrets {
            fs::write(directory.join(file), "made-up-secret\n").unwrap();
        }
        let clone = "[remote \"origin\"]\n\turl = https://gitlab-ci-token:made-up-clone-token@gitlab.example/a/b.git\n";
        fs::write(directory.join("builds/checkout/.git/config"), clone).unwrap();
        fs::write(directory.join("cache/project/cache.zip"), "of all jobs\n").unwrap();
        fs::set_permissions(directory.join("cache/project/cache.zip"), fs::Permissions::from_mode(0o666)).unwrap();
        let copied = Command::new("cp").arg("-r").args([pki, &directory.join("pki")]).status().unwrap();
        assert!(copied.success());
        fs::copy(binary, directory.join("bin/tidewaiter")).unwrap();
        fs::copy(pki.join("ca.pem"), directory.join("builds/project/ca.pem")).unwrap();
        let ca = directory.join("pki/ca.pem").display().to_string();
        let uid = self.agent().to_string();
        let policy = POLICY.replace("FENCE", self.fence).replace("\"CA\"", &format!("{ca:?}")).replace("UID", &uid);
        fs::write(directory.join("policy.toml"), policy).unwrap();
        fs::write(directory.join("plain.toml"), format!("version = 1\n[network]\nfence = {:?}\n[process]\nuid = {uid}\n", self.fence))
            .unwrap();
        for file in fs::read_dir(programs).unwrap().flatten() {
            fs::copy(file.path(), known.join(file.file_name())).unwrap();
        }
        let list: Vec<_> = cases.iter().map(|case| self.entry(case, &known)).collect();
        fs::write(directory.join("list.json"), serde_json::to_vec(&list).unwrap()).unwrap();
        self.give(&directory);
        directory
    }

    fn entry(&self, case: &Case, known: &Path) -> serde_json::Value {
        let kind = if case.kind == Kind::Around { "around" } else { "inside" };
        let path = known.join(program(case));
        let lab = known.ancestors().nth(3).unwrap();
        // What is late with walls is a leak all the same, in the time of the next case.
        let awaited = if self.name == OPEN { !case.seen.is_empty() } else { case.journal.is_some() };
        let settle = if awaited { 0.1 } else { 0.02 };
        json!({ "name": case.name, "kind": kind, "settle": settle, "path": path, "attacks": case.attacks_a_process, "timeout": case.timeout, "lab": lab })
    }

    /// All of it belongs to whoever starts the job, and others may look at it as far as its modes say.
    fn give(&self, directory: &Path) {
        let path = directory.display().to_string();
        let owner = format!("{0}:{0}", self.uid);
        assert!(Command::new("chown").args(["-R", &owner, &path]).status().unwrap().success());
        for entry in [directory.to_owned(), directory.join("home"), directory.join("builds/project.tmp"), directory.join("sockets")] {
            fs::set_permissions(entry, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // What the lab writes is root's.
        chown(directory, Some(self.uid), Some(self.uid)).unwrap();
    }

    /// The run: our own internet, the place in it, the probes in the place.
    pub fn command(&self, tests: &Path, directory: &Path) -> Command {
        let mut command = Command::new(tests.join("support/lab/internet.sh"));
        command.arg(directory).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
        if let Some(options) = self.container {
            let volume = format!("{0}:{0}", directory.display());
            let cache = format!("{}/cache:/cache", directory.display());
            let tools = format!("{0}:{0}:ro", directory.with_file_name("tools").display());
            let volumes = ["--volume", &volume, "--volume", &cache, "--volume", &tools];
            command.arg(tests.join("containers/enter.sh")).args(volumes).args(["--workdir", "/"]);
            command.args(options).arg("--");
        }
        let sources = directory.join("builds/project/.cases");
        command.arg("/usr/bin/python3").arg(sources.join("place.py")).arg(directory).arg(self.walls());
        command
    }
}

/// The file that is started: the case itself, or what its C was compiled to.
pub fn program(case: &Case) -> String {
    let name = case.name.replace('/', ".");
    match case.file.extension().and_then(|extension| extension.to_str()) {
        Some("c") | None => name,
        Some(extension) => format!("{name}.{extension}"),
    }
}
