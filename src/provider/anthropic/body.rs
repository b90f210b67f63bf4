//! The body of a call, checked key by key and written again from what was checked.

use serde_json::{Map, Value};

use super::{
    super::{
        Refusal,
        form::{Checked, each, flat, keys, kind_of, listed, nullable, object, scalar, schema},
        json, shown,
    },
    internet, lists,
};

/// Judges `sent` and returns the body that goes on: the value that was checked, its key order kept. `models` are exact
/// names, or a prefix with a final `*`; `internet` says whether the provider may reach out.
///
/// # Errors
/// Whatever is not JSON of one meaning, or has a key, tool, block, source or model that is not listed.
pub fn body(sent: &[u8], models: &[String], internet: bool) -> Result<Vec<u8>, Refusal> {
    let value = read(sent)?;
    check(&value, &[], internet)?;
    model(value.get("model"), models)?;
    write(&value)
}

/// Reads a body that has one meaning only.
pub(in crate::provider) fn read(sent: &[u8]) -> Result<Value, Refusal> {
    json::parse(sent).map_err(|error| Refusal::new("route/json", format!("the body cannot be read in one way only: {error}")))
}

/// Writes a body that was checked.
pub(in crate::provider) fn write(value: &Value) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(value).map_err(|error| Refusal::new("route/json", format!("the body cannot be written again: {error}")))
}

