//! A stand-in for Google's token services on loopback, made from an excerpt of their published discovery documents
//! (`discovery.json`): it takes what these describe and nothing else, and what it answers has their form.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::alg_id::RSA_PKCS1_SHA256};
use serde_json::{Value, json};

use super::provider::{Received, answer, receive};

/// GitLab's ID token, the pool's provider, the service account and the project of these tests.
pub const ID_TOKEN: &str = "made-up.id.token-of-gitlab";
pub const POOL: &str = "projects/123/locations/global/workloadIdentityPools/made-up/providers/gitlab";
pub const ACCOUNT: &str = "made-up-agent@made-up-project.iam.gserviceaccount.com";
pub const PROJECT: &str = "made-up-project";
/// A key of nobody's, for these tests alone.
pub const KEY: &str = include_str!("made-up-key.pem");

/// A word that stands in every answer and must be seen nowhere else.
pub const MARK: &str = "made-up-mark-of-an-answer";

/// What the services do instead of what they should.
#[derive(Clone)]
pub struct Failure {
    /// The part of the path by which the service is known.
    pub at: &'static str,
    pub status: u16,
    pub body: String,
}

/// The stand-in. It ends when it is dropped.
pub struct Google {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    tls: Option<Arc<ServerConfig>>,
    /// Seconds for which tokens hold.
    lifetime: Mutex<u64>,
    failure: Mutex<Option<Failure>>,
    /// How long each answer takes.
    delay: Mutex<Duration>,
    /// Tokens and until when they are good.
    federated: Mutex<BTreeMap<String, Instant>>,
    access: Mutex<BTreeMap<String, Instant>>,
    asked: Mutex<Vec<Received>>,
    over: Mutex<bool>,
}

impl Google {
    pub fn start() -> Self {
        Self::listen(None)
    }

    pub fn start_tls(tls: Arc<ServerConfig>) -> Self {
        Self::listen(Some(tls))
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { tls, lifetime: Mutex::new(3600), ..State::default() });
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *shared.over.lock().unwrap() {
                    return;
                }
                let shared = shared.clone();
                thread::spawn(move || match &shared.tls {
                    None => converse(stream, &shared),
                    Some(config) => converse(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream), &shared),
                });
            }
        });
        Self { address, state }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.state.tls.is_some() { "https" } else { "http" }, self.address)
    }

    /// Tokens hold for so many seconds from now on.
    pub fn lifetime(&self, seconds: u64) {
        *self.state.lifetime.lock().unwrap() = seconds;
    }

    /// Each answer takes so long from now on.
    pub fn delay(&self, delay: Duration) {
        *self.state.delay.lock().unwrap() = delay;
    }

    /// No access token that was given holds any more.
    pub fn revoke(&self) {
        self.state.access.lock().unwrap().values_mut().for_each(|until| *until = Instant::now());
    }

    /// From now on it fails so, or not.
    pub fn fails(&self, failure: Option<Failure>) {
        *self.state.failure.lock().unwrap() = failure;
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Received> {
        self.state.asked.lock().unwrap().clone()
    }

    /// What looks whether a request to Vertex carries an access token that was given and still holds.
    pub fn admits(&self) -> Box<dyn Fn(&Received) -> bool + Send + Sync> {
        let state = self.state.clone();
        Box::new(move |request| bearer(request).is_some_and(|token| holds(&state.access, token)))
    }

    /// The key file of the service account.
    pub fn key_file(&self) -> Value {
        json!({ "type": "service_account", "project_id": PROJECT, "private_key_id": "0123456789abcdef", "private_key": KEY,
                "client_email": ACCOUNT, "client_id": "1", "token_uri": format!("{}/token", self.url()) })
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        *self.state.over.lock().unwrap() = true;
        // Wakes the listener so that it sees the end.
        drop(TcpStream::connect(self.address));
    }
}

fn discovery() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(include_str!("discovery.json")).unwrap())
}

fn converse(mut stream: impl std::io::Read + std::io::Write, state: &State) {
    let Ok(Some(request)) = receive(&mut stream) else { return };
    state.asked.lock().unwrap().push(request.clone());
    thread::sleep(*state.delay.lock().unwrap());
    let failure = state.failure.lock().unwrap().clone().filter(|failure| request.path.contains(failure.at));
    let (status, body) = match failure {
        Some(failure) => (failure.status, failure.body),
        None => match serve(&request, state) {
            Ok(body) => (200, body.to_string()),
            Err((status, error)) => (status, error.to_string()),
        },
    };
    let json = [("content-type".to_owned(), "application/json; charset=UTF-8".to_owned())];
    // A client that leaves in the middle is part of some tests.
    let _ = answer(&mut stream, status, &json, &body);
}

type Answer = Result<Value, (u16, Value)>;

fn serve(request: &Received, state: &State) -> Answer {
    let path = |name: &str| format!("/{}", discovery()[name]["method"]["path"].as_str().unwrap());
    let sa = path("iamcredentials").replace("{+name}", &format!("projects/-/serviceAccounts/{ACCOUNT}"));
    match request.path.as_str() {
        _ if request.method != "POST" => Err((404, json!({}))),
        own if own == path("sts") => exchange(request, state),
        own if own == sa => impersonate(request, state),
        "/token" => key(request, state),
        _ => Err(status(404, "NOT_FOUND")),
    }
}

/// RFC 6749 section 5.2, as the security token service and the token endpoint word their errors.
fn oauth(word: &str) -> (u16, Value) {
    (400, json!({ "error": word, "error_description": MARK }))
}

