//! Git's built-in conversions of a file's bytes on their way into a blob (gitattributes(5): `text`, `eol`, `ident`),
//! by given attributes. Nothing else is converted.

use crate::git::Attributes;

/// What the attributes ask for that is not built in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Filter(String),
    Encoding(String),
}

/// How line ends are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Keep,
    Always,
    /// If the bytes look like text and the base's blob has no CRLF.
    IfText,
}

/// The filter driver of Git LFS. Its conversion is built in here: the blob of a file is the pointer to its bytes.
const LFS: &str = "lfs";

/// Whether Git LFS holds the file, and nothing else would convert it.
pub(super) fn is_large(attributes: &Attributes) -> bool {
    attributes.get("filter") == LFS && foreign(attributes).is_none()
}

/// A filter or encoding that stands between these bytes and their blob.
pub(super) fn foreign(attributes: &Attributes) -> Option<Foreign> {
    let given = |name: &str| Some(attributes.get(name)).filter(|value| !matches!(*value, "unspecified" | "unset"));
    let encoding = given("working-tree-encoding").filter(|name| !matches!(name.to_ascii_lowercase().as_str(), "utf-8" | "utf8"));
    let filter = given("filter").filter(|name| *name != LFS).map(|name| Foreign::Filter(name.to_owned()));
    filter.or_else(|| encoding.map(|name| Foreign::Encoding(name.to_owned())))
}

/// Whether any conversion is asked for.
pub(super) fn converts(attributes: &Attributes) -> bool {
    ends(attributes) != Ends::Keep || attributes.get("ident") == "set"
}

/// Whether the base's blob has to be known to convert.
pub(super) fn needs_base(attributes: &Attributes) -> bool {
    ends(attributes) == Ends::IfText
}

/// The bytes of the blob that git would make of `bytes`; `base` is the blob that stood there before, if any.
pub(super) fn to_git(bytes: Vec<u8>, attributes: &Attributes, base: Option<&[u8]>) -> Vec<u8> {
    let convert = match ends(attributes) {
        Ends::Keep => false,
        Ends::Always => true,
        Ends::IfText => is_text(&bytes) && !base.is_some_and(|base| has_crlf(base) && is_text(base)),
    };
    let bytes = if convert && has_crlf(&bytes) { without_crlf(&bytes) } else { bytes };
    if attributes.get("ident") == "set" { without_ident(&bytes) } else { bytes }
}

/// `crlf` is the old name of `text` (gitattributes(5), "Backwards compatibility with crlf attribute").
fn ends(attributes: &Attributes) -> Ends {
    let text = match (attributes.get("text"), attributes.get("crlf")) {
        ("unspecified", "input") => "set",
        ("unspecified", old) => old,
        (new, _) => new,
    };
    match (text, attributes.get("eol")) {
        ("unset", _) => Ends::Keep,
        ("auto", _) => Ends::IfText,
        ("set", _) | (_, "crlf" | "lf") => Ends::Always,
        _ => Ends::Keep,
    }
}

fn has_crlf(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\r\n")
}

fn without_crlf(bytes: &[u8]) -> Vec<u8> {
    let next = bytes.iter().skip(1).map(Some).chain(std::iter::once(None));
    bytes.iter().zip(next).filter(|pair| *pair != (&b'\r', Some(&b'\n'))).map(|(b, _)| *b).collect()
}

/// What git takes for text: no NUL, no lone CR, and at most one in 128 bytes that is not printable. A final
/// end-of-file mark of DOS does not count.
fn is_text(bytes: &[u8]) -> bool {
    let body = bytes.strip_suffix(b"\x1a").unwrap_or(bytes);
    let (mut printable, mut other) = (0_usize, 0_usize);
    for (at, b) in body.iter().enumerate() {
        match b {
            0 => return false,
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
            b'\r' => return false,
            b'\n' => {}
            0x08 | b'\t' | 0x1b | 0x0c => printable += 1,
            0x7f | ..0x20 => other += 1,
            _ => printable += 1,
        }
    }
    printable / 128 >= other
}

/// `$Id: anything$` becomes `$Id$`.
fn without_ident(bytes: &[u8]) -> Vec<u8> {
    const START: &[u8] = b"$Id:";
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(START.len()).position(|window| window == START) {
        let after = &rest[at + START.len()..];
        match after.iter().position(|b| *b == b'$' || *b == b'\n') {
            Some(end) if after[end] == b'$' => {
                out.extend_from_slice(&rest[..at]);
                out.extend_from_slice(b"$Id$");
                rest = &after[end + 1..];
            }
            _ => {
                out.extend_from_slice(&rest[..at + START.len()]);
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().fold(Attributes::default(), |made, (name, value)| made.with(name, value))
    }

    #[test]
    fn line_ends_follow_the_attributes() {
        let convert = |pairs: &[(&str, &str)], bytes: &str, base: Option<&str>| {
            to_git(bytes.as_bytes().to_vec(), &attributes(pairs), base.map(str::as_bytes))
        };
        assert_eq!(convert(&[], "a\r\n", None), b"a\r\n");
        assert_eq!(convert(&[("text", "set")], "a\r\nb\rc\r\r\n", None), b"a\nb\rc\r\n");
        assert_eq!(convert(&[("eol", "crlf")], "a\r\n", None), b"a\n");
        assert_eq!(convert(&[("text", "unset"), ("eol", "crlf")], "a\r\n", None), b"a\r\n");
        assert_eq!(convert(&[("text", "auto")], "a\r\n", None), b"a\n");
        assert_eq!(convert(&[("text", "auto")], "a\r\n", Some("x\r\n")), b"a\r\n");
        assert_eq!(convert(&[("text", "auto")], "a\0\r\n", None), b"a\0\r\n");
        assert_eq!(convert(&[("ident", "set")], "x $Id: 123 $ $Id: open\n$Id$", None), b"x $Id$ $Id: open\n$Id$");
    }

    #[test]
    fn filters_and_encodings_are_foreign() {
        assert_eq!(foreign(&attributes(&[("filter", "lfs"), ("text", "unset")])), None);
        assert_eq!(foreign(&attributes(&[("filter", "crypt")])), Some(Foreign::Filter("crypt".into())));
        let both = attributes(&[("filter", "lfs"), ("working-tree-encoding", "UTF-16")]);
        assert_eq!(foreign(&both), Some(Foreign::Encoding("UTF-16".into())), "git would encode the pointer");
        assert_eq!(foreign(&attributes(&[("working-tree-encoding", "UTF-16")])), Some(Foreign::Encoding("UTF-16".into())));
        assert_eq!(foreign(&attributes(&[("working-tree-encoding", "UTF-8"), ("filter", "unset")])), None);
    }
}
