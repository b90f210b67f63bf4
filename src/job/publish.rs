//! The publish worker: it holds only GitLab's token. It uploads the objects of Git LFS that were judged, makes the commit of
//! exactly the judged tree, pushes one branch, opens or updates the merge request, and answers in the thread.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::context::{Context, Refusal, client, of_job};
use crate::{
    digest::Digest,
    exit::Exit,
    gate::Passed,
    git::{self, Branch, Expect, Identity, Oid, Pointer, Remote, Repository},
    gitlab::{
        Client, JobFacts, Lfs, MergeRequestChange, NewMergeRequest, State,
        markdown::Hosts,
        merge_request::{ChangedFile, Description, Status, description, note, title},
    },
    host::HostPort,
    http::{self, Endpoint},
    policy::Named,
    secret::Secret,
    supervisor::worker,
    upstream::Proxy,
    verdict::Verdict,
};

/// How long is waited before a push that GitLab did not take is tried again: the agent's work is worth that.
const PUSH_PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// How long the uploads of all objects may take; the push comes after, in the rest of what the worker has.
const UPLOAD_TIME: Duration = Duration::from_secs(300);

/// What the worker is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The job's own directory, beneath which this worker writes.
    pub room: PathBuf,
    /// The job's variables without its secrets.
    pub variables: BTreeMap<String, String>,
    /// `GITLAB_ACCESS_TOKEN`.
    pub token: Secret,
    /// `CI_JOB_TOKEN`, to ask whether the job still runs.
    pub job_token: Option<Secret>,
    /// Begins the names of our own branches.
    pub prefix: String,
    /// The policy's `changes.hosts`: where the agent's links may lead, besides GitLab's pages of code.
    pub hosts: Vec<Named>,
    /// The upstream proxy.
    pub proxy: Option<Proxy>,
    /// What the context worker found.
    pub context: Context,
    /// What to do.
    pub work: Work,
}

/// What to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {
    /// Let the change leave.
    Leave(Box<Leave>),
    /// Only say how it ended.
    Say(Say),
}

/// The change that leaves.
#[derive(Debug, Serialize, Deserialize)]
pub struct Leave {
    /// Our repository, which holds the judged tree.
    pub repository: PathBuf,
    /// The proof that the judged tree may leave.
    pub passed: Passed,
    /// The commit that it was judged against.
    pub parent: Oid,
    /// The gate's verdict.
    pub verdict: Verdict,
    /// What changed, for the description.
    pub files: Vec<ChangedFile>,
    /// The agent's last words.
    pub summary: String,
    /// The policy in force.
    pub policy: Digest,
    /// The journal's last line so far.
    pub journal: Digest,
    /// Labels of a new merge request.
    pub labels: Vec<String>,
    /// A draft whatever the verdict.
    pub draft: bool,
    /// The policy's `network.gitlab.lfs_hosts`.
    pub lfs_hosts: Vec<HostPort>,
}

/// How a job ended without a change.
#[derive(Debug, Serialize, Deserialize)]
pub enum Say {
    /// The agent changed nothing; its last words.
    Unchanged(String),
    /// The gate denied it.
    Refused(Verdict),
    /// It failed; why.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

/// What left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    /// The commit's id.
    pub commit: Option<String>,
    /// The merge request's number.
    pub merge_request: Option<u64>,
    /// Its page.
    pub web_url: String,
    /// Whether it is new.
    pub created: bool,
}

/// Does the work.
///
/// # Errors
/// A [`Refusal`].
pub fn work(spec: Spec) -> Result<Published, Refusal> {
    let facts = JobFacts::from_variables(&spec.variables).map_err(|error| Refusal::new(error, Exit::Usage))?;
    let client = client(&facts, spec.token.clone(), spec.proxy.clone())?;
    match &spec.work {
        Work::Leave(leave) => publish(&spec, leave, &facts, &client),
        Work::Say(say) => super::block_on(async {
            let hosts = hosts(&spec, &facts);
            let status = match say {
                Say::Unchanged(summary) => Status::Unchanged { summary, hosts: &hosts },
                Say::Refused(verdict) => Status::Refused { verdict },
                Say::Failed(reason) => Status::Failed { reason },
                Say::Cancelled => Status::Cancelled,
            };
            tell(&client, &facts, &spec.context, status).await?;
            Ok(Published { commit: None, merge_request: None, web_url: String::new(), created: false })
        }),
    }
}

