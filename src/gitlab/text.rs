//! Text that others wrote, made so that GitLab shows it and does nothing else with it.
//!
//! GitLab executes quick actions (`/merge`) in text that comes through its API, notifies whom `@name` names, closes the issues
//! that `Closes #1` names, fetches images, and renders HTML. Nothing here tries to find all of that by parsing Markdown as
//! GitLab does: text of others goes into code, where nothing is rendered, and what GitLab looks for in the raw text is
//! broken as well.

use super::markdown::without_marks;
use crate::glyph::is_invisible;

/// Marks a text that was cut.
const CUT: &str = " […]";
/// Longer lines of a block are folded at a space, since GitLab does not.
const FOLD: usize = 110;
/// The longest run of characters without a space in a block.
const WORD: usize = 1000;

/// `text` without control characters (save line ends and tabs), without characters that cannot be seen, and without those
/// that change the direction of what is beside them; every kind of line end becomes `\n`.
pub fn visible(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace(['\r', '\x0b', '\x0c', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    unified.chars().filter(|&c| matches!(c, '\n' | '\t') || !(c.is_control() || is_invisible(c))).collect()
}

/// `text` on one line of at most `limit` bytes, visible characters only. Says nothing of Markdown.
pub fn line(text: &str, limit: usize) -> String {
    cut(&visible(text).split_whitespace().collect::<Vec<_>>().join(" "), limit, CUT)
}

/// `text` as an inline code span on one line: for paths, ids, names.
pub fn code(text: &str, limit: usize) -> String {
    let text = harmless(&line(text, limit)).replace('`', "'").replace('|', "¦");
    if text.is_empty() { "`(empty)`".to_owned() } else { format!("`{text}`") }
}

/// `text` as prose on one line: every character that means something in Markdown or HTML is escaped.
pub fn prose(text: &str, limit: usize) -> String {
    let text = harmless(&line(text, limit));
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A bare address would become a link.
            ':' => out.push_str("&#58;"),
            // In a table it would begin a cell.
            '|' => out.push('¦'),
            '.' | ',' | ';' | '(' | ')' | '\'' | '"' | '?' | '%' => out.push(c),
            _ if c.is_ascii_punctuation() => out.extend(['\\', c]),
            _ => out.push(c),
        }
        out
    })
}

/// Bytes of a title: GitLab takes 255 characters, and ours stand around it.
const TITLE: usize = 200;
/// What GitLab takes for the mark of a draft at a title's start (its documentation, "Draft merge requests"), and what it once took.
const DRAFT: [&str; 12] =
    ["draft:", "draft :", "draft -", "[draft]", "(draft)", "draft", "wip:", "wip :", "wip -", "[wip]", "(wip)", "wip"];

/// `text` for a title or the first line of a commit message: one line, no mention, no reference, no closing word, no mark of a
/// draft or of a pipeline to skip. GitLab reads no Markdown there, so that no backslash would help: signs get a space behind them.
pub fn title(text: &str) -> String {
    let text = without_references(&harmless(&line(text, 2 * TITLE)));
    let mut rest = text.trim_start_matches(['/', ' ']);
    while let Some(next) = DRAFT.iter().find_map(|mark| without_prefix(rest, mark)) {
        rest = next.trim_start_matches(['/', ' ']);
    }
    let rest = cut(rest.trim_end(), TITLE, "");
    if rest.is_empty() { "(no title)".to_owned() } else { rest }
}

/// What is behind `mark`; a mark that is a word alone is one only where nothing is behind it.
fn without_prefix<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(mark.len())?;
    let whole = !mark.ends_with(char::is_alphabetic) || rest.is_empty();
    (head.eq_ignore_ascii_case(mark) && whole).then_some(rest)
}

/// Puts a space into what GitLab takes for a reference or an address in a title.
fn without_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let before = out.chars().next_back().unwrap_or(' ');
        out.push(sign);
        let after = signs.peek().copied().unwrap_or(' ');
        let refers = match sign {
            '#' | '!' | '&' | '$' => after.is_ascii_digit() || after == '"',
            '%' | '~' => !before.is_alphanumeric() && (after.is_alphanumeric() || matches!(after, '"' | '_' | '{')),
            '^' => after.is_ascii_alphabetic(),
            ':' => after == '/' || (!after.is_whitespace() && names_a_kind(&out)),
            _ => false,
        };
        if refers {
            out.push(' ');
        }
    }
    out
}

/// Whether `text` ends like `[vulnerability:` or `*iteration:`.
fn names_a_kind(text: &str) -> bool {
    text.trim_end_matches(':').trim_end_matches(|c: char| c.is_ascii_lowercase() || c == '_').ends_with(['[', '*'])
}

