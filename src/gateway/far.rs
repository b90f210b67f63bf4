//! A far end that the gateway speaks with itself.

use std::{path::Path, sync::Arc};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{HOST, HeaderValue},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::http::{self, Endpoint, Scheme};

use super::{Error, denial::Denial, upstream};

/// An endpoint, ready to be spoken to.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) endpoint: Endpoint,
    name: ServerName<'static>,
    host: HeaderValue,
    tls: Arc<ClientConfig>,
}

impl Far {
    /// Of a base URL, and a file with certificate authorities besides the built-in ones.
    pub(super) fn prepare(url: &str, ca_file: Option<&Path>) -> Result<Self, Error> {
        let endpoint = Endpoint::parse(url)?;
        let tls = http::client_config(ca_file).map_err(|source| Error::Tls { url: url.to_owned(), source })?;
        let form = || http::NotAnEndpoint::Form(url.to_owned());
        let name = ServerName::try_from(endpoint.server_name()).map_err(|_| form())?;
        let host = HeaderValue::from_str(&endpoint.host_header()).map_err(|_| form())?;
        Ok(Self { endpoint, name, host, tls })
    }

    /// Makes `request`, whose target is a path, one to this end: the base URL's path stands before it.
    pub(super) fn address<B>(&self, request: &mut Request<B>) -> Result<(), Denial> {
        let odd = |_| Denial::forbidden("route/path", "the path cannot be sent");
        *request.uri_mut() = format!("{}{}", self.endpoint.path, request.uri()).parse().map_err(odd)?;
        request.headers_mut().insert(HOST, self.host.clone());
        Ok(())
    }

    /// Sends a request that is addressed here. Redirects are no answers: they are not followed.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Denial> {
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
        // 304 is no redirect, but no answer to what is sent either.
        if response.status().is_redirection() {
            let why = format!("{to} answered with a redirect ({}), and redirects are not followed", response.status());
            return Err(Denial::far_end("provider/redirect", why));
        }
        Ok(response)
    }
}
