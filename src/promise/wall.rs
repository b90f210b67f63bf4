//! The walls, each with what it needs of a host.

use serde::Serialize;

use super::Host;
use crate::{
    cgroup::Bounds,
    fence::Fence,
    landlock::{PORTS_ABI, SCOPES_ABI, TRUNCATE_ABI},
    policy::{self, Loopback, Policy, Unix},
};

/// One mechanism that keeps the agent from something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wall {
    /// Landlock's rules on files (ABI 1), and its refusal of ptrace and of other processes' files in /proc.
    Landlock,
    /// Landlock's rule on truncating (ABI 3).
    LandlockTruncate,
    /// Refusal of truncate(2): with Landlock's rules on files that is all there is to it.
    NoTruncate,
    /// Landlock's rules on TCP ports (ABI 4).
    LandlockPorts,
    /// Landlock's scopes of signals and abstract unix sockets (ABI 6).
    LandlockScopes,
    /// One signal from within a scope, to everybody in it.
    ScopedKill,
    /// A uid of the agent's own.
    OwnUid,
    /// Our uid is no root's, so that sharing it gives no power.
    PlainUid,
    /// A network namespace.
    Netns,
    /// Sockets made by the broker.
    Broker,
    /// Refusal of unix sockets.
    NoUnix,
    /// The policy opens it.
    Granted,
    /// A cgroup of the agent's own.
    Cgroup,
    /// Bounds of each process and of the uid alone (setrlimit(2)).
    Rlimits,
    /// The allow-list of system calls.
    Seccomp,
    /// Processes of ours that hold it, and that the agent is none of.
    Apart,
}

/// Why a wall does not stand here, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// What is missing.
    pub missing: String,
    /// What to do.
    pub remedy: String,
}

impl Wall {
    /// Whether `policy` lets it be the one that keeps a promise. That it opens something is no wall.
    pub(super) fn is_meant(self, policy: &Policy) -> bool {
        match self {
            Self::Netns => policy.network.fence != policy::Fence::Broker,
            Self::Rlimits => Bounds::of(&policy.process).is_none(),
            Self::Broker => policy.network.fence != policy::Fence::Netns,
            Self::Granted => false,
            _ => true,
        }
    }

    /// How it stands on `host` under `policy`, in a few words; or what it lacks.
    ///
    /// # Errors
    /// A [`Lack`].
    pub(super) fn stands(self, host: &Host, policy: &Policy) -> Result<String, Lack> {
        works(&host.refused.start)?;
        match self {
            Self::Landlock => landlock(host, policy.require.landlock.max(1), "files"),
            Self::LandlockTruncate => landlock(host, TRUNCATE_ABI, "truncating"),
            Self::NoTruncate => seccomp(host).map(|_| "seccomp refuses truncate(2)".to_owned()),
            Self::LandlockPorts => landlock(host, PORTS_ABI, "ports").and_then(|kept| works(&host.refused.ports).map(|()| kept)),
            Self::LandlockScopes => landlock(host, SCOPES_ABI, "scopes"),
            Self::ScopedKill if host.separate_uid && !host.may_kill() => powerless(host),
            Self::ScopedKill => landlock(host, SCOPES_ABI, "one kill inside a scope"),
            Self::OwnUid => own_uid(host, policy),
            Self::PlainUid if host.uid != 0 => Ok(format!("the uid {} is shared and no root's; no_new_privs", host.uid)),
            Self::PlainUid => lack("we are root without the capabilities to give the agent a uid of its own", &caps(host)),
            Self::Netns => netns(host, policy),
            Self::Broker => broker(host, policy),
            Self::NoUnix if policy.process.unix != Unix::Allow => Ok("no unix sockets".to_owned()),
            Self::NoUnix => lack("the policy says `process.unix = \"allow\"`", "Take that line out of the policy"),
            Self::Granted if policy.network.loopback == Loopback::Any => {
                Ok("none: the policy says `network.loopback = \"any\"`".to_owned())
            }
            Self::Granted => lack("the policy does not open it", "say `network.loopback = \"any\"` in the policy"),
            Self::Cgroup => cgroup(host),
            Self::Rlimits => rlimits(policy),
            Self::Seccomp => seccomp(host),
            Self::Apart => Ok("processes of ours that the agent cannot touch".to_owned()),
        }
    }
}

