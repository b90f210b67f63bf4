//! Whose token the gateway puts in, for which project: from the job's variables, held against the policy.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    gitlab::Credential,
    http::Endpoint,
    policy::{self, is_project_path},
    secret::Secret,
};

/// What the gateway is given for its route to GitLab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// The token.
    pub credential: Credential,
    /// `CI_PROJECT_ID`.
    pub project: Option<u64>,
    /// `CI_PROJECT_PATH`.
    pub path: Option<String>,
    /// The policy's `ca_file`, else `CI_SERVER_TLS_CA_FILE`.
    pub ca_file: Option<PathBuf>,
}

/// A variable that names another GitLab than the policy does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable} is {value}, but the policy says that the token goes to {policy} alone (network.gitlab.url): remove the variable that was overridden, or correct the policy"
)]
pub struct Mismatch {
    variable: &'static str,
    value: String,
    policy: String,
}

/// Checks that the job runs at the policy's GitLab. `variable` gives the value of one that is set and not empty.
///
/// # Errors
/// The variable that names another one.
fn agree(policy: &policy::GitLab, variable: impl Fn(&str) -> Option<String>) -> Result<(), Mismatch> {
    for (name, suffix) in [("CI_SERVER_URL", ""), ("CI_API_V4_URL", "/api/v4")] {
        let Some(value) = variable(name) else { continue };
        let wanted = Endpoint { path: format!("{}{suffix}", policy.url.path), ..policy.url.clone() };
        if !Endpoint::parse_any(&value).is_ok_and(|endpoint| endpoint == wanted) {
            let value = value.chars().take(120).flat_map(char::escape_default).collect();
            return Err(Mismatch { variable: name, value, policy: policy.url.to_string() });
        }
    }
    Ok(())
}

