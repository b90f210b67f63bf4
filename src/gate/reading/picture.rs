//! Pictures that are nothing but pictures: every byte stands in a part that the format has, up to the last one. What such a
//! file shows a human sees; what has a part that no viewer shows is a binary like any other.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::kind::{BMP, GIF, ICON, JPEG, Kind, PNG, WEBP};

/// Bytes of text, colour profiles and the like that programs put into what they draw. Photographs have more.
const ASIDE: usize = 4096;
/// Bytes of a chunk of PNG that has neither pixels nor text: a palette is the longest.
const CHUNK: usize = 1024;
/// Bytes of the pixels of a PNG.
const PIXELS: u64 = 256 << 20;

/// What programs look for in files that begin as something else: scripts in pages, archives from their end, documents.
static LOADS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let marks: [&[u8]; 14] = [
        b"<?php",
        b"<?=$",
        b"<?=`",
        b"<script",
        b"<%@ page",
        b"__HALT_COMPILER",
        b"#!/bin/",
        b"#!/usr/",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x7fELF",
        b"%PDF-",
        b"Rar!\x1a\x07",
        b"7z\xbc\xaf\x27\x1c",
    ];
    AhoCorasick::builder().ascii_case_insensitive(true).build(marks).ok()
});

/// Why a file with `ending` that begins as `kind` is not taken for a mere picture; none where it is one.
pub(super) fn why_not(kind: Kind, ending: &str, bytes: &[u8]) -> Option<&'static str> {
    let aside = match (kind, ending) {
        (PNG, "png") => png(bytes),
        (GIF, "gif") => gif(bytes),
        (JPEG, "jpg" | "jpeg") => jpeg(bytes),
        (WEBP, "webp") => webp(bytes),
        (ICON, "ico") => icon(bytes),
        (BMP, "bmp") => windows(bytes),
        _ => return Some("; it is no picture that can be looked through here, or its name says that it is none"),
    };
    match aside {
        None => Some("; it has parts that no picture needs, is not whole, or goes on behind its end"),
        Some(aside) if aside > ASIDE => Some("; it has more text and data beside the picture than programs put there"),
        // What cannot be searched is not taken for a picture.
        Some(_) if LOADS.as_ref().is_none_or(|loads| loads.is_match(bytes)) => {
            Some("; it has the beginning of a script, a program, an archive or a document in it")
        }
        Some(_) => None,
    }
}

/// Takes bytes off the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Whether `mark` is next, which is taken then.
    fn starts(&mut self, mark: &[u8]) -> Option<()> {
        (self.take(mark.len())? == mark).then_some(())
    }
}

/// Chunks of length, name, content and checksum (PNG Specification, 5.3 and 11), with pixels that are all there and no more.
/// Gives the bytes beside the picture, as the others do; none where it is not whole or is more than a picture.
fn png(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    cursor.starts(b"\x89PNG\r\n\x1a\n")?;
    let (name, head) = chunk(&mut cursor)?;
    let expected = pixels(head.try_into().ok().filter(|_| name == b"IHDR")?)?;
    let (mut packed, mut aside) = (Vec::new(), 0);
    loop {
        let (name, content) = chunk(&mut cursor)?;
        let length = content.len();
        match name {
            b"IDAT" => packed.extend(content),
            b"IEND" if length == 0 && cursor.0.is_empty() => break,
            b"PLTE" | b"tRNS" | b"gAMA" | b"cHRM" | b"sRGB" | b"sBIT" | b"bKGD" | b"hIST" | b"pHYs" | b"tIME" if length <= CHUNK => {}
            b"tEXt" | b"zTXt" | b"iTXt" | b"eXIf" | b"iCCP" => aside += length,
            _ => return None,
        }
    }
    inflates_to(&packed, expected).then_some(aside)
}

/// Name and content of the next chunk, whose checksum is right.
fn chunk<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let length = usize::try_from(u32::from_be_bytes(cursor.array()?)).ok()?;
    let (name, content) = cursor.take(length.checked_add(4)?)?.split_at_checked(4)?;
    let mut sum = Crc::new();
    sum.update(name);
    sum.update(content);
    (sum.sum() == u32::from_be_bytes(cursor.array()?)).then_some((name, content))
}

