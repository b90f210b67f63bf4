//! What the gate says of changes that were really made in a workspace: each attack with its harmless twin.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;

use support::repo::{Given, SECRET, Scene, known, limits, policy_of, rules, write_bytes};
use tidewaiter::{
    exit::Exit,
    gate::{self, CI_CONFIG, Terms},
    verdict::{Decision, Severity},
    workspace,
};

/// What the agent does, and exactly the rules that must speak.
fn case(name: &str, act: impl FnOnce(&Given<'_>), expected: &[&str]) {
    let scene = scene();
    let given = scene.hand_over();
    act(&given);
    assert_eq!(given.rules(), expected, "{name}");
    let judgement = given.judge();
    let denied = expected.iter().any(|rule| rule.ends_with("=deny") || rule.ends_with("=block"));
    assert_eq!(judgement.verdict.decision == Decision::Deny, denied, "{name}");
    assert_eq!(judgement.passed().is_none(), denied, "{name}: only what is not denied may leave");
}

fn scene() -> Scene {
    let scene = Scene::plain();
    scene.write(
        ".gitlab-ci.yml",
        "include:\n  - local: /ci/build.yml\n  - local: ci/generated/*.yml\nchild:\n  trigger:\n    include: ci/child.yml\n",
    );
    scene.write("ci/build.yml", "include: ci/deep.yml\nbuild: {script: make}\n");
    scene.write("ci/deep.yml", "x: {script: x}\n");
    scene.write("ci/child.yml", "x: {script: x}\n");
    scene.write("ci/unrelated.yml", "a: b\n");
    scene.write("docs/guide.md", "text\n");
    scene.commit("with CI");
    scene
}

#[test]
fn ordinary_work_passes() {
    case("nothing", |_| {}, &[]);
    case(
        "work",
        |given| {
            given.write("src/main.rs", "fn main() { println!(); }\n");
            given.write("src/new module/été.rs", "// new\n");
            given.write("ci/unrelated.yml", "a: c\n");
            given.write("tests/fixtures/HEAD", "x\n");
            given.write("docs/gitlab/claude.txt", "x\n");
            given.remove("docs/guide.md");
        },
        &[],
    );
}

#[test]
fn ci_configuration_is_protected_with_all_it_includes() {
    for path in [
        ".gitlab-ci.yml",
        "ci/build.yml",
        "ci/deep.yml",
        "ci/child.yml",
        "ci/generated/new.yml",
        "other/my.gitlab-ci.yml",
        ".GitLab-CI.yml",
    ] {
        let twin = path == ".GitLab-CI.yml";
        let expected: &[&str] = if twin { &["ci/config=deny", "name/collision=deny"] } else { &["ci/config=deny"] };
        case(path, |given| given.write(path, "evil: {script: x}\n"), expected);
    }
    case("removed", |given| given.remove("ci/deep.yml"), &["ci/config=deny"]);
    case("renamed away", |given| fs::rename(given.path("ci/deep.yml"), given.path("ci/away.yml")).unwrap(), &["ci/config=deny"]);
}

#[test]
fn ci_configuration_that_cannot_be_read_protects_every_yaml_file() {
    let scene = Scene::plain();
    scene.write(".gitlab-ci.yml", "a: [\n");
    scene.commit("broken");
    let given = scene.hand_over();
    given.write("any/where.yaml", "x");
    given.write("src/main.rs", "x");
    assert_eq!(given.rules(), ["ci/config=deny"]);
}

#[test]
fn files_that_steer_other_programs() {
    for (path, expected) in [
        (".github/workflows/x.yml", "ci/foreign=deny"),
        ("Jenkinsfile", "ci/foreign=deny"),
        (".gitlab/duo/agent-config.yml", "gitlab/config=deny"),
        ("CODEOWNERS", "gitlab/config=deny"),
        ("docs/CODEOWNERS", "gitlab/config=deny"),
        (".claude/settings.json", "agent/control=block"),
        ("sub/.mcp.json", "agent/control=block"),
        (".cursor/mcp.json", "agent/control=block"),
        ("CLAUDE.md", "agent/instructions=review"),
        ("sub/AGENTS.md", "agent/instructions=review"),
        (".vscode/tasks.json", "editor/control=deny"),
        (".husky/pre-commit", "editor/control=deny"),
        (".envrc", "editor/control=deny"),
        (".gitattributes", "git/attributes=deny"),
        (".gitmodules", "git/modules=block"),
        (".gitignore", "git/ignore=review"),
        (".g\u{200c}itmodules", "git/modules=block"),
    ] {
        let scene = scene();
        let given = scene.hand_over();
        given.write(path, "x\n");
        let found = given.rules();
        assert!(found.contains(&expected.to_owned()), "{path}: {found:?}");
        assert!(path.contains('\u{200c}') || found.len() == 1, "{path}: {found:?}");
    }
    for path in ["src/claude.rs", "docs/mcp.json.md", "lib/gitlab/a.rb", "vscode/x.json", "docs/CODEOWNERS.md"] {
        case(path, |given| given.write(path, "x\n"), &[]);
    }
}

#[test]
fn repositories_and_git_directories_inside_the_tree() {
    case("a repository", |given| given.write("vendor/x/.git/config", "[core]"), &["git/directory=block"]);
    case("a gitfile", |given| given.write("vendor/x/.git", "gitdir: /etc"), &["git/directory=block"]);
    case("another case", |given| given.write(".GIT/config", "x"), &["git/directory=block"]);
    case("ignorable", |given| given.write(".g\u{200c}it/hooks/x", "x"), &["git/directory=block", "name/control=block"]);
    case("short form", |given| given.write("git~1/config", "x"), &["git/directory=block"]);
    case(
        "a bare repository",
        |given| ["x/HEAD", "x/objects/a", "x/refs/a", "x/config"].iter().for_each(|path| given.write(path, "x")),
        &["git/directory=block"],
    );
    case("half of one", |given| ["x/HEAD", "x/objects/a", "y/refs/a"].iter().for_each(|path| given.write(path, "x")), &[]);
}

#[test]
fn links_are_judged_by_where_they_lead() {
    for (target, expected) in [
        ("main.rs", "mode/symlink=deny"),
        ("../README.md", "mode/symlink=deny"),
        ("/etc/passwd", "mode/symlink=block"),
        ("../../outside", "mode/symlink=block"),
        ("/proc/self/environ", "mode/symlink=block"),
        ("../.git/config", "mode/symlink=block"),
        ("nowhere", "mode/symlink=block"),
        ("link", "mode/symlink=block"),
    ] {
        case(target, |given| given.link("src/link", target), &[expected]);
    }
    case(
        "a folder replaced by a link",
        |given| {
            given.remove("docs");
            given.link("docs", "src");
        },
        &["mode/symlink=block"],
    );
    case(
        "a file replaced by a link",
        |given| {
            given.remove("README.md");
            given.link("README.md", "src/main.rs");
        },
        &["mode/symlink=deny"],
    );
}

#[test]
fn a_link_of_the_base_that_is_led_elsewhere() {
    let scene = scene();
    std::os::unix::fs::symlink("main.rs", scene.checkout().join("src/link")).unwrap();
    scene.commit("a link");
    let given = scene.hand_over();
    assert!(given.rules().is_empty(), "left alone it is no finding");
    given.remove("src/link");
    given.link("src/link", "/etc/passwd");
    assert_eq!(given.rules(), ["mode/symlink=block"]);
}

#[test]
fn modes_and_special_files() {
    case("executable", |given| given.chmod("README.md", 0o755), &["mode/exec=deny"]);
    case("no longer executable", |given| given.chmod("run.sh", 0o644), &[]);
    case("executable stays", |given| given.write("run.sh", "#!/bin/sh\necho\n"), &[]);
    case("set-user-id", |given| given.chmod("run.sh", 0o4755), &["mode/special=block"]);
    case("group may write", |given| given.chmod("README.md", 0o664), &[]);
    case(
        "a FIFO, which no reader must wait for",
        |given| nix::unistd::mkfifo(&given.path("src/pipe"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap(),
        &["mode/special=block"],
    );
    case(
        "a socket in the place of a file",
        |given| {
            given.remove("README.md");
            std::os::unix::net::UnixListener::bind(given.path("README.md")).unwrap();
        },
        &["mode/special=block"],
    );
}

#[test]
fn a_file_of_another_owner() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: a file of another owner (needs root)");
        return;
    }
    let own = |given: &Given<'_>| std::os::unix::fs::chown(given.path("README.md"), Some(12345), None).unwrap();
    case("a link to a file outside would be one", own, &["mode/special=block"]);
}

#[test]
fn odd_names() {
    for (name, expected) in [
        (&b"a\nb"[..], "name/control=block"),
        (b"a\x1b[31m", "name/control=block"),
        (b"\xff\xfe", "name/control=block"),
        (b"-rf", "name/control=block"),
        ("a\u{202e}b".as_bytes(), "name/control=block"),
        (b"con.txt", "name/windows=deny"),
        (b"dir/aux", "name/windows=deny"),
        (b"a:b", "name/windows=deny"),
        (b"back\\slash", "name/windows=deny"),
        (b"space ", "name/windows=deny"),
        (b":(glob)x", "name/windows=deny"),
    ] {
        let act = |given: &Given<'_>| write_bytes(&given.scene.workspace(), name, "x");
        case(&String::from_utf8_lossy(name), act, &[expected]);
    }
}

#[test]
fn paths_that_some_systems_cannot_tell_apart() {
    case("case", |given| given.write("readme.md", "x"), &["name/collision=deny"]);
    case("a folder's case", |given| given.write("SRC/other.rs", "x"), &["name/collision=deny"]);
    case(
        "two new ones",
        |given| {
            given.write("e\u{301}.txt", "x");
            given.write("é.txt", "x");
        },
        &["name/collision=deny"],
    );
    case("not alike", |given| given.write("readme2.md", "x"), &[]);
    case("renamed in case only", |given| fs::rename(given.path("README.md"), given.path("ReadMe.md")).unwrap(), &[]);
}

#[test]
fn the_policys_lists() {
    let policy = "version = 1\n[changes]\nallow = [\"src/**\", \"docs/**\"]\nprotect = [\"docs/legal/**\"]\nreview = [\"src/auth/**\"]\n";
    let scene = scene();
    let given = scene.hand_over();
    given.write("src/ok.rs", "x");
    assert!(given.rules_by(policy).is_empty());
    given.write("src/auth/x.rs", "x");
    assert_eq!(given.rules_by(policy), ["path/review=review"]);
    given.write("docs/Legal/x.md", "x");
    given.write("Src/x.rs", "x");
    let judgement = given.judge_by(policy);
    let lines: Vec<_> = judgement.verdict.findings.iter().filter_map(|finding| finding.policy_line.clone()).collect();
    assert!(lines.contains(&"test:4: changes.protect = \"docs/legal/**\"".to_owned()), "{lines:?}");
    let found = rules(&judgement);
    assert!(found.contains(&"path/allow=deny".to_owned()) && found.contains(&"path/protect=deny".to_owned()), "{found:?}");
    // A link where the protected folder would be.
    given.remove("docs");
    given.link("docs/legal", "../src");
    assert!(given.rules_by(policy).contains(&"path/protect=deny".to_owned()));
}

#[test]
fn bounds_of_size() {
    let policy = "version = 1\n[changes]\nmax_files = 2\nmax_file_bytes = 100\nmax_bytes = 150\nmax_lines = 10\n";
    let scene = scene();
    let given = scene.hand_over();
    given.write("a.txt", "x".repeat(100));
    assert!(given.rules_by(policy).is_empty());
    given.write("b.txt", "x".repeat(101));
    assert_eq!(given.rules_by(policy), ["size/bytes=deny", "size/file=deny"]);
    given.write("b.txt", "l\n".repeat(12));
    assert_eq!(given.rules_by(policy), ["size/lines=deny"]);
    given.write("b.txt", "x");
    given.write("c.txt", "x");
    assert_eq!(given.rules_by(policy), ["size/files=deny"]);
}

#[test]
fn the_jobs_secrets_do_not_leave() {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("x{SECRET}"));
    for text in [SECRET.to_owned(), base64, SECRET.chars().rev().collect(), tidewaiter::digest::hex(SECRET.as_bytes())] {
        let scene = scene();
        let given = scene.hand_over();
        given.write("src/key.bin", format!("\0\n\nkey = {text}\n"));
        let judgement = given.judge_by("version = 1\n[changes]\nbinary = [\"**/*.bin\"]\n");
        assert_eq!(rules(&judgement), ["secret/known=block"], "{text}");
        let finding = &judgement.verdict.findings[0];
        assert_eq!((finding.line, finding.severity), (Some(3), Severity::Block));
        let shown = format!("{:?}", judgement.verdict);
        assert!(shown.contains("JOB_TOKEN") && !shown.contains(SECRET), "{shown}");
    }
    case("a look-alike", |given| given.write("src/key.txt", "made-up-job-token-0124"), &[]);
    case("in a link", |given| given.link("src/link", SECRET), &["mode/symlink=block", "secret/known=block"]);
    let scene = scene();
    let given = scene.hand_over();
    given.write(&format!("-{SECRET}.txt"), "x");
    let judgement = given.judge();
    assert_eq!(rules(&judgement), ["name/control=block", "secret/known=block"]);
    assert!(!format!("{:?}", judgement.verdict).contains(SECRET), "the report does not carry it out");
}

