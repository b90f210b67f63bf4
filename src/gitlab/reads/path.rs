//! One spelling of a target: what was sent is read once, and what goes on is written anew from that.

use super::{Read, Refusal, list::PAGES, shown};
use crate::gitlab::calls::encode;

fn odd(path: &str, what: &str) -> Refusal {
    Refusal::new("gitlab/path", format!("`{}` {what}, so that it could be read in two ways", shown(path)))
}

/// A path with nothing in it that servers and their proxies read differently.
pub(super) fn plain(path: &str) -> Result<(), Refusal> {
    if !path.starts_with('/') {
        return Err(odd(path, "does not begin with `/`"));
    }
    if path.contains("//") || path.ends_with('/') {
        return Err(odd(path, "has an empty segment (`//`, or `/` at its end)"));
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(odd(path, "has a segment `.` or `..`"));
    }
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~%/@:+,!$&'()*=".contains(&b);
    if !path.bytes().all(known) {
        return Err(odd(path, "has `;`, `#`, `\\` or another odd character"));
    }
    Ok(())
}

/// What one percent-encoded parameter of the path means. It may hold `/`, but no step that could lead elsewhere.
pub(super) fn decoded(segment: &str) -> Result<String, Refusal> {
    let text = value(segment).ok_or_else(|| odd(segment, "is not percent-encoded text without control characters"))?;
    if text.contains(['%', '\\']) {
        return Err(odd(segment, "has an encoded `%` or `\\`"));
    }
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(odd(segment, "has an encoded `.`, `..` or empty part"));
    }
    Ok(text)
}

/// Its one spelling.
pub(super) fn encoded(text: &str) -> String {
    encode(text)
}

/// Percent-encoded UTF-8 (RFC 3986 section 2.1) without control characters.
fn value(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

fn hex(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

/// The pairs of a query, each of whose names `read` lists.
pub(super) fn query(query: Option<&str>, read: &Read) -> Result<Vec<(String, String)>, Refusal> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        // In a query `+` is a blank (application/x-www-form-urlencoded).
        let part = |text: &str| value(&text.replace('+', " "));
        let (Some(name), Some(text)) = (part(name), part(text)) else {
            return Err(Refusal::new("gitlab/query", format!("`{}` is not percent-encoded text", shown(pair))));
        };
        if ["private_token", "job_token", "access_token", "token", "sudo"].contains(&name.to_ascii_lowercase().as_str()) {
            let reason = format!("the query's `{}` is not allowed: {}", shown(&name), super::credential().reason);
            return Err(Refusal::new("gitlab/credential", reason));
        }
        let listed = read.query.contains(&name.as_str()) || read.paged && PAGES.contains(&name.as_str());
        if !listed {
            let known = read.query.iter().chain(if read.paged { PAGES } else { &[] }).copied().collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            return Err(Refusal::new("gitlab/query", format!("the query's `{}` is not allowed here; allowed: {known}", shown(&name))));
        }
        if pairs.iter().any(|(other, _)| *other == name) && !name.ends_with("[]") {
            return Err(Refusal::new("gitlab/query", format!("the query has `{}` twice", shown(&name))));
        }
        pairs.push((name, text));
    }
    Ok(pairs)
}

/// A query in its one spelling, with its `?`; nothing where there are no pairs.
pub(super) fn joined(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}
