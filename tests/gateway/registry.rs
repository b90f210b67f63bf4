//! Registries: real package managers read a made-up package, and nothing else gets through.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempDir;
use tidewaiter::{policy::registry::Kind, provider::registry::tools, secret::Secret};

use crate::{Running, TICKET, status};

/// Media type and bytes by path; an address in the place of a media type is a redirect.
type Pages = BTreeMap<String, (String, Vec<u8>)>;

/// A registry on loopback: pages by path, and whatever was asked of it.
struct Stand {
    url: String,
    pages: Arc<Mutex<Pages>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stand {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stand = Self { url, pages: Arc::default(), asked: Arc::default() };
        let (pages, asked) = (stand.pages.clone(), stand.asked.clone());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().replace("%21", "!").replace("%2F", "%2f");
                asked.lock().unwrap().push(head);
                let found = pages.lock().unwrap().get(&path).cloned();
                let answer = match &found {
                    Some((to, _)) if to.starts_with("http") => {
                        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    }
                    Some((media, body)) => {
                        format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())
                    }
                    None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
                };
                // The client leaves when it likes.
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&found.unwrap_or_default().1));
            }
        });
        stand
    }

    fn page(&self, path: &str, media: &str, body: impl AsRef<[u8]>) {
        self.pages.lock().unwrap().insert(path.to_owned(), (media.to_owned(), body.as_ref().to_owned()));
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn policy(&self, kind: Kind, more: &str) -> String {
        let (name, url) = (kind.name(), &self.url);
        format!(
            "version = 1\n[[network.registry]]\nkind = \"{name}\"\nurl = \"{url}/base\"\n{more}\n\
             [limits]\nrequests = 200\nup_bytes = \"1M\"\ndown_bytes = \"10M\"\n"
        )
    }
}

/// A tool with nothing but what a job tells it, in a home of its own.
struct Tool {
    home: TempDir,
    variables: Vec<(String, String)>,
}

