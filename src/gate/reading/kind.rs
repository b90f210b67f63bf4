//! What a file is by its first bytes, whatever its name says (magic numbers as file formats document them).

use crate::gate::content::has_many_controls;

/// What the content of a kind does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gate) enum Class {
    /// Something that a machine or an interpreter runs.
    Program,
    /// Other files packed together or pressed smaller.
    Archive,
    /// A picture, a font, sound or film.
    Media,
    /// A document or a database.
    Document,
}

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gate) struct Kind {
    /// As people call it.
    pub(in crate::gate) name: &'static str,
    pub(in crate::gate) class: Class,
}

const fn kind(name: &'static str, class: Class) -> Kind {
    Kind { name, class }
}

use Class::{Archive, Document, Media, Program};

pub(super) const PNG: Kind = kind("PNG image", Media);
pub(super) const JPEG: Kind = kind("JPEG image", Media);
pub(super) const GIF: Kind = kind("GIF image", Media);
pub(super) const WEBP: Kind = kind("WebP image", Media);
const TIFF: Kind = kind("TIFF image", Media);
pub(super) const BMP: Kind = kind("BMP image", Media);
pub(super) const ICON: Kind = kind("icon", Media);
const WAVE: Kind = kind("RIFF sound or film", Media);
const FONT: Kind = kind("font", Media);
const MPEG4: Kind = kind("MPEG-4 file", Media);
const MATROSKA: Kind = kind("Matroska file", Media);
const OGG: Kind = kind("Ogg file", Media);
const MP3: Kind = kind("MP3 sound", Media);
const FLAC: Kind = kind("FLAC sound", Media);
const PDF: Kind = kind("PDF document", Document);
const OLE: Kind = kind("OLE document", Document);
const SQLITE: Kind = kind("SQLite database", Document);
pub(super) const CATALOGUE: Kind = kind("gettext catalogue", Document);
const ZIP: Kind = kind("zip archive", Archive);
const GZIP: Kind = kind("gzip archive", Archive);
const XZ: Kind = kind("xz archive", Archive);
const ZSTD: Kind = kind("zstd archive", Archive);
const BZIP2: Kind = kind("bzip2 archive", Archive);
const LZ4: Kind = kind("LZ4 archive", Archive);
const SEVEN: Kind = kind("7z archive", Archive);
const RAR: Kind = kind("RAR archive", Archive);
const TAR: Kind = kind("tar archive", Archive);
const AR: Kind = kind("ar archive", Archive);
const CAB: Kind = kind("CAB archive", Archive);
const RPM: Kind = kind("RPM package", Archive);
const ELF: Kind = kind("ELF program", Program);
const PE: Kind = kind("Windows program", Program);
const MACH_O: Kind = kind("Mach-O program", Program);
const CLASS: Kind = kind("Java class or universal Mach-O program", Program);
const WASM: Kind = kind("WebAssembly program", Program);
const PYC: Kind = kind("compiled Python program", Program);
const PICKLE: Kind = kind("Python pickle", Program);
const DEX: Kind = kind("Android program", Program);
const LUA: Kind = kind("compiled Lua program", Program);
const BITCODE: Kind = kind("LLVM bitcode", Program);
const JAVA_OBJECT: Kind = kind("serialised Java object", Program);

/// Formats that begin with these bytes.
const STARTS: &[(&[u8], Kind)] = &[
    (b"\x7fELF", ELF),
    (b"\xfe\xed\xfa\xce", MACH_O),
    (b"\xfe\xed\xfa\xcf", MACH_O),
    (b"\xce\xfa\xed\xfe", MACH_O),
    (b"\xcf\xfa\xed\xfe", MACH_O),
    (b"\xca\xfe\xba\xbe", CLASS),
    (b"\0asm", WASM),
    (b"dex\n0", DEX),
    (b"\x1bLua", LUA),
    (b"BC\xc0\xde", BITCODE),
    (b"\xac\xed\0\x05", JAVA_OBJECT),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\x1f\x8b\x08", GZIP),
    (b"\xfd7zXZ\0", XZ),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"\x04\x22\x4d\x18", LZ4),
    (b"7z\xbc\xaf\x27\x1c", SEVEN),
    (b"Rar!\x1a\x07", RAR),
    (b"!<arch>\n", AR),
    (b"!<thin>\n", AR),
    (b"MSCF\0\0\0\0", CAB),
    (b"\xed\xab\xee\xdb", RPM),
    (b"\x89PNG", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"\0\0\x01\0", ICON),
    (b"\0\0\x02\0", ICON),
    (b"\0\x01\0\0\0", FONT),
    (b"OTTO\0", FONT),
    (b"wOFF", FONT),
    (b"wOF2", FONT),
    (b"ttcf\0", FONT),
    (b"\x1a\x45\xdf\xa3", MATROSKA),
    (b"OggS\0", OGG),
    (b"ID3\x02", MP3),
    (b"ID3\x03", MP3),
    (b"ID3\x04", MP3),
    (b"fLaC\0", FLAC),
    (b"%PDF-", PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"SQLite format 3\0", SQLITE),
    (b"\xde\x12\x04\x95", CATALOGUE),
    (b"\x95\x04\x12\xde", CATALOGUE),
];

