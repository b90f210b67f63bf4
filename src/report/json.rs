//! The verdict for programs.

use serde::Serialize;

use super::{About, fingerprints, visible::is_hidden};
use crate::{
    digest::Digest,
    verdict::{Decision, Finding, Verdict},
};

#[derive(Serialize)]
struct Report<'a> {
    /// Of this form; it grows with every change that a reader could trip over.
    version: u8,
    decision: Decision,
    policy: Digest,
    base: &'a str,
    tree: &'a str,
    findings: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    fingerprint: String,
}

/// The verdict with every text exactly as it was found.
pub fn json(verdict: &Verdict, about: &About<'_>) -> String {
    let items = verdict.findings.iter().zip(fingerprints(&verdict.findings));
    write(&Report {
        version: 1,
        decision: verdict.decision,
        policy: about.policy,
        base: about.base,
        tree: about.tree,
        findings: items.map(|(finding, fingerprint)| Item { finding, fingerprint }).collect(),
    })
}

/// `value` as indented JSON that is also safe to look at, with a line end: what [`is_hidden`] names is written as `\uXXXX` (RFC 8259, section 7).
pub fn write(value: &impl Serialize) -> String {
    // Structs of texts and numbers always have a form in JSON. Were it otherwise, no reader would take a text for a report.
    let json = serde_json::to_string_pretty(value).unwrap_or_else(|error| serde_json::Value::from(error.to_string()).to_string());
    let mut out = String::with_capacity(json.len() + 1);
    for sign in json.chars() {
        // Outside of strings there is nothing hidden but line ends, and inside they are escaped already.
        if sign != '\n' && is_hidden(sign) {
            out.extend(sign.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(sign);
        }
    }
    out.push('\n');
    out
}
