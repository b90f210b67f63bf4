//! Claude on Bedrock through the gateway: what goes on, by whose signature, and how the answer comes back.

mod agent;
mod assumed;
mod signature;

use std::{
    io::{Read as _, Write as _},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::Request;
use serde_json::{Value, json};
use tidewaiter::{
    gateway::Spec,
    policy,
    provider::{
        self, Credential,
        bedrock::{Identity, Keys, sign},
    },
    secret::Secret,
};

use crate::{
    Running, TICKET, spec, status,
    support::{
        aws,
        provider::{Block, Failure, Provider, Received, Turn},
    },
};

const REGION: &str = "eu-central-1";
const MODEL: &str = "eu.anthropic.claude-opus-4-8-v1:0";
/// The path of a streamed call, below the region.
const STREAMED: &str = "model/eu.anthropic.claude-opus-4-8-v1:0/invoke-with-response-stream";
const SESSION: &str = "made-up-session-token/+==";

fn keys(session: Option<&str>) -> Keys {
    Keys::new("AKIAMADEUP", "made-up/secret+key", session).unwrap()
}

/// A policy with a route to Bedrock at `base_url`; `token_url` is the token service.
fn text(base_url: &str, token_url: &str) -> String {
    format!(
        "version = 1\n[agent]\nmodels = [\"eu.anthropic.claude-*\"]\n[[network.route]]\nprovider = \"bedrock\"\nbase_url = \"{base_url}\"\n\
         token_url = \"{token_url}\"\nregions = [\"{REGION}\", \"eu-west-1\", \"eu\"]\n\
         [limits]\nrequests = 5000\nup_bytes = \"1G\"\ndown_bytes = \"1G\"\n"
    )
}

fn with(provider: &Provider, credential: Credential) -> Spec {
    let policy = text(&provider.base_url(), "http://127.0.0.1:1");
    Spec { credentials: [(policy::Provider::Bedrock, credential)].into(), ..spec(&policy) }
}

/// A gateway that signs with keys that the job has.
fn signing(provider: &Provider) -> Running {
    Running::of(with(provider, Credential::Aws(Identity::Keys(keys(Some(SESSION))))))
}

fn hello() -> Value {
    json!({ "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["interleaved-thinking-2025-05-14"], "max_tokens": 10,
        "messages": [{ "role": "user", "content": "hi" }] })
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = hello();
    change(&mut body);
    body
}

fn request(path: &str, fields: &str, body: &str) -> String {
    format!(
        "POST /bedrock/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-type: application/json\r\nConnection: close\r\n{fields}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn ticket() -> String {
    format!("Authorization: Bearer {TICKET}\r\n")
}

/// Status and whole text of the answer to a call with the ticket.
fn ask(gateway: &Running, path: &str, body: &Value) -> (u16, String) {
    let answer = gateway.raw(request(path, &ticket(), &body.to_string()));
    (status(&answer), answer)
}

/// Whether what arrived was signed with `keys` for `region`: it is signed once more, from what arrived alone.
fn is_signed(arrived: &Received, keys: &Keys, region: &str) -> bool {
    let time = arrived.header("x-amz-date").unwrap_or_default();
    let [date, clock] = time.split('T').collect::<Vec<_>>()[..] else { return false };
    let (Some(date), Some(clock)) = (date.get(..8), clock.get(..6)) else { return false };
    let text = format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &clock[..2], &clock[2..4], &clock[4..]);
    let Ok(now) = humantime::parse_rfc3339(&text) else { return false };
    let mut again = Request::builder().method(arrived.method.as_str()).uri(&arrived.path);
    for name in ["host", "content-type"] {
        again = again.header(name, arrived.header(name).unwrap_or_default());
    }
    let mut again = again.body(()).unwrap();
    sign::sign(&mut again, &arrived.body, keys, region, now).unwrap();
    let late = SystemTime::now().duration_since(now).unwrap_or_default() > Duration::from_secs(60);
    let same = |name: &str| arrived.header(name) == again.headers().get(name).map(|value| value.to_str().unwrap());
    !late && same("authorization") && same("x-amz-security-token")
}

#[test]
fn a_call_goes_on_signed_and_comes_back_frame_by_frame() {
    let provider = Provider::start(vec![Turn::Pauses(vec![Block::Text("late".to_owned())])]);
    let gateway = signing(&provider);
    let fields = "accept: application/json\r\nuser-agent: made-up/1\r\nanthropic-beta: claude-code-20250219\r\nx-amz-security-token: own\r\n\
                  X-Amz-Date: 20260101T000000Z\r\nx-amzn-bedrock-service-tier: priority\r\nx-own: 1\r\n";
    let mut stream = gateway.connect();
    stream.write_all(request(&format!("{REGION}/{STREAMED}"), &format!("{}{fields}", ticket()), &hello().to_string()).as_bytes()).unwrap();
    let text = |seen: &[u8]| String::from_utf8_lossy(seen).into_owned();
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while !text(&seen).contains("\"bytes\"") {
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0, "{}", text(&seen));
        seen.extend_from_slice(&buffer[..length]);
    }
    let late = aws::chunk(&json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "late" } }));
    let has = |seen: &[u8], frame: &[u8]| seen.windows(frame.len()).any(|part| part == frame);
    assert!(!has(&seen, &late));
    provider.release();
    stream.read_to_end(&mut seen).unwrap();
    assert!(has(&seen, &late) && has(&seen, &aws::chunk(&json!({ "type": "message_stop" }))));
    let head = text(&seen);
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: application/vnd.amazon.eventstream"), "{head}");
    assert!(!head.contains("set-cookie") && !head.contains(SESSION), "{head}");

    let arrived = &provider.requests()[0];
    assert_eq!(arrived.path, "/model/eu.anthropic.claude-opus-4-8-v1%3A0/invoke-with-response-stream");
    assert!(is_signed(arrived, &keys(Some(SESSION)), REGION), "{arrived:?}");
    assert!(!is_signed(arrived, &keys(Some(SESSION)), "eu-west-1") && !is_signed(arrived, &keys(None), REGION));
    assert_eq!(arrived.json(), hello());
    for name in ["x-amzn-bedrock-service-tier", "x-own", "x-api-key"] {
        assert_eq!(arrived.header(name), None, "{name}");
    }
    assert_eq!((arrived.header("user-agent"), arrived.header("anthropic-beta")), (Some("made-up/1"), Some("claude-code-20250219")));
    assert!(!format!("{arrived:?}").contains(TICKET));
    let record = &gateway.records(1)[0];
    assert_eq!((&record["allowed"], &record["way"], &record["status"]), (&json!(true), &json!("route/bedrock"), &json!(200)));
    assert!(!record.to_string().contains("made-up"), "{record}");
    // 10 tokens at 5 USD a million and 5 at 25.
    let bill = json!({ "input": 10, "cache_write": 0, "cache_read": 0, "output": 5, "micro_usd": 175, "estimated": false });
    assert_eq!(record["bill"], bill);
}

