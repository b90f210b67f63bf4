//! Holds requests to GitLab's OpenAPI 3.0 document: path, method, query and body.

use std::{io::Write as _, sync::Once};

use serde_json::Value;

use super::gitlab::Request;

/// The variable that names the document.
const VARIABLE: &str = "TIDEWAITER_GITLAB_OPENAPI";

/// Operations that an extract of the document may lack, from GitLab's REST documentation ("Branches", "Notes", "Issues",
/// "Discussions", "Emoji reactions").
const OVERLAY: &str = r#"
paths:
  "/api/v4/projects/{id}/repository/branches/{branch}":
    get:
      parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
      - {name: branch, in: path, required: true, schema: {type: string}}
  "/api/v4/projects/{id}/issues":
    get:
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: page, in: query, schema: {type: integer}}
      - {name: per_page, in: query, schema: {type: integer}}
      - {name: confidential, in: query, schema: {type: boolean}}
      - {name: state, in: query, schema: {type: string, enum: [opened, closed, all]}}
  "/api/v4/projects/{id}/issues/{noteable_id}/discussions/{discussion_id}":
    get:
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: noteable_id, in: path, required: true, schema: {type: integer}}
      - {name: discussion_id, in: path, required: true, schema: {type: string}}
  "/api/v4/projects/{id}/issues/{noteable_id}/notes/{note_id}":
    get:
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: noteable_id, in: path, required: true, schema: {type: integer}}
      - {name: note_id, in: path, required: true, schema: {type: integer}}
    put:
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: noteable_id, in: path, required: true, schema: {type: integer}}
      - {name: note_id, in: path, required: true, schema: {type: integer}}
      requestBody:
        content:
          application/json:
            schema: {type: object, required: [body], properties: {body: {type: string}, confidential: {type: boolean}}}
  "/api/v4/projects/{id}/repository/files/{file_path}":
    head:
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: file_path, in: path, required: true, schema: {type: string}}
      - {name: ref, in: query, schema: {type: string}}
  "/api/v4/projects/{id}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji":
    post:
      parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: merge_request_iid, in: path, required: true, schema: {type: integer}}
      - {name: note_id, in: path, required: true, schema: {type: integer}}
      requestBody:
        content:
          application/json:
            schema: {type: object, required: [name], properties: {name: {type: string}}}
"#;

/// The document with the overlay.
pub struct Document {
    root: Value,
    overlay: Value,
}

impl Document {
    /// The document that the variable names; says loudly, once, when there is none.
    pub fn from_environment() -> Option<Self> {
        static SAID: Once = Once::new();
        let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else {
            // Not `eprintln!`: the test harness hides that of tests that pass.
            SAID.call_once(|| drop(writeln!(std::io::stderr(), "NOT RUN: OpenAPI validation: {VARIABLE} is not set")));
            return None;
        };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{VARIABLE}={}: {error}", path.display()));
        Some(Self::parse(&text))
    }

    /// Reads the document's YAML.
    pub fn parse(text: &str) -> Self {
        let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap_or_else(|error| panic!("not OpenAPI in YAML: {error}"));
        let root = read(text);
        assert!(root["paths"].is_object(), "not an OpenAPI document: it has no paths");
        Self { root, overlay: read(OVERLAY) }
    }

    /// Says what of `request` does not fit.
    pub fn check(&self, request: &Request) -> Result<(), String> {
        let (template, operation) = self.operation(request)?;
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (name, value) in placeholders(template, &request.path) {
            let parameter = parameters.iter().find(|one| one["in"] == "path" && one["name"] == name);
            let schema = &parameter.ok_or_else(|| format!("{{{name}}} is not described"))?["schema"];
            self.text_fits(schema, &value).map_err(|why| format!("{{{name}}}: {why}"))?;
        }
        self.query(parameters, request)?;
        self.body(operation, request)
    }