/// `text` in a fenced code block of its own, at most `limit` bytes of it.
///
/// No run of three backticks is left inside, so that the fence is the only one for every reader, GitLab's simple search for
/// quick actions included; and no line begins with `/`, should such a reader take the block for prose all the same.
pub fn block(text: &str, limit: usize) -> String {
    let text = cut(visible(text).trim_end(), limit, CUT).replace("```", "'''").replace('\t', "    ");
    let folded: Vec<String> = text.lines().flat_map(fold).map(|line| without_action(&harmless(&line))).collect();
    format!("```text\n{}\n```", folded.join("\n"))
}

/// Breaks a line at spaces, and a word without spaces where it gets too long.
fn fold(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in line.split_inclusive(' ').flat_map(pieces) {
        let size = word.chars().count();
        if width > 0 && width + size > FOLD {
            lines.push(String::new());
            width = 0;
        }
        width += size;
        if let Some(last) = lines.last_mut() {
            last.push_str(word);
        }
    }
    lines
}

fn pieces(mut word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while word.len() > WORD {
        let (piece, rest) = word.split_at(word.floor_char_boundary(WORD));
        pieces.push(piece);
        word = rest;
    }
    pieces.push(word);
    pieces
}

/// Puts a backslash before a `/` that begins a line, also after the marks of lists, quotes and headings.
fn without_action(line: &str) -> String {
    let marks = |c: char| c.is_whitespace() || c.is_ascii_digit() || "->*+.)#|:[]~_'\"`".contains(c);
    let body = line.trim_start_matches(marks);
    if body.starts_with('/') { format!("{}\\{body}", &line[..line.len() - body.len()]) } else { line.to_owned() }
}

/// Breaks what GitLab finds in raw text: mentions, closing words, marks that skip pipelines.
fn harmless(text: &str) -> String {
    without_marks(&without_closing(&without_mentions(text)))
}

/// Puts a space after an `@` that could begin a name.
fn without_mentions(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut mentions) = (' ', false);
    for c in text.chars() {
        if mentions && !c.is_whitespace() {
            out.push(' ');
        }
        // Behind a letter or digit of ASCII (`\w` in Ruby) it is an address, which mentions nobody.
        mentions = c == '@' && !before.is_ascii_alphanumeric();
        before = c;
        out.push(c);
    }
    out
}

/// The stems of GitLab's default closing pattern (its documentation, "Default closing pattern").
const CLOSING: [&str; 4] = ["clos", "fix", "resolv", "implement"];
const ENDINGS: [&str; 7] = ["", "e", "es", "ed", "d", "s", "ing"];

/// Puts a dot between a closing word and what it would close.
pub(super) fn without_closing(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut closing = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim();
        if closing && !bare.is_empty() && bare.contains(|c: char| c.is_ascii_digit() || c == '#' || c == '/') {
            out.push_str("· ");
        }
        closing = (closing && is_between(bare)) || is_closing(bare);
        out.push_str(word);
    }
    out
}

/// Words that the pattern lets stand between: nothing, a colon, `issue`.
fn is_between(word: &str) -> bool {
    word.is_empty() || word == ":" || ["issue", "issues"].contains(&word.to_ascii_lowercase().as_str())
}

pub(super) fn is_closing(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let word = word.trim_end_matches(':');
    let word = word.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or(word);
    CLOSING.iter().any(|stem| word.strip_prefix(stem).is_some_and(|ending| ENDINGS.contains(&ending)))
}

