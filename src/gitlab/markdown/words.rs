//! What GitLab, git and readers take for more than words: marks that skip pipelines, trailers, imitations of a verdict, keys of
//! other trackers.

use unicode_normalization::UnicodeNormalization as _;

use crate::gitlab::text::{is_closing, without_closing};

/// Words that marks like `[skip ci]` are made of; one of the first two is among them.
const SKIPPING: [&str; 14] =
    ["skip", "no", "ci", "cd", "pipeline", "pipelines", "build", "deploy", "actions", "secret", "push", "protection", "detection", "scan"];
/// The longest such mark.
const LONGEST_MARK: usize = 60;

/// Takes the brackets from marks that make GitLab or others skip something: `[skip ci]`, `[ci-skip]`, `[skip secret push protection]`,
/// in any case and with any spaces (GitLab's documentation, "Skip a pipeline", "Secret push protection").
pub(in crate::gitlab) fn without_marks(text: &str) -> String {
    let mut text = text.to_owned();
    // Taking one away may make another of what is around it.
    for _ in 0..8 {
        match one_pass(&text) {
            next if next == text => return text,
            next => text = next,
        }
    }
    text.replace(['[', ']'], " ")
}

fn one_pass(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once('[') {
        out.push_str(before);
        let end = inside[..inside.floor_char_boundary(LONGEST_MARK)].find(['[', ']']);
        rest = match end.map(|end| inside.split_at(end)) {
            Some((mark, after)) if after.starts_with(']') && is_mark(mark) => {
                out.push_str(mark.trim());
                &after[1..]
            }
            _ => {
                out.push('[');
                inside
            }
        };
    }
    out + rest
}

fn is_mark(inside: &str) -> bool {
    let folded: String = inside.nfkc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let skips = words.iter().any(|word| SKIPPING[..2].contains(word)) || matches!(words.as_slice(), ["noci" | "skipci" | "ciskip"]);
    let known = |word: &&str| SKIPPING.contains(word) || ["noci", "skipci", "ciskip"].contains(word);
    skips && (words.len() > 1 || folded.contains("ci")) && words.iter().all(known)
}

/// Whether a line is a trailer: git and GitLab read `Signed-off-by: …`, `Changelog: …` at a message's end, which a merge
/// commit may take from a description.
pub(super) fn is_trailer(line: &str) -> bool {
    let line = fold(line);
    let Some((key, value)) = line.trim_start().split_once(':') else { return false };
    let key = key.trim_end();
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let known = key.ends_with("-by") || key == "changelog" || key.starts_with("tidewaiter-");
    plain && known && !value.trim().is_empty()
}

/// What only the inspection or a person says, in words between single spaces; `the` is left out.
const VERDICTS: [&str; 26] = [
    "approved by security",
    "approved by appsec",
    "approved by maintainer",
    "approved by maintainers",
    "approved by code owner",
    "approved by code owners",
    "reviewed by security",
    "verified by security",
    "cleared by security",
    "signed off by security",
    "security approved",
    "security team approved",
    "security approval granted",
    "security review passed",
    "security scan passed",
    "security check passed",
    "inspected before it left job",
    "change passed every rule",
    "safe to merge",
    "auto merge enabled",
    "set to auto merge",
    "merge without review",
    "merged without review",
    "no review needed",
    "no review required",
    "no review is needed",
];
/// What the project's own name does not stand beside unless the project says it.
const BESIDE_NAME: [&str; 12] =
    ["passed", "approved", "approves", "inspected", "verified", "verdict", "checked", "reviewed", "scanned", "cleared", "signed", "safe"];

/// Whether a line reads like a verdict or a footer of ours, whatever its case, its letters' style and its punctuation.
pub(super) fn imitates(line: &str) -> bool {
    let words: Vec<String> =
        fold(line).split(|c: char| !c.is_alphanumeric()).filter(|word| !matches!(*word, "" | "the")).map(str::to_owned).collect();
    let named = words.iter().any(|word| word.contains("tidewaiter"));
    let joined = format!(" {} ", words.join(" "));
    VERDICTS.iter().any(|verdict| joined.contains(&format!(" {verdict} ")))
        || (named && words.iter().any(|word| BESIDE_NAME.contains(&word.as_str())))
}

/// Small letters in their plain form; the look-alikes of other alphabets that are most used for it as Latin ones.
fn fold(line: &str) -> String {
    line.nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).flat_map(char::to_lowercase).map(latin).collect()
}

fn latin(letter: char) -> char {
    match letter {
        'а' | 'α' => 'a',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' => 'i',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'у' | 'υ' => 'y',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        '‐' | '‑' | '–' | '—' => '-',
        other => other,
    }
}

