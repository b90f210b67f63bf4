//! The route to Vertex AI: whose project, which regions, and access tokens that the gateway alone holds.

use std::{
    fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tidewaiter::{
    agent,
    policy::{Policy, Provider as Name, Source},
    provider,
};

use crate::{
    Running, TICKET,
    claude::{self, all_done, claude, place},
    route::tls,
    spec, status,
    support::{
        google::{ACCOUNT, Failure, Google, ID_TOKEN, KEY, MARK, POOL, PROJECT},
        provider::{Block, Provider, Turn},
    },
};

const CALL: &str = "claude-opus-4-8:rawPredict";
const STREAM: &str = "claude-opus-4-8:streamRawPredict";

/// The variables of a job with an ID token.
fn federated() -> Vec<(&'static str, String)> {
    [
        ("GITLAB_OIDC_TOKEN", ID_TOKEN),
        ("GCP_WORKLOAD_IDENTITY_PROVIDER", POOL),
        ("GCP_SERVICE_ACCOUNT", ACCOUNT),
        ("GCP_PROJECT_ID", PROJECT),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// A policy with a route to `vertex`, whose tokens come from `google`.
fn policy(vertex: &str, google: &str, more: &str) -> String {
    format!(
        "version = 1\n[agent]\nmodels = [\"claude-opus-*\", \"claude-haiku-*\", \"claude-sonnet-*\"]\n[[network.route]]\nprovider = \"vertex\"\n\
         base_url = \"{vertex}/{{region}}\"\nregions = [\"europe-west1\", \"global\"]\ntoken_url = \"{google}\"\niam_url = \"{google}\"\n\
         oauth_url = \"{google}/token\"\n{more}\n[limits]\nrequests = 5000\nup_bytes = \"1G\"\ndown_bytes = \"1G\"\n"
    )
}

/// A gateway under `policy` in a job with `variables`.
fn gateway(policy: &str, variables: &[(&'static str, String)]) -> Running {
    let text = policy.to_owned();
    let route = Policy::compose(vec![Source { name: "test".to_owned(), text }]).unwrap().network.routes.remove(0);
    let found = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone());
    let credential = provider::credential(&route, found).unwrap();
    let mut spec = spec(policy);
    spec.credentials = [(Name::Vertex, credential)].into();
    Running::of(spec)
}

struct Scene {
    google: Google,
    vertex: Provider,
    gateway: Running,
}

impl Scene {
    fn new() -> Self {
        Self::of(Google::start(), vec![Turn::text("hello from the model")], &federated())
    }

    fn of(google: Google, script: Vec<Turn>, variables: &[(&'static str, String)]) -> Self {
        let vertex = Provider::start_guarded(script, None, google.admits());
        let gateway = gateway(&policy(&vertex.base_url(), &google.url(), ""), variables);
        Self { google, vertex, gateway }
    }

    fn ask(&self, path: &str, body: &Value) -> (u16, String) {
        self.ask_as(TICKET, path, "", body)
    }

    fn ask_as(&self, bearer: &str, path: &str, fields: &str, body: &Value) -> (u16, String) {
        let body = body.to_string();
        let answer = self.gateway.raw(format!(
            "POST /vertex{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\ncontent-type: application/json\r\nConnection: close\r\n{fields}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ));
        (status(&answer), answer)
    }

    /// Nobody sees a word of the token services, or of what was shown to them.
    fn keeps_its_secrets(&self, answer: &str) {
        let records = String::from_utf8(self.gateway.records.0.lock().unwrap().clone()).unwrap();
        for secret in [MARK, ID_TOKEN, TICKET, KEY.lines().nth(1).unwrap()] {
            assert!(!answer.contains(secret) && !records.contains(secret), "{secret}: {answer}\n{records}");
        }
    }
}

fn path(region: &str, call: &str) -> String {
    format!("/v1/projects/{PROJECT}/locations/{region}/publishers/anthropic/models/{call}")
}

fn hello() -> Value {
    json!({ "anthropic_version": "vertex-2023-10-16", "max_tokens": 10, "messages": [{ "role": "user", "content": "hi" }] })
}

#[test]
fn a_call_goes_on_with_an_access_token_of_the_service_account() {
    let scene = Scene::new();
    let fields = "anthropic-beta: claude-code-20250219,web-search-2025-03-05\r\nanthropic-version: 2023-06-01\r\nCookie: a=b\r\n\
                  x-goog-user-project: made-up-other\r\n";
    let mut body = hello();
    body["stream"] = json!(true);
    let (code, answer) = scene.ask_as(TICKET, &path("europe-west1", STREAM), fields, &body);
    assert!(code == 200 && answer.contains("hello from the model") && answer.contains("event: message_stop"), "{answer}");
    assert_eq!(scene.ask(&path("global", CALL), &hello()).0, 200);
    let mut count = hello();
    count["model"] = json!("claude-opus-4-8");
    assert!(scene.ask(&path("global", "count-tokens:rawPredict"), &count).1.contains("42"));

    let sent = scene.vertex.requests();
    let paths: Vec<_> = sent.iter().map(|request| request.path.clone()).collect();
    let regional = |region: &str, call: &str| format!("/{region}{}", path(region, call));
    assert_eq!(paths, [regional("europe-west1", STREAM), regional("global", CALL), regional("global", "count-tokens:rawPredict")]);
    assert_eq!((sent[0].header("anthropic-beta"), sent[0].header("anthropic-version")), (Some("claude-code-20250219"), Some("2023-06-01")));
    assert_eq!((sent[0].header("cookie"), sent[0].header("x-goog-user-project")), (None, None));
    assert_eq!(sent[0].json(), body);
    assert!(sent.iter().all(|request| request.header("authorization") == sent[0].header("authorization")));

    // One token serves all of them.
    let asked: Vec<_> = scene.google.asked().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/v1/token".to_owned(), format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken")]);
    let records = scene.gateway.records(3);
    assert!(records.iter().all(|record| record["allowed"] == true && record["way"] == "route/vertex"), "{records:#?}");
    scene.keeps_its_secrets(&answer);
}

#[test]
fn a_service_accounts_key_signs_for_its_tokens() {
    let google = Google::start();
    let file = google.key_file().to_string();
    let scene =
        Scene::of(google, vec![Turn::text("hi")], &[("GOOGLE_APPLICATION_CREDENTIALS", file), ("GCP_PROJECT_ID", PROJECT.to_owned())]);
    let (code, answer) = scene.ask(&path("global", CALL), &hello());
    assert_eq!(code, 200, "{answer}");
    assert_eq!(scene.google.asked().into_iter().map(|request| request.path).collect::<Vec<_>>(), ["/token"]);
    scene.keeps_its_secrets(&answer);
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let google = Google::start();
    google.lifetime(2);
    let scene = Scene::of(google, vec![Turn::text("hi")], &federated());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        let (code, answer) = scene.ask(&path("global", CALL), &hello());
        assert_eq!(code, 200, "{answer}");
        thread::sleep(Duration::from_millis(50));
    }
    // One for every one and a half seconds, with two requests for each.
    let asked = scene.google.asked().len();
    assert!((6..=8).contains(&asked), "{asked}");
}

#[test]
fn whoever_comes_while_a_token_is_fetched_waits_for_it() {
    let google = Google::start();
    google.delay(Duration::from_millis(300));
    let scene = Scene::of(google, vec![Turn::text("hi")], &federated());
    thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| scene.ask(&path("global", CALL), &hello()))).collect();
        calls.into_iter().for_each(|call| assert_eq!(call.join().unwrap().0, 200));
    });
    assert_eq!(scene.google.asked().len(), 2);
}

