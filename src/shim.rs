//! The program `claude` of our images: the command lines of GitLab's and Claude Code's documentation, read as a request for
//! the whole job. Only the prompt, a model and a number of turns mean something; what else such a line may say is either
//! without effect here, since policy and walls decide, or refused by name.
//!
//! The flags are those of Claude Code 2.1 (its documentation, "CLI reference"). A flag that is not known is refused: whether
//! it takes a value is not known either, and its value could pass for the prompt.

use crate::policy::Source;

/// What `claude --help` prints.
pub const HELP: &str = "\
This is Tidewaiter under the name `claude`. In a GitLab CI job it runs the whole job with your prompt: it locks Claude Code in,
inspects the change and opens a merge request.

Usage: claude [-p] [--model MODEL] [--max-turns N] [PROMPT]

  PROMPT            what is asked for; text on standard input is added to it, or stands in its place
  --model MODEL     one of the policy's models
  --max-turns N     no more than the policy's turns

Permission mode, tools, debugging and output format are taken and have no effect: the policy and the walls decide. Every
other flag is refused. Policy, paths and targets are the job's own; `tidewaiter --help` says more.
";

/// What the command line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// `--version`.
    Version,
    /// `--help`.
    Help,
    /// A request.
    Ask(Ask),
}

/// A request for the whole job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The prompt on the command line.
    pub prompt: Option<String>,
    /// `--model`.
    pub model: Option<String>,
    /// `--max-turns`.
    pub max_turns: Option<u32>,
    /// Flags that were there and do nothing.
    pub without_effect: Vec<&'static str>,
}