/// Names before `-<number>` that are standards and not projects of a tracker.
const STANDARDS: [&str; 24] = [
    "UTF", "UCS", "SHA", "SHA2", "SHA3", "MD", "AES", "RSA", "ISO", "IEC", "IEEE", "RFC", "CVE", "CWE", "PEP", "ECMA", "HTTP", "TLS",
    "CRC", "ASCII", "GPT", "BCP", "X86", "ARM",
];

/// The bytes of a key of another tracker (`ABC-123`) at the start of `text`, which does not continue a word. Behind a closing
/// word every such name is one.
pub(super) fn tracker_key(text: &str, closing: impl FnOnce() -> bool) -> Option<usize> {
    let name = text.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_').count();
    let digits = text[name..].strip_prefix('-')?.bytes().take_while(u8::is_ascii_digit).count();
    let key = name > 1 && digits > 0 && text.starts_with(|c: char| c.is_ascii_uppercase());
    (key && (!STANDARDS.contains(&&text[..name]) || closing())).then_some(name + 1 + digits)
}

/// Whether the last word of `text` would close what comes next.
pub(super) fn ends_closing(text: &str) -> bool {
    // No such word is longer, whatever stands before it.
    let text = &text[text.ceil_char_boundary(text.len().saturating_sub(64))..];
    let mut words = text.rsplit(char::is_whitespace).filter(|word| !word.is_empty());
    let last = words.next().unwrap_or_default();
    is_closing(last) || (["issue", "issues", ":"].contains(&last.to_ascii_lowercase().as_str()) && words.next().is_some_and(is_closing))
}

/// Code as it may stand in a text: GitLab looks for closing words and marks in the raw text, code included.
pub(super) fn harmless_code(code: &str) -> String {
    without_marks(&without_closing(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lose_their_brackets() {
        for (text, left) in [
            ("x [skip ci] y", "x skip ci y"),
            ("[CI  SKIP]", "CI  SKIP"),
            ("[ ci-skip ]", "ci-skip"),
            ("[skip_ci]", "skip_ci"),
            ("[no_pipeline]", "no_pipeline"),
            ("[noci]", "noci"),
            ("[skip secret push protection]", "skip secret push protection"),
            ("[[skip ci]]", "skip ci"),
            ("[no [skip ci] ]", "no skip ci"),
            ("[\u{ff53}kip ci]", "\u{ff53}kip ci"),
        ] {
            assert_eq!(without_marks(text), left);
        }
        for text in ["[skip]", "[no]", "[x] skip ci", "[skip the tests]", "a[0]", "[ci]", "[", "[skip ci", "[build]"] {
            assert_eq!(without_marks(text), text);
        }
    }

    #[test]
    fn trailers_are_known() {
        for line in ["Co-authored-by: A <a@b.example>", "signed-off-by : x", "APPROVED-BY: y", "Changelog: added", "Tidewaiter-Policy: x"] {
            assert!(is_trailer(line), "{line}");
        }
        for line in ["Changelog:", "Note: x", "Stand-by: ", "the file is read line by line: slow", "Fixes: a crash"] {
            assert!(!is_trailer(line), "{line}");
        }
    }

    #[test]
    fn a_verdict_is_ours_to_say() {
        for line in [
            "✅ Approved by Security.",
            "Inspected by **tidewaiter**",
            "Tidewaiter: verdict pass",
            "Аpproved by ѕecurity",
            "This change was inspected before it left the job",
            "𝐀𝐩𝐩𝐫𝐨𝐯𝐞𝐝 𝐛𝐲 𝐬𝐞𝐜𝐮𝐫𝐢𝐭𝐲",
        ] {
            assert!(imitates(line), "{line}");
        }
        for line in ["All tests passed", "Reviewed the parser", "The security check is now in one place", "Tidewaiter gets a new option"] {
            assert!(!imitates(line), "{line}");
        }
    }

    #[test]
    fn keys_of_trackers_are_no_standards() {
        assert_eq!(tracker_key("ABC-123, x", || false), Some(7));
        assert_eq!(tracker_key("A_B2-1", || false), Some(6));
        for text in ["UTF-8", "A-1", "abc-1", "ABC-x", "ABC", "1A-2"] {
            assert_eq!(tracker_key(text, || false), None, "{text}");
        }
        assert_eq!(tracker_key("CVE-2024", || true), Some(8));
        assert!(ends_closing("This fixes ") && ends_closing("Closes issue ") && !ends_closing("prefix "));
    }
}
