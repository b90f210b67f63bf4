//! The head of a request, held to one meaning.
//!
//! HTTP leaves room that readers use differently, and requests are smuggled through the differences (RFC 9112 sections
//! 2.2, 5.2, 6.1 and 11.2). So the head is checked in its bytes before the HTTP library reads it: exact line ends, one
//! length, no folding, no second request.

use std::{io, time::Duration};

use hyper::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpStream,
    time::timeout,
};

use super::denial::Denial;

/// Bytes of a head at most.
pub(super) const MAX_HEAD: usize = 32 << 10;

/// Header fields at most.
const MAX_FIELDS: usize = 100;

/// A client has so long to send its head.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client may wait so long before its next request on the same connection.
const IDLE: Duration = Duration::from_secs(60);

/// A checked head. Method and target are as they were sent.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    /// HTTP/1.1, not 1.0.
    persists: bool,
    fields: Vec<(String, String)>,
}

impl Head {
    /// Bytes of the body, where they are known beforehand.
    pub(super) fn body_length(&self) -> Option<u64> {
        match (&self.values("content-length")[..], &self.values("transfer-encoding")[..]) {
            ([length], []) => length.parse().ok(),
            ([], []) => Some(0),
            _ => None,
        }
    }

    /// Whether the client keeps the connection for more (RFC 9112 section 9.3).
    pub(super) fn keeps(&self) -> bool {
        let mut named = self.values("connection").into_iter().flat_map(|value| value.split(','));
        self.persists && !named.any(|name| name.trim().eq_ignore_ascii_case("close"))
    }

    /// The values of the field `name` (lower case), in order.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// What came first on a connection.
pub(super) enum Arrival {
    /// A head, and all bytes so far; the head is `length` of them.
    Head { head: Head, bytes: Vec<u8>, length: usize },
    /// Nothing at all.
    Silence,
    /// Something else.
    Fault(Denial),
}

/// Waits for a first byte, of a connection that is kept for more.
pub(super) async fn next(stream: &TcpStream) -> bool {
    matches!(timeout(IDLE, stream.peek(&mut [0])).await, Ok(Ok(1)))
}

/// Reads a head from `stream`.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Arrival {
    let mut bytes = Vec::with_capacity(4096);
    match timeout(PATIENCE, fill(stream, &mut bytes)).await {
        Err(_) if bytes.is_empty() => Arrival::Silence,
        Err(_) => Arrival::Fault(Denial::new(StatusCode::REQUEST_TIMEOUT, "gateway/slow", "the request's head did not come within 10 s")),
        Ok(Err(_)) => Arrival::Silence,
        Ok(Ok(None)) if bytes.is_empty() => Arrival::Silence,
        Ok(Ok(None)) if bytes.len() > MAX_HEAD => Arrival::Fault(Denial::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "gateway/head",
            format!("the request's head is longer than {MAX_HEAD} bytes"),
        )),
        Ok(Ok(None)) => Arrival::Fault(bad("the request's head ends in the middle")),
        Ok(Ok(Some(length))) => match parse(&bytes[..length]) {
            Ok(head) => Arrival::Head { head, bytes, length },
            Err(denial) => Arrival::Fault(denial),
        },
    }
}

/// Fills `bytes` until the empty line; none when the stream ends or the bound is passed before it.
async fn fill(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        let before = bytes.len();
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
        let from = before.saturating_sub(3);
        if let Some(at) = bytes[from..].windows(4).position(|four| four == b"\r\n\r\n") {
            let length = from + at + 4;
            return Ok((length <= MAX_HEAD).then_some(length));
        }
        // An empty line of bare line feeds would be the end for others; nothing more is worth waiting for.
        if bytes.len() > MAX_HEAD || bytes[from..].windows(2).any(|two| two == b"\n\n") {
            return Ok(None);
        }
    }
}

fn bad(reason: impl Into<String>) -> Denial {
    Denial::new(StatusCode::BAD_REQUEST, "gateway/head", reason)
}

/// Parses a head that ends with an empty line.
pub(super) fn parse(bytes: &[u8]) -> Result<Head, Denial> {
    let text = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix("\r\n\r\n"));
    let text = text.ok_or_else(|| bad("the request's head is not plain text"))?;
    let mut lines = text.split("\r\n");
    let (method, target, persists) = request_line(lines.next().unwrap_or_default())?;
    let fields = lines.map(field).collect::<Result<Vec<_>, _>>()?;
    if fields.len() > MAX_FIELDS {
        return Err(Denial::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "gateway/head", "more than 100 header fields"));
    }
    let head = Head { method, target, persists, fields };
    framing(&head)?;
    Ok(head)
}

