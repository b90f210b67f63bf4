//! Uploads of objects of Git LFS: its batch API and its basic transfers (git-lfs, `docs/api/batch.md`,
//! `docs/api/basic-transfers.md`). Nothing is downloaded.

use std::{
    collections::BTreeMap,
    fs::File,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, Uri,
    body::{Body, Bytes},
    header::{self, HeaderName, HeaderValue},
};
use rustls::ClientConfig;
use serde::Deserialize;
use serde_json::json;

use super::{
    Error, Patience,
    client::{ANSWER_BYTES, REQUEST_TIME, patiently, reason},
    retry::Repeat,
    text,
};
use crate::{
    git::{Pointer, USER},
    host::{Host, HostPort},
    http::{self, Endpoint, FileBody, Scheme},
    secret::Secret,
    upstream::Proxy,
};

/// An object is what its name says, so that asking and uploading twice is the same as once.
const PATIENCE: Patience = Patience::DEFAULT;

const JSON: &str = "application/vnd.git-lfs+json";

/// Objects that are asked for at once, as Git LFS' own client does.
const BATCH: usize = 100;

/// Fields that say how a request is sent; they are not the server's to choose.
const OURS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade", "proxy-authorization"];

/// Uploads into one project.
#[derive(Debug)]
pub struct Lfs {
    /// The project's repository, `https://host/group/name.git`.
    repository: Endpoint,
    tls: Arc<ClientConfig>,
    proxy: Option<Arc<Proxy>>,
    token: Secret,
    hosts: Vec<HostPort>,
    until: Instant,
}

#[derive(Debug, Deserialize)]
struct Answer {
    transfer: Option<String>,
    hash_algo: Option<String>,
    objects: Vec<Object>,
}

#[derive(Debug, Deserialize)]
struct Object {
    oid: String,
    size: u64,
    authenticated: Option<bool>,
    actions: Option<Actions>,
    error: Option<Fault>,
}

#[derive(Debug, Deserialize)]
struct Actions {
    upload: Action,
    verify: Option<Action>,
}

#[derive(Debug, Deserialize)]
struct Action {
    href: String,
    header: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    code: u16,
    message: String,
}

/// Where an action leads.
#[derive(Debug)]
struct Target {
    endpoint: Endpoint,
    /// Path and query.
    place: Uri,
    /// Whether it is GitLab itself.
    own: bool,
}

impl Lfs {
    /// Uploads to the project whose repository is at `repository`, with `token`, until the moment `until`. Where GitLab says so, an
    /// object goes to one of `hosts` instead, which then get no token.
    pub fn new(
        repository: Endpoint,
        tls: Arc<ClientConfig>,
        proxy: Option<Proxy>,
        token: Secret,
        hosts: Vec<HostPort>,
        until: Instant,
    ) -> Self {
        Self { repository, tls, proxy: proxy.map(Arc::new), token, hosts, until }
    }

    /// Uploads those of `objects` that GitLab does not have, for the reference `reference`, and has it say that it has all of them
    /// then. `open` gives the bytes of an object. Returns how many were uploaded.
    ///
    /// # Errors
    /// What `open` says, and any [`Error`]; then some of them may be there and some not.
    pub async fn upload<E: From<Error>>(
        &self,
        reference: &str,
        objects: &[Pointer],
        open: impl Fn(&Pointer) -> Result<File, E>,
    ) -> Result<usize, E> {
        let mut count = 0;
        for batch in objects.chunks(BATCH) {
            let missing = self.missing(reference, batch).await?;
            for (pointer, object) in &missing {
                self.transfer(*pointer, object, Arc::new(open(pointer)?)).await?;
            }
            let uploaded: Vec<Pointer> = missing.into_iter().map(|(pointer, _)| pointer).collect();
            count += uploaded.len();
            if let Some((pointer, _)) = self.missing(reference, &uploaded).await?.first() {
                return Err(failed(pointer, "was uploaded, and GitLab says that it is not there").into());
            }
        }
        Ok(count)
    }

