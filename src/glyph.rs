//! Characters that a reader does not see. Whoever shows text of others, or compares names, asks here.

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
}
