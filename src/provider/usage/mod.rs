//! What an answer cost: tokens as the provider's own answer counts them, read while it passes, and dollars by a list of prices.
//!
//! What cannot be read counts as the most that the request allowed.

mod messages;
mod prices;
mod scan;

use serde::Deserialize;
use serde_json::Value;

use super::json;
use messages::Messages;
use scan::{Place, Scan, Wrapper};

/// Bytes of a request that count as one token where its answer does not tell: the Claude API's own rule of thumb
/// (platform.claude.com/docs/en/about-claude/glossary, "Tokens").
const BYTES_A_TOKEN: u64 = 4;

/// Output tokens of a request that does not bound them: as many as any model of the Claude API can give
/// (platform.claude.com/docs/en/about-claude/models/overview, "Max output").
const MOST_OUTPUT: u64 = 128_000;

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input that no cache had and none keeps.
    pub input: u64,
    /// Input that a cache keeps for five minutes.
    pub write: u64,
    /// Input that a cache keeps for an hour.
    pub write_hour: u64,
    /// Input that came from a cache.
    pub read: u64,
    /// Output.
    pub output: u64,
    /// Searches by the provider's web search tool.
    pub searches: u64,
}

impl Usage {
    /// All of its tokens.
    pub fn tokens(&self) -> u64 {
        [self.input, self.write, self.write_hour, self.read, self.output].into_iter().fold(0, u64::saturating_add)
    }

    fn has_input(&self) -> bool {
        [self.input, self.write, self.write_hour, self.read].into_iter().any(|count| count > 0)
    }

    /// Of two counts of the same answer, which grow as it goes on.
    fn or_more(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            write: self.write.max(other.write),
            write_hour: self.write_hour.max(other.write_hour),
            read: self.read.max(other.read),
            output: self.output.max(other.output),
            searches: self.searches.max(other.searches),
        }
    }
}

/// A request that will be billed, as far as that is known before its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The model's name, or a path that has it.
    model: String,
    /// What it costs at most, by the size of the request.
    most: Usage,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    max_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

impl Asked {
    /// Of a request's path and its body, which was checked already.
    pub fn new(path: &str, body: &[u8]) -> Self {
        let read = serde_json::from_slice(body);
        let read = read.unwrap_or(Body { model: None, max_tokens: None, max_output_tokens: None, max_completion_tokens: None });
        let output = read.max_tokens.into_iter().chain(read.max_output_tokens).chain(read.max_completion_tokens).max();
        let most = Usage { input: (body.len() as u64).div_ceil(BYTES_A_TOKEN), output: output.unwrap_or(MOST_OUTPUT), ..Usage::default() };
        Self { model: read.model.unwrap_or_else(|| path.to_owned()), most }
    }

    /// What it may use, for a reservation.
    pub fn most(&self) -> Usage {
        self.most
    }

    /// Millionths of a dollar, rounded up.
    pub fn cost(&self, usage: &Usage) -> u64 {
        let price = prices::of(&self.model);
        let parts = [
            (usage.input, price.input),
            (usage.write, price.write),
            (usage.write_hour, price.write_hour),
            (usage.read, price.read),
            (usage.output, price.output),
            (usage.searches, prices::SEARCH),
        ];
        parts.into_iter().fold(0, |sum: u64, (count, price)| sum.saturating_add(count.saturating_mul(price))).div_ceil(1000)
    }
}

/// How an answer is framed.
#[derive(Debug)]
enum Frames {
    /// One JSON text.
    Whole(Scan),
    /// Server-sent events (html.spec.whatwg.org, section 9.2), each with a JSON text as its data.
    Events(Line, Scan),
    /// An AWS event stream.
    Messages(Messages),
    /// None of these.
    Unknown,
}

/// Where a stream of events stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// At the beginning of a line, behind so many bytes of `data:`.
    Begins(usize),
    /// In the data.
    Data,
    /// In a line that is something else.
    Other,
    /// Behind a carriage return, which ends a line alone or with a line feed.
    Return,
}

/// Reads an answer while it passes; it keeps no more of it than one `usage` object, of an AWS event stream no more than an event.
#[derive(Debug)]
pub struct Reader {
    frames: Frames,
    count: Count,
}

#[derive(Debug, Default)]
struct Count {
    usage: Option<Usage>,
    /// Whether the answer told all that it cost, and not only what it began with.
    whole: bool,
    /// Something said to be a count could not be read.
    odd: bool,
}

impl Reader {
    /// Of an answer with this `content-type`, and the `content-encoding` if it has one.
    pub fn new(kind: &str, encoding: Option<&str>) -> Self {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let plain = encoding.is_none_or(|encoding| encoding.eq_ignore_ascii_case("identity"));
        let frames = match kind.as_str() {
            "text/event-stream" if plain => Frames::Events(Line::Begins(0), Scan::default()),
            "application/json" if plain => Frames::Whole(Scan::default()),
            "application/vnd.amazon.eventstream" if plain => Frames::Messages(Messages::default()),
            _ => Frames::Unknown,
        };
        Self { frames, count: Count::default() }
    }

