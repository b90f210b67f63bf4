//! What tells a secret from a text that looks like one: sets of letters, entropy, checksums, stand-ins.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes that may stand in a part of a token.
pub(super) type Set = [bool; 256];

/// The bytes that `spec` lists, with `a-z` for a range; a hyphen that stands first is one.
const fn set(spec: &str) -> Set {
    let spec = spec.as_bytes();
    let mut out = [false; 256];
    let mut at = 0;
    while at < spec.len() {
        if at + 2 < spec.len() && spec[at + 1] == b'-' {
            let mut byte = spec[at];
            while byte <= spec[at + 2] {
                out[byte as usize] = true;
                byte += 1;
            }
            at += 3;
        } else {
            out[spec[at] as usize] = true;
            at += 1;
        }
    }
    out
}

pub(super) const WORD: Set = set("-_A-Za-z0-9");
pub(super) const ALNUM: Set = set("A-Za-z0-9");
pub(super) const LATIN: Set = set("A-Za-z");
pub(super) const LOWER: Set = set("a-z0-9");
pub(super) const UPPER: Set = set("A-Z0-9");
pub(super) const HEX: Set = set("a-f0-9");
pub(super) const UPHEX: Set = set("A-F0-9");
pub(super) const ANYHEX: Set = set("A-Fa-f0-9");
pub(super) const DIGITS: Set = set("0-9");
pub(super) const BASE32: Set = set("A-Z2-7");
pub(super) const BASE64: Set = set("A-Za-z0-9+/");
pub(super) const BASE64URL: Set = set("-A-Za-z0-9+/=_");
pub(super) const BECH32: Set = set("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L");
pub(super) const DOTTED: Set = set("-_.A-Za-z0-9");
pub(super) const ESCAPED: Set = set("-_%A-Za-z0-9");
pub(super) const EQUALS: Set = set("=");
pub(super) const ROUTE: Set = set(".a-z0-9");
pub(super) const SNAKE: Set = set("_A-Za-z0-9");
pub(super) const TILDE: Set = set("-_.~A-Za-z0-9");

