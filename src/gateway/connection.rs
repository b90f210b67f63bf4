//! One connection, one request, one decision.

use std::{
    io::Cursor,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{policy::Provider, provider::shown};

use super::{
    Shared,
    denial::{Denial, Form},
    head::{self, Arrival, Head},
    metered::Body,
    proxy,
    records::{Desk, Entry},
    route, ticket, tunnel,
};

/// An answer that was refused early is still read by a client that sends; what it sends is thrown away for so long.
const LINGER: Duration = Duration::from_secs(5);

/// Looks after one client from its first byte to its last.
pub(super) async fn handle(mut stream: TcpStream, shared: Arc<Shared>, desk: Desk) {
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    match head::read(&mut stream).await {
        Arrival::Silence => {}
        Arrival::Fault(denial) => {
            let Some(mut entry) = desk.entry().await else { return };
            entry.facts.way = "gateway";
            refuse(stream, Form::Plain, denial, entry).await;
        }
        Arrival::Head { head, bytes, length } => {
            let Some(entry) = desk.entry().await else { return };
            decide(stream, head, bytes, length, shared, entry).await;
        }
    }
}

/// What a request's target asks for.
enum Way {
    Tunnel,
    Route(Provider),
    Proxy,
    None,
}

fn way(head: &Head) -> Way {
    let below = |name: &str| {
        let rest = head.target.strip_prefix('/').and_then(|target| target.strip_prefix(name));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    };
    let named = || Provider::ALL.into_iter().find(|provider| below(provider.name()));
    match head.target.as_str() {
        _ if head.method == "CONNECT" => Way::Tunnel,
        target if target.starts_with('/') => named().map_or(Way::None, Way::Route),
        target if target.contains("://") => Way::Proxy,
        _ => Way::None,
    }
}

async fn decide(stream: TcpStream, head: Head, mut bytes: Vec<u8>, length: usize, shared: Arc<Shared>, mut entry: Entry) {
    entry.facts.method = shown(&head.method);
    match way(&head) {
        Way::Tunnel => {
            entry.facts.way = "tunnel";
            entry.facts.host = shown(&head.target);
            match ticket::at_proxy(&head, &shared.ticket) {
                Err(denial) => refuse(stream, Form::Plain, denial, entry).await,
                Ok(()) => {
                    let early = bytes.split_off(length);
                    tunnel::serve(stream, early, &head, &shared, entry).await;
                }
            }
        }
        Way::Route(provider) => {
            entry.facts.way = route::way(provider);
            entry.facts.path = path_of(&head.target);
            match ticket::at_route(&head, &shared.ticket).and_then(|()| route::find(provider, &shared, &head)) {
                Err(denial) => refuse(stream, Form::Anthropic, denial, entry).await,
                Ok(errand) => http(stream, bytes, async |request| route::serve(request, errand, &shared, entry).await).await,
            }
        }
        Way::Proxy => {
            entry.facts.way = "proxy";
            entry.facts.path = path_of(&head.target);
            match ticket::at_proxy(&head, &shared.ticket).and_then(|()| proxy::judge(&head, shared.listing())) {
                Err(denial) => refuse(stream, Form::Plain, denial, entry).await,
                Ok(errand) => http(stream, bytes, async |request| proxy::serve(request, errand, &shared, entry).await).await,
            }
        }
        Way::None => {
            entry.facts.way = "gateway";
            entry.facts.path = path_of(&head.target);
            let reason = format!("{} {}: nothing is served here", shown(&head.method), path_of(&head.target));
            refuse(stream, Form::Plain, Denial::forbidden("gateway/path", reason), entry).await;
        }
    }
}

/// What of a target may be recorded: without its query, which could hold anything.
pub(super) fn path_of(target: &str) -> String {
    shown(target.split(['?', '#']).next().unwrap_or_default())
}

/// Lets the HTTP library read the request again from its first byte and answers it; the connection ends with it.
pub(super) async fn http<F>(stream: TcpStream, bytes: Vec<u8>, answer: impl FnOnce(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Body>>,
{
    let (reader, writer) = stream.into_split();
    let stream = tokio::io::join(Cursor::new(bytes).chain(reader), writer);
    let answer = Mutex::new(Some(answer));
    let service = service_fn(|request| {
        let once = answer.lock().ok().and_then(|mut answer| answer.take()).map(|answer| answer(request));
        async move {
            match once {
                Some(answer) => Ok(answer.await),
                // One request a connection: there is no second one.
                None => Err(std::io::Error::from(std::io::ErrorKind::InvalidInput)),
            }
        }
    });
    let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).without_shutdown().await;
    // An error here is a client that left or broke HTTP; its entry tells the rest.
    if let Ok(parts) = served {
        part(parts.io.into_inner()).await;
    }
}

/// Answers a request that goes nowhere.
pub(super) async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, form: Form, denial: Denial, mut entry: Entry) {
    entry.deny(&denial);
    drop(entry);
    // A client that does not take the answer has no use for it.
    if stream.write_all(&denial.raw(form)).await.is_ok() {
        part(stream).await;
    }
}

/// Ends a connection so that the answer arrives: closing while input is unread would reset it.
async fn part(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if stream.shutdown().await.is_ok() {
        let mut rest = [0; 8192];
        let _ = timeout(LINGER, async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
    }
}
