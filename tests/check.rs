//! `check`: the gate alone, over branches, tags and work trees of a developer's repository.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, process::Command};

use serde_json::Value;
use support::repo::{Scene, known, policy_of, rules, run_git};
use tidewaiter::{
    check::{self, Target},
    exit::Exit,
    gate::CI_CONFIG,
};

fn scene() -> Scene {
    let scene = Scene::plain();
    scene.write(".gitlab-ci.yml", "build: {script: make}\n");
    scene.commit("with CI");
    scene
}

#[test]
fn a_submodule_is_not_slipped_in() {
    let scene = scene();
    scene.git(&["checkout", "-q", "-b", "side"]);
    let commit = scene.git(&["rev-parse", "HEAD"]);
    scene.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", commit.trim())]);
    scene.git(&["commit", "-q", "-m", "gitlink"]);
    assert_eq!(check_rules(&scene, "main", Target::Head("side".into())), ["mode/gitlink=deny"]);
}

fn check_rules(scene: &Scene, base: &str, target: Target) -> Vec<String> {
    check_rules_by(scene, base, target, "version = 1\n")
}

fn check_rules_by(scene: &Scene, base: &str, target: Target, policy: &str) -> Vec<String> {
    let policy = policy_of(policy);
    let known = known();
    let options = check::Options {
        repository: scene.checkout(),
        base: base.into(),
        target,
        policy: &policy,
        known: &known,
        ci_config: CI_CONFIG.into(),
    };
    rules(&check::check(&options, false).unwrap().judgement)
}

#[test]
fn check_judges_branches_tags_and_the_work_tree() {
    let scene = scene();
    scene.git(&["tag", "-a", "v1", "-m", "tag"]);
    scene.git(&["checkout", "-q", "-b", "side"]);
    scene.write(".gitlab-ci.yml", "evil: {script: x}\n");
    scene.commit("evil");
    assert_eq!(check_rules(&scene, "main", Target::Head("side".into())), ["ci/config=deny"]);
    assert_eq!(check_rules(&scene, "v1", Target::Head("HEAD".into())), ["ci/config=deny"]);
    assert!(check_rules(&scene, "HEAD", Target::Head("HEAD".into())).is_empty());
    assert!(check_rules(&scene, "HEAD~1", Target::Head("main".into())).is_empty());
    scene.git(&["pack-refs", "--all"]);
    assert_eq!(check_rules(&scene, "refs/tags/v1", Target::Worktree), ["ci/config=deny"]);
    assert!(check_rules(&scene, "side", Target::Worktree).is_empty());
    scene.write(".envrc", "x");
    assert_eq!(check_rules(&scene, "side", Target::Worktree), ["editor/control=deny"]);
}

#[test]
fn check_sees_no_change_in_converted_files() {
    let mut scene = scene();
    scene.config = ["filter.lfs.clean=sed s/big/pointer/", "filter.lfs.smudge=sed s/pointer/big/"].map(str::to_owned).to_vec();
    scene.write(".gitattributes", "*.txt text eol=crlf\n*.rc text working-tree-encoding=UTF-16\n*.id ident\n");
    scene.write("a.txt", "one\r\n");
    scene.write("a.id", "$Id$\n");
    let utf16: Vec<u8> = "\u{feff}one\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    scene.write("a.rc", utf16);
    scene.commit("conversions");
    fs::remove_file(scene.checkout().join("a.id")).unwrap();
    scene.git(&["checkout", "-q", "--", "a.id"]);
    assert!(fs::read_to_string(scene.checkout().join("a.id")).unwrap().contains("$Id: "));
    assert!(check_rules(&scene, "main", Target::Worktree).is_empty());
    scene.write("a.rc", "other");
    assert_eq!(check_rules(&scene, "main", Target::Worktree), ["content/encoding=deny"]);
}

#[test]
fn check_knows_the_pointers_of_lfs() {
    let scene = scene();
    let content = "large content\n";
    let digest = tidewaiter::digest::Digest::of(content);
    scene.write("a.bin", format!("version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {}\n", content.len()));
    scene.commit("pointer");
    scene.write(".gitattributes", "*.bin filter=lfs -text\n");
    scene.git(&["add", ".gitattributes"]);
    scene.git(&["commit", "-q", "-m", "attributes"]);
    assert!(check_rules(&scene, "main", Target::Worktree).is_empty(), "the pointer itself");
    scene.write("a.bin", content);
    assert!(check_rules(&scene, "main", Target::Worktree).is_empty(), "what it points to");
    scene.write("a.bin", "Large content\n");
    assert_eq!(check_rules(&scene, "main", Target::Worktree), ["content/lfs=block"]);
    assert!(check_rules_by(&scene, "main", Target::Worktree, ALLOWED).is_empty());
}

const ALLOWED: &str = "version = 1\n[changes]\nlfs = true\n";

