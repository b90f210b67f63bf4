//! Section `[network]`: ways out.

use std::{collections::BTreeMap, path::PathBuf};

use crate::host::{Host, HostPort};

/// Which loopback ports the agent reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// The gateway, the policy's `ports`, and a range that was free at start.
    Reserved,
    /// Every port, and so everything that listens there.
    Any,
}

/// What keeps the agent's sockets on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// The best one that holds on this host.
    Auto,
    /// Sockets made and bound to `lo` by the broker.
    Broker,
    /// A network namespace of the agent's own.
    Netns,
}

/// The gateway's own port where the agent has a network of its own, in which every port is free. As good as any; many proxies
/// have it.
pub const GATEWAY_PORT: u16 = 3128;

/// The most services in such a network, where each has an address of its own: from 127.0.0.3 to 127.0.0.255.
pub const MOST_SERVICES: usize = 253;

/// Section `[network]`.
#[derive(Clone, Debug)]
pub struct Network {
    /// The fence that is asked for.
    pub fence: Fence,
    /// Hosts whose TLS is passed through unread.
    pub tunnels: Vec<HostPort>,
    /// The job's services, which the gateway forwards to: each appears on a loopback port inside.
    pub services: Vec<HostPort>,
    /// Loopback ports that the agent may reach although others listen there.
    pub ports: Vec<u16>,
    /// Which loopback ports are in reach.
    pub loopback: Loopback,
    /// Hosts that may resolve to private addresses.
    pub private: Vec<Host>,
    /// Endpoints that the gateway terminates and puts the credential into.
    pub routes: Vec<Route>,
}

/// A far end that the gateway speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The Claude API.
    Anthropic,
}

/// What stands for the region in a base URL.
pub(super) const REGION: &str = "{region}";

impl Provider {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Anthropic];

    /// Its name in policies, in records, and as the first part of the gateway's paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
        }
    }

    /// Where it is, unless the policy says otherwise; with [`REGION`] where it has regions.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com",
        }
    }
}

/// One `[[network.route]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose methods, paths and body rules hold.
    pub provider: Provider,
    /// `https://host[:port][/path]` without a trailing slash; plain `http` only to loopback. `{region}` stands for each of the
    /// regions.
    pub base_url: String,
    /// The regions that requests may go to, for providers that have them.
    pub regions: Vec<String>,
    /// PEM file with the certificate authorities of that host, besides the built-in ones.
    pub ca_file: Option<PathBuf>,
}

impl Route {
    /// The base URL of each region; of a provider that has none, the one base URL under the name "".
    pub fn urls(&self) -> BTreeMap<String, String> {
        if self.regions.is_empty() {
            return BTreeMap::from([(String::new(), self.base_url.clone())]);
        }
        self.regions.iter().map(|region| (region.clone(), self.base_url.replace(REGION, region))).collect()
    }

    /// Whether this route grants nothing that `above` does not.
    pub fn is_within(&self, above: &Self) -> bool {
        let regions = self.regions.iter().all(|region| above.regions.contains(region));
        regions && Self { regions: above.regions.clone(), ..self.clone() } == *above
    }
}
