//! Questions of the agent for the gate, while it works: how many, how often, one worker at a time. Nothing here reads what is
//! asked or told: a question has a number alone, and what the worker tells goes on to the gateway as it is.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::PathBuf,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags},
};

use super::worker::Worker;
use crate::{
    advice::{APART, Answer, Judged, MOST, MOST_SECRETS, Refused, TIME},
    journal::Event,
    role::Role,
    secret::Secret,
};

/// What the worker may take longer than it gives itself.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes of a worker's answer.
const LONGEST: usize = 1 << 20;

/// Bytes that wait for the gateway. One that does not take them gets no more.
const WAITING: usize = 2 << 20;

/// How the gate is asked.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The specification of the role [`Role::Advice`], as JSON. The job's secrets are in it.
    pub spec: Secret,
    /// This program, which the agent may execute to ask.
    pub program: PathBuf,
}

/// Answers questions, one at a time.
pub(super) struct Adviser {
    asking: Option<Asking>,
    to_gateway: Option<File>,
    waiting: Vec<u8>,
    asked: u32,
    secrets: u32,
    /// When the last judgement ended.
    last: Option<Instant>,
    at_work: Option<AtWork>,
}

struct AtWork {
    question: u64,
    worker: Worker,
    answer: File,
    text: Vec<u8>,
    since: Instant,
}

impl Adviser {
    pub(super) fn new(asking: Option<Asking>, to_gateway: OwnedFd) -> io::Result<Self> {
        unblock(&to_gateway)?;
        let to_gateway = Some(to_gateway.into());
        Ok(Self { asking, to_gateway, waiting: vec![], asked: 0, secrets: 0, last: None, at_work: None })
    }

    /// Starts to answer question number `question`, or says why not. What comes back is for the journal.
    pub(super) fn ask(&mut self, question: u64) -> Option<Event> {
        match self.start(question) {
            Ok(()) => Some(Event::Question { question }),
            Err(refused) => {
                self.tell(&Answer { question, outcome: Err(refused) });
                None
            }
        }
    }

    fn start(&mut self, question: u64) -> Result<(), Refused> {
        let asking = self.asking.as_ref().ok_or(Refused::Off)?;
        if self.at_work.is_some() {
            return Err(Refused::Busy);
        }
        if self.secrets >= MOST_SECRETS {
            return Err(Refused::Secrets);
        }
        if self.asked >= MOST {
            return Err(Refused::Spent);
        }
        let left = self.last.map_or(Duration::ZERO, |last| APART.saturating_sub(last.elapsed()));
        if !left.is_zero() {
            return Err(Refused::Soon { seconds: left.as_secs() + 1 });
        }
        let (mut worker, answer) = Worker::start(Role::Advice, asking.spec.reveal().as_bytes()).map_err(|_| Refused::Gone)?;
        if unblock(&answer).is_err() {
            worker.kill();
            return Err(Refused::Gone);
        }
        self.asked += 1;
        self.at_work = Some(AtWork { question, worker, answer: answer.into(), text: vec![], since: Instant::now() });
        Ok(())
    }

    /// What is waited for.
    pub(super) fn add_to<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        if let Some(at_work) = &self.at_work {
            fds.push(PollFd::new(at_work.answer.as_fd(), PollFlags::POLLIN));
        }
        if let Some(pipe) = self.to_gateway.as_ref().filter(|_| !self.waiting.is_empty()) {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        }
    }

    /// When the worker is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at_work.as_ref().map(|at_work| at_work.since + TIME + GRACE)
    }

    /// Deals with what has happened. What comes back is for the journal.
    pub(super) fn turn(&mut self) -> Option<Event> {
        self.send();
        let late = self.deadline().is_some_and(|deadline| Instant::now() >= deadline);
        let at_work = self.at_work.as_mut()?;
        let outcome = match at_work.read() {
            Ok(false) if late => Err(Refused::Late),
            Ok(false) => return None,
            Ok(true) => serde_json::from_slice(&at_work.text).unwrap_or(Err(Refused::Gone)),
            Err(_) => Err(Refused::Gone),
        };
        Some(self.finish(outcome))
    }

    /// Ends whoever is at work: the agent has ended, and nobody waits for advice. What comes back is for the journal.
    pub(super) fn stop(&mut self) -> Option<Event> {
        let ended = self.at_work.is_some().then(|| self.finish(Err(Refused::Gone)));
        self.asking = None;
        ended
    }

    fn finish(&mut self, outcome: Result<Judged, Refused>) -> Event {
        let (mut question, mut ms) = (0, 0);
        if let Some(mut at_work) = self.at_work.take() {
            at_work.worker.kill();
            question = at_work.question;
            ms = u64::try_from(at_work.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        self.last = Some(Instant::now());
        let judged = outcome.as_ref().ok();
        self.secrets += u32::from(judged.is_some_and(|judged| judged.secret));
        let decision = judged.map(|judged| judged.decision);
        let findings = judged.map_or(0, |judged| judged.findings);
        self.tell(&Answer { question, outcome: outcome.map(|judged| judged.told) });
        Event::Advice { question, decision, findings, ms }
    }

    fn tell(&mut self, answer: &Answer) {
        if let Ok(line) = serde_json::to_vec(answer) {
            self.waiting.extend(line);
            self.waiting.push(b'\n');
        }
        self.send();
    }

    /// Gives the gateway what it takes without making us wait.
    fn send(&mut self) {
        let Some(pipe) = &mut self.to_gateway else { return };
        while !self.waiting.is_empty() {
            match pipe.write(&self.waiting) {
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.waiting.len() <= WAITING => return,
                Err(_) => {
                    self.to_gateway = None;
                    self.waiting = vec![];
                    return;
                }
            }
        }
    }
}

impl AtWork {
    /// Reads what is there; whether that was all.
    fn read(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 << 10];
        loop {
            match self.answer.read(&mut chunk) {
                Ok(0) => return Ok(true),
                Ok(length) => self.text.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if self.text.len() > LONGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

fn unblock(pipe: &OwnedFd) -> io::Result<()> {
    Ok(fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)?)
}
