//! The job's own secrets, looked for as values in the encodings that people and programs use.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Error,
    content::File,
    finding::{Judge, Place},
    rules::Rule,
};
use crate::{secret::Secret, verdict::Severity::Block};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[Rule::new("secret/known", Block, "a secret of this job, plain or encoded")];

/// Shorter values are words; they would be found everywhere. They are not looked for (threat model, "known limits").
const SHORTEST: usize = 8;

/// A line of a longer secret, such as a key file, counts by itself from this length on.
const SHORTEST_LINE: usize = 24;

/// The secrets of the job, by the names of their variables, ready to be searched for.
pub struct Known {
    names: Vec<String>,
    owners: Vec<usize>,
    search: AhoCorasick,
}

impl Known {
    /// Prepares the search for `secrets`, each with the name to show in its place.
    ///
    /// # Errors
    /// [`Error::Secrets`] when there are more than the search can hold.
    pub fn new(secrets: Vec<(String, Secret)>) -> Result<Self, Error> {
        let (mut names, mut owners, mut needles) = (Vec::new(), Vec::new(), Vec::new());
        for (name, secret) in secrets {
            for needle in needles_of(secret.reveal()) {
                owners.push(names.len());
                needles.push(needle);
            }
            names.push(name);
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&needles)
            .map_err(Box::new)?;
        Ok(Self { names, owners, search })
    }

    /// Nothing to look for.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn none() -> Result<Self, Error> {
        Self::new(vec![])
    }

    /// `text` with every value, in whatever form it stands there, replaced by its variable's name in brackets.
    pub fn redact(&self, text: &str) -> String {
        let mut hits: Vec<(usize, usize, usize)> =
            self.search.find_overlapping_iter(text).map(|hit| (hit.start(), hit.end(), hit.pattern().as_usize())).collect();
        hits.sort_unstable();
        let (mut out, mut done) = (String::new(), 0);
        for (start, end, pattern) in hits {
            if start >= done {
                let name = self.owners.get(pattern).and_then(|owner| self.names.get(*owner)).map_or("secret", String::as_str);
                out.push_str(text.get(done..start).unwrap_or_default());
                out.push_str(&format!("[{name}]"));
            }
            done = done.max(end);
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    /// The variables whose values are in `bytes`, for texts that leave besides the tree: messages, titles, branch names.
    pub fn names_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let lines = across_lines(self, bytes).into_iter().map(|(name, _)| name);
        self.find(bytes).into_iter().map(|(name, _)| name).chain(lines).collect()
    }

    /// The variables whose values are in `bytes`, each with the offset at which the first one ends.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<(&str, usize)> {
        let mut seen = BTreeSet::new();
        let hits = self.search.find_overlapping_iter(bytes).filter_map(|hit| {
            let owner = *self.owners.get(hit.pattern().as_usize())?;
            seen.insert(owner).then_some((self.names.get(owner)?.as_str(), hit.end()))
        });
        hits.collect()
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({} secrets)", self.names.len())
    }
}

pub(super) fn judge_names(judge: &mut Judge<'_>) {
    let known = judge.known;
    for fact in judge.facts().filter(|fact| fact.remains()) {
        for (name, _) in known.find(&fact.path) {
            judge.block("secret/known", &fact.path, format!("the name of this path has the value of {name}"));
        }
    }
}

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let (path, bytes) = (&file.fact.path, file.new);
    let known = judge.known;
    let mut told = BTreeSet::new();
    for (name, end) in known.find(bytes) {
        told.insert(name);
        judge.block("secret/known", Place::line(path, line_of(bytes, end)), format!("this line has the value of {name}"));
    }
    for (name, line) in across_lines(known, bytes).into_iter().chain(in_utf16(known, bytes)) {
        if told.insert(name) {
            judge.block("secret/known", Place::line(path, line), format!("the value of {name} begins or ends here"));
        }
    }
}

fn line_of(bytes: &[u8], end: usize) -> u64 {
    1 + bytes.iter().take(end.saturating_sub(1)).filter(|b| **b == b'\n').count() as u64
}

/// Values that line breaks or blanks divide, as base64 in a file is.
fn across_lines<'a>(known: &'a Known, bytes: &[u8]) -> Vec<(&'a str, u64)> {
    let joined: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let line = |end: usize| {
        let at = bytes.iter().enumerate().filter(|(_, b)| !b.is_ascii_whitespace()).nth(end.saturating_sub(1)).map_or(0, |(at, _)| at);
        line_of(bytes, at + 1)
    };
    known.find(&joined).into_iter().map(|(name, end)| (name, line(end))).collect()
}

