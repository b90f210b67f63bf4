//! The list of reads, below `/api/v4/projects/:id`: what is not here does not exist for the agent.
//!
//! Left out on purpose: variables, hooks, keys, tokens, runners, members, search across kinds, archives (git fetches), draft
//! notes, award emoji, links to issues of other projects, text that is rendered for the token's eyes (`render_html`), and whatever
//! starts or stops something.

use super::{Refusal, path};

/// One listed read.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// Segments below the project; `{n}` a number, `{hex}` a hexadecimal id, `{name}` one percent-encoded parameter.
    pub path: &'static str,
    /// Parameters of the query.
    pub query: &'static [&'static str],
    /// Whether it is a list with GitLab's parameters for pages.
    pub paged: bool,
    /// What is done with the answer.
    pub shape: Shape,
}

/// What an answer is, and so what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Everyone who sees the project sees all of it: passed on as it is.
    Whole,
    /// A project: only keys that are listed.
    Project,
    /// One issue.
    Issue,
    /// Issues.
    Issues,
    /// One merge request.
    MergeRequest,
    /// Merge requests.
    MergeRequests,
    /// One note.
    Note,
    /// Notes.
    Notes,
    /// One discussion.
    Discussion,
    /// Discussions.
    Discussions,
}

impl Shape {
    /// Where confidential things may be read.
    pub(super) fn unguarded(self) -> Self {
        if self == Self::Project { self } else { Self::Whole }
    }

    /// GitLab cannot be asked for the open ones alone: all are fetched, and the pages made here.
    pub(super) fn is_gathered(self) -> bool {
        matches!(self, Self::Notes | Self::Discussions)
    }
}

