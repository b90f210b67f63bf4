//! A verdict as text, JSON, GitLab Code Quality, SARIF, JUnit and an HTML page. Nothing here reads or writes anything.
//!
//! Paths and messages carry words of the change, which an attacker chose. Every format therefore shows characters that
//! control a terminal or cannot be seen as `\u{…}`, and escapes what its own syntax reads.

mod codequality;
mod html;
mod json;
mod junit;
mod markup;
mod sarif;
mod text;
mod visible;
mod words;

pub use codequality::codequality;
pub use html::html;
pub use json::{json, write};
pub use junit::junit;
pub use sarif::sarif;
pub use text::text;

use crate::{
    digest::Digest,
    verdict::{Finding, Verdict},
};

/// How a verdict is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal or a job's log
    Text,
    /// Everything, for programs
    Json,
    /// GitLab Code Quality report (artifacts:reports:codequality)
    Codequality,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML, a test case a rule (artifacts:reports:junit)
    Junit,
    /// One page without scripts
    Html,
}

/// A rule that was applied, whether it found something or not.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// Its stable id, `area/name`.
    pub id: &'a str,
    /// What it looks for, in a few words.
    pub about: &'a str,
}

/// What the verdict is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The policy that decided.
    pub policy: Digest,
    /// The tree or commit that the change starts from; empty where it is not known.
    pub base: &'a str,
    /// The tree that was judged; empty where it is not known.
    pub tree: &'a str,
    /// How many paths the change touches; none where it is not known.
    pub changed: Option<usize>,
    /// Every rule that was applied. Those of findings need not be among them.
    pub rules: &'a [Rule<'a>],
}

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether it has colours.
    pub colour: bool,
    /// The most columns of a line.
    pub width: usize,
}

impl Look {
    /// For a log or a file: no colours, and lines as wide as most windows that show one.
    pub const PLAIN: Self = Self { colour: false, width: 100 };
}

/// `verdict` in `format`. Only for [`Format::Text`] it matters what it looks like. Ends with a line end.
pub fn render(format: Format, verdict: &Verdict, about: &About<'_>, look: Look) -> String {
    match format {
        Format::Text => text(verdict, about, look),
        Format::Json => json(verdict, about),
        Format::Codequality => codequality(verdict),
        Format::Sarif => sarif(verdict, about),
        Format::Junit => junit(verdict, about),
        Format::Html => html(verdict, about),
    }
}

/// Every rule that was applied or has a finding, sorted by id.
fn rules<'a>(verdict: &'a Verdict, about: &About<'a>) -> Vec<Rule<'a>> {
    let mut rules: Vec<Rule<'a>> = about.rules.to_vec();
    rules.extend(verdict.findings.iter().map(|finding| Rule { id: &finding.rule, about: "" }));
    // Stable: of equal ids the one that says what it is about comes first and stays.
    rules.sort_by_key(|rule| rule.id);
    rules.dedup_by_key(|rule| rule.id);
    rules
}

/// One fingerprint a finding, 64 hex digits: the same when lines move or the policy weighs the finding in another way,
/// never the same twice in one verdict.
fn fingerprints(findings: &[Finding]) -> Vec<String> {
    let mut seen = std::collections::HashMap::new();
    findings
        .iter()
        .map(|Finding { rule, path, message, .. }| {
            let nth: &mut u32 = seen.entry((rule, path, message)).or_default();
            *nth += 1;
            // With the lengths said first, no text can pass for a part of its neighbour.
            Digest::of(format!("{} {} {nth}\n{rule}{path}{message}", rule.len(), path.len())).hex()
        })
        .collect()
}
