//! `tidewaiter job`: the whole story, as GitLab Runner calls it.
//!
//! Board, collect, make the workspace, lock in, run, empty the room, inspect, leave, report: one function a step, below in
//! that order.

mod board;
pub mod context;
mod ending;
pub mod inspect;
pub mod publish;
mod record;
mod says;
pub mod workspace;

use std::{fs, future::Future, os::unix::fs::DirBuilderExt as _, path::PathBuf, time::Duration};

pub use board::Options;
pub use ending::Ending;

use crate::{
    agent::{self, Launch},
    environment::Places,
    exit::Exit,
    gate::{CI_CONFIG, Known, Passed},
    gitlab::{JobFacts, text},
    journal::Event,
    policy::Used,
    role::Role,
    secret::Secret,
    supervisor::{self, Asking, Gateway, OnSignal, Outcome, Stance, Task, worker},
};
use board::Board;
use context::{Context, Refusal};
use inspect::Judged;
use publish::{Leave, Published, Say, Work};
use workspace::Handed;

/// The name in every commit of ours.
pub(crate) const AUTHOR: &str = "Tidewaiter";

/// How long a worker may take: GitLab may ask to wait a minute, and large repositories are copied and hashed.
const WORKER_TIME: Duration = Duration::from_secs(660);

/// How long the thread may take to be told of a cancel: a runner kills ten seconds after it asked.
const CANCEL_TIME: Duration = Duration::from_secs(5);

/// How long copying or inspecting a tree may take.
const INSPECTION_TIME: Duration = Duration::from_secs(600);

/// The address in every commit of ours: of the GitLab that the job runs on.
pub(crate) fn email(facts: &JobFacts) -> String {
    format!("tidewaiter@noreply.{}", facts.api.server_name())
}

/// Whether the author's or committer's address `address` is that of a job of ours, on whatever GitLab.
pub(crate) fn is_ours(address: &str) -> bool {
    address.starts_with("tidewaiter@noreply.")
}

/// A job that is over.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub ending: Ending,
    /// What its agent used up of the policy's limits.
    pub used: Used,
}

/// Runs the job from its variables to its end, and says how it ended.
pub fn job(options: &Options) -> Done {
    // From here on whoever asks us to end is heard where the job can be ended in order. The first process of a container would
    // not even hear it: it loses a signal that it neither handles nor blocks.
    let held = supervisor::block_signals().map_err(|error| Ending::from(Refusal::of_supervisor(&error)));
    let mut board = match held.and_then(|()| Board::of_environment(options)) {
        Ok(board) => board,
        Err(ending) => {
            record::Log::new(options.colour, false).say(&ending.sentence());
            return Done { ending, used: Used::default() };
        }
    };
    let (context, ending) = match collect(&mut board) {
        Ok(context) => {
            let ending = hold_and_judge(&mut board, &context).unwrap_or_else(Ending::from);
            (Some(context), ending)
        }
        Err(refusal) => (None, Ending::from(refusal)),
    };
    if let (Some(context), Some(say)) = (context, ending.say()) {
        tell(&board, context, say);
    }
    let used = board.used;
    Done { ending: board.close(ending), used }
}

/// From the workspace, or the change that an earlier job kept, to the merge request.
fn hold_and_judge(board: &mut Board, context: &Context) -> Result<Ending, Refusal> {
    let handed = make_workspace(board, context)?;
    let from = match &board.bundle {
        Some(bundle) => inspect::From::Bundle(bundle.clone()),
        None => {
            let outcome = run(board, context, &handed)?;
            if let Some(ending) = Ending::of_agent(&outcome, board.policy.agent.kind) {
                return Ok(ending);
            }
            let summary = outcome.summary.map(|summary| summary.final_text).unwrap_or_default();
            inspect::From::Workspace { workspace: board.workspace(), manifest: board.manifest(), summary }
        }
    };
    let judged = inspect(board, context, &handed, from)?;
    if judged.unchanged {
        return Ok(Ending::Unchanged { summary: judged.summary });
    }
    let Some(passed) = judged.passed.clone() else { return Ok(Ending::Denied { judged: Box::new(judged) }) };
    let published = leave(board, context, &handed, &judged, passed)?;
    Ok(Ending::Published { published, judged: Box::new(judged) })
}

