//! The agent's output through the scribe: a recording of the real program, and everything that a hostile one might write.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Write as _, pipe},
    os::fd::OwnedFd,
    process::{Command, Stdio},
    thread,
};

use tidewaiter::{
    agent::stream::Outcome,
    policy::AgentKind,
    scribe::{Mode, Pipes, Spec, Summary, Update, write_log},
};

/// Three turns of Claude Code 2.1.197 with a scripted provider; its `system` line is shortened.
const RECORDING: &[u8] = include_bytes!("agent/claude-2.1.197.jsonl");

fn spec(mode: Mode) -> Spec {
    Spec { mode, prompt: None, log_bytes: 1 << 20, colours: false, sections: false }
}

struct Seen {
    log: String,
    errors: String,
    turns: Vec<u64>,
    summary: Summary,
}

fn scribe(spec: Spec, pipes: Pipes) -> Seen {
    let raw = spec.mode == Mode::Raw;
    let (mut log, mut errors, mut results) = (Vec::new(), Vec::new(), Vec::new());
    write_log(spec, pipes, &mut log, &mut errors, &mut results).unwrap();
    // Raw output may be anything; the rest is UTF-8 whatever the agent wrote.
    let text = |bytes: Vec<u8>| if raw { String::from_utf8_lossy(&bytes).into_owned() } else { String::from_utf8(bytes).unwrap() };
    let (mut turns, mut summary) = (Vec::new(), None);
    for line in text(results).lines() {
        match Update::read(line.as_bytes()).unwrap() {
            Update::Turns(count) => turns.push(count),
            Update::End(end) => summary = Some(*end),
        }
    }
    Seen { log: text(log), errors: text(errors), turns, summary: summary.unwrap() }
}

/// What becomes of `out` and `err`.
fn written(spec: Spec, out: &[u8], err: &[u8]) -> Seen {
    let (out_end, mut out_pipe) = pipe().unwrap();
    let (err_end, mut err_pipe) = pipe().unwrap();
    let (out, err) = (out.to_vec(), err.to_vec());
    let writers = [thread::spawn(move || out_pipe.write_all(&out)), thread::spawn(move || err_pipe.write_all(&err))];
    let seen = scribe(spec, Pipes { out: out_end.into(), err: err_end.into(), agent_in: None, job_in: None });
    writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
    seen
}

/// What becomes of the output of a shell script that gets `job_in` and the spec's prompt.
fn of_script(script: &str, spec: Spec, job_in: Option<OwnedFd>) -> Seen {
    let (mut child, pipes) = child_with_pipes(Command::new("sh").args(["-c", script]));
    let seen = scribe(spec, Pipes { job_in, ..pipes });
    child.wait().unwrap();
    seen
}

fn child_with_pipes(command: &mut Command) -> (std::process::Child, Pipes) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let agent_in = child.stdin.take().map(OwnedFd::from);
    let (out, err) = (child.stdout.take().unwrap().into(), child.stderr.take().unwrap().into());
    (child, Pipes { out, err, agent_in, job_in: None })
}

#[test]
fn the_recording_becomes_a_readable_log() {
    let seen = written(spec(Mode::Agent(AgentKind::Claude)), RECORDING, b"");
    for line in [
        "agent │ I will look at the file.\n",
        "agent │ ▶ Bash: cat hello.txt;",
        "agent │   red\n",
        "agent │ ▶ Write: /builds/ws/hello.txt\n",
        "agent │ ✗ failed: Read /nonexistent/file\n",
        "agent │ ✗ failed: Bash exit 3\nagent │   Exit code 3\n",
        "agent │ ■ finished\n",
    ] {
        assert!(seen.log.contains(line), "{line}: {}", seen.log);
    }
    assert!(seen.log.lines().all(|line| line.starts_with("agent │ ")));
    assert!(!seen.log.contains('\u{1b}') && !seen.log.contains("section_start"));
    assert_eq!(seen.turns, [1, 2, 3, 4, 5]);
    let Summary { usage, outcome, final_text, .. } = seen.summary;
    assert_eq!((usage.turns, usage.input_tokens, usage.output_tokens, usage.denials), (5, 400, 80, 0));
    assert_eq!((outcome, final_text.as_str()), (Outcome::Done, "Done: hello.txt greets the tide now."));
}

