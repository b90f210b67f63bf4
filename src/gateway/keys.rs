//! What a route puts into a request in place of the agent's ticket.

use hyper::{
    Request,
    header::{HeaderName, HeaderValue},
};

use crate::provider::{Credential, Target};

use super::denial::Denial;

/// A route's credential, ready to be used.
#[derive(Debug)]
pub(super) enum Keys {
    /// A header field that is always the same.
    Field(HeaderName, HeaderValue),
}

impl Keys {
    /// None where no header can carry it.
    pub(super) fn prepare(credential: &Credential) -> Option<Self> {
        let (name, value) = credential.header().ok()?;
        Some(Self::Field(name, value))
    }

    /// Puts the credential into `request`, which is complete but for it.
    pub(super) async fn put<B>(&self, request: &mut Request<B>, _target: &Target) -> Result<(), Denial> {
        match self {
            Self::Field(name, value) => drop(request.headers_mut().insert(name.clone(), value.clone())),
        }
        Ok(())
    }
}
