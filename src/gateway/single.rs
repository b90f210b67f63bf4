//! One request of a connection that may carry more: the HTTP library sees its bytes and no others, so that every request's
//! head is judged before anything reads it.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take},
    net::TcpStream,
};

use super::metered::{Body, Broken};

/// A connection up to the end of one request, and its answer.
#[derive(Debug)]
pub(super) struct Single {
    /// What was read already and is not given on yet.
    early: Vec<u8>,
    given: usize,
    /// Bounded by what is still to come of the request.
    stream: Take<TcpStream>,
    answered: Arc<AtomicBool>,
    /// Whether a part of the answer may wait to be written.
    unwritten: bool,
    /// More came before the answer was sent.
    crowded: bool,
    reader: Option<Waker>,
}

impl Single {
    /// `early` begins the request, of which `left` more bytes will come; as many as there are where it tells its length as it
    /// goes.
    pub(super) fn new(stream: TcpStream, early: Vec<u8>, left: Option<u64>) -> Self {
        let stream = stream.take(left.unwrap_or(u64::MAX));
        Self { early, given: 0, stream, answered: Arc::default(), unwritten: false, crowded: false, reader: None }
    }

    /// To be held until the answer is complete.
    pub(super) fn unanswered(&self) -> Unanswered {
        Unanswered(self.answered.clone())
    }

    /// The connection, and whether it can carry another request: this one came as a whole, and nothing behind it.
    pub(super) fn into_parts(self) -> (TcpStream, bool) {
        let whole = self.stream.limit() == 0 && self.given == self.early.len();
        (self.stream.into_inner(), whole && !self.crowded)
    }
}

impl AsyncRead for Single {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let early = &this.early[this.given..];
        if !early.is_empty() {
            let length = early.len().min(buffer.remaining());
            buffer.put_slice(&early[..length]);
            this.given += length;
            return Poll::Ready(Ok(()));
        }
        if this.stream.limit() > 0 {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        // The library asks for the next request once the answer is on its way, and for whether anybody is there until then.
        if this.answered.load(Relaxed) && !this.unwritten {
            return Poll::Ready(Ok(()));
        }
        this.reader = Some(cx.waker().clone());
        let mut byte = [0];
        match ready!(this.stream.get_ref().poll_peek(cx, &mut ReadBuf::new(&mut byte)))? {
            0 => Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
            _ => {
                this.crowded = true;
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Single {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.unwritten = true;
        Pin::new(self.stream.get_mut()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.unwritten = true;
        Pin::new(self.stream.get_mut()).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    /// Called when all was written that there is so far.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unwritten = false;
        if self.answered.load(Relaxed) {
            self.reader.take().into_iter().for_each(Waker::wake);
        }
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}

/// The body of the answer to a [`Single`] request.
pub(super) struct Answering {
    body: Body,
    _unanswered: Unanswered,
}

impl Answering {
    pub(super) fn new(body: Body, unanswered: Unanswered) -> Self {
        Self { body, _unanswered: unanswered }
    }
}

/// Its end says that the answer is complete.
pub(super) struct Unanswered(Arc<AtomicBool>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
