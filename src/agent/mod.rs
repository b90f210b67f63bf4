//! The agents: how each is started, and how its output is read.
//!
//! An agent gets its prompt on standard input, and a home and a temporary directory of its own. Nothing here is secret.

mod claude;
mod codex;
mod program;
mod shown;
pub mod stream;

use std::{ffi::OsString, path::Path};

pub use program::{Ourselves, passed_over};

use crate::policy::{self, AgentKind};

/// How one kind of agent is spoken with.
pub trait Adapter {
    /// The program's name in PATH, where `agent.command` of the policy says nothing else.
    fn program(&self) -> &'static str;

    /// What follows the program, or the words of `agent.command`.
    fn arguments(&self, launch: &Launch<'_>) -> Vec<String>;

    /// Variables of this agent alone.
    fn environment(&self, launch: &Launch<'_>) -> Vec<(String, String)>;

    /// Who reads its standard output; none where that is lines for people, and its exit status its only word.
    fn reader(&self) -> Option<Box<dyn stream::Reader>>;

    /// Whether it keeps to `agent.max_turns` by itself.
    fn stops_itself(&self) -> bool;
}

/// The adapter of a kind of agent.
pub fn adapter(kind: AgentKind) -> &'static dyn Adapter {
    match kind {
        AgentKind::Claude => &claude::Claude,
        AgentKind::Codex => &codex::Codex,
        AgentKind::Command => &Command,
    }
}

/// Any program: the policy names it and its arguments.
struct Command;

impl Adapter for Command {
    fn program(&self) -> &'static str {
        ""
    }

    fn arguments(&self, _: &Launch<'_>) -> Vec<String> {
        vec![]
    }

    fn environment(&self, _: &Launch<'_>) -> Vec<(String, String)> {
        vec![]
    }

    fn reader(&self) -> Option<Box<dyn stream::Reader>> {
        None
    }

    fn stops_itself(&self) -> bool {
        false
    }
}

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
    /// The variables that name its provider ([`crate::policy::Network`]'s routes by way of the gateway).
    pub provider: &'a [(String, String)],
    /// Where it works.
    pub workspace: &'a Path,
}

/// The program and its arguments. The program is looked up in PATH where it holds no slash.
pub fn command_line(launch: &Launch<'_>) -> Vec<String> {
    let adapter = adapter(launch.agent.kind);
    let named = &launch.agent.command;
    let program = if named.is_empty() { vec![adapter.program().to_owned()] } else { named.clone() };
    program.into_iter().chain(adapter.arguments(launch)).collect()
}

/// The program alone, as [`command_line`] starts it.
pub fn program(agent: &policy::Agent) -> OsString {
    agent.command.first().map_or_else(|| adapter(agent.kind).program().into(), OsString::from)
}

/// The agent's own variables, besides those that every locked-in process gets and those that name its provider.
pub fn environment(launch: &Launch<'_>) -> Vec<(String, String)> {
    let mut variables =
        vec![("HOME".to_owned(), launch.home.display().to_string()), ("TMPDIR".to_owned(), launch.tmp.display().to_string())];
    variables.extend(adapter(launch.agent.kind).environment(launch));
    if let Some(model) = &launch.agent.model {
        variables.push(("ANTHROPIC_MODEL".to_owned(), model.clone()));
    }
    variables
}

/// After how many turns, as its stream counts them, the supervisor stops the agent.
pub fn turns(policy: &policy::Policy) -> Option<u32> {
    let own = policy.agent.max_turns.filter(|_| !adapter(policy.agent.kind).stops_itself());
    own.into_iter().chain(policy.limits.turns).min()
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
        make(&Launch {
            agent: &agent,
            home: Path::new("/agent/home"),
            tmp: Path::new("/agent/tmp"),
            asks_by: None,
            provider: &[],
            workspace: Path::new("/agent/work"),
        })
    }

    #[test]
    fn claude_asks_the_gate_by_our_own_arguments_alone() {
        let agent = agent("kind = \"claude\"");
        let by = Path::new("/our program's/tidewaiter");
        let line = command_line(&Launch {
            agent: &agent,
            home: Path::new("/h"),
            tmp: Path::new("/t"),
            asks_by: Some(by),
            provider: &[],
            workspace: Path::new("/w"),
        });
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
