//! Who plays the agent: the real Claude Code where npm can get it, else a shell script that does the same.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::provider::{Block, Turn};

/// The version of `@anthropic-ai/claude-code` that the demo was written with.
pub const VERSION: &str = "2.1.331";

/// The agent of this demo.
#[derive(Debug, PartialEq, Eq)]
pub enum Agent {
    /// Claude Code; its model is the scripted provider.
    Claude,
    /// A shell script.
    Script,
}

/// One thing that the agent does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Says something.
    Says(&'static str),
    /// Runs a command of the shell.
    Shell(String),
    /// Reads a file and replaces a part of it.
    Edits { path: &'static str, old: &'static str, new: &'static str },
    /// Makes a file, or writes it anew.
    Writes { path: &'static str, content: &'static str },
}

impl Agent {
    /// Claude Code, installed under `cache` and put into `bin`; else, with the reason said, the script.
    pub fn find(cache: &Path, bin: &Path, say: impl Fn(&str)) -> Result<Self, String> {
        match claude(cache, &say).and_then(|program| place(&program, &bin.join("claude"))) {
            Ok(()) => {
                say(&format!("The agent is the real Claude Code {VERSION} from npm, kept in {}; its model is scripted.", cache.display()));
                Ok(Self::Claude)
            }
            Err(reason) => {
                say(&format!("The agent is a small shell script, not Claude Code: {reason}."));
                fs::write(bin.join("agent.sh"), "exit 1\n").map_err(|error| format!("{}: {error}", bin.display()))?;
                Ok(Self::Script)
            }
        }
    }

    /// The policy's section `[agent]`.
    pub fn section(&self, bin: &Path) -> String {
        match self {
            Self::Claude => "kind = \"claude\"\nmodels = [\"claude-*\"]\nmax_turns = 30\n".to_owned(),
            Self::Script => format!("kind = \"command\"\ncommand = [\"sh\", {}]\n", json!(bin.join("agent.sh"))),
        }
    }

    /// Hands `steps` to the agent: to the provider that will play them, or as a script in `bin`.
    pub fn learn(&self, steps: &[Step], bin: &Path) -> Result<Vec<Turn>, String> {
        match self {
            Self::Claude => Ok(steps.iter().flat_map(turns).collect()),
            Self::Script => {
                let lines: String = steps.iter().map(script).collect();
                let path = bin.join("agent.sh");
                let text = format!("#!/bin/sh\n# The prompt is not read: what is done stands here.\ncat >/dev/null\n{lines}");
                fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(Vec::new())
            }
        }
    }
}

fn tool(name: &str, input: Value) -> Turn {
    Turn::Says(vec![Block::Tool { name: name.to_owned(), input }])
}

fn turns(step: &Step) -> Vec<Turn> {
    match step {
        Step::Says(text) => vec![Turn::text(text)],
        Step::Shell(command) => vec![tool("Bash", json!({ "command": command, "description": "Run a command" }))],
        // Claude Code edits no file that it has not read.
        Step::Edits { path, old, new } => vec![
            tool("Read", json!({ "file_path": path })),
            tool("Edit", json!({ "file_path": path, "old_string": old, "new_string": new })),
        ],
        Step::Writes { path, content } => vec![tool("Write", json!({ "file_path": path, "content": content }))],
    }
}

fn script(step: &Step) -> String {
    match step {
        Step::Says(text) => format!("echo {}\n", quoted(text)),
        Step::Shell(command) => {
            let mut lines = command.lines();
            let first = lines.next().unwrap_or_default();
            let more = if lines.next().is_some() { " […]" } else { "" };
            format!("printf '$ %s%s\\n' {} '{more}'\n( {command}\n)\n", quoted(first))
        }
        Step::Edits { path, old, new } => {
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            edit(path, &lines(old), &lines(new))
        }
        Step::Writes { path, content } => format!("echo '$ write {path}'\ncat >{path} <<'END OF FILE'\n{content}END OF FILE\n"),
    }
}

/// Puts the lines `new` in the place of the lines `old`, of which the first is found by its words.
fn edit(path: &str, old: &[String], new: &[String]) -> String {
    let (first, count) = (old.first().map_or("", String::as_str), old.len());
    format!(
        "echo '$ edit {path}'\nn=$(grep -nxF -e {} {path} | head -n 1 | cut -d: -f1)\n\
         {{ head -n $((n - 1)) {path}; cat <<'END OF EDIT'; tail -n +$((n + {count})) {path}; }} >{path}.new\n{}\nEND OF EDIT\n\
         cat {path}.new >{path} && rm {path}.new\n",
        quoted(first),
        new.join("\n")
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The program, installed if it is not there yet.
pub fn claude(cache: &Path, say: &impl Fn(&str)) -> Result<PathBuf, String> {
    let prefix = cache.join(format!("claude-code-{VERSION}"));
    if let Some(program) = installed(&prefix) {
        return Ok(program);
    }
    let npm = Command::new("npm").arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !npm.is_ok_and(|status| status.success()) {
        return Err("there is no npm here".to_owned());
    }
    say(&format!("Installing Claude Code {VERSION} from npm into {} ...", prefix.display()));
    fs::create_dir_all(&prefix).map_err(|error| format!("{}: {error}", prefix.display()))?;
    let mut install = Command::new("npm");
    // Nothing of the package runs at this time.
    install.args(["install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]);
    install.args(["--fetch-retries=1", "--fetch-timeout=30000", "--prefix"]).arg(&prefix);
    let output = install.arg(format!("@anthropic-ai/claude-code@{VERSION}")).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("npm cannot be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
    installed(&prefix).ok_or_else(|| format!("npm could not install it ({said})"))
}

/// The native program for this machine, which the package brings as one of its own dependencies.
fn installed(prefix: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(prefix.join("node_modules/@anthropic-ai")).ok()?;
    let native = packages.flatten().filter(|package| package.file_name().to_string_lossy().starts_with("claude-code-linux-"));
    native.map(|package| package.path().join("claude")).find(|program| program.is_file())
}

/// Puts the program where the agent's uid may read it, which a home directory often is not.
pub fn place(program: &Path, at: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be put in place: {error}", at.display());
    if fs::hard_link(program, at).is_err() {
        fs::copy(program, at).map(drop).map_err(failed)?;
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    let works = Command::new(at).arg("--version").env_clear().env("HOME", "/nonexistent").stdin(Stdio::null()).output();
    match works {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("it does not run here ({})", output.status)),
        Err(error) => Err(format!("it does not run here ({error})")),
    }
}
