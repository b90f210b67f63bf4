//! A GitLab on loopback: the REST calls that a job makes over a small model in memory, and real git over smart HTTP through
//! `git http-backend`. It checks each request against GitLab's OpenAPI document where `TIDEWAITER_GITLAB_OPENAPI` names it.

mod api;
mod git;
mod http;
pub mod lfs;
mod model;
mod reads;
mod serve;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

pub use http::{Request, Response, decode, parameters};
pub use model::{Emoji, MergeRequest, Model, Note, Role};

use rustls::ServerConfig;

use super::openapi::Document;

/// The id of the one project.
pub const PROJECT: u64 = 42;
/// The path of the one project.
pub const PATH: &str = "harbour/ferry";

/// A failure to be answered instead of the truth.
struct Fault {
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// Whether the request is carried out before the failure is told.
    after: bool,
    times: usize,
}

struct Shared {
    model: Mutex<Model>,
    faults: Mutex<Vec<Fault>>,
    requests: Mutex<Vec<Request>>,
    violations: Mutex<Vec<String>>,
    latency: Mutex<Duration>,
    document: Option<Document>,
    root: PathBuf,
    prefix: String,
}

/// The stand-in. Ends with the value; panics then if a request did not fit GitLab's OpenAPI document.
pub struct GitLab {
    shared: Arc<Shared>,
    address: SocketAddr,
    url: String,
}

impl GitLab {
    /// Starts one with a project that has a protected branch `main` with one commit.
    pub fn start() -> Self {
        Self::start_at("", None)
    }

    /// The same below the path `prefix`, with TLS by the certificate in `tls`.
    pub fn start_at(prefix: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = git::scratch();
        let url = format!("{}://{address}{prefix}", if tls.is_some() { "https" } else { "http" });
        let shared = Shared {
            prefix: prefix.to_owned(),
            model: Mutex::new(Model::new(url.clone())),
            faults: Mutex::default(),
            requests: Mutex::default(),
            violations: Mutex::default(),
            latency: Mutex::default(),
            document: Document::from_environment(),
            root,
        };
        let gitlab = Self { shared: Arc::new(shared), address, url };
        git::init(&gitlab.repository());
        gitlab.commit("main", &[("README.md", "# Ferry\n")]);
        let shared = Arc::clone(&gitlab.shared);
        thread::spawn(move || serve::forever(&listener, &shared, tls));
        gitlab
    }

    /// `http://127.0.0.1:PORT`, or where it was started.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API's address, `CI_API_V4_URL`.
    pub fn api(&self) -> String {
        format!("{}/api/v4", self.url())
    }

    /// Where git clones from, without a credential.
    pub fn clone_url(&self) -> String {
        format!("{}/{PATH}.git", self.url())
    }

    /// The bare repository.
    pub fn repository(&self) -> PathBuf {
        self.shared.root.join(format!("{PATH}.git"))
    }

    /// Makes a commit of `files` (path, content) on top of `branch`, as somebody else would, and returns its id.
    pub fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        git::commit(&self.repository(), branch, files)
    }

    /// The commit at the tip of `branch`.
    pub fn tip(&self, branch: &str) -> Option<String> {
        git::tip(&self.repository(), branch)
    }

    /// Runs git in the bare repository and returns what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        git::run(&self.repository(), arguments)
    }

    /// All branches.
    pub fn branches(&self) -> Vec<String> {
        self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/"]).lines().map(str::to_owned).collect()
    }

    /// A new user with `role` and a token of its own: the token.
    pub fn token(&self, role: Role) -> String {
        self.model().add_user(role)
    }

    /// A job token of the running job `job`.
    pub fn job_token(&self, job: u64) -> String {
        self.model().add_job(job)
    }

    /// The user id of `token`.
    pub fn user_of(&self, token: &str) -> u64 {
        self.model().tokens[token]
    }

    /// Sets the status of `job`: `canceled`, …
    pub fn set_job(&self, job: u64, status: &str) {
        self.model().jobs.insert(job, status.to_owned());
    }

    /// A new issue: its number.
    pub fn add_issue(&self, title: &str, description: &str) -> u64 {
        self.model().add_issue(title, description)
    }

    /// A new note of another user on an issue or merge request (`issues/7`): note id and discussion id.
    pub fn add_note(&self, on: &str, body: &str) -> (u64, String) {
        let mut model = self.model();
        let author = model.author;
        model.add_note(on, body, author, None)
    }

    /// The notes on `issues/7` or `merge_requests/9`.
    pub fn notes(&self, on: &str) -> Vec<Note> {
        self.model().notes.iter().filter(|note| note.on == on).cloned().collect()
    }

    /// All merge requests.
    pub fn merge_requests(&self) -> Vec<MergeRequest> {
        self.model().merge_requests.clone()
    }

    /// All emoji.
    pub fn emoji(&self) -> Vec<Emoji> {
        self.model().emoji.clone()
    }

    /// The model, to look at or to change.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.shared.model.lock().unwrap()
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The next `times` requests whose path contains `path` are answered with `status`, and not carried out. `path` may begin
    /// with a method and a blank, and end with `$`, the path's end.
    pub fn fail_next(&self, path: &str, status: u16, headers: &[(&str, &str)], times: usize) {
        self.fault(path, status, headers, None, false, times);
    }

    /// The next request whose path contains `path` is carried out, and answered with `status` all the same.
    pub fn fail_after(&self, path: &str, status: u16) {
        self.fault(path, status, &[], None, true, 1);
    }

    /// The next `times` requests whose path contains `path` are answered with 200 and `body`.
    pub fn garbage_next(&self, path: &str, body: &str, times: usize) {
        self.fault(path, 200, &[], Some(body.to_owned()), false, times);
    }

    fn fault(&self, path: &str, status: u16, headers: &[(&str, &str)], body: Option<String>, after: bool, times: usize) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.shared.faults.lock().unwrap().push(Fault { path: path.to_owned(), status, headers, body, after, times });
    }

    /// Every answer comes so much later.
    pub fn latency(&self, time: Duration) {
        *self.shared.latency.lock().unwrap() = time;
    }

    /// Requests that do not fit GitLab's OpenAPI document.
    pub fn violations(&self) -> Vec<String> {
        self.shared.violations.lock().unwrap().clone()
    }

    /// Where the repositories are.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }
}

impl Drop for GitLab {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.shared.root);
        if !thread::panicking() {
            assert_eq!(self.violations(), Vec::<String>::new(), "requests that do not fit GitLab's OpenAPI document");
        }
    }
}
