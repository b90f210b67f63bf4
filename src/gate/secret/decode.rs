//! What is behind encodings: base64, hexadecimal, percent and backslash escapes, gzip, zlib and zip, in each other.
//!
//! What all of it together may grow to is bounded, so time and memory follow the size of the blob.

use flate2::{Decompress, FlushDecompress, Status};

/// Encodings in each other that are taken off.
const DEPTH: usize = 3;

/// Shorter rows of letters hold no encoded secret: eight bytes encoded twice are sixteen letters.
const SHORTEST: usize = 16;

/// What is decoded counts when it has so many printable bytes in a row, or is packed.
const PRINTABLE: usize = 11;

/// Bytes that what is encoded in one blob may grow to together, besides so many times the blob's own size.
const LARGEST: usize = 16 << 20;
const TIMES: usize = 8;

/// Beginnings of packed data that are tried in one blob.
const TRIES: usize = 4096;

/// Bytes between two rows of letters that are one row broken over lines.
const GAP: usize = 48;

/// Takes encodings off and hands out what is beneath.
pub(super) struct Decoder<'l> {
    look: &'l mut dyn FnMut(&[u8], usize),
    left: usize,
    tries: usize,
    whole: bool,
}

/// Hands everything that is encoded in `bytes` to `look`, decoded, with the offset in `bytes` at which it begins. False when
/// there was more packed data than is looked through.
pub(super) fn each(bytes: &[u8], look: &mut dyn FnMut(&[u8], usize)) -> bool {
    let mut decoder = Decoder { look, left: LARGEST + TIMES * bytes.len(), tries: TRIES, whole: true };
    decoder.open(bytes, None, DEPTH);
    decoder.whole
}

impl Decoder<'_> {
    fn open(&mut self, bytes: &[u8], origin: Option<usize>, depth: usize) {
        if depth == 0 {
            return;
        }
        self.unpack(bytes, origin, depth);
        self.unescape(bytes, origin, depth);
        let mut row = Vec::new();
        let mut from = 0;
        // A row that is long enough has a letter at every such step.
        while let Some(probe) = bytes.get(from + SHORTEST - 1) {
            if !is_digit(*probe) {
                from += SHORTEST;
                continue;
            }
            let probe = from + SHORTEST - 1;
            let before = bytes.get(from..probe).unwrap_or_default().iter().rev().take_while(|byte| is_digit(**byte)).count();
            let (start, mut end) = (probe - before, probe + length(bytes, probe, is_digit));
            let mut last = end - start;
            if last >= SHORTEST {
                row.clear();
                row.extend_from_slice(bytes.get(start..end).unwrap_or_default());
                // A long row that goes on after a line break is one.
                while last >= SHORTEST {
                    let gap = gap(bytes.get(end..).unwrap_or_default());
                    last = if gap > 0 { length(bytes, end + gap, is_digit) } else { 0 };
                    row.extend_from_slice(bytes.get(end + gap..end + gap + last).unwrap_or_default());
                    end += if last > 0 { gap + last } else { 0 };
                }
                self.letters(&row, origin.unwrap_or(start), depth);
            }
            from = end;
        }
    }

    /// Shows what was decoded, and opens it further.
    fn show(&mut self, bytes: &[u8], origin: usize, depth: usize) {
        if self.left < bytes.len() {
            self.whole = false;
            return;
        }
        self.left -= bytes.len();
        (self.look)(bytes, origin);
        self.open(bytes, Some(origin), depth - 1);
    }

    /// One row of letters as base64, from each place where a group could begin, and as hexadecimal.
    fn letters(&mut self, row: &[u8], origin: usize, depth: usize) {
        // Names in code have letters of one case; what was encoded has both.
        if row.iter().any(u8::is_ascii_uppercase) && row.iter().any(u8::is_ascii_lowercase) {
            for skip in 0..4 {
                let rest = row.get(skip..).unwrap_or_default();
                if is_worth(groups(rest).flatten()) || packed(&groups(rest).take(4).flatten().collect::<Vec<u8>>()).is_some() {
                    let decoded: Vec<u8> = groups(rest).flatten().collect();
                    self.show(&decoded, origin, depth);
                }
            }
        }
        let mut at = 0;
        while at < row.len() {
            let run = length(row, at, |byte| byte.is_ascii_hexdigit());
            if run >= SHORTEST {
                for skip in 0..2 {
                    let digits = row.get(at + skip..at + run).unwrap_or_default();
                    let decoded: Vec<u8> = digits.chunks_exact(2).filter_map(pair_of).collect();
                    if is_worth(decoded.iter().copied()) || packed(&decoded).is_some() {
                        self.show(&decoded, origin, depth);
                    }
                }
            }
            at += run.max(1);
        }
    }

    /// Words with percent or backslash escapes in them, without.
    fn unescape(&mut self, bytes: &[u8], origin: Option<usize>, depth: usize) {
        let mut done = 0;
        for at in memchr::memchr2_iter(b'%', b'\\', bytes) {
            if at < done || escape(bytes.get(at..).unwrap_or_default()).is_none() {
                continue;
            }
            let before = bytes.get(done..at).unwrap_or_default().iter().rev().take_while(|byte| byte.is_ascii_graphic()).count();
            let start = at - before;
            done = at + length(bytes, at, |byte| byte.is_ascii_graphic());
            let plain = unescaped(bytes.get(start..done).unwrap_or_default());
            if plain.len() >= 8 {
                self.show(&plain, origin.unwrap_or(start), depth);
            }
        }
    }

    fn unpack(&mut self, bytes: &[u8], origin: Option<usize>, depth: usize) {
        let zlib =
            memchr::memchr3_iter(0x01, 0x9C, 0xDA, bytes).filter_map(|at| at.checked_sub(1)).filter(|at| bytes.get(*at) == Some(&0x78));
        let zlib = zlib.chain(memchr::memmem::find_iter(bytes, b"\x78\x5E"));
        let places = memchr::memmem::find_iter(bytes, b"\x1F\x8B\x08").chain(memchr::memmem::find_iter(bytes, b"PK\x03\x04")).chain(zlib);
        for at in places {
            let Some((rest, zlib)) = packed(bytes.get(at..).unwrap_or_default()) else { continue };
            if self.tries == 0 {
                self.whole = false;
                return;
            }
            self.tries -= 1;
            let plain = self.inflate(rest, zlib);
            if !plain.is_empty() {
                self.show(&plain, origin.unwrap_or(at), depth);
            }
        }
    }

    fn inflate(&mut self, packed: &[u8], zlib: bool) -> Vec<u8> {
        let mut stream = Decompress::new(zlib);
        let mut out = Vec::new();
        loop {
            out.reserve((8 << 10).max(out.len()));
            let (read, written) = (stream.total_in(), stream.total_out());
            let rest = usize::try_from(read).ok().and_then(|read| packed.get(read..)).unwrap_or_default();
            let done = stream.decompress_vec(rest, &mut out, FlushDecompress::None);
            let stuck = stream.total_in() == read && stream.total_out() == written;
            match done {
                _ if out.len() >= self.left => {
                    self.whole = false;
                    return vec![];
                }
                Ok(Status::Ok | Status::BufError) if !stuck => {}
                _ => return out,
            }
        }
    }
}

