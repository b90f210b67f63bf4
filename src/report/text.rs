//! For a terminal and a job's log.

use super::word;
use crate::verdict::{Decision, Finding, Severity, Verdict};

/// The verdict for people: one block a finding, the sum at the end. `colours` adds those of ECMA-48.
pub fn text(verdict: &Verdict, colours: bool) -> String {
    let mut out = String::new();
    for finding in &verdict.findings {
        block(&mut out, finding, colours);
    }
    out.push_str(&sum(verdict));
    out.push('\n');
    out
}

fn block(out: &mut String, finding: &Finding, colours: bool) {
    let weight = format!("{:<6}", word(finding.severity));
    let weight = if colours { format!("\x1b[{}m{weight}\x1b[0m", colour(finding.severity)) } else { weight };
    out.push_str(&format!("{weight} {:<18} {}\n", finding.rule, place(finding)));
    out.push_str(&format!("       {}\n", finding.message));
    if let Some(line) = &finding.policy_line {
        out.push_str(&format!("       policy: {line}\n"));
    }
    out.push_str(&format!("       to do: {}\n", finding.fix));
}

/// Select Graphic Rendition (ECMA-48): red, yellow, cyan.
fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Block | Severity::Deny => "31",
        Severity::Review => "33",
        Severity::Warn => "36",
    }
}

/// `path:line`, or what stands for the whole change.
pub(super) fn place(finding: &Finding) -> String {
    match (finding.path.as_str(), finding.line) {
        ("", _) => "(the whole change)".to_owned(),
        (path, Some(line)) => format!("{path}:{line}"),
        (path, None) => path.to_owned(),
    }
}

/// The decision in one line.
pub(super) fn sum(verdict: &Verdict) -> String {
    let count = |least| verdict.findings.iter().filter(|finding| finding.severity >= least).count();
    match verdict.decision {
        Decision::Pass if verdict.findings.is_empty() => "The change passed.".to_owned(),
        Decision::Pass => format!("The change passed, with {} notes.", verdict.findings.len()),
        Decision::Review => format!("The change may leave as a draft: {} findings to look at.", count(Severity::Review)),
        Decision::Deny => format!("The change is denied: {} findings against it.", count(Severity::Deny)),
    }
}
