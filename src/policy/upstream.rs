//! `[network.upstream]`: the organisation's proxy, through which everything goes out.

use crate::{
    host::HostPort,
    secret::Secret,
    upstream::{Exempt, NotACredential, Proxy},
};

/// `[network.upstream]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Where it is; it is spoken to in plain HTTP.
    pub proxy: HostPort,
    /// The job's variable that holds `user:password` for it.
    pub credential: Option<String>,
    /// Hosts that are reached without it.
    pub no_proxy: Vec<Exempt>,
    /// Whether it alone resolves names, so that it alone can check their addresses.
    pub resolves: bool,
}

/// Why there is no credential for the proxy.
#[derive(Debug, thiserror::Error)]
pub enum NoCredential {
    /// The job lacks the variable.
    #[error(
        "network.upstream.credential: the policy takes the proxy's user and password from the variable {0}, which is not set: store user:password in it as a masked CI/CD variable"
    )]
    Unset(String),
    /// It holds something else.
    #[error("network.upstream.credential: the variable {name} {source}")]
    Wrong {
        /// The variable.
        name: String,
        /// What it must hold.
        source: NotACredential,
    },
}

impl Upstream {
    /// The proxy, for who sends nothing through it.
    pub fn without_credential(&self) -> Proxy {
        Proxy::open(self.proxy.clone(), self.no_proxy.clone(), self.resolves)
    }

    /// The proxy with its credential. `variable` gives the value of one that is set and not empty.
    ///
    /// # Errors
    /// When the variable is not set, or holds no credential.
    pub fn with_credential(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Proxy, NoCredential> {
        let proxy = self.without_credential();
        let Some(name) = &self.credential else { return Ok(proxy) };
        let held = variable(name).map(Secret::new).ok_or_else(|| NoCredential::Unset(name.clone()))?;
        proxy.with_credential(held).map_err(|source| NoCredential::Wrong { name: name.clone(), source })
    }
}

/// What it means, for the log and the journal.
impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "everything goes out through the upstream proxy http://{}", self.proxy)?;
        if !self.no_proxy.is_empty() {
            let direct: Vec<String> = self.no_proxy.iter().map(ToString::to_string).collect();
            write!(f, " but to {}", direct.join(", "))?;
        }
        match self.resolves {
            true => f.write_str("; it alone resolves names, and the check of their addresses is delegated to it"),
            false => f.write_str("; names are resolved here, and it is told addresses"),
        }
    }
}