/// Why the command line is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The agent would be held less.
    #[error("{0} is refused: policy and walls are not chosen by the script; leave the flag out")]
    Weaker(String),
    /// A flag that Claude Code has, and that has no meaning here.
    #[error("{flag} is refused: {reason}")]
    Foreign {
        /// The flag.
        flag: &'static str,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// A flag that we do not know.
    #[error("{0} is not known here, so it is refused; `claude --help` lists what is taken")]
    Unknown(String),
    /// A flag without its value.
    #[error("{0} needs a value")]
    NoValue(&'static str),
    /// A value without a meaning.
    #[error("{flag} {value}: {reason}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What it was given.
        value: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// `claude mcp`, `claude update`, …
    #[error("`claude {0}` is refused: Tidewaiter stands in the place of Claude Code here and only runs prompts")]
    Subcommand(String),
    /// More than one word that is no flag.
    #[error("more than one prompt: put quotes around it")]
    Prompts,
    /// No words at all.
    #[error("there is no prompt: give it as an argument or on standard input")]
    NoPrompt,
    /// Standard input.
    #[error("standard input cannot be read: {0}")]
    Input(String),
    /// Longer than anything that a person wrote.
    #[error("the prompt has more than {LONGEST} bytes")]
    Long,
}

/// Bytes of a prompt.
pub const LONGEST: usize = 256 << 10;

/// Which words after a flag are its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    One,
    /// One, unless the next word is a flag.
    Maybe,
    /// All up to the next flag.
    Many,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Print,
    Model,
    MaxTurns,
    PermissionMode,
    InputFormat,
    Version,
    Help,
    Nothing,
    Weaken,
    Refuse(&'static str),
}

const NO_SESSION: &str = "every job starts anew, and the thread on GitLab is its memory; leave the flag out";
const NO_PROMPT_FILE: &str = "put the words into the prompt, or into `agent.instructions` of the policy";
const NO_BUDGET: &str =
    "it would not be kept; `limits` of the policy bounds turns, requests, bytes, tokens, dollars (`limits.usd`) and time";

/// Every flag that we know. The first name is the one that is shown.
const FLAGS: &[(&[&str], Takes, Does)] = &[
    (&["--print", "-p"], Takes::Nothing, Does::Print),
    (&["--model"], Takes::One, Does::Model),
    (&["--max-turns"], Takes::One, Does::MaxTurns),
    (&["--permission-mode"], Takes::One, Does::PermissionMode),
    (&["--input-format"], Takes::One, Does::InputFormat),
    (&["--version", "-v"], Takes::Nothing, Does::Version),
    (&["--help", "-h"], Takes::Nothing, Does::Help),
    (&["--allowedTools", "--allowed-tools"], Takes::Many, Does::Nothing),
    (&["--disallowedTools", "--disallowed-tools"], Takes::Many, Does::Nothing),
    (&["--tools"], Takes::Many, Does::Nothing),
    (&["--debug", "-d"], Takes::Maybe, Does::Nothing),
    (&["--verbose"], Takes::Nothing, Does::Nothing),
    (&["--output-format"], Takes::One, Does::Nothing),
    (&["--include-partial-messages"], Takes::Nothing, Does::Nothing),
    (&["--fallback-model"], Takes::One, Does::Nothing),
    (&["--strict-mcp-config"], Takes::Nothing, Does::Nothing),
    (&["--no-session-persistence"], Takes::Nothing, Does::Nothing),
    (&["--no-chrome"], Takes::Nothing, Does::Nothing),
    (&["--dangerously-skip-permissions"], Takes::Nothing, Does::Weaken),
    (&["--allow-dangerously-skip-permissions"], Takes::Nothing, Does::Weaken),
    (&["--add-dir"], Takes::Many, Does::Weaken),
    (&["--mcp-config"], Takes::Many, Does::Weaken),
    (&["--settings"], Takes::One, Does::Weaken),
    (&["--setting-sources"], Takes::One, Does::Weaken),
    (&["--plugin-dir"], Takes::Many, Does::Weaken),
    (&["--permission-prompt-tool"], Takes::One, Does::Weaken),
    (&["--betas"], Takes::Many, Does::Weaken),
    (&["--agents"], Takes::One, Does::Weaken),
    (&["--continue", "-c"], Takes::Nothing, Does::Refuse(NO_SESSION)),
    (&["--resume", "-r"], Takes::Maybe, Does::Refuse(NO_SESSION)),
    (&["--session-id"], Takes::One, Does::Refuse(NO_SESSION)),
    (&["--system-prompt"], Takes::One, Does::Refuse(NO_PROMPT_FILE)),
    (&["--system-prompt-file"], Takes::One, Does::Refuse(NO_PROMPT_FILE)),
    (&["--append-system-prompt"], Takes::One, Does::Refuse(NO_PROMPT_FILE)),
    (&["--append-system-prompt-file"], Takes::One, Does::Refuse(NO_PROMPT_FILE)),
    (&["--max-budget-usd"], Takes::One, Does::Refuse(NO_BUDGET)),
];

/// Words that Claude Code takes for commands of its own where they stand first.
const SUBCOMMANDS: &[&str] = &["agents", "auth", "config", "doctor", "install", "mcp", "plugin", "setup-token", "update", "upgrade"];

/// Modes in which the agent would not hold itself back more or less than it does in ours.
const MODES: &[&str] = &["acceptEdits", "auto", "default", "dontAsk"];

/// Reads the words after the program's name.
///
/// # Errors
/// Any [`Error`]: the first word that is refused.
pub fn read(words: &[String]) -> Result<Meaning, Error> {
    let mut ask = Ask::default();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        if word == "--" {
            after.iter().try_for_each(|word| prompt(&mut ask, word))?;
            break;
        }
        if !word.starts_with('-') || word == "-" {
            prompt(&mut ask, word)?;
            continue;
        }
        let (name, own) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let (names, takes, does) =
            *FLAGS.iter().find(|(names, ..)| names.contains(&name)).ok_or_else(|| Error::Unknown(name.to_owned()))?;
        let value = value(names[0], own, takes, &mut rest)?;
        match does {
            Does::Version => return Ok(Meaning::Version),
            Does::Help => return Ok(Meaning::Help),
            does => flag(&mut ask, names[0], does, value)?,
        }
    }
    Ok(Meaning::Ask(ask))
}

