//! What GitLab answers, as far as we read it. Keys that are not named here are ignored.

use serde::Deserialize;

/// GitLab's numbers of access levels (its documentation, "Roles and permissions").
pub mod role {
    /// May read issues and code.
    pub const REPORTER: u64 = 20;
    /// May push to unprotected branches and open merge requests.
    pub const DEVELOPER: u64 = 30;
    /// May push to protected branches.
    pub const MAINTAINER: u64 = 40;
}

/// `GET /user`: whose token it is.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// Its id.
    pub id: u64,
    /// Its name after the `@`.
    pub username: String,
}

/// Who wrote something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Author {
    /// Its id.
    #[serde(default)]
    pub id: u64,
    /// Its name after the `@`.
    #[serde(default)]
    pub username: String,
}

/// `GET /projects/:id`.
#[derive(Clone, Debug, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: u64,
    /// `group/name`.
    pub path_with_namespace: String,
    /// None: the repository is empty.
    #[serde(default)]
    pub default_branch: Option<String>,
    /// `private`, `internal` or `public`; none where the token may not see it.
    #[serde(default)]
    pub visibility: Option<String>,
    #[serde(default)]
    permissions: Option<Permissions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Permissions {
    #[serde(default)]
    project_access: Option<Access>,
    #[serde(default)]
    group_access: Option<Access>,
}

#[derive(Clone, Debug, Deserialize)]
struct Access {
    access_level: u64,
}

impl Project {
    /// The token's own access level here, see [`role`]; 0 where GitLab names none.
    pub fn access_level(&self) -> u64 {
        let permissions = self.permissions.iter().flat_map(|both| [&both.project_access, &both.group_access]);
        permissions.flatten().map(|access| access.access_level).max().unwrap_or(0)
    }
}

/// `GET /projects/:id/repository/branches/:branch`.
#[derive(Clone, Debug, Deserialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Whether rules hold for it.
    pub protected: bool,
    /// Its tip.
    pub commit: Commit,
}

/// A commit's id.
#[derive(Clone, Debug, Deserialize)]
pub struct Commit {
    /// In hex.
    pub id: String,
}

/// One of `GET /projects/:id/protected_branches`.
#[derive(Clone, Debug, Deserialize)]
pub struct ProtectedBranch {
    /// A name, or a pattern with `*`.
    pub name: String,
    /// Whether force pushes are let through.
    #[serde(default)]
    pub allow_force_push: bool,
}

/// `GET /projects/:id/members/all/:user`.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    /// The user's id.
    pub id: u64,
    /// The user's name after the `@`.
    #[serde(default)]
    pub username: String,
    /// See [`role`].
    pub access_level: u64,
}

/// `GET /projects/:id/issues/:iid`.
#[derive(Clone, Debug, Deserialize)]
pub struct Issue {
    /// Its number in the project.
    pub iid: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    #[serde(default)]
    pub description: Option<String>,
    /// `opened` or `closed`.
    #[serde(default)]
    pub state: String,
    /// Who opened it.
    #[serde(default)]
    pub author: Option<Author>,
    /// Only for some eyes. Missing means yes: an answer that does not say so is not trusted to.
    #[serde(default = "yes")]
    pub confidential: bool,
    /// Its page.
    #[serde(default)]
    pub web_url: String,
    /// When it was opened (RFC 3339).
    #[serde(default)]
    pub created_at: String,
}

/// A merge request.
#[derive(Clone, Debug, Deserialize)]
pub struct MergeRequest {
    /// Its number in the project.
    pub iid: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    #[serde(default)]
    pub description: Option<String>,
    /// `opened`, `closed`, `locked` or `merged`.
    #[serde(default)]
    pub state: String,
    /// Where the change is.
    pub source_branch: String,
    /// Where it is to go.
    pub target_branch: String,
    /// Whose branch it is: another project's in a merge request from a fork.
    #[serde(default)]
    pub source_project_id: Option<u64>,
    /// Whose target it is.
    #[serde(default)]
    pub target_project_id: Option<u64>,
    /// Who opened it.
    #[serde(default)]
    pub author: Option<Author>,
    /// The head commit.
    #[serde(default)]
    pub sha: Option<String>,
    /// Whether it is a draft.
    #[serde(default)]
    pub draft: bool,
    /// Its page.
    #[serde(default)]
    pub web_url: String,
    /// When it was opened (RFC 3339).
    #[serde(default)]
    pub created_at: String,
}

/// A thread of notes.
#[derive(Clone, Debug, Deserialize)]
pub struct Discussion {
    /// Its id, hex.
    pub id: String,
    /// Oldest first.
    pub notes: Vec<Note>,
}

/// One note.
#[derive(Clone, Debug, Deserialize)]
pub struct Note {
    /// Its id.
    pub id: u64,
    /// Its text.
    #[serde(default)]
    pub body: String,
    /// Who wrote it.
    #[serde(default)]
    pub author: Option<Author>,
    /// When it was written (RFC 3339).
    #[serde(default)]
    pub created_at: String,
    /// When it was written or edited last (RFC 3339).
    #[serde(default)]
    pub updated_at: String,
    /// Written by GitLab itself. Missing means no.
    #[serde(default)]
    pub system: bool,
    /// Only for members. Missing counts as no where `confidential`, its older name, says no as well.
    #[serde(default)]
    pub internal: bool,
    /// The older name of `internal`.
    #[serde(default)]
    pub confidential: Option<bool>,
    /// The place in the diff.
    #[serde(default)]
    pub position: Option<Position>,
}

/// A place in a diff.
#[derive(Clone, Debug, Deserialize)]
pub struct Position {
    /// The file.
    #[serde(default)]
    pub new_path: Option<String>,
    /// The line after the change.
    #[serde(default)]
    pub new_line: Option<u64>,
}

/// `GET /job`: the job of a job token.
#[derive(Clone, Debug, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: u64,
    /// `running`, `canceling`, `canceled`, …
    pub status: String,
    /// The pipeline that it is of.
    pub pipeline: Option<OfPipeline>,
}

/// What a job tells of its pipeline.
#[derive(Clone, Debug, Deserialize)]
pub struct OfPipeline {
    /// The project that it runs in.
    pub project_id: Option<u64>,
}

fn yes() -> bool {
    true
}
