//! `tidewaiter check` as a person meets it: each form of report of a hostile repository, read by programs that are not ours, and
//! every way in which it cannot say anything.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use support::{
    repo::{Scene, run_git},
    schema,
};

/// Names that are something else to a terminal, to XML, to JSON, to a URI or to GitLab.
const NAMES: [&[u8]; 14] = [
    b"new\nline",
    b"\r\xe2\x95\xb0\xe2\x94\x80 PASS  The change may leave.",
    b"\x1b[2J\x1b]0;owned\x07.sh",
    b"c1\xc2\x9b31m",
    "bidi\u{202e}gpj.exe".as_bytes(),
    b"\xff\xfe\x80",
    b"]]><testcase name=\"forged\"/>",
    b"<script>alert(1)<!--",
    b"\"quotes\" 'n' \\u0022 & &amp;",
    b"[[ATTACHMENT|..%2Fetc%2Fpasswd]]",
    b"javascript:alert(1)?x#y",
    b"section_start:1:x\r\x1b[0K",
    "大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大╰─ PASS".as_bytes(),
    b"\x01\x08\x0b\x7f",
];

/// A branch of hostile names, with a hostile line in each, below folders with very long names.
fn hostile() -> Scene {
    let scene = Scene::plain();
    scene.git(&["checkout", "-q", "-b", "side"]);
    let deep = "a very long name of a folder ".repeat(7) + "x";
    let folder = scene.checkout().join(format!("{deep}/{deep}/{deep}"));
    fs::create_dir_all(&folder).unwrap();
    for (index, name) in NAMES.iter().enumerate() {
        let line = [b"fetch https://host", index.to_string().as_bytes(), b".example/ ", *name, b" ]]> \x1b[31m\n"].concat();
        let line: Vec<u8> = line.iter().copied().filter(|b| *b != b'\n' && *b != b'\r').chain([b'\n']).collect();
        // A name has at most 255 bytes, and no slash.
        let name: Vec<u8> = name.iter().map(|b| if *b == b'/' { b'_' } else { *b }).take(255).collect();
        for place in [scene.checkout(), folder.clone()] {
            fs::write(place.join(OsStr::from_bytes(&name)), &line).unwrap();
        }
    }
    scene.commit("hostile");
    scene
}

/// What `tidewaiter check` says in `folder`.
fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewaiter"));
    command.arg("check").args(arguments).current_dir(folder).env_remove("TIDEWAITER_POLICY").output().unwrap()
}

