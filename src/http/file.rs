//! A request's body from a file, piece by piece: memory does not grow with the file.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Bytes that are read at once.
const PIECE: u64 = 64 << 10;

/// The first bytes of a file as a body, whose length is told beforehand. Where the file's own position stands does not matter.
#[derive(Clone, Debug)]
pub struct FileBody {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl FileBody {
    /// The first `length` bytes of `file`. It has as many, or sending it fails.
    pub fn new(file: Arc<File>, length: u64) -> Self {
        Self { file, at: 0, end: length }
    }

    fn left(&self) -> u64 {
        self.end - self.at
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    /// Reading blocks: a file of our own is read, mostly from memory, by a process that has nothing else to do.
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let count = self.left().min(PIECE);
        if count == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; usize::try_from(count).unwrap_or(0)];
        let read = self.file.read_exact_at(&mut piece, self.at);
        self.at += count;
        Poll::Ready(Some(read.map(|()| Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
