//! First act: the agent does what the issue asks for.

use crate::{
    agent::Step,
    play::Play,
    project::WISH,
    runner::{Done, git_in},
    show::Ink,
    support::gitlab::MergeRequest,
};

/// The number of the job.
const JOB: u64 = 501;

fn steps() -> Vec<Step> {
    vec![
        Step::Shell("cat fare.sh && sh tests/fare.sh".to_owned()),
        Step::Edits {
            path: "fare.sh",
            old: "if [ \"$age\" -lt 16 ]; then",
            new: "if [ \"$age\" -lt 6 ]; then\n    echo 0\nelif [ \"$age\" -lt 16 ]; then",
        },
        Step::Edits { path: "tests/fare.sh", old: "fare 12 250", new: "fare 12 250\nfare 6 250\nfare 5 0" },
        Step::Writes { path: "CHANGELOG.md", content: "# Changes\n\n- Children under six travel free.\n" },
        Step::Shell("sh tests/fare.sh".to_owned()),
        Step::Says("Children under six now travel free, as the timetable says; tests for five and six pass."),
    ]
}

/// Plays it.
pub fn play(play: &Play<'_>) -> Result<(), String> {
    let stage = play.stage;
    stage.act("First act: an issue becomes a merge request");
    let (issue, note) = play.issue(WISH, "@tidewaiter please take this");
    let (provider, runner) = play.prepare(&steps())?;
    stage.say("\nThe job's log:");
    let done = runner.run(JOB, issue, (note.0, &note.1, "please take this"))?;
    let last = done.log.iter().rev().find(|line| !line.is_empty()).cloned().unwrap_or_default();
    stage.say("");
    stage.expect("the job ends well (exit code 0)", done.code == Some(0), || {
        format!("it ended with {:?}; its last line: {last}", done.code)
    })?;
    let all = play.gitlab.merge_requests();
    let [opened] = all.as_slice() else { return Err(format!("expected: one merge request; but there are {}", all.len())) };
    show(play, opened)?;
    expect(play, opened, &done, issue)?;
    if play.is_claude() {
        let sent = provider.requests();
        let carry = sent.iter().all(|request| request.header("x-api-key") == Some(&play.secrets.key));
        stage.expect(
            "every request that reached the provider carries the key, which the agent never had",
            !sent.is_empty() && carry,
            || format!("of {} requests not all do", sent.len()),
        )?;
    }
    Ok(())
}

/// The page of the merge request.
fn show(play: &Play<'_>, opened: &MergeRequest) -> Result<(), String> {
    let diff = play.gitlab.git(&["diff", "--no-color", &format!("main...{}", opened.source_branch)]);
    let mut lines = vec![
        play.stage.ink(Ink::Bold, &opened.title),
        format!("{} → {}   labels: {}", opened.source_branch, opened.target_branch, opened.labels.join(", ")),
        String::new(),
    ];
    lines.extend(opened.description.trim_end().lines().map(str::to_owned));
    lines.extend([String::new(), "## Changes".to_owned(), String::new()]);
    lines.extend(diff.lines().map(str::to_owned));
    play.stage.page(&format!("Merge request !{} at {}", opened.iid, play.gitlab.url()), &lines);
    play.stage.say("");
    Ok(())
}

fn expect(play: &Play<'_>, opened: &MergeRequest, done: &Done, issue: u64) -> Result<(), String> {
    let (stage, branch) = (play.stage, &opened.source_branch);
    let git = |arguments: &[&str]| play.gitlab.git(arguments);
    stage.expect("the branch is one of ours, made for this change", branch.starts_with("tidewaiter/"), || format!("it is {branch}"))?;
    let changed = git(&["diff", "--name-only", &format!("main...{branch}")]);
    stage.expect(
        "it changes the program, its test and the list of changes, nothing else",
        changed == "CHANGELOG.md\nfare.sh\ntests/fare.sh",
        || format!("it changes {changed}"),
    )?;
    let judged = done.journal.iter().find(|record| record["event"] == "verdict").and_then(|record| record["tree"].as_str());
    let pushed = git(&["rev-parse", &format!("{branch}^{{tree}}")]);
    stage.expect("the pushed tree is the judged one, by the journal", judged == Some(&pushed), || {
        format!("{judged:?} was judged and {pushed} pushed")
    })?;
    let said = opened.description.contains("What the gate says");
    stage.expect("its description tells what the gate says", said, || opened.description.clone())?;
    let answered = play.gitlab.notes(&format!("issues/{issue}")).iter().any(|note| note.body.contains(&format!("!{}", opened.iid)));
    stage.expect("the issue's thread names the merge request", answered, || "no note does".to_owned())?;
    let url = play.gitlab.repository().display().to_string();
    git_in(play.scratch, &["clone", "--quiet", "--branch", branch, &url, "reviewer"])?;
    let fare = std::process::Command::new("sh").arg("fare.sh").arg("4").current_dir(play.scratch.join("reviewer")).output();
    let fare = fare.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    stage.expect("on that branch `sh fare.sh 4` asks for 0", fare == "0", || format!("it asks for {fare:?}"))
}