impl Access {
    /// What a job's variables give: `GITLAB_ACCESS_TOKEN`, else `CI_JOB_TOKEN`; none without a token, or where the policy has
    /// the agent read nothing. `variable` gives the value of one that is set and not empty.
    ///
    /// # Errors
    /// A variable that names another GitLab than the policy.
    pub fn of_job(policy: &policy::GitLab, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Mismatch> {
        agree(policy, &variable)?;
        let token = |name: &str| variable(name).map(Secret::new);
        let credential = token("GITLAB_ACCESS_TOKEN").map(Credential::Access).or_else(|| token("CI_JOB_TOKEN").map(Credential::Job));
        let Some(credential) = credential.filter(|_| policy.reads) else { return Ok(None) };
        let project = variable("CI_PROJECT_ID").and_then(|text| text.parse().ok()).filter(|&id: &u64| id > 0);
        let path = variable("CI_PROJECT_PATH").filter(|path| is_project_path(path));
        let ca_file = policy.ca_file.clone().or_else(|| variable("CI_SERVER_TLS_CA_FILE").map(PathBuf::from));
        Ok(Some(Self { credential, project, path, ca_file }))
    }

    /// The variables that lead the programs inside to `gateway` (`http://127.0.0.1:PORT`) with `ticket` instead of to the
    /// policy's GitLab: those of GitLab CI, and for git the same as `-c` options (git-config(1), `GIT_CONFIG_COUNT`).
    pub fn variables(&self, policy: &policy::GitLab, gateway: &str, ticket: &Secret) -> Vec<(String, String)> {
        let (base, ticket) = (format!("{gateway}/gitlab"), ticket.reveal());
        let (scheme, address) = match policy.url.to_string() {
            url if url.starts_with("https") => ("https://", url["https://".len()..].to_owned()),
            url => ("http://", url["http://".len()..].to_owned()),
        };
        let host = &policy.url.address.host;
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("gitlab-ci-token:{ticket}"));
        let instead = format!("url.{base}/.insteadOf");
        let settings = [
            (instead.clone(), format!("{scheme}{address}/")),
            (instead.clone(), format!("{scheme}gitlab-ci-token:{ticket}@{address}/")),
            (instead.clone(), format!("git@{host}:")),
            (instead, format!("ssh://git@{host}/")),
            (format!("http.{base}/.extraHeader"), format!("Authorization: Basic {basic}")),
        ];
        let mut out = vec![
            ("CI_SERVER_URL".to_owned(), base.clone()),
            ("CI_API_V4_URL".to_owned(), format!("{base}/api/v4")),
            ("CI_JOB_TOKEN".to_owned(), ticket.to_owned()),
            ("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string()),
            ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
            ("GIT_LFS_SKIP_SMUDGE".to_owned(), "1".to_owned()),
        ];
        if let Some(path) = &self.path {
            let host = base.trim_start_matches("http://");
            out.push(("CI_REPOSITORY_URL".to_owned(), format!("http://gitlab-ci-token:{ticket}@{host}/{path}.git")));
        }
        for (number, (key, value)) in settings.into_iter().enumerate() {
            out.extend([(format!("GIT_CONFIG_KEY_{number}"), key), (format!("GIT_CONFIG_VALUE_{number}"), value)]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(url: &str) -> policy::GitLab {
        let url = Endpoint::parse_any(url).unwrap();
        policy::GitLab { url, projects: vec![], ca_file: None, reads: true, confidential: false, lfs_hosts: vec![] }
    }

    fn of(pairs: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        let pairs = pairs.to_vec();
        move |name| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn only_the_policys_gitlab_gets_the_token() {
        let policy = policy("https://git.example/x");
        let token = ("CI_JOB_TOKEN", "made-up-job-token");
        for (server, api, fine) in [
            ("https://git.example/x", "https://git.example/x/api/v4", true),
            ("https://GIT.example:443/x/", "https://git.example/x/api/v4", true),
            ("https://git.example", "https://git.example/api/v4", false),
            ("https://git.example/x", "https://evil.example/x/api/v4", false),
            ("http://git.example/x", "https://git.example/x/api/v4", false),
            ("https://git.example:8443/x", "https://git.example/x/api/v4", false),
            ("https://git.example/x", "https://git.example/x/api/v4/..", false),
            ("https://git.example.evil.example/x", "https://git.example/x/api/v4", false),
        ] {
            let found = Access::of_job(&policy, of(&[token, ("CI_SERVER_URL", server), ("CI_API_V4_URL", api)]));
            assert_eq!(found.is_ok(), fine, "{server} {api}");
            if let Err(error) = found {
                assert!(error.to_string().contains("network.gitlab.url") && !error.to_string().contains("made-up"), "{error}");
            }
        }
        assert!(Access::of_job(&policy, of(&[])).unwrap().is_none());
        let closed = policy::GitLab { reads: false, ..policy };
        assert!(Access::of_job(&closed, of(&[token])).unwrap().is_none());
    }

    #[test]
    fn git_and_scripts_are_led_to_the_gateway() {
        let policy = policy("https://git.example:8443/x");
        let access = Access::of_job(&policy, of(&[("GITLAB_ACCESS_TOKEN", "made-up-token"), ("CI_JOB_TOKEN", "other")])).unwrap().unwrap();
        assert!(matches!(&access.credential, Credential::Access(_)));
        let variables = access.variables(&policy, "http://127.0.0.1:1", &Secret::new("ticket"));
        let value = |name: &str| variables.iter().find(|(own, _)| own == name).unwrap().1.as_str();
        assert_eq!(value("CI_API_V4_URL"), "http://127.0.0.1:1/gitlab/api/v4");
        assert_eq!(
            (value("GIT_CONFIG_KEY_0"), value("GIT_CONFIG_VALUE_0")),
            ("url.http://127.0.0.1:1/gitlab/.insteadOf", "https://git.example:8443/x/")
        );
        assert_eq!(value("GIT_CONFIG_VALUE_2"), "git@git.example:");
        assert!(variables.iter().all(|(_, value)| !value.contains("made-up-token")));
    }
}
