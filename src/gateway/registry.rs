//! Registries: packages are read through the gateway, without a credential. Pages that name files lead back here, and so do
//! redirects within the registry; nothing else of it is followed.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Empty;
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION},
    http::response,
};
use tokio::time::timeout;

use crate::{
    http::Endpoint,
    policy::{self, registry::Kind},
    provider::registry::{Pages, Place, ends, headers, is_page, method, place},
    secret::Secret,
    upstream::Proxy,
};

use super::{
    Error, Shared,
    denial::{Denial, Form},
    far::Far,
    head::Head,
    metered::{Body, Unheld, held, whole},
    records::Entry,
    route, ticket,
};

/// Pages that are held and rewritten at once.
pub(super) const PAGES: usize = 8;

/// Bytes of one page: the largest on public registries are about 20 MB.
const LARGEST_PAGE: usize = 32 << 20;

/// A registry has so long for a whole page.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where all of them are served.
pub(super) const PREFIX: &str = "registry";

/// A registry, ready to be read from.
#[derive(Debug)]
pub(super) struct Registry {
    policy: policy::Registry,
    ends: Vec<Far>,
}

impl Registry {
    pub(super) fn prepare(policy: policy::Registry, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let far = |end: Endpoint| Far::prepare(&end.to_string(), policy.ca_file.as_deref(), proxy);
        let ends = ends(&policy)?.into_iter().map(far).collect::<Result<_, _>>()?;
        Ok(Self { policy, ends })
    }
}

/// A read that passed as far as its head goes.
pub(super) struct Errand {
    registry: Arc<Registry>,
    place: Place,
    /// Where the agent finds this registry.
    here: String,
}

/// What a request below [`PREFIX`] asks for. The ticket may be a part of it, and is not shown.
pub(super) struct Asked<'a> {
    kind: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    has_ticket: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn of(target: &'a str, secret: &Secret) -> Self {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let rest = path.get(PREFIX.len() + 2..).unwrap_or_default();
        let (kind, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let with_ticket = path.strip_prefix("/~").and_then(|rest| {
            let (guess, _) = rest.split_once('/')?;
            secret.matches(guess.as_bytes()).then(|| &rest[guess.len()..])
        });
        Self { kind, path: with_ticket.unwrap_or(path), query, has_ticket: with_ticket.is_some() }
    }

    /// For records.
    pub(super) fn shown(&self) -> String {
        format!("/{PREFIX}/{}{}", self.kind, self.path)
    }

    /// How the clients of this registry read a refusal.
    pub(super) fn form(&self) -> Form {
        if self.kind == Kind::Npm.name() { Form::Npm } else { Form::Plain }
    }

    /// Judges ticket, body and target.
    pub(super) fn judge(&self, head: &Head, local: SocketAddr, shared: &Shared) -> Result<Errand, Denial> {
        ticket::at_registry(head, self.has_ticket, &shared.ticket)?;
        let Some(registry) = shared.registries.iter().find(|registry| registry.policy.kind.name() == self.kind) else {
            return Err(Denial::forbidden("registry/kind", "the policy has no registry of this kind (network.registry)"));
        };
        method(&head.method)?;
        if head.body_length() != Some(0) {
            return Err(Denial::forbidden("registry/body", "a read of a registry has no body"));
        }
        let place = place(&registry.policy, self.path, self.query)?;
        let ticket = if self.has_ticket { format!("/~{}", shared.ticket.reveal()) } else { String::new() };
        Ok(Errand { registry: registry.clone(), place, here: format!("http://{local}/{PREFIX}/{}{ticket}", self.kind) })
    }
}

/// Answers a read.
pub(super) async fn serve(request: Request<Incoming>, errand: Errand, shared: &Shared, mut entry: Entry) -> Response<Body> {
    let form = if errand.registry.policy.kind == Kind::Npm { Form::Npm } else { Form::Plain };
    match read(request, errand, shared, &mut entry).await {
        Ok(Answer::Stream(response)) => route::pass_on(response, shared, entry),
        Ok(Answer::Page(mut head, page)) => {
            route::trim(&mut head);
            head.headers.remove(CONTENT_LENGTH);
            Response::from_parts(head, whole(page))
        }
        Err(denial) => {
            entry.deny(&denial);
            denial.response(form)
        }
    }
}

