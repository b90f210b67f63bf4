//! The calls themselves, each one operation of GitLab's REST API (`/api/v4`).

use std::fmt;

use serde_json::{Map, Value, json};

use super::{
    Branch, Client, Discussion, Error, Issue, Job, Listing, Member, MergeRequest, Note, Project, ProtectedBranch, User, client::Call,
    retry::Repeat,
};

/// What notes can be written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Noteable {
    /// The issue of this number.
    Issue(u64),
    /// The merge request of this number.
    MergeRequest(u64),
}

impl Noteable {
    fn path(self) -> String {
        match self {
            Self::Issue(iid) => format!("issues/{iid}"),
            Self::MergeRequest(iid) => format!("merge_requests/{iid}"),
        }
    }
}

impl fmt::Display for Noteable {
    /// `issue 7`, `merge request 9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issue(iid) => write!(f, "issue {iid}"),
            Self::MergeRequest(iid) => write!(f, "merge request {iid}"),
        }
    }
}

/// Which merge requests to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Open ones.
    Opened,
    /// All of them.
    All,
}

/// A merge request to be made.
#[derive(Clone, Debug)]
pub struct NewMergeRequest {
    /// The branch with the change.
    pub source_branch: String,
    /// The branch it is for.
    pub target_branch: String,
    /// The title; begins with `Draft: ` for a draft.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// Labels; made where they are not there.
    pub labels: Vec<String>,
}

/// What to change in a merge request; none: as it is.
#[derive(Clone, Debug, Default)]
pub struct MergeRequestChange {
    /// The title.
    pub title: Option<String>,
    /// Markdown.
    pub description: Option<String>,
    /// Labels put to those that are there.
    pub add_labels: Vec<String>,
}

