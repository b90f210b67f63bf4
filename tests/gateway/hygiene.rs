//! Tickets, heads, paths: what is refused before anyone looks at what it asks.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    KEY, Running, TICKET, proxy_ticket,
    route::{ask, hello},
    route_policy, status,
    support::provider::{Block, Provider, Turn},
};

fn fixture() -> (Provider, Running) {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    (provider, gateway)
}

#[test]
fn without_the_ticket_nothing_goes_on() {
    let (provider, gateway) = fixture();
    let body = hello().to_string();
    let post = |fields: &str| {
        let length = body.len();
        gateway.raw(format!(
            "POST /anthropic/v1/messages HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\nConnection: close\r\ncontent-length: {length}\r\n{fields}\r\n{body}"
        ))
    };
    for fields in [
        String::new(),
        "Authorization: Bearer wrong\r\n".to_owned(),
        format!("Authorization: Bearer {KEY}\r\n"),
        format!("Authorization: Basic {TICKET}\r\n"),
        format!("x-api-key: {TICKET}x\r\n"),
        format!("x-api-key: {TICKET}\r\nx-api-key: other\r\n"),
        format!("x-api-key: {TICKET}\r\nAuthorization: Bearer own-key\r\n"),
        proxy_ticket(),
    ] {
        let answer = post(&fields);
        assert_eq!(status(&answer), 401, "{fields}: {answer}");
        assert!(answer.contains("authentication_error") && answer.contains("gateway/ticket"), "{answer}");
    }
    for fields in [
        "",
        "Proxy-Authorization: Basic AAAA\r\n",
        "Proxy-Authorization: Basic !!\r\n",
        &format!("Proxy-Authorization: Bearer {TICKET}\r\n"),
    ] {
        for line in ["CONNECT a.example:443", "GET http://a.example/"] {
            let answer = gateway.raw(format!("{line} HTTP/1.1\r\n{fields}\r\n"));
            assert_eq!(status(&answer), 407, "{line} {fields}: {answer}");
            assert!(answer.to_lowercase().contains("proxy-authenticate: basic"), "{answer}");
        }
    }
    assert!(provider.requests().is_empty());
    let records = gateway.records(16);
    assert!(records.iter().all(|record| record["allowed"] == false && record["rule"] == "gateway/ticket"), "{records:?}");
    assert_eq!(status(&post(&format!("x-api-key: {TICKET}\r\n"))), 200);
    assert_eq!(status(&post(&format!("Authorization: Bearer {TICKET}\r\n"))), 200);
    assert_eq!(provider.requests().len(), 2);
}

