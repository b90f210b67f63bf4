//! The provider's route: what a body may hold, whose credential goes on, and how the answer comes back.

use std::{
    io::{Read as _, Write as _},
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
use serde_json::{Value, json};

use crate::{
    KEY, Running, TICKET, route_policy, spec, status,
    support::provider::{Block, Failure, Provider, Turn},
};

/// The smallest call.
pub(crate) fn hello() -> Value {
    json!({ "model": "claude-opus-4-8", "max_tokens": 10, "stream": true, "messages": [{ "role": "user", "content": "hi" }] })
}

fn request(path: &str, fields: &str, body: &str) -> String {
    format!(
        "POST /anthropic{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TICKET}\r\ncontent-type: application/json\r\nConnection: close\r\n{fields}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Status and whole text of the answer to a call.
pub(crate) fn ask(gateway: &Running, path: &str, body: &Value) -> (u16, String) {
    let answer = gateway.raw(request(path, "", &body.to_string()));
    (status(&answer), answer)
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = hello();
    change(&mut body);
    body
}

fn content(block: Value) -> Value {
    with(|body| body["messages"][0]["content"] = json!([block]))
}

#[test]
fn a_call_goes_on_with_our_credential_and_comes_back_as_it_is() {
    let provider = Provider::start(vec![Turn::text("hello from the model")]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let fields = "anthropic-version: 2023-06-01\r\nanthropic-beta: claude-code-20250219,effort-2025-11-24\r\nx-stainless-os: Linux\r\n\
                  X-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nConnection: x-app\r\nx-app: cli\r\nx-own: secret\r\n";
    let body = r#"{"model":"claude-opus-4-8","stream":true,"max_tokens":1.50e1,"messages":[{"role":"user","content":"hi \u00e9"}],"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]}"#;
    let answer = gateway.raw(request("/v1/messages?beta=true", fields, body));
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(
        answer.contains("hello from the model") && answer.contains("event: message_stop") && answer.contains("request-id: req_scripted")
    );
    assert!(!answer.contains("set-cookie") && !answer.contains(KEY), "{answer}");
    let sent = &provider.requests()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/messages?beta=true"));
    assert_eq!(sent.header("x-api-key"), Some(KEY));
    assert_eq!(sent.header("host"), Some(provider.base_url().trim_start_matches("http://")));
    for name in ["authorization", "x-forwarded-for", "cookie", "connection", "x-own"] {
        assert_eq!(sent.header(name), None, "{name}");
    }
    let text = String::from_utf8(sent.body.clone()).unwrap();
    assert!(!format!("{sent:?}{text}").contains(TICKET));
    assert_eq!(text.replace('é', r"\u00e9").replace("1.50e+1", "1.50e1"), body);
    let record = &gateway.records(1)[0];
    assert_eq!(record["event"], "gateway");
    assert_eq!((&record["allowed"], &record["way"], &record["status"]), (&json!(true), &json!("route/anthropic"), &json!(200)));
    assert_eq!((&record["path"], &record["rule"]), (&json!("/anthropic/v1/messages"), &json!("route/anthropic")));
    assert_eq!(record["up"], text.len());
    assert!(record["down"].as_u64().unwrap() > 300);
}

#[test]
fn a_bearer_credential_goes_where_it_belongs() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let mut spec = spec(&route_policy(&provider.base_url()));
    let token = tidewaiter::provider::Credential::Bearer(tidewaiter::secret::Secret::new("made-up-token"));
    spec.credentials.insert(tidewaiter::policy::Provider::Anthropic, token);
    let gateway = Running::of(spec);
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200);
    let sent = &provider.requests()[0];
    assert_eq!((sent.header("authorization"), sent.header("x-api-key")), (Some("Bearer made-up-token"), None));
}

#[test]
fn a_gateways_own_header_carries_the_credential_as_it_is() {
    use tidewaiter::{policy::Provider as Name, provider::Credential, secret::Secret};
    let provider = Provider::start(vec![Turn::text("hi")]);
    let policy = route_policy(&provider.base_url()).replace("[limits]", "header = \"X-My-Gateway-Key\"\n[limits]");
    for credential in [Credential::ApiKey(Secret::new(KEY)), Credential::Bearer(Secret::new(KEY))] {
        let mut spec = spec(&policy);
        spec.credentials.insert(Name::Anthropic, credential);
        let gateway = Running::of(spec);
        // What the agent sends in its place goes nowhere.
        let answer = gateway.raw(request("/v1/messages", "x-my-gateway-key: own\r\n", &hello().to_string()));
        assert_eq!(status(&answer), 200, "{answer}");
        assert!(!answer.contains(KEY));
        let sent = provider.requests().pop().unwrap();
        let all: Vec<_> = sent.headers.iter().filter(|(name, _)| name == "x-my-gateway-key").map(|(_, value)| value.as_str()).collect();
        assert_eq!(all, [KEY]);
        assert_eq!((sent.header("authorization"), sent.header("x-api-key")), (None, None));
    }
}

#[test]
fn what_lets_the_provider_reach_out_is_refused_by_name() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let image = |source: Value| json!({ "type": "image", "source": source });
    let url = json!({ "type": "url", "url": "https://evil.example/x.png" });
    let tool = |kind: &str| with(|body| body["tools"] = json!([{ "type": kind, "name": "x" }]));
    let mut cases = vec![
        (with(|b| b["mcp_servers"] = json!([{ "type": "url", "url": "https://evil.example" }])), "route/key", "mcp_servers"),
        (with(|b| b["container"] = json!("c1")), "route/key", "container"),
        (with(|b| b["fallbacks"] = json!([{ "model": "claude-other" }])), "route/key", "fallbacks"),
        (with(|b| b["service_tier"] = json!("auto")), "route/key", "service_tier"),
        (with(|b| b["model"] = json!("claude-other-1")), "route/model", "claude-other-1"),
        (with(|b| b["model"] = json!("claude-haiku-4-5-x")), "route/model", "claude-opus-*"),
        (with(|b| b["model"] = json!(["claude-opus-4-8"])), "route/model", "model"),
        (with(|b| drop(b.as_object_mut().unwrap().shift_remove("model"))), "route/model", "model"),
        (content(image(url.clone())), "route/source", "`url`"),
        (content(image(json!({ "type": "file", "file_id": "file_1" }))), "route/source", "`file`"),
        (
            content(image(json!({ "type": "base64", "data": "AA", "media_type": "image/png", "url": "https://evil.example" }))),
            "route/key",
            "url",
        ),
        (content(json!({ "type": "document", "source": url })), "route/source", "`url`"),
        (content(json!({ "type": "document", "source": { "type": "content", "content": [image(url.clone())] } })), "route/source", "`url`"),
        (content(json!({ "type": "tool_result", "tool_use_id": "t", "content": [image(url.clone())] })), "route/source", "`url`"),
        (content(json!({ "type": "container_upload", "file_id": "f" })), "route/block", "container_upload"),
        (content(json!({ "type": "server_tool_use", "id": "t", "name": "web_search", "input": {} })), "route/block", "server_tool_use"),
        (content(json!({ "type": "text", "text": "x", "url": "https://evil.example" })), "route/key", "url"),
        (
            content(json!({ "type": "tool_use", "id": "t", "name": "x", "input": {}, "caller": { "type": "code_execution_20250825" } })),
            "route/tool",
            "",
        ),
        (with(|b| b["messages"][0]["role"] = json!("developer")), "route/key", "developer"),
        (with(|b| b["system"] = json!([image(url)])), "route/block", "image"),
        (
            with(|b| b["tools"] = json!([{ "name": "x", "input_schema": { "$ref": "https://evil.example/s" } }])),
            "route/source",
            "evil.example",
        ),
        (with(|b| b["tools"] = json!([{ "name": "x", "allowed_callers": ["code_execution_20250825"] }])), "route/key", "allowed_callers"),
        (with(|b| b["tools"] = json!([{ "type": 7, "name": "x" }])), "route/tool", "`7`"),
        (with(|b| b["context_management"] = json!({ "edits": [{ "type": "unheard_of" }] })), "route/key", "unheard_of"),
        (with(|b| b["messages"] = json!("hi")), "route/form", "messages"),
    ];
    for kind in [
        "web_search_20250305",
        "web_fetch_20250910",
        "code_execution_20250825",
        "mcp_toolset",
        "computer_20250124",
        "advisor_20260301",
        "Custom",
    ] {
        cases.push((tool(kind), "route/tool", kind));
    }
    let count = cases.len();
    for (body, rule, name) in cases {
        for path in ["/v1/messages", "/v1/messages/count_tokens"] {
            let (code, answer) = ask(&gateway, path, &body);
            assert_eq!(code, 403, "{body}: {answer}");
            assert!(answer.contains(rule) && answer.contains(name) && answer.contains("permission_error"), "{body}: {answer}");
        }
    }
    assert_eq!((provider.requests().len(), provider.connections()), (0, 0));
    assert!(gateway.records(2 * count).iter().all(|record| record["allowed"] == false && record["up"] == 0));
    // What the agent runs itself, and what carries its own bytes, goes on.
    for body in [
        tool("bash_20250124"),
        tool("custom"),
        with(|b| b["tools"] = json!([{ "name": "x", "description": "d", "input_schema": { "$ref": "#/$defs/a", "type": "object" } }])),
        content(image(json!({ "type": "base64", "data": "AA==", "media_type": "image/png" }))),
        content(json!({ "type": "tool_result", "tool_use_id": "t", "is_error": true, "content": [{ "type": "text", "text": "x" }] })),
        content(json!({ "type": "thinking", "thinking": "x", "signature": "y" })),
    ] {
        let (code, answer) = ask(&gateway, "/v1/messages", &body);
        assert_eq!(code, 200, "{body}: {answer}");
    }
}

#[test]
fn bodies_with_two_meanings_are_refused() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let good = hello().to_string();
    let tail = &good[1..];
    for (body, rule) in [
        (format!(r#"{{"model":"claude-other",{tail}"#), "route/json"),
        (format!(r#"{{"mod\u0065l":"claude-other",{tail}"#), "route/json"),
        (good.replace(r#""content":"hi""#, r#""content":"hi","content":"hi""#), "route/json"),
        (format!(r#"{{"unheard":1,"unheard":2,{tail}"#), "route/json"),
        (good.replace("\"max_tokens\":10", "\"max_tokens\":{\"$serde_json::private::Number\":\"1\",\"x\":2}"), "route/json"),
        (format!("{good} {good}"), "route/json"),
        (format!("\u{feff}{good}"), "route/json"),
        (good[..good.len() - 1].to_owned(), "route/json"),
        (format!(r#"{{"system":{}{},{tail}"#, "[".repeat(500), "]".repeat(500)), "route/json"),
        ("[]".to_owned(), "route/form"),
        (String::new(), "route/json"),
    ] {
        let answer = gateway.raw(request("/v1/messages", "", &body));
        assert_eq!(status(&answer), 403, "{body:.200}: {answer}");
        assert!(answer.contains(rule), "{answer}");
    }
    for (fields, rule) in [
        ("anthropic-beta: mcp-client-2025-11-20\r\n", "mcp-client-2025-11-20"),
        ("anthropic-beta: effort-2025-11-24, files-api-2025-04-14\r\n", "files-api-2025-04-14"),
        ("anthropic-beta: effort-2025-11-24\r\nanthropic-beta: x\r\n", "route/beta"),
        ("content-encoding: gzip\r\n", "route/header"),
        ("content-type: text/plain\r\n", "route/header"),
    ] {
        let answer = gateway.raw(request("/v1/messages", fields, &good));
        assert_eq!(status(&answer), 403, "{fields}: {answer}");
        assert!(answer.contains(rule), "{answer}");
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn a_body_past_the_bound_is_refused() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let body = with(|body| body["messages"][0]["content"] = json!("x".repeat(33 << 20))).to_string();
    let answer = gateway.raw(request("/v1/messages", "", &body));
    assert_eq!(status(&answer), 413, "{answer}");
    assert_eq!(provider.connections(), 0);
    let body = with(|body| body["messages"][0]["content"] = json!("x".repeat(4 << 20)));
    assert_eq!(ask(&gateway, "/v1/messages", &body).0, 200);
}

#[test]
fn events_arrive_one_by_one() {
    let provider = Provider::start(vec![Turn::Pauses(vec![Block::Text("late".to_owned())])]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let mut stream = gateway.connect();
    stream.write_all(request("/v1/messages", "", &hello().to_string()).as_bytes()).unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("message_start") {
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    assert!(!seen.contains("late"));
    provider.release();
    stream.read_to_string(&mut seen).unwrap();
    assert!(seen.contains("late") && seen.contains("message_stop"));
}

#[test]
fn the_providers_errors_come_back_unmodified() {
    let text = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},  "odd": 1}"#;
    let headers = vec![("retry-after".to_owned(), "7".to_owned()), ("content-type".to_owned(), "application/json".to_owned())];
    for code in [400, 429, 500, 529] {
        let provider = Provider::start(vec![Turn::Fails(Failure::Status(code, headers.clone(), text.to_owned()))]);
        let gateway = Running::start(&route_policy(&provider.base_url()));
        let (got, answer) = ask(&gateway, "/v1/messages", &hello());
        assert_eq!(got, code);
        assert!(answer.ends_with(text) && answer.contains("retry-after: 7"), "{answer}");
        assert_eq!(gateway.records(1)[0]["status"], code);
    }
}

#[test]
fn a_provider_that_fails_is_told_in_words_a_model_can_act_on() {
    // A port that is held, so that nobody else takes it, and on which nobody listens.
    let held = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(held.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let port = getsockname::<SockaddrIn>(held.as_raw_fd()).unwrap().port();
    let gone = format!("http://127.0.0.1:{port}");
    let gateway = Running::start(&route_policy(&gone));
    let (code, answer) = ask(&gateway, "/v1/messages", &hello());
    assert_eq!(code, 502, "{answer}");
    let error: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!("api_error")));
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("tidewaiter: failed: ") && message.contains(&gone) && message.contains("provider/unreachable"),
        "{message}"
    );
    assert_eq!(gateway.records(1)[0]["rule"], "provider/unreachable");

    let elsewhere = vec![("location".to_owned(), "http://127.0.0.1:1/".to_owned())];
    for (failure, rule) in [
        (Failure::Garbage, "provider/broken"),
        (Failure::Status(302, elsewhere.clone(), String::new()), "provider/redirect"),
        (Failure::Status(307, elsewhere, String::new()), "provider/redirect"),
        (Failure::Status(101, vec![("upgrade".to_owned(), "x".to_owned())], String::new()), "provider/"),
    ] {
        let provider = Provider::start(vec![Turn::Fails(failure)]);
        let gateway = Running::start(&route_policy(&provider.base_url()));
        let (code, answer) = ask(&gateway, "/v1/messages", &hello());
        assert_eq!(code, 502, "{answer}");
        assert!(answer.contains(rule) && !answer.contains("location:"), "{answer}");
        assert_eq!(provider.requests().len(), 1);
    }
}

#[test]
fn a_stream_that_breaks_off_does_not_look_whole() {
    let provider =
        Provider::start(vec![Turn::Fails(Failure::Status(200, vec![("content-length".to_owned(), "50".to_owned())], String::new()))]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let (_, answer) = ask(&gateway, "/v1/messages", &hello());
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
    let record = &gateway.records(1)[0];
    assert_eq!(record["allowed"], false, "{record}");
}

#[test]
fn an_agent_that_leaves_takes_its_request_along() {
    let provider = Provider::start(vec![Turn::Fails(Failure::Hang)]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let mut stream = gateway.connect();
    stream.write_all(request("/v1/messages", "", &hello().to_string()).as_bytes()).unwrap();
    let start = Instant::now();
    while provider.requests().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(stream);
    assert_eq!(gateway.records(1).len(), 1);
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// A server's side of TLS for 127.0.0.1, and a file with the certificate that signs for it.
pub(crate) fn tls() -> (rustls::ServerConfig, tempfile::NamedTempFile) {
    tls_for(&["127.0.0.1"])
}

/// The same for other names.
pub(crate) fn tls_for(names: &[&str]) -> (rustls::ServerConfig, tempfile::NamedTempFile) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    (config, file)
}

#[test]
fn over_tls_only_the_named_authority_is_believed() {
    let (config, file) = tls();
    let provider = Provider::start_tls(vec![Turn::text("hi")], std::sync::Arc::new(config));
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let (code, answer) = ask(&gateway, "/v1/messages", &hello());
    assert!(code == 502 && answer.contains("certificate") && provider.requests().is_empty(), "{answer}");

    let policy = route_policy(&provider.base_url()).replace("base_url", &format!("ca_file = \"{}\"\nbase_url", file.path().display()));
    let gateway = Running::start(&policy);
    // What the gateway needs of it, it has read.
    drop(file);
    let (code, answer) = ask(&gateway, "/v1/messages", &hello());
    assert_eq!(code, 200, "{answer}");
    assert_eq!(provider.requests()[0].header("x-api-key"), Some(KEY));
}
