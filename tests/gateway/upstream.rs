//! How the gateway speaks with a far end: connections that are kept, HTTP/1.1 or HTTP/2 as the far end chooses.

use std::{
    convert::Infallible,
    io::Write as _,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, Version,
    body::{Bytes, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::NamedTempFile;
use tidewaiter::{
    gateway::Spec,
    gitlab::{Credential, reads::Access},
    secret::Secret,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Running, TICKET,
    route::{ask, hello, tls_for},
    route_policy, spec,
    support::provider::receive,
};

/// A far end that keeps its connections.
pub(crate) struct Keeps {
    pub(crate) url: String,
    pub(crate) ca: NamedTempFile,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) versions: Arc<Mutex<Vec<Version>>>,
}

impl Keeps {
    /// Speaks the first of `protocols` that the gateway offers as well.
    pub(crate) fn start(protocols: &[&str]) -> Self {
        Self::start_for(protocols, "127.0.0.1")
    }

    /// The same under another name.
    pub(crate) fn start_for(protocols: &[&str], name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (mut config, ca) = tls_for(&[name]);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let (connections, versions) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Version>>>::default());
        let (count, seen) = (connections.clone(), versions.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, TlsAcceptor::from(Arc::new(config)), count, seen));
        });
        Self { url, ca, connections, versions }
    }

    fn policy(&self) -> String {
        let authority = format!("ca_file = \"{}\"\n[limits]", self.ca.path().display());
        route_policy(&self.url).replace("[limits]", &authority)
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, count: Arc<AtomicUsize>, seen: Arc<Mutex<Vec<Version>>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        count.fetch_add(1, SeqCst);
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request: Request<Incoming>| {
                seen.lock().unwrap().push(request.version());
                async move {
                    let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
                    let host = host.or_else(|| request.uri().authority().map(ToString::to_string));
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let text = format!("{{\"host\":{host:?},\"bytes\":{}}}", body.len());
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
                }
            });
            let stream = TokioIo::new(stream);
            // The client leaves when it likes.
            let _ = match is_http2 {
                true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
                false => http1::Builder::new().serve_connection(stream, service).await,
            };
        });
    }
}

fn three_requests(protocols: &[&str], version: Version) {
    let far = Keeps::start(protocols);
    let gateway = Running::start(&far.policy());
    for _ in 0..3 {
        let (code, answer) = ask(&gateway, "/v1/messages", &hello());
        assert_eq!(code, 200, "{answer}");
        assert!(answer.starts_with("HTTP/1.1 ") && answer.contains("\"bytes\":") && answer.contains("127.0.0.1:"), "{answer}");
    }
    assert_eq!(*far.versions.lock().unwrap(), [version; 3]);
    assert_eq!(far.connections.load(SeqCst), 1, "one connection is kept");
}

#[test]
fn a_far_end_of_http_2_is_spoken_to_in_it() {
    three_requests(&["h2", "http/1.1"], Version::HTTP_2);
}

#[test]
fn a_connection_of_http_1_is_kept() {
    three_requests(&["http/1.1"], Version::HTTP_11);
}

/// A far end that closes each connection without a word, `pause` after its answer; whether it reads the next request first. Counts
/// the requests that came whole.
fn closes(pause: Duration, reads_on: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, count) = (format!("http://{}", listener.local_addr().unwrap()), Arc::<AtomicUsize>::default());
    let seen = count.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let seen = seen.clone();
            thread::spawn(move || {
                let Ok(Some(_)) = receive(&mut stream) else { return };
                seen.fetch_add(1, SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
                thread::sleep(pause);
                if reads_on && matches!(receive(&mut stream), Ok(Some(_))) {
                    seen.fetch_add(1, SeqCst);
                }
            });
        }
    });
    (url, count)
}

#[test]
fn a_request_is_sent_again_only_where_nothing_of_it_was_sent() {
    // Closed while it waited: the request, its body with it, goes over another connection.
    let (url, count) = closes(Duration::ZERO, false);
    let gateway = Running::start(&route_policy(&url));
    for _ in 0..10 {
        assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(count.load(SeqCst), 10);
    // Closed with the request in hand: it may have been worked on, so the agent is told and decides.
    let (url, count) = closes(Duration::ZERO, true);
    let gateway = Running::start(&route_policy(&url));
    assert_eq!(ask(&gateway, "/v1/messages", &hello()).0, 200);
    let (code, answer) = ask(&gateway, "/v1/messages", &hello());
    assert!(code == 502 && answer.contains("provider/broken") && answer.contains("trying again may help"), "{answer}");
    assert_eq!(count.load(SeqCst), 2);
}

#[test]
fn git_fetches_from_a_gitlab_of_http_2() {
    let far = Keeps::start(&["h2", "http/1.1"]);
    let policy = format!("version = 1\n[network.gitlab]\nurl = \"{}\"\n", far.url);
    let access = Access {
        credential: Credential::Job(Secret::new("made-up-job-token")),
        project: Some(42),
        path: Some("harbour/ferry".to_owned()),
        ca_file: Some(far.ca.path().to_owned()),
    };
    let gateway = Running::of(Spec { gitlab: Some(access), ..spec(&policy) });
    let chunks = format!("{:x}\r\n{}\r\n", 300_000, "x".repeat(300_000)).repeat(3);
    let answer = gateway.raw(format!(
        "POST /gitlab/harbour/ferry.git/git-upload-pack HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TICKET}\r\n\
         Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}0\r\n\r\n"
    ));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"bytes\":900000"), "{answer}");
    let read = format!("GET /gitlab/api/v4/projects/42/languages HTTP/1.1\r\nHost: a\r\nJOB-TOKEN: {TICKET}\r\nConnection: close\r\n\r\n");
    assert!(gateway.raw(read).starts_with("HTTP/1.1 200"));
    assert_eq!(*far.versions.lock().unwrap(), [Version::HTTP_2; 2]);
    assert_eq!(far.connections.load(SeqCst), 1, "one connection is kept");
}
