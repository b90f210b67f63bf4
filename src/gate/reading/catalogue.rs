//! Compiled translations and the text that they were made of: where a catalogue has no message and no byte besides, who reads
//! the text has read it.

use std::collections::{HashMap, HashSet};

/// Bytes of the head, which says where the tables are (GNU gettext's manual, "The Format of GNU MO Files").
const HEAD: usize = 28;

/// Original and translation.
type Messages<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Whether `compiled` is a catalogue of messages of `source`, a PO file, and nothing else.
pub(super) fn is_of(compiled: &[u8], source: &[u8]) -> bool {
    let (Some(messages), Some(known)) = (compiled_messages(compiled), source_messages(source)) else { return false };
    messages.iter().all(|(original, translation)| {
        known.get(*original).is_some_and(|known| known == translation || original.is_empty() && has_lines_of(translation, known))
    })
}

/// Some compilers leave out lines of the head, and translators' services fill in later who translated what, and when. What
/// says how the messages are to be read is the same.
fn has_lines_of(head: &[u8], known: &[u8]) -> bool {
    const BOOKKEEPING: [&str; 7] = [
        "Project-Id-Version: ",
        "Report-Msgid-Bugs-To: ",
        "POT-Creation-Date: ",
        "PO-Revision-Date: ",
        "Last-Translator: ",
        "Language-Team: ",
        "Generated-By: ",
    ];
    const LONGEST: usize = 200;
    let lines = |text| <[u8]>::split(text, |b| *b == b'\n');
    let known: HashSet<Vec<u8>> = lines(known).map(<[u8]>::to_ascii_lowercase).collect();
    let keeps_books = |line: &[u8]| line.len() <= LONGEST && BOOKKEEPING.iter().any(|start| line.starts_with(start.as_bytes()));
    let mut others = lines(head).filter(|line| !known.contains(&line.to_ascii_lowercase()));
    others.by_ref().take(BOOKKEEPING.len()).all(keeps_books) && others.next().is_none()
}

/// The messages of a catalogue whose parts stand one behind the other without a gap, as every compiler writes them.
fn compiled_messages(bytes: &[u8]) -> Option<Messages<'_>> {
    let number: fn([u8; 4]) -> u32 = match bytes.get(..4)? {
        b"\xde\x12\x04\x95" => u32::from_le_bytes,
        b"\x95\x04\x12\xde" => u32::from_be_bytes,
        _ => return None,
    };
    let field = |at: usize| usize::try_from(number(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok();
    let (revision, count, originals, translations, hashes) = (field(4)?, field(8)?, field(12)?, field(16)?, field(20)?);
    let table = count.checked_mul(8)?;
    let strings = HEAD.checked_add(table.checked_mul(2)?)?.checked_add(hashes.checked_mul(4)?)?;
    let sound = revision == 0 && originals == HEAD && translations == HEAD + table && strings <= bytes.len();
    // The table of hashes has numbers of messages alone.
    let is_one = |at| field(at).is_some_and(|number| number <= count);
    if !sound || !(HEAD + 2 * table..strings).step_by(4).all(is_one) {
        return None;
    }
    let mut at = strings;
    let mut next = |table: usize| {
        let (length, start) = (field(table)?, field(table + 4)?);
        let text = bytes.get(at..at.checked_add(length)?).filter(|_| start == at)?;
        at += length + 1;
        (bytes.get(at - 1) == Some(&0)).then_some(text)
    };
    let texts = (0..2 * count).map(|number| next(HEAD + 8 * number)).collect::<Option<Vec<_>>>()?;
    let (originals, translations) = texts.split_at(count);
    // In order, and each once.
    (at == bytes.len() && originals.is_sorted_by(|a, b| a < b))
        .then(|| originals.iter().copied().zip(translations.iter().copied()).collect())
}

/// What follows a keyword.
#[derive(Default)]
struct Message {
    context: Option<Vec<u8>>,
    original: Option<Vec<u8>>,
    plural: Option<Vec<u8>>,
    translations: Vec<Vec<u8>>,
}

impl Message {
    /// As a catalogue has it: the context before EOT, plural forms divided by NUL.
    fn into_pair(self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut original = self.context.map(|context| [context, vec![4]].concat()).unwrap_or_default();
        original.extend(self.original?);
        if let Some(plural) = self.plural {
            original.push(0);
            original.extend(plural);
        }
        Some((original, self.translations.join(&0)))
    }
}

/// The messages of a PO file, those that are no more in use left out; none where a line is not understood.
fn source_messages(text: &[u8]) -> Option<HashMap<Vec<u8>, Vec<u8>>> {
    let (mut messages, mut message) = (HashMap::new(), Message::default());
    for line in text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).split(|b| *b == b'\n').map(<[u8]>::trim_ascii) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (keyword, quoted) = line.split_at(line.iter().position(|b| *b == b'"')?);
        let part = unquoted(quoted)?;
        let is_next = !message.translations.is_empty() && matches!(keyword.trim_ascii(), b"msgctxt" | b"msgid");
        if is_next {
            messages.extend(Some(std::mem::take(&mut message).into_pair()?));
        }
        match keyword.trim_ascii() {
            b"msgctxt" => message.context = Some(part),
            b"msgid" => message.original = Some(part),
            b"msgid_plural" => message.plural = Some(part),
            keyword if keyword.starts_with(b"msgstr") => message.translations.push(part),
            b"" => {
                let Message { context, original, plural, translations } = &mut message;
                translations.last_mut().or(plural.as_mut()).or(original.as_mut()).or(context.as_mut())?.extend(part);
            }
            _ => return None,
        }
    }
    if message.original.is_some() {
        messages.extend(Some(message.into_pair()?));
    }
    Some(messages)
}

