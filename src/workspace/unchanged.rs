//! Whether a file is still what the base says, where nobody recorded what was handed over.

use super::{
    Error, LARGEST_CHANGED,
    convert::{Foreign, foreign, needs_base, to_git},
    listing::Root,
};
use crate::git::{Attributes, Entry, Oid, Repository};

/// A pointer of Git LFS is shorter (git-lfs' specification, "The pointer").
const POINTER: u64 = 1024;

/// Whether the file at `path` is what a checkout of `entry` would hold.
pub(super) fn same_as_base(
    root: &Root,
    repository: &Repository,
    path: &[u8],
    entry: Entry,
    attributes: &Attributes,
) -> Result<bool, Error> {
    match foreign(attributes) {
        Some(Foreign::Filter(name)) if name == "lfs" => same_as_pointer(root, repository, path, entry),
        Some(Foreign::Encoding(name)) => {
            let bytes = root.read(path, LARGEST_CHANGED)?;
            let text = decoded(&bytes, &name).map(|text| to_git(text.into_bytes(), attributes, None));
            Ok(Oid::of_blob(&bytes)? == entry.id || text.is_some_and(|text| Oid::of_blob(&text).is_ok_and(|id| id == entry.id)))
        }
        Some(Foreign::Filter(_)) => Ok(Oid::of_blob(&root.read(path, LARGEST_CHANGED)?)? == entry.id),
        None => {
            let bytes = root.read(path, LARGEST_CHANGED)?;
            if Oid::of_blob(&bytes)? == entry.id {
                return Ok(true);
            }
            let base = if needs_base(attributes) { Some(repository.blob(entry.id, LARGEST_CHANGED)?) } else { None };
            Ok(Oid::of_blob(&to_git(bytes, attributes, base.as_deref()))? == entry.id)
        }
    }
}

/// Whether the file has the digest that the pointer names, or is the pointer itself.
fn same_as_pointer(root: &Root, repository: &Repository, path: &[u8], entry: Entry) -> Result<bool, Error> {
    let pointer = match repository.blob(entry.id, POINTER) {
        Ok(pointer) => pointer,
        Err(crate::git::Error::BlobTooLarge { .. }) => return Ok(Oid::of_blob(&root.read(path, LARGEST_CHANGED)?)? == entry.id),
        Err(error) => return Err(error.into()),
    };
    let (digest, size) = root.digest(path)?;
    let text = String::from_utf8_lossy(&pointer);
    let named = text.lines().find_map(|line| line.strip_prefix("oid ")).and_then(|oid| oid.parse().ok());
    let sized = text.lines().find_map(|line| line.strip_prefix("size ")).and_then(|size| size.parse().ok());
    Ok((named == Some(digest) && sized == Some(size)) || digest == crate::digest::Digest::of(&pointer))
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