/// After a failure a token service is left alone for a second.
fn pause() {
    thread::sleep(Duration::from_millis(1100));
}

#[test]
fn a_token_that_holds_is_used_while_its_service_is_out_of_order() {
    let google = Google::start();
    google.lifetime(4);
    let scene = Scene::of(google, vec![Turn::text("hi")], &federated());
    let call = || scene.ask(&path("global", CALL), &hello());
    assert_eq!(call().0, 200);
    scene.google.fails(Some(Failure { at: "/v1/token", status: 503, body: MARK.to_owned() }));
    thread::sleep(Duration::from_millis(3200));
    assert_eq!(call().0, 200);
    assert_eq!(call().0, 200);
    // It was tried once.
    assert_eq!(scene.google.asked().len(), 3);
    thread::sleep(Duration::from_millis(1000));
    let (code, answer) = call();
    assert!(code == 502 && answer.contains("[credential/unavailable]"), "{answer}");
    scene.google.fails(None);
    pause();
    assert_eq!(call().0, 200);
    scene.keeps_its_secrets(&answer);
}

#[test]
fn a_token_that_vertex_rejects_is_not_used_again() {
    let scene = Scene::new();
    let call = |expected| {
        let (code, answer) = scene.ask(&path("global", CALL), &hello());
        assert_eq!(code, expected, "{answer}");
    };
    call(200);
    scene.google.revoke();
    call(200);
    assert_eq!(scene.google.asked().len(), 4);
    // A service whose tokens are rejected each time is left alone, and Vertex' answer goes on.
    scene.google.revoke();
    call(401);
    assert_eq!(scene.google.asked().len(), 4);
    let noted = scene.gateway.records_of("credential", 4);
    assert_eq!((&noted[0]["path"], &noted[0]["status"]), (&json!("/v1/token"), &json!(200)));
    assert!(noted.iter().all(|record| scene.google.url().ends_with(record["host"].as_str().unwrap())), "{noted:?}");
    scene.keeps_its_secrets("");
}

