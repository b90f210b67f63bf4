//! What a route puts into a request in place of the agent's ticket.

use std::{sync::Arc, time::SystemTime};

use hyper::{
    Request, Response, StatusCode,
    header::{HeaderName, HeaderValue},
};

use crate::{
    policy::Route,
    provider::{
        self, Credential, Target,
        bedrock::{self, Identity},
    },
    upstream::Proxy,
};

use super::{Error, assumed::Assumed, denial::Denial, google::Tokens, records::Desk};

/// A route's credential, ready to be used.
#[derive(Debug)]
pub(super) enum Keys {
    /// A header field that is always the same.
    Field(HeaderName, HeaderValue),
    /// An access token of Google's, fetched and renewed.
    Google(Box<Tokens>),
    /// AWS' signature with the job's own keys.
    Signed(bedrock::Keys),
    /// AWS' signature with keys of a role, which are fetched and renewed.
    Assumed(Box<Assumed>),
}

impl Keys {
    /// Of the credential for `route`.
    pub(super) fn prepare(credential: &Credential, route: &Route, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let odd = || Error::Credential(route.base_url.clone());
        let header = match (credential, &route.header) {
            (Credential::ApiKey(secret) | Credential::Bearer(secret), Some(name)) => provider::own_header(name, secret).map_err(|_| odd()),
            (Credential::ApiKey(key), None) => provider::key_header(key).map_err(|_| odd()),
            (Credential::Bearer(token), None) => provider::bearer_header(token).map_err(|_| odd()),
            (Credential::Google(access), _) => return Tokens::prepare(access, route, proxy).map(|tokens| Self::Google(Box::new(tokens))),
            (Credential::Aws(Identity::Keys(keys)), _) => return Ok(Self::Signed(keys.clone())),
            (Credential::Aws(Identity::Role(role)), _) => {
                return Ok(Self::Assumed(Box::new(Assumed::prepare(role.clone(), route, proxy)?)));
            }
        };
        let (name, value) = header?;
        Ok(Self::Field(name, value))
    }

    /// Puts the credential into `request`, which is complete but for it; `body` is its body.
    /// Where it is fetched first, `desk` takes a record of that.
    pub(super) async fn put<B>(&self, request: &mut Request<B>, body: &[u8], target: &Target, desk: &Desk) -> Result<(), Denial> {
        match self {
            Self::Field(name, value) => drop(request.headers_mut().insert(name.clone(), value.clone())),
            Self::Google(tokens) => {
                let (name, value) = tokens.field(desk).await?;
                request.headers_mut().insert(name, value);
            }
            Self::Signed(keys) => sign(request, body, keys, target)?,
            Self::Assumed(assumed) => sign(request, body, &assumed.keys(desk).await?, target)?,
        }
        Ok(())
    }

    /// Whether an answer says that what was put in has ended, and another one is to be had: one that was fetched is fetched anew.
    pub(super) fn ended<B>(&self, answer: &Response<B>) -> bool {
        match self {
            Self::Field(..) | Self::Signed(_) => false,
            Self::Google(tokens) => answer.status() == StatusCode::UNAUTHORIZED && tokens.forget(),
            Self::Assumed(assumed) => bedrock::has_expired(answer.status(), answer.headers()) && assumed.forget(),
        }
    }
}

fn sign<B>(request: &mut Request<B>, body: &[u8], keys: &bedrock::Keys, target: &Target) -> Result<(), Denial> {
    let unsigned = |error: bedrock::sign::Unsignable| Denial::forbidden("credential/signature", error.to_string());
    bedrock::sign::sign(request, body, keys, &target.region, SystemTime::now()).map_err(unsigned)
}