fn publish(spec: &Spec, leave: &Leave, facts: &JobFacts, client: &Client) -> Result<Published, Refusal> {
    super::block_on(still_runs(spec, facts))?;
    if upload(spec, leave, facts)? {
        super::block_on(still_runs(spec, facts))?;
    }
    // A cancel from here on would leave a branch without its merge request.
    worker::see_through().map_err(|error| Refusal::new(error, Exit::Internal))?;
    let commit = push(spec, leave, facts)?;
    super::block_on(async {
        let made = merge_request(spec, leave, facts, client).await.map_err(|refusal| {
            let reason =
                format!("the commit {commit} is on the branch `{}`, but its merge request is not: {}", spec.context.branch, refusal.reason);
            Refusal { reason, ..refusal }
        })?;
        let iid = made.merge_request.unwrap_or_default();
        let status = Status::Done { merge_request: iid, verdict: &leave.verdict, summary: &leave.summary, hosts: &hosts(spec, facts) };
        if let Err(refusal) = tell(client, facts, &spec.context, status).await {
            eprintln!("tidewaiter the thread could not be answered: {}", refusal.reason);
        }
        Ok(Published { commit: Some(commit.to_string()), ..made })
    })
}

/// A job that was cancelled meanwhile must not push.
async fn still_runs(spec: &Spec, facts: &JobFacts) -> Result<(), Refusal> {
    let Some(token) = spec.job_token.clone() else { return Ok(()) };
    let client = of_job(facts, token, spec.proxy.clone())?;
    if client.job_runs(facts.job).await? {
        Ok(())
    } else {
        Err(Refusal::new("GitLab says that this job does not run any more; nothing was pushed", Exit::Remote))
    }
}

/// Uploads the objects of Git LFS that the judged tree points to. Whether there were any.
fn upload(spec: &Spec, leave: &Leave, facts: &JobFacts) -> Result<bool, Refusal> {
    let objects = leave.passed.objects();
    if objects.is_empty() {
        return Ok(false);
    }
    let refused = |error: git::Error| Refusal::new(&error, error.exit());
    let repository = Repository::open(&leave.repository).map_err(refused)?;
    let address = Endpoint::parse_any(&repository_url(facts)).map_err(|error| Refusal::new(error, Exit::Usage))?;
    let tls = http::client_config(facts.ca_file.as_deref()).map_err(|error| Refusal::new(error, Exit::Remote))?;
    let until = Instant::now() + UPLOAD_TIME;
    let lfs = Lfs::new(address, tls, spec.proxy.clone(), spec.token.clone(), leave.lfs_hosts.clone(), until);
    let reference = format!("refs/heads/{}", spec.context.branch);
    let open = |pointer: &Pointer| repository.object(pointer).map_err(refused);
    let uploaded = super::block_on(lfs.upload(&reference, objects, open))
        .map_err(|refusal| Refusal { reason: format!("{}; nothing was pushed", refusal.reason), ..refusal })?;
    eprintln!("tidewaiter objects of Git LFS: {uploaded} uploaded, {} there already", objects.len() - uploaded);
    Ok(true)
}

fn push(spec: &Spec, leave: &Leave, facts: &JobFacts) -> Result<Oid, Refusal> {
    let refused = |error: git::Error| Refusal::new(&error, error.exit());
    let repository = Repository::open(&leave.repository).map_err(refused)?;
    let commit = repository.commit(leave.passed.tree(), &[leave.parent], &message(spec, leave), &identity(facts)).map_err(refused)?;
    let branch = Branch::new(&spec.context.branch).map_err(|error| Refusal::new(error, Exit::Internal))?;
    let remote = remote(facts, spec.token.clone(), spec.proxy.clone())?;
    let expect = if spec.context.follow_up.is_some() { Expect::Ancestor } else { Expect::Absent };
    let mut pauses = PUSH_PAUSES.iter();
    loop {
        match (repository.push(&remote, commit, &branch, expect), pauses.next()) {
            (Err(error), Some(pause)) if may_pass(&error) => std::thread::sleep(*pause),
            (pushed, _) => return pushed.map(|()| commit).map_err(refused),
        }
    }
}

