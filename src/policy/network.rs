//! Section `[network]`: ways out.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Registry, Tunnel, Upstream};
use crate::{
    host::{Host, HostPort},
    http::Endpoint,
};

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
    pub tunnels: Vec<Tunnel>,
    /// The job's services, which the gateway forwards to: each appears on a loopback port inside.
    pub services: Vec<HostPort>,
    /// Loopback ports that the agent may reach although others listen there.
    pub ports: Vec<u16>,
    /// Which loopback ports are in reach.
    pub loopback: Loopback,
    /// Hosts that may resolve to private addresses.
    pub private: Vec<Host>,
    /// PEM files with certificate authorities that the agent's tools trust besides the image's, for hosts of tunnels.
    pub ca_files: Vec<PathBuf>,
    /// Endpoints that the gateway terminates and puts the credential into.
    pub routes: Vec<Route>,
    /// The one GitLab that gets the job's token. None: whom the job's variables name, and the agent reaches none.
    pub gitlab: Option<GitLab>,
    /// Where packages are read from, one of a kind.
    pub registries: Vec<Registry>,
    /// The organisation's proxy, through which all of these go. None: they are reached directly.
    pub upstream: Option<Upstream>,
}

/// `[network.gitlab]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLab {
    /// `https://host[:port][/path]`, or `http` where that GitLab has no TLS.
    pub url: Endpoint,
    /// Projects besides the job's own that the agent may read, `group/name`.
    pub projects: Vec<String>,
    /// PEM file with the certificate authorities of that host, besides the built-in ones; none: `CI_SERVER_TLS_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// Whether the agent may read there at all.
    pub reads: bool,
    /// Whether it may read confidential issues and internal notes, which then may show in its merge request.
    pub confidential: bool,
    /// Where objects of Git LFS may be uploaded besides GitLab's own host, if GitLab says so: its object storage.
    pub lfs_hosts: Vec<HostPort>,
}

/// Whether `text` can be the path of a project: groups and a name (docs.gitlab.com, "Rules for usernames, project and group
/// names, and slugs").
pub fn is_project_path(text: &str) -> bool {
    let sound = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && ![".git", ".atom"].iter().any(|end| part.ends_with(end))
    };
    text.contains('/') && text.split('/').all(sound)
}

/// A far end that the gateway speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The Claude API.
    Anthropic,
    /// Claude on AWS Bedrock.
    Bedrock,
    /// OpenAI's API, and others that speak it.
    OpenAi,
    /// Claude on Google Cloud's Vertex AI.
    Vertex,
}

/// What stands for the region in a base URL.
pub(super) const REGION: &str = "{region}";

/// Vertex AI's endpoints (docs.cloud.google.com/vertex-ai/docs/reference/rest, "Service endpoints").
const VERTEX: &str = "https://{region}-aiplatform.googleapis.com";

impl Network {
    /// The variable of the job that holds the upstream proxy's credential.
    pub fn proxy_variable(&self) -> Option<&str> {
        self.upstream.as_ref()?.credential.as_deref()
    }

    /// Whether `network.tunnels` lets `to` through.
    pub fn lists(&self, to: &HostPort) -> bool {
        self.tunnels.iter().any(|tunnel| tunnel.covers(to))
    }
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Anthropic, Self::Bedrock, Self::OpenAi, Self::Vertex];

    /// Its name in policies, in records, and as the first part of the gateway's paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Bedrock => "bedrock",
            Self::OpenAi => "openai",
            Self::Vertex => "vertex",
        }
    }

    /// Where it is, unless the policy says otherwise; with [`REGION`] where it has regions.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Anthropic => "https://api.anthropic.com",
            // docs.aws.amazon.com/general/latest/gr/bedrock.html
            Self::Bedrock => "https://bedrock-runtime.{region}.amazonaws.com",
            Self::OpenAi => "https://api.openai.com",
            Self::Vertex => VERTEX,
        }
    }

    /// Where its tokens are exchanged for credentials, unless the policy says otherwise; with [`REGION`] where it has regions.
    /// None where nothing is exchanged.
    pub fn token_url(self) -> Option<&'static str> {
        match self {
            Self::Anthropic | Self::OpenAi => None,
            // docs.aws.amazon.com/general/latest/gr/sts.html
            Self::Bedrock => Some("https://sts.{region}.amazonaws.com"),
            // sts.googleapis.com's discovery document, `rootUrl`
            Self::Vertex => Some("https://sts.googleapis.com"),
        }
    }
}

