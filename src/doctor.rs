//! `tidewaiter doctor`: prints what this host has and what every promise rests on, and proves it: the walls go up around a
//! program that does nothing, and the attempts of their self-test are told.

use std::{fs, os::unix::fs::chown, time::Instant};

use serde::Serialize;

use crate::{
    environment::{self, Places, Variables},
    exit::Exit,
    fence::Fence,
    jail::probe::Tried,
    journal::Journal,
    policy::{Policy, Upstream},
    promise::{self, Ground, Told},
    scribe,
    supervisor::{self, Credentials, Gateway, OnSignal, Outcome, Room, Stance, Task},
};

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    fence: Option<Fence>,
    proof: &'a Proof,
    notes: &'a [String],
    enforceable: bool,
}

/// What came of trying.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Proof {
    /// The walls stood, and this was tried inside of them.
    Held { tried: Vec<Tried>, milliseconds: u128 },
    /// They did not.
    Failed(String),
    /// There was nothing to try: a wall is missing.
    NotTried,
}

/// The report for `policy`, as a table or as JSON, and the exit code: whether the policy could be enforced here.
pub fn doctor(policy: &Policy, json: bool) -> (String, Exit) {
    let host = promise::look(policy);
    let rows = promise::rows(&host, policy);
    let ground = promise::stand(host.clone(), policy).ok();
    let proof = ground.as_ref().map_or(Proof::NotTried, |ground| prove(policy, ground));
    let notes = ground.as_ref().map(|ground| notes(ground, policy)).unwrap_or_default();
    let enforceable = matches!(proof, Proof::Held { .. });
    let told = Told { host: &host, promises: &rows };
    let report = Report { told, fence: ground.as_ref().map(|ground| ground.fence), proof: &proof, notes: &notes, enforceable };
    let text = if json {
        serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
    } else {
        promise::text(&host, &rows) + &told_proof(&proof) + &notes.iter().map(|note| format!("\n  note: {note}\n")).collect::<String>()
    };
    (text, if enforceable { Exit::Done } else { Exit::Host })
}

/// Only walls that were tried count: who was stopped before, or could not start the program, has proved nothing.
fn prove(policy: &Policy, ground: &Ground) -> Proof {
    let start = Instant::now();
    match hold(policy, ground) {
        Ok(Outcome { stopped: Some(stop), .. }) => Proof::Failed(stop.to_string()),
        Ok(Outcome { proof, .. }) if proof.is_empty() => Proof::Failed("nothing was tried".to_owned()),
        Ok(Outcome { proof, .. }) => Proof::Held { tried: proof, milliseconds: start.elapsed().as_millis() },
        Err(error) => Proof::Failed(error.to_string()),
    }
}

/// Locks `true` in, as any command is.
fn hold(policy: &Policy, ground: &Ground) -> Result<Outcome, supervisor::Error> {
    let room = Room::make(&std::env::temp_dir(), ground.uid)?;
    let workspace = room.base().join("workspace");
    let made = fs::create_dir(&workspace).and_then(|()| chown(&workspace, ground.uid, ground.uid));
    made.map_err(|source| supervisor::Error::Room { path: workspace.clone(), source })?;
    let job: Variables = std::env::vars_os().collect();
    // Nothing goes out, so that the credential may be missing here.
    let proxy = policy.network.upstream.as_ref().map(Upstream::without_credential);
    let task = Task {
        policy,
        command: vec!["true".into()],
        job: &job,
        environment: Variables::new(),
        places: Places { workspace, home: room.home(), tmp: room.tmp() },
        room: &room,
        gateway: Gateway::new(ground.fence, Credentials::new(), None, proxy)?,
        scribe: scribe::Spec { mode: scribe::Mode::Raw, prompt: None, log_bytes: 0, colours: false, sections: false },
        job_in: false,
        ground,
        passed_over: vec![],
        writes: vec![room.parent()],
        on_signal: OnSignal::Cancel,
        stance: Stance::Enforce,
        asking: None,
    };
    supervisor::hold(task, &mut Journal::unwritten())
}

fn told_proof(proof: &Proof) -> String {
    match proof {
        Proof::Held { tried, milliseconds } => {
            let lines = tried.iter().map(|tried| {
                let got = tried.refused.as_ref().map_or_else(|| "works".to_owned(), |error| format!("refused, {error}"));
                format!("    {} · {}: {got}\n", tried.promise, tried.what)
            });
            format!("\n  proven inside the walls, in {milliseconds} ms:\n{}", lines.collect::<String>())
        }
        Proof::Failed(reason) => format!("\n  NOT PROVEN  {reason}\n"),
        Proof::NotTried => "\n  not enforceable here: the policy needs a wall that is missing\n".to_owned(),
    }
}

/// What this ground costs, and what would give more.
fn notes(ground: &Ground, policy: &Policy) -> Vec<String> {
    let mut notes: Vec<String> = policy.network.upstream.iter().map(ToString::to_string).collect();
    if policy.network.upstream.is_some()
        && let Err(reason) = environment::proxy(&std::env::vars_os().collect(), policy)
    {
        notes.push(reason);
    }
    if ground.fence == Fence::Broker {
        notes.push("inside this fence there is no UDP and no ::1; a runner whose containers may make network namespaces gives the agent a network of its own".to_owned());
    }
    if ground.uid.is_none() {
        notes.push(format!(
            "the agent shares the uid {}: it can change modes and times of files of that uid outside, though it reads none of them; as root it would get a uid of its own",
            ground.host.uid
        ));
    }
    if !ground.apart {
        notes.push("Landlock is older than ABI 6, so the agent gets no unix sockets".to_owned());
    }
    notes
}
