//! What is behind encodings: base64, hexadecimal, percent and backslash escapes, gzip, zlib and zip, in each other.
//!
//! What all of it together may grow to is bounded, so time and memory follow the size of the blob.

use base64::{Engine as _, alphabet, engine::GeneralPurpose, engine::general_purpose::NO_PAD};
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
const TRIES: usize = 256;

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
        let mut at = 0;
        while at < bytes.len() {
            let run = length(bytes, at, is_digit);
            if run == 0 {
                at += 1;
                continue;
            }
            let (start, mut end) = (at, at + run);
            row.clear();
            row.extend_from_slice(bytes.get(at..end).unwrap_or_default());
            // A long row that goes on after a line break is one.
            let mut last = run;
            while last >= SHORTEST {
                let gap = gap(bytes.get(end..).unwrap_or_default());
                last = if gap > 0 { length(bytes, end + gap, is_digit) } else { 0 };
                row.extend_from_slice(bytes.get(end + gap..end + gap + last).unwrap_or_default());
                end += if last > 0 { gap + last } else { 0 };
            }
            if row.len() >= SHORTEST {
                self.letters(&row, origin.unwrap_or(start), depth);
            }
            at = end.max(at + 1);
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
        const EITHER: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));
        let row: Vec<u8> = row.iter().map(|byte| if *byte == b'-' { b'+' } else if *byte == b'_' { b'/' } else { *byte }).collect();
        for skip in 0..4 {
            let rest = row.get(skip..).unwrap_or_default();
            // One letter alone in the last group holds no byte.
            let rest = if rest.len() % 4 == 1 { rest.get(..rest.len() - 1).unwrap_or_default() } else { rest };
            if let Ok(decoded) = EITHER.decode(rest)
                && is_worth(&decoded)
            {
                self.show(&decoded, origin, depth);
            }
        }
        let mut at = 0;
        while at < row.len() {
            let run = length(&row, at, |byte| byte.is_ascii_hexdigit());
            if run >= SHORTEST {
                for skip in 0..2 {
                    let digits = row.get(at + skip..at + run).unwrap_or_default();
                    let decoded: Vec<u8> = digits.chunks_exact(2).filter_map(|pair| pair_of(pair)).collect();
                    if is_worth(&decoded) {
                        self.show(&decoded, origin, depth);
                    }
                }
            }
            at += run.max(1);
        }
    }

    /// Words with percent or backslash escapes in them, without.
    fn unescape(&mut self, bytes: &[u8], origin: Option<usize>, depth: usize) {
        let mut at = 0;
        while at < bytes.len() {
            let run = length(bytes, at, |byte| byte.is_ascii_graphic());
            let word = bytes.get(at..at + run).unwrap_or_default();
            if word.len() >= 8
                && let Some(plain) = unescaped(word)
            {
                self.show(&plain, origin.unwrap_or(at), depth);
            }
            at += run.max(1);
        }
    }

    fn unpack(&mut self, bytes: &[u8], origin: Option<usize>, depth: usize) {
        for (at, pair) in bytes.windows(2).enumerate() {
            if !matches!(pair, [0x1F, 0x8B] | [0x78, 0x01 | 0x5E | 0x9C | 0xDA] | [b'P', b'K']) {
                continue;
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let Some((rest, zlib)) = packed(rest) else { continue };
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

/// A digit of either base64 alphabet (RFC 4648).
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// How long the gap is that `rest` begins with. A plus sign is of it where it joins strings.
fn gap(rest: &[u8]) -> usize {
    let next = |at: usize| rest.get(at + 1).is_some_and(|byte| is_gap(*byte));
    let end = rest.iter().take(GAP).enumerate().position(|(at, byte)| !is_gap(*byte) && !(*byte == b'+' && at > 0 && next(at)));
    end.unwrap_or(rest.len().min(GAP))
}

/// What stands between the lines of one value: breaks, blanks, quotes, and what joins strings.
fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`\\,.&|#*()".contains(&byte)
}

fn is_worth(bytes: &[u8]) -> bool {
    let mut run = 0;
    let printable = bytes.iter().any(|byte| {
        run = if byte.is_ascii_graphic() || *byte == b' ' { run + 1 } else { 0 };
        run >= PRINTABLE
    });
    printable || packed(bytes).is_some()
}

fn pair_of(pair: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()
}

/// `word` without its escapes: `%41`, `\x41`, `\u0041`; none where it has none.
fn unescaped(word: &[u8]) -> Option<Vec<u8>> {
    if !word.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
        return None;
    }
    let mut out = Vec::with_capacity(word.len());
    let (mut at, mut any) = (0, false);
    while let Some(rest) = word.get(at..).filter(|rest| !rest.is_empty()) {
        let (prefix, digits) = match rest {
            [b'%', ..] => (1, 2),
            [b'\\', b'x' | b'X', ..] => (2, 2),
            [b'\\', b'u', b'0', b'0', ..] => (4, 2),
            _ => (0, 0),
        };
        match rest.get(prefix..prefix + digits).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit)).and_then(pair_of) {
            Some(byte) => {
                out.push(byte);
                any = true;
                at += prefix + digits;
            }
            None => {
                out.extend(rest.first());
                at += 1;
            }
        }
    }
    any.then_some(out)
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

    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

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
