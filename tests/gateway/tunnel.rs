//! Tunnels and plain requests to listed hosts.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};
use serde_json::json;

use crate::{Running, proxy_ticket, status};

/// A far end that notes what comes and answers with `answer`, then closes.
pub(crate) struct Far {
    pub(crate) port: u16,
    pub(crate) connections: Arc<AtomicUsize>,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Far {
    pub(crate) fn start(answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, got) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counted, noted) = (connections.clone(), got.clone());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let noted = noted.clone();
                thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        let first = noted.lock().unwrap().is_empty();
                        noted.lock().unwrap().extend_from_slice(&buffer[..length]);
                        if first {
                            let _ = stream.write_all(answer);
                            let _ = stream.shutdown(std::net::Shutdown::Write);
                        }
                    }
                });
            }
        });
        Self { port, connections, got }
    }

    fn got(&self) -> Vec<u8> {
        self.got.lock().unwrap().clone()
    }
}

fn policy(port: u16, private: &str) -> String {
    format!(
        "version = 1\n[network]\ntunnels = [\"localhost:{port}\", \"127.0.0.1:{port}\", \"169.254.169.254:{port}\"]\nprivate = [{private}]\n\
         [limits]\nrequests = 100\nup_bytes = \"1M\"\ndown_bytes = \"1M\"\n"
    )
}