    /// Those of `objects` that GitLab does not have, and what it says to do with each.
    async fn missing(&self, reference: &str, objects: &[Pointer]) -> Result<Vec<(Pointer, Object)>, Error> {
        if objects.is_empty() {
            return Ok(vec![]);
        }
        let named: Vec<_> = objects.iter().map(|pointer| json!({"oid": pointer.digest.hex(), "size": pointer.size})).collect();
        let body =
            json!({"operation": "upload", "transfers": ["basic"], "ref": {"name": reference}, "objects": named, "hash_algo": "sha256"});
        let request = head(Method::POST, "/info/lfs/objects/batch").header(header::ACCEPT, JSON).header(header::CONTENT_TYPE, JSON);
        let request = request.header(header::AUTHORIZATION, self.authorization()?).body(Full::from(body.to_string())).map_err(unmade)?;
        let client = self.client(self.repository.clone(), REQUEST_TIME);
        let answer = match patiently(PATIENCE, Repeat::Always, async || client.send(request.clone()).await).await {
            Ok(answer) if answer.status().is_success() => answer,
            outcome => return Err(refused(outcome)),
        };
        let answer = serde_json::from_slice(answer.body()).map_err(|error| garbage(text::line(&error.to_string(), 200)))?;
        sorted(objects, answer)
    }

    /// Uploads one object and has it verified where the server says so.
    async fn transfer(&self, pointer: Pointer, object: &Object, file: Arc<File>) -> Result<(), Error> {
        let Some(actions) = &object.actions else { return Ok(()) };
        let body = FileBody::new(file, pointer.size);
        let typed = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        self.act(pointer, object, &actions.upload, Method::PUT, &[typed], body).await?;
        let Some(verify) = &actions.verify else { return Ok(()) };
        let body = json!({"oid": pointer.digest.hex(), "size": pointer.size}).to_string();
        let typed = [header::ACCEPT, header::CONTENT_TYPE].map(|name| (name, HeaderValue::from_static(JSON)));
        self.act(pointer, object, verify, Method::POST, &typed, Full::from(body)).await
    }

