//! What the agent may use up: tokens and dollars as the provider's answers count them, and connections at once.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    Running, TICKET,
    route::{ask, hello},
    route_policy, status,
    support::provider::{Block, Failure, Provider, Turn},
};

/// A gateway to `provider` whose policy has these `limits` besides.
fn within(provider: &Provider, limits: &str) -> Running {
    Running::start(&route_policy(&provider.base_url()).replace("[limits]\n", &format!("[limits]\n{limits}\n")))
}

/// An answer of the Messages API with these counts.
fn counted(usage: &Value) -> Turn {
    let body = json!({ "type": "message", "content": [{ "type": "text", "text": "hi" }], "usage": usage }).to_string();
    Turn::Fails(Failure::Status(200, vec![("content-type".to_owned(), "application/json".to_owned())], body))
}

#[test]
fn tokens_and_dollars_of_a_stream_are_in_its_record() {
    let provider = Provider::start(vec![Turn::text("hello")]);
    let gateway = within(&provider, "tokens = 100\nusd = 1");
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200);
    assert_eq!(provider.requests()[0].header("accept-encoding"), Some("identity"));
    // 10 tokens at 5 USD a million and 5 at 25.
    let expected = json!({ "input": 10, "cache_write": 0, "cache_read": 0, "output": 5, "micro_usd": 175, "estimated": false });
    assert_eq!(gateway.records(1)[0]["bill"], expected);
    // Counting tokens is free, and what is refused costs nothing.
    assert_eq!(ask(&gateway, "/v1/messages/count_tokens", &hello()).0, 200);
    assert_eq!(ask(&gateway, "/v1/messages", &json!({})).0, 403);
    assert!(gateway.records(3)[1..].iter().all(|record| record["bill"].is_null()));
}

#[test]
fn a_budget_that_is_used_up_says_what_is_left_of_each() {
    let usage = json!({ "input_tokens": 20, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 40, "output_tokens": 10 });
    // 20 × 5 + 30 × 6.25 + 40 × 0.5 + 10 × 25 USD a million.
    let micro_usd = 558;
    for (limits, rule, left) in [
        ("tokens = 100\nusd = 1", "limits/tokens", "0 tokens, 0.999442 USD"),
        ("tokens = 150\nusd = 0.0005", "limits/usd", "50 tokens, 0.000000 USD"),
        ("tokens = 100", "limits/tokens", "0 tokens)"),
    ] {
        let provider = Provider::start(vec![counted(&usage)]);
        let gateway = within(&provider, limits);
        assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200, "the first is let through");
        assert_eq!(gateway.records(1)[0]["bill"]["micro_usd"], micro_usd);
        let (code, answer) = ask(&gateway, "/v1/messages", &hello());
        assert_eq!(code, 403, "{answer}");
        assert!(answer.contains(rule) && answer.contains("4999 requests, ") && answer.contains(left), "{answer}");
        assert_eq!(provider.requests().len(), 1, "nothing went on");
        assert_eq!((&gateway.records(2)[1]["rule"], &gateway.records(2)[1]["bill"]), (&json!(rule), &Value::Null));
    }
}

#[test]
fn rate_limits_and_errors_pass_and_cost_only_the_request() {
    let fields = [
        ("content-type", "application/json"),
        ("retry-after", "17"),
        ("anthropic-ratelimit-tokens-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"usage":{"input_tokens":9,"output_tokens":9}}"#;
    for code in [429, 529, 500] {
        let provider = Provider::start(vec![Turn::Fails(Failure::Status(code, fields.clone(), body.to_owned()))]);
        let gateway = within(&provider, "tokens = 1\nusd = 0.000001");
        for count in 1..4 {
            let (got, answer) = ask(&gateway, "/v1/messages", &hello());
            assert_eq!(got, code, "{answer}");
            assert!(
                fields.iter().all(|(name, value)| answer.contains(&format!("{name}: {value}\r\n"))) && answer.ends_with(body),
                "{answer}"
            );
            assert!(gateway.records(count)[count - 1]["bill"].is_null());
        }
    }
}

#[test]
fn an_answer_that_cannot_be_read_counts_as_the_most_that_was_asked() {
    let length = hello().to_string().len() as u64;
    let gzip = vec![("content-type".to_owned(), "application/json".to_owned()), ("content-encoding".to_owned(), "gzip".to_owned())];
    let all = (length.div_ceil(4), 10);
    for (turn, expected) in [
        (Turn::Fails(Failure::Status(200, gzip, "\u{1f}".to_owned())), all),
        (counted(&Value::Null), all),
        (Turn::Fails(Failure::Garbage), all),
        // Its first event told the input.
        (Turn::Fails(Failure::Cut), (10, 10)),
    ] {
        let provider = Provider::start(vec![turn]);
        let gateway = within(&provider, "tokens = 1000");
        ask(&gateway, "/v1/messages", &hello());
        let bill = &gateway.records(1)[0]["bill"];
        assert_eq!(
            (&bill["estimated"], bill["input"].as_u64(), bill["output"].as_u64()),
            (&json!(true), Some(expected.0), Some(expected.1))
        );
    }
    // Nothing was sent.
    let gateway = Running::start(&route_policy("http://127.0.0.1:9"));
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 502);
    assert!(gateway.records(1)[0]["bill"].is_null());
}

/// Otherwise whoever hangs up before the last event would have it for nothing.
#[test]
fn a_client_that_leaves_pays() {
    let provider = Provider::start(vec![Turn::Pauses(vec![Block::Text("late".to_owned())])]);
    let gateway = within(&provider, "tokens = 15");
    let body = hello().to_string();
    let fields = format!("Host: x\r\nAuthorization: Bearer {TICKET}\r\ncontent-type: application/json\r\n");
    let mut stream = gateway.connect();
    write!(stream, "POST /anthropic/v1/messages HTTP/1.1\r\n{fields}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("message_start") {
        let mut bytes = [0; 1024];
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0);
        seen.extend_from_slice(&bytes[..length]);
    }
    drop(stream);
    provider.release();
    let bill = &gateway.records(1)[0]["bill"];
    assert_eq!((&bill["output"], &bill["estimated"]), (&json!(10), &json!(true)), "{bill}");
    assert!(ask(&gateway, "/v1/messages", &hello()).1.contains("limits/tokens"));
}

#[test]
fn requests_that_could_use_up_what_is_left_wait_for_each_other() {
    let provider = Provider::start(vec![Turn::Pauses(vec![Block::Text("late".to_owned())])]);
    let gateway = within(&provider, "tokens = 20");
    let [first, second] = std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&gateway, "/v1/messages", &hello()));
        while provider.requests().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let second = scope.spawn(|| ask(&gateway, "/v1/messages", &hello()));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(provider.requests().len(), 1, "the second waits");
        provider.release();
        [first.join().unwrap().0, second.join().unwrap().0]
    });
    // 15 tokens went, so that there was something left; then there is not.
    assert_eq!((first, second, provider.requests().len()), (200, 200, 2));
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 403);
}

#[test]
fn connections_beyond_the_limit_wait() {
    let gateway = Running::start("version = 1\n[limits]\nconnections = 2\n");
    let (first, _second) = (gateway.connect(), gateway.connect());
    let mut third = gateway.connect();
    third.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.read(&mut [0]).is_err(), "it is not served");
    drop(first);
    third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 403, "{answer}");
}
