//! JUnit XML, as GitLab's unit test reports read it.

use super::{markup, text::place, word};
use crate::verdict::{Finding, Severity, Verdict};

/// The verdict as a test suite: a case a finding; what denies is a failure, the rest is skipped with its message.
pub fn junit(verdict: &Verdict) -> String {
    let failures = verdict.findings.iter().filter(|finding| finding.severity >= Severity::Deny).count();
    let skipped = verdict.findings.len() - failures;
    let cases: String = verdict.findings.iter().map(case).collect();
    let passed = if verdict.findings.is_empty() { "    <testcase classname=\"tidewaiter\" name=\"the change\"/>\n" } else { "" };
    let tests = verdict.findings.len().max(1);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"tidewaiter\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n{cases}{passed}  </testsuite>\n</testsuites>\n"
    )
}

fn case(finding: &Finding) -> String {
    let (name, file) = (markup(&format!("{} {}", finding.rule, place(finding))), markup(&finding.path));
    let message = markup(&finding.message);
    let body = markup(&format!("{}\n{}", finding.policy_line.as_deref().unwrap_or_default(), finding.fix)).replace("\\n", "\n");
    let inner = match finding.severity {
        Severity::Deny | Severity::Block => format!("<failure type=\"{}\" message=\"{message}\">{body}</failure>", word(finding.severity)),
        Severity::Review | Severity::Warn => format!("<skipped message=\"{message}\"/>"),
    };
    format!("    <testcase classname=\"tidewaiter\" name=\"{name}\" file=\"{file}\">{inner}</testcase>\n")
}
