//! What a route puts into a request in place of the agent's ticket.

use hyper::{
    Request,
    header::{HeaderName, HeaderValue},
};

use crate::{
    policy::Route,
    provider::{self, Credential, Target},
};

use super::{Error, denial::Denial, google::Tokens};

/// A route's credential, ready to be used.
#[derive(Debug)]
pub(super) enum Keys {
    /// A header field that is always the same.
    Field(HeaderName, HeaderValue),
    /// An access token of Google's, fetched and renewed.
    Google(Box<Tokens>),
}

impl Keys {
    /// Of the credential for `route`.
    pub(super) fn prepare(credential: &Credential, route: &Route) -> Result<Self, Error> {
        let header = match credential {
            Credential::ApiKey(key) => provider::key_header(key),
            Credential::Bearer(token) => provider::bearer_header(token),
            Credential::Google(access) => return Tokens::prepare(access, route).map(|tokens| Self::Google(Box::new(tokens))),
        };
        let (name, value) = header.map_err(|_| Error::Credential(route.base_url.clone()))?;
        Ok(Self::Field(name, value))
    }

    /// Puts the credential into `request`, which is complete but for it.
    pub(super) async fn put<B>(&self, request: &mut Request<B>, _target: &Target) -> Result<(), Denial> {
        match self {
            Self::Field(name, value) => drop(request.headers_mut().insert(name.clone(), value.clone())),
            Self::Google(tokens) => {
                let (name, value) = tokens.field().await?;
                request.headers_mut().insert(name, value);
            }
        }
        Ok(())
    }

    /// The far end did not take what was put in: a token that was fetched is fetched anew for the next request.
    pub(super) async fn rejected(&self) {
        match self {
            Self::Field(..) => {}
            Self::Google(tokens) => tokens.forget().await,
        }
    }
}
