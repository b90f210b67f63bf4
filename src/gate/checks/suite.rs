//! Tests that are gone, skipped, or assert less: counted over the whole change, as tests move and are renamed.

mod read;
mod skip;

use std::collections::{BTreeMap, BTreeSet};

use crate::gate::{
    Fact, Op,
    content::File,
    finding::{Judge, Place, Way},
    place,
};
use read::{Language, Read};

/// Tests that are named by themselves.
const NAMED: usize = 3;

/// What the tests of one file were and are.
#[derive(Debug)]
struct Counted {
    old: Read,
    new: Read,
    existed: bool,
}

/// Files with tests, of a part of a change or of the whole of it.
#[derive(Debug, Default)]
pub(in crate::gate) struct Suite(BTreeMap<Vec<u8>, Counted>);

impl Suite {
    /// Adds those of another part.
    pub(in crate::gate) fn join(&mut self, part: Self) {
        self.0.extend(part.0);
    }
}

/// Takes down the tests of a file.
pub(super) fn count(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(language) = Language::of(file.folded) else { return };
    if file.added.is_empty() && file.removed.is_empty() {
        return;
    }
    // Pytest looks for tests by the names of files: what moves to another name is run no more.
    let name = file.name();
    let collected = language != Language::Python || name.starts_with("test") || name.ends_with("_test.py");
    let text = file.text.filter(|_| collected || file.fact.old.is_some());
    let (old, new) = (language.read(file.old_text.unwrap_or_default()), language.read(text.unwrap_or_default()));
    let skipped = |read: &Read| read.skips.len();
    if !old.tests.is_empty() || !new.tests.is_empty() || language == Language::Go && skipped(&new) > skipped(&old) {
        judge.tally.suite.0.insert(file.fact.path.clone(), Counted { old, new, existed: file.fact.old.is_some() });
    }
}

/// Kept output that tests compare with, removed and not moved.
pub(super) fn judge_snapshots(judge: &mut Judge<'_>) {
    let added: BTreeSet<_> = judge.facts().filter(|fact| fact.op() == Op::Add).filter_map(|fact| fact.new).map(|entry| entry.id).collect();
    let gone = |fact: &&Fact| fact.op() == Op::Delete && !fact.old.is_some_and(|entry| added.contains(&entry.id));
    for fact in judge.facts().filter(gone) {
        let folded = place::fold(&fact.path);
        let named = [".snap", ".ambr", ".snapshot"].iter().any(|ending| folded.ends_with(ending)) || folded.contains(".approved.");
        if named || folded.split('/').any(|name| matches!(name, "__snapshots__" | "__image_snapshots__" | "snapshots")) {
            judge.find("test/removed", &fact.path, "this removes a snapshot that tests compare with".to_owned(), Way::Rule);
        }
    }
}

