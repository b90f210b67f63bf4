//! Writes blocks: each as lines, which the block around it indents.

use comrak::nodes::{AlertType, ListDelimType, ListType, Node, NodeList, NodeValue, TableAlignment};

use super::{Hosts, check, inline, words};
use crate::gitlab::text;

/// Stands for a line that reads like a verdict of ours.
const LEFT_OUT: &str = "*(a line that reads like a verdict of the inspection was left out)*";

/// Languages whose code is only coloured. GitLab draws others (`mermaid`, `plantuml`, `math`, all of Kroki's), makes tables,
/// buttons and queries of them.
const LANGUAGES: &str = "\
    ada apache asm awk bash bat c c# c++ cfg clojure cmake cmd conf console cpp cs csharp css csv cuda cue cxx cython dart diff \
    docker dockerfile dosbatch elixir elm env erb erl erlang ex exs f# fish fortran fsharp gherkin gitignore glsl go golang gql \
    gradle graphql groovy h haml handlebars haskell hcl hpp hs html http ini java javascript jinja js json json5 jsonc jsonnet \
    jsx julia kotlin kt latex less lisp log lua make makefile markdown matlab md meson mjs nasm nginx nim nix objc objective-c \
    ocaml pascal patch perl php pl plain plaintext postgresql powershell prisma proto protobuf ps1 py python python3 r rb regex \
    rs rst ruby rust sass scala scss sed sh shell shell-session sol solidity sql starlark svelte swift systemd tcl terraform tex \
    text tf toml ts tsx txt typescript vb vhdl vim vue wasm wat xml yaml yml zig zsh";

/// The whole text.
pub(super) fn write(root: Node<'_>, hosts: &Hosts) -> String {
    blocks(root, hosts, false).join("\n")
}

/// The lines of a block's children, with an empty line between two unless `tight`.
fn blocks(parent: Node<'_>, hosts: &Hosts, tight: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut before = None;
    for child in parent.children() {
        let (lines, mark) = match &child.data().value {
            NodeValue::List(list) => {
                let mark = mark(list, before);
                (list_lines(child, list, mark, hosts), Some(mark))
            }
            value => (block(child, value, hosts), None),
        };
        if !lines.is_empty() {
            if !out.is_empty() && !tight {
                out.push(String::new());
            }
            out.extend(lines);
            before = mark;
        }
    }
    out
}

/// A list behind a list of the same mark would be one with it.
fn mark(list: &NodeList, before: Option<char>) -> char {
    let marks = match (list.list_type, list.delimiter) {
        (ListType::Bullet, _) => ['-', '+'],
        (ListType::Ordered, ListDelimType::Period) => ['.', ')'],
        (ListType::Ordered, ListDelimType::Paren) => [')', '.'],
    };
    if before == Some(marks[0]) { marks[1] } else { marks[0] }
}

fn block(node: Node<'_>, value: &NodeValue, hosts: &Hosts) -> Vec<String> {
    match value {
        NodeValue::Paragraph | NodeValue::DescriptionTerm => paragraph(node, hosts),
        NodeValue::Heading(heading) => {
            let line = inline::one_line(node, hosts, false);
            let said = if words::imitates(&line.plain) { LEFT_OUT.to_owned() } else { line.markdown };
            if said.is_empty() { vec![] } else { vec![format!("{} {said}", "#".repeat(usize::from(heading.level.clamp(1, 6))))] }
        }
        NodeValue::ThematicBreak => vec!["***".to_owned()],
        NodeValue::CodeBlock(code) => code_lines(&code.info, &code.literal),
        NodeValue::Math(math) => code_lines("", &math.literal),
        NodeValue::HtmlBlock(html) => html_lines(&html.literal, hosts),
        NodeValue::BlockQuote | NodeValue::MultilineBlockQuote(_) => quoted(blocks(node, hosts, false)),
        NodeValue::Alert(alert) => {
            let title = alert.title.clone().unwrap_or_else(|| kind(alert.alert_type).to_owned());
            let title = inline::prose(&title, hosts);
            let lines = if title.is_empty() { vec![] } else { vec![format!("**{title}**"), String::new()] };
            quoted(lines.into_iter().chain(blocks(node, hosts, false)).collect())
        }
        NodeValue::FootnoteDefinition(note) => {
            let mut lines = vec![inline::prose(&format!("[^{}]:", note.name), hosts), String::new()];
            lines.extend(blocks(node, hosts, false));
            lines
        }
        NodeValue::Table(table) => table_lines(node, &table.alignments, hosts),
        _ => blocks(node, hosts, false),
    }
}

fn paragraph(node: Node<'_>, hosts: &Hosts) -> Vec<String> {
    let lines: Vec<inline::Written> = inline::lines(node, hosts).into_iter().filter(|line| !words::is_trailer(&line.plain)).collect();
    let whole = lines.iter().map(|line| line.plain.as_str()).collect::<Vec<_>>().join(" ");
    let single = lines.iter().any(|line| words::imitates(&line.plain));
    if words::imitates(&whole) && !single {
        return vec![LEFT_OUT.to_owned()];
    }
    let said = lines.into_iter().map(|line| if words::imitates(&line.plain) { LEFT_OUT.to_owned() } else { line.markdown });
    let mut said: Vec<String> = said.filter(|line| !line.is_empty() && line != "\\").collect();
    if let Some(last) = said.last_mut()
        && last.ends_with('\\')
        && last.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
    {
        last.pop();
    }
    said
}

