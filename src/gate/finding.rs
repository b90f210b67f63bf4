//! Collects findings and gives each the weight that the policy says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use super::{Blobs, Change, Fact, Known, Terms, content::File, rules, secret, supply::Ground, tally::Tally};
use crate::{
    git::shown,
    policy::Changes,
    verdict::{Finding, Severity},
};

/// At most this many findings of one rule are listed by themselves.
const LISTED: usize = 1000;

/// Letters of a line that a finding shows.
const EXCERPT: usize = 160;

/// Stands for a text that has a secret's value in it.
const HIDDEN: &str = "(not shown: it has the value of a secret)";

/// How a finding can be allowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way<'a> {
    /// By setting the rule's weight.
    Rule,
    /// By another step, named.
    Step(&'a str),
    /// Not at all.
    Never,
}

/// Where something was found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'a> {
    path: &'a [u8],
    line: Option<u64>,
    excerpt: Option<&'a str>,
}

impl<'a> From<&'a [u8]> for Place<'a> {
    fn from(path: &'a [u8]) -> Self {
        Self { path, ..Self::default() }
    }
}

impl<'a> From<&'a Vec<u8>> for Place<'a> {
    fn from(path: &'a Vec<u8>) -> Self {
        Self::from(path.as_slice())
    }
}

impl<'a> From<&File<'a>> for Place<'a> {
    fn from(file: &File<'a>) -> Self {
        Self::from(&file.fact.path)
    }
}

impl<'a> Place<'a> {
    /// A line of a path, which is not shown.
    pub(super) fn line(path: &'a [u8], line: u64) -> Self {
        Self { path, line: Some(line), excerpt: None }
    }

    /// A line of a file, which is shown as it stands there.
    pub(super) fn shown(file: &File<'a>, line: super::content::Line<'a>) -> Self {
        Self { path: &file.fact.path, line: Some(line.number), excerpt: Some(line.text) }
    }
}

/// Judging in progress, of the whole change or of a part of it.
pub(super) struct Judge<'a> {
    pub(super) change: &'a Change,
    pub(super) blobs: &'a dyn Blobs,
    pub(super) policy: &'a Changes,
    pub(super) known: &'a Known,
    /// When to give up.
    pub(super) until: Instant,
    now: i64,
    /// What the base already uses.
    pub(super) ground: Arc<Ground>,
    /// What is counted over all files.
    pub(super) tally: Tally,
    findings: Vec<Finding>,
    counts: BTreeMap<(&'static str, Severity), usize>,
    /// Paths that are denied; the empty one stands for the whole change.
    offending: BTreeSet<Vec<u8>>,
    /// Lines of one path that no finding shows.
    hidden: (Vec<u8>, BTreeSet<u64>),
}

impl<'a> Judge<'a> {
    pub(super) fn new(change: &'a Change, blobs: &'a dyn Blobs, terms: &Terms<'a>) -> Self {
        let Terms { policy, known, until, now } = *terms;
        let (findings, counts, offending) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let (ground, tally, hidden) = Default::default();
        Self { change, blobs, policy, known, until, now, ground, tally, findings, counts, offending, hidden }
    }

    /// An empty one for a part of the same change.
    pub(super) fn part(&self) -> Self {
        let terms = Terms { policy: self.policy, known: self.known, until: self.until, now: self.now };
        Self { ground: Arc::clone(&self.ground), ..Self::new(self.change, self.blobs, &terms) }
    }

    /// Takes over what was found in the next part.
    pub(super) fn join(&mut self, part: Self) {
        let mut listed = self.counts.clone();
        for finding in part.findings {
            let Some(rule) = rules::find(&finding.rule) else { continue };
            let count = listed.entry((rule.id, finding.severity)).or_default();
            *count += 1;
            if *count <= LISTED {
                self.findings.push(finding);
            }
        }
        for (key, count) in part.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.offending.extend(part.offending);
        self.tally.join(part.tally);
    }

    /// From now on no finding shows these lines of `path`.
    pub(super) fn hide(&mut self, path: &[u8], lines: BTreeSet<u64>) {
        self.hidden = (path.to_owned(), lines);
    }

