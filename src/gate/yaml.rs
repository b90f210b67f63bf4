//! YAML read within bounds: values nest, and aliases multiply.

use std::{collections::HashMap, rc::Rc};

use yaml_rust2::parser::{Event, Parser};

/// Levels of values in one file.
const DEEPEST: usize = 64;
/// Values in one file.
const VALUES: usize = 200_000;
/// Bytes of a file's values with every alias written out. Whoever walks them all takes no more time and copies no more than that;
/// GitLab reads no CI configuration of more than 2 MiB in this sense (docs.gitlab.com, "Instance limits").
const WRITTEN_OUT: usize = 32 << 20;
/// Bytes that a value counts for beside its text.
const NODE: usize = 16;
/// Bytes of a value that is written for comparing.
const WRITTEN: usize = 1 << 20;

/// The documents of a text; none when it cannot be read within these bounds.
pub(super) fn parse(text: &str) -> Option<Vec<Rc<Value>>> {
    let (mut parser, mut builder) = (Parser::new(text.chars()), Builder::default());
    // Event by event: the parser's own loop recurses as deep as the text nests.
    loop {
        match parser.next_token().ok()?.0 {
            Event::StreamEnd => return Some(builder.documents),
            event => builder.take(event)?,
        }
    }
}

/// A YAML value. Aliases share their value, so that a small file stays small.
pub(super) enum Value {
    Text(String),
    List(Vec<Rc<Value>>),
    Map(Vec<(Rc<Value>, Rc<Value>)>),
}

