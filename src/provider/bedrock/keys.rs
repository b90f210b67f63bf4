//! What proves to AWS who pays, from a job's variables.

use serde::{Deserialize, Serialize};

use super::super::{Credential, Lack};
use crate::secret::Secret;

/// How requests to AWS are signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// With keys that the job has.
    Keys(Keys),
    /// With keys that a token of the job's is exchanged for.
    Role(Role),
}

/// An access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keys {
    pub(super) id: Secret,
    pub(super) secret: Secret,
    pub(super) session: Option<Secret>,
}

impl Keys {
    /// An access key's id, its secret, and the token of a session. None where one of them is empty or could not stand in a header.
    pub fn new(id: &str, secret: &str, session: Option<&str>) -> Option<Self> {
        let sound = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let carried = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let all = sound && carried(secret) && session.is_none_or(carried);
        all.then(|| Self { id: Secret::new(id), secret: Secret::new(secret), session: session.map(Secret::new) })
    }
}

/// A role that is assumed with a token of an identity provider's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Its ARN.
    pub(super) arn: String,
    /// What CloudTrail calls the session.
    pub(super) session: String,
    /// The token.
    pub(super) token: Secret,
}

/// The credential among a job's variables: see [`super::super::credential`]. The order is that of AWS' own programs: a Bedrock API
/// key, an access key, a role.
pub(in crate::provider) fn credential(variable: impl Fn(&str) -> Option<String>) -> Result<Credential, Lack> {
    let known = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    if let Some(key) = known("AWS_BEARER_TOKEN_BEDROCK") {
        return Ok(Credential::Bearer(Secret::new(key)));
    }
    if let Some(identity) = static_keys(known) {
        return identity.map(|keys| Credential::Aws(Identity::Keys(keys)));
    }
    role(known).map(|role| Credential::Aws(Identity::Role(role)))
}

fn static_keys(known: impl Fn(&str) -> Option<String>) -> Option<Result<Keys, Lack>> {
    let (id, secret) = match (known("AWS_ACCESS_KEY_ID"), known("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => return None,
        (Some(id), Some(secret)) => (id, secret),
        (None, Some(_)) => return Some(Err(half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))),
        (Some(_), None) => return Some(Err(half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"))),
    };
    let odd = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN has characters that none of them can have: set it again";
    Some(Keys::new(&id, &secret, known("AWS_SESSION_TOKEN").as_deref()).ok_or_else(|| Lack::Wrong(odd.to_owned())))
}

fn half(missing: &str, there: &str) -> Lack {
    Lack::Wrong(format!("{missing} is not set although {there} is: store it as a masked CI/CD variable"))
}

fn role(known: impl Fn(&str) -> Option<String>) -> Result<Role, Lack> {
    let wrong = |text: &str| Err(Lack::Wrong(text.to_owned()));
    let token = known("GITLAB_OIDC_TOKEN").or_else(|| known("AWS_WEB_IDENTITY_TOKEN_FILE"));
    let (arn, token) = match (known("AWS_ROLE_TO_ASSUME").or_else(|| known("AWS_ROLE_ARN")), token) {
        (Some(arn), Some(token)) => (arn, token),
        (None, Some(_)) => {
            return wrong("AWS_ROLE_TO_ASSUME is not set although the job has an OIDC token: set it to the ARN of the role");
        }
        (Some(_), None) => {
            let how = "add `id_tokens: GITLAB_OIDC_TOKEN: {aud: …}` to the job, or name a readable file in AWS_WEB_IDENTITY_TOKEN_FILE";
            return wrong(&format!("GITLAB_OIDC_TOKEN is not set although AWS_ROLE_TO_ASSUME is: {how}"));
        }
        (None, None) => {
            let ways =
                "AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GITLAB_OIDC_TOKEN and AWS_ROLE_TO_ASSUME";
            let why = format!("no credential for Bedrock is set: the job needs {ways}, secrets among them as masked CI/CD variables");
            return Err(Lack::Absent(why));
        }
    };
    if !is_role(&arn) {
        return wrong("AWS_ROLE_TO_ASSUME is no ARN of a role, such as arn:aws:iam::123456789012:role/name");
    }
    // RFC 7519: base64url and dots.
    if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=".contains(&b)) {
        return wrong("the OIDC token has characters that none can have: is GITLAB_OIDC_TOKEN the token itself?");
    }
    Ok(Role { arn, session: session(known), token: Secret::new(token) })
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&b));
    sound && partition.starts_with("aws") && account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
}

