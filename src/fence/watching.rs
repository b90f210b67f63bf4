//! What an observed run is judged by. Without a [`Watching`] nothing of the observing is reached.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::journal::Access;

/// The grants of the policy, as an enforced run would have them. Paths are canonical.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Watching {
    /// May be read and executed.
    pub read: Vec<PathBuf>,
    /// May be read, executed and changed.
    pub write: Vec<PathBuf>,
    /// Files that may be read and written, but not made or taken away.
    pub devices: Vec<PathBuf>,
    /// Taken out of all of them.
    pub deny: Vec<PathBuf>,
    /// Which loopback ports may be connected to; none where loopback is open.
    pub ports: Option<Ports>,
    /// Whether unix sockets are made.
    pub unix: bool,
    /// Whether the network is the agent's own.
    pub own_network: bool,
}

/// Loopback ports.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ports {
    /// The gateway's, the services', the policy's.
    pub named: Vec<u16>,
    /// The agent's own, first and last.
    pub own: (u16, u16),
}

impl Watching {
    /// Whether the policy refuses `access` to the canonical `path`. What lies in no directory (a pipe, anonymous memory) was
    /// given to the process and is not refused.
    pub fn refuses(&self, path: &Path, access: Access) -> bool {
        let within = |places: &[PathBuf]| places.iter().any(|place| path.starts_with(place));
        let granted = match access {
            Access::Read => within(&self.read) || within(&self.write) || within(&self.devices),
            Access::Execute => within(&self.read) || within(&self.write),
            Access::Write => within(&self.write) || within(&self.devices),
            _ => within(&self.write),
        };
        path.is_absolute() && (!granted || within(&self.deny))
    }

    /// Whether the policy refuses to connect to this port of loopback.
    pub fn refuses_port(&self, port: u16) -> bool {
        let granted = |ports: &Ports| ports.named.contains(&port) || (ports.own.0..=ports.own.1).contains(&port);
        self.ports.as_ref().is_some_and(|ports| !granted(ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching() -> Watching {
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect();
        Watching {
            read: paths(&["/usr", "/etc"]),
            write: paths(&["/w"]),
            devices: paths(&["/dev/null"]),
            deny: paths(&["/etc/shadow", "/w/locked"]),
            ports: Some(Ports { named: vec![3128], own: (40_000, 40_010) }),
            unix: false,
            own_network: false,
        }
    }

    #[test]
    fn paths_are_judged_by_the_grants_and_deny_wins() {
        for (path, access, refused) in [
            ("/usr/bin/sh", Access::Execute, false),
            ("/usr/bin/sh", Access::Write, true),
            ("/usrlocal", Access::Read, true),
            ("/etc/shadow", Access::Read, true),
            ("/etc/shadow/x", Access::Read, true),
            ("/etc/shadows", Access::Read, false),
            ("/w/a", Access::Create, false),
            ("/w/a", Access::Read, false),
            ("/w/locked/a", Access::Write, true),
            ("/dev/null", Access::Write, false),
            ("/dev/null", Access::Remove, true),
            ("/", Access::Read, true),
            ("/var/lib/x", Access::Read, true),
            ("pipe:[12]", Access::Write, false),
        ] {
            assert_eq!(watching().refuses(Path::new(path), access), refused, "{path} {access:?}");
        }
    }

    #[test]
    fn ports_are_judged_where_they_are_bounded() {
        let refused = |port| watching().refuses_port(port);
        assert_eq!([3128, 40_000, 40_010, 40_011, 5432].map(refused), [false, false, false, true, true]);
        assert!(!Watching { ports: None, ..watching() }.refuses_port(5432));
    }
}
