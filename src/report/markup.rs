//! Text inside XML and HTML.

use super::visible::visible;

/// `text` for an element's content or a quoted attribute's value: visible, and without any character that markup reads.
pub(super) fn escaped(text: &str) -> String {
    visible(text).chars().fold(String::with_capacity(text.len()), |mut out, sign| {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(sign),
        }
        out
    })
}