/// Project and job, so that CloudTrail says which one it was.
fn session(known: impl Fn(&str) -> Option<String>) -> String {
    let number = |name: &str| known(name).filter(|text| text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit()));
    match (number("CI_PROJECT_ID"), number("CI_JOB_ID")) {
        (Some(project), Some(job)) => format!("tidewaiter-{project}-{job}"),
        _ => "tidewaiter".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/ci/agent";

    fn given(pairs: &[(&str, &str)]) -> Result<Credential, Lack> {
        credential(|name| pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_order_is_that_of_aws_own_programs() {
        let bearer = ("AWS_BEARER_TOKEN_BEDROCK", "made-up-key");
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAMADEUP"), ("AWS_SECRET_ACCESS_KEY", "made-up"), ("AWS_SESSION_TOKEN", "made/up+=")];
        let role = [("GITLAB_OIDC_TOKEN", "made.up.token"), ("AWS_ROLE_TO_ASSUME", ROLE)];
        let all: Vec<_> = [bearer].into_iter().chain(keys).chain(role).collect();
        assert!(matches!(given(&all), Ok(Credential::Bearer(_))));
        assert!(matches!(given(&all[1..]), Ok(Credential::Aws(Identity::Keys(Keys { session: Some(_), .. })))));
        assert!(matches!(given(&role), Ok(Credential::Aws(Identity::Role(_)))));
        let file = [("AWS_WEB_IDENTITY_TOKEN_FILE", "made.up.token"), ("AWS_ROLE_ARN", ROLE), ("CI_PROJECT_ID", "7"), ("CI_JOB_ID", "42")];
        let Ok(Credential::Aws(Identity::Role(role))) = given(&file) else { panic!() };
        assert_eq!((role.arn.as_str(), role.session.as_str()), (ROLE, "tidewaiter-7-42"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pairs, missing) in [
            (vec![], "no credential for Bedrock is set"),
            (vec![("AWS_ACCESS_KEY_ID", "AKIAMADEUP")], "AWS_SECRET_ACCESS_KEY is not set"),
            (vec![("AWS_SECRET_ACCESS_KEY", "made-up")], "AWS_ACCESS_KEY_ID is not set"),
            (vec![("AWS_ACCESS_KEY_ID", "AKIA MADEUP"), ("AWS_SECRET_ACCESS_KEY", "x")], "set it again"),
            (vec![("AWS_ACCESS_KEY_ID", "AKIAMADEUP"), ("AWS_SECRET_ACCESS_KEY", "x\r\ny: z")], "set it again"),
            (vec![("GITLAB_OIDC_TOKEN", "made.up.token")], "AWS_ROLE_TO_ASSUME is not set"),
            (vec![("AWS_ROLE_TO_ASSUME", ROLE)], "GITLAB_OIDC_TOKEN is not set"),
            (vec![("GITLAB_OIDC_TOKEN", "made.up.token"), ("AWS_ROLE_TO_ASSUME", "agent")], "is no ARN of a role"),
            (vec![("GITLAB_OIDC_TOKEN", "/a/path with spaces"), ("AWS_ROLE_TO_ASSUME", ROLE)], "characters"),
            // A half never falls through to a whole one.
            (vec![("AWS_ACCESS_KEY_ID", "AKIAMADEUP"), ("GITLAB_OIDC_TOKEN", "made.up"), ("AWS_ROLE_TO_ASSUME", ROLE)], "AWS_SECRET"),
        ] {
            let lack = given(&pairs).unwrap_err();
            assert_eq!(matches!(lack, Lack::Absent(_)), pairs.is_empty());
            let reason = lack.to_string();
            assert!(reason.contains(missing) && !reason.contains("made.up") && !reason.contains("AKIA MADEUP"), "{pairs:?}: {reason}");
        }
    }
}
