//! YAML read within bounds: the parser recurses, and aliases multiply.

use std::{collections::HashMap, rc::Rc};

use yaml_rust2::parser::{Event, EventReceiver, Parser};

/// Levels of values in one file.
const DEEPEST: usize = 64;
/// Values in one file.
const VALUES: usize = 200_000;
/// Bytes of a value that is written for comparing.
const WRITTEN: usize = 1 << 20;

/// The documents of a text; none when it cannot be read within these bounds.
pub(super) fn parse(text: &str) -> Option<Vec<Rc<Value>>> {
    if too_deep(text) {
        return None;
    }
    let mut builder = Builder::default();
    Parser::new(text.chars()).load(&mut builder, true).ok()?;
    (builder.values <= VALUES && !builder.too_deep).then_some(builder.documents)
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

/// A list or map that is not closed yet.
struct Open {
    anchor: usize,
    is_map: bool,
    depth: usize,
    items: Vec<Rc<Value>>,
}

/// Builds values from the parser's events.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, (Rc<Value>, usize)>,
    documents: Vec<Rc<Value>>,
    values: usize,
    too_deep: bool,
}

impl Builder {
    fn start(&mut self, anchor: usize, is_map: bool) {
        self.open.push(Open { anchor, is_map, depth: 0, items: vec![] });
    }

    fn close(&mut self) {
        let Some(Open { anchor, is_map, depth, items }) = self.open.pop() else { return };
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
        self.put(anchor, Rc::new(value), depth + 1);
    }

    /// Takes a value with this many levels. Aliases could stack levels without end, and values are walked and dropped
    /// level by level.
    fn put(&mut self, anchor: usize, value: Rc<Value>, depth: usize) {
        self.values += 1;
        self.too_deep |= depth > DEEPEST;
        let (value, depth) = if depth > DEEPEST { (Rc::new(Value::List(vec![])), 0) } else { (value, depth) };
        if anchor > 0 {
            self.anchors.insert(anchor, (Rc::clone(&value), depth));
        }
        match self.open.last_mut() {
            Some(open) => {
                open.depth = open.depth.max(depth);
                open.items.push(value);
            }
            None => self.documents.push(value),
        }
    }
}

impl EventReceiver for Builder {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Scalar(text, _, anchor, _) => self.put(anchor, Rc::new(Value::Text(text)), 0),
            Event::Alias(anchor) => {
                let (value, depth) = self.anchors.get(&anchor).cloned().unwrap_or_else(|| (Rc::new(Value::List(vec![])), 0));
                self.put(0, value, depth);
            }
            Event::SequenceStart(anchor, _) => self.start(anchor, false),
            Event::MappingStart(anchor, _) => self.start(anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => {}
        }
    }
}

/// Whether values may nest deeper than any configuration does. The parser recurses, and its stack is finite.
fn too_deep(text: &str) -> bool {
    let mut open = 0_usize;
    text.lines().any(|line| {
        let mut deepest = 0;
        for sign in line.chars() {
            match sign {
                '[' | '{' => open += 1,
                ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(open);
        }
        let indented = line.bytes().take_while(|b| *b == b' ').count();
        let nested = line.matches("- ").count() + line.matches("? ").count();
        deepest > DEEPEST || indented > 4 * DEEPEST || nested > DEEPEST
    })
}
