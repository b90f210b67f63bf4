//! A scripted stand-in for the Claude API on loopback, and for Claude on Bedrock, by the path that is asked for. It answers by the state of the conversation, not by counting
//! requests, so that side calls and retries of a client do not get it out of step.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::aws;

/// One thing that the model says.
#[derive(Clone, Debug)]
pub enum Block {
    /// Text.
    Text(String),
    /// A call of the client's tool of that name.
    Tool {
        /// As the client calls it: `Bash`, `Write`, …
        name: String,
        /// Its input.
        input: Value,
    },
}

/// How an answer goes wrong.
#[derive(Clone, Debug)]
pub enum Failure {
    /// An error answer: status, further header lines, body.
    Status(u16, Vec<(String, String)>, String),
    /// Bytes that are not HTTP.
    Garbage,
    /// Nothing, until the client leaves.
    Hang,
    /// A stream that breaks off in the middle.
    Cut,
}

/// What the model does when the request holds as many assistant messages as there are turns before this one.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Answers.
    Says(Vec<Block>),
    /// Answers with its first event, and with the rest after [`Provider::release`].
    Pauses(Vec<Block>),
    /// Fails each time.
    Fails(Failure),
    /// Fails the first time, then is the other turn.
    FailsOnce(Failure, Box<Turn>),
}

impl Turn {
    /// Says `text`.
    pub fn text(text: &str) -> Self {
        Self::Says(vec![Block::Text(text.to_owned())])
    }

    /// Calls a tool.
    pub fn tool(name: &str, input: Value) -> Self {
        Self::Says(vec![Block::Tool { name: name.to_owned(), input }])
    }

    /// Answers with an error of the API's form.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let body = json!({ "type": "error", "error": { "type": kind, "message": message } });
        Self::Fails(Failure::Status(status, vec![("content-type".to_owned(), "application/json".to_owned())], body.to_string()))
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The first value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// The stand-in. It ends when it is dropped.
pub struct Provider {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
}

/// Looks at a request's credential.
pub type Admits = Box<dyn Fn(&Received) -> bool + Send + Sync>;

#[derive(Default)]
struct State {
    script: Vec<Turn>,
    failed: Vec<AtomicUsize>,
    /// Whether a request's credential is good; none where all are.
    admits: Option<Admits>,
    connections: AtomicUsize,
    messages: AtomicUsize,
    received: Mutex<Vec<Received>>,
    /// Whether a paused turn may go on, and whether all is over.
    gate: Mutex<(bool, bool)>,
    changed: Condvar,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider {
    /// Plays `script` at `http://127.0.0.1:PORT`.
    pub fn start(script: Vec<Turn>) -> Self {
        Self::listen(script, None, None)
    }

    /// The same, and answers 401 to requests that `admits` does not admit.
    pub fn start_guarded(script: Vec<Turn>, tls: Option<Arc<ServerConfig>>, admits: Admits) -> Self {
        Self::listen(script, tls, Some(admits))
    }

    /// Plays `script` at `https://127.0.0.1:PORT`, with the certificate in `tls`.
    pub fn start_tls(script: Vec<Turn>, tls: Arc<ServerConfig>) -> Self {
        Self::listen(script, Some(tls), None)
    }

    fn listen(script: Vec<Turn>, tls: Option<Arc<ServerConfig>>, admits: Option<Admits>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let failed = script.iter().map(|_| AtomicUsize::new(0)).collect();
        let state = Arc::new(State { script, failed, admits, ..State::default() });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if locked(&shared.gate).1 {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (shared, tls) = (shared.clone(), tls.clone());
                thread::spawn(move || {
                    // A client that leaves in the middle is part of many tests.
                    let _ = match tls {
                        None => converse(stream, &shared),
                        Some(config) => ServerConnection::new(config)
                            .map_err(io::Error::other)
                            .and_then(|connection| converse(StreamOwned::new(connection, stream), &shared)),
                    };
                });
            }
        });
        Self { address, scheme, state }
    }