#[test]
fn an_ignored_name_does_not_carry_a_secret_into_the_report() {
    let scene = scene();
    scene.write(".gitignore", "*.log\n");
    scene.commit("ignore");
    let given = scene.hand_over();
    given.write(&format!("{SECRET}.log"), "x");
    assert!(!format!("{:?}", given.judge().verdict).contains(SECRET));
}

#[test]
fn filters_are_not_guessed_at() {
    let scene = scene();
    scene.write(".gitattributes", "*.bin filter=lfs -text\n*.crypt filter=git-crypt\n*.rc working-tree-encoding=UTF-16\n");
    scene.commit("attributes");
    let given = scene.hand_over();
    for path in ["a.bin", "a.crypt", "a.rc"] {
        given.write(path, "x");
    }
    assert_eq!(given.rules(), ["content/encoding=deny", "content/filter=deny", "content/lfs=block"]);
    // The workspace's own attributes do not decide.
    given.write(".gitattributes", "");
    assert!(given.rules().contains(&"content/lfs=block".to_owned()));
}

#[test]
fn the_policy_sets_weights_but_never_frees_what_is_blocked() {
    let scene = scene();
    let given = scene.hand_over();
    given.chmod("README.md", 0o755);
    let judgement = given.judge_by("version = 1\n[changes.rules]\n\"mode/exec\" = \"review\"\n");
    assert_eq!(rules(&judgement), ["mode/exec=review"]);
    assert_eq!(judgement.verdict.findings[0].policy_line.as_deref(), Some("test:3: changes.rules.\"mode/exec\" = \"review\""));
    assert!(judgement.passed().unwrap().needs_review());
    given.link("out", "/etc");
    let lighter = "version = 1\n[changes.rules]\n\"mode/symlink\" = \"warn\"\n\"mode/exec\" = \"warn\"\n";
    assert_eq!(given.rules_by(lighter), ["mode/exec=warn", "mode/symlink=block"]);
}

