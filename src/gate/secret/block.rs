//! Secrets that have a structure: key files, JSON Web Tokens, passwords in URLs and in netrc's format.

use std::ops::Range;

use super::check::{self, BASE64, WORD, has};

/// More than any key file is long.
const LONGEST_KEY: usize = 16 << 10;

/// Letters that the body of a private key has at least; an Ed25519 key has 64.
const SHORTEST_KEY: usize = 60;

/// Shorter passwords in URLs are not told from words.
const SHORTEST_PASSWORD: usize = 10;

/// More of a URL is not looked at.
const LONGEST_URL: usize = 512;

/// A private key in PEM (RFC 7468) or OpenPGP's armour (RFC 9580), also as a string in code or JSON.
pub(super) fn pem(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let label = text.get(word.end..(word.end + 40).min(text.len()))?;
    let end = label.windows(5).position(|part| part == b"-----")?;
    let label = label.get(..end)?;
    if !label.ends_with(b"PRIVATE KEY") && label != b"PGP PRIVATE KEY BLOCK" {
        return None;
    }
    let start = word.end + end + 5;
    let body = text.get(start..(start + LONGEST_KEY).min(text.len()))?;
    let (end, letters) = key_body(body);
    (letters.len() >= SHORTEST_KEY && check::entropy(&letters) >= 4.0 && !check::is_said_to_stand_in(&letters))
        .then_some(word.start..start + end)
}

/// The letters of a key's body and where they end. Line breaks, also written out, quotes and what joins strings in code do not
/// count, nor do header lines.
fn key_body(body: &[u8]) -> (usize, Vec<u8>) {
    let (mut at, mut end, mut letters, mut gap) = (0, 0, Vec::new(), 0);
    while let Some(rest) = body.get(at..).filter(|rest| !rest.is_empty() && !rest.starts_with(b"---")) {
        let run = rest.iter().take_while(|byte| has(&BASE64, **byte) || **byte == b'=').count();
        if rest.starts_with(b"\\n") || rest.starts_with(b"\\r") {
            at += 2;
        } else if run == 0 {
            gap += 1;
            at += 1;
            if gap > 64 {
                break;
            }
        } else if rest.get(run) == Some(&b':') {
            // "DEK-Info: …", "Proc-Type: …", "Version: …".
            at += rest.iter().take_while(|byte| **byte != b'\n').count();
        } else {
            // Words are no body, but for the short line that ends one.
            if run >= 16 || letters.len() >= 16 {
                letters.extend(rest.iter().take(run).filter(|byte| **byte != b'='));
                (end, gap) = (at + run, 0);
            }
            at += run;
        }
    }
    (end, letters)
}

/// A key of PuTTY's (PuTTY User Manual, appendix C): the part that is private.
pub(super) fn putty(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let rest = text.get(word.end..(word.end + LONGEST_KEY).min(text.len()))?;
    let mark = b"Private-Lines: ";
    let at = rest.windows(mark.len()).position(|part| part == mark)? + mark.len();
    let (end, letters) = key_body(rest.get(at..)?);
    (letters.len() >= 40 && check::entropy(&letters) >= 4.0).then_some(word.start..word.end + at + end)
}

/// A JSON Web Token (RFC 7519): three parts that hold what they must.
pub(super) fn web_token(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let before = word.start.checked_sub(1).and_then(|at| text.get(at));
    if before.is_some_and(|byte| has(&WORD, *byte) || *byte == b'.') {
        return None;
    }
    let part = |start: usize| {
        let rest = text.get(start..).unwrap_or_default();
        start..start + rest.iter().take(LONGEST_KEY).take_while(|byte| has(&WORD, **byte)).count()
    };
    let head = part(word.start);
    text.get(head.end).filter(|byte| **byte == b'.')?;
    let claims = part(head.end + 1);
    text.get(claims.end).filter(|byte| **byte == b'.')?;
    let signature = part(claims.end + 1);
    let (from, to) = (head.start, signature.end);
    check::web_token(text.get(head)?, text.get(claims)?, text.get(signature)?).then_some(from..to)
}

/// `scheme://user:password@host` (RFC 3986 section 3.2.1) with a password that a generator made.
pub(super) fn url(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let rest = text.get(word.end..(word.end + LONGEST_URL).min(text.len()))?;
    let end = rest.iter().position(|byte| !byte.is_ascii_graphic() || b"/?#\"'`<>\\(){}$".contains(byte)).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let at = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority.iter().position(|byte| *byte == b':').filter(|colon| colon < &at)?;
    let (user, password) = (authority.get(..colon)?, authority.get(colon + 1..at)?);
    (password != user && check::is_random(password, SHORTEST_PASSWORD)).then_some(word.end + colon + 1..word.end + at)
}

/// `machine HOST login NAME password VALUE` (netrc in ftp(1)), on one line or on three.
pub(super) fn netrc(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let rest = text.get(word.end..(word.end + LONGEST_URL).min(text.len()))?;
    let words = words(rest);
    let find = |name: &[u8]| words.iter().take(6).position(|range| rest.get(range.clone()) == Some(name));
    find(b"login")?;
    let value = words.get(find(b"password")? + 1)?.clone();
    let letters = rest.get(value.clone())?;
    let placeholder = letters.starts_with(b"$") || letters.starts_with(b"<") || check::stands_in(letters);
    (!placeholder && letters.len() >= 8 && check::entropy(letters) >= 2.5 && letters.iter().any(u8::is_ascii_digit))
        .then_some(word.end + value.start..word.end + value.end)
}

/// A key of OpenAI's: its mark stands in the middle.
pub(super) fn openai(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let count = |rest: &mut dyn Iterator<Item = &u8>| rest.take(LONGEST_URL).take_while(|byte| has(&WORD, **byte)).count();
    let before = count(&mut text.get(..word.start)?.iter().rev());
    let row = text.get(word.start - before..word.start)?;
    let start = word.start - before + row.windows(3).rposition(|part| part == b"sk-")?;
    let end = word.end + count(&mut text.get(word.end..)?.iter());
    let (head, tail) = (text.get(start..word.start)?, text.get(word.end..end)?);
    let sound = head.len() >= 23 && tail.len() >= 20 && check::entropy(head) >= 3.0 && check::entropy(tail) >= 3.0;
    (sound && !check::stands_in(head) && !check::stands_in(tail)).then_some(start..end)
}

fn words(text: &[u8]) -> Vec<Range<usize>> {
    let (mut out, mut start) = (Vec::new(), None);
    for (at, byte) in text.iter().enumerate() {
        match (byte.is_ascii_whitespace(), start) {
            (true, Some(from)) => {
                out.push(from..at);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    out.extend(start.map(|from| from..text.len()));
    out
}
