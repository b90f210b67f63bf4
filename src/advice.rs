//! What the gate says to an agent that asks while it works: the last judgement's findings of the workspace as it is now. It
//! decides nothing.
//!
//! Four processes of ours speak of it: a worker gives an [`Advice`], the supervisor bounds how often, the gateway carries the
//! [`Answer`], and whoever asks reads its JSON.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::verdict::{Decision, Finding, Severity, Verdict};

/// The target at the gateway.
pub const PATH: &str = "/tidewaiter/check";

/// The agent's variable with the whole address, the ticket in it.
pub const VARIABLE: &str = "TIDEWAITER_GATE";

/// Questions of one job that are answered with a judgement.
pub const MOST: u32 = 12;

/// From the end of one judgement to the next question.
pub const APART: Duration = Duration::from_secs(3);

/// After so many judgements that found a secret of the job there are no more.
pub const MOST_SECRETS: u32 = 2;

/// How long a judgement may take.
pub const TIME: Duration = Duration::from_secs(45);

/// Bytes of a change, its paths among them, that are searched for the job's secrets. All of a job's questions together try fewer
/// values than the one verdict at its end, which searches all of `changes.max_bytes` (10 MB in the default policy).
pub const SEARCHED: u64 = 512 << 10;

/// Findings that are told, the heaviest first.
const LISTED: usize = 50;

/// Bytes of one text in a finding.
const TEXT: usize = 1000;

/// The rule that finds the job's own secrets. Its answers alone depend on what the agent must not know.
pub const KNOWN: &str = "secret/known";

/// What to do about a secret.
const SECRET_FIX: &str = "take it out of the change";

/// One finding as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The rule's id.
    pub rule: String,
    /// Its weight here.
    pub severity: Severity,
    /// The path, escaped.
    pub path: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// What was found; of a secret no more than that it is one.
    pub message: String,
    /// What to do.
    pub fix: String,
}

/// A judgement as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// What would become of the change if it were the last one.
    pub decision: Decision,
    /// Whether nothing is changed.
    pub unchanged: bool,
    /// Whether it was searched for the job's secrets.
    pub secrets_searched: bool,
    /// The heaviest first.
    pub findings: Vec<Told>,
    /// Findings that are not listed.
    pub left_out: usize,
}

impl Advice {
    /// What is told of `verdict`.
    pub fn of(verdict: &Verdict, unchanged: bool, secrets_searched: bool) -> Self {
        let mut findings: Vec<&Finding> = verdict.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let told = findings.iter().take(LISTED).map(|finding| tell(finding)).collect();
        let left_out = findings.len().saturating_sub(LISTED);
        Self { decision: verdict.decision, unchanged, secrets_searched, findings: told, left_out }
    }

    /// For a person or a model, a line a finding.
    pub fn text(&self) -> String {
        let head = match self.decision {
            Decision::Pass if self.unchanged => "pass: nothing is changed",
            Decision::Pass => "pass: this change may leave",
            Decision::Review => "review: this change may leave, as a draft that names what follows",
            Decision::Deny => "deny: this change may not leave as it is",
        };
        let lines = self.findings.iter().map(|told| {
            let line = told.line.map(|line| format!(":{line}")).unwrap_or_default();
            let place = if told.path.is_empty() { "the whole change".to_owned() } else { format!("{}{line}", told.path) };
            format!("\n- {place}: {} [{}]; {}", told.message, told.rule, told.fix)
        });
        let more = if self.left_out > 0 { format!("\n- and {} more", self.left_out) } else { String::new() };
        let unsearched = if self.secrets_searched { "" } else { "\nThe change is so large that it was not searched for secrets yet." };
        format!("{head}{}{more}{unsearched}", lines.collect::<String>())
    }
}

/// What is told of a secret in the place of the rule's own words.
fn secret(rule: &str) -> Option<&'static str> {
    rule.strip_prefix("secret/").map(|kind| match kind {
        "pattern" | "entropy" => "what looks like a secret",
        "packed" => "packed data, which cannot be searched for secrets",
        _ => "a job secret",
    })
}

fn tell(finding: &Finding) -> Told {
    let secret = secret(&finding.rule);
    let cut = |text: &str| text[..text.floor_char_boundary(TEXT)].to_owned();
    Told {
        rule: finding.rule.clone(),
        severity: finding.severity,
        path: cut(&finding.path),
        line: finding.line,
        message: secret.map_or_else(|| cut(&finding.message), str::to_owned),
        fix: secret.map_or_else(|| cut(&finding.fix), |_| SECRET_FIX.to_owned()),
    }
}