#[test]
fn without_a_token_nothing_goes_on_and_the_reason_is_said() {
    let iam = "generateAccessToken";
    let error = |word: &str| json!({ "error": word, "error_description": MARK }).to_string();
    let rpc = |word: &str| json!({ "error": { "code": 403, "message": MARK, "status": word } }).to_string();
    for (at, status, body, code, rule, words) in [
        ("/v1/token", 200, MARK.to_owned(), 403, "credential/unreadable", "security token service"),
        ("/v1/token", 200, json!({ "access_token": MARK }).to_string(), 403, "credential/unreadable", "nothing of it is used"),
        (iam, 200, json!({ "accessToken": MARK, "expireTime": MARK }).to_string(), 403, "credential/unreadable", "service accounts"),
        (iam, 200, json!({ "accessToken": MARK, "expireTime": "2001-01-01T00:00:00Z" }).to_string(), 403, "credential/expired", "clock"),
        (iam, 200, "x".repeat(100_000), 502, "credential/unreachable", "more than 65536 bytes"),
        ("/v1/token", 400, error("invalid_grant"), 403, "credential/refused", "GITLAB_OIDC_TOKEN"),
        ("/v1/token", 400, error(MARK), 403, "credential/refused", "do not fit together"),
        ("/v1/token", 302, String::new(), 403, "credential/refused", "302"),
        (iam, 403, rpc("PERMISSION_DENIED"), 403, "credential/refused", "roles/iam.workloadIdentityUser"),
        (iam, 404, rpc("NOT_FOUND"), 403, "credential/refused", "GCP_SERVICE_ACCOUNT"),
        (iam, 500, MARK.to_owned(), 502, "credential/unavailable", "trying later"),
    ] {
        let scene = Scene::new();
        scene.google.fails(Some(Failure { at, status, body }));
        let (got, answer) = scene.ask(&path("global", CALL), &hello());
        assert!(got == code && answer.contains(&format!("[{rule}]")) && answer.contains(words), "{rule}: {answer}");
        assert!(answer.contains("\"type\":\"error\""), "{answer}");
        assert!(scene.vertex.requests().is_empty() && scene.gateway.records(1)[0]["rule"] == rule);
        scene.keeps_its_secrets(&answer);
        // The control: what was refused goes on once the service does its part.
        scene.google.fails(None);
        pause();
        assert_eq!(scene.ask(&path("global", CALL), &hello()).0, 200);
    }
}

#[test]
fn an_id_token_that_google_does_not_take_is_named() {
    for (index, value, words) in [
        (0, "made-up.other.token", "GITLAB_OIDC_TOKEN"),
        (2, "made-up-other@made-up-project.iam.gserviceaccount.com", "GCP_SERVICE_ACCOUNT"),
    ] {
        let mut variables = federated();
        variables[index].1 = value.to_owned();
        let scene = Scene::of(Google::start(), vec![Turn::text("hi")], &variables);
        let (code, answer) = scene.ask(&path("global", CALL), &hello());
        assert!(code == 403 && answer.contains(words) && scene.vertex.requests().is_empty(), "{answer}");
        scene.keeps_its_secrets(&answer);
    }
}