    /// What to put into the policy as `base_url`.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Received> {
        locked(&self.state.received).clone()
    }

    /// How often anyone connected, whether a request came or not.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Lets paused turns go on.
    pub fn release(&self) {
        locked(&self.state.gate).0 = true;
        self.state.changed.notify_all();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        *locked(&self.state.gate) = (true, true);
        self.state.changed.notify_all();
        // Wakes the listener so that it sees the end.
        drop(TcpStream::connect(self.address));
    }
}

fn converse(mut stream: impl Read + Write, state: &State) -> io::Result<()> {
    let Some(request) = receive(&mut stream)? else { return Ok(()) };
    let mut body = request.json();
    let path = request.path.split('?').next().unwrap_or_default().to_owned();
    let admitted = state.admits.as_ref().is_none_or(|admits| admits(&request));
    locked(&state.received).push(request);
    if !admitted {
        return play(&mut stream, &Turn::error(401, "authentication_error", "no such credential"), &body, state, Wire::Sse);
    }
    if let Some((model, call)) = path.strip_prefix("/model/").and_then(|rest| rest.rsplit_once('/')) {
        return bedrock(&mut stream, model, call, &mut body, state);
    }
    if path.ends_with("/v1/messages/count_tokens") || path.ends_with("/count-tokens:rawPredict") {
        return answer(
            &mut stream,
            200,
            &[("content-type".to_owned(), "application/json".to_owned())],
            &json!({ "input_tokens": 42 }).to_string(),
        );
    }
    if !["/v1/messages", ":rawPredict", ":streamRawPredict"].iter().any(|end| path.ends_with(end)) {
        return answer(&mut stream, 404, &[], "not found");
    }
    let turn = pick(&body, state);
    play(&mut stream, &turn, &body, state, Wire::Sse)
}

/// How a stream's events are written.
#[derive(Clone, Copy)]
enum Wire {
    Sse,
    Aws,
}

fn bedrock(stream: &mut (impl Read + Write), model: &str, call: &str, body: &mut Value, state: &State) -> io::Result<()> {
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    match call {
        "count-tokens" => answer(stream, 200, &json, &json!({ "inputTokens": 42 }).to_string()),
        "invoke" | "invoke-with-response-stream" if body.is_object() => {
            body["model"] = json!(model);
            body["stream"] = json!(call != "invoke");
            play(stream, &pick(body, state), body, state, Wire::Aws)
        }
        _ => answer(stream, 404, &[], "not found"),
    }
}

/// Reads one request; none where the client left.
pub fn receive(stream: &mut impl Read) -> io::Result<Option<Received>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
    let headers: Vec<_> =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Received { method, path, headers, body }))
}

/// Side calls of a client (titles, summaries) offer no tools; they get a short text.
fn pick(body: &Value, state: &State) -> Turn {
    let no_tools = body["tools"].as_array().is_none_or(Vec::is_empty);
    let wants_tools =
        state.script.iter().any(|turn| matches!(turn, Turn::Says(blocks) if blocks.iter().any(|b| matches!(b, Block::Tool { .. }))));
    if no_tools && wants_tools {
        return Turn::text("ok");
    }
    let said = body["messages"].as_array().map_or(0, |list| list.iter().filter(|message| message["role"] == "assistant").count());
    match state.script.get(said) {
        None => Turn::text("Done."),
        Some(Turn::FailsOnce(failure, then)) => match state.failed[said].fetch_add(1, Ordering::SeqCst) {
            0 => Turn::Fails(failure.clone()),
            _ => (**then).clone(),
        },
        Some(turn) => turn.clone(),
    }
}

