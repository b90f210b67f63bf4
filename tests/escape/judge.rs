//! The judge outside: holds what a run said, what the outside saw and what the journal has against what each case expects.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    case::{Case, Kind},
    place::OPEN,
};

/// Names that the gateway may ask the name server for: those of the policy.
const NAMES: &[&str] = &[
    "allowed.example",
    "provider.example",
    "rebind.example",
    "inner.example",
    "linklocal.example",
    "mixed.example",
    "flip.example",
    "metadata.google.internal",
];

/// What may be seen outside of a locked-in run, beginnings of events.
const EXPECTED: &[&str] = &[
    "tcp 203.0.113.10:443",
    "tcp 203.0.113.10:80",
    "tcp 203.0.113.20:443",
    "udp 203.0.113.53:53",
    "tls allowed allowed.example",
    "tls allowed flip.example",
    "tls provider provider.example",
    "http allowed ",
    "http provider ",
    "bytes allowed 443",
    "bytes provider 443",
];

/// Everything that is known of one run.
#[derive(Debug, Default)]
pub struct Run {
    pub place: &'static str,
    pub directory: PathBuf,
    /// The JSON lines of the run.
    pub lines: Vec<Value>,
    /// What it printed besides, for whoever looks for a fault.
    pub rest: String,
}

/// What came of one case in one place.
#[derive(Clone, Debug)]
pub struct Finding {
    pub result: String,
    /// Empty where all is as expected.
    pub wrong: Vec<String>,
    pub output: String,
}

/// What happened in the time of one case.
#[derive(Debug, Default)]
struct Window {
    events: Vec<String>,
}

/// Judges every case of a run. What belongs to no case is in the second part.
pub fn judge(run: &Run, cases: &[&Case]) -> (BTreeMap<String, Finding>, Vec<String>) {
    let (windows, early) = windows(run);
    let journal = journal(&run.directory);
    let mut general: Vec<String> =
        early.iter().filter(|event| run.place != OPEN && leaks(event)).map(|event| format!("seen outside: {event}")).collect();
    if !run.lines.iter().any(|line| line["done"] == true) {
        general.push(format!("the run did not come to its end:\n{}", run.rest));
    }
    let status = run.lines.iter().find_map(|line| line["status"].as_i64());
    if status != Some(0) {
        general.push(format!("the locked-in run ended with {status:?}:\n{}", run.rest));
    }
    let found = cases.iter().map(|case| (case.name.clone(), finding(run, case, &windows, &journal))).collect();
    (found, general)
}

fn finding(run: &Run, case: &Case, windows: &BTreeMap<String, Window>, journal: &[Value]) -> Finding {
    let of_case = |key: &str| run.lines.iter().find(|line| line["case"] == case.name.as_str() && !line[key].is_null());
    let (Some(line), Some(after)) = (of_case("result"), of_case("changed")) else {
        return Finding { result: "DID NOT RUN".to_owned(), wrong: vec!["it did not run".to_owned()], output: String::new() };
    };
    let none = Window::default();
    let window = windows.get(&case.name).unwrap_or(&none);
    let result = line["result"].as_str().unwrap_or_default().to_owned();
    let mut wrong = match run.place {
        OPEN => without_walls(case, &result, window, after),
        place => with_walls(case, place, &result, window, after),
    };
    if let Some(rule) = case.journal.as_ref().filter(|_| run.place != OPEN)
        && !refused(journal, rule, line)
    {
        wrong.push(format!("the journal has no refusal by {rule}"));
    }
    Finding { result, wrong, output: line["output"].as_str().unwrap_or_default().to_owned() }
}

fn without_walls(case: &Case, result: &str, window: &Window, after: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if !case.control.split(" or ").any(|control| result == control) {
        wrong.push(format!("without walls: {result}, expected {}", case.control));
    }
    wrong.extend(case.seen.iter().filter(|seen| !window.has(seen)).map(|seen| format!("without walls the outside did not see `{seen}`")));
    if case.changes && after["changed"] == false {
        wrong.push("without walls the files outside are unchanged".to_owned());
    }
    if let Some(victim) = &case.victim
        && after["victim"] != victim.as_str()
    {
        wrong.push(format!("without walls the process outside is {}, expected {victim}", after["victim"]));
    }
    wrong
}

fn with_walls(case: &Case, place: &str, result: &str, window: &Window, after: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let expected = case.expected(place);
    let as_expected = match case.kind {
        Kind::Allowed => expected.split(" or ").any(|one| result == one),
        Kind::Attack | Kind::Around => result == expected,
    };
    if !as_expected {
        wrong.push(format!("{result}, expected {expected}"));
    }
    if case.kind == Kind::Allowed {
        wrong.extend(case.seen.iter().filter(|seen| !window.has(seen)).map(|seen| format!("the outside did not see `{seen}`")));
    } else if !case.is_residual(place) {
        wrong.extend(case.seen.iter().filter(|seen| window.has(seen)).map(|seen| format!("the outside saw `{seen}`")));
    }
    wrong.extend(window.events.iter().filter(|event| leaks(event)).map(|event| format!("seen outside: {event}")));
    if after["changed"] == true && !case.is_residual(place) {
        wrong.push("files outside were changed".to_owned());
    }
    if !after["victim"].is_null() && after["victim"] != "untouched" && !case.is_residual(place) {
        wrong.push(format!("the process outside is {}", after["victim"]));
    }
    wrong
}

impl Window {
    fn has(&self, beginning: &str) -> bool {
        self.events.iter().any(|event| event.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':'])))
    }
}

/// Whether an event is one that nothing which the policy allows can cause.
fn leaks(event: &str) -> bool {
    match event.strip_prefix("dns ") {
        Some(name) => !NAMES.contains(&name),
        None => !EXPECTED.iter().any(|expected| event.starts_with(expected)),
    }
}

/// What was seen from one case's beginning to the next one's, and what was seen before the first.
fn windows(run: &Run) -> (BTreeMap<String, Window>, Vec<String>) {
    let time = |value: &Value| value.as_f64().unwrap_or(0.0);
    let mut starts: Vec<(f64, String)> = run
        .lines
        .iter()
        .filter(|line| !line["result"].is_null())
        .map(|line| (time(&line["t0"]), line["case"].as_str().unwrap_or_default().to_owned()))
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut found, mut early) = (BTreeMap::<String, Window>::new(), Vec::new());
    for event in json_lines(&run.directory.join("seen.jsonl")) {
        let text = event["event"].as_str().unwrap_or_default().to_owned();
        match starts.iter().rev().find(|(start, _)| *start <= time(&event["t"])) {
            Some((_, name)) => found.entry(name.clone()).or_default().events.push(text),
            None => early.push(text),
        }
    }
    (found, early)
}

fn journal(directory: &Path) -> Vec<Value> {
    json_lines(&directory.join("journal.jsonl"))
}

fn refused(journal: &[Value], rule: &str, line: &Value) -> bool {
    let (from, to) = (line["w0"].as_i64().unwrap_or(0), line["w1"].as_i64().unwrap_or(0));
    journal.iter().any(|record| {
        record["event"] == "gateway"
            && record["allowed"] == false
            && record["rule"] == rule
            && record["t"].as_i64().is_some_and(|t| (from..=to).contains(&t))
    })
}

/// The lines of a file that are JSON; a file that is not there has none.
pub fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
