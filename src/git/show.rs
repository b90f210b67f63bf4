//! Bytes of unknown origin, made fit to be shown in a log.

use crate::glyph::is_invisible;

/// At most this many characters of one value are shown.
const LONGEST: usize = 1024;

/// `bytes` as text in which everything that a terminal, a log or a reader could take for something else is escaped:
/// control characters, invisible and direction-changing code points, invalid UTF-8, the backslash itself.
pub fn shown(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for sign in chunk.valid().chars() {
            push(&mut out, sign);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
        if out.len() > LONGEST {
            let cut = out.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST).last().unwrap_or(0);
            out.truncate(cut);
            out.push('…');
            return out;
        }
    }
    out
}

fn push(out: &mut String, sign: char) {
    if sign == '\\' || sign.is_control() {
        out.extend(sign.escape_default());
    } else if unclear(sign) {
        out.push_str(&format!("\\u{{{:x}}}", u32::from(sign)));
    } else {
        out.push(sign);
    }
}

/// What shows nothing or changes the direction of what follows, and what shows differently everywhere: private use, and
/// the planes behind the tags.
fn unclear(sign: char) -> bool {
    is_invisible(sign) || matches!(u32::from(sign), 0xE000..=0xF8FF | 0xE1000..=0x10_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_unescaped() {
        assert_eq!(shown(b"a\x1b[31m\n\xffb\\"), "a\\u{1b}[31m\\n\\xffb\\\\");
        assert_eq!(shown("a\u{202e}b\u{200c}é".as_bytes()), "a\\u{202e}b\\u{200c}é");
    }

    #[test]
    fn long_values_are_cut() {
        assert!(shown(&b"x".repeat(10_000)).len() < 1100);
    }
}
