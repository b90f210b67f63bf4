//! The escape suite: every attempt of `CATALOGUE.md`, in every place that we claim.
//!
//! A case is one file below a folder of this directory: a head that says which line of the catalogue it belongs to, what the
//! attempt does where no walls are (`control`), what it gets inside of them (`inside`, the exact error or the gateway's
//! answer), and what the outside would see (`seen`); its body is the probe. Probes run inside and judge nothing. The judge
//! is outside: packets are counted in a network namespace that stands for the internet, files and processes that are
//! attacked are compared with what they were before.
//!
//! `ESCAPE_ONLY=network/udp` tries only cases whose names contain that, `ESCAPE_PLACES=open,host` only in those places;
//! `ESCAPE_KEEP=1` keeps what the places looked like.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test that cannot go on has failed")]

#[path = "../../examples/demo/agent.rs"]
#[allow(dead_code)]
mod agent;
mod case;
mod judge;
mod place;
mod setup;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
};

use case::Case;
use judge::{Finding, Run};
use place::{OPEN, PLACES, Place};

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

#[test]
fn every_line_of_the_catalogue_has_a_case() {
    let text = fs::read_to_string(tests().join("escape/CATALOGUE.md")).unwrap();
    let lines: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    let cases = case::all(&tests().join("escape"));
    let line_of = |case: &Case| {
        let mut found = lines.iter().filter(|line| line.starts_with(&case.line));
        let line = found.next().unwrap_or_else(|| panic!("{}: no line begins with `{}`", case.name, case.line));
        assert!(found.next().is_none(), "{}: more than one line begins with `{}`", case.name, case.line);
        *line
    };
    let tried: BTreeSet<&str> = cases.iter().map(line_of).collect();
    let missing: String = lines.difference(&tried).map(|line| format!("- {line}\n")).collect();
    assert!(missing.is_empty(), "lines without a case:\n{missing}");
}

#[test]
fn what_works_inside_all_the_same_is_said_in_security_md() {
    let promised = fs::read_to_string(tests().join("../SECURITY.md")).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for case in case::all(&tests().join("escape")).iter().filter(|case| case.kind != case::Kind::Allowed) {
        let works = PLACES.iter().any(|place| place.name != OPEN && case.is_tried_in(place.name) && case.expected(place.name) == "works");
        let said = case.residual.as_ref().is_some_and(|sentence| promised.contains(sentence));
        assert_eq!(works, said, "{}: `works` inside needs a `residual`, words of SECURITY.md, and nothing else may have one", case.name);
    }
}

#[test]
fn nothing_escapes() {
    let Some(tools) = setup::tools() else { return };
    let scratch = setup::scratch();
    let cases = setup::suffice(scratch.path(), chosen(case::all(&tests().join("escape"))));
    let places = asked(&tools);
    let lab = setup::Lab::make(scratch.path(), &cases);
    let runs = Mutex::new(Vec::new());
    let left = Mutex::new(places.iter().collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(place) = { left.lock().unwrap().pop() } {
                    let run = setup::run(place, &lab, &cases);
                    runs.lock().unwrap().push(run);
                }
            });
        }
    });
    if std::env::var_os("ESCAPE_KEEP").is_some() {
        println!("kept: {}", scratch.keep().display());
    }
    report(&cases, &places, runs.into_inner().unwrap());
}

fn chosen(cases: Vec<Case>) -> Vec<Case> {
    let Ok(only) = std::env::var("ESCAPE_ONLY") else { return cases };
    let chosen: Vec<Case> = cases.into_iter().filter(|case| case.name.contains(&only)).collect();
    assert!(!chosen.is_empty(), "no case has `{only}` in its name (ESCAPE_ONLY)");
    chosen
}

/// The places that can be had here; of each other one it is said aloud.
fn asked(tools: &setup::Tools) -> Vec<&'static Place> {
    let only = std::env::var("ESCAPE_PLACES").ok();
    for name in only.iter().flat_map(|only| only.split(',')) {
        assert!(PLACES.iter().any(|place| place.name == name), "there is no place `{name}` (ESCAPE_PLACES)");
    }
    let wanted = |place: &&Place| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == place.name));
    let can = |place: &&Place| {
        if place.container.is_some() && !tools.containers {
            println!("NOT RUN: the escape suite in place {}: it needs podman and runc", place.name);
            return false;
        }
        true
    };
    PLACES.iter().filter(wanted).filter(can).collect()
}

/// Prints case by place, and fails where one did not run or was not refused exactly as expected.
fn report(cases: &[Case], places: &[&Place], runs: Vec<Run>) {
    let mut table: BTreeMap<&str, BTreeMap<String, Finding>> = BTreeMap::new();
    let mut wrong = String::new();
    for run in &runs {
        let tried: Vec<&Case> = cases.iter().filter(|case| case.is_tried_in(run.place)).collect();
        let (found, general) = judge::judge(run, &tried);
        for text in general {
            let _ = writeln!(wrong, "{}: {text}", run.place);
        }
        for (name, finding) in found.iter().filter(|(_, finding)| !finding.wrong.is_empty()) {
            let output: String = finding.output.lines().map(|line| format!("      {line}\n")).collect();
            let _ = writeln!(wrong, "{} {name}: {}\n{output}", run.place, finding.wrong.join("; "));
        }
        table.insert(run.place, found);
    }
    let slow = runs
        .iter()
        .flat_map(|run| run.lines.iter().filter_map(|line| Some((line["t1"].as_f64()? - line["t0"].as_f64()?, run.place, &line["case"]))));
    for (took, place, name) in slow.filter(|(took, ..)| *took > 8.0) {
        println!("slow: {took:.1} s {place} {name}");
    }
    let text = written(cases, places, &table);
    println!("{text}");
    let _ = fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("escape.txt"), &text);
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn written(cases: &[Case], places: &[&Place], table: &BTreeMap<&str, BTreeMap<String, Finding>>) -> String {
    let mut out = format!("{:44}", "case");
    for place in places {
        let _ = write!(out, " {:24}", place.name);
    }
    for case in cases {
        let _ = write!(out, "\n{:44}", case.name);
        for place in places {
            let cell = match table.get(place.name).and_then(|found| found.get(&case.name)) {
                None => "-".to_owned(),
                Some(finding) if finding.wrong.is_empty() => finding.result.clone(),
                Some(finding) => format!("! {}", finding.result),
            };
            let _ = write!(out, " {:24}", cell.chars().take(24).collect::<String>());
        }
    }
    let tried: usize = table.values().map(BTreeMap::len).sum();
    let failed = table.values().flat_map(BTreeMap::values).filter(|finding| !finding.wrong.is_empty()).count();
    let _ = write!(out, "\n\n{} cases, {tried} attempts, {failed} not as expected", cases.len());
    out
}
