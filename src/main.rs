//! The program: one of its own helper processes, what git asks for a token, `claude`, or the command line.

use std::process::ExitCode;

use tidewaiter::{cli, git, role::Role};

fn main() -> ExitCode {
    if std::env::var_os(git::ASKPASS_VARIABLE).is_some() {
        return git::askpass_main(std::env::args_os().skip(1));
    }
    let name = std::env::args_os().next().unwrap_or_default();
    match name.to_str().and_then(Role::named) {
        Some(role) => cli::roles::main(role),
        None if cli::shim::is(&name) => cli::shim::main(),
        None => cli::main(),
    }
}
