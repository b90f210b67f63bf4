//! Programs that git runs for whoever calls it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tidewaiter::git::Expect;

use crate::{
    config,
    support::{
        remote::{TOKEN, branch, commit_tree, remote, serve},
        repo::{Given, Scene, run_git, try_git},
    },
};

/// A program that a hostile repository has git run.
struct Plant {
    name: &'static str,
    /// Puts the program at the given path where git will run it.
    plant: fn(&Given<'_>, &str),
    /// What a person or a script would call; `URL` is the project's address.
    control: &'static [&'static [&'static str]],
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
        let remote = remote(&scene, &server, TOKEN);
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
    println!("gate-corpus: planted programs run (by plain git {0}) | {1}/{0} | 0", PLANTS.len(), ran.len());
    assert_eq!(ran, [""; 0]);
}
