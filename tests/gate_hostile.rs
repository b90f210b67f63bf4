//! A workspace whose repository is hostile: nothing planted in it runs, and nothing is hidden by it. The other half of each
//! case is plain git, which runs the program, or does not see the change.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use support::{
    remote::{branch, commit_tree, remote, serve},
    repo::{Given, Scene, run_git, try_git},
};
use tidewaiter::git::Expect;

/// A program that a hostile repository has git run.
struct Plant {
    name: &'static str,
    /// Puts the program at the given path where git will run it.
    plant: fn(&Given<'_>, &str),
    /// What a person or a script would call; `URL` is the project's address.
    control: &'static [&'static [&'static str]],
}

fn config(given: &Given<'_>, settings: &[(&str, &str)]) {
    for (key, value) in settings {
        given.git(&["config", key, value]);
    }
}

/// A git directory with a configuration that runs `program`, somewhere in the workspace.
fn evil_directory(given: &Given<'_>, name: &str, program: &str) -> PathBuf {
    let dir = given.path(name);
    fs::create_dir_all(dir.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-a").arg(given.path(".git")).arg(&dir).status().unwrap();
    assert!(copied.success());
    run_git(&dir, &["config", "--file", "config", "core.fsmonitor", program]);
    dir
}

fn hostile_repository(folder: &Path, program: &str) {
    fs::create_dir_all(folder).unwrap();
    run_git(folder, &["init", "-q"]);
    fs::write(folder.join("inner.txt"), "inner\n").unwrap();
    run_git(folder, &["add", "-A"]);
    run_git(folder, &["commit", "-q", "-m", "inner"]);
    run_git(folder, &["config", "core.fsmonitor", program]);
}

const PLANTS: &[Plant] = &[
    Plant { name: "fsmonitor", plant: |given, program| config(given, &[("core.fsmonitor", program)]), control: &[&["status"]] },
    Plant {
        name: "hooks",
        plant: |given, program| {
            for hook in ["pre-commit", "post-commit", "post-index-change", "reference-transaction", "pre-push", "post-checkout"] {
                fs::create_dir_all(given.path(".git/hooks")).unwrap();
                fs::copy(program, given.path(".git/hooks").join(hook)).unwrap();
            }
        },
        control: &[&["commit", "-q", "-a", "-m", "x"]],
    },
    Plant {
        name: "hooks in another folder",
        plant: |given, program| {
            fs::create_dir(given.path("tools")).unwrap();
            fs::copy(program, given.path("tools/pre-commit")).unwrap();
            config(given, &[("core.hooksPath", "tools")]);
        },
        control: &[&["commit", "-q", "-a", "-m", "x"]],
    },
    Plant {
        name: "clean filter",
        plant: |given, program| {
            given.write(".gitattributes", "* filter=x\n");
            config(given, &[("filter.x.clean", program)]);
        },
        control: &[&["add", "-A"]],
    },
    Plant {
        name: "smudge filter",
        plant: |given, program| {
            given.write(".git/info/attributes", "* filter=x\n");
            config(given, &[("filter.x.smudge", program)]);
        },
        control: &[&["checkout", "--", "src/main.rs"]],
    },
    Plant {
        name: "filter process",
        plant: |given, program| {
            given.write(".gitattributes", "* filter=x\n");
            config(given, &[("filter.x.process", program)]);
        },
        control: &[&["add", "-A"]],
    },
    Plant {
        name: "textconv",
        plant: |given, program| {
            given.write(".gitattributes", "* diff=x\n");
            config(given, &[("diff.x.textconv", program)]);
        },
        control: &[&["diff"]],
    },
    Plant { name: "external diff", plant: |given, program| config(given, &[("diff.external", program)]), control: &[&["diff"]] },
    Plant {
        name: "diff driver of an attribute",
        plant: |given, program| {
            given.write(".git/info/attributes", "* diff=x\n");
            config(given, &[("diff.x.command", program)]);
        },
        control: &[&["diff"]],
    },
    Plant {
        name: "gpg program",
        plant: |given, program| config(given, &[("gpg.program", program), ("commit.gpgSign", "true")]),
        control: &[&["commit", "-q", "-a", "-m", "x"]],
    },
    Plant {
        name: "ext remote",
        plant: |given, program| {
            config(given, &[("remote.origin.url", &format!("ext::{program}")), ("protocol.ext.allow", "always")]);
        },
        control: &[&["fetch", "origin"]],
    },
    Plant {
        name: "address rewritten to an ext remote",
        plant: |given, program| {
            config(given, &[(&format!("url.ext::{program} .insteadOf"), "http://"), ("protocol.ext.allow", "always")]);
        },
        control: &[&["push", "URL", "HEAD:refs/heads/other"]],
    },
    Plant {
        name: "upload-pack of a remote",
        plant: |given, program| config(given, &[("remote.origin.url", "."), ("remote.origin.uploadpack", program)]),
        control: &[&["fetch", "origin"]],
    },
    Plant {
        name: "credential helper",
        plant: |given, program| config(given, &[("credential.helper", program)]),
        control: &[&["push", "URL", "HEAD:refs/heads/other"]],
    },
    Plant {
        name: "askpass",
        plant: |given, program| config(given, &[("core.askPass", program)]),
        control: &[&["push", "URL", "HEAD:refs/heads/other"]],
    },
    Plant {
        name: "ssh command",
        plant: |given, program| config(given, &[("core.sshCommand", program)]),
        control: &[&["fetch", "ssh://localhost/x"]],
    },
    Plant {
        name: "proxy of git's protocol",
        plant: |given, program| config(given, &[("core.gitProxy", program)]),
        control: &[&["fetch", "git://127.0.0.1:9/x"]],
    },
    Plant { name: "editor", plant: |given, program| config(given, &[("core.editor", program)]), control: &[&["commit", "-a"]] },
    Plant { name: "alias", plant: |given, program| config(given, &[("alias.st", &format!("!{program}"))]), control: &[&["st"]] },
    Plant {
        name: "include",
        plant: |given, program| {
            given.write("tools/evil.config", format!("[core]\n\tfsmonitor = {program}\n"));
            config(given, &[("include.path", "../tools/evil.config")]);
        },
        control: &[&["status"]],
    },
    Plant {
        name: "conditional include",
        plant: |given, program| {
            given.write("tools/evil.config", format!("[core]\n\tfsmonitor = {program}\n"));
            config(given, &[("includeIf.gitdir:**.path", "../tools/evil.config")]);
        },
        control: &[&["status"]],
    },
    Plant {
        name: "core.worktree",
        plant: |given, program| {
            given.write("elsewhere/.gitattributes", "* filter=x\n");
            given.write("elsewhere/README.md", "other\n");
            let elsewhere = given.path("elsewhere");
            config(given, &[("filter.x.clean", program), ("core.worktree", elsewhere.to_str().unwrap())]);
        },
        control: &[&["add", "-A"]],
    },
    Plant {
        name: "gitdir file",
        plant: |given, program| {
            let dir = evil_directory(given, "tools", program);
            given.remove(".git");
            given.write(".git", format!("gitdir: {}\n", dir.display()));
        },
        control: &[&["status"]],
    },
    Plant {
        name: "link in the place of .git",
        plant: |given, program| {
            evil_directory(given, "tools", program);
            given.remove(".git");
            given.link(".git", "tools");
        },
        control: &[&["status"]],
    },
    Plant {
        name: "commondir",
        plant: |given, program| {
            let dir = evil_directory(given, "tools", program);
            given.write(".git/commondir", format!("{}\n", dir.display()));
        },
        control: &[&["status"]],
    },
    Plant {
        name: "nested repository",
        plant: |given, program| hostile_repository(&given.path("nested"), program),
        control: &[&["-C", "nested", "status"]],
    },
    Plant {
        name: "bare repository in a folder",
        plant: |given, program| {
            evil_directory(given, "fixtures/repo", program);
            run_git(&given.path("fixtures/repo"), &["config", "--file", "config", "core.worktree", ".."]);
        },
        control: &[&["-C", "fixtures/repo", "status"]],
    },
    Plant {
        name: "submodule replaced by a hostile repository",
        plant: |given, program| {
            fs::remove_dir_all(given.path("sub")).unwrap();
            hostile_repository(&given.path("sub"), program);
        },
        control: &[&["status"]],
    },
    Plant {
        name: "promisor fetch",
        plant: |given, program| {
            config(
                given,
                &[("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin"), ("remote.origin.promisor", "true")],
            );
            config(given, &[("remote.origin.url", &format!("ext::{program}")), ("protocol.ext.allow", "always")]);
        },
        control: &[&["cat-file", "-p", "0123456789012345678901234567890123456789"]],
    },
];

/// A program that leaves a mark wherever it is called from.
fn canary(scene: &Scene) -> (PathBuf, PathBuf) {
    let (program, mark) = (scene.path().join("planted.sh"), scene.path().join("mark"));
    fs::write(&program, format!("#!/bin/sh\necho ran >> {}\n", mark.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, mark)
}

#[test]
fn nothing_that_a_hostile_repository_plants_runs() {
    let mut ran = vec![];
    for Plant { name, plant, control } in PLANTS {
        let scene = Scene::plain();
        scene.add_submodule();
        let (program, mark) = canary(&scene);
        let server = serve(&scene);
        let given = scene.hand_over();
        given.write("src/main.rs", "fn changed() {}\n");
        plant(&given, program.to_str().unwrap());
        let _ = fs::remove_file(&mark);
        // Inspection, judgement, commit and push, as a job makes them.
        let (change, _) = given.inspect_by("version = 1\n");
        assert!(change.facts().iter().any(|fact| fact.path == b"src/main.rs"), "{name}: the change is seen");
        let commit = commit_tree(&given.repository, change.tree(), "work");
        let remote = remote(&scene, &server, support::remote::TOKEN);
        given.repository.push(&remote, commit, &branch("tidewaiter/1"), Expect::Absent).unwrap();
        if mark.exists() {
            ran.push(*name);
        }
        let _ = fs::remove_file(&mark);
        for command in *control {
            let command: Vec<&str> = command.iter().map(|word| if *word == "URL" { remote.url.as_str() } else { *word }).collect();
            try_git(&scene.workspace(), &command);
        }
        assert!(mark.exists(), "{name}: plain git runs what is planted, or the case shows nothing");
    }
    println!("gate-corpus: hostile repositories: {} planted programs, plain git ran {0}, the inspection ran {}", PLANTS.len(), ran.len());
    assert_eq!(ran, [""; 0]);
}

/// A change that a hostile repository hides from git.
struct Hidden {
    name: &'static str,
    /// Where it is.
    path: &'static str,
    change: fn(&Given<'_>),
    /// Whether plain git, asked as one would, shows nothing of it.
    blind: fn(&Given<'_>) -> bool,
}

fn change(given: &Given<'_>) {
    given.write("src/main.rs", "fn evil() {}\n");
}

fn status_is_silent(given: &Given<'_>) -> bool {
    !given.git(&["status", "--porcelain"]).contains("src/")
}

/// Sets the time of `src/main.rs` to one that git's index takes for settled.
fn set_time(given: &Given<'_>) {
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(given.path("src/main.rs")).unwrap().set_modified(time).unwrap();
}

const HIDDEN: &[Hidden] = &[
    Hidden {
        name: "assume-unchanged",
        path: "src/main.rs",
        change: |given| {
            change(given);
            given.git(&["update-index", "--assume-unchanged", "src/main.rs"]);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "skip-worktree",
        path: "src/main.rs",
        change: |given| {
            config(given, &[("sparse.expectFilesOutsideOfPatterns", "true"), ("core.sparseCheckout", "true")]);
            given.git(&["update-index", "--skip-worktree", "src/main.rs"]);
            change(given);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "sparse checkout",
        path: "src/main.rs",
        change: |given| {
            given.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/src/"]);
            config(given, &[("sparse.expectFilesOutsideOfPatterns", "true")]);
            change(given);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "committed",
        path: "src/main.rs",
        change: |given| {
            change(given);
            given.git(&["commit", "-q", "-a", "-m", "x"]);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "replaced tree",
        path: "src/main.rs",
        change: |given| {
            let before = given.git(&["rev-parse", "HEAD^{tree}"]);
            change(given);
            given.git(&["add", "-A"]);
            let after = given.git(&["write-tree"]);
            given.git(&["replace", before.trim(), after.trim()]);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "graft",
        path: "src/main.rs",
        change: |given| {
            change(given);
            given.git(&["commit", "-q", "-a", "-m", "x"]);
            let head = given.git(&["rev-parse", "HEAD"]);
            given.write(".git/info/grafts", head);
        },
        blind: |given| given.git(&["rev-list", "--count", "HEAD"]).trim() == "1",
    },
    Hidden {
        name: "shallow file",
        path: "src/main.rs",
        change: |given| {
            change(given);
            given.git(&["commit", "-q", "-a", "-m", "x"]);
            let head = given.git(&["rev-parse", "HEAD"]);
            given.write(".git/shallow", head);
        },
        blind: |given| given.git(&["rev-list", "--count", "HEAD"]).trim() == "1",
    },
    Hidden {
        name: "file mode",
        path: "README.md",
        change: |given| {
            config(given, &[("core.fileMode", "false")]);
            given.chmod("README.md", 0o755);
        },
        blind: |given| given.git(&["status", "--porcelain"]).is_empty(),
    },
    Hidden {
        name: "same size and time",
        path: "src/main.rs",
        change: |given| {
            config(given, &[("core.trustctime", "false"), ("core.checkStat", "minimal")]);
            set_time(given);
            given.git(&["update-index", "--refresh"]);
            given.write("src/main.rs", "fn evil() {}\n");
            set_time(given);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "fsmonitor that says nothing changed",
        path: "src/main.rs",
        change: |given| {
            given.write(".git/quiet.sh", "#!/bin/sh\nprintf 'x\\0'\n");
            given.chmod(".git/quiet.sh", 0o755);
            let quiet = given.path(".git/quiet.sh");
            config(given, &[("core.fsmonitor", quiet.to_str().unwrap())]);
            given.git(&["update-index", "--fsmonitor"]);
            given.git(&["status"]);
            change(given);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "info/exclude",
        path: "src/new.rs",
        change: |given| {
            given.write(".git/info/exclude", "*\n");
            given.write("src/new.rs", "evil\n");
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "excludes file",
        path: "src/new.rs",
        change: |given| {
            given.write(".git/all", "*\n");
            let all = given.path(".git/all");
            config(given, &[("core.excludesFile", all.to_str().unwrap())]);
            given.write("src/new.rs", "evil\n");
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "own ignore file",
        path: "src/new.rs",
        change: |given| {
            given.write("src/.gitignore", "*\n");
            given.write("src/new.rs", "evil\n");
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "untracked files not shown",
        path: "src/new.rs",
        change: |given| {
            config(given, &[("status.showUntrackedFiles", "no")]);
            given.write("src/new.rs", "evil\n");
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "filter that gives back the base",
        path: "src/main.rs",
        change: |given| {
            given.write(".git/info/attributes", "src/main.rs filter=hide\n");
            config(given, &[("filter.hide.clean", "git show HEAD:src/main.rs")]);
            change(given);
        },
        blind: |given| given.git(&["diff"]).is_empty(),
    },
    Hidden {
        name: "-diff attribute",
        path: "src/main.rs",
        change: |given| {
            given.write(".git/info/attributes", "* -diff\n");
            change(given);
        },
        blind: |given| !given.git(&["diff"]).contains("evil"),
    },
    Hidden {
        name: "core.worktree",
        path: "src/main.rs",
        change: |given| {
            let clean = given.scene.checkout();
            change(given);
            config(given, &[("core.worktree", clean.to_str().unwrap())]);
        },
        blind: status_is_silent,
    },
    Hidden {
        name: "no repository at all",
        path: "src/main.rs",
        change: |given| {
            change(given);
            given.remove(".git");
        },
        blind: |given| !try_git(&given.scene.workspace(), &["status"]).status.success(),
    },
    Hidden {
        name: "locks and a broken index",
        path: "src/main.rs",
        change: |given| {
            change(given);
            given.write(".git/index.lock", "");
            given.write(".git/HEAD.lock", "");
            given.write(".git/index", "DIRC broken");
        },
        blind: |given| !try_git(&given.scene.workspace(), &["status"]).status.success(),
    },
];

#[test]
fn nothing_is_hidden_by_a_hostile_repository() {
    let mut missed = vec![];
    for Hidden { name, path, change, blind } in HIDDEN {
        let scene = Scene::plain();
        let given = scene.hand_over();
        change(&given);
        assert!(blind(&given), "{name}: plain git shows it, so the case shows nothing");
        let candidate = given.inspect().unwrap();
        if !candidate.change.facts().iter().any(|fact| fact.path == path.as_bytes()) {
            missed.push(*name);
        }
    }
    println!("gate-corpus: hidden changes: {} ways, plain git missed {0}, the inspection missed {}", HIDDEN.len(), missed.len());
    assert_eq!(missed, [""; 0]);
}
