//! What is known of the host.

use std::{fs, path::PathBuf};

use caps::{CapSet, Capability};
use serde::Serialize;

use super::{
    container::{self, Container},
    trial::{self, Refused},
    wall::Lack,
};
use crate::{
    cgroup::Bounds,
    fence::netns::{Namespaces, Trying},
    policy::{Fence, Files, Policy},
    sys,
};

/// What this host has.
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
    /// The bounds of a cgroup that was made here, and removed again; none where the policy asks for none.
    pub cgroup: Option<Result<String, Lack>>,
    /// What was tried, and does not work here.
    pub refused: Refused,
    /// The first path that the policy grants and that is not there.
    pub absent: Option<PathBuf>,
    /// Which namespaces may be made here, found by making them; none where the policy says that the fence is another.
    pub namespaces: Namespaces,
    /// Our uid.
    pub uid: u32,
    /// Whether the agent can be given a uid of its own.
    pub separate_uid: bool,
    /// Whether we are PID 1.
    pub pid1: bool,
    /// Our effective capabilities.
    pub capabilities: Vec<String>,
    /// The container that we see.
    pub container: Container,
}

/// The built-in list is of what most hosts have, not of what must be there.
fn absent(files: &Files) -> Option<PathBuf> {
    let read = files.read.iter().filter(|_| !files.built_in);
    read.chain(&files.write).find(|path| fs::metadata(path).is_err()).cloned()
}

/// Looks at the host, and for the paths that `policy` grants.
pub fn look(policy: &Policy) -> Host {
    let (kernel, architecture) = nix::sys::utsname::uname().map_or_else(
        |_| (String::new(), String::new()),
        |name| (name.release().display().to_string(), name.machine().display().to_string()),
    );
    let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    let mut capabilities: Vec<String> =
        caps::read(None, CapSet::Effective).unwrap_or_default().into_iter().map(|capability| capability.to_string()).collect();
    capabilities.sort();
    // Making them takes a millisecond, so it is only tried where they may be the fence, and meanwhile the rest.
    let namespaces = (policy.network.fence != Fence::Broker).then(Trying::begin);
    Host {
        container: container::recognise(&container::Signs::here(&kernel)),
        kernel,
        architecture,
        landlock: sys::landlock::abi(),
        landlock_errata: sys::landlock::errata(),
        cgroup: Bounds::of(&policy.process).map(|bounds| trial::cgroup(&bounds)),
        refused: trial::all(),
        absent: absent(&policy.files),
        namespaces: namespaces.map_or(Namespaces::None, Trying::found),
        uid: nix::unistd::geteuid().as_raw(),
        separate_uid: has(Capability::CAP_SETUID) && has(Capability::CAP_SETGID),
        pid1: std::process::id() == 1,
        capabilities,
    }
}

impl Host {
    /// The uid that the agent gets, where it gets one of its own.
    pub fn agent_uid(&self, policy: &Policy) -> Option<u32> {
        self.separate_uid.then_some(policy.process.uid)
    }

    /// Whether a network namespace can be the fence. A user namespace knows one uid, so it is no use where the agent gets
    /// another.
    pub(super) fn has_netns(&self) -> bool {
        match self.namespaces {
            Namespaces::Plain => true,
            Namespaces::User => !self.separate_uid,
            Namespaces::None => false,
        }
    }

    /// Whether we may signal processes of another uid.
    pub(super) fn may_kill(&self) -> bool {
        self.capabilities.contains(&Capability::CAP_KILL.to_string())
    }
}
