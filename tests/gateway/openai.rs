//! The route to OpenAI's API: what a body may hold, and the real Codex through it.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tidewaiter::{policy, provider::Credential, secret::Secret};

use crate::{
    KEY, Running, TICKET,
    claude::{apart, place},
    spec, status,
    support::openai::{Api, VARIABLE, message, program, results, says, shell},
};

fn gateway(api: &Api) -> Running {
    let mut spec = spec(&format!(
        "version = 1\n[agent]\nmodels = [\"gpt-5-codex\"]\n[[network.route]]\nprovider = \"openai\"\nbase_url = \"{}\"\n",
        api.url
    ));
    spec.credentials.insert(policy::Provider::OpenAi, Credential::Bearer(Secret::new(KEY)));
    Running::of(spec)
}

fn ask(gateway: &Running, call: &str, body: &Value) -> (u16, String) {
    let body = body.to_string();
    let fields =
        format!("Authorization: Bearer {TICKET}\r\ncontent-type: application/json\r\nopenai-project: other\r\nConnection: close\r\n");
    let answer = gateway.raw(format!("POST /openai/v1/{call} HTTP/1.1\r\nHost: x\r\n{fields}content-length: {}\r\n\r\n{body}", body.len()));
    (status(&answer), answer)
}

fn with(base: &Value, key: &str, value: Value) -> Value {
    let mut body = base.clone();
    body[key] = value;
    body
}

fn responses() -> Value {
    json!({ "model": "gpt-5-codex", "store": false, "input": [{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "hi" }] }] })
}

fn chat() -> Value {
    json!({ "model": "gpt-5-codex", "messages": [{ "role": "user", "content": "hi" }] })
}

#[test]
fn calls_go_on_with_our_key_and_are_counted() {
    let api = Api::plain();
    let gateway = gateway(&api);
    assert_eq!(ask(&gateway, "responses", &responses()).0, 200);
    let sent = &api.sent()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str(), sent.json()), ("POST", "/v1/responses", responses()));
    assert_eq!(sent.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!((sent.header("openai-project"), sent.header("accept-encoding")), (None, Some("identity")));
    // 70 tokens at 1.25 USD a million, 30 at 0.125 and 8 at 10.
    let bill = json!({ "input": 70, "cache_write": 0, "cache_read": 30, "output": 8, "micro_usd": 172, "estimated": false });
    let record = &gateway.records(1)[0];
    assert_eq!((&record["way"], &record["bill"]), (&json!("route/openai"), &bill));
    assert_eq!(ask(&gateway, "chat/completions", &chat()).0, 200);
    assert_eq!(api.sent()[1].json(), with(&chat(), "store", json!(false)));
}

#[test]
fn nothing_is_stored_and_streams_tell_what_they_cost() {
    let api = Api::plain();
    let gateway = gateway(&api);
    let mut bare = responses();
    bare.as_object_mut().unwrap().shift_remove("store");
    for body in [bare, with(&responses(), "store", Value::Null)] {
        assert_eq!(ask(&gateway, "responses", &body).0, 200);
    }
    assert!(api.sent().iter().all(|sent| sent.json()["store"] == false));
    let stream =
        with(&with(&chat(), "stream", json!(true)), "stream_options", json!({ "include_usage": false, "include_obfuscation": false }));
    assert_eq!(ask(&gateway, "chat/completions", &stream).0, 200);
    assert_eq!(api.sent()[2].json()["stream_options"], json!({ "include_usage": true, "include_obfuscation": false }));
}

