//! Secrets: the job's own by their values, others by their form, by the user's rules, and by the names that they are given to.
//!
//! Whole blobs are looked through, whatever an attribute, an extension or an encoding says of them.

mod assign;
mod block;
mod check;
mod decode;
mod formats;
mod known;
pub(super) mod leaks;
mod pattern;

use std::{borrow::Cow, collections::BTreeSet, ops::Range};

pub use known::Known;

use super::{
    content::File,
    finding::{Judge, Place, Way},
    rules::Rule,
};
use crate::{
    policy::Leaks,
    verdict::Severity::{Block, Deny},
};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("secret/known", Block, "a secret of this job, plain or encoded"),
    Rule::new("secret/pattern", Deny, "what has the form of a secret"),
    Rule::new("secret/entropy", Deny, "a random value under a name such as password"),
    Rule::new("secret/packed", Deny, "packed data that cannot be looked through"),
];

/// Files whose random values are no secrets: their names say that they are tests, examples, or made by a program.
const UNTELLING: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "__tests__",
    "__snapshots__",
    "__fixtures__",
    "__mocks__",
    "mock",
    "mocks",
    "snapshots",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "vendor",
    "node_modules",
    "dist",
    "locale",
    "locales",
    "i18n",
    "translations",
    "cassettes",
    "e2e",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
];

/// The same by the end of the name.
const UNTELLING_ENDS: &[&str] = &[
    ".lock",
    ".lockfile",
    "-lock.json",
    "-lock.yaml",
    ".lockb",
    "go.sum",
    ".map",
    ".svg",
    ".min.js",
    ".min.css",
    ".snap",
    ".ipynb",
    ".pdf",
    ".css",
    ".md",
    ".rst",
    ".adoc",
    ".po",
    ".csv",
    ".tsv",
    ".har",
    ".patch",
    ".diff",
    ".resolved",
    "checksums.txt",
    ".sum",
];

/// Names of paths, and texts that leave besides the files.
pub(super) fn judge_names(judge: &mut Judge<'_>) {
    let (known, files) = (judge.known, &judge.policy.secrets);
    for fact in judge.facts().filter(|fact| fact.remains()) {
        for name in known.names_in(&fact.path) {
            judge.block("secret/known", &fact.path, format!("the name of this path has the value of {name}"));
        }
        for what in forms_in(files, &fact.path) {
            judge.block("secret/pattern", &fact.path, format!("the name of this path has {what}"));
        }
    }
    for (text, bytes) in judge.change.texts() {
        for name in known.names_in(bytes.as_bytes()) {
            judge.block("secret/known", b"".as_slice(), format!("{text} has the value of {name}"));
        }
        for what in forms_in(files, bytes.as_bytes()) {
            judge.block("secret/pattern", b"".as_slice(), format!("{text} has {what}"));
        }
    }
}

/// What kinds of secrets a short text has by their form.
fn forms_in(files: &[Leaks], text: &[u8]) -> BTreeSet<String> {
    let hits = pattern::scan(text, false).into_iter().map(|hit| told(hit.what, hit.id));
    let found = leaks::scan(files, None, text).0;
    hits.chain(found.into_iter().map(|leak| of_rule(&leak))).collect()
}

fn told(what: &str, id: &str) -> String {
    format!("{what} (`{id}`)")
}

fn of_rule(leak: &leaks::Leak<'_>) -> String {
    format!("what the rule `{}` of {} finds", leak.id, leak.file)
}

/// Whether a finding may show `text`.
pub(super) fn may_show(known: &Known, files: &[Leaks], text: &[u8]) -> bool {
    known.find(text).is_empty() && pattern::scan(text, true).is_empty() && leaks::scan(files, None, text).0.is_empty()
}

