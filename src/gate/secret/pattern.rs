//! Secrets by their form: one pass over a blob for the beginnings of all formats, then a look around each.

use std::{ops::Range, sync::OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    assign, block,
    check::{self, has},
    formats::{FORMATS, Format, Part},
};

/// Something that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// The format's id.
    pub(super) id: &'static str,
    /// What it is, for people.
    pub(super) what: &'static str,
    /// Where its value stands.
    pub(super) at: Range<usize>,
    /// The value itself where it stands there encoded.
    pub(super) plain: Option<Vec<u8>>,
}

impl Hit {
    const fn new(id: &'static str, what: &'static str, at: Range<usize>) -> Self {
        Self { id, what, at, plain: None }
    }

    /// Its value, in the text that it was found in.
    pub(super) fn value<'t>(&'t self, text: &'t [u8]) -> &'t [u8] {
        self.plain.as_deref().unwrap_or_else(|| text.get(self.at.clone()).unwrap_or_default())
    }
}

/// Looks around a keyword whose place is given; the value's place when it is a secret.
type Look = fn(&[u8], Range<usize>) -> Option<Range<usize>>;

/// Kinds that need more than a row of letters: words that begin them, and what reads them.
const STRUCTURES: &[(&str, &str, &[&str], Look)] = &[
    ("private-key", "a private key", &["-----BEGIN "], block::pem),
    ("putty-key", "a private key of PuTTY", &["PuTTY-User-Key-File-"], block::putty),
    ("web-token", "a JSON Web Token", &["eyJ"], block::web_token),
    ("openai", "an API key of OpenAI", &["T3BlbkFJ"], block::openai),
    ("url-password", "a password in a URL", &["://"], block::url),
    ("netrc", "a password in netrc's format", &["machine "], block::netrc),
    (
        "aws-secret-key",
        "a secret access key of AWS",
        &["secret_access_key", "SECRET_ACCESS_KEY", "SecretAccessKey", "secretAccessKey", "aws_secret_key", "AWS_SECRET_KEY"],
        assign::aws,
    ),
];

/// What a keyword belongs to.
#[derive(Clone, Copy, Debug)]
enum Owner {
    Format(&'static Format),
    Structure(&'static str, &'static str, Look),
    Name,
}

/// The one search for all keywords.
struct Search {
    automaton: AhoCorasick,
    owners: Vec<Owner>,
}

/// The search, made when it is first needed; it is the same for every change. None only if the table above could not be
/// searched for at all, which a test excludes.
fn search() -> Option<&'static Search> {
    static SEARCH: OnceLock<Option<Search>> = OnceLock::new();
    SEARCH.get_or_init(Search::new).as_ref()
}

impl Search {
    fn new() -> Option<Self> {
        let (mut words, mut owners) = (Vec::new(), Vec::new());
        for format in FORMATS {
            for prefix in format.prefixes {
                words.push(prefix.to_string());
                owners.push(Owner::Format(format));
            }
        }
        for (id, what, keywords, look) in STRUCTURES {
            for keyword in *keywords {
                words.push(keyword.to_string());
                owners.push(Owner::Structure(id, what, *look));
            }
        }
        for name in assign::names() {
            words.push(name);
            owners.push(Owner::Name);
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(AhoCorasickKind::DFA)).build(words).ok()?;
        Some(Self { automaton, owners })
    }
}

/// Every secret in `text` by its form, in the order of their ends; with `names`, values that are assigned to telling names
/// as well.
pub(super) fn scan(text: &[u8], names: bool) -> Vec<Hit> {
    let Some(search) = search() else { return vec![Hit::new("none", "a text that cannot be searched", 0..text.len())] };
    let mut hits: Vec<Hit> = Vec::new();
    for word in search.automaton.find_overlapping_iter(text) {
        let found = match search.owners.get(word.pattern().as_usize()) {
            Some(Owner::Format(format)) => token(text, format, word.range()).map(|at| Hit::new(format.id, format.what, at)),
            Some(Owner::Structure(id, what, look)) => look(text, word.range()).map(|at| Hit::new(id, what, at)),
            Some(Owner::Name) if names => {
                assign::value(text, word.range()).map(|at| Hit::new(assign::ID, "a random value under a telling name", at))
            }
            _ => None,
        };
        // The same value under two formats, or under a name as well, is one find; the more telling one stays.
        if let Some(hit) = found {
            match hits.last_mut() {
                Some(last) if last.at.start < hit.at.end && hit.at.start < last.at.end => {
                    if last.id == assign::ID || (hit.id != assign::ID && hit.at.len() > last.at.len()) {
                        *last = hit;
                    }
                }
                _ => hits.push(hit),
            }
        }
    }
    hits
}

/// A token of `format` whose prefix stands at `prefix`.
fn token(text: &[u8], format: &Format, prefix: Range<usize>) -> Option<Range<usize>> {
    let start = match format.before {
        None => prefix.start,
        Some((set, least, most)) => {
            let before = text.get(..prefix.start).unwrap_or_default();
            let count = before.iter().rev().take(most).take_while(|byte| has(set, **byte)).count();
            if count < least {
                return None;
            }
            prefix.start - count
        }
    };
    if !begins(text, start) {
        return None;
    }
    let mut end = prefix.end;
    for part in format.rest {
        end += match part {
            Part::Of(set, least, most) => {
                let rest = text.get(end..)?;
                let count = rest.iter().take(*most).take_while(|byte| has(set, **byte)).count();
                if count < *least {
                    return None;
                }
                count
            }
            Part::Text(fixed) => text.get(end..)?.starts_with(fixed.as_bytes()).then_some(fixed.len())?,
        };
    }
    // A longer word is something else.
    if text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let (before, body) = (text.get(start..prefix.start)?, text.get(prefix.end..end)?);
    let body = [before, body].concat();
    let sound = check::entropy(&body) >= format.entropy && !check::stands_in(&body);
    (sound && format.check.is_none_or(|check| check(text, start..end))).then_some(start..end)
}

/// Whether a word can begin at `start`: not within another, but after an escape such as `\n` or `%3D`.
fn begins(text: &[u8], start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).and_then(|at| text.get(at)).copied();
    match before(1) {
        Some(byte) if byte.is_ascii_alphanumeric() => before(2) == Some(b'\\') || before(3) == Some(b'%') || before(6) == Some(b'\\'),
        _ => true,
    }
}
