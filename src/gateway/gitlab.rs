//! The route to GitLab: listed reads of the API and fetches by git, with the job's token put in. What may be asked and what
//! of an answer is shown is decided in `crate::gitlab::reads`.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LINK, USER_AGENT},
    http::response,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    gitlab::{
        Credential,
        reads::{self, Access, Call, Errand, Fetch, MAX_PAGES, Refusal, Scope, Shape, Unfit},
    },
    policy,
    upstream::Proxy,
};

use super::{
    Error, Shared,
    denial::{Denial, Form},
    far::Far,
    head::Head,
    metered::{Answer, Body, Broken, SILENCE, Sent, Unheld, held, whole},
    records::Entry,
};

/// How it is named in records, and the rule that lets a request through.
pub(super) const WAY: &str = "route/gitlab";

/// Bytes of an answer, or of all pages of a list, that are read to take something out.
const HELD: usize = 32 << 20;

/// Answers that are gone through at once.
pub(super) const SHOWN: usize = 4;

/// Fields of GitLab's answers that are passed on; cookies and what is for browsers are not among them.
const KEPT: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-type",
    "expires",
    "pragma",
    "ratelimit-limit",
    "ratelimit-observed",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-gitlab-blob-id",
    "x-gitlab-commit-id",
    "x-gitlab-content-sha256",
    "x-gitlab-encoding",
    "x-gitlab-execute-filemode",
    "x-gitlab-file-name",
    "x-gitlab-file-path",
    "x-gitlab-last-commit-id",
    "x-gitlab-ref",
    "x-gitlab-size",
    "x-next-page",
    "x-page",
    "x-per-page",
    "x-prev-page",
    "x-request-id",
    "x-total",
    "x-total-pages",
];

/// Fields of git's requests that go on (gitprotocol-http(5), gitprotocol-v2(5)).
const OF_GIT: &[&str] = &["accept", "accept-encoding", "accept-language", "content-encoding", "content-type", "git-protocol"];

const AGENT: &str = concat!("tidewaiter/", env!("CARGO_PKG_VERSION"));

/// The policy's GitLab, ready to be spoken to.
#[derive(Debug)]
pub(super) struct GitLab {
    far: Far,
    scope: Scope,
    of_api: (HeaderName, HeaderValue),
    of_git: HeaderValue,
}

impl GitLab {
    pub(super) fn prepare(policy: &policy::GitLab, access: &Access, proxy: &Option<Arc<Proxy>>) -> Result<Self, Error> {
        let far = Far::of(policy.url.clone(), access.ca_file.as_deref(), proxy)?;
        let odd = |_| Error::Credential(policy.url.to_string());
        let secret = |text: &str| {
            HeaderValue::from_str(text).map_err(odd).map(|mut value| {
                value.set_sensitive(true);
                value
            })
        };
        let (name, token) = access.credential.header();
        // Any user goes with an access token (docs.gitlab.com, "Token overview").
        let user = match access.credential {
            Credential::Access(_) => "oauth2",
            Credential::Job(_) => "gitlab-ci-token",
        };
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{user}:{}", token.reveal()));
        Ok(Self {
            far,
            scope: Scope::new(policy, access),
            of_api: (HeaderName::from_static(name), secret(token.reveal())?),
            of_git: secret(&format!("Basic {basic}"))?,
        })
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::forbidden(refusal.rule, refusal.reason)
    }
}

/// In which form a client of this target reads a refusal: git shows plain text, all others expect GitLab's JSON.
pub(super) fn form(head: &Head) -> Form {
    let git = ["/info/refs", "/git-upload-pack", "/git-receive-pack"].iter().any(|end| path(head).ends_with(end));
    if git { Form::Plain } else { Form::GitLab }
}

fn path(head: &Head) -> &str {
    head.target.split('?').next().unwrap_or_default()
}

/// Judges the head of a request below `/gitlab`, whose ticket is right.
pub(super) fn find<'a>(shared: &'a Shared, head: &Head) -> Result<(&'a GitLab, Errand), Denial> {
    let Some(gitlab) = &shared.gitlab else {
        return Err(Denial::forbidden(
            "gitlab/route",
            "there is no route to GitLab: the policy pins none for the agent (network.gitlab), or the job has no token for it",
        ));
    };
    if let Some(name) = reads::REFUSED_FIELDS.iter().find(|name| !head.values(name).is_empty()) {
        return Err(reads::field(name).into());
    }
    let errand = reads::judge(&head.method, head.target.strip_prefix("/gitlab").unwrap_or_default(), &gitlab.scope)?;
    let has_body = !head.values("transfer-encoding").is_empty() || head.values("content-length").iter().any(|length| *length != "0");
    if has_body && !matches!(errand, Errand::Fetch(Fetch { post: true, .. })) {
        return Err(Denial::forbidden("gitlab/body", "a read has no body"));
    }
    Ok((gitlab, errand))
}

