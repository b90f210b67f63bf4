//! What this program is inside of the walls: the agent's way to ask the gate. It holds nothing but the agent's own ticket, and
//! whatever it says counts for the agent alone.

pub mod hook;
pub mod mcp;

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::advice::{Advice, PATH, Refused, TIME, VARIABLE};

/// Longer answers are not the gateway's.
const LONGEST: u64 = 2 << 20;

/// The gateway answers before.
const PATIENCE: Duration = Duration::from_secs(TIME.as_secs() + 30);

/// How long a question is tried again that may be answered in a moment.
const TRYING: Duration = Duration::from_secs(20);

/// Why there is no advice.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address.
    #[error("there is no gate to be asked: {VARIABLE} is not set, so this is no job of Tidewaiter's or its policy has no `agent.ask_gate`")]
    NoGate,
    /// An address of another form.
    #[error("{VARIABLE} is not as it was set; leave it as it is")]
    Address,
    /// The gateway.
    #[error("the gate cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// It refused.
    #[error("{reason}")]
    Refused {
        /// Its reason.
        reason: String,
        /// Whether that passes in a moment.
        passes: bool,
    },
    /// Something else answered.
    #[error("the gate's answer is not understood")]
    Odd,
}

/// Asks the gate, waiting a moment where it says so.
///
/// # Errors
/// Any [`Error`].
pub fn ask() -> Result<Advice, Error> {
    let address = std::env::var(VARIABLE).map_err(|_| Error::NoGate)?;
    let gate = Gate::parse(&address).ok_or(Error::Address)?;
    let end = Instant::now() + TRYING;
    loop {
        match gate.ask() {
            Err((Error::Refused { passes: true, .. }, wait)) if Instant::now() + wait < end => sleep(wait),
            other => return other.map_err(|(error, _)| error),
        }
    }
}

/// Where the gateway is, and the ticket.
#[derive(Debug, PartialEq, Eq)]
struct Gate {
    address: SocketAddr,
    credential: String,
}

impl Gate {
    /// `http://tidewaiter:TICKET@127.0.0.1:PORT/tidewaiter/check`.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?.strip_suffix(PATH)?;
        let (credential, address) = rest.split_once('@')?;
        let address: SocketAddr = address.parse().ok()?;
        address.ip().is_loopback().then(|| Self { address, credential: STANDARD.encode(credential) })
    }

    /// One question; with an error comes how long to wait before another.
    fn ask(&self) -> Result<Advice, (Error, Duration)> {
        let now = |error| (error, Duration::ZERO);
        let text = self.exchange().map_err(|error| now(error.into()))?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(now(Error::Odd))?;
        if head.split(' ').nth(1) == Some("200") {
            return serde_json::from_str(body).map_err(|_| now(Error::Odd));
        }
        let Ok(Said { error }) = serde_json::from_str(body) else { return Err(now(Error::Odd)) };
        let (reason, rule) = said(&error);
        let wait = Duration::from_secs(seconds(head).unwrap_or(1).clamp(1, TRYING.as_secs()));
        Err((Error::Refused { reason: reason.to_owned(), passes: Refused::passes(rule) }, wait))
    }

    /// A request of HTTP/1.1 after which the connection ends, and all that comes back.
    fn exchange(&self) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (address, credential) = (self.address, &self.credential);
        let head = format!("POST {PATH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {credential}\r\n");
        stream.write_all(format!("{head}content-length: 0\r\nconnection: close\r\n\r\n").as_bytes())?;
        let mut text = String::new();
        stream.take(LONGEST).read_to_string(&mut text)?;
        Ok(text)
    }
}

/// A refusal of the gateway's.
#[derive(Deserialize)]
struct Said {
    error: String,
}

/// Reason and rule of `tidewaiter: refused: REASON [RULE]`.
fn said(error: &str) -> (&str, &str) {
    let bare = error.split_once(": ").and_then(|(_, rest)| rest.split_once(": ")).map_or(error, |(_, rest)| rest);
    bare.strip_suffix(']').and_then(|rest| rest.rsplit_once(" [")).unwrap_or((bare, ""))
}

/// The field `retry-after` of a head.
fn seconds(head: &str) -> Option<u64> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after")).find_map(|(_, value)| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gate_on_loopback_is_asked() {
        let gate = Gate::parse("http://tidewaiter:made-up-ticket@127.0.0.1:3128/tidewaiter/check").unwrap();
        assert_eq!(gate, Gate { address: ([127, 0, 0, 1], 3128).into(), credential: STANDARD.encode("tidewaiter:made-up-ticket") });
        for other in [
            "",
            "http://tidewaiter:t@192.0.2.1:80/tidewaiter/check",
            "https://tidewaiter:t@127.0.0.1:80/tidewaiter/check",
            "http://127.0.0.1:80/tidewaiter/check",
            "http://tidewaiter:t@127.0.0.1:80/other",
        ] {
            assert_eq!(Gate::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_is_taken_apart() {
        assert_eq!(said("tidewaiter: refused: a: b [c] d [advice/soon]"), ("a: b [c] d", "advice/soon"));
        assert_eq!(said("else"), ("else", ""));
        assert_eq!(seconds("HTTP/1.1 429 x\r\nRetry-After: 4\r\na: b"), Some(4));
        assert_eq!(seconds("HTTP/1.1 429 x\r\na: b"), None);
    }
}
