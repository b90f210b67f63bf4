//! Values that are given to names such as `password` or `api_key`, and look as if a generator made them.

use std::ops::Range;

use super::check::{self, BASE64, has};

/// The id of what is found here.
pub(super) const ID: &str = "random-value";

/// Parts of names that say what stands under them. Each counts in small letters, in capitals, and capitalised.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "access-key",
    "private_key",
    "encryption_key",
    "signing_key",
    "auth_key",
];

/// The same in camel case.
const CAMEL: &[&str] = &["apiKey", "ApiKey", "APIKey", "accessKey", "AccessKey", "privateKey", "encryptionKey", "signingKey", "authKey"];

/// More of a name, between the telling part and its end.
const LONGEST_NAME: usize = 32;

/// Shorter values may be words.
const SHORTEST: usize = 16;

/// Longer values are data.
const LONGEST: usize = 200;

/// Every spelling of a telling name.
pub(super) fn names() -> Vec<String> {
    let capital = |name: &str| name.get(..1).unwrap_or_default().to_ascii_uppercase() + name.get(1..).unwrap_or_default();
    let cases = NAMES.iter().flat_map(|name| [(*name).to_owned(), name.to_ascii_uppercase(), capital(name)]);
    cases.chain(CAMEL.iter().map(|name| (*name).to_owned())).collect()
}

/// The random value that is given to the name that has `word` in it.
pub(super) fn value(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let at = given(text, word.end)?;
    let value = text.get(at.clone())?;
    (value.len() <= LONGEST && check::is_random(value, SHORTEST) && !is_public(value)).then_some(at)
}

/// The forty letters that are given to a name of AWS' secret key.
pub(super) fn aws(text: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let at = given(text, word.end)?;
    let value = text.get(at.clone())?;
    let sound = value.len() == 40 && value.iter().all(|byte| has(&BASE64, *byte));
    (sound && check::entropy(value) >= 4.0 && !check::stands_in(value)).then_some(at)
}

/// Where the value of an assignment stands whose name goes on at `from`: `name = "value"`, `name: value`, `"name" => 'value'`,
/// `name: Type = "value"`, `set("name", "value")`, `name value` with quotes, `<name>value</name>`, `NAME=value`.
fn given(text: &[u8], from: usize) -> Option<Range<usize>> {
    let line = text.get(from..(from + LONGEST_NAME + LONGEST + 64).min(text.len()))?;
    let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(line.len());
    let line = line.get(..end)?;
    let name = line.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)).count();
    if name > LONGEST_NAME {
        return None;
    }
    let mut at = name;
    let mut signs = 0;
    // Quotes and brackets that end the name, blanks, a type, and at least one sign of assignment.
    while let Some(byte) = line.get(at) {
        match byte {
            b' ' | b'\t' | b')' | b']' | b'&' | b'\\' => at += 1,
            b'"' | b'\'' | b'`' if signs == 0 => at += 1,
            b'=' | b':' | b'>' | b',' | b'(' => {
                signs += 1;
                at += 1;
            }
            _ => break,
        }
        if at - name > 16 {
            return None;
        }
    }
    if signs == 0 {
        return None;
    }
    let rest = line.get(at..)?;
    let quote = rest.first().filter(|byte| b"\"'`".contains(byte));
    let start = match quote {
        Some(_) => at + 1,
        None => {
            let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_<>: &".contains(byte)).count();
            match rest.get(word) {
                // `let token: &str = "…"`: the type is no value.
                Some(b'=') if rest.get(..word)?.ends_with(b" ") => {
                    let more = rest.get(word + 1..)?.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                    let first = rest.get(word + 1 + more)?;
                    at + word + 1 + more + usize::from(b"\"'`".contains(first))
                }
                _ => at,
            }
        }
    };
    let value = line.get(start..)?;
    let value = value.strip_prefix(b"Bearer ").unwrap_or(value);
    let start = end_of(line, value);
    let stop = value.iter().position(|byte| !byte.is_ascii_graphic() || b"\"'`<>\\,;(){}[]|".contains(byte)).unwrap_or(value.len());
    let after = value.get(stop);
    // A call, an index, a template or a path into something is code, not a value.
    let code = after.is_some_and(|byte| b"({[".contains(byte)) || value.starts_with(b"$") || value.starts_with(b"%");
    (!code && stop > 0).then_some(from + start..from + start + stop)
}

/// Where `rest`, an end of `line`, begins in it.
fn end_of(line: &[u8], rest: &[u8]) -> usize {
    line.len() - rest.len()
}

/// Values that are random and public: UUIDs, digests with the name of their kind, paths, addresses.
fn is_public(value: &[u8]) -> bool {
    let dashes = value.iter().filter(|byte| **byte == b'-').count();
    let uuid = value.len() == 36 && dashes == 4 && value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let digest = [&b"sha"[..], b"md5", b"0x"]
        .iter()
        .any(|kind| value.len() > 3 && value.get(..kind.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(kind)));
    let path =
        value.iter().filter(|byte| **byte == b'/').count() > 1 && !value.ends_with(b"=") || value.windows(3).any(|part| part == b"://");
    let member = value.iter().filter(|byte| **byte == b'.').count() > 1;
    uuid || digest || path || member
}
