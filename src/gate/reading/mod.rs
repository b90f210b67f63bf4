//! Rules that read a file as a reviewer would, and see what a reviewer cannot.

mod catalogue;
mod direction;
mod hidden;
mod instructions;
pub(super) mod kind;
mod made;
mod picture;
mod script;

pub(super) use script::judge_names;

use super::{
    content::File,
    finding::{Judge, Place, Way},
    language,
    rules::Rule,
};
use crate::{
    git::Mode,
    verdict::Severity::{Block, Deny, Review, Warn},
};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("content/binary", Deny, "a file that is no text and that changes.binary does not name"),
    Rule::new("content/blob", Warn, "encoded data in the place of code; review where it decodes to a program or an archive"),
    Rule::new("content/catalogue", Warn, "compiled translations that say what the .po file beside them says"),
    Rule::new("content/direction", Block, "characters that change the direction of reading"),
    Rule::new("content/generated", Warn, "a mark that a file is generated, on a file that was not"),
    Rule::new("content/hidden", Block, "characters that show nothing, or that rewrite what is shown").with_lighter(),
    Rule::new("content/image", Review, "a picture, whole and nothing but a picture, that changes.binary does not name"),
    Rule::new("content/instructions", Warn, "orders to a reviewing model, in comments or hidden text"),
    Rule::new("content/kind", Deny, "a binary file that is not what its ending says, or has something behind its end"),
    Rule::new("content/line", Warn, "a line longer than changes.max_line_bytes; review where it goes on out of sight"),
    Rule::new("content/minified", Warn, "minified code"),
    Rule::new("content/script", Warn, "a word of code with letters of another alphabet that look like Latin ones"),
    Rule::new("name/script", Deny, "a new path with letters of another alphabet that look like Latin ones"),
];

/// Judges one file.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    if binary(judge, file) {
        return;
    }
    direction::judge_file(judge, file);
    hidden::judge_file(judge, file);
    script::judge_file(judge, file);
    made::judge_file(judge, file);
    instructions::judge_file(judge, file);
    lines(judge, file);
}

/// Whether a file is prose by its name, or one of translations.
fn is_prose(file: &File<'_>) -> bool {
    matches!(language::Ground::of(file.folded), language::Ground::Prose | language::Ground::Words)
}

/// Whether the file is a binary one that has no lines to read: the policy lets it through, or no program can be in it.
fn binary(judge: &mut Judge<'_>, file: &File<'_>) -> bool {
    let is_file = file.fact.new.is_some_and(|entry| entry.mode != Mode::Symlink);
    if !is_file || file.old == file.new {
        return false;
    }
    let why = match file.text {
        None => Some("this file is binary".to_owned()),
        Some(text) => kind::is_no_text(file.new, text),
    };
    let Some(why) = why else { return false };
    if judge.policy.binary.names(&file.fact.path) {
        excepted(judge, file);
        return true;
    }
    let Some(not) = reviewable(judge, file) else { return true };
    let became = file.fact.old.is_some() && file.old_text.is_some_and(|text| kind::is_no_text(file.old, text).is_none());
    let message = if became { format!("this file became binary: {why}{not}") } else { why + not };
    let step = "take it out of the change, or add the path to changes.binary";
    judge.find("content/binary", file, message, Way::Step(step));
    !language::runs(file.folded, file.new)
}

/// Tells of a binary file that a human can judge all the same, or gives what is to be said of it besides: a picture and nothing
/// but a picture, or translations of which the source stands beside them.
fn reviewable(judge: &mut Judge<'_>, file: &File<'_>) -> Option<&'static str> {
    let step = Way::Step("look at it before merging, or add the path to changes.binary");
    match (kind::of(file.new), language::ending(file.folded)) {
        (Some(kind), ending) if kind.class == kind::Class::Media => {
            if let Some(not) = picture::why_not(kind, ending, file.new) {
                return Some(not);
            }
            judge.find("content/image", file, format!("this file is a {}", kind.name), step);
        }
        (Some(kind::CATALOGUE), "mo") => {
            let source = file.fact.path.get(..file.fact.path.len() - 2).map(|stem| [stem, b"po"].concat());
            let source = source.and_then(|path| judge.change.after().get(&path)).filter(|entry| entry.mode.is_file());
            // What cannot be read is no source.
            let text = source.and_then(|entry| judge.blobs.blob(entry.id, super::LARGEST).ok());
            if !text.is_some_and(|text| catalogue::is_of(file.new, &text)) {
                return Some("; it says something else than the .po file beside it, or there is none");
            }
            judge.find("content/catalogue", file, "these translations are those of the .po file beside them".to_owned(), step);
        }
        _ => return Some(""),
    }
    None
}

/// A binary file that the policy lets through has to be what its ending says, and no more than that.
fn excepted(judge: &mut Judge<'_>, file: &File<'_>) {
    let found = kind::of(file.new);
    let ending = language::ending(file.folded);
    let is_archive = found.is_some_and(|kind| kind.class == kind::Class::Archive);
    if let Some(expected) = kind::expected(ending)
        && found.is_none_or(|found| !expected.contains(&found))
    {
        let what = found.map_or("of no kind that is known here", |kind| kind.name);
        let message = format!("by its name this file is a {}, by its content {what}", expected.first().map_or("", |kind| kind.name));
        judge.find("content/kind", file, message, Way::Rule);
    } else if !is_archive && kind::zip_at_end(file.new) {
        judge.find("content/kind", file, "there is a zip archive at the end of this file".to_owned(), Way::Rule);
    } else if let Some(kind) = found
        && let rest = kind::behind_end(kind, file.new)
        && !rest.is_empty()
    {
        let message = format!("{} bytes stand behind the end of this {}", rest.len(), kind.name);
        judge.find("content/kind", file, message, Way::Rule);
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
