//! What of an event's JSON is worth a line of the log.

use serde_json::Value;

/// Bytes of a line that is not understood.
pub(super) const PLAIN_BYTES: usize = 4096;
/// Bytes of a tool's main argument.
const ARGUMENT_BYTES: usize = 1024;
/// Bytes of a tool's answer.
const CONTENT_BYTES: usize = 64 << 10;

/// Keys of a tool's input that say what it does, the first that is there.
const MAIN: [&str; 8] = ["command", "file_path", "notebook_path", "pattern", "path", "skill", "description", "prompt"];

/// A tool's main argument, or its whole input as JSON.
pub(super) fn argument(input: &Value) -> String {
    let main = MAIN.iter().find_map(|key| input.get(key)?.as_str());
    let text = main.map_or_else(|| input.to_string(), str::to_owned);
    cut(&text, ARGUMENT_BYTES)
}

/// The text of a tool's answer: a string, or parts of which the text is shown and the rest named.
pub(super) fn content(content: &Value) -> String {
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect::<Vec<_>>().join("\n"),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    cut(&text, CONTENT_BYTES)
}

fn part(part: &Value) -> String {
    match part["text"].as_str() {
        Some(text) => text.to_owned(),
        None => format!("[{}]", part["type"].as_str().unwrap_or("?")),
    }
}

/// The errors that a result without words lists.
pub(super) fn errors(event: &Value) -> String {
    let errors = event["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned)).collect::<Vec<_>>().join("; ")
}

fn cut(text: &str, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    if end == text.len() { text.to_owned() } else { format!("{} […]", &text[..end]) }
}
