//! Codex: its command line and configuration (`codex exec --help` and its documentation, "Configuration"; tried with version
//! 0.171.0), and its output in the form `--json`.

use std::path::Path;

use serde_json::Value;

use super::{
    Adapter, Launch, shown,
    stream::{self, Entry, Outcome, Progress, first_words, last_words},
};
use crate::advice::{TIME, VARIABLE};

/// Where its provider is, as the gateway names it.
const BASE_URL: &str = "OPENAI_BASE_URL";
/// What it signs in with there: the agent's ticket.
const KEY: &str = "OPENAI_API_KEY";

/// Codex.
pub(super) struct Codex;

impl Adapter for Codex {
    fn program(&self) -> &'static str {
        "codex"
    }

    /// Its own sandbox does not start within ours, which holds it instead. Nothing of the repository's or of a user's configures it,
    /// and the provider is asked to look nothing up.
    fn arguments(&self, launch: &Launch<'_>) -> Vec<String> {
        let fixed = ["exec", "--json", "--sandbox", "danger-full-access", "--skip-git-repo-check", "--ephemeral"];
        let fixed = fixed.into_iter().chain(["--ignore-user-config", "--ignore-rules"]).map(str::to_owned);
        let model = launch.agent.model.as_ref().or_else(|| launch.agent.models.iter().find(|name| !name.ends_with('*')));
        let model = model.into_iter().flat_map(|model| ["-m".to_owned(), model.clone()]);
        let settings = settings(launch).into_iter().flat_map(|(key, value)| ["-c".to_owned(), format!("{key}={value}")]);
        fixed.chain(model).chain(settings).chain(["-".to_owned()]).collect()
    }

    fn environment(&self, _: &Launch<'_>) -> Vec<(String, String)> {
        vec![]
    }

    fn reader(&self) -> Option<Box<dyn stream::Reader>> {
        Some(Box::<Reader>::default())
    }

    fn stops_itself(&self) -> bool {
        false
    }
}

/// Keys of its configuration and their values, as TOML.
fn settings(launch: &Launch<'_>) -> Vec<(String, toml::Value)> {
    let text = |text: &str| toml::Value::from(text);
    let table = |pairs: Vec<(&str, toml::Value)>| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<toml::Table>();
    let mut settings = vec![
        ("web_search".to_owned(), text("disabled")),
        ("check_for_update_on_startup".to_owned(), false.into()),
        ("analytics.enabled".to_owned(), false.into()),
        ("history.persistence".to_owned(), text("none")),
    ];
    // A project that is not trusted brings no configuration, hooks or servers of its own.
    let untrusted = table(vec![("trust_level", text("untrusted"))]);
    let projects = table(vec![(&launch.workspace.display().to_string(), untrusted.into())]);
    settings.push(("projects".to_owned(), projects.into()));
    if let Some((_, base)) = launch.provider.iter().find(|(name, _)| name == BASE_URL) {
        let provider = table(vec![("name", text("tidewaiter")), ("base_url", text(base)), ("env_key", text(KEY))]);
        settings.push(("model_provider".to_owned(), text("tidewaiter")));
        settings.push(("model_providers.tidewaiter".to_owned(), provider.into()));
    }
    if let Some(program) = launch.asks_by.and_then(Path::to_str) {
        let seconds = i64::try_from(TIME.as_secs() + 60).unwrap_or(i64::MAX);
        let server = table(vec![
            ("command", text(program)),
            ("args", vec!["mcp"].into()),
            // Named, not written: a command line is recorded.
            ("env_vars", vec![VARIABLE].into()),
            ("tool_timeout_sec", seconds.into()),
        ]);
        settings.push(("mcp_servers.tidewaiter".to_owned(), server.into()));
    }
    settings
}

/// Reads the events of `--json`. It tells no turns; a message or a call of a tool counts as one, since each is an answer of the
/// model's or a part of one.
#[derive(Debug, Default)]
struct Reader {
    progress: Progress,
}

