//! How severities and decisions are said.

use crate::verdict::{Decision, Finding, Severity, Verdict};

/// From the heaviest to the lightest.
pub(super) const SEVERITIES: [Severity; 4] = [Severity::Block, Severity::Deny, Severity::Review, Severity::Warn];

/// The word of the policy language.
pub(super) fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Block => "block",
        Severity::Deny => "deny",
        Severity::Review => "review",
        Severity::Warn => "warn",
    }
}

/// One sign that stands for a severity; they differ in shape, not only in colour.
pub(super) fn sign(severity: Severity) -> char {
    match severity {
        Severity::Block => '✖',
        Severity::Deny => '✗',
        Severity::Review => '▲',
        Severity::Warn => '•',
    }
}

/// What a severity means for the change.
pub(super) fn meaning(severity: Severity) -> &'static str {
    match severity {
        Severity::Block => "may not leave; no policy can allow it",
        Severity::Deny => "may not leave unless the policy allows it",
        Severity::Review => "may leave as a draft that a human looks at",
        Severity::Warn => "may leave; for your information",
    }
}

/// A decision's word.
pub(super) fn verdict_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "pass",
        Decision::Review => "review",
        Decision::Deny => "deny",
    }
}

/// What a decision means.
pub(super) fn outcome(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "The change may leave.",
        Decision::Review => "The change may leave as a draft.",
        Decision::Deny => "Nothing leaves.",
    }
}

/// The findings of one severity, in the verdict's order.
pub(super) fn of(verdict: &Verdict, severity: Severity) -> impl Iterator<Item = &Finding> {
    verdict.findings.iter().filter(move |finding| finding.severity == severity)
}

/// `1 finding`, `2 findings`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `3 findings in 2 files (1 block, 2 deny)`.
pub(super) fn sum(verdict: &Verdict) -> String {
    if verdict.findings.is_empty() {
        return "no findings".to_owned();
    }
    let kinds: Vec<String> = SEVERITIES
        .iter()
        .map(|&severity| (of(verdict, severity).count(), severity))
        .filter(|(number, _)| *number > 0)
        .map(|(number, severity)| format!("{number} {}", name(severity)))
        .collect();
    format!("{}{} ({})", count(verdict.findings.len(), "finding"), places(verdict), kinds.join(", "))
}

fn places(verdict: &Verdict) -> String {
    let paths = verdict.findings.iter().map(|finding| finding.path.as_str()).filter(|path| !path.is_empty());
    let files = paths.collect::<std::collections::BTreeSet<_>>().len();
    if files == 0 { String::new() } else { format!(" in {}", count(files, "file")) }
}

/// `path:line`; a finding without a path is about the change as a whole.
pub(super) fn place(finding: &Finding) -> String {
    let path = if finding.path.is_empty() { "the whole change" } else { &finding.path };
    finding.line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}"))
}

/// A finding in one line, without its place.
pub(super) fn told(finding: &Finding) -> String {
    let message = sentence(finding.message.trim_end_matches('.'));
    let origin = finding.policy_line.as_ref().map_or_else(String::new, |line| format!(" ({line})"));
    format!("{message}{origin}. To do: {}", finding.fix)
}

/// The first letter made large.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
