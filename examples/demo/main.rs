//! `make demo`: one merge request opened, six attacks refused, in a scratch directory on this machine.
//!
//! A stand-in for GitLab, with real git over HTTP, and a scripted model provider listen on loopback; `tidewaiter job` between
//! them is the real program. Every claim that is printed with a ✓ was checked, and the first that does not hold ends the demo.
//!
//! `demo agent` prints where the real Claude Code lies, which it installs if it is not there: for the tests.
#![allow(missing_docs, unreachable_pub)]

mod agent;
mod first;
mod play;
mod project;
mod runner;
mod second;
mod show;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::{env, process::ExitCode, time::Instant};

use play::Play;
use runner::Secrets;
use show::{Ink, Stage};
use support::gitlab::GitLab;

fn main() -> ExitCode {
    let stage = Stage::new();
    let told = match env::args().nth(1).as_deref() {
        Some("agent") => where_claude_lies(),
        Some(other) => Err(format!("`{other}` is not known; there is `agent`, or nothing for the demo")),
        None => tell(stage),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\n{} {reason}", stage.ink(Ink::Red, "demo: FAILED:"));
            ExitCode::FAILURE
        }
    }
}

fn where_claude_lies() -> Result<(), String> {
    let (_, cache) = play::binary()?;
    println!("{}", agent::claude(&cache, &|text| eprintln!("{text}"))?.display());
    Ok(())
}

fn tell(stage: Stage) -> Result<(), String> {
    // Both are removed at the end, whatever happens.
    let scratch =
        tempfile::Builder::new().prefix("tidewaiter-demo-").tempdir().map_err(|error| format!("no scratch directory: {error}"))?;
    let gitlab = GitLab::start();
    let secrets = Secrets::make(&gitlab);
    let play = Play::set_up(stage, scratch.path(), &gitlab, &secrets)?;
    project::push(&gitlab, scratch.path())?;
    let start = Instant::now();
    first::play(&play)?;
    second::play(&play)?;
    play.nothing_left_behind()?;
    let seconds = start.elapsed().as_secs_f32();
    let path = scratch.path().to_owned();
    scratch.close().map_err(|error| format!("{} was not removed: {error}", path.display()))?;
    stage.say(&stage.ink(Ink::Green, &format!("\nThe demo is over. Both acts took {seconds:.1} s; nothing was left behind.")));
    Ok(())
}
