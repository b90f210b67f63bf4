//! The command line.

pub mod roles;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{doctor, exit::Exit, policy::Policy, run, scribe::Mode, terminal};

#[derive(Debug, Parser)]
#[command(name = "tidewaiter", version, about, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lock a command in where it stands, with the gateway as its only way out
    Run(Run),
    /// Say what this host has and what every promise rests on
    Doctor(Doctor),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Policy file; repeated ones are layers, each may only narrow the one before
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// The directory that the command may change [default: the current one]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Write the journal of all decisions to this new file
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// How the command's output is shown [default: raw; in a GitLab job prefixed]
    #[arg(long, value_enum)]
    log: Option<Log>,
    /// What the command finds on its standard input [default: forward; in a GitLab job empty]
    #[arg(long, value_enum)]
    stdin: Option<Stdin>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Log {
    /// Byte for byte
    Raw,
    /// Cleaned, every line behind a prefix
    Prefixed,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Stdin {
    /// What we find on ours
    Forward,
    /// Nothing
    Empty,
}

#[derive(Debug, clap::Args)]
struct Doctor {
    /// Policy file; repeated ones are layers, each may only narrow the one before
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(options) => run_command(options),
        Command::Doctor(options) => doctor_command(&options),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tidewaiter", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}

fn run_command(options: Run) -> ExitCode {
    let Run { policy, workspace, journal, log, stdin, command } = options;
    // In a job, whoever reads our output is the runner, and what stands on our standard input is the job's script.
    let in_a_job = std::env::var_os("GITLAB_CI").is_some();
    let log = match log {
        Some(Log::Raw) => Mode::Raw,
        Some(Log::Prefixed) => Mode::Prefixed,
        None if in_a_job => Mode::Prefixed,
        None => Mode::Raw,
    };
    let stdin = match stdin {
        Some(Stdin::Forward) => true,
        Some(Stdin::Empty) => false,
        None => !in_a_job,
    };
    let colours = terminal::colours();
    match run::run(run::Options { policy, workspace, journal, command, log, stdin, colours }) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            terminal::say(&error.to_string());
            ExitCode::from(error.code())
        }
    }
}

fn doctor_command(options: &Doctor) -> ExitCode {
    match Policy::of_command(&options.policy, None) {
        Ok(policy) => {
            let (text, exit) = doctor::doctor(&policy, options.json);
            print!("{text}");
            exit.into()
        }
        Err(error) => {
            terminal::say(&error.to_string());
            Exit::Policy.into()
        }
    }
}
