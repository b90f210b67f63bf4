//! GitLab Code Quality (GitLab's documentation, "Code Quality report format").

use serde::Serialize;

use super::{fingerprints, json, visible::visible, words};
use crate::verdict::{Finding, Severity, Verdict};

#[derive(Serialize)]
struct Violation<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

/// The findings as GitLab shows them beside a merge request's diff.
pub fn codequality(verdict: &Verdict) -> String {
    let violations = verdict.findings.iter().zip(fingerprints(&verdict.findings));
    json::write(&violations.map(|(finding, fingerprint)| violation(finding, fingerprint)).collect::<Vec<_>>())
}

fn violation(finding: &Finding, fingerprint: String) -> Violation<'_> {
    Violation {
        description: visible(&words::told(finding)),
        check_name: &finding.rule,
        fingerprint,
        severity: severity(finding.severity),
        location: Location { path: path(finding), lines: Lines { begin: finding.line.unwrap_or(1) } },
    }
}

/// GitLab drops a violation without a path, so that of the whole change names the repository's root.
fn path(finding: &Finding) -> String {
    if finding.path.is_empty() { ".".to_owned() } else { visible(&finding.path) }
}

/// GitLab's are info, minor, major, critical and blocker.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "minor",
        Severity::Review => "major",
        Severity::Deny => "critical",
        Severity::Block => "blocker",
    }
}
