//! Keys of a role: fetched when the first request needs them, renewed before they expire.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use http_body_util::Full;
use hyper::StatusCode;

use crate::{
    http::{self, Client, Endpoint},
    policy,
    provider::bedrock::{
        Keys, Role,
        role::{self, Age, Lease},
    },
};

use super::{Error, denial::Denial};

/// The token service has so long to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of an answer: a session token has a few thousand.
const LARGEST: usize = 64 << 10;

/// After a failure the service is left alone for so long; who asks meanwhile is told of that failure.
const PAUSE: Duration = Duration::from_secs(3);

/// A role and the keys that there are for it.
#[derive(Debug)]
pub(super) struct Assumed {
    role: Role,
    service: Client,
    lease: Mutex<Option<Lease>>,
    /// Held by whoever asks the service: one at a time. The last failure.
    asking: tokio::sync::Mutex<Option<(Instant, Denial)>>,
}

impl Assumed {
    /// Of the policy's `route`; nothing is fetched yet.
    pub(super) fn prepare(role: Role, route: &policy::Route) -> Result<Self, Error> {
        let url = route.token_url().unwrap_or_default();
        let endpoint = Endpoint::parse(&url)?;
        let tls = http::client_config(route.ca_file.as_deref()).map_err(|source| Error::Tls { url, source })?;
        let service = Client::new(endpoint, tls, PATIENCE, LARGEST);
        Ok(Self { role, service, lease: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    /// Keys that are good for a request now.
    pub(super) async fn keys(&self) -> Result<Keys, Denial> {
        // Where old keys still do, nobody waits for the one who renews them.
        let mut asking = match self.held() {
            (Some(keys), Age::Fresh) => return Ok(keys),
            (Some(keys), _) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(keys),
            },
            (None, _) => self.asking.lock().await,
        };
        // Whoever asked before us may have got them.
        if let (Some(keys), Age::Fresh) = self.held() {
            return Ok(keys);
        }
        let denial = match &*asking {
            Some((when, denial)) if when.elapsed() < PAUSE => denial.clone(),
            _ => match self.ask().await {
                Ok(lease) => {
                    *asking = None;
                    let keys = lease.keys().clone();
                    *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
                    return Ok(keys);
                }
                Err(denial) => {
                    *asking = Some((Instant::now(), denial.clone()));
                    denial
                }
            },
        };
        self.held().0.ok_or(denial)
    }

    /// Keys that may be used, and whether they should be renewed.
    fn held(&self) -> (Option<Keys>, Age) {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let age = lease.as_ref().map_or(Age::Over, |lease| lease.age(SystemTime::now()));
        (lease.as_ref().filter(|_| age != Age::Over).map(|lease| lease.keys().clone()), age)
    }

    async fn ask(&self) -> Result<Lease, Denial> {
        let (head, body) = self.role.request().into_parts();
        let request = hyper::Request::from_parts(head, Full::new(body));
        let answer = self.service.send(request).await.map_err(|error| Denial::far_end("credential/unreachable", told(&error)))?;
        let status = answer.status();
        role::lease(status.as_u16(), answer.body(), SystemTime::now()).map_err(|refusal| {
            let (rule, reason) = (refusal.rule, refusal.reason);
            // A client tries again where the service is ill, and not where it says no.
            let ill = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            if ill { Denial::far_end(rule, reason) } else { Denial::forbidden(rule, reason) }
        })
    }
}

/// What went wrong on the way, without what came from the other side.
fn told(error: &http::Error) -> String {
    let hint = "this is not the policy, trying later may help";
    match error {
        http::Error::Broken { endpoint, .. } => format!("the token service {endpoint} broke off; {hint}"),
        other => format!("the token service: {other}; {hint}"),
    }
}
