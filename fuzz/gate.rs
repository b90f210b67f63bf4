//! The targets of what the gate reads: paths and patterns, trees, and files of every kind that a change can have.

use std::collections::{BTreeMap, BTreeSet};

use tidewaiter::{
    gate::fuzz,
    git::{Entry, Mode, Oid, Tree},
    glyph::is_ignorable,
    policy::{Origin, Pattern, Policy, Source},
};
use unicode_normalization::UnicodeNormalization as _;

use super::reference;

/// A pattern and a path, a line each: the matchers say what the reference says.
pub fn glob(bytes: &[u8]) {
    let Some((pattern, path)) = two_lines(bytes) else { return };
    let Ok(pattern) = str::from_utf8(pattern) else { return };
    // The reference takes time that grows as a power of the stars.
    if pattern.matches('*').count() > 5 || path.len() > 32 {
        return;
    }
    if let Ok(text) = str::from_utf8(path) {
        assert_eq!(fuzz::wild(pattern, text), reference::wild(pattern, text), "{pattern:?} {text:?}");
    }
    let made = Pattern::new(pattern, "changes.protect", Origin { file: "fuzz".to_owned(), line: 1 });
    let fits_no_tree = |name: &[u8]| matches!(name, b"" | b"." | b"..");
    let Some(made) = made.ok().filter(|_| !path.split(|b| *b == b'/').any(fits_no_tree)) else { return };
    let shown = String::from_utf8_lossy(path);
    let exact = reference::glob(pattern, path);
    assert_eq!(made.allows(path), exact, "allow {pattern:?} {shown:?}");
    let fold = |text: &[u8]| fuzz::fold(text).0;
    let folded = reference::glob(&fold(pattern.as_bytes()), fold(path).as_bytes());
    assert_eq!(made.protects(path, &fold(path)), exact || folded, "protect {pattern:?} {shown:?}");
}

