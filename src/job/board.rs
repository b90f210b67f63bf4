//! Boarding: everything that is known and held before GitLab is asked. What is missing is said in one line, and nothing was
//! spent.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use nix::sys::stat::{Mode, umask};
use serde::{Serialize, de::DeserializeOwned};

use super::{AUTHOR, Ending, context::Refusal, email, record::Log};
use crate::{
    agent,
    environment::{self, Variables},
    exit::Exit,
    gitlab::{JobFacts, reads::Access},
    journal::{Event, Journal},
    policy::{AgentKind, Policy, Source, Used},
    promise::{self, Ground},
    provider::{self, Lack},
    role::Role,
    secret::Secret,
    supervisor::{Credentials, Room, worker},
    upstream::Proxy,
};

/// What the job is started with.
#[derive(Debug)]
pub struct Options {
    /// The job's variables, its credentials among them.
    pub variables: Variables,
    /// The layers of the policy, the highest first.
    pub policy: Vec<Source>,
    /// What is asked for, in the place of the variable `AI_FLOW_INPUT`.
    pub request: Option<String>,
    /// A denied change that an earlier job kept, to be judged again in the place of an agent's work.
    pub bundle: Option<Vec<u8>>,
    /// Whether the log may have colours.
    pub colour: bool,
}

/// The job as it was boarded.
pub(super) struct Board {
    pub(super) variables: Variables,
    /// The variables without secrets, for workers.
    pub(super) public: BTreeMap<String, String>,
    pub(super) facts: JobFacts,
    pub(super) policy: Policy,
    pub(super) ground: Ground,
    pub(super) token: Secret,
    pub(super) job_token: Option<Secret>,
    pub(super) credentials: Credentials,
    /// What the agent reads GitLab with.
    pub(super) gitlab: Option<Access>,
    /// The policy's upstream proxy.
    pub(super) proxy: Option<Proxy>,
    pub(super) secrets: Vec<(String, Secret)>,
    pub(super) room: Room,
    pub(super) journal: Journal,
    pub(super) log: Log,
    /// The change to be judged again; no agent is started then.
    pub(super) bundle: Option<PathBuf>,
    /// Programs that bear the agent's name and are ourselves.
    pub(super) passed_over: Vec<PathBuf>,
    /// A signal that asked us to end while a worker saw its step through.
    pub(super) cancelled: Option<i32>,
    /// What the agent has used up so far.
    pub(super) used: Used,
}

impl Board {
    /// Reads the variables and checks this side of the job.
    pub(super) fn of_environment(options: &Options) -> Result<Self, Ending> {
        let mut variables = options.variables.clone();
        let mut policy = Policy::compose(options.policy.clone()).map_err(|error| Refusal::new(error, Exit::Policy))?;
        let secrets = environment::secrets(&variables, policy.network.proxy_variable());
        // A script that calls the agent in every pipeline asks for something each time; only a person's asking counts.
        let asked = ["AI_FLOW_INPUT", "AI_FLOW_EVENT"].iter().any(|name| text(&variables, name).is_some());
        if let Some(request) = &options.request {
            harmless(request, &secrets)?;
            variables.insert("AI_FLOW_INPUT".into(), request.into());
        }
        let mut public = public(&variables, &secrets);
        if let Some(path) = policy.network.gitlab.as_ref().and_then(|gitlab| gitlab.ca_file.as_ref()?.to_str()) {
            public.insert("CI_SERVER_TLS_CA_FILE".to_owned(), path.to_owned());
        }
        let facts = JobFacts::from_variables(&public).map_err(|error| Refusal::new(error, Exit::Usage))?;
        if !facts.checkout.is_dir() {
            let reason = format!("{} is no directory: CI_PROJECT_DIR must name the checkout", facts.checkout.display());
            return Err(Refusal::new(reason, Exit::Usage).into());
        }
        if let Some(reason) = own_commit(&public, &facts, asked) {
            return Err(Ending::Skipped(reason));
        }
        environment::guard(&variables, &mut policy.files, &facts.checkout).map_err(|reason| Refusal::new(reason, Exit::Remote))?;
        environment::part(&variables, &policy.process.env, policy.network.proxy_variable())
            .map_err(|reason| Refusal::new(reason, Exit::Usage))?;
        let gitlab = gitlab(&variables, &policy)?;
        let token = token(&variables, &facts)?;
        // A second opinion starts no agent, so it needs neither a provider's key nor the agent's program.
        let (credentials, passed_over) = match &options.bundle {
            Some(_) => (Credentials::new(), vec![]),
            None => (credentials(&variables, &policy, &facts)?, agent(&variables, &policy)?),
        };
        let proxy = environment::proxy(&variables, &policy)
            .map_err(|reason| Refusal::new(format!("{reason}{}", unprotected(&facts)), Exit::Remote))?;
        let ground = promise::require(&policy).map_err(|error| Refusal::new(error, Exit::Host))?;
        let uid = ground.uid;
        let internal = |error: &dyn std::fmt::Display| Refusal::new(error, Exit::Internal);
        let room = Room::make(&temporary(&variables), uid).map_err(|error| Refusal::of_supervisor(&error))?;
        let journal = journal(&facts).map_err(|reason| internal(&reason))?;
        let log = Log::new(options.colour, text(&variables, "GITLAB_CI").is_some());
        let job_token = text(&variables, "CI_JOB_TOKEN").map(Secret::new);
        let bundle = options.bundle.as_ref().map(|bytes| (room.base().join("bundle.json"), bytes));
        let written = bundle.as_ref().map(|(path, bytes)| fs::write(path, bytes));
        written.transpose().map_err(|error| internal(&error))?;
        let mut board = Self {
            variables,
            public,
            facts,
            policy,
            ground,
            token,
            job_token,
            credentials,
            gitlab,
            proxy,
            secrets,
            room,
            journal,
            log,
            bundle: bundle.map(|(path, _)| path),
            passed_over,
            cancelled: None,
            used: Used::default(),
        };
        board.record(&board.ground.start("job", board.policy.digest()))?;
        if let Some(upstream) = &board.policy.network.upstream {
            let outcome = upstream.to_string();
            board.record(&Event::Step { step: "upstream".to_owned(), outcome })?;
        }
        board.log.opening(&board.facts, &board.policy, &board.ground);
        Ok(board)
    }

