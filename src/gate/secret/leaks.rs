//! Secrets by the rules of the user's own files, which have gitleaks' format.

use std::{collections::BTreeSet, ops::Range};

use super::check;
use crate::policy::{Allowed, Expression, LeakRule, LeakTarget, Leaks};

/// Finds of one rule in one file that are looked at.
const MOST: usize = 10_000;

/// What a rule found.
#[derive(Clone, Debug)]
pub(in crate::gate) struct Leak<'r> {
    /// The rule's id.
    pub(in crate::gate) id: &'r str,
    /// The file that it is in.
    pub(super) file: &'r str,
    /// All that its pattern matched; none where the path alone counts.
    pub(super) at: Option<Range<usize>>,
    /// The secret in it.
    pub(in crate::gate) secret: Range<usize>,
}

/// What the rules of `files` find in `text`, which stands at `path` (none for a text that is no file). False when one of them
/// could not look.
pub(in crate::gate) fn scan<'r>(files: &'r [Leaks], path: Option<&[u8]>, text: &[u8]) -> (Vec<Leak<'r>>, bool) {
    let (mut found, mut whole) = (Vec::new(), true);
    for file in files {
        for rule in file.concerned(text) {
            let global: Vec<&Allowed> =
                file.allowed.iter().filter(|allowed| allowed.rules.is_empty() || allowed.rules.contains(&rule.id)).collect();
            whole &= search(file, rule, &global, path, text, &mut found);
        }
    }
    (found, whole)
}

fn search<'r>(
    file: &'r Leaks,
    rule: &'r LeakRule,
    global: &[&Allowed],
    path: Option<&[u8]>,
    text: &[u8],
    found: &mut Vec<Leak<'r>>,
) -> bool {
    if let Some(only) = &rule.path
        && !path.is_some_and(|path| matches(only, path))
    {
        return true;
    }
    let excepted = || global.iter().copied().chain(&rule.allowed);
    let leak = |at: Option<Range<usize>>, secret: Range<usize>| Leak { id: &rule.id, file: &file.name, at, secret };
    let Some(expression) = &rule.regex else {
        let look = Seen { path, text, at: 0..0, secret: 0..0 };
        if !excepted().any(|allowed| look.is_allowed(allowed)) {
            found.push(leak(None, 0..0));
        }
        return true;
    };
    let Some(regex) = expression.regex() else { return false };
    // A file whose path alone is excepted need not be searched.
    if let Some(path) = path
        && excepted().any(|allowed| !allowed.all && allowed.paths.iter().any(|expression| matches(expression, path)))
    {
        return true;
    }
    for captures in regex.captures_iter(text).take(MOST) {
        let Some(all) = captures.get(0) else { continue };
        let group = match rule.group {
            0 => captures.iter().skip(1).flatten().find(|group| !group.is_empty()).unwrap_or(all),
            group => captures.get(group).unwrap_or(all),
        };
        let look = Seen { path, text, at: all.range(), secret: group.range() };
        let random = rule.entropy == 0.0 || check::entropy(group.as_bytes()) > rule.entropy;
        if random && !excepted().any(|allowed| look.is_allowed(allowed)) {
            found.push(leak(Some(all.range()), group.range()));
        }
    }
    true
}

fn matches(expression: &Expression, text: &[u8]) -> bool {
    expression.regex().is_some_and(|regex| regex.is_match(text))
}

/// One match, for exceptions to look at.
struct Seen<'a> {
    path: Option<&'a [u8]>,
    text: &'a [u8],
    at: Range<usize>,
    secret: Range<usize>,
}

impl Seen<'_> {
    fn is_allowed(&self, allowed: &Allowed) -> bool {
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let secret = part(self.secret.clone());
        let path = self.path.is_some_and(|path| allowed.paths.iter().any(|expression| matches(expression, path)));
        let target = match allowed.target {
            LeakTarget::Secret => secret,
            LeakTarget::Match => part(self.at.clone()),
            LeakTarget::Line => part(lines_of(self.text, &self.at)),
        };
        let regex = allowed.regexes.iter().any(|expression| matches(expression, target));
        let low = secret.to_ascii_lowercase();
        let stop = allowed.stopwords.iter().any(|word| low.windows(word.len()).any(|part| part == word.as_bytes()));
        let parts = [
            (allowed.commits, false),
            (!allowed.paths.is_empty(), path),
            (!allowed.regexes.is_empty(), regex),
            (!allowed.stopwords.is_empty(), stop),
        ];
        if allowed.all { parts.iter().all(|(asked, holds)| !asked || *holds) } else { parts.iter().any(|(asked, holds)| *asked && *holds) }
    }
}

/// The whole lines that `range` stands on, as far as a few thousand bytes go.
fn lines_of(text: &[u8], range: &Range<usize>) -> Range<usize> {
    const FAR: usize = 4096;
    let before = text.get(range.start.saturating_sub(FAR)..range.start).unwrap_or_default();
    let after = text.get(range.end..(range.end + FAR).min(text.len())).unwrap_or_default();
    let start = before.iter().rev().position(|byte| *byte == b'\n').unwrap_or(before.len());
    let end = after.iter().position(|byte| *byte == b'\n').unwrap_or(after.len());
    range.start - start..range.end + end
}

/// The secrets themselves, to tell new ones from those that were there.
pub(super) fn values<'t>(found: &[Leak<'_>], text: &'t [u8]) -> BTreeSet<&'t [u8]> {
    found.iter().filter_map(|leak| text.get(leak.secret.clone())).collect()
}
