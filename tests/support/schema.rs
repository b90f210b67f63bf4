//! JSON and XML that programs of somebody else read and hold to a schema.

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

/// Reads `[schema, document]`, and prints what two other readers make of a JUnit report. The attribute `file` is GitLab's own
/// (docs.gitlab.com, "Unit test reports"), the schema is Jenkins'.
const JUNIT: &str = "import json, sys, junitparser, lxml.etree as etree
schema, text = json.load(sys.stdin)
document = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False))
for case in document.iter('testcase'):
    case.attrib.pop('file', None)
schema = etree.XMLSchema(etree.fromstring(schema.encode()))
schema.validate(document)
cases = [case for suite in junitparser.JUnitXml.fromstring(text.encode()) for case in suite]
failures = [case for case in cases if any(isinstance(part, junitparser.Failure) for part in case.result)]
said = [case.system_out or '' for case in cases] + [part.text or '' for case in cases for part in case.result]
told = junitparser.JUnitXml.fromstring(text.encode())
print(json.dumps({'wrong': [str(error) for error in schema.error_log], 'tests': len(cases), 'failures': len(failures),
    'told': [told.tests, told.failures], 'names': [case.name for case in cases], 'said': said}))
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
    Some(cache.join("tidewaiter/python")).filter(|peers| peers.join("complete-3").exists())
}

/// What `program` prints for `input`; none where there is no Python to run it.
fn told(what: &str, program: &str, input: &Value) -> Option<String> {
    let Some(python) = python() else {
        println!("NOT RUN: {what} is held to its schema (tests/setup.sh installs what reads it)");
        return None;
    };
    let mut child = Command::new(python).args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{what} cannot be read");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Asserts that `document` is what `schema` says.
pub fn validate(what: &str, document: &Value, schema: &Value) {
    if let Some(wrong) = told(what, VALIDATE, &json!([schema, document])) {
        assert!(wrong.is_empty(), "{what}: {wrong}");
    }
}

/// What other readers make of the JUnit report `xml`: `wrong` by its schema, `tests` and `failures` as counted and as `told`,
/// `names` of cases, and all that is `said` in them. None where they are not here.
pub fn junit(xml: &str) -> Option<Value> {
    let Some(schema) = kept("junit-10.xsd") else {
        println!("NOT RUN: JUnit is held to its schema (tests/setup.sh keeps it)");
        return None;
    };
    told("JUnit", JUNIT, &json!([schema, xml])).map(|told| serde_json::from_str(&told).unwrap())
}

/// The schema of a report of ours, or of what GitLab's documentation says of Code Quality.
pub fn ours(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
