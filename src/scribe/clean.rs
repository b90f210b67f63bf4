//! A line of the agent's without anything that a reader of the log would obey.

use crate::glyph::is_invisible;

/// Where in a terminal's control sequence (ECMA-48 sections 5.3 and 5.4) the text is.
#[derive(Clone, Copy)]
enum At {
    Text,
    /// Behind ESC, and perhaps intermediate bytes.
    Escape,
    /// Behind CSI: parameters up to a final byte.
    Parameters,
    /// In a string that BEL, ST or the line's end closes.
    Quoted,
    /// In such a string, behind ESC.
    QuotedEscape,
}

/// `line` as text: control sequences, control characters, and characters that cannot be seen or change directions are taken
/// out, bytes that are not UTF-8 shown as `\xNN`, and the words of GitLab's section markers broken.
pub(super) fn clean(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut at = At::Text;
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            at = step(at, c, &mut out);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.replace("section_start", "section-start").replace("section_end", "section-end")
}

fn step(at: At, c: char, out: &mut String) -> At {
    match (at, c) {
        (At::Text | At::Escape | At::Parameters, '\u{1b}') => At::Escape,
        (At::Text, '\u{9b}') => At::Parameters,
        (At::Text, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => At::Quoted,
        (At::Escape, '[') => At::Parameters,
        (At::Escape, ']' | 'P' | 'X' | '^' | '_') => At::Quoted,
        (At::Escape, ' '..='/') => At::Escape,
        (At::Parameters, ' '..='?') => At::Parameters,
        (At::Escape | At::Parameters, '0'..='~') => At::Text,
        (At::Quoted, '\u{7}' | '\u{9c}') | (At::QuotedEscape, '\\') => At::Text,
        (At::Quoted | At::QuotedEscape, '\u{1b}') => At::QuotedEscape,
        (At::Quoted | At::QuotedEscape, _) => At::Quoted,
        (At::Text | At::Escape | At::Parameters, _) => {
            if c == '\t' || !(c.is_control() || is_invisible(c)) {
                out.push(c);
            }
            At::Text
        }
    }
}

/// Cuts `text` into parts of at most `bytes` bytes, at least one, in whole characters.
pub(super) fn parts(text: &str, bytes: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > bytes {
        let (part, after) = rest.split_at(rest.floor_char_boundary(bytes.max(4)));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_controls_the_reader() {
        for (line, left) in [
            (&b"\x1b[0Ksection_start:1:x[collapsed=true]\r\x1b[0Khi"[..], "section-start:1:x[collapsed=true]hi"),
            (b"\x1b[31mred\x1b[0m plain", "red plain"),
            (b"\x1b]0;title\x07x", "x"),
            (b"\x1b]8;;https://evil.example\x1b\\x", "x"),
            (b"sec\x1b[0mtion_end:1:x", "section-end:1:x"),
            (b"\x1b(Bx\x1b[?25ly", "xy"),
            (b"\x1b\x1b[31mx", "x"),
            (b"\xc2\x9b31mx", "x"),
            (b"a\x00b\x08c\x7fd\x0be", "abcde"),
            (b"\xff\xfe\x80 \xe2\x82", "\\xff\\xfe\\x80 \\xe2\\x82"),
            ("a\u{202e}b\u{200b}c\u{2028}d\u{85}e".as_bytes(), "abcde"),
            (b"tab\there", "tab\there"),
            (b"\x1b", ""),
            ("é\u{1b}[".as_bytes(), "é"),
        ] {
            assert_eq!(clean(line), left, "{:?}", line.escape_ascii().to_string());
        }
    }

    #[test]
    fn parts_are_whole_characters() {
        assert_eq!(parts("", 10), [""]);
        assert_eq!(parts("éééé", 5), ["éé", "éé"]);
        assert_eq!(parts(&"x".repeat(25), 10).iter().map(|part| part.len()).collect::<Vec<_>>(), [10, 10, 5]);
    }
}
