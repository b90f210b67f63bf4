//! What of a job's variables makes Google give access tokens.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::{Lack, shown},
    assertion,
};
use crate::{
    policy::{Google, Route},
    secret::Secret,
};

/// Google's OAuth 2.0 token endpoint (accounts.google.com/.well-known/openid-configuration, `token_endpoint`).
const OAUTH: &str = "https://oauth2.googleapis.com/token";

/// The first part of a provider's full resource name.
const AUDIENCE: &str = "//iam.googleapis.com/";

/// Who acts at Google, and in which project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// The project that requests are made in.
    pub project: String,
    /// What Google gives tokens for.
    pub proof: Proof,
}

/// What Google gives access tokens for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// GitLab's ID token, which a workload identity pool takes for a service account.
    Federated {
        /// The ID token.
        token: Secret,
        /// The pool's provider: its full resource name.
        audience: String,
        /// The service account's address.
        account: String,
    },
    /// The key of a service account.
    Key {
        /// The service account's address.
        account: String,
        /// Which of its keys.
        id: String,
        /// The private key, PKCS #8 in PEM.
        key: Secret,
        /// Whom what it signs is meant for.
        audience: String,
        /// Where that is sent.
        url: String,
    },
}

/// The access that the job's variables give: workload identity federation, else the key of a service account.
///
/// # Errors
/// Which variable is missing, or what is wrong with it.
pub(in crate::provider) fn credential(route: &Route, variable: impl Fn(&str) -> Option<String>) -> Result<Access, Lack> {
    let federation = ["GCP_WORKLOAD_IDENTITY_PROVIDER", "GCP_SERVICE_ACCOUNT"];
    let proof = match variable("GOOGLE_APPLICATION_CREDENTIALS") {
        _ if federation.iter().any(|name| variable(name).is_some()) => federated(&variable)?,
        Some(file) => key(&file, route.google.oauth_url.as_deref())?,
        None => {
            let words = "GCP_WORKLOAD_IDENTITY_PROVIDER is not set: for Vertex AI set it, GCP_SERVICE_ACCOUNT, GCP_PROJECT_ID and an ID token \
                         GITLAB_OIDC_TOKEN (`id_tokens`), or GOOGLE_APPLICATION_CREDENTIALS as a protected CI/CD variable of type File";
            return Err(Lack::Absent(words.to_owned()));
        }
    };
    Ok(Access { project: project(route, &variable)?, proof })
}

fn project(route: &Route, variable: impl Fn(&str) -> Option<String>) -> Result<String, Lack> {
    let named = ["ANTHROPIC_VERTEX_PROJECT_ID", "GCP_PROJECT_ID"].into_iter().find_map(|name| Some((name, variable(name)?)));
    match (&route.google.project, named) {
        (Some(own), Some((name, other))) if *own != other => {
            let why = format!("{name} is `{}`, and the policy's route is to the project `{own}` (network.route.project)", shown(&other));
            Err(Lack::Wrong(why))
        }
        (Some(own), _) => Ok(own.clone()),
        (None, Some((_, project))) if Google::is_project(&project) => Ok(project),
        (None, Some((name, _))) => Err(Lack::Wrong(format!("{name} is not the ID of a project"))),
        (None, None) => Err(Lack::Wrong(
            "GCP_PROJECT_ID is not set: set it to the project that Vertex AI is used in, or name it in the policy".to_owned(),
        )),
    }
}

fn federated(variable: impl Fn(&str) -> Option<String>) -> Result<Proof, Lack> {
    let needed = |name: &str, what: &str| variable(name).ok_or_else(|| Lack::Wrong(format!("{name} is not set: {what}")));
    let provider = needed(
        "GCP_WORKLOAD_IDENTITY_PROVIDER",
        "set it to projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
    )?;
    let account = needed("GCP_SERVICE_ACCOUNT", "set it to the address of the service account that the job acts as")?;
    let token = needed(
        "GITLAB_OIDC_TOKEN",
        "give the job `id_tokens: { GITLAB_OIDC_TOKEN: { aud: … } }` with the audience of the pool's provider",
    )?;
    let Some(audience) = audience(&provider) else {
        let form = "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
        return Err(Lack::Wrong(format!("GCP_WORKLOAD_IDENTITY_PROVIDER does not have the form {form}")));
    };
    if !is_account(&account) {
        return Err(Lack::Wrong("GCP_SERVICE_ACCOUNT is not the address of a service account".to_owned()));
    }
    if token.bytes().any(|b| !b.is_ascii_graphic()) {
        return Err(Lack::Wrong("GITLAB_OIDC_TOKEN is no ID token".to_owned()));
    }
    Ok(Proof::Federated { token: Secret::new(token), audience, account })
}

/// The full resource name of a pool's provider, which is written with the service's name before it or without.
fn audience(text: &str) -> Option<String> {
    let bare = text.strip_prefix("https:").unwrap_or(text);
    let bare = bare.strip_prefix(AUDIENCE).unwrap_or(bare);
    let parts: Vec<&str> = bare.split('/').collect();
    let ["projects", number, "locations", "global", "workloadIdentityPools", pool, "providers", provider] = parts[..] else { return None };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    [number, pool, provider].into_iter().all(plain).then(|| format!("{AUDIENCE}{bare}"))
}

fn is_account(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    text.split_once('@').is_some_and(|(name, domain)| plain(name) && plain(domain))
}

