//! The facts of the job, from the variables that GitLab sets.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Error, Noteable, flow};
use crate::http::Endpoint;
use crate::moment::moment;

/// What the job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Subject {
    /// An issue, by its number in the project.
    Issue(u64),
    /// A merge request, by its number in the project.
    MergeRequest(u64),
    /// Only the words of who started it.
    Prompt,
}

impl Subject {
    /// What notes can be written on, if anything.
    pub fn noteable(self) -> Option<Noteable> {
        match self {
            Self::Issue(iid) => Some(Noteable::Issue(iid)),
            Self::MergeRequest(iid) => Some(Noteable::MergeRequest(iid)),
            Self::Prompt => None,
        }
    }
}

impl From<Noteable> for Subject {
    fn from(on: Noteable) -> Self {
        match on {
            Noteable::Issue(iid) => Self::Issue(iid),
            Noteable::MergeRequest(iid) => Self::MergeRequest(iid),
        }
    }
}

/// The job's facts. Whoever may start a pipeline may have set any of these variables: hosts among them get a credential only
/// after the policy agreed.
#[derive(Clone, Debug)]
pub struct JobFacts {
    /// `CI_API_V4_URL`, or `CI_SERVER_URL` with `/api/v4`.
    pub api: Endpoint,
    /// `CI_PROJECT_ID`.
    pub project: u64,
    /// `CI_PROJECT_PATH`, e.g. `group/name`.
    pub project_path: String,
    /// `CI_PROJECT_DIR`: the checkout.
    pub checkout: PathBuf,
    /// `CI_JOB_ID`.
    pub job: u64,
    /// `CI_JOB_URL`; may be empty.
    pub job_url: String,
    /// `CI_PIPELINE_ID`.
    pub pipeline: u64,
    /// `CI_COMMIT_SHA`.
    pub commit: String,
    /// `CI_COMMIT_REF_NAME`.
    pub ref_name: String,
    /// `CI_COMMIT_REF_PROTECTED`.
    pub ref_protected: bool,
    /// `CI_DEFAULT_BRANCH`.
    pub default_branch: String,
    /// `CI_PIPELINE_SOURCE`; may be empty.
    pub source: String,
    /// `CI_SERVER_TLS_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// What it is about: `AI_FLOW_CONTEXT`, else `CI_MERGE_REQUEST_IID`, else nothing but the request.
    pub subject: Subject,
    /// `AI_FLOW_INPUT`: what was asked for, in the words of who started it.
    pub request: Option<String>,
    /// `AI_FLOW_EVENT`: `mention`, `assign`, …
    pub event: Option<String>,
    /// The thread to answer in: `AI_FLOW_DISCUSSION_ID`, or what `AI_FLOW_CONTEXT` names.
    pub discussion: Option<String>,
    /// The note that started it, where `AI_FLOW_CONTEXT` names it.
    pub note: Option<u64>,
    /// `CI_PIPELINE_CREATED_AT` in milliseconds since 1970; counts where the note that started it is not known.
    pub created: Option<i64>,
}

/// Reads the variables one by one.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl<'a> Variables<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    fn need(&self, name: &'static str) -> Result<&'a str, Error> {
        self.get(name).ok_or_else(|| wrong(name, "is not set: run this as a GitLab CI job"))
    }

    fn number(&self, name: &'static str) -> Result<u64, Error> {
        self.need(name)?.parse().ok().filter(|&number| number > 0).ok_or_else(|| wrong(name, "is not a positive number"))
    }

    fn endpoint(&self, name: &'static str, suffix: &str) -> Result<Option<Endpoint>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let text = format!("{}{suffix}", text.trim_end_matches('/'));
        Endpoint::parse_any(&text).map(Some).map_err(|error| wrong(name, error.to_string()))
    }
}

fn wrong(name: &'static str, reason: impl Into<String>) -> Error {
    Error::Variable { name, reason: reason.into() }
}

impl JobFacts {
    /// Reads `variables`, a job's environment.
    ///
    /// # Errors
    /// [`Error::Variable`] for the first that is missing or makes no sense.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let of = Variables(variables);
        let text = |name: &str| of.get(name).map(str::to_owned);
        let context = of.get("AI_FLOW_CONTEXT").map(serde_json::from_str::<serde_json::Value>).transpose();
        let context = context.map_err(|error| wrong("AI_FLOW_CONTEXT", format!("is not JSON: {error}")))?;
        let pointers = context.as_ref().map(flow::pointers).unwrap_or_default();
        let own = of.get("CI_MERGE_REQUEST_IID").map(|_| of.number("CI_MERGE_REQUEST_IID")).transpose()?;
        Ok(Self {
            api: api(&of)?,
            project: of.number("CI_PROJECT_ID")?,
            project_path: of.need("CI_PROJECT_PATH")?.to_owned(),
            checkout: checkout(&of)?,
            job: of.number("CI_JOB_ID")?,
            job_url: text("CI_JOB_URL").unwrap_or_default(),
            pipeline: of.number("CI_PIPELINE_ID")?,
            commit: commit(&of)?,
            ref_name: ref_name(&of, "CI_COMMIT_REF_NAME")?,
            ref_protected: of.get("CI_COMMIT_REF_PROTECTED") == Some("true"),
            default_branch: ref_name(&of, "CI_DEFAULT_BRANCH")?,
            source: text("CI_PIPELINE_SOURCE").unwrap_or_default(),
            ca_file: of.get("CI_SERVER_TLS_CA_FILE").map(PathBuf::from),
            subject: pointers.on.map(Subject::from).or(own.map(Subject::MergeRequest)).unwrap_or(Subject::Prompt),
            request: text("AI_FLOW_INPUT"),
            event: text("AI_FLOW_EVENT"),
            discussion: discussion(&of)?.or(pointers.discussion),
            note: pointers.note,
            created: of.get("CI_PIPELINE_CREATED_AT").and_then(moment),
        })
    }
}