/// As `git add` with Git LFS leaves it: a pointer in the tree, the object in its store.
#[test]
fn check_judges_what_stands_behind_the_pointers_of_commits() {
    let scene = scene();
    scene.write(".gitattributes", "*.bin filter=lfs -text\n");
    scene.commit("attributes");
    let content = format!("token = {}\n", support::repo::SECRET);
    let digest = tidewaiter::digest::Digest::of(&content);
    let hex = digest.hex();
    let store = format!(".git/lfs/objects/{}/{}/{hex}", &hex[..2], &hex[2..4]);
    scene.write("a.bin", format!("version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {}\n", content.len()));
    scene.git(&["add", "a.bin"]);
    let staged = scene.git(&["write-tree"]);
    let judged = |policy: &str| check_rules_by(&scene, "main", Target::Head(staged.trim().into()), policy);
    assert_eq!(judged(ALLOWED), ["content/lfs=block"], "what was not fetched was not looked at");
    scene.write(&store, &content);
    assert_eq!(judged(ALLOWED), ["secret/known=block"]);
    assert_eq!(judged("version = 1\n"), ["content/lfs=block", "secret/known=block"]);
    // Not what its name says.
    scene.write(&store, content.replace("token", "taken"));
    assert_eq!(judged(ALLOWED), ["content/lfs=block"]);
    let aside = scene.path().join("aside");
    fs::write(&aside, &content).unwrap();
    fs::remove_file(scene.checkout().join(&store)).unwrap();
    std::os::unix::fs::symlink(&aside, scene.checkout().join(&store)).unwrap();
    assert_eq!(judged(ALLOWED), ["content/lfs=block"]);
}

#[test]
fn check_reads_linked_work_trees() {
    let scene = scene();
    let linked = scene.path().join("linked");
    scene.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    fs::write(linked.join("CODEOWNERS"), "x").unwrap();
    run_git(&linked, &["add", "-A"]);
    run_git(&linked, &["commit", "-q", "-m", "x"]);
    let (policy, known) = (policy_of("version = 1\n"), known());
    let options = check::Options {
        repository: linked,
        base: "main".into(),
        target: Target::Head("HEAD".into()),
        policy: &policy,
        known: &known,
        ci_config: CI_CONFIG.into(),
    };
    assert_eq!(rules(&check::check(&options, false).unwrap().judgement), ["gitlab/config=deny"]);
}

#[test]
fn check_believes_no_replacement_and_no_configuration() {
    let scene = scene();
    let marker = scene.path().join("marker");
    scene.git(&["checkout", "-q", "-b", "side"]);
    scene.write(".envrc", "x");
    scene.commit("evil");
    let (bad, good) = (scene.git(&["rev-parse", "side"]), scene.git(&["rev-parse", "main"]));
    scene.git(&["replace", bad.trim(), good.trim()]);
    for key in ["core.fsmonitor", "core.sshCommand", "diff.external", "core.alternateRefsCommand"] {
        scene.git(&["config", key, &format!("touch {}", marker.display())]);
    }
    assert!(scene.git(&["diff", "--no-ext-diff", "main", "side"]).is_empty(), "plain git believes it");
    let _ = fs::remove_file(&marker);
    assert_eq!(check_rules(&scene, "main", Target::Head("side".into())), ["editor/control=deny"]);
    assert_eq!(check_rules(&scene, "main", Target::Worktree), ["editor/control=deny"]);
    assert!(!marker.exists());
}

