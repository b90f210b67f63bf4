//! The gateway through real sockets on loopback: what goes on, what is refused, and what of it reaches a far end.
#![allow(clippy::unwrap_used, missing_docs)]

mod bedrock;
mod behind;
mod budget;
mod claude;
mod hygiene;
mod internet;
mod openai;
mod registry;
mod route;
#[path = "../support/mod.rs"]
mod support;
mod tunnel;
mod upstream;
mod vertex;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tidewaiter::{
    gateway::{self, Door, Gateway, Spec, Unlisted},
    policy::{Provider, Source},
    provider::Credential,
    secret::Secret,
};

const TICKET: &str = "made-up-ticket-0123456789abcdef0123456789abcdef";
const KEY: &str = "made-up-provider-key";

/// A gateway in this process.
struct Running {
    address: SocketAddr,
    records: Sink,
    lifeline: Option<OwnedFd>,
    thread: Option<JoinHandle<Result<(), gateway::Error>>>,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn spec(policy: &str) -> Spec {
    let policy = vec![Source { name: "test".to_owned(), text: policy.to_owned() }];
    Spec {
        ticket: Secret::new(TICKET),
        credentials: [(Provider::Anthropic, Credential::ApiKey(Secret::new(KEY)))].into(),
        gitlab: None,
        registries: tidewaiter::policy::Policy::compose(policy.clone()).map(|policy| policy.network.registries).unwrap_or_default(),
        proxy: None,
        policy,
        unlisted: Unlisted::Refused,
    }
}

/// A policy with one route and the models of these tests.
fn route_policy(base_url: &str) -> String {
    format!(
        "version = 1\n[agent]\nmodels = [\"claude-opus-*\", \"claude-haiku-4-5\"]\n[[network.route]]\nprovider = \"anthropic\"\nbase_url = \"{base_url}\"\n\
         [limits]\nrequests = 5000\nup_bytes = \"1G\"\ndown_bytes = \"1G\"\n"
    )
}

impl Running {
    fn start(policy: &str) -> Self {
        Self::of(spec(policy))
    }

    fn of(spec: Spec) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let records = Sink::default();
        let (read, write) = nix::unistd::pipe().unwrap();
        let prepared = Gateway::prepare(spec).unwrap();
        let sink = records.clone();
        let thread = thread::spawn(move || prepared.serve(vec![(listener, Door::Proxy)], sink, Some(read)));
        Self { address, records, lifeline: Some(write), thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends `bytes` as they are and reads until the end.
    fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // The gateway may answer and close before all is sent.
        let _ = stream.write_all(bytes.as_ref());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The records of requests once there are `count` of them.
    fn records(&self, count: usize) -> Vec<Value> {
        self.records_of("gateway", count)
    }

    /// The records of this event, once there are so many.
    fn records_of(&self, event: &str, count: usize) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let bytes = self.records.0.lock().unwrap().clone();
            let all = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap());
            let list: Vec<Value> = all.filter(|record: &Value| record["event"] == event).collect();
            if list.len() >= count {
                return list;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "only {} of {count} records: {list:?}", list.len());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it by its lifeline, as the supervisor's death would.
    fn end(&mut self) -> Result<(), gateway::Error> {
        drop(self.lifeline.take());
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end().unwrap();
        }
    }
}

fn proxy_ticket() -> String {
    format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(format!("tidewaiter:{TICKET}")))
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[test]
fn the_lifeline_ends_it_at_once_even_with_open_connections() {
    let mut gateway = Running::start("version = 1\n");
    let _open = gateway.connect();
    let start = Instant::now();
    gateway.end().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(TcpStream::connect(gateway.address).is_err());
}

#[test]
fn nothing_is_served_that_nobody_can_record() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = thread::spawn(move || gateway::serve(spec("version = 1\n"), listener, Full, None));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(matches!(served.join().unwrap(), Err(gateway::Error::Records(_))));
}

#[test]
fn what_is_wrong_with_the_spec_is_said_before_anything_is_served() {
    let says = |spec: Spec, text: &str| {
        let error = Gateway::prepare(spec).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    says(spec("version = 1\nunknown = 1\n"), "unknown");
    says(Spec { ticket: Secret::new("short"), ..spec("version = 1\n") }, "ticket");
    let policy = route_policy("https://api.example");
    says(
        Spec { credentials: [(Provider::Anthropic, Credential::Bearer(Secret::new("made\nup")))].into(), ..spec(&policy) },
        "characters that an HTTP header cannot carry",
    );
    let with_file = policy.replace("base_url", "ca_file = \"/nowhere/ca.pem\"\nbase_url");
    says(spec(&with_file), "/nowhere/ca.pem");
    assert!(Gateway::prepare(spec(&policy)).is_ok());
}

#[test]
fn a_spec_survives_its_way_through_the_pipe() {
    let text = serde_json::to_string(&spec(&route_policy("https://api.example"))).unwrap();
    let back: Spec = serde_json::from_str(&text).unwrap();
    assert!(back.ticket.matches(TICKET.as_bytes()) && Gateway::prepare(back).is_ok());
}
