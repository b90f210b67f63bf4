//! GitLab that knows less than the variables say, refuses, fails at every stage, or is not there.

use std::{net::TcpListener, process::Output};

use crate::{IMPLEMENT, Scene, about, all_at_once, text};

/// A call of the job, by the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    User,
    Project,
    Issue,
    Discussions,
    Branch,
    Notes,
    FirstNote,
    JobRuns,
    Push,
    MergeRequest,
    Answer,
}

use Stage::{Answer, Branch, Discussions, FirstNote, Issue, JobRuns, MergeRequest, Notes, Project, Push, User};

const STAGES: [Stage; 11] = [User, Project, Issue, Discussions, Branch, Notes, FirstNote, JobRuns, Push, MergeRequest, Answer];

impl Stage {
    fn request(self) -> &'static str {
        match self {
            User => "GET /api/v4/user$",
            Project => "GET /api/v4/projects/42$",
            Issue => "GET /issues/1$",
            Discussions => "GET /issues/1/discussions$",
            Branch => "GET /repository/branches/",
            Notes => "GET /issues/1/notes$",
            FirstNote => "POST /issues/1/notes$",
            JobRuns => "GET /api/v4/job$",
            Push => "/ferry.git/",
            MergeRequest => "POST /merge_requests$",
            Answer => "PUT /issues/1/notes/",
        }
    }

    /// What the last line names.
    fn named(self) -> &'static [&'static str] {
        match self {
            User => &["the token's user"],
            Project => &["project 42"],
            Issue => &["issue 1 of project 42"],
            Discussions => &["discussions of issue 1"],
            Branch => &["branch tidewaiter/issue-1"],
            Notes => &["notes of issue 1"],
            FirstNote => &["note on issue 1"],
            JobRuns => &["the job of CI_JOB_TOKEN"],
            Push => &["/harbour/ferry.git"],
            MergeRequest => &["the merge request"],
            Answer => &["merge request !1 opened"],
        }
    }
}

/// What a persistent failure at `stage` must have come to.
fn judge(scene: &Scene, output: &Output, stage: Stage, status: u16) {
    let code = status.to_string();
    match stage {
        Answer => {
            scene.ended(output, 0, stage.named());
            let said = text(output);
            assert!(said.contains("the thread could not be answered") && said.contains(&code), "{said}");
            assert_eq!(scene.gitlab.merge_requests().len(), 1);
        }
        MergeRequest => {
            let commit = scene.gitlab.tip(&scene.branch()).unwrap();
            let words = [commit.as_str(), &scene.branch(), "merge request is not", &code];
            scene.ended(output, 69, &words);
            scene.answered("**Failed:**", &words);
            assert!(scene.gitlab.merge_requests().is_empty());
        }
        // That there is no such branch is what is hoped for.
        Branch if status == 404 => scene.ended(output, 0, &["merge request !1 opened"]),
        // A token that is not taken any more means a job that does not run any more.
        JobRuns if status < 500 => {
            scene.ended(output, 69, &["does not run any more"]);
            scene.nothing_left();
            scene.unanswered();
        }
        Push => {
            let word = match status {
                401 => "Authentication failed",
                404 => "not found",
                _ => &code,
            };
            scene.refused(output, 69, &[stage.named(), &[word]].concat());
        }
        _ => {
            scene.ended(output, 69, &[stage.named(), &[&code]].concat());
            scene.nothing_left();
            scene.unanswered();
        }
    }
}

#[test]
fn a_refusal_at_any_stage_is_named() {
    let cases = STAGES.iter().flat_map(|stage| [401, 403, 404].map(|status| (*stage, status)));
    all_at_once(cases.collect(), |(stage, status): (Stage, u16)| {
        let scene = Scene::new();
        scene.gitlab.fail_next(stage.request(), status, &[], usize::MAX);
        println!("{stage:?} answers {status}");
        judge(&scene, &scene.run(IMPLEMENT), stage, status);
    });
}