    /// Reads on.
    pub fn feed(&mut self, bytes: &[u8]) {
        let count = &mut self.count;
        match &mut self.frames {
            Frames::Unknown => {}
            Frames::Whole(scan) => scan.feed(bytes, &mut |place, found| count.take(place, found)),
            Frames::Messages(messages) => {
                messages.feed(bytes, &mut |event| Scan::default().feed(event, &mut |place, found| count.take(place, found)));
            }
            Frames::Events(line, scan) => events(line, scan, bytes, count),
        }
    }

    /// What the answer cost, as far as it told; what it did not tell is taken from `most`. And whether it told all.
    pub fn end(&self, most: &Usage) -> (Usage, bool) {
        match self.count.usage {
            Some(usage) if self.count.odd => (usage.or_more(*most), false),
            Some(usage) if self.count.whole && usage.has_input() => (usage, true),
            Some(usage) if self.count.whole => (Usage { input: most.input, ..usage }, false),
            // Output goes on until somebody stops it.
            Some(usage) => (Usage { output: usage.output.max(most.output), ..usage }, false),
            None => (*most, false),
        }
    }
}

/// Before the JSON text of an event.
const DATA: &[u8] = b"data:";

fn events(line: &mut Line, scan: &mut Scan, mut bytes: &[u8], count: &mut Count) {
    while let [first, rest @ ..] = bytes {
        if let Line::Data | Line::Other = line {
            let length = bytes.iter().position(|byte| is_end(*byte)).unwrap_or(bytes.len());
            let (part, rest) = bytes.split_at(length);
            if *line == Line::Data {
                scan.feed(part, &mut |place, found| count.take(place, found));
            }
            if let Some(end) = rest.first() {
                *line = after(*end);
            }
            bytes = rest.get(1..).unwrap_or_default();
            continue;
        }
        bytes = rest;
        *line = match (*line, first) {
            (Line::Return, b'\n') => Line::Begins(0),
            (Line::Begins(0) | Line::Return, end) if is_end(*end) => {
                // An empty line ends the event, and with it the JSON text.
                *scan = Scan::default();
                after(*end)
            }
            (Line::Begins(_), end) if is_end(*end) => after(*end),
            (Line::Begins(at), byte) if DATA.get(at) == Some(byte) => begun(at + 1),
            (Line::Return, byte) if DATA.first() == Some(byte) => begun(1),
            _ => Line::Other,
        };
    }
}

fn begun(length: usize) -> Line {
    if length == DATA.len() { Line::Data } else { Line::Begins(length) }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn after(end: u8) -> Line {
    if end == b'\r' { Line::Return } else { Line::Begins(0) }
}

impl Count {
    fn take(&mut self, place: Place, found: Option<&[u8]>) {
        let read = found.and_then(|bytes| json::parse(bytes).ok()).and_then(|value| read(&value));
        match read {
            None => self.odd = true,
            Some(usage) => {
                self.usage = Some(self.usage.map_or(usage, |before| before.or_more(usage)));
                // The Messages API's stream begins with a count and ends with one.
                self.whole |= place != Place::Within(Wrapper::Message);
            }
        }
    }
}

/// Reads a `usage` object, of the Messages API (platform.claude.com/docs/en/api/messages, "usage") or of OpenAI's
/// (platform.openai.com/docs/api-reference, "The response object" and "The chat completion object"), where what came from a
/// cache is part of the input. None where a count is no number, or none of output is there.
fn read(value: &Value) -> Option<Usage> {
    let number = |value: &Value| if value.is_null() { Some(0) } else { value.as_u64() };
    let field = |name: &str| number(&value[name]);
    // Every one of them counts output.
    value.get("output_tokens").or_else(|| value.get("completion_tokens")).filter(|count| count.is_u64())?;
    let (long, short) = (field("prompt_tokens")?, field("completion_tokens")?);
    let details = &value[if long > 0 { "prompt_tokens_details" } else { "input_tokens_details" }];
    let cached = number(&details["cached_tokens"])?;
    let written = field("cache_creation_input_tokens")?;
    let hour = number(&value["cache_creation"]["ephemeral_1h_input_tokens"])?;
    Some(Usage {
        input: field("input_tokens")?.max(long).saturating_sub(cached),
        write: written.saturating_sub(hour),
        write_hour: hour,
        read: field("cache_read_input_tokens")?.max(cached),
        output: field("output_tokens")?.max(short),
        searches: number(&value["server_tool_use"]["web_search_requests"])?,
    })
}

#[cfg(test)]
mod tests;
