//! The command line.

pub mod roles;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{doctor, exit::Exit, policy::Policy, run, terminal};

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
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
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
    let Run { policy, workspace, journal, command } = options;
    match run::run(run::Options { policy, workspace, journal, command, scribe: crate::scribe::Spec {} }) {
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
