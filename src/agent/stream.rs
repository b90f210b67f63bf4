//! What an agent's output tells, whichever agent wrote it.

use serde_json::Value;

use super::shown;

/// Bytes of the agent's last words that are kept.
const FINAL_BYTES: usize = 64 << 10;

/// Something that the job's log shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The agent's words.
    Text(String),
    /// A tool is called: its name and its main argument.
    Call {
        /// The tool.
        tool: String,
        /// The command, the path, or the whole input.
        argument: String,
    },
    /// A tool's answer.
    Output {
        /// The call that it answers, `tool argument`.
        call: String,
        /// What came back.
        text: String,
        /// Whether the tool failed.
        failed: bool,
    },
    /// A line that is no event of the stream that we know, as it is.
    Plain(String),
    /// How it ended.
    End {
        /// Whether the agent says that it succeeded.
        done: bool,
        /// Its last words, or the error.
        text: String,
    },
}

/// What the stream counts. It is the agent's word: enough to show, and to stop an honest agent.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Turns: messages of the model outside of sub-agents.
    pub turns: u64,
    /// Tokens sent, cached ones included.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// US dollars by the agent's own price list.
    pub cost_usd: f64,
    /// Tool calls that its own permission rules refused.
    pub denials: u64,
}

/// How the agent ended, by its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Outcome {
    /// The last result says success.
    Done,
    /// The last result says something else.
    Failed {
        /// What it says.
        reason: String,
    },
    /// There was no result.
    #[default]
    NoResult,
}

/// What an agent's output told so far. It is the agent's word.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What was counted.
    pub usage: Usage,
    /// How it ended.
    pub outcome: Outcome,
    /// The agent's last words, at most 64 KiB.
    pub final_text: String,
}

/// Reads an agent's stream of events.
pub trait Reader {
    /// Reads one event, a JSON object, and says what of it is worth showing; none where it is no event that is known.
    fn event(&mut self, event: &Value) -> Option<Vec<Entry>>;

    /// What was told by now.
    fn progress(&self) -> &Progress;
}

/// Reads one line of the stream without its end. What is no event of it is shown as it is, and never ends the reading.
pub fn line(reader: &mut dyn Reader, line: &[u8]) -> Vec<Entry> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Vec::new();
    }
    let event = serde_json::from_slice::<Value>(line).ok().filter(Value::is_object);
    event.and_then(|event| reader.event(&event)).unwrap_or_else(|| {
        let start = &line[..line.len().min(shown::PLAIN_BYTES)];
        vec![Entry::Plain(String::from_utf8_lossy(start).into_owned())]
    })
}

/// Of the agent's last words, as many as are kept.
pub(super) fn last_words(text: &str) -> String {
    text[..text.floor_char_boundary(FINAL_BYTES)].to_owned()
}

/// The first line of an error, in a few words.
pub(super) fn first_words(text: &str) -> &str {
    let words = text.lines().next().unwrap_or_default();
    &words[..words.floor_char_boundary(500)]
}
