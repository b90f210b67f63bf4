//! One request, one decision. A connection may carry one request after another, each judged from its first byte.

use std::{
    pin::Pin,
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
    Shared, advice,
    denial::{Denial, Form},
    gitlab,
    head::{self, Arrival, Head},
    metered::Body,
    proxy,
    records::{Desk, Entry},
    registry, route,
    single::{Answering, Single},
    ticket, tunnel,
};

/// An answer that was refused early is still read by a client that sends; what it sends is thrown away for so long.
const LINGER: Duration = Duration::from_secs(5);

/// Looks after one client from its first byte to its last.
pub(super) async fn handle(mut stream: TcpStream, shared: Arc<Shared>, desk: Desk) {
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    loop {
        match head::read(&mut stream).await {
            Arrival::Silence => return,
            Arrival::Fault(denial) => {
                let Some(mut entry) = desk.entry().await else { return };
                entry.facts.way = "gateway";
                return refuse(stream, Form::Plain, denial, entry).await;
            }
            Arrival::Head { head, bytes, length } => {
                let Some(entry) = desk.entry().await else { return };
                match decide(stream, head, bytes, length, &shared, entry).await {
                    Some(kept) if head::next(&kept).await => stream = kept,
                    _ => return,
                }
            }
        }
    }
}

/// What a request's target asks for.
enum Way {
    Tunnel,
    Route(Provider),
    GitLab,
    Registry,
    Gate,
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
        _ if below("gitlab") => Way::GitLab,
        _ if below(registry::PREFIX) => Way::Registry,
        target if advice::is(target) => Way::Gate,
        target if target.starts_with('/') => named().map_or(Way::None, Way::Route),
        target if target.contains("://") => Way::Proxy,
        _ => Way::None,
    }
}

/// What comes back is the connection, where it can carry another request.
async fn decide(stream: TcpStream, head: Head, mut bytes: Vec<u8>, length: usize, shared: &Shared, mut entry: Entry) -> Option<TcpStream> {
    entry.facts.method = shown(&head.method);
    match way(&head) {
        Way::Tunnel => {
            entry.facts.way = "tunnel";
            entry.facts.host = shown(&head.target);
            match ticket::at_proxy(&head, &shared.ticket) {
                Err(denial) => refuse(stream, Form::Plain, denial, entry).await,
                Ok(()) => {
                    let early = bytes.split_off(length);
                    Box::pin(tunnel::serve(stream, early, &head, shared, entry)).await;
                }
            }
            None
        }
        Way::Route(provider) => {
            entry.facts.way = route::way(provider);
            entry.facts.path = path_of(&head.target);
            match ticket::at_route(&head, &shared.ticket).and_then(|()| route::find(provider, shared, &head)) {
                Err(denial) => {
                    refuse(stream, route::form(provider), denial, entry).await;
                    None
                }
                Ok(errand) => http(stream, &head, bytes, length, async |request| route::serve(request, errand, shared, entry).await).await,
            }
        }
        Way::GitLab => {
            entry.facts.way = gitlab::WAY;
            entry.facts.path = path_of(&head.target);
            let form = gitlab::form(&head);
            match ticket::at_gitlab(&head, &shared.ticket).and_then(|()| gitlab::find(shared, &head)) {
                Err(denial) => {
                    refuse(stream, form, denial, entry).await;
                    None
                }
                Ok(found) => {
                    http(stream, &head, bytes, length, async |request| gitlab::serve(request, found, form, shared, entry).await).await
                }
            }
        }
        Way::Registry => {
            let asked = registry::Asked::of(&head.target, &shared.ticket);
            (entry.facts.way, entry.facts.path) = ("registry", path_of(&asked.shown()));
            // A socket that cannot tell is closed.
            let local = stream.local_addr().ok()?;
            match asked.judge(&head, local, shared) {
                Err(denial) => {
                    refuse(stream, asked.form(), denial, entry).await;
                    None
                }
                Ok(errand) => {
                    http(stream, &head, bytes, length, async |request| registry::serve(request, errand, shared, entry).await).await
                }
            }
        }
        Way::Gate => {
            (entry.facts.way, entry.facts.path) = (advice::WAY, path_of(&head.target));
            match advice::judge(&head, shared) {
                Err(denial) => {
                    refuse(stream, advice::FORM, denial, entry).await;
                    None
                }
                Ok(()) => http(stream, &head, bytes, length, async |_| advice::serve(shared, entry).await).await,
            }
        }
        Way::Proxy => {
            entry.facts.way = "proxy";
            entry.facts.path = path_of(&head.target);
            match ticket::at_proxy(&head, &shared.ticket).and_then(|()| proxy::judge(&head, shared.listing())) {
                Err(denial) => {
                    refuse(stream, Form::Plain, denial, entry).await;
                    None
                }
                Ok(errand) => http(stream, &head, bytes, length, async |request| proxy::serve(request, errand, shared, entry).await).await,
            }
        }
        Way::None => {
            entry.facts.way = "gateway";
            entry.facts.path = path_of(&head.target);
            let reason = format!("{} {}: nothing is served here", shown(&head.method), path_of(&head.target));
            refuse(stream, Form::Plain, Denial::forbidden("gateway/path", reason), entry).await;
            None
        }
    }
}

/// What of a target may be recorded: without its query, which could hold anything.
pub(super) fn path_of(target: &str) -> String {
    shown(target.split(['?', '#']).next().unwrap_or_default())
}

/// Lets the HTTP library read the request again from its first byte and answers it. `bytes` are what came so far, `length` of
/// them the head. What comes back is the connection, where it can carry another request.
pub(super) fn http<F>(
    stream: TcpStream,
    head: &Head,
    bytes: Vec<u8>,
    length: usize,
    answer: impl FnOnce(Request<Incoming>) -> F,
) -> Pin<Box<impl Future<Output = Option<TcpStream>>>>
where
    F: Future<Output = Response<Body>>,
{
    // On the heap: most of what a connection may need is not needed by one that is refused.
    Box::pin(async move {
        let came = (bytes.len() - length) as u64;
        // Where more came than the request, nobody waited for the answer; that is not looked at, and the connection ends.
        let left = head.body_length().and_then(|whole| whole.checked_sub(came));
        let keeps = left.is_some() && head.keeps();
        let single = Single::new(stream, bytes, left);
        let answer = Mutex::new(Some((answer, single.unanswered())));
        let service = service_fn(|request| {
            let once = answer.lock().ok().and_then(|mut answer| answer.take());
            let once = once.map(|(answer, unanswered)| (answer(request), unanswered));
            async move {
                match once {
                    Some((answer, unanswered)) => Ok(answer.await.map(|body| Answering::new(body, unanswered))),
                    // One request at a time: there is no second one.
                    None => Err(std::io::Error::from(std::io::ErrorKind::InvalidInput)),
                }
            }
        });
        let served = http1::Builder::new().keep_alive(keeps).serve_connection(TokioIo::new(single), service).without_shutdown().await;
        // An error here is a client that left or broke HTTP; its entry tells the rest.
        let (stream, whole) = served.ok()?.io.into_inner().into_parts();
        if keeps && whole {
            return Some(stream);
        }
        part(stream).await;
        None
    })
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
        let mut rest = [0; 1024];
        let _ = timeout(LINGER, async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
    }
}