    /// Does what `action` says, with `fields` where it names no other values.
    async fn act<B>(
        &self,
        pointer: Pointer,
        object: &Object,
        action: &Action,
        method: Method,
        fields: &[(HeaderName, HeaderValue)],
        body: B,
    ) -> Result<(), Error>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Clone + Send + 'static,
    {
        let target = self.target(pointer, &action.href)?;
        let mut request = head(method, "/").body(body).map_err(unmade)?;
        *request.uri_mut() = target.place.clone();
        request.headers_mut().extend(fields.iter().cloned());
        for (name, value) in action.header.iter().flatten() {
            if let Some((name, value)) = self.field(pointer, &target, name, value)? {
                request.headers_mut().insert(name, value);
            }
        }
        if target.own && object.authenticated != Some(true) && !request.headers().contains_key(header::AUTHORIZATION) {
            request.headers_mut().insert(header::AUTHORIZATION, self.authorization()?);
        }
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(failed(&pointer, "cannot be uploaded: there is no time left for it"));
        }
        let client = self.client(target.endpoint.clone(), left);
        match patiently(PATIENCE, Repeat::Always, async || client.send(request.clone()).await).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                let (host, reason) = (&target.endpoint, reason(answer.body()));
                Err(failed(&pointer, &format!("cannot be uploaded: {host} answered with status {}{reason}", answer.status().as_u16())))
            }
            Err(source) => Err(failed(&pointer, &format!("cannot be uploaded: {source}"))),
        }
    }

    fn client(&self, endpoint: Endpoint, time: Duration) -> http::Client {
        http::Client::new(endpoint, self.tls.clone(), self.proxy.clone(), time, ANSWER_BYTES)
    }

    fn authorization(&self) -> Result<HeaderValue, Error> {
        let pair = STANDARD.encode(format!("{USER}:{}", self.token.reveal()));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).map_err(|error| unmade(error.into()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Where `href` leads: to GitLab itself, as it is spoken to anyway, or with TLS to a host that the policy names.
    fn target(&self, pointer: Pointer, href: &str) -> Result<Target, Error> {
        let unfit = || failed(&pointer, "cannot be uploaded: GitLab names an address for it that is none");
        let uri: Uri = href.parse().map_err(|_| unfit())?;
        let (Some(scheme), Some(authority), Some(place)) = (uri.scheme_str(), uri.authority(), uri.path_and_query()) else {
            return Err(unfit());
        };
        let (scheme, default) = match scheme {
            "https" => (Scheme::Https, 443),
            "http" => (Scheme::Http, 80),
            _ => return Err(unfit()),
        };
        let host: Host = authority.host().parse().map_err(|_| unfit())?;
        let address = HostPort { host, port: authority.port_u16().unwrap_or(default) };
        if authority.as_str().contains('@') {
            return Err(unfit());
        }
        let own = (scheme, &address) == (self.repository.scheme, &self.repository.address);
        let protected = scheme == Scheme::Https || address.host.is_loopback();
        if !(own || protected && self.hosts.contains(&address)) {
            let scheme = if protected { "" } else { " without TLS" };
            return Err(Error::LfsHost { oid: pointer.digest, host: format!("{address}{scheme}") });
        }
        Ok(Target { endpoint: Endpoint { scheme, address, path: String::new() }, place: place.clone().into(), own })
    }

    /// A header field that the server gave; none where it is ours to set. What it gave for another host may not be the token.
    fn field(&self, pointer: Pointer, target: &Target, name: &str, value: &str) -> Result<Option<(HeaderName, HeaderValue)>, Error> {
        let unfit = || failed(&pointer, "cannot be uploaded: GitLab names header fields for it that are none");
        let name: HeaderName = name.parse().map_err(|_| unfit())?;
        let mut made: HeaderValue = value.parse().map_err(|_| unfit())?;
        made.set_sensitive(true);
        if OURS.contains(&name.as_str()) {
            return Ok(None);
        }
        let decoded = value.split_once(' ').and_then(|(_, pair)| STANDARD.decode(pair).ok()).unwrap_or_default();
        let has_token = |text: &[u8]| String::from_utf8_lossy(text).contains(self.token.reveal());
        if !target.own && (has_token(value.as_bytes()) || has_token(&decoded)) {
            return Err(failed(&pointer, "is not uploaded: GitLab would have its token sent to another host"));
        }
        Ok(Some((name, made)))
    }
}

fn head(method: Method, target: &str) -> hyper::http::request::Builder {
    Request::builder().method(method).uri(target).header(header::USER_AGENT, concat!("tidewaiter/", env!("CARGO_PKG_VERSION")))
}

/// What is said of each of `objects`: once, of that size, and nothing of others. Those that are not there yet.
fn sorted(objects: &[Pointer], answer: Answer) -> Result<Vec<(Pointer, Object)>, Error> {
    if answer.transfer.as_deref().is_some_and(|name| name != "basic") || answer.hash_algo.as_deref().is_some_and(|name| name != "sha256") {
        return Err(garbage("it wants another kind of transfer or hash".to_owned()));
    }
    let count = answer.objects.len();
    let mut said: BTreeMap<String, Object> = answer.objects.into_iter().map(|object| (object.oid.clone(), object)).collect();
    if count != objects.len() {
        return Err(garbage(format!("it speaks of {count} objects, and {} were asked for", objects.len())));
    }
    let mut missing = Vec::new();
    for pointer in objects {
        let Some(object) = said.remove(&pointer.digest.hex()) else {
            return Err(garbage(format!("it says nothing of the object {}", pointer.digest)));
        };
        if let Some(Fault { code, message }) = object.error {
            return Err(failed(pointer, &format!("is not taken by GitLab: {code} {}", text::line(&message, 300))));
        }
        if object.size != pointer.size {
            return Err(failed(pointer, &format!("has {} bytes, and GitLab says {}", pointer.size, object.size)));
        }
        if object.actions.is_some() {
            missing.push((*pointer, object));
        }
    }
    Ok(missing)
}

fn refused(outcome: Result<Response<Bytes>, http::Error>) -> Error {
    let (what, variable) = ("Git LFS".to_owned(), "GITLAB_ACCESS_TOKEN");
    let answer = match outcome {
        Err(source) => return Error::Unreachable { what, source },
        Ok(answer) => answer,
    };
    match (answer.status().as_u16(), reason(answer.body())) {
        (401, _) => Error::Unauthorized { what, variable },
        (status @ (403 | 404 | 501), reason) => Error::LfsOff { status, variable, reason },
        (429, _) => Error::RateLimited { what, seconds: PATIENCE.total.as_secs() },
        // The project's storage, or the server's, is full (GitLab says 406, the batch API 507).
        (status @ (406 | 413 | 507 | 509), reason) => Error::LfsFull { status, reason },
        (status @ 500.., _) => Error::Server { what, status },
        (status, reason) => Error::Refused { what, status, reason },
    }
}

fn failed(pointer: &Pointer, reason: &str) -> Error {
    Error::LfsObject { oid: pointer.digest, reason: reason.to_owned() }
}

fn garbage(reason: String) -> Error {
    Error::Garbage { what: "Git LFS".to_owned(), expected: "an answer of the batch API", reason }
}

fn unmade(error: hyper::http::Error) -> Error {
    Error::Request { what: "Git LFS".to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn lfs(repository: &str) -> Lfs {
        let hosts = vec!["objects.example:443".parse().unwrap(), "127.0.0.1:9000".parse().unwrap(), "plain.example:80".parse().unwrap()];
        let tls = http::client_config(None).unwrap();
        Lfs::new(Endpoint::parse_any(repository).unwrap(), tls, None, Secret::new("made-up-token"), hosts, Instant::now())
    }

    fn pointer() -> Pointer {
        Pointer { digest: Digest::of(""), size: 0 }
    }

    #[test]
    fn only_gitlab_itself_and_named_hosts_are_uploaded_to() {
        for (repository, href, own) in [
            ("https://git.example/x/a/b.git", "https://git.example/x/a/b.git/gitlab-lfs/objects/0/0", Some(true)),
            ("https://git.example/a/b.git", "https://GIT.example.:443/?q=%2F", Some(true)),
            ("http://git.example/a/b.git", "http://git.example/x", Some(true)),
            ("https://git.example/a/b.git", "https://objects.example/x", Some(false)),
            ("https://git.example/a/b.git", "http://127.0.0.1:9000/x", Some(false)),
            ("https://git.example/a/b.git", "http://git.example/x", None),
            ("https://git.example/a/b.git", "https://git.example:8443/x", None),
            ("https://git.example/a/b.git", "https://git.example.evil.example/x", None),
            ("https://git.example/a/b.git", "https://git.example@evil.example/x", None),
            ("https://git.example/a/b.git", "https://git.example:443@evil.example/x", None),
            ("https://git.example/a/b.git", "https://u:p@git.example/x", None),
            ("https://git.example/a/b.git", "https://evil.example#@git.example/x", None),
            ("https://git.example/a/b.git", "https://evil.example\\@git.example/x", None),
            ("https://git.example/a/b.git", "http://objects.example/x", None),
            ("https://git.example/a/b.git", "https://objects.example:9000/x", None),
            ("https://git.example/a/b.git", "http://plain.example/x", None),
            ("https://git.example/a/b.git", "//git.example/x", None),
            ("https://git.example/a/b.git", "/x", None),
            ("https://git.example/a/b.git", "ftp://git.example/x", None),
            ("https://git.example/a/b.git", "https://127.1/x", None),
            ("https://git.example/a/b.git", "", None),
        ] {
            let found = lfs(repository).target(pointer(), href);
            assert_eq!(found.as_ref().ok().map(|target| target.own), own, "{href}: {found:?}");
        }
        let error = lfs("https://git.example/a/b.git").target(pointer(), "https://evil.example/x?made-up-signature").unwrap_err();
        assert!(error.to_string().contains("evil.example:443") && !error.to_string().contains("signature"), "{error}");
    }

    #[test]
    fn the_token_is_in_no_field_for_another_host() {
        let lfs = lfs("https://git.example/a/b.git");
        let basic = format!("Basic {}", STANDARD.encode("any:made-up-token"));
        for (name, value, here, elsewhere) in [
            ("X-Signature", "made-up", Some(true), Some(true)),
            ("Authorization", "Bearer made-up-other", Some(true), Some(true)),
            ("Authorization", basic.as_str(), Some(true), None),
            ("X-Other", "made-up-token", Some(true), None),
            ("X-Other", "Bearer made-up-token", Some(true), None),
            ("Content-Length", "1", Some(false), Some(false)),
            ("Transfer-Encoding", "chunked", Some(false), Some(false)),
            ("Host", "evil.example", Some(false), Some(false)),
            ("X Y", "z", None, None),
            ("X-Y", "a\r\nHost: evil.example", None, None),
        ] {
            for (href, expected) in [("https://git.example/x", here), ("https://objects.example/x", elsewhere)] {
                let target = lfs.target(pointer(), href).unwrap();
                let found = lfs.field(pointer(), &target, name, value);
                assert_eq!(found.as_ref().ok().map(Option::is_some), expected, "{name}: {value} to {href}: {found:?}");
            }
        }
    }
}