/// Judges the counts of the whole change.
pub(super) fn judge(judge: &mut Judge<'_>) {
    let suite = std::mem::take(&mut judge.tally.suite).0;
    let mut elsewhere = names_added(&suite);
    let mut removed: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
    for (path, counted) in &suite {
        let gone = surplus(&counted.old.tests, &counted.new.tests);
        let still: Vec<&str> = gone.into_iter().filter(|name| !take(&mut elsewhere, name)).collect();
        removed.insert(path, still);
    }
    // What is left of the new names of a file stands for as many old ones that were renamed.
    for (path, counted) in &suite {
        let renamed = surplus(&counted.new.tests, &counted.old.tests).into_iter().filter(|name| take(&mut elsewhere, name)).count();
        if let Some(names) = removed.get_mut(path.as_slice()) {
            names.truncate(names.len().saturating_sub(renamed));
        }
    }
    let fewer = |of: fn(&Read) -> usize| {
        let sum = |side: fn(&Counted) -> &Read| suite.values().map(|counted| of(side(counted))).sum::<usize>();
        sum(|counted| &counted.old).saturating_sub(sum(|counted| &counted.new))
    };
    let (assertions, exact) = (fewer(|read| read.assertions), fewer(|read| read.exact));
    let loser = suite.iter().max_by_key(|(_, counted)| counted.old.assertions.saturating_sub(counted.new.assertions)).map(|(path, _)| path);
    for (path, names) in &removed {
        let mut words = Vec::new();
        if !names.is_empty() {
            let first: Vec<&str> = names.iter().take(NAMED).copied().collect();
            let more = if names.len() > NAMED { ", …" } else { "" };
            words.push(format!("{} removed ({}{more})", counted("test", names.len()), crate::git::shown(first.join(", ").as_bytes())));
        }
        if loser.is_some_and(|loser| loser == path) {
            match (assertions, exact) {
                (0, 0) => {}
                (0, exact) => words.push(format!(
                    "{} that compared exactly {} weaker",
                    counted("assertion", exact),
                    if exact == 1 { "is" } else { "are" }
                )),
                (assertions, _) => words.push(format!("{} fewer in the whole change", counted("assertion", assertions))),
            }
        }
        if !words.is_empty() {
            judge.find("test/removed", *path, words.join("; "), Way::Rule);
        }
    }
    let removed: BTreeSet<&[u8]> = removed.iter().filter(|(_, names)| !names.is_empty()).map(|(path, _)| *path).collect();
    skipped(judge, &suite, &removed);
}

/// Marks that skip tests, as far as the whole change has more of them.
fn skipped(judge: &mut Judge<'_>, suite: &BTreeMap<Vec<u8>, Counted>, removed: &BTreeSet<&[u8]>) {
    let sum = |side: fn(&Counted) -> &Read| suite.values().map(|counted| side(counted).skips.len()).sum::<usize>();
    let more = sum(|counted| &counted.new) > sum(|counted| &counted.old);
    let has_moved =
        !removed.is_empty() || suite.values().any(|counted| counted.existed && counted.new.tests.len() < counted.old.tests.len());
    for (path, counted) in suite {
        let count = counted.new.skips.len().saturating_sub(counted.old.skips.len());
        // A test that is new and skipped takes nothing away, unless it was somewhere else before.
        if more
            && count > 0
            && (counted.existed || has_moved)
            && let Some(line) =
                counted.new.skips.iter().find(|line| !counted.old.skip_texts.contains(&line.1)).or(counted.new.skips.first())
        {
            let message =
                format!("{} more by which tests are skipped: {}", self::counted("mark", count), crate::git::shown(line.1.as_bytes()));
            judge.find("test/skipped", Place::line(path, line.0), message, Way::Rule);
        }
        let focus = counted.new.focus.as_ref().filter(|_| counted.old.focus.is_none());
        if let Some(line) = focus {
            let message = format!("only this test or group runs: {}", crate::git::shown(line.1.as_bytes()));
            judge.find("test/skipped", Place::line(path, line.0), message, Way::Rule);
        }
        if counted.existed && counted.new.swallowed > counted.old.swallowed {
            let message =
                format!("{} more caught and forgotten in tests", self::counted("failure", counted.new.swallowed - counted.old.swallowed));
            judge.find("test/hollow", path, message, Way::Rule);
        }
    }
}

fn counted(what: &str, count: usize) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How often each name is new in some file.
fn names_added(suite: &BTreeMap<Vec<u8>, Counted>) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for counted in suite.values() {
        for name in surplus(&counted.new.tests, &counted.old.tests) {
            *names.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    names
}

fn take(names: &mut BTreeMap<String, usize>, name: &str) -> bool {
    match names.get_mut(name) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// Names in `of` that are not in `over`, as often as they are more.
fn surplus<'a>(of: &'a [String], over: &'a [String]) -> Vec<&'a str> {
    let mut there: BTreeMap<&str, usize> = BTreeMap::new();
    for name in over {
        *there.entry(name).or_default() += 1;
    }
    let new = |name: &&'a str| match there.get_mut(*name) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    of.iter().map(String::as_str).filter(new).collect()
}