#[test]
fn what_check_cannot_use_has_its_own_exit_code() {
    let scene = scene();
    let (policy, known) = (policy_of("version = 1\n"), known());
    let ask = |repository: std::path::PathBuf, base: &str| {
        let options = check::Options {
            repository,
            base: base.into(),
            target: Target::Worktree,
            policy: &policy,
            known: &known,
            ci_config: CI_CONFIG.into(),
        };
        check::check(&options, false).unwrap_err()
    };
    for base in ["no-such-branch", "", "--help", "HEAD:README.md", "a\nb"] {
        let error = ask(scene.checkout(), base);
        assert_eq!(error.exit(), Exit::Usage, "{base}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
    assert_eq!(ask(scene.path().to_owned(), "main").exit(), Exit::Usage);
    let sha256 = scene.path().join("sha256");
    fs::create_dir(&sha256).unwrap();
    run_git(&sha256, &["init", "-q", "--object-format=sha256"]);
    run_git(&sha256, &["commit", "-q", "--allow-empty", "-m", "x"]);
    let error = ask(sha256, "HEAD");
    assert!(error.to_string().contains("SHA-256"), "{error}");
}

/// `tidewaiter check` in the scene's checkout: its exit code and what it printed.
fn tidewaiter(scene: &Scene, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewaiter"));
    let output = command.arg("check").args(arguments).current_dir(scene.checkout()).output().unwrap();
    (output.status.code(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_policy_of_the_base_holds_and_that_of_the_change_does_not() {
    let scene = scene();
    scene.write("tidewaiter.toml", "version = 1\n[changes]\nprotect = [\"src/**\"]\n");
    scene.commit("policy");
    scene.git(&["checkout", "-q", "-b", "side"]);
    scene.write("tidewaiter.toml", "version = 1\n");
    scene.write("src/main.rs", "fn main() { work() }\n");
    scene.commit("work");
    let (code, said) = tidewaiter(&scene, &["--base", "main", "--base-policy", "tidewaiter.toml"]);
    assert_eq!(code, Some(66), "{said}");
    assert!(said.contains("main:tidewaiter.toml:3: changes.protect"), "{said}");
    assert_eq!(tidewaiter(&scene, &["--base", "main"]).0, Some(0), "without it");
    let (code, said) = tidewaiter(&scene, &["--base", "main", "--base-policy", "nowhere.toml"]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("main:nowhere.toml is no policy"), "{said}");
}

#[test]
fn a_tree_that_is_about_to_be_committed_can_be_judged() {
    let scene = scene();
    scene.write(".gitlab-ci.yml", "evil: {script: x}\n");
    scene.git(&["add", "-A"]);
    scene.write(".gitlab-ci.yml", "build: {script: make}\n");
    let staged = scene.git(&["write-tree"]);
    assert_eq!(tidewaiter(&scene, &["--base", "HEAD", "--head", staged.trim()]).0, Some(66));
    assert_eq!(tidewaiter(&scene, &["--base", "HEAD", "--worktree"]).0, Some(0));
}

#[test]
fn facts_are_what_their_schema_says() {
    let scene = scene();
    let name = OsStr::from_bytes(b"src/\xff.txt");
    fs::write(scene.checkout().join(name), "x").unwrap();
    fs::remove_file(scene.checkout().join("README.md")).unwrap();
    scene.make_executable("src/main.rs");
    std::os::unix::fs::symlink("/etc", scene.checkout().join("out")).unwrap();
    nix::unistd::mkfifo(&scene.checkout().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (code, said) = tidewaiter(&scene, &["--base", "HEAD", "--worktree", "--facts"]);
    assert_eq!(code, Some(66));
    let facts: Value = serde_json::from_str(&said).unwrap();
    let of = |path: &str| facts["files"].as_array().unwrap().iter().find(|file| file["path"] == path).unwrap().clone();
    assert_eq!(of("README.md")["operation"], "delete");
    assert_eq!((&of("src/main.rs")["operation"], &of("src/main.rs")["new"]["mode"]), (&"mode".into(), &"100755".into()));
    assert_eq!(of("out")["new"]["kind"], "symlink");
    assert_eq!(of("src/\\xff.txt")["path_base64"], "c3JjL/8udHh0");
    assert_eq!(of("fifo")["oddity"]["Special"], "a FIFO");
    assert_eq!(facts["verdict"]["decision"], "deny");
    let schema: Value = serde_json::from_str(include_str!("../docs/facts.schema.json")).unwrap();
    support::schema::validate("facts", &facts, &schema);
}

/// The hooks as docs/check.md shows them: pre-commit, pre-push.
fn hooks() -> Vec<String> {
    let page = include_str!("../docs/check.md");
    page.split("```sh\n").skip(1).map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_hooks_of_the_documentation_hold_back_commits_and_pushes() {
    let scene = scene();
    let remote = scene.path().join("remote.git");
    run_git(scene.path(), &["init", "-q", "--bare", "-b", "main", remote.to_str().unwrap()]);
    scene.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    scene.git(&["push", "-q", "origin", "main"]);
    scene.git(&["remote", "set-head", "origin", "main"]);
    for (name, text) in ["pre-commit", "pre-push"].into_iter().zip(hooks()) {
        let text = text.replace("tidewaiter check", &format!("{} check", env!("CARGO_BIN_EXE_tidewaiter")));
        scene.write(&format!(".git/hooks/{name}"), text);
        scene.make_executable(&format!(".git/hooks/{name}"));
    }
    let refused = |arguments: &[&str]| {
        let output = support::repo::try_git(&scene.checkout(), arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || said.contains("ci/config"), "{said}");
        !output.status.success()
    };
    scene.git(&["checkout", "-q", "-b", "side"]);
    scene.write("src/main.rs", "fn main() { work() }\n");
    scene.git(&["add", "-A"]);
    assert!(!refused(&["commit", "-q", "-m", "work"]));
    assert!(!refused(&["push", "-q", "origin", "side"]));
    scene.write(".gitlab-ci.yml", "evil: {script: x}\n");
    scene.git(&["add", "-A"]);
    assert!(refused(&["commit", "-q", "-m", "evil"]));
    scene.git(&["commit", "-q", "--no-verify", "-m", "evil"]);
    assert!(refused(&["push", "-q", "origin", "side"]), "an old branch");
    assert!(refused(&["push", "-q", "origin", "HEAD:refs/heads/new"]), "a new branch");
    assert!(!refused(&["push", "-q", "origin", ":refs/heads/side"]), "a removed branch");
}
