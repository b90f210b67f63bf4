//! `tidewaiter job`, be it called by that name or as `claude`: where the credentials are in the custody of the container's
//! first process, that one is asked; elsewhere the job runs here.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::sys::signal::SigSet;

use super::failed;
use crate::{
    custody,
    environment::Variables,
    exit::Exit,
    init::{
        Called, Left, Report,
        channel::{self, Request},
    },
    job,
    policy::{self, Policy, Source},
    sys::descriptor::{content, take},
    terminal,
    workspace::LONGEST_BUNDLE,
};

/// What the command line says.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Files of `--policy`.
    pub(super) files: Vec<PathBuf>,
    /// One more layer, beneath all others.
    pub(super) layer: Option<Source>,
    /// What is asked for.
    pub(super) prompt: Option<String>,
    /// A change that an earlier job kept, to be judged again.
    pub(super) from: Option<PathBuf>,
}

/// Runs the job, or has it run.
pub(super) fn start(asked: Asked) -> ExitCode {
    let variables: Variables = std::env::vars_os().collect();
    let bundle = match asked.from.as_deref().map(bundle).transpose() {
        Ok(bundle) => bundle,
        Err(reason) => return failed(&reason, Exit::Usage.code()),
    };
    match channel::find(&variables) {
        Some(channel) => match request(&variables, asked, bundle).map(|request| channel::ask(&channel, &request)) {
            Ok(Ok(code)) => ExitCode::from(code),
            Ok(Err(error)) => failed(&error, Exit::Internal.code()),
            Err(error) => failed(&error, Exit::Policy.code()),
        },
        None if custody::replaced(&variables) => {
            let lost = "the credentials are held by the job's first process, and the descriptor to ask it was closed on the way here; call tidewaiter from the job's script itself";
            failed(&lost, Exit::Remote.code())
        }
        None => here(variables, asked, bundle),
    }
}

/// Reads a kept change, as far as it is no longer than one can be.
fn bundle(path: &Path) -> Result<Vec<u8>, String> {
    let unread = |error: io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    File::open(path).map_err(unread)?.take(LONGEST_BUNDLE + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > LONGEST_BUNDLE {
        return Err(format!("{} is larger than any kept change", path.display()));
    }
    Ok(bytes)
}

fn request(variables: &Variables, asked: Asked, bundle: Option<Vec<u8>>) -> Result<Request, policy::Error> {
    let mut policy = Policy::files(&asked.files)?;
    policy.extend(asked.layer);
    let input =
        || variables.get(OsStr::new("AI_FLOW_INPUT")).map(|input| input.to_string_lossy().into_owned()).filter(|input| !input.is_empty());
    Ok(Request { prompt: asked.prompt.or_else(input), policy, bundle: bundle.map(|bytes| STANDARD.encode(bytes)) })
}

fn here(variables: Variables, asked: Asked, bundle: Option<Vec<u8>>) -> ExitCode {
    let lower = variables.get(OsStr::new("TIDEWAITER_POLICY")).and_then(|value| value.to_str());
    match Policy::layers(&asked.files, lower) {
        Ok(mut policy) => {
            policy.extend(asked.layer);
            let options = job::Options { variables, policy, request: asked.prompt, bundle, colour: terminal::colours() };
            ExitCode::from(job::job(&options).ending.code())
        }
        Err(error) => failed(&error, Exit::Policy.code()),
    }
}

/// The role of a job that the container's first process starts for the script.
///
/// # Errors
/// When what was handed over cannot be read, or nobody takes the report.
pub(super) fn called() -> io::Result<u8> {
    let called: Called = serde_json::from_slice(&content(take(3)?)?)?;
    let (mut report, request) = (File::from(take(4)?), take(5)?);
    SigSet::empty().thread_set_mask()?;
    let before = called.left.clone();
    let (code, left) = match channel::read(request) {
        Ok(request) => serve(called, request),
        Err(error) => (say(&format!("the request cannot be read: {error}"), Exit::Usage), before),
    };
    report.write_all(&serde_json::to_vec(&Report { left })?)?;
    Ok(code)
}

fn serve(called: Called, request: Request) -> (u8, Left) {
    let before = called.left.clone();
    let base = match (called.policy, called.left) {
        (Err(reason), _) => return (say(&reason, Exit::Policy), before),
        (_, Left::Nothing) => {
            return (say("earlier calls have used up this job's limits (section `limits` of the policy)", Exit::Limit), before);
        }
        (Ok(layers), Left::Some(left)) => [layers, vec![left]].concat(),
        (Ok(layers), Left::All) => layers,
    };
    let limits = match Policy::compose(base.clone()) {
        Ok(policy) => policy.limits,
        Err(error) => return (say(&error.to_string(), Exit::Policy), before),
    };
    let policy = [base, request.policy].concat();
    let variables = called.variables.into_iter().collect();
    let bundle = match request.bundle.map(|text| STANDARD.decode(text)).transpose() {
        Ok(bundle) => bundle,
        Err(error) => return (say(&format!("the kept change is no base64: {error}"), Exit::Usage), before),
    };
    let done = job::job(&job::Options { variables, policy, request: request.prompt, bundle, colour: terminal::colours() });
    (done.ending.code(), limits.left(&done.used).map_or(Left::Nothing, Left::Some))
}

fn say(reason: &str, exit: Exit) -> u8 {
    terminal::say(reason);
    exit.code()
}