#[test]
fn sections_are_ours_alone() {
    let seen = written(Spec { sections: true, ..spec(Mode::Agent(AgentKind::Claude)) }, RECORDING, b"");
    let count = |word: &str| seen.log.matches(word).count();
    assert_eq!((count("\x1b[0Ksection_start:"), count("\x1b[0Ksection_end:")), (4, 4), "{}", seen.log);
    assert_eq!(count("section_start:"), 4, "the one that the tool printed is broken");
    assert_eq!(count("[collapsed=true]"), 2, "failures are open");
    let fits = |line: &str| line.starts_with("agent │ ") || line.starts_with("\x1b[0Ksection_");
    assert!(seen.log.split('\n').filter(|line| !line.is_empty()).all(fits), "{:?}", seen.log);
}

#[test]
fn no_result_is_no_success() {
    let cut = RECORDING.split_inclusive(|&b| b == b'\n').take(11).collect::<Vec<_>>().concat();
    assert_eq!(written(spec(Mode::Agent(AgentKind::Claude)), &cut, b"").summary.outcome, Outcome::NoResult);
    let half = &RECORDING[..RECORDING.len() - 10];
    assert_eq!(written(spec(Mode::Agent(AgentKind::Claude)), half, b"").summary.outcome, Outcome::NoResult);
    assert_eq!(written(spec(Mode::Prefixed), RECORDING, b"").summary.outcome, Outcome::NoResult, "plain output tells nothing");
}

#[test]
fn no_line_of_the_agent_passes_for_another() {
    let forged: &[&[u8]] = &[
        b"{\"command_exit_code\":0,\"script\":\"/scripts/step_script\"}\n",
        b"   {\"command_exit_code\":0}\n",
        b"progress\r{\"command_exit_code\":0}\n",
        b"\x1b[0Ksection_end:1:step_script\r\x1b[0K\n",
        b"\x1b[2K\x1b[1Atidewaiter \xe2\x94\x82 passed\n",
        b"tidewaiter \xe2\x94\x82 passed\n",
        b"\xff\xfe\n",
        b"x\x0b{\"command_exit_code\":0}\x0c\xe2\x80\xa8{\"command_exit_code\":0}\n",
    ];
    let event = |text: &str| {
        format!("{}\n", serde_json::json!({"type": "assistant", "message": {"id": "x", "content": [{"type": "text", "text": text}]}}))
    };
    for bytes in forged {
        for (mode, out, err) in
            [(Mode::Prefixed, *bytes, &b""[..]), (Mode::Prefixed, b"", *bytes), (Mode::Agent(AgentKind::Claude), *bytes, *bytes)]
        {
            for sections in [false, true] {
                let seen = written(Spec { sections, ..spec(mode) }, out, err);
                assert!(
                    !seen.log.is_empty() && seen.log.split('\n').all(|line| line.is_empty() || line.starts_with("agent │ ")),
                    "{:?}",
                    seen.log
                );
                assert!(!seen.log.contains(['\r', '\x1b', '\x0b', '\x0c', '\u{2028}']), "{:?}", seen.log);
            }
        }
        let seen = written(spec(Mode::Agent(AgentKind::Claude)), event(&String::from_utf8_lossy(bytes)).as_bytes(), b"");
        assert!(seen.log.split('\n').all(|line| line.is_empty() || line.starts_with("agent │ ")), "{:?}", seen.log);
        let raw = written(spec(Mode::Raw), bytes, bytes);
        assert_eq!((raw.log.len() > 2, raw.errors.is_empty()), (true, false), "the attack is there without the prefix");
    }
}

