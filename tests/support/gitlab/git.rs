//! Git's smart HTTP through `git http-backend` (its manual page), and the bare repository behind it.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use base64::Engine as _;

use super::{Model, Request, Response};

/// What a credential may do with the repository.
pub(super) struct Access {
    user: String,
    role: u64,
    protected: Vec<String>,
}

impl Access {
    pub(super) fn pushes(&self) -> bool {
        self.role >= 30
    }
}

/// Refuses pushes to protected branches as GitLab does.
const HOOK: &str = r#"#!/bin/sh
while read -r old new ref; do
  for pattern in $STANDIN_PROTECTED; do
    case "${ref#refs/heads/}" in
      $pattern)
        [ "$STANDIN_ROLE" -ge 40 ] || {
          echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
          exit 1
        } ;;
    esac
  done
done
"#;

/// A new directory for repositories.
pub(super) fn scratch() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("tidewaiter-gitlab-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    root
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Stand-in").env(format!("GIT_{who}_EMAIL"), "stand-in@gitlab.invalid");
    }
    git
}

/// Runs git in `repository` and returns what it prints.
pub(super) fn run(repository: &Path, arguments: &[&str]) -> String {
    fed(repository, arguments, b"")
}

fn fed(repository: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut git = git();
    git.arg("--git-dir").arg(repository).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(super) fn init(repository: &Path) {
    std::fs::create_dir_all(repository).unwrap();
    run(repository, &["init", "--quiet", "--bare", "--initial-branch=main"]);
    run(repository, &["config", "http.receivepack", "true"]);
    let hook = repository.join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, HOOK).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Makes a commit of `files` on top of `branch` with fast-import (its manual page), and returns its id.
pub(super) fn commit(repository: &Path, branch: &str, files: &[(&str, &str)]) -> String {
    let mut stream = format!("commit refs/heads/{branch}\ncommitter Stand-in <stand-in@gitlab.invalid> 1767348000 +0000\ndata 6\nChange\n");
    if let Some(tip) = tip(repository, branch) {
        stream.push_str(&format!("from {tip}\n"));
    }
    for (path, content) in files {
        stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len()));
    }
    fed(repository, &["fast-import", "--quiet", "--force"], stream.as_bytes());
    tip(repository, branch).unwrap()
}

pub(super) fn tip(repository: &Path, branch: &str) -> Option<String> {
    let reference = format!("refs/heads/{branch}");
    let output = git().arg("--git-dir").arg(repository).args(["rev-parse", "--quiet", "--verify", &reference]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// What the request's Basic credential (RFC 7617) may do: its password is a token, whatever the user's name.
pub(super) fn access(model: &Model, request: &Request) -> Option<Access> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).ok()?).ok()?;
    let (_, token) = pair.split_once(':')?;
    // A job token reads.
    let (user, role) = match model.tokens.get(token) {
        Some(id) => (model.users[id].username.clone(), model.users[id].role),
        None => (format!("job{}", model.job_tokens.get(token)?), 20),
    };
    Some(Access { user, role, protected: model.protected.clone() })
}

pub(super) fn answer(root: &Path, request: &Request, access: Option<Access>) -> Response {
    let Some(access) = access else {
        let headers = vec![("WWW-Authenticate".to_owned(), "Basic realm=\"GitLab\"".to_owned())];
        return Response { status: 401, headers, body: b"HTTP Basic: Access denied.\n".to_vec() };
    };
    let pushes = request.path.ends_with("git-receive-pack") || request.query.contains("git-receive-pack");
    if pushes && !access.pushes() {
        return Response { status: 403, headers: Vec::new(), body: b"You are not allowed to push code to this project.\n".to_vec() };
    }
    backend(root, request, &access)
}

/// Runs the CGI program (RFC 3875).
fn backend(root: &Path, request: &Request, access: &Access) -> Response {
    let mut cgi = git();
    cgi.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", &access.user);
    cgi.env("REQUEST_METHOD", &request.method).env("PATH_INFO", &request.path).env("QUERY_STRING", &request.query);
    cgi.env("CONTENT_LENGTH", request.body.len().to_string()).env("REMOTE_ADDR", "127.0.0.1");
    cgi.env("STANDIN_PROTECTED", access.protected.join(" ")).env("STANDIN_ROLE", access.role.to_string());
    for (name, variable) in
        [("content-type", "CONTENT_TYPE"), ("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")]
    {
        cgi.envs(request.header(name).map(|value| (variable, value)));
    }
    let mut child = cgi.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feeder = std::thread::spawn(move || {
        let _ = input.write_all(&body);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    parsed(&output.stdout)
}

fn parsed(output: &[u8]) -> Response {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut headers: Vec<_> =
        head.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let status = headers.iter().find(|(name, _)| name == "Status").and_then(|(_, value)| value[..3].parse().ok()).unwrap_or(200);
    headers.retain(|(name, _)| name != "Status");
    Response { status, headers, body: output.get(end + 4..).unwrap_or_default().to_vec() }
}