#[test]
fn rules_that_do_not_exist_are_an_error() {
    for (line, fine) in [
        ("\"mode/exec\" = \"warn\"", true),
        ("\"mode/exce\" = \"warn\"", false),
        ("\"secret/known\" = \"warn\"", false),
        ("\"secret/known\" = \"deny\"", true),
    ] {
        let policy = policy_of(&format!("version = 1\n[changes.rules]\n{line}\n"));
        let result = gate::check_rules(&policy.changes);
        assert_eq!(result.is_ok(), fine, "{line}");
        if let Err(error) = result {
            assert_eq!(error.exit(), Exit::Policy);
        }
    }
    assert!(gate::rules().count() > 25);
}

#[test]
fn the_judged_tree_is_the_one_that_may_leave() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("src/new.rs", "x\n");
    let candidate = workspace::candidate(&given.manifest, &scene.workspace(), &given.repository, limits(), CI_CONFIG).unwrap();
    let passed =
        gate::judge(&candidate.change, &given.repository, &Terms::now(&policy_of("version = 1\n").changes, &known(), limits().deadline))
            .unwrap()
            .passed()
            .unwrap();
    assert_eq!((passed.tree(), passed.base(), passed.needs_review()), (candidate.tree, given.manifest.tree, false));
    let by = tidewaiter::git::Identity { name: "Tidewaiter".into(), email: "bot@localhost".into(), seconds: 1_700_000_000 };
    let commit = given.repository.commit(passed.tree(), &[given.manifest.head], "Add a file\n", &by).unwrap();
    assert_eq!(given.repository.tree_of(commit).unwrap(), passed.tree());
}

