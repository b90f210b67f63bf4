//! What this host has, and whether every promise has a wall on it.
//!
//! A [`Promise`] lists the walls that can keep it, the best first. The first one that stands here keeps it; where none does,
//! nothing starts.

pub mod container;
mod host;
mod table;
mod trial;
mod wall;

use std::fs;

use serde::Serialize;

pub use host::{Host, look};
pub use table::{Row, text};
pub use trial::Refused;
pub use wall::Lack;
use wall::Wall;

use crate::{
    digest::Digest,
    fence::{Fence, netns::Namespaces},
    journal::Event,
    landlock::SCOPES_ABI,
    policy::Policy,
};

/// One sentence of SECURITY.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Only granted files are read and changed.
    Files,
    /// No file outside is truncated.
    Truncate,
    /// No memory and no environment of anyone else is read.
    Processes,
    /// Nobody outside is signalled.
    Signals,
    /// Sockets reach loopback only.
    Network,
    /// On loopback, only what was free when it started.
    Loopback,
    /// No abstract unix socket outside.
    AbstractSockets,
    /// Only listed system calls.
    KernelSurface,
    /// No privilege is gained.
    Privilege,
    /// Nobody of the agent is left.
    RoomEmptied,
    /// No more is used than the policy says.
    Bounds,
    /// The agent never holds a key.
    Credentials,
    /// What is pushed was judged.
    Inspected,
    /// Nothing that the agent planted runs.
    NothingPlanted,
}

impl Promise {
    /// All of them, in the order of SECURITY.md.
    pub const ALL: [Self; 14] = [
        Self::Files,
        Self::Truncate,
        Self::Processes,
        Self::Signals,
        Self::Network,
        Self::Loopback,
        Self::AbstractSockets,
        Self::KernelSurface,
        Self::RoomEmptied,
        Self::Privilege,
        Self::Bounds,
        Self::Credentials,
        Self::Inspected,
        Self::NothingPlanted,
    ];

    /// Its name in SECURITY.md.
    pub fn id(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Loopback => "loopback",
            Self::AbstractSockets => "abstract-sockets",
            Self::Files => "files",
            Self::Truncate => "truncate",
            Self::Processes => "processes",
            Self::Signals => "signals",
            Self::KernelSurface => "kernel-surface",
            Self::Privilege => "privilege",
            Self::RoomEmptied => "room-emptied",
            Self::Bounds => "bounds",
            Self::Credentials => "credentials",
            Self::Inspected => "inspected",
            Self::NothingPlanted => "nothing-planted",
        }
    }

    /// The walls that can keep it, each by itself, the best first.
    fn walls(self) -> &'static [Wall] {
        match self {
            Self::Network => &[Wall::Netns, Wall::Broker],
            Self::Loopback => &[Wall::Netns, Wall::LandlockPorts, Wall::Granted],
            Self::AbstractSockets => &[Wall::LandlockScopes, Wall::Netns, Wall::NoUnix],
            Self::Files | Self::Processes => &[Wall::Landlock],
            // A uid of the agent's own is not enough: what everybody may write, it may truncate.
            Self::Truncate => &[Wall::LandlockTruncate, Wall::NoTruncate],
            Self::Signals => &[Wall::LandlockScopes, Wall::OwnUid],
            Self::RoomEmptied => &[Wall::ScopedKill, Wall::OwnUid],
            Self::KernelSurface => &[Wall::Seccomp],
            Self::Privilege => &[Wall::OwnUid, Wall::PlainUid],
            Self::Bounds => &[Wall::Cgroup, Wall::Rlimits],
            Self::Credentials | Self::Inspected | Self::NothingPlanted => &[Wall::Apart],
        }
    }
}

/// Something that the policy needs and this host lacks.
#[derive(Clone, Debug, thiserror::Error)]
#[error("this host cannot keep the promise `{promise}`: {missing}. {remedy}")]
pub struct Missing {
    promise: &'static str,
    missing: String,
    remedy: String,
}

/// A host on which every promise has a wall, and what stands there.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The host.
    pub host: Host,
    /// What keeps the agent's sockets on loopback.
    pub fence: Fence,
    /// The agent's uid, where it gets one of its own.
    pub uid: Option<u32>,
    /// Whether Landlock keeps abstract unix sockets apart, or the network does.
    pub apart: bool,
    rows: Vec<Row>,
}

/// How the host and its promises are told: `doctor --json`, and the first record of a journal.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    /// The host.
    pub host: &'a Host,
    /// Each promise with its wall.
    pub promises: &'a [Row],
}

/// Each promise with the wall that keeps it on `host`, or with what is missing.
pub fn rows(host: &Host, policy: &Policy) -> Vec<Row> {
    Promise::ALL.iter().map(|promise| row(*promise, host, policy)).collect()
}

fn row(promise: Promise, host: &Host, policy: &Policy) -> Row {
    let tried: Vec<_> = promise.walls().iter().map(|wall| wall.stands(host, policy)).collect();
    let held = tried.iter().find_map(|tried| tried.as_ref().ok());
    let lacks = || promise.walls().iter().zip(&tried).filter_map(|(wall, tried)| Some((wall, tried.as_ref().err()?)));
    // Without any wall, the one that holds on most hosts and that the policy lets be is named, and how to do without.
    let lack = lacks().rfind(|(wall, _)| wall.is_meant(policy)).filter(|_| held.is_none());
    let without = lacks().find(|(wall, _)| **wall == Wall::Granted).map(|(_, lack)| format!(", or {}", lack.remedy));
    let missing = lack.map(|(_, lack)| Missing {
        promise: promise.id(),
        missing: lack.missing.clone(),
        remedy: format!("{}{}", lack.remedy, without.unwrap_or_default()),
    });
    Row { promise: promise.id(), wall: held.cloned().unwrap_or_default(), missing }
}

/// Looks at the host and refuses where `policy` needs more.
///
/// # Errors
/// The first promise without a wall.
pub fn require(policy: &Policy) -> Result<Ground, Missing> {
    stand(look(policy), policy)
}

/// Decides which walls stand on `host`.
///
/// # Errors
/// The first promise without a wall.
pub fn stand(host: Host, policy: &Policy) -> Result<Ground, Missing> {
    let rows = rows(&host, policy);
    if let Some(missing) = rows.iter().find_map(|row| row.missing.clone()) {
        return Err(missing);
    }
    let fence = match (Wall::Netns.stands(&host, policy), host.namespaces) {
        (Ok(_), Namespaces::User) => Fence::UserNetns,
        (Ok(_), _) => Fence::Netns,
        (Err(_), _) => Fence::Broker,
    };
    let apart = fence.is_own_network() || Wall::LandlockScopes.stands(&host, policy).is_ok();
    Ok(Ground { fence, uid: host.agent_uid(policy), apart, host, rows })
}

impl Ground {
    /// Whether Landlock scopes signals here.
    pub fn has_scopes(&self) -> bool {
        self.host.landlock >= SCOPES_ABI
    }

    /// The journal's first record.
    pub fn start(&self, story: &str, policy: Digest) -> Event {
        let told = Told { host: &self.host, promises: &self.rows };
        // Who cannot read the program is told so by the digest of nothing.
        let binary = fs::read("/proc/self/exe").map_or_else(|_| Digest::of(""), Digest::of);
        Event::Start { host: serde_json::to_value(told).unwrap_or_default(), policy, binary, story: story.to_owned() }
    }
}

#[cfg(test)]
mod tests;
