//! Why GitLab gave no usable answer.

use crate::{digest::Digest, http};

/// A call that brought nothing, or a job whose variables make no sense. `what` names the thing that was asked for, e.g.
/// `issue 7 of project 42`; `variable` the variable whose token was used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No whole answer came.
    #[error("{what}: GitLab gave no answer: {source}; check CI_API_V4_URL and the runner's network")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// The client's reason.
        source: http::Error,
    },
    /// 401.
    #[error("{what}: GitLab does not accept the token in {variable} (401): it is wrong, expired or revoked; make a new one")]
    Unauthorized {
        /// What was asked for.
        what: String,
        /// Where the token came from.
        variable: &'static str,
    },
    /// 403.
    #[error("{what}: GitLab refuses (403): the token in {variable} lacks the `api` scope or the Developer role{reason}")]
    Forbidden {
        /// What was asked for.
        what: String,
        /// Where the token came from.
        variable: &'static str,
        /// GitLab's own words, in brackets; may be empty.
        reason: String,
    },
    /// 404, which GitLab also says of things that the token may not see.
    #[error("{what}: not found (404), or the token in {variable} may not see it; check the number and the token's membership{reason}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Where the token came from.
        variable: &'static str,
        /// GitLab's own words, in brackets; may be empty.
        reason: String,
    },
    /// 429 until the time was up.
    #[error("{what}: GitLab's rate limit holds for longer than {seconds} s (429); run the job again later")]
    RateLimited {
        /// What was asked for.
        what: String,
        /// How long was waited at most.
        seconds: u64,
    },
    /// 5xx until the time was up.
    #[error("{what}: GitLab failed with status {status}; look at its status page and run the job again")]
    Server {
        /// What was asked for.
        what: String,
        /// The last status.
        status: u16,
    },
    /// 409: it is there already, or changed meanwhile.
    #[error("{what}: GitLab says that it conflicts with what is there (409){reason}")]
    Conflict {
        /// What was asked for.
        what: String,
        /// GitLab's own words, in brackets; may be empty.
        reason: String,
    },
    /// Any other status: 400, 422, a redirect.
    #[error("{what}: GitLab answered with status {status}{reason}; if it is a redirect, CI_API_V4_URL is not the API's address")]
    Refused {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
        /// GitLab's own words, in brackets; may be empty.
        reason: String,
    },
    /// A good status with a body that is not what the API promises.
    #[error("{what}: expected {expected} in JSON from GitLab, got something else ({reason}); is CI_API_V4_URL the API's address?")]
    Garbage {
        /// What was asked for.
        what: String,
        /// What the body should have been.
        expected: &'static str,
        /// Where reading it ended.
        reason: String,
    },
    /// Git LFS takes no upload: 403 where it is off in the project, 404 where the project is not seen, 501 where no project has it.
    #[error(
        "Git LFS: GitLab takes no upload ({status}): it is switched off in this project (Settings, General, Visibility) or on this server, or the token in {variable} may not push{reason}"
    )]
    LfsOff {
        /// The status.
        status: u16,
        /// Where the token came from.
        variable: &'static str,
        /// GitLab's own words, in brackets; may be empty.
        reason: String,
    },
    /// There is no room for the objects.
    #[error("Git LFS: GitLab takes no upload ({status}): the objects are too large, or the storage is full{reason}")]
    LfsFull {
        /// The status.
        status: u16,
        /// GitLab's own words, in brackets; may be empty.
        reason: String,
    },
    /// GitLab wants an object elsewhere.
    #[error(
        "the object {oid} of Git LFS: GitLab says to upload it to {host}, which is not GitLab itself; where that is its object storage, name it in network.gitlab.lfs_hosts"
    )]
    LfsHost {
        /// The object.
        oid: Digest,
        /// Host and port.
        host: String,
    },
    /// One object is not there.
    #[error("the object {oid} of Git LFS {reason}")]
    LfsObject {
        /// The object.
        oid: Digest,
        /// What is wrong, without any address' query.
        reason: String,
    },
    /// A request that cannot be made: a name that is no part of an URL, a token with odd characters.
    #[error("{what}: the request cannot be made: {reason}")]
    Request {
        /// What was to be asked for.
        what: String,
        /// Why not.
        reason: String,
    },
    /// A variable of the job is missing or makes no sense.
    #[error("the job's variable {name} {reason}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The subject is confidential: a merge request would show its text to more people.
    #[error("{what} is confidential: its text would reach people who may not see it; make it public or describe the task elsewhere")]
    Confidential {
        /// The issue.
        what: String,
    },
}
