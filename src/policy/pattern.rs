//! The one glob dialect for repository paths.
//!
//! A pattern is anchored at the repository's root and is matched against the whole path: `*` and `?` stay within one
//! name, `**` as a whole name stands for any number of names, at the end of a pattern for at least one. There are no brackets,
//! braces, negations or escapes; a pattern that another tool would read differently is refused when the policy is read.

use std::fmt;

use crate::glyph::fold;

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
    exact: Glob,
    folded: Glob,
    text: String,
    key: &'static str,
    origin: Origin,
}

impl Pattern {
    /// Checks `text`, found at `origin` under `key` (e.g. `changes.protect`).
    ///
    /// # Errors
    /// A sentence that says what is ambiguous.
    pub fn new(text: &str, key: &'static str, origin: Origin) -> Result<Self, String> {
        check(text)?;
        let folded = fold(text.as_bytes());
        let many = |text: &str| text.split('/').map(|name| name == "**").collect::<Vec<_>>();
        if check(&folded).is_err() || many(text) != many(&folded) {
            return Err("means something else once the characters are left out that nobody sees".to_owned());
        }
        Ok(Self { exact: Glob::new(text), folded: Glob::new(&folded), text: text.to_owned(), key, origin })
    }

    /// Whether `path` (from the repository's root, `/` between names) matches byte for byte: for what is allowed.
    pub fn allows(&self, path: &[u8]) -> bool {
        self.exact.matches(path)
    }

    /// Whether `path` matches as it is, or as the most forgiving file system reads path and pattern: for what is protected.
    /// `folded` is the path's [`fold`].
    pub fn protects(&self, path: &[u8], folded: &str) -> bool {
        self.exact.matches(path) || self.folded.matches(folded.as_bytes())
    }

    /// The line of policy, e.g. `default.toml:31: changes.protect = ".gitlab/**"`.
    pub fn policy_line(&self) -> String {
        format!("{}: {} = \"{}\"", self.origin, self.key, self.text)
    }
}

/// A pattern, name by name.
#[derive(Clone, Debug)]
struct Glob(Vec<Name>);

/// What stands for names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// `**`: any number of them.
    Many,
    /// The end of a final `**`: one, whatever it is.
    Any,
    /// One name by its letters.
    Like(Vec<Letter>),
}

/// A character, or a byte that belongs to none.
type Letter = u32;

impl Glob {
    fn new(text: &str) -> Self {
        let name = |name: &str| if name == "**" { Name::Many } else { Name::Like(letters(name.as_bytes())) };
        let mut names: Vec<Name> = text.split('/').map(name).collect();
        if names.last() == Some(&Name::Many) {
            names.push(Name::Any);
        }
        Self(names)
    }

    fn matches(&self, path: &[u8]) -> bool {
        let names: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
        let one = |own: &Name, name: &&[u8]| match own {
            Name::Many => false,
            Name::Any => true,
            Name::Like(own) => {
                let one = |own: &Letter, letter: &Letter| own == letter || *own == u32::from('?');
                !name.is_empty() && fits(own, &letters(name), |own| *own == u32::from('*'), one)
            }
        };
        fits(&self.0, &names, |own| *own == Name::Many, one)
    }
}

fn letters(text: &[u8]) -> Vec<Letter> {
    let letter = |chunk: std::str::Utf8Chunk<'_>| {
        let bytes = chunk.invalid().iter().map(|byte| u32::from(char::MAX) + 1 + u32::from(*byte));
        chunk.valid().chars().map(u32::from).chain(bytes).collect::<Vec<_>>()
    };
    text.utf8_chunks().flat_map(letter).collect()
}

/// Whether `parts` fit to the items of a pattern: one that is `many` to any number of them, any other to a part that is `one` for it.
/// What stands for many takes as few as it can, and one more whenever the rest does not fit: the time is at most the product of both
/// lengths.
fn fits<P, T>(pattern: &[P], parts: &[T], many: impl Fn(&P) -> bool, one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut seen, mut last) = (0, 0, None);
    while let Some(part) = parts.get(seen) {
        match (pattern.get(at), last) {
            (Some(item), _) if many(item) => {
                at += 1;
                last = Some((at, seen));
            }
            (Some(item), _) if one(item, part) => (at, seen) = (at + 1, seen + 1),
            (_, Some((after, taken))) => {
                (at, seen) = (after, taken + 1);
                last = Some((after, seen));
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(at).all(many)
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
    fn protection_ignores_case_and_form_and_permission_does_not() {
        for (text, path) in [("Makefile", "makefile"), ("É/**", "e\u{301}/x"), ("stra\u{200b}ße/?", "STRASSE/ö"), ("d?/a", "DÉ/A")] {
            let pattern = pattern(text).unwrap();
            assert!(pattern.protects(path.as_bytes(), &fold(path.as_bytes())), "{text} {path}");
            assert!(!pattern.allows(path.as_bytes()), "{text} {path}");
        }
    }

    #[test]
    fn a_question_mark_is_one_character_and_a_star_at_the_end_of_a_path_is_a_name() {
        let allows = |text: &str, path: &[u8]| pattern(text).unwrap().allows(path);
        assert!(allows("a?c", "aéc".as_bytes()) && allows("a?c", b"a\xffc") && !allows("a??c", "aéc".as_bytes()));
        // What is found about the whole change has no path.
        assert!(allows("**", b"") && !allows("*", b"") && !allows("a/**", b"a") && allows("**/a", b"a"));
    }

    #[test]
    fn ambiguous_patterns_are_refused() {
        for text in ["", "/a", "a/", "a//b", "a/../b", "!a", "[ab]", "{a,b}", "a**", "a\\b", "a\nb", "a/\u{200b}/b", "*\u{200b}*"] {
            assert!(pattern(text).is_err(), "{text:?}");
        }
    }
}