#[test]
fn a_failure_that_stays_ends_the_job_at_any_stage() {
    all_at_once(STAGES.to_vec(), |stage: Stage| {
        let scene = Scene::new();
        scene.gitlab.fail_next(stage.request(), 503, &[], usize::MAX);
        println!("{stage:?} answers 503");
        judge(&scene, &scene.run(IMPLEMENT), stage, 503);
    });
}

#[test]
fn a_rate_limit_that_passes_is_waited_for_at_every_stage() {
    let scene = Scene::new();
    for stage in STAGES {
        scene.gitlab.fail_next(stage.request(), 429, &[("Retry-After", "1")], 1);
    }
    let output = scene.run(IMPLEMENT);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    scene.answered("**Done:**", &[]);
    assert_eq!(scene.gitlab.notes("issues/1").len(), 1, "each note is written once");
}

#[test]
fn an_answer_that_is_lost_opens_no_second_merge_request() {
    let scene = Scene::new();
    scene.gitlab.fail_after(MergeRequest.request(), 502);
    let output = scene.run(IMPLEMENT);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    scene.answered("**Done:** !1", &[]);
    assert_eq!(scene.gitlab.merge_requests().len(), 1);
}

#[test]
fn a_push_that_is_lost_is_found_to_be_there() {
    let scene = Scene::new();
    scene.gitlab.fail_after("POST /git-receive-pack$", 502);
    let output = scene.run(IMPLEMENT);
    scene.ended(&output, 0, &["merge request !1 opened"]);
}

#[test]
fn what_gitlab_does_not_know_is_named() {
    let scene = Scene::new();
    let (issue, request) = (about("issue", 999), about("merge_request", 999));
    for (name, value, words) in [
        ("AI_FLOW_CONTEXT", issue.as_str(), ["issue 999 of project 42", "404"]),
        ("AI_FLOW_CONTEXT", &request, ["merge request 999 of project 42", "404"]),
        ("CI_PROJECT_ID", "43", ["project 43", "404"]),
    ] {
        let output = scene.job(IMPLEMENT).env(name, value).output().unwrap();
        scene.ended(&output, 69, &words);
        scene.nothing_left();
        scene.unanswered();
    }
}

#[test]
fn a_job_of_another_project_is_refused_however_its_variables_agree() {
    let scene = Scene::new();
    for (runs_in, code, words) in [
        (Some(43), 2, ["runs in the project 43, and CI_PROJECT_ID is 42", "remove the variable that was overridden"]),
        (None, 69, ["GitLab does not tell", "CI_PROJECT_ID"]),
    ] {
        scene.gitlab.model().runs_in = runs_in;
        let output = scene.run(IMPLEMENT);
        scene.ended(&output, code, &words);
        scene.nothing_left();
        scene.unanswered();
    }
}

#[test]
fn garbage_from_gitlab_is_named() {
    for (stage, nothing) in [(User, true), (Issue, true), (JobRuns, true), (MergeRequest, false)] {
        let scene = Scene::new();
        scene.gitlab.garbage_next(stage.request(), "<html>sign in</html>", usize::MAX);
        let output = scene.run(IMPLEMENT);
        scene.ended(&output, 69, &["in JSON from GitLab", "CI_API_V4_URL"]);
        if nothing {
            scene.nothing_left();
        }
    }
}

#[test]
fn a_gitlab_that_is_not_there_is_named() {
    let scene = Scene::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/api/v4");
    let output = scene.job(IMPLEMENT).env("CI_API_V4_URL", &url).env("CI_SERVER_URL", format!("http://{free}")).output().unwrap();
    scene.ended(&output, 69, &["GitLab gave no answer", &free.to_string(), "Connection refused", "CI_API_V4_URL"]);
    scene.nothing_left();
    scene.unanswered();
}

#[test]
fn a_job_that_gitlab_calls_cancelled_does_not_push() {
    let scene = Scene::new();
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            while scene.gitlab.notes("issues/1").is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            scene.gitlab.set_job(crate::JOB, "canceled");
        });
        scene.run(&format!("sleep 1; {IMPLEMENT}"))
    });
    scene.refused(&output, 69, &["does not run any more", "nothing was pushed"]);
}
