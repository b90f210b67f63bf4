//! What this host has, and whether every promise that the policy needs has a wall on it.

mod table;

use std::fs;

use caps::{CapSet, Capability};
use serde::Serialize;

pub use table::{Row, rows, text};

use crate::{digest::Digest, journal::Event, landlock::LEAST_ABI, policy::Policy, sys};

/// What is known of the host.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// The kernel's release, uname(2).
    pub kernel: String,
    /// The machine's architecture.
    pub architecture: String,
    /// Landlock's ABI; 0 for none.
    pub landlock: u32,
    /// Landlock's fixed errata, as bits.
    pub landlock_errata: u32,
    /// Whether seccomp filters with a listener are there.
    pub seccomp_listener: bool,
    /// Our uid.
    pub uid: u32,
    /// Whether the agent can be given a uid of its own.
    pub separate_uid: bool,
    /// Whether we are PID 1.
    pub pid1: bool,
    /// Our effective capabilities.
    pub capabilities: Vec<String>,
    /// What the container looks like: `docker`, `podman`, `kubernetes`, or none.
    pub environment: Option<String>,
}

/// Something that the policy needs and this host lacks.
#[derive(Debug, thiserror::Error)]
#[error("this host cannot keep the promise `{promise}`: {missing}. {remedy}")]
pub struct Missing {
    promise: &'static str,
    missing: String,
    remedy: String,
}

/// Looks at the host.
pub fn look() -> Host {
    let (kernel, architecture) = nix::sys::utsname::uname().map_or_else(
        |_| (String::new(), String::new()),
        |name| (name.release().display().to_string(), name.machine().display().to_string()),
    );
    let mut capabilities: Vec<String> =
        caps::read(None, CapSet::Effective).unwrap_or_default().into_iter().map(|capability| capability.to_string()).collect();
    capabilities.sort();
    Host {
        kernel,
        architecture,
        landlock: sys::landlock::abi(),
        landlock_errata: sys::landlock::errata(),
        seccomp_listener: fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").is_ok_and(|text| text.contains("user_notif")),
        uid: nix::unistd::geteuid().as_raw(),
        separate_uid: [Capability::CAP_SETUID, Capability::CAP_SETGID]
            .iter()
            .all(|&c| caps::has_cap(None, CapSet::Effective, c).unwrap_or(false)),
        pid1: std::process::id() == 1,
        capabilities,
        environment: environment(),
    }
}

fn environment() -> Option<String> {
    let there = |path: &str| fs::exists(path).unwrap_or(false);
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Some("kubernetes".to_owned())
    } else if there("/run/.containerenv") {
        Some("podman".to_owned())
    } else if there("/.dockerenv") {
        Some("docker".to_owned())
    } else {
        None
    }
}

/// Looks at the host and refuses where `policy` needs more.
///
/// # Errors
/// The first promise without a wall.
pub fn require(policy: &Policy) -> Result<Host, Missing> {
    let host = look();
    match rows(&host, policy).into_iter().find_map(|row| row.missing) {
        Some(missing) => Err(missing),
        None => Ok(host),
    }
}

impl Host {
    /// The uid that the agent gets, where it gets one of its own.
    pub fn agent_uid(&self, policy: &Policy) -> Option<u32> {
        self.separate_uid.then_some(policy.process.uid)
    }

    /// Whether we may signal processes of another uid.
    fn may_kill(&self) -> bool {
        self.capabilities.contains(&Capability::CAP_KILL.to_string())
    }

    /// The journal's first record.
    pub fn start(&self, story: &str, policy: Digest) -> Event {
        let host = serde_json::to_value(self).unwrap_or_default();
        // Who cannot read the program is told so by the digest of nothing.
        let binary = fs::read("/proc/self/exe").map_or_else(|_| Digest::of(""), Digest::of);
        Event::Start { host, policy, binary, story: story.to_owned() }
    }
}

impl Missing {
    pub(crate) fn landlock(promise: &'static str, found: u32, needed: u32) -> Self {
        let missing =
            if found == 0 { "this kernel has no Landlock".to_owned() } else { format!("Landlock ABI {found} is older than {needed}") };
        let remedy = format!(
            "Run it on Linux {} or newer with `landlock` among the security modules (boot parameter `lsm=`)",
            if needed <= LEAST_ABI { "6.12" } else { "of that ABI" }
        );
        Self { promise, missing, remedy }
    }

    pub(crate) fn of(promise: &'static str, missing: &str, remedy: &str) -> Self {
        Self { promise, missing: missing.to_owned(), remedy: remedy.to_owned() }
    }
}
