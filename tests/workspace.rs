//! A workspace is handed over and taken back: what did not change is not a change, whatever a checkout looks like.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{fs, time::Duration};

use support::repo::{Scene, limits, run_git, try_git};
use tidewaiter::{exit::Exit, git::Mode, workspace};

fn no_change(scene: &Scene) {
    let given = scene.hand_over();
    let candidate = given.inspect().unwrap();
    assert_eq!(candidate.change.facts(), [], "an agent that did nothing");
    assert_eq!(candidate.tree, given.manifest.tree);
    let status = given.git(&["status", "--porcelain", "--ignore-submodules=all"]);
    assert_eq!(status.lines().filter(|line| !line.starts_with("??")).count(), 0, "the agent's own git sees: {status}");
}

/// The other half of each case: a change of one file is that change and no other.
fn one_change(scene: &Scene, path: &str) {
    let given = scene.hand_over();
    given.write(path, "changed\n");
    let candidate = given.inspect().unwrap();
    let paths: Vec<_> = candidate.change.facts().iter().map(|fact| String::from_utf8_lossy(&fact.path).into_owned()).collect();
    assert_eq!(paths, [path]);
}

#[test]
fn doing_nothing_in_a_plain_checkout() {
    let scene = Scene::plain();
    std::os::unix::fs::symlink("README.md", scene.checkout().join("link")).unwrap();
    scene.commit("a link");
    no_change(&scene);
}

#[test]
fn doing_nothing_where_files_were_smudged() {
    let mut scene = Scene::empty();
    // What `git lfs install` configures, done by sed: the work tree's bytes are not the blob's.
    scene.config = ["filter.lfs.clean=sed s/big/pointer/", "filter.lfs.smudge=sed s/pointer/big/"].map(str::to_owned).to_vec();
    scene.write(".gitattributes", "*.bin filter=lfs -text\n");
    scene.write("a.bin", "big content\n");
    scene.write("b.txt", "text\n");
    scene.commit("first");
    assert!(scene.git(&["show", "HEAD:a.bin"]).contains("pointer") && scene.git(&["status", "--porcelain"]).is_empty());
    no_change(&scene);
    fs::remove_dir_all(scene.workspace()).unwrap();
    one_change(&scene, "b.txt");
}

#[test]
fn doing_nothing_where_lines_end_in_crlf() {
    let scene = Scene::empty();
    scene.write(".gitattributes", "*.txt text eol=crlf\n*.auto text=auto\n");
    scene.write("a.txt", "one\r\ntwo\r\n");
    scene.write("raw.auto", "x\r\n");
    scene.commit("first");
    assert_eq!(scene.git(&["show", "HEAD:a.txt"]), "one\ntwo\n");
    no_change(&scene);
    fs::remove_dir_all(scene.workspace()).unwrap();
    // A change of such a file is converted as git would.
    let given = scene.hand_over();
    given.write("a.txt", "one\r\nthree\r\n");
    let candidate = given.inspect().unwrap();
    assert_eq!(given.repository.blob(candidate.change.facts()[0].new.unwrap().id, 100).unwrap(), b"one\nthree\n");
}

#[test]
fn doing_nothing_where_files_are_utf16() {
    let scene = Scene::empty();
    scene.write(".gitattributes", "*.rc text working-tree-encoding=UTF-16\n");
    let utf16: Vec<u8> = "\u{feff}one\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    scene.write("a.rc", &utf16);
    scene.write("b.txt", "x\n");
    scene.commit("first");
    assert_eq!(scene.git(&["show", "HEAD:a.rc"]), "one\n");
    no_change(&scene);
    fs::remove_dir_all(scene.workspace()).unwrap();
    one_change(&scene, "b.txt");
}

#[test]
fn doing_nothing_with_a_submodule() {
    let scene = Scene::plain();
    scene.add_submodule();
    let given = scene.hand_over();
    assert!(given.path("sub/inner.txt").exists(), "the agent can build with it");
    assert!(!given.path("sub/.git").exists(), "and has no repository there");
    assert!(given.inspect().unwrap().change.is_empty());
    // What happens inside is not looked at and does not leave; the place itself is.
    given.write("sub/inner.txt", "changed");
    given.write("sub/.git", "gitdir: /nonexistent");
    assert!(given.inspect().unwrap().change.is_empty());
    given.remove("sub");
    assert_eq!(given.rules(), ["mode/gitlink=deny"]);
    given.write("sub", "a file");
    assert_eq!(given.rules(), ["mode/gitlink=deny"]);
}

