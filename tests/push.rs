//! Push and fetch against git's own smart HTTP server on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use support::{
    proxy::{PEERS_LOGIN, PROXY, Peer, Stands, in_a_network},
    repo::{Scene, run_git},
};
use tidewaiter::{
    exit::Exit,
    git::{ASKPASS_VARIABLE, Branch, Error, Expect, Identity, Oid, Remote, Repository},
    secret::Secret,
    upstream::Proxy,
};

const TOKEN: &str = "made-up-push-token";

/// `git http-backend` behind a password; a redirect where the path asks for one.
const SERVER: &str = r#"
import base64, http.server, os, subprocess, sys
ROOT, TOKEN = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    def log_message(self, *_): pass
    def serve(self):
        if self.path.startswith("/elsewhere/"):
            self.send_response(302); self.send_header("Location", self.path.replace("/elsewhere/", "/")); self.end_headers(); return
        expected = "Basic " + base64.b64encode(("oauth2:" + TOKEN).encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401); self.send_header("WWW-Authenticate", "Basic realm=git"); self.end_headers(); return
        body, length = b"", self.headers.get("Content-Length")
        if length: body = self.rfile.read(int(length))
        elif self.headers.get("Transfer-Encoding") == "chunked":
            while (size := int(self.rfile.readline(), 16)): body += self.rfile.read(size); self.rfile.readline()
        path, _, query = self.path.partition("?")
        env = dict(PATH=os.environ["PATH"], GIT_PROJECT_ROOT=ROOT, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""), REMOTE_USER="x",
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""), GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            CONTENT_LENGTH=str(len(body)), GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null")
        out = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        status = 200
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        for name, value in lines:
            if name == "Status": status = int(value.split()[0])
        self.send_response(status)
        for name, value in lines:
            if name != "Status": self.send_header(name, value)
        self.end_headers(); self.wfile.write(rest)
    do_GET = do_POST = serve
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(scene: &Scene) -> Server {
    run_git(scene.path(), &["clone", "-q", "--bare", "checkout", "project.git"]);
    run_git(&scene.path().join("project.git"), &["config", "http.receivepack", "true"]);
    let mut child = Command::new("python3").args(["-c", SERVER]).arg(scene.path()).arg(TOKEN).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Server { child, port: line.trim().parse().unwrap() }
}

/// Stands for this program: answers as it does, and writes down what it was given.
fn askpass(scene: &Scene) -> PathBuf {
    let path = scene.path().join("askpass");
    let log = scene.path().join("askpass.log");
    let script = format!(
        "#!/bin/sh\n{{ echo \"$1\"; tr '\\0' '\\n' < /proc/$PPID/cmdline; env; }} >> {}\ncase \"$1\" in Username*) echo oauth2 ;; *) cat /proc/self/fd/${ASKPASS_VARIABLE} ;; esac\n",
        log.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn remote(scene: &Scene, server: &Server, token: &str) -> Remote {
    let url = format!("http://127.0.0.1:{}/project.git", server.port);
    Remote { url, token: Secret::new(token), askpass: askpass(scene), ca_file: None, proxy: None }
}

fn commit(repository: &Repository, name: &str) -> Oid {
    let by = Identity { name: "Tidewaiter".into(), email: "bot@localhost".into(), seconds: 1_700_000_000 };
    let head = repository.resolve("HEAD").unwrap();
    repository.commit(repository.tree_of(head).unwrap(), &[head], name, &by).unwrap()
}

fn branch(name: &str) -> Branch {
    Branch::new(name).unwrap()
}

#[test]
fn one_branch_arrives_and_the_token_is_nowhere_to_be_seen() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let (repository, remote) = (scene.repository(), remote(&scene, &server, TOKEN));
    let oid = commit(&repository, "work");
    repository.push(&remote, oid, &branch("tidewaiter/1"), Expect::Absent).unwrap();
    let there = run_git(&scene.path().join("project.git"), &["for-each-ref", "--format=%(refname) %(objectname)"]);
    assert!(there.contains(&format!("refs/heads/tidewaiter/1 {oid}")), "{there}");
    assert_eq!(there.lines().count(), 2, "main and the new one, no tag: {there}");
    let log = fs::read_to_string(scene.path().join("askpass.log")).unwrap();
    assert!(log.contains("Password for") && !log.contains(TOKEN), "the token is in no argument and no environment");
    let fetched = repository.fetch(&remote, &branch("tidewaiter/1"), 1).unwrap();
    assert_eq!(fetched, oid);
}

#[test]
fn a_branch_that_is_there_already_is_not_overwritten() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let (repository, remote) = (scene.repository(), remote(&scene, &server, TOKEN));
    let (first, second) = (commit(&repository, "first"), commit(&repository, "second"));
    repository.push(&remote, first, &branch("x"), Expect::Absent).unwrap();
    for expect in [Expect::Absent, Expect::Ancestor] {
        let error = repository.push(&remote, second, &branch("x"), expect).unwrap_err();
        assert!(matches!(error, Error::Rejected { .. }), "{error}");
        assert_eq!(error.exit(), Exit::Remote);
    }
    assert_eq!(run_git(&scene.path().join("project.git"), &["rev-parse", "x"]).trim(), first.to_string());
    let by = Identity { name: "T".into(), email: "t@localhost".into(), seconds: 1_700_000_001 };
    let next = repository.commit(repository.tree_of(first).unwrap(), &[first], "next", &by).unwrap();
    repository.push(&remote, next, &branch("x"), Expect::Ancestor).unwrap();
}

