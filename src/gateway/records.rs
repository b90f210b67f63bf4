//! One record a decision, on its way to the supervisor. None is ever lost: a request is only looked at once there is a
//! place for its record.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{journal::Event, upstream::Passage};

use super::{bill::Bill, denial::Denial};

/// Records that wait for the writer, besides one for each connection.
const PLACES: usize = 512;

/// Bytes that go to the supervisor at once: what a pipe takes in one piece (pipe(7), `PIPE_BUF`), since others write to it too.
const PIECE: usize = 4096;

/// The writer rests so long after each time, so that a flood of refusals does not wake it, and the supervisor, for each one.
const REST: Duration = Duration::from_millis(1);

/// Where entries are opened.
#[derive(Clone)]
pub(super) struct Desk(mpsc::Sender<Event>);

/// What comes back of [`open`]: the desk, what tells when records cannot be written any more, and the writer, which ends when no
/// desk and no entry is left and all is written.
type Opened = (Desk, oneshot::Receiver<io::Error>, thread::JoinHandle<()>);

/// Starts the writer, for so many `connections` at once.
pub(super) fn open(mut records: impl Write + Send + 'static, connections: usize) -> io::Result<Opened> {
    let (sender, mut events) = mpsc::channel::<Event>(PLACES.saturating_add(connections).min(Semaphore::MAX_PERMITS));
    let (tell, told) = oneshot::channel();
    let writer = thread::Builder::new().name("records".to_owned()).spawn(move || {
        if let Err(error) = write(&mut records, &mut events) {
            // Whoever listens is the gateway itself; if it is gone there is nobody to tell.
            let _ = tell.send(error);
        }
    })?;
    Ok((Desk(sender), told, writer))
}

/// Writes all that come, in whole lines, as many at once as make a piece.
fn write(records: &mut impl Write, events: &mut mpsc::Receiver<Event>) -> io::Result<()> {
    let mut lines = Vec::with_capacity(2 * PIECE);
    while let Some(first) = events.blocking_recv() {
        let mut next = Some(first);
        while let Some(event) = next {
            let whole = lines.len();
            serde_json::to_writer(&mut lines, &event)?;
            lines.push(b'\n');
            if whole > 0 && lines.len() > PIECE {
                records.write_all(&lines[..whole])?;
                lines.drain(..whole);
            }
            next = events.try_recv().ok();
        }
        records.write_all(&lines)?;
        records.flush()?;
        lines.clear();
        thread::sleep(REST);
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What was written at once, each time.
    #[derive(Clone, Default)]
    struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn records_are_written_in_whole_lines_of_a_piece_and_to_the_last_one() {
        let pieces = Pieces::default();
        let (desk, _told, writer) = open(pieces.clone(), 1).unwrap();
        for number in 0..2000 {
            // As others write to the same pipe, a piece that is too long for it would be cut; a line of its own may be.
            let length = if number == 1000 { PIECE } else { number % 50 };
            desk.entry().await.unwrap().deny(&Denial::forbidden("test/rule", "x".repeat(length)));
        }
        drop(desk);
        writer.join().unwrap();
        let pieces = pieces.0.lock().unwrap().clone();
        assert!(pieces.iter().all(|piece| piece.ends_with(b"\n")));
        let long = |piece: &Vec<u8>| piece.len() > PIECE;
        assert_eq!(
            pieces.iter().filter(|piece| long(piece)).map(|piece| piece.split(|byte| *byte == b'\n').count()).collect::<Vec<_>>(),
            [2]
        );
        assert_eq!(pieces.concat().split(|byte| *byte == b'\n').count(), 2001);
    }
}
