//! GitLab's Code Quality report (docs.gitlab.com, "Code Quality report format").

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    digest::Digest,
    verdict::{Finding, Severity, Verdict},
};

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
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

/// The verdict as a Code Quality report. Fingerprints are unique within it and the same for the same verdict.
pub fn codequality(verdict: &Verdict) -> String {
    let mut seen = BTreeMap::new();
    let issues: Vec<Issue> = verdict.findings.iter().map(|finding| issue(finding, &mut seen)).collect();
    serde_json::to_string_pretty(&issues).unwrap_or_default() + "\n"
}

fn issue(finding: &Finding, seen: &mut BTreeMap<String, u64>) -> Issue {
    // Not the line: a finding that only moved stays the same one in GitLab.
    let identity = format!("{}\0{}\0{}", finding.rule, finding.path, finding.message);
    let count = seen.entry(identity.clone()).or_default();
    *count += 1;
    let fingerprint = Digest::of(format!("{identity}\0{count}")).hex();
    Issue {
        description: format!("{} — {}", finding.message, finding.fix),
        check_name: finding.rule.clone(),
        fingerprint,
        severity: severity(finding.severity),
        location: Location { path: finding.path.clone(), lines: Lines { begin: finding.line.unwrap_or(1) } },
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "info",
        Severity::Review => "minor",
        Severity::Deny => "critical",
        Severity::Block => "blocker",
    }
}
