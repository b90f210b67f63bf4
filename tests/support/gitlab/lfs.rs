//! Git LFS as GitLab has it: the batch API and the store behind it, and an object storage on a host of its own.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tidewaiter::digest::Digest;

use super::{Model, PATH, Request, Response, http};

/// What GitLab's own answers give for uploads and downloads, in the place of the token that asked.
const TOKEN: &str = "Basic bWFkZS11cDpsZnMtdG9rZW4=";

/// How Git LFS behaves; tests may change what they like.
#[derive(Debug, Default)]
pub struct Lfs {
    /// Off in the project.
    pub off: bool,
    /// By their names, in hex.
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Uploads go there, and are verified afterwards.
    pub storage: Option<Arc<Storage>>,
    /// Uploads are taken and forgotten.
    pub forgets: bool,
    /// The object of this size is said to have one byte more.
    pub missays: Option<u64>,
    /// An error of each object.
    pub error: Option<Value>,
    /// Addresses of uploads begin so.
    pub leads_to: Option<String>,
    /// Gives the token that asked to wherever an upload goes.
    pub gives_token: bool,
    /// Gives no token for uploads.
    pub gives_nothing: bool,
}

impl Lfs {
    /// Has the object `content`.
    pub fn add(&mut self, content: &[u8]) -> String {
        let oid = Digest::of(content).hex();
        self.objects.insert(oid.clone(), content.to_vec());
        oid
    }
}

/// The answer to a request about Git LFS; none where it is git's own. `may` says whether a token was shown that may push, and
/// none where there was none.
pub(super) fn answer(model: &mut Model, request: &Request, may: Option<bool>) -> Option<Response> {
    let rest = request.path.strip_prefix(&format!("/{PATH}.git"))?;
    let path: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
    let own = request.header("authorization") == Some(TOKEN);
    let message = |status: u16, words: &str| Some(Response::json(status, &json!({"message": words})));
    match (request.method.as_str(), &path[..]) {
        (_, ["info", "lfs", ..] | ["gitlab-lfs", ..]) if !own && may.is_none() => message(401, "Credentials needed"),
        ("POST", ["info", "lfs", "objects", "batch"]) => {
            let body = request.json();
            match body["operation"].as_str() {
                _ if model.lfs.off => message(403, "Access forbidden. Check your access level."),
                Some("upload") if may != Some(true) => message(403, "Access forbidden. Check your access level."),
                Some(operation) => Some(batch(model, request, operation, &body)),
                None => message(422, "no operation"),
            }
        }
        ("PUT", ["gitlab-lfs", "objects", oid, size]) => {
            if Digest::of(&request.body).hex() != *oid || request.body.len().to_string() != *size {
                return Some(Response { status: 400, headers: vec![], body: b"SHA256 or size mismatch".to_vec() });
            }
            if !model.lfs.forgets {
                model.lfs.add(&request.body);
            }
            Some(Response { status: 200, headers: vec![], body: vec![] })
        }
        ("POST", ["gitlab-lfs", "verify"]) => {
            let oid = request.json()["oid"].as_str().unwrap_or_default().to_owned();
            let found = model.lfs.storage.as_ref().and_then(|storage| storage.object(&oid));
            let status = if found.is_some() { 200 } else { 404 };
            found.map(|bytes| model.lfs.add(&bytes));
            message(status, "verified")
        }
        ("GET", ["gitlab-lfs", "objects", oid]) => match model.lfs.objects.get(*oid) {
            Some(bytes) => Some(Response { status: 200, headers: vec![], body: bytes.clone() }),
            None => message(404, "Not found."),
        },
        (_, ["info", "lfs", ..]) => message(404, "Not found."),
        _ => None,
    }
}

fn batch(model: &Model, request: &Request, operation: &str, body: &Value) -> Response {
    let (lfs, own) = (&model.lfs, format!("{}/{PATH}.git/gitlab-lfs", model.url));
    let shown = if lfs.gives_token { request.header("authorization").unwrap_or_default() } else { TOKEN };
    let objects: Vec<Value> = body["objects"].as_array().into_iter().flatten().cloned().collect();
    let answered = objects.into_iter().map(|mut object| {
        let (oid, size) = (object["oid"].as_str().unwrap_or_default().to_owned(), object["size"].as_u64().unwrap_or_default());
        if let Some(error) = &lfs.error {
            object["error"] = error.clone();
        } else if operation == "download" {
            match lfs.objects.contains_key(&oid) {
                true => object["actions"] = json!({"download": {"href": format!("{own}/objects/{oid}"), "header": {"Authorization": TOKEN}}}),
                false => object["error"] = json!({"code": 404, "message": "Object does not exist on the server"}),
            }
        } else if !lfs.objects.contains_key(&oid) {
            let mut header = json!({"Authorization": shown, "Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked"});
            if lfs.gives_nothing {
                header = json!({});
            }
            let base = lfs.leads_to.clone().unwrap_or_else(|| own.clone());
            object["actions"] = json!({"upload": {"href": format!("{base}/objects/{oid}/{size}"), "header": header, "expires_in": 1800}});
            if let Some(storage) = &lfs.storage {
                let authorization = if lfs.gives_token { shown } else { "made-up-signature" };
                object["actions"] = json!({
                    "upload": {"href": format!("{}/bucket/{oid}?X-Signature=made%2Dup", storage.url()), "header": {"X-Storage": authorization}},
                    "verify": {"href": format!("{own}/verify"), "header": {"Authorization": TOKEN}},
                });
            }
        }
        if lfs.missays == Some(size) {
            object["size"] = json!(size + 1);
        }
        object
    });
    let mut response = Response::json(200, &json!({"objects": answered.collect::<Vec<_>>()}));
    response.headers = vec![("Content-Type".to_owned(), "application/vnd.git-lfs+json".to_owned())];
    response
}

/// An object storage.
#[derive(Debug)]
pub struct Storage {
    address: SocketAddr,
    requests: Mutex<Vec<Request>>,
    status: Mutex<u16>,
}

impl Storage {
    /// One that answers uploads with `status`; with 0 it never answers.
    pub fn start(status: u16) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let storage = Arc::new(Self { address, requests: Mutex::default(), status: Mutex::new(status) });
        let shared = Arc::clone(&storage);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let Some(request) = http::read(&mut stream) else { return };
                    shared.requests.lock().unwrap().push(request);
                    let status = *shared.status.lock().unwrap();
                    if status == 0 {
                        thread::sleep(Duration::from_secs(600));
                    }
                    let _ = Response { status, headers: vec![], body: vec![] }.write(&mut stream);
                });
            }
        });
        storage
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn object(&self, oid: &str) -> Option<Vec<u8>> {
        self.requests().into_iter().find(|request| request.method == "PUT" && request.path.ends_with(oid)).map(|request| request.body)
    }
}