/// A text in quotes, with C's escapes, that fills the rest of its line.
fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?.iter().copied();
    let mut out = Vec::new();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'"' => return None,
            b'\\' => match rest.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'v' => 11,
                b'f' => 12,
                sign @ (b'"' | b'\\') => sign,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"# Translations
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"POT-Creation-Date: 2024-01-01\n"

#: quay.py:1
msgid "berth"
msgstr "Liegeplatz"

msgctxt "tide"
msgid "high"
msgstr ""
"hoch\t\"ja\"\n"

msgid "one ship"
msgid_plural "%d ships"
msgstr[0] "ein Schiff"
msgstr[1] "%d Schiffe"

#~ msgid "gone"
#~ msgstr "weg"
"#;

    /// A catalogue as compilers write it, with some numbers in a table of hashes and bytes behind its end.
    fn compiled(messages: &[(&str, &str)], hashes: &[u32], behind: &[u8]) -> Vec<u8> {
        let count = messages.len();
        let start = HEAD + 16 * count + 4 * hashes.len();
        let (mut table, mut strings) = (Vec::new(), Vec::new());
        for text in messages.iter().map(|(original, _)| original).chain(messages.iter().map(|(_, translation)| translation)) {
            table.extend([text.len() as u32, (start + strings.len()) as u32]);
            strings.extend([text.as_bytes(), b"\0"].concat());
        }
        let head = [0x9504_12de, 0, count as u32, HEAD as u32, (HEAD + 8 * count) as u32, hashes.len() as u32, (HEAD + 16 * count) as u32];
        let numbers: Vec<u8> = head.iter().chain(&table).chain(hashes).flat_map(|number| number.to_le_bytes()).collect();
        [numbers, strings, behind.to_vec()].concat()
    }

    #[test]
    fn a_catalogue_of_its_source_is_known() {
        let all = [
            ("", "Content-Type: text/plain; charset=utf-8\nLast-Translator: somebody\n"),
            ("berth", "Liegeplatz"),
            ("one ship\0%d ships", "ein Schiff\0%d Schiffe"),
            ("tide\u{4}high", "hoch\t\"ja\"\n"),
        ];
        assert!(is_of(&compiled(&all, &[], b""), SOURCE.as_bytes()));
        assert!(is_of(&compiled(&all[1..2], &[0, 1, 0], b""), SOURCE.replace('\n', "\r\n").as_bytes()));
        let big: Vec<u8> = compiled(&[], &[], b"").chunks(4).flat_map(|number| number.iter().rev().copied().collect::<Vec<u8>>()).collect();
        assert!(is_of(&big, SOURCE.as_bytes()));
    }

    #[test]
    fn a_catalogue_with_more_than_its_source_is_not() {
        let one = [("berth", "Liegeplatz")];
        for (what, compiled) in [
            ("another message", compiled(&[("berth", "Liegeplatz"), ("ship", "evil")], &[], b"")),
            ("another translation", compiled(&[("berth", "evil")], &[], b"")),
            ("another line of the head", compiled(&[("", "Plural-Forms: evil\n")], &[], b"")),
            ("many lines of the head", compiled(&[("", &"Last-Translator: a\n".repeat(8))], &[], b"")),
            ("a long line of the head", compiled(&[("", &format!("Last-Translator: {}\n", "a".repeat(200)))], &[], b"")),
            ("one that is no more in use", compiled(&[("gone", "weg")], &[], b"")),
            ("the same message twice", compiled(&[one[0], one[0]], &[], b"")),
            ("bytes behind its end", compiled(&one, &[], b"#!/bin/sh")),
            ("bytes among its hashes", compiled(&one, &[0x2123_2f62], b"")),
            ("a gap", {
                let mut bytes = compiled(&one, &[], b"");
                bytes.splice(44..44, *b"evil");
                bytes
            }),
            ("a part that is cut", compiled(&one, &[], b"").split_last().unwrap().1.to_vec()),
            ("no catalogue", b"\x7fELF".to_vec()),
            ("nothing", vec![]),
            ("more than there is", [&compiled(&[], &[], b"")[..8], &[0xff; 20]].concat()),
        ] {
            assert!(!is_of(&compiled, SOURCE.as_bytes()), "{what}");
        }
        for source in ["msgid \"berth\"\nmsgstr \"Liegeplatz\" x\n", "msgid berth\n", "msgid \"berth\"\nmsgstr \"Liege\\platz\"\n", ""] {
            assert!(!is_of(&compiled(&one, &[], b""), source.as_bytes()), "{source}");
        }
    }
}
