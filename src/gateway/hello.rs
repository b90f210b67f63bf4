//! The first thing that a client says inside a tunnel: a TLS ClientHello that names the host, or nothing goes on.

use std::{io, time::Duration};

use rustls::server::Acceptor;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use crate::host::Host;

use super::denial::Denial;

/// A client has so long to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest TLS record (RFC 8446 section 5.1). A ClientHello that needs more than one record is refused: no client
/// writes one, and readers differ on how they are joined.
const MAX_RECORD: usize = 1 << 14;

/// The record type of handshake messages (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// A whole ClientHello.
#[derive(Debug)]
pub(super) struct Hello {
    /// The record as it came.
    pub(super) bytes: Vec<u8>,
    /// The host that it names (RFC 6066 section 3), if it names one. With ECH this is the outer name.
    pub(super) name: Option<String>,
}

/// Reads one from `client`.
pub(super) async fn read(client: &mut (impl AsyncRead + Unpin)) -> Result<Hello, Denial> {
    match timeout(PATIENCE, record(client)).await {
        Err(_) => Err(Denial::forbidden("network/hello", "no TLS ClientHello within 10 s")),
        Ok(Err(error)) => Err(Denial::forbidden("network/hello", format!("the tunnel does not begin with a TLS ClientHello: {error}"))),
        Ok(Ok(bytes)) => parse(bytes),
    }
}

async fn record(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = [0; 5];
    client.read_exact(&mut head[..1]).await?;
    if head[0] != HANDSHAKE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first byte is not that of a handshake"));
    }
    client.read_exact(&mut head[1..]).await?;
    let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
    if head[1] != 3 || !(4..=MAX_RECORD).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the record's version or length is wrong"));
    }
    let mut bytes = head.to_vec();
    bytes.resize(5 + length, 0);
    client.read_exact(&mut bytes[5..]).await?;
    Ok(bytes)
}

fn parse(bytes: Vec<u8>) -> Result<Hello, Denial> {
    let refused = |why: &str| Denial::forbidden("network/hello", format!("the TLS ClientHello cannot be read: {why}"));
    let mut acceptor = Acceptor::default();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).map_err(|error| refused(&error.to_string()))?;
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) if rest.is_empty() => {
                let name = accepted.client_hello().server_name().map(ToOwned::to_owned);
                return Ok(Hello { bytes, name });
            }
            Ok(Some(_)) => return Err(refused("something follows it in its record")),
            Err((error, _)) => return Err(refused(&error.to_string())),
        }
    }
    Err(refused("it does not end with its record"))
}

/// Judges the name in the ClientHello of a tunnel to `host`: the same name; none where the host is an address.
pub(super) fn judge(name: Option<&str>, host: &Host) -> Result<(), Denial> {
    let matches = match (name, host) {
        (Some(name), Host::Name(host)) => name.eq_ignore_ascii_case(host),
        (None, Host::Address(_)) => true,
        _ => false,
    };
    if matches {
        return Ok(());
    }
    let named = name.map_or_else(|| "no host".to_owned(), |name| format!("`{}`", crate::provider::shown(name)));
    Err(Denial::forbidden("network/sni", format!("the tunnel was opened to {host}, but its TLS ClientHello names {named}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_must_be_the_host() {
        let host: Host = "git.example".parse().unwrap();
        assert!(judge(Some("git.example"), &host).is_ok() && judge(Some("GIT.example"), &host).is_ok());
        for name in [None, Some("evil.example"), Some("git.example."), Some("a.git.example"), Some("")] {
            assert_eq!(judge(name, &host).unwrap_err().rule, "network/sni", "{name:?}");
        }
        let address: Host = "192.0.2.7".parse().unwrap();
        assert!(judge(None, &address).is_ok() && judge(Some("git.example"), &address).is_err());
    }

    #[tokio::test]
    async fn other_protocols_are_not_a_client_hello() {
        for bytes in [
            &b"SSH-2.0-x\r\n"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"",
            b"\x16\x03\x01\xff\xff",
            b"\x16\x03\x01\x00\x00",
            b"\x16\x02\x01\x00\x04\x01\x00\x00\x00",
            b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
            b"\x16\x03\x01\x00\x04\x01\x00\x10\x00",
        ] {
            assert_eq!(read(&mut &bytes[..]).await.unwrap_err().rule, "network/hello", "{bytes:?}");
        }
    }
}
