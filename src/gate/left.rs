//! What the base's ignore rules leave out of a change, in words.

use std::collections::BTreeMap;

use crate::git::shown;

/// Folders in which tools keep what later runs take over unread: packages, built code, environments.
const REUSED: [&str; 15] = [
    ".cargo",
    ".gradle",
    ".m2",
    ".mypy_cache",
    ".next",
    ".npm",
    ".nuget",
    ".tox",
    ".venv",
    ".yarn",
    "__pycache__",
    "node_modules",
    "target",
    "vendor",
    "venv",
];

/// Folders that are named one by one.
const NAMED: usize = 5;

/// Says how many files `ignored` are, and which folders among them tools read again.
pub(super) fn told(ignored: &[Vec<u8>]) -> String {
    let names: Vec<String> = ignored.iter().take(NAMED).map(|path| shown(path)).collect();
    let mut folders: BTreeMap<&[u8], usize> = BTreeMap::new();
    for folder in ignored.iter().filter_map(|path| reused(path)) {
        *folders.entry(folder).or_default() += 1;
    }
    let all = format!("{} new or changed ignored files are left out: {}", ignored.len(), names.join(", "));
    if folders.is_empty() {
        return all;
    }
    let count = |(folder, count): (&&[u8], &usize)| format!("{} ({count})", shown(folder));
    let counted: Vec<String> = folders.iter().take(NAMED).map(count).collect();
    let more = folders.len().checked_sub(NAMED + 1).map_or("", |_| " and others");
    format!("{all}; a later job that takes the work tree over would use {}{more}", counted.join(", "))
}

/// The outermost folder of `path` whose content tools read again.
fn reused(path: &[u8]) -> Option<&[u8]> {
    let mut from = 0;
    while let Some(length) = path[from..].iter().position(|b| *b == b'/') {
        let end = from + length;
        if REUSED.iter().any(|name| path[from..end].eq_ignore_ascii_case(name.as_bytes())) {
            return Some(&path[..end]);
        }
        from = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn folders_that_are_used_again_are_named() {
        let of = |paths: &[&str]| told(&paths.iter().map(|path| path.as_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(of(&["a.log", "target"]), "2 new or changed ignored files are left out: a.log, target");
        let text = of(&["a.log", "web/node_modules/.bin/tsc", "web/node_modules/x/node_modules/y.js", "Target/debug/a"]);
        assert!(text.ends_with("; a later job that takes the work tree over would use Target (1), web/node_modules (2)"), "{text}");
        let many: Vec<String> = (0..9).map(|n| format!("p{n}/target/x")).collect();
        assert!(of(&many.iter().map(String::as_str).collect::<Vec<_>>()).ends_with("p4/target (1) and others"));
    }
}
