//! The first thing that a client says inside a tunnel: a TLS ClientHello that names the host, or nothing goes on.

use std::{io, time::Duration};

use rustls::server::Acceptor;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use crate::{host::Host, provider::shown};

use super::denial::Denial;

/// A client has so long to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest TLS record (RFC 8446 section 5.1). A ClientHello that needs more than one record is refused: no client
/// writes one, and readers differ on how they are joined.
const MAX_RECORD: usize = 1 << 14;

/// The record type of handshake messages (RFC 8446 section 5.1).
pub(super) const HANDSHAKE: u8 = 22;

/// A whole ClientHello.
#[derive(Debug)]
pub(super) struct Hello {
    /// The record as it came.
    pub(super) bytes: Vec<u8>,
    /// What it says of the host that is meant. With ECH this is the outer name.
    pub(super) name: Name,
}

/// The extension `server_name` of a ClientHello (RFC 6066 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// It is not there.
    Absent,
    /// It holds one host name and nothing else.
    One(String),
    /// It holds something else: two names, a name of another kind, odd bytes. Servers differ on what they make of that.
    Odd,
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

/// Reads a ClientHello that fills its record. The TLS library must find it sound; what it says of the host is then read
/// from its bytes, because the library passes over some of what other servers look at.
pub(super) fn parse(bytes: Vec<u8>) -> Result<Hello, Denial> {
    let refused = |why: &str| Denial::forbidden("network/hello", format!("the TLS ClientHello cannot be read: {why}"));
    let mut acceptor = Acceptor::default();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).map_err(|error| refused(&error.to_string()))?;
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) if rest.is_empty() => {
                let known = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
                let name = server_name(&bytes[5..]).ok_or_else(|| refused("its lengths do not fit"))?;
                // Two readers, one opinion.
                return match &name {
                    Name::One(name) if known.as_ref() != Some(name) => Err(refused("its server name is not a host name")),
                    _ => Ok(Hello { bytes, name }),
                };
            }
            Ok(Some(_)) => return Err(refused("something follows it in its record")),
            Err((error, _)) => return Err(refused(&error.to_string())),
        }
    }
    Err(refused("it does not end with its record"))
}

/// Finds the extension `server_name` in a handshake message (RFC 8446 section 4.1.2); none where the lengths do not fit.
fn server_name(message: &[u8]) -> Option<Name> {
    let (_, mut rest) = message.split_at_checked(4)?;
    // The version and the random number, then the session id, the cipher suites and the compression methods.
    rest = rest.split_at_checked(2 + 32)?.1;
    for size in [1, 2, 1] {
        rest = take(rest, size)?.1;
    }
    if rest.is_empty() {
        return Some(Name::Absent);
    }
    let (mut extensions, behind) = take(rest, 2)?;
    let mut name = Name::Absent;
    while !extensions.is_empty() {
        let (kind, rest) = extensions.split_at_checked(2)?;
        let (data, rest) = take(rest, 2)?;
        extensions = rest;
        if kind == [0, 0] {
            name = if name == Name::Absent { one_name(data).map_or(Name::Odd, Name::One) } else { Name::Odd };
        }
    }
    behind.is_empty().then_some(name)
}

/// The host name of a list that holds just that (type 0), in lower case.
fn one_name(data: &[u8]) -> Option<String> {
    let (list, after_list) = take(data, 2)?;
    let (name, after_name) = take(list.strip_prefix(&[0])?, 2)?;
    (after_list.is_empty() && after_name.is_empty()).then(|| String::from_utf8(name.to_ascii_lowercase()).ok())?
}

