//! Plain HTTP to a host that the policy lists with its port.

use http_body_util::BodyExt as _;
use hyper::{
    Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{HOST, HeaderValue},
};

use crate::{
    host::{Host, HostPort},
    provider::shown,
};

use super::{
    Shared,
    denial::{Denial, Form},
    head::Head,
    metered::{Answer, Body, Sent},
    records::Entry,
    tunnel::{self, Listing},
    upstream,
};

/// A request to a listed host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Errand {
    to: HostPort,
    authority: String,
    target: String,
}

/// Judges a request whose target is a whole URL.
pub(super) fn judge(head: &Head, listing: Listing<'_>) -> Result<Errand, Denial> {
    let odd = |why: String| Denial::new(StatusCode::BAD_REQUEST, "network/target", why);
    let Some(rest) = head.target.strip_prefix("http://") else {
        return Err(odd(format!("`{}`: use CONNECT for https, nothing else is proxied", shown(&head.target))));
    };
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    if path.contains('#') {
        return Err(odd("a URL with a fragment is not sent".to_owned()));
    }
    let to = host_port(authority).map_err(odd)?;
    let errand = errand(to, head, path, listing)?;
    match head.values("host")[..] {
        [] => {}
        [host] if host_port(host).as_ref() == Ok(&errand.to) => {}
        _ => return Err(odd(format!("the Host field does not name {}, as the URL does", errand.to))),
    }
    Ok(errand)
}

/// What is to be done for a request for `path` at `to`, if the policy lists that host with its port.
pub(super) fn errand(to: HostPort, head: &Head, path: &str, listing: Listing<'_>) -> Result<Errand, Denial> {
    tunnel::listed(&to, listing, &format!("{} http://{to}", shown(&head.method)))?;
    let authority = if to.port == 80 { to.host.to_string() } else { to.to_string() };
    let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(Errand { to, authority, target })
}

/// Host and port of an authority without a user, port 80 where none is given.
pub(super) fn host_port(authority: &str) -> Result<HostPort, String> {
    let with_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    if with_port {
        return authority.parse().map_err(|error| format!("{error}"));
    }
    authority.parse::<Host>().map(|host| HostPort { host, port: 80 }).map_err(|error| error.to_string())
}

/// Answers a plain request.
pub(super) async fn serve(request: Request<Incoming>, errand: Errand, shared: &Shared, mut entry: Entry) -> Response<Body> {
    entry.facts.host = errand.to.to_string();
    entry.facts.unlisted = shared.is_unlisted(&errand.to);
    match forward(request, &errand, shared, &mut entry).await {
        Ok(response) => {
            let (mut head, body) = response.into_parts();
            entry.facts.status = Some(head.status.as_u16());
            upstream::end_to_end(&mut head.headers);
            head.extensions.clear();
            Response::from_parts(head, Answer::new(body, shared.budget.clone(), entry).boxed_unsync())
        }
        Err(denial) => {
            entry.deny(&denial);
            drop(entry);
            denial.response(Form::Plain)
        }
    }
}

async fn forward(request: Request<Incoming>, errand: &Errand, shared: &Shared, entry: &mut Entry) -> Result<Response<Incoming>, Denial> {
    let allowed = shared.resolve(&errand.to, entry).await?;
    shared.budget.request()?;
    entry.allow("network/tunnel");
    let stream = allowed.dial().await?;
    let odd = || Denial::new(StatusCode::BAD_REQUEST, "network/target", "the URL cannot be sent");
    let uri: Uri = errand.target.parse().map_err(|_| odd())?;
    let host = HeaderValue::from_str(&errand.authority).map_err(|_| odd())?;
    let (mut head, body) = request.into_parts();
    upstream::end_to_end(&mut head.headers);
    head.headers.insert(HOST, host);
    head.uri = uri;
    head.version = hyper::Version::HTTP_11;
    head.extensions.clear();
    let body = Sent { inner: body, budget: shared.budget.clone(), traffic: entry.traffic.clone() };
    upstream::send(&errand.to.to_string(), stream, Request::from_parts(head, body)).await
}
