//! Routes: endpoints that the gateway ends itself. It checks what is asked, puts in the credential, and passes the
//! answer on as it comes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT_ENCODING, HeaderName, HeaderValue, SET_COOKIE},
    http::response,
};
use tokio::time::timeout;

use crate::{
    policy::{self, Grant, Policy, Provider},
    provider::{self, Credential, MAX_BODY, Rules, Target},
    upstream::Proxy,
};

use super::{
    Error, Shared,
    bill::Bill,
    denial::{self, Denial, Form},
    far::Far,
    head::Head,
    keys::Keys,
    metered::{Answer, Body},
    records::Entry,
    upstream,
};

/// Bodies that are read and checked at once.
pub(super) const BODIES: usize = 8;

/// KiB of checked bodies that are held at once until the far end answers.
pub(super) const HELD: usize = 512 << 10;

/// An agent on the same machine has so long to send its body.
const PATIENCE: Duration = Duration::from_secs(60);

/// A provider with its credential, ready to be spoken to.
#[derive(Debug)]
pub(super) struct Route {
    provider: Provider,
    rules: Rules,
    /// By region; under "" where the provider has none.
    ends: BTreeMap<String, Far>,
    keys: Keys,
}

impl Route {
    /// Reads what the policy says of one route.
    pub(super) fn prepare(
        route: &policy::Route,
        policy: &Policy,
        credential: &Credential,
        proxy: &Option<Arc<Proxy>>,
    ) -> Result<Self, Error> {
        let end = |(region, url): (String, String)| Ok((region, Far::prepare(&url, route.ca_file.as_deref(), proxy)?));
        let ends = route.urls().into_iter().map(end).collect::<Result<_, Error>>()?;
        let keys = Keys::prepare(credential, route, proxy)?;
        let project = credential.project().map(str::to_owned);
        let internet = route.grants.contains(&Grant::ReachesTheInternet);
        let rules = Rules { models: policy.agent.models.clone(), regions: route.regions.clone(), internet, project };
        Ok(Self { provider: route.provider, rules, ends, keys })
    }
}

/// A request to a route that passed as far as its head goes.
pub(super) struct Errand<'a> {
    route: &'a Route,
    target: Target,
}

/// Judges the target of a request below a provider's name.
pub(super) fn find<'a>(provider: Provider, shared: &'a Shared, head: &Head) -> Result<Errand<'a>, Denial> {
    let Some(route) = shared.routes.iter().find(|route| route.provider == provider) else {
        return Err(Denial::forbidden(
            "route/path",
            "there is no route to this provider: the policy has none (network.route), or its credential was not given to the job",
        ));
    };
    let rest = head.target.get(1 + provider.name().len()..).unwrap_or_default();
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let refused = |_| Denial::forbidden("route/method", "the method has odd characters");
    let method = Method::from_bytes(head.method.as_bytes()).map_err(refused)?;
    Ok(Errand { route, target: provider::target(provider, &method, path, query, &route.rules)? })
}

/// Answers a request to a route.
pub(super) async fn serve(request: Request<Incoming>, errand: Errand<'_>, shared: &Shared, mut entry: Entry) -> Response<Body> {
    let form = form(errand.route.provider);
    match forward(request, errand, shared, &mut entry).await {
        Ok(response) => pass_on(response, shared, entry),
        Err(denial) => {
            entry.deny(&denial);
            drop(entry);
            denial.response(form)
        }
    }
}

