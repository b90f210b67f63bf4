//! The veil: a stream in, the same stream out, with a word in the place of every secret. It holds back no more than what may
//! still become a secret, so nobody who waits for the end of a line waits for more.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use super::{PLACEHOLDER, quoting};

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Veil {
    /// None where there is nothing to hide.
    search: Option<AhoCorasick>,
    secrets: std::sync::Arc<Vec<Vec<u8>>>,
    held_back: Vec<u8>,
}

impl Veil {
    /// Hides `values` in each of their spellings.
    ///
    /// # Errors
    /// When there are more of them than can be looked for.
    pub(super) fn over<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Self, BuildError> {
        let mut secrets: Vec<Vec<u8>> = values.flat_map(|value| quoting::spellings(value.trim_ascii())).collect();
        secrets.sort();
        secrets.dedup();
        let kind = Some(AhoCorasickKind::ContiguousNFA);
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).kind(kind).build(&secrets)?;
        Ok(Self { search: Some(search), secrets: secrets.into(), held_back: vec![] })
    }

    /// Takes the next bytes and gives those that are decided.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held_back.extend_from_slice(bytes);
        let text = std::mem::take(&mut self.held_back);
        let (out, rest) = self.hide(&text, false);
        self.held_back = text[rest..].to_vec();
        out
    }

    /// The stream is over: gives what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held_back);
        self.hide(&text, true).0
    }

    /// A text of its own.
    pub fn whole(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = self.push(text);
        out.extend(self.finish());
        out
    }

    /// What `text` shows, and how far that is decided.
    fn hide(&self, text: &[u8], last: bool) -> (Vec<u8>, usize) {
        let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
        let mut open = self.open_from(text, at, last);
        if let Some(search) = &self.search {
            while let Some(found) = search.find(&text[at..]) {
                let (start, end) = (at + found.start(), at + found.end());
                // What begins here may still become a longer secret.
                if start >= open {
                    break;
                }
                out.extend_from_slice(&text[at..start]);
                out.extend_from_slice(PLACEHOLDER.as_bytes());
                at = end;
                if open < at {
                    open = self.open_from(text, at, last);
                }
            }
        }
        out.extend_from_slice(&text[at..open]);
        (out, open)
    }

    /// The first place from `at` on from where the rest of `text` is the beginning of a secret and not all of it.
    fn open_from(&self, text: &[u8], at: usize, last: bool) -> usize {
        let longest = self.secrets.iter().map(Vec::len).max().unwrap_or(0);
        if last || longest == 0 {
            return text.len();
        }
        let first = at.max(text.len().saturating_sub(longest - 1));
        let begins =
            |place: &usize| self.secrets.iter().any(|secret| secret.len() > text.len() - place && secret.starts_with(&text[*place..]));
        (first..text.len()).find(begins).unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(veil: &Veil, text: &[u8], size: usize) -> Vec<u8> {
        let mut veil = veil.clone();
        let mut out: Vec<u8> = text.chunks(size).flat_map(|piece| veil.push(piece)).collect();
        out.extend(veil.finish());
        out
    }

    #[test]
    fn a_secret_is_hidden_wherever_the_pieces_end() {
        let veil = Veil::over([&b"made-up'key\\0001"[..], b"made-up", b"up'key\\0001-and-more"].into_iter()).unwrap();
        let text = br"export A=$'made-up\'key\\0001' B=made-u C=made-up D='made-up'\''key\0001-and-more' made-u";
        let whole = veil.clone().whole(text);
        let shown = String::from_utf8(whole.clone()).unwrap();
        assert_eq!(shown, "export A=$'held-by-tidewaiter' B=made-u C=held-by-tidewaiter D='held-by-tidewaiter-and-more' made-u");
        for size in 1..text.len() {
            assert_eq!(in_pieces(&veil, text, size), whole, "{size}");
        }
    }

    #[test]
    fn the_runners_script_within_eval_is_seen_through() {
        let key = "made up:'key\u{e9}0001\"$x";
        let veil = Veil::over([key.as_bytes()].into_iter()).unwrap();
        let inner = r#"made up:\'key\xc3\xa90001"$x"#;
        let outer = format!("export K=$'{inner}'\n").replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
        let script = format!(": | (eval $'{outer}')\nexit 0\n").into_bytes();
        for size in [1, 3, 7, 64, script.len()] {
            let shown = String::from_utf8(in_pieces(&veil, &script, size)).unwrap();
            assert_eq!(shown, ": | (eval $'export K=$\\'held-by-tidewaiter\\'\\n')\nexit 0\n");
        }
    }

    #[test]
    fn nothing_is_held_back_that_cannot_become_a_secret() {
        let mut veil = Veil::over([&b"made-up-key"[..]].into_iter()).unwrap();
        assert_eq!(veil.push(b"exit 0\n"), b"exit 0\n");
        assert_eq!(veil.push(b"echo mad"), b"echo ");
        assert_eq!(veil.push(b"am\n"), b"madam\n");
        assert!(veil.held_back.is_empty());
        assert_eq!(Veil::default().push(b"as it is"), b"as it is");
    }
}
