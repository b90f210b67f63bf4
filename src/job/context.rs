//! The context worker: reads GitLab before any money is spent. It checks that the job can end well, collects the thread, and
//! makes the prompt and the branch's name.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::says;
use crate::{
    exit::Exit,
    git::Branch,
    gitlab::{
        self, Boundary, Client, Credential, JobFacts, Noteable, State, Subject, Thread, collect,
        merge_request::{Status, is_status, note},
        prompt, role,
    },
    http,
    jail::Failure,
    secret::Secret,
    supervisor::{self, worker},
    upstream::Proxy,
};

/// What the worker is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The job's variables without its secrets.
    pub variables: BTreeMap<String, String>,
    /// `GITLAB_ACCESS_TOKEN`.
    pub token: Secret,
    /// `CI_JOB_TOKEN`, by which GitLab tells whose job this is.
    pub job_token: Option<Secret>,
    /// Ours and the policy's words, before everything that was collected.
    pub instructions: String,
    /// Begins the branch's name.
    pub prefix: String,
    /// The upstream proxy.
    pub proxy: Option<Proxy>,
}

impl Spec {
    /// The certificate authorities of the job's GitLab.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.variables.get("CI_SERVER_TLS_CA_FILE").map(PathBuf::from)
    }
}

/// What the job goes on with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Context {
    /// For the agent.
    pub prompt: String,
    /// What the job is about.
    pub subject: Subject,
    /// The title of that, or the first line of the request.
    pub title: String,
    /// The request, if there is one.
    pub request: Option<String>,
    /// The branch that will be pushed.
    pub branch: String,
    /// The branch that it is for.
    pub target: String,
    /// The merge request that is there already.
    pub follow_up: Option<FollowUp>,
    /// The note that is kept up to date.
    pub note: Option<u64>,
}

/// A merge request of an earlier job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FollowUp {
    /// Its number.
    pub iid: u64,
    /// The tip of its branch.
    pub tip: String,
}

/// Why the job ends here: one line, and the exit code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// What happened and what to do.
    pub reason: String,
    /// The exit code's number.
    pub exit: u8,
}

impl Refusal {
    pub(super) fn new(reason: impl std::fmt::Display, exit: Exit) -> Self {
        Self { reason: reason.to_string(), exit: exit.code() }
    }

    /// The job was asked to end.
    pub(super) fn cancelled(number: i32) -> Self {
        Self::new(format!("cancelled by signal {number}; nothing left this job"), Exit::Signal(number))
    }
}

impl Refusal {
    /// What the supervisor says, with the exit code that goes with it.
    pub(super) fn of_supervisor(error: &supervisor::Error) -> Self {
        let exit = match error {
            supervisor::Error::Entering { kind: Failure::Wall, .. }
            | supervisor::Error::Ports(_)
            | supervisor::Error::Cgroup(_)
            | supervisor::Error::Listen(_)
            | supervisor::Error::Room { .. } => Exit::Host,
            supervisor::Error::Entering { .. } => Exit::Agent,
            _ => Exit::Internal,
        };
        Self::new(error, exit)
    }
}

impl From<gitlab::Error> for Refusal {
    fn from(error: gitlab::Error) -> Self {
        Self::new(error, Exit::Remote)
    }
}

