//! A server of the Model Context Protocol with one tool, over standard input and output (modelcontextprotocol.io, revision
//! 2025-06-18, "Lifecycle", "Transports" and "Tools"): JSON-RPC 2.0, a message a line, until its input ends.

use std::io::{self, BufRead, Read as _, Write};

use serde_json::{Value, json};

use super::{Error, ask};
use crate::advice::Advice;

/// The server's name, under which its tool is allowed.
pub const NAME: &str = "tidewaiter";

/// The tool.
pub const TOOL: &str = "check_change";

/// The newest revision that is spoken, and the one that is offered to clients of others.
const REVISION: &str = "2025-06-18";

/// Older ones, which differ in nothing that is used here.
const REVISIONS: [&str; 3] = [REVISION, "2025-03-26", "2024-11-05"];

/// Bytes of a message.
const LONGEST: u64 = 1 << 20;

/// JSON-RPC 2.0, section 5.1.
const NOT_JSON: i64 = -32700;
const NO_REQUEST: i64 = -32600;
const NO_METHOD: i64 = -32601;
const BAD_PARAMS: i64 = -32602;

const ABOUT: &str = "Judge the change in this workspace as it is now, by the rules that decide at the end whether it may leave this job. \
                     Read-only. Says pass, review or deny, and each finding with its rule, path, line and what to do. Ask when you are done, \
                     and mend what is denied; there are only a few questions.";

/// Serves until `from` ends.
///
/// # Errors
/// When input or output breaks.
pub fn serve(from: impl BufRead, to: impl Write) -> io::Result<()> {
    serve_with(from, to, ask)
}

fn serve_with(mut from: impl BufRead, mut to: impl Write, ask: impl Fn() -> Result<Advice, Error>) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        if from.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of over 1 MiB"));
        }
        let answer = match serde_json::from_slice::<Value>(&line) {
            Ok(message) => reply(&message, &ask),
            Err(error) => Some(failure(&Value::Null, NOT_JSON, &error.to_string())),
        };
        if let Some(answer) = answer {
            writeln!(to, "{answer}")?;
            to.flush()?;
        }
    }
}

/// None for what wants no answer: notifications, and answers, since nothing is ever asked of the client.
fn reply(message: &Value, ask: &impl Fn() -> Result<Advice, Error>) -> Option<Value> {
    let method = message["method"].as_str().filter(|_| message["jsonrpc"] == "2.0");
    let Some(method) = method else {
        let is_answer = message.get("result").or(message.get("error")).is_some();
        return (!is_answer).then(|| failure(&Value::Null, NO_REQUEST, "this is no request of JSON-RPC 2.0"));
    };
    let id = message.get("id")?;
    if !(id.is_string() || id.is_number()) {
        return Some(failure(&Value::Null, NO_REQUEST, "the id is neither text nor a number"));
    }
    let outcome = match method {
        "initialize" => Ok(initialize(&message["params"])),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": [tool()] })),
        "tools/call" if message["params"]["name"] == TOOL => Ok(call(ask())),
        "tools/call" => Err((BAD_PARAMS, "the only tool is check_change")),
        _ => Err((NO_METHOD, "not known here: there are initialize, ping, tools/list and tools/call")),
    };
    Some(match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err((code, why)) => failure(id, code, why),
    })
}

fn failure(id: &Value, code: i64, why: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": why } })
}

fn initialize(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let revision = REVISIONS.into_iter().find(|known| *known == asked).unwrap_or(REVISION);
    let server = json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION") });
    json!({ "protocolVersion": revision, "capabilities": { "tools": {} }, "serverInfo": server })
}

fn tool() -> Value {
    let nothing = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let nature = json!({ "title": "Check the change", "readOnlyHint": true, "openWorldHint": false });
    json!({ "name": TOOL, "description": ABOUT, "inputSchema": nothing, "annotations": nature })
}

/// A refusal is the tool's own error, so that the model reads its reason.
fn call(outcome: Result<Advice, Error>) -> Value {
    let (text, failed) = match outcome {
        Ok(advice) => (advice.text(), false),
        Err(error) => (error.to_string(), true),
    };
    json!({ "content": [{ "type": "text", "text": text }], "isError": failed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    fn said(lines: &str) -> Vec<Value> {
        let mut out = Vec::new();
        let ask = || Ok(Advice::of(&Verdict::weigh(vec![]), true, true));
        serve_with(lines.as_bytes(), &mut out, ask).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_client_gets_through_a_whole_conversation() {
        let said = said(concat!(
            r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{}}}"#,
            "\n",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            "\n\n",
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#,
            "\n",
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"check_change","arguments":{}}}"#,
            "\n",
            r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#,
        ));
        assert_eq!(said.len(), 4);
        assert_eq!(said[0]["result"]["protocolVersion"], "2025-03-26");
        assert_eq!((&said[1]["id"], &said[1]["result"]["tools"][0]["name"]), (&json!("a"), &json!("check_change")));
        assert_eq!(said[1]["result"]["tools"][0]["inputSchema"]["type"], "object");
        assert_eq!(said[2]["result"]["content"][0]["text"], "pass: nothing is changed");
        assert_eq!(said[3], json!({ "jsonrpc": "2.0", "id": 3, "result": {} }));
    }

    #[test]
    fn what_is_no_request_gets_the_error_that_the_protocol_names() {
        for (line, code) in [
            ("{", NOT_JSON),
            ("\u{0}", NOT_JSON),
            ("[]", NO_REQUEST),
            ("3", NO_REQUEST),
            (r#"{"id":1,"method":"ping"}"#, NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":[],"method":"ping"}"#, NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#, NO_METHOD),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"other"}}"#, BAD_PARAMS),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}"#, BAD_PARAMS),
        ] {
            assert_eq!(said(line)[0]["error"]["code"], code, "{line}");
        }
        assert!(said("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n").is_empty());
        assert_eq!(said(&"[".repeat(100_000))[0]["error"]["code"], NOT_JSON);
    }

    #[test]
    fn a_refusal_is_an_error_of_the_tool() {
        let result = call(Err(Error::NoGate));
        assert_eq!(result["isError"], true);
        assert!(result["content"][0]["text"].as_str().unwrap().contains("TIDEWAITER_GATE is not set"));
    }

    #[test]
    fn an_older_client_is_answered_in_its_revision_and_an_unknown_one_in_ours() {
        for (asked, got) in [("2024-11-05", "2024-11-05"), ("1999-01-01", REVISION), ("", REVISION)] {
            assert_eq!(initialize(&json!({ "protocolVersion": asked }))["protocolVersion"], got);
        }
    }
}