/// Which kind `bytes` begin as, if any.
pub(in crate::gate) fn of(bytes: &[u8]) -> Option<Kind> {
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    if let Some((_, kind)) = STARTS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(*kind);
    }
    match bytes {
        [b'M', b'Z', ..] if pe_header(bytes) => Some(PE),
        [b'R', b'I', b'F', b'F', ..] if at(8, b"WEBP") => Some(WEBP),
        [b'R', b'I', b'F', b'F', ..] if at(8, b"WAVE") || at(8, b"AVI ") => Some(WAVE),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] if at(4, b"1AY&SY") => Some(BZIP2),
        [b'B', b'M', ..] if at(6, &[0; 4]) => Some(BMP),
        [0xff, 0xf2 | 0xf3 | 0xfa | 0xfb, ..] => Some(MP3),
        [0x80, 2..=5, ..] if bytes.last() == Some(&b'.') => Some(PICKLE),
        // The magic number of CPython's releases, then a field of flags that has had no high bits (PEP 552).
        [_, 2..=0x0f, b'\r', b'\n', 0..=3, 0, 0, 0, ..] => Some(PYC),
        [_, 0xf2..=0xf3, b'\r', b'\n', ..] => Some(PYC),
        _ if at(4, b"ftyp") => Some(MPEG4),
        _ if at(257, b"ustar") => Some(TAR),
        _ => None,
    }
}

/// The offset at 0x3C leads to `PE` (learn.microsoft.com, "PE Format"), or the file is too short for more than DOS.
fn pe_header(bytes: &[u8]) -> bool {
    let offset = bytes.get(0x3c..0x40).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
    offset.and_then(|offset| bytes.get(offset as usize..)).is_some_and(|rest| rest.starts_with(b"PE\0\0"))
}

/// What files of these endings must be. A kind that is not listed here may have any ending.
const ENDINGS: &[(&[&str], &[Kind])] = &[
    (&["png", "apng"], &[PNG]),
    (&["jpg", "jpeg", "jpe", "jfif"], &[JPEG]),
    (&["gif"], &[GIF]),
    (&["webp"], &[WEBP]),
    (&["ico", "cur"], &[ICON, PNG, BMP]),
    (&["bmp"], &[BMP]),
    (&["tif", "tiff"], &[TIFF]),
    (&["avif", "heic", "mp4", "m4a", "m4v", "mov"], &[MPEG4]),
    (&["ttf", "otf", "woff", "woff2", "ttc"], &[FONT]),
    (&["pdf"], &[PDF]),
    (&["zip", "jar", "war", "apk", "whl", "nupkg", "docx", "xlsx", "pptx", "odt", "ods", "epub", "xpi", "vsix", "aar", "ipa"], &[ZIP]),
    (&["gz", "tgz", "svgz", "crate"], &[GZIP]),
    (&["xz", "txz"], &[XZ]),
    (&["zst", "tzst"], &[ZSTD]),
    (&["bz2", "tbz2"], &[BZIP2]),
    (&["7z"], &[SEVEN]),
    (&["rar"], &[RAR]),
    (&["tar"], &[TAR]),
    (&["a", "deb"], &[AR]),
    (&["rpm"], &[RPM]),
    (&["wasm"], &[WASM]),
    (&["so", "elf", "ko"], &[ELF]),
    (&["dylib"], &[MACH_O, CLASS]),
    (&["exe", "dll", "sys"], &[PE]),
    (&["class"], &[CLASS]),
    (&["pyc", "pyo"], &[PYC]),
    (&["sqlite", "sqlite3"], &[SQLITE]),
    (&["mo", "gmo"], &[CATALOGUE]),
    (&["wav", "avi"], &[WAVE]),
    (&["webm", "mkv", "mka"], &[MATROSKA]),
    (&["ogg", "oga", "ogv", "opus"], &[OGG]),
    (&["mp3"], &[MP3]),
    (&["flac"], &[FLAC]),
    (&["doc", "xls", "ppt", "msi"], &[OLE]),
];

/// What the content of a file with this ending has to be; none where the ending says nothing.
pub(super) fn expected(ending: &str) -> Option<&'static [Kind]> {
    ENDINGS.iter().find(|(endings, _)| endings.contains(&ending)).map(|(_, kinds)| *kinds)
}

/// An archive's directory at the end of what is no archive by its beginning: readers of zip files look there first
/// (APPNOTE.TXT, 4.3.16: 22 bytes and a comment of at most 65,535).
pub(in crate::gate) fn zip_at_end(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(65_557)..).unwrap_or(bytes);
    tail.windows(22).any(|record| record.starts_with(b"PK\x05\x06") && record.get(4..8) == Some(&[0; 4]))
}

