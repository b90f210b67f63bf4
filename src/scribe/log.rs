//! The job's log: every line behind a prefix, all of them together bounded.

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    Error, Spec,
    clean::{clean, parts},
};

/// Begins every line of the agent's.
const AGENT: &str = "agent │ ";
/// Begins every line of ours.
const OURS: &str = "tidewaiter │ ";
/// Bytes of one line of the log at most, the prefix aside. Runners and browsers cope with that.
const LINE_BYTES: usize = 4096;

/// How a line looks where colours are allowed (ECMA-48 section 8.3.117, SGR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Plain,
    Call,
    Failed,
}

/// The log with what is left of its bound.
#[derive(Debug)]
pub(super) struct Log<W> {
    out: W,
    pending: Vec<u8>,
    left: u64,
    /// Bytes that were left out.
    pub(super) truncated: u64,
    colours: bool,
    sections: bool,
    section: u64,
}

impl<W: Write> Log<W> {
    pub(super) fn new(spec: &Spec, out: W) -> Self {
        let (colours, sections) = (spec.colours, spec.sections);
        Self { out, pending: Vec::new(), left: spec.log_bytes, truncated: 0, colours, sections, section: 0 }
    }

    /// Whether results go into sections.
    pub(super) fn has_sections(&self) -> bool {
        self.sections
    }

    /// Writes text of the agent's: as many lines as it has.
    pub(super) fn text(&mut self, text: &[u8], look: Look) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
            for part in parts(&clean(line), LINE_BYTES) {
                self.line(part, look);
            }
        }
    }

    fn line(&mut self, part: &str, look: Look) {
        let line = match (self.colours, look) {
            (false, _) => format!("{AGENT}{part}\n"),
            (true, Look::Plain) => format!("\x1b[2m{AGENT}\x1b[0m{part}\n"),
            (true, Look::Call) => format!("\x1b[2m{AGENT}\x1b[0;36m{part}\x1b[0m\n"),
            (true, Look::Failed) => format!("\x1b[2m{AGENT}\x1b[0;31m{part}\x1b[0m\n"),
        };
        self.put(&line);
    }

    fn put(&mut self, line: &str) {
        let size = line.len() as u64;
        if self.truncated == 0 && size <= self.left {
            self.left -= size;
            self.pending.extend_from_slice(line.as_bytes());
            return;
        }
        if self.truncated == 0 {
            self.ours("the agent's output from here on is not shown: it reached limits.log_bytes");
        }
        self.truncated = self.truncated.saturating_add(size);
    }

    /// Writes a line of ours, whatever the bound says.
    fn ours(&mut self, line: &str) {
        self.pending.extend_from_slice(format!("{OURS}{line}\n").as_bytes());
    }

    /// Writes `body` in a section of GitLab's job log (its documentation, "Custom collapsible sections"); open where `failed`.
    pub(super) fn section(&mut self, header: &str, body: &str, failed: bool) {
        if self.truncated > 0 {
            return self.text(body.as_bytes(), Look::Plain);
        }
        self.section += 1;
        let name = format!("agent_result_{}", self.section);
        let options = if failed { "" } else { "[collapsed=true]" };
        self.marker(&format!("\x1b[0Ksection_start:{}:{name}{options}\r\x1b[0K", now()));
        // The header stands on the marker's own line, so it must be one: cleaned and cut.
        let header = clean(header.as_bytes());
        self.text(parts(&header, 200)[0].as_bytes(), if failed { Look::Failed } else { Look::Call });
        self.text(body.as_bytes(), Look::Plain);
        self.marker(&format!("\x1b[0Ksection_end:{}:{name}\r\x1b[0K\n", now()));
    }

    fn marker(&mut self, marker: &str) {
        self.left = self.left.saturating_sub(marker.len() as u64);
        self.pending.extend_from_slice(marker.as_bytes());
    }

    /// Hands on what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let written = self.out.write_all(&self.pending).and_then(|()| self.out.flush());
        self.pending.clear();
        written.map_err(Error::Log)
    }

    /// Ends the log, and says how much of it is missing.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        if self.truncated > 0 {
            self.ours(&format!("{} bytes of the agent's output were not shown (limits.log_bytes)", self.truncated));
        }
        self.flush()
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
