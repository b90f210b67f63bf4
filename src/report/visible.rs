//! Text of others, made visible.

use std::fmt::Write as _;

use crate::glyph::is_invisible;

/// `text` on one line, with `\u{…}` for each character that would control its reader or could not be seen.
pub(super) fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, sign| {
        if is_hidden(sign) {
            // Writing into a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(sign));
        } else {
            out.push(sign);
        }
        out
    })
}

/// Controls, line ends, characters that change the direction of their neighbours, those without a glyph, and those that
/// XML 1.0 (section 2.2) forbids.
///
/// The last from Unicode's `PropList.txt` (`Noncharacter_Code_Point`).
pub(super) fn is_hidden(sign: char) -> bool {
    let code = u32::from(sign);
    sign.is_control() || is_invisible(sign) || code & 0xFFFE == 0xFFFE || matches!(code, 0xFDD0..=0xFDEF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_named() {
        assert_eq!(visible("a\u{1b}[2J\r\nb\u{202e}c\u{85}"), "a\\u{1b}[2J\\u{d}\\u{a}b\\u{202e}c\\u{85}");
        assert_eq!(visible("tag\u{e0041} null\0 not\u{ffff} gap\u{2028}"), "tag\\u{e0041} null\\u{0} not\\u{ffff} gap\\u{2028}");
    }

    #[test]
    fn ordinary_words_stay() {
        for text in ["src/main.rs", "Größe, 大きさ, размер", "a \\x1b b", "\u{fffd}"] {
            assert_eq!(visible(text), text);
        }
    }
}