#[test]
fn an_api_key_of_bedrock_is_sent_as_a_bearer() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = Running::of(with(&provider, Credential::Bearer(Secret::new("made-up-bedrock-key"))));
    let (code, answer) = ask(&gateway, &format!("eu-west-1/model/{MODEL}/invoke"), &hello());
    assert!(code == 200 && answer.contains("\"hi\""), "{answer}");
    let arrived = &provider.requests()[0];
    assert_eq!((arrived.header("authorization"), arrived.header("x-amz-date")), (Some("Bearer made-up-bedrock-key"), None));
}

#[test]
fn the_agents_own_signature_or_key_gets_nowhere() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = signing(&provider);
    let body = hello().to_string();
    let own = Keys::new("AKIAOWN", "made-up-own-secret", Some("made-up-own-session")).unwrap();
    // What the agent would send with keys of its own, to Bedrock itself or to the gateway.
    let signed = |host: &str, path: &str| {
        let mut request = Request::post(path).header("host", host).header("content-type", "application/json").body(()).unwrap();
        sign::sign(&mut request, body.as_bytes(), &own, REGION, SystemTime::now()).unwrap();
        let fields = request.headers().iter().filter(|(name, _)| *name != "content-type");
        let fields: String = fields.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
        format!(
            "POST {path} HTTP/1.1\r\n{fields}content-type: application/json\r\nConnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // Outside of the walls it works: the far end takes its signature.
    let address = provider.base_url().trim_start_matches("http://").to_owned();
    let mut direct = std::net::TcpStream::connect(&address).unwrap();
    direct.write_all(signed(&address, "/model/eu.anthropic.claude-opus-4-8-v1%3A0/invoke").as_bytes()).unwrap();
    let mut answer = String::new();
    direct.read_to_string(&mut answer).unwrap();
    assert!(status(&answer) == 200 && is_signed(&provider.requests()[0], &own, REGION), "{answer}");

    let path = format!("{REGION}/{STREAMED}");
    let through = signed("127.0.0.1", &format!("/bedrock/{path}"));
    let session = "x-amz-security-token: made-up-own-session\r\n";
    for attempt in [
        through.clone(),
        through.replacen("\r\n", &format!("\r\nx-api-key: {TICKET}\r\n"), 1),
        request(&path, "Authorization: Bearer made-up-own-bedrock-key\r\n", &body),
        request(&path, "x-api-key: made-up-own-bedrock-key\r\n", &body),
        request(&path, &format!("{}Authorization: Bearer made-up-own-bedrock-key\r\n", ticket()), &body),
        request(&path, session, &body),
    ] {
        let answer = gateway.raw(&attempt);
        assert!(status(&answer) == 401 && answer.contains("gateway/ticket") && answer.contains("AccessDenied"), "{attempt}: {answer}");
    }
    let answer = gateway.raw(request(&format!("{path}?X-Amz-Credential=AKIAOWN&X-Amz-Signature=00"), &ticket(), &body));
    assert!(status(&answer) == 400 && answer.contains("route/query"), "{answer}");
    assert_eq!(provider.requests().len(), 1);
    // With the ticket, what else it shows is dropped, and the job's keys pay.
    let answer = gateway.raw(request(&path, &format!("{}{session}x-amz-date: 20260101T000000Z\r\n", ticket()), &body));
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(is_signed(&provider.requests()[1], &keys(Some(SESSION)), REGION));
}

#[test]
fn no_other_region_model_or_call_is_reached() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = signing(&provider);
    for (path, rule, named) in [
        (format!("us-east-1/{STREAMED}"), "route/region", "us-east-1"),
        (format!("eu-central-2/{STREAMED}"), "route/region", "eu-central-1, eu-west-1"),
        (format!("{REGION}.evil.example/{STREAMED}"), "route/region", "evil.example"),
        (format!("{REGION}/model/us.anthropic.claude-opus-4-8-v1:0/invoke"), "route/model", "us.anthropic"),
        (format!("{REGION}/model/global.anthropic.claude-opus-4-8/invoke"), "route/model", "eu.anthropic.claude-*"),
        (format!("{REGION}/model/meta.llama3/invoke"), "route/model", "meta.llama3"),
        (
            format!("{REGION}/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc/invoke"),
            "route/region",
            "us-east-1",
        ),
        (
            format!("{REGION}/model/arn:aws:bedrock:{REGION}:123456789012:application-inference-profile%2Fabc/invoke"),
            "route/model",
            "application-inference-profile",
        ),
        (format!("{REGION}/model/eu.anthropic.claude-x%2F..%2Fguardrail/invoke"), "route/model", ""),
        (format!("{REGION}/model/{MODEL}/converse"), "route/path", "converse"),
        (format!("{REGION}/model/{MODEL}/invoke-with-bidirectional-stream"), "route/path", ""),
        (format!("{REGION}/guardrail/x/version/1/apply"), "route/path", ""),
        (format!("{REGION}/async-invoke"), "route/path", ""),
        (format!("model/{MODEL}/invoke"), "route/path", ""),
    ] {
        let (code, answer) = ask(&gateway, &path, &hello());
        assert!(code == 400 && answer.contains(rule) && answer.contains(named), "{path}: {answer}");
        assert!(answer.contains("\"__type\":\"ValidationException\",\"message\":\"tidewaiter: refused: "), "{answer}");
    }
    // What Claude Code asks for when it starts is another host's, and tells of the account.
    let listing = format!(
        "GET /bedrock/{REGION}/inference-profiles?type=SYSTEM_DEFINED HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n",
        ticket()
    );
    let answer = gateway.raw(listing);
    assert!(status(&answer) == 400 && answer.contains("route/path"), "{answer}");
    assert_eq!(provider.connections(), 0);
    assert_eq!(ask(&gateway, &format!("eu-west-1/{STREAMED}"), &hello()).0, 200);
    assert!(is_signed(&provider.requests()[0], &keys(Some(SESSION)), "eu-west-1"));
}

