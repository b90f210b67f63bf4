//! Bodies of both calls, checked key by key and written again from what was checked.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Refusal, anthropic,
        form::{Checked, each, flat, keys, kind_of, listed, nullable, object, scalar, schema},
        shown,
    },
    lists,
};

/// Judges the body of `/v1/responses` and returns the one that goes on: the value that was checked, with `store` false.
pub(super) fn responses(sent: &[u8], models: &[String]) -> Result<Vec<u8>, Refusal> {
    let mut value = anthropic::read(sent)?;
    let body = object(&value, "the body")?;
    keys(body, lists::RESPONSES, "the body")?;
    common(body, models)?;
    for (key, value) in body {
        match key.as_str() {
            "input" if value.is_string() => {}
            "input" => each(value, key, item)?,
            "tools" => nullable(value, |value| each(value, key, tool))?,
            "include" => nullable(value, |value| {
                each(value, key, |value| listed(value.as_str().unwrap_or_default(), lists::INCLUDE, "route/key", "`include` of"))
            })?,
            "reasoning" => nullable(value, |value| flat(value, lists::REASONING, key))?,
            "text" => nullable(value, text)?,
            "client_metadata" => nullable(value, |value| plain(value, key))?,
            _ => {}
        }
    }
    set(&mut value, "store", json!(false));
    anthropic::write(&value)
}

/// The same of `/v1/chat/completions`. A stream tells what it cost only where it is asked to, so it is.
pub(super) fn chat(sent: &[u8], models: &[String]) -> Result<Vec<u8>, Refusal> {
    let mut value = anthropic::read(sent)?;
    let body = object(&value, "the body")?;
    keys(body, lists::CHAT, "the body")?;
    common(body, models)?;
    each(body.get("messages").unwrap_or(&Value::Null), "messages", message)?;
    for (key, value) in body {
        match key.as_str() {
            "tools" => nullable(value, |value| each(value, key, wrapped_tool))?,
            "stop" if !value.is_array() => scalar(value, key)?,
            "stop" => each(value, key, |value| scalar(value, key))?,
            "response_format" => nullable(value, format)?,
            "logit_bias" => nullable(value, |value| plain(value, key))?,
            _ => {}
        }
    }
    if value.get("stream") == Some(&json!(true)) {
        let mut options = value.get("stream_options").filter(|options| options.is_object()).cloned().unwrap_or_else(|| json!({}));
        set(&mut options, "include_usage", json!(true));
        set(&mut value, "stream_options", options);
    }
    set(&mut value, "store", json!(false));
    anthropic::write(&value)
}

fn set(value: &mut Value, key: &str, to: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(key.to_owned(), to);
    }
}