impl stream::Reader for Reader {
    fn event(&mut self, event: &Value) -> Option<Vec<Entry>> {
        match event["type"].as_str()? {
            "thread.started" | "turn.started" | "item.updated" => Some(Vec::new()),
            "item.started" => Some(started(&event["item"]).into_iter().collect()),
            "item.completed" => Some(self.completed(&event["item"])),
            "turn.completed" => Some(self.done(&event["usage"])),
            "turn.failed" => Some(self.failed(&event["error"])),
            // Some are tried again, and the turn's end tells of the others.
            "error" => Some(vec![Entry::Plain(shown::content(&event["message"]))]),
            _ => None,
        }
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Reader {
    fn completed(&mut self, item: &Value) -> Vec<Entry> {
        let kind = item["type"].as_str().unwrap_or("?");
        if kind == "error" {
            return vec![Entry::Plain(shown::content(&item["message"]))];
        }
        if matches!(kind, "reasoning" | "todo_list") {
            return Vec::new();
        }
        self.progress.usage.turns = self.progress.usage.turns.saturating_add(1);
        if kind == "agent_message" {
            let text = item["text"].as_str().unwrap_or_default();
            self.progress.final_text = last_words(text);
            return vec![Entry::Text(text.to_owned())];
        }
        let failed = item["status"] == "failed" || item["status"] == "declined";
        let (tool, argument) = call(item);
        // A change of files is told once, when it is made.
        let start = (kind == "file_change").then(|| Entry::Call { tool: tool.clone(), argument: argument.clone() });
        let output = Entry::Output { call: format!("{tool} {argument}"), text: output(item), failed };
        start.into_iter().chain([output]).collect()
    }

    fn done(&mut self, usage: &Value) -> Vec<Entry> {
        let number = |key: &str| usage[key].as_u64().unwrap_or_default();
        // What comes from a cache is part of what is sent.
        self.progress.usage.input_tokens = self.progress.usage.input_tokens.saturating_add(number("input_tokens"));
        self.progress.usage.output_tokens = self.progress.usage.output_tokens.saturating_add(number("output_tokens"));
        self.progress.outcome = Outcome::Done;
        vec![Entry::End { done: true, text: self.progress.final_text.clone() }]
    }

    fn failed(&mut self, error: &Value) -> Vec<Entry> {
        let text = last_words(error["message"].as_str().unwrap_or("the turn failed"));
        self.progress.outcome = Outcome::Failed { reason: first_words(&text).to_owned() };
        vec![Entry::End { done: false, text }]
    }
}

fn started(item: &Value) -> Option<Entry> {
    let told = matches!(item["type"].as_str()?, "command_execution" | "mcp_tool_call" | "web_search");
    told.then(|| {
        let (tool, argument) = call(item);
        Entry::Call { tool, argument }
    })
}

/// A call's tool and main argument.
fn call(item: &Value) -> (String, String) {
    let word = |key: &str| item[key].as_str().unwrap_or("?").to_owned();
    match item["type"].as_str() {
        Some("command_execution") => ("Shell".to_owned(), shown::argument(item)),
        Some("file_change") => {
            let changes = item["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
            let paths: Vec<&str> = changes.iter().filter_map(|change| change["path"].as_str()).collect();
            ("Edit".to_owned(), shown::argument(&Value::String(paths.join(", "))))
        }
        Some("mcp_tool_call") => (format!("{}.{}", word("server"), word("tool")), shown::argument(&item["arguments"])),
        Some("web_search") => ("Search".to_owned(), word("query")),
        _ => (word("type"), String::new()),
    }
}

/// What came back.
fn output(item: &Value) -> String {
    let result = [&item["aggregated_output"], &item["result"]["content"], &item["error"]["message"]];
    result.into_iter().find(|value| !value.is_null()).map(shown::content).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::{Policy, Source};

    /// Of codex 0.171.0 with a scripted provider; the ids are shortened.
    const RECORDING: &str = include_str!("../../tests/agent/codex-0.171.0.jsonl");

    fn read(lines: &str) -> (Progress, Vec<Entry>) {
        let mut reader = Reader::default();
        let entries = lines.lines().flat_map(|line| stream::line(&mut reader, line.as_bytes())).collect();
        (reader.progress, entries)
    }

    #[test]
    fn a_recorded_run_is_understood() {
        let (progress, entries) = read(RECORDING);
        assert_eq!((progress.outcome, progress.final_text.as_str()), (Outcome::Done, "All done.\nSecond line."));
        assert_eq!((progress.usage.turns, progress.usage.input_tokens, progress.usage.output_tokens), (3, 40, 20));
        let call = "/bin/bash -lc 'cat nothere'";
        assert!(entries.contains(&Entry::Call { tool: "Shell".to_owned(), argument: call.to_owned() }), "{entries:#?}");
        let text = "cat: nothere: No such file or directory\n".to_owned();
        assert!(entries.contains(&Entry::Output { call: format!("Shell {call}"), text, failed: true }));
        assert!(!entries.iter().any(|entry| matches!(entry, Entry::Plain(text) if text.starts_with('{'))), "{entries:#?}");
    }

    #[test]
    fn only_a_turn_that_ended_well_is_done() {
        assert_eq!(read("").0.outcome, Outcome::NoResult);
        assert_eq!(read(&json!({"type": "error", "message": "x"}).to_string()).0.outcome, Outcome::NoResult);
        let failed = json!({"type": "turn.failed", "error": {"message": "no such model\nmore"}}).to_string();
        assert_eq!(read(&failed).0.outcome, Outcome::Failed { reason: "no such model".to_owned() });
        let done = json!({"type": "turn.completed", "usage": {}}).to_string();
        assert_eq!(read(&format!("{done}\n{failed}")).0.outcome, Outcome::Failed { reason: "no such model".to_owned() });
    }

    #[test]
    fn no_shape_of_an_event_ends_the_reading() {
        for line in [
            r#"{"type":"item.completed"}"#,
            r#"{"type":"item.started","item":7}"#,
            r#"{"type":"item.completed","item":{"type":"file_change","changes":7}}"#,
            r#"{"type":"turn.completed","usage":"x"}"#,
            r#"{"type":"turn.failed"}"#,
        ] {
            read(line);
        }
    }

    #[test]
    fn every_setting_is_toml_and_none_is_the_repositorys() {
        let text = "version = 1\n[agent]\nkind = \"codex\"\nmodels = [\"gpt-*\", \"gpt-5-codex\"]\n".to_owned();
        let agent = Policy::compose(vec![Source { name: "test".to_owned(), text }]).unwrap().agent;
        let provider = [("OPENAI_BASE_URL".to_owned(), "http://127.0.0.1:1/openai/v1".to_owned())];
        let (place, by) = (Path::new("/a \"quoted\" place"), Path::new("/our \"own\"/tidewaiter"));
        let launch = Launch { agent: &agent, home: place, tmp: place, asks_by: Some(by), provider: &provider, workspace: place };
        let line = Codex.arguments(&launch);
        let after = |flag: &str| line.iter().position(|word| word == flag).map(|at| line[at + 1].as_str());
        assert_eq!((after("-m"), line.last().map(String::as_str)), (Some("gpt-5-codex"), Some("-")));
        let settings: Vec<&str> = line.windows(2).filter(|pair| pair[0] == "-c").map(|pair| pair[1].as_str()).collect();
        let read: toml::Table = settings.join("\n").parse().unwrap();
        assert_eq!(read["projects"]["/a \"quoted\" place"]["trust_level"].as_str(), Some("untrusted"));
        assert_eq!(read["model_providers"]["tidewaiter"]["base_url"].as_str(), Some("http://127.0.0.1:1/openai/v1"));
        assert_eq!(read["mcp_servers"]["tidewaiter"]["command"].as_str(), Some("/our \"own\"/tidewaiter"));
        assert_eq!(read["web_search"].as_str(), Some("disabled"));
    }
}
