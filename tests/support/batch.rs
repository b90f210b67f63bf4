//! Many small changes judged at once, each in a folder of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::repo::Scene;

/// What it shows, the file's path, its text before and after (none: not there), and the rules that must speak.
pub type Case<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, &'a [&'a str]);

/// Each rule with its weight, by the case's number.
fn judged(cases: &[Case<'_>], policy: &str) -> BTreeMap<usize, (BTreeSet<String>, Vec<String>)> {
    let scene = Scene::empty();
    scene.write("README.md", "x\n");
    for (number, (_, path, old, _, _)) in cases.iter().enumerate() {
        if let Some(old) = old {
            scene.write(&format!("c{number}/{path}"), old);
        }
    }
    scene.commit("base");
    let given = scene.hand_over();
    for (number, (_, path, _, new, _)) in cases.iter().enumerate() {
        match new {
            Some(new) => given.write(&format!("c{number}/{path}"), new),
            None => given.remove(&format!("c{number}/{path}")),
        }
    }
    let mut found: BTreeMap<usize, (BTreeSet<String>, Vec<String>)> = BTreeMap::new();
    for finding in given.judge_by(policy).verdict.findings {
        let number = finding.path.trim_start_matches('c').split('/').next().unwrap_or_default().parse().unwrap_or(usize::MAX);
        let (rules, messages) = found.entry(number).or_default();
        rules.insert(format!("{}={:?}", finding.rule, finding.severity).to_lowercase());
        messages.push(finding.message);
    }
    found
}

/// Judges all of them and tells every one that was judged otherwise.
pub fn check(cases: &[Case<'_>]) {
    check_by("version = 1\n", cases);
}

pub fn check_by(policy: &str, cases: &[Case<'_>]) {
    let found = judged(cases, policy);
    let mut wrong = Vec::new();
    for (number, (name, path, _, _, expected)) in cases.iter().enumerate() {
        let (rules, messages) = found.get(&number).cloned().unwrap_or_default();
        let wanted: BTreeSet<String> = expected.iter().map(|rule| (*rule).to_owned()).collect();
        if rules != wanted {
            wrong.push(format!("{name} ({path}): expected {wanted:?}, found {rules:?} {messages:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(!found.contains_key(&usize::MAX), "a finding of no case");
}
