//! What holds where no layer says anything.

use std::path::PathBuf;

use super::{
    Agent, AgentKind, Changes, Exceptions, Fence, Files, Limits, Loopback, MergeRequest, Network, OnViolation, Policy, Process, Require,
    Unix,
};
use crate::digest::Digest;

/// What the agent may read where no layer says so: programs, libraries and the plain configuration of a system.
const READ: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/etc", "/proc"];

/// Never within reach by a built-in grant, whatever stands above them in [`READ`].
const DENY: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/gitlab-runner",
    "/etc/docker",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/boto.cfg",
    "/etc/krb5.keytab",
];

/// The policy of an empty file: strict where something must be granted, sensible where something must be bounded.
pub(super) fn policy() -> Policy {
    Policy {
        agent: Agent {
            kind: AgentKind::Claude,
            command: vec![],
            model: None,
            models: vec![],
            max_turns: None,
            instructions: None,
            ask_gate: false,
        },
        files: Files {
            read: READ.iter().map(PathBuf::from).collect(),
            built_in: true,
            write: vec![],
            deny: DENY.iter().map(PathBuf::from).collect(),
        },
        network: Network {
            fence: Fence::Auto,
            tunnels: vec![],
            services: vec![],
            ports: vec![],
            loopback: Loopback::Reserved,
            private: vec![],
            ca_files: vec![],
            routes: vec![],
            gitlab: None,
            registries: vec![],
            upstream: None,
        },
        process: Process {
            env: vec![],
            unix: Unix::Auto,
            uid: 61_000,
            processes: 2048,
            open_files: 4096,
            file_bytes: 4 << 30,
            memory_bytes: None,
            cpus: None,
        },
        limits: Limits {
            time: std::time::Duration::from_secs(3600),
            turns: None,
            requests: 5_000,
            up_bytes: 1 << 30,
            down_bytes: 4 << 30,
            tokens: None,
            micro_usd: None,
            connections: 512,
            log_bytes: 16 << 20,
        },
        changes: Changes {
            allow: vec![],
            protect: vec![],
            review: vec![],
            add: vec![],
            delete: vec![],
            executable: Exceptions::default(),
            binary: Exceptions::default(),
            bidirectional: Exceptions::default(),
            hosts: vec![],
            lfs: false,
            secrets: vec![],
            rules: std::collections::BTreeMap::new(),
            max_files: 200,
            max_file_bytes: 1 << 20,
            max_bytes: 10 << 20,
            max_lines: 10_000,
            max_deleted: 50,
            max_depth: 24,
            max_line_bytes: 4096,
            on_violation: OnViolation::Deny,
            denied_artifact: false,
            lower_waivers: false,
            waivers: vec![],
        },
        merge_request: MergeRequest { branch: "tidewaiter/".to_owned(), draft: false, labels: vec![] },
        require: Require { landlock: 1 },
        sources: vec![],
        digest: Digest::of(""),
    }
}
