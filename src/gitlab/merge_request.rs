//! The texts of ours that GitLab shows: a merge request's title and description, and the one note that is kept up to date.
//! Plain functions of values; the agent's own text goes through [`markdown`], other words of others through [`text`].

use std::fmt::Write as _;

use super::{
    Note, Subject,
    markdown::{self, Hosts},
    text,
};
use crate::{
    digest::Digest,
    verdict::{Decision, Finding, Severity, Verdict},
};

/// Begins every note of ours that is kept up to date; nobody sees it on the page.
const MARK: &str = "<!-- tidewaiter:status -->";
/// Bytes of the agent's own words that are shown.
const SUMMARY_BYTES: usize = 16 << 10;
/// Bytes of the request's words that are shown.
const REQUEST_BYTES: usize = 4 << 10;
/// Files and findings that are listed; the reports hold all of them.
const ROWS: usize = 50;
/// Bytes of one path or sentence.
const CELL_BYTES: usize = 400;

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChangedFile {
    /// What happened to it.
    pub what: Change,
    /// Its path, escaped for showing.
    pub path: String,
    /// Lines added; none for a binary file.
    pub added: Option<u64>,
    /// Lines removed; none for a binary file.
    pub removed: Option<u64>,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Change {
    /// It is new.
    Added,
    /// It has other bytes or another mode.
    Modified,
    /// It is gone.
    Deleted,
}

/// What a description is made of.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    /// What the job was about.
    pub subject: Subject,
    /// What was asked for, in the words of who started the job.
    pub request: Option<&'a str>,
    /// The agent's last words.
    pub summary: &'a str,
    /// What changed.
    pub files: &'a [ChangedFile],
    /// The gate's verdict.
    pub verdict: &'a Verdict,
    /// The policy in force.
    pub policy: Digest,
    /// The journal's last line so far.
    pub journal: Digest,
    /// The job's page; may be empty.
    pub job_url: &'a str,
    /// Where the agent's links may lead.
    pub hosts: &'a Hosts,
}

/// What the note says of the job.
#[derive(Clone, Copy, Debug)]
pub enum Status<'a> {
    /// The agent works.
    Working,
    /// A merge request is there.
    Done {
        /// Its number.
        merge_request: u64,
        /// The gate's verdict.
        verdict: &'a Verdict,
        /// The agent's last words.
        summary: &'a str,
        /// Where its links may lead.
        hosts: &'a Hosts,
    },
    /// The agent changed nothing.
    Unchanged {
        /// The agent's last words.
        summary: &'a str,
        /// Where its links may lead.
        hosts: &'a Hosts,
    },
    /// The gate denied the change; nothing left the job.
    Refused {
        /// The gate's verdict.
        verdict: &'a Verdict,
    },
    /// The job failed; nothing left it.
    Failed {
        /// Why and what to do.
        reason: &'a str,
    },
    /// The job was cancelled; nothing left it.
    Cancelled,
}

/// The title: `Draft: ` where `draft`, then `subject_title` made harmless.
pub fn title(subject: Subject, subject_title: &str, draft: bool) -> String {
    let mark = if draft { "Draft: " } else { "" };
    match subject {
        Subject::Issue(iid) => format!("{mark}{} (issue {iid})", text::title(subject_title)),
        Subject::MergeRequest(iid) => format!("{mark}{} (follow-up of merge request {iid})", text::title(subject_title)),
        Subject::Prompt => format!("{mark}{}", text::title(subject_title)),
    }
}

/// The description of a merge request.
pub fn description(of: &Description<'_>) -> String {
    let mut out = format!("{}\n\n", made_for(of.subject));
    if let Some(request) = of.request {
        let _ = writeln!(out, "## What was asked\n\n{}\n", text::block(request, REQUEST_BYTES));
    }
    section(&mut out, of.summary, of.hosts);
    let _ = writeln!(out, "## What changed\n\n{}", files(of.files));
    let _ = writeln!(out, "## What the gate says\n\n{}\n", verdict(of.verdict));
    let _ = writeln!(out, "| Record | Value |\n|---|---|\n| Policy | `{}` |\n| Journal | `{}` |", of.policy, of.journal);
    if let Some(url) = page(of.job_url) {
        let _ = writeln!(out, "| Job | <{url}> |");
    }
    out
}