fn request_line(line: &str) -> Result<(String, String, bool), Denial> {
    let parts: Vec<_> = line.split(' ').collect();
    let [method, target, version @ ("HTTP/1.1" | "HTTP/1.0")] = parts[..] else {
        return Err(bad("the first line is not `METHOD target HTTP/1.1`"));
    };
    if method.is_empty() || !method.bytes().all(is_token) || target.is_empty() || !target.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(bad("the first line has odd characters"));
    }
    Ok((method.to_owned(), target.to_owned(), version == "HTTP/1.1"))
}

fn field(line: &str) -> Result<(String, String), Denial> {
    let (name, value) = line.split_once(':').ok_or_else(|| bad("a header line has no colon, or is folded"))?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(bad("a header name has odd characters, a space before its colon, or is folded"));
    }
    if value.bytes().any(|b| b != b'\t' && b.is_ascii_control()) {
        return Err(bad(format!("the header `{name}` has control characters or a bare line end")));
    }
    Ok((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
}

/// One length, one host, nothing that changes the protocol.
fn framing(head: &Head) -> Result<(), Denial> {
    let (lengths, codings) = (head.values("content-length"), head.values("transfer-encoding"));
    if lengths.len() + codings.len() > 1 {
        return Err(bad("the body's length is given more than once (content-length, transfer-encoding)"));
    }
    if lengths.iter().any(|text| text.is_empty() || text.len() > 15 || !text.bytes().all(|b| b.is_ascii_digit())) {
        return Err(bad("content-length is not a number"));
    }
    if codings.iter().any(|coding| !coding.eq_ignore_ascii_case("chunked")) {
        return Err(bad("transfer-encoding is not `chunked`"));
    }
    if head.values("host").len() > 1 {
        return Err(bad("there are two host fields"));
    }
    if !head.values("expect").is_empty() {
        return Err(Denial::new(StatusCode::EXPECTATION_FAILED, "gateway/head", "`expect` is not supported: send the body at once"));
    }
    if !head.values("upgrade").is_empty() {
        return Err(bad("`upgrade` is not supported: no WebSocket, no HTTP/2"));
    }
    if head.method == "CONNECT" && lengths.len() + codings.len() > 0 {
        return Err(bad("CONNECT has no body"));
    }
    Ok(())
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_head_is_read() {
        let head = parse(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX:  y \r\n\r\n").unwrap();
        assert_eq!((head.method.as_str(), head.target.as_str(), head.values("x")), ("POST", "/a", vec!["y"]));
        assert!(parse(b"CONNECT a.example:443 HTTP/1.0\r\n\r\n").is_ok());
    }

    #[test]
    fn heads_with_two_meanings_are_refused() {
        for text in [
            "\r\nGET / HTTP/1.1",
            "GET  / HTTP/1.1",
            "GET /\tHTTP/1.1",
            "GET / HTTP/2.0",
            "GET / HTTP/1.1 x",
            "GET /é HTTP/1.1",
            "G@T / HTTP/1.1",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a",
            "GET / HTTP/1.1\r\nHost : a",
            "GET / HTTP/1.1\r\nA: b\r\n folded: c",
            "GET / HTTP/1.1\r\nA: b\nB: c",
            "GET / HTTP/1.1\r\nA: b\rB: c",
            "GET / HTTP/1.1\r\nA: b\0",
            "GET / HTTP/1.1\r\nno colon",
            "GET / HTTP/1.1\r\n: empty",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3",
            "POST / HTTP/1.1\r\nContent-Length: +3",
            "POST / HTTP/1.1\r\nContent-Length: 3, 3",
            "POST / HTTP/1.1\r\nContent-Length: 0x3",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity",
            "POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "POST / HTTP/1.1\r\nExpect: 100-continue",
            "GET / HTTP/1.1\r\nUpgrade: h2c",
            "CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 0",
        ] {
            assert!(parse(format!("{text}\r\n\r\n").as_bytes()).is_err(), "{text:?}");
        }
    }
}
