//! One call: the request with its token, asked again where that helps, and the answer read into a type.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Method, Request, Response, body::Bytes, header};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;

use super::{
    Error, Listing, Patience,
    page::{self, Next},
    retry::{self, Failure, Repeat},
    text,
};
use crate::{
    http::{self, Endpoint},
    secret::Secret,
    upstream::Proxy,
};

/// One request takes at most this.
pub(super) const REQUEST_TIME: Duration = Duration::from_secs(30);
/// One answer holds at most this: a page of the longest notes (a note has at most 1,000,000 characters) is cut off by it.
pub(super) const ANSWER_BYTES: usize = 32 << 20;

/// The token and how it travels.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// A personal, project or service-account token: header `PRIVATE-TOKEN`.
    Access(Secret),
    /// The job's own token: header `JOB-TOKEN`. GitLab lets it read a few things.
    Job(Secret),
}

impl Credential {
    /// The variable that such a token comes from.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::Access(_) => "GITLAB_ACCESS_TOKEN",
            Self::Job(_) => "CI_JOB_TOKEN",
        }
    }

    /// The header field that carries it, and the token.
    pub fn header(&self) -> (&'static str, &Secret) {
        match self {
            Self::Access(secret) => ("private-token", secret),
            Self::Job(secret) => ("job-token", secret),
        }
    }
}

/// Speaks with one GitLab as one user.
#[derive(Clone, Debug)]
pub struct Client {
    http: http::Client,
    credential: Credential,
    patience: Patience,
}

/// A request before it has its token.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query below `/api/v4`.
    pub(super) target: String,
    /// JSON, if there is a body.
    pub(super) body: Option<serde_json::Value>,
    pub(super) repeat: Repeat,
    /// Names the thing in errors.
    pub(super) what: String,
}

impl Call {
    pub(super) fn get(target: impl Into<String>, what: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), body: None, repeat: Repeat::Always, what: what.into() }
    }

    pub(super) fn post(target: impl Into<String>, body: serde_json::Value, what: impl Into<String>) -> Self {
        let (target, what) = (target.into(), what.into());
        Self { method: Method::POST, target, body: Some(body), repeat: Repeat::IfRefused, what }
    }

    pub(super) fn put(target: impl Into<String>, body: serde_json::Value, what: impl Into<String>) -> Self {
        Self { method: Method::PUT, repeat: Repeat::Always, ..Self::post(target, body, what) }
    }
}

impl Client {
    /// Speaks with the API at `endpoint` (`CI_API_V4_URL`), through `proxy` where there is one.
    pub fn new(endpoint: Endpoint, tls: Arc<ClientConfig>, proxy: Option<Proxy>, credential: Credential) -> Self {
        let http = http::Client::new(endpoint, tls, proxy.map(Arc::new), REQUEST_TIME, ANSWER_BYTES);
        Self { http, credential, patience: Patience::default() }
    }

    /// The same client with another `patience`.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Makes `call` and reads the answer.
    pub(super) async fn fetch<T: DeserializeOwned>(&self, call: &Call, expected: &'static str) -> Result<T, Error> {
        let answer = self.ask(call).await?;
        read(answer.body(), call, expected)
    }

    /// Makes `call`, whose answer's body does not matter.
    pub(super) async fn ask(&self, call: &Call) -> Result<Response<Bytes>, Error> {
        let request = self.request(call)?;
        match patiently(self.patience, call.repeat, async || self.http.send(request.clone()).await).await {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            outcome => Err(self.error(call, outcome)),
        }
    }