/// The flag's value, with the words that belong to it taken off `rest`.
fn value<'a>(flag: &'static str, own: Option<&'a str>, takes: Takes, rest: &mut &'a [String]) -> Result<&'a str, Error> {
    let free = |word: &&String| !word.starts_with('-');
    match (takes, own) {
        (Takes::Nothing, Some(_)) => Err(Error::Value { flag, value: own.unwrap_or_default().to_owned(), reason: "takes no value" }),
        (Takes::Nothing, None) => Ok(""),
        (_, Some(own)) => Ok(own),
        (Takes::One, None) => match rest.split_first() {
            Some((word, after)) => {
                *rest = after;
                Ok(word)
            }
            None => Err(Error::NoValue(flag)),
        },
        (Takes::Maybe | Takes::Many, None) => {
            let most = if takes == Takes::Maybe { 1 } else { usize::MAX };
            let count = rest.iter().take_while(free).take(most).count();
            let (words, after) = rest.split_at(count);
            *rest = after;
            Ok(words.first().map_or("", String::as_str))
        }
    }
}

fn flag(ask: &mut Ask, flag: &'static str, does: Does, value: &str) -> Result<(), Error> {
    let wrong = |reason| Error::Value { flag, value: value.to_owned(), reason };
    match does {
        Does::Model if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:@/[]".contains(&b)) => {
            return Err(wrong("is no name of a model"));
        }
        Does::Model => ask.model = Some(value.to_owned()),
        Does::MaxTurns => {
            ask.max_turns = Some(value.parse().ok().filter(|&turns| turns > 0).ok_or_else(|| wrong("is no number of turns"))?);
        }
        Does::PermissionMode if value == "bypassPermissions" => return Err(Error::Weaker(format!("{flag} {value}"))),
        Does::PermissionMode if !MODES.contains(&value) => return Err(wrong("is not a mode in which a job can run")),
        Does::InputFormat if value != "text" => return Err(wrong("only text is read")),
        Does::PermissionMode | Does::InputFormat | Does::Nothing => ask.without_effect.push(flag),
        Does::Weaken => return Err(Error::Weaker(flag.to_owned())),
        Does::Refuse(reason) => return Err(Error::Foreign { flag, reason }),
        Does::Print | Does::Version | Does::Help => {}
    }
    Ok(())
}

fn prompt(ask: &mut Ask, word: &str) -> Result<(), Error> {
    if ask.prompt.is_none() && SUBCOMMANDS.contains(&word) {
        return Err(Error::Subcommand(word.to_owned()));
    }
    match ask.prompt.replace(word.to_owned()) {
        Some(_) => Err(Error::Prompts),
        None => Ok(()),
    }
}

impl Ask {
    /// The words on the command line, then those on standard input.
    ///
    /// # Errors
    /// When there are none, or far too many.
    pub fn request(&self, input: &str) -> Result<String, Error> {
        let parts = [self.prompt.as_deref().unwrap_or_default().trim(), input.trim()];
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        match text.len() {
            0 => Err(Error::NoPrompt),
            1..=LONGEST => Ok(text),
            _ => Err(Error::Long),
        }
    }

    /// What the flags take away, as the lowest layer of the policy.
    pub fn layer(&self) -> Option<Source> {
        let model = self.model.iter().map(|model| format!("model = \"{model}\"\n"));
        let turns = self.max_turns.iter().map(|turns| format!("max_turns = {turns}\n"));
        let lines: String = model.chain(turns).collect();
        let text = format!("version = 1\n[agent]\n{lines}");
        (!lines.is_empty()).then(|| Source { name: "claude's command line".to_owned(), text })
    }

