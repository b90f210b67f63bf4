//! The helper processes: each takes the descriptors that were handed to it, hides, gives up what it does not need, works.

use std::{
    error::Error,
    fs::File,
    io::{self, Write as _},
    os::fd::{AsFd as _, RawFd},
    path::PathBuf,
    process::ExitCode,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    fence::{
        Watching,
        broker::Broker,
        observer::{Observer, Walls},
    },
    gateway::{self, Door},
    init,
    jail::{
        confine::{self, Keep},
        stem,
    },
    job, limits,
    role::Role,
    scribe, seccomp,
    supervisor::worker::Desk,
    sys::{
        descriptor::{awaited, take},
        socket::receive_descriptor,
    },
};

type Done = Result<(), Box<dyn Error>>;

/// Runs `role` to its end. What went wrong is said in one line on standard error, which is the job's log.
pub fn main(role: Role) -> ExitCode {
    if let Err(error) = confine::hide() {
        return failed(role, &error);
    }
    let done: Done = match role {
        Role::Gateway => gateway(),
        Role::Broker => broker(),
        Role::Scribe => scribe(),
        Role::Keeper => keeper(),
        // Copies of the keeper, which are no programs.
        Role::Stem | Role::Enter => Err("this process is not started by itself".into()),
        Role::Context => work(|spec: &job::context::Spec| reading(spec.ca_file(), &[], true), job::context::work),
        Role::Workspace => {
            work(|spec: &job::workspace::Spec| reading(Some("/".into()), &[&spec.room], spec.tip.is_some()), job::workspace::work)
        }
        Role::Gate => work(|spec: &job::inspect::Spec| reading(Some("/".into()), &[&spec.room], false), job::inspect::work),
        Role::Advice => work(|spec: &job::inspect::Spec| reading(Some("/".into()), &[&spec.room], false), job::inspect::advise),
        Role::Script => return script(),
        Role::Job => return super::job::called().map_or_else(|error| failed(role, &error), ExitCode::from),
        Role::Publish => work(|spec: &job::publish::Spec| reading(Some("/".into()), &[&spec.room], true), job::publish::work),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(role, &error),
    }
}

fn failed(role: Role, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{}: {error}", role.name());
    ExitCode::FAILURE
}

/// Returns only when the script was not started.
fn script() -> ExitCode {
    let Err(error) = init::script::main();
    eprintln!("tidewaiter: {error}");
    ExitCode::from(error.code())
}

/// A worker: it reads what a program needs and `more`, writes beneath `write`, and reaches the network or not.
fn work<S: DeserializeOwned, A: Serialize>(keep: impl FnOnce(&S) -> Keep, work: impl FnOnce(S) -> A) -> Done {
    Desk::take()?.work(|spec| Some(keep(spec)), work)
}

fn reading(more: Option<PathBuf>, write: &[&PathBuf], network: bool) -> Keep {
    let read = ["/etc/resolv.conf", "/etc/hosts"].into_iter().map(PathBuf::from).chain(more).collect();
    let write: Vec<PathBuf> = write.iter().map(|path| (*path).clone()).collect();
    Keep { read, capabilities: !write.is_empty(), write, network, uid: None, calls: false }
}

/// What this process is for, once it is known; none where it is not needed.
fn specification<T: DeserializeOwned>(ready: RawFd) -> Result<Option<T>, Box<dyn Error>> {
    let text = awaited(take(3)?, take(ready)?)?;
    Ok(text.map(|text| serde_json::from_slice(&text)).transpose()?)
}

fn gateway() -> Done {
    let Some((spec, doors, uid)) = specification::<(gateway::Spec, Vec<Door>, Option<u32>)>(7)? else { return Ok(()) };
    let (entrance, mut records, lifeline, answers) = (take(4)?, File::from(take(5)?), take(6)?, take(8)?);
    let mut prepared = gateway::Gateway::prepare(spec)?;
    let few = prepared.fit(limits::raise_open_files(prepared.files()));
    // Names are resolved by the C library, which reads these for every look-up.
    let read = ["/etc/resolv.conf", "/etc/hosts"].map(Into::into).to_vec();
    confine::confine(&Keep { read, network: true, uid, calls: true, ..Keep::default() })?;
    if let Some(event) = few {
        records.write_all(&[serde_json::to_vec(&event)?, vec![b'\n']].concat())?;
    }
    prepared.hear(answers)?;
    // An empty line: nothing can fail any more.
    records.write_all(b"\n")?;
    let listeners = doors.into_iter().map(|door| Ok((receive_descriptor(&entrance)?.into(), door)));
    match listeners.collect::<io::Result<Vec<_>>>() {
        // The walls did not come so far; who puts them up says why.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => Ok(prepared.serve(other?, records, Some(lifeline))?),
    }
}

fn broker() -> Done {
    let Some((local_ports, uid, watching)) = specification::<((u16, u16), Option<u32>, Option<Watching>)>(8)? else { return Ok(()) };
    let observer = watching.map(observer);
    let (pair, lifeline, witness, records) = (take(4)?, take(5)?, take(6)?, File::from(take(7)?));
    // It sets options on sockets that the agent may not set, so the agent's list of calls is not for it.
    confine::confine(&Keep { uid, ..Keep::default() })?;
    let listener = match receive_descriptor(&pair) {
        // The walls did not come so far; who put them up says why.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        other => other?,
    };
    drop(pair);
    Ok(Broker { listener, lifeline, witness, records, local_ports, observer }.serve()?)
}

fn observer(watching: Watching) -> Observer {
    let sockets = seccomp::Sockets { unix: watching.unix, own_network: watching.own_network };
    Observer::new(watching, Box::new(seccomp::watched(sockets)))
}

impl Walls for seccomp::Watched {
    fn refusal(&self, data: &libc::seccomp_data) -> Option<i32> {
        seccomp::Watched::refusal(self, data)
    }

    fn name(&self, number: i32) -> String {
        seccomp::name(number)
    }
}

fn scribe() -> Done {
    let Some((spec, job_in, uid)) = specification::<(scribe::Spec, bool, Option<u32>)>(8)? else { return Ok(()) };
    let (out, err, agent_in, results) = (take(4)?, take(5)?, take(6)?, take(7)?);
    let job_in = job_in.then(|| io::stdin().as_fd().try_clone_to_owned()).transpose()?;
    confine::confine(&Keep { uid, calls: true, ..Keep::default() })?;
    let pipes = scribe::Pipes { out, err, agent_in: Some(agent_in), job_in };
    Ok(scribe::write_log(spec, pipes, io::stdout(), io::stderr(), File::from(results))?)
}

fn keeper() -> Done {
    let stem = [take(3)?, take(4)?, take(5)?, take(6)?, take(7)?, take(8)?, take(9)?, take(10)?];
    Ok(stem::keep(stem::Kept { stem, orders: take(11)?, door: take(12)?, ready: take(13)? })?)
}