/// Bytes of a PNG's pixels before they were packed, a byte for each row's filter included (PNG Specification, 7.2 and 8.2).
fn pixels(head: [u8; 13]) -> Option<u64> {
    let [w0, w1, w2, w3, h0, h1, h2, h3, depth @ (1 | 2 | 4 | 8 | 16), colours, 0, 0, woven @ (0 | 1)] = head else { return None };
    let (width, height) = (u64::from(u32::from_be_bytes([w0, w1, w2, w3])), u64::from(u32::from_be_bytes([h0, h1, h2, h3])));
    let samples: u64 = match colours {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        6 => 4,
        _ => return None,
    };
    let rows = |width: u64, height: u64| match width {
        0 => Some(0),
        _ => width.checked_mul(samples * u64::from(depth))?.div_ceil(8).checked_add(1)?.checked_mul(height),
    };
    if woven == 0 {
        return rows(width, height);
    }
    // Each pass begins at a column and a row and takes every so many of both.
    let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let pass = |(x, y, across, down): (u64, u64, u64, u64)| {
        rows(width.saturating_sub(x).div_ceil(across), height.saturating_sub(y).div_ceil(down))
    };
    passes.into_iter().map(pass).sum()
}

/// Whether `packed` is one zlib stream of so many bytes and nothing else.
fn inflates_to(packed: &[u8], expected: u64) -> bool {
    let (mut inflate, mut room) = (Decompress::new(true), vec![0; 64 << 10]);
    if expected > PIXELS {
        return false;
    }
    loop {
        let rest = usize::try_from(inflate.total_in()).ok().and_then(|at| packed.get(at..)).unwrap_or_default();
        let (taken, made) = (inflate.total_in(), inflate.total_out());
        match inflate.decompress(rest, &mut room, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return inflate.total_out() == expected && inflate.total_in() == packed.len() as u64,
            Ok(_) if inflate.total_out() <= expected && (taken, made) != (inflate.total_in(), inflate.total_out()) => {}
            _ => return false,
        }
    }
}