/// How many bytes from `at` on pass `test`.
fn length(bytes: &[u8], at: usize, test: impl Fn(u8) -> bool) -> usize {
    bytes.get(at..).unwrap_or_default().iter().take_while(|byte| test(**byte)).count()
}

/// No digit.
const NONE: u8 = 64;

/// What each byte counts as a digit of either base64 alphabet (RFC 4648), which differ in two digits.
const DIGITS: [u8; 256] = {
    let all = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = [NONE; 256];
    let mut at = 0;
    while at < all.len() {
        out[all[at] as usize] = at as u8;
        at += 1;
    }
    out[b'-' as usize] = 62;
    out[b'_' as usize] = 63;
    out
};

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NONE)
}

fn is_digit(byte: u8) -> bool {
    digit(byte) < NONE
}

/// The bytes that `digits` of base64 stand for, group by group; the last group may be short.
fn groups(digits: &[u8]) -> impl Iterator<Item = impl Iterator<Item = u8>> {
    digits.chunks(4).map(|group| {
        let value = |at: usize| group.get(at).map_or(0, |byte| u32::from(digit(*byte)));
        let bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        let [_, a, b, c] = bits.to_be_bytes();
        [a, b, c].into_iter().take(group.len() - 1)
    })
}

/// How long the gap is that `rest` begins with. A plus sign is of it where it joins strings.
fn gap(rest: &[u8]) -> usize {
    let next = |at: usize| rest.get(at + 1).is_some_and(|byte| is_gap(*byte));
    let end = rest.iter().take(GAP).enumerate().position(|(at, byte)| !(is_gap(*byte) || *byte == b'+' && at > 0 && next(at)));
    end.unwrap_or(rest.len().min(GAP))
}