#[test]
fn each_region_has_its_own_far_end() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let mut spec = with(&provider, Credential::Aws(Identity::Keys(keys(None))));
    let by_region = text(&format!("{}/{{region}}", provider.base_url()), "http://127.0.0.1:1");
    spec.policy[0].text = by_region;
    let gateway = Running::of(spec);
    for region in [REGION, "eu-west-1"] {
        // The stand-in does not know the path; what counts is where the request went, and what its signature says.
        ask(&gateway, &format!("{region}/{STREAMED}"), &hello());
        let arrived = provider.requests().pop().unwrap();
        assert!(arrived.path.starts_with(&format!("/{region}/model/eu.")) && is_signed(&arrived, &keys(None), region), "{arrived:?}");
    }
}

#[test]
fn what_lets_bedrock_reach_out_is_refused_by_name() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = signing(&provider);
    let content = |block: Value| changed(|body| body["messages"][0]["content"] = json!([block]));
    let url = json!({ "type": "url", "url": "https://evil.example/x.png" });
    let cases = [
        (changed(|b| b["tools"] = json!([{ "type": "web_search_20250305", "name": "x" }])), "route/tool", "web_search_20250305"),
        (changed(|b| b["tools"] = json!([{ "type": "tool_search_tool_regex_20251119", "name": "x" }])), "route/tool", "tool_search"),
        (changed(|b| b["mcp_servers"] = json!([])), "route/key", "mcp_servers"),
        (changed(|b| b["model"] = json!("eu.anthropic.claude-opus-4-8")), "route/key", "model"),
        (changed(|b| b["stream"] = json!(true)), "route/key", "stream"),
        (changed(|b| b["anthropic_version"] = json!("2023-06-01")), "route/version", "bedrock-2023-05-31"),
        (changed(|b| drop(b.as_object_mut().unwrap().shift_remove("anthropic_version"))), "route/version", "anthropic_version"),
        (changed(|b| b["anthropic_beta"] = json!(["computer-use-2025-01-24"])), "route/beta", "computer-use-2025-01-24"),
        (changed(|b| b["anthropic_beta"] = json!("interleaved-thinking-2025-05-14")), "route/form", "anthropic_beta"),
        (changed(|b| b["anthropic_beta"] = json!([["interleaved-thinking-2025-05-14"]])), "route/form", "anthropic_beta"),
        (content(json!({ "type": "image", "source": url })), "route/source", "`url`"),
        (content(json!({ "type": "image", "source": { "type": "s3Location", "uri": "s3://evil/x" } })), "route/source", "s3Location"),
        (content(json!({ "type": "container_upload", "file_id": "f" })), "route/block", "container_upload"),
    ];
    let count = |body: &Value| json!({ "input": { "invokeModel": { "body": STANDARD.encode(body.to_string()) } } });
    for (body, rule, named) in &cases {
        let counted = ask(&gateway, &format!("{REGION}/model/{MODEL}/count-tokens"), &count(body));
        for (code, answer) in [counted, ask(&gateway, &format!("{REGION}/{STREAMED}"), body)] {
            assert!(code == 400 && answer.contains(rule) && answer.contains(named), "{body}: {answer}");
        }
    }
    let inner = STANDARD.encode(hello().to_string());
    for body in [
        json!({ "input": { "converse": { "messages": [] } } }),
        json!({ "input": { "invokeModel": { "body": inner, "more": 1 } } }),
        json!({ "input": { "invokeModel": { "body": inner }, "converse": {} } }),
        json!({ "input": { "invokeModel": { "body": format!("{inner}!") } } }),
        json!({ "input": { "invokeModel": { "body": hello() } } }),
        hello(),
    ] {
        let (code, answer) = ask(&gateway, &format!("{REGION}/model/{MODEL}/count-tokens"), &body);
        assert!(code == 400 && answer.contains("route/form"), "{body}: {answer}");
    }
    let twice = hello().to_string().replacen('{', "{\"anthropic_version\":\"x\",", 1);
    assert!(gateway.raw(request(&format!("{REGION}/{STREAMED}"), &ticket(), &twice)).contains("route/json"));
    let odd = gateway.raw(request(&format!("{REGION}/{STREAMED}"), &format!("{}anthropic-beta: files-api-2025-04-14\r\n", ticket()), "{}"));
    assert!(odd.contains("route/beta"), "{odd}");
    assert_eq!(provider.connections(), 0);
    // What the agent runs itself goes on, and so does the count of it.
    let fine = changed(|b| {
        b["tools"] = json!([{ "name": "x", "input_schema": { "type": "object" }, "defer_loading": true }]);
        b["messages"][0]["content"] =
            json!([{ "type": "tool_result", "tool_use_id": "t", "content": [{ "type": "tool_reference", "tool_name": "x" }] }]);
        b["anthropic_beta"] = json!(["tool-search-tool-2025-10-19"]);
    });
    assert_eq!(ask(&gateway, &format!("{REGION}/{STREAMED}"), &fine).0, 200);
    let (code, answer) = ask(&gateway, &format!("{REGION}/model/{MODEL}/count-tokens"), &count(&fine));
    assert!(code == 200 && answer.contains("\"inputTokens\":42"), "{answer}");
    let arrived = provider.requests().pop().unwrap().json();
    assert_eq!(arrived, count(&fine));
}

