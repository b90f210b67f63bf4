//! The agents: how each is started, and how its output is read.
//!
//! An agent gets its prompt on standard input, and a home and a temporary directory of its own. Nothing here is secret.

pub mod claude;
mod program;
mod shown;

use std::{ffi::OsString, path::Path};

pub use program::{Ourselves, passed_over};

use crate::policy::{self, AgentKind};

/// What an agent is started with.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// The policy's section `[agent]`.
    pub agent: &'a policy::Agent,
    /// The agent's own home.
    pub home: &'a Path,
    /// The agent's own temporary directory.
    pub tmp: &'a Path,
    /// This program, by which it asks the gate; none where it may not.
    pub asks_by: Option<&'a Path>,
}

/// The program and its arguments. The program is looked up in PATH where it holds no slash.
pub fn command_line(launch: &Launch<'_>) -> Vec<String> {
    match launch.agent.kind {
        AgentKind::Claude => claude::command_line(launch.agent, launch.asks_by.and_then(Path::to_str)),
        AgentKind::Command => launch.agent.command.clone(),
    }
}

/// The program alone, as [`command_line`] starts it.
pub fn program(agent: &policy::Agent) -> OsString {
    let named = agent.command.first().map(OsString::from);
    named.unwrap_or_else(|| if agent.kind == AgentKind::Claude { claude::PROGRAM.into() } else { OsString::new() })
}

/// The agent's own variables, besides those that every locked-in process gets and those that name its provider.
pub fn environment(launch: &Launch<'_>) -> Vec<(String, String)> {
    let mut variables =
        vec![("HOME".to_owned(), launch.home.display().to_string()), ("TMPDIR".to_owned(), launch.tmp.display().to_string())];
    match launch.agent.kind {
        AgentKind::Claude => variables.extend(claude::environment(launch.home, launch.tmp)),
        AgentKind::Command => {}
    }
    if let Some(model) = &launch.agent.model {
        variables.push(("ANTHROPIC_MODEL".to_owned(), model.clone()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Source};

    fn agent(section: &str) -> policy::Agent {
        let text = format!("version = 1\n[agent]\n{section}\n");
        Policy::compose(vec![Source { name: "test".to_owned(), text }]).unwrap().agent
    }

    fn with<T>(section: &str, make: impl Fn(&Launch<'_>) -> T) -> T {
        let agent = agent(section);
        make(&Launch { agent: &agent, home: Path::new("/agent/home"), tmp: Path::new("/agent/tmp"), asks_by: None })
    }

    #[test]
    fn claude_asks_the_gate_by_our_own_arguments_alone() {
        let agent = agent("kind = \"claude\"");
        let by = Path::new("/our program's/tidewaiter");
        let line = command_line(&Launch { agent: &agent, home: Path::new("/h"), tmp: Path::new("/t"), asks_by: Some(by) });
        let after = |flag: &str| line.iter().position(|word| word == flag).map(|at| line[at + 1].clone()).unwrap();
        let settings: serde_json::Value = serde_json::from_str(&after("--settings")).unwrap();
        assert_eq!(settings["hooks"]["Stop"][0]["hooks"][0]["command"], "'/our program'\\''s/tidewaiter' hook stop");
        assert!(settings.get("disableAllHooks").is_none(), "they would be off");
        let servers: serde_json::Value = serde_json::from_str(&after("--mcp-config")).unwrap();
        assert_eq!(servers["mcpServers"]["tidewaiter"]["command"], "/our program's/tidewaiter");
        assert!(after("--allowedTools").ends_with(",mcp__tidewaiter__check_change"));
        assert_eq!((after("--setting-sources").as_str(), line.contains(&"--strict-mcp-config".to_owned())), ("user", true));
        assert!(!with("kind = \"claude\"", command_line).contains(&"--mcp-config".to_owned()));
    }

    #[test]
    fn a_command_is_started_as_the_policy_says() {
        let section = "kind = \"command\"\ncommand = [\"sh\", \"-c\", \"true\"]";
        assert_eq!(with(section, command_line), ["sh", "-c", "true"]);
        let variables = with(section, environment);
        assert!(variables.contains(&("HOME".to_owned(), "/agent/home".to_owned())));
        assert!(!variables.iter().any(|(name, _)| name.starts_with("CLAUDE")));
    }

    #[test]
    fn claude_reads_no_settings_of_the_repository() {
        let line = with("kind = \"claude\"\nmodels = [\"claude-opus-*\"]\nmax_turns = 7", command_line);
        assert_eq!(line[..2], ["claude", "-p"]);
        let after = |flag: &str| line.iter().position(|word| word == flag).map(|at| line[at + 1].clone());
        assert_eq!(after("--setting-sources").as_deref(), Some("user"));
        assert_eq!(after("--max-turns").as_deref(), Some("7"));
        assert!(line.contains(&"--strict-mcp-config".to_owned()));
        assert!(after("--settings").unwrap().contains("\"disableAllHooks\":true"));
    }

    #[test]
    fn claude_keeps_to_its_own_directories() {
        let variables = with("kind = \"claude\"", environment);
        let value = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(value("CLAUDE_CONFIG_DIR"), Some("/agent/home/.claude"));
        assert_eq!(value("CLAUDE_CODE_TMPDIR"), Some("/agent/tmp"));
        assert_eq!(value("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST"), Some("1"));
    }
}
