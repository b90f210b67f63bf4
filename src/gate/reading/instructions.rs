//! Texts that give orders to a model which reviews the change, where people do not read: comments and hidden text.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::gate::{
    content::{File, Line},
    finding::{Judge, Place, Way},
    language::{Comments, Ground},
};

/// Phrases in which a model is spoken to. Nobody needs them in a comment; a text that avoids them is not found.
const PHRASES: &[&str] = &[
    "ignore all previous instructions",
    "ignore previous instructions",
    "ignore the previous instructions",
    "ignore all prior instructions",
    "ignore prior instructions",
    "ignore your instructions",
    "ignore any previous instructions",
    "ignore the above instructions",
    "disregard all previous instructions",
    "disregard previous instructions",
    "disregard all prior instructions",
    "disregard the above",
    "forget all previous instructions",
    "forget your instructions",
    "ai reviewer",
    "ai code reviewer",
    "ai assistant reviewing",
    "ai agent reviewing",
    "llm reviewer",
    "reviewing model",
    "note to the reviewing",
    "instructions for the ai",
    "instructions for ai",
    "instruction to the ai",
    "you are an ai",
    "as an ai language model",
    "your system prompt",
    "approve this merge request without",
    "approve this change without",
    "approve this mr",
    "approve this pull request without",
    "do not report this to",
    "do not mention this to the user",
    "do not tell the user",
    "don't tell the user",
    "without telling the user",
];

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PHRASES).ok());

/// The first added line with such a phrase in a comment, or anywhere in a file that hides characters.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(search) = SEARCH.as_ref() else { return };
    let mut found = file.added.iter().filter(|line| search.is_match(line.text)).peekable();
    if found.peek().is_none() {
        return;
    }
    let hides = super::hidden::has_hidden(file);
    let Some(line) = found.find(|line| hides || is_aside(file, **line)) else { return };
    let message = "this line speaks to a model that reads the change, in a place that people pass over".to_owned();
    judge.find("content/instructions", Place::shown(file, *line), message, Way::Rule);
}

/// Whether a line is in a comment: in prose those of HTML and Markdown, and what styles hide.
fn is_aside(file: &File<'_>, line: Line<'_>) -> bool {
    const HIDING: [&str; 7] = ["<!--", "[//]: #", "[comment]:", "display:none", "display: none", "visibility:hidden", "font-size:0"];
    let hiding = HIDING.iter().any(|mark| line.text.contains(mark));
    match Ground::of(file.folded) {
        Ground::Prose => hiding || in_html_comment(file.text.unwrap_or_default(), line.text),
        _ => {
            hiding
                || Comments::of(file.folded).fills(line.text)
                || [" //", "/*", " #", "\"\"\"", "--"].iter().any(|mark| line.text.contains(mark))
        }
    }
}

/// Whether the first place where `line` stands in `text` is in a comment that began on a line before.
fn in_html_comment(text: &str, line: &str) -> bool {
    let before = text.find(line).and_then(|at| text.get(..at)).unwrap_or_default();
    before.rfind("<!--").is_some_and(|open| before.rfind("-->").is_none_or(|close| close < open))
}