#[test]
fn what_a_reviewer_cannot_read_does_not_pass_for_text() {
    let turned = "if admin { /* \u{2066} */ }\n";
    case("code", |given| given.write("src/main.rs", turned), &["content/direction=block"]);
    case("document", |given| given.write("docs/guide.md", turned), &["content/direction=deny"]);
    case("Arabic", |given| given.write("docs/guide.md", "مرحبا بالعالم\n"), &[]);
    case("binary", |given| given.write("src/a.txt", b"\x7fELF\0\0"), &["content/binary=deny"]);
    case("UTF-16", |given| given.write("src/a.txt", b"\xff\xfeh\0i\0\n\0"), &[]);
    case("long", |given| given.write("src/a.js", "x;".repeat(3000)), &["content/line=warn"]);
}

#[test]
fn the_policy_says_where_files_may_be_added_removed_executable_and_binary() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("assets/a.png", b"\x89PNG\0\0");
    given.write("bin/run", "#!/bin/sh\n");
    given.chmod("bin/run", 0o755);
    given.remove("docs/guide.md");
    let lists = "add = [\"src/**\"]\ndelete = [\"src/**\"]\n";
    let expected = ["content/binary=deny", "mode/exec=deny", "path/add=deny", "path/delete=deny"];
    assert_eq!(given.rules_by(&format!("version = 1\n[changes]\n{lists}")), expected);
    let wider = "add = [\"**\"]\ndelete = [\"docs/**\"]\nexecutable = [\"bin/*\"]\nbinary = [\"assets/**/*.png\"]\n";
    assert_eq!(given.rules_by(&format!("version = 1\n[changes]\n{wider}")), Vec::<String>::new());
    given.remove("run.sh");
    assert!(given.rules_by("version = 1\n[changes]\nmax_deleted = 1\n").contains(&"size/deleted=deny".to_owned()));
}

