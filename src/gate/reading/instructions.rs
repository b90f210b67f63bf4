//! Texts that give orders to a model which reviews the change, where people do not read: comments and hidden text.

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;

use crate::{
    gate::{
        content::{File, Line, lines},
        finding::{Judge, Place, Way},
        language::{Comments, Ground},
    },
    glyph::is_invisible,
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
    "ignore all of the previous",
    "ignore all instructions",
    "disregard prior instructions",
    "forget everything above",
    "approve this merge request",
    "mark this as safe",
];

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(PHRASES).ok());

/// The first added line with such a phrase in a comment, or anywhere in a file that hides characters.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(search) = SEARCH.as_ref() else { return };
    // Blanks and characters that show nothing divide no phrase.
    let says = |line: &&Line<'_>| {
        let doubtful = line.text.contains("  ") || !line.text.is_ascii();
        let plain = || {
            let visible: String = line.text.chars().filter(|sign| !is_invisible(*sign)).collect();
            visible.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        search.is_match(line.text) || doubtful && search.is_match(&plain())
    };
    let mut found = file.added.iter().filter(says).peekable();
    if found.peek().is_none() {
        return;
    }
    let hides = super::hidden::has_hidden(file);
    let commented =
        if Ground::of(file.folded) == Ground::Prose { in_html_comments(file.text.unwrap_or_default()) } else { BTreeSet::new() };
    let Some(line) = found.find(|line| hides || commented.contains(&line.number) || is_aside(file, **line)) else { return };
    let message = "this line speaks to a model that reads the change, in a place that people pass over".to_owned();
    judge.find("content/instructions", Place::shown(file, *line), message, Way::Rule);
}

/// Whether a line is in a comment: in prose those of HTML and Markdown, and what styles hide.
fn is_aside(file: &File<'_>, line: Line<'_>) -> bool {
    const HIDING: [&str; 7] = ["<!--", "[//]: #", "[comment]:", "display:none", "display: none", "visibility:hidden", "font-size:0"];
    let hiding = HIDING.iter().any(|mark| line.text.contains(mark));
    match Ground::of(file.folded) {
        Ground::Prose => hiding,
        _ => {
            hiding
                || Comments::of(file.folded).fills(line.text)
                || [" //", "/*", " #", "\"\"\"", "--"].iter().any(|mark| line.text.contains(mark))
        }
    }
}

/// Numbers of the lines of `text` that begin in a comment.
fn in_html_comments(text: &str) -> BTreeSet<u64> {
    let mut open = false;
    let mut found = BTreeSet::new();
    for line in lines(text) {
        if open {
            found.insert(line.number);
        }
        let (opens, closes) = (line.text.rfind("<!--"), line.text.rfind("-->"));
        open = match (opens, closes) {
            (None, None) => open,
            (opens, closes) => opens > closes,
        };
    }
    found
}