    /// The agent's tree.
    pub(super) fn workspace(&self) -> PathBuf {
        self.room.base().join("workspace")
    }

    /// Our repository.
    pub(super) fn repository(&self) -> PathBuf {
        self.room.base().join("repository.git")
    }

    /// Where the journal is, and what is kept beside it.
    pub(super) fn beside(&self) -> PathBuf {
        self.journal.path().parent().map_or_else(|| beside(&self.facts.checkout), Path::to_owned)
    }

    /// The change, where it was denied.
    pub(super) fn kept(&self) -> PathBuf {
        self.room.base().join("change.json")
    }

    /// What was handed over.
    pub(super) fn manifest(&self) -> PathBuf {
        self.room.base().join("manifest.json")
    }

    /// Asks a worker, and remembers how it went.
    pub(super) fn ask<S: Serialize, A: DeserializeOwned>(&mut self, role: Role, step: &str, spec: &S) -> Result<A, Refusal> {
        self.go_on()?;
        let told: Result<worker::Told<Result<A, Refusal>>, worker::Error> = worker::ask(role, spec, super::WORKER_TIME);
        let answer = match told {
            Ok(told) => {
                self.cancelled = told.cancelled;
                told.answer
            }
            Err(worker::Error::Cancelled(number)) => Err(Refusal::cancelled(number)),
            Err(error) => Err(Refusal::new(error, Exit::Internal)),
        };
        let outcome = answer.as_ref().map_or_else(|refusal| refusal.reason.clone(), |_| "ok".to_owned());
        self.record(&Event::Step { step: step.to_owned(), outcome })?;
        answer
    }

    /// A cancelled job takes no further step.
    pub(super) fn go_on(&self) -> Result<(), Refusal> {
        self.cancelled.map_or(Ok(()), |number| Err(Refusal::cancelled(number)))
    }

    /// Writes into the journal: no job without one.
    pub(super) fn record(&mut self, event: &Event) -> Result<(), Refusal> {
        self.journal.record(event).map_err(|error| Refusal::new(error, Exit::Internal))
    }

    /// The last record, the reports, and the last words of the log.
    pub(super) fn close(mut self, ending: Ending) -> Ending {
        let ending = match self.cancelled.take().or_else(worker::unheard) {
            Some(number) => ending.cancelled(number),
            None => ending,
        };
        let commit = ending.published().and_then(|published| published.commit.clone());
        let ended = self.record(&Event::End { exit: ending.code(), commit });
        let problem = ended.err().map(|refusal| refusal.reason).or_else(|| super::record::reports(&self, &ending).err());
        if let Some(problem) = problem {
            self.log.say(&problem);
        }
        self.log.closing(&ending, &self.policy, &self.journal);
        if let Err(error) = self.room.remove() {
            self.log.say(&format!("the job's directories were not removed: {error}"));
        }
        ending
    }
}

fn text(variables: &Variables, name: &str) -> Option<String> {
    variables.get(std::ffi::OsStr::new(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// What the workers may know of the environment: no value that holds a secret.
fn public(variables: &Variables, secrets: &[(String, Secret)]) -> BTreeMap<String, String> {
    let plain = |value: &str| !secrets.iter().any(|(_, secret)| value.contains(secret.reveal()));
    let pairs = variables.iter().filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())));
    pairs.filter(|(name, value)| (name.starts_with("CI_") || name.starts_with("AI_FLOW_")) && plain(value)).collect()
}

