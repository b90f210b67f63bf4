//! Credentials that end: fetched when the first request needs one, kept here, renewed before they end.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes};

use crate::http::{self, Client};

use super::{denial::Denial, records::Desk};

/// After a failure the service that was asked is left alone for so long; who comes meanwhile is told of that failure, or gets
/// what still holds.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks a service for a credential, of which `desk` takes a record.
pub(super) async fn ask(service: &Client, request: Request<Bytes>, desk: &Desk) -> Result<Response<Bytes>, http::Error> {
    let endpoint = service.endpoint();
    let path = format!("{}{}", endpoint.path, request.uri().path());
    // Where nobody takes records any more the gateway ends.
    let mut asking = desk.asking(endpoint.address.to_string(), path, request.body().len() as u64, service.passage()).await;
    let answer = service.send(request.map(Full::new)).await?;
    if let Some(asking) = &mut asking {
        asking.answer = Some((answer.status().as_u16(), answer.body().len() as u64));
    }
    Ok(answer)
}

/// A credential with its times.
#[derive(Clone, Debug)]
pub(super) struct Lease<T> {
    pub(super) what: T,
    /// From then on another one is fetched.
    pub(super) renew: SystemTime,
    /// From then on it is not used.
    pub(super) until: SystemTime,
}

/// A place for one.
#[derive(Debug)]
pub(super) struct Leased<T> {
    held: Mutex<Option<Lease<T>>>,
    /// Held by whoever fetches: one at a time. The last failure.
    fetching: tokio::sync::Mutex<Option<(Instant, Denial)>>,
    /// When one was let go of.
    forgotten: Mutex<Option<Instant>>,
}

impl<T: Clone> Leased<T> {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { held: Mutex::new(None), fetching: tokio::sync::Mutex::new(None), forgotten: Mutex::new(None) }
    }

    /// What is good for a request now, fetched if need be.
    pub(super) async fn get(&self, fetch: impl AsyncFnOnce() -> Result<Lease<T>, Denial>) -> Result<T, Denial> {
        // Where an old one still does, nobody waits for whoever renews it.
        let mut failed = match self.held() {
            Some((what, true)) => return Ok(what),
            Some((what, false)) => match self.fetching.try_lock() {
                Ok(failed) => failed,
                Err(_) => return Ok(what),
            },
            None => self.fetching.lock().await,
        };
        // Whoever was before us may have got one.
        if let Some((what, true)) = self.held() {
            return Ok(what);
        }
        let denial = match &*failed {
            Some((when, denial)) if when.elapsed() < PAUSE => denial.clone(),
            _ => match fetch().await {
                Ok(lease) => {
                    *failed = None;
                    let what = lease.what.clone();
                    self.hold(Some(lease));
                    return Ok(what);
                }
                Err(denial) => failed.insert((Instant::now(), denial)).1.clone(),
            },
        };
        self.held().map(|(what, _)| what).ok_or(denial)
    }

    /// Lets go of what is held: a far end did not take it. False where that was so a moment ago too, so that another one would not
    /// help; it is kept then, and the service left alone.
    pub(super) fn forget(&self) -> bool {
        let mut last = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < PAUSE) {
            return false;
        }
        *last = Some(Instant::now());
        self.hold(None);
        true
    }

    fn hold(&self, lease: Option<Lease<T>>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    /// What may be used, and whether it need not be renewed yet.
    fn held(&self) -> Option<(T, bool)> {
        let (held, now) = (self.held.lock().unwrap_or_else(PoisonError::into_inner), SystemTime::now());
        held.as_ref().filter(|lease| now < lease.until).map(|lease| (lease.what.clone(), now < lease.renew))
    }
}