#[test]
fn doing_nothing_in_a_submodule_that_was_not_fetched() {
    let scene = Scene::plain();
    scene.add_submodule();
    scene.git(&["submodule", "--quiet", "deinit", "-f", "sub"]);
    no_change(&scene);
}

#[test]
fn doing_nothing_in_a_sparse_checkout() {
    let scene = Scene::plain();
    scene.write("big/data.txt", "data\n");
    scene.commit("second");
    scene.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/big/"]);
    assert!(!scene.checkout().join("big").exists());
    no_change(&scene);
    fs::remove_dir_all(scene.workspace()).unwrap();
    let given = scene.hand_over();
    given.write("big", "a file where the folder would be");
    let candidate = given.inspect().unwrap();
    let paths: Vec<_> = candidate.change.facts().iter().map(|fact| fact.path.as_slice()).collect();
    assert_eq!(paths, [&b"big"[..], b"big/data.txt"], "what it displaces is part of the change");
}

#[test]
fn doing_nothing_in_a_shallow_and_partial_clone() {
    let scene = Scene::plain();
    for n in 0..30 {
        scene.write("n.txt", n.to_string());
        scene.commit("more");
    }
    run_git(&scene.checkout(), &["config", "uploadpack.allowFilter", "true"]);
    let clone = Scene::empty();
    fs::remove_dir_all(clone.checkout()).unwrap();
    let from = format!("file://{}", scene.checkout().display());
    run_git(clone.path(), &["clone", "-q", "--depth=20", "--filter=blob:none", &from, "checkout"]);
    assert!(clone.checkout().join(".git/shallow").exists());
    no_change(&clone);
    let count = run_git(&clone.workspace(), &["rev-list", "--count", "HEAD"]);
    assert_eq!(count.trim(), "20", "the agent's repository ends where the checkout's does");
}

#[test]
fn untracked_files_are_handed_over_and_are_no_change() {
    let scene = Scene::plain();
    scene.write("cache/tool", "from the runner's cache");
    no_change(&scene);
}

#[test]
fn new_files_are_added_and_ignored_ones_are_told() {
    let scene = Scene::plain();
    scene.write(".gitignore", "target/\n*.log\n");
    scene.commit("ignore");
    let given = scene.hand_over();
    given.write("new.txt", "new\n");
    given.write("target/debug/x", "built");
    given.write("deep/a.log", "log");
    // The agent's own rules do not hide what it makes.
    given.write("sub/.gitignore", "*\n");
    given.write("sub/hidden.txt", "hidden\n");
    let change = given.inspect().unwrap().change;
    let paths: Vec<_> = change.facts().iter().map(|fact| String::from_utf8_lossy(&fact.path).into_owned()).collect();
    assert_eq!(paths, ["new.txt", "sub/.gitignore", "sub/hidden.txt"]);
    let ignored: Vec<_> = change.ignored().iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    assert_eq!(ignored, ["deep/a.log", "target/debug/x"]);
}

#[test]
fn the_tree_is_what_git_itself_would_make() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.write("src/main.rs", "fn main() { }\n");
    given.write("src/a/b.rs", "new\n");
    given.remove("README.md");
    given.write("README.md/now a folder", "x\n");
    given.chmod("src/main.rs", 0o755);
    given.link("src/link", "main.rs");
    let candidate = given.inspect().unwrap();
    given.git(&["add", "-A"]);
    assert_eq!(candidate.tree.to_string(), given.git(&["write-tree"]).trim());
    assert_eq!(candidate.change.after()[&b"src/main.rs".to_vec()].mode, Mode::Executable);
}