/// google.rpc.Status, as other services word theirs.
fn status(code: u16, word: &str) -> (u16, Value) {
    (code, json!({ "error": { "code": code, "message": MARK, "status": word } }))
}

fn exchange(request: &Received, state: &State) -> Answer {
    let body = request.json();
    let right = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
        "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
    });
    // "When you call this method, do not send the `Authorization` HTTP header in the request."
    let bare = request.header("authorization").is_none() && request.header("content-type") == Some("application/json");
    if !fits("sts", "request", &body) || !bare || !right.as_object().unwrap().iter().all(|(key, value)| body[key] == *value) {
        return Err(oauth("invalid_request"));
    }
    if body["audience"] != format!("//iam.googleapis.com/{POOL}") {
        return Err(oauth("invalid_target"));
    }
    if body["subjectToken"] != ID_TOKEN {
        return Err(oauth("invalid_grant"));
    }
    let answer = json!({ "access_token": given(&state.federated, state, "federated"), "token_type": "Bearer", "expires_in": 3600,
                         "issued_token_type": right["requestedTokenType"] });
    assert!(fits("sts", "response", &answer));
    Ok(answer)
}

fn impersonate(request: &Received, state: &State) -> Answer {
    if !bearer(request).is_some_and(|token| holds(&state.federated, token)) {
        return Err(status(401, "UNAUTHENTICATED"));
    }
    let body = request.json();
    let scope = json!(["https://www.googleapis.com/auth/cloud-platform"]);
    if !fits("iamcredentials", "request", &body) || body["scope"] != scope || body["lifetime"] != "3600s" {
        return Err(status(400, "INVALID_ARGUMENT"));
    }
    let answer = json!({ "accessToken": given(&state.access, state, "access"), "expireTime": timestamp(*state.lifetime.lock().unwrap()) });
    assert!(fits("iamcredentials", "response", &answer));
    Ok(answer)
}

/// developers.google.com/identity/protocols/oauth2/service-account, "HTTP/REST".
fn key(request: &Received, state: &State) -> Answer {
    let form = String::from_utf8(request.body.clone()).unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let right = request.header("content-type") == Some("application/x-www-form-urlencoded");
    let Some((text, signature)) = form.strip_prefix(grant).filter(|_| right).and_then(|jwt| jwt.rsplit_once('.')) else {
        return Err(oauth("unsupported_grant_type"));
    };
    let part =
        |index: usize| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.split('.').nth(index).unwrap()).unwrap()).unwrap() };
    let public = rcgen::KeyPair::from_pem_and_sign_algo(KEY, &rcgen::PKCS_RSA_SHA256).unwrap();
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let rsa = algorithms.all.iter().find(|algorithm| algorithm.signature_alg_id() == RSA_PKCS1_SHA256).unwrap();
    let verified = rsa.verify_signature(public.public_key_raw(), text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap());
    let (head, claims) = (part(0), part(1));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (issued, until) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    let host = request.header("host").unwrap();
    let scheme = if state.tls.is_some() { "https" } else { "http" };
    let good = verified.is_ok()
        && head == json!({ "alg": "RS256", "typ": "JWT", "kid": "0123456789abcdef" })
        && claims["iss"] == ACCOUNT
        && claims["aud"] == format!("{scheme}://{host}/token")
        && claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        && issued.abs_diff(now) < 60
        && until == issued + 3600;
    if !good {
        return Err(oauth("invalid_grant"));
    }
    Ok(
        json!({ "access_token": given(&state.access, state, "access"), "token_type": "Bearer", "expires_in": *state.lifetime.lock().unwrap() }),
    )
}

/// Whether `value` is an object of the schema that the method of `document` names for `side`: known keys of the right types.
fn fits(document: &str, side: &str, value: &Value) -> bool {
    let document = &discovery()[document];
    let schema = &document["schemas"][document["method"][side]["$ref"].as_str().unwrap()]["properties"];
    let typed = |kind: &Value, value: &Value| match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        other => panic!("the excerpt has the type {other}"),
    };
    value.as_object().is_some_and(|object| {
        object.iter().all(|(key, value)| match &schema[key]["type"] {
            Value::Null => false,
            kind if kind == "array" => value.as_array().unwrap().iter().all(|item| typed(&schema[key]["items"]["type"], item)),
            kind => typed(kind, value),
        })
    })
}

/// A new token.
fn given(tokens: &Mutex<BTreeMap<String, Instant>>, state: &State, name: &str) -> String {
    let mut tokens = tokens.lock().unwrap();
    let token = format!("{MARK}.{name}-{}", tokens.len());
    tokens.insert(token.clone(), Instant::now() + Duration::from_secs(*state.lifetime.lock().unwrap()));
    token
}

fn holds(tokens: &Mutex<BTreeMap<String, Instant>>, token: &str) -> bool {
    tokens.lock().unwrap().get(token).is_some_and(|until| Instant::now() < *until)
}

fn bearer(request: &Received) -> Option<&str> {
    request.header("authorization")?.strip_prefix("Bearer ")
}

/// google-datetime: RFC 3339, with the fraction that Google's services may add.
fn timestamp(seconds: u64) -> String {
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(seconds);
    let (days, rest) = (at.as_secs() / 86_400, at.as_secs() % 86_400);
    let (mut year, mut left) = (1970, days);
    let length = |year: u64| if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) { 366 } else { 365 };
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", left + 1, rest / 3600, rest % 3600 / 60, rest % 60, at.subsec_nanos())
}