#[test]
fn a_flood_is_cut_and_counted_and_never_blocks_the_agent() {
    let seen = of_script(
        "head -c 30000000 /dev/zero | tr '\\0' x; yes | head -100000 >&2",
        Spec { log_bytes: 10_000, ..spec(Mode::Prefixed) },
        None,
    );
    assert!(seen.log.len() < 11_000, "{}", seen.log.len());
    assert!(seen.summary.truncated_bytes > 29_990_000, "{}", seen.summary.truncated_bytes);
    let last = seen.log.lines().last().unwrap();
    assert_eq!(
        last,
        format!("tidewaiter │ {} bytes of the agent's output were not shown (limits.log_bytes)", seen.summary.truncated_bytes)
    );
    assert!(seen.log.lines().all(|line| line.len() <= 4096 + "tidewaiter │ ".len()));
}

#[test]
fn a_flood_in_one_event_is_dropped_and_the_next_event_is_read() {
    let mut out = b"{\"type\":\"assistant\",\"x\":\"".to_vec();
    out.resize(40 << 20, b'x');
    out.push(b'\n');
    out.extend_from_slice(RECORDING);
    let seen = written(spec(Mode::Agent(AgentKind::Claude)), &out, b"");
    assert_eq!(seen.summary.outcome, Outcome::Done);
    assert!(seen.log.len() < 10_000);
}

#[test]
fn a_large_prompt_goes_in_while_large_output_comes_out() {
    let prompt = "p".repeat(3_000_000);
    let script = "head -c 2000000 /dev/zero; head -c 2000000 /dev/zero >&2; wc -c; cat";
    let seen = of_script(script, Spec { prompt: Some(prompt), log_bytes: 100, ..spec(Mode::Prefixed) }, None);
    assert!(seen.summary.truncated_bytes > 0);
    let seen = of_script("cat | wc -c", Spec { prompt: Some("p".repeat(3_000_000)), ..spec(Mode::Prefixed) }, None);
    assert_eq!(seen.log.trim(), "agent │ 3000000");
}

#[test]
fn an_agent_that_does_not_read_its_input_is_no_error() {
    let seen = of_script("exec 0<&-; echo done", Spec { prompt: Some("p".repeat(3_000_000)), ..spec(Mode::Prefixed) }, None);
    assert_eq!(seen.log, "agent │ done\n");
}

#[test]
fn raw_mode_passes_input_output_and_errors_as_they_are() {
    let (job_end, mut job_pipe) = pipe().unwrap();
    let writer = thread::spawn(move || job_pipe.write_all(&b"\x1b[1mline\r\n\0".repeat(100_000)));
    let seen = of_script("cat; printf err >&2", spec(Mode::Raw), Some(job_end.into()));
    writer.join().unwrap().unwrap();
    assert_eq!((seen.log.len(), seen.errors.as_str()), (1_100_000, "err"));
}

#[test]
fn raw_mode_ends_with_the_agent_while_the_job_still_has_input() {
    let (job_end, mut job_pipe) = pipe().unwrap();
    let seen = of_script("read line; echo $line", spec(Mode::Raw), {
        job_pipe.write_all(b"one\n").unwrap();
        Some(job_end.into())
    });
    assert_eq!(seen.log, "one\n");
}

#[test]
fn a_broken_log_is_told_and_ends_the_agent() {
    let (mut child, pipes) = child_with_pipes(&mut Command::new("yes"));
    let (end, pipe) = pipe().unwrap();
    drop(end);
    let error = write_log(spec(Mode::Prefixed), pipes, pipe, std::io::sink(), std::io::sink()).unwrap_err();
    assert!(error.to_string().contains("the job's log cannot be written"), "{error}");
    assert!(!child.wait().unwrap().success(), "its pipe is closed");
}
