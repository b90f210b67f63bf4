//! The program: one of its own helper processes, or the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args().next().unwrap_or_default();
    match tidewaiter::role::Role::named(&name) {
        Some(role) => tidewaiter::cli::roles::main(role),
        None => tidewaiter::cli::main(),
    }
}
