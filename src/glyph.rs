//! Characters that a reader does not see, and names that a file system does not tell apart. Whoever shows text of others, or
//! compares names, asks here.

use unicode_normalization::UnicodeNormalization as _;

/// Unicode's `Default_Ignorable_Code_Point` (Unicode 17, DerivedCoreProperties.txt): nothing is shown for them, variation
/// selectors and tags included. Some file systems drop them from names (HFS+).
pub fn is_ignorable(sign: char) -> bool {
    matches!(u32::from(sign),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E
        | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// The ignorable ones, and others that show nothing of their own: line and paragraph separators, the rest of Unicode's
/// category Cf (marks of numbers and verses, interlinear annotation, Egyptian joiners), the empty Braille cell. Control
/// characters are not among them.
pub fn is_invisible(sign: char) -> bool {
    is_ignorable(sign)
        || matches!(u32::from(sign),
            0x600..=0x605 | 0x6DD | 0x70F | 0x890..=0x891 | 0x8E2 | 0x2028..=0x2029 | 0x2800 | 0xFFF9..=0xFFFB
            | 0x110BD | 0x110CD | 0x13430..=0x1343F)
}

/// What case-insensitive, normalising file systems make of a name: NFC, no ignorable code points, one case.
pub fn fold(path: &[u8]) -> String {
    // Of ASCII all signs are visible and have one form, so that only the case is left. Most paths are it.
    if path.is_ascii() { String::from_utf8_lossy(path).to_ascii_lowercase() } else { fold_any(path) }
}

fn fold_any(path: &[u8]) -> String {
    let visible = String::from_utf8_lossy(path).chars().filter(|c| !is_ignorable(*c)).collect::<String>();
    // Lowered first, as there is a great letter whose small one has another great one (U+1E9E).
    let upper: String = visible.nfc().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect();
    upper.chars().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_turns_text_is_known() {
        for sign in ['\u{ad}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{fe0f}', '\u{e0041}'] {
            assert!(is_ignorable(sign) && is_invisible(sign), "{sign:?}");
        }
        for sign in ['\u{2028}', '\u{2800}', '\u{600}', '\u{fffb}'] {
            assert!(!is_ignorable(sign) && is_invisible(sign), "{sign:?}");
        }
        for sign in ['a', 'é', '大', ' ', '\u{301}', '\u{fffd}', '😀'] {
            assert!(!is_invisible(sign), "{sign:?}");
        }
    }

    #[test]
    fn ascii_is_folded_like_everything_else() {
        let all: Vec<u8> = (0..=127).collect();
        assert_eq!(fold(&all), fold_any(&all));
        assert_eq!(fold("A\u{200c}\u{c4}".as_bytes()), "a\u{e4}");
    }
}
