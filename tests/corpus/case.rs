//! Cases as the files beside have them, and whether a verdict is what one expects.

use tidewaiter::verdict::{Decision, Severity, Verdict};

use crate::made;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Attack,
    Harmless,
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Pass,
    Warn,
    Review,
    /// Review or more.
    Held,
    Deny,
    Block,
}

#[derive(Debug)]
pub struct Case {
    pub number: usize,
    pub kind: Kind,
    pub section: String,
    /// The line of the catalogue of attacks.
    line: String,
    name: String,
    /// What stands for `{each}`.
    each: String,
    pub base: String,
    pub acts: Vec<toml::Table>,
    expected: Expected,
    /// One of these must speak, with the expected weight.
    pub rules: Vec<String>,
    /// Why it is not caught, where it is not.
    pub residual: Option<String>,
}

/// Every case of a file, one for each value of its `each`.
pub fn read(file: &toml::Table) -> Vec<Case> {
    let section = text(file, "section").unwrap();
    let mut cases = Vec::new();
    for line in tables(file, "line") {
        for (key, kind) in [("attack", Kind::Attack), ("harmless", Kind::Harmless)] {
            for given in tables(line, key) {
                cases.extend(expand(section, line, given, kind));
            }
        }
    }
    cases
}

fn expand(section: &str, line: &toml::Table, given: &toml::Table, kind: Kind) -> Vec<Case> {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let of = |key: &str| text(given, key).or_else(|| text(line, key));
    let rules = match (list(given, "rules"), text(given, "rule"), list(line, "rules"), text(line, "rule")) {
        (Some(rules), ..) | (None, None, Some(rules), _) => rules,
        (None, Some(rule), ..) | (None, None, None, Some(rule)) => vec![rule.to_owned()],
        (None, None, None, None) => vec![],
    };
    let expected = match (kind, of("expect").unwrap_or("deny")) {
        (Kind::Harmless, _) | (_, "pass") => Expected::Pass,
        (_, "warn") => Expected::Warn,
        (_, "review") => Expected::Review,
        (_, "held") => Expected::Held,
        (_, "deny") => Expected::Deny,
        (_, "block") => Expected::Block,
        (_, other) => panic!("{other} is no verdict"),
    };
    let (line, name) = (text(line, "about").unwrap(), text(given, "name").unwrap());
    assert!(kind == Kind::Harmless || expected == Expected::Pass || !rules.is_empty(), "{line}: {name}: no rule");
    let has_each = given.contains_key("each");
    let make = |each: String| Case {
        number: NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
        kind,
        section: section.to_owned(),
        line: line.to_owned(),
        name: name.to_owned(),
        base: of("base").unwrap_or("rust").to_owned(),
        acts: tables(given, "act").map(|act| made::act(act, has_each.then_some(&each))).collect(),
        each,
        expected,
        rules: rules.clone(),
        residual: text(given, "residual").map(str::to_owned),
    };
    list(given, "each").unwrap_or_else(|| vec![String::new()]).into_iter().map(make).collect()
}

impl Case {
    pub fn title(&self) -> String {
        let kind = if self.kind == Kind::Attack { "attack" } else { "harmless" };
        let each = if self.each.is_empty() { String::new() } else { format!(" {:?}", self.each) };
        format!("[{}] {} / {kind}: {}{each}", self.section, self.line, self.name)
    }

    /// Why `verdict` is not what this case expects.
    pub fn miss(&self, verdict: &Verdict) -> Option<String> {
        let (decision, least) = match self.expected {
            Expected::Pass => (Decision::Pass, None),
            Expected::Warn => (Decision::Pass, Some(Severity::Warn)),
            Expected::Held if verdict.decision == Decision::Deny => (Decision::Deny, Some(Severity::Review)),
            Expected::Review | Expected::Held => (Decision::Review, Some(Severity::Review)),
            Expected::Deny => (Decision::Deny, Some(Severity::Deny)),
            Expected::Block => (Decision::Deny, Some(Severity::Block)),
        };
        let speaks = verdict.findings.iter().any(|finding| self.rules.contains(&finding.rule) && Some(finding.severity) >= least);
        let fine = verdict.decision == decision && (least.is_none() || speaks);
        let found = || {
            let told = |finding: &tidewaiter::verdict::Finding| {
                format!("{}={:?} ({}: {})", finding.rule, finding.severity, finding.path, finding.message)
            };
            verdict.findings.iter().take(4).map(told).collect::<Vec<_>>().join("; ")
        };
        (!fine).then(|| format!("expected {:?} by {:?}, found {:?}: {}", self.expected, self.rules, verdict.decision, found()))
    }
}

fn text<'a>(table: &'a toml::Table, key: &str) -> Option<&'a str> {
    table.get(key).map(|value| value.as_str().unwrap())
}

fn list(table: &toml::Table, key: &str) -> Option<Vec<String>> {
    let items = table.get(key)?.as_array().unwrap();
    Some(items.iter().map(|item| item.as_str().unwrap().to_owned()).collect())
}

fn tables<'a>(table: &'a toml::Table, key: &str) -> impl Iterator<Item = &'a toml::Table> {
    table.get(key).and_then(toml::Value::as_array).into_iter().flatten().map(|item| item.as_table().unwrap())
}
