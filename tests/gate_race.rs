//! A workspace that something still writes to: what is judged is what the tree holds, or there is no verdict.
//!
//! In a job every process of the agent is dead before its workspace is read; this shows that nothing depends on it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use support::repo::{Given, RACES, SECRET, Scene, known, limits, policy_of, run_git, try_git};
use tidewaiter::{
    exit::Exit,
    gate::{self, Terms},
    git::{Mode, Oid, Pointer, Repository},
};

/// Paths that the writer changes all the time, besides one that becomes other kinds of things.
const FILES: [&str; 4] = ["src/main.rs", "a/deep/folder/new.txt", "z.txt", "large.bin"];

/// Keeps changing files between harmless text and one with a secret, of the same size, in place and by renaming.
fn write_on(workspace: &Path, stop: &AtomicBool) {
    let secret = format!("let token = \"{SECRET}\";\n");
    let harmless = format!("let token = \"{}\";\n", "x".repeat(SECRET.len()));
    let aside = workspace.parent().unwrap().join("aside");
    for round in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        for (number, file) in (0..).zip(FILES) {
            let text = if (round + number) % 2 == 0 { &secret } else { &harmless };
            let _ = fs::create_dir_all(workspace.join(file).parent().unwrap());
            if round % 3 == 0 {
                let _ = fs::write(&aside, text).and_then(|()| fs::rename(&aside, workspace.join(file)));
            } else {
                let _ = fs::write(workspace.join(file), text);
            }
        }
        // Kinds change, and folders go.
        let shifting = workspace.join("shifting");
        let _ = fs::remove_file(&shifting).or_else(|_| fs::remove_dir_all(&shifting));
        let _ = match round % 4 {
            0 => symlink("README.md", &shifting),
            1 => fs::create_dir(&shifting).and_then(|()| fs::write(shifting.join("inner.txt"), &secret)),
            2 => fs::write(&shifting, &harmless),
            _ => fs::remove_dir_all(workspace.join("a")),
        };
        thread::sleep(Duration::from_micros(u64::from(round % 7) * 150));
    }
}

/// Runs `work` while a writer runs.
fn racing<T>(given: &Given<'_>, work: impl FnOnce() -> T) -> T {
    let (stop, workspace) = (AtomicBool::new(false), given.scene.workspace());
    thread::scope(|scope| {
        scope.spawn(|| write_on(&workspace, &stop));
        let made = work();
        stop.store(true, Ordering::Relaxed);
        made
    })
}

#[test]
fn the_judged_tree_is_what_was_judged_whoever_writes_meanwhile() {
    let runs = std::env::var(RACES).ok().and_then(|runs| runs.parse().ok()).unwrap_or(60);
    let scene = Scene::plain();
    scene.write(".gitattributes", "*.bin filter=lfs -text\n");
    scene.commit("attributes");
    let given = scene.hand_over();
    let (policy, known) = (policy_of("version = 1\n"), known());
    let (mut judged, mut with, mut moving, mut mismatches) = (0, 0, 0, 0);
    racing(&given, || {
        for _ in 0..runs {
            let candidate = match given.inspect() {
                Ok(candidate) => candidate,
                Err(error) => {
                    assert_eq!(error.exit(), Exit::Uninspected, "{error}");
                    moving += 1;
                    continue;
                }
            };
            let tree = candidate.tree;
            let terms = Terms::now(&policy.changes, &known, limits().deadline);
            let (change, judgement) = gate::inspect(candidate.change, &given.repository, &terms, None).unwrap();
            let found = judgement.verdict.findings.iter().any(|finding| finding.rule == "secret/known");
            // The tree as git itself has it, which is what a push would take.
            let files = given.repository.list(tree).unwrap();
            let blobs = files.values().filter(|entry| entry.mode != Mode::Gitlink);
            let holds = blobs.map(|entry| content(&given.repository, entry.id)).any(|bytes| has_secret(&bytes));
            mismatches += u32::from(found != holds || &files != change.after() || change.tree() != tree);
            mismatches += u32::from(judgement.passed().is_some_and(|passed| passed.tree() != tree || holds));
            judged += 1;
            with += u32::from(holds);
        }
    });
    println!("gate-corpus: racing writer, mismatches ({with} with a secret, {moving} without a verdict) | {mismatches}/{runs} | 0");
    assert!(mismatches == 0 && judged + moving == runs, "{mismatches} mismatches in {judged} judged trees");
    assert!(judged > 0 && with > 0, "the writer and the inspection met");
}

/// A blob, or the object that a push would upload before it.
fn content(repository: &Repository, id: Oid) -> Vec<u8> {
    let blob = repository.blob(id, 1 << 20).unwrap();
    Pointer::parse(&blob).map_or(blob, |pointer| repository.object_bytes(&pointer).unwrap())
}

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

/// The other half: look at the files, then have git add them.
#[test]
fn a_check_of_the_files_before_git_adds_them_misses_what_comes_between() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    let workspace = scene.workspace();
    let mut mismatches = 0;
    racing(&given, || {
        for _ in 0..60 {
            let checked = FILES.map(|file| fs::read(workspace.join(file)).is_ok_and(|bytes| has_secret(&bytes)));
            if !try_git(&workspace, &["add", "-A"]).status.success() {
                continue;
            }
            let tree = run_git(&workspace, &["write-tree"]);
            let added = FILES.map(|file| has_secret(&try_git(&workspace, &["cat-file", "-p", &format!("{}:{file}", tree.trim())]).stdout));
            mismatches += u32::from(checked != added);
        }
    });
    println!("gate-corpus: the same where git adds what was checked before | {mismatches}/60 | at least 1");
    assert!(mismatches > 0, "the race is no race");
}
