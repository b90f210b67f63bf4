//! The gate against its corpora under the default policy: attacks as data (`tests/gate/*.toml`), each in a workspace that was
//! really handed over, beside harmless look-alikes; and, where `make gate-corpus` has fetched them, real changes.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test that cannot go on has failed")]

mod case;
mod made;
mod project;
mod real;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use case::{Case, Kind};
use project::Project;

/// Files of cases.
const SECTIONS: [&str; 9] = [
    "supply.toml",
    "agent.toml",
    "git.toml",
    "content.toml",
    "ci-variants.toml",
    "package-variants.toml",
    "check-variants.toml",
    "control-variants.toml",
    "tree-variants.toml",
];
/// Fewer than these are not the corpora that are promised.
const ATTACKS: usize = 200;
const HARMLESS: usize = 80;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/gate")
}

fn table(name: &str) -> toml::Table {
    std::fs::read_to_string(folder().join(name)).unwrap().parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The policy that holds where nobody names one.
fn policy() -> tidewaiter::policy::Policy {
    support::repo::policy_of(include_str!("../../policies/default.toml"))
}

/// What came of one case.
struct Outcome<'a> {
    case: &'a Case,
    came: Came,
    /// Whether a program of the agent's ran.
    ran: bool,
    /// Whether a second judgement said something else.
    differs: bool,
}

/// How a case ended.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    AsExpected,
    /// Not caught, and the file of cases says why.
    Told(String),
    Otherwise(String),
}

#[test]
fn every_attack_is_caught_and_nothing_harmless_is_held_up() {
    let cases: Vec<Case> = SECTIONS.iter().flat_map(|name| case::read(&table(name))).collect();
    let count = |kind: Kind| cases.iter().filter(|case| case.kind == kind).count();
    assert!(count(Kind::Attack) >= ATTACKS && count(Kind::Harmless) >= HARMLESS);
    let only = std::env::var("GATE_CORPUS_ONLY").unwrap_or_default();
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.title().contains(&only)).collect();
    let outcomes = try_all(&cases);
    report(&outcomes);
    let otherwise = |outcome: &Outcome<'_>| match &outcome.came {
        Came::Otherwise(why) => Some(format!("{}: {why}", outcome.case.title())),
        _ => None,
    };
    let wrong: Vec<String> = outcomes.iter().filter_map(otherwise).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), outcomes.len(), wrong.join("\n"));
    assert!(outcomes.iter().all(|outcome| !outcome.ran && !outcome.differs));
}

/// Tries the cases of each base in one workspace after the other, the bases side by side.
fn try_all(cases: &[Case]) -> Vec<Outcome<'_>> {
    let bases = table("bases.toml");
    let policy = policy();
    let mut by_base: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        by_base.entry(&case.base).or_default().push(case);
    }
    // A workspace for so many cases, so that all processors have work to the end.
    let parts: Vec<(&str, &[&Case])> = by_base.iter().flat_map(|(base, cases)| cases.chunks(60).map(|part| (*base, part))).collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((base, part)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let project = Project::new(bases[*base].as_table().unwrap());
            let tried = part.iter().map(|case| judged(&project, case, &policy)).collect::<Vec<_>>();
            outcomes.lock().unwrap().extend(tried);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by_key(|outcome| outcome.case.number);
    outcomes
}

fn judged<'a>(project: &Project, case: &'a Case, policy: &tidewaiter::policy::Policy) -> Outcome<'a> {
    let tried = project.attempt(&case.acts, policy);
    let came = match (case.miss(&tried.verdict), &case.residual) {
        (None, _) => Came::AsExpected,
        (Some(_), Some(residual)) => Came::Told(residual.clone()),
        (Some(why), None) => Came::Otherwise(why),
    };
    Outcome { case, came, ran: tried.ran, differs: tried.differs }
}

fn report(outcomes: &[Outcome<'_>]) {
    let mut sections: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for outcome in outcomes {
        let counts = sections.entry(&outcome.case.section).or_default();
        let at = if outcome.case.kind == Kind::Attack { 0 } else { 2 };
        counts[at] += usize::from(outcome.came == Came::AsExpected);
        counts[at + 1] += 1;
        match &outcome.came {
            Came::Told(why) => println!("NOT CAUGHT ({why}): {}", outcome.case.title()),
            _ if outcome.case.residual.is_some() => println!("caught, though it says why not: {}", outcome.case.title()),
            _ => {}
        }
    }
    for (section, [caught, attacks, passed, harmless]) in &sections {
        println!("gate-corpus: attacks caught, {section} | {caught}/{attacks} | all but those above");
        println!("gate-corpus: harmless that passed, {section} | {passed}/{harmless} | all");
    }
    let sum = |at: usize| sections.values().map(|counts| counts[at]).sum::<usize>();
    let count = |of: fn(&Outcome<'_>) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    println!("gate-corpus: attacks caught, all | {}/{} | at least {ATTACKS}", sum(0), sum(1));
    println!("gate-corpus: harmless denied or held for review | {}/{} | 0", sum(3) - sum(2), sum(3));
    println!("gate-corpus: programs run by a case | {}/{} | 0", count(|outcome| outcome.ran), outcomes.len());
    println!("gate-corpus: second judgements that differ | {}/{} | 0", count(|outcome| outcome.differs), outcomes.len());
}
