//! What stays of a job: its log, and the reports that the runner uploads.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Ending, board::Board, inspect::Judged};
use crate::{
    gate,
    gitlab::{JobFacts, text},
    journal::Journal,
    policy::Policy,
    promise::Ground,
    report::{self, Format, Look},
    scribe,
};

/// Where the reports go in the checkout, for `artifacts: paths`.
const REPORTS: &str = "tidewaiter-report";

/// The job's log, on standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    colours: bool,
    sections: bool,
}

impl Log {
    /// A log with colours, and with GitLab's collapsible sections where GitLab shows it.
    pub(super) fn new(colours: bool, sections: bool) -> Self {
        Self { colours, sections }
    }

    /// One line of ours.
    pub(super) fn say(&self, line: &str) {
        self.write(&format!("{} {}\n", self.mark(), text::visible(line).replace('\n', " ")));
    }

    /// Text that is not ours, line by line behind a bar, in a section that can be folded.
    pub(super) fn section(&self, name: &str, header: &str, content: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let lines: String = text::visible(content).lines().map(|line| format!("  │ {line}\n")).collect();
        if self.sections {
            let start = format!("\x1b[0Ksection_start:{now}:tidewaiter_{name}[collapsed=true]\r\x1b[0K{} {header}\n", self.mark());
            self.write(&format!("{start}{lines}\x1b[0Ksection_end:{now}:tidewaiter_{name}\r\x1b[0K\n"));
        } else {
            self.write(&format!("{} {header}\n{lines}", self.mark()));
        }
    }

    /// The first lines: who, where, under which rules.
    pub(super) fn opening(&self, facts: &JobFacts, policy: &Policy, ground: &Ground) {
        let uid = ground.uid.map_or_else(|| format!("uid {} (shared)", ground.host.uid), |uid| format!("uid {uid} of its own"));
        self.say(&format!(
            "job {} of {} on Linux {}, Landlock ABI {}",
            facts.job, facts.project_path, ground.host.kernel, ground.host.landlock
        ));
        self.say(&format!(
            "the agent gets {uid}, sockets on loopback only (fence {}), and the policy {}",
            ground.fence.name(),
            policy.digest()
        ));
        if let Some(upstream) = &policy.network.upstream {
            self.say(&upstream.to_string());
        }
        if policy.network.gitlab.is_none() {
            self.say(
                "the policy pins no GitLab (network.gitlab): the job's variables say whom the token goes to, and the agent reads none",
            );
        }
    }

    /// The last lines: the verdict, and how the job ended.
    pub(super) fn closing(&self, ending: &Ending, policy: &Policy, journal: &Journal) {
        if let Some(judged) = ending.judged() {
            let (rules, tree) = (rules(), judged.tree.to_string());
            let about = report::About { policy: policy.digest(), base: "", tree: &tree, changed: None, rules: &rules };
            self.write(&report::text(&judged.verdict, &about, Look { colour: self.colours, ..Look::PLAIN }));
        }
        self.say(&format!("journal {} ends with {}", journal.path().display(), journal.head()));
        self.say(&ending.sentence());
    }

    /// How the agent's output is shown.
    pub(super) fn scribe(&self, policy: &Policy, prompt: &str) -> scribe::Spec {
        scribe::Spec {
            mode: scribe::Mode::Agent(policy.agent.kind),
            prompt: Some(prompt.to_owned()),
            log_bytes: policy.limits.log_bytes,
            colours: self.colours,
            sections: self.sections,
        }
    }

    fn mark(self) -> &'static str {
        if self.colours { "\x1b[1;36mtidewaiter\x1b[0m" } else { "tidewaiter" }
    }

    /// A log that nobody takes any more does not stop the job.
    fn write(self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Writes the reports into the checkout, for the runner to upload. Nothing there is of the agent's choosing: the checkout is
/// the runner's, and the agent never had it.
pub(super) fn reports(board: &Board, ending: &Ending) -> Result<(), String> {
    let directory = board.facts.checkout.join(REPORTS);
    let failed = |error: io::Error| format!("the reports cannot be written to {}: {error}", directory.display());
    if directory.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
        return Err(failed(io::Error::other("it is there already and is no directory")));
    }
    fs::create_dir_all(&directory).map_err(failed)?;
    if board.journal.path().is_file() {
        let journal = fs::read(board.journal.path()).map_err(failed)?;
        write(&directory.join("journal.jsonl"), &journal).map_err(failed)?;
    }
    let Some(judged) = ending.judged() else { return Ok(()) };
    if judged.kept {
        keep(board, judged, &directory).map_err(failed)?;
    }
    let (rules, tree) = (rules(), judged.tree.to_string());
    let about = report::About { policy: board.policy.digest(), base: "", tree: &tree, changed: None, rules: &rules };
    for (name, format) in [
        ("gl-code-quality-report.json", Format::Codequality),
        ("junit.xml", Format::Junit),
        ("tidewaiter.sarif", Format::Sarif),
        ("report.html", Format::Html),
        ("verdict.json", Format::Json),
    ] {
        write(&directory.join(name), report::render(format, &judged.verdict, &about, Look::PLAIN).as_bytes()).map_err(failed)?;
    }
    Ok(())
}

/// Keeps a denied change beside the journal, and where the policy says so among the reports: none that holds a secret.
fn keep(board: &Board, judged: &Judged, directory: &Path) -> io::Result<()> {
    let change = fs::read(board.kept())?;
    let path = kept_beside(board.journal.path());
    write(&path, &change)?;
    board.log.say(&format!("the change is kept in {}; `tidewaiter job --from` judges it again", path.display()));
    let has_secret = judged.verdict.findings.iter().any(|finding| finding.rule.starts_with("secret/"));
    if board.policy.changes.denied_artifact && !has_secret { write(&directory.join("change.json"), &change) } else { Ok(()) }
}

/// `change.json` beside `journal.jsonl`, `change-2.json` beside `journal-2.jsonl`.
fn kept_beside(journal: &Path) -> PathBuf {
    let name = journal.file_stem().unwrap_or_default().to_string_lossy().replacen("journal", "change", 1);
    journal.with_file_name(format!("{name}.json"))
}

/// Replaces what is there by name, never through a link.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::File::create_new(path)?.write_all(content),
    }
}

/// The gate's rules as the reports name them.
fn rules() -> Vec<report::Rule<'static>> {
    gate::rules().map(|rule| report::Rule { id: rule.id, about: rule.about }).collect()
}
