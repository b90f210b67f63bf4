//! What a person sees of us on standard error.

/// Says `text` on standard error, each line marked as ours.
pub fn say(text: &str) {
    for line in text.lines() {
        eprintln!("tidewaiter: {line}");
    }
}
