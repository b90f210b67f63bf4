//! One request, one answer, both bounded.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Request, Response,
    body::{Body, Bytes},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{Endpoint, ProxyError, Scheme};
use crate::upstream::{Passage, Proxy};

/// Why there is no answer. None of them says what the answer would have been.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("{endpoint} cannot be reached: {source}")]
    Connect {
        /// Whom.
        endpoint: String,
        /// The system's or TLS' reason.
        source: std::io::Error,
    },
    /// The proxy before it did not connect us.
    #[error("{endpoint} cannot be reached: {source}")]
    Upstream {
        /// Whom.
        endpoint: String,
        /// The proxy's reason.
        source: Box<ProxyError>,
    },
    /// The other side broke the protocol or the connection.
    #[error("{endpoint} broke off: {source}")]
    Broken {
        /// Whom.
        endpoint: String,
        /// The HTTP library's reason.
        source: Fault,
    },
    /// No answer in time.
    #[error("{endpoint} gave no answer within {seconds} s")]
    TimedOut {
        /// Whom.
        endpoint: String,
        /// The bound.
        seconds: u64,
    },
    /// More than the bound.
    #[error("{endpoint} answered with more than {limit} bytes")]
    TooLarge {
        /// Whom.
        endpoint: String,
        /// The bound in bytes.
        limit: usize,
    },
}

/// What a body is read from may fail.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A client of one endpoint: a fresh connection a request, since our calls are few.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Endpoint,
    tls: Arc<ClientConfig>,
    proxy: Option<Arc<Proxy>>,
    time: Duration,
    limit: usize,
}

impl Client {
    /// Speaks with `endpoint`, through `proxy` where there is one; each request takes at most `time`, each answer at most `limit`
    /// bytes.
    pub fn new(endpoint: Endpoint, tls: Arc<ClientConfig>, proxy: Option<Arc<Proxy>>, time: Duration, limit: usize) -> Self {
        Self { endpoint, tls, proxy, time, limit }
    }

    /// How it reaches it through the proxy.
    pub fn passage(&self) -> Option<Passage> {
        self.proxy.as_ref()?.passage(&self.endpoint.address.host)
    }

    /// Whom it speaks with.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends `request`, whose URI is a path with an optional query, without the endpoint's own path. `Host` is set here.
    /// Any status is an answer; redirects are not followed.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<Bytes>, Error>
    where
        B: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static,
    {
        let late = |_| Error::TimedOut { endpoint: self.endpoint.to_string(), seconds: self.time.as_secs() };
        timeout(self.time, self.exchange(request)).await.map_err(late)?
    }

    async fn exchange<B>(&self, mut request: Request<B>) -> Result<Response<Bytes>, Error>
    where
        B: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static,
    {
        let target = format!("{}{}", self.endpoint.path, request.uri());
        *request.uri_mut() = target.parse().map_err(|error| self.broken(error))?;
        let host = self.endpoint.host_header().parse().map_err(|error| self.broken(error))?;
        request.headers_mut().insert(hyper::header::HOST, host);
        match self.endpoint.scheme {
            Scheme::Http => self.over(self.dial().await?, request).await,
            Scheme::Https => {
                let name = ServerName::try_from(self.endpoint.server_name()).map_err(|error| self.broken(error))?;
                let stream = TlsConnector::from(self.tls.clone()).connect(name, self.dial().await?).await.map_err(|e| self.unreached(e))?;
                self.over(stream, request).await
            }
        }
    }

    async fn dial(&self) -> Result<TcpStream, Error> {
        let to = &self.endpoint.address;
        if let Some(proxy) = self.proxy.as_ref().filter(|_| self.passage().is_some()) {
            return proxy
                .connect(to)
                .await
                .map_err(|source| Error::Upstream { endpoint: self.endpoint.to_string(), source: Box::new(source) });
        }
        let target = (self.endpoint.server_name(), self.endpoint.address.port);
        let stream = TcpStream::connect(target).await.map_err(|error| self.unreached(error))?;
        stream.set_nodelay(true).map_err(|error| self.unreached(error))?;
        Ok(stream)
    }

    async fn over<B>(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<B>,
    ) -> Result<Response<Bytes>, Error>
    where
        B: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.map_err(|error| self.broken(error))?.into_parts();
        match Limited::new(body, self.limit).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLarge { endpoint: self.endpoint.to_string(), limit: self.limit }),
            Err(source) => Err(Error::Broken { endpoint: self.endpoint.to_string(), source }),
        }
    }

    fn unreached(&self, source: std::io::Error) -> Error {
        Error::Connect { endpoint: self.endpoint.to_string(), source }
    }

    fn broken(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Broken { endpoint: self.endpoint.to_string(), source: Box::new(source) }
    }
}
