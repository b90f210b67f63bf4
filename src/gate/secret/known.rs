//! The job's own secrets, looked for as values in the encodings that people and programs use.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{super::Error, decode};
use crate::secret::Secret;

/// Shorter values are words; they would be found everywhere. They are not looked for (threat model, "known limits").
const SHORTEST: usize = 8;

/// A line of a longer secret, such as a key file, counts by itself from this length on.
const SHORTEST_LINE: usize = 24;

/// The secrets of the job, by the names of their variables, ready to be searched for.
pub struct Known {
    names: Vec<String>,
    owners: Vec<usize>,
    search: AhoCorasick,
    /// The same values as [`squeezed`] leaves them, for values that are divided.
    divided: AhoCorasick,
    divided_owners: Vec<usize>,
}

impl Known {
    /// Prepares the search for `secrets`, each with the name to show in its place.
    ///
    /// # Errors
    /// [`Error::Secrets`] when there are more than the search can hold.
    pub fn new(secrets: Vec<(String, Secret)>) -> Result<Self, Error> {
        let (mut names, mut owners, mut needles) = (Vec::new(), Vec::new(), Vec::new());
        let (mut divided_owners, mut divided) = (Vec::new(), Vec::new());
        for (name, secret) in secrets {
            let all = needles_of(secret.reveal());
            let mut short: BTreeSet<Vec<u8>> = all.iter().map(|needle| squeezed(needle)).collect();
            short.retain(|needle| needle.len() >= SHORTEST);
            divided_owners.extend(short.iter().map(|_| names.len()));
            divided.extend(short);
            owners.extend(all.iter().map(|_| names.len()));
            needles.extend(all);
            names.push(name);
        }
        Ok(Self { names, owners, search: search(&needles)?, divided: search(&divided)?, divided_owners })
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

    /// The variables whose values are in `bytes`, however they are encoded and divided, for texts that leave besides the tree.
    pub fn names_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        self.all_in(bytes, &mut |_, _| {}).values.into_iter().map(|(name, _)| name).collect()
    }

    /// The variables whose values are in `bytes`, however they are encoded and divided, each with the offset in `bytes` at which
    /// the first one ends, or at which the encoded part begins that it is in.
    /// What is decoded on the way is shown to `look` as well.
    pub(super) fn all_in(&self, bytes: &[u8], look: &mut dyn FnMut(&[u8], usize)) -> Found<'_> {
        let mut values: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, end) in self.find(bytes).into_iter().chain(self.divided_in(bytes)) {
            values.entry(name).or_insert(end);
        }
        let whole = decode::each(bytes, &mut |plain, at| {
            for (name, _) in self.find(plain).into_iter().chain(self.divided_in(plain)) {
                values.entry(name).or_insert(at + 1);
            }
            look(plain, at);
        });
        Found { values: values.into_iter().collect(), whole }
    }

    /// The variables whose values are in `bytes`, each with the offset at which the first one ends.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<(&str, usize)> {
        self.found(&self.search, &self.owners, bytes)
    }

    /// The same for values that line breaks, blanks, or the joints of strings in code divide.
    fn divided_in(&self, bytes: &[u8]) -> Vec<(&str, usize)> {
        if self.names.is_empty() {
            return vec![];
        }
        let mut found = self.found(&self.divided, &self.divided_owners, &squeezed(bytes));
        for (_, end) in &mut found {
            let last = bytes.iter().enumerate().filter(|(_, byte)| !joins(**byte)).nth(end.saturating_sub(1));
            *end = last.map_or(bytes.len(), |(at, _)| at + 1);
        }
        found
    }

    fn found(&self, search: &AhoCorasick, owners: &[usize], bytes: &[u8]) -> Vec<(&str, usize)> {
        if owners.is_empty() {
            return vec![];
        }
        let mut seen = BTreeSet::new();
        let hits = search.find_overlapping_iter(bytes).filter_map(|hit| {
            let owner = *owners.get(hit.pattern().as_usize())?;
            seen.insert(owner).then_some((self.names.get(owner)?.as_str(), hit.end()))
        });
        hits.collect()
    }
}

/// What [`Known::all_in`] found.
pub(super) struct Found<'k> {
    /// Names of variables, and where their values are.
    pub(super) values: Vec<(&'k str, usize)>,
    /// Whether everything could be looked through.
    pub(super) whole: bool,
}

fn search(needles: &[Vec<u8>]) -> Result<AhoCorasick, Error> {
    let builder = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::ContiguousNFA)).build(needles);
    Ok(builder.map_err(Box::new)?)
}

/// Whether `byte` can stand between the parts of one value: breaks, blanks, quotes, and what joins strings in code.
fn joins(byte: u8) -> bool {
    const JOINS: [bool; 256] = {
        let mut out = [false; 256];
        let all = b"\t\n\x0C\r \"'`+\\,.&|()[]#*";
        let mut at = 0;
        while at < all.len() {
            out[all[at] as usize] = true;
            at += 1;
        }
        out
    };
    JOINS.get(usize::from(byte)).copied().unwrap_or(false)
}

/// `bytes` without what can stand between the parts of a value.
fn squeezed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| !joins(*byte)).collect()
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({} secrets)", self.names.len())
    }
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
    // Encoded first and reversed then; the value itself reversed is among them.
    let reversed: Vec<Vec<u8>> = out.iter().map(|form| form.iter().rev().copied().collect()).collect();
    out.extend(reversed);
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
        assert_eq!(known.all_in(folded.as_bytes(), &mut |_, _| {}).values.len(), 1);
    }
}