fn two_lines(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// A path: its canonical form is that of all its spellings, and what some system reads as `.git` is that in each of them.
pub fn path(bytes: &[u8]) {
    let (folded, is_git) = fuzz::fold(bytes);
    assert_eq!(fuzz::fold(folded.as_bytes()), (folded.clone(), is_git), "{bytes:?}");
    let Ok(text) = str::from_utf8(bytes) else { return };
    // Upper case of what is not composed may be composed otherwise, as that of U+0345 is (Unicode Standard, D145).
    let composed: String = text.chars().filter(|sign| !is_ignorable(*sign)).nfc().collect();
    let spread = text.chars().flat_map(|sign| ['\u{200c}', sign, '\u{e0041}']).collect();
    for other in [composed.clone(), text.nfd().collect(), composed.to_uppercase(), composed.to_lowercase(), spread] {
        assert_eq!(fuzz::fold(other.as_bytes()), (folded.clone(), is_git), "{text:?} {other:?}");
    }
}

/// Two trees, of which three bytes each name a path and what stands there in either.
pub fn trees(bytes: &[u8]) -> (Tree, Tree) {
    const PATHS: [&[u8]; 20] = [
        b"a",
        b"a/b",
        b"a/b/c",
        b"a.b",
        b"a-b",
        b"a0",
        b"a0/b",
        b"A",
        b"A/b",
        b"ab",
        b"b",
        b"b/a",
        b"\xff",
        b"\xff/a",
        b"a\nb",
        b"a\"b\\",
        "é".as_bytes(),
        "e\u{301}".as_bytes(),
        b" ",
        b"a/-",
    ];
    const MODES: [Mode; 4] = [Mode::File, Mode::Executable, Mode::Symlink, Mode::Gitlink];
    let (mut before, mut after) = (Tree::new(), Tree::new());
    for part in bytes.chunks_exact(3) {
        let path = PATHS[usize::from(part[0]) % PATHS.len()];
        for (tree, byte) in [(&mut before, usize::from(part[1])), (&mut after, usize::from(part[2]))] {
            let below = |one: &[u8], other: &[u8]| one.strip_prefix(other).is_some_and(|rest| rest.starts_with(b"/"));
            // A file is no folder.
            if byte % 5 != 0 && !tree.keys().any(|other| below(other, path) || below(path, other)) {
                let id = Oid::of_blob(&[(byte / 5 % 3) as u8]).expect("no collision");
                tree.insert(path.to_vec(), Entry { mode: MODES[byte % 5 - 1], id });
            }
        }
    }
    (before, after)
}

/// Two trees: every path that differs is told once, with what stands there on both sides.
pub fn differences(bytes: &[u8]) {
    let (before, after) = trees(bytes);
    let paths: BTreeSet<&Vec<u8>> = before.keys().chain(after.keys()).collect();
    let told = fuzz::differences(&before, &after);
    let told: Vec<_> = told.iter().map(|fact| (&fact.path, fact.old, fact.new)).collect();
    let expected = paths.into_iter().map(|path| (path, before.get(path).copied(), after.get(path).copied()));
    assert_eq!(told, expected.filter(|(_, old, new)| old != new).collect::<Vec<_>>());
}

/// A CI configuration: read within bounds, or not at all.
pub fn ci(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let found = fuzz::includes(text);
    assert!(found.iter().flatten().all(|path| !path.contains("://")));
    let measure = fuzz::yaml(text);
    assert_eq!(found.is_some(), measure.is_some());
    assert!(measure.is_none_or(|(values, bytes)| values <= 2 << 20 && bytes <= 32 << 20), "{measure:?}");
}

/// Files behind lines of `=== PATH`, a pipeline's configuration among them: what is included and run is found, the same each time,
/// and no file is read more often than it has parts to play.
pub fn pipeline(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let files: BTreeMap<String, &[u8]> = text
        .split("=== ")
        .skip(1)
        .filter_map(|part| part.split_once('\n'))
        .map(|(path, content)| (path.to_owned(), content.as_bytes()))
        .collect();
    let Ok((found, read)) = fuzz::pipeline(&files) else { return };
    assert_eq!(fuzz::pipeline(&files).ok(), Some((found.clone(), read)));
    let all: usize = files.values().map(|content| content.len()).sum();
    assert!(read <= 3 * all, "{read} of {all}");
    let why: BTreeMap<&str, &Option<String>> = files.keys().map(String::as_str).zip(&found).collect();
    let Some(config) = files.get(".gitlab-ci.yml") else { return };
    assert!(why[".gitlab-ci.yml"].is_some());
    let included = str::from_utf8(config).ok().and_then(fuzz::includes).unwrap_or_default();
    for path in included.iter().take(100).map(|path| path.trim_start_matches('/')).filter(|path| !path.contains(['*', '$'])) {
        assert!(why.get(path).is_none_or(|why| why.is_some()), "{path}");
    }
}

/// A lockfile, its name on the first line: read or refused, the same each time, and no larger than what was read.
pub fn lock(bytes: &[u8]) {
    let Some((name, text)) = two_lines(bytes) else { return };
    let (Ok(name), Ok(text)) = (str::from_utf8(name), str::from_utf8(text)) else { return };
    let found = fuzz::lock(name, text);
    assert_eq!(found, fuzz::lock(name, text));
    let size: usize = found.iter().flatten().map(String::len).sum();
    // Aliases of YAML are written out.
    let most = if text.contains('*') { 1 << 30 } else { 400 * text.len() };
    assert!(size <= most, "{size} of {}", text.len());
}

/// Any file: what kind it is, and what stands behind its end.
pub fn kind(bytes: &[u8]) {
    let (name, behind, _, why) = fuzz::kind(bytes);
    assert!(bytes.ends_with(behind) && (behind.is_empty() || name.is_some()));
    assert!(name.is_none() || bytes.contains(&0) || why.is_some());
}

/// Rules for secrets in gitleaks' format, and behind a line `===` a text to hold them against.
pub fn leaks(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (rules, text) = text.split_once("\n===\n").unwrap_or((text, ""));
    let layer = Source { name: "fuzz".to_owned(), text: "version = 1\n[changes.secrets]\nfiles = [\"rules\"]\n".to_owned() };
    let compose = || Policy::compose(vec![layer.clone(), Source { name: "rules".to_owned(), text: rules.to_owned() }]);
    let policy = match compose() {
        Ok(policy) => policy,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let (found, whole) = fuzz::leaks(&policy.changes.secrets, "src/main.rs", text.as_bytes());
    assert!(whole && found.iter().all(|(_, at)| text.as_bytes().get(at.clone()).is_some()), "{found:?}");
    assert_eq!(fuzz::leaks(&compose().expect("it was read").changes.secrets, "src/main.rs", text.as_bytes()), (found, whole));
}
