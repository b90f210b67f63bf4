//! Names of paths: what some system reads as another path, or a reader cannot see.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    gate::finding::{Judge, Way},
    git::{Mode, shown},
    glyph::{fold, is_invisible},
};

/// Bytes of a name on common file systems (NAME_MAX, limits.h).
const LONGEST_NAME: usize = 255;
/// Bytes of a path (PATH_MAX, limits.h), less the folder that it will be in.
const LONGEST_PATH: usize = 3072;

/// Whether some system reads `component` as `.git`: other case, ignorable code points (HFS+), a final dot, space or
/// stream name, or the short form `GIT~1` (NTFS).
fn is_dot_git(component: &str) -> bool {
    let stem = component.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    let short = stem.strip_prefix("git~").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    stem == ".git" || short
}

/// Whether a component of `path` is read as `.git` somewhere. A backslash divides names on Windows.
pub(in crate::gate) fn has_dot_git(path: &[u8]) -> bool {
    fold(path).split(['/', '\\']).any(is_dot_git)
}

pub(super) fn judge(judge: &mut Judge<'_>) {
    let mut added = Vec::new();
    for fact in judge.facts().filter(|fact| fact.remains()) {
        if has_dot_git(&fact.path) {
            judge.block("git/directory", &fact.path, "a name in this path is read as .git somewhere".to_owned());
        }
        if fact.old.is_some() {
            continue;
        }
        if let Some(why) = unfit(&fact.path) {
            judge.block("name/control", &fact.path, format!("the path {why}"));
        } else if let Some(why) = unfit_on_windows(&fact.path) {
            judge.find("name/windows", &fact.path, format!("the path {why}"), Way::Rule);
        }
        added.push(fact.path.as_slice());
    }
    nested_repositories(judge);
    collisions(judge, &added);
}

/// What makes a path unfit to be shown or handled anywhere.
fn unfit(path: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(path) else { return Some("is not UTF-8") };
    let names = || text.split('/');
    if text.chars().any(char::is_control) {
        Some("has a control character")
    } else if text.chars().any(is_invisible) {
        Some("has an invisible or direction-changing character")
    } else if names().any(|name| matches!(name, "" | "." | "..")) {
        Some("has an empty name, `.` or `..`")
    } else if names().any(|name| name.starts_with('-')) {
        Some("has a name that begins with a dash, which programs read as an option")
    } else if text.len() > LONGEST_PATH || names().any(|name| name.len() > LONGEST_NAME) {
        Some("is longer than file systems take")
    } else {
        None
    }
}

/// What Windows reads in another way (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
fn unfit_on_windows(path: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(path);
    if text.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) {
        Some("has a character that Windows does not take in names")
    } else if text.split('/').any(|name| name.ends_with(['.', ' '])) {
        Some("has a name that ends with a dot or a space, which Windows drops")
    } else if text.split('/').any(is_device) {
        Some("has a name that Windows reads as a device")
    } else if text.split('/').any(is_short) {
        Some("has a name that Windows gives to files with longer ones, so it may be another file there")
    } else {
        None
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|n| matches!(n, "¹" | "²" | "³") || (n.len() == 1 && n.bytes().all(|b| (b'1'..=b'9').contains(&b))))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") || numbered("com") || numbered("lpt")
}

/// Whether a name is of the form `SIXSGN~1.EXT` (learn.microsoft.com, "8.3 file names").
fn is_short(name: &str) -> bool {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let Some((head, number)) = stem.split_once('~') else { return false };
    let numbered = number.starts_with(|c: char| matches!(c, '1'..='9')) && number.bytes().all(|b| b.is_ascii_digit());
    // What is read as `.git` is blocked as such.
    numbered && !head.is_empty() && !head.eq_ignore_ascii_case("git") && !head.contains(['.', ' ']) && stem.len() <= 8 && ending.len() <= 3
}

/// Every folder above `path`, the root (empty) last.
pub(in crate::gate) fn folders(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cuts = path.iter().enumerate().rev().filter(|(_, b)| **b == b'/').map(|(at, _)| &path[..at]);
    cuts.chain(std::iter::once(&path[..0]))
}

/// Folders that git takes for bare repositories: `HEAD` beside `objects` and `refs`, or beside `commondir`.
fn nested_repositories(judge: &mut Judge<'_>) {
    let touched: BTreeSet<&[u8]> = judge.facts().filter(|fact| fact.remains()).flat_map(|fact| folders(&fact.path)).collect();
    if touched.is_empty() {
        return;
    }
    let after = bare_repositories(judge.change.after().keys().map(Vec::as_slice));
    let before = bare_repositories(judge.change.before().keys().map(Vec::as_slice));
    for folder in after.difference(&before) {
        let path = if folder.is_empty() { b"HEAD".as_slice() } else { folder.as_bytes() };
        judge.block("git/directory", path, "this folder has the form of a bare git repository".to_owned());
    }
}