/// Splits off a vector whose length is in its first `size` bytes.
fn take(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(size)?;
    rest.split_at_checked(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// Judges the name in the ClientHello of a tunnel to `host`: the same name; none where the host is an address.
pub(super) fn judge(name: &Name, host: &Host) -> Result<(), Denial> {
    let named = match (name, host) {
        (Name::One(name), Host::Name(host)) if name == host => return Ok(()),
        (Name::Absent, Host::Address(_)) => return Ok(()),
        (Name::One(name), _) => format!("`{}`", shown(name)),
        (Name::Absent, _) => "no host".to_owned(),
        (Name::Odd, _) => "more than one plain host name".to_owned(),
    };
    Err(Denial::forbidden("network/sni", format!("the tunnel was opened to {host}, but its TLS ClientHello names {named}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_must_be_the_host() {
        let one = |name: &str| Name::One(name.to_owned());
        let host: Host = "git.example".parse().unwrap();
        assert!(judge(&one("git.example"), &host).is_ok());
        for name in [Name::Absent, Name::Odd, one("evil.example"), one("git.example."), one("a.git.example"), one("")] {
            assert_eq!(judge(&name, &host).unwrap_err().rule, "network/sni", "{name:?}");
        }
        let address: Host = "192.0.2.7".parse().unwrap();
        assert!(judge(&Name::Absent, &address).is_ok());
        assert!(judge(&one("git.example"), &address).is_err() && judge(&Name::Odd, &address).is_err());
    }

    fn vector(size: usize, data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes()[4 - size..], data].concat()
    }

    /// A record with a ClientHello whose extensions are `named` and what every server needs.
    fn hello(named: &[u8]) -> Vec<u8> {
        let needed = b"\0\x0d\0\x04\0\x02\x04\x03\0\x2b\0\x03\x02\x03\x04\0\x0a\0\x04\0\x02\0\x1d";
        let body =
            [&[3, 3][..], &[7; 32], &vector(1, b""), &vector(2, b"\x13\x01"), &vector(1, b"\0"), &vector(2, &[named, needed].concat())];
        [&b"\x16\x03\x01"[..], &vector(2, &[&[1][..], &vector(3, &body.concat())].concat())].concat()
    }

    fn entry(kind: u8, name: &str) -> Vec<u8> {
        [&[kind][..], &vector(2, name.as_bytes())].concat()
    }

    fn sni(entries: &[u8]) -> Vec<u8> {
        [&[0, 0][..], &vector(2, &vector(2, entries))].concat()
    }

    #[test]
    fn names_that_servers_read_differently_are_not_taken_for_one() {
        let name = |extensions: &[u8]| parse(hello(extensions)).map(|hello| hello.name).map_err(|denial| denial.rule);
        let (good, evil) = (entry(0, "git.example"), entry(0, "evil.example"));
        assert_eq!(name(&sni(&entry(0, "Git.Example"))).unwrap(), Name::One("git.example".to_owned()));
        assert_eq!(name(b"").unwrap(), Name::Absent);
        for odd in [
            sni(&[good.clone(), evil.clone()].concat()),
            sni(&[good.clone(), entry(1, "x"), evil.clone()].concat()),
            sni(&[entry(1, "x"), evil.clone()].concat()),
            sni(b""),
            [sni(&good), sni(&evil)].concat(),
            sni(&entry(0, "git.example\0.evil")),
            sni(&entry(0, "192.0.2.7")),
            sni(&entry(0, "")),
            b"\0\0\0\0".to_vec(),
        ] {
            assert!(matches!(name(&odd), Ok(Name::Odd) | Err("network/hello")), "{odd:?}: {:?}", name(&odd));
        }
    }

    /// Encrypted ClientHello (RFC 9849): what is meant in earnest, and what only looks like it (GREASE), cannot be told apart.
    #[test]
    fn an_encrypted_name_goes_on_under_the_listed_one_alone() {
        let ech = |data: &[u8]| [&b"\xfe\x0d"[..], &vector(2, data)].concat();
        let outer = ech(&[&[0, 0, 1, 0, 1, 7][..], &vector(2, &[7; 32]), &vector(2, &[7; 144])].concat());
        let host: Host = "git.example".parse().unwrap();
        for ech in [outer, ech(&[1])] {
            let verdict = |extensions: &[u8]| -> Result<(), &'static str> {
                let hello = parse(hello(extensions)).map_err(|denial| denial.rule)?;
                judge(&hello.name, &host).map_err(|denial| denial.rule)
            };
            assert_eq!(verdict(&[sni(&entry(0, "git.example")), ech.clone()].concat()), Ok(()));
            assert_eq!(verdict(&[ech.clone(), sni(&entry(0, "front.example"))].concat()), Err("network/sni"));
            assert_eq!(verdict(&ech), Err("network/sni"));
        }
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