/// What both calls have.
fn common(body: &Map<String, Value>, models: &[String]) -> Checked {
    anthropic::model(body.get("model"), models)?;
    for (key, value) in body {
        match key.as_str() {
            "store" if !matches!(value, Value::Null | Value::Bool(false)) => {
                let why = "`store` must be false: the provider would keep the conversation";
                return Err(Refusal::new("route/key", why));
            }
            "stream" if !matches!(value, Value::Null | Value::Bool(_)) => {
                return Err(Refusal::new("route/form", "`stream` must be true or false"));
            }
            "metadata" => nullable(value, |value| plain(value, key))?,
            "stream_options" => nullable(value, |value| flat(value, lists::STREAM_OPTIONS, key))?,
            "tool_choice" => tool_choice(value)?,
            // Judged by each call itself.
            "client_metadata" | "include" | "input" | "logit_bias" | "messages" | "reasoning" | "response_format" | "stop" | "text"
            | "tools" => {}
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

/// An object of scalars, whatever its keys.
fn plain(value: &Value, key: &str) -> Checked {
    object(value, key)?.iter().try_for_each(|(key, value)| scalar(value, key))
}

fn item(value: &Value) -> Checked {
    let item = object(value, "an item of `input`")?;
    let kind = if item.contains_key("type") { kind_of(item, "type", "an item of `input`")? } else { "message" };
    let Some((_, known)) = lists::ITEMS.iter().find(|(name, _)| *name == kind) else {
        return Err(Refusal::new("route/block", format!("the item `{}` of `input` is not allowed here", shown(kind))));
    };
    keys(item, known, &format!("the item `{kind}`"))?;
    for (key, value) in item {
        match (kind, key.as_str()) {
            ("message", "role") => listed(value.as_str().unwrap_or_default(), lists::ROLES, "route/key", "the role")?,
            ("message", "content") => content(value, &["input_file", "input_image", "input_text", "output_text", "refusal"])?,
            (_, "output") => content(value, &["input_file", "input_image", "input_text"])?,
            ("reasoning", "content") => nullable(value, |value| content(value, &["reasoning_text"]))?,
            ("reasoning", "summary") => content(value, &["summary_text"])?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn message(value: &Value) -> Checked {
    let message = object(value, "a message")?;
    keys(message, lists::MESSAGE, "a message")?;
    listed(kind_of(message, "role", "a message")?, lists::ROLES, "route/key", "the role")?;
    for (key, value) in message {
        match key.as_str() {
            "content" => nullable(value, |value| content(value, &["image_url", "refusal", "text"]))?,
            "tool_calls" => nullable(value, |value| each(value, key, call))?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

/// A call of a tool in a message: what the model said before.
fn call(value: &Value) -> Checked {
    let call = object(value, "a tool call")?;
    keys(call, &["custom", "function", "id", "type"], "a tool call")?;
    listed(kind_of(call, "type", "a tool call")?, &["custom", "function"], "route/tool", "the tool call")?;
    for (key, value) in call {
        match key.as_str() {
            "function" => flat(value, &["arguments", "name"], key)?,
            "custom" => flat(value, &["input", "name"], key)?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

/// A string, or a list of parts of the named `kinds`.
fn content(value: &Value, kinds: &[&str]) -> Checked {
    match value {
        Value::String(_) => Ok(()),
        _ => each(value, "content", |value| part(value, kinds)),
    }
}

fn part(value: &Value, kinds: &[&str]) -> Checked {
    let part = object(value, "a content part")?;
    let kind = kind_of(part, "type", "a content part")?;
    listed(kind, kinds, "route/block", "the content part")?;
    let known = lists::PARTS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    keys(part, known, &format!("the content part `{kind}`"))?;
    for (key, value) in part {
        match (kind, key.as_str()) {
            ("image_url", "image_url") => {
                let image = object(value, "image_url")?;
                keys(image, &["detail", "url"], "image_url")?;
                inline(image.get("url").unwrap_or(&Value::Null), "image_url")?;
                scalar(image.get("detail").unwrap_or(&Value::Null), "detail")?;
            }
            ("input_image", "image_url") | ("input_file", "file_data") => inline(value, key)?,
            // Citations are of what the provider's own tools found.
            (_, "annotations" | "logprobs") => nullable(value, |value| match value {
                Value::Array(list) if list.is_empty() => Ok(()),
                _ => Err(Refusal::new("route/source", format!("`{key}` of a content part must be empty"))),
            })?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

/// A URL that carries its bytes with it (RFC 2397).
fn inline(value: &Value, key: &str) -> Checked {
    match value {
        Value::String(url) if url.starts_with("data:") => Ok(()),
        _ => {
            let why = "the provider would fetch or look up what it names; send the bytes as a `data:` URL instead";
            Err(Refusal::new("route/source", format!("`{key}` is no `data:` URL: {why}")))
        }
    }
}

fn tool(value: &Value) -> Checked {
    let given = object(value, "a tool")?;
    let kind = kind_of(given, "type", "a tool")?;
    let known = keys_of_tool(kind)?;
    keys(given, known, &format!("the tool `{kind}`"))?;
    for (key, value) in given {
        match key.as_str() {
            // Its tools are the client's like others, and no namespace is in another.
            "tools" => each(value, key, |value| match value.get("type").and_then(Value::as_str) {
                Some("namespace") => Err(Refusal::new("route/tool", "a `namespace` within another is not allowed")),
                _ => tool(value),
            })?,
            "parameters" => schema(value)?,
            "format" => nullable(value, |value| flat(value, &["definition", "syntax", "type"], key))?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn keys_of_tool(kind: &str) -> Result<&'static [&'static str], Refusal> {
    let why = "the provider runs it itself and can reach other hosts; only tools that the agent runs are allowed, do without it \
               (Codex: `-c web_search=\"disabled\"`)";
    let refused = || Refusal::new("route/tool", format!("the tool type `{}` is not allowed: {why}", shown(kind)));
    lists::TOOLS.iter().find(|(name, _)| *name == kind).map(|(_, keys)| *keys).ok_or_else(refused)
}

/// A tool of `/v1/chat/completions`, which stands under its type's name.
fn wrapped_tool(value: &Value) -> Checked {
    let outer = object(value, "a tool")?;
    let kind = kind_of(outer, "type", "a tool")?;
    keys_of_tool(kind)?;
    listed(kind, &["custom", "function"], "route/tool", "the tool type")?;
    keys(outer, &[kind, "type"], "a tool")?;
    let mut inner = object(outer.get(kind).unwrap_or(&Value::Null), "a tool")?.clone();
    // Its grammar is wrapped once more.
    if let Some(grammar) = inner.get("format").and_then(|format| format.get("grammar")) {
        flat(grammar, &["definition", "syntax"], "grammar")?;
        let format = object(&inner["format"], "format")?;
        keys(format, &["grammar", "type"], "format")?;
        scalar(format.get("type").unwrap_or(&Value::Null), "type")?;
        inner.remove("format");
    }
    if inner.contains_key("type") {
        return Err(Refusal::new("route/key", format!("the tool `{kind}` has the key `type` twice")));
    }
    inner.insert("type".to_owned(), json!(kind));
    tool(&Value::Object(inner))
}

fn tool_choice(value: &Value) -> Checked {
    let Value::Object(choice) = value else { return scalar(value, "tool_choice") };
    keys(choice, lists::TOOL_CHOICE, "tool_choice")?;
    listed(kind_of(choice, "type", "tool_choice")?, &["custom", "function"], "route/tool", "the tool choice")?;
    choice.iter().try_for_each(|(key, value)| match key.as_str() {
        "custom" | "function" => flat(value, &["name"], key),
        _ => scalar(value, key),
    })
}

fn text(value: &Value) -> Checked {
    let text = object(value, "text")?;
    keys(text, lists::TEXT, "text")?;
    text.iter().try_for_each(|(key, value)| match key.as_str() {
        "format" => nullable(value, format),
        _ => scalar(value, key),
    })
}

fn format(value: &Value) -> Checked {
    let format_of = object(value, "the format")?;
    keys(format_of, lists::FORMAT, "the format")?;
    format_of.iter().try_for_each(|(key, value)| match key.as_str() {
        "schema" => schema(value),
        "json_schema" => format(value),
        _ => scalar(value, key),
    })
}
