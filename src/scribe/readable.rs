//! The agent's output as the job's log shows it: lines as they are, or a stream of events told in words.

use std::io::Write;

use super::{
    Error, Mode, Spec, Summary, Update,
    lines::{Lines, Overlong},
    log::{Log, Look},
    pump::Reader,
};
use crate::agent::{
    self,
    stream::{self, Entry},
};

/// Bytes of one raw line before it is broken.
const LINE_BYTES: usize = 64 << 10;
/// Bytes of one event: a tool may answer with a whole file. Read as JSON the worst of them takes some fifty times as much memory.
const EVENT_BYTES: usize = 4 << 20;
/// Lines of a tool's answer that are shown where there are no sections.
const RESULT_LINES: usize = 20;

/// Makes the log of what is read.
pub(super) struct Readable<'a, W, R> {
    log: Log<W>,
    results: &'a mut R,
    out: Lines,
    err: Lines,
    /// None: the output is lines, not events.
    events: Option<Box<dyn stream::Reader>>,
    turns: u64,
}

impl<'a, W: Write, R: Write> Readable<'a, W, R> {
    pub(super) fn new(spec: &Spec, log: W, results: &'a mut R) -> Self {
        let events = if let Mode::Agent(kind) = spec.mode { agent::adapter(kind).reader() } else { None };
        let out = if events.is_some() { Lines::new(EVENT_BYTES, Overlong::Drop) } else { Lines::new(LINE_BYTES, Overlong::Break) };
        Self { log: Log::new(spec, log), results, out, err: Lines::new(LINE_BYTES, Overlong::Break), events, turns: 0 }
    }

    fn out_line(&mut self, line: &[u8]) -> Result<(), Error> {
        let Some(events) = &mut self.events else {
            self.log.text(line, Look::Plain);
            return Ok(());
        };
        let entries = stream::line(events.as_mut(), line);
        let turns = events.progress().usage.turns;
        for entry in entries {
            self.show(entry);
        }
        if turns != self.turns {
            self.turns = turns;
            Update::Turns(turns).write(self.results)?;
        }
        Ok(())
    }

    fn show(&mut self, entry: Entry) {
        match entry {
            Entry::Text(text) | Entry::Plain(text) => self.log.text(text.as_bytes(), Look::Plain),
            Entry::Call { tool, argument } => self.log.text(format!("▶ {tool}: {}", one_line(&argument)).as_bytes(), Look::Call),
            Entry::Output { call, text, failed } => self.show_result(&one_line(&call), &text, failed),
            Entry::End { done: true, .. } => self.log.text("■ finished".as_bytes(), Look::Call),
            Entry::End { done: false, text } => self.log.text(format!("■ failed: {text}").as_bytes(), Look::Failed),
        }
    }

    fn show_result(&mut self, call: &str, text: &str, failed: bool) {
        let header = if failed { format!("✗ failed: {call}") } else { format!("◀ {call}") };
        if self.log.has_sections() {
            return self.log.section(&header, text, failed);
        }
        let look = if failed { Look::Failed } else { Look::Plain };
        self.log.text(header.as_bytes(), look);
        let count = text.lines().count();
        for line in text.lines().take(RESULT_LINES) {
            self.log.text(format!("  {line}").as_bytes(), Look::Plain);
        }
        if count > RESULT_LINES {
            self.log.text(format!("  … {} more lines", count - RESULT_LINES).as_bytes(), Look::Plain);
        }
    }
}

impl<W: Write, R: Write> Reader for Readable<'_, W, R> {
    fn out(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for line in self.out.push(bytes) {
            self.out_line(&line)?;
        }
        self.log.flush()
    }

    fn err(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for line in self.err.push(bytes) {
            self.log.text(&line, Look::Plain);
        }
        self.log.flush()
    }

    fn end(&mut self) -> Result<Summary, Error> {
        if let Some(line) = self.out.end() {
            self.out_line(&line)?;
        }
        if let Some(line) = self.err.end() {
            self.log.text(&line, Look::Plain);
        }
        self.log.end()?;
        let truncated_bytes = self.log.truncated;
        let progress = self.events.as_ref().map(|events| events.progress().clone()).unwrap_or_default();
        Ok(Summary { usage: progress.usage, outcome: progress.outcome, final_text: progress.final_text, truncated_bytes })
    }
}

/// The first line, with a mark where there are more.
fn one_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} […]") } else { first.to_owned() }
}
