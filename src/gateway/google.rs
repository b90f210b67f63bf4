//! Access tokens of Google's.

use std::{
    mem,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hyper::{
    Method, Request,
    body::Bytes,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use rustls::ClientConfig;

use crate::{
    http::{self, Client, Endpoint},
    policy::Route,
    provider::{
        self,
        vertex::{Access, Ask, Given, Proof, Service, Wrong},
    },
    upstream::Proxy,
};

use super::{
    Error,
    denial::Denial,
    lease::{self, Lease, Leased},
    records::Desk,
};

/// The IAM Service Account Credentials API (its discovery document, `rootUrl`).
const IAM: &str = "https://iamcredentials.googleapis.com";

/// A token service has so long to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer at most: a token has up to 12 KiB.
const LONGEST: usize = 64 << 10;

/// A token is renewed so long before it expires, so that a clock that is wrong by minutes does no harm; one that holds for less
/// than four times as long, after three quarters of its time.
const MARGIN: Duration = Duration::from_secs(300);

/// See the module.
#[derive(Debug)]
pub(super) struct Tokens {
    access: Access,
    first: Peer,
    second: Peer,
    token: Leased<Field>,
}

/// A service, and the path that its URL has.
#[derive(Debug)]
struct Peer {
    client: Client,
    path: String,
}

/// The header field that carries a token.
type Field = (HeaderName, HeaderValue);

impl Peer {
    fn prepare(url: &str, tls: &Arc<ClientConfig>, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let mut endpoint = Endpoint::parse(url)?;
        let path = mem::take(&mut endpoint.path);
        Ok(Self { client: Client::new(endpoint, tls.clone(), proxy.clone(), PATIENCE, LONGEST), path })
    }
}

impl Tokens {
    /// For `access`, at the services of `route`.
    pub(super) fn prepare(access: &Access, route: &Route, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let url = || route.base_url.clone();
        let tls = http::client_config(route.ca_file.as_deref()).map_err(|source| Error::Tls { url: url(), source })?;
        let first = match &access.proof {
            Proof::Federated { .. } => route.token_url().ok_or_else(|| Error::Credential(url()))?,
            Proof::Key { url, .. } => url.clone(),
        };
        let second = route.google.iam_url.as_deref().unwrap_or(IAM);
        let (first, second) = (Peer::prepare(&first, &tls, proxy)?, Peer::prepare(second, &tls, proxy)?);
        Ok(Self { access: access.clone(), first, second, token: Leased::new() })
    }

    /// The header field with a token that holds.
    pub(super) async fn field(&self, desk: &Desk) -> Result<Field, Denial> {
        self.token.get(async || self.fetch(desk).await).await
    }

    /// Holds no token any more: see [`Leased::forget`].
    pub(super) fn forget(&self) -> bool {
        self.token.forget()
    }

    async fn fetch(&self, desk: &Desk) -> Result<Lease<Field>, Denial> {
        let asked = SystemTime::now();
        let service = self.access.first();
        let seconds = u64::try_from(now() / 1000).unwrap_or(0);
        let given = exchange(&self.first, service, self.access.ask(seconds)?, desk).await?;
        let given = match self.access.then(given.token.clone()) {
            Ok(ask) => exchange(&self.second, Service::Impersonate, ask, desk).await?,
            Err(_) => given,
        };
        let odd = |_| Denial::forbidden("credential/unreadable", "the access token has characters that a header cannot carry");
        let what = provider::bearer_header(&given.token).map_err(odd)?;
        let margin = MARGIN.min(given.lifetime / 4);
        Ok(Lease { what, renew: asked + given.lifetime - margin, until: asked + given.lifetime })
    }
}

async fn exchange(peer: &Peer, service: Service, ask: Ask, desk: &Desk) -> Result<Given, Denial> {
    let odd = || Denial::forbidden("credential/key", "the request for an access token cannot be made");
    let mut request = Request::new(Bytes::from(ask.body.reveal().to_owned()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("{}{}", peer.path, ask.path).parse().map_err(|_| odd())?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(ask.media));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(token) = &ask.bearer {
        let (name, value) = provider::bearer_header(token).map_err(|_| odd())?;
        request.headers_mut().insert(name, value);
    }
    let lost = |error: http::Error| Denial::far_end("credential/unreachable", format!("{service} gave no token: {error}"));
    let answer = lease::ask(&peer.client, request, desk).await.map_err(lost)?;
    Ok(service.read(answer.status().as_u16(), answer.body(), now())?)
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl From<Wrong> for Denial {
    fn from(wrong: Wrong) -> Self {
        match wrong.rule {
            "credential/unavailable" => Self::far_end(wrong.rule, wrong.reason),
            _ => Self::forbidden(wrong.rule, wrong.reason),
        }
    }
}
