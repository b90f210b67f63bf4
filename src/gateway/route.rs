//! Routes: endpoints that the gateway ends itself. It checks what is asked, puts in the credential, and passes the
//! answer on as it comes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, SET_COOKIE},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::{
    http::{self, Endpoint, Scheme},
    policy,
    provider::{Credential, anthropic},
};

use super::{
    Error, Shared,
    denial::{Denial, Form},
    head::Head,
    metered::{Answer, Body, whole},
    records::Entry,
    upstream,
};

/// Bodies that are read and checked at once.
pub(super) const BODIES: usize = 8;

/// KiB of checked bodies that are held at once until the far end answers.
pub(super) const HELD: usize = 512 << 10;

/// An agent on the same machine has so long to send its body.
const PATIENCE: Duration = Duration::from_secs(60);

/// A far end with its credential, ready to be spoken to.
#[derive(Debug)]
pub(super) struct Route {
    endpoint: Endpoint,
    name: ServerName<'static>,
    host: HeaderValue,
    tls: Arc<ClientConfig>,
    credential: (HeaderName, HeaderValue),
}

impl Route {
    /// Reads what the policy says of one route.
    pub(super) fn prepare(route: &policy::Route, credentials: &BTreeMap<policy::Provider, Credential>) -> Result<Self, Error> {
        let endpoint = Endpoint::parse(&route.base_url)?;
        let url = || endpoint.to_string();
        let credential = credentials.get(&route.provider).ok_or_else(|| Error::NoCredential(url()))?;
        let credential = credential.header().map_err(|_| Error::Credential(url()))?;
        let tls = http::client_config(route.ca_file.as_deref()).map_err(|source| Error::Tls { url: url(), source })?;
        let form = || http::NotAnEndpoint::Form(url());
        let name = ServerName::try_from(endpoint.server_name()).map_err(|_| form())?;
        let host = HeaderValue::from_str(&endpoint.host_header()).map_err(|_| form())?;
        Ok(Self { endpoint, name, host, tls, credential })
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Denial> {
        let to = self.endpoint.to_string();
        let address = (self.endpoint.server_name(), self.endpoint.address.port);
        let dial = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let response = match self.endpoint.scheme {
            Scheme::Http => upstream::send(&to, upstream::connected(&to, dial).await?, request).await?,
            Scheme::Https => {
                let shake = async { TlsConnector::from(self.tls.clone()).connect(self.name.clone(), dial.await?).await };
                upstream::send(&to, upstream::connected(&to, shake).await?, request).await?
            }
        };
        // 304 is no redirect, but no answer to a POST either.
        if response.status().is_redirection() {
            let why = format!("{to} answered with a redirect ({}), and redirects are not followed", response.status());
            return Err(Denial::far_end("provider/redirect", why));
        }
        Ok(response)
    }
}

/// A request to a route that passed as far as its head goes.
pub(super) struct Errand {
    target: String,
}

/// Judges the target of a request below [`anthropic::PREFIX`].
pub(super) fn find(shared: &Shared, head: &Head) -> Result<Errand, Denial> {
    if shared.routes.is_empty() {
        return Err(Denial::forbidden(
            "route/path",
            "there is no route to this provider: the policy has none (network.route), or its credential was not given to the job",
        ));
    }
    let rest = head.target.strip_prefix(anthropic::PREFIX).unwrap_or_default();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let refused = |_| Denial::forbidden("route/method", "the method has odd characters");
    let method = Method::from_bytes(head.method.as_bytes()).map_err(refused)?;
    Ok(Errand { target: anthropic::target(&method, path, query)? })
}

/// Answers a request to a route.
pub(super) async fn serve(request: Request<Incoming>, errand: Errand, shared: &Shared, mut entry: Entry) -> Response<Body> {
    match forward(request, errand, shared, &mut entry).await {
        Ok(response) => pass_on(response, shared, entry),
        Err(denial) => {
            entry.deny(&denial);
            drop(entry);
            let (kind, text) = denial.told(Form::Anthropic);
            let mut response = Response::new(whole(Bytes::from(text)));
            *response.status_mut() = denial.status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
    }
}

async fn forward(request: Request<Incoming>, errand: Errand, shared: &Shared, entry: &mut Entry) -> Result<Response<Incoming>, Denial> {
    let route = shared.routes.first().ok_or_else(|| Denial::forbidden("route/path", "the policy has no such route"))?;
    entry.facts.host = route.endpoint.address.to_string();
    let (head, body) = request.into_parts();
    let headers = anthropic::headers(&head.headers)?;
    let gone = |_| Denial::far_end("gateway/closed", "the gateway is ending");
    let place = shared.bodies.acquire().await.map_err(gone)?;
    let checked = anthropic::body(&read(body).await?, &shared.models)?;
    let size = u32::try_from(checked.len() / 1024 + 1).unwrap_or(u32::MAX);
    let held = shared.held.acquire_many(size).await.map_err(gone)?;
    drop(place);
    shared.budget.request()?;
    shared.budget.up(checked.len() as u64)?;
    entry.traffic.up(checked.len() as u64);
    entry.allow("route/anthropic");
    let response = route.send(outgoing(route, headers, &errand.target, checked)?).await?;
    drop(held);
    Ok(response)
}

async fn read(body: Incoming) -> Result<Bytes, Denial> {
    match timeout(PATIENCE, Limited::new(body, anthropic::MAX_BODY).collect()).await {
        Err(_) => Err(Denial::new(StatusCode::REQUEST_TIMEOUT, "gateway/slow", "the body did not come within 60 s")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let why = format!("the body is longer than {} bytes", anthropic::MAX_BODY);
            Err(Denial::new(StatusCode::PAYLOAD_TOO_LARGE, "route/size", why))
        }
        Ok(Err(error)) => Err(Denial::new(StatusCode::BAD_REQUEST, "gateway/body", format!("the body cannot be read: {error}"))),
    }
}

fn outgoing(route: &Route, headers: HeaderMap, target: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Denial> {
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = Method::POST;
    let odd = |_| Denial::forbidden("route/path", "the path cannot be sent");
    *request.uri_mut() = format!("{}{target}", route.endpoint.path).parse().map_err(odd)?;
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, route.host.clone());
    request.headers_mut().insert(route.credential.0.clone(), route.credential.1.clone());
    Ok(request)
}

fn pass_on(response: Response<Incoming>, shared: &Shared, mut entry: Entry) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    entry.facts.status = Some(head.status.as_u16());
    upstream::end_to_end(&mut head.headers);
    for name in [SET_COOKIE, HeaderName::from_static("alt-svc")] {
        head.headers.remove(name);
    }
    head.extensions.clear();
    Response::from_parts(head, Answer::new(body, shared.budget.clone(), entry).boxed_unsync())
}
