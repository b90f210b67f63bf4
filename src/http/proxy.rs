//! Connections through the organisation's proxy: CONNECT (RFC 9110 section 9.3.6), with Basic authentication (RFC 7617). Nothing
//! goes around it: where it fails, the connection fails.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    address::{Class, class, is_loopback},
    host::{Host, HostPort},
    upstream::{Passage, Proxy},
};

/// The proxy has so long to connect us, its own name included: less than our callers wait for a connection, so that the error
/// names it.
const PATIENCE: Duration = Duration::from_secs(12);

/// Bytes of its answer's head: many times what proxies send.
const LONGEST: usize = 16 << 10;

/// Why the proxy did not connect us. Nothing of its own words is in it.
#[derive(Debug, thiserror::Error)]
#[error("the upstream proxy {proxy} (network.upstream) {fault}")]
pub struct ProxyError {
    proxy: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with the proxy, or with what it was to be asked for.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No connection to it.
    #[error("cannot be reached: {0}")]
    Unreachable(io::Error),
    /// It lies where nothing may be reached.
    #[error("has the address {0}, which is {1}; such addresses are not reached")]
    Address(IpAddr, &'static str),
    /// It said no.
    #[error("answered {status} to CONNECT {target}{hint}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// What was asked for.
        target: String,
        /// What that means.
        hint: &'static str,
    },
    /// What it sent is no answer.
    #[error("gave no HTTP answer to CONNECT: {0}")]
    Garbage(&'static str),
    /// No answer in time.
    #[error("gave no answer to CONNECT within {} s", PATIENCE.as_secs())]
    Late,
    /// A name that leads to this machine, or to the proxy's.
    #[error("is not asked for {0}, which is {1} and so on loopback: name the host in network.upstream.no_proxy if it is meant to be here")]
    Loopback(String, IpAddr),
    /// A name without an address.
    #[error("is not asked for {0}, whose name cannot be resolved here: {1}; where only the proxy can, say so (network.upstream.resolves)")]
    Name(String, String),
}

impl ProxyError {
    /// Whether trying again cannot help.
    pub fn is_final(&self) -> bool {
        match &self.fault {
            Fault::Refused { status, .. } => !status.is_server_error(),
            Fault::Address(..) | Fault::Loopback(..) => true,
            Fault::Unreachable(_) | Fault::Garbage(_) | Fault::Late | Fault::Name(..) => false,
        }
    }
}

impl Proxy {
    /// Connects to `to`, which the policy names itself: where we resolve its name, its address is not judged.
    ///
    /// # Errors
    /// Any [`ProxyError`].
    pub async fn connect(&self, to: &HostPort) -> Result<TcpStream, ProxyError> {
        match (&to.host, self.passage(&to.host)) {
            (Host::Name(_), Some(Passage::Delegated)) => self.by_name(to).await,
            (Host::Address(address), _) => self.through(to, &[SocketAddr::new(*address, to.port)]).await,
            (Host::Name(name), _) => {
                let unknown = |why: String| self.failed(Fault::Name(to.to_string(), why));
                let found = timeout(PATIENCE, lookup_host((name.as_str(), to.port))).await;
                let found = found.map_err(|_| unknown(format!("no answer within {} s", PATIENCE.as_secs())))?;
                let found: Vec<SocketAddr> = found.map_err(|error| unknown(error.to_string()))?.collect();
                self.through(to, &found).await
            }
        }
    }

    /// Has the proxy connect to the first of `addresses` that it can; `to` is for messages.
    ///
    /// # Errors
    /// Any [`ProxyError`].
    pub async fn through(&self, to: &HostPort, addresses: &[SocketAddr]) -> Result<TcpStream, ProxyError> {
        // Loopback would be the proxy's own.
        if let Some(here) = addresses.iter().find(|address| is_loopback(address.ip())) {
            return Err(self.failed(Fault::Loopback(to.to_string(), here.ip())));
        }
        self.in_time(async {
            let mut outcome = Err(Fault::Name(to.to_string(), "it has no address".to_owned()));
            for address in addresses {
                outcome = self.pass(&SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()).await;
                if !matches!(&outcome, Err(Fault::Refused { status, .. }) if status.is_server_error()) {
                    break;
                }
            }
            outcome
        })
        .await
    }

    /// Has the proxy resolve the name of `to` and connect to it.
    ///
    /// # Errors
    /// Any [`ProxyError`].
    pub async fn by_name(&self, to: &HostPort) -> Result<TcpStream, ProxyError> {
        self.in_time(self.pass(&to.to_string())).await
    }

