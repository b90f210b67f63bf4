//! The real Claude Code at a scripted Bedrock, which looks at the signature and answers with the binary event stream.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use tidewaiter::{policy::Policy, provider, secret::Secret};

use super::{REGION, SESSION, assumed, is_signed, keys, signing, with};
use crate::{
    Running, TICKET,
    claude::{all_done, claude, opening, place, with_claude},
    support::{
        aws::{Grant, Sts},
        provider::{Provider, Turn},
    },
};

const MODEL: &str = "eu.anthropic.claude-opus-4-8";

#[test]
fn the_real_claude_finishes_a_task_on_bedrock() {
    with_claude("Claude Code through the gateway to Bedrock", "bedrock::agent::inside", 2);
}

/// What the agent's environment is told of `gateway`.
fn variables(provider: &Provider, gateway: &Running) -> Vec<(String, String)> {
    let policy = Policy::compose(with(provider, provider::Credential::Bearer(Secret::new("made-up"))).policy).unwrap();
    let mut made = provider::variables(&policy.network.routes[0], None, &format!("http://{}", gateway.address), &Secret::new(TICKET));
    made.push(("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST".to_owned(), "1".to_owned()));
    made
}

/// Three turns with tools, and one that looks for credentials.
fn script(work: &str) -> Vec<Turn> {
    let rest = [
        // Its answer refers to a tool of the request by name, where the search of tools is on.
        Turn::tool("ToolSearch", json!({ "query": "select:NotebookEdit" })),
        Turn::text("All done."),
    ];
    opening(work, "env; cat ~/.aws/credentials 2>&1; echo marker-of-bash").into_iter().chain(rest).collect()
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_with_keys_of_the_job() {
    let work = place("bedrock");
    let provider = Provider::start(script(work.to_str().unwrap()));
    let gateway = signing(&provider);
    let mut variables = variables(&provider, &gateway);
    // With the betas that a job does without: what they add to a body goes on too.
    variables.push(("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS".to_owned(), "0".to_owned()));
    let (text, result) = claude(&work, &gateway, &variables, &["--model", MODEL]);
    let records = all_done(&work, &gateway, &text, &result);
    let sent = provider.requests();
    assert!(sent.len() >= 5 && sent.iter().all(|request| is_signed(request, &keys(Some(SESSION)), REGION)), "{}", sent.len());
    let last = sent.last().unwrap().json().to_string();
    assert!(last.contains("marker-of-bash") && last.contains("tool_reference"), "{last}");
    // The agent looked for credentials, and told the provider all it found.
    for secret in ["made-up-session-token", "made-up/secret", "AKIAMADEUP"] {
        assert!(!last.contains(secret) && !text.contains(secret), "{secret}");
    }
    // Of all it asks for, only the list of the account's inference profiles is refused.
    let refused: Vec<&Value> = records.iter().filter(|record| record["allowed"] == false).collect();
    assert!(refused.iter().all(|record| record["path"] == format!("/bedrock/{REGION}/inference-profiles")), "{refused:#?}");
    assert!(refused.iter().all(|record| record["rule"] == "route/path"), "the ticket came along: {refused:#?}");
}

#[test]
#[ignore = "run in a network namespace by the test above"]
fn inside_with_keys_of_a_role_and_another_model() {
    let work = place("bedrock-role");
    let provider = Provider::start(script(work.to_str().unwrap()));
    let sts = Sts::start(assumed::TOKEN, assumed::ROLE, Grant::Keys(Duration::from_secs(3600)));
    let gateway = assumed::through(&provider, &sts.url());
    let variables = variables(&provider, &gateway);
    let (text, result) = claude(&work, &gateway, &variables, &["--model", "us.anthropic.claude-opus-4-8"]);
    assert_eq!(result["is_error"], true, "{text}");
    assert!(text.contains("the policy does not list the model `us.anthropic.claude-opus-4-8`"), "{text}");
    assert!(provider.requests().is_empty() && sts.requests().is_empty());
    let (text, result) = claude(&work, &gateway, &variables, &["--model", MODEL]);
    fs::remove_dir_all(&work).unwrap();
    assert_eq!(result["result"], "All done.", "{text}");
    let sent = provider.requests();
    assert!(sent.len() >= 5 && sent.iter().all(|request| is_signed(request, &assumed::granted(1), REGION)));
    assert_eq!(sts.requests().len(), 1);
}