#[test]
fn what_makes_the_provider_reach_out_or_store_is_refused_by_name() {
    let api = Api::plain();
    let gateway = gateway(&api);
    let said = |part: Value| with(&responses(), "input", json!([{ "role": "user", "content": [part] }]));
    let item = |item: Value| with(&responses(), "input", json!([item]));
    let tool = |tool: Value| with(&responses(), "tools", json!([tool]));
    let written = |part: Value| with(&chat(), "messages", json!([{ "role": "user", "content": [part] }]));
    let mut cases = vec![
        ("responses", said(json!({ "type": "input_image", "image_url": "https://host.example/x.png" })), "route/source", "image_url"),
        ("responses", said(json!({ "type": "input_image", "image_url": "DATA:image/png;base64,AA" })), "route/source", "image_url"),
        ("responses", said(json!({ "type": "input_image", "file_id": "f" })), "route/key", "file_id"),
        ("responses", said(json!({ "type": "input_file", "file_url": "https://host.example/x" })), "route/key", "file_url"),
        ("responses", said(json!({ "type": "input_file", "file_data": "https://host.example/x" })), "route/source", "file_data"),
        (
            "responses",
            said(json!({ "type": "output_text", "text": "t", "annotations": [{ "type": "url_citation" }] })),
            "route/source",
            "annotations",
        ),
        ("responses", item(json!({ "type": "item_reference", "id": "i" })), "route/block", "item_reference"),
        ("responses", item(json!({ "type": "mcp_approval_response", "approve": true })), "route/block", "mcp_approval_response"),
        ("responses", item(json!({ "type": "web_search_call", "id": "i" })), "route/block", "web_search_call"),
        ("responses", item(json!({ "type": 7 })), "route/form", "type"),
        ("responses", with(&responses(), "store", json!(true)), "route/key", "store"),
        ("responses", with(&responses(), "store", json!("false")), "route/key", "store"),
        ("responses", with(&responses(), "include", json!(["web_search_call.action.sources"])), "route/key", "web_search_call"),
        ("responses", with(&responses(), "model", json!("gpt-other")), "route/model", "gpt-other"),
        (
            "responses",
            with(&responses(), "tools", json!([{ "type": "namespace", "name": "n", "tools": [{ "type": "mcp", "server_url": "x" }] }])),
            "route/tool",
            "mcp",
        ),
        ("responses", with(&responses(), "tool_choice", json!({ "type": "web_search" })), "route/tool", "web_search"),
        (
            "responses",
            with(
                &responses(),
                "text",
                json!({ "format": { "type": "json_schema", "name": "n", "schema": { "$ref": "https://host.example" } } }),
            ),
            "route/source",
            "host.example",
        ),
        ("responses", tool(json!({ "type": "function", "name": "f", "server_url": "x" })), "route/key", "server_url"),
        (
            "chat/completions",
            with(
                &chat(),
                "tools",
                json!([{ "type": "custom", "custom": { "name": "f", "format": { "type": { "type": "mcp" }, "grammar": { "syntax": "lark", "definition": "d" } } } }]),
            ),
            "route/form",
            "type",
        ),
        (
            "chat/completions",
            written(json!({ "type": "image_url", "image_url": { "url": "https://host.example/x.png" } })),
            "route/source",
            "image_url",
        ),
        ("chat/completions", written(json!({ "type": "file", "file": { "file_id": "f" } })), "route/block", "file"),
        ("chat/completions", with(&chat(), "tools", json!([{ "type": "web_search" }])), "route/tool", "web_search"),
        ("chat/completions", with(&chat(), "store", json!(true)), "route/key", "store"),
        ("chat/completions", with(&chat(), "n", json!(2)), "route/key", "n"),
        ("chat/completions", with(&chat(), "web_search_options", json!({})), "route/key", "web_search_options"),
    ];
    for key in ["background", "conversation", "previous_response_id", "prompt", "prompt_cache_retention", "service_tier", "unheard_of"] {
        cases.push(("responses", with(&responses(), key, json!("x")), "route/key", key));
    }
    for kind in ["web_search", "web_search_preview", "file_search", "code_interpreter", "image_generation", "computer_use_preview", "mcp"] {
        cases.push(("responses", tool(json!({ "type": kind })), "route/tool", kind));
    }
    for (call, body, rule, name) in cases {
        let (code, answer) = ask(&gateway, call, &body);
        let error: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!((code, &error["error"]["code"]), (403, &json!(rule)), "{body}: {answer}");
        assert!(error["error"]["message"].as_str().unwrap().contains(name), "{body}: {answer}");
    }
    for call in ["models", "files", "responses/r1", "responses/compact", "embeddings", "chat/completions/x"] {
        let (code, answer) = ask(&gateway, call, &responses());
        assert!(code == 403 && answer.contains("route/path"), "{call}: {answer}");
    }
    assert!(api.sent().is_empty());
    // What the agent runs itself, and what carries its own bytes, goes on.
    let wrapped = json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" }, "strict": true } }]);
    let custom = json!([{ "type": "custom", "name": "apply_patch", "format": { "type": "grammar", "syntax": "lark", "definition": "d" } }]);
    let calls = json!([
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "c", "content": [{ "type": "text", "text": "t" }] },
    ]);
    for (call, body) in [
        ("responses", said(json!({ "type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto" }))),
        ("responses", with(&responses(), "tools", custom)),
        (
            "responses",
            item(json!({ "type": "reasoning", "id": "r", "summary": [{ "type": "summary_text", "text": "t" }], "encrypted_content": "e" })),
        ),
        ("chat/completions", with(&chat(), "tools", wrapped)),
        ("chat/completions", with(&chat(), "messages", calls)),
    ] {
        let (code, answer) = ask(&gateway, call, &body);
        assert_eq!(code, 200, "{body}: {answer}");
    }
}

