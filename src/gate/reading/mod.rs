//! Rules that read a file as a reviewer would, and see what a reviewer cannot.

mod direction;

use super::{
    content::File,
    finding::{Judge, Place, Way},
    rules::Rule,
};
use crate::{
    git::Mode,
    verdict::Severity::{Block, Deny, Warn},
};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("content/binary", Deny, "a file that is no text and that changes.binary does not name"),
    Rule::new("content/direction", Block, "characters that change the direction of reading"),
    Rule::new("content/line", Warn, "a line longer than changes.max_line_bytes"),
];

/// Endings of documents that are read and not run.
const PROSE: &[&str] = &["md", "markdown", "txt", "rst", "adoc", "asciidoc", "tex", "po", "pot", "html", "htm"];

/// Judges one file.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    binary(judge, file);
    direction::judge_file(judge, file);
    lines(judge, file);
}

/// Whether a file is prose by its ending.
fn is_prose(file: &File<'_>) -> bool {
    file.name().rsplit_once('.').is_some_and(|(_, ending)| PROSE.contains(&ending))
}

fn binary(judge: &mut Judge<'_>, file: &File<'_>) {
    let is_file = file.fact.new.is_some_and(|entry| entry.mode != Mode::Symlink);
    let same = file.old == file.new;
    if is_file && !same && file.text.is_none() && !judge.policy.binary.names(&file.fact.path) {
        let before = if file.old_text.is_some() && file.fact.old.is_some() { "this file became binary" } else { "this file is binary" };
        let step = "take it out of the change, or add the path to changes.binary";
        judge.find("content/binary", file, before.to_owned(), Way::Step(step));
    }
}

fn lines(judge: &mut Judge<'_>, file: &File<'_>) {
    let longest = judge.policy.max_line_bytes;
    let too_long = file.added.iter().find(|line| line.text.len() as u64 > longest);
    if let Some(line) = too_long {
        let message = format!("this line has {} bytes, more than {longest}; nobody reads that", line.text.len());
        judge.find("content/line", Place::shown(file, *line), message, Way::Rule);
    }
}