/// The API's address, which must lie below the server's where both are given.
fn api(of: &Variables<'_>) -> Result<Endpoint, Error> {
    let server = of.endpoint("CI_SERVER_URL", "/api/v4")?;
    let api = of.endpoint("CI_API_V4_URL", "")?;
    match (api, server) {
        (Some(api), Some(server)) if api != server => Err(wrong(
            "CI_API_V4_URL",
            format!("is {api}, which does not belong to CI_SERVER_URL: remove the variable that was overridden"),
        )),
        (Some(api), _) => Ok(api),
        (None, Some(server)) => Ok(server),
        (None, None) => Err(wrong("CI_API_V4_URL", "is not set: run this as a GitLab CI job")),
    }
}

fn checkout(of: &Variables<'_>) -> Result<PathBuf, Error> {
    let path = PathBuf::from(of.need("CI_PROJECT_DIR")?);
    if path.is_absolute() { Ok(path) } else { Err(wrong("CI_PROJECT_DIR", "is not an absolute path")) }
}

/// A name that git allows for a ref (git-check-ref-format(1)), and that no command takes for an option.
fn ref_name(of: &Variables<'_>, name: &'static str) -> Result<String, Error> {
    let text = of.need(name)?;
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let wrong_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = text.starts_with('-') || text.contains(odd) || text.contains("..") || text.contains("@{") || text.ends_with('.');
    if bad || text.split('/').any(wrong_part) { Err(wrong(name, "is not the name of a branch or tag")) } else { Ok(text.to_owned()) }
}

/// A commit id of SHA-1 or SHA-256.
fn commit(of: &Variables<'_>) -> Result<String, Error> {
    let text = of.need("CI_COMMIT_SHA")?;
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex && matches!(text.len(), 40 | 64) { Ok(text.to_owned()) } else { Err(wrong("CI_COMMIT_SHA", "is not a commit id")) }
}

fn discussion(of: &Variables<'_>) -> Result<Option<String>, Error> {
    let Some(text) = of.get("AI_FLOW_DISCUSSION_ID") else { return Ok(None) };
    flow::discussion(&text.into()).map(Some).ok_or_else(|| wrong("AI_FLOW_DISCUSSION_ID", "is not a discussion's id (hex digits)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let fixed = [
            ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
            ("CI_SERVER_URL", "https://gitlab.example"),
            ("CI_PROJECT_ID", "42"),
            ("CI_PROJECT_PATH", "group/name"),
            ("CI_PROJECT_DIR", "/builds/group/name"),
            ("CI_JOB_ID", "7"),
            ("CI_PIPELINE_ID", "8"),
            ("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("CI_COMMIT_REF_NAME", "main"),
            ("CI_COMMIT_REF_PROTECTED", "true"),
            ("CI_DEFAULT_BRANCH", "main"),
        ];
        fixed.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_subject_comes_from_the_flow_then_from_the_pipeline() {
        let subject = |more: &[(&str, &str)]| JobFacts::from_variables(&variables(more)).unwrap().subject;
        assert_eq!(subject(&[]), Subject::Prompt);
        assert_eq!(subject(&[("CI_MERGE_REQUEST_IID", "9")]), Subject::MergeRequest(9));
        assert_eq!(subject(&[("CI_MERGE_REQUEST_IID", "9"), ("AI_FLOW_CONTEXT", r#"{"issue":{"iid":3}}"#)]), Subject::Issue(3));
        assert_eq!(subject(&[("AI_FLOW_CONTEXT", "  ")]), Subject::Prompt);
    }

    #[test]
    fn the_first_wrong_variable_is_named() {
        for (name, value) in [
            ("CI_API_V4_URL", "https://other.example/api/v4"),
            ("CI_API_V4_URL", "https://u:p@gitlab.example/api/v4"),
            ("CI_PROJECT_ID", "group/name"),
            ("CI_PROJECT_ID", "0"),
            ("CI_PROJECT_DIR", "builds"),
            ("CI_COMMIT_SHA", "main"),
            ("CI_JOB_ID", ""),
            ("CI_COMMIT_REF_NAME", "--upload-pack=x"),
            ("CI_COMMIT_REF_NAME", "a..b"),
            ("CI_DEFAULT_BRANCH", "main:evil"),
            ("CI_DEFAULT_BRANCH", "main\n/merge"),
            ("CI_MERGE_REQUEST_IID", "x"),
            ("AI_FLOW_CONTEXT", "{"),
            ("AI_FLOW_DISCUSSION_ID", "../../user"),
        ] {
            let error = JobFacts::from_variables(&variables(&[(name, value)])).unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn only_true_is_protected() {
        let facts = |value| JobFacts::from_variables(&variables(&[("CI_COMMIT_REF_PROTECTED", value)])).unwrap();
        assert!(facts("true").ref_protected && !facts("").ref_protected && !facts("1").ref_protected);
    }
}
