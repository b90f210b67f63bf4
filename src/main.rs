//! The program: one of its own helper processes, what git asks for a token, or the command line.

use std::process::ExitCode;

use tidewaiter::{cli, git, role::Role};

fn main() -> ExitCode {
    if std::env::var_os(git::ASKPASS_VARIABLE).is_some() {
        return git::askpass_main(std::env::args_os().skip(1));
    }
    match Role::named(&std::env::args().next().unwrap_or_default()) {
        Some(role) => cli::roles::main(role),
        None => cli::main(),
    }
}
