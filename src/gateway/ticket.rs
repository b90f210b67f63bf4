//! The ticket: every request shows it, or nothing happens.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::StatusCode;

use crate::{
    gitlab::reads::{CREDENTIAL_FIELDS, credential},
    secret::Secret,
};

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
    if is_basic(value, ticket) { Ok(()) } else { refused() }
}

/// Whether a value of the scheme Basic is the ticket with its user.
fn is_basic(value: &str, ticket: &Secret) -> bool {
    basic(value).unwrap_or_default().strip_prefix(USER).is_some_and(|guess| ticket.matches(guess))
}

/// User and password of a value of the scheme Basic.
fn basic(value: &str) -> Option<Vec<u8>> {
    match value.split_once(' ') {
        Some((scheme, coded)) if scheme.eq_ignore_ascii_case("basic") => STANDARD.decode(coded.trim()).ok(),
        _ => None,
    }
}

/// Whether a value of the scheme Bearer is the ticket.
fn is_bearer(value: &str, ticket: &Secret) -> bool {
    match value.split_once(' ') {
        Some((scheme, guess)) if scheme.eq_ignore_ascii_case("bearer") => ticket.matches(guess.trim().as_bytes()),
        _ => false,
    }
}

/// Judges the credential of a request to a route: whatever it carries must be the ticket, and it carries one.
pub(super) fn at_route(head: &Head, ticket: &Secret) -> Result<(), Denial> {
    let (tokens, keys) = (head.values("authorization"), head.values("x-api-key"));
    let shown = !tokens.is_empty() || !keys.is_empty();
    if shown && tokens.iter().all(|value| is_bearer(value, ticket)) && keys.iter().all(|value| ticket.matches(value.as_bytes())) {
        return Ok(());
    }
    let why = "this route needs the agent's ticket as its token (ANTHROPIC_AUTH_TOKEN, AWS_BEARER_TOKEN_BEDROCK or OPENAI_API_KEY as it stands); keys of anyone else are not used here";
    Err(Denial::new(StatusCode::UNAUTHORIZED, "gateway/ticket", why))
}

/// Judges the credentials of a request to GitLab: every one that it carries must be the ticket, in whichever field GitLab's
/// clients have their token; for git it is the password, whatever the user.
pub(super) fn at_gitlab(head: &Head, ticket: &Secret) -> Result<(), Denial> {
    let is_password = |value: &str| {
        let pair = basic(value).unwrap_or_default();
        pair.iter().position(|byte| *byte == b':').is_some_and(|at| ticket.matches(&pair[at + 1..]))
    };
    let mut shown = 0;
    for name in CREDENTIAL_FIELDS {
        for value in head.values(name) {
            let right =
                if *name == "authorization" { is_bearer(value, ticket) || is_password(value) } else { ticket.matches(value.as_bytes()) };
            if !right {
                return Err(credential().into());
            }
            shown += 1;
        }
    }
    match shown {
        0 => Err(Denial::new(
            StatusCode::UNAUTHORIZED,
            "gateway/ticket",
            "GitLab is reached with this job's ticket alone: send $CI_JOB_TOKEN as `JOB-TOKEN`",
        )),
        _ => Ok(()),
    }
}

/// Whether `Authorization` is there or need not be, and all of it is the ticket.
fn is_shown(head: &Head, needed: bool, ticket: &Secret) -> bool {
    let shown = head.values("authorization");
    !(needed && shown.is_empty()) && shown.iter().all(|value| is_basic(value, ticket) || is_bearer(value, ticket))
}

/// Judges the credential of a question for the gate.
pub(super) fn at_gate(head: &Head, ticket: &Secret) -> Result<(), Denial> {
    let why = "the gate is asked with the agent's ticket alone: use the address in TIDEWAITER_GATE as it stands";
    if is_shown(head, true, ticket) { Ok(()) } else { Err(Denial::new(StatusCode::UNAUTHORIZED, "gateway/ticket", why)) }
}

/// Judges the credential of a read of a registry, whose path may hold the ticket: whatever it carries must be the ticket.
pub(super) fn at_registry(head: &Head, in_path: bool, ticket: &Secret) -> Result<(), Denial> {
    if is_shown(head, !in_path, ticket) {
        return Ok(());
    }
    let why = "this registry needs the agent's ticket, which stands in the tools' variables (TIDEWAITER_REGISTRY_…); tokens of anyone \
               else are not used here";
    Err(Denial::new(StatusCode::UNAUTHORIZED, "gateway/ticket", why))
}
