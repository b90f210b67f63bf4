//! Writes what stands within a paragraph, a heading or a cell.

use comrak::nodes::{Node, NodeValue};

use super::{Hosts, address, words};
use crate::gitlab::text;

/// The longest word that is looked at as a whole: addresses of mailboxes and paths of projects are no longer.
const LONGEST: usize = 256;

/// A line of Markdown as it grows.
pub(super) struct Line<'a> {
    hosts: &'a Hosts,
    /// In a table a `|` ends the cell, in code too.
    in_table: bool,
    out: String,
    /// The same without marks, for what a reader reads.
    plain: String,
    /// Nothing but marks so far, behind which GitLab or another reader might take a slash for a quick action.
    blank: bool,
    /// Within a link: no link stands in a link.
    in_link: bool,
}

/// One line, as it is written and as it is read.
pub(super) struct Written {
    pub(super) markdown: String,
    pub(super) plain: String,
}

/// The lines of a block's content, divided where the block itself is.
pub(super) fn lines(block: Node<'_>, hosts: &Hosts) -> Vec<Written> {
    let mut lines = Vec::new();
    let mut line = Line::new(hosts, false);
    let mut texts = String::new();
    for child in block.children() {
        let hard = matches!(child.data().value, NodeValue::LineBreak);
        if hard || matches!(child.data().value, NodeValue::SoftBreak) {
            line.text(&std::mem::take(&mut texts), None);
            let ended = std::mem::replace(&mut line, Line::new(hosts, false)).end();
            let mark = if hard { "\\" } else { "" };
            lines.push(Written { markdown: format!("{}{mark}", ended.markdown), ..ended });
        } else {
            line.child(child, &mut texts);
        }
    }
    line.text(&texts, None);
    lines.push(line.end());
    lines
}

/// The content of a heading or a cell, which has one line.
pub(super) fn one_line(block: Node<'_>, hosts: &Hosts, in_table: bool) -> Written {
    let mut line = Line::new(hosts, in_table);
    line.children(block);
    line.end()
}

/// `words` as a line of text.
pub(super) fn prose(words: &str, hosts: &Hosts) -> String {
    let mut line = Line::new(hosts, false);
    line.text(words, None);
    line.end().markdown
}

impl<'a> Line<'a> {
    fn new(hosts: &'a Hosts, in_table: bool) -> Self {
        Self { hosts, in_table, out: String::new(), plain: String::new(), blank: true, in_link: false }
    }

    fn end(self) -> Written {
        Written { markdown: self.out.trim().to_owned(), plain: self.plain.trim().to_owned() }
    }

    fn children(&mut self, node: Node<'_>) {
        let mut texts = String::new();
        for child in node.children() {
            self.child(child, &mut texts);
        }
        self.text(&texts, None);
    }

    /// Writes `child`, or puts it to `texts` where it is text that goes on.
    fn child(&mut self, child: Node<'_>, texts: &mut String) {
        let value = child.data().value.clone();
        match &value {
            NodeValue::Text(words) => return texts.push_str(words),
            NodeValue::SoftBreak | NodeValue::LineBreak => return texts.push(' '),
            NodeValue::Escaped => return child.children().for_each(|inner| self.child(inner, texts)),
            NodeValue::FootnoteReference(note) => return texts.push_str(&format!("[^{}]", note.name)),
            NodeValue::TaskItem(task) => return texts.push_str(&format!("[{}] ", task.symbol.unwrap_or(' '))),
            NodeValue::HtmlInline(html) if is_break(html) => return texts.push(' '),
            NodeValue::HtmlInline(html) if html.starts_with("<!--") => return,
            _ => {}
        }
        let next = match &value {
            NodeValue::Link(_) => Some('['),
            NodeValue::Image(_) => Some('!'),
            _ => None,
        };
        self.text(&std::mem::take(texts), next);
        match &value {
            NodeValue::Code(code) => self.code(&code.literal),
            NodeValue::Math(math) => self.code(math.literal.trim()),
            NodeValue::HtmlInline(html) => self.code(html),
            NodeValue::Emph => self.marked("*", child),
            NodeValue::Strong => self.marked("**", child),
            NodeValue::Strikethrough => self.marked("~~", child),
            NodeValue::Link(link) => self.link(&link.url, child),
            NodeValue::Image(link) => self.image(&link.url, child),
            _ => self.children(child),
        }
    }

