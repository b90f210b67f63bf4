//! The way to the gate: a question without words goes to the supervisor, and what comes back goes to the agent as it is.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use tokio::{sync::oneshot, time::timeout};

use crate::advice::{APART, Answer, PATH, Refused, TIME};

use super::{
    Shared,
    denial::{Denial, Form},
    head::Head,
    metered::{Body, whole},
    records::Entry,
    ticket,
};

/// How it is named in records, and the rule that lets a question through.
pub const WAY: &str = "advice";

/// As the agent's clients read a refusal: the form of npm's is the plainest of JSON.
pub(super) const FORM: Form = Form::Npm;

/// The supervisor gives up before.
const PATIENCE: Duration = Duration::from_secs(TIME.as_secs() + 15);

/// Bytes of an answer.
const LONGEST: u64 = 2 << 20;

/// Questions that wait for their answers, and where those come from.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: Mutex<Open>,
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    /// Whether answers can come at all.
    answered: bool,
    waiting: HashMap<u64, oneshot::Sender<Result<String, Refused>>>,
}

impl Questions {
    /// Hands out what comes through `answers`, a line each.
    pub(super) fn listen(self: &Arc<Self>, answers: OwnedFd) -> io::Result<()> {
        self.with(|open| open.answered = true);
        let questions = self.clone();
        let mut pipe = BufReader::new(File::from(answers));
        thread::Builder::new().name("answers".to_owned()).spawn(move || {
            while let Some(Answer { question, outcome }) = read(&mut pipe) {
                if let Some(asker) = questions.with(|open| open.waiting.remove(&question)) {
                    // Who left in the meantime needs no answer.
                    let _ = asker.send(outcome);
                }
            }
            questions.with(|open| *open = Open::default());
        })?;
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Open) -> T) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn ask(&self, entry: &Entry) -> Result<String, Refused> {
        let question = self.next.fetch_add(1, Relaxed);
        let (tell, told) = oneshot::channel();
        let put = self.with(|open| open.answered && open.waiting.insert(question, tell).is_none());
        if !put {
            return Err(Refused::Off);
        }
        if entry.desk.question(question).await.is_none() {
            return Err(Refused::Gone);
        }
        let outcome = timeout(PATIENCE, told).await;
        self.with(|open| open.waiting.remove(&question));
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Refused::Gone),
            Err(_) => Err(Refused::Late),
        }
    }
}

fn read(pipe: &mut BufReader<File>) -> Option<Answer> {
    let mut line = Vec::new();
    pipe.by_ref().take(LONGEST).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}

/// Whether a target is meant for this.
pub(super) fn is(target: &str) -> bool {
    target == PATH
}

/// Judges a question: it has the ticket, and no words.
pub(super) fn judge(head: &Head, shared: &Shared) -> Result<(), Denial> {
    ticket::at_gate(head, &shared.ticket)?;
    if head.method != "POST" {
        return Err(Denial::new(StatusCode::METHOD_NOT_ALLOWED, "advice/method", "the gate is asked by POST"));
    }
    if head.body_length() != Some(0) {
        return Err(Denial::new(StatusCode::PAYLOAD_TOO_LARGE, "advice/body", "a question to the gate has no body"));
    }
    Ok(())
}

/// Answers it.
pub(super) async fn serve(shared: &Shared, mut entry: Entry) -> Response<Body> {
    match shared.questions.ask(&entry).await {
        Ok(told) => {
            entry.allow(WAY);
            entry.facts.status = Some(StatusCode::OK.as_u16());
            let mut response = Response::new(whole(Bytes::from(told)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(refused) => {
            let denial = Denial::from(&refused);
            entry.deny(&denial);
            let mut response = denial.response(FORM);
            if Refused::passes(refused.rule()) {
                let seconds = if let Refused::Soon { seconds } = refused { seconds } else { APART.as_secs() };
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

impl From<&Refused> for Denial {
    fn from(refused: &Refused) -> Self {
        let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        Self::new(status, refused.rule(), refused.to_string())
    }
}