/// Whether a push that failed so may work in a moment. One that arrived all the same is up to date the next time.
fn may_pass(error: &git::Error) -> bool {
    matches!(error, git::Error::Unreachable { stderr, .. } if !["not found", "response 407"].iter().any(|sign| stderr.contains(sign)))
}

/// The project's repository over HTTP, with the token for git.
///
/// # Errors
/// When this program's own path cannot be told; git starts it to ask for the token.
pub(super) fn remote(facts: &JobFacts, token: Secret, proxy: Option<Proxy>) -> Result<Remote, Refusal> {
    let askpass = std::env::current_exe().map_err(|error| Refusal::new(error, Exit::Internal))?;
    Ok(Remote { url: repository_url(facts), token, askpass, ca_file: facts.ca_file.clone(), proxy })
}

fn repository_url(facts: &JobFacts) -> String {
    format!("{}/{}.git", server(facts), facts.project_path)
}

/// GitLab's address, of which its API's is a part.
fn server(facts: &JobFacts) -> String {
    let api = facts.api.to_string();
    api.strip_suffix("/api/v4").unwrap_or(&api).to_owned()
}

fn hosts(spec: &Spec, facts: &JobFacts) -> Hosts {
    Hosts { gitlab: server(facts), named: spec.hosts.clone() }
}

/// Who commits: never whom the agent names.
pub(super) fn identity(facts: &JobFacts) -> Identity {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Identity { name: super::AUTHOR.to_owned(), email: super::email(facts), seconds: now }
}

fn message(spec: &Spec, leave: &Leave) -> String {
    let title = title(spec.context.subject, &spec.context.title, false);
    format!(
        "{title}\n\nMade by an agent and inspected before it left the job.\n\nTidewaiter-Policy: {}\nTidewaiter-Journal: {}\n",
        leave.policy, leave.journal
    )
}

async fn merge_request(spec: &Spec, leave: &Leave, facts: &JobFacts, client: &Client) -> Result<Published, Refusal> {
    let context = &spec.context;
    let text = description(&Description {
        subject: context.subject,
        request: context.request.as_deref(),
        summary: &leave.summary,
        files: &leave.files,
        verdict: &leave.verdict,
        policy: leave.policy,
        journal: leave.journal,
        job_url: &facts.job_url,
        hosts: &hosts(spec, facts),
    });
    let draft = leave.draft || leave.passed.needs_review();
    let open = client.merge_requests_from(facts.project, &context.branch, State::Opened).await?;
    let (made, created) = match open.items.first() {
        Some(found) => {
            // A person's own merge request keeps its title and text; ours is written anew, and a review makes it a draft.
            let ours = context.branch.starts_with(&spec.prefix);
            let title = (draft && !found.draft).then(|| format!("Draft: {}", found.title));
            let change = MergeRequestChange { title, description: ours.then_some(text), add_labels: leave.labels.clone() };
            (client.update_merge_request(facts.project, found.iid, &change).await?, false)
        }
        None => {
            let new = NewMergeRequest {
                source_branch: context.branch.clone(),
                target_branch: context.target.clone(),
                title: title(context.subject, &context.title, draft),
                description: text,
                labels: leave.labels.clone(),
            };
            (client.create_merge_request(facts.project, &new).await?, true)
        }
    };
    Ok(Published { commit: None, merge_request: Some(made.iid), web_url: made.web_url, created })
}

async fn tell(client: &Client, facts: &JobFacts, context: &Context, status: Status<'_>) -> Result<(), Refusal> {
    if let (Some(on), Some(id)) = (facts.subject.noteable(), context.note) {
        client.update_note(facts.project, on, id, &note(status, &facts.job_url)).await?;
    }
    Ok(())
}
