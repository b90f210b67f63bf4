//! A policy that pins GitLab: the job's own calls and the agent's reads go there and nowhere else.

use serde_json::json;

use crate::{IMPLEMENT, Scene, support::gitlab::GitLab, text};

impl Scene {
    /// A job whose agent is `script`, under a policy that pins the GitLab at `url`.
    fn pinned(&self, url: &str, script: &str) -> std::process::Command {
        let script = json!(script);
        self.job_by(&format!(
            "version = 1\n[agent]\nkind = \"command\"\ncommand = [\"bash\", \"-c\", {script}]\n[limits]\ntime = 20\n[network.gitlab]\nurl = \"{url}\"\n"
        ))
    }
}

#[test]
fn the_agent_reads_the_issue_and_a_merge_request_comes_out() {
    let scene = Scene::new();
    let script = format!(
        r#"curl -sS --fail-with-body "$CI_API_V4_URL/projects/$CI_PROJECT_ID/issues/1" -H "JOB-TOKEN: $CI_JOB_TOKEN"; echo
        git fetch -q "$CI_PROJECT_URL.git" main && git show FETCH_HEAD:src/ferry.py
        curl -sS "$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests" -H "JOB-TOKEN: $CI_JOB_TOKEN" -d title=mine; echo
        {IMPLEMENT}"#
    );
    let url = scene.gitlab.url();
    let output = scene.pinned(&url, &script).env("CI_PROJECT_URL", format!("{url}/harbour/ferry")).output().unwrap();
    scene.ended(&output, 0, &["merge request !1 opened"]);
    let said = text(&output);
    for words in [
        "-H \"JOB-TOKEN: $CI_JOB_TOKEN\", or git fetch",
        "The ferry does not depart",
        "def depart",
        "[gitlab/write]",
        "Tidewaiter itself opens or updates the merge request",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(&scene.token) && !said.contains(&scene.job_token), "{said}");
    assert_eq!(scene.gitlab.merge_requests().len(), 1);
}

#[test]
fn a_variable_that_names_another_gitlab_refuses_the_job() {
    let scene = Scene::new();
    let evil = GitLab::start();
    let (api, url) = (evil.api(), evil.url());
    for pairs in [vec![("CI_API_V4_URL", &api), ("CI_SERVER_URL", &url)], vec![("CI_API_V4_URL", &api)], vec![("CI_SERVER_URL", &url)]] {
        let before = scene.gitlab.requests().len();
        let mut job = scene.pinned(&scene.gitlab.url(), IMPLEMENT);
        let output = job.envs(pairs).output().unwrap();
        scene.ended(&output, 2, &["remove the variable that was overridden"]);
        assert_eq!((evil.requests().len(), scene.gitlab.requests().len()), (0, before), "no token went anywhere");
    }
    // Without a pin the same job would take the token there.
    let output = scene.job(IMPLEMENT).env("CI_API_V4_URL", &api).env("CI_SERVER_URL", &url).output().unwrap();
    assert!(output.status.code() == Some(69) && !evil.requests().is_empty(), "{}", text(&output));
}

#[test]
fn a_variable_that_names_another_project_refuses_the_job() {
    let scene = Scene::new();
    let output = scene.job(IMPLEMENT).env("CI_PROJECT_PATH", "harbour/other").output().unwrap();
    scene.ended(&output, 2, &["CI_PROJECT_PATH is harbour/other", "harbour/ferry"]);
    scene.nothing_left();
    scene.unanswered();
}
