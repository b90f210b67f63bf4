//! What the agent may read of GitLab through the gateway: reads of the API that are listed, and fetches by git. Everything
//! here decides on values; the gateway sends.
//!
//! `list` is the data: paths, queries, and what is done with an answer. `path` holds targets to one spelling, `git` knows the
//! smart protocol's three addresses, `answer` takes out what only some eyes may see, `page` keeps lists in order after that.

mod access;
mod answer;
mod git;
mod list;
mod page;
mod path;

pub use access::{Access, Mismatch};
pub use answer::{Unfit, fit};
pub use git::Fetch;
pub use list::{READS, Read, Shape};
pub use page::{MAX_PAGES, Page, link};

use crate::policy;

/// Why a request does not go on, in words that a model can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that decided, `gitlab/name`.
    pub rule: &'static str,
    /// What was asked, why it is refused and what to do instead. No secret in it.
    pub reason: String,
}

impl Refusal {
    fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// The projects that may be read, and how much of them.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The job's own project by its number.
    pub id: Option<u64>,
    /// The job's own project and the policy's others, `group/name`.
    pub paths: Vec<String>,
    /// Whether confidential issues and internal notes may be read.
    pub confidential: bool,
}

impl Scope {
    /// What `policy` lets a job with `access` read.
    pub fn new(policy: &policy::GitLab, access: &Access) -> Self {
        let paths = access.path.iter().chain(&policy.projects).cloned().collect();
        Self { id: access.project, paths, confidential: policy.confidential }
    }

    fn has_path(&self, path: &str) -> Result<(), Refusal> {
        if self.paths.iter().any(|own| own == path) { Ok(()) } else { Err(self.foreign(path)) }
    }

    /// A number, or a path; none other than the two in front of it.
    fn has(&self, project: &str) -> Result<(), Refusal> {
        let own = self.id.is_some_and(|id| id.to_string() == project);
        if own { Ok(()) } else { self.has_path(project) }
    }

    fn foreign(&self, project: &str) -> Refusal {
        let own = self.paths.join(", ");
        let reason = format!(
            "the project `{}` is not this job's, nor one that the policy lists (network.gitlab.projects); what may be read: {}",
            shown(project),
            if own.is_empty() { "none" } else { &own }
        );
        Refusal::new("gitlab/project", reason)
    }
}

/// A request that passed as far as its head goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A read of the API.
    Call(Call),
    /// A fetch by git.
    Fetch(Fetch),
}

/// A read of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Path and query below the GitLab's URL, in their one spelling.
    pub target: String,
    /// Only the head of the answer is asked for.
    pub head_only: bool,
    /// What is done with the answer.
    pub shape: Shape,
    /// The issue that must not be confidential, where it is about one: a target of its own.
    pub guard: Option<String>,
    /// Which part of the whole list is wanted, where the gateway makes the pages.
    pub page: Option<Page>,
    /// The row of the list.
    pub read: &'static Read,
}

/// Judges a request for `target` below the route's name: path and query as they were sent.
///
/// # Errors
/// Whatever is not listed, and all that could be read in two ways.
pub fn judge(method: &str, target: &str, scope: &Scope) -> Result<Errand, Refusal> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    path::plain(path)?;
    match path.strip_prefix("/api/") {
        Some("graphql") => Err(Refusal::new(
            "gitlab/graphql",
            "GraphQL is not forwarded, since one request could ask for anything; use the REST API at $CI_API_V4_URL",
        )),
        Some(_) => call(method, path, query, scope).map(Errand::Call),
        None => git::judge(method, path, query, scope).map(Errand::Fetch),
    }
}

fn call(method: &str, path: &str, query: Option<&str>, scope: &Scope) -> Result<Call, Refusal> {
    let head_only = match method {
        "GET" => false,
        "HEAD" => true,
        "POST" | "PUT" | "PATCH" | "DELETE" => return Err(write(method, path)),
        other => {
            return Err(Refusal::new("gitlab/method", format!("{} is not forwarded; GET and HEAD of listed reads are", shown(other))));
        }
    };
    let unknown = |path: &str| {
        let hint = "only reads of this job's project are forwarded (docs/gitlab.md lists them), such as issues, merge_requests, repository/files, pipelines, jobs/:id/trace";
        Refusal::new("gitlab/path", format!("there is no way to /gitlab{}: {hint}", shown(path)))
    };
    let rest = path.strip_prefix("/api/v4/projects/").ok_or_else(|| unknown(path))?;
    let (project, rest) = rest.split_once('/').map_or((rest, ""), |(project, rest)| (project, rest));
    let project = path::decoded(project)?;
    scope.has(&project)?;
    let (read, pieces) = list::find(rest)?.ok_or_else(|| unknown(path))?;
    let base = format!("/api/v4/projects/{}", path::encoded(&project));
    let shape = if scope.confidential { read.shape.unguarded() } else { read.shape };
    if head_only && shape != Shape::Whole {
        return Err(Refusal::new("gitlab/method", "HEAD would tell of things that are left out of this answer; use GET"));
    }
    let mut pairs = path::query(query, read)?;
    let page = shape.is_gathered().then(|| Page::take(&mut pairs)).transpose()?;
    if shape == Shape::Issues {
        // GitLab itself leaves them out then, so that pages are full and totals right.
        pairs.push(("confidential".to_owned(), "false".to_owned()));
    }
    let guard = match (pieces.first().map(String::as_str), pieces.get(1)) {
        (Some("issues"), Some(iid)) if shape != Shape::Whole && shape != Shape::Issue => Some(format!("{base}/issues/{iid}")),
        _ => None,
    };
    let below: String = pieces.iter().map(|piece| format!("/{piece}")).collect();
    Ok(Call { target: format!("{base}{below}{}", path::joined(&pairs)), head_only, shape, guard, page, read })
}

fn write(method: &str, path: &str) -> Refusal {
    let reason = format!(
        "{method} /gitlab{} would write to GitLab; leave the change in the workspace: Tidewaiter itself opens or updates the merge request and answers in the thread when you have ended",
        shown(path)
    );
    Refusal::new("gitlab/write", reason)
}

/// Credentials of a request to GitLab: header fields, each of which must hold the ticket.
pub const CREDENTIAL_FIELDS: &[&str] = &["authorization", "private-token", "job-token", "deploy-token"];

/// Fields that would change whose request it is, or what it asks for (GitLab's "REST API authentication"; Rack's and Rails'
/// overrides). Refused where they stand.
pub const REFUSED_FIELDS: &[&str] = &[
    "sudo",
    "cookie",
    "x-csrf-token",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-gitlab-token",
];

/// Refuses a request whose head has the field `name`.
pub fn field(name: &str) -> Refusal {
    Refusal::new("gitlab/header", format!("the header `{name}` is not allowed: it would change who asks, or for what"))
}

/// Refuses a request with a credential that is not the ticket.
pub fn credential() -> Refusal {
    Refusal::new(
        "gitlab/credential",
        "only this job's own ticket counts here ($CI_JOB_TOKEN as it stands); tokens of anyone else are neither used nor forwarded",
    )
}

/// Shows text of the agent's choosing in a message: at most 120 characters, control and non-ASCII ones escaped.
fn shown(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_default).collect()
}

#[cfg(test)]
mod tests;