const fn one(path: &'static str, query: &'static [&'static str], shape: Shape) -> Read {
    Read { path, query, paged: false, shape }
}

const fn many(path: &'static str, query: &'static [&'static str], shape: Shape) -> Read {
    Read { path, query, paged: true, shape }
}

/// Parameters of a list's pages.
pub(super) const PAGES: &[&str] = &["page", "per_page", "pagination", "page_token"];

const ISSUES: &[&str] = &[
    "assignee_id",
    "assignee_username",
    "author_id",
    "author_username",
    "created_after",
    "created_before",
    "due_date",
    "iids[]",
    "in",
    "issue_type",
    "labels",
    "milestone",
    "order_by",
    "scope",
    "search",
    "sort",
    "state",
    "updated_after",
    "updated_before",
    "with_labels_details",
];

const MERGE_REQUESTS: &[&str] = &[
    "assignee_id",
    "author_id",
    "author_username",
    "created_after",
    "created_before",
    "iids[]",
    "in",
    "labels",
    "milestone",
    "order_by",
    "reviewer_id",
    "reviewer_username",
    "scope",
    "search",
    "sort",
    "source_branch",
    "state",
    "target_branch",
    "updated_after",
    "updated_before",
    "view",
    "wip",
];

const NOTES: &[&str] = &["activity_filter", "order_by", "sort"];

/// Paths and parameters from GitLab's REST documentation (docs.gitlab.com/api: projects, issues, notes, discussions, merge
/// requests, repositories, repository files, commits, branches, tags, pipelines, jobs, labels, milestones).
pub const READS: &[Read] = &[
    one("", &["license"], Shape::Project),
    one("languages", &[], Shape::Whole),
    // Issues.
    many("issues", ISSUES, Shape::Issues),
    one("issues/{n}", &[], Shape::Issue),
    many("issues/{n}/notes", NOTES, Shape::Notes),
    one("issues/{n}/notes/{n}", &[], Shape::Note),
    many("issues/{n}/discussions", &[], Shape::Discussions),
    one("issues/{n}/discussions/{hex}", &[], Shape::Discussion),
    // Merge requests.
    many("merge_requests", MERGE_REQUESTS, Shape::MergeRequests),
    one("merge_requests/{n}", &["include_diverged_commits_count", "include_rebase_in_progress"], Shape::MergeRequest),
    many("merge_requests/{n}/notes", NOTES, Shape::Notes),
    one("merge_requests/{n}/notes/{n}", &[], Shape::Note),
    many("merge_requests/{n}/discussions", &[], Shape::Discussions),
    one("merge_requests/{n}/discussions/{hex}", &[], Shape::Discussion),
    many("merge_requests/{n}/commits", &[], Shape::Whole),
    // The merge request and its diffs.
    one("merge_requests/{n}/changes", &["access_raw_diffs", "unidiff"], Shape::MergeRequest),
    many("merge_requests/{n}/diffs", &["unidiff"], Shape::Whole),
    one("merge_requests/{n}/raw_diffs", &[], Shape::Whole),
    many("merge_requests/{n}/pipelines", &[], Shape::Whole),
    one("merge_requests/{n}/approvals", &[], Shape::Whole),
    many("merge_requests/{n}/versions", &[], Shape::Whole),
    one("merge_requests/{n}/versions/{n}", &["unidiff"], Shape::Whole),
    // The repository.
    many("repository/tree", &["path", "recursive", "ref"], Shape::Whole),
    one("repository/files/{name}", &["ref"], Shape::Whole),
    one("repository/files/{name}/raw", &["ref"], Shape::Whole),
    one("repository/files/{name}/blame", &["range[end]", "range[start]", "ref"], Shape::Whole),
    one("repository/blobs/{hex}", &[], Shape::Whole),
    one("repository/blobs/{hex}/raw", &[], Shape::Whole),
    many(
        "repository/commits",
        &["all", "author", "first_parent", "order", "path", "ref_name", "since", "trailers", "until", "with_stats"],
        Shape::Whole,
    ),
    one("repository/commits/{name}", &["stats"], Shape::Whole),
    many("repository/commits/{name}/diff", &["unidiff"], Shape::Whole),
    many("repository/commits/{name}/refs", &["type"], Shape::Whole),
    many("repository/commits/{name}/comments", &[], Shape::Whole),
    many("repository/commits/{name}/statuses", &["all", "name", "pipeline_id", "ref", "stage"], Shape::Whole),
    one("repository/compare", &["from", "straight", "to", "unidiff"], Shape::Whole),
    one("repository/merge_base", &["refs[]"], Shape::Whole),
    many("repository/branches", &["regex", "search"], Shape::Whole),
    one("repository/branches/{name}", &[], Shape::Whole),
    many("repository/tags", &["order_by", "search", "sort"], Shape::Whole),
    one("repository/tags/{name}", &[], Shape::Whole),
    many("protected_branches", &["search"], Shape::Whole),
    one("protected_branches/{name}", &[], Shape::Whole),
    // Pipelines and jobs.
    many(
        "pipelines",
        &["name", "order_by", "ref", "scope", "sha", "sort", "source", "status", "updated_after", "updated_before", "username"],
        Shape::Whole,
    ),
    one("pipelines/latest", &["ref"], Shape::Whole),
    one("pipelines/{n}", &[], Shape::Whole),
    many("pipelines/{n}/jobs", &["include_retried", "scope", "scope[]"], Shape::Whole),
    many("pipelines/{n}/bridges", &["scope", "scope[]"], Shape::Whole),
    one("pipelines/{n}/test_report", &[], Shape::Whole),
    one("pipelines/{n}/test_report_summary", &[], Shape::Whole),
    many("jobs", &["include_retried", "scope", "scope[]"], Shape::Whole),
    one("jobs/{n}", &[], Shape::Whole),
    one("jobs/{n}/trace", &[], Shape::Whole),
    one("jobs/{n}/artifacts", &[], Shape::Whole),
    // Labels and milestones.
    many("labels", &["include_ancestor_groups", "search"], Shape::Whole),
    one("labels/{name}", &["include_ancestor_groups"], Shape::Whole),
    many("milestones", &["iids[]", "search", "state", "title"], Shape::Whole),
    one("milestones/{n}", &[], Shape::Whole),
];

/// The row that `rest`, the path below the project as it was sent, is of; and its segments in their one spelling.
pub(super) fn find(rest: &str) -> Result<Option<(&'static Read, Vec<String>)>, Refusal> {
    let sent: Vec<&str> = rest.split('/').collect();
    for read in READS {
        let template: Vec<&str> = read.path.split('/').collect();
        if template.len() == sent.len() && template.iter().zip(&sent).all(|(kind, text)| fits(kind, text)) {
            let pieces = template.iter().zip(&sent).filter(|(kind, _)| !kind.is_empty()).map(|(kind, text)| match *kind {
                "{name}" => path::decoded(text).map(|text| path::encoded(&text)),
                _ => Ok((*text).to_owned()),
            });
            return Ok(Some((read, pieces.collect::<Result<_, _>>()?)));
        }
    }
    Ok(None)
}

/// A literal segment is itself, unencoded.
fn fits(kind: &str, text: &str) -> bool {
    match kind {
        "{n}" => (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0'),
        "{hex}" => (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{name}" => !text.is_empty(),
        literal => literal == text,
    }
}
