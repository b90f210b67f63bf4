//! The seccomp wall as a program meets it: every system call is made by its number, outside of the walls and inside, and every
//! argument that a rule looks at. What must happen is read from the lists themselves, by a reader of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");

fn file(name: &str) -> String {
    fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What the script prints, as lines of a name and a result, in the walls or not.
fn run(script: &str, arguments: &[&str], walls: bool) -> BTreeMap<String, String> {
    let directory = tempfile::TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(directory.path().join("script.py"), file(&format!("tests/attacks/{script}"))).unwrap();
    let (program, before): (_, &[&str]) = if walls { (TIDEWAITER, &["run", "--", "python3"]) } else { ("python3", &[]) };
    let mut command = Command::new(program);
    command.args(before).arg("script.py").args(arguments).current_dir(directory.path()).stdin(Stdio::null());
    let output = command.env_remove("TIDEWAITER_POLICY").env_remove("GITLAB_CI").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.rsplit_once(": ").unwrap()).map(|(name, result)| (name.to_owned(), result.to_owned())).collect()
}

fn number(value: &toml::Value, key: &str) -> Option<u32> {
    value.get(key).map(|value| u32::try_from(value.as_integer().unwrap()).unwrap())
}

/// Whether a condition holds for an argument that is -1.
fn holds(condition: &toml::Value) -> bool {
    let value = number(condition, "mask").unwrap_or(u32::MAX);
    number(condition, "eq").is_none_or(|eq| value == eq) && number(condition, "ne").is_none_or(|ne| value != ne)
}

/// Whether a list has a rule on `name` that holds when every argument is -1.
fn lists(list: &toml::Value, name: &str) -> bool {
    list.as_array().unwrap().iter().any(|group| {
        let part = |key: &str| group.get(key).and_then(|value| value.as_array()).into_iter().flatten();
        let older = if cfg!(target_arch = "x86_64") { "x86_64" } else { "nothing" };
        part("calls").chain(part(older)).any(|call| call.as_str() == Some(name))
            && (group.get("any").is_none() || part("any").any(holds))
            && part("all").all(holds)
    })
}

/// Names by number.
fn table() -> BTreeMap<u32, String> {
    let table = file(&format!("policies/seccomp/{}.txt", std::env::consts::ARCH));
    table.lines().map(|line| line.split_once(' ').unwrap()).map(|(number, name)| (number.parse().unwrap(), name.to_owned())).collect()
}

#[test]
fn every_call_is_answered_as_it_is_written() {
    let written: toml::Value = toml::from_str(&file("policies/seccomp/calls.toml")).unwrap();
    let (names, inside) = (table(), run("calls.py", &["native"], true));
    let (outside, plain) = (run("calls.py", &["native"], false), run("calls.py", &["native", "drop"], false));
    let (mut wrong, mut counts) = (Vec::new(), [0; 3]);
    for (number, got) in &inside {
        let name = number.parse().ok().and_then(|number: u32| names.get(&number)).map_or("", String::as_str);
        let of_kernel = matches!(name, "uretprobe" | "uprobe") && matches!(got.as_str(), "signal 4" | "ENXIO");
        let kind = if lists(&written["refuse"], name) { 1 } else { usize::from(!lists(&written["allow"], name)) * 2 };
        let as_written = match kind {
            0 => !matches!(got.as_str(), "EPERM" | "ENOSYS") || *got == plain[number],
            1 => got == "EPERM",
            _ => got == "ENOSYS" || of_kernel,
        };
        // A refusal shows something only where the kernel would have taken the call.
        counts[kind] += usize::from(kind == 0 || !matches!(outside[number].as_str(), "EPERM" | "ENOSYS"));
        if !as_written {
            wrong.push(format!("{number} {name}: inside {got}, outside {}, without privilege {}", outside[number], plain[number]));
        }
    }
    println!("allowed {}, refused and taken outside {}, absent and there outside {}", counts[0], counts[1], counts[2]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(inside.len() > 1000 && counts[0] > 200 && counts[1] > 30 && counts[2] > 15, "{counts:?}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn no_call_of_another_architecture_is_made() {
    for (kind, refused) in [("i386", "signal 31"), ("x32", "ENOSYS")] {
        let inside = run("calls.py", &[kind], true);
        let passed: Vec<_> = inside.iter().filter(|(_, got)| *got != refused).collect();
        assert!(inside.len() > 1000 && passed.is_empty(), "{kind}: {passed:?}");
        let outside = run("calls.py", &[kind, "drop"], false);
        let there = outside.values().filter(|got| !["ENOSYS", "signal 31", "signal 11"].contains(&got.as_str())).count();
        println!("{kind}: {there} calls are there outside, none inside");
        if there == 0 {
            println!("NOT RUN: calls of {kind} outside of the walls: this kernel has none");
        }
    }
}

#[test]
fn every_argument_that_a_rule_looks_at_is_refused_and_the_others_are_not() {
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: the arguments of system calls: making namespaces outside of the walls needs root");
        return;
    }
    for (side, walls) in [("outside", false), ("inside", true)] {
        let (expected, got) = (run("arguments.py", &["expected", side], false), run("arguments.py", &[], walls));
        assert!(expected.len() > 45, "{}", expected.len());
        for (name, result) in &got {
            assert_eq!(result, &expected[name], "{side}: {name}");
        }
        assert_eq!(got.len(), expected.len());
    }
}