#[test]
fn what_bedrock_says_of_a_credential_stays_with_the_gateway() {
    let says = |code: u16, kind: &str, text: &str| {
        let headers = vec![("x-amzn-errortype".to_owned(), kind.to_owned()), ("content-type".to_owned(), "application/json".to_owned())];
        let provider = Provider::start(vec![Turn::Fails(Failure::Status(code, headers, text.to_owned()))]);
        let gateway = signing(&provider);
        let (got, answer) = ask(&gateway, &format!("{REGION}/{STREAMED}"), &hello());
        assert_eq!(provider.requests().len(), 1);
        (got, answer, gateway.records(1)[0].to_string())
    };
    let canonical = format!("{{\"message\":\"The canonical string should have been 'POST … x-amz-security-token:{SESSION}'\"}}");
    let account = "{\"message\":\"User: arn:aws:sts::123456789012:assumed-role/agent is not authorized\"}";
    for (code, kind, text, named) in [
        (403, "InvalidSignatureException", canonical.as_str(), "its secret does not fit"),
        (403, "AccessDeniedException:http://internal", account, "bedrock:InvokeModel"),
        (403, "ExpiredTokenException", account, "it has expired"),
        (400, "MadeUpException", &canonical, "kept from the agent"),
        (401, "", &canonical, "kept from the agent"),
    ] {
        let (got, answer, record) = says(code, kind, text);
        assert!(got == 400 && answer.contains("credential/refused") && answer.contains(named), "{answer}");
        for told in [&answer, &record] {
            assert!(!told.contains(SESSION) && !told.contains("123456789012") && !told.contains("MadeUp"), "{told}");
        }
        assert!(record.contains(&format!("\"status\":{code}")), "{record}");
    }
    // What it says of the request or of its own state goes to the agent as it is.
    for (code, kind) in [(400, "ValidationException"), (429, "ThrottlingException"), (404, "ResourceNotFoundException"), (503, "")] {
        let text = "{\"message\":\"prompt is too long\",  \"odd\":1}";
        let (got, answer, _) = says(code, kind, text);
        assert!(got == code && answer.ends_with(text), "{answer}");
    }
}

#[test]
fn the_agents_variables_lead_to_the_gateway_and_hold_the_ticket_alone() {
    let spec = with(&Provider::start(vec![]), Credential::Aws(Identity::Keys(keys(Some(SESSION)))));
    let policy = policy::Policy::compose(spec.policy).unwrap();
    let made = provider::variables(&policy.network.routes[0], None, "http://127.0.0.1:4000", &Secret::new(TICKET));
    let made: std::collections::BTreeMap<_, _> = made.into_iter().collect();
    assert_eq!(made["ANTHROPIC_BEDROCK_BASE_URL"], "http://127.0.0.1:4000/bedrock/eu-central-1");
    assert_eq!((made["AWS_REGION"].as_str(), made["CLAUDE_CODE_USE_BEDROCK"].as_str()), (REGION, "1"));
    assert_eq!(made["AWS_BEARER_TOKEN_BEDROCK"], TICKET);
    assert!(!format!("{made:?}").contains("made-up/"));
}
