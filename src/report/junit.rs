//! JUnit XML as GitLab reads it (GitLab's documentation, "Unit test reports"): a test case a rule.

use super::{About, Rule, markup, rules, words};
use crate::verdict::{Finding, Severity, Verdict};

/// The rules as test cases: those with a finding that denies fail, others that found something say so in their output.
///
/// GitLab shows the text within `failure` and not its attributes, and takes the first only of two cases of one name.
pub fn junit(verdict: &Verdict, about: &About<'_>) -> String {
    let rules = rules(verdict, about);
    let cases: Vec<Case<'_>> = rules.iter().map(|rule| Case::of(*rule, verdict)).collect();
    let counts = format!("tests=\"{}\" failures=\"{}\" errors=\"0\"", cases.len(), cases.iter().filter(|case| case.fails()).count());
    let cases: String = cases.iter().map(Case::element).collect();
    let decision = words::verdict_word(verdict.decision);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tidewaiter\" {counts}>\n  \
         <testsuite name=\"gate: {decision}\" {counts} skipped=\"0\" time=\"0\">\n{}{cases}  </testsuite>\n</testsuites>\n",
        properties(about)
    )
}

/// `text` for XML. What GitLab's parser takes for the address of an attachment is written so that it does not
/// (docs.gitlab.com, "Unit test reports", "View JUnit screenshots").
fn escaped(text: &str) -> String {
    markup::escaped(text).replace("[[ATTACHMENT|", "\\u{5b}[ATTACHMENT|")
}

fn properties(about: &About<'_>) -> String {
    let policy = about.policy.to_string();
    let rows: String = [("policy", policy.as_str()), ("base", about.base), ("tree", about.tree)]
        .iter()
        .map(|(name, value)| format!("      <property name=\"{name}\" value=\"{}\"/>\n", escaped(value)))
        .collect();
    format!("    <properties>\n{rows}    </properties>\n")
}

struct Case<'a> {
    rule: Rule<'a>,
    findings: Vec<&'a Finding>,
}

impl<'a> Case<'a> {
    fn of(rule: Rule<'a>, verdict: &'a Verdict) -> Self {
        Self { rule, findings: verdict.findings.iter().filter(|finding| finding.rule == rule.id).collect() }
    }

    fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    fn fails(&self) -> bool {
        self.worst() >= Some(Severity::Deny)
    }

    fn element(&self) -> String {
        let file = self.findings.first().map(|finding| format!(" file=\"{}\"", escaped(&finding.path))).unwrap_or_default();
        let head = format!("    <testcase classname=\"tidewaiter\" name=\"{}\"{file} time=\"0\"", escaped(&self.name()));
        let lines: String = self.findings.iter().map(|finding| line(finding)).collect();
        match self.worst() {
            None => format!("{head}/>\n"),
            Some(worst) if self.fails() => {
                let message = words::count(self.findings.len(), "finding");
                format!(
                    "{head}>\n      <failure type=\"{}\" message=\"{message}\">{lines}</failure>\n    </testcase>\n",
                    words::name(worst)
                )
            }
            Some(_) => format!("{head}>\n      <system-out>{lines}</system-out>\n    </testcase>\n"),
        }
    }

    fn name(&self) -> String {
        if self.rule.about.is_empty() { self.rule.id.to_owned() } else { format!("{}: {}", self.rule.id, self.rule.about) }
    }
}

fn line(finding: &Finding) -> String {
    let Finding { message, fix, severity, policy_line, .. } = finding;
    let head = format!("{} {}: {message}", words::name(*severity), words::place(finding));
    let policy = policy_line.as_ref().map_or_else(String::new, |line| format!("  policy: {}\n", escaped(line)));
    format!("{}\n{policy}  to do: {}\n", escaped(&head), escaped(fix))
}