#[test]
fn a_waiver_holds_for_its_rule_and_path_until_its_day() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("assets/a.bin", b"\0");
    given.write("assets/b.bin", b"\0");
    let waived = |path: &str, day: &str| {
        let entry = format!("rule = \"content/binary\"\npath = \"{path}\"\nowner = \"@images\"\nreason = \"test data\"\nexpires = {day}\n");
        given.judge_by(&format!("version = 1\n[[changes.waivers]]\n{entry}"))
    };
    let all = waived("assets/**", "9999-12-31");
    assert_eq!((all.verdict.decision, rules(&all)), (Decision::Pass, vec!["content/binary=warn".to_owned()]));
    let told = &all.verdict.findings[0];
    assert_eq!(told.policy_line.as_deref(), Some("test:2: changes.waivers"));
    assert!(told.message.ends_with("(waived by @images until 9999-12-31: test data)"), "{}", told.message);
    assert_eq!(waived("assets/a.bin", "9999-12-31").verdict.decision, Decision::Deny, "the other file");
    let renewed = given.judge_by(
        "version = 1\n[[changes.waivers]]\nrule = \"content/binary\"\npath = \"**\"\nowner = \"o\"\nreason = \"r\"\nexpires = 2020-01-01\n\
         [[changes.waivers]]\nrule = \"content/binary\"\npath = \"**\"\nowner = \"o\"\nreason = \"r\"\nexpires = 9999-12-31\n",
    );
    assert_eq!(renewed.verdict.decision, Decision::Pass, "an old one does not stand in the way of a new one");
    let expired = waived("assets/**", "2020-01-01");
    assert_eq!(expired.verdict.decision, Decision::Deny);
    assert!(expired.verdict.findings[0].message.contains("no more waived by @images until 2020-01-01"));
}

