//! JSON that is held to a schema by a program of somebody else.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// Reads `[schema, document]`, and prints what is wrong.
const VALIDATE: &str = "import json, sys, jsonschema
schema, document = json.load(sys.stdin)
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
for error in validator(schema).iter_errors(document):
    print(error.json_path, error.message[:300])
";

/// The Python that tests/setup.sh fills; none where that could not be.
pub fn python() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TIDEWAITER_PYTHON") {
        return Some(named.into());
    }
    Some(peers()?.join("bin/python"))
}

/// A file that tests/setup.sh keeps beside that Python.
pub fn kept(name: &str) -> Option<String> {
    std::fs::read_to_string(peers()?.join(name)).ok()
}

fn peers() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("tidewaiter/python")).filter(|peers| peers.join("complete-2").exists())
}

/// Asserts that `document` is what `schema` says.
pub fn validate(what: &str, document: &Value, schema: &Value) {
    let Some(python) = python() else {
        println!("NOT RUN: {what} is held to its schema (tests/setup.sh installs jsonschema)");
        return;
    };
    let mut child = Command::new(python).args(["-c", VALIDATE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!([schema, document]).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{what}: {said}");
}