impl Value {
    /// A scalar as it is written, whatever its type.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Every value of `key`; a key may stand more than once.
    pub(super) fn get<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Rc<Self>> {
        self.pairs().filter(move |(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The value of `key`, the last one where it stands more than once.
    pub(super) fn field(&self, key: &str) -> Option<&Self> {
        self.pairs().filter(|(name, _)| name.text() == Some(key)).last().map(|(_, value)| &**value)
    }

    /// The pairs of a map; none of anything else.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &(Rc<Self>, Rc<Self>)> {
        let pairs = match self {
            Self::Map(pairs) => pairs.as_slice(),
            Self::Text(_) | Self::List(_) => &[],
        };
        pairs.iter()
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> impl Iterator<Item = &Rc<Self>> {
        let items = match self {
            Self::List(items) => items.as_slice(),
            Self::Text(_) | Self::Map(_) => &[],
        };
        items.iter()
    }

    /// All of it in one line, for comparing; none where aliases make it too long.
    pub(super) fn written(&self) -> Option<String> {
        let mut out = String::new();
        self.write(&mut out).then_some(out)
    }

    fn write(&self, out: &mut String) -> bool {
        match self {
            Self::Text(text) => out.push_str(&format!("{text:?}")),
            Self::List(items) => {
                out.push('[');
                return out.len() < WRITTEN && items.iter().all(|item| item.write(out)) && end(out, "], ");
            }
            Self::Map(pairs) => {
                out.push('{');
                let write = |(key, value): &(Rc<Self>, Rc<Self>)| key.write(out) && end(out, ": ") && value.write(out);
                return pairs.iter().all(write) && end(out, "}, ");
            }
        }
        end(out, " ")
    }
}

fn end(out: &mut String, mark: &str) -> bool {
    out.push_str(mark);
    out.len() < WRITTEN
}

/// A value with what it measures.
#[derive(Clone)]
struct Node {
    value: Rc<Value>,
    /// Levels in it.
    depth: usize,
    /// Its bytes, with every alias written out.
    size: usize,
}

/// A list or map that is not closed yet.
struct Open {
    anchor: usize,
    is_map: bool,
    depth: usize,
    size: usize,
    items: Vec<Rc<Value>>,
}

/// Builds values from the parser's events. Its functions give none where a bound is passed.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    documents: Vec<Rc<Value>>,
    values: usize,
    size: usize,
}

impl Builder {
    fn take(&mut self, event: Event) -> Option<()> {
        match event {
            Event::DocumentStart => self.anchors.clear(),
            Event::Scalar(text, _, anchor, _) => {
                let size = NODE + text.len();
                self.put(anchor, Node { value: Rc::new(Value::Text(text)), depth: 0, size })?;
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor)?.clone();
                self.put(0, node)?;
            }
            Event::SequenceStart(anchor, _) => self.start(anchor, false)?,
            Event::MappingStart(anchor, _) => self.start(anchor, true)?,
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            _ => {}
        }
        Some(())
    }

    fn start(&mut self, anchor: usize, is_map: bool) -> Option<()> {
        self.open.push(Open { anchor, is_map, depth: 0, size: NODE, items: vec![] });
        (self.open.len() <= DEEPEST).then_some(())
    }

    fn close(&mut self) -> Option<()> {
        let Open { anchor, is_map, depth, size, items } = self.open.pop()?;
        let value = if is_map {
            let mut items = items.into_iter();
            let mut pairs = Vec::new();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        } else {
            Value::List(items)
        };
        self.put(anchor, Node { value: Rc::new(value), depth: depth + 1, size })
    }

    /// Takes a value. Aliases could stack levels without end, and values are walked and dropped level by level.
    fn put(&mut self, anchor: usize, node: Node) -> Option<()> {
        self.values += 1;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Node { value, depth, size } = node;
        let whole = match self.open.last_mut() {
            Some(open) => {
                open.depth = open.depth.max(depth);
                open.items.push(value);
                &mut open.size
            }
            None => {
                self.documents.push(value);
                &mut self.size
            }
        };
        *whole = whole.saturating_add(size);
        (self.values <= VALUES && depth <= DEEPEST && *whole <= WRITTEN_OUT).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_without_end_is_refused_however_it_is_written() {
        let steps = |end: &str| (0..2000).map(|n| format!("{}-{end}", " ".repeat(n))).collect::<String>();
        let aliases = |from: &str| (1..2000).fold(from.to_owned(), |text, n| text + &format!("a{n}: &a{n} [*a{}]\n", n - 1));
        for text in ["- ", "-\t", "? ", "?\t", "[", "{a: ", "[\n", "- [", "a: [? "].map(|part| part.repeat(100_000)) {
            assert!(parse(&text).is_none(), "{}", &text[..20]);
        }
        for text in [steps("\n"), steps("\r"), aliases("a0: &a0 [x]\n")] {
            assert!(parse(&text).is_none(), "{}", &text[..20]);
        }
        assert!(parse(&("[".repeat(DEEPEST) + &"]".repeat(DEEPEST))).is_some());
        assert!(parse("a: 'if [[ $x ]]; then [[[[[[ ]]'\n").is_some());
    }

    #[test]
    fn what_is_written_out_too_large_is_refused() {
        let text = |wide: usize, levels: usize| {
            let level = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); wide].join(", "));
            "a0: &a0 [x, x]\n".to_owned() + &(1..levels).map(level).collect::<String>()
        };
        assert!(parse(&text(4, 4)).is_some());
        assert!(parse(&text(9, 30)).is_none());
        assert!(parse(&format!("a: &a {}\nb: [{}]\n", "x".repeat(50_000), "*a, ".repeat(50_000))).is_none());
        assert!(parse("- x\n".repeat(VALUES + 1).as_str()).is_none());
    }

    #[test]
    fn an_alias_names_a_value_of_its_own_document() {
        let found = parse("a: &x 1\nb: [*x, *x]\n").unwrap();
        assert_eq!(found[0].field("b").unwrap().items().filter(|item| item.text() == Some("1")).count(), 2);
        assert!(parse("a: &x 1\n---\nb: *x\n").is_none());
        assert!(parse("a: &x [*x]\n").is_none());
    }
}
