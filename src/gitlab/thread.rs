//! The issue or merge request with its notes, as far as it may be shown to the agent.

use super::{Author, Client, Discussion, Error, JobFacts, Note, Noteable, text::cut};
use crate::moment::moment;

/// Bytes of all texts of a thread together, the first text included.
const THREAD_BYTES: usize = 256 << 10;
/// Bytes of one text.
const TEXT_BYTES: usize = 64 << 10;
/// Marks a text that was cut, for the model.
const CUT: &str = " [cut here]";

/// A thread. All of its texts are the words of whoever may write in the project.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// What it hangs on; none for a prompt alone.
    pub on: Option<Noteable>,
    /// The title.
    pub title: String,
    /// The first text. None: empty, or edited after the job was started.
    pub description: Option<String>,
    /// Who wrote the first text.
    pub author: Author,
    /// The page of the issue or merge request.
    pub web_url: String,
    /// Source and target branch of a merge request.
    pub branches: Option<(String, String)>,
    /// The notes that are left, oldest first.
    pub remarks: Vec<Remark>,
    /// Notes left out since they are internal, or newer than what started the job, or did not fit.
    pub left_out: usize,
    /// False: GitLab has more notes than were fetched.
    pub complete: bool,
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The note's id.
    pub id: u64,
    /// Who wrote it.
    pub author: Author,
    /// When, as GitLab wrote it.
    pub at: String,
    /// The thread's id.
    pub discussion: String,
    /// `path:line` in the diff.
    pub place: Option<String>,
    /// The text, perhaps cut.
    pub text: String,
    /// Whether this note started the job.
    pub trigger: bool,
}

/// Fetches what the job is about.
///
/// System notes and notes that only members see are dropped; so is all that was written or edited after the note that started
/// the job, or, where that is not known, after the pipeline was made.
///
/// # Errors
/// Any [`Error`]; [`Error::Confidential`] for a confidential issue.
pub async fn collect(client: &Client, facts: &JobFacts) -> Result<Thread, Error> {
    let Some(on) = facts.subject.noteable() else { return Ok(Thread { complete: true, ..Thread::default() }) };
    let head = head(client, facts.project, on).await?;
    let discussions = client.discussions(facts.project, on).await?;
    let known = Thread { complete: discussions.complete, ..head };
    Ok(assemble(known, &discussions.items, facts))
}

async fn head(client: &Client, project: u64, on: Noteable) -> Result<Thread, Error> {
    let head = match on {
        Noteable::Issue(iid) => {
            let issue = client.issue(project, iid).await?;
            if issue.confidential {
                return Err(Error::Confidential { what: format!("{on} of project {project}") });
            }
            let author = issue.author.unwrap_or_default();
            Thread { title: issue.title, description: issue.description, author, web_url: issue.web_url, ..Thread::default() }
        }
        Noteable::MergeRequest(iid) => {
            let found = client.merge_request(project, iid).await?;
            let branches = Some((found.source_branch, found.target_branch));
            let author = found.author.unwrap_or_default();
            Thread { title: found.title, description: found.description, author, web_url: found.web_url, branches, ..Thread::default() }
        }
    };
    Ok(Thread { on: Some(on), ..head })
}

/// Puts the notes that may be shown into `thread`.
fn assemble(mut thread: Thread, discussions: &[Discussion], facts: &JobFacts) -> Thread {
    let all = || discussions.iter().flat_map(|discussion| discussion.notes.iter().map(move |note| (discussion, note)));
    let until = until(all().map(|(_, note)| note), facts);
    if all().any(|(_, note)| tells_of_edit(note, until)) {
        thread.title = "(edited after the job was started: left out)".to_owned();
        thread.description = None;
    }
    thread.title = cut(&thread.title, 1024, CUT);
    thread.description = thread.description.map(|text| cut(&text, TEXT_BYTES, CUT)).filter(|text| !text.trim().is_empty());
    let written = || all().filter(|(_, note)| !note.system);
    let mut remarks: Vec<_> = written().filter(|(_, note)| may_be_shown(note, until)).map(|(in_, note)| remark(in_, note, facts)).collect();
    remarks.sort_by_key(|remark| (moment(&remark.at), remark.id));
    thread.remarks = fit(remarks, THREAD_BYTES - thread.description.as_ref().map_or(0, String::len));
    thread.left_out = written().count() - thread.remarks.len();
    thread
}

/// The moment after which nothing counts, in milliseconds since 1970.
fn until<'a>(mut notes: impl Iterator<Item = &'a Note>, facts: &JobFacts) -> Option<i64> {
    let trigger = facts.note.and_then(|id| notes.find(|note| note.id == id));
    // GitLab gives the pipeline's time in whole seconds, a note's in thousandths.
    trigger.and_then(|note| moment(&note.created_at)).or(facts.created.map(|second| second + 999))
}

/// A time that cannot be read counts as too late.
fn is_late(time: &str, until: Option<i64>) -> bool {
    until.is_some_and(|until| moment(time).is_none_or(|time| time > until))
}

fn may_be_shown(note: &Note, until: Option<i64>) -> bool {
    let internal = note.internal || note.confidential == Some(true);
    !note.system && !internal && !is_late(&note.created_at, until) && !is_late(&note.updated_at, until)
}

/// Whether GitLab notes that title or description were changed too late: their own times say nothing, since every note moves them.
fn tells_of_edit(note: &Note, until: Option<i64>) -> bool {
    let about = ["description", "title"].iter().any(|word| note.body.contains(word));
    note.system && about && until.is_some() && is_late(&note.created_at, until)
}

