//! Requests to Google's token services and their answers, as values.
//!
//! Sources: the discovery documents of sts.googleapis.com and iamcredentials.googleapis.com (`v1`; an excerpt is in
//! `tests/support/google/`), RFC 6749 section 5 and RFC 8693 section 2.2 for their errors, google.rpc.Status and
//! google.rpc.Code for the other one's, RFC 7523 section 2.1 for the key of a service account.
//!
//! Nothing of an answer but its token is kept: not even its error is quoted, only what it means.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Access, Proof, assertion};
use crate::{moment::moment, secret::Secret};

/// What tokens are asked for: Vertex AI has no narrower scope (docs.cloud.google.com/vertex-ai/docs/reference/rest).
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// For how long tokens are asked: the most without an organisation's leave (`GenerateAccessTokenRequest.lifetime`).
const LIFETIME: Duration = Duration::from_secs(3600);

/// The kind of token that is asked for.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Which service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The security token service.
    Exchange,
    /// The IAM Service Account Credentials API.
    Impersonate,
    /// The OAuth 2.0 token endpoint.
    Key,
}

/// A request to one of them; a POST.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Below the service's base URL.
    pub path: String,
    /// The media type of the body.
    pub media: &'static str,
    /// The body.
    pub body: Secret,
    /// What is sent as `Authorization: Bearer`.
    pub bearer: Option<Secret>,
}

/// A token and for how long it holds.
#[derive(Clone, Debug)]
pub struct Given {
    /// The access token.
    pub token: Secret,
    /// From now on.
    pub lifetime: Duration,
}

/// Why an answer gives no token: a rule's name and a reason in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// `credential/…`.
    pub rule: &'static str,
    /// What happened and what to do, without a word of the answer.
    pub reason: String,
}

impl Access {
    /// The service that is asked first.
    pub fn first(&self) -> Service {
        match self.proof {
            Proof::Federated { .. } => Service::Exchange,
            Proof::Key { .. } => Service::Key,
        }
    }

    /// The first request, at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn ask(&self, now: u64) -> Result<Ask, Wrong> {
        match &self.proof {
            Proof::Federated { token, audience, .. } => Ok(exchange(token, audience)),
            Proof::Key { account, id, key, audience, .. } => {
                let refused = |why| Wrong { rule: "credential/key", reason: format!("the service account's key cannot be used: {why}") };
                Ok(granted(&assertion::signed(account, id, key, audience, now).map_err(refused)?))
            }
        }
    }

    /// The second request, with the token that the first one gave; none where that is the access token already.
    pub fn then(&self, token: Secret) -> Result<Ask, Secret> {
        match &self.proof {
            Proof::Federated { account, .. } => Ok(impersonate(account, token)),
            Proof::Key { .. } => Err(token),
        }
    }
}

fn exchange(token: &Secret, audience: &str) -> Ask {
    let body = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": audience,
        "scope": SCOPE,
        "requestedTokenType": ACCESS_TOKEN,
        "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
        "subjectToken": token.reveal(),
    });
    Ask { path: "/v1/token".to_owned(), media: "application/json", body: Secret::new(body.to_string()), bearer: None }
}

fn impersonate(account: &str, bearer: Secret) -> Ask {
    let body = json!({ "scope": [SCOPE], "lifetime": format!("{}s", LIFETIME.as_secs()) });
    let path = format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
    Ask { path, media: "application/json", body: Secret::new(body.to_string()), bearer: Some(bearer) }
}

fn granted(assertion: &str) -> Ask {
    // The colons are the only characters of the two values that a form has to encode.
    let body = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    Ask { path: String::new(), media: "application/x-www-form-urlencoded", body: Secret::new(body), bearer: None }
}

impl Service {
    /// The token of an answer that came at `now`, in milliseconds since 1970.
    ///
    /// # Errors
    /// When it has none that could be used, and why.
    pub fn read(self, status: u16, body: &[u8], now: i64) -> Result<Given, Wrong> {
        let value = serde_json::from_slice::<Value>(body).ok();
        if status != 200 {
            return Err(self.refused(status, value.as_ref()));
        }
        let given = value.as_ref().and_then(|value| match self {
            Self::Exchange | Self::Key => oauth(value),
            Self::Impersonate => iam(value, now),
        });
        let unreadable =
            || Wrong { rule: "credential/unreadable", reason: format!("{self} gave an answer that cannot be read; nothing of it is used") };
        let given = given.ok_or_else(unreadable)?;
        if given.lifetime.is_zero() {
            let reason = format!("{self} gave a token that has expired already: is this machine's clock right?");
            return Err(Wrong { rule: "credential/expired", reason });
        }
        Ok(given)
    }

    fn refused(self, status: u16, body: Option<&Value>) -> Wrong {
        let error = body.map_or(&Value::Null, |body| &body["error"]);
        let word = error.as_str().or_else(|| error["status"].as_str()).unwrap_or_default();
        let means = match (self, word) {
            _ if is_down(status) => "it is overloaded or out of order; trying later may help",
            (Self::Exchange, "invalid_grant") => {
                "the ID token (GITLAB_OIDC_TOKEN) has expired, or the pool's provider does not take its issuer, audience or attributes"
            }
            (Self::Exchange, "invalid_target") => "there is no such provider (GCP_WORKLOAD_IDENTITY_PROVIDER), or it is disabled",
            (Self::Exchange, "unauthorized_client") => "the pool's attribute condition rejects this job's ID token",
            (Self::Impersonate, "PERMISSION_DENIED") => {
                "the job's identity may not act as the service account (GCP_SERVICE_ACCOUNT): it needs roles/iam.workloadIdentityUser on it"
            }
            (Self::Impersonate, "NOT_FOUND") => "there is no such service account (GCP_SERVICE_ACCOUNT)",
            (Self::Impersonate, "UNAUTHENTICATED") => "it does not take the exchanged token",
            (Self::Key, "invalid_grant") => "the key was deleted or disabled, or this machine's clock is wrong",
            _ => "the variables for Google Cloud do not fit together",
        };
        let rule = if is_down(status) { "credential/unavailable" } else { "credential/refused" };
        Wrong { rule, reason: format!("{self} answered {status}: {means}") }
    }
}

