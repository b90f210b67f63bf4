//! The command line under the name `claude`: the edge of [`crate::shim`].

use std::{
    ffi::OsStr,
    fs,
    io::{self, IsTerminal as _, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::ExitCode,
};

use crate::{
    exit::Exit,
    shim::{self, Ask, LONGEST, Meaning},
    terminal,
};

/// Whether a program that was started under `name` is the shim.
pub fn is(name: &OsStr) -> bool {
    Path::new(name).file_name() == Some(OsStr::new("claude"))
}

/// Reads the command line and runs the job.
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match shim::read(&words) {
        Ok(Meaning::Version) => {
            println!("tidewaiter {} (under the name `claude`)", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Meaning::Help) => {
            print!("{}", shim::HELP);
            ExitCode::SUCCESS
        }
        Ok(Meaning::Ask(_)) if std::env::var_os("GITLAB_CI").is_none() => {
            refused(&"this `claude` is Tidewaiter, which runs agents in GitLab CI jobs only; GITLAB_CI is not set")
        }
        Ok(Meaning::Ask(ask)) => match input(&ask).and_then(|input| ask.request(&input)) {
            Ok(request) => job(&ask, request),
            Err(error) => refused(&error),
        },
        Err(error) => refused(&error),
    }
}

fn job(ask: &Ask, request: String) -> ExitCode {
    if let Some(remark) = ask.remark() {
        terminal::say(&remark);
    }
    super::job::start(super::job::Asked { files: vec![], layer: ask.layer(), prompt: Some(request), from: None })
}

/// What was piped to us. With a prompt on the command line, a standard input that is our parent's own was meant for it and
/// not for us: in a job it may be the rest of the script.
fn input(ask: &Ask) -> Result<String, shim::Error> {
    let stdin = io::stdin();
    if stdin.is_terminal() || ask.prompt.is_some() && inherited() {
        return Ok(String::new());
    }
    let mut text = Vec::new();
    let read = stdin.take(LONGEST as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| shim::Error::Input(error.to_string()))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Whether our standard input is our parent's; also where that cannot be told.
fn inherited() -> bool {
    let place = |process: &str| fs::metadata(format!("/proc/{process}/fd/0")).map(|meta| (meta.dev(), meta.ino()));
    match (place("self"), place(&std::os::unix::process::parent_id().to_string())) {
        (Ok(own), Ok(parents)) => own == parents,
        _ => true,
    }
}

fn refused(error: &dyn std::fmt::Display) -> ExitCode {
    super::failed(error, Exit::Usage.code())
}
