//! A far end that the gateway speaks with itself: HTTP/1.1 or HTTP/2, as the far end chooses, over connections that are kept.

use std::{
    error,
    fmt::{self, Debug},
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::{
    Request, Response, StatusCode, Uri, Version,
    body::{Bytes, Incoming},
    header::{HOST, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use crate::{
    host::HostPort,
    http::{self, Endpoint},
    upstream::{Passage, Proxy},
};

use super::{
    Error,
    denial::Denial,
    metered::{Body, Broken, SILENCE},
    records::Facts,
    upstream::{CONNECT, UNREACHABLE, cause},
};

/// Connections that wait for their next request, at most.
const IDLE: usize = 16;

/// How long they wait: less than servers and middleboxes commonly do.
const KEPT: Duration = Duration::from_secs(50);

/// An endpoint, ready to be spoken to.
pub(super) struct Far {
    pub(super) endpoint: Endpoint,
    host: HeaderValue,
    client: Client<InTime<HttpsConnector<Way>>, Body>,
    /// How it is reached through the proxy.
    passage: Option<Passage>,
}

impl Debug for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Far").field(&self.endpoint).finish_non_exhaustive()
    }
}

impl Far {
    /// Of a base URL, and a file with certificate authorities besides the built-in ones; through `proxy` where there is one.
    pub(super) fn prepare(url: &str, ca_file: Option<&Path>, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        Self::of(Endpoint::parse(url)?, ca_file, proxy)
    }

    /// Of an endpoint that may be spoken to, and the same.
    pub(super) fn of(endpoint: Endpoint, ca_file: Option<&Path>, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let url = endpoint.to_string();
        let mut tls = (*http::client_config(ca_file).map_err(|source| Error::Tls { url: url.clone(), source })?).clone();
        // The connector offers what it speaks.
        tls.alpn_protocols.clear();
        let host = HeaderValue::from_str(&endpoint.host_header()).map_err(|_| http::NotAnEndpoint::Form(url))?;
        let passage = proxy.as_ref().and_then(|proxy| proxy.passage(&endpoint.address.host));
        let tcp = match proxy.as_ref().filter(|_| passage.is_some()) {
            Some(proxy) => Way::Through(proxy.clone(), endpoint.address.clone()),
            None => {
                let mut tcp = HttpConnector::new();
                tcp.set_nodelay(true);
                tcp.enforce_http(false);
                Way::Direct(tcp)
            }
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(IDLE)
            .build(InTime(connector));
        Ok(Self { endpoint, host, client, passage })
    }

    /// Notes where a request goes.
    pub(super) fn note(&self, facts: &mut Facts) {
        facts.host = self.endpoint.address.to_string();
        facts.upstream = self.passage;
    }

    /// Makes `request`, whose target is a path, one to this end: the base URL's path stands before it.
    pub(super) fn address<B>(&self, request: &mut Request<B>) -> Result<(), Denial> {
        let odd = |_| Denial::forbidden("route/path", "the path cannot be sent");
        *request.uri_mut() = format!("{}{}", self.endpoint.path, request.uri()).parse().map_err(odd)?;
        request.headers_mut().insert(HOST, self.host.clone());
        Ok(())
    }

    /// Sends a request that is addressed here. Any status but a switch of protocols or a redirect is an answer: redirects are
    /// not followed.
    pub(super) async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Denial>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Broken>,
    {
        let response = self.exchange(request).await?;
        let (to, status) = (&self.endpoint, response.status());
        // 304 is no redirect, but no answer to what is sent either.
        if status.is_redirection() {
            let why = format!("{to} answered with a redirect ({status}), and redirects are not followed");
            return Err(Denial::far_end("provider/redirect", why));
        }
        Ok(response)
    }

    /// Sends a request that is addressed here. A redirect is an answer too; nobody follows it.
    pub(super) async fn exchange<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Denial>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Broken>,
    {
        let to = self.endpoint.to_string();
        let (mut head, body) = request.into_parts();
        let odd = |_: hyper::http::Error| Denial::forbidden("route/path", "the path cannot be sent");
        let scheme = if self.endpoint.scheme == http::Scheme::Https { "https" } else { "http" };
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        head.uri = Uri::builder().scheme(scheme).authority(self.endpoint.host_header()).path_and_query(target).build().map_err(odd)?;
        head.version = Version::HTTP_11;
        let request = Request::from_parts(head, body.map_err(Into::into).boxed_unsync());
        let late = |_| Denial::far_end("provider/silent", format!("{to} gave no answer within {} s", SILENCE.as_secs()));
        let response = timeout(SILENCE, self.client.request(request)).await.map_err(late)?;
        let response = response.map_err(|error| {
            if let Some(error) = of_proxy(&error) {
                error.into()
            } else if error.is_connect() {
                let hint = "this is not the policy, trying later may help";
                Denial::far_end(UNREACHABLE, format!("{to} cannot be reached: {}; {hint}", cause(&error)))
            } else {
                Denial::far_end("provider/broken", format!("{to} broke off: {}; trying again may help", cause(&error)))
            }
        })?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Err(Denial::far_end("provider/upgrade", format!("{to} switched protocols unasked"))),
            _ => Ok(response),
        }
    }
}

/// What the upstream proxy did wrong, where that is the reason.
fn of_proxy<'a>(error: &'a (dyn error::Error + 'static)) -> Option<&'a http::ProxyError> {
    error.downcast_ref().or_else(|| of_proxy(error.source()?))
}

/// How a far end's TCP connection is made.
#[derive(Clone)]
enum Way {
    /// By ourselves.
    Direct(HttpConnector),
    /// By the upstream proxy, to this far end.
    Through(Arc<Proxy>, HostPort),
}

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self {
            Self::Direct(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Through(..) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Self::Direct(tcp) => {
                let attempt = tcp.call(uri);
                Box::pin(async { Ok(attempt.await?) })
            }
            // One connector speaks with one far end.
            Self::Through(proxy, to) => {
                let (proxy, to) = (proxy.clone(), to.clone());
                Box::pin(async move { Ok(TokioIo::new(proxy.connect(&to).await?)) })
            }
        }
    }
}

/// A connector that gives up after [`CONNECT`], name and TLS included.
#[derive(Clone)]
struct InTime<C>(C);

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Response: 'static,
    C::Error: Into<Box<dyn error::Error + Send + Sync>> + 'static,
{
    type Response = C::Response;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, Broken>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let attempt = self.0.call(to);
        Box::pin(async move {
            let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {} s", CONNECT.as_secs()));
            timeout(CONNECT, attempt).await.map_err(|_| late())?.map_err(Into::into)
        })
    }
}