#[test]
fn no_waiver_for_what_no_policy_can_allow() {
    let scene = scene();
    let given = scene.hand_over();
    given.link("out", "/etc");
    let waiver = |rule: &str| {
        format!("version = 1\n[[changes.waivers]]\nrule = \"{rule}\"\npath = \"**\"\nowner = \"o\"\nreason = \"r\"\nexpires = 9999-12-31\n")
    };
    assert_eq!(given.rules_by(&waiver("mode/symlink")), ["mode/symlink=block"]);
    for (rule, fine) in [("mode/symlink", true), ("secret/known", false), ("mode/symlnk", false)] {
        assert_eq!(gate::check_rules(&policy_of(&waiver(rule)).changes).is_ok(), fine, "{rule}");
    }
}

#[test]
fn what_is_denied_can_be_left_out() {
    const DROP: &str = "version = 1\n[changes]\non_violation = \"drop\"\n";
    let scene = scene();
    let given = scene.hand_over();
    given.write("src/main.rs", "fn main() { work() }\n");
    given.write("src/key.txt", SECRET);
    given.write(".gitlab-ci.yml", "evil: {script: x}\n");
    given.link("out", "/etc");
    std::fs::remove_file(given.path("docs/guide.md")).unwrap();
    std::fs::remove_dir(given.path("docs")).unwrap();
    given.link("docs", "src");
    assert_eq!(given.judge().verdict.decision, Decision::Deny);
    let (change, judgement) = given.inspect_by(DROP);
    assert_eq!(rules(&judgement), ["path/dropped=review"]);
    let left: Vec<&[u8]> = change.facts().iter().map(|fact| fact.path.as_slice()).collect();
    assert_eq!(left, [b"src/main.rs"]);
    let names: Vec<&str> = judgement.verdict.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(names, [".gitlab-ci.yml", "docs", "docs/guide.md", "out", "src/key.txt"]);
    assert!(judgement.verdict.findings[0].message.contains("ci/config: "));
    let passed = judgement.passed().unwrap();
    assert!(passed.needs_review() && passed.tree() == change.tree());
    let tree = given.repository.list(passed.tree()).unwrap();
    assert!(tree.contains_key(&b"docs/guide.md"[..]) && !tree.contains_key(&b"src/key.txt"[..]));
}

#[test]
fn what_leaves_nothing_or_is_no_files_alone_is_denied_as_a_whole() {
    const DROP: &str = "version = 1\n[changes]\non_violation = \"drop\"\n";
    let scene = scene();
    let given = scene.hand_over();
    given.write(".gitlab-ci.yml", "evil: {script: x}\n");
    assert_eq!(given.rules_by(DROP), ["ci/config=deny"]);
    given.write("src/main.rs", "x\n");
    assert_eq!(given.rules_by(&format!("{DROP}max_files = 1\n")), ["ci/config=deny", "size/files=deny"]);
}