impl Client {
    /// Whose token it is.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn user(&self) -> Result<User, Error> {
        self.fetch(&Call::get("/user", "the token's user"), "a user").await
    }

    /// The project with the token's access level.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn project(&self, project: u64) -> Result<Project, Error> {
        self.fetch(&Call::get(format!("/projects/{project}"), format!("project {project}")), "a project").await
    }

    /// The names and patterns of protected branches.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn protected_branches(&self, project: u64) -> Result<Listing<ProtectedBranch>, Error> {
        let call = Call::get(format!("/projects/{project}/protected_branches"), format!("protected branches of project {project}"));
        self.list(call, "a list of protected branches").await
    }

    /// One branch: whether it is protected, and its tip.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::NotFound`] where it does not exist.
    pub async fn branch(&self, project: u64, branch: &str) -> Result<Branch, Error> {
        let target = format!("/projects/{project}/repository/branches/{}", encode(branch));
        let found: Branch = self.fetch(&Call::get(target, format!("branch {branch} of project {project}")), "a branch").await?;
        match found.name == branch {
            true => Ok(found),
            false => Err(Error::Garbage {
                what: format!("branch {branch} of project {project}"),
                expected: "the branch that was asked for",
                reason: "another name".to_owned(),
            }),
        }
    }

    /// A user's membership, inherited ones included.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::NotFound`] where the user is no member.
    pub async fn member(&self, project: u64, user: u64) -> Result<Member, Error> {
        let call = Call::get(format!("/projects/{project}/members/all/{user}"), format!("member {user} of project {project}"));
        self.fetch(&call, "a member").await
    }

    /// One issue.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn issue(&self, project: u64, iid: u64) -> Result<Issue, Error> {
        self.fetch(&Call::get(format!("/projects/{project}/issues/{iid}"), format!("issue {iid} of project {project}")), "an issue").await
    }

    /// One merge request.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn merge_request(&self, project: u64, iid: u64) -> Result<MergeRequest, Error> {
        let call = Call::get(format!("/projects/{project}/merge_requests/{iid}"), format!("merge request {iid} of project {project}"));
        self.fetch(&call, "a merge request").await
    }

    /// All threads of an issue or merge request, oldest first.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn discussions(&self, project: u64, on: Noteable) -> Result<Listing<Discussion>, Error> {
        let what = format!("discussions of {on} of project {project}");
        self.list(Call::get(format!("/projects/{project}/{}/discussions", on.path()), what), "a list of discussions").await
    }

    /// All notes, oldest first: to find one that we wrote before.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn notes(&self, project: u64, on: Noteable) -> Result<Listing<Note>, Error> {
        let target = format!("/projects/{project}/{}/notes?order_by=created_at&sort=asc", on.path());
        self.list(Call::get(target, format!("notes of {on} of project {project}")), "a list of notes").await
    }

    /// The merge requests whose source is `branch`, the newest first.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn merge_requests_from(&self, project: u64, branch: &str, state: State) -> Result<Listing<MergeRequest>, Error> {
        let state = match state {
            State::Opened => "opened",
            State::All => "all",
        };
        let target = format!("/projects/{project}/merge_requests?source_branch={}&state={state}", encode(branch));
        self.list(Call::get(target, format!("merge requests from {branch} in project {project}")), "a list of merge requests").await
    }

    /// Opens a merge request. Where an earlier try of this very call was answered by a failure but had its effect, that merge
    /// request is found and returned.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Conflict`] where another open one has the same source branch.
    pub async fn create_merge_request(&self, project: u64, new: &NewMergeRequest) -> Result<MergeRequest, Error> {
        let body = json!({
            "source_branch": new.source_branch,
            "target_branch": new.target_branch,
            "title": new.title,
            "description": new.description,
            "labels": new.labels,
        });
        let what = format!("a merge request from {} in project {project}", new.source_branch);
        let call = Call { repeat: Repeat::Always, ..Call::post(format!("/projects/{project}/merge_requests"), body, what) };
        match self.fetch(&call, "a merge request").await {
            Err(conflict @ Error::Conflict { .. }) => {
                let open = self.merge_requests_from(project, &new.source_branch, State::Opened).await?;
                let ours = |one: &MergeRequest| one.title == new.title && one.description.as_deref() == Some(&new.description);
                open.items.into_iter().find(ours).ok_or(conflict)
            }
            other => other,
        }
    }

    /// Changes a merge request.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn update_merge_request(&self, project: u64, iid: u64, change: &MergeRequestChange) -> Result<MergeRequest, Error> {
        let mut body = Map::new();
        body.extend(change.title.clone().map(|title| ("title".to_owned(), Value::from(title))));
        body.extend(change.description.clone().map(|text| ("description".to_owned(), Value::from(text))));
        if !change.add_labels.is_empty() {
            body.insert("add_labels".to_owned(), Value::from(change.add_labels.clone()));
        }
        let what = format!("merge request {iid} of project {project}");
        self.fetch(&Call::put(format!("/projects/{project}/merge_requests/{iid}"), body.into(), what), "a merge request").await
    }

    /// Writes a note of its own.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn create_note(&self, project: u64, on: Noteable, text: &str) -> Result<Note, Error> {
        let target = format!("/projects/{project}/{}/notes", on.path());
        self.post_note(project, on, target, text).await
    }

    /// Answers in the thread `discussion`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn reply(&self, project: u64, on: Noteable, discussion: &str, text: &str) -> Result<Note, Error> {
        let target = format!("/projects/{project}/{}/discussions/{}/notes", on.path(), encode(discussion));
        self.post_note(project, on, target, text).await
    }

    /// Posts a note once. After a failure that leaves open whether the note is there, it is looked for before it is posted a
    /// second and last time.
    async fn post_note(&self, project: u64, on: Noteable, target: String, text: &str) -> Result<Note, Error> {
        let call = Call::post(target, json!({ "body": text }), format!("a note on {on} of project {project}"));
        match self.fetch(&call, "a note").await {
            Err(Error::Server { .. } | Error::Unreachable { .. }) => {}
            done => return done,
        }
        let me = self.user().await?.id;
        let ours = |note: &Note| note.body.trim() == text.trim() && note.author.as_ref().is_some_and(|author| author.id == me);
        match self.notes(project, on).await?.items.into_iter().rev().find(ours) {
            Some(note) => Ok(note),
            None => self.fetch(&call, "a note").await,
        }
    }

    /// Replaces the text of a note that we wrote.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn update_note(&self, project: u64, on: Noteable, note: u64, text: &str) -> Result<Note, Error> {
        let target = format!("/projects/{project}/{}/notes/{note}", on.path());
        let what = format!("note {note} on {on} of project {project}");
        self.fetch(&Call::put(target, json!({ "body": text }), what), "a note").await
    }

    /// Puts an emoji, e.g. `eyes`, on the issue or merge request, or on one of its notes. One that we gave before is no error.
    ///
    /// It moves the note's `updated_at`, which then looks as if it had been edited: collect the thread first.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn award(&self, project: u64, on: Noteable, note: Option<u64>, name: &str) -> Result<(), Error> {
        let note = note.map_or_else(String::new, |note| format!("/notes/{note}"));
        let target = format!("/projects/{project}/{}{note}/award_emoji", on.path());
        let call = Call::post(target, json!({ "name": name }), format!("emoji {name} on {on} of project {project}"));
        match self.ask(&Call { repeat: Repeat::Always, ..call }).await {
            Ok(_) => Ok(()),
            // GitLab's answer to a second award of the same name.
            Err(Error::NotFound { reason, .. }) if reason.contains("already been taken") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the job of this client's job token still runs and is not being cancelled. A token that is no longer accepted
    /// means no.
    ///
    /// # Errors
    /// When GitLab gives no usable answer: then nobody knows, and nothing may be pushed.
    pub async fn job_runs(&self, job: u64) -> Result<bool, Error> {
        Ok(self.own_job().await?.is_some_and(|found| found.id == job && found.status == "running"))
    }

    /// The job of this client's job token; none where the token is not accepted any more.
    ///
    /// # Errors
    /// When GitLab gives no usable answer.
    pub async fn own_job(&self) -> Result<Option<Job>, Error> {
        match self.fetch::<Job>(&Call::get("/job", "the job of CI_JOB_TOKEN"), "a job").await {
            Ok(found) => Ok(Some(found)),
            Err(Error::Unauthorized { .. } | Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Percent-encodes one segment or value of an URL: all but RFC 3986's unreserved characters.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            // A segment `.` or `..` would be taken for a step in the path: dots are always encoded.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_place_in_the_url() {
        assert_eq!(encode("feature/x"), "feature%2Fx");
        assert_eq!(encode(".."), "%2E%2E");
        assert_eq!(encode("a?b&c#d%é"), "a%3Fb%26c%23d%25%C3%A9");
    }
}
