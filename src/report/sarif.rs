//! SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format, section numbers in the comments).

use serde::Serialize;

use super::{About, Rule, fingerprints, json, rules, visible::visible, words};
use crate::{
    digest::Digest,
    verdict::{Decision, Finding, Severity, Verdict},
};

/// 3.13.3; the published JSON schema of the same version.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// 3.27.17: names what the fingerprint is made of, with its version.
const FINGERPRINT: &str = "rulePathMessage/v1";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    results: Vec<Outcome<'a>>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    partial_fingerprints: std::collections::BTreeMap<&'static str, String>,
    properties: Weight<'a>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Weight<'a> {
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_line: Option<&'a str>,
    fix: &'a str,
}

#[derive(Serialize)]
struct Properties<'a> {
    decision: Decision,
    policy: Digest,
    base: &'a str,
    tree: &'a str,
}

/// The findings for any reader of SARIF.
pub fn sarif(verdict: &Verdict, about: &About<'_>) -> String {
    let rules = rules(verdict, about);
    let results = verdict.findings.iter().zip(fingerprints(&verdict.findings));
    let results = results.map(|(finding, fingerprint)| outcome(finding, fingerprint, &rules)).collect();
    let driver = Driver { name: "tidewaiter", version: env!("CARGO_PKG_VERSION"), rules: rules.iter().map(descriptor).collect() };
    let properties = Properties { decision: verdict.decision, policy: about.policy, base: about.base, tree: about.tree };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results, properties };
    json::write(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

fn descriptor<'a>(rule: &Rule<'a>) -> Descriptor<'a> {
    let about = visible(rule.about);
    Descriptor { id: rule.id, short_description: (!about.is_empty()).then_some(Message { text: about }) }
}

fn outcome<'a>(finding: &'a Finding, fingerprint: String, rules: &[Rule<'_>]) -> Outcome<'a> {
    let text = visible(&words::told(finding));
    Outcome {
        rule_id: &finding.rule,
        rule_index: rules.iter().position(|rule| rule.id == finding.rule),
        level: level(finding.severity),
        message: Message { text },
        locations: location(finding).into_iter().collect(),
        partial_fingerprints: [(FINGERPRINT, fingerprint)].into(),
        properties: Weight { severity: finding.severity, policy_line: finding.policy_line.as_deref(), fix: &finding.fix },
    }
}

/// None for a finding about the change as a whole.
fn location(finding: &Finding) -> Option<Location> {
    let artifact_location = Artifact { uri: reference(&finding.path), uri_base_id: "%SRCROOT%" };
    let region = finding.line.filter(|line| *line > 0).map(|start_line| Region { start_line, snippet: snippet(finding) });
    (!finding.path.is_empty()).then_some(Location { physical_location: Physical { artifact_location, region } })
}

/// 3.30.13.
fn snippet(finding: &Finding) -> Option<Message> {
    finding.excerpt.as_deref().map(|text| Message { text: visible(text) })
}

/// A path as a URI reference (RFC 3986, section 3.3): whatever is not unreserved is percent-encoded, so that no path can
/// bring a scheme, a host or a query.
fn reference(path: &str) -> String {
    path.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'/' if !out.is_empty() => out.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// 3.27.10.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "note",
        Severity::Review => "warning",
        Severity::Deny | Severity::Block => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_a_path() {
        assert_eq!(reference("src/a b.rs"), "src/a%20b.rs");
        assert_eq!(reference("javascript:alert(1)?x#y"), "javascript%3Aalert%281%29%3Fx%23y");
        assert_eq!(reference("//host/é"), "%2F/host/%C3%A9");
    }
}
