//! Finds what an answer says of its tokens while it passes: the object `usage` of a JSON text that comes in pieces. Nothing
//! else of it is kept, however long it is.

/// Bytes of such an object at most; real ones have a few hundred.
const LONGEST: usize = 16 << 10;

/// Bytes of a key that are looked at: longer ones are none of ours.
const KEY: usize = 16;

/// Where an object `usage` stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the text's own object: `{"usage": …}`.
    Top,
    /// In an object of the text's own, whose name is given: `{"message": {"usage": …}}`.
    Within(Wrapper),
}

/// The objects that are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapper {
    /// `message`, of the Messages API's stream.
    Message,
    /// `response`, of the Responses API's stream.
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Usage,
    Wrapper(Wrapper),
    Other,
}

/// Reads one JSON text. It does not judge whether it is one: what is taken out is read strictly by whoever takes it.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Objects and lists that are open.
    depth: usize,
    /// Whether the first two of them are objects.
    objects: [bool; 2],
    /// The keys whose values are being read in these two.
    keys: [Option<Key>; 2],
    string: Option<Text>,
    taking: Option<Taking>,
}

/// A string that is being read.
#[derive(Debug, Default)]
struct Text {
    escaped: bool,
    /// Its first bytes, where it is a key.
    key: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Taking {
    place: Place,
    /// Open objects and lists when it began.
    outside: usize,
    bytes: Vec<u8>,
}

impl Scan {
    /// Reads on. What was found comes out with its place; none instead of the bytes where it is too long.
    pub(super) fn feed(&mut self, bytes: &[u8], found: &mut impl FnMut(Place, Option<&[u8]>)) {
        for &byte in bytes {
            self.byte(byte);
            if let Some(taking) = &mut self.taking {
                if taking.bytes.len() <= LONGEST {
                    taking.bytes.push(byte);
                }
                if self.depth == taking.outside {
                    let whole = (taking.bytes.len() <= LONGEST).then_some(&taking.bytes[..]);
                    found(taking.place, whole);
                    self.taking = None;
                }
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        match (self.string.take(), byte) {
            (Some(text), _) => self.text(text, byte),
            (None, b'"') => self.string = Some(Text { escaped: false, key: self.expects_key().then(Vec::new) }),
            (None, b'{' | b'[') => self.open(byte == b'{'),
            (None, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            (None, b',') => {
                if let Some(key) = self.keys.get_mut(self.depth.wrapping_sub(1)) {
                    *key = None;
                }
            }
            (None, _) => {}
        }
    }

    fn text(&mut self, mut text: Text, byte: u8) {
        if byte == b'"' && !text.escaped {
            if let Some((key, slot)) = text.key.zip(self.keys.get_mut(self.depth.wrapping_sub(1))) {
                *slot = Some(match key.as_slice() {
                    b"usage" => Key::Usage,
                    b"message" => Key::Wrapper(Wrapper::Message),
                    b"response" => Key::Wrapper(Wrapper::Response),
                    _ => Key::Other,
                });
            }
            return;
        }
        text.escaped = byte == b'\\' && !text.escaped;
        if let Some(key) = text.key.as_mut().filter(|key| key.len() < KEY) {
            key.push(byte);
        }
        self.string = Some(text);
    }

    /// In an object of the first two, before a colon.
    fn expects_key(&self) -> bool {
        let at = self.depth.wrapping_sub(1);
        self.objects.get(at) == Some(&true) && self.keys[at].is_none()
    }

    fn open(&mut self, object: bool) {
        if object && self.taking.is_none() {
            let place = match (self.depth, self.keys) {
                (1, [Some(Key::Usage), _]) => Some(Place::Top),
                (2, [Some(Key::Wrapper(wrapper)), Some(Key::Usage)]) => Some(Place::Within(wrapper)),
                _ => None,
            };
            self.taking = place.map(|place| Taking { place, outside: self.depth, bytes: Vec::new() });
        }
        if let (Some(is_object), Some(key)) = (self.objects.get_mut(self.depth), self.keys.get_mut(self.depth)) {
            (*is_object, *key) = (object, None);
        }
        self.depth += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, size: usize) -> Vec<(Place, Option<String>)> {
        let (mut scan, mut list) = (Scan::default(), Vec::new());
        for part in text.as_bytes().chunks(size) {
            scan.feed(part, &mut |place, bytes| list.push((place, bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()))));
        }
        list
    }

    #[test]
    fn usage_is_found_in_its_places_only() {
        let text = r#"{"a":[{"usage":{"x":1}}],"b":"\"usage\":{","message":{"c":{"usage":{}},"usage":{"in":[1,{"y":"}"}]}},"usage" : {"out":2},"usage":null,"u":{"usage":{}}}"#;
        for size in 1..text.len() {
            let expected = vec![
                (Place::Within(Wrapper::Message), Some(r#"{"in":[1,{"y":"}"}]}"#.to_owned())),
                (Place::Top, Some(r#"{"out":2}"#.to_owned())),
            ];
            assert_eq!(found(text, size), expected, "{size}");
        }
        assert_eq!(found(r#"{"response":{"usage":{}}}"#, 3), [(Place::Within(Wrapper::Response), Some("{}".to_owned()))]);
        for text in
            [r#"[{"usage":{}}]"#, r#"["usage",{}]"#, r#"{"x":"usage","y":{}}"#, r#"{"usage":[{}]}"#, r#"{"message":[{"usage":{}}]}"#]
        {
            assert_eq!(found(text, 1), [], "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let text = format!(r#"{{"usage":{{"a":"{}"}}}}"#, "x".repeat(LONGEST));
        assert_eq!(found(&text, 1000), [(Place::Top, None)]);
    }
}
