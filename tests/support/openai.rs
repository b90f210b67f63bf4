//! A scripted stand-in for OpenAI's API on loopback, and the real Codex where there is one.

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use super::provider::{Received, answer, receive};

/// Names the program to test with, where it is not `codex` in PATH.
pub const VARIABLE: &str = "TIDEWAITER_CODEX";

/// A stand-in for the API that gives each request the answer of `say`: its media type and text.
pub struct Api {
    /// Where it is.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Api {
    pub fn start(say: impl Fn(&Value) -> (&'static str, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let seen = received.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Ok(Some(request)) = receive(&mut stream) else { continue };
                let (kind, text) = say(&request.json());
                seen.lock().unwrap().push(request);
                // A client that leaves is part of the tests.
                let _ = answer(&mut stream, 200, &[("content-type".into(), kind.into()), ("connection".into(), "close".into())], &text);
            }
        });
        Self { url, received }
    }

    pub fn plain() -> Self {
        let usage = json!({ "input_tokens": 100, "input_tokens_details": { "cached_tokens": 30 }, "output_tokens": 8 });
        Self::start(move |_| ("application/json", json!({ "id": "r", "output": [], "usage": usage }).to_string()))
    }

    pub fn sent(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// The program to test with.
pub fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Some(named.into());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join("codex")).find(|file| file.is_file())
}

/// The events of an answer that is `item` alone.
pub fn says(item: &Value) -> (&'static str, String) {
    let usage =
        json!({ "input_tokens": 10, "input_tokens_details": null, "output_tokens": 5, "output_tokens_details": null, "total_tokens": 15 });
    let events = [
        json!({ "type": "response.created", "response": { "id": "r" } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": "r", "usage": usage } }),
    ];
    let text = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect();
    ("text/event-stream", text)
}

/// A call of Codex' shell.
pub fn shell(id: &str, command: &str) -> Value {
    let arguments = json!({ "cmd": command }).to_string();
    json!({ "type": "function_call", "id": id, "call_id": id, "name": "exec_command", "arguments": arguments })
}

/// A message.
pub fn message(text: &str) -> Value {
    json!({ "type": "message", "id": "m", "role": "assistant", "content": [{ "type": "output_text", "text": text, "annotations": [] }] })
}

/// How many results of tools the request holds.
pub fn results(body: &Value) -> usize {
    body["input"].as_array().map_or(0, |items| items.iter().filter(|item| item["type"] == "function_call_output").count())
}