    async fn in_time(&self, attempt: impl Future<Output = Result<TcpStream, Fault>>) -> Result<TcpStream, ProxyError> {
        timeout(PATIENCE, attempt).await.unwrap_or(Err(Fault::Late)).map_err(|fault| self.failed(fault))
    }

    fn failed(&self, fault: Fault) -> ProxyError {
        ProxyError { proxy: self.to_string(), fault }
    }

    async fn pass(&self, target: &str) -> Result<TcpStream, Fault> {
        let mut stream = self.dial().await?;
        let field = self.credential().map(|secret| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(secret.reveal())));
        let agent = concat!("User-Agent: tidewaiter/", env!("CARGO_PKG_VERSION"));
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{agent}\r\n{}\r\n", field.unwrap_or_default());
        stream.write_all(head.as_bytes()).await.map_err(Fault::Unreachable)?;
        let status = answer(&mut stream).await?;
        if status.is_success() {
            return Ok(stream);
        }
        let hint = match status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED if self.credential().is_none() => {
                ": it wants a credential, and the policy names none (network.upstream.credential)"
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => ": it does not take the credential (network.upstream.credential)",
            status if status.is_server_error() => ": it did not get through",
            _ => ": its own rules do not allow it",
        };
        Err(Fault::Refused { status, target: target.to_owned(), hint })
    }

    /// That the policy names it is enough for a private address.
    async fn dial(&self) -> Result<TcpStream, Fault> {
        let addresses = match &self.address().host {
            Host::Address(address) => vec![SocketAddr::new(*address, self.address().port)],
            Host::Name(name) => lookup_host((name.as_str(), self.address().port)).await.map_err(Fault::Unreachable)?.collect(),
        };
        for address in &addresses {
            if let Class::Never(why) = class(address.ip()) {
                return Err(Fault::Address(address.ip(), why));
            }
        }
        let stream = TcpStream::connect(&addresses[..]).await.map_err(Fault::Unreachable)?;
        stream.set_nodelay(true).map_err(Fault::Unreachable)?;
        Ok(stream)
    }
}

/// Reads the answer's head up to its end and not a byte further: what follows is the far end's, which does not speak first.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> Result<StatusCode, Fault> {
    const END: &[u8] = b"\r\n\r\n";
    let (mut head, mut buffer) = (Vec::new(), [0; 2048]);
    loop {
        let length = match stream.read(&mut buffer).await {
            Ok(0) => return Err(Fault::Garbage("it closed the connection before the end of an answer")),
            Ok(length) => length,
            Err(error) => return Err(Fault::Unreachable(error)),
        };
        let from = head.len().saturating_sub(END.len() - 1);
        head.extend_from_slice(&buffer[..length]);
        if !b"HTTP/1.".starts_with(&head[..head.len().min(7)]) {
            return Err(Fault::Garbage("it does not begin with HTTP/1"));
        }
        let end = head[from..].windows(END.len()).position(|window| window == END).map(|at| from + at + END.len());
        match end {
            Some(end) => {
                let status = status(&head[..end]).ok_or(Fault::Garbage("its first line has no status"))?;
                // A refusal may have a body, which nobody reads.
                let early = status.is_success() && end < head.len();
                return if early { Err(Fault::Garbage("something follows its head before anything was asked for")) } else { Ok(status) };
            }
            None if head.len() > LONGEST => return Err(Fault::Garbage("its head has no end within 16 KiB")),
            None => {}
        }
    }
}

/// The status of `HTTP/1.x NNN …` (RFC 9112 section 4).
fn status(head: &[u8]) -> Option<StatusCode> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let (code, rest) = rest.split_at_checked(3)?;
    (rest.is_empty() || rest.starts_with(b" ")).then(|| StatusCode::from_bytes(code).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(bytes: &[u8]) -> Result<u16, &'static str> {
        match answer(&mut &bytes[..]).await {
            Ok(status) => Ok(status.as_u16()),
            Err(Fault::Garbage(why)) => Err(why),
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn only_the_head_of_an_answer_is_read() {
        for (text, status) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", 200),
            ("HTTP/1.0 200\r\nVia: x\r\n\r\n", 200),
            ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nhello", 407),
            ("HTTP/1.1 502 \r\n\r\n", 502),
        ] {
            assert_eq!(answered(text.as_bytes()).await, Ok(status), "{text}");
        }
        for text in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\n\r\nearly",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1  200 OK\r\n\r\n",
            "HTTP/1.1 +20 OK\r\n\r\n",
            "SSH-2.0-x\r\n\r\n",
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            assert!(answered(text.as_bytes()).await.is_err(), "{text:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "X-Header: made-up\r\n".repeat(2000));
        assert_eq!(answered(endless.as_bytes()).await, Err("its head has no end within 16 KiB"));
    }
}