#[test]
fn heads_with_two_meanings_reach_nobody() {
    let (provider, gateway) = fixture();
    let body = hello().to_string();
    let length = body.len();
    let good = format!("Host: x\r\nAuthorization: Bearer {TICKET}\r\ncontent-type: application/json\r\n");
    let target = "POST /anthropic/v1/messages HTTP/1.1\r\n";
    for (bytes, code) in [
        (format!("{target}{good}content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n{body}"), 400),
        (format!("{target}{good}transfer-encoding: chunked\r\ncontent-length: {length}\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"), 400),
        (format!("{target}{good}content-length: {length}\r\ncontent-length: {length}\r\n\r\n{body}"), 400),
        (format!("{target}{good}content-length: {length}\r\ncontent-length: 0\r\n\r\n{body}"), 400),
        (format!("{target}{good}transfer-encoding: gzip, chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"), 400),
        (format!("{target}{good}transfer-encoding : chunked\r\ncontent-length: {length}\r\n\r\n{body}"), 400),
        (format!("{target}{good}x: a\r\n folded\r\ncontent-length: {length}\r\n\r\n{body}"), 400),
        (format!("{target}{good}x: a\ncontent-length: 3\r\ncontent-length: {length}\r\n\r\n{body}"), 400),
        (format!("{target}{good}expect: 100-continue\r\ncontent-length: {length}\r\n\r\n{body}"), 417),
        (format!("{target}{good}upgrade: websocket\r\nconnection: upgrade\r\ncontent-length: {length}\r\n\r\n{body}"), 400),
        (format!("{target}{good}host: other\r\ncontent-length: {length}\r\n\r\n{body}"), 400),
        (format!("{}\n\n", target.trim_end()), 400),
        (format!("POST /anthropic/v1/messages HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200)), 431),
        (format!("POST /anthropic/v1/messages HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(60_000)), 431),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        ("\x16\x03\x01\x02\x00\r\n\r\n".to_owned(), 400),
    ] {
        let answer = gateway.raw(&bytes);
        assert_eq!(status(&answer), code, "{bytes:.300}: {answer}");
    }
    assert!(provider.requests().is_empty());
    // The same head without a fault.
    assert_eq!(status(&gateway.raw(format!("{target}{good}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"))), 200);
    assert_eq!(status(&gateway.raw(format!("{target}{good}transfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"))), 200);
    assert_eq!(provider.requests().len(), 2);
}

#[test]
fn a_second_request_on_a_connection_is_never_read() {
    let (provider, gateway) = fixture();
    let body = hello().to_string();
    let one = format!(
        "POST /anthropic/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TICKET}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = gateway.raw(format!("{one}{one}CONNECT a.example:443 HTTP/1.1\r\n\r\n"));
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!((provider.requests().len(), gateway.records(1).len()), (1, 1));
}

#[test]
fn other_paths_and_methods_are_refused_with_what_is_allowed() {
    let (provider, gateway) = fixture();
    let body = hello().to_string();
    for (line, rule) in [
        ("POST /anthropic/v1/files", "route/path"),
        ("POST /anthropic/v1/messages/batches", "route/path"),
        ("POST /anthropic/v1/messages%2fbatches", "route/path"),
        ("POST /anthropic/v1/%2e%2e/v1/messages", "route/path"),
        ("POST /anthropic//v1/messages", "route/path"),
        ("POST /anthropic/v1/messages;x=1", "route/path"),
        ("POST /anthropic/v1/messages%00", "route/path"),
        ("POST /anthropic/v1/messages?beta=true&x=1", "route/query"),
        ("POST /anthropic/v1/messages?private_token=x", "route/query"),
        ("GET /anthropic/v1/messages", "route/method"),
        ("HEAD /anthropic", "route/path"),
        ("OPTIONS /anthropic/v1/messages", "route/method"),
        ("post /anthropic/v1/messages", "route/method"),
    ] {
        let answer = gateway.raw(format!(
            "{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TICKET}\r\nX-HTTP-Method-Override: POST\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert_eq!(status(&answer), 403, "{line}: {answer}");
        assert!(answer.contains(rule), "{line}: {answer}");
    }
    for line in ["GET /", "GET /metrics", "GET /anthropicx/v1/messages", "OPTIONS *", "POST /v1/messages", "GET ftp:x"] {
        let answer = gateway.raw(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(status(&answer), 403, "{line}: {answer}");
        assert!(answer.contains("gateway/path"), "{answer}");
    }
    assert!(provider.requests().is_empty() && provider.connections() == 0);
}

#[test]
fn a_slow_head_is_cut_off_and_holds_nobody_up() {
    let (_provider, gateway) = fixture();
    let mut slow = gateway.connect();
    slow.write_all(b"POST /anthropic/v1/mess").unwrap();
    let start = Instant::now();
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200);
    assert!(start.elapsed() < Duration::from_secs(5));
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(start.elapsed() > Duration::from_secs(8));
}

#[test]
fn requests_are_counted_and_end_at_the_limit() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let policy = route_policy(&provider.base_url());
    let gateway = Running::start(&policy.replace("requests = 5000", "requests = 2"));
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200);
    // What is refused does not count.
    assert_eq!(ask(&gateway, "/v1/messages", &json!({})).0, 403);
    assert_eq!(ask(&gateway, "/v1/messages/count_tokens", &hello()).0, 200);
    let (code, answer) = ask(&gateway, "/v1/messages", &hello());
    assert_eq!(code, 403, "{answer}");
    assert!(answer.contains("limits/requests") && answer.contains("(left: 0 requests, "), "{answer}");
    assert_eq!(provider.requests().len(), 2);
    let records = gateway.records(4);
    assert_eq!((&records[3]["rule"], &records[3]["allowed"]), (&json!("limits/requests"), &json!(false)));

    let gateway = Running::start(&policy.replace("up_bytes = \"1G\"", "up_bytes = 10"));
    assert!(ask(&gateway, "/v1/messages", &hello()).1.contains("limits/up_bytes"));
    let gateway = Running::start(&policy.replace("down_bytes = \"1G\"", "down_bytes = 300"));
    let answer = ask(&gateway, "/v1/messages", &hello()).1;
    assert!(!answer.contains("message_stop"), "{answer}");
    assert_eq!(gateway.records(1)[0]["rule"], "limits/down_bytes");
    assert!(ask(&gateway, "/v1/messages", &hello()).1.contains("limits/down_bytes"));
}

/// One answer of several on a connection: its head, and its body of a known length or in chunks.
fn answer(stream: &mut TcpStream) -> String {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    let ends = |seen: &[u8]| {
        let text = String::from_utf8_lossy(seen).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        match head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()) {
            Some(length) => body.len() >= length.parse().unwrap(),
            None => body.ends_with("\r\n0\r\n\r\n"),
        }
    };
    while !ends(&seen) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "it ends in the middle: {}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

#[test]
fn a_kept_connection_carries_requests_that_are_judged_one_by_one() {
    let (provider, gateway) = fixture();
    let mut stream = gateway.connect();
    let mut ask = |ticket: &str, path: &str| {
        let body = hello().to_string();
        let fields = format!("Host: x\r\nAuthorization: Bearer {ticket}\r\ncontent-type: application/json\r\n");
        let request = format!("POST /anthropic{path} HTTP/1.1\r\n{fields}content-length: {}\r\n\r\n{body}", body.len());
        // In two pieces, so that the body comes after its head.
        let (first, second) = request.split_at(request.len() - 5);
        stream.write_all(first.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(second.as_bytes()).unwrap();
        answer(&mut stream)
    };
    for _ in 0..3 {
        let answer = ask(TICKET, "/v1/messages");
        assert_eq!(status(&answer), 200, "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
    // The body is refused: that is an answer like another. A wrong ticket or path ends the connection.
    assert_eq!(status(&ask(TICKET, "/v1/messages")), 200);
    assert_eq!(status(&ask("wrong-ticket", "/v1/messages")), 401);
    assert_eq!(provider.requests().len(), 4);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    let records = gateway.records(5);
    assert_eq!(records.iter().filter(|record| record["allowed"] == true).count(), 4);
    assert_eq!(records[4]["rule"], "gateway/ticket");
}

#[test]
fn whoever_does_not_wait_for_the_answer_gets_no_second_one() {
    let provider = Provider::start(vec![Turn::Pauses(vec![Block::Text("late".to_owned())])]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let body = hello().to_string();
    let fields = format!("Host: x\r\nAuthorization: Bearer {TICKET}\r\ncontent-type: application/json\r\n");
    let request = format!("POST /anthropic/v1/messages HTTP/1.1\r\n{fields}content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = gateway.connect();
    stream.write_all(request.as_bytes()).unwrap();
    while provider.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.write_all(request.as_bytes()).unwrap();
    provider.release();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
    assert_eq!((provider.requests().len(), gateway.records(1).len()), (1, 1));
}

#[test]
fn a_flood_of_refused_requests_loses_no_record() {
    let (_provider, gateway) = fixture();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..100).for_each(|_| assert_eq!(status(&gateway.raw("GET /x HTTP/1.1\r\n\r\n")), 403)));
        }
    });
    assert_eq!(gateway.records(800).len(), 800);
}
