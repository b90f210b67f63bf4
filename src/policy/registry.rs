//! `[[network.registry]]`: where packages are read from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    host::Host,
    http::{Endpoint, NotAnEndpoint},
};

/// Whose clients ask, and so which paths mean a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The registry of npm, pnpm and yarn.
    Npm,
    /// Python's simple index (PEP 503, PEP 691).
    Pypi,
    /// Cargo's sparse index.
    Crates,
    /// A Go module proxy.
    Go,
    /// A Maven repository.
    Maven,
    /// A Debian archive.
    Debian,
    /// An Alpine repository.
    Alpine,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Npm, Self::Pypi, Self::Crates, Self::Go, Self::Maven, Self::Debian, Self::Alpine];

    /// Its name in policies, and in the gateway's paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Crates => "crates",
            Self::Go => "go",
            Self::Maven => "maven",
            Self::Debian => "debian",
            Self::Alpine => "alpine",
        }
    }
}

/// One `[[network.registry]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Whose paths are asked for.
    pub kind: Kind,
    /// `https://host[:port][/path]`, plain `http` only to loopback; or `$NAME`, the job's variable that holds it.
    pub url: String,
    /// Other base URLs on which this registry keeps the files that its pages name.
    pub files: Vec<String>,
    /// For Go alone: the modules, with all beneath them, that may be asked for.
    pub modules: Vec<String>,
    /// PEM file with the certificate authorities of these hosts, besides the built-in ones.
    pub ca_file: Option<PathBuf>,
}

/// Why a registry has no address.
#[derive(Debug, thiserror::Error)]
pub enum NoRegistry {
    /// The job lacks the variable.
    #[error("network.registry: the policy takes the address of `{kind}` from the variable {name}, which is not set")]
    Unset {
        /// Which registry.
        kind: &'static str,
        /// The variable.
        name: String,
    },
    /// The job's variable leads to this host's own loopback, where other things listen than registries.
    #[error(
        "network.registry: the address of `{kind}`, from the variable {name}, is on loopback: what listens there is the job's own; write the address into the policy if it is meant"
    )]
    Loopback {
        /// Which registry.
        kind: &'static str,
        /// The variable.
        name: String,
    },
    /// What the variable or the policy says is no address.
    #[error("network.registry: the address of `{kind}`: {source}")]
    Url {
        /// Which registry.
        kind: &'static str,
        /// What is wrong with it.
        source: NotAnEndpoint,
    },
}

impl Registry {
    /// The variable of the job that holds the address, where the policy names one.
    pub(super) fn variable(&self) -> Option<&str> {
        self.url.strip_prefix('$')
    }

    /// This registry with its address in the place of the variable. `variable` gives the value of one that is set and not empty.
    ///
    /// # Errors
    /// When the variable is not set, or holds no address that may be used.
    pub fn located(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, NoRegistry> {
        let kind = self.kind.name();
        let url = match self.variable() {
            Some(name) => variable(name).ok_or_else(|| NoRegistry::Unset { kind, name: name.to_owned() })?,
            None => self.url.clone(),
        };
        let url = url.trim_end_matches('/').to_owned();
        let endpoint = Endpoint::parse(&url).map_err(|source| NoRegistry::Url { kind, source })?;
        // Whoever starts a pipeline may set variables, and the agent's loopback is what the policy names.
        if let (Some(name), Host::Address(address)) = (self.variable(), &endpoint.address.host)
            && address.to_canonical().is_loopback()
        {
            return Err(NoRegistry::Loopback { kind, name: name.to_owned() });
        }
        Ok(Self { url, ..self.clone() })
    }

    /// Whether this one grants nothing that `above` does not.
    pub(super) fn is_within(&self, above: &Self) -> bool {
        let modules = self.modules.iter().all(|module| above.modules.iter().any(|granted| is_module_within(module, granted)));
        let files = self.files.iter().all(|url| above.files.contains(url));
        modules && files && Self { modules: above.modules.clone(), files: above.files.clone(), ..self.clone() } == *above
    }
}

/// Whether a Go module is `granted` or lies beneath it.
pub fn is_module_within(module: &str, granted: &str) -> bool {
    module.strip_prefix(granted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `text` is a module path with a host in it (go.dev/ref/mod#module-path), or [`OF_GO_MOD`].
pub fn is_module(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    text == OF_GO_MOD || first.contains('.') && text.split('/').all(part)
}

/// Stands in `modules` for those that the project's go.mod requires.
pub const OF_GO_MOD: &str = "go.mod";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_leads_to_no_service_of_the_jobs_own() {
        let registry = |url: &str| Registry { kind: Kind::Pypi, url: url.to_owned(), files: vec![], modules: vec![], ca_file: None };
        let located = |value: &'static str| registry("$MIRROR").located(|_| Some(value.to_owned())).map(|located| located.url);
        assert_eq!(located("https://registry.example/simple/").unwrap(), "https://registry.example/simple");
        for url in ["http://127.0.0.1:6379", "https://127.0.0.1", "http://[::1]:80", "https://[::ffff:127.0.0.1]:1"] {
            assert!(matches!(located(url), Err(NoRegistry::Loopback { .. } | NoRegistry::Url { .. })), "{url}");
        }
        assert!(registry("http://127.0.0.1:6379").located(|_| None).is_ok(), "the policy itself may say so");
    }
}
