//! What a person sees of us.

use std::io::{IsTerminal as _, Write as _};

use crate::report::Look;

/// Says `text` on standard error, each line marked as ours.
pub fn say(text: &str) {
    for line in text.lines() {
        eprintln!("tidewaiter: {line}");
    }
}

/// Whether standard output may have colours: a terminal, and nobody said NO_COLOR (no-color.org).
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How a report looks on standard output: on a terminal as wide as that is, though no wider than anywhere else.
pub fn look() -> Look {
    let width = terminal_size::terminal_size_of(std::io::stdout()).map_or(Look::PLAIN.width, |(width, _)| usize::from(width.0));
    Look { colour: colours(), width: width.min(Look::PLAIN.width) }
}

/// Prints `text`. A reader who has seen enough, as `head` has, is no error.
///
/// # Errors
/// Why it cannot be written.
pub fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
