//! How git is called: a fixed program, an environment of ours, bounded pipes.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use super::{Error, shown};

/// Where git and what it calls are looked for; never the caller's PATH.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is kept of git's standard error.
const STDERR: u64 = 4096;

/// The whole environment of every git process (git(1), "Environment Variables").
const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", PATH),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("GIT_ADVICE", "0"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    // A path is a path, never pathspec magic such as `:(glob)`.
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// Configuration that wins over that of any file (git-config(1)).
const CONFIG: &[&str] = &[
    // Fetching asks for the references of borrowed repositories by a git that would read their configuration.
    "core.alternateRefsCommand=true",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.commitGraph=false",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    // A repository of ours is made anew after a crash.
    "core.fsync=none",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "submodule.recurse=false",
];

/// `check-attr --source` came with this release (git's release notes, 2.40.0).
const OLDEST: (u32, u32) = (2, 40);

/// The git program, found once.
#[derive(Clone, Debug)]
pub(super) struct Program(PathBuf);

impl Program {
    pub(super) fn find() -> Result<Self, Error> {
        let candidates = PATH.split(':').map(|folder| Path::new(folder).join("git"));
        candidates.into_iter().find(|path| path.is_file()).map(Self).ok_or(Error::NoProgram)
    }

    /// Refuses a git that lacks what is asked of it later, when the agent has already cost money.
    pub(super) fn check_version(&self, git_dir: &Path) -> Result<(), Error> {
        let answer = line("version", &ask("version", self.command(git_dir).arg("version"), |_| Ok(()), 4096)?)?;
        if is_new_enough(&answer) { Ok(()) } else { Err(Error::TooOld(shown(answer.as_bytes()))) }
    }

    /// `git` with `git_dir` as its repository and nothing else of the world.
    pub(super) fn command(&self, git_dir: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command.env_clear().envs(ENVIRONMENT.iter().copied()).env("GIT_DIR", git_dir).current_dir(git_dir);
        for setting in CONFIG {
            command.args(["-c", setting]);
        }
        command
    }
}

/// Whether `git version MAJOR.MINOR…` is at least [`OLDEST`]. What is not understood is too old.
fn is_new_enough(answer: &str) -> bool {
    let mut numbers = answer.strip_prefix("git version ").unwrap_or_default().split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST)
}

/// What a finished git call left.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    /// Bounded and escaped.
    pub(super) stderr: String,
}

/// Runs `command`, feeds it by `feed`, reads at most `limit` bytes of its answer.
pub(super) fn talk(
    call: &'static str,
    command: &mut Command,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    limit: u64,
) -> Result<Output, Error> {
    let broken = |source| Error::Pipe { call, source };
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(broken)?;
    let (fed, read, stderr) = pipes(&mut child, feed, limit);
    // A bound that was passed leaves a writer behind that nobody reads.
    if read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(broken)?;
    let (stdout, over) = read.map_err(broken)?;
    if over {
        return Err(Error::TooLarge { call, limit });
    }
    // Git that ends early breaks the pipe; its status tells more than that.
    if status.success() {
        fed.map_err(broken)?;
    }
    Ok(Output { status, stdout, stderr })
}

type Read2 = io::Result<(Vec<u8>, bool)>;

fn pipes(child: &mut Child, feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send, limit: u64) -> (io::Result<()>, Read2, String) {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let writer = scope.spawn(move || match stdin {
            Some(mut pipe) => feed(&mut pipe),
            None => Ok(()),
        });
        let complaint = scope.spawn(move || read_complaint(stderr));
        let read = read_bounded(stdout, limit);
        let fed = writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        (fed, read, complaint.join().unwrap_or_default())
    })
}

fn read_bounded(pipe: Option<impl Read>, limit: u64) -> Read2 {
    let Some(mut pipe) = pipe else { return Ok((Vec::new(), false)) };
    let mut out = Vec::new();
    (&mut pipe).take(limit.saturating_add(1)).read_to_end(&mut out)?;
    let over = out.len() as u64 > limit;
    Ok((out, over))
}

fn read_complaint(pipe: Option<impl Read>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut out = Vec::new();
    let _ = (&mut pipe).take(STDERR).read_to_end(&mut out);
    let _ = io::copy(&mut pipe, &mut io::sink());
    let text: Vec<String> = out.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(shown).collect();
    text.join("; ")
}

/// As [`talk`], and git must say yes.
pub(super) fn ask(
    call: &'static str,
    command: &mut Command,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    limit: u64,
) -> Result<Vec<u8>, Error> {
    let output = talk(call, command, feed, limit)?;
    if !output.status.success() {
        return Err(Error::Failed { call, status: output.status.to_string(), stderr: output.stderr });
    }
    Ok(output.stdout)
}

/// The one line that an answer must be.
pub(super) fn line(call: &'static str, answer: &[u8]) -> Result<String, Error> {
    std::str::from_utf8(answer)
        .ok()
        .and_then(|text| text.strip_suffix('\n'))
        .filter(|text| !text.contains('\n'))
        .map(str::to_owned)
        .ok_or_else(|| Error::Answer { call, answer: shown(answer) })
}

/// The one object name that an answer must be.
pub(super) fn oid(call: &'static str, answer: &[u8]) -> Result<super::Oid, Error> {
    line(call, answer)?.parse().map_err(|_| Error::Answer { call, answer: shown(answer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_is_too_old_or_unknown_is_told_from_one_that_will_do() {
        for answer in ["git version 2.40.0", "git version 2.47.3", "git version 2.51.0.windows.1", "git version 3.0"] {
            assert!(is_new_enough(answer), "{answer}");
        }
        for answer in ["git version 2.39.5", "git version 1.99.9", "git version two", "git version 2", "2.47.3", ""] {
            assert!(!is_new_enough(answer), "{answer}");
        }
    }
}