/// Answers a request.
pub(super) async fn serve(
    request: Request<Incoming>,
    (gitlab, errand): (&GitLab, Errand),
    form: Form,
    shared: &Shared,
    mut entry: Entry,
) -> Response<Body> {
    gitlab.far.note(&mut entry.facts);
    let near = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}/gitlab"));
    let answer = match &errand {
        Errand::Fetch(fetch) => gitlab.fetch(request, fetch, shared, &mut entry).await.map(Made::Passed),
        Errand::Call(call) if call.shape == Shape::Whole => gitlab.pass(call, shared, &mut entry).await.map(Made::Passed),
        Errand::Call(call) => {
            let gone = |_| Denial::far_end("gateway/closed", "the gateway is ending");
            match shared.shown.acquire().await.map_err(gone) {
                Ok(_place) => gitlab.shown(call, shared, &mut entry).await,
                Err(denial) => Err(denial),
            }
        }
    };
    let (mut head, body) = match answer {
        Ok(Made::Passed(response)) => {
            let (head, body) = response.into_parts();
            entry.facts.status = Some(head.status.as_u16());
            (head, Answer::new(body, shared.budget.clone(), entry).boxed_unsync())
        }
        Ok(Made::Anew(head, bytes)) => {
            entry.facts.status = Some(head.status.as_u16());
            (head, whole(bytes))
        }
        Err(denial) => {
            entry.deny(&denial);
            return denial.response(form);
        }
    };
    let read = if let Errand::Call(call) = &errand { Some(call.read) } else { None };
    head.headers = kept(&head.headers, |link| reads::link(link, &gitlab.far.endpoint, near.as_deref()?, read?));
    head.extensions.clear();
    Response::from_parts(head, body)
}

/// An answer to the agent.
enum Made {
    /// As it comes.
    Passed(Response<Incoming>),
    /// Written anew from what was read.
    Anew(response::Parts, Bytes),
}

/// The fields that are passed on.
fn kept(sent: &HeaderMap, link: impl Fn(&str) -> Option<String>) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for name in KEPT {
        if let Some(value) = sent.get(*name) {
            fields.insert(*name, value.clone());
        }
    }
    let link = sent.get(LINK).and_then(|value| link(value.to_str().ok()?));
    if let Some(Ok(value)) = link.map(HeaderValue::try_from) {
        fields.insert(LINK, value);
    }
    fields
}

impl GitLab {
    /// Passes one of git's requests on, and the answer back, as both come.
    async fn fetch(
        &self,
        request: Request<Incoming>,
        fetch: &Fetch,
        shared: &Shared,
        entry: &mut Entry,
    ) -> Result<Response<Incoming>, Denial> {
        let (head, body) = request.into_parts();
        let mut outgoing = Request::new(Sent { inner: body, budget: shared.budget.clone(), traffic: entry.traffic.clone() });
        *outgoing.method_mut() = if fetch.post { Method::POST } else { Method::GET };
        let fields = outgoing.headers_mut();
        for name in OF_GIT.iter().copied() {
            fields.extend(head.headers.get(name).map(|value| (HeaderName::from_static(name), value.clone())));
        }
        fields.insert(AUTHORIZATION, self.of_git.clone());
        // GitLab tells git's clients by this name (its documentation, "Git over HTTP").
        fields.extend(head.headers.get(USER_AGENT).map(|value| (USER_AGENT, value.clone())));
        self.send(&fetch.target, outgoing, shared, entry).await
    }

    /// Passes a read of what everyone may see on, and the answer back as it comes.
    async fn pass(&self, call: &Call, shared: &Shared, entry: &mut Entry) -> Result<Response<Incoming>, Denial> {
        self.ask(&call.target, call.head_only, shared, entry).await
    }

    /// A read whose answer is gone through.
    async fn shown(&self, call: &Call, shared: &Shared, entry: &mut Entry) -> Result<Made, Denial> {
        let made = match call.page {
            Some(page) => self.gathered(call, page, shared, entry).await?,
            None => self.single(call, shared, entry).await?,
        };
        // The issue is asked last: one that is open now does not betray what was written on it before.
        if let Some(issue) = &call.guard {
            let answer = self.read(issue, HELD, shared, entry).await?;
            if !answer.0.status.is_success() {
                return Err(hidden());
            }
            json(&answer.1).and_then(|issue| fit(Shape::Issue, issue))?;
        }
        Ok(made)
    }

    async fn single(&self, call: &Call, shared: &Shared, entry: &mut Entry) -> Result<Made, Denial> {
        let (mut head, bytes) = self.read(&call.target, HELD, shared, entry).await?;
        if !head.status.is_success() {
            return failed(call, head, bytes);
        }
        if call.shape == Shape::Issues {
            // Not to be compared with what was left out.
            for name in ["x-total", "x-total-pages"] {
                head.headers.remove(name);
            }
        }
        anew(head, &json(&bytes).and_then(|answer| fit(call.shape, answer))?)
    }