/// Does the work.
///
/// # Errors
/// A [`Refusal`].
pub fn work(spec: Spec) -> Result<Context, Refusal> {
    let facts = JobFacts::from_variables(&spec.variables).map_err(|error| Refusal::new(error, Exit::Usage))?;
    let client = client(&facts, spec.token.clone(), spec.proxy.clone())?;
    let (me, thread, place) = super::block_on(async {
        let user = client.user().await?;
        let project = client.project(facts.project).await?;
        if project.access_level() < role::DEVELOPER {
            let needs = "the token in GITLAB_ACCESS_TOKEN may not open merge requests here: it needs the Developer role in this project and the scope `api`";
            return Err(Refusal::new(needs, Exit::Remote));
        }
        if project.path_with_namespace != facts.project_path {
            let reason = format!(
                "CI_PROJECT_ID is that of {}, and CI_PROJECT_PATH is {}: remove the variable that was overridden",
                project.path_with_namespace, facts.project_path
            );
            return Err(Refusal::new(reason, Exit::Usage));
        }
        if let Some(token) = spec.job_token.clone() {
            own_project(&facts, &of_job(&facts, token, spec.proxy.clone())?).await?;
        }
        let mut thread = collect(&client, &facts).await?;
        // What we said ourselves in earlier jobs is no task.
        thread.remarks.retain(|remark| remark.author.id != user.id);
        let place = place(&client, &facts, &spec.prefix, &thread).await?;
        Ok((user.id, thread, place))
    })?;
    let boundary = Boundary::random().map_err(|error| Refusal::new(error, Exit::Internal))?;
    // Whoever says that the agent works must be able to say how it ended.
    worker::see_through().map_err(|error| Refusal::new(error, Exit::Internal))?;
    let note = super::block_on(begin(&client, &facts, me))?;
    Ok(Context {
        prompt: prompt(&thread, &facts, &spec.instructions, &boundary),
        subject: facts.subject,
        title: title(&thread, &facts),
        request: facts.request.clone(),
        branch: place.branch.to_string(),
        target: place.target,
        follow_up: place.follow_up,
        note,
    })
}

pub(super) fn client(facts: &JobFacts, token: Secret, proxy: Option<Proxy>) -> Result<Client, Refusal> {
    by(facts, Credential::Access(token), proxy)
}

/// The same with the job's own token.
pub(super) fn of_job(facts: &JobFacts, token: Secret, proxy: Option<Proxy>) -> Result<Client, Refusal> {
    by(facts, Credential::Job(token), proxy)
}

fn by(facts: &JobFacts, credential: Credential, proxy: Option<Proxy>) -> Result<Client, Refusal> {
    let tls = http::client_config(facts.ca_file.as_deref()).map_err(|error| Refusal::new(error, Exit::Remote))?;
    Ok(Client::new(facts.api.clone(), tls, proxy, credential))
}

/// Asks GitLab for the project that the job runs in: whoever starts a pipeline may set the number and the path of another one, and
/// `GITLAB_ACCESS_TOKEN` may reach that too.
async fn own_project(facts: &JobFacts, client: &Client) -> Result<(), Refusal> {
    let Some(job) = client.own_job().await? else {
        return Err(Refusal::new("GitLab says that the job of CI_JOB_TOKEN does not run any more", Exit::Remote));
    };
    match job.pipeline.and_then(|pipeline| pipeline.project_id) {
        Some(own) if own == facts.project => Ok(()),
        Some(own) => {
            let project = facts.project;
            let why = format!(
                "the job of CI_JOB_TOKEN runs in the project {own}, and CI_PROJECT_ID is {project}: remove the variable that was overridden"
            );
            Err(Refusal::new(why, Exit::Usage))
        }
        None => {
            let why =
                "GitLab does not tell in which project the job of CI_JOB_TOKEN runs, so nobody knows whether CI_PROJECT_ID is its own";
            Err(Refusal::new(why, Exit::Remote))
        }
    }
}

fn title(thread: &Thread, facts: &JobFacts) -> String {
    let first = facts.request.as_deref().and_then(|text| text.lines().find(|line| !line.trim().is_empty()));
    if thread.on.is_some() { thread.title.clone() } else { first.unwrap_or("Change by an agent").to_owned() }
}

/// Where the change goes.
struct Place {
    branch: Branch,
    target: String,
    follow_up: Option<FollowUp>,
}

async fn place(client: &Client, facts: &JobFacts, prefix: &str, thread: &Thread) -> Result<Place, Refusal> {
    match facts.subject {
        Subject::MergeRequest(iid) => of_merge_request(client, facts, iid).await,
        Subject::Issue(iid) => named(client, facts, &format!("{prefix}issue-{iid}")).await,
        Subject::Prompt => {
            debug_assert!(thread.on.is_none(), "a prompt alone has no thread");
            named(client, facts, &format!("{prefix}job-{}", facts.job)).await
        }
    }
}

