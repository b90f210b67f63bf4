//! The agent's Markdown, written anew so that GitLab shows it and does nothing else with it.
//!
//! Nothing is patched in the source. It is parsed by the parser that GitLab itself renders with, with GitLab's options, and
//! what was understood is written again from a short list of constructs: paragraphs, headings, lists, quotes, tables, code,
//! emphasis, links and images of known hosts. All else becomes text or code. Then the result is parsed once more: writing it
//! again must change nothing, and nothing may be in it that is not on the list. Where that fails, the words are shown as code.
//!
//! GitLab leaves a reference alone where its sign was escaped with a backslash, and only there (its option
//! `only_escape_chars`): an entity is a plain character again when GitLab looks for references. What has no such sign goes into
//! a code span, in which GitLab looks for nothing.

mod address;
mod block;
mod check;
mod inline;
mod words;

use comrak::{
    Arena, Options,
    nodes::{Node, NodeValue},
    parse_document,
};

use super::text;
use crate::policy::Named;
pub(super) use words::without_marks;

/// Blocks and spans in each other; deeper ones are nobody's prose.
const DEEPEST: usize = 24;
/// How often a text is written anew until nothing changes any more.
const PASSES: usize = 8;
/// Bytes that a text may grow to, as a multiple of what is taken of it: empty cells of tables come from nothing.
const GROWTH: usize = 6;
/// Stands behind a text that was cut.
const CUT: &str = "*The text was longer and is cut here.*";

/// Where links may lead.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hosts {
    /// The GitLab that shows the text: its address, with its path where it has one.
    pub gitlab: String,
    /// The policy's `changes.hosts`.
    pub named: Vec<Named>,
}

/// At most `limit` bytes of `words`, as Markdown that does nothing; empty where nothing is to be seen.
pub fn clean(words: &str, limit: usize, hosts: &Hosts) -> String {
    let visible = text::visible(words);
    let taken = &visible[..visible.floor_char_boundary(limit)];
    let most = limit.saturating_mul(GROWTH);
    let made = settle(taken, hosts, most).unwrap_or_else(|| {
        let block = text::block(taken, limit);
        settle(&block, hosts, most).unwrap_or(block)
    });
    if taken.len() < visible.len() { format!("{made}\n\n{CUT}") } else { made }
}

/// [`clean`] in a block quote: whatever stands in it, it is seen to be somebody else's.
pub fn quote(words: &str, limit: usize, hosts: &Hosts) -> String {
    let quoted = clean(words, limit, hosts).lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>();
    quoted.join("\n")
}

/// The words of a text as they are read on the page, marks and tags left out, and behind them what is in tags and addresses: for
/// whoever looks for something that the marks divide.
pub fn read(words: &str) -> String {
    let arena = Arena::new();
    let root = parse_document(&arena, words, &options());
    let (mut out, mut behind) = (String::new(), String::new());
    for node in root.descendants() {
        let aside = |text: &str, behind: &mut String| {
            behind.push('\n');
            behind.push_str(text);
        };
        match &node.data().value {
            NodeValue::Text(text) => out.push_str(text),
            NodeValue::Code(code) => out.push_str(&code.literal),
            NodeValue::CodeBlock(code) => out.push_str(&format!("\n{}", code.literal)),
            NodeValue::Math(math) => out.push_str(&math.literal),
            NodeValue::Link(link) | NodeValue::Image(link) => aside(&link.url, &mut behind),
            NodeValue::HtmlInline(html) => aside(html, &mut behind),
            NodeValue::HtmlBlock(html) => aside(&html.literal, &mut behind),
            NodeValue::FootnoteReference(note) => out.push_str(&note.name),
            value if value.block() || matches!(value, NodeValue::SoftBreak | NodeValue::LineBreak) => out.push('\n'),
            _ => {}
        }
    }
    text::visible(&(out + &behind))
}

/// Writes the text anew until that changes nothing. None where it does not come to rest, grows, is too deep, or where what is
/// left could still do something.
fn settle(words: &str, hosts: &Hosts, limit: usize) -> Option<String> {
    let mut seen = words.to_owned();
    for _ in 0..PASSES {
        let next = once(&seen, hosts, limit)?;
        if next == seen {
            return check::is_harmless(&seen, hosts).then_some(seen);
        }
        seen = next;
    }
    None
}

fn once(words: &str, hosts: &Hosts, limit: usize) -> Option<String> {
    let arena = Arena::new();
    let root = parse_document(&arena, words, &options());
    if !is_shallow(root) {
        return None;
    }
    let made = block::write(root, hosts);
    (made.len() <= limit).then_some(made)
}

/// Whether no node is deeper than [`DEEPEST`]. Goes through the tree without recursion.
fn is_shallow(root: Node<'_>) -> bool {
    use comrak::arena_tree::NodeEdge;
    let mut depth = 0_usize;
    root.traverse().all(|edge| {
        match edge {
            NodeEdge::Start(_) => depth += 1,
            NodeEdge::End(_) => depth -= 1,
        }
        depth <= DEEPEST
    })
}

/// GitLab's own (lib/banzai/filter/markdown_engines/glfm_markdown.rb), as far as they decide how a text is understood.
pub fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.alerts = true;
    options.extension.autolink = true;
    options.extension.cjk_friendly_emphasis = true;
    options.extension.description_lists = true;
    options.extension.footnotes = true;
    options.extension.math_code = true;
    options.extension.math_dollars = true;
    options.extension.multiline_block_quotes = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.tasklist = true;
    options.extension.wikilinks_title_before_pipe = true;
    options.parse.relaxed_autolinks = true;
    options.parse.relaxed_tasklist_matching = true;
    options.parse.tasklist_in_table = true;
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_marks_divide_is_read_in_one() {
        for text in [
            "ab**cd**ef",
            "ab<!-- x -->cdef",
            "a&#98;c\\\ndef",
            "ab<b>cd</b>ef",
            "[ab](x)cd`ef`",
            "ab\u{200b}cdef",
            "ab![cd](x)ef",
            "# ab_cdef",
        ] {
            let read = read(text).replace('\n', "");
            assert!(read.contains("abcdef") || read.contains("ab_cdef"), "{text:?}: {read}");
        }
        assert!(read("[x](https://evil.example/abcdef)").contains("abcdef") && read("<img src=abcdef>").contains("abcdef"));
    }
}
