//! The real Claude Code against the scripted provider, through the gateway. Everything runs in a network namespace with
//! nothing but loopback, so that no packet can leave whatever the program tries.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    KEY, Running, TICKET, route_policy,
    support::provider::{Block, Provider, Turn},
};

/// Names the program to test with, where it is not `claude` in PATH.
const VARIABLE: &str = "TIDEWAITER_CLAUDE";

/// A PNG of one red pixel.
const RED: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Some(named.into());
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join("claude")).find(|file| file.is_file())
}

/// Runs the `count` tests `filter…` of this very binary with Claude Code.
pub(crate) fn with_claude(what: &str, filter: &str, count: usize) {
    apart(what, program(), &format!("no `claude` in PATH; name one in {VARIABLE}"), filter, count);
}

/// Runs the `count` tests `filter…` of this very binary in a network namespace of their own, where there is the `program` that they need.
#[allow(clippy::explicit_write, reason = "the harness would hold back what `eprintln!` says")]
pub(crate) fn apart(what: &str, program: Option<PathBuf>, missing: &str, filter: &str, count: usize) {
    let not_run = |why: &str| writeln!(std::io::stderr(), "NOT RUN: {what}: {why}").unwrap();
    if program.is_none() {
        return not_run(missing);
    }
    let user = if nix::unistd::geteuid().is_root() { "-n" } else { "-rn" };
    if !Command::new("unshare").args([user, "true"]).status().is_ok_and(|status| status.success()) {
        return not_run("network namespaces cannot be made here");
    }
    let script = "ip link set lo up && exec \"$0\" \"$1\" --ignored --nocapture";
    let output = Command::new("unshare").args([user, "sh", "-c", script]).arg(env::current_exe().unwrap()).arg(filter).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains(&format!("{count} passed")), "{text}");
}

#[test]
fn the_real_claude_gets_through_and_its_web_search_does_not() {
    with_claude("Claude Code through the gateway", "claude::inside", 2);
}

/// Three turns with tools: `look` in a shell, and a file that is written and read.
pub(crate) fn opening(work: &str, look: &str) -> Vec<Turn> {
    let look = Block::Tool { name: "Bash".to_owned(), input: json!({ "command": look, "description": "look" }) };
    vec![
        Turn::Says(vec![Block::Text("First a look.".to_owned()), look]),
        Turn::tool("Write", json!({ "file_path": format!("{work}/new.txt"), "content": "written\n" })),
        Turn::tool("Read", json!({ "file_path": format!("{work}/new.txt") })),
    ]
}

/// That its last words came and the file of [`opening`] was written. `work` is removed; the gateway's records come back.
pub(crate) fn all_done(work: &Path, gateway: &Running, text: &str, result: &Value) -> Vec<Value> {
    let written = fs::read_to_string(work.join("new.txt"));
    fs::remove_dir_all(work).unwrap();
    let records = gateway.records(1);
    assert_eq!((&result["is_error"], &result["result"]), (&json!(false), &json!("All done.")), "{records:#?}\n{text}");
    assert_eq!(written.unwrap(), "written\n");
    records
}

fn script(work: &str) -> Vec<Turn> {
    let rest = [
        Turn::tool("Read", json!({ "file_path": format!("{work}/red.png") })),
        Turn::tool("WebFetch", json!({ "url": "https://host.example/page", "prompt": "what is there" })),
        Turn::tool("WebSearch", json!({ "query": "made up words" })),
        Turn::text("All done."),
    ];
    opening(work, "echo marker-of-bash").into_iter().chain(rest).collect()
}

/// The variables by which it comes to the Claude API's route.
fn route(gateway: &Running) -> Vec<(String, String)> {
    let base = ("ANTHROPIC_BASE_URL".to_owned(), format!("http://{}/anthropic", gateway.address));
    vec![base, ("ANTHROPIC_AUTH_TOKEN".to_owned(), TICKET.to_owned())]
}

/// Runs Claude Code in `work` through `gateway`, told of its provider by `variables`, and gives its output and its `result` line.
pub(crate) fn claude(work: &Path, gateway: &Running, variables: &[(String, String)], more: &[&str]) -> (String, Value) {
    let proxy = format!("http://tidewaiter:{TICKET}@{}", gateway.address);
    let output = Command::new(program().unwrap())
        .args(["-p", "Do the task", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits"])
        .args(["--allowedTools", "Bash,Read,Write,WebFetch,WebSearch", "--max-turns", "20"])
        .args(more)
        .current_dir(work)
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap())
        .env("HOME", work.join("home"))
        .env("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "1")
        .envs(variables.iter().cloned())
        .envs([("HTTPS_PROXY", &proxy), ("HTTP_PROXY", &proxy)])
        .envs([("NO_PROXY", "127.0.0.1,localhost"), ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("DISABLE_UPDATES", "1")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = text.lines().filter_map(|line| serde_json::from_str(line).ok()).find(|line: &Value| line["type"] == "result");
    (text, result.unwrap())
}

pub(crate) fn place(name: &str) -> PathBuf {
    let work = env::temp_dir().join(format!("tidewaiter-test-claude-{name}-{}", std::process::id()));
    fs::create_dir_all(work.join("home")).unwrap();
    work
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_a_refused_model_is_named() {
    let work = place("model");
    let provider = Provider::start(vec![Turn::text("never said")]);
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let (text, result) = claude(&work, &gateway, &route(&gateway), &["--model", "claude-sonnet-4-5"]);
    fs::remove_dir_all(&work).unwrap();
    assert_eq!(result["is_error"], true, "{text}");
    assert!(text.contains("the policy does not list the model `claude-sonnet-4-5"), "{text}");
    assert!(provider.requests().is_empty());
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_a_whole_run() {
    let work = place("run");
    fs::write(work.join("red.png"), STANDARD.decode(RED).unwrap()).unwrap();
    let work_path = work.to_str().unwrap();
    let provider = Provider::start(script(work_path));
    let gateway = Running::start(&route_policy(&provider.base_url()));
    let (text, result) = claude(&work, &gateway, &route(&gateway), &[]);
    let records = all_done(&work, &gateway, &text, &result);

    let sent = provider.requests();
    assert!(sent.len() >= 5, "{}", sent.len());
    assert!(sent.iter().all(|request| request.header("x-api-key") == Some(KEY) && request.header("authorization").is_none()));
    assert!(sent.iter().all(|request| !String::from_utf8_lossy(&request.body).contains(TICKET)));
    let last = sent.last().unwrap().json().to_string();
    assert!(last.contains("marker-of-bash"));
    // The refusal reached the model in words.
    assert!(last.contains("the tool type `web_search_20250305` is not allowed"), "{last}");

    assert!(last.contains("\"type\":\"base64\""), "the picture went along");

    let refused: Vec<_> = records.iter().filter(|record| record["allowed"] == false && record["method"] != "HEAD").collect();
    assert!(refused.iter().any(|record| record["rule"] == "route/tool"), "{refused:#?}");
    assert!(refused.iter().any(|record| record["rule"] == "network/tunnel" && record["method"] == "CONNECT"), "{refused:#?}");
    assert!(refused.iter().all(|record| record["rule"] == "route/tool" || record["rule"] == "network/tunnel"), "{refused:#?}");
    assert_eq!(records.iter().filter(|record| record["allowed"] == true).count(), sent.len());
}
