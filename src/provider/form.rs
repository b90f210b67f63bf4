//! How bodies are checked: small judgements that are put together by the providers' rules. Each refuses by name.

use serde_json::{Map, Value};

use super::{Refusal, shown};

pub(super) type Checked = Result<(), Refusal>;

/// A JSON schema refers to nothing outside of itself.
pub(super) fn schema(value: &Value) -> Checked {
    match value {
        Value::Array(list) => list.iter().try_for_each(schema),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) if !target.starts_with('#') => {
                Err(Refusal::new("route/source", format!("a schema refers to `{}`: only `#…` inside of itself is allowed", shown(target))))
            }
            _ => schema(value),
        }),
        _ => Ok(()),
    }
}

/// An object.
pub(super) fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| Refusal::new("route/form", format!("{place} must be a JSON object")))
}

/// A list, each member of which passes `check`.
pub(super) fn each(value: &Value, place: &str, check: impl Fn(&Value) -> Checked) -> Checked {
    value.as_array().ok_or_else(|| Refusal::new("route/form", format!("`{place}` must be a list")))?.iter().try_for_each(check)
}

/// What passes `check`, or null.
pub(super) fn nullable(value: &Value, check: impl Fn(&Value) -> Checked) -> Checked {
    if value.is_null() { Ok(()) } else { check(value) }
}

/// An object of scalars with known keys.
pub(super) fn flat(value: &Value, known: &[&str], place: &str) -> Checked {
    let object = object(value, place)?;
    keys(object, known, place)?;
    object.iter().try_for_each(|(key, value)| scalar(value, key))
}

/// No list and no object.
pub(super) fn scalar(value: &Value, key: &str) -> Checked {
    match value {
        Value::Array(_) | Value::Object(_) => Err(Refusal::new("route/form", format!("`{}` must be a plain value", shown(key)))),
        _ => Ok(()),
    }
}

/// No other keys than the `known` ones.
pub(super) fn keys(object: &Map<String, Value>, known: &[&str], place: &str) -> Checked {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Refusal::new("route/key", format!("{place} has the key `{}`, which is not allowed here", shown(key)))),
    }
}

/// The string under `key`.
pub(super) fn kind_of<'a>(object: &'a Map<String, Value>, key: &str, place: &str) -> Result<&'a str, Refusal> {
    object.get(key).and_then(Value::as_str).ok_or_else(|| Refusal::new("route/form", format!("{place} needs `{key}` as a string")))
}

/// A name among the `known` ones.
pub(super) fn listed(name: &str, known: &[&str], rule: &'static str, what: &str) -> Checked {
    if known.contains(&name) { Ok(()) } else { Err(Refusal::new(rule, format!("{what} `{}` is not allowed here", shown(name)))) }
}
