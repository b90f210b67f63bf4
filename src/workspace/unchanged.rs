//! Whether a file is still what the base says, where nobody recorded what was handed over.

use super::{
    Error, LARGEST_CHANGED,
    convert::{Foreign, converts, foreign, is_large, needs_base, to_git},
    listing::Reader,
};
use crate::git::{Attributes, Entry, Oid, Pointer, Repository};

/// Whether the file at `path`, whose bytes are not those of the blob of `entry`, is what a checkout of it would hold.
pub(super) fn converted_from_base(
    reader: &mut Reader<'_>,
    repository: &Repository,
    path: &[u8],
    entry: Entry,
    attributes: &Attributes,
) -> Result<bool, Error> {
    let is_base = |bytes: Vec<u8>| Ok(Oid::of_blob(&bytes)? == entry.id);
    if is_large(attributes) {
        return smudged(reader, repository, path, entry);
    }
    match foreign(attributes) {
        Some(Foreign::Filter(_)) => Ok(false),
        Some(Foreign::Encoding(name)) => {
            let text = decoded(&reader.read(path, LARGEST_CHANGED)?, &name);
            text.map_or(Ok(false), |text| is_base(to_git(text.into_bytes(), attributes, None)))
        }
        None if converts(attributes) => {
            let bytes = reader.read(path, LARGEST_CHANGED)?;
            let base = if needs_base(attributes) { Some(repository.blob(entry.id, LARGEST_CHANGED)?) } else { None };
            is_base(to_git(bytes, attributes, base.as_deref()))
        }
        None => Ok(false),
    }
}

/// Whether the file has the digest and the size that the base's pointer names.
fn smudged(reader: &mut Reader<'_>, repository: &Repository, path: &[u8], entry: Entry) -> Result<bool, Error> {
    let blob = match repository.blob(entry.id, Pointer::LONGEST) {
        Err(crate::git::Error::BlobTooLarge { .. }) => return Ok(false),
        other => other?,
    };
    let Some(pointer) = Pointer::parse(&blob) else { return Ok(false) };
    let (file, size) = reader.file(path)?;
    drop(file);
    Ok(size == pointer.size && reader.digest(path)? == (pointer.digest, size))
}

/// UTF-16 as text; other encodings are not known here, so files in them count as changed.
fn decoded(bytes: &[u8], encoding: &str) -> Option<String> {
    let name = encoding.to_ascii_uppercase();
    let (big, body) = match (name.as_str(), bytes) {
        ("UTF-16" | "UTF-16BE" | "UTF-16BE-BOM", [0xFE, 0xFF, body @ ..]) => (true, body),
        ("UTF-16" | "UTF-16LE" | "UTF-16LE-BOM", [0xFF, 0xFE, body @ ..]) => (false, body),
        ("UTF-16BE", body) => (true, body),
        ("UTF-16LE", body) => (false, body),
        _ => return None,
    };
    let unit = |pair: &[u8]| if big { u16::from_be_bytes([pair[0], pair[1]]) } else { u16::from_le_bytes([pair[0], pair[1]]) };
    let units = body.chunks_exact(2);
    if !units.remainder().is_empty() {
        return None;
    }
    char::decode_utf16(units.map(unit)).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn utf16_is_read_by_its_mark_or_its_name() {
        assert_eq!(decoded(b"\xff\xfea\0", "UTF-16").as_deref(), Some("a"));
        assert_eq!(decoded(b"\xfe\xff\0a", "utf-16").as_deref(), Some("a"));
        assert_eq!(decoded(b"a\0", "UTF-16LE").as_deref(), Some("a"));
        for (bytes, name) in [(&b"a\0"[..], "UTF-16"), (b"a", "UTF-16LE"), (b"\0\xd8", "UTF-16LE"), (b"a", "SHIFT-JIS")] {
            assert_eq!(decoded(bytes, name), None);
        }
    }
}