fn is_down(status: u16) -> bool {
    status >= 500 || status == 429
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Exchange => "Google's security token service",
            Self::Impersonate => "Google's service for service accounts' credentials",
            Self::Key => "Google's token endpoint",
        })
    }
}

/// `GoogleIdentityStsV1ExchangeTokenResponse`, and RFC 6749 section 5.1.
fn oauth(value: &Value) -> Option<Given> {
    let bearer = value["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let right = value.get("issued_token_type").is_none_or(|kind| kind == ACCESS_TOKEN);
    let seconds = value["expires_in"].as_u64()?;
    (bearer && right).then_some(Given { token: token(&value["access_token"])?, lifetime: Duration::from_secs(seconds).min(LIFETIME) })
}

/// `GenerateAccessTokenResponse`. The clock here may be wrong: a token holds no longer than it was asked for.
fn iam(value: &Value, now: i64) -> Option<Given> {
    let left = moment(value["expireTime"].as_str()?)?.saturating_sub(now);
    let lifetime = Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(LIFETIME);
    Some(Given { token: token(&value["accessToken"])?, lifetime })
}

/// A token that a header can carry (RFC 6750 section 2.1).
fn token(value: &Value) -> Option<Secret> {
    let text = value.as_str()?;
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_529_234_000;

    fn lifetime(service: Service, body: &str) -> Result<u64, &'static str> {
        service.read(200, body.as_bytes(), NOW).map(|given| given.lifetime.as_secs()).map_err(|wrong| wrong.rule)
    }

    #[test]
    fn a_token_holds_as_long_as_is_said_and_no_longer_than_was_asked_for() {
        let oauth = |seconds: &str| format!(r#"{{"access_token":"made-up","token_type":"Bearer","expires_in":{seconds}}}"#);
        assert_eq!(lifetime(Service::Key, &oauth("60")), Ok(60));
        assert_eq!(lifetime(Service::Exchange, &oauth("999999")), Ok(3600));
        assert_eq!(lifetime(Service::Exchange, &oauth("0")), Err("credential/expired"));
        let iam = |time: &str| format!(r#"{{"accessToken":"made-up","expireTime":"{time}"}}"#);
        assert_eq!(lifetime(Service::Impersonate, &iam("2026-11-24T14:08:14Z")), Ok(60));
        assert_eq!(lifetime(Service::Impersonate, &iam("2027-11-24T14:08:14Z")), Ok(3600));
        assert_eq!(lifetime(Service::Impersonate, &iam("2026-11-24T14:07:13Z")), Err("credential/expired"));
    }

    #[test]
    fn what_is_no_token_is_none() {
        for body in [
            "",
            "made-up",
            "{}",
            r#"{"access_token":"made-up","token_type":"Bearer"}"#,
            r#"{"access_token":"made-up","token_type":"Bearer","expires_in":"60"}"#,
            r#"{"access_token":"made-up","token_type":"Bearer","expires_in":-1}"#,
            r#"{"access_token":"made-up","token_type":"mac","expires_in":60}"#,
            r#"{"access_token":"","token_type":"Bearer","expires_in":60}"#,
            r#"{"access_token":"made\nup","token_type":"Bearer","expires_in":60}"#,
            r#"{"access_token":["made-up"],"token_type":"Bearer","expires_in":60}"#,
            r#"{"access_token":"made-up","token_type":"Bearer","expires_in":60,"issued_token_type":"urn:ietf:params:oauth:token-type:id_token"}"#,
        ] {
            assert_eq!(lifetime(Service::Exchange, body), Err("credential/unreadable"), "{body}");
        }
        for body in
            [r#"{"accessToken":"made-up"}"#, r#"{"accessToken":"made-up","expireTime":"soon"}"#, r#"{"expireTime":"2026-11-24T14:08:14Z"}"#]
        {
            assert_eq!(lifetime(Service::Impersonate, body), Err("credential/unreadable"), "{body}");
        }
    }

    #[test]
    fn an_error_is_explained_and_not_quoted() {
        for (service, status, body, words) in [
            (Service::Exchange, 400, r#"{"error":"invalid_grant","error_description":"made-up-secret"}"#, "has expired"),
            (Service::Exchange, 400, r#"{"error":"made-up-secret"}"#, "do not fit together"),
            (
                Service::Impersonate,
                403,
                r#"{"error":{"code":403,"message":"made-up-secret","status":"PERMISSION_DENIED"}}"#,
                "workloadIdentityUser",
            ),
            (Service::Impersonate, 503, "made-up-secret", "trying later"),
            (Service::Key, 400, r#"{"error":"invalid_grant"}"#, "deleted or disabled"),
            (Service::Exchange, 302, "", "answered 302"),
        ] {
            let wrong = service.read(status, body.as_bytes(), NOW).unwrap_err();
            assert_eq!(wrong.rule, if status == 503 { "credential/unavailable" } else { "credential/refused" });
            assert!(wrong.reason.contains(words), "{wrong:?}");
            assert!(!wrong.reason.contains("made-up"), "{wrong:?}");
        }
    }
}
