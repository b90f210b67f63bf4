//! Regular expressions as Go writes them (RE2's syntax), for an engine that takes linear time.

use std::sync::{Arc, OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

/// States that a pattern may need; the automaton of one that stays below is made in milliseconds.
const LARGEST: usize = 100_000;

/// Bytes that its automaton may take; more than a pattern of [`LARGEST`] needs.
const MEMORY: usize = 64 << 20;

/// A checked pattern. It is over bytes and knows no letters beyond ASCII by kind or case, as most rules are meant: half a
/// percent of the time and two of the memory that all of Unicode costs.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Arc<str>,
    groups: usize,
    compiled: Arc<OnceLock<Option<Regex>>>,
}

impl Expression {
    /// Checks `text`.
    ///
    /// # Errors
    /// Why it cannot be searched for, to be said after "which"; nothing of the text is in it.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let text = translated(text);
        let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).nest_limit(64).build();
        let hir = parser.parse(&text).map_err(|error| match error {
            regex_syntax::Error::Parse(error) => format!("cannot be searched for in linear time: {}", error.kind()),
            regex_syntax::Error::Translate(error) => format!("cannot be searched for in linear time: {}", error.kind()),
            _ => "cannot be searched for in linear time".to_owned(),
        })?;
        if states(&hir) > LARGEST {
            return Err("is too large: it repeats too much".to_owned());
        }
        let groups = hir.properties().explicit_captures_len();
        Ok(Self { text: text.into(), groups, compiled: Arc::default() })
    }

    /// Groups that capture.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// The pattern in the engine's own syntax.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The automaton, made when it is first asked for; none when even [`MEMORY`] is not enough, which the check excludes.
    pub fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| RegexBuilder::new(&self.text).unicode(false).size_limit(MEMORY).build().ok()).as_ref()
    }
}

/// States of the automaton, roughly.
fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(_) => 2,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1) as usize;
            states(&repetition.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(states).fold(1, usize::saturating_add),
    }
}

/// `text` with what RE2 takes literally and this engine does not escaped: a brace that repeats nothing, and in classes
/// brackets and doubled signs.
fn translated(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    let (mut at, mut class, mut repeatable) = (0, false, false);
    while let Some(&letter) = letters.get(at) {
        let next = letters.get(at + 1).copied();
        at += 1;
        match letter {
            '\\' => {
                out.push(letter);
                out.extend(next);
                at += 1;
                repeatable = true;
                continue;
            }
            '[' if class && next == Some(':') => {
                let rest = letters.get(at..).unwrap_or_default();
                let length = class_name(rest);
                out.push_str(if length > 0 { "[" } else { "\\[" });
                out.extend(rest.iter().take(length));
                at += length;
                continue;
            }
            '[' if class => out.push('\\'),
            '&' | '~' | '-' if class && next == Some(letter) => out.push('\\'),
            ']' if class => {
                class = false;
                repeatable = true;
            }
            '[' => {
                class = true;
                out.push(letter);
                if next == Some('^') {
                    out.push('^');
                    at += 1;
                }
                // The first bracket is one of the class.
                if letters.get(at) == Some(&']') {
                    out.push_str("\\]");
                    at += 1;
                }
                continue;
            }
            '{' if !(class || repeatable && is_count(letters.get(at..).unwrap_or_default())) => out.push('\\'),
            _ => {}
        }
        if !class {
            repeatable = !matches!(letter, '(' | '|');
        }
        out.push(letter);
    }
    out
}

/// Whether `letters` go on as a count does: `3}`, `3,}`, `3,5}`.
fn is_count(letters: &[char]) -> bool {
    let end = letters.iter().position(|letter| !letter.is_ascii_digit() && *letter != ',').unwrap_or(letters.len());
    letters.first().is_some_and(char::is_ascii_digit) && letters.get(end) == Some(&'}')
}

/// Letters of the name of a class of POSIX' that `letters` begin with, as `:alpha:]`; 0 where they do not.
fn class_name(letters: &[char]) -> usize {
    let name = letters.iter().skip(1).take_while(|letter| letter.is_ascii_lowercase() || **letter == '^').count();
    if letters.get(name + 1..name + 3) == Some(&[':', ']']) { name + 3 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_takes_is_taken() {
        for (text, yes, no) in [
            (r"^\$(?:\d+|{\d+})$", "${12}", "$x"),
            (r"^\${(?:[A-Z_]+)}$", "${NAME}", "$NAME"),
            (r"[\w[]{3}", "a[b", "a b"),
            (r"[]a]{2}x", "]ax", "bax"),
            (r"[[:alnum:]_]{4}", "a_b9", "a b9"),
            (r"(?i)KEY", "key", "kez"),
            (r"[a&&b]", "&", "c"),
            (r"\x60", "`", "'"),
        ] {
            let expression = Expression::new(text).unwrap();
            let regex = expression.regex().unwrap();
            assert!(regex.is_match(yes.as_bytes()) && !regex.is_match(no.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_takes_more_than_linear_time_or_space_is_refused() {
        for text in [r"(a)\1", r"(?=a)b", r"(?<!a)b", r"((a{1000}){1000}){9}", "(", r"\pL"] {
            assert!(Expression::new(text).is_err(), "{text}");
        }
    }
}
