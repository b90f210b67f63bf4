//! The event loop, from the first wall to the last process.

use std::{
    io::{self, Write as _},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{
    Error, OnSignal, Outcome, Stop,
    start::{Crew, asks_to_end, step},
};
use crate::{
    gateway,
    jail::{self, confine, stem},
    journal::{Event, Journal},
    policy::Used,
    scribe,
    sys::process::{QUIET, forget_code},
};

/// How long an agent may take to end after a signal that asks it to, as container engines give.
const GRACE: Duration = Duration::from_secs(10);

/// How long the walls may take to go up; the gateway may have to sign in somewhere meanwhile.
const ENTERING: Duration = Duration::from_secs(60);

/// How long an agent may take to end after it was told that a limit is used up.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The limits whose end the gateway tells, by the rules of its refusals.
const SPENT: [(&str, &str); 5] = [
    ("limits/requests", "requests"),
    ("limits/up_bytes", "up_bytes"),
    ("limits/down_bytes", "down_bytes"),
    ("limits/tokens", "tokens"),
    ("limits/usd", "usd"),
];

/// How long our own processes may take to end after the agent.
const TAIL: Duration = Duration::from_secs(15);

/// Where the job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Walls go up.
    Entering,
    /// The agent runs.
    Running,
    /// The stem was told to kill what is left.
    Emptying,
    /// Nobody of the agent is left; the scribe writes its last lines.
    Empty,
    /// Gateway and broker were told to end.
    Closing,
}

struct Watch<'a> {
    crew: Crew,
    journal: &'a mut Journal,
    phase: Phase,
    locked: bool,
    refusals: u64,
    proof: Vec<jail::probe::Tried>,
    gateway_ready: bool,
    status: Option<i32>,
    stopped: Option<Stop>,
    failed: Option<Error>,
    summary: Option<scribe::Summary>,
    left_behind: u32,
    out_of_memory: u64,
    started: Instant,
    took: Duration,
    used: Used,
    deadline: Option<Instant>,
    /// Whether what the start alone needed was given back.
    forgot: bool,
}

/// Runs until every process of the crew has ended.
pub(super) fn watch(crew: Crew, journal: &mut Journal) -> Result<Outcome, Error> {
    let now = Instant::now();
    let mut watch = Watch {
        crew,
        journal,
        phase: Phase::Entering,
        locked: false,
        refusals: 0,
        proof: vec![],
        gateway_ready: false,
        status: None,
        stopped: None,
        failed: None,
        summary: None,
        left_behind: 0,
        out_of_memory: 0,
        started: now,
        took: Duration::ZERO,
        used: Used::default(),
        deadline: Some(now + ENTERING),
        forgot: false,
    };
    let mut held = watch.settle();
    while held.is_ok() && !watch.done() {
        held = watch.turn();
    }
    if let Err(error) = held {
        watch.abandon();
        return Err(error);
    }
    let observation = watch.crew.observation.take();
    let would_refuse = observation.map(|observation| observation.record(watch.status, watch.journal)).transpose()?;
    watch.outcome(would_refuse)
}

