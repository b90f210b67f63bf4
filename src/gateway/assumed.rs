//! Keys of a role at AWS.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use hyper::StatusCode;

use crate::{
    http::{self, Client, Endpoint},
    policy,
    provider::bedrock::{Keys, Role, role},
    upstream::Proxy,
};

use super::{
    Error,
    denial::Denial,
    lease::{self, Lease, Leased},
    records::Desk,
};

/// The token service has so long to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of an answer: a session token has a few thousand.
const LARGEST: usize = 64 << 10;

/// A role and the keys that there are for it.
#[derive(Debug)]
pub(super) struct Assumed {
    role: Role,
    service: Client,
    keys: Leased<Keys>,
}

impl Assumed {
    /// Of the policy's `route`; nothing is fetched yet.
    pub(super) fn prepare(role: Role, route: &policy::Route, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let url = route.token_url().unwrap_or_default();
        let endpoint = Endpoint::parse(&url)?;
        let tls = http::client_config(route.ca_file.as_deref()).map_err(|source| Error::Tls { url, source })?;
        let service = Client::new(endpoint, tls, proxy.clone(), PATIENCE, LARGEST);
        Ok(Self { role, service, keys: Leased::new() })
    }

    /// Keys that are good for a request now.
    pub(super) async fn keys(&self, desk: &Desk) -> Result<Keys, Denial> {
        self.keys.get(async || self.ask(desk).await).await
    }

    /// Holds no keys any more: see [`Leased::forget`].
    pub(super) fn forget(&self) -> bool {
        self.keys.forget()
    }

    async fn ask(&self, desk: &Desk) -> Result<Lease<Keys>, Denial> {
        let answer = lease::ask(&self.service, self.role.request(), desk)
            .await
            .map_err(|error| Denial::far_end("credential/unreachable", told(&error)))?;
        let status = answer.status();
        let given = role::lease(status.as_u16(), answer.body(), SystemTime::now()).map_err(|refusal| {
            let (rule, reason) = (refusal.rule, refusal.reason);
            // A client tries again where the service is ill, and not where it says no.
            let ill = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            if ill { Denial::far_end(rule, reason) } else { Denial::forbidden(rule, reason) }
        })?;
        Ok(Lease { what: given.keys().clone(), renew: given.renew(), until: given.until() })
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
