//! The exit codes that Tidewaiter's commands share: a fixed interface (ARCHITECTURE.md, "Fixed interfaces").

use std::process::ExitCode;

/// How a command other than `run` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Passed, or may leave for review.
    Done,
    /// A comparison, test or verification says no.
    No,
    /// The command line was not understood.
    Usage,
    /// The policy is not valid.
    Policy,
    /// This host cannot keep a promise that the policy requires.
    Host,
    /// The change was denied.
    Denied,
    /// The agent failed.
    Agent,
    /// A limit of the policy was reached.
    Limit,
    /// GitLab or the provider could not be reached, or refused.
    Remote,
    /// An internal error.
    Internal,
    /// The change could not be inspected: unreadable, too large, timed out.
    Uninspected,
    /// Ended by this signal.
    Signal(i32),
}

impl Exit {
    /// The number that the process exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Policy => 64,
            Self::Host => 65,
            Self::Denied => 66,
            Self::Agent => 67,
            Self::Limit => 68,
            Self::Remote => 69,
            Self::Internal => 70,
            Self::Uninspected => 71,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// How `run` says that it failed itself, as `docker run` does.
pub const RUN_FAILED: u8 = 125;
/// `run --observe`: the command ran, whatever its own status, and the policy was not enforced.
pub const RUN_OBSERVED: u8 = 72;
/// `run`: the command was found but could not be executed (as a shell says).
pub const RUN_NOT_EXECUTABLE: u8 = 126;
/// `run`: the command was not found (as a shell says).
pub const RUN_NOT_FOUND: u8 = 127;
