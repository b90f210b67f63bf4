//! Git's own smart HTTP server on loopback, behind a password.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tidewaiter::{
    git::{ASKPASS_VARIABLE, Branch, Identity, Oid, Remote, Repository},
    secret::Secret,
};

use super::repo::{Scene, run_git};

pub const TOKEN: &str = "made-up-push-token";

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

pub struct Server {
    child: Child,
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn serve(scene: &Scene) -> Server {
    run_git(scene.path(), &["clone", "-q", "--bare", "checkout", "project.git"]);
    run_git(&scene.path().join("project.git"), &["config", "http.receivepack", "true"]);
    let mut child = Command::new("python3").args(["-c", SERVER]).arg(scene.path()).arg(TOKEN).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Server { child, port: line.trim().parse().unwrap() }
}

/// Stands for this program: answers as it does, and writes down what it was given.
pub fn askpass(scene: &Scene) -> PathBuf {
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

pub fn remote(scene: &Scene, server: &Server, token: &str) -> Remote {
    let url = format!("http://127.0.0.1:{}/project.git", server.port);
    Remote { url, token: Secret::new(token), askpass: askpass(scene), ca_file: None, proxy: None }
}

pub fn commit(repository: &Repository, name: &str) -> Oid {
    commit_tree(repository, repository.tree_of(repository.resolve("HEAD").unwrap()).unwrap(), name)
}

/// A commit of `tree` on the checkout's.
pub fn commit_tree(repository: &Repository, tree: Oid, name: &str) -> Oid {
    let by = Identity { name: "Tidewaiter".into(), email: "bot@localhost".into(), seconds: 1_700_000_000 };
    repository.commit(tree, &[repository.resolve("HEAD").unwrap()], name, &by).unwrap()
}

pub fn branch(name: &str) -> Branch {
    Branch::new(name).unwrap()
}
