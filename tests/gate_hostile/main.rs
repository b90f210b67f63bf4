//! A workspace whose repository is hostile: nothing planted in it runs, and nothing is hidden by it. The other half of each
//! case is plain git, which runs the program, or does not see the change.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod hidden;
mod plants;

use support::repo::Given;

fn config(given: &Given<'_>, settings: &[(&str, &str)]) {
    for (key, value) in settings {
        given.git(&["config", key, value]);
    }
}
