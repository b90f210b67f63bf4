//! The journal: JSON Lines, each with the SHA-256 of the line before, written by one writer as things happen.
//!
//! Other processes of ours hand [`Event`]s to that writer over pipes, a JSON line each.

mod refusal;

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

pub use refusal::{Access, Kind, MOST, Refusal, Tally};

use crate::{
    digest::Digest,
    upstream::Passage,
    verdict::{Decision, Verdict},
};

/// The version of the record's form, its field `v`.
pub const VERSION: u32 = 1;

/// Something that the journal remembers. Never holds a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first record.
    Start {
        /// What the host is and has, as `doctor --json` prints it.
        host: serde_json::Value,
        /// The policy in force.
        policy: Digest,
        /// This program.
        binary: Digest,
        /// What the job was asked to do, in a word: `run`, `job`.
        story: String,
    },
    /// The gateway decided on a request or a tunnel.
    Gateway {
        /// Whether it went on.
        allowed: bool,
        /// `tunnel`, `route/anthropic`, …
        way: String,
        /// The HTTP method.
        method: String,
        /// Host and port that were asked for, canonical where it could be made so.
        host: String,
        /// The path without its query; empty for a tunnel.
        path: String,
        /// The rule that decided, `area/name`.
        rule: String,
        /// The reason given to the agent; empty when allowed.
        reason: String,
        /// The far end's HTTP status, where there is one.
        status: Option<u16>,
        /// Bytes sent to the far end.
        up: u64,
        /// Bytes that came from it.
        down: u64,
        /// What a model's answer cost, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bill: Option<Bill>,
        /// Milliseconds from the request to the end of the answer.
        ms: u64,
        /// Whether the policy does not list the host, and it was let through because the run is only observed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unlisted: bool,
        /// How the far end is reached through the upstream proxy, where it is: `delegated` says that the proxy was told its name,
        /// so that nobody else checked its address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upstream: Option<Passage>,
    },
    /// The gateway asked a service for a credential that ends: keys of a role, an access token.
    Credential {
        /// Host and port of the service.
        host: String,
        /// The path.
        path: String,
        /// Its HTTP status, where it answered.
        status: Option<u16>,
        /// Bytes of the body that was sent.
        up: u64,
        /// Bytes of the answer's.
        down: u64,
        /// Milliseconds until the answer was whole.
        ms: u64,
        /// How the service is reached through the upstream proxy, as for other requests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upstream: Option<Passage>,
    },
    /// Somebody of the agent connected to an address that is not on loopback, and was refused.
    Outside {
        /// The program's name, as it calls itself.
        program: String,
        /// Its process.
        pid: u32,
        /// The address that it named.
        address: String,
    },
    /// The run is only observed: hosts and files are open that the policy does not grant. The second record of such a run.
    Observe {
        /// Always false: nothing that such a journal says was enforced.
        enforced: bool,
    },
    /// An observed run did this, so many times, and the policy would have refused it. One record for each distinct thing, at
    /// the end.
    WouldRefuse {
        /// What it is.
        #[serde(flatten)]
        refusal: Refusal,
        /// How often.
        count: u64,
    },
    /// The observed run is over.
    Observed {
        /// The status of the command, which is not that of the run.
        status: Option<i32>,
        /// How many distinct things were noted.
        distinct: u64,
        /// How many times more something was done that is not noted, since [`MOST`] things were already.
        left_out: u64,
    },
    /// The agent was started.
    Agent {
        /// Its command line. Never holds a secret.
        command: Vec<String>,
        /// The fence that holds it.
        fence: String,
    },
    /// The kernel killed processes of the agent: together they used more than `process.limits.memory_bytes`.
    OutOfMemory {
        /// How many.
        killed: u64,
    },
    /// The agent ended.
    Ended {
        /// Its exit status as a shell says it.
        status: i32,
        /// Why it was stopped, if it was: `time`, `turns`, `cancelled`, `gateway`, …
        stopped: Option<String>,
        /// Turns, tokens and cost, as the agent's own stream told.
        usage: serde_json::Value,
        /// What it used up of the policy's limits, as we counted.
        #[serde(default)]
        used: serde_json::Value,
    },
    /// The agent asked the gate while it worked; the gateway's own record says how that went.
    Question {
        /// Its number.
        question: u64,
    },
    /// What the gate said then, which decides nothing.
    Advice {
        /// The question's number.
        question: u64,
        /// What the verdict would have been; none where there was no judgement.
        decision: Option<Decision>,
        /// How many findings.
        findings: u64,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// A step of the job: preflight, workspace, publish, …
    Step {
        /// Its name.
        step: String,
        /// `ok`, or what went wrong.
        outcome: String,
    },
    /// The gate's verdict.
    Verdict {
        /// The base tree's id.
        base: String,
        /// The judged tree's id.
        tree: String,
        /// The verdict with its findings.
        verdict: Verdict,
    },
    /// The last record.
    End {
        /// The exit code of the job.
        exit: u8,
        /// The commit that was pushed, if one was.
        commit: Option<String>,
    },
}

/// What a model's answer cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Tokens of input, those of caches not among them.
    pub input: u64,
    /// Tokens of input that a cache keeps.
    pub cache_write: u64,
    /// Tokens of input that came from a cache.
    pub cache_read: u64,
    /// Tokens of output.
    pub output: u64,
    /// Millionths of a US dollar, by our list of prices.
    pub micro_usd: u64,
    /// Whether the answer did not tell all of this, so that the most counts that its request allowed.
    pub estimated: bool,
}

impl Bill {
    /// All of its tokens.
    pub fn tokens(&self) -> u64 {
        [self.input, self.cache_write, self.cache_read, self.output].into_iter().fold(0, u64::saturating_add)
    }
}

#[derive(Serialize)]
struct Record<'a> {
    v: u32,
    seq: u64,
    /// Milliseconds since 1970-01-01 UTC.
    t: u64,
    prev: Digest,
    /// Of a run that is only observed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    observe: bool,
    #[serde(flatten)]
    event: &'a Event,
}

/// Why the journal cannot be written. A job without a journal does not go on.
#[derive(Debug, thiserror::Error)]
#[error("journal {path}: {source}")]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

/// The one writer.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Option<File>,
    seq: u64,
    head: Digest,
    observe: bool,
}

impl Journal {
    /// Makes a new journal at `path`; a file that is there already is an error, so that nothing is overwritten.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|source| Error { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: Some(file), seq: 0, head: Digest::of(""), observe: false })
    }

    /// A journal that only counts and chains: `run` without `--journal`.
    pub fn unwritten() -> Self {
        Self { path: PathBuf::new(), file: None, seq: 0, head: Digest::of(""), observe: false }
    }

    /// Marks every record from here on: `"observe":true`.
    pub fn observe(&mut self) {
        self.observe = true;
    }

    /// Appends `event`.
    ///
    /// # Errors
    /// When it cannot be written whole.
    pub fn record(&mut self, event: &Event) -> Result<(), Error> {
        let t = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let record = Record { v: VERSION, seq: self.seq, t, prev: self.head, observe: self.observe, event };
        let failed = |source| Error { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&record).map_err(|error| failed(error.into()))?;
        self.head = Digest::of(&line);
        self.seq += 1;
        line.push(b'\n');
        match &mut self.file {
            Some(file) => file.write_all(&line).map_err(failed),
            None => Ok(()),
        }
    }

    /// The digest of the last line: printed in the log, it commits the journal.
    pub fn head(&self) -> Digest {
        self.head
    }

    /// Where it is; empty for an unwritten one.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
