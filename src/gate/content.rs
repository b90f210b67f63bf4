//! A changed file with what it holds on both sides.

use std::{borrow::Cow, collections::HashMap};

use super::{Blobs, Change, Error, Fact, LARGEST, language};
use crate::git::{self, Entry, Mode, Pointer};

/// Bytes in which a NUL makes a file binary, as git decides it (gitattributes(5), "Marking files as binary").
const LOOKED_AT: usize = 8000;

/// One line of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// Without its line break.
    pub(super) text: &'a str,
}

/// A changed file, for the rules that read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    /// Where it is and what it was.
    pub(super) fact: &'a Fact,
    /// Its path as the most forgiving file system reads it ([`super::place::fold`]).
    pub(super) folded: &'a str,
    /// Its bytes in the base; none where it was not there, and where they cannot be had: then all of it is new.
    pub(super) old: &'a [u8],
    /// Its bytes in the candidate; none where it is gone. The target of a symbolic link.
    pub(super) new: &'a [u8],
    /// `old` as text; none where it is binary and nothing that runs.
    pub(super) old_text: Option<&'a str>,
    /// `new` as text; none where it is binary and nothing that runs.
    pub(super) text: Option<&'a str>,
    /// Lines of `text` that `old_text` has not. A line that only moved is none of them.
    pub(super) added: &'a [Line<'a>],
    /// Lines of `old_text` that `text` has not.
    pub(super) removed: &'a [Line<'a>],
}

impl<'a> File<'a> {
    /// The last name of the path, folded.
    pub(super) fn name(&self) -> &'a str {
        self.folded.rsplit('/').next().unwrap_or_default()
    }
}

/// Reads both sides of `fact`, which is one of `change`, and hands them to `look`.
///
/// # Errors
/// [`Error::Git`] when the new content cannot be read.
pub(super) fn with<T>(fact: &Fact, change: &Change, blobs: &dyn Blobs, look: impl FnOnce(&File<'_>) -> T) -> Result<T, Error> {
    let blob = |entry: Option<Entry>| entry.filter(|entry| entry.mode != Mode::Gitlink).map(|entry| blobs.blob(entry.id, LARGEST));
    let object = change.object(fact);
    let old = match blob(fact.old) {
        // What was there may be missing in a partial clone, or too large to read; it does not leave.
        None | Some(Err(git::Error::Missing(_) | git::Error::BlobTooLarge { .. })) => vec![],
        // Nor is the object of the base's pointer here.
        Some(Ok(old)) if object.is_some() && Pointer::looks_like_one(&old) => vec![],
        Some(other) => other?,
    };
    let new = match object {
        Some(pointer) => blobs.object(&pointer)?,
        None => blob(fact.new).transpose()?.unwrap_or_default(),
    };
    let folded = super::place::fold(&fact.path);
    // What runs a program may take no notice of a byte that makes its file binary for others, so it is read all the same.
    let read = |bytes| text(bytes).or_else(|| language::runs(&folded, bytes).then(|| String::from_utf8_lossy(bytes)));
    let (old_text, text) = (read(&old), read(&new));
    let (old_text, text) = (old_text.as_deref(), text.as_deref());
    let (added, removed) = differences(old_text.unwrap_or_default(), text.unwrap_or_default());
    Ok(look(&File { fact, folded: &folded, old: &old, new: &new, old_text, text, added: &added, removed: &removed }))
}

/// `bytes` as text: UTF-16 by its mark or its look, else UTF-8 in which broken bytes are replaced; none for binary.
pub(super) fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Some(text) = utf16(bytes) {
        return Some(Cow::Owned(text));
    }
    let beginning = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    (!beginning.contains(&0)).then(|| String::from_utf8_lossy(bytes))
}