/// A service account's key file (docs.cloud.google.com/iam/docs/keys-create-delete).
fn key(file: &str, oauth: Option<&str>) -> Result<Proof, Lack> {
    let wrong = |what: &str| Lack::Wrong(format!("GOOGLE_APPLICATION_CREDENTIALS {what}"));
    let file: Value = serde_json::from_str(file)
        .map_err(|_| wrong("is neither the path of a file with the JSON key of a service account that can be read, nor such a key"))?;
    let text = |name: &str| file[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match text("type").as_deref() {
        Some("service_account") => {}
        Some("external_account") => {
            return Err(wrong(
                "is a configuration for workload identity federation: set GCP_WORKLOAD_IDENTITY_PROVIDER and the like instead",
            ));
        }
        _ => return Err(wrong("is not the key of a service account")),
    }
    let needed = |name: &str| text(name).ok_or_else(|| wrong(&format!("has no `{name}`")));
    let (account, id, key, audience) = (needed("client_email")?, needed("private_key_id")?, needed("private_key")?, needed("token_uri")?);
    if !is_account(&account) || id.bytes().any(|b| !b.is_ascii_alphanumeric()) {
        return Err(wrong("has a `client_email` or a `private_key_id` of another form"));
    }
    if audience != OAUTH && Some(audience.as_str()) != oauth {
        return Err(wrong(&format!("has a `token_uri` that is neither {OAUTH} nor the policy's `oauth_url`")));
    }
    let key = Secret::new(key);
    assertion::signer(&key).map_err(|why| wrong(&format!("has a `private_key` that cannot be used: {why}")))?;
    Ok(Proof::Key { account, id, key, audience, url: oauth.unwrap_or(OAUTH).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Source};

    const POOL: &str = "projects/123/locations/global/workloadIdentityPools/gitlab/providers/ci";

    fn route(more: &str) -> Route {
        let text = format!("version = 1\n[[network.route]]\nprovider = \"vertex\"\nregions = [\"global\"]\n{more}\n");
        Policy::compose(vec![Source { name: "test".into(), text }]).unwrap().network.routes.remove(0)
    }

    fn of(route: &Route, pairs: &[(&str, &str)]) -> Result<Access, String> {
        let found = |name: &str| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        credential(route, found).map_err(|lack| lack.to_string())
    }

    fn all() -> Vec<(&'static str, &'static str)> {
        vec![
            ("GITLAB_OIDC_TOKEN", "made.up.token"),
            ("GCP_WORKLOAD_IDENTITY_PROVIDER", POOL),
            ("GCP_SERVICE_ACCOUNT", "agent@made-up-project.iam.gserviceaccount.com"),
            ("GCP_PROJECT_ID", "made-up-project"),
        ]
    }

    #[test]
    fn a_job_with_all_variables_has_access() {
        for spelling in [POOL.to_owned(), format!("//iam.googleapis.com/{POOL}"), format!("https://iam.googleapis.com/{POOL}")] {
            let mut pairs = all();
            pairs[1].1 = &spelling;
            let access = of(&route(""), &pairs).unwrap();
            let Proof::Federated { audience, .. } = access.proof else { panic!("{spelling}") };
            assert_eq!((audience, access.project.as_str()), (format!("//iam.googleapis.com/{POOL}"), "made-up-project"));
        }
    }

    #[test]
    fn each_variable_that_is_missing_or_wrong_is_named() {
        for (index, name) in
            ["GITLAB_OIDC_TOKEN", "GCP_WORKLOAD_IDENTITY_PROVIDER", "GCP_SERVICE_ACCOUNT", "GCP_PROJECT_ID"].iter().enumerate()
        {
            let mut less = all();
            less.remove(index);
            let said = of(&route(""), &less).unwrap_err();
            assert!(said.starts_with(&format!("{name} is not set: ")), "{said}");
        }
        for (index, value) in [(0, "made up\ntoken"), (1, "projects/1/../2"), (1, "gitlab"), (2, "agent"), (2, "a/b@c"), (3, "Made Up")] {
            let mut odd = all();
            odd[index].1 = value;
            let said = of(&route(""), &odd).unwrap_err();
            assert!(said.starts_with(odd[index].0) && !said.contains(value), "{said}");
        }
        assert!(of(&route(""), &[]).unwrap_err().contains("GCP_WORKLOAD_IDENTITY_PROVIDER is not set"));
    }

    #[test]
    fn the_policys_project_is_the_only_one() {
        let pinned = route("project = \"made-up-project\"");
        assert_eq!(of(&pinned, &all()[..3]).unwrap().project, "made-up-project");
        let mut other = all();
        other[3].1 = "made-up-other";
        assert!(of(&pinned, &other).unwrap_err().contains("the policy's route is to the project `made-up-project`"));
        assert_eq!(of(&route(""), &other).unwrap().project, "made-up-other");
    }

    #[test]
    fn a_key_file_is_read_strictly() {
        let said =
            |file: &str| of(&route(""), &[("GOOGLE_APPLICATION_CREDENTIALS", file), ("GCP_PROJECT_ID", "made-up-project")]).unwrap_err();
        for (file, words) in [
            ("/nowhere/key.json", "neither the path of a file"),
            ("{}", "is not the key of a service account"),
            (r#"{"type":"authorized_user","refresh_token":"made-up-refresh"}"#, "is not the key of a service account"),
            (r#"{"type":"external_account"}"#, "workload identity federation"),
            (r#"{"type":"service_account"}"#, "has no `client_email`"),
            (
                r#"{"type":"service_account","client_email":"a@b.c","private_key_id":"1","private_key":"made-up","token_uri":"https://evil.example/token"}"#,
                "has a `token_uri` that is neither https://oauth2.googleapis.com/token nor",
            ),
            (
                r#"{"type":"service_account","client_email":"a@b.c","private_key_id":"1","private_key":"made-up","token_uri":"https://oauth2.googleapis.com/token"}"#,
                "has a `private_key` that cannot be used",
            ),
        ] {
            let said = said(file);
            assert!(said.contains(words) && !said.contains("made-up") && !said.contains("evil"), "{said}");
        }
    }
}
