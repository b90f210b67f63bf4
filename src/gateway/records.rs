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

use crate::journal::Event;

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
        Some(Entry { place: Some(place), start: Instant::now(), facts: Facts::default(), traffic: Arc::default(), bill: None })
    }
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
}

/// An open record: written when it is dropped, so that no way of ending goes unrecorded.
pub(super) struct Entry {
    place: Option<mpsc::OwnedPermit<Event>>,
    start: Instant,
    pub(super) facts: Facts,
    pub(super) traffic: Arc<Traffic>,
    /// Of a request to a model.
    pub(super) bill: Option<Bill>,
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
            ms: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            unlisted: facts.unlisted,
        };
        if let Some(place) = self.place.take() {
            drop(place.send(event));
        }
    }
}
