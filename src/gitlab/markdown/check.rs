//! The second look: what was written, read as GitLab reads it.

use comrak::{
    Arena,
    nodes::{Node, NodeValue},
    parse_document,
};

use super::{Hosts, inline, options};

/// Whether nothing in `written` does anything.
pub(super) fn is_harmless(written: &str, hosts: &Hosts) -> bool {
    let arena = Arena::new();
    let root = parse_document(&arena, written, &options());
    !written.lines().any(acts) && root.descendants().all(|node| is_listed(node, hosts))
}

/// Whether a line could be a quick action: a slash and a name that ends there, behind nothing but marks.
pub(super) fn acts(line: &str) -> bool {
    let body = line.trim_start_matches(|c| inline::is_mark(c) && c != '\\');
    body.strip_prefix('/').is_some_and(|rest| {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        after.len() < rest.len() && after.chars().next().is_none_or(char::is_whitespace)
    })
}

fn is_listed(node: Node<'_>, hosts: &Hosts) -> bool {
    match &node.data().value {
        NodeValue::Link(link) => hosts.links(&link.url) || link.url.strip_prefix("mailto:").is_some_and(inline::is_mail),
        NodeValue::Image(link) => hosts.shows(&link.url),
        NodeValue::Document
        | NodeValue::BlockQuote
        | NodeValue::List(_)
        | NodeValue::Item(_)
        | NodeValue::TaskItem(_)
        | NodeValue::CodeBlock(_)
        | NodeValue::Paragraph
        | NodeValue::Heading(_)
        | NodeValue::ThematicBreak
        | NodeValue::Table(_)
        | NodeValue::TableRow(_)
        | NodeValue::TableCell
        | NodeValue::Text(_)
        | NodeValue::SoftBreak
        | NodeValue::LineBreak
        | NodeValue::Code(_)
        | NodeValue::Emph
        | NodeValue::Strong
        | NodeValue::Strikethrough => true,
        _ => false,
    }
}
