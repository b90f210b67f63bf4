//! Promise by promise: the wall that keeps it here.

use serde::Serialize;

use super::{Host, Missing};
use crate::{landlock::LEAST_ABI, policy::Policy};

/// One promise on this host.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The promise's id in SECURITY.md.
    pub promise: &'static str,
    /// What keeps it here.
    pub wall: String,
    /// What is missing; none where it is kept.
    #[serde(serialize_with = "shown")]
    pub missing: Option<Missing>,
}

fn shown<S: serde::Serializer>(missing: &Option<Missing>, to: S) -> Result<S::Ok, S::Error> {
    missing.as_ref().map(ToString::to_string).serialize(to)
}

/// Every promise with its wall.
pub fn rows(host: &Host, policy: &Policy) -> Vec<Row> {
    let abi = policy.require.landlock.max(LEAST_ABI);
    let landlock = |promise, what: &str| Row {
        promise,
        wall: format!("Landlock ABI {} ({what})", host.landlock),
        missing: (host.landlock < abi).then(|| Missing::landlock(promise, host.landlock, abi)),
    };
    let uid = |promise| Row {
        promise,
        wall: if host.separate_uid {
            format!("the agent's own uid {}, no_new_privs", policy.process.uid)
        } else {
            format!("no_new_privs and Landlock; the uid {} is shared", host.uid)
        },
        missing: (host.uid == 0 && !host.separate_uid).then(|| {
            let remedy = "Give the container the capabilities SETUID and SETGID (Docker's default has them), or run it as another user";
            Missing::of(promise, "we are root without the capabilities to give the agent a uid of its own", remedy)
        }),
    };
    vec![
        landlock("files", "read and write sets"),
        landlock("signals", "scope"),
        landlock("processes", "ptrace, /proc"),
        emptied(host, landlock("room-emptied", "one kill inside a signal scope")),
        Row {
            promise: "network",
            wall: "broker: sockets bound to lo; Landlock ports on loopback".to_owned(),
            missing: (!host.seccomp_listener).then(|| {
                Missing::of(
                    "network",
                    "seccomp's user notification is not there",
                    "Run it on Linux 5.14 or newer with CONFIG_SECCOMP_FILTER",
                )
            }),
        },
        Row {
            promise: "kernel-surface",
            wall: format!("seccomp allow-list for {}", host.architecture),
            missing: (host.architecture != std::env::consts::ARCH).then(|| {
                Missing::of(
                    "kernel-surface",
                    "this program was built for another architecture",
                    "Use the image of this machine's architecture",
                )
            }),
        },
        uid("privilege"),
    ]
}

/// Whoever gives the agent another uid must be allowed to kill it.
fn emptied(host: &Host, row: Row) -> Row {
    let powerless = || {
        let remedy = "Give the container the capability KILL (Docker's default has it), or run it as another user";
        Missing::of("room-emptied", "we may not kill processes of the agent's own uid", remedy)
    };
    let missing = row.missing.or_else(|| (host.separate_uid && !host.may_kill()).then(powerless));
    Row { missing, ..row }
}

/// The table for people.
pub fn text(host: &Host, rows: &[Row]) -> String {
    let place = host.environment.as_deref().unwrap_or("no container that we know");
    let mut out = format!("Linux {} {} · {place} · uid {}\n\n", host.kernel, host.architecture, host.uid);
    let width = rows.iter().map(|row| row.promise.len()).max().unwrap_or(0);
    for row in rows {
        let (sign, what) = match &row.missing {
            None => ("kept", row.wall.clone()),
            Some(missing) => ("MISSING", missing.to_string()),
        };
        out.push_str(&format!("  {:width$}  {sign:7}  {what}\n", row.promise));
    }
    out
}