fn bare_repositories<'a>(paths: impl Iterator<Item = &'a [u8]>) -> BTreeSet<String> {
    let mut parts: BTreeMap<String, u8> = BTreeMap::new();
    for path in paths {
        let folded = fold(path);
        let mut at = 0;
        for name in folded.split('/') {
            let bit = match name {
                "head" => 1,
                "objects" => 2,
                "refs" => 4,
                "commondir" => 8,
                _ => 0,
            };
            if bit != 0 {
                *parts.entry(folded[..at].trim_end_matches('/').to_owned()).or_default() |= bit;
            }
            at += name.len() + 1;
        }
    }
    parts.into_iter().filter(|(_, bits)| bits & 7 == 7 || bits & 9 == 9).map(|(folder, _)| folder).collect()
}

/// Added paths, or folders of theirs, that differ from another path of the candidate in case or form only.
fn collisions(judge: &mut Judge<'_>, added: &[&[u8]]) {
    if added.is_empty() {
        return;
    }
    let mut spellings: BTreeMap<String, BTreeSet<&[u8]>> = BTreeMap::new();
    let change = judge.change;
    for path in change.after().keys().map(Vec::as_slice).chain(added.iter().copied()) {
        for prefix in folders(path).filter(|folder| !folder.is_empty()).chain(std::iter::once(path)) {
            spellings.entry(fold(prefix)).or_default().insert(prefix);
        }
    }
    for path in added {
        let twin = folders(path).filter(|folder| !folder.is_empty()).chain(std::iter::once(*path)).find_map(|prefix| {
            let twins = spellings.get(&fold(prefix))?;
            twins.iter().find(|twin| **twin != prefix).copied()
        });
        if let Some(twin) = twin {
            let message = format!("on file systems that ignore case or Unicode form this is the same as {}", shown(twin));
            judge.find("name/collision", *path, message, Way::Rule);
        }
    }
}

/// Whether git takes `path` in no tree: `.git` in a spelling that some system reads so, empty names, and git's own
/// files as symbolic links.
pub fn git_refuses(path: &[u8], mode: Option<Mode>) -> bool {
    let own = |name: &[u8]| name.is_empty() || name == b"." || name == b".." || is_dot_git(&fold(name));
    let link_to_settings = || mode == Some(Mode::Symlink) && fold(path).split('/').any(|name| name.starts_with(".gitm"));
    path.is_empty() || path.split(|b| *b == b'/').any(own) || link_to_settings()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_dot_git_is_seen() {
        for path in
            [".git/x", "a/.GIT/x", ".g\u{200c}it/x", "git~1/x", "GIT~12", ".git./x", ".git /x", "a\\.git\\x", ".git::$INDEX_ALLOCATION/x"]
        {
            assert!(has_dot_git(path.as_bytes()), "{path}");
        }
        for path in [".gitignore", "git", "a/git~/x", ".github/x", "my.git/x", "agit~1"] {
            assert!(!has_dot_git(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn odd_names_are_seen_and_plain_ones_are_not() {
        for path in [&b"a\nb"[..], b"a\x1bb", b"\xff", b"-rf", b"a/-x", b"a/../b", b"/a", "a\u{202e}b".as_bytes(), &[b'x'; 256]] {
            assert!(unfit(path).is_some(), "{path:?}");
        }
        for path in ["con.txt", "src/aux", "a:b", "a\\b", "x ", "x.", "COM1", "lpt9.log", "CLAUDE~1/x", "readme~1.md"] {
            assert!(unfit(path.as_bytes()).is_none() && unfit_on_windows(path.as_bytes()).is_some(), "{path}");
        }
        for path in [
            "src/main.rs",
            "konzept.txt",
            "a-b",
            "été/naïve.md",
            "console.log",
            "com10",
            ".env.example",
            "a b.txt",
            "日本.md",
            "notes~.md",
            "a~1b",
        ] {
            assert!(unfit(path.as_bytes()).is_none() && unfit_on_windows(path.as_bytes()).is_none(), "{path}");
        }
    }

    #[test]
    fn a_bare_repository_needs_all_its_parts() {
        let found = |paths: &[&str]| bare_repositories(paths.iter().map(|path| path.as_bytes()));
        assert_eq!(found(&["x/HEAD", "x/objects/a", "x/refs/a"]).len(), 1);
        assert_eq!(found(&["x/Head", "x/commondir"]).len(), 1);
        assert_eq!(found(&["HEAD", "Objects/a", "refs/a"]), BTreeSet::from([String::new()]));
        assert!(found(&["x/HEAD", "x/objects/a", "y/refs/a", "src/head", "src/refs"]).is_empty());
    }
}
