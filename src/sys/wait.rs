//! Waiting for children. `nix` takes a child that a real-time signal ended or stopped for an error (its `Signal` knows none of
//! those), and whoever reaps what others started must not fail by how it ends.
#![allow(unsafe_code)]

use std::io;

/// What waiting for a child brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Nothing yet: there are children, and none has ended.
    Nothing,
    /// There is no child.
    NoChild,
    /// A child, by its pid, and its status as a shell says it: its exit code, or 128 and the signal that ended it. It is reaped.
    Ended(i32, i32),
    /// One that is traced has stopped; it is still there.
    Stopped(i32),
}

/// Waits for the child `pid`, for any child (-1) or for any of the process group `-pid` (waitpid(2)): until one ends, or with
/// `now` only if one has ended already.
///
/// # Errors
/// When the kernel refuses the call itself.
pub fn wait(pid: i32, now: bool) -> io::Result<Waited> {
    loop {
        let mut status = 0;
        // SAFETY: the kernel writes one number to `status`, which lives through the call.
        let answer = unsafe { libc::waitpid(pid, &raw mut status, if now { libc::WNOHANG } else { 0 }) };
        match (answer, io::Error::last_os_error()) {
            (0, _) => return Ok(Waited::Nothing),
            (1.., _) => return Ok(read(answer, status)),
            (_, error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(Waited::NoChild),
            (_, error) if error.raw_os_error() == Some(libc::EINTR) => {}
            (_, error) => return Err(error),
        }
    }
}

fn read(pid: i32, status: i32) -> Waited {
    if libc::WIFEXITED(status) {
        Waited::Ended(pid, libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Waited::Ended(pid, 128 + libc::WTERMSIG(status))
    } else {
        Waited::Stopped(pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::zombie_processes, reason = "they are waited for, by what is tested")]
    fn every_signal_is_an_end() {
        for (script, status) in [("exit 3", 3), ("kill -9 $$", 137), ("kill -40 $$", 168), ("kill -64 $$", 192)] {
            let child = std::process::Command::new("sh").args(["-c", script]).spawn().unwrap();
            let pid = i32::try_from(child.id()).unwrap();
            assert_eq!(wait(pid, false).unwrap(), Waited::Ended(pid, status), "{script}");
            assert_eq!(wait(pid, true).unwrap(), Waited::NoChild);
        }
    }

    #[test]
    fn who_still_runs_is_nothing_yet() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(wait(i32::try_from(child.id()).unwrap(), true).unwrap(), Waited::Nothing);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
