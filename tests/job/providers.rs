//! A provider that is down, fails, or talks nonsense, with a stand-in for Claude Code and with the real one.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    Scene,
    support::provider::{Failure, Provider, Turn},
    text,
};

/// What Claude Code does with its provider as far as a failure goes: one request that is streamed, and a `result` line.
const CLAUDE: &str = r##"#!/usr/bin/python3
import json, os, sys, urllib.request, urllib.error
sys.stdin.read()
def result(error, words):
    print(json.dumps({"type": "result", "subtype": "success", "is_error": error, "result": words, "num_turns": 1}), flush=True)
    sys.exit(1 if error else 0)
body = {"model": "claude-opus-4-1", "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "go"}]}
request = urllib.request.Request(os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages?beta=true", json.dumps(body).encode(), {
    "content-type": "application/json", "anthropic-version": "2023-06-01", "authorization": "Bearer " + os.environ["ANTHROPIC_AUTH_TOKEN"]})
try:
    text = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).read().decode()
except urllib.error.HTTPError as error:
    result(True, "API Error: %d %s" % (error.code, error.read().decode().replace("\n", " ")))
except Exception as error:
    result(True, "API Error: %s" % error)
if "message_stop" not in text:
    result(True, "API Error: the stream ended early")
open("src/ferry.py", "a").write("# by claude\n")
if "no result" in text:
    sys.exit(0)
result(False, "done")
"##;

/// Puts a program of the name `claude` first in PATH; it is made from `content`.
pub(crate) fn install(scene: &Scene, content: &str) -> PathBuf {
    let directory = scene.scratch.path().join("bin");
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join("claude");
    fs::write(&program, content).unwrap();
    for path in [&program, &directory] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

/// A job whose `claude` is first in PATH in `directory` and whose provider is at `url`.
pub(crate) fn job(scene: &Scene, directory: &Path, url: &str, models: &str) -> Command {
    let mut job = scene.job_by(&format!(
        "version = 1\n[agent]\nkind = \"claude\"\nmodels = [{models}]\n\
         [files]\nread = [\"/usr\", \"/bin\", \"/sbin\", \"/lib\", \"/lib64\", \"/etc\", \"/proc\", \"{}\"]\n\
         [[network.route]]\nprovider = \"anthropic\"\nbase_url = \"{url}\"\n[limits]\ntime = 100\n",
        directory.display()
    ));
    let mut path = directory.as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    job.env("PATH", path).env("ANTHROPIC_API_KEY", "made-up-provider-key");
    job
}

fn run(scene: &Scene, url: &str, models: &str) -> Output {
    job(scene, &install(scene, CLAUDE), url, models).output().unwrap()
}

pub(crate) const MODELS: &str = "\"claude-opus-*\"";

/// How it fails, and what the job's last line says of it.
fn failures() -> Vec<(Turn, &'static str)> {
    vec![
        (Turn::error(500, "api_error", "made-up failure"), "made-up failure"),
        (Turn::error(529, "overloaded_error", "made-up load"), "made-up load"),
        (Turn::error(401, "authentication_error", "made-up refusal"), "made-up refusal"),
        (Turn::Fails(Failure::Garbage), "502"),
        (Turn::Fails(Failure::Cut), "API Error"),
    ]
}

#[test]
fn a_provider_that_answers_well_is_the_control() {
    let scene = Scene::new();
    let provider = Provider::start(vec![Turn::text("Well.")]);
    scene.ended(&run(&scene, &provider.base_url(), MODELS), 0, &["merge request !1 opened"]);
    assert_eq!(provider.requests().len(), 1);
}

#[test]
fn a_provider_that_fails_is_quoted() {
    for (turn, words) in failures() {
        println!("{turn:?}");
        let scene = Scene::new();
        let provider = Provider::start(vec![turn]);
        scene.refused(&run(&scene, &provider.base_url(), MODELS), 67, &["the agent failed", "API Error", words]);
    }
}

#[test]
fn a_provider_that_is_not_there_is_named() {
    let scene = Scene::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(&scene, &format!("http://{free}"), MODELS);
    scene.refused(&output, 67, &["the agent failed", "502", "127.0.0.1"]);
}

#[test]
fn a_stream_without_a_result_is_no_success() {
    let scene = Scene::new();
    let provider = Provider::start(vec![Turn::text("no result")]);
    scene.refused(&run(&scene, &provider.base_url(), MODELS), 67, &["without a result"]);
}

#[test]
fn no_model_that_is_listed_means_none_that_is_let_through() {
    let scene = Scene::new();
    let provider = Provider::start(vec![Turn::text("never said")]);
    scene.refused(&run(&scene, &provider.base_url(), ""), 67, &["API Error", "claude-opus-4-1"]);
    assert!(provider.requests().is_empty());
}

#[test]
fn a_key_that_is_missing_is_said_before_gitlab_is_asked() {
    let scene = Scene::new();
    let output = job(&scene, &install(&scene, CLAUDE), "http://127.0.0.1:9", MODELS).env_remove("ANTHROPIC_API_KEY").output().unwrap();
    scene.ended(&output, 69, &["ANTHROPIC_API_KEY is not set"]);
    scene.unanswered();
}

/// Names the program to test with, where it is not `claude` in PATH.
pub(crate) fn real() -> Option<PathBuf> {
    let named = env::var_os("TIDEWAITER_CLAUDE").map(PathBuf::from);
    named.or_else(|| env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join("claude")).find(|file| file.is_file()))
}

#[test]
fn the_real_claude_fails_as_its_provider_does() {
    let Some(program) = real() else {
        println!("NOT RUN: Claude Code with a provider that fails: no `claude` in PATH; name one in TIDEWAITER_CLAUDE");
        return;
    };
    for (turn, words) in [(Turn::error(401, "authentication_error", "made-up refusal"), "made-up refusal"), (Turn::Fails(Failure::Cut), "")]
    {
        let scene = Scene::new();
        let provider = Provider::start(vec![turn]);
        let program = program.canonicalize().unwrap();
        let directory = install(&scene, "");
        fs::copy(&program, directory.join("claude")).unwrap();
        let output = job(&scene, &directory, &provider.base_url(), MODELS).output().unwrap();
        println!("{}", text(&output));
        // One that retries for longer than the policy's time reaches the limit.
        let code = output.status.code().unwrap();
        assert!(code == 67 || code == 68, "{}", text(&output));
        scene.refused(&output, u8::try_from(code).unwrap(), &[if code == 67 { words } else { "`limits.time`" }]);
    }
}
