//! Signatures of AWS, version 4 (docs.aws.amazon.com/IAM, "Create a signed AWS API request").

use std::time::SystemTime;

use hyper::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use ring::hmac;

use super::keys::Keys;
use crate::digest::{self, Digest};

/// The name of Bedrock's runtime in signatures.
pub const SERVICE: &str = "bedrock";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Why a request cannot be signed. It does not say with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be signed: its host, its query or the credential has an odd form")]
pub struct Unsignable;

/// Signs `request`, whose path and `Host` are as they will be sent, with `body` as its body: the content type, the host and the
/// date are bound, and the session token where there is one. Whatever it has of another signature is replaced.
///
/// # Errors
/// When it has no `Host`, or a query, or when the keys have characters that no header carries.
pub fn sign<B>(request: &mut Request<B>, body: &[u8], keys: &Keys, region: &str, now: SystemTime) -> Result<(), Unsignable> {
    // `2026-11-28T15:00:00Z` without what separates.
    let time = humantime::format_rfc3339_seconds(now).to_string().replace(['-', ':'], "");
    let scope = format!("{}/{region}/{SERVICE}/aws4_request", time.get(..8).ok_or(Unsignable)?);
    let headers = request.headers_mut();
    headers.remove(TOKEN);
    headers.insert(DATE, HeaderValue::from_str(&time).map_err(|_| Unsignable)?);
    if let Some(token) = &keys.session {
        headers.insert(TOKEN, sensitive(token.reveal())?);
    }
    if !headers.contains_key(HOST) || request.uri().query().is_some() {
        return Err(Unsignable);
    }
    let (names, canonical) = canonical(request, body)?;
    let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", Digest::of(canonical).hex());
    let signature = digest::hex(mac(&derived(keys, &scope), to_sign.as_bytes()).as_ref());
    let value = format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", keys.id.reveal());
    request.headers_mut().insert(AUTHORIZATION, sensitive(&value)?);
    Ok(())
}

fn sensitive(text: &str) -> Result<HeaderValue, Unsignable> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Unsignable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The names of the signed fields, and the request in the form whose digest is signed.
fn canonical<B>(request: &Request<B>, body: &[u8]) -> Result<(String, String), Unsignable> {
    let (mut names, mut fields) = (Vec::new(), String::new());
    for name in [CONTENT_TYPE, HOST, DATE, TOKEN] {
        let Some(value) = request.headers().get(&name) else { continue };
        let words: Vec<&str> = value.to_str().map_err(|_| Unsignable)?.split_ascii_whitespace().collect();
        fields.push_str(&format!("{name}:{}\n", words.join(" ")));
        names.push(name.as_str().to_owned());
    }
    let names = names.join(";");
    // The path is encoded once more than it is sent.
    let path = encoded(request.uri().path(), true);
    let text = format!("{}\n{path}\n\n{fields}\n{names}\n{}", request.method(), Digest::of(body).hex());
    Ok((names, text))
}

/// The key for one day, region and service.
fn derived(keys: &Keys, scope: &str) -> hmac::Tag {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", keys.secret.reveal()).as_bytes());
    let mut parts = scope.split('/');
    let day = hmac::sign(&first, parts.next().unwrap_or_default().as_bytes());
    parts.fold(day, |tag, part| mac(&tag, part.as_bytes()))
}

fn mac(key: &hmac::Tag, text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), text)
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3), `/` too unless `slashes` stay.
pub(super) fn encoded(text: &str, slashes: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (slashes && byte == b'/');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_session_token_of_before_does_not_stay() {
        let mut request =
            Request::post("/model/x/invoke").header("host", "a.example").header("x-amz-security-token", "made-up").body(()).unwrap();
        let keys = Keys::new("AKIAMADEUP", "made-up-secret", None).unwrap();
        sign(&mut request, b"{}", &keys, "eu-central-1", SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
        assert!(!request.headers().contains_key("x-amz-security-token"));
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn what_would_be_signed_in_another_sense_is_not() {
        let keys = Keys::new("AKIAMADEUP", "made-up-secret", None).unwrap();
        for (uri, field) in [("/model/x/invoke?a=b", "host"), ("/model/x/invoke", "x-other")] {
            let mut request = Request::post(uri).header(field, "a.example").body(()).unwrap();
            assert_eq!(sign(&mut request, b"", &keys, "eu-central-1", SystemTime::UNIX_EPOCH), Err(Unsignable), "{uri} {field}");
        }
    }
}
