//! Files of Git LFS: what did not change is no change, what did is judged by its bytes and becomes a pointer, and no pointer leaves
//! whose object was not judged.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Read as _;

use support::repo::{Given, SECRET, Scene, limits, policy_of};
use tidewaiter::{
    digest::Digest,
    gate::{CI_CONFIG, check_rules},
    git::Pointer,
    workspace::{self, Bundle},
};

const ALLOWED: &str = "version = 1\n[changes]\nlfs = true\n";

fn pointer(content: impl AsRef<[u8]>) -> Pointer {
    Pointer { digest: Digest::of(&content), size: content.as_ref().len() as u64 }
}

/// A base in which `a.bin` is a pointer by the attributes, and `old.dat` one without.
fn scene() -> Scene {
    let scene = Scene::plain();
    scene.write("a.bin", pointer("large\n").to_string());
    scene.write("old.dat", pointer("old\n").to_string());
    scene.commit("pointers");
    scene.write(".gitattributes", "*.bin filter=lfs -text\n*.rc filter=lfs working-tree-encoding=UTF-16\n");
    scene.git(&["add", ".gitattributes"]);
    scene.git(&["commit", "-q", "-m", "attributes"]);
    scene
}

/// The blob of `path` in the judged tree.
fn blob(given: &Given<'_>, path: &str) -> Vec<u8> {
    let entry = given.inspect().unwrap().change.after()[path.as_bytes()];
    given.repository.blob(entry.id, 1 << 20).unwrap()
}

#[test]
fn a_pointer_that_was_written_by_hand_is_refused_whatever_the_policy() {
    let scene = scene();
    let given = scene.hand_over();
    let sizes = pointer("new\n").to_string().replace("size 4", "size 5\nsize 4");
    // The object of another file of the change is here, and still: where Git LFS does not hold a file, its pointer is no file.
    given.write("b.bin", "new\n");
    for policy in ["version = 1\n", ALLOWED] {
        let refused = |path: &str, text: &str| {
            given.write(path, text);
            let findings = given.judge_by(policy).verdict.findings;
            given.remove(path);
            findings.iter().any(|finding| finding.rule == "content/lfs" && finding.path == path)
        };
        for text in [&pointer("new\n").to_string(), &sizes, "version https://hawser.github.com/spec/v1\r\noid sha256:0\r\n"] {
            assert!(refused("new.dat", text) && refused("new.bin", text), "{text}");
        }
        for text in ["version 1\n", "A pointer begins with\nversion https://git-lfs.github.com/spec/v1\n", ""] {
            assert!(!refused("new.dat", text), "{text}");
        }
        // What the base has is there, under another name, too.
        assert!(!refused("moved.dat", &pointer("old\n").to_string()) && !refused("moved.bin", &pointer("large\n").to_string()));
    }
    // A file that its pointer stands for is not told twice from the same bytes with more behind them.
    given.write("new.bin", format!("{}more\n", pointer("old\n")));
    assert!(given.rules_by(ALLOWED).contains(&"content/lfs=block".to_owned()));
    let error = check_rules(&policy_of("version = 1\n[changes.rules]\n\"content/lfs\" = \"warn\"\n").changes).unwrap_err();
    assert!(error.to_string().contains("cannot be made lighter"), "{error}");
}

#[test]
fn a_file_that_a_checkout_filled_in_is_its_pointer_and_any_other_is_a_change() {
    let scene = scene();
    let repository = scene.repository();
    let base = repository.tree_of(repository.resolve("HEAD").unwrap()).unwrap();
    let changed = |text: &str| {
        scene.write("a.bin", text);
        !workspace::worktree(&scene.checkout(), base, &repository, limits(), CI_CONFIG).unwrap().change.is_empty()
    };
    assert!(!changed("large\n") && !changed(&pointer("large\n").to_string()));
    // Of the same size; longer; the pointer of something else; a pointer with a size that is not its object's.
    for text in ["Large\n", "large\n\n", &pointer("other\n").to_string(), &pointer("large\n").to_string().replace("size 6", "size 7")] {
        assert!(changed(text), "{text}");
    }
    let given = scene.hand_over();
    given.write("a.bin", "other\n");
    assert_eq!(given.rules(), ["content/lfs=block"]);
    assert!(given.rules_by(ALLOWED).is_empty());
    // The workspace's attributes do not free it.
    given.write(".gitattributes", "*.bin -filter\n");
    assert!(given.rules().contains(&"content/lfs=block".to_owned()));
}