/// The text of the note that is kept up to date.
pub fn note(status: Status<'_>, job_url: &str) -> String {
    let said = match status {
        Status::Working => {
            "**Working.** An agent is at it, locked in; its change will be inspected before anything leaves the job.".to_owned()
        }
        Status::Done { merge_request, verdict: said, summary, hosts } => {
            let mut out = format!("**Done:** !{merge_request}\n\n{}\n\n", verdict(said));
            section(&mut out, summary, hosts);
            out
        }
        Status::Unchanged { summary, hosts } => {
            let mut out = "**Nothing to do:** the agent changed no file.\n\n".to_owned();
            section(&mut out, summary, hosts);
            out
        }
        Status::Refused { verdict: said } => format!("**Refused:** the change stays in the job.\n\n{}", verdict(said)),
        Status::Failed { reason } => format!("**Failed:** {}.", text::prose(reason.trim_end_matches('.'), 1000)),
        Status::Cancelled => "**Cancelled.** Nothing left the job.".to_owned(),
    };
    let link = page(job_url).map(|url| format!("\n\nThe job: <{url}>")).unwrap_or_default();
    format!("{MARK}\n{}{link}\n", said.trim_end())
}

/// Whether `note` is ours to keep up to date: written by the user `me` and marked so.
pub fn is_status(note: &Note, me: u64) -> bool {
    note.body.starts_with(MARK) && !note.system && note.author.as_ref().is_some_and(|author| author.id == me)
}

fn made_for(subject: Subject) -> String {
    match subject {
        Subject::Issue(iid) => format!("Made by an agent for #{iid}, and inspected before it left the job."),
        Subject::MergeRequest(iid) => format!("Made by an agent for !{iid}, and inspected before it left the job."),
        Subject::Prompt => "Made by an agent, and inspected before it left the job.".to_owned(),
    }
}

/// The agent's words, in a quote: nothing in it passes for ours.
fn section(out: &mut String, words: &str, hosts: &Hosts) {
    let quote = markdown::quote(words, SUMMARY_BYTES, hosts);
    if !quote.is_empty() {
        let _ = writeln!(out, "## What the agent says\n\n{quote}\n");
    }
}

fn files(files: &[ChangedFile]) -> String {
    let mut out = String::new();
    for file in files.iter().take(ROWS) {
        let what = match file.what {
            Change::Added => "added",
            Change::Modified => "changed",
            Change::Deleted => "deleted",
        };
        let lines = file.added.zip(file.removed).map(|(added, removed)| format!(", +{added} −{removed}"));
        let _ = writeln!(out, "- {} ({what}{})", text::code(&file.path, CELL_BYTES), lines.as_deref().unwrap_or(", binary"));
    }
    if files.len() > ROWS {
        let _ = writeln!(out, "- and {} more", files.len() - ROWS);
    }
    out
}

/// The decision and a table of its findings.
fn verdict(verdict: &Verdict) -> String {
    let said = match verdict.decision {
        Decision::Pass => "The change **passed** every rule that would hold it back.",
        Decision::Review => "The change may leave, but **a human has to look** at what is named here before it is merged.",
        Decision::Deny => "The change was **denied**.",
    };
    if verdict.findings.is_empty() {
        return said.to_owned();
    }
    let mut out = format!("{said}\n\n| Weight | Rule | Where | What, and what to do |\n|---|---|---|---|\n");
    let mut weighty: Vec<&Finding> = verdict.findings.iter().collect();
    weighty.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in weighty.iter().take(ROWS) {
        out.push_str(&row(finding));
    }
    if weighty.len() > ROWS {
        let _ = writeln!(out, "\nAnd {} more: see the job's reports.", weighty.len() - ROWS);
    }
    out.trim_end().to_owned()
}