fn report(scene: &Scene, format: &str) -> String {
    let output = check(&scene.checkout(), &["--base", "main", "--format", format]);
    assert_eq!(output.status.code(), Some(66), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn is_plain(text: &str) -> bool {
    let hidden = |sign: char| matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}');
    !text.chars().any(|sign| (sign.is_control() && sign != '\n') || hidden(sign))
}

#[test]
fn every_format_of_a_hostile_change_is_valid_and_tells_the_same() {
    let scene = hostile();
    let text = report(&scene, "json");
    let json: Value = serde_json::from_str(&text).unwrap();
    schema::validate("our report", &json, &schema::ours("docs/report.schema.json"));
    let findings = json["findings"].as_array().unwrap();
    assert!(is_plain(&text) && findings.len() > 2 * NAMES.len(), "{text}");
    let told: Vec<(&str, &str)> = findings.iter().map(|one| (one["rule"].as_str().unwrap(), one["path"].as_str().unwrap())).collect();
    assert!(findings.iter().filter(|one| one["excerpt"].is_string()).count() > 5, "lines are shown");

    let facts = check(&scene.checkout(), &["--base", "main", "--facts"]);
    let facts = String::from_utf8(facts.stdout).unwrap();
    let value: Value = serde_json::from_str(&facts).unwrap();
    schema::validate("facts", &value, &schema::ours("docs/facts.schema.json"));
    assert!(is_plain(&facts) && value["files"].as_array().unwrap().len() == 2 * NAMES.len());
    assert_eq!((&value["base"], &value["tree"]), (&json["base"], &json["tree"]));
    assert_eq!(value["verdict"]["findings"].as_array().unwrap().len(), findings.len());

    let text = report(&scene, "sarif");
    let sarif: Value = serde_json::from_str(&text).unwrap();
    if let Some(published) = schema::kept("sarif.schema.json") {
        schema::validate("SARIF", &sarif, &serde_json::from_str(&published).unwrap());
    } else {
        println!("NOT RUN: SARIF is held to its schema (tests/setup.sh keeps it where npm is)");
    }
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let rules: Vec<&str> = results.iter().map(|one| one["ruleId"].as_str().unwrap()).collect();
    assert_eq!(rules, told.iter().map(|(rule, _)| *rule).collect::<Vec<_>>());
    assert!(is_plain(&text));

    let text = report(&scene, "codequality");
    let rows: Value = serde_json::from_str(&text).unwrap();
    schema::validate("Code Quality", &rows, &schema::ours("tests/support/codequality.schema.json"));
    let rows = rows.as_array().unwrap();
    let paths: Vec<(&str, &str)> =
        rows.iter().map(|one| (one["check_name"].as_str().unwrap(), one["location"]["path"].as_str().unwrap())).collect();
    assert_eq!(paths, told);
    assert_eq!(rows.iter().map(|one| one["fingerprint"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), rows.len());
    assert!(is_plain(&text));
}

#[test]
fn junit_of_a_hostile_change_is_valid_and_has_no_case_of_its_making() {
    let scene = hostile();
    let json: Value = serde_json::from_str(&report(&scene, "json")).unwrap();
    let heavy = |one: &&Value| matches!(one["severity"].as_str().unwrap(), "deny" | "block");
    let failing: BTreeSet<&str> =
        json["findings"].as_array().unwrap().iter().filter(heavy).map(|one| one["rule"].as_str().unwrap()).collect();
    let text = report(&scene, "junit");
    assert!(is_plain(&text) && !text.contains("[[ATTACHMENT|"));
    let Some(read) = schema::junit(&text) else { return };
    assert_eq!(read["wrong"], serde_json::json!([]));
    assert_eq!(read["failures"], failing.len());
    assert_eq!(read["tests"], tidewaiter::gate::rules().count());
    assert!(!read["names"].as_array().unwrap().iter().any(|name| name == "forged"));
    // All is there, as words.
    let said: String = read["said"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!(said.contains("]]><testcase name=\"forged\"") && said.contains("bidi\\u{202e}gpj.exe"));
}

#[test]
fn text_of_a_hostile_change_keeps_its_rail() {
    let scene = hostile();
    let text = report(&scene, "text");
    assert!(is_plain(&text));
    for line in text.lines() {
        assert!(line.starts_with(['│', '╭', '├', '╰']), "{line:?}");
        let columns: usize = line.chars().map(|sign| if sign == '大' { 2 } else { 1 }).sum();
        assert!(columns <= 100, "{line:?}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with('╰')).count(), 1);
    let page = report(&scene, "html");
    assert!(is_plain(&page) && !page.contains("<script") && page.matches("<article>").count() > 2 * NAMES.len());
}

/// What is said, with the exit code.
fn refusal(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = check(folder, arguments);
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_cannot_be_judged_is_said_with_what_to_do() {
    let scene = Scene::plain();
    let (checkout, place) = (scene.checkout(), scene.path());
    scene.write("src/main.rs", "fn main() { work() }\n");
    scene.commit("second");
    for (folder, options) in [("unborn", &["init", "-q"][..]), ("bare", &["clone", "-q", "--bare", "checkout"])] {
        run_git(place, &[options, &[folder][..]].concat());
    }
    let address = format!("file://{}", checkout.display());
    run_git(place, &["clone", "-q", "--depth", "1", &address, "shallow"]);
    let first = scene.git(&["rev-parse", "HEAD~1"]);
    for (folder, arguments, words) in [
        (place, &["--base", "main"][..], "a folder above it has a .git; run it in a clone"),
        (&place.join("bare"), &["--base", "main"], "a bare one, which has no work tree"),
        (&checkout.join(".git"), &["--base", "main"], "the inside of a repository"),
        (&checkout, &["--base", "nowhere"], "`nowhere` names no commit in this repository\n"),
        (&checkout, &["--base", "main", "--head", "nowhere"], "`nowhere` names no commit in this repository\n"),
        (&checkout, &["--base", ""], "the variable that it comes from may have no value here"),
        (&place.join("unborn"), &["--base", "HEAD"], "has no commit yet; measure from the empty tree"),
        (&place.join("shallow"), &["--base", "HEAD~1"], "is a shallow clone; fetch more of it (GIT_DEPTH: 0"),
        (&place.join("shallow"), &["--base", first.trim()], "is a shallow clone; fetch more of it (GIT_DEPTH: 0"),
        (&checkout, &["--base", "main", "--head", "main", "--worktree"], "cannot be used with"),
        (&checkout, &[], "--base <REV>"),
    ] {
        let (code, said) = refusal(folder, arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    for (arguments, code, words) in [
        (&["--base", "main", "--policy", "/nowhere"][..], 64, "/nowhere: cannot be read"),
        (&["--base", "main", "--base-policy", "nowhere"], 64, "main:nowhere is no policy"),
        (&["--base", "main", "--output", "/nowhere/report"], 70, "the report cannot be written to /nowhere/report"),
    ] {
        let (found, said) = refusal(&checkout, arguments);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_first_commit_is_measured_from_the_empty_tree() {
    let scene = Scene::empty();
    scene.write("src/main.rs", "fn main() {}\n");
    scene.write(".envrc", "x\n");
    let empty = scene.git(&["hash-object", "-t", "tree", "/dev/null"]);
    let output = check(&scene.checkout(), &["--base", empty.trim(), "--worktree"]);
    assert_eq!(output.status.code(), Some(66), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("editor/control  .envrc") && said.contains("2 files changed"), "{said}");
}

#[test]
fn heads_that_are_on_no_branch_and_folders_of_the_tree_are_judged() {
    let scene = Scene::plain();
    scene.git(&["checkout", "-q", "--detach"]);
    scene.write(".envrc", "x\n");
    let folder = scene.checkout().join("src");
    let of = |arguments: &[&str]| check(&folder, arguments).status.code();
    assert_eq!(of(&["--base", "HEAD", "--worktree"]), Some(66));
    assert_eq!(of(&["--base", "HEAD"]), Some(0), "what is not committed is not looked at");
    scene.commit("evil");
    assert_eq!(of(&["--base", "main"]), Some(66));
}

#[test]
fn a_reader_who_leaves_early_changes_nothing_and_a_full_disk_is_told() {
    let scene = hostile();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewaiter"));
    command.args(["check", "--base", "main", "--format", "sarif"]).current_dir(scene.checkout());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(66), ""));
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(said.contains("the report cannot be printed"), "{said}");
}

#[test]
fn the_page_of_documentation_says_what_the_program_does() {
    let help = Command::new(env!("CARGO_BIN_EXE_tidewaiter")).args(["check", "--help"]).output().unwrap();
    let (help, page) = (String::from_utf8(help.stdout).unwrap(), include_str!("../docs/check.md"));
    let options: Vec<&str> = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2).collect();
    assert!(options.len() > 9, "{help}");
    for option in options.iter().map(|word| word.trim_end_matches([',', '.'])).filter(|option| *option != "--help") {
        assert!(page.contains(&format!("`{option}")) || page.contains(&format!(" {option} ")), "{option} is not in docs/check.md");
    }
    for format in ["text", "json", "codequality", "sarif", "junit", "html"] {
        assert!(page.contains(&format!("`{format}`")) && help.contains(format), "{format}");
    }
    for code in ["0", "2", "64", "66", "70", "71"] {
        assert!(page.contains(&format!("| {code} |")), "{code}");
    }
}