/// The ClientHello of a real client for `name`.
pub(crate) fn client_hello(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// CONNECT, then `bytes`; what came after the answer's head.
pub(crate) fn tunnel(gateway: &Running, target: &str, bytes: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = connected(gateway, target);
    let code = stream.1;
    let mut rest = Vec::new();
    if code == 200 {
        stream.0.write_all(bytes).unwrap();
    }
    let _ = stream.0.read_to_end(&mut rest);
    (code, rest)
}

fn connected(gateway: &Running, target: &str) -> (TcpStream, u16) {
    let mut stream = gateway.connect();
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", proxy_ticket()).as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    (stream, status(&String::from_utf8_lossy(&head)))
}

#[test]
fn a_listed_host_is_reached_when_tls_names_it() {
    let far = Far::start(b"from the far end");
    let gateway = Running::start(&policy(far.port, "\"localhost\""));
    let hello = client_hello("localhost");
    let (code, answer) = tunnel(&gateway, &format!("LOCALHOST:{}", far.port), &[&hello[..], b"and more"].concat());
    assert_eq!((code, answer.as_slice()), (200, &b"from the far end"[..]));
    let record = &gateway.records(1)[0];
    assert_eq!((&record["allowed"], &record["way"], &record["rule"]), (&json!(true), &json!("tunnel"), &json!("network/tunnel")));
    assert_eq!((&record["host"], &record["path"]), (&json!(format!("localhost:{}", far.port)), &json!("")));
    assert_eq!((&record["up"], &record["down"]), (&json!(hello.len() + 8), &json!(16)));
    assert_eq!(far.got(), [&hello[..], b"and more"].concat());
}

#[test]
fn what_does_not_name_the_host_never_reaches_it() {
    let far = Far::start(b"from the far end");
    let gateway = Running::start(&policy(far.port, "\"localhost\", \"127.0.0.1\""));
    let target = format!("localhost:{}", far.port);
    let good = client_hello("localhost");
    // The same message in two records.
    let (front, back) = good[5..].split_at(40);
    let record = |part: &[u8]| [&[22, 3, 1, 0, part.len() as u8][..], part].concat();
    let long = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    let split = [record(front), long(back)].concat();
    for (bytes, rule) in [
        (client_hello("evil.example"), "network/sni"),
        (client_hello("a.localhost"), "network/sni"),
        (client_hello("127.0.0.1"), "network/sni"),
        (split, "network/hello"),
        (b"SSH-2.0-made-up\r\n".to_vec(), "network/hello"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), "network/hello"),
        (b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n".to_vec(), "network/hello"),
        (vec![22, 3, 1, 255, 255], "network/hello"),
        (good[..good.len() - 1].iter().copied().chain([0]).take(30).collect(), "network/hello"),
    ] {
        let before = gateway.records(0).len();
        let mut stream = connected(&gateway, &target).0;
        stream.write_all(&bytes).unwrap();
        // It may have closed already.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:?}");
        let record = gateway.records(before + 1).pop().unwrap();
        assert_eq!((&record["allowed"], &record["rule"], &record["up"]), (&json!(false), &json!(rule), &json!(0)), "{record}");
    }
    assert_eq!(far.got(), b"");
    // To an address the hello names nobody.
    assert_eq!(tunnel(&gateway, &format!("127.0.0.1:{}", far.port), &client_hello("127.0.0.1")).1, b"from the far end");
    assert_eq!(tunnel(&gateway, &format!("127.0.0.1:{}", far.port), &client_hello("localhost")).1, b"");
}

#[test]
fn a_client_that_says_nothing_is_closed() {
    let far = Far::start(b"");
    let gateway = Running::start(&policy(far.port, "\"localhost\""));
    assert_eq!(tunnel(&gateway, &format!("localhost:{}", far.port), &client_hello("localhost")[..60]).1, b"");
    let record = &gateway.records(1)[0];
    assert_eq!(record["rule"], "network/hello", "{record}");
    assert!(record["ms"].as_u64().unwrap() > 5000 && far.got().is_empty());
}

#[test]
fn unlisted_targets_are_refused_with_what_is_listed() {
    let far = Far::start(b"");
    let gateway = Running::start(&policy(far.port, "\"localhost\""));
    let answer = gateway.raw(format!("CONNECT evil.example:443 HTTP/1.1\r\n{}\r\n", proxy_ticket()));
    assert_eq!(status(&answer), 403);
    let listed = format!(
        "tidewaiter: refused: CONNECT evil.example:443: the policy does not list this host and port (network.tunnels); allowed: localhost:{}",
        far.port
    );
    assert!(answer.contains(&listed), "{answer}");
    let record = &gateway.records(1)[0];
    assert_eq!(
        (&record["host"], &record["method"], &record["rule"]),
        (&json!("evil.example:443"), &json!("CONNECT"), &json!("network/tunnel"))
    );
    let gateway_port = gateway.address.port();
    for target in [
        format!("localhost:{gateway_port}"),
        format!("localhost.:{}x", far.port),
        format!("127.1:{}", far.port),
        format!("0x7f.1:{}", far.port),
        format!("2130706433:{}", far.port),
        format!("[::1]:{}", far.port),
        format!("x@localhost:{}", far.port),
        format!("localhost:{}/", far.port),
        format!("localhost%00.evil.example:{}", far.port),
    ] {
        let answer = gateway.raw(format!("CONNECT {target} HTTP/1.1\r\n{}\r\n", proxy_ticket()));
        assert!(matches!(status(&answer), 400 | 403), "{target}: {answer}");
    }
    assert_eq!(far.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn inner_addresses_need_the_policys_word_and_metadata_has_none() {
    let far = Far::start(b"");
    let target = format!("localhost:{}", far.port);
    let gateway = Running::start(&policy(far.port, ""));
    let answer = gateway.raw(format!("CONNECT {target} HTTP/1.1\r\n{}\r\n", proxy_ticket()));
    assert!(status(&answer) == 403 && answer.contains("network/address") && answer.contains("loopback"), "{answer}");
    let gateway = Running::start(&policy(far.port, "\"localhost\", \"169.254.169.254\""));
    let answer = gateway.raw(format!("CONNECT 169.254.169.254:{} HTTP/1.1\r\n{}\r\n", far.port, proxy_ticket()));
    assert!(status(&answer) == 403 && answer.contains("metadata"), "{answer}");
    assert_eq!(far.connections.load(Ordering::SeqCst), 0);
    assert_eq!(connected(&gateway, &target).1, 200);
}

#[test]
fn a_far_end_that_is_down_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = Running::start(&policy(port, "\"localhost\""));
    let answer = gateway.raw(format!("CONNECT localhost:{port} HTTP/1.1\r\n{}\r\n", proxy_ticket()));
    assert!(status(&answer) == 502 && answer.contains("tidewaiter: failed") && answer.contains("provider/unreachable"), "{answer}");
}

#[test]
fn a_tunnel_ends_where_the_budget_does() {
    let far = Far::start(b"");
    let gateway = Running::start(&policy(far.port, "\"localhost\"").replace("up_bytes = \"1M\"", "up_bytes = 2000"));
    let (mut stream, code) = connected(&gateway, &format!("localhost:{}", far.port));
    assert_eq!(code, 200);
    stream.write_all(&client_hello("localhost")).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = stream.write_all(&[7; 100_000]);
    let _ = stream.read_to_end(&mut Vec::new());
    let record = &gateway.records(1)[0];
    assert_eq!((&record["rule"], &record["up"]), (&json!("limits/up_bytes"), &json!(2000)), "{record}");
    assert!(far.got().len() <= 2000);
    let answer = gateway.raw(format!("CONNECT localhost:{} HTTP/1.1\r\n{}\r\n", far.port, proxy_ticket()));
    assert!(answer.contains("limits/up_bytes"), "{answer}");
}

#[test]
fn plain_http_goes_to_listed_hosts_only() {
    let far = Far::start(b"HTTP/1.1 302 Found\r\nlocation: http://evil.example/\r\nkeep-alive: x\r\ncontent-length: 2\r\n\r\nok");
    let gateway = Running::start(&policy(far.port, "\"localhost\""));
    let ask = |url: &str, fields: &str| gateway.raw(format!("GET {url} HTTP/1.1\r\nConnection: close\r\n{}{fields}\r\n", proxy_ticket()));
    let port = far.port;
    for (url, fields, code) in [
        ("http://evil.example/".to_owned(), String::new(), 403),
        ("http://evil.example/".to_owned(), format!("Host: localhost:{port}\r\n"), 403),
        (format!("http://localhost:{port}/"), "Host: evil.example\r\n".to_owned(), 400),
        (format!("http://localhost:{port}@evil.example/"), String::new(), 400),
        (format!("http://localhost:{port}/#x"), String::new(), 400),
        (format!("https://localhost:{port}/"), String::new(), 400),
        (format!("ftp://localhost:{port}/"), String::new(), 400),
        ("http://localhost/".to_owned(), String::new(), 403),
        ("http:///x".to_owned(), String::new(), 400),
    ] {
        let answer = ask(&url, &fields);
        assert_eq!(status(&answer), code, "{url} {fields}: {answer}");
    }
    assert_eq!(far.connections.load(Ordering::SeqCst), 0);
    let answer = ask(
        &format!("http://localhost:{port}/a?b=c"),
        &format!("Host: LOCALHOST:{port}\r\nConnection: x-mine\r\nx-mine: 1\r\nx-kept: 1\r\n"),
    );
    assert_eq!(status(&answer), 302, "{answer}");
    assert!(answer.ends_with("ok") && !answer.contains("keep-alive: x"), "{answer}");
    let sent = String::from_utf8(far.got()).unwrap().to_lowercase();
    assert!(
        sent.starts_with("get /a?b=c http/1.1\r\n") && sent.contains(&format!("host: localhost:{port}\r\n")) && sent.contains("x-kept"),
        "{sent}"
    );
    assert!(!sent.contains("proxy-authorization") && !sent.contains("x-mine"), "{sent}");
}

#[test]
fn a_star_is_not_the_name_itself_and_no_other_name() {
    let far = Far::start(b"from the far end");
    let policy = format!(
        "version = 1\n[network]\ntunnels = [\"*.sub.localhost:{0}\"]\nprivate = [\"sub.localhost\", \"localhost\"]\n\
         [limits]\nrequests = 100\nup_bytes = \"1M\"\ndown_bytes = \"1M\"\n",
        far.port
    );
    let gateway = Running::start(&policy);
    let told = |answer: String| format!("{} {}", status(&answer), answer.lines().last().unwrap_or_default());
    let connect = |host: &str| told(gateway.raw(format!("CONNECT {host}:{} HTTP/1.1\r\n{}\r\n", far.port, proxy_ticket())));
    let get =
        |host: &str| told(gateway.raw(format!("GET http://{host}:{}/ HTTP/1.1\r\nConnection: close\r\n{}\r\n", far.port, proxy_ticket())));
    for host in ["sub.localhost", "asub.localhost", "localhost", "a.sub.localhost.evil.example"] {
        for answer in [connect(host), get(host)] {
            assert!(answer.starts_with("403 ") && answer.contains("network/tunnel"), "{host}: {answer}");
        }
    }
    assert_eq!(far.connections.load(Ordering::SeqCst), 0);
}