    /// What is said of the flags that do nothing, in one line.
    pub fn remark(&self) -> Option<String> {
        let flags = self.without_effect.join(", ");
        (!flags.is_empty()).then(|| format!("no effect here, policy and walls decide: {flags}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Result<Meaning, Error> {
        read(&line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    fn ask(line: &[&str]) -> Ask {
        match words(line) {
            Ok(Meaning::Ask(ask)) => ask,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn the_documented_lines_are_requests() {
        let tools = "Bash(*) Read(*) Edit(*) Write(*) mcp__gitlab";
        let documented = ask(&["-p", "do it", "--permission-mode", "acceptEdits", "--allowedTools", tools, "--debug"]);
        assert_eq!(documented.prompt.as_deref(), Some("do it"));
        assert_eq!(documented.without_effect, ["--permission-mode", "--allowedTools", "--debug"]);
        let stream = ["--debug", "--allowedTools=Bash(glab:*)", "--verbose", "--output-format", "stream-json", "-p", "do it"];
        assert_eq!(ask(&stream).prompt.as_deref(), Some("do it"));
        assert_eq!(ask(&["--allowedTools", "Bash", "Read", "-p", "do it"]).prompt.as_deref(), Some("do it"));
        assert_eq!(ask(&["do it", "--model", "claude-opus-4-1", "--max-turns", "5"]).max_turns, Some(5));
        assert_eq!(ask(&["-p"]).prompt, None);
        assert_eq!(ask(&["-p", "--", "--settings"]).prompt.as_deref(), Some("--settings"));
    }

    #[test]
    fn what_would_weaken_is_refused() {
        for flag in ["--dangerously-skip-permissions", "--add-dir", "--mcp-config", "--settings=x", "--setting-sources", "--plugin-dir"] {
            assert!(matches!(words(&["-p", "x", flag, "/"]), Err(Error::Weaker(_))), "{flag}");
        }
        assert!(matches!(words(&["--permission-mode", "bypassPermissions", "x"]), Err(Error::Weaker(_))));
        assert!(matches!(words(&["--permission-mode", "plan", "x"]), Err(Error::Value { .. })));
        assert!(matches!(words(&["--max-budget-usd", "1", "x"]), Err(Error::Foreign { .. })));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(words(&["--made-up", "x"]), Err(Error::Unknown("--made-up".to_owned())));
        assert_eq!(words(&["-pd", "x"]), Err(Error::Unknown("-pd".to_owned())));
        assert_eq!(words(&["-p", "two", "words"]), Err(Error::Prompts));
        assert_eq!(words(&["mcp", "add"]), Err(Error::Subcommand("mcp".to_owned())));
        assert_eq!(words(&["--model"]), Err(Error::NoValue("--model")));
        for value in ["0", "-1", "many", ""] {
            assert!(matches!(words(&["--max-turns", value, "x"]), Err(Error::Value { .. })), "{value}");
        }
        assert!(matches!(words(&["--model", "a\"\nkind = \"command", "x"]), Err(Error::Value { .. })));
        assert!(matches!(words(&["--print=x"]), Err(Error::Value { .. })));
    }

    #[test]
    fn version_and_help_say_what_this_is() {
        assert_eq!(words(&["--version"]), Ok(Meaning::Version));
        assert_eq!(words(&["-p", "x", "--help"]), Ok(Meaning::Help));
        assert!(HELP.starts_with("This is Tidewaiter"));
    }

    #[test]
    fn the_prompt_comes_from_either_side() {
        assert_eq!(ask(&["-p"]).request(" from a pipe\n").unwrap(), "from a pipe");
        assert_eq!(ask(&["-p", "explain"]).request("a log").unwrap(), "explain\n\na log");
        assert_eq!(ask(&["-p", " "]).request("\n"), Err(Error::NoPrompt));
        assert_eq!(ask(&["-p"]).request(&"x".repeat(LONGEST + 1)), Err(Error::Long));
    }

    #[test]
    fn flags_become_a_layer_that_narrows() {
        assert!(ask(&["x"]).layer().is_none());
        let layer = ask(&["--model", "claude-opus-4-1", "--max-turns", "5", "x"]).layer().unwrap();
        let top = |text: &str| Source { name: "top".to_owned(), text: format!("version = 1\n[agent]\n{text}") };
        let of = |text: &str| crate::policy::Policy::compose(vec![top(text), layer.clone()]);
        let made = of("models = [\"claude-opus-*\"]\nmax_turns = 9").unwrap();
        assert_eq!((made.agent.model.as_deref(), made.agent.max_turns), (Some("claude-opus-4-1"), Some(5)));
        assert!(of("models = [\"claude-haiku-*\"]").is_err());
        assert!(of("models = [\"claude-opus-*\"]\nmax_turns = 4").is_err());
    }
}
