//! Properties that hold of any input, tried with thousands of made ones: the matchers against slow references, the canonical
//! form of paths against other spellings, and the difference of two trees against git's own.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use tidewaiter::{
    gate::{CI_CONFIG, Change},
    git::{Mode, Tree},
};

use super::{support::repo::Scene, targets::gate};

/// The same numbers in each run (xorshift, George Marsaglia, "Xorshift RNGs").
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    /// Up to `most` of `parts`, one after the other.
    fn text(&mut self, parts: &[&[u8]], most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).flat_map(|_| parts[self.below(parts.len())].to_vec()).collect()
    }
}

const LETTERS: [&[u8]; 14] = [
    b"a",
    b"b",
    b"A",
    b"/",
    b"/",
    b".",
    b"ss",
    "é".as_bytes(),
    "É".as_bytes(),
    b"e",
    "\u{301}".as_bytes(),
    "ß".as_bytes(),
    b"\xff",
    b"\xc3",
];

#[test]
fn patterns_match_what_the_slow_reference_matches() {
    let mut dice = Dice(1);
    let signs: Vec<&[u8]> = LETTERS[..12].iter().copied().chain([&b"*"[..], b"*", b"?", b"/**/", b"**/", b"/**", b"a/", b"/a"]).collect();
    for _ in 0..60_000 {
        let (pattern, path) = (dice.text(&signs, 6), dice.text(&LETTERS, 7));
        gate::glob(&[&pattern, &b"\n"[..], &path].concat());
    }
}

#[test]
fn every_spelling_of_a_path_has_one_canonical_form() {
    let mut dice = Dice(2);
    let more: [&[u8]; 12] = [
        b".git",
        b"GIT~1",
        b".",
        b" ",
        b":",
        b"\\",
        "İ".as_bytes(),
        "ς".as_bytes(),
        "\u{345}".as_bytes(),
        "ŉ".as_bytes(),
        "\u{200d}".as_bytes(),
        "한".as_bytes(),
    ];
    let parts: Vec<&[u8]> = LETTERS[..12].iter().chain(&more).copied().collect();
    (0..40_000).for_each(|_| gate::path(&dice.text(&parts, 8)));
}

/// Writes `tree` with git alone, and gives its name.
fn write(scene: &Scene, tree: &Tree) -> String {
    let index = scene.path().join("index");
    let _ = std::fs::remove_file(&index);
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(scene.checkout()).env("GIT_INDEX_FILE", &index).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut child = git(&["-c", "core.ignoreCase=false", "update-index", "-z", "--index-info"]);
    for (path, entry) in tree {
        let record = [format!("{} {}\t", entry.mode.octal(), entry.id).as_bytes(), path, b"\0"].concat();
        child.stdin.as_mut().unwrap().write_all(&record).unwrap();
    }
    assert!(child.wait_with_output().unwrap().status.success());
    let output = git(&["write-tree", "--missing-ok"]).wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What `git diff-tree` tells of two trees: path, old mode and object, new mode and object.
fn told_by_git(scene: &Scene, before: &str, after: &str) -> Vec<(Vec<u8>, [String; 4])> {
    let arguments = ["diff-tree", "-r", "-z", "--raw", "--full-index", "--no-renames", before, after];
    let output = Command::new("git").current_dir(scene.checkout()).args(arguments).output().unwrap();
    let fields: Vec<&[u8]> = output.stdout.split(|b| *b == 0).collect();
    let pair = |pair: &[&[u8]]| {
        let words: Vec<&str> = str::from_utf8(pair[0]).unwrap().trim_start_matches(':').split(' ').collect();
        (pair[1].to_vec(), [words[0], words[2], words[1], words[3]].map(str::to_owned))
    };
    fields.chunks_exact(2).map(pair).collect()
}

#[test]
fn two_trees_differ_where_git_says_that_they_do() {
    let (scene, mut dice, mut total) = (Scene::plain(), Dice(3), 0);
    let repository = scene.repository();
    let none = || ("000000".to_owned(), "0".repeat(40));
    for _ in 0..60 {
        let bytes: Vec<u8> = (0..3 * dice.below(16)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
        let (before, after) = gate::trees(&bytes);
        let (old, new) = (write(&scene, &before), write(&scene, &after));
        let change = Change::between(&repository, old.parse().unwrap(), new.parse().unwrap(), vec![], CI_CONFIG).unwrap();
        let told = change.facts().iter().map(|fact| {
            let side = |entry: Option<tidewaiter::git::Entry>| entry.map_or_else(none, |entry| (entry.mode.octal(), entry.id.to_string()));
            let (old, new) = (side(fact.old), side(fact.new));
            (fact.path.clone(), [old.0, old.1, new.0, new.1])
        });
        let mut expected = told_by_git(&scene, &old, &new);
        // Git sorts a folder as if its name ended with a slash.
        expected.sort();
        assert_eq!(told.collect::<Vec<_>>(), expected, "{old} {new}");
        total += expected.len();
    }
    assert!(total > 200, "{total}");
}

#[test]
fn modes_of_old_repositories_differ_where_git_says_that_they_do() {
    let scene = Scene::plain();
    let repository = scene.repository();
    let blob = scene.git(&["rev-parse", "HEAD:README.md"]);
    let tree = |mode: &str| {
        let mut child = Command::new("git")
            .current_dir(scene.checkout())
            .args(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let id: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()).collect();
        child.stdin.take().unwrap().write_all(&[format!("{mode} a\0").as_bytes(), &id].concat()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let modes = ["100644", "100664", "100600", "100755", "100775"];
    for (old, new) in modes.iter().flat_map(|old| modes.map(|new| (*old, new))) {
        let (before, after) = (tree(old), tree(new));
        let change = Change::between(&repository, before.parse().unwrap(), after.parse().unwrap(), vec![], CI_CONFIG).unwrap();
        let ours: Vec<Option<Mode>> = change.facts().iter().map(|fact| fact.new.map(|entry| entry.mode)).collect();
        assert_eq!(ours.len(), told_by_git(&scene, &before, &after).len(), "{old} {new}");
    }
}