/// Blocks until the trailer `;` (GIF89a Specification, 17 to 27); of the extensions those of animations.
fn gif(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let ([b'G', b'I', b'F', b'8', b'7' | b'9', b'a'], [_, _, _, _, flags, _, _]) = (cursor.array()?, cursor.array()?) else { return None };
    cursor.take(table(flags))?;
    let mut aside = 0;
    loop {
        match cursor.byte()? {
            b';' => return cursor.0.is_empty().then_some(aside),
            b',' => {
                let [.., flags]: [u8; 9] = cursor.array()?;
                cursor.take(table(flags))?;
                cursor.byte()?;
                blocks(&mut cursor)?;
            }
            b'!' => match cursor.byte()? {
                0xf9 if blocks(&mut cursor)? <= 4 => {}
                0xfe => aside += blocks(&mut cursor)?,
                0xff => {
                    cursor.starts(b"\x0bNETSCAPE2.0")?;
                    (blocks(&mut cursor)? <= 3).then_some(())?;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}

/// Blocks up to an empty one, each behind its length; gives what they hold.
fn blocks(cursor: &mut Cursor<'_>) -> Option<usize> {
    let mut sum = 0;
    loop {
        match usize::from(cursor.byte()?) {
            0 => return Some(sum),
            length => sum += cursor.take(length)?.len(),
        }
    }
}

/// Segments of marker and length, behind the last kind of which the coded picture stands (ITU-T T.81, B.1 and B.2).
fn jpeg(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    cursor.starts(b"\xff\xd8")?;
    let mut aside = 0;
    loop {
        let [0xff, marker] = cursor.array()? else { return None };
        if marker == 0xd9 {
            return cursor.0.is_empty().then_some(aside);
        }
        let length = usize::from(u16::from_be_bytes(cursor.array()?)).checked_sub(2)?;
        cursor.take(length)?;
        match marker {
            // Tables, frames and intervals.
            0xc0..=0xc2 | 0xc4 | 0xdb | 0xdd => {}
            // What applications add, and comments.
            0xe0..=0xef | 0xfe => aside += length,
            0xda => {
                let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
                cursor.take(cursor.0.windows(2).position(is_end)?)?;
            }
            _ => return None,
        }
    }
}

/// One RIFF file of chunks (RFC 9649, section 2).
fn webp(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    cursor.starts(b"RIFF")?;
    let size = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
    (size == cursor.0.len()).then_some(())?;
    cursor.starts(b"WEBP")?;
    let mut aside = 0;
    while !cursor.0.is_empty() {
        let name = cursor.take(4)?;
        let length = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
        cursor.take(length.checked_add(length % 2)?)?;
        match name {
            b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANIM" | b"ANMF" => {}
            b"ICCP" | b"EXIF" | b"XMP " => aside += length,
            _ => return None,
        }
    }
    Some(aside)
}

/// A directory and its pictures, one behind the other, each a PNG or pixels that are not packed
/// (learn.microsoft.com, "Icons", and "BITMAPINFOHEADER structure").
fn icon(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    cursor.starts(b"\0\0\x01\0")?;
    let count = usize::from(u16::from_le_bytes(cursor.array()?));
    let mut places = Vec::new();
    for _ in 0..count {
        cursor.take(8)?;
        let (length, start) = (u32::from_le_bytes(cursor.array()?), u32::from_le_bytes(cursor.array()?));
        places.push((usize::try_from(start).ok()?, usize::try_from(length).ok()?));
    }
    places.sort_unstable();
    let mut aside = 0;
    for (start, length) in places {
        (start == bytes.len() - cursor.0.len()).then_some(())?;
        let picture = cursor.take(length)?;
        aside += png(picture).or_else(|| bitmap(picture, true).map(|_| 0))?;
    }
    (count > 0 && cursor.0.is_empty()).then_some(aside)
}

/// A head with the file's size and where the pixels begin, and a bitmap.
fn windows(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    cursor.starts(b"BM")?;
    let size = u32::from_le_bytes(cursor.array()?);
    cursor.starts(&[0; 4])?;
    let start = usize::try_from(u32::from_le_bytes(cursor.array()?)).ok()?;
    let pixels = bitmap(cursor.0, false)?;
    (size as usize == bytes.len() && start == bytes.len() - pixels).then_some(0)
}

/// A head, a palette, and rows of pixels that are not packed, each filled up to four bytes; in an icon those of a mask as well,
/// which the height counts too. Gives the bytes of the rows.
fn bitmap(bytes: &[u8], in_icon: bool) -> Option<usize> {
    let mut cursor = Cursor(bytes);
    let head = u32::from_le_bytes(cursor.array()?);
    let (width, height) = (i32::from_le_bytes(cursor.array()?), i32::from_le_bytes(cursor.array()?));
    cursor.starts(&1_u16.to_le_bytes())?;
    let depth = u64::from(u16::from_le_bytes(cursor.array()?));
    let packing = u32::from_le_bytes(cursor.array()?);
    cursor.take(12)?;
    let used = u64::from(u32::from_le_bytes(cursor.array()?));
    cursor.take(4)?;
    // Masks of colours stand behind the shortest head, and in the longer ones; the longest may name a profile, which is last in it.
    let masks = if packing == 3 { 12 } else { 0 };
    match (head, packing) {
        (40, 0 | 3) => cursor.take(masks)?,
        (52 | 56 | 108, 0 | 3) => cursor.take(head as usize - 40)?,
        (124, 0 | 3) => cursor.take(124 - 40).filter(|rest| rest.ends_with(&[0; 12]))?,
        _ => return None,
    };
    let palette = match depth {
        1 | 4 | 8 if used == 0 => 4 << depth,
        1 | 4 | 8 if used <= 256 => 4 * used,
        16 | 24 | 32 if used == 0 => 0,
        _ => return None,
    };
    cursor.take(usize::try_from(palette).ok()?)?;
    let (width, height) = (u64::try_from(width).ok()?, u64::from(height.unsigned_abs()) / if in_icon { 2 } else { 1 });
    let row = |depth: u64| (width * depth).div_ceil(32) * 4;
    let rows = (row(depth) + if in_icon { row(1) } else { 0 }).checked_mul(height)?;
    (cursor.0.len() as u64 == rows).then_some(cursor.0.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn part(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut sum = Crc::new();
        sum.update(name);
        sum.update(content);
        [&(content.len() as u32).to_be_bytes()[..], name, content, &sum.sum().to_be_bytes()].concat()
    }

    /// Four by four pixels of one byte, with chunks before and bytes behind these, all packed into one.
    fn drawn(woven: u8, chunks: &[u8], pixels: &[u8], behind: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(pixels).unwrap();
        let packed = [writer.finish().unwrap(), behind.to_vec()].concat();
        let head = [&4_u32.to_be_bytes()[..], &4_u32.to_be_bytes(), &[8, 0, 0, 0, woven]].concat();
        [b"\x89PNG\r\n\x1a\n".to_vec(), part(b"IHDR", &head), chunks.to_vec(), part(b"IDAT", &packed), part(b"IEND", b"")].concat()
    }

    fn gif(extensions: &[u8]) -> Vec<u8> {
        [&b"GIF89a\x01\0\x01\0\x80\0\0"[..], &[0; 6], extensions, b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;"].concat()
    }

    fn jpeg(segments: &[u8], scan: &[u8]) -> Vec<u8> {
        let start = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
        [&start[..], segments, b"\xff\xda\0\x08\x01\x01\0\0\x3f\0", scan, b"\xff\xd9"].concat()
    }

    fn webp(chunks: &[u8]) -> Vec<u8> {
        let content = [&b"WEBPVP8L\x04\0\0\0\x2f\0\0\0"[..], chunks].concat();
        [&b"RIFF"[..], &(content.len() as u32).to_le_bytes(), &content].concat()
    }

    fn icon(picture: &[u8]) -> Vec<u8> {
        let place = [&[4, 4, 0, 0, 1, 0, 8, 0][..], &(picture.len() as u32).to_le_bytes(), &22_u32.to_le_bytes()].concat();
        [&b"\0\0\x01\0\x01\0"[..], &place, picture].concat()
    }

    /// One pixel of 32 bits with its mask.
    fn pixel() -> Vec<u8> {
        let head = [&40_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), &2_u32.to_le_bytes(), &[1, 0, 32, 0], &[0; 24]].concat();
        [&head[..], &[9; 4], &[0; 4]].concat()
    }

    /// One pixel of 24 bits, by a head of 40 bytes and so many zeros more.
    fn windows_bitmap(more: u32) -> Vec<u8> {
        let head = [&(40 + more).to_le_bytes()[..], &1_u32.to_le_bytes(), &(-1_i32).to_le_bytes(), &[1, 0, 24, 0], &[0; 24]].concat();
        let start = 14 + 40 + more;
        [&b"BM"[..], &(start + 4).to_le_bytes(), &[0; 4], &start.to_le_bytes(), &head, &vec![0; more as usize], b"abc\0"].concat()
    }

    #[test]
    fn whole_pictures_are_known() {
        for (kind, ending, bytes) in [
            (PNG, "png", drawn(0, b"", &[0; 20], b"")),
            (PNG, "png", drawn(0, &part(b"tEXt", b"Software\0drawn by hand"), &[0; 20], b"")),
            // Five of the seven passes have rows, each with a byte for its filter.
            (PNG, "png", drawn(1, b"", &[0; 2 + 2 + 3 + 2 * 3 + 2 * 5], b"")),
            (GIF, "gif", gif(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0!\xf9\x04\0\0\0\0\0!\xfe\x02hi\0")),
            (JPEG, "jpg", jpeg(b"\xff\xfe\0\x06hand", b"\x01\xff\0\xff\xd0\x02")),
            (WEBP, "webp", webp(b"EXIF\x03\0\0\0abc\0")),
            (ICON, "ico", icon(&drawn(0, b"", &[0; 20], b""))),
            (ICON, "ico", icon(&pixel())),
            (BMP, "bmp", windows_bitmap(0)),
            (BMP, "bmp", windows_bitmap(124 - 40)),
        ] {
            assert_eq!(why_not(kind, ending, &bytes), None, "{}", kind.name);
            let renamed = why_not(kind, "js", &bytes).unwrap();
            assert!(renamed.contains("its name"), "{renamed}");
            let behind = why_not(kind, ending, &[&bytes[..], b"x"].concat()).unwrap();
            assert!(behind.contains("behind its end"), "{behind}");
            let cut = why_not(kind, ending, &bytes[..bytes.len() - 1]).unwrap();
            assert!(cut.contains("not whole"), "{cut}");
        }
    }

    #[test]
    fn what_is_more_than_a_picture_is_none() {
        let zip = b"PK\x03\x04\x14\0\0\0";
        let comment = |text: &[u8]| [b"\xff\xfe", &(text.len() as u16 + 2).to_be_bytes()[..], text].concat();
        for (what, kind, ending, bytes) in [
            ("a part that no picture needs", PNG, "png", drawn(0, &part(b"elFs", b"\x7fELF"), &[0; 20], b"")),
            ("more pixels than it says", PNG, "png", drawn(0, b"", &[0; 21], b"")),
            ("fewer pixels", PNG, "png", drawn(0, b"", &[0; 19], b"")),
            ("bytes behind the pixels", PNG, "png", drawn(0, b"", &[0; 20], b"evil")),
            ("a wrong sum", PNG, "png", drawn(0, &[&part(b"tEXt", b"x")[..12], b"\0"].concat(), &[0; 20], b"")),
            ("a script in a text", PNG, "png", drawn(0, &part(b"tEXt", b"Comment\0<?php system($_GET[0]);"), &[0; 20], b"")),
            ("much text", PNG, "png", drawn(0, &part(b"zTXt", &[7; 5000]), &[0; 20], b"")),
            ("an archive in a text", PNG, "png", drawn(0, &part(b"eXIf", zip), &[0; 20], b"")),
            ("a script in its place", GIF, "gif", b"GIF89a=1;alert(1)".to_vec()),
            ("an extension of a program's own", GIF, "gif", gif(b"!\xff\x0bXMP DataXMP\x03abc\0")),
            ("a page in a comment", GIF, "gif", gif(b"!\xfe\x08<script>\0")),
            ("a long comment", JPEG, "jpg", jpeg(&comment(&[b'a'; 5000]), b"\x01")),
            ("a script that is a comment", JPEG, "jpg", jpeg(&comment(b"#!/bin/sh\ntouch x\n"), b"\x01")),
            ("an archive among the pixels", JPEG, "jpeg", jpeg(b"", zip)),
            ("a chunk of its own", WEBP, "webp", webp(b"EVIL\x02\0\0\0ab")),
            ("a gap between its pictures", ICON, "ico", [&icon(&pixel())[..18], &[23, 0, 0, 0, 7], &pixel()].concat()),
            ("a head of no known length", BMP, "bmp", windows_bitmap(7)),
            ("a gap before its pixels", BMP, "bmp", {
                let mut bytes = windows_bitmap(0);
                bytes.splice(54..54, *b"evil");
                bytes[2] += 4;
                bytes[10] += 4;
                bytes
            }),
            ("a script in its head", BMP, "bmp", {
                let mut bytes = windows_bitmap(0);
                bytes[2..6].copy_from_slice(b"/*\0\0");
                bytes
            }),
            ("more than its pixels", ICON, "ico", icon(&[&pixel()[..], b"evil"].concat())),
        ] {
            assert!(why_not(kind, ending, &bytes).is_some(), "{what}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut head = drawn(0, b"", &[0; 20], b"");
        head[16..24].fill(0x7f);
        assert!(why_not(PNG, "png", &head).is_some());
        assert!(!inflates_to(&[0; 100], u64::MAX));
    }
}
