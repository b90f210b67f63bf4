//! One request to a far end, and what of its answer is passed on.

use std::{io, time::Duration};

use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{CONNECTION, HeaderName},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::{
    denial::Denial,
    metered::{Broken, SILENCE},
};

/// A far end has so long to take a connection, TLS included.
pub(super) const CONNECT: Duration = Duration::from_secs(15);

/// The rule of a far end that was not reached, so that nothing was sent to it.
pub(super) const UNREACHABLE: &str = "provider/unreachable";

/// Fields that concern one connection only (RFC 9110 section 7.6.1, and the proxy fields of section 11.7).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Takes out the fields that end here, those that `Connection` names included.
pub(super) fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(*name);
    }
}

/// Waits for a connection, at most [`CONNECT`].
pub(super) async fn connected<T>(to: &str, attempt: impl Future<Output = io::Result<T>>) -> Result<T, Denial> {
    let reason = match timeout(CONNECT, attempt).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", CONNECT.as_secs()),
    };
    Err(Denial::far_end(UNREACHABLE, format!("{to} cannot be reached: {reason}; this is not the policy, trying later may help")))
}

/// Sends `request` over `stream` to `to`; any status but a switch of protocols or a redirect is an answer.
pub(super) async fn send<B>(
    to: &str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<B>,
) -> Result<Response<Incoming>, Denial>
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Broken>,
{
    let broken =
        |error: hyper::Error| Denial::far_end("provider/broken", format!("{to} broke off: {}; trying again may help", cause(&error)));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    let silent = |_| Denial::far_end("provider/silent", format!("{to} gave no answer within {} s", SILENCE.as_secs()));
    let response = timeout(SILENCE, sender.send_request(request)).await.map_err(silent)?.map_err(broken)?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Err(Denial::far_end("provider/upgrade", format!("{to} switched protocols unasked"))),
        _ => Ok(response),
    }
}

/// The innermost words of an error: the outer ones only say that something failed.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_connection_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "close, X-Private"), ("x-private", "1"), ("transfer-encoding", "chunked"), ("x-kept", "1"), ("upgrade", "h2c")]
        {
            headers.append(name, value.parse().unwrap());
        }
        end_to_end(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}