/// Encoded values in a file that is UTF-16 by its mark.
fn in_utf16<'a>(known: &'a Known, bytes: &[u8]) -> Vec<(&'a str, u64)> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ => return vec![],
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|sign| sign.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    known.find(text.as_bytes()).into_iter().map(|(name, end)| (name, line_of(text.as_bytes(), end))).collect()
}

/// Everything to look for on account of one secret.
fn needles_of(secret: &str) -> BTreeSet<Vec<u8>> {
    let whole = secret.trim();
    let long_lines = whole.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"));
    let parts = std::iter::once(whole).chain(long_lines).filter(|part| part.len() >= SHORTEST);
    let mut needles: BTreeSet<Vec<u8>> = parts.flat_map(encodings).collect();
    let joined: String = whole.split_ascii_whitespace().collect();
    if joined.len() >= SHORTEST {
        needles.insert(joined.into_bytes());
    }
    needles.retain(|needle| needle.len() >= SHORTEST);
    needles
}

fn encodings(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let hex = crate::digest::hex(bytes);
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let mut out = vec![
        bytes.to_vec(),
        bytes.iter().rev().copied().collect(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        json.replace('/', "\\/").into_bytes(),
        json.into_bytes(),
        value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ];
    for (upper, all) in [(true, false), (false, false), (true, true), (false, true)] {
        out.push(percent(bytes, upper, all));
    }
    for offset in 0..3 {
        let encoded = base64_at(bytes, offset);
        out.push(encoded.replace('+', "-").replace('/', "_").into_bytes());
        out.push(encoded.into_bytes());
    }
    out
}

/// Percent encoding (RFC 3986 section 2.1) of what is not unreserved, or of every byte.
fn percent(bytes: &[u8], upper: bool, all: bool) -> Vec<u8> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let encode = |b: u8| if upper { format!("%{b:02X}") } else { format!("%{b:02x}") };
    bytes.iter().flat_map(|b| if unreserved(*b) && !all { vec![*b] } else { encode(*b).into_bytes() }).collect()
}

/// The part of the base64 text (RFC 4648) that `bytes` alone decide when `offset` unknown bytes stand before them.
fn base64_at(bytes: &[u8], offset: usize) -> String {
    let padded = [&[0; 2][..offset], bytes].concat();
    let encoded = STANDARD.encode(&padded);
    // Each digit holds six bits: those that touch a neighbour's byte are cut off.
    let start = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    encoded.get(start..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_value_is_left_in_text_that_leaves() {
        let known = Known::new(vec![("TOKEN".to_owned(), Secret::new("made-up-value-000"))]).unwrap();
        let encoded = STANDARD.encode("made-up-value-000");
        let said = known.redact(&format!("a made-up-value-000 b {encoded} é"));
        assert!(said.starts_with("a [TOKEN] b [TOKEN]") && said.ends_with(" é"), "{said}");
        assert_eq!(known.redact("made-up-value"), "made-up-value");
    }

    const VALUE: &str = "made-up/value+not=a key";

    fn known() -> Known {
        Known::new(vec![("TOKEN".to_owned(), Secret::new(VALUE))]).unwrap()
    }

    #[test]
    fn every_encoding_is_found_wherever_it_stands() {
        let known = known();
        for before in ["", "x", "xy", "xyz", "xyzw"] {
            let text = format!("{before}{VALUE}tail");
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let forms = [
                text.clone().into_bytes(),
                STANDARD.encode(&text).into_bytes(),
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text).into_bytes(),
                crate::digest::hex(text.as_bytes()).into_bytes(),
                text.chars().rev().collect::<String>().into_bytes(),
                percent(text.as_bytes(), true, false),
                serde_json::to_vec(&text).unwrap(),
                utf16,
            ];
            for form in forms {
                assert_eq!(known.find(&form).len(), 1, "{}", String::from_utf8_lossy(&form));
            }
        }
    }

    #[test]
    fn look_alikes_and_short_values_are_not_found() {
        assert!(known().find(b"made-up/value+not=a kez made-up value").is_empty());
        let short = Known::new(vec![("PORT".to_owned(), Secret::new("8080")), ("EMPTY".to_owned(), Secret::new(""))]).unwrap();
        assert!(short.find(b"port 8080").is_empty());
    }

    #[test]
    fn a_value_that_line_breaks_divide_is_found() {
        let known = known();
        let folded = STANDARD
            .encode(format!("xx{VALUE}yy"))
            .as_bytes()
            .chunks(7)
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(across_lines(&known, folded.as_bytes()).len(), 1);
    }

    #[test]
    fn the_line_is_that_of_the_value() {
        let text = format!("a\nb\n{VALUE}\nc");
        let known = known();
        let (_, end) = known.find(text.as_bytes())[0];
        assert_eq!(line_of(text.as_bytes(), end), 3);
    }
}