async fn forward(
    request: Request<Incoming>,
    Errand { route, target }: Errand<'_>,
    shared: &Shared,
    entry: &mut Entry,
) -> Result<Response<Incoming>, Denial> {
    let nowhere = || Denial::forbidden("route/region", format!("the policy's route does not go to the region `{}`", target.region));
    let end = route.ends.get(&target.region).ok_or_else(nowhere)?;
    end.note(&mut entry.facts);
    let (head, body) = request.into_parts();
    let headers = provider::headers(route.provider, &head.headers, &route.rules)?;
    let gone = |_| Denial::far_end("gateway/closed", "the gateway is ending");
    let place = shared.bodies.acquire().await.map_err(gone)?;
    let checked = Bytes::from(provider::body(route.provider, &read(body).await?, &target, &route.rules)?);
    let size = u32::try_from(checked.len() / 1024 + 1).unwrap_or(u32::MAX);
    let held = shared.held.acquire_many(size).await.map_err(gone)?;
    drop(place);
    if let Some(asked) = provider::asked(&target, &checked) {
        entry.bill = Some(Bill::open(shared.budget.clone(), asked).await?);
    }
    entry.allow(way(route.provider));
    let ready = Ready { route, end, target: &target, headers, body: checked };
    let mut answer = ready.send(shared, entry).await;
    // What has ended was not looked at further, so nothing is done twice.
    if answer.as_ref().is_ok_and(|answer| route.keys.ended(answer)) {
        if let Some(bill) = &mut entry.bill {
            bill.free();
        }
        answer = ready.send(shared, entry).await;
    }
    let response = answer.inspect_err(|denial| {
        if let Some(bill) = entry.bill.as_mut().filter(|_| [upstream::UNREACHABLE, denial::UPSTREAM].contains(&denial.rule)) {
            bill.free();
        }
    })?;
    if let Some(bill) = &mut entry.bill {
        bill.answered(response.status(), response.headers());
    }
    drop(held);
    entry.facts.status = Some(response.status().as_u16());
    provider::answer(route.provider, response.status(), response.headers())?;
    Ok(response)
}

/// A request that passed, but for its credential.
struct Ready<'a> {
    route: &'a Route,
    end: &'a Far,
    target: &'a Target,
    headers: HeaderMap,
    body: Bytes,
}

impl Ready<'_> {
    async fn send(&self, shared: &Shared, entry: &mut Entry) -> Result<Response<Incoming>, Denial> {
        shared.budget.request()?;
        shared.budget.up(self.body.len() as u64)?;
        entry.traffic.up(self.body.len() as u64);
        let mut outgoing = outgoing(self.headers.clone(), self.target, self.body.clone())?;
        self.end.address(&mut outgoing)?;
        self.route.keys.put(&mut outgoing, &self.body, self.target, &entry.desk).await?;
        if let Some(bill) = &mut entry.bill {
            bill.sent();
        }
        self.end.send(outgoing).await
    }
}

/// How a route is named in records.
pub(super) fn way(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "route/anthropic",
        Provider::OpenAi => "route/openai",
        Provider::Vertex => "route/vertex",
        Provider::Bedrock => "route/bedrock",
    }
}

/// How the clients of a route read what is denied.
pub(super) fn form(provider: Provider) -> Form {
    match provider {
        Provider::Anthropic | Provider::Vertex => Form::Anthropic,
        Provider::OpenAi => Form::OpenAi,
        Provider::Bedrock => Form::Aws,
    }
}

async fn read(body: Incoming) -> Result<Bytes, Denial> {
    match timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await {
        Err(_) => Err(Denial::new(StatusCode::REQUEST_TIMEOUT, "gateway/slow", "the body did not come within 60 s")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let why = format!("the body is longer than {} bytes", MAX_BODY);
            Err(Denial::new(StatusCode::PAYLOAD_TOO_LARGE, "route/size", why))
        }
        Ok(Err(error)) => Err(Denial::new(StatusCode::BAD_REQUEST, "gateway/body", format!("the body cannot be read: {error}"))),
    }
}

fn outgoing(headers: HeaderMap, target: &Target, body: Bytes) -> Result<Request<Full<Bytes>>, Denial> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = target.method.clone();
    let odd = |_| Denial::forbidden("route/path", "the path cannot be sent");
    *request.uri_mut() = target.path.parse().map_err(odd)?;
    *request.headers_mut() = headers;
    // What an answer cost is read from it.
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(request)
}

pub(super) fn pass_on(response: Response<Incoming>, shared: &Shared, entry: Entry) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    trim(&mut head);
    Response::from_parts(head, Answer::new(body, shared.budget.clone(), entry).boxed_unsync())
}

/// Takes out of an answer what is not for the agent.
pub(super) fn trim(head: &mut response::Parts) {
    upstream::end_to_end(&mut head.headers);
    for name in [SET_COOKIE, HeaderName::from_static("alt-svc")] {
        head.headers.remove(name);
    }
    head.extensions.clear();
}
