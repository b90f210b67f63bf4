//! `tidewaiter doctor`: prints what this host has and what every promise rests on.

use serde::Serialize;

use crate::{
    exit::Exit,
    policy::Policy,
    promise::{self, Host, Row},
};

#[derive(Serialize)]
struct Report<'a> {
    host: &'a Host,
    promises: &'a [Row],
    enforceable: bool,
}

/// The report for `policy`, as a table or as JSON, and the exit code: whether the policy could be enforced here.
pub fn doctor(policy: &Policy, json: bool) -> (String, Exit) {
    let host = promise::look();
    let promises = promise::rows(&host, policy);
    let enforceable = promises.iter().all(|row| row.missing.is_none());
    let report = Report { host: &host, promises: &promises, enforceable };
    let text = if json { serde_json::to_string_pretty(&report).unwrap_or_default() + "\n" } else { promise::text(&host, &promises) };
    (text, if enforceable { Exit::Done } else { Exit::Host })
}
