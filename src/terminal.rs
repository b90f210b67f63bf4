//! What a person sees of us.

use std::io::IsTerminal as _;

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
