//! What a route lets through where the policy grants it `reaches-the-internet`, and what not even then. That all of it is refused
//! without the grant shows here as well.

use serde_json::{Value, json};

use crate::{
    Running,
    route::{ask, hello},
    route_policy, status,
    support::provider::{Provider, Turn},
};

fn granted(provider: &Provider) -> Running {
    Running::start(&route_policy(&provider.base_url()).replace("[limits]", "grants = [\"reaches-the-internet\"]\n[limits]"))
}

fn with(key: &str, value: Value) -> Value {
    let mut body = hello();
    body[key] = value;
    body
}

fn said(role: &str, block: Value) -> Value {
    with("messages", json!([{ "role": role, "content": [block] }]))
}

#[test]
fn the_grant_lets_the_provider_reach_out_and_nothing_else_does() {
    let provider = Provider::start(vec![Turn::text("hi"), Turn::text("hi")]);
    let (open, closed) = (granted(&provider), Running::start(&route_policy(&provider.base_url())));
    let url = json!({ "type": "url", "url": "https://host.example/x" });
    let search = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": 3, "allowed_domains": ["host.example"],
        "user_location": { "type": "approximate", "city": "X" } });
    let server = json!({ "type": "url", "name": "s", "url": "https://mcp.example/sse", "authorization_token": "t",
        "tool_configuration": { "enabled": true, "allowed_tools": ["a"] } });
    let toolset = json!({ "type": "mcp_toolset", "mcp_server_name": "s", "default_config": { "enabled": false }, "configs": { "a": { "enabled": true } } });
    let found = json!([{ "type": "web_search_result", "url": "https://host.example", "title": "t", "encrypted_content": "e" }]);
    let cited = json!([{ "type": "web_search_result_location", "url": "https://host.example", "title": "t", "encrypted_index": "e", "cited_text": "c" }]);
    let bodies = [
        (with("tools", json!([search])), "web_search_20250305"),
        (
            with("tools", json!([{ "type": "web_search_20260209", "name": "web_search", "allowed_callers": ["direct"] }])),
            "web_search_20260209",
        ),
        (
            with("tools", json!([{ "type": "web_fetch_20250910", "name": "web_fetch", "citations": { "enabled": true } }])),
            "web_fetch_20250910",
        ),
        (with("tools", json!([{ "type": "code_execution_20250825", "name": "code_execution" }])), "code_execution_20250825"),
        (with("tools", json!([toolset])), "mcp_toolset"),
        (with("mcp_servers", json!([server])), "mcp_servers"),
        (said("user", json!({ "type": "image", "source": url })), "`url`"),
        (said("user", json!({ "type": "document", "source": url })), "`url`"),
        (
            said("assistant", json!({ "type": "server_tool_use", "id": "i", "name": "web_search", "input": { "query": "q" } })),
            "server_tool_use",
        ),
        (said("assistant", json!({ "type": "web_search_tool_result", "tool_use_id": "i", "content": found })), "web_search_tool_result"),
        (said("assistant", json!({ "type": "text", "text": "t", "citations": cited })), "web_search_result_location"),
    ];
    for (body, name) in &bodies {
        let (code, answer) = ask(&open, "/v1/messages", body);
        assert_eq!(code, 200, "{body}: {answer}");
        let (code, answer) = ask(&closed, "/v1/messages", body);
        assert!(code == 403 && answer.contains(name), "{body}: {answer}");
    }
    assert_eq!(provider.requests().len(), bodies.len());
    assert!(provider.requests().iter().zip(&bodies).all(|(sent, (body, _))| sent.json() == *body));
}

#[test]
fn the_grant_is_no_more_than_it_says() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = granted(&provider);
    let tool = |tool: Value| with("tools", json!([tool]));
    let server = |url: &str, key: &str| with("mcp_servers", json!([{ "type": "url", "name": "s", "url": url, key: "x" }]));
    for (body, rule) in [
        (with("container", json!("c")), "route/key"),
        (with("fallbacks", json!([])), "route/key"),
        (with("model", json!("claude-other")), "route/model"),
        (tool(json!({ "type": "web_search_20990101", "name": "web_search" })), "route/tool"),
        (tool(json!({ "type": "web_search", "name": "web_search" })), "route/tool"),
        (tool(json!({ "type": "computer_20250124", "name": "computer" })), "route/tool"),
        (tool(json!({ "type": "web_search_20250305", "name": "web_search", "model": "x" })), "route/key"),
        (tool(json!({ "type": "web_search_20260209", "name": "web_search", "allowed_callers": ["anyone"] })), "route/tool"),
        (tool(json!({ "name": "mine", "allowed_callers": ["code_execution_20250825"] })), "route/key"),
        (server("http://mcp.example", "authorization_token"), "route/source"),
        (server("https://mcp.example", "headers"), "route/key"),
        (said("user", json!({ "type": "image", "source": { "type": "file", "file_id": "f" } })), "route/source"),
        (said("user", json!({ "type": "image", "source": { "type": "url", "url": "https://host.example", "headers": "x" } })), "route/key"),
        (said("user", json!({ "type": "container_upload", "file_id": "f" })), "route/block"),
    ] {
        let (code, answer) = ask(&gateway, "/v1/messages", &body);
        assert!(code == 403 && answer.contains(rule), "{body}: {answer}");
    }
    assert!(provider.requests().is_empty());
}

#[test]
fn the_grant_brings_its_betas() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let (open, closed) = (granted(&provider), Running::start(&route_policy(&provider.base_url())));
    let ask = |gateway: &Running, beta: &str| {
        let body = hello().to_string();
        let fields = format!("Authorization: Bearer {}\r\ncontent-type: application/json\r\nanthropic-beta: {beta}\r\n", crate::TICKET);
        let length = body.len();
        status(&gateway.raw(format!(
            "POST /anthropic/v1/messages HTTP/1.1\r\nHost: x\r\n{fields}Connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )))
    };
    for beta in ["mcp-client-2025-11-20", "web-fetch-2025-09-10", "code-execution-2025-08-25,effort-2025-11-24"] {
        assert_eq!((ask(&open, beta), ask(&closed, beta)), (200, 403), "{beta}");
    }
    assert_eq!((ask(&open, "files-api-2025-04-14"), ask(&open, "skills-2025-10-02")), (403, 403));
}