fn remark(discussion: &Discussion, note: &Note, facts: &JobFacts) -> Remark {
    let place = note.position.as_ref().and_then(|position| {
        let path = position.new_path.as_ref()?;
        Some(position.new_line.map_or_else(|| path.clone(), |line| format!("{path}:{line}")))
    });
    Remark {
        id: note.id,
        author: note.author.clone().unwrap_or_default(),
        at: note.created_at.clone(),
        discussion: discussion.id.clone(),
        place: place.map(|place| cut(&place, 4096, CUT)),
        text: cut(&note.body, TEXT_BYTES, CUT),
        trigger: facts.note == Some(note.id),
    }
}

/// Keeps the newest that fit into `bytes`, and the one that started the job in any case.
fn fit(remarks: Vec<Remark>, bytes: usize) -> Vec<Remark> {
    let mut left = bytes.saturating_sub(remarks.iter().filter(|remark| remark.trigger).map(|remark| remark.text.len()).sum());
    let mut full = false;
    let mut kept: Vec<_> = remarks
        .into_iter()
        .rev()
        .filter(|remark| {
            full |= !remark.trigger && remark.text.len() > left;
            left -= if full || remark.trigger { 0 } else { remark.text.len() };
            !full || remark.trigger
        })
        .collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(note: Option<u64>, created: Option<&str>) -> JobFacts {
        let variables = [
            ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
            ("CI_PROJECT_ID", "42"),
            ("CI_PROJECT_PATH", "group/name"),
            ("CI_PROJECT_DIR", "/builds/group/name"),
            ("CI_JOB_ID", "7"),
            ("CI_PIPELINE_ID", "8"),
            ("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_DEFAULT_BRANCH", "main"),
        ];
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        JobFacts { note, created: created.and_then(moment), ..JobFacts::from_variables(&variables).unwrap() }
    }

    fn note(id: u64, minute: u32, body: &str) -> serde_json::Value {
        let at = format!("2026-11-24T10:{minute:02}:00.500Z");
        json!({"id": id, "body": body, "created_at": at, "updated_at": at})
    }

    fn thread(notes: Vec<serde_json::Value>, facts: &JobFacts) -> Thread {
        let discussions: Vec<Discussion> = serde_json::from_value(json!([{"id": "ab", "notes": notes}])).unwrap();
        let head = Thread { title: "Title".to_owned(), description: Some("First".to_owned()), ..Thread::default() };
        assemble(head, &discussions, facts)
    }

    fn texts(thread: &Thread) -> Vec<&str> {
        thread.remarks.iter().map(|remark| remark.text.as_str()).collect()
    }

    #[test]
    fn what_was_written_or_edited_after_the_trigger_is_dropped() {
        let mut edited = note(1, 1, "edited");
        edited["updated_at"] = json!("2026-11-24T10:20:00Z");
        let notes = vec![edited, note(2, 2, "before"), note(3, 3, "do it"), note(4, 4, "after")];
        assert_eq!(texts(&thread(notes.clone(), &facts(None, None))), ["edited", "before", "do it", "after"]);
        let seen = thread(notes.clone(), &facts(Some(3), None));
        assert_eq!((texts(&seen), seen.left_out), (vec!["before", "do it"], 2));
        assert!(seen.remarks[1].trigger);
        assert_eq!(texts(&thread(notes, &facts(None, Some("2026-11-24T10:02:00Z")))), ["before"]);
    }

    #[test]
    fn what_only_members_see_is_dropped() {
        let (mut internal, mut old_name, mut system) = (note(1, 1, "internal"), note(2, 2, "old"), note(3, 3, "system"));
        internal["internal"] = json!(true);
        old_name["confidential"] = json!(true);
        system["system"] = json!(true);
        let seen = thread(vec![internal, old_name, system, note(4, 4, "open")], &facts(None, None));
        assert_eq!((texts(&seen), seen.left_out), (vec!["open"], 2));
    }

    #[test]
    fn a_description_edited_after_the_trigger_is_dropped() {
        let mut edit = note(4, 4, "changed the description");
        edit["system"] = json!(true);
        let seen = thread(vec![note(3, 3, "do it"), edit.clone()], &facts(Some(3), None));
        assert_eq!((seen.description.as_deref(), seen.title.contains("left out")), (None, true));
        let seen = thread(vec![edit, note(5, 5, "do it")], &facts(Some(5), None));
        assert_eq!((seen.description.as_deref(), seen.title.as_str()), (Some("First"), "Title"));
    }

    #[test]
    fn a_note_without_a_time_counts_as_late() {
        let mut timeless = note(1, 1, "timeless");
        timeless["updated_at"] = json!("");
        assert_eq!(texts(&thread(vec![timeless, note(3, 3, "do it")], &facts(Some(3), None))), ["do it"]);
    }

    #[test]
    fn the_newest_notes_and_the_trigger_fit() {
        let big = "x".repeat(TEXT_BYTES + 10);
        let notes = (1..=9).map(|id| note(id, u32::try_from(id).unwrap(), &big)).collect();
        let seen = thread(notes, &facts(Some(9), None));
        assert_eq!(seen.remarks.iter().map(|remark| remark.id).collect::<Vec<_>>(), [7, 8, 9]);
        assert!(seen.remarks.iter().map(|remark| remark.text.len()).sum::<usize>() <= THREAD_BYTES);
        assert!(seen.remarks[0].text.ends_with("[cut here]"));
    }
}
