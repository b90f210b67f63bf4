//! The TOML of one layer, key for key. Whatever is not named here is refused by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{AgentKind, Grant, OnViolation, Provider, registry::Kind};

type List = Option<Vec<Spanned<String>>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: Spanned<u32>,
    #[serde(default)]
    pub(super) agent: Agent,
    #[serde(default)]
    pub(super) files: Files,
    #[serde(default)]
    pub(super) network: Network,
    #[serde(default)]
    pub(super) process: Process,
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) changes: Changes,
    #[serde(default)]
    pub(super) merge_request: MergeRequest,
    #[serde(default)]
    pub(super) require: Require,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    pub(super) kind: Option<Spanned<AgentKind>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) models: List,
    pub(super) max_turns: Option<Spanned<u32>>,
    pub(super) instructions: Option<Spanned<String>>,
    pub(super) ask_gate: Option<Spanned<bool>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    pub(super) read: List,
    pub(super) write: List,
    pub(super) deny: List,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fence {
    Auto,
    Broker,
    Netns,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Loopback {
    Reserved,
    Any,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) fence: Option<Spanned<Fence>>,
    pub(super) tunnels: List,
    pub(super) services: List,
    pub(super) ports: Option<Vec<Spanned<u16>>>,
    pub(super) loopback: Option<Spanned<Loopback>>,
    pub(super) private: List,
    pub(super) ca_files: List,
    pub(super) route: Option<Vec<Spanned<Route>>>,
    pub(super) gitlab: Option<Spanned<GitLab>>,
    pub(super) registry: Option<Vec<Spanned<Registry>>>,
    pub(super) upstream: Option<Spanned<Upstream>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub(super) proxy: Option<Spanned<String>>,
    pub(super) credential: Option<Spanned<String>>,
    pub(super) no_proxy: List,
    pub(super) resolves: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GitLab {
    pub(super) url: Option<Spanned<String>>,
    pub(super) projects: List,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) reads: Option<Spanned<bool>>,
    pub(super) confidential: Option<Spanned<bool>>,
    pub(super) lfs_hosts: List,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    pub(super) provider: Provider,
    pub(super) base_url: Option<String>,
    #[serde(default)]
    pub(super) regions: Vec<String>,
    #[serde(default)]
    pub(super) grants: Vec<Grant>,
    pub(super) header: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) ca_file: Option<String>,
    pub(super) project: Option<String>,
    pub(super) iam_url: Option<String>,
    pub(super) oauth_url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registry {
    pub(super) kind: Kind,
    pub(super) url: String,
    #[serde(default)]
    pub(super) files: Vec<String>,
    #[serde(default)]
    pub(super) modules: Vec<String>,
    pub(super) ca_file: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unix {
    Auto,
    Deny,
    Allow,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    pub(super) env: List,
    pub(super) unix: Option<Spanned<Unix>>,
    pub(super) uid: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) limits: ProcessLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessLimits {
    pub(super) processes: Option<Spanned<u64>>,
    pub(super) open_files: Option<Spanned<u64>>,
    pub(super) file_bytes: Option<Spanned<Size>>,
    pub(super) memory_bytes: Option<Spanned<Size>>,
    pub(super) cpus: Option<Spanned<f64>>,
}

/// A number, or a number with a unit.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Size {
    Number(u64),
    Text(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) time: Option<Spanned<Size>>,
    pub(super) turns: Option<Spanned<u32>>,
    pub(super) requests: Option<Spanned<u64>>,
    pub(super) up_bytes: Option<Spanned<Size>>,
    pub(super) down_bytes: Option<Spanned<Size>>,
    pub(super) tokens: Option<Spanned<u64>>,
    pub(super) usd: Option<Spanned<f64>>,
    pub(super) connections: Option<Spanned<u32>>,
    pub(super) log_bytes: Option<Spanned<Size>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Weight {
    Deny,
    Review,
    Warn,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    pub(super) allow: List,
    pub(super) protect: List,
    pub(super) review: List,
    pub(super) add: List,
    pub(super) delete: List,
    pub(super) executable: List,
    pub(super) binary: List,
    pub(super) bidirectional: List,
    pub(super) hosts: List,
    pub(super) lfs: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) secrets: Secrets,
    #[serde(default)]
    pub(super) rules: BTreeMap<String, Spanned<Weight>>,
    pub(super) max_files: Option<Spanned<u64>>,
    pub(super) max_file_bytes: Option<Spanned<Size>>,
    pub(super) max_bytes: Option<Spanned<Size>>,
    pub(super) max_lines: Option<Spanned<u64>>,
    pub(super) max_deleted: Option<Spanned<u64>>,
    pub(super) max_depth: Option<Spanned<u64>>,
    pub(super) max_line_bytes: Option<Spanned<Size>>,
    pub(super) on_violation: Option<Spanned<OnViolation>>,
    pub(super) denied_artifact: Option<Spanned<bool>>,
    pub(super) lower_waivers: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) waivers: Vec<Spanned<Waiver>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiver {
    pub(super) rule: String,
    pub(super) path: Spanned<String>,
    pub(super) owner: String,
    pub(super) reason: String,
    pub(super) expires: Spanned<toml::value::Datetime>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) files: List,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeRequest {
    pub(super) branch: Option<Spanned<String>>,
    pub(super) draft: Option<Spanned<bool>>,
    pub(super) labels: List,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Require {
    pub(super) landlock: Option<Spanned<u32>>,
}
