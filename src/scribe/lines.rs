//! Bytes into lines, bounded.

/// What becomes of a line that is longer than the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlong {
    /// It is given out in parts; CR ends a line as well.
    Break,
    /// Its beginning is given out, the rest dropped: half of an event is none.
    Drop,
}

/// Collects bytes and gives out whole lines.
#[derive(Debug)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    limit: usize,
    overlong: Overlong,
    dropping: bool,
}

impl Lines {
    pub(super) fn new(limit: usize, overlong: Overlong) -> Self {
        Self { buffer: Vec::new(), limit, overlong, dropping: false }
    }

    /// Takes `bytes`, and gives out each line that ends in them, without its end.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let ends = |byte: &u8| *byte == b'\n' || (*byte == b'\r' && self.overlong == Overlong::Break);
        let mut given = Vec::new();
        for piece in bytes.split_inclusive(ends) {
            let ended = piece.last().is_some_and(ends);
            let body = &piece[..piece.len() - usize::from(ended)];
            given.extend(add(&mut self.buffer, self.limit, self.overlong, &mut self.dropping, body));
            if ended {
                let line = std::mem::take(&mut self.buffer);
                // A CR before a LF, and a CR alone on a line, leave empty lines behind: they are worth nothing.
                let empty = line.is_empty() && (self.dropping || piece.ends_with(b"\r"));
                given.extend((!empty).then_some(line));
                self.dropping = false;
            }
        }
        given
    }

    /// The last line, where it has no end.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.buffer);
        (!line.is_empty()).then_some(line)
    }
}

fn add(buffer: &mut Vec<u8>, limit: usize, overlong: Overlong, dropping: &mut bool, mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut given = Vec::new();
    while !*dropping && buffer.len() + body.len() > limit {
        let (now, later) = body.split_at(whole_characters(body, limit - buffer.len()));
        buffer.extend_from_slice(now);
        body = later;
        given.push(std::mem::take(buffer));
        *dropping = overlong == Overlong::Drop;
    }
    if !*dropping {
        buffer.extend_from_slice(body);
    }
    given
}

/// The largest place up to `at` that does not part a character of UTF-8 (whose later bytes are 10xxxxxx); `at` where there is none.
fn whole_characters(bytes: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at).rev().find(|&place| place > 0 && bytes.get(place).is_none_or(|byte| byte & 0xc0 != 0x80)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(limit: usize, overlong: Overlong, chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(limit, overlong);
        let mut given: Vec<_> = chunks.iter().flat_map(|chunk| lines.push(chunk)).collect();
        given.extend(lines.end());
        given.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn lines_come_out_whole_however_they_went_in() {
        assert_eq!(all(100, Overlong::Break, &[b"a", b"b\nc\n", b"\nd"]), ["ab", "c", "", "d"]);
        assert_eq!(all(100, Overlong::Break, &[b"a\r\nb\rc"]), ["a", "", "b", "c"]);
        assert_eq!(all(100, Overlong::Drop, &[b"a\rb\n"]), ["a\rb"]);
    }

    #[test]
    fn overlong_lines_are_broken_or_dropped() {
        assert_eq!(all(4, Overlong::Break, &[b"abcdefghij\nk"]), ["abcd", "efgh", "ij", "k"]);
        assert_eq!(all(4, Overlong::Drop, &[b"abcd", b"efghij", b"kl\nmn\n"]), ["abcd", "mn"]);
        assert_eq!(all(4, Overlong::Break, &["aaaéé".as_bytes()]), ["aaa", "éé"]);
    }

    #[test]
    fn the_buffer_stays_small() {
        let mut lines = Lines::new(1000, Overlong::Drop);
        for _ in 0..1000 {
            lines.push(&[0x80; 5000]);
            assert!(lines.buffer.len() <= 1000);
        }
    }
}
