//! Clients that know of no proxy: names of listed hosts lead them here, and their first bytes say whom they want. The verdict
//! is the one that the proxy gives.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::{
    net::TcpStream,
    time::{Duration, timeout},
};

use crate::{
    host::{Host, HostPort, NotAHost},
    provider::shown,
};

use super::{
    Shared, connection,
    connection::refuse,
    denial::{Denial, Form},
    head::{self, Arrival},
    hello::{self, Name},
    proxy,
    records::{Desk, Entry},
    tunnel,
};

/// A client that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks after one client that connected to `port` of a listed host's name.
pub(super) async fn handle(mut stream: TcpStream, port: u16, shared: Arc<Shared>, desk: Desk) {
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let Ok(Ok(1)) = timeout(PATIENCE, stream.peek(&mut first)).await else { return };
    if first[0] == hello::HANDSHAKE {
        let Some(mut entry) = desk.entry().await else { return };
        entry.facts.way = "tunnel";
        if let Err(denial) = tls(&mut stream, port, &shared, &mut entry).await {
            entry.deny(&denial);
        }
    } else {
        plain(stream, port, shared, desk).await;
    }
}

async fn tls(stream: &mut TcpStream, port: u16, shared: &Shared, entry: &mut Entry) -> Result<(), Denial> {
    let hello = hello::read(stream).await?;
    let no_host = |why: String| Denial::forbidden("network/sni", why);
    let Name::One(name) = &hello.name else { return Err(no_host("the TLS ClientHello does not name one host".to_owned())) };
    let host: Host = name.parse().map_err(|error: NotAHost| no_host(error.to_string()))?;
    hello::judge(&hello.name, &host)?;
    let to = HostPort { host, port };
    entry.facts.host = to.to_string();
    tunnel::listed(&to, shared.listing(), &format!("a connection to {to}"))?;
    entry.facts.unlisted = shared.is_unlisted(&to);
    let allowed = shared.resolve(&to, entry).await?;
    shared.budget.request()?;
    tunnel::copy(stream, &hello.bytes, allowed.dial().await?, shared, entry).await
}

async fn plain(mut stream: TcpStream, port: u16, shared: Arc<Shared>, desk: Desk) {
    loop {
        let (head, bytes, length) = match head::read(&mut stream).await {
            Arrival::Silence => return,
            Arrival::Fault(denial) => {
                let Some(mut entry) = desk.entry().await else { return };
                entry.facts.way = "proxy";
                return refuse(stream, Form::Plain, denial, entry).await;
            }
            Arrival::Head { head, bytes, length } => (head, bytes, length),
        };
        let Some(mut entry) = desk.entry().await else { return };
        (entry.facts.way, entry.facts.method, entry.facts.path) = ("proxy", shown(&head.method), connection::path_of(&head.target));
        let errand = match named(&head, port).and_then(|to| proxy::errand(to, &head, &head.target, shared.listing())) {
            Err(denial) => return refuse(stream, Form::Plain, denial, entry).await,
            Ok(errand) => errand,
        };
        let answer = async |request| proxy::serve(request, errand, &shared, entry).await;
        match connection::http(stream, &head, bytes, length, answer).await {
            Some(kept) if head::next(&kept).await => stream = kept,
            _ => return,
        }
    }
}

/// Whom the Host field names (RFC 9110 section 7.2) of a request in origin form (RFC 9112 section 3.2.1); exactly one, and on
/// this port.
fn named(head: &head::Head, port: u16) -> Result<HostPort, Denial> {
    let odd = |why: String| Denial::new(StatusCode::BAD_REQUEST, "network/target", why);
    // Who thinks to speak to the host itself asks it for a path. The rest is for proxies, and the host may be one.
    if head.method == "CONNECT" || !head.target.starts_with('/') {
        return Err(odd("only a path can be asked for here; use the proxy for anything else".to_owned()));
    }
    let [value] = head.values("host")[..] else { return Err(odd("a request needs exactly one Host field".to_owned())) };
    let to = proxy::host_port(value).map_err(odd)?;
    // A client that leaves the port out means that of its connection, or 80.
    match to.port {
        80 if !value.ends_with(":80") => Ok(HostPort { port, ..to }),
        named if named == port => Ok(to),
        _ => Err(odd("the Host field names another port".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, host: &str) -> Result<String, &'static str> {
        let head = head::parse(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        named(&head, 8080).map(|to| to.to_string()).map_err(|denial| denial.rule)
    }

    #[test]
    fn a_path_of_the_host_on_this_port_is_asked_for() {
        assert_eq!(of("GET /x", "a.example:8080").unwrap(), "a.example:8080");
        assert_eq!(of("GET /x", "a.example").unwrap(), "a.example:8080");
        for (line, host) in [
            ("CONNECT evil.example:25", "a.example:8080"),
            ("CONNECT /x", "a.example:8080"),
            ("GET http://evil.example/", "a.example:8080"),
            ("OPTIONS *", "a.example:8080"),
            ("GET /x", "a.example:80"),
            ("GET /x", "a.example:443"),
            ("GET /x", ""),
        ] {
            assert_eq!(of(line, host), Err("network/target"), "{line} {host}");
        }
    }
}
