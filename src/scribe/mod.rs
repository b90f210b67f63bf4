//! The scribe: a process of ours that reads what the agent writes and makes the job's log of it, so that the supervisor reads
//! not a byte of the agent's.
//!
//! Whoever reads the log takes some lines at their word: the runner a bare JSON line that ends the stage, GitLab the markers of
//! sections, a human the name of who speaks. So no byte of the agent begins a line, and none that controls a terminal is left.

mod clean;
mod lines;
mod log;
mod pump;
mod readable;

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::{
    agent::stream::{Outcome, Usage},
    policy::AgentKind,
};

pub use pump::Pipes;

/// How the output is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Byte for byte, without a bound: for a terminal of whoever runs the command.
    Raw,
    /// Line for line, cleaned, behind a prefix.
    Prefixed,
    /// The stream of events of such an agent, made readable; line for line where it has none.
    Agent(AgentKind),
}

/// What the scribe is told. The whole prompt is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// How the output is shown.
    pub mode: Mode,
    /// What is written to the agent's standard input, which is then closed.
    pub prompt: Option<String>,
    /// Bytes of log at most; not in [`Mode::Raw`].
    pub log_bytes: u64,
    /// Whether the log may have colours (of ours: the agent's are taken out).
    pub colours: bool,
    /// Whether tool results go into collapsible sections of GitLab's job log.
    pub sections: bool,
}

/// What the scribe says at the end, as one JSON line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Turns, tokens, cost and refused tools; the agent's word. Zero where its output does not tell.
    pub usage: Usage,
    /// How it ended; [`Outcome::NoResult`] where its output does not tell.
    pub outcome: Outcome,
    /// The agent's last words, at most 64 KiB.
    pub final_text: String,
    /// Bytes of log that were left out.
    pub truncated_bytes: u64,
}

/// One line of what the scribe tells the supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// So many turns by now.
    Turns(u64),
    /// The end.
    End(Box<Summary>),
}

/// Why the log ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The agent's output cannot be read.
    #[error("the agent's output cannot be read: {0}")]
    Read(std::io::Error),
    /// The pipes cannot be watched.
    #[error("the agent's output cannot be waited for: {0}")]
    Wait(nix::Error),
    /// The agent's input cannot be set up.
    #[error("the agent's input cannot be set up: {0}")]
    Input(nix::Error),
    /// The job's log does not take it.
    #[error("the job's log cannot be written: {0}")]
    Log(std::io::Error),
    /// The supervisor does not take it.
    #[error("the supervisor cannot be told of the agent's output: {0}")]
    Results(std::io::Error),
    /// A line from the scribe that is none of ours.
    #[error("the scribe wrote a line that is none of its own: {0}")]
    Update(serde_json::Error),
}

impl Update {
    /// Reads one line that [`write_log`] wrote to `results`.
    ///
    /// # Errors
    /// [`Error::Update`] for anything else.
    pub fn read(line: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(line).map_err(Error::Update)
    }

    fn write(&self, to: &mut impl Write) -> Result<(), Error> {
        let line = serde_json::to_string(self).map_err(|error| Error::Results(error.into()))?;
        writeln!(to, "{line}").and_then(|()| to.flush()).map_err(Error::Results)
    }
}

/// Writes the log until the agent's output and errors are both at their end. `log` gets it all, save in [`Mode::Raw`], where
/// the agent's errors go to `errors`; `results` gets the [`Update`]s.
///
/// # Errors
/// Any [`Error`]. The caller's end ends the pipes, and so the agent's writing.
pub fn write_log(spec: Spec, pipes: Pipes, log: impl Write, errors: impl Write, mut results: impl Write) -> Result<(), Error> {
    let summary = match spec.mode {
        Mode::Raw => pump::run(spec.prompt, pipes, &mut pump::Raw { log, errors })?,
        Mode::Prefixed | Mode::Agent(_) => {
            let prompt = spec.prompt.clone();
            pump::run(prompt, pipes, &mut readable::Readable::new(&spec, log, &mut results))?
        }
    };
    Update::End(Box::new(summary)).write(&mut results)
}

/// Doors to what reads the agent's output here, for the fuzz targets alone.
#[doc(hidden)]
pub mod fuzz {
    /// A line as it stands in the log.
    pub fn clean(line: &[u8]) -> String {
        super::clean::clean(line)
    }

    /// The parts of a long line.
    pub fn parts(text: &str, bytes: usize) -> Vec<&str> {
        super::clean::parts(text, bytes)
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_come_back_as_they_were() {
        let usage = Usage { turns: 3, cost_usd: 0.25, ..Usage::default() };
        let failed = Outcome::Failed { reason: "x\ny".to_owned() };
        let summary = Summary { usage, outcome: failed, final_text: "a\nb".to_owned(), truncated_bytes: u64::MAX };
        for update in [Update::Turns(7), Update::End(Box::new(summary)), Update::End(Box::default())] {
            let mut line = Vec::new();
            update.write(&mut line).unwrap();
            assert_eq!(line.iter().filter(|&&b| b == b'\n').count(), 1);
            assert_eq!(Update::read(&line).unwrap(), update);
        }
        for other in ["", "{}", "{\"turns\":-1}", "{\"turns\":1,\"x\":1}", "null"] {
            assert!(Update::read(other.as_bytes()).is_err(), "{other}");
        }
    }
}