/// A follow-up goes to the merge request's own branch: of this project, open, and not protected.
async fn of_merge_request(client: &Client, facts: &JobFacts, iid: u64) -> Result<Place, Refusal> {
    let found = client.merge_request(facts.project, iid).await?;
    if found.state != "opened" {
        return Err(Refusal::new(format!("merge request !{iid} is {}; reopen it, or start from its issue", found.state), Exit::Remote));
    }
    if found.source_project_id != found.target_project_id {
        return Err(Refusal::new(format!("merge request !{iid} comes from a fork, whose branch is not ours to push to"), Exit::Remote));
    }
    let tip = client.branch(facts.project, &found.source_branch).await?;
    if tip.protected {
        let reason =
            format!("the branch `{}` of merge request !{iid} is protected; an agent pushes to unprotected branches only", tip.name);
        return Err(Refusal::new(reason, Exit::Remote));
    }
    let branch = Branch::new(&found.source_branch).map_err(|error| Refusal::new(error, Exit::Remote))?;
    if branch.is_for_releases() || found.source_branch == facts.default_branch {
        let reason = format!(
            "the branch `{branch}` of merge request !{iid} is named like one that is released from; an agent does not push there: start from an issue"
        );
        return Err(Refusal::new(reason, Exit::Remote));
    }
    Ok(Place { branch, target: found.target_branch, follow_up: Some(FollowUp { iid, tip: tip.commit.id }) })
}

/// A branch of ours: with an open merge request it is followed up; without one, but there, another name is taken.
async fn named(client: &Client, facts: &JobFacts, name: &str) -> Result<Place, Refusal> {
    let branch = |name: &str| match Branch::new(name) {
        Ok(branch) if branch.is_for_releases() => Err(Refusal::new(
            format!("`{branch}` is named like a branch that is released from; set merge_request.branch to another prefix"),
            Exit::Policy,
        )),
        other => other.map_err(|error| Refusal::new(error, Exit::Policy)),
    };
    let target = facts.default_branch.clone();
    let open = client.merge_requests_from(facts.project, name, State::Opened).await?;
    let there = match client.branch(facts.project, name).await {
        Ok(found) => Some(found),
        Err(gitlab::Error::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    match (open.items.into_iter().next(), there) {
        (Some(open), Some(tip)) if !tip.protected => {
            Ok(Place { branch: branch(name)?, target: open.target_branch, follow_up: Some(FollowUp { iid: open.iid, tip: tip.commit.id }) })
        }
        (_, Some(_)) => Ok(Place { branch: branch(&format!("{name}-{}", facts.job))?, target, follow_up: None }),
        (_, None) => Ok(Place { branch: branch(name)?, target, follow_up: None }),
    }
}

/// Says that the agent works, in the note of an earlier job if there is one.
async fn begin(client: &Client, facts: &JobFacts, me: u64) -> Result<Option<u64>, Refusal> {
    let Some(on) = facts.subject.noteable() else { return Ok(None) };
    let text = note(Status::Working, &facts.job_url);
    let notes = client.notes(facts.project, on).await?;
    match notes.items.iter().find(|note| is_status(note, me)) {
        Some(found) => {
            client.update_note(facts.project, on, found.id, &text).await?;
            Ok(Some(found.id))
        }
        None => Ok(Some(first(client, facts, on, &text).await?)),
    }
}

async fn first(client: &Client, facts: &JobFacts, on: Noteable, text: &str) -> Result<u64, Refusal> {
    let made = match &facts.discussion {
        Some(discussion) => client.reply(facts.project, on, discussion, text).await?,
        None => client.create_note(facts.project, on, text).await?,
    };
    Ok(made.id)
}

/// The words that stand before everything that was collected.
pub(super) fn instructions(policy: Option<&str>, reads_gitlab: bool) -> String {
    let of_gitlab = if reads_gitlab { format!("\n{}", says::GITLAB) } else { String::new() };
    format!("{}{of_gitlab}\n\n{}", says::TASK, policy.unwrap_or_default()).trim_end().to_owned()
}
