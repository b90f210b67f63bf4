//! Reads objects through one long-lived `git cat-file`.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::PoisonError,
};

use super::{Error, Oid, Repository, shown};

const CALL: &str = "cat-file";

/// Bytes of a blob that is too large which are rather read than that another process is started.
const PAST: u64 = 8 << 20;

/// A running `git cat-file --batch-command` (git-cat-file(1)).
pub(super) struct Batch {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Repository {
    /// The bytes of the blob `id`, which has at most `limit` of them.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::BlobTooLarge`], [`Error::Pipe`], [`Error::Answer`].
    pub fn blob(&self, id: Oid, limit: u64) -> Result<Vec<u8>, Error> {
        self.with_batch(|batch| {
            let size = batch.header("contents", id)?;
            if size > limit {
                if size <= PAST {
                    batch.body(size)?;
                }
                return Err(Error::BlobTooLarge { oid: id, size, limit });
            }
            batch.body(size)
        })
    }

    /// How many bytes the blob `id` has.
    ///
    /// # Errors
    /// As [`blob`](Self::blob).
    pub fn blob_size(&self, id: Oid) -> Result<u64, Error> {
        self.with_batch(|batch| batch.header("info", id))
    }

    fn with_batch<T>(&self, work: impl FnOnce(&mut Batch) -> Result<T, Error>) -> Result<T, Error> {
        let mut slot = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = match slot.take() {
            Some(batch) => batch,
            None => self.start()?,
        };
        let result = work(&mut batch);
        // After a broken answer nobody knows where in the stream it stands, and a long one was not read to its end.
        let is_lost = match &result {
            Err(Error::Pipe { .. } | Error::Answer { .. }) => true,
            Err(Error::BlobTooLarge { size, .. }) => *size > PAST,
            _ => false,
        };
        if !is_lost {
            *slot = Some(batch);
        }
        result
    }

    /// Forgets what a running `cat-file` has seen: needed after new packs were written.
    pub(super) fn renew(&self) {
        *self.batch.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn start(&self) -> Result<Batch, Error> {
        let mut command = self.command();
        command.args(["cat-file", "--batch-command"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(broken)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(ask), Some(answer)) => Ok(Batch { child, ask, answer: BufReader::new(answer) }),
            _ => Err(broken(io::Error::other("no pipes"))),
        }
    }
}

fn broken(source: io::Error) -> Error {
    Error::Pipe { call: CALL, source }
}

impl Batch {
    /// Asks and reads `<oid> SP blob SP <size> LF`.
    fn header(&mut self, verb: &str, id: Oid) -> Result<u64, Error> {
        self.ask.write_all(format!("{verb} {id}\n").as_bytes()).and_then(|()| self.ask.flush()).map_err(broken)?;
        let mut line = Vec::new();
        (&mut self.answer).take(256).read_until(b'\n', &mut line).map_err(broken)?;
        let text = String::from_utf8_lossy(&line);
        let fields: Vec<&str> = text.trim_end().split(' ').collect();
        match fields[..] {
            [name, "blob", size] if name == id.to_string() => size.parse().ok(),
            [_, "missing"] => return Err(Error::Missing(id)),
            _ => None,
        }
        .ok_or_else(|| Error::Answer { call: CALL, answer: shown(&line) })
    }

    fn body(&mut self, size: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        (&mut self.answer).take(size).read_to_end(&mut bytes).map_err(broken)?;
        let mut end = [0];
        self.answer.read_exact(&mut end).map_err(broken)?;
        if bytes.len() as u64 != size || end != *b"\n" {
            return Err(Error::Answer { call: CALL, answer: "a blob that was cut".to_owned() });
        }
        Ok(bytes)
    }
}