#[test]
fn an_own_key_gets_nowhere() {
    let api = Api::plain();
    let gateway = gateway(&api);
    let body = responses().to_string();
    let answer = gateway.raw(format!(
        "POST /openai/v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-made-up-own-key\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(status(&answer) == 401 && answer.contains("OPENAI_API_KEY as it stands"), "{answer}");
    assert!(api.sent().is_empty());
}

#[test]
fn the_real_codex_does_its_work_and_its_web_search_does_not() {
    apart("Codex through the gateway", program(), &format!("no `codex` in PATH; name one in {VARIABLE}"), "openai::inside", 2);
}

/// What the model says, by how many results of tools it has seen.
fn scripted(body: &Value) -> (&'static str, String) {
    says(&match results(body) {
        0 => shell("call_1", "echo written > new.txt"),
        1 => shell("call_2", "cat new.txt; echo marker-of-bash"),
        _ => message("All done."),
    })
}

fn codex(work: &Path, gateway: &Running, more: &[&str]) -> String {
    let base = format!("http://{}/openai/v1", gateway.address);
    let provider = format!("model_providers.tidewaiter={{name=\"tidewaiter\",base_url=\"{base}\",env_key=\"OPENAI_API_KEY\"}}");
    let output = Command::new(program().unwrap())
        .args(["exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", "-m", "gpt-5-codex"])
        .args(["-c", "model_provider=tidewaiter", "-c", &provider])
        .args(more)
        .arg("Do the task")
        .current_dir(work)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap())
        .env("HOME", work.join("home"))
        .envs([("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", TICKET)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_three_turns() {
    let work = place("codex");
    let api = Api::start(scripted);
    let gateway = gateway(&api);
    let text = codex(&work, &gateway, &["-c", "web_search=\"disabled\""]);
    let written = fs::read_to_string(work.join("new.txt"));
    fs::remove_dir_all(&work).unwrap();
    assert!(text.contains("All done."), "{text}");
    assert_eq!(written.unwrap(), "written\n");
    let sent = api.sent();
    assert_eq!(sent.len(), 3, "{text}");
    assert!(sent.iter().all(|request| request.header("authorization") == Some(&*format!("Bearer {KEY}"))));
    assert!(sent[2].json().to_string().contains("marker-of-bash"));
    let records = gateway.records(3);
    assert!(records.iter().all(|record| record["allowed"] == true && record["bill"]["estimated"] == false), "{records:#?}");
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_the_web_search_is_refused_by_name() {
    let work = place("codex-search");
    let api = Api::start(scripted);
    let gateway = gateway(&api);
    let text = codex(&work, &gateway, &[]);
    fs::remove_dir_all(&work).unwrap();
    assert!(text.contains("the tool type `web_search` is not allowed") && text.contains("disabled"), "{text}");
    assert!(api.sent().is_empty());
}