#[test]
fn a_changed_file_becomes_the_pointer_to_the_bytes_that_were_judged() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("a.bin", "changed\n");
    given.write("sub/new.bin", "new\n");
    given.write("same.bin", "new\n");
    given.write("large.bin", "large\n");
    given.write("empty.bin", "");
    given.write("plain.txt", "plain\n");
    given.chmod("sub/new.bin", 0o755);
    for (path, content) in [("a.bin", "changed\n"), ("sub/new.bin", "new\n"), ("large.bin", "large\n")] {
        assert_eq!(String::from_utf8(blob(&given, path)).unwrap(), pointer(content).to_string(), "{path}");
    }
    assert_eq!((blob(&given, "empty.bin"), blob(&given, "plain.txt")), (vec![], b"plain\n".to_vec()));
    let allowed = format!("{ALLOWED}executable = [\"sub/*\"]\n");
    let (change, judgement) = given.inspect_by(&allowed);
    assert_eq!(judgement.lines(b"sub/new.bin"), (1, 0), "what is counted is the content");
    assert_eq!(judgement.lines(b"a.bin"), (1, 0));
    let facts = serde_json::to_value(tidewaiter::gate::facts(&change, &judgement, &given.repository).unwrap()).unwrap();
    let lfs: Vec<_> =
        facts["files"].as_array().unwrap().iter().map(|file| (file["path"].as_str().unwrap(), &file["lfs"]["size"])).collect();
    assert!(lfs.contains(&("a.bin", &8.into())) && lfs.contains(&("plain.txt", &serde_json::Value::Null)), "{lfs:?}");
    let passed = judgement.passed().unwrap();
    let mut objects: Vec<Pointer> = ["changed\n", "new\n", "large\n"].map(pointer).to_vec();
    objects.sort();
    assert_eq!(passed.objects(), objects, "each once");
    for pointer in passed.objects() {
        let mut bytes = vec![];
        given.repository.object(pointer).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(Digest::of(&bytes), pointer.digest);
    }
    // Without leave there is nothing to upload, not even of what the base has.
    given.write("a.bin", pointer("large\n").to_string());
    ["sub/new.bin", "same.bin"].iter().for_each(|path| given.remove(path));
    assert!(given.judge().passed().unwrap().objects().is_empty());
}

#[test]
fn the_content_is_judged_as_any_files_is() {
    let scene = scene();
    let long = "x".repeat(5000);
    let key = format!("AKIA{}", "Q3WZRTY7UIOPA2FG");
    for (content, rule) in [
        ("made\0up".to_owned(), "content/binary=deny"),
        (format!("key = {SECRET}\n"), "secret/known=block"),
        (format!("a\0b {SECRET}\n"), "secret/known=block"),
        (format!("aws_access_key_id = {key}\n"), "secret/pattern=deny"),
        (format!("{long}\n"), "content/line=warn"),
        ("x\u{202e}y\n".to_owned(), "content/direction"),
        ("y".repeat((1 << 20) + 1), "size/file=deny"),
    ] {
        let given = scene.hand_over();
        given.write("b.bin", &content);
        let found = given.rules_by(ALLOWED);
        assert!(found.iter().any(|found| found.starts_with(rule)), "{rule}: {found:?}");
        std::fs::remove_dir_all(scene.workspace()).unwrap();
    }
    let given = scene.hand_over();
    given.write("b.bin", "made\0up");
    assert!(given.rules_by(&format!("{ALLOWED}binary = [\"*.bin\"]\n")).is_empty());
    given.write("b.bin", "1\n2\n3\n");
    given.write("a.bin", "4\n5\n6\n");
    assert_eq!(given.rules_by(&format!("{ALLOWED}max_lines = 5\n")), ["size/lines=deny"]);
    assert_eq!(given.rules_by(&format!("{ALLOWED}max_bytes = 11\n")), ["size/bytes=deny"]);
}

#[test]
fn what_git_would_convert_twice_is_refused() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("a.rc", "new\n");
    assert_eq!(given.rules_by(ALLOWED), ["content/encoding=deny"]);
}

#[test]
fn a_kept_change_has_objects_only_where_the_base_says_so() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("b.bin", "new\n");
    given.write("b.txt", pointer("new\n").to_string());
    let change = given.inspect().unwrap().change;
    for (path, fine) in [("b.bin", true), ("b.txt", false)] {
        let change = change.clone().with_objects([(path.into(), pointer("new\n"))].into());
        let bundle = Bundle::of(&change, &given.repository, given.manifest.head, "").unwrap().unwrap();
        let file = scene.path().join(path);
        bundle.save(&file).unwrap();
        let repository = scene.repository();
        let made = Bundle::load(&file).unwrap().change(&repository, CI_CONFIG);
        assert_eq!(made.as_ref().map(|change| change.tree()).ok(), fine.then_some(change.tree()), "{path}");
        if let Err(error) = made {
            assert!(error.to_string().contains("does not hand to it"), "{error}");
        }
    }
}

#[test]
fn a_file_of_lfs_that_is_left_out_is_not_uploaded() {
    let scene = scene();
    let given = scene.hand_over();
    given.write("b.bin", "made\0up");
    given.write("c.bin", "fine\n");
    let (change, judgement) = given.inspect_by(&format!("{ALLOWED}on_violation = \"drop\"\n"));
    assert_eq!(change.dropped().len(), 1);
    assert_eq!(judgement.passed().unwrap().objects(), [pointer("fine\n")]);
}
