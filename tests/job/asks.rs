//! An agent that asks the gate while it works, by the address that it is given, by the tool of our server and by the hook; and what
//! it does not learn.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{
    JOB, Scene, TIDEWAITER,
    providers::{MODELS, install, real},
    support::provider::{Provider, Turn},
    text,
};

/// Asks once: answer and status, in one piece whoever else writes.
const ASK: &str = "cat > /dev/null
ask() { printf '%s\\n' \"$(curl -s -X POST -w ' %{http_code}' \"$@\" \"$TIDEWAITER_GATE\")\"; }
";

const RULES: &str = "[changes]\nprotect = [\"locked/**\"]\n";

fn policy(script: &str, more: &str) -> String {
    let script = json!(format!("{ASK}{script}"));
    format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {script}]\n{more}[limits]\ntime = 110\n{RULES}")
}

fn run(scene: &Scene, script: &str) -> Output {
    scene.job_by(&policy(script, "ask_gate = true\n")).output().unwrap()
}

/// The same by a copy of our program that every uid can reach, wherever this one was built.
fn run_reachable(scene: &Scene, job: &Command) -> Output {
    let program = scene.scratch.path().join("tidewaiter");
    fs::copy(TIDEWAITER, &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut again = Command::new(program);
    again.env_clear().args(job.get_args()).current_dir(job.get_current_dir().unwrap()).stdin(std::process::Stdio::null());
    again.envs(job.get_envs().filter_map(|(name, value)| Some((name, value?))));
    again.output().unwrap()
}

/// What the agent itself wrote into the log, without the mark before each line.
fn said(output: &Output) -> Vec<String> {
    let all = text(output);
    all.lines().filter_map(|line| line.split_once("agent │ ").map(|(_, rest)| rest.to_owned())).collect()
}

/// The answers of the gate in the log, each with its status.
fn answers(output: &Output) -> Vec<(Value, String)> {
    let pairs = said(output).into_iter().filter_map(|line| {
        let (body, status) = line.rsplit_once(' ')?;
        Some((serde_json::from_str(body).ok()?, status.to_owned()))
    });
    pairs.collect()
}

/// The journal's records of the kind `event`.
fn records(scene: &Scene, event: &str) -> Vec<Value> {
    let path = scene.scratch.path().join(format!("builds/ferry.tidewaiter/{JOB}/journal.jsonl"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).filter(|record: &Value| record["event"] == event).collect()
}

#[test]
fn an_agent_asks_mends_and_passes() {
    let scene = Scene::new();
    let output =
        run(&scene, "mkdir locked; echo x > locked/a.txt; echo 'x = 1' >> src/ferry.py; ask; rm -r locked; sleep 4; ask; echo done");
    scene.ended(&output, 0, &["merge request !1 opened"]);
    let answers = answers(&output);
    let [(denied, first), (passed, second)] = &answers[..] else { panic!("{}", text(&output)) };
    assert_eq!((first.as_str(), second.as_str()), ("200", "200"));
    assert_eq!((&denied["decision"], &passed["decision"]), (&json!("deny"), &json!("pass")), "{answers:?}");
    let finding = &denied["findings"][0];
    assert_eq!((&finding["rule"], &finding["path"]), (&json!("path/protect"), &json!("locked/a.txt")), "{finding}");
    let names: Vec<&String> = finding.as_object().unwrap().keys().collect();
    assert_eq!(names, ["rule", "severity", "path", "line", "message", "fix"]);
    // The journal says that it was asked and what was decided, and not what was found.
    let advice = records(&scene, "advice");
    assert_eq!(records(&scene, "question").len(), 2);
    assert_eq!(advice.iter().map(|record| &record["decision"]).collect::<Vec<_>>(), ["deny", "pass"]);
    assert!(advice.iter().all(|record| !record.to_string().contains("locked")), "{advice:?}");
    let asked: Vec<Value> = records(&scene, "gateway").into_iter().filter(|record| record["way"] == "advice").collect();
    assert!(asked.len() == 2 && asked.iter().all(|record| record["allowed"] == true && record["path"] == "/tidewaiter/check"));
    // It is no request to the outside.
    assert!(text(&output).contains("0 turns, 0 requests"), "{}", text(&output));
    println!("answered after {:?} ms", advice.iter().map(|record| &record["ms"]).collect::<Vec<_>>());
}

#[test]
fn what_was_asked_decides_nothing() {
    let scene = Scene::new();
    let output = run(
        &scene,
        "echo 'x = 1' >> src/ferry.py; ask; mkdir locked; echo x > locked/a.txt; sleep 4; ask; rm -r locked; mkdir locked; echo y > locked/b",
    );
    scene.ended(&output, 66, &["denied"]);
    let decisions: Vec<Value> = answers(&output).into_iter().map(|(answer, _)| answer["decision"].clone()).collect();
    assert_eq!(decisions, ["pass", "deny"]);
    scene.nothing_left();
    scene.answered("**Refused:**", &["locked/b"]);
}

#[test]
fn of_a_secret_the_agent_learns_that_it_is_one_and_no_more_than_twice() {
    let scene = Scene::new();
    let token = scene.token.clone();
    let script = format!("t={token}; echo {{}} > a; printf %s $t | base64 >> a; ask; sleep 4; mv a b; ask; sleep 4; rm b; ask");
    let output = run(&scene, &script);
    scene.ended(&output, 0, &["changed no file"]);
    let answers = answers(&output);
    let [(first, _), (second, _), (third, status)] = &answers[..] else { panic!("{}", text(&output)) };
    for (answer, path) in [(first, "a"), (second, "b")] {
        let finding = &answer["findings"][0];
        assert_eq!((&finding["rule"], &finding["path"], &finding["line"]), (&json!("secret/known"), &json!(path), &json!(2)), "{answer}");
        assert_eq!(finding["message"], "a job secret");
    }
    for line in said(&output) {
        assert!(!line.contains("GITLAB_ACCESS_TOKEN") && !line.contains("base64") && !line.contains(&token), "{line}");
    }
    assert_eq!(status, "429");
    assert!(third["error"].as_str().unwrap().ends_with("[advice/secrets]"), "{third}");
    // The control: whoever reads the verdict is told whose value it is.
    scene.checkout();
    let output = run(&scene, &format!("printf %s {token} | base64 > a"));
    scene.ended(&output, 66, &["denied"]);
    assert!(text(&output).contains("the value of GITLAB_ACCESS_TOKEN"), "{}", text(&output));
}

#[test]
fn a_large_change_is_not_searched_for_secrets() {
    let scene = Scene::new();
    let token = scene.token.clone();
    let fill = "yes 'a plain line' | head -c 600000 > filler.txt";
    let output = run(&scene, &format!("{fill}; echo {token} > a; ask; rm filler.txt; sleep 4; ask; rm a"));
    let found: Vec<(Value, bool)> = answers(&output)
        .into_iter()
        .map(|(answer, _)| (answer["secrets_searched"].clone(), answer.to_string().contains("secret/known")))
        .collect();
    assert_eq!(found, [(json!(false), false), (json!(true), true)], "{}", text(&output));
}

#[test]
fn questions_are_few_and_one_at_a_time() {
    let scene = Scene::new();
    // Enough to judge that others come meanwhile.
    let script = "mkdir d; for i in $(seq 5000); do echo $i > d/$i; done; (for i in 1 2 3 4 5 6; do ask & done; wait); rm -r d; ask -D -
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3.2; ask; done; echo 'x = 1' >> src/ferry.py";
    let output = run(&scene, script);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    let answers = answers(&output);
    let refused: Vec<&str> =
        answers.iter().filter(|(_, status)| status == "429").map(|(body, _)| body["error"].as_str().unwrap()).collect();
    // Those that come a little later find that the answer was just given.
    let (first, rest) = refused.split_at(5);
    assert!(first.iter().any(|reason| reason.ends_with("[advice/busy]")), "{refused:?}");
    assert!(first.iter().all(|reason| reason.ends_with("[advice/busy]") || reason.ends_with("[advice/soon]")), "{refused:?}");
    assert!(rest[0].ends_with("[advice/soon]"), "{refused:?}");
    assert!(said(&output).iter().any(|line| line.to_lowercase().starts_with("retry-after: ")), "{}", text(&output));
    assert_eq!(answers.iter().filter(|(_, status)| status == "200").count(), 12, "{}", text(&output));
    assert!(refused.last().unwrap().ends_with("[advice/spent]"), "{refused:?}");
    assert_eq!(records(&scene, "question").len(), 12);
}

#[test]
fn who_has_no_ticket_or_says_more_than_nothing_is_refused() {
    let scene = Scene::new();
    let script = "bare=${TIDEWAITER_GATE#*@}; for with in '' 'authorization: Bearer made-up' 'authorization: Basic bWFkZTp1cA=='; do
        curl -s -o /dev/null -w '%{http_code}\\n' -X POST -H \"$with\" http://$bare; done
        ask -d words; curl -s -w ' %{http_code}\\n' \"$TIDEWAITER_GATE\"; curl -s -o /dev/null -w '%{http_code}\\n' -X POST \"$TIDEWAITER_GATE?x\"
        curl -s -w ' %{http_code}\\n' -X POST -H \"authorization: Bearer $(echo $TIDEWAITER_GATE | sed 's/.*tidewaiter:\\(.*\\)@.*/\\1/')\" http://$bare";
    let output = run(&scene, script);
    let statuses: Vec<String> = said(&output).iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(statuses, ["401", "401", "401", "413", "405", "403", "200"], "{}", text(&output));
    assert_eq!(records(&scene, "question").len(), 1);
}

#[test]
fn a_workspace_that_is_being_written_is_answered_or_asked_for_again() {
    let scene = Scene::new();
    let fill = "mkdir d; for i in $(seq 300); do echo $i > d/$i; done; touch $TMPDIR/go";
    let writer = "(while [ -e $TMPDIR/go ]; do mv d e; mkfifo f; mv e d; rm f; seq 5000 > f; rm f; done) &";
    let script = format!("{fill}; {writer} for i in 1 2 3; do ask; sleep 3.2; done; rm $TMPDIR/go; wait; rm -r d; ask");
    let output = run(&scene, &script);
    scene.ended(&output, 0, &["changed no file"]);
    let answers = answers(&output);
    assert_eq!(answers.len(), 4, "{}", text(&output));
    for (answer, status) in &answers[..3] {
        println!("{status} {answer}");
        let again = answer["error"].as_str().is_some_and(|error| error.contains("still being written, ask again"));
        assert!(status == "200" || (status == "409" && again), "{status} {answer}");
    }
    assert!(answers[..3].iter().any(|(_, status)| status == "409"), "{answers:?}");
    assert_eq!((answers[3].1.as_str(), &answers[3].0["unchanged"]), ("200", &json!(true)));
}

#[test]
fn without_the_policys_word_there_is_none_to_be_asked() {
    let scene = Scene::new();
    let script = "echo gate=${TIDEWAITER_GATE-none}; curl -s -w ' %{http_code}\\n' -X POST ${HTTP_PROXY}/tidewaiter/check";
    let output = scene.job_by(&policy(script, "")).output().unwrap();
    assert!(said(&output).contains(&"gate=none".to_owned()), "{}", text(&output));
    let answers = answers(&output);
    assert_eq!(answers[0].1, "404");
    assert!(answers[0].0["error"].as_str().unwrap().contains("`agent.ask_gate = true`"), "{answers:?}");
}

#[test]
fn our_server_and_our_hook_work_inside_the_walls() {
    let scene = Scene::new();
    let program = scene.scratch.path().join("tidewaiter").display().to_string();
    let lines = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"check_change"}}"#,
    ];
    let stop = |active: bool| format!("echo '{{\"session_id\":\"made-up\",\"stop_hook_active\":{active}}}' | {program} hook stop");
    let script = format!(
        "mkdir locked; echo x > locked/a; printf '%s\\n' '{}' '{}' | {program} mcp; {}; {}; {}; echo '|'; rm -r locked; {}",
        lines[0],
        lines[1],
        stop(false),
        stop(true),
        stop(true),
        stop(false)
    );
    let output = run_reachable(&scene, &scene.job_by(&policy(&script, "ask_gate = true\n")));
    scene.ended(&output, 0, &["changed no file"]);
    let said = said(&output);
    let objects: Vec<Value> = said.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(objects.len(), 4, "{}", text(&output));
    assert_eq!(objects[0]["result"]["serverInfo"]["name"], "tidewaiter");
    let told = objects[1]["result"]["content"][0]["text"].as_str().unwrap();
    assert!(told.starts_with("deny: ") && told.contains("- locked/a: ") && told.contains("[path/protect]"), "{told}");
    for block in &objects[2..] {
        assert_eq!(block["decision"], "block");
        assert!(block["reason"].as_str().unwrap().contains("- locked/a: "), "{block}");
    }
    assert_eq!(said.last().unwrap(), "|", "a third time it lets go");
}