/// UTF-16 with a byte order mark, or without one where it begins with plain Latin letters and reads as text: images and
/// tables of numbers begin like that as well.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (unit, is_marked): (fn([u8; 2]) -> u16, bool) = match bytes {
        [0xFF, 0xFE, ..] => (u16::from_le_bytes, true),
        [0xFE, 0xFF, ..] => (u16::from_be_bytes, true),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (u16::from_le_bytes, false),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => (u16::from_be_bytes, false),
        _ => return None,
    };
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|sign| sign.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    (is_marked || !text.contains('\0') && !has_many_controls(&text)).then_some(text)
}

/// A text in an old encoding has many bytes that are no UTF-8, but not one control character in so many signs.
const TEXTLESS: usize = 50;

/// Whether `text` has more control characters than a text has.
pub(super) fn has_many_controls(text: &str) -> bool {
    let controls = text.chars().filter(|sign| matches!(sign, '\u{1}'..='\u{8}' | '\u{e}'..='\u{1a}' | '\u{1c}'..='\u{1f}')).count();
    controls * TEXTLESS > text.chars().count()
}

/// The lines of a text; LF, CR LF and CR alone end one.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut rest = text;
    let texts = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r'])).unwrap_or_default();
        Some(line)
    });
    (1..).zip(texts).map(|(number, text)| Line { number, text })
}

/// Lines of `new` that are not in `old`, and the other way round. A line that stands more often than before counts where
/// it stands last. Takes time in proportion to both texts, whatever they are.
fn differences<'a>(old: &'a str, new: &'a str) -> (Vec<Line<'a>>, Vec<Line<'a>>) {
    let (old, new): (Vec<Line<'_>>, Vec<Line<'_>>) = (lines(old).collect(), lines(new).collect());
    (surplus(&new, &old), surplus(&old, &new))
}

fn surplus<'a>(of: &[Line<'a>], over: &[Line<'a>]) -> Vec<Line<'a>> {
    let mut there: HashMap<&str, usize> = HashMap::new();
    for line in over {
        *there.entry(line.text).or_default() += 1;
    }
    let new = |line: &&Line<'a>| match there.get_mut(line.text) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    of.iter().filter(new).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_removed_lines_are_told_with_their_numbers() {
        for (old, new, added, removed) in [
            ("a\nb\n", "a\nb\n", vec![], vec![]),
            ("a\nb\n", "a\nc\n", vec![2], vec![2]),
            ("", "a\nb\nc", vec![1, 2, 3], vec![]),
            ("a\n", "", vec![], vec![1]),
            ("a\nb\n", "b\na\n", vec![], vec![]),
            ("a\n", "a\na\n", vec![2], vec![]),
            ("a\nb", "a\r\nb\rc", vec![3], vec![]),
        ] {
            let found = differences(old, new);
            let numbers = |lines: &[Line<'_>]| lines.iter().map(|line| line.number).collect::<Vec<_>>();
            assert_eq!((numbers(&found.0), numbers(&found.1)), (added, removed), "{old:?} {new:?}");
        }
    }

    #[test]
    fn text_is_known_whatever_its_encoding() {
        let utf16 = |mark: &[u8], unit: fn(u16) -> [u8; 2]| [mark, &"hé\n".encode_utf16().flat_map(unit).collect::<Vec<_>>()].concat();
        assert_eq!(text(b"h\xe9\n").unwrap(), "h\u{fffd}\n");
        assert_eq!(text(&utf16(&[0xFF, 0xFE], u16::to_le_bytes)).unwrap(), "\u{feff}hé\n");
        assert_eq!(text(&utf16(&[0xFE, 0xFF], u16::to_be_bytes)).unwrap(), "\u{feff}hé\n");
        assert_eq!(text(&utf16(b"", u16::to_le_bytes)).unwrap(), "hé\n");
        assert_eq!(text(b"\x7fELF\0\0"), None);
        // A Targa image, and a table of numbers.
        assert_eq!(text(b"\x1a\0\x0a\0\0\0\0\0\0\0\0\0\x80\0\x80\0\x18\0Truevision"), None);
        assert_eq!(text(&(1..40_u16).flat_map(u16::to_le_bytes).collect::<Vec<_>>()), None);
        assert_eq!(text(b""), Some(Cow::Borrowed("")));
    }
}