    /// The facts, borrowed for longer than `self`.
    pub(super) fn facts(&self) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.change.facts().iter()
    }

    /// A finding of `rule` at its own weight.
    pub(super) fn find<'p>(&mut self, rule: &'static str, place: impl Into<Place<'p>>, message: String, way: Way<'_>) {
        let severity = rules::find(rule).map_or(Severity::Block, |rule| rule.severity);
        self.add(rule, severity, place.into(), None, message, way);
    }

    /// A finding of `rule` that weighs something else here than the rule does.
    pub(super) fn weigh<'p>(&mut self, rule: &'static str, severity: Severity, place: impl Into<Place<'p>>, message: String, way: Way<'_>) {
        self.add(rule, severity, place.into(), None, message, way);
    }

    /// A finding of `rule` that no policy can allow.
    pub(super) fn block<'p>(&mut self, rule: &'static str, place: impl Into<Place<'p>>, message: String) {
        self.add(rule, Severity::Block, place.into(), None, message, Way::Never);
    }

    /// A finding that a line of policy makes.
    pub(super) fn by_policy<'p>(
        &mut self,
        rule: &'static str,
        place: impl Into<Place<'p>>,
        policy_line: Option<String>,
        message: String,
        step: &str,
    ) {
        let severity = rules::find(rule).map_or(Severity::Block, |rule| rule.severity);
        self.add(rule, severity, place.into(), policy_line, message, Way::Step(step));
    }

    fn add(
        &mut self,
        rule: &'static str,
        severity: Severity,
        place: Place<'_>,
        policy_line: Option<String>,
        message: String,
        way: Way<'_>,
    ) {
        let set = self.policy.rules.get(rule).filter(|_| severity != Severity::Block);
        let policy_line =
            policy_line.or_else(|| set.map(|(weight, origin)| format!("{origin}: changes.rules.\"{rule}\" = \"{}\"", word(*weight))));
        let severity = set.map_or(severity, |(weight, _)| *weight);
        // What no policy can allow, nobody can answer for.
        let waivable = matches!(severity, Severity::Deny | Severity::Review);
        let mut waivers = self.policy.waivers.iter().filter(|waiver| waivable && waiver.covers(rule, place.path));
        let first = waivers.clone().next();
        let waiver = waivers.find(|waiver| !waiver.has_expired(self.now)).or(first);
        let (severity, policy_line, message, way) = match waiver {
            Some(waiver) if waiver.has_expired(self.now) => (severity, policy_line, format!("{message} (no more {waiver})"), way),
            Some(waiver) => {
                let line = Some(format!("{}: changes.waivers", waiver.origin));
                (Severity::Warn, line, format!("{message} ({waiver})"), Way::Step("nothing; it is waived"))
            }
            None => (severity, policy_line, message, way),
        };
        if severity >= Severity::Deny {
            self.offending.insert(place.path.to_vec());
        }
        let count = self.counts.entry((rule, severity)).or_default();
        *count += 1;
        if *count > LISTED {
            return;
        }
        let fix = fix(rule, severity, &way);
        // A report must not carry out what it keeps in.
        let bare = |text: &[u8]| secret::may_show(self.known, &self.policy.secrets, text);
        let hidden = place.path == self.hidden.0 && place.line.is_some_and(|line| self.hidden.1.contains(&line));
        let path = if bare(place.path) { shown(place.path) } else { HIDDEN.to_owned() };
        let message = if bare(message.as_bytes()) { message } else { HIDDEN.to_owned() };
        let excerpt = place.excerpt.filter(|text| !hidden && bare(text.as_bytes())).map(excerpt);
        self.findings.push(Finding { rule: rule.to_owned(), severity, path, line: place.line, policy_line, message, fix, excerpt });
    }

    /// What is told of the change besides its files.
    pub(super) fn notes(&mut self) {
        for (path, reason) in self.change.dropped() {
            let step = "look at what is left without it, or make the change anew";
            self.find("path/dropped", path, format!("this file was left out of the change: {reason}"), Way::Step(step));
        }
        if self.change.repository_touched() {
            let message = "the agent changed the hooks or the configuration of its own repository; nothing of it is used".to_owned();
            self.find("git/repository", b".git".as_slice(), message, Way::Step("nothing; this is for your information"));
        }
        if let Some(first) = self.change.ignored().first() {
            let message = super::left::told(self.change.ignored());
            self.find(
                "path/ignored",
                first,
                message,
                Way::Step("take the file out of .gitignore on the target branch if it belongs to the change"),
            );
        }
    }

    /// The paths that are denied; none where the change as a whole is.
    pub(super) fn offending(&self) -> Option<BTreeSet<Vec<u8>>> {
        (!self.offending.contains(&b""[..])).then(|| self.offending.clone())
    }

    /// Everything that was found, and how much more there is of what is not listed.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let mut findings = self.findings;
        let more = self.counts.into_iter().filter(|(_, count)| *count > LISTED);
        findings.extend(more.map(|((rule, severity), count)| Finding {
            rule: rule.to_owned(),
            severity,
            path: String::new(),
            line: None,
            policy_line: None,
            message: format!("{} more findings of this rule are not listed", count - LISTED),
            fix: "look at those that are listed first".to_owned(),
            excerpt: None,
        }));
        findings
    }
}

/// The beginning of a line, fit to be shown.
fn excerpt(line: &str) -> String {
    let trimmed = line.trim();
    let cut: String = trimmed.chars().take(EXCERPT).collect();
    let end = if cut.len() < trimmed.len() { " …" } else { "" };
    shown(cut.as_bytes()) + end
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warn",
        Severity::Review => "review",
        Severity::Deny => "deny",
        Severity::Block => "block",
    }
}

fn fix(rule: &str, severity: Severity, way: &Way<'_>) -> String {
    match (way, severity) {
        (Way::Never, _) | (Way::Rule, Severity::Block) => "take it out of the change; no policy can allow it".to_owned(),
        (Way::Step(step), _) => (*step).to_owned(),
        (Way::Rule, Severity::Deny) => {
            format!("take it out of the change, or set changes.rules.\"{rule}\" = \"review\" in the policy")
        }
        (Way::Rule, Severity::Review | Severity::Warn) => "look at it before merging".to_owned(),
    }
}
