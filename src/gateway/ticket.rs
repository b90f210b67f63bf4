//! The ticket: every request shows it, or nothing happens.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::StatusCode;

use crate::secret::Secret;

use super::{denial::Denial, head::Head};

/// The user name that goes with the ticket in proxy variables.
const USER: &[u8] = b"tidewaiter:";

/// Judges the `Proxy-Authorization` of a request to the proxy (RFC 7617).
pub(super) fn at_proxy(head: &Head, ticket: &Secret) -> Result<(), Denial> {
    let refused = || {
        let why = "this proxy needs the agent's ticket; use the address in HTTPS_PROXY or HTTP_PROXY as it stands";
        Err(Denial::new(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "gateway/ticket", why))
    };
    let [value] = head.values("proxy-authorization")[..] else { return refused() };
    let coded = match value.split_once(' ') {
        Some((scheme, coded)) if scheme.eq_ignore_ascii_case("basic") => coded,
        _ => return refused(),
    };
    let Ok(decoded) = STANDARD.decode(coded.trim()) else { return refused() };
    match decoded.strip_prefix(USER) {
        Some(guess) if ticket.matches(guess) => Ok(()),
        _ => refused(),
    }
}

/// Judges the credential of a request to a route: whatever it carries must be the ticket, and it carries one.
pub(super) fn at_route(head: &Head, ticket: &Secret) -> Result<(), Denial> {
    let bearer = |value: &str| match value.split_once(' ') {
        Some((scheme, guess)) if scheme.eq_ignore_ascii_case("bearer") => ticket.matches(guess.trim().as_bytes()),
        _ => false,
    };
    let (tokens, keys) = (head.values("authorization"), head.values("x-api-key"));
    let shown = !tokens.is_empty() || !keys.is_empty();
    if shown && tokens.iter().all(|value| bearer(value)) && keys.iter().all(|value| ticket.matches(value.as_bytes())) {
        return Ok(());
    }
    let why = "this route needs the agent's ticket as its token (ANTHROPIC_AUTH_TOKEN as it stands); keys of anyone else are not used here";
    Err(Denial::new(StatusCode::UNAUTHORIZED, "gateway/ticket", why))
}
