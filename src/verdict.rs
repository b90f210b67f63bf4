//! What the gate says of a change. Shared by the gate, the reports and the stories.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Reported; the change still passes.
    Warn,
    /// The change may leave, but only as a draft that names this.
    Review,
    /// The change may not leave unless the policy allows it.
    Deny,
    /// The change may not leave; no policy can allow it.
    Block,
}

/// One thing that a rule found in a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's stable id, `area/name`.
    pub rule: String,
    /// How much it weighs.
    pub severity: Severity,
    /// The path in the repository, escaped for showing (bytes that are not printable as `\xNN`).
    pub path: String,
    /// The first line concerned, from 1; none where the whole file is meant.
    pub line: Option<u64>,
    /// The line of policy that decides, e.g. `changes.protect[3] = ".gitlab/**"`; none for a built-in rule.
    pub policy_line: Option<String>,
    /// What was found, in one sentence. Never a secret's value.
    pub message: String,
    /// What to do about it.
    pub fix: String,
    /// The beginning of the line, escaped as the path is; none where there is no line to show, or nothing of it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// What the gate says of the whole change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// May leave.
    Pass,
    /// May leave as a draft.
    Review,
    /// Nothing leaves.
    Deny,
}

/// The decision with its grounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// The sum of the findings.
    pub decision: Decision,
    /// Sorted by path, line and rule.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Weighs `findings`: any [`Severity::Deny`] or [`Severity::Block`] denies, any [`Severity::Review`] asks for review.
    pub fn weigh(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| (&a.path, a.line, &a.rule).cmp(&(&b.path, b.line, &b.rule)));
        let decision = match findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Deny | Severity::Block) => Decision::Deny,
            Some(Severity::Review) => Decision::Review,
            Some(Severity::Warn) | None => Decision::Pass,
        };
        Self { decision, findings }
    }
}