/// Whether `byte` is in `set`.
pub(super) fn has(set: &Set, byte: u8) -> bool {
    set.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Shannon entropy in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f64;
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// Words that stand in examples and never in a value that a generator made.
const STAND_INS: &[&str] = &[
    "example",
    "xxxx",
    "placeholder",
    "redacted",
    "changeme",
    "change-me",
    "change_me",
    "your-",
    "your_",
    "yourtoken",
    "yourkey",
    "yourapi",
    "insert",
    "dummy",
    "sample",
    "notreal",
    "not-real",
    "fake",
    "secrethere",
    "tokenhere",
    "key-here",
    "key_here",
    "12345678",
    "abcdefgh",
    "aaaaaa",
    "000000",
    "deadbeef",
    "....",
    "____",
    "-----",
    "****",
    "1234567890",
    "qwerty",
    "foobar",
    "invalid",
];

/// Whether `bytes` are what documentation writes where a secret belongs.
pub(super) fn stands_in(bytes: &[u8]) -> bool {
    let low = bytes.to_ascii_lowercase();
    STAND_INS.iter().any(|word| low.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// The same by words alone: a key's body has rows of one letter where its structure has zeros, and short words by chance.
pub(super) fn is_said_to_stand_in(bytes: &[u8]) -> bool {
    let low = bytes.to_ascii_lowercase();
    let is_word = |word: &&&str| word.len() >= 6 && word.bytes().any(|byte| Some(byte) != word.bytes().next());
    STAND_INS.iter().filter(is_word).any(|word| low.windows(word.len()).any(|part| part == word.as_bytes()))
}

/// CRC-32 (ISO 3309), as zlib and every provider below take it.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The digits of `number` to `base`, at least `width` of them.
fn digits(mut number: u32, base: u32, width: usize, alphabet: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0 || out.len() < width {
        out.push(alphabet.get((number % base) as usize).copied().unwrap_or(b'0'));
        number /= base;
    }
    out.reverse();
    out
}

const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The six digits that end a token of GitHub and npm whose random part is `body`.
pub(super) fn base62(body: &[u8]) -> Vec<u8> {
    digits(crc(body), 62, 6, ALPHABET)
}

/// The seven digits that end a routable token of GitLab.
pub(super) fn base36(body: &[u8]) -> Vec<u8> {
    digits(crc(body), 36, 7, b"0123456789abcdefghijklmnopqrstuvwxyz")
}

/// Thirty random letters after the prefix, then their CRC-32 in base 62.
pub(super) fn crc_base62(text: &[u8], at: Range<usize>) -> bool {
    let token = text.get(at).unwrap_or_default();
    let Some((rest, sum)) = token.split_last_chunk::<6>() else { return false };
    rest.split_last_chunk::<30>().is_some_and(|(_, body)| base62(body) == sum)
}

/// The CRC-32 of all before it, in hexadecimal of the least byte first (Grafana, package `apikeygenprefix`).
pub(super) fn grafana(text: &[u8], at: Range<usize>) -> bool {
    let token = text.get(at).unwrap_or_default();
    let Some((rest, sum)) = token.split_last_chunk::<8>() else { return false };
    let body = rest.strip_suffix(b"_").unwrap_or(rest);
    crate::digest::hex(&crc(body).to_le_bytes()).as_bytes().eq_ignore_ascii_case(sum)
}

/// Letters of a prefix that an administrator of GitLab can set before the token's own.
const INSTANCE_PREFIX: usize = 20;

/// The CRC-32 of all before it in base 36; an instance's own prefix is part of that.
pub(super) fn routable(text: &[u8], at: Range<usize>) -> bool {
    let Some((rest, sum)) = text.get(at.clone()).unwrap_or_default().split_last_chunk::<7>() else { return false };
    if base36(rest) == sum {
        return true;
    }
    let before = text.get(..at.start).unwrap_or_default();
    let more = before.iter().rev().take(INSTANCE_PREFIX).take_while(|byte| has(&WORD, **byte)).count();
    let end = at.end.saturating_sub(sum.len());
    (1..=more).any(|more| text.get(at.start - more..end).is_some_and(|whole| base36(whole) == sum))
}

/// The checksum of Bech32 (BIP 173), which age's keys end with.
pub(super) fn bech32(text: &[u8], at: Range<usize>) -> bool {
    const LETTERS: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let token = text.get(at).unwrap_or_default().to_ascii_lowercase();
    let Some(split) = token.iter().rposition(|byte| *byte == b'1') else { return false };
    let (human, data) = (token.get(..split).unwrap_or_default(), token.get(split + 1..).unwrap_or_default());
    let values = data.iter().map(|byte| LETTERS.iter().position(|letter| letter == byte).unwrap_or(0) as u32);
    let human = human.iter().map(|byte| u32::from(byte >> 5)).chain([0]).chain(human.iter().map(|byte| u32::from(byte & 31)));
    let sum = human.chain(values).fold(1u32, |sum, value| {
        let top = sum >> 25;
        let next = (sum & 0x1FF_FFFF) << 5 ^ value;
        [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
            .iter()
            .enumerate()
            .fold(next, |sum, (bit, part)| if top >> bit & 1 == 1 { sum ^ part } else { sum })
    });
    sum == 1
}

/// Whether a JSON Web Token (RFC 7519) could be one that something accepts: a head that names how it is signed, claims, and
/// not the example that documentation shows.
pub(super) fn web_token(head: &[u8], claims: &[u8], signature: &[u8]) -> bool {
    let read = |part: &[u8]| -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let (Some(head), Some(claims)) = (read(head), read(claims)) else { return false };
    let signed = head.get("alg").and_then(|alg| alg.as_str()).is_some_and(|alg| !alg.eq_ignore_ascii_case("none"));
    // RFC 7519's own example, and the one that most documentation shows.
    let shown = claims.get("sub").and_then(|sub| sub.as_str()) == Some("1234567890")
        || claims.get("iss").and_then(|iss| iss.as_str()) == Some("joe");
    signed && !shown && !claims.is_empty() && signature.len() >= 40 && entropy(signature) >= 4.0
}

/// Whether `value` looks as if a generator made it: `least` letters and digits or more, well mixed, no words, no stand-in.
pub(super) fn is_random(value: &[u8], least: usize) -> bool {
    let count = |test: fn(&u8) -> bool| value.iter().filter(|byte| test(byte)).count();
    let (digits, lower, upper) = (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let others = value.len() - digits - lower - upper;
    let kinds = [digits, lower, upper, others].iter().filter(|count| **count > 0).count();
    let least = if kinds == 4 { least.min(12) } else { least };
    if value.len() < least || digits < 2 || lower + upper < 4 || others * 4 > value.len() || stands_in(value) {
        return false;
    }
    let needed = match value.len() {
        ..12 => 2.8,
        12..16 => 3.2,
        16..24 => 3.4,
        _ if value.iter().all(|byte| has(&ANYHEX, *byte)) => 3.2,
        _ => 3.9,
    };
    entropy(value) >= needed && turns(value) * 10 >= value.len() * 3 && !has_words(value)
}

/// How often the kind of letter changes from one to the next: names of things change seldom.
fn turns(value: &[u8]) -> usize {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    value.iter().zip(value.iter().skip(1)).filter(|(a, b)| kind(**a) != kind(**b)).count()
}

/// The pairs of letters that English, and so most names in code, are made of.
const PAIRS: &str = "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa si ar ve ra ld ur \
                     ro ic ne me io co ma el li ce ho om ll be us ss ut tr il ch wo ke ec ot id ag ow la di no ta us un ac po ge nc rs";

const COMMON: [bool; 676] = {
    let pairs = PAIRS.as_bytes();
    let mut out = [false; 676];
    let mut at = 0;
    while at + 1 < pairs.len() {
        if pairs[at] != b' ' && pairs[at + 1] != b' ' {
            out[(pairs[at] - b'a') as usize * 26 + (pairs[at + 1] - b'a') as usize] = true;
        }
        at += 1;
    }
    out
};

/// Whether the letters of `value` follow each other as they do in words; in random ones one pair in eight is such a pair.
fn has_words(value: &[u8]) -> bool {
    let pairs = value.iter().zip(value.iter().skip(1)).filter(|(a, b)| a.is_ascii_alphabetic() && b.is_ascii_alphabetic());
    let index = |byte: &u8| usize::from(byte.to_ascii_lowercase() - b'a');
    let (mut all, mut common) = (0, 0);
    for (a, b) in pairs {
        all += 1;
        common += usize::from(COMMON.get(index(a) * 26 + index(b)).copied().unwrap_or(false));
    }
    all >= 5 && common * 3 > all
}