fn play(stream: &mut (impl Read + Write), turn: &Turn, body: &Value, state: &State, wire: Wire) -> io::Result<()> {
    match turn {
        Turn::Fails(Failure::Status(status, headers, text)) => answer(stream, *status, headers, text),
        Turn::Fails(Failure::Garbage) => stream.write_all(b"\x00\x01 this is not HTTP\r\n\r\n"),
        Turn::Fails(Failure::Hang) => {
            let over = state.changed.wait_while(locked(&state.gate), |(_, over)| !*over);
            drop(over);
            Ok(())
        }
        Turn::Fails(Failure::Cut) => {
            begin(stream, wire)?;
            event(stream, &start(body, state), wire)
        }
        Turn::FailsOnce(_, then) => play(stream, then, body, state, wire),
        Turn::Says(blocks) if body["stream"] != true => {
            let message = whole(blocks, body, state);
            answer(stream, 200, &[("content-type".to_owned(), "application/json".to_owned())], &message.to_string())
        }
        Turn::Says(blocks) => {
            begin(stream, wire)?;
            event(stream, &start(body, state), wire)?;
            rest(stream, blocks, state, wire)
        }
        Turn::Pauses(blocks) => {
            begin(stream, wire)?;
            event(stream, &start(body, state), wire)?;
            let open = state.changed.wait_timeout_while(locked(&state.gate), Duration::from_secs(20), |(open, _)| !*open);
            drop(open);
            rest(stream, blocks, state, wire)
        }
    }
}

/// Writes a whole answer.
pub fn answer(stream: &mut impl Write, status: u16, headers: &[(String, String)], body: &str) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(
        stream,
        "{head}content-length: {}\r\nrequest-id: req_scripted\r\nset-cookie: a=b\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

fn begin(stream: &mut impl Write, wire: Wire) -> io::Result<()> {
    let kind = match wire {
        Wire::Sse => "text/event-stream; charset=utf-8",
        Wire::Aws => "application/vnd.amazon.eventstream",
    };
    let fields = "cache-control: no-cache\r\nrequest-id: req_scripted\r\nset-cookie: a=b\r\nconnection: close";
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{fields}\r\n\r\n")
}

fn event(stream: &mut impl Write, data: &Value, wire: Wire) -> io::Result<()> {
    match wire {
        Wire::Sse => write!(stream, "event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())?,
        Wire::Aws => stream.write_all(&aws::chunk(data))?,
    }
    stream.flush()
}

/// Message ids differ: clients merge messages that have the same one.
fn start(body: &Value, state: &State) -> Value {
    let id = format!("msg_scripted_{}", state.messages.fetch_add(1, Ordering::SeqCst));
    json!({ "type": "message_start", "message": {
        "id": id, "type": "message", "role": "assistant", "model": body["model"], "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 10, "output_tokens": 1 } } })
}

fn rest(stream: &mut impl Write, blocks: &[Block], state: &State, wire: Wire) -> io::Result<()> {
    event(stream, &json!({ "type": "ping" }), wire)?;
    for (index, block) in blocks.iter().enumerate() {
        let (opening, delta) = match block {
            Block::Text(text) => (json!({ "type": "text", "text": "" }), json!({ "type": "text_delta", "text": text })),
            Block::Tool { name, input } => {
                let id = format!("toolu_scripted_{}", state.messages.fetch_add(1, Ordering::SeqCst));
                (
                    json!({ "type": "tool_use", "id": id, "name": name, "input": {} }),
                    json!({ "type": "input_json_delta", "partial_json": input.to_string() }),
                )
            }
        };
        event(stream, &json!({ "type": "content_block_start", "index": index, "content_block": opening }), wire)?;
        event(stream, &json!({ "type": "content_block_delta", "index": index, "delta": delta }), wire)?;
        event(stream, &json!({ "type": "content_block_stop", "index": index }), wire)?;
    }
    let delta = json!({ "stop_reason": stop_reason(blocks), "stop_sequence": null });
    event(stream, &json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 5 } }), wire)?;
    event(stream, &json!({ "type": "message_stop" }), wire)
}

fn stop_reason(blocks: &[Block]) -> &'static str {
    if blocks.iter().any(|block| matches!(block, Block::Tool { .. })) { "tool_use" } else { "end_turn" }
}

fn whole(blocks: &[Block], body: &Value, state: &State) -> Value {
    let content: Vec<_> = blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) => json!({ "type": "text", "text": text }),
            Block::Tool { name, input } => {
                let id = format!("toolu_scripted_{}", state.messages.fetch_add(1, Ordering::SeqCst));
                json!({ "type": "tool_use", "id": id, "name": name, "input": input })
            }
        })
        .collect();
    let mut message = start(body, state)["message"].take();
    message["content"] = Value::Array(content);
    message["stop_reason"] = json!(stop_reason(blocks));
    message
}