    fn operation(&self, request: &Request) -> Result<(&str, &Value), String> {
        let method = request.method.to_ascii_lowercase();
        let all = [&self.root, &self.overlay].into_iter().filter_map(|document| document["paths"].as_object()).flatten();
        let fitting = all.filter(|(template, operations)| fits(template, &request.path) && operations[&method].is_object());
        // A template without placeholders is meant where one with them fits as well (OpenAPI 3.0, "Path Templating Matching").
        let best = fitting.min_by_key(|(template, _)| template.matches('{').count());
        best.map(|(template, operations)| (template.as_str(), &operations[&method])).ok_or_else(|| "no such operation".to_owned())
    }

    fn query(&self, parameters: &[Value], request: &Request) -> Result<(), String> {
        let known = || parameters.iter().filter(|one| one["in"] == "query");
        let given = super::gitlab::parameters(&request.query);
        for (name, value) in &given {
            let parameter = known().find(|one| one["name"] == *name).ok_or_else(|| format!("unknown query parameter {name}"))?;
            self.text_fits(&parameter["schema"], value).map_err(|why| format!("query parameter {name}: {why}"))?;
        }
        let missing = known().find(|one| one["required"] == true && !given.iter().any(|(name, _)| one["name"] == *name));
        missing.map_or(Ok(()), |one| Err(format!("query parameter {} is missing", one["name"])))
    }

    fn body(&self, operation: &Value, request: &Request) -> Result<(), String> {
        let described = &operation["requestBody"];
        if described.is_null() {
            return if request.body.is_empty() { Ok(()) } else { Err("a body where none is described".to_owned()) };
        }
        if request.body.is_empty() {
            return if described["required"] == true { Err("the body is missing".to_owned()) } else { Ok(()) };
        }
        if request.header("content-type") != Some("application/json") {
            return Err("the body is not application/json".to_owned());
        }
        let body: Value = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
        self.fits(&described["content"]["application/json"]["schema"], &body).map_err(|why| format!("body: {why}"))
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(pointer) => self.root.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in the document")),
            None => schema,
        }
    }

    /// A value in a path or query is text: it fits what it can be read as.
    fn text_fits(&self, schema: &Value, text: &str) -> Result<(), String> {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = choices.iter().any(|choice| self.text_fits(choice, text).is_ok());
            return if fits { Ok(()) } else { Err(format!("`{text}` is none of the kinds described")) };
        }
        let value = match schema["type"].as_str() {
            Some("integer" | "boolean" | "number") => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            Some("array") => Value::from(vec![text]),
            _ => Value::from(text),
        };
        self.fits(schema, &value)
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let any = choices.iter().any(|choice| self.fits(choice, value).is_ok());
            return if any { Ok(()) } else { Err(format!("{value} is none of the kinds described")) };
        }
        let kind = schema["type"].as_str().unwrap_or("object");
        let right = match kind {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        match () {
            () if value.is_null() && schema["nullable"] == true => Ok(()),
            () if !right => Err(format!("{value} is no {kind}")),
            () if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) => Err(format!("{value} is not in the list")),
            () if kind == "string" => length(schema, value),
            () if kind == "array" => value.as_array().into_iter().flatten().try_for_each(|item| self.fits(&schema["items"], item)),
            () if kind == "object" => self.object(schema, value),
            () => Ok(()),
        }
    }

    fn object(&self, schema: &Value, value: &Value) -> Result<(), String> {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            value.get(name).ok_or_else(|| format!("{name} is missing"))?;
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            let described = schema["properties"].get(name).ok_or_else(|| format!("unknown field {name}"))?;
            self.fits(described, field).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(())
    }
}

fn length(schema: &Value, value: &Value) -> Result<(), String> {
    let count = value.as_str().unwrap_or_default().chars().count() as u64;
    let (least, most) = (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64().unwrap_or(u64::MAX));
    if (least..=most).contains(&count) { Ok(()) } else { Err(format!("{count} characters")) }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let pairs = || template.iter().zip(&path);
    template.len() == path.len() && pairs().all(|(expected, found)| expected == found || (expected.starts_with('{') && !found.is_empty()))
}

fn placeholders(template: &str, path: &str) -> Vec<(String, String)> {
    let pairs = template.split('/').zip(path.split('/'));
    let named = pairs.filter_map(|(expected, found)| Some((expected.strip_prefix('{')?.strip_suffix('}')?, found)));
    named.map(|(name, found)| (name.to_owned(), super::gitlab::decode(found))).collect()
}