/// `text` without any secret: the job's own, in whatever form, and what has the form of one.
pub fn redact(known: &Known, files: &[Leaks], text: &str) -> String {
    let text = known.redact(text);
    let mut ranges: Vec<_> = pattern::scan(text.as_bytes(), true).into_iter().map(|hit| (hit.at, hit.id.to_owned())).collect();
    ranges.extend(leaks::scan(files, None, text.as_bytes()).0.into_iter().map(|leak| (leak.secret, leak.id.to_owned())));
    ranges.sort_by_key(|(range, _)| range.start);
    let (mut out, mut done) = (String::new(), 0);
    for (range, id) in ranges {
        if range.start >= done {
            out.push_str(text.get(done..range.start).unwrap_or_default());
            out.push_str(&format!("[{id}]"));
        }
        done = done.max(range.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    // What is encoded more than once cannot be cut out.
    if known.names_in(out.as_bytes()).is_empty() { out } else { "(not shown: it has the value of a secret)".to_owned() }
}

/// A changed file. This is the first thing that is asked of it: the lines that have secrets are not shown by any other rule.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let plain = without_nul(file.new);
    // UTF-16 with other letters than plain ones is right only in the text.
    let text = file.text.filter(|_| matches!(plain, Cow::Owned(_))).unwrap_or_default();
    let mut views = vec![file.new, &*plain, text.as_bytes()];
    views.dedup();
    let mut seen = Seen::default();
    for view in views {
        look(judge, file, view, &mut seen);
    }
    if seen.partly {
        judge.find("secret/packed", &file.fact.path, "it has more packed data than is looked through".to_owned(), Way::Rule);
    }
    judge.hide(&file.fact.path, seen.lines);
}

/// What was said of a file so far.
#[derive(Default)]
struct Seen {
    /// Lines with secrets, new and old.
    lines: BTreeSet<u64>,
    names: BTreeSet<String>,
    forms: BTreeSet<(u64, String)>,
    /// Whether something could not be looked through.
    partly: bool,
}

fn look(judge: &mut Judge<'_>, file: &File<'_>, view: &[u8], seen: &mut Seen) {
    let (path, names, known) = (&file.fact.path, is_telling(file.folded), judge.known);
    let mut hits = pattern::scan(view, names);
    let mut found = known.all_in(view, &mut |plain, at| packed_forms(plain, at, view.len(), &mut hits));
    seen.partly |= !found.whole;
    found.values.sort_by_key(|(_, end)| *end);
    let mut lines = Lines::new(view);
    for (name, end) in found.values {
        let line = lines.at(end.saturating_sub(1));
        seen.lines.insert(line);
        if seen.names.insert(name.to_owned()) {
            judge.block("secret/known", Place::line(path, line), format!("this line has the value of {name}, or the end of it"));
        }
    }
    judge_forms(judge, file, view, hits, seen);
    judge_rules(judge, file, view, seen);
}

/// `bytes` without NULs: UTF-16 and UTF-32 with plain letters read as such, whatever stands around them.
fn without_nul(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&0) { Cow::Owned(bytes.iter().copied().filter(|byte| *byte != 0).collect()) } else { Cow::Borrowed(bytes) }
}

fn judge_forms(judge: &mut Judge<'_>, file: &File<'_>, view: &[u8], mut hits: Vec<pattern::Hit>, seen: &mut Seen) {
    if hits.is_empty() {
        return;
    }
    hits.sort_by_key(|hit| hit.at.start);
    let before = forms_of(file.old, is_telling(file.folded));
    let mut lines = Lines::new(view);
    for hit in hits {
        let line = seen.mark(&mut lines, &hit.at, view);
        if before.contains(hit.value(view)) || !seen.forms.insert((line, hit.id.to_owned())) {
            continue;
        }
        let rule = if hit.id == assign::ID { "secret/entropy" } else { "secret/pattern" };
        judge.find(rule, Place::line(&file.fact.path, line), format!("this line has {}", told(hit.what, hit.id)), Way::Rule);
    }
}

impl Seen {
    /// Notes the lines of `at`, whose first one it gives.
    fn mark(&mut self, lines: &mut Lines<'_>, at: &Range<usize>, view: &[u8]) -> u64 {
        let first = lines.at(at.start);
        let more = view.get(at.clone()).unwrap_or_default().iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
        self.lines.extend(first..=first + more);
        first
    }
}

/// For the bench: how many secrets there are by their form where nothing is decoded.
pub(super) fn plain_forms(bytes: &[u8]) -> usize {
    pattern::scan(bytes, true).len()
}