fn quoted(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") }).collect()
}

fn list_lines(node: Node<'_>, list: &NodeList, mark: char, hosts: &Hosts) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (index, item) in node.children().enumerate() {
        // CommonMark numbers have nine digits at most.
        let number = (list.start + index).min(999_999_999);
        let mark = if list.list_type == ListType::Bullet { mark.to_string() } else { format!("{number}{mark}") };
        let indent = " ".repeat(mark.len() + 1);
        let task = match &item.data().value {
            NodeValue::TaskItem(task) if task.symbol.is_none_or(|symbol| symbol != '~') => {
                if task.symbol.is_some() {
                    "[x] "
                } else {
                    "[ ] "
                }
            }
            NodeValue::TaskItem(_) => "[~] ",
            _ => "",
        };
        if !list.tight && !out.is_empty() {
            out.push(String::new());
        }
        let lines = blocks(item, hosts, list.tight);
        let task = if lines.is_empty() { "" } else { task };
        let mut lines = lines.into_iter();
        out.push(format!("{mark} {task}{}", lines.next().unwrap_or_default()).trim_end().to_owned());
        out.extend(lines.map(|line| if line.is_empty() { line } else { format!("{indent}{line}") }));
    }
    out
}

fn table_lines(node: Node<'_>, alignments: &[TableAlignment], hosts: &Hosts) -> Vec<String> {
    let mut out = Vec::new();
    for (index, row) in node.children().enumerate() {
        let cells = row.children().map(|cell| {
            let line = inline::one_line(cell, hosts, true);
            if words::imitates(&line.plain) { LEFT_OUT.to_owned() } else { line.markdown }
        });
        out.push(format!("| {} |", cells.collect::<Vec<_>>().join(" | ")));
        if index == 0 {
            let marks = alignments.iter().map(|alignment| match alignment {
                TableAlignment::None => "---",
                TableAlignment::Left => ":--",
                TableAlignment::Center => ":-:",
                TableAlignment::Right => "--:",
            });
            out.push(format!("| {} |", marks.collect::<Vec<_>>().join(" | ")));
        }
    }
    out
}

/// Code in a fence longer than any in it.
fn code_lines(info: &str, code: &str) -> Vec<String> {
    let language = info.split([' ', ',', '\t']).next().unwrap_or_default().to_ascii_lowercase();
    let info = match is_known(&language) {
        true => language.as_str(),
        false if language.is_empty() => "",
        false => "text",
    };
    let code = words::harmless_code(&text::visible(code));
    let lines: Vec<String> = code.lines().map(code_line).collect();
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |at| at + 1);
    std::iter::once(format!("{fence}{info}")).chain(lines.into_iter().take(last)).chain([fence.clone()]).collect()
}

fn is_known(language: &str) -> bool {
    LANGUAGES.split(' ').any(|known| known == language && !known.is_empty())
}

/// A line of code that no reader takes for a quick action or an inclusion.
fn code_line(line: &str) -> String {
    if check::acts(line) {
        return line.replacen('/', "\\/", 1);
    }
    if line.trim_start().starts_with("::include") {
        return line.replacen("::", ":\\:", 1);
    }
    if line.trim().is_empty() { String::new() } else { line.to_owned() }
}

/// HTML as code, without its comments. A `<details>` or `<summary>` of its own only folds what stands in it: the tag goes.
fn html_lines(html: &str, hosts: &Hosts) -> Vec<String> {
    let html = without_comments(html);
    let bare = html.trim();
    let folds = ["<details>", "<details open>", "</details>", "<summary>", "</summary>"];
    if folds.iter().any(|tag| bare.starts_with(tag)) {
        let words = folds.iter().fold(bare.to_owned(), |words, tag| words.replace(tag, "\n"));
        if !words.contains(['<', '>']) {
            let said = words.lines().map(str::trim).filter(|line| !line.is_empty());
            let kept = said.filter(|line| !words::is_trailer(line) && !words::imitates(line));
            return kept.map(|line| inline::prose(line, hosts)).collect();
        }
    }
    if bare.is_empty() { vec![] } else { code_lines("html", html.trim_end()) }
}

fn without_comments(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, inside)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = inside.split_once("-->").map_or("", |(_, after)| after);
    }
    out + rest
}

fn kind(alert: AlertType) -> &'static str {
    match alert {
        AlertType::Note => "Note",
        AlertType::Tip => "Tip",
        AlertType::Important => "Important",
        AlertType::Warning => "Warning",
        AlertType::Caution => "Caution",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_known_language_is_drawn() {
        assert!(["rust", "zsh", "ada", "c++", "diff"].iter().all(|language| is_known(language)));
        for drawn in ["mermaid", "plantuml", "math", "dot", "d2", "vega", "suggestion", "json:table", "glql", "ditaa", ""] {
            assert!(!is_known(drawn), "{drawn}");
        }
    }
}
