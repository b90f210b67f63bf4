//! Bytes counted on their way, against the budget and for the record.

use std::{
    error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::{
    budget::Budget,
    denial::Denial,
    records::{Entry, Traffic},
};

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Broken>;

/// A far end that is silent for so long has gone away. Claude Code itself gives up after 300 s.
pub(super) const SILENCE: Duration = Duration::from_secs(600);

/// Why a body ends early.
pub(super) type Broken = Box<dyn error::Error + Send + Sync>;

/// A body that is there already.
pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Why an answer is not held as a whole.
pub(super) enum Unheld {
    /// It is longer than it may be.
    Large,
    /// The far end broke off.
    Broken(hyper::Error),
    /// A limit of the job is used up.
    Spent(Denial),
}

/// All of an answer that has at most `limit` bytes. Each part of it counts when it comes, so that no more than that is read past a
/// limit of the job.
pub(super) async fn held(mut body: Incoming, limit: usize, budget: &Budget, traffic: &Traffic) -> Result<Bytes, Unheld> {
    if hyper::body::Body::size_hint(&body).lower() > limit as u64 {
        return Err(Unheld::Large);
    }
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Unheld::Broken)?.into_data() else { continue };
        traffic.down(data.len() as u64);
        budget.down(data.len() as u64).map_err(Unheld::Spent)?;
        if whole.len() + data.len() > limit {
            return Err(Unheld::Large);
        }
        whole.extend_from_slice(&data);
    }
    Ok(Bytes::from(whole))
}

/// A far end's answer on its way to the agent, frame by frame. Its entry is written when it ends, however it ends.
pub(super) struct Answer {
    inner: Incoming,
    budget: Arc<Budget>,
    entry: Entry,
    silence: Pin<Box<Sleep>>,
}

impl Answer {
    pub(super) fn new(inner: Incoming, budget: Arc<Budget>, entry: Entry) -> Self {
        Self { inner, budget, entry, silence: Box::pin(sleep(SILENCE)) }
    }

    fn cut(&mut self, denial: Denial) -> Broken {
        self.entry.deny(&denial);
        denial.reason.into()
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        let Poll::Ready(next) = Pin::new(&mut this.inner).poll_frame(cx) else {
            ready!(this.silence.as_mut().poll(cx));
            return Poll::Ready(Some(Err(this.cut(Denial::far_end("provider/silent", "the far end was silent for 600 s")))));
        };
        Poll::Ready(match next {
            None => None,
            Some(Err(error)) => Some(Err(this.cut(Denial::far_end("provider/broken", format!("the far end broke off: {error}"))))),
            Some(Ok(frame)) => match frame.into_data() {
                // Trailers are not for the agent.
                Err(_) => None,
                Ok(data) => {
                    let length = data.len() as u64;
                    this.silence.as_mut().reset(tokio::time::Instant::now() + SILENCE);
                    this.entry.traffic.down(length);
                    if let Some(bill) = &mut this.entry.bill {
                        bill.read(&data);
                    }
                    Some(this.budget.down(length).map(|()| Frame::data(data)).map_err(|denial| this.cut(denial)))
                }
            },
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a plain request on its way to a far end, counted frame by frame.
pub(super) struct Sent {
    pub(super) inner: Incoming,
    pub(super) budget: Arc<Budget>,
    pub(super) traffic: Arc<Traffic>,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)).transpose()? else { return Poll::Ready(None) };
        let Ok(data) = frame.into_data() else { return Poll::Ready(None) };
        let length = data.len() as u64;
        self.budget.up(length).map_err(|denial| denial.reason)?;
        self.traffic.up(length);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