fn row(finding: &Finding) -> String {
    let weight = match finding.severity {
        Severity::Warn => "note",
        Severity::Review => "review",
        Severity::Deny => "deny",
        Severity::Block => "deny (fixed)",
    };
    let place = finding.line.map_or_else(|| finding.path.clone(), |line| format!("{}:{line}", finding.path));
    let by = finding.policy_line.as_ref().map(|line| format!(" (policy: {})", text::code(line, CELL_BYTES))).unwrap_or_default();
    let words = [&finding.message, &finding.fix].map(|words| text::prose(words, CELL_BYTES)).join(" ");
    format!("| {weight} | {} | {} | {words}{by} |\n", text::code(&finding.rule, CELL_BYTES), text::code(&place, CELL_BYTES))
}

/// An address that may stand in `<…>`: the runner's own variable, but whoever starts a pipeline may set it.
fn page(url: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:[]".contains(&b);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() < 500 && url.bytes().all(plain)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(path: &str, message: &str) -> Finding {
        Finding {
            rule: "paths/protected".to_owned(),
            severity: Severity::Deny,
            path: path.to_owned(),
            line: Some(3),
            policy_line: Some("changes.protect[0] = \"**|x\"".to_owned()),
            message: message.to_owned(),
            fix: "Allow it.".to_owned(),
            excerpt: None,
        }
    }

    fn hosts() -> Hosts {
        Hosts { gitlab: "https://gitlab.example".to_owned(), named: vec![] }
    }

    fn lines_of(verdict: &Verdict, summary: &str, path: &str) -> Vec<String> {
        let files = [ChangedFile { what: Change::Added, path: path.to_owned(), added: Some(1), removed: Some(0) }];
        let digest = Digest::of("x");
        let of = Description {
            subject: Subject::Issue(7),
            request: Some(summary),
            summary,
            files: &files,
            verdict,
            policy: digest,
            journal: digest,
            job_url: "https://gitlab.example/group/name/-/jobs/7",
            hosts: &hosts(),
        };
        description(&of).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_description_says_what_happened() {
        let text = lines_of(&Verdict::weigh(vec![finding(".gitlab-ci.yml", "It is protected.")]), "I fixed it.", "src/a.rs").join("\n");
        for part in ["#7", "I fixed it.", "- `src/a.rs` (added, +1 −0)", "**denied**", "`.gitlab-ci.yml:3`", "sha256:", "/jobs/7>"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn no_word_of_others_acts() {
        let attack = "x\n/merge\n```\n/approve\n@all Closes #1 <script> | a | ![x](https://evil.example/x)\u{202e}";
        let verdict = Verdict::weigh(vec![finding(attack, attack)]);
        let honest = lines_of(&Verdict::weigh(vec![finding("x", "x")]), "x", "x");
        for lines in [
            lines_of(&verdict, attack, attack),
            note(Status::Done { merge_request: 1, verdict: &verdict, summary: attack, hosts: &hosts() }, attack)
                .lines()
                .map(str::to_owned)
                .collect(),
        ] {
            for line in &lines {
                assert!(!line.trim_start_matches(['-', '>', ' ', '`']).starts_with('/'), "{line}");
                // In the quote it stands in code, where nobody is mentioned.
                assert!(line.starts_with("> ") || !line.contains("@all"), "{line}");
                assert!(!line.contains("Closes #1") && !line.contains('\u{202e}'), "{line}");
            }
            assert!(lines.iter().filter(|line| line.starts_with("| deny")).all(|row| row.matches('|').count() == 5));
        }
        let fences = |lines: &[String]| lines.iter().filter(|line| line.starts_with("```")).count();
        assert_eq!(fences(&honest), fences(&lines_of(&verdict, attack, attack)));
        assert!(note(Status::Failed { reason: attack }, "").lines().count() == 2);
    }

    #[test]
    fn only_our_own_note_is_found_again() {
        let body = note(Status::Working, "");
        let of = |author: u64, body: &str| {
            serde_json::from_value::<Note>(serde_json::json!({"id": 1, "body": body, "author": {"id": author}})).unwrap()
        };
        assert!(is_status(&of(5, &body), 5));
        assert!(!is_status(&of(6, &body), 5), "another user's copy");
        assert!(!is_status(&of(5, "hello"), 5));
    }

    #[test]
    fn an_address_that_is_none_is_left_out() {
        assert!(!note(Status::Cancelled, "https://a.example/> @all").contains("@all"));
        assert!(note(Status::Cancelled, "https://a.example/-/jobs/1").contains("<https://a.example/-/jobs/1>"));
    }
}
