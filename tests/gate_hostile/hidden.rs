//! Changes that git does not show.

use std::fs;

use crate::{
    config,
    support::repo::{Given, Scene, try_git},
};

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
    println!("gate-corpus: hidden changes missed (by plain git {0}) | {1}/{0} | 0", HIDDEN.len(), missed.len());
    assert_eq!(missed, [""; 0]);
}