/// Trees that git once wrote in another form than it would today: with an empty folder, which no index knows.
#[test]
fn a_base_in_an_odd_form_is_a_base_all_the_same() {
    let scene = Scene::plain();
    let script = r#"empty=$(git mktree </dev/null) && { git ls-tree HEAD; printf '040000 tree %s\tvoid\n' $empty; } | git mktree"#;
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(scene.checkout()).output().unwrap();
    let tree = String::from_utf8(made.stdout).unwrap();
    let commit = scene.git(&["-c", "user.name=A", "-c", "user.email=a@localhost", "commit-tree", tree.trim(), "-m", "odd"]);
    scene.git(&["reset", "-q", "--hard", commit.trim()]);
    let given = scene.hand_over();
    assert_eq!(given.inspect().unwrap().tree.to_string(), tree.trim(), "nothing changed");
    given.write("src/main.rs", "changed\n");
    let candidate = given.inspect().unwrap();
    assert_eq!(candidate.change.facts().len(), 1);
    given.git(&["add", "-A"]);
    assert_eq!(candidate.tree.to_string(), given.git(&["write-tree"]).trim());
    assert_eq!(&given.repository.list(candidate.tree).unwrap(), candidate.change.after());
}

#[test]
fn the_agents_index_and_replacements_are_not_believed() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.write("src/main.rs", "changed\n");
    given.git(&["update-index", "--assume-unchanged", "src/main.rs"]);
    let blob = given.git(&["hash-object", "-w", "README.md"]);
    let old = given.git(&["rev-parse", "HEAD:src/main.rs"]);
    given.git(&["replace", old.trim(), blob.trim()]);
    assert!(given.git(&["status", "--porcelain"]).is_empty(), "its own git is blind to it");
    assert_eq!(given.inspect().unwrap().change.facts().len(), 1);
}

/// Planted programs: each writes the marker when anything runs it.
#[test]
fn nothing_planted_runs_when_the_workspace_is_inspected() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    let marker = scene.path().join("marker");
    let program = scene.path().join("planted.sh");
    fs::write(&program, format!("#!/bin/sh\necho ran >> {}\ncat 2>/dev/null\n", marker.display())).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "diff.x.textconv",
        "diff.external",
        "gpg.program",
        "credential.helper",
        "core.askPass",
    ] {
        given.git(&["config", key, program]);
    }
    given.git(&["config", "commit.gpgSign", "true"]);
    for hook in ["post-index-change", "pre-commit", "post-checkout", "reference-transaction", "pre-push", "post-commit"] {
        let to = given.path(".git/hooks").join(hook);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(program, to).unwrap();
    }
    given.write(".gitattributes", "* filter=x diff=x\n");
    given.write(".git/info/attributes", "* filter=x diff=x\n");
    given.write("src/main.rs", "changed\n");
    // A nested repository with the same plants.
    fs::create_dir(given.path("nested")).unwrap();
    run_git(&given.path("nested"), &["init", "-q"]);
    run_git(&given.path("nested"), &["config", "core.fsmonitor", program]);
    let _ = fs::remove_file(&marker);
    let candidate = given.inspect().unwrap();
    let found = given.rules();
    assert!(!marker.exists(), "a planted program ran during the inspection");
    assert!(candidate.change.repository_touched());
    for rule in ["git/repository=warn", "git/attributes=deny", "git/directory=block"] {
        assert!(found.iter().any(|found| found == rule), "{rule} in {found:?}");
    }
    // The other half: git as anybody would call it does run them.
    for arguments in [&["status"][..], &["add", "src"]] {
        let _ = fs::remove_file(&marker);
        try_git(&scene.workspace(), arguments);
        assert!(marker.exists(), "git {arguments:?} runs what is planted");
    }
}

#[test]
fn the_repository_may_be_gone_or_anything() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.remove(".git");
    given.link(".git", "/etc");
    let candidate = given.inspect().unwrap();
    assert!(candidate.change.is_empty() && candidate.change.repository_touched());
}

