//! Temporary keys for a role: what the Security Token Service is asked, and what its answer means
//! (docs.aws.amazon.com/STS/latest/APIReference, AssumeRoleWithWebIdentity).

use std::time::{Duration, SystemTime};

use hyper::{
    Request,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};

use super::{
    keys::{Keys, Role},
    sign::encoded,
};
use crate::{moment::moment, provider::Refusal};

/// Keys are renewed so long before they expire, and used meanwhile if that fails.
const EARLY: Duration = Duration::from_secs(300);

/// Nothing is signed with keys that expire within so long: it has to arrive and be checked.
const LAST: Duration = Duration::from_secs(5);

/// Errors and what they mean for whoever runs the job.
const ERRORS: &[(&str, &str)] = &[
    ("AccessDenied", "the role's trust policy does not accept this job: compare its conditions with the token's `aud` and `sub`"),
    ("ExpiredTokenException", "the job's OIDC token has expired: it ends with the job's timeout, so raise that"),
    ("IDPCommunicationError", "AWS cannot reach GitLab to check the token: trying again may help"),
    ("IDPRejectedClaim", "GitLab's issuer is not accepted for this token, or the token was revoked"),
    (
        "InvalidIdentityToken",
        "AWS does not know the token's issuer or audience: compare the account's identity provider with the job's `aud`",
    ),
    ("RegionDisabledException", "the token service is not activated in this region of the account"),
    ("ValidationError", "AWS does not accept the role's ARN or the token's form"),
];

/// Keys with their end.
#[derive(Clone, Debug)]
pub struct Lease {
    keys: Keys,
    expires: SystemTime,
}

impl Lease {
    /// From when on they are to be renewed.
    pub fn renew(&self) -> SystemTime {
        self.expires - EARLY
    }

    /// From when on nothing is signed with them.
    pub fn until(&self) -> SystemTime {
        self.expires - LAST
    }

    /// What to sign with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Role {
    /// What is asked for. It carries the job's token and no signature.
    pub fn request(&self) -> Request<Bytes> {
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.arn),
            ("RoleSessionName", &self.session),
            ("WebIdentityToken", self.token.reveal()),
        ];
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value, false))).collect();
        let mut request = Request::new(Bytes::from(form.join("&")));
        *request.method_mut() = hyper::Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request
    }
}

/// Reads the service's answer at `now`.
///
/// # Errors
/// In words of our own: nothing of the answer is in them.
pub fn lease(status: u16, answer: &[u8], now: SystemTime) -> Result<Lease, Refusal> {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let document = roxmltree::Document::parse(text).ok();
    let of = |name: &str| {
        let mut found = document.iter().flat_map(|tree| tree.descendants()).filter(|node| node.tag_name().name() == name);
        let value = found.next().and_then(|node| node.text()).map(str::trim).filter(|text| !text.is_empty());
        value.filter(|_| found.next().is_none())
    };
    if status != 200 {
        return Err(refused(status, of("Code").unwrap_or_default()));
    }
    let odd = || Refusal::new("credential/answer", "the token service's answer (200) has no usable keys in it");
    let (id, secret, session) = (of("AccessKeyId"), of("SecretAccessKey"), of("SessionToken"));
    let (Some(id), Some(secret), Some(session)) = (id, secret, session) else { return Err(odd()) };
    let moment = of("Expiration").and_then(moment).and_then(|moment| u64::try_from(moment).ok()).ok_or_else(odd)?;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_millis(moment).max(EARLY);
    let lease = Lease { keys: Keys::new(id, secret, Some(session)).ok_or_else(odd)?, expires };
    if now >= lease.until() {
        let why = "the token service gave keys that have expired already: is the clock here wrong?";
        return Err(Refusal::new("credential/expired", why));
    }
    Ok(lease)
}

fn refused(status: u16, code: &str) -> Refusal {
    let known = ERRORS.iter().find(|(name, _)| *name == code);
    let rule = if code == "ExpiredTokenException" { "credential/expired" } else { "credential/refused" };
    let why = known.map_or_else(String::new, |(name, meaning)| format!(", {name}: {meaning}"));
    Refusal::new(rule, format!("the token service gave no keys for AWS_ROLE_TO_ASSUME ({status}{why})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const NOW: u64 = 1_800_000_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn answer(expires: u64) -> String {
        let time = humantime::format_rfc3339_seconds(at(expires));
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
             <Credentials><SessionToken>made/up+token==</SessionToken><SecretAccessKey>made/up+secret</SecretAccessKey>\
             <Expiration>{time}</Expiration><AccessKeyId>ASIAMADEUP</AccessKeyId></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )
    }

    #[test]
    fn the_role_is_asked_for_as_the_reference_has_it() {
        let arn = "arn:aws:iam::123456789012:role/agent";
        let role = Role { arn: arn.to_owned(), session: "tidewaiter-7-42".to_owned(), token: Secret::new("made.up-token_=") };
        let body = String::from_utf8(role.request().body().to_vec()).unwrap();
        let sent =
            "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fagent&RoleSessionName=tidewaiter-7-42&WebIdentityToken=made.up-token_%3D";
        assert_eq!(body, format!("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&{sent}"));
    }

    #[test]
    fn keys_are_renewed_early_and_not_used_to_the_last() {
        let lease = lease(200, answer(NOW + 3600).as_bytes(), at(NOW)).unwrap();
        assert_eq!((lease.renew(), lease.until()), (at(NOW + 3300), at(NOW + 3595)));
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_told_in_our_own_words() {
        let good = answer(NOW + 3600);
        let error = |code: &str| {
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>made up of role/agent</Message></Error></ErrorResponse>")
        };
        for (status, text, rule) in [
            (200, String::new(), "credential/answer"),
            (200, "{}".to_owned(), "credential/answer"),
            (200, good.replace("AccessKeyId", "Other"), "credential/answer"),
            (200, good.replace("made/up+secret", ""), "credential/answer"),
            (200, good.replace("made/up+secret", "made up"), "credential/answer"),
            (200, good.replace("ASIAMADEUP", "ASIA/x"), "credential/answer"),
            (200, good.replace("<Expiration>2", "<Expiration>x"), "credential/answer"),
            (200, good.replace("<AccessKeyId>", "<AccessKeyId>A</AccessKeyId><AccessKeyId>"), "credential/answer"),
            (200, good[..good.len() - 3].to_owned(), "credential/answer"),
            (200, format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{good}"), "credential/answer"),
            (200, answer(NOW), "credential/expired"),
            (200, answer(NOW - 10), "credential/expired"),
            (400, error("ExpiredTokenException"), "credential/expired"),
            (403, error("AccessDenied"), "credential/refused"),
            (400, error("made-up-code"), "credential/refused"),
            (302, good.clone(), "credential/refused"),
            (500, String::new(), "credential/refused"),
        ] {
            let refusal = lease(status, text.as_bytes(), at(NOW)).unwrap_err();
            assert_eq!(refusal.rule, rule, "{status} {text}");
            assert!(!refusal.reason.contains("made") && !refusal.reason.contains("ASIA"), "{}", refusal.reason);
        }
    }
}