/// Judges everything of a body but its model and the keys in `also`, which it may have besides: who calls judges them. `internet`
/// says whether the provider may reach out for the agent.
pub(in crate::provider) fn check(value: &Value, also: &[&str], internet: bool) -> Checked {
    let object = object(value, "the body")?;
    keys(object, &[lists::BODY, also, when(internet, internet::BODY)].concat(), "the body")?;
    each(object.get("messages").unwrap_or(&Value::Null), "messages", |value| message(value, internet))?;
    for (key, value) in object {
        match key.as_str() {
            "tools" => each(value, "tools", |value| tool(value, internet))?,
            "mcp_servers" => each(value, "mcp_servers", mcp_server)?,
            "system" => content(value, "system", &["text"], internet)?,
            "tool_choice" => flat(value, lists::TOOL_CHOICE, "tool_choice")?,
            "metadata" => flat(value, lists::METADATA, "metadata")?,
            "thinking" => flat(value, lists::THINKING, "thinking")?,
            "cache_control" => flat(value, lists::CACHE_CONTROL, "cache_control")?,
            "output_config" => output_config(value)?,
            "context_management" => context_management(value)?,
            "stop_sequences" => each(value, "stop_sequences", |value| scalar(value, "stop_sequences"))?,
            "model" | "messages" => {}
            key if also.contains(&key) => {}
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

/// Judges the model that a body names.
pub(in crate::provider) fn model(named: Option<&Value>, models: &[String]) -> Checked {
    let Some(Value::String(name)) = named else {
        return Err(Refusal::new("route/model", "the body must name its `model` as a string"));
    };
    listed_model(name, models, 0)
}

/// Judges a model's name: an entry of `models` that ends with `*` counts where it spells out at least `spelled` bytes of it.
pub(in crate::provider) fn listed_model(name: &str, models: &[String], spelled: usize) -> Checked {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:@[]/".contains(&b));
    let begins = |prefix: &str| prefix.len() >= spelled && name.starts_with(prefix);
    let listed = |model: &String| model.strip_suffix('*').map_or(model == name, begins);
    if plain && models.iter().any(listed) {
        return Ok(());
    }
    let allowed = if models.is_empty() { "none".to_owned() } else { models.join(", ") };
    Err(Refusal::new("route/model", format!("the policy does not list the model `{}` (agent.models); allowed: {allowed}", shown(name))))
}

fn message(value: &Value, internet: bool) -> Checked {
    let message = object(value, "a message")?;
    keys(message, lists::MESSAGE, "a message")?;
    let role = kind_of(message, "role", "a message")?;
    listed(role, lists::ROLES, "route/key", "the role")?;
    let kinds: Vec<&str> = lists::BLOCKS.iter().chain(when(internet, internet::BLOCKS)).map(|(kind, _)| *kind).collect();
    content(message.get("content").unwrap_or(&Value::Null), "messages", &kinds, internet)
}

/// A string, or a list of blocks of the named `kinds`.
fn content(value: &Value, place: &str, kinds: &[&str], internet: bool) -> Checked {
    match value {
        Value::String(_) => Ok(()),
        _ => each(value, place, |value| block(value, kinds, internet)),
    }
}

fn block(value: &Value, kinds: &[&str], internet: bool) -> Checked {
    let block = object(value, "a content block")?;
    let kind = kind_of(block, "type", "a content block")?;
    listed(kind, kinds, "route/block", "the content block")?;
    let mut lists = lists::BLOCKS.iter().chain(when(internet, internet::BLOCKS));
    let known = lists.find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    keys(block, known, &format!("the content block `{kind}`"))?;
    for (key, value) in block {
        match (kind, key.as_str()) {
            (_, "cache_control") => nullable(value, |value| flat(value, lists::CACHE_CONTROL, "cache_control"))?,
            (_, "source") => source(value, internet)?,
            ("tool_result", "content") => content(value, "tool_result", lists::INNER_BLOCKS, internet)?,
            ("tool_use", "input") => {
                object(value, "the input of `tool_use`")?;
            }
            ("tool_use", "caller") => direct(value)?,
            // What the provider said itself, back to it.
            (kind, "input" | "content" | "caller") if is_server_block(kind) => {}
            ("document", "citations") => nullable(value, |value| flat(value, &["enabled"], "citations"))?,
            ("text", "citations") => nullable(value, |value| each(value, "citations", |value| citation(value, internet)))?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn source(value: &Value, internet: bool) -> Checked {
    let source = object(value, "a source")?;
    let kind = kind_of(source, "type", "a source")?;
    let Some((_, known)) = lists::SOURCES.iter().chain(when(internet, internet::SOURCES)).find(|(name, _)| *name == kind) else {
        let why = "the provider would fetch or look up what it names; send the bytes with a source of type `base64` instead";
        return Err(Refusal::new("route/source", format!("a source of type `{}` is not allowed: {why}", shown(kind))));
    };
    keys(source, known, &format!("the source `{kind}`"))?;
    for (key, value) in source {
        match key.as_str() {
            "content" => content(value, "source", &["image", "text"], internet)?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

/// A tool was called by the model itself, not by code that the provider runs.
fn direct(value: &Value) -> Checked {
    flat(value, &["type"], "caller")?;
    match value.get("type").and_then(Value::as_str) {
        Some("direct") => Ok(()),
        _ => Err(Refusal::new("route/tool", "a tool call by the provider's code execution is not allowed")),
    }
}

fn citation(value: &Value, internet: bool) -> Checked {
    let citation = object(value, "a citation")?;
    listed(
        kind_of(citation, "type", "a citation")?,
        &[lists::CITATIONS, when(internet, internet::CITATIONS)].concat(),
        "route/source",
        "the citation",
    )?;
    citation.iter().try_for_each(|(key, value)| scalar(value, key))
}

fn tool(value: &Value, internet: bool) -> Checked {
    let tool = object(value, "a tool")?;
    let kind = tool.get("type").and_then(Value::as_str);
    let of_server = when(internet, internet::TOOLS).iter().find(|(name, _)| Some(*name) == kind);
    if let Some((name, known)) = of_server {
        return server_tool(tool, name, known);
    }
    match tool.get("type") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if lists::CLIENT_TOOLS.contains(&kind.as_str()) => {}
        Some(kind) => {
            let name = kind.as_str().map_or_else(|| kind.to_string(), ToOwned::to_owned);
            let why = "the provider runs it itself and can reach other hosts; only tools that the agent runs are allowed, do without it";
            return Err(Refusal::new("route/tool", format!("the tool type `{}` is not allowed: {why}", shown(&name))));
        }
    }
    keys(tool, lists::TOOL, "a tool")?;
    for (key, value) in tool {
        match key.as_str() {
            "input_schema" => schema(value)?,
            "input_examples" => {}
            "cache_control" => nullable(value, |value| flat(value, lists::CACHE_CONTROL, "cache_control"))?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn server_tool(tool: &Map<String, Value>, name: &str, known: &[&str]) -> Checked {
    keys(tool, known, &format!("the tool `{name}`"))?;
    for (key, value) in tool {
        match key.as_str() {
            "allowed_callers" => {
                each(value, key, |value| listed(value.as_str().unwrap_or_default(), internet::CALLERS, "route/tool", "the caller"))?
            }
            "allowed_domains" | "blocked_domains" => nullable(value, |value| each(value, key, |value| scalar(value, key)))?,
            "cache_control" => nullable(value, |value| flat(value, lists::CACHE_CONTROL, key))?,
            "citations" => nullable(value, |value| flat(value, &["enabled"], key))?,
            "user_location" => nullable(value, |value| flat(value, &["city", "country", "region", "timezone", "type"], key))?,
            "default_config" => mcp_tool(value)?,
            "configs" => nullable(value, |value| object(value, key)?.values().try_for_each(mcp_tool))?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn mcp_tool(value: &Value) -> Checked {
    flat(value, &["defer_loading", "enabled"], "the configuration of an MCP tool")
}

fn mcp_server(value: &Value) -> Checked {
    let server = object(value, "an MCP server")?;
    keys(server, internet::MCP_SERVER, "an MCP server")?;
    listed(kind_of(server, "type", "an MCP server")?, &["url"], "route/key", "the MCP server of type")?;
    if !kind_of(server, "url", "an MCP server")?.starts_with("https://") {
        return Err(Refusal::new("route/source", "the `url` of an MCP server must begin with https://"));
    }
    for (key, value) in server {
        match key.as_str() {
            "tool_configuration" => nullable(value, |value| {
                let configuration = object(value, key)?;
                keys(configuration, &["allowed_tools", "enabled"], key)?;
                nullable(configuration.get("allowed_tools").unwrap_or(&Value::Null), |value| {
                    each(value, "allowed_tools", |value| scalar(value, "allowed_tools"))
                })?;
                scalar(configuration.get("enabled").unwrap_or(&Value::Null), "enabled")
            })?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn is_server_block(kind: &str) -> bool {
    internet::BLOCKS.iter().any(|(name, _)| *name == kind)
}

/// The list, where it holds.
pub(super) fn when<T>(holds: bool, list: &'static [T]) -> &'static [T] {
    if holds { list } else { &[] }
}

fn output_config(value: &Value) -> Checked {
    let config = object(value, "output_config")?;
    keys(config, lists::OUTPUT_CONFIG, "output_config")?;
    for (key, value) in config {
        match key.as_str() {
            "format" => nullable(value, |value| {
                keys(object(value, "output_config.format")?, lists::OUTPUT_FORMAT, "output_config.format")?;
                schema(value)
            })?,
            "task_budget" => nullable(value, |value| flat(value, &["remaining", "total", "type"], "task_budget"))?,
            _ => scalar(value, key)?,
        }
    }
    Ok(())
}

fn context_management(value: &Value) -> Checked {
    nullable(value, |value| {
        let management = object(value, "context_management")?;
        keys(management, lists::CONTEXT_MANAGEMENT, "context_management")?;
        each(management.get("edits").unwrap_or(&Value::Null), "edits", |edit| {
            let kind = kind_of(object(edit, "an edit")?, "type", "an edit")?;
            listed(kind, lists::EDITS, "route/key", "the context edit")
        })
    })
}