#[test]
fn the_real_claude_asks_by_its_tool_and_is_asked_to_mend_when_it_stops() {
    let Some(program) = real() else {
        println!("NOT RUN: Claude Code that asks the gate: no `claude` in PATH; name one in TIDEWAITER_CLAUDE");
        return;
    };
    let scene = Scene::new();
    let bash = |command: &str| Turn::tool("Bash", json!({ "command": command, "description": "work" }));
    let provider = Provider::start(vec![
        bash("mkdir locked && echo x > locked/a.txt && echo 'x = 1' >> src/ferry.py"),
        Turn::tool("mcp__tidewaiter__check_change", json!({})),
        Turn::text("Ended too early."),
        bash("rm -r locked"),
        Turn::text("The ferry has its x."),
    ]);
    let directory = install(&scene, "");
    fs::copy(program.canonicalize().unwrap(), directory.join("claude")).unwrap();
    let mut job = crate::providers::job(&scene, &directory, &provider.base_url(), MODELS);
    let path = scene.scratch.path().join("policy.toml");
    let policy = fs::read_to_string(&path).unwrap().replace("kind = \"claude\"\n", "kind = \"claude\"\nask_gate = true\n");
    fs::write(&path, format!("{policy}{RULES}")).unwrap();
    job.env("LANG", "C.UTF-8");
    let output = run_reachable(&scene, &job);
    println!("{}", text(&output));
    scene.ended(&output, 0, &["merge request !1 opened"]);
    let last = provider.requests().last().unwrap().json().to_string();
    assert!(last.contains("deny: this change may not leave as it is"), "the tool's answer: {last}");
    assert!(last.contains("Before you end: your change would be refused"), "the hook's word: {last}");
    let decisions: Vec<Value> = records(&scene, "advice").iter().map(|record| record["decision"].clone()).collect();
    assert_eq!(decisions, ["deny", "deny", "pass"]);
    let merge_request = format!("{:?}", scene.gitlab.merge_requests());
    assert!(merge_request.contains("The ferry has its x.") && !merge_request.contains("Ended too early."), "{merge_request}");
}
