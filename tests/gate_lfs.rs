//! Files of Git LFS: what did not change is no change, and no pointer leaves that nothing stands behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::repo::{Scene, limits};
use tidewaiter::{digest::Digest, gate::CI_CONFIG, workspace};

fn pointer(content: &str) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid {}\nsize {}\n", Digest::of(content), content.len())
}

/// A base in which `a.bin` is a pointer by the attributes, and `old.dat` one without.
fn scene() -> Scene {
    let scene = Scene::plain();
    scene.write("a.bin", pointer("large\n"));
    scene.write("old.dat", pointer("old\n"));
    scene.commit("pointers");
    scene.write(".gitattributes", "*.bin filter=lfs -text\n");
    scene.git(&["add", ".gitattributes"]);
    scene.git(&["commit", "-q", "-m", "attributes"]);
    scene
}

#[test]
fn a_pointer_that_was_written_by_hand_is_refused() {
    let scene = scene();
    let given = scene.hand_over();
    let sizes = pointer("new\n").replace("size 4", "size 5\nsize 4");
    let refused = |text: &str| {
        given.write("new.dat", text);
        given.rules().contains(&"content/lfs=deny".to_owned())
    };
    for text in [&pointer("new\n"), &sizes, "version https://hawser.github.com/spec/v1\r\noid sha256:0\r\n"] {
        assert!(refused(text), "{text}");
    }
    for text in ["version 1\n", "A pointer begins with\nversion https://git-lfs.github.com/spec/v1\n", ""] {
        assert!(!refused(text), "{text}");
    }
    // What the base has is there, under another name, too.
    given.remove("old.dat");
    assert!(!refused(&pointer("old\n")));
}

#[test]
fn a_file_that_a_checkout_filled_in_is_its_pointer_and_any_other_is_refused() {
    let scene = scene();
    let repository = scene.repository();
    let base = repository.tree_of(repository.resolve("HEAD").unwrap()).unwrap();
    let changed = |text: &str| {
        scene.write("a.bin", text);
        !workspace::worktree(&scene.checkout(), base, &repository, limits(), CI_CONFIG).unwrap().change.is_empty()
    };
    assert!(!changed("large\n") && !changed(&pointer("large\n")));
    // Of the same size; longer; the pointer of something else; a pointer with a size that is not its object's.
    for text in ["Large\n", "large\n\n", &pointer("other\n"), &pointer("large\n").replace("size 6", "size 7")] {
        assert!(changed(text), "{text}");
    }
    let given = scene.hand_over();
    given.write("a.bin", "other\n");
    assert_eq!(given.rules(), ["content/lfs=deny"]);
    // The workspace's attributes do not free it.
    given.write(".gitattributes", "*.bin -filter\n");
    assert!(given.rules().contains(&"content/lfs=deny".to_owned()));
}