/// What the worker hands to the supervisor, which does not read what is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Judged {
    /// The decision.
    pub decision: Decision,
    /// How many findings.
    pub findings: u64,
    /// Whether one of them is a secret of the job.
    pub secret: bool,
    /// The [`Advice`] as JSON.
    pub told: String,
}

/// What the gateway is told of one question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The question's number.
    pub question: u64,
    /// The [`Advice`] as JSON, or why there is none.
    pub outcome: Result<String, Refused>,
}

/// Why a question is not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    /// There is no gate, or the policy does not let the agent ask.
    Off,
    /// Another one is being answered.
    Busy,
    /// The last one was a moment ago.
    Soon {
        /// How long to wait.
        seconds: u64,
    },
    /// Too many were asked.
    Spent,
    /// Too many answers were about secrets.
    Secrets,
    /// Something was written meanwhile.
    Moving(String),
    /// It cannot be judged.
    Uninspected(String),
    /// It took too long.
    Late,
    /// The worker or the supervisor is gone.
    Gone,
}

impl Refused {
    /// Its rule's id.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Off => "advice/off",
            Self::Busy => "advice/busy",
            Self::Soon { .. } => "advice/soon",
            Self::Spent => "advice/spent",
            Self::Secrets => "advice/secrets",
            Self::Moving(_) => "advice/moving",
            Self::Uninspected(_) => "advice/uninspected",
            Self::Late => "advice/late",
            Self::Gone => "advice/gone",
        }
    }

    /// The HTTP status (RFC 9110 section 15; 429 is RFC 6585's).
    pub fn status(&self) -> u16 {
        match self {
            Self::Off => 404,
            Self::Busy | Self::Soon { .. } | Self::Spent | Self::Secrets => 429,
            Self::Moving(_) => 409,
            Self::Uninspected(_) => 422,
            Self::Late => 504,
            Self::Gone => 503,
        }
    }

    /// Whether the same question may be answered in a moment.
    pub fn passes(rule: &str) -> bool {
        ["advice/busy", "advice/soon", "advice/moving"].contains(&rule)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("there is no gate to be asked: only a job has one, and its policy has to say `agent.ask_gate = true`"),
            Self::Busy => f.write_str("another question is being answered; ask again when it is"),
            Self::Soon { seconds } => write!(f, "the last question was a moment ago; ask again in {seconds} s"),
            Self::Spent => write!(f, "this job has asked {MOST} times, which is all; the change is judged when the agent has ended"),
            Self::Secrets => {
                write!(f, "{MOST_SECRETS} answers were about a secret of the job, so there are no more; take it out of the change")
            }
            Self::Moving(what) => write!(f, "still being written, ask again: {what}"),
            Self::Uninspected(why) => write!(f, "it cannot be judged as it is: {why}"),
            Self::Late => f.write_str("it could not be judged in time; it is judged when the agent has ended"),
            Self::Gone => f.write_str("the gate does not answer any more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, severity: Severity, message: &str) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity,
            path: "a.txt".to_owned(),
            line: Some(3),
            policy_line: Some("policy.toml:7".to_owned()),
            message: message.to_owned(),
            fix: format!("unset {message}"),
            excerpt: Some("the line".to_owned()),
        }
    }

    #[test]
    fn of_a_secret_nothing_is_told_but_that_it_is_one() {
        let found = vec![finding("secret/known", Severity::Block, "the value of DEPLOY_KEY in base64")];
        let advice = Advice::of(&Verdict::weigh(found), false, true);
        let json = serde_json::to_string(&advice).unwrap();
        for word in ["DEPLOY_KEY", "base64", "the line", "policy.toml"] {
            assert!(!json.contains(word), "{json}");
        }
        assert!(json.contains("\"a job secret\"") && json.contains("\"line\":3"), "{json}");
        assert!(advice.text().contains("- a.txt:3: a job secret [secret/known]"), "{}", advice.text());
    }

    #[test]
    fn the_heaviest_come_first_and_all_is_bounded() {
        let long = "é".repeat(5000);
        let mut found: Vec<Finding> = (0..500).map(|_| finding("a/b", Severity::Warn, &long)).collect();
        found.push(finding("c/d", Severity::Deny, "bad"));
        let advice = Advice::of(&Verdict::weigh(found), false, true);
        assert_eq!((advice.findings[0].rule.as_str(), advice.findings.len(), advice.left_out), ("c/d", LISTED, 451));
        assert!(serde_json::to_string(&advice).unwrap().len() < 256 << 10);
    }

    #[test]
    fn all_questions_together_search_less_than_the_last_verdict() {
        assert!(SEARCHED * u64::from(MOST) < 10 << 20);
    }
}