/// What stands between the lines of one value: breaks, blanks, quotes, and what joins strings.
fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`\\,.&|#*()".contains(&byte)
}

/// Whether there are [`PRINTABLE`] such bytes in a row.
fn is_worth(mut bytes: impl Iterator<Item = u8>) -> bool {
    let mut run = 0;
    bytes.any(|byte| {
        run = if matches!(byte, b' '..=b'~') { run + 1 } else { 0 };
        run >= PRINTABLE
    })
}

fn pair_of(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()
}

/// The byte that the escape stands for that `rest` begins with, and how long that is: `%41`, `\\x41`, `\\u0041`.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    let prefix = match rest {
        [b'%', ..] => 1,
        [b'\\', b'x' | b'X', ..] => 2,
        [b'\\', b'u', b'0', b'0', ..] => 4,
        _ => return None,
    };
    let pair = rest.get(prefix..prefix + 2)?;
    Some((pair.iter().all(u8::is_ascii_hexdigit).then(|| pair_of(pair))??, prefix + 2))
}

/// `word` without its escapes.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut at = 0;
    while let Some(rest) = word.get(at..).filter(|rest| !rest.is_empty()) {
        let (byte, length) = escape(rest).unwrap_or_else(|| (rest.first().copied().unwrap_or_default(), 1));
        out.push(byte);
        at += length;
    }
    out
}

/// Where the packed data behind a beginning of gzip (RFC 1952), zlib (RFC 1950) or a member of a zip file begins, and whether it has
/// zlib's head.
fn packed(bytes: &[u8]) -> Option<(&[u8], bool)> {
    match bytes {
        [0x1F, 0x8B, 8, flags, ..] if flags & 0xE0 == 0 => {
            let mut at = 10;
            if flags & 4 != 0 {
                at += 2 + usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
            }
            for bit in [8, 16] {
                if flags & bit != 0 {
                    at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
                }
            }
            at += if flags & 2 != 0 { 2 } else { 0 };
            bytes.get(at..).map(|rest| (rest, false))
        }
        [0x78, 0x01 | 0x5E | 0x9C | 0xDA, ..] => Some((bytes, true)),
        [b'P', b'K', 3, 4, ..] if bytes.get(8..10) == Some(&[8, 0]) => {
            let size = |at: usize| Some(usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
            bytes.get(30 + size(26)? + size(28)?..).map(|rest| (rest, false))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };

    use super::*;

    const VALUE: &[u8] = b"made-up/value+not=a key";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn percent(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()
    }

    fn is_found(bytes: &[u8]) -> bool {
        let mut found = false;
        each(bytes, &mut |plain, _| found |= plain.windows(VALUE.len()).any(|part| part == VALUE));
        found
    }

    #[test]
    fn every_three_encodings_in_each_other_come_off() {
        type Encode = fn(&[u8]) -> Vec<u8>;
        let encodings: [(&str, Encode); 6] = [
            ("base64", |bytes| STANDARD.encode(bytes).into_bytes()),
            ("base64url", |bytes| URL_SAFE_NO_PAD.encode(bytes).into_bytes()),
            ("hex", |bytes| crate::digest::hex(bytes).into_bytes()),
            ("percent", percent),
            ("gzip", gzip),
            ("zlib", zlib),
        ];
        for (first, one) in encodings {
            for (second, two) in encodings {
                for (third, three) in encodings {
                    let text = [b"key: ", &three(&two(&one(VALUE)))[..], b"\n"].concat();
                    assert!(is_found(&text), "{third}({second}({first}))");
                }
            }
        }
        assert!(!is_found(&[b"key: ", STANDARD.encode(b"another value that is long").as_bytes()].concat()));
    }

    #[test]
    fn lines_and_strings_that_are_joined_are_one_row() {
        let encoded = STANDARD.encode(STANDARD.encode([VALUE, VALUE].concat()));
        for joint in ["\n", "\r\n    ", "\" +\n    \"", "' \\\n'", "\",\n  \""] {
            let rows: Vec<String> = encoded.as_bytes().chunks(20).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
            assert!(is_found(format!("x = \"{}\"", rows.join(joint)).as_bytes()), "{joint:?}");
        }
    }

    #[test]
    fn packed_data_that_grows_without_end_is_told() {
        let bomb = gzip(&vec![0; 2 * LARGEST]);
        assert!(!each(&bomb, &mut |_, _| {}));
        assert!(each(&gzip(&vec![0; 1 << 20]), &mut |_, _| {}));
    }
}
