//! What the stand-in knows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Access levels by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Reporter = 20,
    Developer = 30,
    Maintainer = 40,
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: u64,
    pub username: String,
    pub role: u64,
}

#[derive(Clone, Debug)]
pub struct Issue {
    pub iid: u64,
    pub title: String,
    pub description: String,
    pub confidential: bool,
    pub author: u64,
    pub created_at: String,
}

#[derive(Clone, Debug)]
pub struct MergeRequest {
    pub iid: u64,
    pub title: String,
    pub description: String,
    pub state: String,
    pub source_branch: String,
    pub target_branch: String,
    pub labels: Vec<String>,
    pub author: u64,
    pub created_at: String,
}

#[derive(Clone, Debug)]
pub struct Note {
    pub id: u64,
    /// `issues/7` or `merge_requests/9`.
    pub on: String,
    pub discussion: String,
    pub body: String,
    pub author: u64,
    pub system: bool,
    pub internal: bool,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji {
    pub on: String,
    pub note: Option<u64>,
    pub name: String,
    pub user: u64,
}

/// Everything; tests may change what they like.
#[derive(Debug)]
pub struct Model {
    pub url: String,
    /// Names and patterns (`release/*`).
    pub protected: Vec<String>,
    pub visibility: String,
    pub users: BTreeMap<u64, User>,
    /// Token to user id.
    pub tokens: BTreeMap<String, u64>,
    /// Job token to job id.
    pub job_tokens: BTreeMap<String, u64>,
    pub jobs: BTreeMap<u64, String>,
    /// The project in which all jobs run.
    pub runs_in: Option<u64>,
    pub issues: Vec<Issue>,
    pub merge_requests: Vec<MergeRequest>,
    pub notes: Vec<Note>,
    pub emoji: Vec<Emoji>,
    /// Git LFS.
    pub lfs: super::lfs::Lfs,
    /// What jobs have printed.
    pub traces: BTreeMap<u64, String>,
    /// A human who writes issues and notes.
    pub author: u64,
    /// Minutes since 10:00 of the model's one day.
    pub clock: u32,
    next: u64,
}

impl Model {
    pub fn new(url: String) -> Self {
        let mut model = Self {
            url,
            protected: vec!["main".to_owned()],
            visibility: "private".to_owned(),
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            job_tokens: BTreeMap::new(),
            jobs: BTreeMap::new(),
            runs_in: Some(super::PROJECT),
            issues: Vec::new(),
            merge_requests: Vec::new(),
            notes: Vec::new(),
            emoji: Vec::new(),
            lfs: super::lfs::Lfs::default(),
            traces: BTreeMap::new(),
            author: 0,
            clock: 0,
            next: 100,
        };
        let token = model.add_user(Role::Maintainer);
        model.author = model.tokens[&token];
        model
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The next minute.
    pub fn tick(&mut self) -> String {
        self.clock += 1;
        format!("2026-01-02T{:02}:{:02}:00.000Z", 10 + self.clock / 60, self.clock % 60)
    }

    pub fn add_user(&mut self, role: Role) -> String {
        let id = self.id();
        let token = format!("glpat-made-up-{id}");
        self.users.insert(id, User { id, username: format!("user{id}"), role: role as u64 });
        self.tokens.insert(token.clone(), id);
        token
    }

    pub fn add_job(&mut self, job: u64) -> String {
        let token = format!("glcbt-made-up-{job}");
        self.job_tokens.insert(token.clone(), job);
        self.jobs.insert(job, "running".to_owned());
        token
    }

    pub fn add_issue(&mut self, title: &str, description: &str) -> u64 {
        let (iid, created_at, author) = (self.issues.len() as u64 + 1, self.tick(), self.author);
        self.issues.push(Issue {
            iid,
            title: title.to_owned(),
            description: description.to_owned(),
            confidential: false,
            author,
            created_at,
        });
        iid
    }

    pub fn add_note(&mut self, on: &str, body: &str, author: u64, discussion: Option<String>) -> (u64, String) {
        let (id, at) = (self.id(), self.tick());
        let discussion = discussion.unwrap_or_else(|| format!("{id:040x}"));
        let (on, body) = (on.to_owned(), body.to_owned());
        let updated_at = at.clone();
        self.notes.push(Note {
            id,
            on,
            discussion: discussion.clone(),
            body,
            author,
            system: false,
            internal: false,
            created_at: at,
            updated_at,
        });
        (id, discussion)
    }

    pub fn is_protected(&self, branch: &str) -> bool {
        self.protected.iter().any(|name| name.strip_suffix('*').map_or(name == branch, |start| branch.starts_with(start)))
    }

    fn person(&self, id: u64) -> Value {
        json!({"id": id, "username": self.users[&id].username, "name": self.users[&id].username, "state": "active"})
    }

    pub fn user_json(&self, id: u64) -> Value {
        self.person(id)
    }

    pub fn project_json(&self, user: Option<u64>) -> Value {
        let access = user.map(|id| json!({"access_level": self.users[&id].role, "notification_level": 3}));
        json!({"id": super::PROJECT, "path_with_namespace": super::PATH, "default_branch": "main", "visibility": self.visibility,
            "web_url": format!("{}/{}", self.url, super::PATH), "runners_token": "glrt-made-up-of-the-project",
            "permissions": {"project_access": access, "group_access": null}})
    }

    pub fn issue_json(&self, issue: &Issue) -> Value {
        json!({"id": 1000 + issue.iid, "iid": issue.iid, "project_id": super::PROJECT, "title": issue.title, "description": issue.description,
            "state": "opened", "confidential": issue.confidential, "author": self.person(issue.author), "created_at": issue.created_at,
            "updated_at": issue.created_at, "web_url": format!("{}/{}/-/issues/{}", self.url, super::PATH, issue.iid), "labels": []})
    }

    pub fn merge_request_json(&self, one: &MergeRequest, sha: Option<String>) -> Value {
        json!({"id": 2000 + one.iid, "iid": one.iid, "project_id": super::PROJECT, "title": one.title, "description": one.description,
            "state": one.state, "source_branch": one.source_branch, "target_branch": one.target_branch, "labels": one.labels,
            "draft": one.title.starts_with("Draft: "), "author": self.person(one.author), "sha": sha, "created_at": one.created_at,
            "source_project_id": super::PROJECT, "target_project_id": super::PROJECT,
            "web_url": format!("{}/{}/-/merge_requests/{}", self.url, super::PATH, one.iid)})
    }

    pub fn note_json(&self, note: &Note) -> Value {
        json!({"id": note.id, "type": null, "body": note.body, "author": self.person(note.author), "created_at": note.created_at,
            "updated_at": note.updated_at, "system": note.system, "internal": note.internal, "confidential": note.internal,
            "noteable_type": if note.on.starts_with("issues") { "Issue" } else { "MergeRequest" }, "position": null})
    }

    pub fn discussions_json(&self, on: &str) -> Vec<Value> {
        let mut order: Vec<(&str, Vec<Value>)> = Vec::new();
        for note in self.notes.iter().filter(|note| note.on == on) {
            match order.iter_mut().find(|(id, _)| *id == note.discussion) {
                Some((_, notes)) => notes.push(self.note_json(note)),
                None => order.push((&note.discussion, vec![self.note_json(note)])),
            }
        }
        order.into_iter().map(|(id, notes)| json!({"id": id, "individual_note": notes.len() == 1, "notes": notes})).collect()
    }
}
