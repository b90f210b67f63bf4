//! What the key of a service account signs to get an access token: a JSON Web Token (RFC 7519) in the form of RFC 7523, as
//! developers.google.com/identity/protocols/oauth2/service-account has it.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{
    SignatureScheme,
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject},
    sign::Signer,
};
use serde_json::json;

use super::tokens::SCOPE;
use crate::secret::Secret;

/// Seconds for which what is signed holds: the most that Google takes.
const LIFETIME: u64 = 3600;

/// What signs with `key`.
///
/// # Errors
/// Why it cannot, without a word of the key.
pub(super) fn signer(key: &Secret) -> Result<Box<dyn Signer>, &'static str> {
    let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_| "it is no private key in PEM")?;
    let key: Arc<dyn rustls::sign::SigningKey> = any_supported_type(&key).map_err(|_| "it is no RSA key of 2048 to 8192 bits")?;
    // RS256 of RFC 7518 section 3.3.
    key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or("it is no RSA key")
}

/// What `account` shows to `audience` at `now`, in seconds since 1970.
///
/// # Errors
/// As for [`signer`].
pub(super) fn signed(account: &str, id: &str, key: &Secret, audience: &str, now: u64) -> Result<String, &'static str> {
    let head = json!({ "alg": "RS256", "typ": "JWT", "kid": id });
    let claims = json!({ "iss": account, "scope": SCOPE, "aud": audience, "iat": now, "exp": now + LIFETIME });
    let text = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = signer(key)?.sign(text.as_bytes()).map_err(|_| "it cannot sign")?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
