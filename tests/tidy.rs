//! The house keeps its order: arrows point one way, `unsafe` stays in one place, files stay small enough to hold in mind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Lines of a file that anyone can still hold in mind.
const LONGEST: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every module of the map with the number of its group, from 0 at the top.
fn groups() -> BTreeMap<String, usize> {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut group = 0;
    let mut found = BTreeMap::new();
    for line in map.lines() {
        match line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            Some(module) => drop(found.insert(module.to_owned(), group)),
            None if line.is_empty() => group += 1,
            None => {}
        }
    }
    assert!(found.len() > 20, "the map was not understood");
    found
}

/// The top-level module of a file beneath `src`; none for `main.rs` and `lib.rs`.
fn module_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.iter().next()?.to_str()?.trim_end_matches(".rs").to_owned();
    (first != "main" && first != "lib").then_some(first)
}

/// The top-level modules that `text` names after `crate::`, in paths and in use lists.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(top_of_list(list)),
            None => found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
        }
    }
    found
}

fn top_of_list(list: &str) -> Vec<String> {
    let (mut depth, mut name, mut found) = (0, String::new(), Vec::new());
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(std::mem::take(&mut name)),
            c if depth == 0 => name.push(c),
            _ => {}
        }
    }
    found.push(name);
    found
        .iter()
        .map(|name| name.trim().split("::").next().unwrap_or("").split(' ').next().unwrap_or("").to_owned())
        .filter(|n| !n.is_empty())
        .collect()
}

#[test]
fn a_module_uses_only_groups_above_its_own() {
    let groups = groups();
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let Some(own) = module_of(&path) else { continue };
        let own_group = *groups.get(&own).unwrap_or_else(|| panic!("{own} is not in the map, src/lib.rs"));
        for other in named(&fs::read_to_string(&path).unwrap()) {
            if let Some(group) = groups.get(&other)
                && other != own
                && *group >= own_group
            {
                wrong.push(format!("{}: {own} uses {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_arrows_finds_them() {
    assert_eq!(named("use crate::{a::{b, c}, d, e::f as g};\nlet x = crate::h::i();"), ["a", "d", "e", "h"]);
}

#[test]
fn unsafe_code_stays_in_sys() {
    for path in sources(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let inside = module_of(&path).is_some_and(|module| module == "sys");
        let has = text
            .lines()
            .any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe ") || line.contains("allow(unsafe_code)"));
        assert!(inside || !has, "{}: unsafe code outside of src/sys", path.display());
        for (index, line) in text.lines().enumerate().filter(|(_, line)| line.contains("unsafe {")) {
            let before: Vec<&str> = text.lines().take(index).collect();
            let argued = line.contains("SAFETY") || before.iter().rev().take(4).any(|line| line.contains("SAFETY"));
            assert!(argued, "{}:{}: no SAFETY note above", path.display(), index + 1);
        }
    }
}

#[test]
fn files_stay_small() {
    for directory in ["src", "tests"] {
        for path in sources(&root().join(directory)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LONGEST, "{}: {lines} lines", path.display());
        }
    }
}

#[test]
fn the_default_policy_explains_every_line() {
    let policy = fs::read_to_string(root().join("policies/default.toml")).unwrap();
    let lines: Vec<&str> = policy.lines().filter(|line| !line.is_empty()).collect();
    for pair in lines.windows(2) {
        assert!(pair[0].starts_with('#') || pair[1].starts_with('#'), "no comment above: {}", pair[1]);
    }
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let promises = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let tests: String = ["src", "tests"]
        .iter()
        .flat_map(|directory| sources(&root().join(directory)))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut count = 0;
    for row in promises.lines().filter(|line| line.starts_with("| `")) {
        for name in row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2) {
            count += 1;
            assert!(tests.contains(&format!("fn {name}(")), "SECURITY.md names the test {name}, which does not exist");
        }
    }
    assert!(count > 5, "SECURITY.md has no table of promises");
}