#[test]
fn a_token_service_that_is_not_there_is_named() {
    let vertex = Provider::start(vec![Turn::text("never said")]);
    let gone = Google::start().url();
    let scene = Scene { gateway: gateway(&policy(&vertex.base_url(), &gone, ""), &federated()), vertex, google: Google::start() };
    let (code, answer) = scene.ask(&path("global", CALL), &hello());
    assert!(code == 502 && answer.contains("[credential/unreachable]") && answer.contains("cannot be reached"), "{answer}");
    assert!(scene.vertex.requests().is_empty());
}

#[test]
fn another_project_region_model_or_tool_is_refused_by_name() {
    let scene = Scene::new();
    let good = path("global", CALL);
    let with = |key: &str, value: Value| {
        let mut body = hello();
        body[key] = value;
        body
    };
    for (path, body, rule, words) in [
        (good.replace(PROJECT, "made-up-other"), hello(), "route/project", "made-up-other"),
        (path("us-east5", CALL), hello(), "route/region", "us-east5"),
        (path("europe-west1.evil.example", CALL), hello(), "route/region", "evil"),
        (path("global", "claude-other-1:rawPredict"), hello(), "route/model", "claude-other-1"),
        (path("global", "claude-opus-4-8:predict"), hello(), "route/path", "claude-opus-4-8:predict"),
        (good.replace("anthropic", "google"), hello(), "route/path", "google"),
        (
            good.clone(),
            with("tools", json!([{ "type": "web_search_20250305", "name": "web_search" }])),
            "route/tool",
            "web_search_20250305",
        ),
        (good.clone(), with("tools", json!([{ "type": "code_execution_20250825", "name": "x" }])), "route/tool", "code_execution_20250825"),
        (good.clone(), with("mcp_servers", json!([{ "type": "url", "url": "https://evil.example" }])), "route/key", "mcp_servers"),
        (good.clone(), with("model", json!("claude-opus-4-8")), "route/key", "model"),
        (good.clone(), with("anthropic_version", json!("2023-06-01")), "route/version", "vertex-2023-10-16"),
        (good.clone(), with("anthropic_beta", json!(["mcp-client-2025-11-20"])), "route/beta", "mcp-client-2025-11-20"),
        (path("global", "count-tokens:rawPredict"), with("model", json!("claude-other-1")), "route/model", "claude-other-1"),
    ] {
        let (code, answer) = scene.ask(&path, &body);
        assert!(code == 403 && answer.contains(&format!("[{rule}]")) && answer.contains(words), "{path} {body}: {answer}");
    }
    assert!(scene.vertex.requests().is_empty() && scene.google.asked().is_empty());
    assert_eq!(scene.ask(&good, &hello()).0, 200);
}

#[test]
fn the_agents_own_token_at_google_gets_nowhere() {
    let scene = Scene::new();
    for fields in ["", "x-goog-api-key: made-up-own-key\r\n"] {
        let (code, answer) = scene.ask_as("ya29.made-up-own-token", &path("global", CALL), fields, &hello());
        assert!(code == 401 && answer.contains("[gateway/ticket]"), "{answer}");
    }
    assert!(scene.vertex.requests().is_empty() && scene.google.asked().is_empty());
    // The control, with a key of its own beside the ticket, which stays here.
    assert_eq!(scene.ask_as(TICKET, &path("global", CALL), "x-goog-api-key: made-up-own-key\r\n", &hello()).0, 200);
    assert_eq!(scene.vertex.requests()[0].header("x-goog-api-key"), None);
    let query = format!("{}?key=made-up-own-key", path("global", CALL));
    assert_eq!(scene.ask(&query, &hello()).0, 403);
}