    fn marked(&mut self, mark: &str, node: Node<'_>) {
        // A mark beside its like would be read as another one.
        let same = node.parent().is_some_and(|parent| parent.data().value == node.data().value);
        if same || plain(node).trim().is_empty() {
            return self.children(node);
        }
        self.out.push_str(mark);
        self.children(node);
        let kept = self.out.trim_end_matches(' ').len();
        let spaces = self.out.split_off(kept);
        self.out.push_str(mark);
        self.out.push_str(&spaces);
    }

    fn link(&mut self, url: &str, node: Node<'_>) {
        let words = plain(node);
        if url.strip_prefix("mailto:").is_some_and(|address| address == words && is_mail(address)) {
            self.put(&words);
        } else if self.in_link {
            self.children(node);
        } else if self.hosts.links(url) && !words.trim().is_empty() {
            self.out.push('[');
            self.in_link = true;
            if words == url {
                self.code(url);
            } else {
                self.children(node);
            }
            self.in_link = false;
            self.out.push_str(&format!("](<{url}>)"));
        } else {
            let shown = address::shown(url);
            if words == url || url.strip_suffix(words.as_str()).is_some_and(|scheme| scheme.ends_with("://") || scheme.ends_with(':')) {
                return self.code(&shown);
            }
            self.children(node);
            if !shown.is_empty() {
                self.put(" (");
                self.code(&shown);
                self.put(")");
            }
        }
    }

    fn image(&mut self, url: &str, node: Node<'_>) {
        let words = plain(node);
        if self.hosts.shows(url) && !self.in_link {
            self.out.push_str("![");
            self.text(&words, None);
            self.out.push_str(&format!("](<{url}>)"));
        } else if words.trim().is_empty() {
            self.put("(image)");
        } else {
            self.text(&words, None);
        }
    }

    /// A code span; what would close something or make a pipeline be skipped does not in code either.
    fn code(&mut self, code: &str) {
        let mut code = words::harmless_code(&text::visible(code).replace(['\n', '\t'], " "));
        self.plain.push_str(&code);
        if self.in_table {
            code = code.replace('|', "\\|");
        }
        if code.trim().is_empty() {
            return;
        }
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest + 1);
        let padded = code.starts_with('`') || code.ends_with('`') || (code.starts_with(' ') && code.ends_with(' '));
        let pad = if padded { " " } else { "" };
        // Two fences beside each other would be one.
        let gap = if self.out.ends_with('`') && !self.out.ends_with("\\`") { " " } else { "" };
        self.out.push_str(&format!("{gap}{fence}{pad}{code}{pad}{fence}"));
        self.blank = false;
    }

    /// Words of ours, or such that need no escape.
    fn put(&mut self, words: &str) {
        self.out.push_str(words);
        self.plain.push_str(words);
        self.blank = false;
    }

    /// Text: whatever means something to the parser or to GitLab is escaped. `next` is written behind it.
    fn text(&mut self, words: &str, next: Option<char>) {
        let words = words::without_marks(&text::visible(words));
        let words: String = words.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        let mut before = self.plain.chars().next_back().unwrap_or(' ');
        let mut at = 0;
        while let Some(sign) = words[at..].chars().next() {
            let rest = &words[at..];
            let size = match (!is_word(before)).then(|| self.token(rest)).flatten() {
                Some(size) => size,
                None => {
                    let after = rest[sign.len_utf8()..].chars().next();
                    self.sign(sign, before, after.or(next), after.is_none());
                    sign.len_utf8()
                }
            };
            before = rest[..size].chars().next_back().unwrap_or(' ');
            at += size;
        }
    }

    /// Writes what is known by more than one character, and says how long it is.
    fn token(&mut self, rest: &str) -> Option<usize> {
        if let Some(size) = mail_at(rest) {
            self.put(&rest[..size]);
            return Some(size);
        }
        let near = &rest[..rest.floor_char_boundary(LONGEST)];
        let word = near.find([' ', '<', '>', '`', '"']).unwrap_or(near.len());
        let word = rest[..word].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '*', '_', '~']).len();
        let folded = rest[..word.min(rest.floor_char_boundary(16))].to_ascii_lowercase();
        let scheme = folded.find(|c: char| !(c.is_ascii_alphanumeric() || "+.-".contains(c))).unwrap_or(folded.len());
        let address = (scheme > 0 && folded[scheme..].starts_with("://"))
            || ["www.", "mailto:", "xmpp:", "data:", "javascript:", "vbscript:"].iter().any(|begin| folded.starts_with(begin));
        let tags = ["[toc]", "[[_toc_]]"].iter().find(|tag| folded.starts_with(*tag)).map(|tag| tag.len());
        let size = address.then_some(word).or(tags).or_else(|| {
            let project = near.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-._/".contains(b)).count();
            let project = (project > 0 && rest[..project].contains('/') && rest[project..].starts_with('>')).then_some(project + 1);
            project.or_else(|| words::tracker_key(rest, || words::ends_closing(&self.plain))).or_else(|| diff(rest))
        })?;
        let code = if address { address::shown(&rest[..size]) } else { rest[..size].to_owned() };
        self.code(&code);
        Some(size)
    }

    fn sign(&mut self, sign: char, before: char, after: Option<char>, last: bool) {
        let next = after.unwrap_or(' ');
        let slash = matches!(sign, '/' | '／' | '∕' | '⁄' | '⧸' | '╱');
        // Longer than all marks of spans in each other, it is no line's beginning.
        let first = self.out.len() < LONGEST && self.out.trim_start_matches(['*', '~', '[', ' ']).is_empty();
        let escaped = match sign {
            '\\' | '`' | '*' | '[' | ']' | '<' | '$' | '|' | '^' | '~' => true,
            '_' => !(is_word(before) && is_word(next)),
            '@' => true,
            '#' => first || !next.is_whitespace(),
            '!' => is_word(next) || next == '[' || (last && after.is_some()),
            '&' => is_word(next) || next == '#',
            '%' => is_word(next) || matches!(next, '"' | '{' | '%'),
            ':' => first || !next.is_whitespace(),
            '>' | '-' | '+' | '=' => first,
            '.' | ')' => self.plain.len() < LONGEST && self.plain.trim_start().bytes().all(|b| b.is_ascii_digit()) && !first,
            '/' => self.blank,
            _ => false,
        };
        if slash && sign != '/' && self.blank {
            self.out.push_str(&format!("&#{};", u32::from(sign)));
        } else {
            self.out.extend(escaped.then_some('\\'));
            self.out.push(sign);
        }
        self.plain.push(sign);
        self.blank &= is_mark(sign);
    }
}