    /// All pages of a list, and of what is left the one that was asked for.
    async fn gathered(&self, call: &Call, page: reads::Page, shared: &Shared, entry: &mut Entry) -> Result<Made, Denial> {
        let sign = if call.target.contains('?') { '&' } else { '?' };
        let (mut items, mut held) = (Vec::new(), 0);
        for number in 1..=MAX_PAGES {
            let target = format!("{}{sign}page={number}&per_page=100", call.target);
            let (mut head, bytes) = self.read(&target, HELD - held, shared, entry).await?;
            if !head.status.is_success() {
                return failed(call, head, bytes);
            }
            held += bytes.len();
            let answer = json(&bytes)?;
            let last = answer.as_array().is_none_or(|all| all.len() < 100);
            let Value::Array(open) = fit(call.shape, answer)? else { return Err(odd()) };
            items.extend(open);
            if last {
                let (items, fields) = page.cut(items);
                for (name, value) in fields {
                    head.headers.insert(name, HeaderValue::try_from(value).map_err(|_| odd())?);
                }
                head.headers.remove(LINK);
                return anew(head, &Value::Array(items));
            }
        }
        let why = format!("this list has more than {} entries, which are not gone through here; ask for single ones", MAX_PAGES * 100);
        Err(Denial::forbidden("gitlab/size", why))
    }

    /// A whole answer of at most `limit` bytes.
    async fn read(&self, target: &str, limit: usize, shared: &Shared, entry: &mut Entry) -> Result<(response::Parts, Bytes), Denial> {
        let (head, body) = self.ask(target, false, shared, entry).await?.into_parts();
        let bytes = match timeout(SILENCE, held(body, limit, &shared.budget, &entry.traffic)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(Unheld::Large)) => return Err(large()),
            Ok(Err(Unheld::Spent(denial))) => return Err(denial),
            Ok(Err(Unheld::Broken(error))) => {
                return Err(Denial::far_end("provider/broken", format!("GitLab broke off: {error}; trying again may help")));
            }
            Err(_) => return Err(Denial::far_end("provider/silent", "GitLab was silent for 600 s")),
        };
        Ok((head, bytes))
    }

    /// Asks for `target` with our own fields alone.
    async fn ask(&self, target: &str, head_only: bool, shared: &Shared, entry: &mut Entry) -> Result<Response<Incoming>, Denial> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = if head_only { Method::HEAD } else { Method::GET };
        let fields = request.headers_mut();
        fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
        fields.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        fields.insert(self.of_api.0.clone(), self.of_api.1.clone());
        self.send(target, request, shared, entry).await
    }

    async fn send<B>(&self, target: &str, mut request: Request<B>, shared: &Shared, entry: &mut Entry) -> Result<Response<Incoming>, Denial>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Broken>,
    {
        *request.uri_mut() = target.parse().map_err(|_| Denial::forbidden("gitlab/path", "the path cannot be sent"))?;
        self.far.address(&mut request)?;
        shared.budget.request()?;
        entry.allow(WAY);
        let response = self.far.send(request).await.map_err(|denial| match denial.rule {
            "provider/redirect" => Denial::far_end(
                "gitlab/redirect",
                "GitLab keeps this in another place (object storage) and answers with a redirect to it, which is not followed; what GitLab serves itself can be read",
            ),
            _ => denial,
        })?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let why = "GitLab does not take the token of this job for this (GITLAB_ACCESS_TOKEN, else CI_JOB_TOKEN): it is expired, revoked, or reads too little; only whoever keeps the project's variables can change that";
            return Err(Denial::far_end("gitlab/unauthorized", why));
        }
        Ok(response)
    }
}

fn json(bytes: &[u8]) -> Result<Value, Denial> {
    serde_json::from_slice(bytes).map_err(|_| odd())
}

fn fit(shape: Shape, answer: Value) -> Result<Value, Denial> {
    reads::fit(shape, answer).map_err(|unfit| match unfit {
        Unfit::Hidden => hidden(),
        Unfit::Odd => odd(),
    })
}

/// The same words for what is not there and for what must not be seen.
fn hidden() -> Denial {
    Denial::new(
        StatusCode::NOT_FOUND,
        "gitlab/not-found",
        "there is no such thing, or not for everyone's eyes (network.gitlab.confidential)",
    )
}

fn odd() -> Denial {
    Denial::far_end("gitlab/answer", "GitLab's answer is not what it answers to this, so that nothing of it can be shown")
}

fn large() -> Denial {
    Denial::forbidden("gitlab/size", format!("the answer is longer than {HELD} bytes; ask for less of it"))
}

/// GitLab's own refusal. Of an issue and what is on it only that there is none is told.
fn failed(call: &Call, head: response::Parts, bytes: Bytes) -> Result<Made, Denial> {
    let about_issue = call.shape == Shape::Issue || call.guard.is_some();
    match head.status {
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN if about_issue => Err(hidden()),
        _ => Ok(Made::Anew(head, bytes)),
    }
}

fn anew(mut head: response::Parts, answer: &Value) -> Result<Made, Denial> {
    let bytes = serde_json::to_vec(answer).map_err(|_| odd())?;
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Made::Anew(head, Bytes::from(bytes)))
}