/// Reads the thread and checks GitLab's side, before any money is spent.
fn collect(board: &mut Board) -> Result<Context, Refusal> {
    let spec = context::Spec {
        variables: board.public.clone(),
        token: board.token.clone(),
        job_token: board.job_token.clone(),
        instructions: context::instructions(board.policy.agent.instructions.as_deref(), board.gitlab.is_some()),
        prefix: board.policy.merge_request.branch.clone(),
        proxy: board.proxy.clone(),
    };
    let context: Context = board.ask(Role::Context, "context", &spec)?;
    board.log.section("prompt", "What the agent is asked", &context.prompt);
    Ok(context)
}

/// Copies the checkout, or the tip of the branch that is followed up, for the agent.
fn make_workspace(board: &mut Board, context: &Context) -> Result<Handed, Refusal> {
    let spec = workspace::Spec {
        room: board.room.base().to_owned(),
        variables: board.public.clone(),
        token: board.token.clone(),
        proxy: board.proxy.clone(),
        tip: context.follow_up.as_ref().map(|follow_up| (context.branch.clone(), follow_up.tip.clone())),
        workspace: board.bundle.is_none().then(|| board.workspace()),
        repository: board.repository(),
        manifest: board.manifest(),
        uid: board.ground.uid,
    };
    board.ask(Role::Workspace, "workspace", &spec)
}

/// Locks the agent in and waits until nobody of it is left.
fn run(board: &mut Board, context: &Context, handed: &Handed) -> Result<Outcome, Refusal> {
    board.go_on()?;
    let failed = |error: supervisor::Error| Refusal::of_supervisor(&error);
    let gateway = Gateway::new(board.ground.fence, board.credentials.clone(), board.gitlab.clone(), board.proxy.clone()).map_err(failed)?;
    let places = Places { workspace: board.workspace(), home: board.room.home(), tmp: board.room.tmp() };
    let asking = asking(board, handed)?;
    let asks_by = asking.as_ref().map(|asking| asking.program.as_path());
    let provider = gateway.variables(&board.policy).map_err(failed)?;
    let launch = Launch {
        agent: &board.policy.agent,
        home: &places.home,
        tmp: &places.tmp,
        asks_by,
        provider: &provider,
        workspace: &places.workspace,
    };
    let command = agent::command_line(&launch).into_iter().map(Into::into).collect();
    let gate = asking.as_ref().map(|_| gateway.gate_variable()).transpose().map_err(failed)?;
    let variables = agent::environment(&launch).into_iter().chain(provider.iter().cloned()).chain(gate);
    let environment = variables.map(|(name, value)| (name.into(), value.into())).collect();
    let task = Task {
        policy: &board.policy,
        command,
        passed_over: board.passed_over.clone(),
        job: &board.variables,
        environment,
        places,
        room: &board.room,
        gateway,
        scribe: board.log.scribe(&board.policy, &context.prompt),
        job_in: false,
        ground: &board.ground,
        writes: vec![board.room.parent(), board.facts.checkout.clone(), board.beside()],
        on_signal: OnSignal::Cancel,
        stance: Stance::Enforce,
        asking,
    };
    // Until its end is known.
    board.used = Used::ALL;
    let outcome = supervisor::hold(task, &mut board.journal).map_err(failed)?;
    board.used = outcome.used;
    board.log.say(&format!("the agent used {}", outcome.used));
    if let Some(said) = outcome.starved() {
        board.log.say(&said);
    }
    if outcome.left_behind > 0 {
        board.log.say(&format!("the agent left {} processes behind; they were killed", outcome.left_behind));
    }
    let usage = serde_json::to_value(&outcome.summary).unwrap_or_default();
    let stopped = outcome.stopped.map(|stop| stop.to_string());
    board.record(&Event::Ended { status: outcome.status, stopped, usage, used: serde_json::to_value(outcome.used).unwrap_or_default() })?;
    Ok(outcome)
}

/// What is inspected, by a worker that writes in `room`.
fn inspection(board: &Board, handed: &Handed, from: inspect::From, room: PathBuf) -> inspect::Spec {
    inspect::Spec {
        texts: vec![],
        room,
        policy: board.policy.sources().to_vec(),
        secrets: board.secrets.clone(),
        from,
        repository: board.repository(),
        commit: handed.commit,
        keep: board.kept(),
        ci_config: board.public.get("CI_CONFIG_PATH").filter(|path| !path.is_empty()).cloned().unwrap_or_else(|| CI_CONFIG.to_owned()),
        earlier: handed.earlier.clone(),
    }
}