/// At most `limit` bytes of `text`, in whole characters, with `mark` behind where it was cut.
pub(super) fn cut(text: &str, limit: usize, mark: &str) -> String {
    if text.len() <= limit { text.to_owned() } else { format!("{}{mark}", &text[..text.floor_char_boundary(limit)]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitLab's own search for quick actions, as simple as it once was: a slash at the start of a line outside of ``` blocks.
    fn executes(text: &str) -> bool {
        let mut inside = false;
        text.split(['\n', '\r']).any(|line| {
            inside ^= line.starts_with("```");
            !inside && line.trim_start_matches(|c: char| c.is_whitespace() || "->*+#|1.".contains(c)).starts_with('/')
        })
    }

    #[test]
    fn no_quick_action_is_left() {
        for text in [
            "/merge",
            "x\n/merge",
            "x\r/merge",
            "x\r\n  /merge",
            "- /merge",
            "> - 1. /merge",
            "\u{200b}/merge",
            "\u{2028}/merge",
            "```\n/merge\n```\n/close",
            "````\n```\n/merge",
            "~~~\n/merge\n~~~",
            "\x0c/merge",
            "<!-- -->\n/merge",
            "[x]: /y\n/merge",
        ] {
            assert!(!executes(&block(text, 1000)), "{text:?}: {}", block(text, 1000));
            for made in [block(text, 1000), prose(text, 1000), code(text, 1000)] {
                assert!(!made.lines().any(|line| line.trim_start().starts_with('/')), "{text:?}: {made}");
            }
        }
        assert!(executes("x\n/merge") && executes("> - /merge"), "the search finds what it should");
        let long = format!("{} /merge", "x".repeat(105));
        assert!(block(&long, 1000).contains("\n\\/merge"), "folding makes no line that begins with a slash");
    }

    #[test]
    fn a_block_has_one_fence() {
        for text in ["```", "````\n```", "`````````", "``\u{200b}`\nx", "~~~\n```", "a\r```\rb"] {
            let made = block(text, 1000);
            assert_eq!(made.matches("```").count(), 2, "{text:?}: {made}");
            assert!(made.starts_with("```text\n") && made.ends_with("\n```"));
        }
        assert_eq!(code("a`b``c\n```d", 100), "`a'b''c '''d`");
    }

    #[test]
    fn nobody_is_mentioned() {
        for text in ["@all", "x @group/sub: y", "(@all)", "\"@all", "@\u{200b}all", "@@all", "é@all", "a@@all"] {
            for made in [block(text, 100), code(text, 100), prose(text, 100), title(text)] {
                let mentions = made.split('@').skip(1).any(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
                assert!(!mentions, "{text:?}: {made}");
            }
        }
        assert!(block("mail a@b.example", 100).contains("a@b.example"));
    }

    #[test]
    fn nothing_is_closed() {
        for text in [
            "Closes #5",
            "fixes: #5",
            "Resolved   #5",
            "implements issue #5",
            "fixing https://x.example/i/5",
            "(closes ABC-12)",
            "x: Close\n#5",
        ] {
            for made in [prose(text, 100), title(text), code(text, 100)] {
                assert!(made.contains('·'), "{text:?}: {made}");
            }
        }
        assert_eq!(title("Closes the door"), "Closes the door");
        assert!(block("Closes #5", 100).contains("Closes · #5"));
    }

    #[test]
    fn prose_shows_every_character_as_it_is() {
        assert_eq!(
            prose("<img src=x> ![a](https://evil.example/?q) *b*", 200),
            r"&lt;img src\=x&gt; \!\[a\](https&#58;\/\/evil.example\/?q) \*b\*"
        );
    }

    #[test]
    fn titles_stay_short_and_are_no_draft() {
        assert_eq!(title("Draft: [WIP] draft:x\n/merge"), "x /merge");
        for text in ["draft", "WIP -", "[DRAFT] (wip)", "/ Draft: ", "draft : draft"] {
            assert_eq!(title(text), "(no title)", "{text:?}");
        }
        for text in ["Draft a policy", "Wipe the disk", "Drafts: list them"] {
            assert_eq!(title(text), text);
        }
        for long in ["é", "@a ", "#1", "a@b "] {
            assert!(title(&long.repeat(1000)).chars().count() <= TITLE, "{long}");
        }
        assert_eq!(title("\u{200b}"), "(no title)");
    }

    #[test]
    fn titles_refer_to_nothing() {
        for (text, left) in [
            ("See #1, g/p!2, &3, $4", "See # 1, g/p! 2, & 3, $ 4"),
            ("%x ~bug ~\"a b\" ^alert#5", "% x ~ bug ~ \"a b\" ^ alert# 5"),
            ("[vulnerability:1] *iteration:2", "[vulnerability: 1] *iteration: 2"),
            ("https://evil.example/x", "https: //evil.example/x"),
            ("[Skip CI] fix", "Skip CI fix"),
            ("/merge", "merge"),
            ("fix(core): 100% of C# in std::io at 12:30 & ~/x", "fix(core): 100% of C# in std::io at 12:30 & ~/x"),
        ] {
            assert_eq!(title(text), left);
            assert_eq!(title(left), left);
        }
    }

    #[test]
    fn long_text_is_cut_and_folded() {
        assert!(block(&"x".repeat(100_000), 10_000).len() < 10_100);
        assert_eq!(fold("").len(), 1);
        let line = "word ".repeat(100);
        assert!(fold(&line).iter().all(|part| part.len() <= FOLD) && fold(&line).concat() == line);
    }
}
