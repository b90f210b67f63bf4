//! The fence: what keeps the agent's sockets on loopback. It must hold where nothing is permitted to an unprivileged
//! container, and it must not be possible to race it.
//!
//! There are two. `broker` makes the agent's sockets and binds them to `lo`; it needs no privilege at all. `netns` is a
//! network namespace that holds nothing but a `lo` of its own; it needs a kernel that lets us make one.

pub mod broker;
pub mod calls;
pub mod look;
pub mod netns;
pub mod observer;
pub mod outside;
pub mod ports;
pub mod terminals;
pub mod unix;
pub mod watching;
pub mod witness;

use serde::{Deserialize, Serialize};
pub use watching::Watching;

/// The fence in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fence {
    /// Sockets made and bound to `lo` by the broker.
    Broker,
    /// A network namespace, made with privileges that we have.
    Netns,
    /// The same within a user namespace, which any user may make on some hosts.
    UserNetns,
}

impl Fence {
    /// Whether the agent has a loopback interface that is shared with nobody.
    pub fn is_own_network(self) -> bool {
        self != Self::Broker
    }

    /// What logs and the journal call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Netns => "netns",
            Self::UserNetns => "netns in a user namespace",
        }
    }
}