#[test]
fn what_cannot_be_read_or_counted_is_an_error_and_no_pass() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.write("a/b/c/d", "x");
    for (limits, what) in [
        (workspace::Limits { entries: 3, ..limits() }, "entries"),
        (workspace::Limits { bytes: 3, ..limits() }, "bytes"),
        (workspace::Limits { depth: 1, ..limits() }, "folders"),
        (workspace::Limits::within(Duration::ZERO), "too long"),
    ] {
        let error = given.inspect_within(limits).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.exit(), Exit::Uninspected);
    }
    assert!(given.inspect().is_ok());
    let sparse = fs::File::create(given.path("huge")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    assert_eq!(given.inspect().unwrap_err().exit(), Exit::Uninspected);
    given.remove("huge");
    if nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: an unreadable folder (root reads everything)");
        return;
    }
    given.chmod("a", 0o000);
    assert_eq!(given.inspect().unwrap_err().exit(), Exit::Uninspected);
    given.chmod("a", 0o755);
}

#[test]
fn the_manifest_survives_being_written() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    let file = scene.path().join("manifest");
    given.manifest.save(&file).unwrap();
    let loaded = workspace::Manifest::load(&file).unwrap();
    assert_eq!(loaded.files, given.manifest.files);
    assert_eq!((loaded.tree, loaded.owner, loaded.config), (given.manifest.tree, given.manifest.owner, given.manifest.config));
    fs::write(&file, "{}").unwrap();
    assert!(workspace::Manifest::load(&file).is_err());
}

#[test]
fn the_checkout_is_not_touched() {
    let scene = Scene::plain();
    let sum = |scene: &Scene| {
        String::from_utf8(
            std::process::Command::new("sh")
                .args(["-c", "find . -type f | sort | xargs sha256sum"])
                .current_dir(scene.checkout())
                .output()
                .unwrap()
                .stdout,
        )
        .unwrap()
    };
    let before = sum(&scene);
    let given = scene.hand_over();
    given.write("README.md", "changed");
    given.inspect().unwrap();
    assert_eq!(before, sum(&scene));
}

#[test]
fn a_large_tree_is_hashed_in_reasonable_time() {
    let scene = Scene::empty();
    for n in 0..2000 {
        scene.write(&format!("d{}/f{n}", n % 50), n.to_string());
    }
    scene.commit("many");
    no_change(&scene);
}

#[test]
fn a_file_replaced_by_a_folder_is_gone() {
    let scene = Scene::plain();
    scene.write(".gitignore", "*.log\n");
    scene.commit("ignore");
    let given = scene.hand_over();
    given.remove("README.md");
    given.write("README.md/only.log", "ignored");
    let change = given.inspect().unwrap().change;
    assert_eq!(change.facts().len(), 1);
    assert_eq!((change.facts()[0].path.as_slice(), change.facts()[0].new), (&b"README.md"[..], None));
}

#[test]
fn the_same_bytes_may_stand_at_many_places() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    for path in ["copy.md", "again.md", "empty", "empty2"] {
        given.write(path, if path.starts_with("empty") { "" } else { "hello\n" });
    }
    let change = given.inspect().unwrap().change;
    assert_eq!(change.facts().len(), 4);
    assert_eq!(change.after()[&b"copy.md".to_vec()].id, change.after()[&b"README.md".to_vec()].id);
}

#[test]
fn the_workspace_belongs_to_the_agent() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: giving the workspace to another uid (needs root)");
        return;
    }
    let scene = Scene::plain();
    std::os::unix::fs::symlink("README.md", scene.checkout().join("link")).unwrap();
    scene.commit("a link");
    let before = fs::metadata(scene.checkout().join("README.md")).unwrap();
    let (repository, checkout) = (scene.repository(), tidewaiter::git::Checkout::open(&scene.checkout()).unwrap());
    let options = workspace::Options { owner: Some((12345, 12346)), limits: limits() };
    let manifest = workspace::make(&checkout, &repository, &scene.workspace(), &options).unwrap();
    let foreign = std::process::Command::new("find").arg(scene.workspace()).args(["!", "-uid", "12345"]).output().unwrap();
    assert!(foreign.stdout.is_empty(), "{}", String::from_utf8_lossy(&foreign.stdout));
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(fs::metadata(scene.checkout().join("README.md")).unwrap().uid(), before.uid(), "no link was followed");
    let candidate = workspace::candidate(&manifest, &scene.workspace(), &repository, limits(), tidewaiter::gate::CI_CONFIG).unwrap();
    assert!(candidate.change.is_empty());
}