impl Tool {
    fn of(kind: Kind, gateway: &Running) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (variables, files) = tools(kind, &gateway.address.to_string(), &Secret::new(TICKET), home.path());
        for file in files {
            let path = home.path().join(file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.text).unwrap();
        }
        Self { home, variables }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a line of shell in the home; none, said aloud, where the tool is not installed.
    fn run(&self, tool: &str, line: &str) -> Option<Output> {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache"), PathBuf::from);
        // Where tests/setup.sh installs some.
        let path = format!("{}:{}", cache.join("tidewaiter/tools/bin").display(), std::env::var("PATH").unwrap());
        let shell = |line: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", line]).env("PATH", &path);
            command
        };
        if !shell(&format!("{tool} --version || {tool} version")).output().unwrap().status.success() {
            println!("NOT RUN: {tool} through the gateway: it is not installed");
            return None;
        }
        let mut command = shell(line);
        command.current_dir(self.path()).env("HOME", self.path());
        for name in [
            "CARGO_HOME",
            "CARGO_BUILD_TARGET",
            "GRADLE_USER_HOME",
            "MAVEN_OPTS",
            "UV_CACHE_DIR",
            "CARGO_TARGET_DIR",
            "GOFLAGS",
            "GOPATH",
            "PIP_CONFIG_FILE",
            "RUSTC_WRAPPER",
        ] {
            command.env_remove(name);
        }
        // Where a tool is a link to a manager of versions, it looks for them in the home.
        for (name, below) in [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")] {
            if std::env::var_os(name).is_none() {
                command.env(name, Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(below));
            }
        }
        Some(command.envs(self.variables.clone()).output().unwrap())
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn works(output: &Output, says: &str) {
    assert!(output.status.success() && told(output).contains(says), "{}", told(output));
}

/// Packs `files` with the host's own tar or Python.
fn packed(format: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let names: Vec<_> = files.iter().map(|(path, _)| *path).collect();
    let line = match format {
        "tar" => format!("tar czf packed {}", names.join(" ")),
        _ => format!(
            "python3 -c 'import sys, zipfile; z = zipfile.ZipFile(\"packed\", \"w\"); [z.write(n) for n in sys.argv[1:]]; z.close()' {}",
            names.join(" ")
        ),
    };
    assert!(Command::new("sh").args(["-c", &line]).current_dir(directory.path()).status().unwrap().success(), "{line}");
    fs::read(directory.path().join("packed")).unwrap()
}

/// That no request held the ticket, or any field that names the client.
fn nothing_leaked(stand: &Stand) {
    for head in stand.asked() {
        let head = head.to_lowercase();
        assert!(head.starts_with("get ") || head.starts_with("head "), "{head}");
        assert!(!head.contains(TICKET) && !head.contains("authorization") && head.contains("user-agent: tidewaiter\r\n"), "{head}");
    }
}

/// A registry with the package `@team/left`.
fn of_npm() -> Stand {
    let stand = Stand::start();
    let tarball = packed(
        "tar",
        &[("package/package.json", r#"{"name":"@team/left","version":"1.0.0"}"#), ("package/index.js", "module.exports = 'made up'")],
    );
    let dist = json!({ "tarball": format!("{}/base/@team/left/-/left-1.0.0.tgz", stand.url),
        "integrity": format!("sha512-{}", STANDARD.encode(Sha512::digest(&tarball))) });
    let page = json!({ "name": "@team/left", "dist-tags": { "latest": "1.0.0" }, "time": { "1.0.0": "2020-01-01T00:00:00.000Z" },
        "versions": { "1.0.0": { "name": "@team/left", "version": "1.0.0", "dist": dist } } });
    stand.page("/base/@team%2fleft", "application/json", page.to_string());
    stand.page("/base/@team/left/-/left-1.0.0.tgz", "application/octet-stream", tarball);
    stand
}

#[test]
fn npm_installs_a_package_and_publishes_none() {
    let stand = of_npm();
    let gateway = Running::start(&stand.policy(Kind::Npm, ""));
    let tool = Tool::of(Kind::Npm, &gateway);
    tool.write("package.json", r#"{"name":"own","version":"1.0.0"}"#);
    let Some(output) = tool.run("npm", "npm install @team/left && node -p 'require(\"@team/left\")' && cat package-lock.json") else {
        return;
    };
    works(&output, "made up");
    assert!(!told(&output).contains("127.0.0.1"), "the lock file names the gateway: {}", told(&output));
    nothing_leaked(&stand);
    let output = tool.run("npm", "npm publish --access public").unwrap();
    assert!(!output.status.success() && told(&output).contains("registry/method"), "{}", told(&output));
    // It reads first whether there is such a version.
    nothing_leaked(&stand);
}

#[test]
fn pnpm_and_yarn_install_a_package() {
    for (tool, add, lock) in
        [("pnpm", "pnpm add @team/left", "pnpm-lock.yaml"), ("yarn", "YARN_NODE_LINKER=node-modules yarn add @team/left", "yarn.lock")]
    {
        let stand = of_npm();
        let gateway = Running::start(&stand.policy(Kind::Npm, ""));
        let home = Tool::of(Kind::Npm, &gateway);
        home.write("package.json", r#"{"name":"own","version":"1.0.0"}"#);
        // So that it is a project of its own, whatever stands above.
        home.write("yarn.lock", "");
        if tool == "yarn" && home.run(tool, "yarn --version").is_some_and(|output| told(&output).starts_with("1.")) {
            println!("NOT RUN: yarn through the gateway: it is of version 1");
            continue;
        }
        let Some(output) = home.run(tool, &format!("{add} && node -p 'require(\"@team/left\")' && cat {lock}")) else { continue };
        works(&output, "made up");
        assert!(!told(&output).contains("127.0.0.1"), "the lock file names the gateway: {}", told(&output));
        nothing_leaked(&stand);
    }
}

/// An index with the package `left`, and the host that has its file.
fn of_pypi() -> (Stand, Stand) {
    let (stand, files) = (Stand::start(), Stand::start());
    let info = "left-1.0.dist-info";
    let wheel = packed(
        "zip",
        &[
            ("left.py", "said = 'made up'\n"),
            (&format!("{info}/METADATA"), "Metadata-Version: 2.1\nName: left\nVersion: 1.0\n"),
            (&format!("{info}/WHEEL"), "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (&format!("{info}/RECORD"), ""),
        ],
    );
    let page = format!(
        "<!DOCTYPE html><html><body><a href=\"{}/packages/left-1.0-py3-none-any.whl\">left-1.0-py3-none-any.whl</a></body></html>",
        files.url
    );
    stand.page("/base/left/", "text/html", page);
    files.page("/packages/left-1.0-py3-none-any.whl", "application/octet-stream", wheel);
    (stand, files)
}

#[test]
fn pip_and_uv_install_a_package_whose_file_is_elsewhere() {
    for tool in ["python3 -m pip", "uv"] {
        let (stand, files) = of_pypi();
        let gateway = Running::start(&stand.policy(Kind::Pypi, &format!("files = [\"{}\"]", files.url)));
        let install = if tool == "uv" { "uv pip" } else { tool };
        let line = format!("{install} install --target here left && PYTHONPATH=here python3 -c 'import left; print(left.said)'");
        let Some(output) = Tool::of(Kind::Pypi, &gateway).run(tool, &line) else { continue };
        works(&output, "made up");
        nothing_leaked(&stand);
        nothing_leaked(&files);
    }
}

#[test]
fn cargo_builds_with_a_crate() {
    let stand = Stand::start();
    let gateway = Running::start(&stand.policy(Kind::Crates, ""));
    let tool = Tool::of(Kind::Crates, &gateway);
    let krate = packed(
        "tar",
        &[
            ("left-1.0.0/Cargo.toml", "[package]\nname = \"left\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"),
            ("left-1.0.0/src/lib.rs", "pub fn said() -> &'static str { \"made up\" }\n"),
        ],
    );
    let sum = Sha256::digest(&krate).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    stand.page(
        "/base/config.json",
        "application/json",
        json!({ "dl": format!("{}/api/v1/crates", stand.url), "api": stand.url }).to_string(),
    );
    stand.page(
        "/base/le/ft/left",
        "text/plain",
        json!({ "name": "left", "vers": "1.0.0", "deps": [], "cksum": sum, "features": {}, "yanked": false }).to_string(),
    );
    stand.page("/api/v1/crates/left/1.0.0/download", "application/octet-stream", krate);
    tool.write("Cargo.toml", "[package]\nname = \"own\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\nleft = \"1\"\n");
    tool.write("src/main.rs", "fn main() { println!(\"{}\", left::said()); }\n");
    let Some(output) = tool.run("cargo", "cargo fetch && cat Cargo.lock .cargo/registry/src/*/left-1.0.0/src/lib.rs") else { return };
    works(&output, "made up");
    let lock = fs::read_to_string(tool.path().join("Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"left\"") && !lock.contains("127.0.0.1"), "{lock}");
    nothing_leaked(&stand);
}

#[test]
fn go_builds_with_listed_modules_alone() {
    let stand = Stand::start();
    let gateway = Running::start(&stand.policy(Kind::Go, "modules = [\"git.example/Team\"]"));
    let tool = Tool::of(Kind::Go, &gateway);
    let (module, at) = ("module git.example/Team/left\n", "/base/git.example/!team/left/@v");
    let zip = packed(
        "zip",
        &[
            ("git.example/Team/left@v1.0.0/go.mod", module),
            ("git.example/Team/left@v1.0.0/left.go", "package left\n\nfunc Said() string { return \"made up\" }\n"),
        ],
    );
    stand.page(&format!("{at}/list"), "text/plain", "v1.0.0\n");
    stand.page(&format!("{at}/v1.0.0.info"), "application/json", r#"{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z"}"#);
    stand.page(&format!("{at}/v1.0.0.mod"), "text/plain", module);
    stand.page(&format!("{at}/v1.0.0.zip"), "application/zip", zip);
    tool.write("go.mod", "module git.example/own\n\ngo 1.19\n\nrequire git.example/Team/left v1.0.0\n");
    tool.write("main.go", "package main\n\nimport \"git.example/Team/left\"\n\nfunc main() { println(left.Said()) }\n");
    let Some(output) = tool.run("go", "GOFLAGS=-mod=mod go run .; status=$?; chmod -R u+w go; exit $status") else { return };
    works(&output, "made up");
    nothing_leaked(&stand);
    let before = stand.asked().len();
    let output = tool.run("go", "go list -m evil.example/secret@latest").unwrap();
    assert!(!output.status.success() && told(&output).contains("registry/module"), "{}", told(&output));
    assert_eq!(stand.asked().len(), before);
    assert!(gateway.records(1).iter().all(|record| !record.to_string().contains(TICKET)));
}

#[test]
fn maven_finds_a_parent() {
    let stand = Stand::start();
    let gateway = Running::start(&stand.policy(Kind::Maven, ""));
    let tool = Tool::of(Kind::Maven, &gateway);
    let pom = |id: &str, more: &str| {
        format!(
            "<project><modelVersion>4.0.0</modelVersion>{more}<groupId>example</groupId><artifactId>{id}</artifactId><version>1.0</version><packaging>pom</packaging></project>"
        )
    };
    stand.page("/base/example/left/1.0/left-1.0.pom", "text/xml", pom("left", ""));
    tool.write(
        "pom.xml",
        &pom("own", "<parent><groupId>example</groupId><artifactId>left</artifactId><version>1.0</version><relativePath/></parent>"),
    );
    let Some(output) = tool.run("mvn", "mvn -B validate") else { return };
    works(&output, "BUILD SUCCESS");
    nothing_leaked(&stand);
}

#[test]
fn gradle_finds_a_package_and_a_plugin() {
    let stand = Stand::start();
    let gateway = Running::start(&stand.policy(Kind::Maven, ""));
    let tool = Tool::of(Kind::Maven, &gateway);
    let pom = |group: &str, id: &str| {
        format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId><artifactId>{id}</artifactId><version>1.0</version></project>"
        )
    };
    for (group, id) in [("example", "left"), ("example", "helper")] {
        stand.page(&format!("/base/{group}/{id}/1.0/{id}-1.0.pom"), "text/xml", pom(group, id));
        stand.page(&format!("/base/{group}/{id}/1.0/{id}-1.0.jar"), "application/java-archive", packed("zip", &[("left.txt", "made up")]));
    }
    tool.write("settings.gradle", "rootProject.name = 'own'\n");
    tool.write(
        "build.gradle",
        "buildscript {\n    repositories { maven { url 'https://plugins.example/m2' } }\n    dependencies { classpath 'example:helper:1.0' }\n}\n\
         repositories { mavenCentral() }\nconfigurations { own }\ndependencies { own 'example:left:1.0' }\n\
         task show { doLast { println 'found ' + configurations.own.files*.name } }\n",
    );
    let Some(output) = tool.run("gradle", "gradle --no-daemon --console plain show; status=$?; gradle --stop >/dev/null; exit $status")
    else {
        return;
    };
    works(&output, "found [left-1.0.jar]");
    nothing_leaked(&stand);
}

#[test]
fn what_is_no_read_of_a_package_reaches_nobody() {
    let stand = Stand::start();
    stand.page("/base/left", "application/json", json!({ "versions": {}, "name": "left" }).to_string());
    stand.page("/base/away", "https://evil.example/x", "");
    stand.page("/base/moved", &format!("{}/base/left", stand.url), "");
    let gateway = Running::start(&stand.policy(Kind::Npm, ""));
    let ask = |line: &str, fields: &str| gateway.raw(format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n"));
    let ticket = format!("Authorization: Bearer {TICKET}\r\n");
    let get = "GET /registry/npm/left";
    for (line, fields, code, rule) in [
        (get, String::new(), 401, "gateway/ticket"),
        (get, "Authorization: Bearer npm_made_up\r\n".to_owned(), 401, "gateway/ticket"),
        (get, format!("{ticket}Authorization: Basic {}\r\n", STANDARD.encode("me:own")), 401, "gateway/ticket"),
        ("GET /registry/npm/~wrong/left", String::new(), 401, "gateway/ticket"),
        (get, format!("{ticket}npm-otp: 123456\r\n"), 403, "registry/credential"),
        (get, format!("{ticket}content-length: 4\r\n\r\nbody"), 403, "registry/body"),
        ("PUT /registry/npm/left", format!("{ticket}content-length: 2\r\n\r\n{{}}"), 403, "registry/method"),
        ("POST /registry/npm/-/npm/v1/security/audits", ticket.clone(), 403, "registry/method"),
        ("DELETE /registry/npm/left/-rev/1", ticket.clone(), 403, "registry/method"),
        ("GET /registry/npm/left?write=true", ticket.clone(), 403, "registry/query"),
        ("GET /registry/npm/-/whoami", ticket.clone(), 403, "registry/path"),
        ("GET /registry/npm/../left", ticket.clone(), 403, "registry/path"),
        ("GET /registry/npm/http://evil.example/x.tgz", ticket.clone(), 403, "registry/path"),
        ("GET /registry/npm/~9/x/y.tgz", ticket.clone(), 403, "registry/path"),
        ("GET /registry/pypi/left/", ticket.clone(), 403, "registry/kind"),
        ("GET /registry", ticket.clone(), 403, "registry/kind"),
    ] {
        let answer = ask(line, &fields);
        assert!(status(&answer) == code && answer.contains(rule), "{line} {fields}: {answer}");
    }
    assert!(stand.asked().is_empty(), "{:?}", stand.asked());
    assert_eq!(status(&ask(get, &ticket)), 200);
    assert_eq!(status(&ask(&format!("GET /registry/npm/~{TICKET}/left"), "")), 200);
    assert_eq!(status(&ask("HEAD /registry/npm/left", &ticket)), 200);
    let answer = ask("GET /registry/npm/moved", &ticket);
    assert!(answer.contains(&format!("location: http://{}/registry/npm/left\r\n", gateway.address)), "{answer}");
    let answer = ask("GET /registry/npm/away", &ticket);
    assert!(status(&answer) == 502 && answer.contains("registry/redirect") && !answer.contains("evil.example"), "{answer}");
    nothing_leaked(&stand);
    let record = &gateway.records(18)[17];
    assert_eq!(
        (&record["way"], &record["path"], &record["rule"]),
        (&json!("registry"), &json!("/registry/npm/left"), &json!("network/registry"))
    );
    assert!(!record.to_string().contains(TICKET));
}

#[test]
fn a_page_counts_while_it_comes() {
    let stand = Stand::start();
    stand.page("/base/large", "application/json", vec![b' '; 20 << 20]);
    let gateway = Running::start(&stand.policy(Kind::Npm, ""));
    let ask = || gateway.raw(format!("GET /registry/npm/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TICKET}\r\n\r\n"));
    let answer = ask();
    assert!(status(&answer) == 403 && answer.contains("limits/down_bytes"), "{answer}");
    let down = gateway.records(1)[0]["down"].as_u64().unwrap();
    assert!((10_000_000..12_000_000).contains(&down), "{down} bytes were read although the policy says 10M");
    let answer = ask();
    assert!(status(&answer) == 403 && stand.asked().len() == 1, "{answer}");
}