/// For the fuzz target and the bench: what has the form of a secret, and how many bytes decoding showed.
pub(super) fn forms(bytes: &[u8]) -> (Vec<(Range<usize>, &'static str)>, usize) {
    let mut hits = pattern::scan(bytes, true);
    let mut shown = 0;
    decode::each(bytes, &mut |plain, at| {
        shown += plain.len();
        packed_forms(plain, at, bytes.len(), &mut hits);
    });
    (hits.into_iter().map(|hit| (hit.at, hit.id)).collect(), shown)
}

/// For the fuzz target: the job's own secrets in a blob.
pub(super) fn known_in(known: &Known, bytes: &[u8]) -> Vec<String> {
    known.names_in(bytes).into_iter().map(str::to_owned).collect()
}

/// The values in `bytes` that have the form of a secret.
fn forms_of(bytes: &[u8], names: bool) -> BTreeSet<Vec<u8>> {
    let plain = without_nul(bytes);
    let mut views = vec![bytes, &*plain];
    views.dedup();
    let mut values = BTreeSet::new();
    for view in views {
        let mut hits = pattern::scan(view, names);
        decode::each(view, &mut |plain, at| packed_forms(plain, at, view.len(), &mut hits));
        values.extend(hits.iter().map(|hit| hit.value(view).to_vec()));
    }
    values
}

/// What has the form of a secret in `plain`, which stands encoded from `at` on.
fn packed_forms(plain: &[u8], at: usize, length: usize, hits: &mut Vec<pattern::Hit>) {
    let place = at..(at + 1).min(length);
    hits.extend(pattern::scan(plain, false).into_iter().map(|hit| {
        let value = hit.value(plain).to_vec();
        pattern::Hit { at: place.clone(), plain: Some(value), ..hit }
    }));
}

fn judge_rules(judge: &mut Judge<'_>, file: &File<'_>, view: &[u8], seen: &mut Seen) {
    let (path, files) = (&file.fact.path, &judge.policy.secrets);
    if files.is_empty() {
        return;
    }
    let (mut found, whole) = leaks::scan(files, Some(path), view);
    seen.partly |= !whole;
    found.sort_by_key(|leak| leak.secret.start);
    let before = leaks::values(&leaks::scan(files, Some(path), file.old).0, file.old);
    let mut lines = Lines::new(view);
    for leak in found {
        if leak.at.is_none() {
            if file.fact.old.is_none() && seen.forms.insert((0, leak.id.to_owned())) {
                judge.find("secret/pattern", path, format!("this path is {}", of_rule(&leak)), Way::Rule);
            }
            continue;
        }
        let line = seen.mark(&mut lines, &leak.secret, view);
        let new = view.get(leak.secret.clone()).is_some_and(|value| !before.contains(value));
        if new && seen.forms.insert((line, leak.id.to_owned())) {
            judge.find("secret/pattern", Place::line(path, line), format!("this line has {}", of_rule(&leak)), Way::Rule);
        }
    }
}

/// Whether random values in the file at `path`, folded, tell of secrets.
fn is_telling(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let test = ["_test", "-test", "_spec", "-spec", "_tests", "test_"].iter().any(|mark| stem.ends_with(mark) || stem.starts_with(mark))
        || name.contains(".test.")
        || name.contains(".spec.")
        || name.contains(".example");
    !test && !UNTELLING_ENDS.iter().any(|end| name.ends_with(end)) && !path.split('/').any(|part| UNTELLING.contains(&part))
}

/// Numbers of lines for offsets that only grow. LF, CR LF and CR alone end a line.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, number: 1 }
    }

    fn at(&mut self, offset: usize) -> u64 {
        while self.at < offset.min(self.bytes.len()) {
            let ends = match self.bytes.get(self.at) {
                Some(b'\n') => true,
                Some(b'\r') => self.bytes.get(self.at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.number += u64::from(ends);
            self.at += 1;
        }
        self.number
    }
}

#[cfg(test)]
mod ruled;
#[cfg(test)]
mod tests;
