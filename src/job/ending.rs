//! How a job ends.

use super::{
    context::Refusal,
    inspect::Judged,
    publish::{Published, Say},
};
use crate::{
    agent::stream,
    exit::Exit,
    policy::AgentKind,
    supervisor::{Outcome, Stop},
};

/// How the job ended.
#[derive(Debug)]
pub enum Ending {
    /// There was nothing to do, and no agent was started; why.
    Skipped(String),
    /// The agent changed nothing.
    Unchanged {
        /// Its last words.
        summary: String,
    },
    /// The change left.
    Published {
        /// What left.
        published: Published,
        /// The verdict on it.
        judged: Box<Judged>,
    },
    /// The change stays.
    Denied {
        /// The verdict on it.
        judged: Box<Judged>,
    },
    /// The agent was stopped.
    Stopped(Stop),
    /// The agent failed; why.
    AgentFailed(String),
    /// A step failed.
    Failed {
        /// What happened and what to do.
        reason: String,
        /// The exit code's number.
        exit: u8,
    },
    /// A signal asked the job to end when its ending could not be changed any more.
    Late {
        /// How it had ended.
        ending: Box<Ending>,
        /// The signal.
        signal: i32,
    },
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        Self::Failed { reason: refusal.reason, exit: refusal.exit }
    }
}

impl Ending {
    /// What the agent's end means; none where its work is to be inspected. Its exit status says nothing alone: an agent
    /// that was killed may have been cancelled, and one that ended well may have failed.
    pub(super) fn of_agent(outcome: &Outcome, kind: AgentKind) -> Option<Self> {
        if let Some(stop) = outcome.stopped {
            return Some(Self::Stopped(stop));
        }
        if outcome.status == 128 + libc::SIGTERM {
            return Some(Self::Stopped(Stop::Cancelled(libc::SIGTERM)));
        }
        match outcome.summary.as_ref().map(|summary| &summary.outcome) {
            Some(stream::Outcome::Done) if outcome.status == 0 => None,
            Some(stream::Outcome::Done) => Some(Self::AgentFailed(format!("the agent exited with status {}", outcome.status))),
            Some(stream::Outcome::Failed { reason }) => Some(Self::AgentFailed(format!("the agent failed: {reason}"))),
            // A command has no stream of its own: its status is its word.
            Some(stream::Outcome::NoResult) if kind == AgentKind::Command && outcome.status == 0 => None,
            Some(stream::Outcome::NoResult) | None => {
                Some(Self::AgentFailed(format!("the agent ended (status {}) without a result", outcome.status)))
            }
        }
    }

    /// The same, and `signal` came too late to change it.
    pub(super) fn cancelled(self, signal: i32) -> Self {
        match self {
            cancelled if cancelled.code() > Exit::Signal(0).code() => cancelled,
            ending => Self::Late { ending: Box::new(ending), signal },
        }
    }

    /// What left, if something did.
    pub(super) fn published(&self) -> Option<&Published> {
        match self {
            Self::Published { published, .. } => Some(published),
            Self::Late { ending, .. } => ending.published(),
            _ => None,
        }
    }

    /// What the gate said, if it was asked and there was a change.
    pub(super) fn judged(&self) -> Option<&Judged> {
        match self {
            Self::Published { judged, .. } | Self::Denied { judged } => Some(judged),
            Self::Late { ending, .. } => ending.judged(),
            _ => None,
        }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Skipped(_) | Self::Unchanged { .. } | Self::Published { .. } => Exit::Done.code(),
            Self::Denied { .. } => Exit::Denied.code(),
            Self::Stopped(Stop::Time | Stop::Turns | Stop::Refused | Stop::Spent(_)) => Exit::Limit.code(),
            Self::Stopped(Stop::Cancelled(number)) => Exit::Signal(*number).code(),
            Self::Stopped(Stop::Helper(_)) => Exit::Internal.code(),
            Self::AgentFailed(_) => Exit::Agent.code(),
            Self::Failed { exit, .. } => *exit,
            Self::Late { signal, .. } => Exit::Signal(*signal).code(),
        }
    }

    /// What the thread is told; nothing where the publish worker told it already.
    pub(super) fn say(&self) -> Option<Say> {
        match self {
            Self::Skipped(_) | Self::Published { .. } => None,
            Self::Unchanged { summary } => Some(Say::Unchanged(summary.clone())),
            Self::Denied { judged } => Some(Say::Refused(judged.verdict.clone())),
            Self::Stopped(Stop::Cancelled(_)) => Some(Say::Cancelled),
            Self::Failed { exit, .. } if *exit > Exit::Signal(0).code() => Some(Say::Cancelled),
            Self::Late { ending, .. } => ending.say(),
            Self::Stopped(_) | Self::AgentFailed(_) | Self::Failed { .. } => Some(Say::Failed(self.sentence())),
        }
    }

    /// One line for the log.
    pub fn sentence(&self) -> String {
        match self {
            Self::Skipped(reason) | Self::AgentFailed(reason) | Self::Failed { reason, .. } => reason.clone(),
            Self::Unchanged { .. } => "the agent changed no file; nothing to open a merge request for".to_owned(),
            Self::Published { published, .. } => {
                let did = if published.created { "opened" } else { "updated" };
                format!("merge request !{} {did}: {}", published.merge_request.unwrap_or_default(), published.web_url)
            }
            Self::Denied { .. } => "the change was denied; nothing left this job".to_owned(),
            Self::Stopped(stop) => format!("the agent was stopped: {stop}; nothing left this job"),
            Self::Late { ending, signal } => format!("signal {signal} came too late to change this: {}", ending.sentence()),
        }
    }
}