#[test]
fn over_tls_the_token_services_need_the_named_authority_too() {
    let (config, file) = tls();
    let config = Arc::new(config);
    let google = Google::start_tls(config.clone());
    let vertex = Provider::start_guarded(vec![Turn::text("hi")], Some(config), google.admits());
    let more = format!("ca_file = \"{}\"", file.path().display());
    let own = |more: &str| gateway(&policy(&vertex.base_url(), &google.url(), more), &federated());
    let (without, with) = (own(""), own(&more));
    let mut scene = Scene { gateway: without, vertex, google };
    let (code, answer) = scene.ask(&path("global", CALL), &hello());
    assert!(code == 502 && answer.contains("[credential/unreachable]") && answer.contains("certificate"), "{answer}");
    assert!(scene.google.asked().is_empty());
    scene.gateway = with;
    assert_eq!(scene.ask(&path("global", CALL), &hello()).0, 200);
}

#[test]
fn the_real_claude_does_its_work_through_vertex() {
    claude::with_claude("Claude Code through the gateway to Vertex AI", "vertex::inside", 2);
}

/// The variables that the agent gets, with its home in `work`.
fn environment(work: &Path, policy: &str, gateway: &Running) -> Vec<(String, String)> {
    let text = policy.to_owned();
    let policy = Policy::compose(vec![Source { name: "test".to_owned(), text }]).unwrap();
    let route = &policy.network.routes[0];
    let found = |name: &str| federated().into_iter().find(|(own, _)| *own == name).map(|(_, value)| value);
    let credential = provider::credential(route, found).unwrap();
    let base = format!("http://{}", gateway.address);
    let mut variables = provider::variables(route, Some(&credential), &base, &tidewaiter::secret::Secret::new(TICKET));
    variables.extend(agent::environment(&agent::Launch {
        agent: &policy.agent,
        home: &work.join("home"),
        tmp: work,
        asks_by: None,
        provider: &[],
        workspace: work,
    }));
    variables
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_three_turns() {
    let work = place("vertex");
    let script = vec![
        Turn::Says(vec![
            Block::Text("First a look.".to_owned()),
            Block::Tool { name: "Bash".to_owned(), input: json!({ "command": "echo marker-of-bash; env", "description": "look" }) },
        ]),
        Turn::tool("Write", json!({ "file_path": work.join("new.txt"), "content": "written\n" })),
        Turn::tool("WebSearch", json!({ "query": "made up words" })),
        Turn::text("All done."),
    ];
    let google = Google::start();
    google.lifetime(5);
    let scene = Scene::of(google, script, &federated());
    let variables = environment(&work, &policy(&scene.vertex.base_url(), &scene.google.url(), ""), &scene.gateway);
    let (text, result) = claude(&work, &scene.gateway, &variables, &["--model", "claude-opus-4-8"]);
    let records = all_done(&work, &scene.gateway, &text, &result);
    let sent = scene.vertex.requests();
    assert!(
        sent.len() >= 4 && sent.iter().all(|request| request.path.starts_with(&format!("/europe-west1/v1/projects/{PROJECT}/"))),
        "{sent:#?}"
    );
    let last = sent.last().unwrap().json().to_string();
    assert!(last.contains("marker-of-bash"), "{last}");
    let refused: Vec<_> = records.iter().filter(|record| record["allowed"] == false).collect();
    let tool = |record: &&Value| record["reason"].as_str().unwrap().contains("the tool type `web_search_20250305` is not allowed");
    // Some versions of the program fail at their search before they send anything.
    assert!(refused.iter().all(tool), "{refused:#?}");
    // What the agent's shell has, it has told the model.
    scene.keeps_its_secrets(&last.replace(TICKET, ""));
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_a_refusal_of_google_is_shown() {
    let work = place("vertex-refused");
    let scene = Scene::new();
    let body = json!({ "error": { "code": 403, "message": MARK, "status": "PERMISSION_DENIED" } }).to_string();
    scene.google.fails(Some(Failure { at: "generateAccessToken", status: 403, body }));
    let variables = environment(&work, &policy(&scene.vertex.base_url(), &scene.google.url(), ""), &scene.gateway);
    let (text, result) = claude(&work, &scene.gateway, &variables, &["--model", "claude-opus-4-8"]);
    fs::remove_dir_all(&work).unwrap();
    assert!(result["is_error"] == true && text.contains("roles/iam.workloadIdentityUser"), "{text}");
    assert!(scene.vertex.requests().is_empty());
    scene.keeps_its_secrets(&text);
}
