//! The command line: typed arguments in, meaning out.

mod job;
pub mod roles;
pub mod shim;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::{
    check, doctor, environment,
    exit::Exit,
    gate::{self, Known},
    init, inside,
    policy::{self, Policy},
    report::{self, Format, Look},
    run,
    scribe::Mode,
    supervisor::Stance,
    terminal,
    verdict::Decision,
};

/// Locks a coding agent into a GitLab CI job and inspects its change before anything leaves.
#[derive(Debug, Parser)]
#[command(name = "tidewaiter", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole job in GitLab CI: run the agent, inspect its change, open a merge request
    Job(Job),
    /// Be the first process of a job's container: start its script, hold its credentials, and run what it asks for
    Init {
        /// The script's program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Lock a command in where it stands, with the gateway as its only way out
    Run(Run),
    /// Judge a change without running anything
    Check(Check),
    /// Say what this host has and what every promise rests on
    Doctor(Doctor),
    /// Inside of the walls: a server of the Model Context Protocol, by which the agent asks the gate
    Mcp,
    /// Inside of the walls: what Claude Code runs at a moment of its own
    Hook {
        /// The moment
        #[arg(value_enum)]
        moment: Moment,
    },
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Moment {
    /// It would stop
    Stop,
}

#[derive(Debug, clap::Args)]
struct Layers {
    /// Policy file; repeated ones are layers, each may only narrow the one before
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with 0 when a merge request was opened or nothing changed, 66 when the change was denied, 67 when the \
                        agent failed, 68 when a limit was reached, 64 for an invalid policy, 65 when this host cannot keep a promise, 69 when GitLab or the provider refuse, 71 when the change cannot be inspected.\n\nA denied change is kept \
                        beside the journal. With --from it is judged again, under another policy or with a waiver, and leaves \
                        when it passes: no agent is started and nothing is paid for twice.")]
struct Job {
    #[command(flatten)]
    layers: Layers,
    /// Judge the change that an earlier job kept in this file, instead of running an agent
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Exits with the command's status; 125 when tidewaiter itself fails, 126 when the command cannot be \
                        executed, 127 when it is not found, 128+n when signal n ended it.\n\nWith --observe nothing that \
                        the command does shows that the policy holds it, so its status is not passed on: the exit code is 72 \
                        whenever it ran. Denied files, dangerous system calls, private addresses and writing outside of the \
                        workspace stay refused.")]
struct Run {
    #[command(flatten)]
    layers: Layers,
    /// The directory that the command may change [default: the current one]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Write the journal of all decisions to this new file
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Enforce less and learn: let the command reach every public host and read most files, and write what the policy would
    /// refuse to the journal
    #[arg(long, requires = "journal")]
    observe: bool,
    /// How the command's output is shown [default: raw; in a GitLab job prefixed]
    #[arg(long, value_enum)]
    log: Option<Log>,
    /// What the command finds on its standard input [default: forward; in a GitLab job empty]
    #[arg(long, value_enum)]
    stdin: Option<Stdin>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Log {
    /// Byte for byte
    Raw,
    /// Cleaned, every line behind a prefix
    Prefixed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stdin {
    /// What we find on ours
    Forward,
    /// Nothing
    Empty,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tidewaiter check --base main                   what HEAD changes of main\n  \
                        tidewaiter check --base HEAD --worktree        what is not committed yet\n  \
                        tidewaiter check --base main --format sarif --output report.sarif\n\n\
                        Exits with 0 for pass and review, 66 for deny, 2 where a revision or a repository is missing, 64 for an invalid \
                        policy, 70 when the report cannot be written, 71 when the change cannot be inspected. Nothing of the \
                        repository is run or changed.")]
struct Check {
    #[command(flatten)]
    layers: Layers,
    /// The commit or tree that the change is measured from
    #[arg(long, value_name = "REV")]
    base: String,
    /// A policy in the base commit, as one more layer: this path there, never in the change
    #[arg(long, value_name = "PATH")]
    base_policy: Option<String>,
    /// The commit or tree that is judged [default: HEAD]
    #[arg(long, value_name = "REV", conflicts_with = "worktree")]
    head: Option<String>,
    /// Judge the files as they are now, committed or not
    #[arg(long)]
    worktree: bool,
    /// The form of the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print the change and the verdict as JSON for other policy engines (docs/facts.schema.json) instead of a report
    #[arg(long, conflicts_with = "format")]
    facts: bool,
    /// Write the report to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The exit code for a change that needs a review
    #[arg(long, value_name = "N", default_value_t = 0)]
    review_exit: u8,
}

#[derive(Debug, clap::Args)]
struct Doctor {
    #[command(flatten)]
    layers: Layers,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Job(options) => job::start(job::Asked { files: options.layers.policy, from: options.from, ..job::Asked::default() }),
        Command::Init { command } => init_command(command),
        Command::Run(options) => run_command(options),
        Command::Check(options) => check_command(&options),
        Command::Doctor(options) => doctor_command(&options),
        Command::Mcp => match inside::mcp::serve(std::io::stdin().lock(), std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error, Exit::Internal.code()),
        },
        Command::Hook { moment: Moment::Stop } => {
            if let Some(answer) = inside::hook::stop(std::io::stdin().lock()) {
                println!("{answer}");
            }
            ExitCode::SUCCESS
        }
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "tidewaiter", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}

fn init_command(command: Vec<OsString>) -> ExitCode {
    init::init(command).map_or_else(|error| failed(&error, Exit::Internal.code()), ExitCode::from)
}

fn run_command(options: Run) -> ExitCode {
    // In a job, whoever reads our output is the runner, and what stands on our standard input is the job's script.
    let in_a_job = std::env::var_os("GITLAB_CI").is_some();
    let log = match options.log {
        Some(Log::Raw) => Mode::Raw,
        Some(Log::Prefixed) => Mode::Prefixed,
        None if in_a_job => Mode::Prefixed,
        None => Mode::Raw,
    };
    let stdin = match options.stdin {
        Some(Stdin::Forward) => true,
        Some(Stdin::Empty) => false,
        None => !in_a_job,
    };
    let Run { layers, workspace, journal, observe, command, .. } = options;
    let stance = if observe { Stance::Observe } else { Stance::Enforce };
    let shown = journal.as_deref().unwrap_or(Path::new("")).display().to_string();
    if observe {
        terminal::say(&format!(
            "OBSERVING, NOT ENFORCING: the command reaches every public host and reads most files; what the policy would refuse goes to {shown}"
        ));
    }
    let done =
        run::run(run::Options { policy: layers.policy, workspace, journal, command, log, stdin, colours: terminal::colours(), stance });
    if let Some(starved) = done.as_ref().ok().and_then(|done| done.starved.as_ref()) {
        terminal::say(starved);
    }
    if observe {
        terminal::say(&observed(done.as_ref().ok(), &shown));
    }
    done.map_or_else(|error| failed(&error, error.code()), |done| ExitCode::from(done.code))
}

/// The last word of an observed run.
fn observed(done: Option<&run::Done>, journal: &str) -> String {
    let Some(done) = done else { return "OBSERVED, NOT ENFORCED: the command did not run to its end".to_owned() };
    let (count, status, code) = (done.would_refuse.unwrap_or(0), done.status, done.code);
    format!(
        "OBSERVED, NOT ENFORCED: the policy would have refused {count} different things, listed in {journal}; the command ended with \
         status {status}, which is not passed on: the exit code of an observed run is {code}"
    )
}

fn check_command(options: &Check) -> ExitCode {
    let policy = match check_policy(options) {
        Ok(policy) => policy,
        Err((reason, exit)) => return failed(&reason, exit.code()),
    };
    let known = match Known::new(environment::secrets(&std::env::vars_os().collect(), policy.network.proxy_variable())) {
        Ok(known) => known,
        Err(error) => return failed(&error, error.exit().code()),
    };
    let target =
        if options.worktree { check::Target::Worktree } else { check::Target::Head(options.head.clone().unwrap_or("HEAD".into())) };
    let (base, ci_config) = (options.base.clone(), gate::CI_CONFIG.to_owned());
    let asked = check::Options { repository: ".".into(), base, target, policy: &policy, known: &known, ci_config };
    match check::check(&asked, options.facts) {
        Ok(checked) => show(options, &policy, &checked),
        Err(error) => failed(&error, error.exit().code()),
    }
}

/// The image's policy, those of `--policy`, and beneath them that of the base.
fn check_policy(options: &Check) -> Result<Policy, (String, Exit)> {
    let invalid = |error: policy::Error| (error.to_string(), Exit::Policy);
    let mut layers = Policy::layers(&options.layers.policy, None).map_err(invalid)?;
    if let Some(path) = &options.base_policy {
        layers.push(check::policy_at(Path::new("."), &options.base, path).map_err(|error| (error.to_string(), error.exit()))?);
    }
    Policy::compose(layers).map_err(invalid)
}

fn show(options: &Check, policy: &Policy, checked: &check::Checked) -> ExitCode {
    let verdict = &checked.judgement.verdict;
    let rules: Vec<report::Rule<'_>> = gate::rules().map(|rule| report::Rule { id: rule.id, about: rule.about }).collect();
    let (base, tree) = (checked.base.to_string(), checked.tree.to_string());
    let about = report::About { policy: policy.digest(), base: &base, tree: &tree, changed: Some(checked.changed), rules: &rules };
    let look = if options.output.is_none() { terminal::look() } else { Look::PLAIN };
    let text = checked.facts.clone().unwrap_or_else(|| report::render(options.format, verdict, &about, look));
    let written = match &options.output {
        Some(path) => std::fs::write(path, text).map_err(|error| format!("the report cannot be written to {}: {error}", path.display())),
        None => terminal::print(&text).map_err(|error| format!("the report cannot be printed: {error}")),
    };
    match (written, verdict.decision) {
        (Err(problem), _) => failed(&problem, Exit::Internal.code()),
        (Ok(()), Decision::Pass) => Exit::Done.into(),
        (Ok(()), Decision::Review) => ExitCode::from(options.review_exit),
        (Ok(()), Decision::Deny) => Exit::Denied.into(),
    }
}

fn doctor_command(options: &Doctor) -> ExitCode {
    match Policy::of_command(&options.layers.policy, std::env::var("TIDEWAITER_POLICY").ok().as_deref()) {
        Ok(policy) => {
            let (text, exit) = doctor::doctor(&policy, options.json);
            print!("{text}");
            exit.into()
        }
        Err(error) => failed(&error, Exit::Policy.code()),
    }
}

fn failed(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    terminal::say(&error.to_string());
    ExitCode::from(code)
}
