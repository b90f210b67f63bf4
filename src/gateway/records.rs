//! One record a decision, on its way to the supervisor. None is ever lost: a request is only looked at once there is a
//! place for its record.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{journal::Event, upstream::Passage};

use super::{bill::Bill, denial::Denial};

/// Records that wait for the writer, besides one for each connection.
const PLACES: usize = 512;

/// Where entries are opened.
#[derive(Clone)]
pub(super) struct Desk(mpsc::Sender<Event>);

/// Starts the writer, for so many `connections` at once. What comes back with the desk tells when `records` cannot be written any more.
pub(super) fn open(mut records: impl Write + Send + 'static, connections: usize) -> io::Result<(Desk, oneshot::Receiver<io::Error>)> {
    let (sender, mut events) = mpsc::channel::<Event>(PLACES.saturating_add(connections).min(Semaphore::MAX_PERMITS));
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("records".to_owned()).spawn(move || {
        while let Some(event) = events.blocking_recv() {
            if let Err(error) = write(&mut records, &event) {
                // Whoever listens is the gateway itself; if it is gone there is nobody to tell.
                let _ = tell.send(error);
                return;
            }
        }
    })?;
    Ok((Desk(sender), told))
}

fn write(records: &mut impl Write, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    records.write_all(&line)?;
    records.flush()
}

impl Desk {
    /// Opens an entry as soon as there is a place for it; none when the writer is gone.
    pub(super) async fn entry(&self) -> Option<Entry> {
        let place = self.0.clone().reserve_owned().await.ok()?;
        let (facts, traffic) = (Facts::default(), Arc::default());
        Some(Entry { place: Some(place), start: Instant::now(), facts, traffic, bill: None, desk: self.clone() })
    }

    /// Passes a question for the gate on; none when the writer is gone.
    pub(super) async fn question(&self, question: u64) -> Option<()> {
        self.0.send(Event::Question { question }).await.ok()
    }

    /// The same of a request for a credential.
    pub(super) async fn asking(&self, host: String, path: String, up: u64, upstream: Option<Passage>) -> Option<Asking> {
        let place = self.0.clone().reserve_owned().await.ok()?;
        Some(Asking { place: Some(place), start: Instant::now(), host, path, up, upstream, answer: None })
    }
}

/// An open record of a request for a credential: written when it is dropped, whatever came of it.
pub(super) struct Asking {
    place: Option<mpsc::OwnedPermit<Event>>,
    start: Instant,
    host: String,
    path: String,
    up: u64,
    upstream: Option<Passage>,
    /// Status and length of the answer.
    pub(super) answer: Option<(u16, u64)>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let event = Event::Credential {
            host: std::mem::take(&mut self.host),
            path: std::mem::take(&mut self.path),
            status: self.answer.map(|(status, _)| status),
            up: self.up,
            down: self.answer.map_or(0, |(_, length)| length),
            ms: milliseconds(self.start),
            upstream: self.upstream,
        };
        if let Some(place) = self.place.take() {
            drop(place.send(event));
        }
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Bytes of one request, counted as they pass.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    up: AtomicU64,
    down: AtomicU64,
}

impl Traffic {
    pub(super) fn up(&self, bytes: u64) {
        self.up.fetch_add(bytes, Relaxed);
    }

    pub(super) fn down(&self, bytes: u64) {
        self.down.fetch_add(bytes, Relaxed);
    }
}

/// What is known of a request so far.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) allowed: bool,
    pub(super) way: &'static str,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) rule: String,
    pub(super) reason: String,
    pub(super) status: Option<u16>,
    pub(super) unlisted: bool,
    pub(super) upstream: Option<Passage>,
}

/// An open record: written when it is dropped, so that no way of ending goes unrecorded.
pub(super) struct Entry {
    place: Option<mpsc::OwnedPermit<Event>>,
    start: Instant,
    pub(super) facts: Facts,
    pub(super) traffic: Arc<Traffic>,
    /// Of a request to a model.
    pub(super) bill: Option<Bill>,
    /// Where what is asked for on its way is noted.
    pub(super) desk: Desk,
}

impl Entry {
    /// Notes that it does not go on, or no further.
    pub(super) fn deny(&mut self, denial: &Denial) {
        self.facts.allowed = false;
        denial.rule.clone_into(&mut self.facts.rule);
        denial.reason.clone_into(&mut self.facts.reason);
    }

    /// Notes that it goes on by `rule`.
    pub(super) fn allow(&mut self, rule: &'static str) {
        self.facts.allowed = true;
        rule.clone_into(&mut self.facts.rule);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let facts = std::mem::take(&mut self.facts);
        let event = Event::Gateway {
            allowed: facts.allowed,
            way: facts.way.to_owned(),
            method: facts.method,
            host: facts.host,
            path: facts.path,
            rule: facts.rule,
            reason: facts.reason,
            status: facts.status,
            up: self.traffic.up.load(Relaxed),
            down: self.traffic.down.load(Relaxed),
            bill: self.bill.take().and_then(Bill::close),
            ms: milliseconds(self.start),
            unlisted: facts.unlisted,
            upstream: facts.upstream,
        };
        if let Some(place) = self.place.take() {
            drop(place.send(event));
        }
    }
}
