//! One call of the script: a job's supervisor that we start for it, with the credentials that the script does not hold.

use std::{
    ffi::OsString,
    fs::File,
    io::Read as _,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
};

use nix::{
    fcntl::OFlag,
    sys::socket::{MsgFlags, send},
    unistd::pipe2,
};
use serde::{Deserialize, Serialize};

use super::{Error, step};
use crate::{environment::Variables, policy::Source, role::Role, sys};

/// What the job's supervisor is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Called {
    /// The job's variables, its credentials among them.
    pub variables: Vec<(OsString, OsString)>,
    /// The job's policy as it was when the container started, or why there is none.
    pub policy: Result<Vec<Source>, String>,
    /// What earlier calls left of its limits.
    pub left: Left,
}

/// What all calls of a job together may still use.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum Left {
    /// There was no call yet.
    #[default]
    All,
    /// So much, as a layer of the policy.
    Some(Source),
    /// Nothing.
    Nothing,
}

/// What the job's supervisor tells at its end.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// What is left now.
    pub left: Left,
}

/// Everything that calls need.
#[derive(Debug)]
pub(super) struct Desk {
    variables: Variables,
    policy: Result<Vec<Source>, String>,
    left: Left,
}

/// A call at work.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) pid: i32,
    line: OwnedFd,
    report: File,
}

impl Desk {
    pub(super) fn new(variables: Variables, policy: Result<Vec<Source>, String>) -> Self {
        Self { variables, policy, left: Left::All }
    }

    /// Starts what the descriptors of one message ask for; none where they are not those of a request.
    pub(super) fn start(&self, message: Vec<OwnedFd>) -> Result<Option<Call>, Error> {
        let Ok([line, request, out, err]) = <[OwnedFd; 4]>::try_from(message) else { return Ok(None) };
        let variables = self.variables.clone().into_iter().collect();
        let called = Called { variables, policy: self.policy.clone(), left: self.left.clone() };
        let spec = serde_json::to_vec(&called).map_err(Into::into).and_then(|json| sys::descriptor::memory(&json));
        let spec = step("hand a specification over", spec)?;
        let (report, report_in) = step("make a pipe", pipe2(OFlag::O_CLOEXEC))?;
        let handed = [(out.as_fd(), 1), (err.as_fd(), 2), (spec.as_fd(), 3), (report_in.as_fd(), 4), (request.as_fd(), 5)];
        let child = step("start the job", sys::process::respawn(Role::Job.name(), &handed))?;
        Ok(Some(Call { pid: child.pid(), line, report: report.into() }))
    }

    /// The call is over: what it left is remembered, and its status goes back.
    pub(super) fn end(&mut self, call: Call, status: u8) {
        let Call { line, mut report, .. } = call;
        let mut text = Vec::new();
        let told = report.read_to_end(&mut text).ok().and_then(|_| serde_json::from_slice::<Report>(&text).ok());
        // Who does not say what it used has used all.
        self.left = told.map_or(Left::Nothing, |report| report.left);
        // The caller may be gone, or have handed over something else than a socket. Nobody is waited for.
        let _ = send(line.as_raw_fd(), &[status], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
    }
}

impl Call {
    /// Where the caller's going away is seen.
    pub(super) fn line(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}
