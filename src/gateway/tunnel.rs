//! Tunnels: TLS that is passed through unread to a host that the policy lists, once its name is known to be that host.

use std::io::Cursor;

use hyper::StatusCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    host::{Host, HostPort},
    policy::Network,
    provider::shown,
};

use super::{
    Shared, Unlisted,
    connection::refuse,
    denial::{Denial, Form},
    head::Head,
    hello,
    pump::{self, Meter},
    records::Entry,
};

/// The hosts that are let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing<'a> {
    pub(super) network: &'a Network,
    pub(super) unlisted: Unlisted,
}

/// Judges the target of a CONNECT: the canonical host and port, if the policy lists exactly them.
pub(super) fn judge(head: &Head, listing: Listing<'_>) -> Result<HostPort, Denial> {
    let bad = |reason| Denial::new(StatusCode::BAD_REQUEST, "network/target", reason);
    let to: HostPort = head.target.parse().map_err(|error| bad(format!("CONNECT {}: {error}", shown(&head.target))))?;
    listed(&to, listing, &format!("CONNECT {to}"))?;
    match head.values("host")[..] {
        [] => Ok(to),
        // Some clients leave the port out here.
        [host] if host.parse().is_ok_and(|host: HostPort| host == to) || host.parse().is_ok_and(|host: Host| host == to.host) => Ok(to),
        _ => Err(bad(format!("the Host field does not name {to}, as CONNECT does"))),
    }
}

/// Whether the policy lists `to`; `what` says what was asked for.
pub(super) fn listed(to: &HostPort, Listing { network, unlisted }: Listing<'_>, what: &str) -> Result<(), Denial> {
    if network.lists(to) || unlisted == Unlisted::Noted {
        return Ok(());
    }
    let allowed: Vec<_> = network.tunnels.iter().map(ToString::to_string).collect();
    let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    Err(Denial::forbidden(
        "network/tunnel",
        format!("{what}: the policy does not list this host and port (network.tunnels); allowed: {allowed}"),
    ))
}

/// Serves a CONNECT whose ticket is right. `early` is what came right behind its head.
pub(super) async fn serve(mut client: TcpStream, early: Vec<u8>, head: &Head, shared: &Shared, mut entry: Entry) {
    let (to, far) = match open(head, shared, &mut entry).await {
        Ok(opened) => opened,
        Err(denial) => return refuse(client, Form::Plain, denial, entry).await,
    };
    entry.facts.status = Some(200);
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_err() {
        return;
    }
    // From here on the client expects TLS: what goes wrong is recorded, and the connection closes.
    if let Err(denial) = splice(&mut client, early, &to.host, far, shared, &mut entry).await {
        entry.deny(&denial);
    }
}

async fn open(head: &Head, shared: &Shared, entry: &mut Entry) -> Result<(HostPort, TcpStream), Denial> {
    let to = judge(head, shared.listing())?;
    entry.facts.host = to.to_string();
    entry.facts.unlisted = shared.is_unlisted(&to);
    let allowed = shared.resolve(&to, entry).await?;
    shared.budget.request()?;
    let far = allowed.dial().await?;
    Ok((to, far))
}

async fn splice(
    client: &mut TcpStream,
    early: Vec<u8>,
    host: &Host,
    far: TcpStream,
    shared: &Shared,
    entry: &mut Entry,
) -> Result<(), Denial> {
    let mut early = Cursor::new(early);
    let hello = hello::read(&mut (&mut early).chain(&mut *client)).await?;
    hello::judge(&hello.name, host)?;
    let behind = usize::try_from(early.position()).unwrap_or(usize::MAX);
    let first = [hello.bytes.as_slice(), early.get_ref().get(behind..).unwrap_or_default()].concat();
    copy(client, &first, far, shared, entry).await
}

/// Sends what the client said first, and then all that either side says.
pub(super) async fn copy(client: &TcpStream, first: &[u8], mut far: TcpStream, shared: &Shared, entry: &mut Entry) -> Result<(), Denial> {
    entry.allow("network/tunnel");
    let meter = Meter { budget: &shared.budget, traffic: &entry.traffic, buffers: &shared.buffers };
    pump::both(client, &mut far, first, meter).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Source};

    fn network() -> Network {
        let text = "version = 1\n[network]\ntunnels = [\"git.example:443\", \"192.0.2.7:443\", \"*.sub.example:8443\"]\n";
        Policy::compose(vec![Source { name: "test".to_owned(), text: text.to_owned() }]).unwrap().network
    }

    async fn verdict(target: &str, rest: &str) -> Result<String, &'static str> {
        let text = format!("CONNECT {target} HTTP/1.1\r\n{rest}\r\n");
        match super::super::head::read(&mut text.as_bytes()).await {
            super::super::head::Arrival::Head { head, .. } => judge(&head, Listing { network: &network(), unlisted: Unlisted::Refused })
                .map(|to| to.to_string())
                .map_err(|denial| denial.rule),
            _ => Err("gateway/head"),
        }
    }

    #[tokio::test]
    async fn spellings_of_a_listed_host_are_one() {
        for target in ["git.example:443", "GIT.Example:443", "git.example.:443"] {
            assert_eq!(verdict(target, "").await.unwrap(), "git.example:443");
        }
        assert_eq!(verdict("192.0.2.7:443", "").await.unwrap(), "192.0.2.7:443");
        assert_eq!(verdict("[::ffff:192.0.2.7]:443", "").await.unwrap(), "192.0.2.7:443");
        assert!(verdict("git.example:443", "Host: git.example\r\n").await.is_ok());
        assert_eq!(verdict("A.b.sub.example.:8443", "").await.unwrap(), "a.b.sub.example:8443");
    }

    #[tokio::test]
    async fn everything_else_is_refused() {
        for (target, rule) in [
            ("evil.example:443", "network/tunnel"),
            ("git.example:22", "network/tunnel"),
            ("git.example:80", "network/tunnel"),
            ("evil-git.example:443", "network/tunnel"),
            ("git.example.evil.example:443", "network/tunnel"),
            ("a.git.example:443", "network/tunnel"),
            ("sub.example:8443", "network/tunnel"),
            ("a.sub.example:443", "network/tunnel"),
            ("asub.example:8443", "network/tunnel"),
            ("*.sub.example:8443", "network/target"),
            ("example:443", "network/tunnel"),
            ("192.0.2.8:443", "network/tunnel"),
            ("[::1]:443", "network/tunnel"),
            ("xn--gt-rja.example:443", "network/tunnel"),
            ("git.example", "network/target"),
            ("git.example:", "network/target"),
            ("git.example:0443x", "network/target"),
            ("git..example:443", "network/target"),
            ("git.example..:443", "network/target"),
            ("git.example@evil.example:443", "network/target"),
            ("git.example#:443", "network/target"),
            ("git.example\\.evil:443", "network/target"),
            ("https://git.example:443", "network/target"),
            ("git.example:443/", "network/target"),
            ("3221225991:443", "network/target"),
            ("127.1:443", "network/target"),
            ("0x7f.1:443", "network/target"),
            ("0:443", "network/target"),
            ("git%2eexample:443", "network/target"),
            ("git.example\0.evil:443", "gateway/head"),
            ("git\u{3002}example:443", "gateway/head"),
            ("git.example:443 x", "gateway/head"),
        ] {
            assert_eq!(verdict(target, "").await, Err(rule), "{target:?}");
        }
        assert_eq!(verdict("git.example:443", "Host: evil.example:443\r\n").await, Err("network/target"));
    }
}
