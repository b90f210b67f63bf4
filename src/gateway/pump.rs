//! Moves bytes between two connections without taking them into this process: from a socket into a pipe and out of it again
//! (splice(2)). They are counted on their way, against the budget and for the record.

use std::{
    io::{self, ErrorKind},
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    sync::Mutex,
};

use nix::{
    fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice},
    sys::socket::{Shutdown, shutdown},
    unistd::pipe2,
};
use tokio::{
    io::{AsyncWriteExt as _, Interest},
    net::TcpStream,
};

use super::{budget::Budget, denial::Denial, records::Traffic};

/// Bytes that a pipe holds, where the system lets us say so (pipe(7), `/proc/sys/fs/pipe-max-size`).
const HOLDS: usize = 256 << 10;

/// Empty pipes that wait for their next use, at most. One is needed while bytes are on their way, so mostly a few are enough.
const SPARE: usize = 64;

/// Where pipes come from.
#[derive(Debug, Default)]
pub(super) struct Pipes(Mutex<Vec<Pipe>>);

#[derive(Debug)]
struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
}

impl Pipes {
    fn take(&self) -> io::Result<Pipe> {
        if let Some(spare) = self.0.lock().ok().and_then(|mut spare| spare.pop()) {
            return Ok(spare);
        }
        let (out, into) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        // A smaller one is slower and does the same.
        let _ = fcntl(&into, FcntlArg::F_SETPIPE_SZ(i32::try_from(HOLDS).unwrap_or(i32::MAX)));
        Ok(Pipe { out, into })
    }

    /// Only an empty one is given back: what is left in it would reach another connection.
    fn give(&self, empty: Pipe) {
        if let Ok(mut spare) = self.0.lock()
            && spare.len() < SPARE
        {
            spare.push(empty);
        }
    }
}

/// What the moved bytes count for.
pub(super) struct Meter<'a> {
    pub(super) budget: &'a Budget,
    pub(super) traffic: &'a Traffic,
    pub(super) pipes: &'a Pipes,
}

/// Sends `first`, which the client said already, and then all that either side says, until both have ended. Errors are the
/// budget's alone: a reset by either side is how many connections end.
pub(super) async fn both(client: &TcpStream, far: &mut TcpStream, first: &[u8], meter: Meter<'_>) -> Result<(), Denial> {
    meter.budget.up(first.len() as u64)?;
    meter.traffic.up(first.len() as u64);
    if far.write_all(first).await.is_err() {
        return Ok(());
    }
    let far = &*far;
    let up = way(
        client,
        far,
        meter.pipes,
        |wanted| Ok(wanted.min(meter.budget.up_left()?)),
        |moved| {
            meter.traffic.up(moved);
            meter.budget.up(moved)
        },
    );
    let down = way(far, client, meter.pipes, Ok, |moved| {
        meter.traffic.down(moved);
        meter.budget.down(moved)
    });
    match tokio::try_join!(up, down) {
        Err(End::Spent(denial)) => Err(denial),
        Err(End::Broken) | Ok(_) => Ok(()),
    }
}

enum End {
    Spent(Denial),
    Broken,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// One direction, to its end, which is passed on. `left` bounds the next step, `count` is told of each before it arrives.
async fn way(
    from: &TcpStream,
    to: &TcpStream,
    pipes: &Pipes,
    left: impl Fn(usize) -> Result<usize, Denial>,
    count: impl Fn(u64) -> Result<(), Denial>,
) -> Result<(), End> {
    loop {
        from.readable().await?;
        let pipe = pipes.take()?;
        // Nothing is in the pipe, so it is the connection that has nothing.
        let most = left(HOLDS).map_err(End::Spent)?;
        let moved = match from.try_io(Interest::READABLE, || step(from, &pipe.into, most)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                pipes.give(pipe);
                continue;
            }
            other => other?,
        };
        if moved == 0 {
            pipes.give(pipe);
            // One that is gone needs not be told.
            let _ = shutdown(to.as_raw_fd(), Shutdown::Write);
            return Ok(());
        }
        count(moved as u64).map_err(End::Spent)?;
        let mut waiting = moved;
        while waiting > 0 {
            waiting -= to.async_io(Interest::WRITABLE, || step(&pipe.out, to, waiting)).await?;
        }
        pipes.give(pipe);
    }
}

/// Moves what can be moved now, at most `most` bytes.
fn step(from: impl AsFd, into: impl AsFd, most: usize) -> io::Result<usize> {
    Ok(splice(from, None, into, None, most, SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK)?)
}
