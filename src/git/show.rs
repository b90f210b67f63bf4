//! Bytes of unknown origin, made fit to be shown in a log.

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
    } else if invisible(sign) {
        out.push_str(&format!("\\u{{{:x}}}", u32::from(sign)));
    } else {
        out.push(sign);
    }
}

/// Code points that show nothing or change the direction of what follows: Unicode's Default_Ignorable_Code_Point
/// (DerivedCoreProperties.txt), line and paragraph separators, private use.
fn invisible(sign: char) -> bool {
    matches!(u32::from(sign),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E
        | 0x2060..=0x206F | 0x3164 | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0x10_FFFF)
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