/// How the agent asks the gate, where the policy lets it.
fn asking(board: &Board, handed: &Handed) -> Result<Option<Asking>, Refusal> {
    if !board.policy.agent.ask_gate {
        return Ok(None);
    }
    let internal = |error: &dyn std::fmt::Display| Refusal::new(error, Exit::Internal);
    let program = std::env::current_exe().map_err(|error| internal(&error))?;
    let scratch = board.room.base().join("advice");
    fs::DirBuilder::new().mode(0o700).create(&scratch).map_err(|error| internal(&error))?;
    let from = inspect::From::Workspace { workspace: board.workspace(), manifest: board.manifest(), summary: String::new() };
    let spec = inspection(board, handed, from, scratch);
    let spec = serde_json::to_string(&spec).map(Secret::new).map_err(|error| internal(&error))?;
    Ok(Some(Asking { spec, program }))
}

/// Makes the candidate tree and judges what changed.
fn inspect(board: &mut Board, context: &Context, handed: &Handed, from: inspect::From) -> Result<Judged, Refusal> {
    let labels = &board.policy.merge_request.labels;
    let texts =
        [("the branch's name", Some(&context.branch)), ("the title", Some(&context.title)), ("the request", context.request.as_ref())]
            .into_iter()
            .chain(labels.iter().map(|label| ("a label", Some(label))));
    let texts = texts.filter_map(|(what, text)| Some((what.to_owned(), text?.clone()))).collect();
    let spec = inspect::Spec { texts, ..inspection(board, handed, from, board.room.base().to_owned()) };
    let judged: Judged = board.ask(Role::Gate, "gate", &spec)?;
    let (base, tree) = (handed.tree.to_string(), judged.tree.to_string());
    board.record(&Event::Verdict { base, tree, verdict: judged.verdict.clone() })?;
    Ok(judged)
}

/// Pushes exactly the judged tree, and opens or updates the merge request.
fn leave(board: &mut Board, context: &Context, handed: &Handed, judged: &Judged, passed: Passed) -> Result<Published, Refusal> {
    let settings = &board.policy.merge_request;
    let leave = Leave {
        repository: board.repository(),
        passed,
        parent: handed.commit,
        verdict: judged.verdict.clone(),
        files: judged.files.clone(),
        summary: judged.summary.clone(),
        policy: board.policy.digest(),
        journal: board.journal.head(),
        labels: settings.labels.clone(),
        draft: settings.draft,
        lfs_hosts: board.policy.network.gitlab.as_ref().map(|gitlab| gitlab.lfs_hosts.clone()).unwrap_or_default(),
    };
    let spec = publish_spec(board, context.clone(), Work::Leave(Box::new(leave)));
    board.ask(Role::Publish, "publish", &spec)
}

/// Says in the thread how it ended. That this fails is said in the log, and changes nothing.
fn tell(board: &Board, context: Context, say: Say) {
    let time = if matches!(say, Say::Cancelled) { CANCEL_TIME } else { WORKER_TIME };
    let say = match say {
        Say::Failed(reason) => Say::Failed(shown(board, &reason)),
        other => other,
    };
    let spec = publish_spec(board, context, Work::Say(say));
    let told: Result<worker::Told<Result<Published, Refusal>>, worker::Error> = worker::ask(Role::Publish, &spec, time);
    let problem = told.map_or_else(|error| Some(error.to_string()), |told| told.answer.err().map(|refusal| refusal.reason));
    if let Some(problem) = problem {
        board.log.say(&format!("the thread could not be answered: {problem}"));
    }
}

/// Why a job failed, for the thread: an agent's last error is in its own words, which may hold a secret.
fn shown(board: &Board, reason: &str) -> String {
    let reason = text::visible(reason);
    match Known::new(board.secrets.clone()) {
        Ok(known) if known.names_in(reason.as_bytes()).is_empty() => reason,
        _ => "see the job's log; the reason is not shown here, since it may hold a secret of the job".to_owned(),
    }
}

fn publish_spec(board: &Board, context: Context, work: Work) -> publish::Spec {
    publish::Spec {
        room: board.room.base().to_owned(),
        variables: board.public.clone(),
        token: board.token.clone(),
        job_token: board.job_token.clone(),
        proxy: board.proxy.clone(),
        prefix: board.policy.merge_request.branch.clone(),
        hosts: board.policy.changes.hosts.clone(),
        context,
        work,
    }
}

/// Runs a worker's calls to the network on this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Refusal::new(error, Exit::Internal))?.block_on(work)
}