/// Marks of lists, quotes, headings, tables and emphasis, and what an old reader of quick actions might pass over.
pub(super) fn is_mark(sign: char) -> bool {
    sign.is_whitespace() || sign.is_ascii_digit() || "->*+.)#|:[]~_'\"\\=(".contains(sign)
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn is_break(html: &str) -> bool {
    let tag = html.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/').trim();
    tag.eq_ignore_ascii_case("br")
}

/// The words below `node`.
fn plain(node: Node<'_>) -> String {
    node.descendants().fold(String::new(), |mut out, inner| {
        match &inner.data().value {
            NodeValue::Text(words) => out.push_str(words),
            NodeValue::Code(code) => out.push_str(&code.literal),
            NodeValue::Math(math) => out.push_str(&math.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => out.push(' '),
            _ => {}
        }
        out
    })
}

/// An address of a mailbox as everybody writes it; GitLab mentions nobody by it, since a word stands before the `@`.
pub(super) fn is_mail(text: &str) -> bool {
    text.len() < LONGEST && mail_at(text) == Some(text.len())
}

fn mail_at(text: &str) -> Option<usize> {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let local = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"._+-".contains(b)).count();
    let (name, rest) = (&text[..local], text[local..].strip_prefix('@')?);
    let domain = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || b".-".contains(b)).count();
    let domain = rest[..domain].trim_end_matches(['.', '-']);
    let sound = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
        && domain.ends_with(|c: char| c.is_ascii_alphabetic())
        && !rest[domain.len()..].starts_with(|c: char| is_word(c) || c == '@' || c == '/');
    sound.then_some(local + 1 + domain.len())
}

/// The opening mark of GitLab's inline diffs (`{+ … +}`), where its closing one follows.
fn diff(rest: &str) -> Option<usize> {
    let pairs = [("{+", "+}"), ("[+", "+]"), ("{-", "-}"), ("[-", "-]")];
    pairs.iter().any(|(open, close)| rest.strip_prefix(open).is_some_and(|after| after.contains(close))).then_some(2)
}