/// What stands behind the end of an image or a document, where its format says where that is.
pub(in crate::gate) fn behind_end(kind: Kind, bytes: &[u8]) -> &[u8] {
    let end = match kind {
        PNG => png_end(bytes),
        GIF => gif_end(bytes),
        PDF => bytes.windows(5).rposition(|part| part == b"%%EOF").map(|at| at + 5),
        WEBP | WAVE => {
            let size = bytes.get(4..8).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
            size.and_then(|size| usize::try_from(size).ok()).map(|size| size.saturating_add(8 + size % 2))
        }
        _ => None,
    };
    let rest = end.and_then(|end| bytes.get(end..)).unwrap_or_default();
    let blank = rest.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0).count();
    rest.get(blank..).unwrap_or_default()
}

/// Chunks of length, name, content and checksum until `IEND` (PNG Specification, 5.3).
fn png_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 8_usize;
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?);
        let name = bytes.get(at + 4..at + 8)?;
        at = at.checked_add(12)?.checked_add(usize::try_from(length).ok()?)?;
        if name == b"IEND" {
            return Some(at);
        }
    }
}

/// Blocks until the trailer `;` (GIF89a Specification, 17 to 27).
fn gif_end(bytes: &[u8]) -> Option<usize> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        at = match *bytes.get(at)? {
            b';' => return Some(at + 1),
            b'!' => at + 2,
            b',' => at + 11 + table(*bytes.get(at + 9)?),
            _ => return None,
        };
        loop {
            let size = usize::from(*bytes.get(at)?);
            at += 1 + size;
            if size == 0 {
                break;
            }
        }
    }
}

/// Why `bytes`, which have no NUL where git looks for one, are no text after all.
pub(in crate::gate) fn is_no_text(bytes: &[u8], text: &str) -> Option<String> {
    if let Some(kind) = of(bytes) {
        return Some(format!("by its content this file is a {}", kind.name));
    }
    if text.contains('\0') {
        return Some("this file has NUL bytes behind those in which git looks for them".to_owned());
    }
    if std::str::from_utf8(bytes).is_err() {
        let broken = text.chars().filter(|sign| *sign == char::REPLACEMENT_CHARACTER).count();
        if broken > 32 && has_many_controls(text) {
            return Some("much of this file is no text".to_owned());
        }
    }
    (text.contains("PK\u{3}\u{4}") || text.contains("PK\u{5}\u{6}")).then(|| "this text has an archive in it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let mut pe = vec![0; 128];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x60;
        pe[0x60..0x64].copy_from_slice(b"PE\0\0");
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, name) in [
            (b"\x7fELF\x02\x01".to_vec(), Some("ELF program")),
            (pe, Some("Windows program")),
            (tar, Some("tar archive")),
            (b"PK\x03\x04abc".to_vec(), Some("zip archive")),
            (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), Some("WebP image")),
            (b"\xa7\x0d\r\n\0\0\0\0".to_vec(), Some("compiled Python program")),
            (b"%PDF-1.7\n".to_vec(), Some("PDF document")),
            (b"GIF89a=1;alert(1)".to_vec(), Some("GIF image")),
            (b"MZ is no program".to_vec(), None),
            (b"BM is no image".to_vec(), None),
            (b"PK is no archive".to_vec(), None),
            (b"#!/bin/sh\n".to_vec(), None),
            (b"".to_vec(), None),
        ] {
            assert_eq!(of(&bytes).map(|kind| kind.name), name, "{bytes:?}");
        }
    }

    fn png(behind: &[u8]) -> Vec<u8> {
        let chunk = |name: &[u8], content: &[u8]| [&(content.len() as u32).to_be_bytes()[..], name, content, &[0; 4]].concat();
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", b"x"), chunk(b"IEND", b""), behind.to_vec()].concat()
    }

    #[test]
    fn what_stands_behind_the_end_is_seen() {
        assert_eq!(behind_end(PNG, &png(b"")), b"");
        assert_eq!(behind_end(PNG, &png(b"MZ more")), b"MZ more");
        assert_eq!(behind_end(PNG, b"\x89PNG\0\0"), b"");
        let gif = [&b"GIF89a\x01\0\x01\0\x80\0\0"[..], &[0; 6], b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;"].concat();
        assert_eq!(behind_end(GIF, &gif), b"");
        assert_eq!(behind_end(GIF, &[&gif[..], b"PK"].concat()), b"PK");
        assert_eq!(behind_end(PDF, b"%PDF-1.4\n%%EOF\nmore\n%%EOF\n"), b"");
        assert_eq!(behind_end(PDF, b"%PDF-1.4\n%%EOF\nPK"), b"PK");
        assert!(zip_at_end(&[&b"x"[..], b"PK\x05\x06", &[0; 18]].concat()));
        assert!(!zip_at_end(b"PK\x05\x06"));
    }

    #[test]
    fn text_of_other_alphabets_stays_text() {
        for bytes in [b"plain\n".to_vec(), "日本語のテキスト".as_bytes().to_vec(), b"caf\xe9 na\xefve fa\xe7ade\n".repeat(20)] {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(is_no_text(&bytes, &text), None, "{text}");
        }
        let noise: Vec<u8> = (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
        assert!(is_no_text(&noise, &String::from_utf8_lossy(&noise)).is_some());
    }
}