impl Watch<'_> {
    fn done(&self) -> bool {
        self.phase == Phase::Closing && self.crew.children.is_empty() && !self.crew.records.is_open()
    }

    fn outcome(self, would_refuse: Option<u64>) -> Result<Outcome, Error> {
        let status = match self.stopped {
            // It was never let go, so the signal was ours alone.
            Some(Stop::Cancelled(number)) if self.crew.go.is_some() => 128 + number,
            _ => self.status.unwrap_or(128 + libc::SIGKILL),
        };
        match self.failed {
            Some(error) => Err(error),
            None => {
                let turns = self.summary.as_ref().map_or(0, |summary| summary.usage.turns);
                let used = Used { time: self.took, turns, ..self.used };
                Ok(Outcome {
                    status,
                    stopped: self.stopped,
                    summary: self.summary,
                    left_behind: self.left_behind,
                    out_of_memory: self.out_of_memory,
                    took: self.took,
                    proof: self.proof,
                    used,
                    would_refuse,
                })
            }
        }
    }

    /// Ends everything where going on is not possible: when this returns, the agent is dead.
    fn abandon(&mut self) {
        let crew = &mut self.crew;
        // Nobody reads what would be recorded of it.
        let _ = crew.adviser.stop();
        (crew.control, crew.go, crew.lifeline) = (None, None, None);
        let end = Instant::now() + TAIL;
        let mut room_is_held = || crew.children.iter_mut().any(|(name, child)| *name == "keeper" && matches!(child.try_wait(), Ok(None)));
        while room_is_held() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        for (_, child) in &mut crew.children {
            let _ = child.kill();
        }
    }

    /// Waits for the next thing to happen and deals with all that has.
    fn turn(&mut self) -> Result<(), Error> {
        self.wait()?;
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.late();
        }
        self.listen()?;
        while let Some(signal) = step("read signals", self.crew.signals.read_signal())? {
            self.signal(i32::try_from(signal.ssi_signo).unwrap_or(0))?;
        }
        self.advance()
    }

    fn listen(&mut self) -> Result<(), Error> {
        self.records()?;
        self.advise()?;
        self.reports()?;
        self.results()?;
        self.news()
    }

    fn wait(&mut self) -> Result<(), Error> {
        let crew = &self.crew;
        let next = [self.deadline, crew.adviser.deadline()].into_iter().flatten().min();
        let open = [&crew.news, &crew.report, &crew.records, &crew.results].into_iter().filter(|lines| lines.is_open());
        let mut fds: Vec<PollFd<'_>> = open.map(|lines| PollFd::new(lines.as_fd(), PollFlags::POLLIN)).collect();
        fds.push(PollFd::new(crew.signals.as_fd(), PollFlags::POLLIN));
        crew.adviser.add_to(&mut fds);
        let left = next.map(|deadline| deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1));
        let keeps = self.phase == Phase::Running && !self.forgot;
        let left = if keeps { Some(left.map_or(QUIET, |left| left.min(QUIET))) } else { left };
        let timeout = left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        match poll(&mut fds, timeout) {
            Ok(0) if keeps => {
                forget_code();
                self.forgot = true;
                Ok(())
            }
            Err(Errno::EINTR) => Ok(()),
            other => step("wait", other).map(drop),
        }
    }

    /// The phase's time is over.
    fn late(&mut self) {
        self.deadline = None;
        match self.phase {
            Phase::Entering => self.fail(Error::Helper("walls' self-test")),
            Phase::Running => self.stop(self.stopped.unwrap_or(Stop::Time)),
            Phase::Emptying | Phase::Empty | Phase::Closing => self.kill_crew(),
        }
    }

    fn records(&mut self) -> Result<(), Error> {
        for line in read(&mut self.crew.records)? {
            if line.is_empty() {
                self.gateway_ready = true;
            } else {
                let event = parse::<Event>(&line)?;
                // Whoever asked is told; what is not begun is in the gateway's record alone.
                let event = match event {
                    Event::Question { question } => match self.crew.adviser.ask(question) {
                        Some(begun) => begun,
                        None => continue,
                    },
                    other => other,
                };
                self.count(&event);
                self.last_words(&event);
                // As many may be refused as may be sent, so that the journal is bounded too.
                if self.refusals > self.crew.requests {
                    self.stop(Stop::Refused);
                    continue;
                }
                if !self.crew.observation.as_mut().is_some_and(|observation| observation.takes(&event)) {
                    self.journal.record(&event)?;
                }
            }
        }
        Ok(())
    }

    /// Goes on with an answer to a question of the agent's.
    fn advise(&mut self) -> Result<(), Error> {
        let said = match self.phase {
            Phase::Entering | Phase::Running => self.crew.adviser.turn(),
            Phase::Emptying | Phase::Empty | Phase::Closing => self.crew.adviser.stop(),
        };
        Ok(said.map_or(Ok(()), |event| self.journal.record(&event))?)
    }

    /// Adds up what the gateway let through and what it refused.
    fn count(&mut self, event: &Event) {
        if let Event::Gateway { allowed, way, up, down, bill, .. } = event {
            // What the gate is asked goes nowhere.
            self.used.requests += u64::from(*allowed && way != gateway::ADVICE);
            self.refusals += u64::from(!*allowed);
            self.used.up_bytes = self.used.up_bytes.saturating_add(*up);
            self.used.down_bytes = self.used.down_bytes.saturating_add(*down);
            if let Some(bill) = bill {
                self.used.tokens = self.used.tokens.saturating_add(bill.tokens());
                self.used.micro_usd = self.used.micro_usd.saturating_add(bill.micro_usd);
            }
        }
    }

    /// A limit that is used up ends the agent, which has been told and may say so.
    fn last_words(&mut self, event: &Event) {
        let Event::Gateway { allowed: false, rule, .. } = event else { return };
        if let Some((_, limit)) = SPENT.iter().find(|(name, _)| name == rule)
            && self.phase == Phase::Running
            && self.stopped.is_none()
        {
            self.stopped = Some(Stop::Spent(limit));
            let end = Instant::now() + LAST_WORDS;
            self.deadline = Some(self.deadline.map_or(end, |deadline| deadline.min(end)));
        }
    }

    fn reports(&mut self) -> Result<(), Error> {
        for line in read(&mut self.crew.report)? {
            match parse(&line)? {
                jail::Report::Locked(tried) => {
                    self.locked = true;
                    self.proof = tried;
                    self.crew.forbidden = None;
                }
                jail::Report::Failed { reason, kind } => self.fail(Error::Entering { reason, kind }),
            }
        }
        Ok(())
    }

    fn results(&mut self) -> Result<(), Error> {
        for line in read(&mut self.crew.results)? {
            match step("understand the scribe", scribe::Update::read(&line).map_err(io::Error::other))? {
                scribe::Update::Turns(turns) if self.crew.turns.is_some_and(|most| turns > u64::from(most)) => self.stop(Stop::Turns),
                scribe::Update::Turns(_) => {}
                scribe::Update::End(summary) => self.summary = Some(*summary),
            }
        }
        Ok(())
    }

    fn news(&mut self) -> Result<(), Error> {
        for line in read(&mut self.crew.news)? {
            match parse(&line)? {
                stem::News::Ended(status) => {
                    self.status = Some(status);
                    self.took = self.started.elapsed();
                    self.empty();
                }
                // Whoever signals the stem signals all of us: a runner that cancels, and leaves out PID 1 at first.
                stem::News::Asked(number) if self.crew.on_signal == OnSignal::Cancel => self.signal(number)?,
                stem::News::Asked(_) => {}
                stem::News::OutOfMemory(killed) => {
                    self.out_of_memory = killed;
                    self.journal.record(&Event::OutOfMemory { killed })?;
                }
                stem::News::Empty(count) => {
                    self.left_behind = count;
                    self.phase = Phase::Empty;
                    self.deadline = Some(Instant::now() + TAIL);
                }
            }
        }
        let early = !self.crew.news.is_open() && matches!(self.phase, Phase::Entering | Phase::Running | Phase::Emptying);
        if early {
            self.phase = Phase::Empty;
            self.deadline = Some(Instant::now() + TAIL);
            self.fail(Error::Stem);
        }
        Ok(())
    }

    fn signal(&mut self, number: i32) -> Result<(), Error> {
        if number == libc::SIGCHLD {
            return self.reap();
        }
        let asks_to_end = asks_to_end(number);
        match (self.phase, self.crew.on_signal) {
            (Phase::Running, OnSignal::Forward) => {
                let byte = u8::try_from(number).unwrap_or(0);
                self.command(&[stem::SIGNAL, byte]);
                if asks_to_end {
                    self.stopped = Some(Stop::Cancelled(number));
                    self.deadline = Some(Instant::now() + GRACE);
                }
            }
            (Phase::Entering | Phase::Running, _) if asks_to_end => self.stop(Stop::Cancelled(number)),
            _ => {}
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<(), Error> {
        let mut ended = Vec::new();
        self.crew.children.retain_mut(|(name, child)| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(_)) | Err(_) => {
                ended.push(*name);
                false
            }
        });
        if !ended.is_empty() {
            // What they said last counts before their end does.
            self.listen()?;
        }
        for name in ended {
            match (self.phase, name) {
                (Phase::Entering, "gateway" | "broker" | "scribe" | "keeper") => self.fail(Error::Helper(name)),
                // It has written its last line: the agent closed its streams, which it may.
                (Phase::Running, "scribe") if self.summary.is_some() => {}
                (Phase::Running, "gateway" | "broker" | "scribe" | "keeper") => self.stop(Stop::Helper(name)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes the next step if everything for it is there.
    fn advance(&mut self) -> Result<(), Error> {
        match self.phase {
            Phase::Entering if self.locked && self.gateway_ready => self.start(),
            Phase::Empty if !self.crew.results.is_open() => {
                self.phase = Phase::Closing;
                self.crew.lifeline = None;
                self.crew.control = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Puts our own walls up while the agent's go up.
    fn settle(&self) -> Result<(), Error> {
        Ok(confine::settle(&self.crew.writes)?)
    }

    /// Lets the agent go.
    fn start(&mut self) -> Result<(), Error> {
        self.journal.record(&Event::Agent { command: self.crew.command.clone(), fence: self.crew.fence.name().to_owned() })?;
        self.started = Instant::now();
        self.deadline = Some(self.started + self.crew.time);
        self.phase = Phase::Running;
        match self.crew.go.take() {
            Some(mut go) => step("let the agent go", go.write_all(b"g")),
            None => Ok(()),
        }
    }

    fn stop(&mut self, why: Stop) {
        self.stopped.get_or_insert(why);
        self.empty();
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        self.empty();
    }

    /// Tells the stem to empty the room, once.
    fn empty(&mut self) {
        if matches!(self.phase, Phase::Entering | Phase::Running) {
            self.phase = Phase::Emptying;
            self.deadline = Some(Instant::now() + TAIL);
            self.command(&[stem::EMPTY]);
        }
    }

    /// A stem that is gone is noticed by the end of its news.
    fn command(&mut self, bytes: &[u8]) {
        if let Some(control) = &mut self.crew.control {
            let _ = control.write_all(bytes);
        }
    }

    /// The last means: our own processes hang.
    fn kill_crew(&mut self) {
        self.failed.get_or_insert(Error::Helper("crew"));
        for (_, child) in &mut self.crew.children {
            let _ = child.kill();
        }
        self.crew.lifeline = None;
        self.crew.control = None;
        self.phase = Phase::Closing;
    }
}

fn read(lines: &mut super::lines::Lines) -> Result<Vec<Vec<u8>>, Error> {
    if lines.is_open() { step("read from a process of ours", lines.read()) } else { Ok(vec![]) }
}

fn parse<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(line).map_err(|error| Error::Step { step: "understand a process of ours", source: error.into() })
}