/// What a route lets through besides, where the policy says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The provider may reach out for the agent, to any host: by its own tools, by URLs of images and documents, by MCP servers.
    ReachesTheInternet,
}

/// Header fields that no credential can be sent in: they frame the message or concern one connection (RFC 9110 section 7, RFC 9112
/// section 6), have a meaning of their own to every server, or are the client's.
const TAKEN: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-app",
    "x-http-method-override",
];

/// The same for all names that begin so.
const TAKEN_PREFIXES: &[&str] = &["anthropic-", "proxy-", "sec-", "x-claude-", "x-forwarded-", "x-stainless-"];

/// Whether a credential can be sent in the header field `name`, in lower case.
pub(super) fn carries_credential(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let sound = plain && name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-') && name.len() <= 64;
    sound && !TAKEN.contains(&name) && !TAKEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// One `[[network.route]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose methods, paths and body rules hold.
    pub provider: Provider,
    /// `https://host[:port][/path]` without a trailing slash; plain `http` only to loopback. `{region}` stands for each of the
    /// regions.
    pub base_url: String,
    /// The regions that requests may go to, for providers that have them; with Bedrock geographies besides, within which it may hand
    /// them on.
    pub regions: Vec<String>,
    /// What it lets through besides.
    pub grants: Vec<Grant>,
    /// The header field that carries the credential as it is, where a gateway wants another one than the Claude API.
    pub header: Option<String>,
    /// Where a token of the job's is exchanged for credentials, as `base_url` is written; none where nothing is exchanged.
    pub token_url: Option<String>,
    /// PEM file with the certificate authorities of these hosts, besides the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// What routes to Google Cloud have besides.
    pub google: Google,
}

/// Whether `name` is a region of AWS, whose names end with a number (docs.aws.amazon.com/general/latest/gr/rande.html), and no
/// geography such as `eu` or `global`.
pub fn is_aws_region(name: &str) -> bool {
    name.ends_with(|c: char| c.is_ascii_digit())
}

/// Keys of routes to Google Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Google {
    /// The project that requests are made in; none for the one that the job's variables name.
    pub project: Option<String>,
    /// The base URL of the IAM Service Account Credentials API, where it is not Google's own.
    pub iam_url: Option<String>,
    /// The OAuth 2.0 token endpoint, which takes what the key of a service account signed, where it is not Google's own.
    pub oauth_url: Option<String>,
}

impl Google {
    /// Whether `text` is the ID of a project (docs.cloud.google.com/resource-manager/docs/creating-managing-projects): 6 to 30
    /// lower-case letters, digits and hyphens, after its organisation's domain and a colon for the oldest ones.
    pub fn is_project(text: &str) -> bool {
        let (domain, id) = text.rsplit_once(':').unwrap_or(("x", text));
        let plain = |text: &str, more: &[u8]| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || more.contains(&b));
        (6..=30).contains(&id.len()) && plain(id, b"-") && !domain.is_empty() && plain(domain, b".-")
    }
}

impl Route {
    /// The base URL of each region; of a provider that has none, the one base URL under the name "".
    pub fn urls(&self) -> BTreeMap<String, String> {
        if self.regions.is_empty() {
            return BTreeMap::from([(String::new(), self.base_url.clone())]);
        }
        let asked = self.regions.iter().filter(|region| self.provider != Provider::Bedrock || is_aws_region(region));
        asked.map(|region| (region.clone(), self.url(region))).collect()
    }

    fn url(&self, region: &str) -> String {
        match region {
            // These have names of their own form.
            "global" if self.base_url == VERTEX => "https://aiplatform.googleapis.com".to_owned(),
            "eu" | "us" if self.base_url == VERTEX => format!("https://aiplatform.{region}.rep.googleapis.com"),
            _ => self.base_url.replace(REGION, region),
        }
    }

    /// Where tokens are exchanged: in the first of the regions, since what comes of it holds in all of them.
    pub fn token_url(&self) -> Option<String> {
        let region = self.regions.first().map_or("", String::as_str);
        self.token_url.as_ref().map(|url| url.replace(REGION, region))
    }

    /// Whether this route grants nothing that `above` does not.
    pub fn is_within(&self, above: &Self) -> bool {
        let grants = self.grants.iter().all(|grant| above.grants.contains(grant));
        let regions = self.regions.iter().all(|region| above.regions.contains(region));
        let project = above.google.project.is_none() || self.google.project == above.google.project;
        let google = Google { project: above.google.project.clone(), ..self.google.clone() };
        grants
            && regions
            && project
            && Self { regions: above.regions.clone(), grants: above.grants.clone(), google, ..self.clone() } == *above
    }
}
