//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format").

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::word;
use crate::verdict::{Finding, Severity, Verdict};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The verdict as a SARIF log with one run.
pub fn sarif(verdict: &Verdict) -> String {
    let rules: BTreeSet<&str> = verdict.findings.iter().map(|finding| finding.rule.as_str()).collect();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let results: Vec<Value> = verdict.findings.iter().map(result).collect();
    let driver = json!({ "name": "tidewaiter", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn result(finding: &Finding) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&finding.path) } });
    if let Some(line) = finding.line {
        place["region"] = json!({ "startLine": line });
    }
    let locations = if finding.path.is_empty() { json!([]) } else { json!([{ "physicalLocation": place }]) };
    json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": finding.message },
        "locations": locations,
        "properties": { "severity": word(finding.severity), "policyLine": finding.policy_line, "fix": finding.fix },
    })
}

/// SARIF section 3.27.10.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "note",
        Severity::Review => "warning",
        Severity::Deny | Severity::Block => "error",
    }
}

/// A relative reference (RFC 3986 section 4.2): everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
