//! How GitLab Runner spells a value in the script that it generates for bash and sh (its sources, `helpers/shell_escape.go`
//! and `shells/bash.go`, version 19): as it is where no character needs it, else in ANSI-C quotes `$'…'`, or in double quotes
//! with `FF_POSIXLY_CORRECT_ESCAPES`; and the whole script once more, as the argument of `eval`.

use std::collections::BTreeSet;

/// Quotings within each other: a value in an `export`, that in an `eval`, and one for good measure.
const DEEPEST: usize = 3;

/// Every spelling of `value`, itself first among them; the quotes around it are not part of it.
pub(super) fn spellings(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::from([value.to_vec()]);
    for _ in 0..DEEPEST {
        let deeper: Vec<Vec<u8>> = all.iter().flat_map(|text| [ansi_c(text), posix(text), single(text)]).collect();
        all.extend(deeper);
    }
    all
}

/// Within `$'…'`.
fn ansi_c(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'\'' | b'\\' => out.extend([b'\\', byte]),
            0x07..=0x0d => out.extend([b'\\', b"abtnvfr"[usize::from(byte - 0x07)]]),
            0..=0x1f | 0x7f.. => out.extend(format!("\\x{byte:02x}").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

/// Within `"…"`.
fn posix(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| if b"`\"\\$".contains(&byte) { vec![b'\\', byte] } else { vec![byte] }).collect()
}

/// Within `'…'`, as people and other tools quote.
fn single(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| if byte == b'\'' { b"'\\''".to_vec() } else { vec![byte] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_has_one_spelling() {
        assert_eq!(spellings(b"glpat-made_up:0/=").len(), 1);
    }

    #[test]
    fn each_quoting_is_undone_by_a_shell() {
        let value = "a'b\\c\"d$e`f\u{e9}\tg\nh";
        let quotes = [("$'", ansi_c(value.as_bytes()), "'"), ("\"", posix(value.as_bytes()), "\""), ("'", single(value.as_bytes()), "'")];
        for (before, quoted, after) in quotes {
            let line = [b"printf %s ", before.as_bytes(), &quoted, after.as_bytes()].concat();
            let script = String::from_utf8(line).unwrap();
            let shown = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(shown.stdout).unwrap(), value, "{script}");
        }
    }
}
