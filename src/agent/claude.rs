//! Claude Code: its command line and environment (its documentation, "CLI reference", "Settings" and "Environment
//! variables"; tried with version 2.1.197), and its output in the form `stream-json`.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::{
    Adapter, Launch, shown,
    stream::{self, Entry, Outcome, Progress, Usage, first_words, last_words},
};
use crate::{
    advice::{TIME, VARIABLE},
    policy,
};

/// Its name in PATH.
pub(super) const PROGRAM: &str = "claude";
/// Tools that run without asking: nobody is there to be asked, and the walls hold whatever they do.
const TOOLS: &str = "Bash,Edit,Write,Read,Glob,Grep,NotebookEdit,Task,TaskOutput,TaskStop,TodoWrite,Skill";
/// Tools that need what is not there: other hosts, a later time, another directory.
const NO_TOOLS: &str = "WebSearch,WebFetch,EnterWorktree,CronCreate,ScheduleWakeup,AskUserQuestion";
/// The tool of our own server by which it asks the gate.
const GATE_TOOL: &str = "mcp__tidewaiter__check_change";
/// The hook waits for an answer, and a moment before it.
const HOOK_SECONDS: u64 = TIME.as_secs() + 60;
/// Tool calls whose results are still awaited.
const OPEN_CALLS: usize = 1000;

/// Claude Code.
pub(super) struct Claude;

impl Adapter for Claude {
    fn program(&self) -> &'static str {
        PROGRAM
    }

    fn arguments(&self, launch: &Launch<'_>) -> Vec<String> {
        arguments(launch.agent, launch.asks_by.and_then(Path::to_str))
    }

    fn environment(&self, launch: &Launch<'_>) -> Vec<(String, String)> {
        environment(launch.home, launch.tmp)
    }

    fn reader(&self) -> Option<Box<dyn stream::Reader>> {
        Some(Box::<Reader>::default())
    }

    fn stops_itself(&self) -> bool {
        true
    }
}

fn arguments(agent: &policy::Agent, asks_by: Option<&str>) -> Vec<String> {
    let mut settings = json!({
        "enableAllProjectMcpServers": false,
        "includeCoAuthoredBy": false,
        "skipWebFetchPreflight": true,
    });
    match asks_by {
        Some(program) => settings["hooks"] = hooks(program),
        None => settings["disableAllHooks"] = true.into(),
    }
    let fixed = ["-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits", "--strict-mcp-config"];
    let fixed = fixed.into_iter().chain(["--no-session-persistence", "--no-chrome", "--setting-sources", "user", "--settings"]);
    let mut line: Vec<String> = fixed.map(str::to_owned).collect();
    line.push(settings.to_string());
    for (flag, value) in [("--max-turns", agent.max_turns.map(|turns| turns.to_string())), ("--model", agent.model.clone())] {
        line.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    }
    let servers = asks_by.map(|program| ["--mcp-config".to_owned(), servers(program).to_string()]);
    line.extend(servers.into_iter().flatten());
    let tools = if asks_by.is_some() { format!("{TOOLS},{GATE_TOOL}") } else { TOOLS.to_owned() };
    line.extend(["--allowedTools".to_owned(), tools, "--disallowedTools".to_owned(), NO_TOOLS.to_owned()]);
    line
}

/// When it would stop, the gate is asked. The command is read by a shell.
fn hooks(program: &str) -> Value {
    let command = format!("'{}' hook stop", program.replace('\'', r"'\''"));
    json!({ "Stop": [{ "hooks": [{ "type": "command", "command": command, "timeout": HOOK_SECONDS }] }] })
}

/// Where the gate's tool is. Its variable is named, not written: a command line is recorded.
fn servers(program: &str) -> Value {
    let variables = json!({ (VARIABLE): format!("${{{VARIABLE}}}") });
    json!({ "mcpServers": { "tidewaiter": { "type": "stdio", "command": program, "args": ["mcp"], "env": variables } } })
}