/// What was tried decides, whatever the version numbers say.
fn works(refused: &Option<Lack>) -> Result<(), Lack> {
    refused.clone().map_or(Ok(()), Err)
}

fn lack<T>(missing: &str, remedy: &str) -> Result<T, Lack> {
    Err(Lack { missing: missing.to_owned(), remedy: remedy.to_owned() })
}

/// The Linux that brought each ABI (landlock(7)).
fn linux(abi: u32) -> &'static str {
    match abi {
        0 | 1 => "5.13",
        2 => "5.19",
        3 => "6.2",
        4 => "6.7",
        5 => "6.10",
        6 => "6.12",
        7 => "6.15",
        _ => "of that ABI",
    }
}

fn landlock(host: &Host, needed: u32, what: &str) -> Result<String, Lack> {
    works(&host.refused.landlock)?;
    if let Some(path) = &host.absent {
        return lack(&format!("{} is granted by the policy and is not there", path.display()), "Make it, or take it out of `files`");
    }
    match host.landlock {
        found if found >= needed => Ok(format!("Landlock ABI {found} ({what})")),
        0 => lack("this kernel has no Landlock", &host.container.kernel(linux(needed))),
        found => lack(&format!("Landlock ABI {found} is older than {needed}"), &host.container.kernel(linux(needed))),
    }
}

fn caps(host: &Host) -> String {
    host.container.grant("\"SETUID\", \"SETGID\", \"KILL\"")
}

/// Whoever gives the agent another uid must be allowed to kill it.
fn own_uid(host: &Host, policy: &Policy) -> Result<String, Lack> {
    if !host.separate_uid {
        lack("we may not give the agent a uid of its own", &caps(host))
    } else if !host.may_kill() {
        powerless(host)
    } else {
        Ok(format!("the agent's own uid {}, no_new_privs", policy.process.uid))
    }
}

fn powerless(host: &Host) -> Result<String, Lack> {
    lack("we may not kill processes of the agent's own uid", &caps(host))
}

fn netns(host: &Host, policy: &Policy) -> Result<String, Lack> {
    if policy.network.fence == policy::Fence::Broker {
        return lack("the policy says `network.fence = \"broker\"`", "Say \"auto\" there");
    }
    if host.has_netns() {
        Ok(format!("{}: a network with nothing but a lo of its own", fence_of(host).name()))
    } else {
        let remedy = "Let the runner's containers make namespaces (`privileged`, or a seccomp profile that allows unshare), or say `network.fence = \"broker\"` in the policy";
        lack("network namespaces cannot be made here", remedy)
    }
}

fn fence_of(host: &Host) -> Fence {
    match host.namespaces {
        crate::fence::netns::Namespaces::User => Fence::UserNetns,
        _ => Fence::Netns,
    }
}

fn broker(host: &Host, policy: &Policy) -> Result<String, Lack> {
    if policy.network.fence == policy::Fence::Netns {
        return lack("the policy says `network.fence = \"netns\"`", "Say \"auto\" there");
    }
    works(&host.refused.listener)?;
    works(&host.refused.broker)?;
    Ok("broker: sockets bound to lo".to_owned())
}

fn cgroup(host: &Host) -> Result<String, Lack> {
    match &host.cgroup {
        Some(Ok(told)) => Ok(format!("a cgroup of the agent's own: {told}; setrlimit(2)")),
        Some(Err(lack)) => Err(lack.clone()),
        None => lack("the policy names neither `memory_bytes` nor `cpus`", "Name one in `process.limits`"),
    }
}

fn rlimits(policy: &Policy) -> Result<String, Lack> {
    match Bounds::of(&policy.process) {
        None => Ok(format!("setrlimit(2): {} processes of the uid; no cgroup, for the policy names no memory", policy.process.processes)),
        Some(_) => lack("setrlimit(2) bounds no memory and no processors of all processes together", "Take them out of the policy"),
    }
}

fn seccomp(host: &Host) -> Result<String, Lack> {
    works(&host.refused.listener)?;
    if host.architecture == std::env::consts::ARCH {
        Ok(format!("seccomp allow-list for {}", host.architecture))
    } else {
        lack("this program was built for another architecture", "Use the image of this machine's architecture")
    }
}