/// Our own push must not start the agent again.
fn own_commit(public: &BTreeMap<String, String>, facts: &JobFacts, asked: bool) -> Option<String> {
    let author = public.get("CI_COMMIT_AUTHOR")?;
    let own = format!("{AUTHOR} <{}>", email(facts));
    (*author == own && !asked).then(|| "the head commit is Tidewaiter's own and nobody asked for more; nothing to do".to_owned())
}

/// What is asked goes to GitLab's thread, the provider and the agent.
fn harmless(request: &str, secrets: &[(String, Secret)]) -> Result<(), Refusal> {
    match secrets.iter().find(|(_, secret)| request.contains(secret.reveal())) {
        Some((name, _)) => Err(Refusal::new(format!("the prompt holds the value of {name}; leave it out"), Exit::Usage)),
        None => Ok(()),
    }
}

/// The agent's program, looked for before anything is spent: it must not be ourselves under its name.
fn agent(variables: &Variables, policy: &Policy) -> Result<Vec<PathBuf>, Refusal> {
    let command = agent::program(&policy.agent);
    agent::passed_over(&command, environment::path(variables)).map_err(|error| Refusal::new(error, Exit::Agent))
}

fn temporary(variables: &Variables) -> PathBuf {
    text(variables, "TMPDIR").map_or_else(|| "/tmp".into(), PathBuf::from)
}

fn token(variables: &Variables, facts: &JobFacts) -> Result<Secret, Refusal> {
    let hint = unprotected(facts);
    text(variables, "GITLAB_ACCESS_TOKEN").map(Secret::new).ok_or_else(|| {
        let needs = "GITLAB_ACCESS_TOKEN is not set: make a project or service-account token with the Developer role and the scope `api`, and store it as a masked CI/CD variable";
        Refusal::new(format!("{needs}{hint}"), Exit::Remote)
    })
}

/// The usual reason for a variable that is there and does not come.
fn unprotected(facts: &JobFacts) -> String {
    if facts.ref_protected {
        String::new()
    } else {
        format!(" (a protected variable is withheld here: `{}` is no protected branch, or the pipeline runs for a fork)", facts.ref_name)
    }
}

/// The token goes to the GitLab that the policy names, or the job ends here.
fn gitlab(variables: &Variables, policy: &Policy) -> Result<Option<Access>, Refusal> {
    let access = policy.network.gitlab.as_ref().map(|gitlab| Access::of_job(gitlab, |name| text(variables, name)));
    access.transpose().map(Option::flatten).map_err(|error| Refusal::new(error, Exit::Usage))
}

/// What the gateway puts in for the agent. A route without a credential would only cost time.
fn credentials(variables: &Variables, policy: &Policy, facts: &JobFacts) -> Result<Credentials, Refusal> {
    let mut out = Credentials::new();
    for route in &policy.network.routes {
        match provider::credential(route, |name| environment::value(variables, name)) {
            Ok(credential) => drop(out.insert(route.provider, credential)),
            Err(Lack::Absent(_)) if policy.agent.kind == AgentKind::Command => {}
            Err(lack) => return Err(Refusal::new(format!("{lack}{}", unprotected(facts)), Exit::Remote)),
        }
    }
    Ok(out)
}

/// Beside the checkout, where no agent reaches: `<checkout>.tidewaiter/<job>/journal.jsonl`.
fn journal(facts: &JobFacts) -> Result<Journal, String> {
    let (all, directory) = (beside(&facts.checkout), beside(&facts.checkout).join(facts.job.to_string()));
    let made = shared_directory(&all).and_then(|()| fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory));
    made.map_err(|error| format!("the journal's directory {} cannot be made: {error}", directory.display()))?;
    // A job that is retried in the same place gets the next free name: nothing is overwritten.
    let names = std::iter::once("journal.jsonl".to_owned()).chain((2..1000).map(|number| format!("journal-{number}.jsonl")));
    let path = names.map(|name| directory.join(name)).find(|path| !path.exists());
    let path = path.ok_or_else(|| format!("too many journals in {}", directory.display()))?;
    Journal::create(&path).map_err(|error| error.to_string())
}

/// A kept checkout serves jobs of several users: each makes a directory of its own in here, and removes nobody else's.
fn shared_directory(path: &Path) -> io::Result<()> {
    let mask = umask(Mode::empty());
    let made = fs::DirBuilder::new().mode(0o1777).create(path);
    umask(mask);
    made.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
}

fn beside(checkout: &Path) -> PathBuf {
    let mut name = checkout.as_os_str().to_owned();
    name.push(".tidewaiter");
    name.into()
}
