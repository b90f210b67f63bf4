//! Where the agent comes in: one listener a door, each with one meaning.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::host::HostPort;

use super::{
    Shared, address, connection,
    denial::Denial,
    pump::{self, Meter},
    records::{Desk, Entry},
    transparent,
};

/// What a listener is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// The proxy and the routes: a ticket is asked for.
    Proxy,
    /// Stands for every listed host on this port: clients come without knowing, and say whom they want in their first bytes.
    /// Only in a network of the agent's own, where nobody else can come.
    Hosts(u16),
    /// Leads to this host and port alone: a service of the job, a port of the job's own loopback.
    Forward(HostPort),
}

/// Looks after one client.
pub(super) async fn enter(door: Door, stream: TcpStream, shared: Arc<Shared>, desk: Desk) {
    match door {
        Door::Proxy => connection::handle(stream, shared, desk).await,
        Door::Hosts(port) => transparent::handle(stream, port, shared, desk).await,
        Door::Forward(to) => {
            let Some(mut entry) = desk.entry().await else { return };
            entry.facts.way = "service";
            entry.facts.host = to.to_string();
            if let Err(denial) = forward(stream, &to, &shared, &mut entry).await {
                entry.deny(&denial);
            }
        }
    }
}

/// The policy named it, so it may lie where nothing else may: in a private network, never at a metadata service. It is
/// beside the job, so no proxy stands between.
async fn forward(client: TcpStream, to: &HostPort, shared: &Shared, entry: &mut Entry) -> Result<(), Denial> {
    let allowed = address::resolve(to, std::slice::from_ref(&to.host), None).await?;
    shared.budget.request()?;
    let mut far = allowed.dial().await?;
    entry.allow("network/service");
    let meter = Meter { budget: &shared.budget, traffic: &entry.traffic, buffers: &shared.buffers };
    pump::both(&client, &mut far, &[], meter).await
}
