//! Collects findings and gives each the weight that the policy says.

use std::collections::BTreeMap;

use super::{Change, Fact, Known, rules};
use crate::{
    git::shown,
    policy::Changes,
    verdict::{Finding, Severity},
};

/// At most this many findings of one rule are listed by themselves.
const LISTED: usize = 1000;

/// Stands for a text that has a secret's value in it.
const HIDDEN: &str = "(not shown: it has the value of a secret)";

/// How a finding can be allowed.
pub(super) enum Way<'a> {
    /// By setting the rule's weight.
    Rule,
    /// By another step, named.
    Step(&'a str),
    /// Not at all.
    Never,
}

/// Judging in progress.
pub(super) struct Judge<'a> {
    pub(super) change: &'a Change,
    pub(super) policy: &'a Changes,
    pub(super) known: &'a Known,
    findings: Vec<Finding>,
    counts: BTreeMap<(&'static str, Severity), usize>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(change: &'a Change, policy: &'a Changes, known: &'a Known) -> Self {
        Self { change, policy, known, findings: Vec::new(), counts: BTreeMap::new() }
    }

    /// The facts, borrowed for longer than `self`.
    pub(super) fn facts(&self) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.change.facts().iter()
    }

    /// A finding of `rule` at its own weight.
    pub(super) fn find(&mut self, rule: &'static str, path: &[u8], message: String, way: Way<'_>) {
        let severity = rules::find(rule).map_or(Severity::Block, |rule| rule.severity);
        self.add(rule, severity, path, None, None, message, way);
    }

    /// A finding of `rule` that no policy can allow.
    pub(super) fn block(&mut self, rule: &'static str, path: &[u8], line: Option<u64>, message: String) {
        self.add(rule, Severity::Block, path, line, None, message, Way::Never);
    }

    /// A finding that a line of policy makes.
    pub(super) fn by_policy(&mut self, rule: &'static str, path: &[u8], policy_line: Option<String>, message: String, step: &str) {
        let severity = rules::find(rule).map_or(Severity::Block, |rule| rule.severity);
        self.add(rule, severity, path, None, policy_line, message, Way::Step(step));
    }

    #[expect(clippy::too_many_arguments, reason = "a finding has that many parts")]
    fn add(
        &mut self,
        rule: &'static str,
        severity: Severity,
        path: &[u8],
        line: Option<u64>,
        policy_line: Option<String>,
        message: String,
        way: Way<'_>,
    ) {
        let set = self.policy.rules.get(rule).filter(|_| severity != Severity::Block);
        let policy_line =
            policy_line.or_else(|| set.map(|(weight, origin)| format!("{origin}: changes.rules.\"{rule}\" = \"{}\"", word(*weight))));
        let severity = set.map_or(severity, |(weight, _)| *weight);
        let count = self.counts.entry((rule, severity)).or_default();
        *count += 1;
        if *count > LISTED {
            return;
        }
        let fix = fix(rule, severity, &way);
        // A report must not carry out what it keeps in.
        let path = if self.known.find(path).is_empty() { shown(path) } else { HIDDEN.to_owned() };
        let message = if self.known.find(message.as_bytes()).is_empty() { message } else { HIDDEN.to_owned() };
        self.findings.push(Finding { rule: rule.to_owned(), severity, path, line, policy_line, message, fix });
    }

    /// What is told although it weighs nothing.
    pub(super) fn notes(&mut self) {
        if self.change.repository_touched() {
            let message = "the agent changed the hooks or the configuration of its own repository; nothing of it is used".to_owned();
            self.find("git/repository", b".git", message, Way::Step("nothing; this is for your information"));
        }
        if let Some(first) = self.change.ignored().first() {
            let names: Vec<String> = self.change.ignored().iter().take(5).map(|path| shown(path)).collect();
            let message = format!("{} new or changed ignored files are left out: {}", self.change.ignored().len(), names.join(", "));
            self.find(
                "path/ignored",
                first,
                message,
                Way::Step("take the file out of .gitignore on the target branch if it belongs to the change"),
            );
        }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
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
