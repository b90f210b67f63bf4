//! The shell lines of CI jobs.

use std::{collections::HashSet, rc::Rc};

use crate::gate::yaml::Value;

/// Words that are looked at, of all lines together.
pub(super) const WORDS: usize = 400_000;
/// Bytes of a text that take as long as one more word.
pub(super) const WORD: usize = 40;
/// Letters of a line that are kept to be shown.
pub(super) const SHOWN: usize = 100;

/// Keys under which jobs have shell lines (docs.gitlab.com, "CI/CD YAML syntax reference").
const SCRIPTS: [&str; 4] = ["script", "before_script", "after_script", "pre_get_sources_script"];

/// The shell lines of every job, with the job's name.
#[derive(Default)]
pub(super) struct Scripts {
    pub(super) lines: Vec<(String, String)>,
    bytes: usize,
    /// Whether there are more than will be looked at.
    pub(super) more: bool,
}

impl Scripts {
    /// Adds those of a configuration.
    pub(super) fn read(&mut self, documents: &[Rc<Value>]) {
        let mut seen = HashSet::new();
        for (name, value) in documents.iter().flat_map(|document| document.pairs()) {
            let job = name.text().unwrap_or_default();
            if SCRIPTS.contains(&job) {
                self.texts(value, job);
            } else if job == "variables" {
                self.variables(value, job);
            }
            self.jobs(value, job, &mut seen);
        }
    }

    fn jobs(&mut self, value: &Rc<Value>, job: &str, seen: &mut HashSet<*const Value>) {
        if !seen.insert(Rc::as_ptr(value)) {
            return;
        }
        value.items().for_each(|item| self.jobs(item, job, seen));
        for (key, inner) in value.pairs() {
            match key.text() {
                Some(key) if SCRIPTS.contains(&key) => self.texts(inner, job),
                Some("variables") => self.variables(inner, job),
                // A step's folder is run as its own file says.
                Some("step") if inner.text().is_some_and(|path| path.starts_with("./")) => {
                    self.line(job, format!("run-parts {}", inner.text().unwrap_or_default()));
                }
                _ => self.jobs(inner, job, seen),
            }
        }
    }

    /// What variables hold may be the name of a script, and some are read by every shell.
    fn variables(&mut self, value: &Value, job: &str) {
        for (_, value) in value.pairs() {
            let text = value.text().or_else(|| value.field("value").and_then(Value::text));
            text.filter(|text| text.contains(['/', '.'])).into_iter().for_each(|text| self.line(job, format!("env {text}")));
        }
    }

    fn texts(&mut self, value: &Value, job: &str) {
        value.items().for_each(|item| self.texts(item, job));
        if let Some(text) = value.text() {
            self.line(job, text.to_owned());
        }
    }

    fn line(&mut self, job: &str, text: String) {
        let job: String = job.chars().take(SHOWN).collect();
        self.bytes += WORD + job.len() + text.len();
        if self.bytes <= WORDS * WORD { self.lines.push((job, text)) } else { self.more = true }
    }
}
