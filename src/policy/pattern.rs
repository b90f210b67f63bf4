//! The one glob dialect for repository paths.
//!
//! A pattern is anchored at the repository's root and is matched against the whole path: `*` and `?` stay within one
//! name, `**` as a whole name stands for any number of names. There are no brackets, braces, negations or escapes; a
//! pattern that another tool would read differently is refused when the policy is read.

use std::{fmt, sync::OnceLock};

use globset::{Glob, GlobBuilder, GlobMatcher};

/// Where a line of policy stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The layer's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A checked pattern with the line that it comes from.
#[derive(Clone, Debug)]
pub struct Pattern {
    exact: Matcher,
    folded: Matcher,
    text: String,
    key: &'static str,
    origin: Origin,
}

/// Compiled when something is matched for the first time: most processes that read a policy match no path.
#[derive(Clone, Debug)]
struct Matcher {
    glob: Glob,
    compiled: OnceLock<GlobMatcher>,
}

impl Matcher {
    fn is_match(&self, path: &[u8]) -> bool {
        self.compiled.get_or_init(|| self.glob.compile_matcher()).is_match(as_path(path))
    }
}

impl Pattern {
    /// Checks `text`, found at `origin` under `key` (e.g. `changes.protect`).
    ///
    /// # Errors
    /// A sentence that says what is ambiguous.
    pub fn new(text: &str, key: &'static str, origin: Origin) -> Result<Self, String> {
        check(text)?;
        let glob = |fold: bool| {
            GlobBuilder::new(text)
                .literal_separator(true)
                .case_insensitive(fold)
                .backslash_escape(false)
                .build()
                .map(|glob| Matcher { glob, compiled: OnceLock::new() })
                .map_err(|error| error.kind().to_string())
        };
        Ok(Self { exact: glob(false)?, folded: glob(true)?, text: text.to_owned(), key, origin })
    }

    /// Whether `path` (from the repository's root, `/` between names) matches byte for byte: for what is allowed.
    pub fn allows(&self, path: &[u8]) -> bool {
        self.exact.is_match(path)
    }

    /// Whether `path` matches in any case of letters: for what is protected.
    pub fn protects(&self, path: &[u8]) -> bool {
        self.folded.is_match(path)
    }

    /// The line of policy, e.g. `default.toml:31: changes.protect = ".gitlab/**"`.
    pub fn policy_line(&self) -> String {
        format!("{}: {} = \"{}\"", self.origin, self.key, self.text)
    }
}

fn as_path(path: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt as _;
    std::path::Path::new(std::ffi::OsStr::from_bytes(path))
}

fn check(text: &str) -> Result<(), String> {
    let names: Vec<&str> = text.split('/').collect();
    if text.is_empty() {
        Err("is empty".to_owned())
    } else if text.starts_with('/') || text.ends_with('/') {
        Err("begins or ends with `/`; patterns are anchored at the root as they are, and a folder's content is `folder/**`".to_owned())
    } else if let Some(sign) = text.chars().find(|c| "[]{}!\\".contains(*c) || c.is_control()) {
        Err(format!("has `{}`, which this dialect does not know; it has only `*`, `?` and `**`", sign.escape_default()))
    } else if names.iter().any(|name| name.is_empty() || *name == "." || *name == "..") {
        Err("has an empty name, `.` or `..`".to_owned())
    } else if names.iter().any(|name| name.contains("**") && *name != "**") {
        Err("has `**` beside other characters; write it as a whole name, as in `a/**/b`".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<Pattern, String> {
        Pattern::new(text, "changes.protect", Origin { file: "p".into(), line: 1 })
    }

    #[test]
    fn patterns_are_anchored() {
        let matches = |text: &str, path: &str| pattern(text).unwrap().allows(path.as_bytes());
        assert!(matches("src/**", "src/a/b.rs"));
        assert!(!matches("src/**", "x/src/a"));
        assert!(!matches("*.rs", "src/a.rs"));
        assert!(matches("**/*.rs", "a.rs"));
        assert!(matches("**/.gitlab/**", "a/.gitlab/b"));
    }

    #[test]
    fn protection_ignores_case_and_permission_does_not() {
        let pattern = pattern("Makefile").unwrap();
        assert!(pattern.protects(b"makefile"));
        assert!(!pattern.allows(b"makefile"));
    }

    #[test]
    fn ambiguous_patterns_are_refused() {
        for text in ["", "/a", "a/", "a//b", "a/../b", "!a", "[ab]", "{a,b}", "a**", "a\\b", "a\nb"] {
            assert!(pattern(text).is_err(), "{text:?}");
        }
    }
}
