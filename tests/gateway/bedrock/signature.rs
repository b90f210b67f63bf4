//! Signatures beside those of AWS' own library for the same requests.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use hyper::Request;
use serde_json::{Value, json};
use tidewaiter::provider::bedrock::{Keys, sign};

use super::{REGION, SESSION, STREAMED, ask, hello, signing};
use crate::support::{
    provider::{Provider, Turn},
    schema,
};

/// Made by `botocore/sign.py make` with botocore 1.44.8.
const VECTORS: &str = include_str!("../botocore/vectors.json");

/// What we sign a vector's request with.
fn signed(vector: &Value) -> String {
    let text = |name: &str| vector[name].as_str();
    let keys = Keys::new(text("id").unwrap(), text("secret").unwrap(), text("token")).unwrap();
    let mut request = Request::post(text("path").unwrap()).header("host", text("host").unwrap());
    if let Some(kind) = text("content_type") {
        request = request.header("content-type", kind);
    }
    let mut request = request.body(()).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(vector["time"].as_u64().unwrap());
    sign::sign(&mut request, text("body").unwrap().as_bytes(), &keys, text("region").unwrap(), now).unwrap();
    request.headers()["authorization"].to_str().unwrap().to_owned()
}

/// What botocore makes of `input`; none where it is not installed.
fn botocore(arguments: &[&str], input: &Value) -> Option<Value> {
    let Some(python) = schema::python() else {
        eprintln!("NOT RUN: signatures beside botocore itself: `make setup` could not install it");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/botocore/sign.py");
    let mut child =
        Command::new(python).arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).env_clear().spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn signatures_are_those_that_botocore_made() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() >= 7);
    for vector in &vectors {
        assert_eq!(signed(vector), vector["authorization"], "{vector}");
        let mut other = vector.clone();
        other["body"] = json!("other");
        assert_ne!(signed(&other), vector["authorization"], "{vector}");
    }
    let Some(again) = botocore(&[], &json!(vectors)) else { return };
    assert_eq!(again, json!(vectors));
}

#[test]
fn what_arrives_has_the_path_and_the_signature_that_botocore_gives_it() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = signing(&provider);
    let arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123";
    for path in [STREAMED.to_owned(), "model/eu.anthropic.claude-haiku-4-5-20251001-v1%3a0/invoke".to_owned()] {
        assert_eq!(ask(&gateway, &format!("{REGION}/{path}"), &hello()).0, 200);
    }
    let arrived = provider.requests();
    let models = json!([
        ["eu.anthropic.claude-opus-4-8-v1:0", "invoke-with-response-stream"],
        ["eu.anthropic.claude-haiku-4-5-20251001-v1:0", "invoke"],
        [arn, "count-tokens"],
    ]);
    let Some(paths) = botocore(&["paths"], &models) else { return };
    assert_eq!((paths[0].as_str(), paths[1].as_str()), (Some(arrived[0].path.as_str()), Some(arrived[1].path.as_str())));
    assert_eq!(paths[2], "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/count-tokens");
    let requests: Vec<Value> = arrived
        .iter()
        .map(|request| {
            let time = request.header("x-amz-date").unwrap();
            let clock = format!("{}-{}-{}T{}:{}:{}Z", &time[..4], &time[4..6], &time[6..8], &time[9..11], &time[11..13], &time[13..15]);
            let time = humantime::parse_rfc3339(&clock).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            json!({ "host": request.header("host"), "path": request.path, "content_type": request.header("content-type"),
                "body": String::from_utf8(request.body.clone()).unwrap(), "region": REGION, "id": "AKIAMADEUP",
                "secret": "made-up/secret+key", "token": SESSION, "time": time })
        })
        .collect();
    let signed = botocore(&[], &json!(requests)).unwrap();
    for (request, theirs) in arrived.iter().zip(signed.as_array().unwrap()) {
        assert_eq!(request.header("authorization"), theirs["authorization"].as_str());
    }
}