/// Variables of Claude Code alone: it keeps to its own directories, takes its provider from us and from no settings file, and
/// calls nobody else.
fn environment(home: &Path, tmp: &Path) -> Vec<(String, String)> {
    let own = [("CLAUDE_CONFIG_DIR", home.join(".claude").display().to_string()), ("CLAUDE_CODE_TMPDIR", tmp.display().to_string())];
    let on = [
        "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_UPDATES",
        "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL",
        // Betas that the gateway's list does not know are refused; this keeps to those that are settled.
        "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
    ];
    let on = on.map(|name| (name, "1".to_owned()));
    own.into_iter().chain(on).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Reads `stream-json`. The exit code of the program says nothing: only the last `result` line does.
#[derive(Debug, Default)]
struct Reader {
    progress: Progress,
    message: String,
    calls: BTreeMap<String, String>,
}

impl stream::Reader for Reader {
    fn event(&mut self, event: &Value) -> Option<Vec<Entry>> {
        match event["type"].as_str() {
            Some("assistant") => Some(self.assistant(event)),
            Some("user") => Some(self.tool_results(event)),
            Some("result") => Some(self.result(event)),
            Some("system") => Some(system(event)),
            Some("rate_limit_event" | "stream_event" | "tool_progress") => Some(Vec::new()),
            _ => None,
        }
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Reader {
    fn assistant(&mut self, event: &Value) -> Vec<Entry> {
        let message = &event["message"];
        let id = message["id"].as_str().unwrap_or_default();
        if event["parent_tool_use_id"].is_null() && (id.is_empty() || id != self.message) {
            self.message = id.chars().take(200).collect();
            self.progress.usage.turns = self.progress.usage.turns.saturating_add(1);
        }
        parts(message).filter_map(|part| self.said(part)).collect()
    }

    fn said(&mut self, part: &Value) -> Option<Entry> {
        match part["type"].as_str()? {
            "text" => Some(Entry::Text(part["text"].as_str()?.to_owned())),
            "tool_use" | "server_tool_use" => {
                let (tool, argument) = (part["name"].as_str().unwrap_or("?").to_owned(), shown::argument(&part["input"]));
                if let Some(id) = part["id"].as_str().filter(|_| self.calls.len() < OPEN_CALLS) {
                    self.calls.insert(id.chars().take(200).collect(), format!("{tool} {argument}"));
                }
                Some(Entry::Call { tool, argument })
            }
            _ => None,
        }
    }

    fn tool_results(&mut self, event: &Value) -> Vec<Entry> {
        let results = parts(&event["message"]).filter(|part| part["type"] == "tool_result");
        let mut entries = Vec::new();
        for part in results {
            let id = part["tool_use_id"].as_str().unwrap_or_default();
            let call = self.calls.remove(id).unwrap_or_else(|| "a tool".to_owned());
            entries.push(Entry::Output { call, text: shown::content(&part["content"]), failed: part["is_error"] == true });
        }
        entries
    }

    fn result(&mut self, event: &Value) -> Vec<Entry> {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let usage = &event["usage"];
        let cached = number(&usage["cache_read_input_tokens"]).saturating_add(number(&usage["cache_creation_input_tokens"]));
        self.progress.usage = Usage {
            turns: self.progress.usage.turns.max(number(&event["num_turns"])),
            input_tokens: number(&usage["input_tokens"]).saturating_add(cached),
            output_tokens: number(&usage["output_tokens"]),
            cost_usd: event["total_cost_usd"].as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0).unwrap_or_default(),
            denials: event["permission_denials"].as_array().map_or(0, |denials| denials.len() as u64),
        };
        let done = event["subtype"] == "success" && event["is_error"] == false;
        let words = event["result"].as_str().map_or_else(|| shown::errors(event), str::to_owned);
        let text = last_words(&words);
        self.progress.outcome = if done { Outcome::Done } else { Outcome::Failed { reason: failure(event, &text) } };
        self.progress.final_text.clone_from(&text);
        vec![Entry::End { done, text }]
    }
}

fn parts(message: &Value) -> impl Iterator<Item = &Value> {
    message["content"].as_array().into_iter().flatten()
}

fn system(event: &Value) -> Vec<Entry> {
    if event["subtype"] != "init" {
        return Vec::new();
    }
    let word = |key: &str| event[key].as_str().unwrap_or("?").chars().take(100).collect::<String>();
    vec![Entry::Plain(format!("Claude Code {} with {}", word("claude_code_version"), word("model")))]
}

/// Why a result is no success, in a few words.
fn failure(event: &Value, text: &str) -> String {
    let words = first_words(text);
    // An error of the provider's comes as a "success" that is one.
    match event["subtype"].as_str() {
        Some("success") => words.to_owned(),
        subtype => {
            let subtype = subtype.unwrap_or("no subtype");
            format!("{}: {words}", &subtype[..subtype.floor_char_boundary(100)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[Value]) -> (Reader, Vec<Entry>) {
        let mut reader = Reader::default();
        let entries = lines.iter().flat_map(|line| stream::line(&mut reader, line.to_string().as_bytes())).collect();
        (reader, entries)
    }

    fn result(subtype: &str, is_error: bool) -> Value {
        json!({"type": "result", "subtype": subtype, "is_error": is_error, "result": "words", "num_turns": 3, "total_cost_usd": 0.5,
            "usage": {"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 4}, "permission_denials": [{}]})
    }

    #[test]
    fn only_the_last_result_decides() {
        assert_eq!(read(&[]).0.progress.outcome, Outcome::NoResult);
        assert_eq!(read(&[result("success", false)]).0.progress.outcome, Outcome::Done);
        let failed = Outcome::Failed { reason: "words".to_owned() };
        assert_eq!(read(&[result("success", false), result("success", true)]).0.progress.outcome, failed);
        assert!(matches!(read(&[result("error_max_turns", false)]).0.progress.outcome, Outcome::Failed { .. }));
        assert!(matches!(read(&[json!({"type": "result"})]).0.progress.outcome, Outcome::Failed { .. }));
    }

    #[test]
    fn usage_is_what_the_result_says() {
        let usage = Usage { turns: 3, input_tokens: 3, output_tokens: 4, cost_usd: 0.5, denials: 1 };
        assert_eq!(read(&[result("success", false)]).0.progress.usage, usage);
    }

    #[test]
    fn turns_are_messages_outside_of_sub_agents() {
        let said =
            |id: &str, parent: Value| json!({"type": "assistant", "parent_tool_use_id": parent, "message": {"id": id, "content": []}});
        let (reader, _) = read(&[said("a", Value::Null), said("a", Value::Null), said("x", json!("t")), said("b", Value::Null)]);
        assert_eq!(reader.progress.usage.turns, 2);
    }

    #[test]
    fn a_call_is_shown_with_its_main_argument_and_its_result() {
        let call = json!({"type": "assistant", "message": {"id": "a", "content": [
            {"type": "tool_use", "id": "t", "name": "Bash", "input": {"description": "x", "command": "make"}}]}});
        let back = json!({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "is_error": true,
            "content": [{"type": "text", "text": "boom"}]}]}});
        let (_, entries) = read(&[call, back]);
        assert_eq!(entries[0], Entry::Call { tool: "Bash".to_owned(), argument: "make".to_owned() });
        assert_eq!(entries[1], Entry::Output { call: "Bash make".to_owned(), text: "boom".to_owned(), failed: true });
    }

    #[test]
    fn broken_lines_are_shown_and_never_end_the_reading() {
        let deep = "[".repeat(100_000);
        for line in ["{", "null", "[]", "\"x\"", "{\"type\":5}", "{\"type\":\"result\"", "\u{1b}[31m", &deep] {
            let mut reader = Reader::default();
            assert!(matches!(stream::line(&mut reader, line.as_bytes())[..], [Entry::Plain(_)]), "{:.20}", line);
            assert_eq!(reader.progress.outcome, Outcome::NoResult);
        }
        for line in [r#"{"type":"assistant"}"#, r#"{"type":"user","message":{"content":"x"}}"#, r#"{"type":"assistant","message":[]}"#] {
            stream::line(&mut Reader::default(), line.as_bytes());
        }
    }
}