#[test]
fn a_branch_that_the_server_protects() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let hook = scene.path().join("project.git/hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho 'GitLab: You are not allowed to push' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let repository = scene.repository();
    let error = repository.push(&remote(&scene, &server, TOKEN), commit(&repository, "x"), &branch("x"), Expect::Absent).unwrap_err();
    assert!(matches!(&error, Error::Rejected { reason, .. } if reason.contains("not allowed to push")), "{error}");
}

#[test]
fn a_wrong_token_a_missing_branch_and_a_dead_server_are_told_apart() {
    let scene = Scene::plain();
    let server = serve(&scene);
    let repository = scene.repository();
    let oid = commit(&repository, "x");
    let wrong = remote(&scene, &server, "made-up-wrong-token");
    let error = repository.push(&wrong, oid, &branch("x"), Expect::Absent).unwrap_err();
    assert!(matches!(error, Error::Authentication { .. }) && !error.to_string().contains("made-up"), "{error}");
    let right = remote(&scene, &server, TOKEN);
    let error = repository.fetch(&right, &branch("missing"), 1).unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }), "{error}");
    let redirected = Remote { url: right.url.replace("/project.git", "/elsewhere/project.git"), ..right.clone() };
    assert!(repository.push(&redirected, oid, &branch("y"), Expect::Absent).is_err(), "the token follows no redirect");
    drop(server);
    let error = repository.push(&right, oid, &branch("x"), Expect::Absent).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Remote);
}

#[test]
fn git_goes_through_the_proxy_and_nowhere_else() {
    for (program, port) in [("tinyproxy", 8888), ("squid", 3128)] {
        in_a_network(&[("git.example", "93.184.216.40")], || {
            let scene = Scene::plain();
            let server = serve(&scene);
            let stands = Stands::at("93.184.216.40", server.port);
            let folder = tempfile::tempdir().unwrap();
            let Some(_peer) = Peer::start(program, port, server.port, folder.path()) else {
                return println!("NOT RUN: {program} is not installed");
            };
            let through = |port: u16, login: &str| {
                let proxy = Proxy::open(format!("{PROXY}:{port}").parse().unwrap(), vec![], false);
                let proxy = Some(proxy.with_credential(Secret::new(login)).unwrap());
                // The program itself, which tells the two passwords apart.
                let askpass = PathBuf::from(env!("CARGO_BIN_EXE_tidewaiter"));
                let url = format!("http://git.example:{}/project.git", server.port);
                Remote { url, token: Secret::new(TOKEN), askpass, ca_file: None, proxy }
            };
            let repository = scene.repository();
            let oid = commit(&repository, "work");
            // tinyproxy answers with 401 where it should with 407, which over plain HTTP looks like GitLab's own.
            let denied = if program == "squid" { "407" } else { "Authentication failed" };
            for (remote, word) in [(through(9, PEERS_LOGIN), "port 9"), (through(port, "made-up-user:wrong"), denied)] {
                let error = repository.push(&remote, oid, &branch("tidewaiter/1"), Expect::Absent).unwrap_err();
                let said = error.to_string();
                assert_eq!(error.exit(), Exit::Remote);
                assert!(said.contains(&format!("through the upstream proxy http://{PROXY}:")) && said.contains(word), "{program}: {said}");
                assert!(!said.contains("made-up-password") && !said.contains(TOKEN), "{said}");
            }
            assert_eq!(stands.connections(), 0, "nothing goes round it");
            let remote = through(port, PEERS_LOGIN);
            repository.push(&remote, oid, &branch("tidewaiter/1"), Expect::Absent).unwrap();
            assert_eq!(repository.fetch(&remote, &branch("tidewaiter/1"), 1).unwrap(), oid);
            assert!(stands.connections() > 0);
        });
    }
}