    /// All pages of a list, up to the bound; `target` without page parameters.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: Call, expected: &'static str) -> Result<Listing<T>, Error> {
        let sign = if call.target.contains('?') { '&' } else { '?' };
        let mut listing = Listing { items: Vec::new(), complete: true };
        let (mut current, mut fetched) = (1, 0);
        loop {
            let target = format!("{}{sign}page={current}&per_page={}", call.target, page::PER_PAGE);
            let answer = self.ask(&Call::get(target, call.what.clone())).await?;
            listing.items.extend(read::<Vec<T>>(answer.body(), &call, expected)?);
            fetched += 1;
            match page::next(answer.headers(), current, fetched) {
                Next::End => return Ok(listing),
                Next::Cut => return Ok(Listing { complete: false, ..listing }),
                Next::Page(next) => current = next,
                Next::Jump(next) => (current, listing.complete) = (next, false),
            }
        }
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Error> {
        let refused = |error: hyper::http::Error| Error::Request { what: call.what.clone(), reason: error.to_string() };
        let (name, secret) = self.credential.header();
        let mut token = header::HeaderValue::try_from(secret.reveal()).map_err(|error| refused(error.into()))?;
        token.set_sensitive(true);
        let agent = concat!("tidewaiter/", env!("CARGO_PKG_VERSION"));
        let request = Request::builder().method(&call.method).uri(&call.target).header(name, token).header(header::USER_AGENT, agent);
        let request = request.header(header::ACCEPT, "application/json");
        match &call.body {
            None => request.body(Full::default()),
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body.to_string())),
        }
        .map_err(refused)
    }

    fn error(&self, call: &Call, outcome: Result<Response<Bytes>, http::Error>) -> Error {
        let (what, variable) = (call.what.clone(), self.credential.variable());
        let answer = match outcome {
            Err(source) => return Error::Unreachable { what, source },
            Ok(answer) => answer,
        };
        let reason = reason(answer.body());
        match answer.status().as_u16() {
            401 => Error::Unauthorized { what, variable },
            403 => Error::Forbidden { what, variable, reason },
            404 => Error::NotFound { what, variable, reason },
            409 => Error::Conflict { what, reason },
            429 => Error::RateLimited { what, seconds: self.patience.total.as_secs() },
            status @ 500.. => Error::Server { what, status },
            status => Error::Refused { what, status, reason },
        }
    }
}

/// The outcome of `send`, which is called again while that may help and `patience` lasts.
pub(super) async fn patiently(
    patience: Patience,
    repeat: Repeat,
    send: impl AsyncFn() -> Result<Response<Bytes>, http::Error>,
) -> Result<Response<Bytes>, http::Error> {
    let start = Instant::now();
    let mut number = 0;
    loop {
        let outcome = send().await;
        let Some(failure) = failure(&outcome) else { return outcome };
        let asked = outcome.as_ref().ok().and_then(|answer| retry::asked(answer.headers().get(header::RETRY_AFTER)?.to_str().ok()));
        let left = patience.total.saturating_sub(start.elapsed());
        match retry::pause(patience, number, chance(), asked, left).filter(|_| retry::may_repeat(failure, repeat)) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return outcome,
        }
        number += 1;
    }
}

/// How `outcome` failed; none: it did not.
fn failure(outcome: &Result<Response<Bytes>, http::Error>) -> Option<Failure> {
    match outcome {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(Failure::Status(answer.status().as_u16())),
        // What the proxy does not allow now it does not allow in a moment.
        Err(http::Error::Upstream { source, .. }) if source.is_final() => Some(Failure::Status(0)),
        Err(http::Error::Connect { .. } | http::Error::Upstream { .. }) => Some(Failure::NotSent),
        // What is too large once is too large twice.
        Err(http::Error::TooLarge { .. }) => Some(Failure::Status(0)),
        Err(_) => Some(Failure::Broken),
    }
}

fn read<T: DeserializeOwned>(body: &[u8], call: &Call, expected: &'static str) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Garbage {
        what: call.what.clone(),
        expected,
        reason: text::line(&error.to_string(), 200),
    })
}

/// GitLab's own words in an answer that is an error: `{"message": …}` or `{"error": …}`, on one clean line in brackets.
pub(super) fn reason(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
    let words = ["message", "error_description", "error"].iter().find_map(|key| value.get(key));
    match words {
        Some(serde_json::Value::String(words)) => format!(" ({})", text::line(words, 300)),
        Some(other) => format!(" ({})", text::line(&other.to_string(), 300)),
        None => String::new(),
    }
}

/// A random byte for the jitter; without random bytes there is none, and the pauses are merely the same for everyone.
fn chance() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_or(0, |()| byte[0])
}