/// What came.
enum Answer {
    /// A file, passed on as it comes.
    Stream(Response<Incoming>),
    /// A page that was read and rewritten.
    Page(response::Parts, Bytes),
}

async fn read(request: Request<Incoming>, errand: Errand, shared: &Shared, entry: &mut Entry) -> Result<Answer, Denial> {
    let Errand { registry, place, here } = errand;
    let nowhere = || Denial::forbidden("registry/path", "this registry has no such place");
    let end = registry.ends.get(place.end).ok_or_else(nowhere)?;
    end.note(&mut entry.facts);
    let mut outgoing = Request::new(Empty::<Bytes>::new());
    *outgoing.headers_mut() = headers(request.headers())?;
    *outgoing.method_mut() = request.method().clone();
    *outgoing.uri_mut() = place.path.parse().map_err(|_| nowhere())?;
    end.address(&mut outgoing)?;
    shared.budget.request()?;
    entry.allow("network/registry");
    let address = format!("{}{}", end.endpoint, place.path);
    let mut response = end.exchange(outgoing).await?;
    entry.facts.status = Some(response.status().as_u16());
    let kind = registry.policy.kind;
    let told = Arc::new((registry.clone(), here));
    if response.headers().contains_key(LOCATION) {
        redirect(&mut response, &told, &address)?;
    } else if *request.method() == Method::GET && response.status().is_success() && place.end == 0 && is_page(kind, &place.path) {
        return page(response, told, address, shared, entry).await;
    }
    Ok(Answer::Stream(response))
}

/// What pages are rewritten with: the registry, and where the agent finds it.
type Told = Arc<(Arc<Registry>, String)>;

fn with_pages<T>(told: &Told, act: impl FnOnce(&Pages<'_>) -> T) -> T {
    let (registry, here) = &**told;
    let ends: Vec<Endpoint> = registry.ends.iter().map(|end| end.endpoint.clone()).collect();
    act(&Pages { kind: registry.policy.kind, ends: &ends, here: here.clone() })
}

/// A redirect within the registry leads the client back here, where what it asks for next is judged; any other one is refused.
fn redirect(response: &mut Response<Incoming>, told: &Told, address: &str) -> Result<(), Denial> {
    let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let routed = to.and_then(|to| with_pages(told, |pages| pages.routed(to, address)));
    let Some(value) = routed.and_then(|url| HeaderValue::from_str(&url).ok()) else {
        let why = format!(
            "the registry's answer ({}) leads to a place that is not of this registry (network.registry.files), and is not followed",
            response.status()
        );
        return Err(Denial::far_end("registry/redirect", why));
    };
    response.headers_mut().insert(LOCATION, value);
    Ok(())
}

async fn page(response: Response<Incoming>, told: Told, address: String, shared: &Shared, entry: &Entry) -> Result<Answer, Denial> {
    let odd = |why: String| Denial::far_end("registry/page", why);
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(odd("the registry packs its pages although it was asked not to".to_owned()));
    }
    let ending = |_| Denial::far_end("gateway/closed", "the gateway is ending");
    let _place = shared.pages.acquire().await.map_err(ending)?;
    let (head, body) = response.into_parts();
    let bytes = match timeout(PATIENCE, held(body, LARGEST_PAGE, &shared.budget, &entry.traffic)).await {
        Err(_) => return Err(odd(format!("the registry's page did not come within {} s", PATIENCE.as_secs()))),
        Ok(Err(Unheld::Large)) => return Err(odd(format!("the registry's page is longer than {LARGEST_PAGE} bytes"))),
        Ok(Err(Unheld::Broken(error))) => return Err(odd(format!("the registry broke off: {error}"))),
        Ok(Err(Unheld::Spent(denial))) => return Err(denial),
        Ok(Ok(bytes)) => bytes,
    };
    let media = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    // Large pages take a while; the tunnels' bytes do not wait for it.
    let work = move || with_pages(&told, |pages| pages.rewrite(&media, &address, &bytes));
    let page = tokio::task::spawn_blocking(work).await.map_err(|error| odd(error.to_string()))??;
    Ok(Answer::Page(head, Bytes::from(page)))
}
