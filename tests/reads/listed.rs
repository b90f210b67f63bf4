//! Reads of the API that are listed, and what of the answers is shown.

use serde_json::Value;
use tidewaiter::gitlab::reads::{Errand, READS, Scope, judge};

use crate::{
    CURL, Scene,
    support::{gitlab::Request, openapi::Document},
};

#[test]
fn a_script_reads_the_issue_with_curl_as_it_stands() {
    let scene = Scene::new();
    let said = scene.said(
        r#"curl -sS --fail-with-body "$CI_API_V4_URL/projects/$CI_PROJECT_ID/issues/1" -H "JOB-TOKEN: $CI_JOB_TOKEN"; echo
        curl -sS --fail-with-body "$CI_SERVER_URL/api/v4/projects/harbour%2Fferry/issues/1/notes" -H "PRIVATE-TOKEN: $CI_JOB_TOKEN"; echo
        curl -sS --fail-with-body "$CI_API_V4_URL/projects/$CI_PROJECT_ID/repository/files/src%2Fferry.py/raw?ref=main" -H "Authorization: Bearer $CI_JOB_TOKEN"
        env"#,
    );
    assert!(said.contains("The ferry does not depart") && said.contains("def depart") && said.contains("\n[]\n"), "{said}");
    scene.kept(&said);
    let requests = scene.gitlab.requests();
    assert_eq!(requests.len(), 4, "the notes ask for their issue: {requests:?}");
    for request in &requests {
        assert_eq!(request.header("private-token"), Some(scene.token.as_str()));
        for name in ["job-token", "authorization", "cookie"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }
}

#[test]
fn what_is_read_is_what_an_agent_needs_to_work() {
    let scene = Scene::new();
    scene.gitlab.model().traces.insert(9, "$ make test\nFAILED\n".to_owned());
    let said = scene.said(&format!(
        r#"{CURL}
        get "$API"; get "$API/issues?state=opened"; get "$API/merge_requests"; get "$API/jobs/9/trace"
        get "$API/repository/files/README.md?ref=main" -I
        get "$API/repository/branches/main"; get "$API/protected_branches"
        get -i "$API/repository/tree?per_page=1"; get "$API/jobs/10/trace""#
    ));
    scene.kept(&said);
    for words in
        ["\"path_with_namespace\":\"harbour/ferry\"", "FAILED", "x-gitlab-file-path: README.md", "\"protected\":true", "not depart"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.to_ascii_lowercase().contains("set-cookie"), "{said}");
    let link = said.lines().find(|line| line.starts_with("link: ")).unwrap_or_else(|| panic!("{said}"));
    assert!(
        link.starts_with("link: <http://127.0.0.1:") && link.contains("/gitlab/api/v4/projects/42/repository/tree?page=2&per_page=1>"),
        "{link}"
    );
    assert_eq!(said.lines().filter(|line| *line == "200").count(), 8, "{said}");
    assert_eq!(said.lines().filter(|line| *line == "404").count(), 1, "{said}");
}

/// A GitLab with one open issue between two confidential ones, and a thread with internal notes.
fn secretive(lines: &str) -> Scene {
    let scene = Scene::with(lines);
    for title in ["A hole in the hull", "Another hole"] {
        scene.gitlab.add_issue(title, "Tell nobody.");
    }
    scene.gitlab.add_issue("Paint", "Blue.");
    let discussion = scene.gitlab.add_note("issues/1", "open one").1;
    for _ in 0..3 {
        let (id, _) = scene.gitlab.add_note("issues/1", "tell nobody else");
        scene.gitlab.model().notes.iter_mut().filter(|note| note.id == id).for_each(|note| note.internal = true);
    }
    let author = scene.gitlab.model().author;
    scene.gitlab.model().add_note("issues/1", "open two", author, Some(discussion));
    scene.gitlab.add_note("issues/2", "about the hole");
    scene.gitlab.model().issues.iter_mut().filter(|issue| issue.title.contains("hole")).for_each(|issue| issue.confidential = true);
    scene
}

/// Head fields and body of each answer of `script`.
fn answers(said: &str) -> Vec<(Vec<String>, Value)> {
    let all = said.split("HTTP/1.1 200 OK\r\n").skip(1).map(|answer| {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().map(str::to_owned).collect(), serde_json::from_str(body.trim().lines().next().unwrap()).unwrap())
    });
    all.collect()
}

#[test]
fn what_is_confidential_is_not_there() {
    let scene = secretive("");
    let said = scene.said(&format!(
        r#"{CURL}
        get -i "$API/issues"; get -i "$API/issues?per_page=1&page=2"
        get -i "$API/issues/1/notes?sort=asc"; get -i "$API/issues/1/discussions"; get -i "$API/issues/1/notes?per_page=1&page=2&sort=asc""#
    ));
    assert!(!said.contains("hole") && !said.contains("nobody"), "{said}");
    let answers = answers(&said);
    let titles =
        |body: &Value, key: &str| body.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(titles(&answers[0].1, "title"), ["Paint", "The ferry does not depart"]);
    assert_eq!(titles(&answers[1].1, "title"), ["The ferry does not depart"]);
    assert_eq!(titles(&answers[2].1, "body"), ["open one", "open two"]);
    assert_eq!(answers[3].1.as_array().unwrap().len(), 1);
    assert_eq!(titles(&answers[4].1, "body"), ["open two"]);
    for (head, _) in &answers[..2] {
        assert!(!head.iter().any(|line| line.starts_with("x-total")), "{head:?}");
    }
    for (number, total) in [(2, "2"), (3, "1"), (4, "2")] {
        assert!(answers[number].0.contains(&format!("x-total: {total}")), "{:?}", answers[number].0);
    }
    assert!(answers[4].0.contains(&"x-next-page: ".to_owned()) && answers[4].0.contains(&"x-page: 2".to_owned()), "{:?}", answers[4].0);

    // What is hidden looks like what is not there.
    let note = scene.gitlab.model().notes.iter().find(|note| note.internal).map(|note| note.id).unwrap();
    let said = scene.said(&format!(
        r#"{CURL}
        for it in issues/2 issues/99 issues/2/notes issues/99/notes issues/2/discussions issues/1/notes/{note} issues/1/notes/9999; do get "$API/$it"; done"#
    ));
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 14, "{said}");
    assert!(lines.chunks(2).all(|pair| pair[0] == lines[0] && pair[0].contains("[gitlab/not-found]") && pair[1] == "404"), "{said}");
}

#[test]
fn the_policy_may_show_what_is_confidential() {
    let scene = secretive("confidential = true\n");
    let said =
        scene.said(&format!(r#"{CURL} get "$API/issues"; get "$API/issues/2"; get "$API/issues/1/notes"; get "$API/issues/2/notes""#));
    for words in ["Another hole", "A hole in the hull", "tell nobody else", "about the hole"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_gitlab_that_ignores_what_it_is_asked_shows_nothing_more() {
    let scene = secretive("");
    let issue = r#"{"iid":1,"title":"open","confidential":false}"#;
    let hidden = r#"{"iid":2,"title":"A hole","confidential":true}"#;
    scene.gitlab.garbage_next("/issues", &format!("[{issue},{hidden}]"), 1);
    scene.gitlab.garbage_next("/issues", "<html>sign in</html>", 1);
    scene.gitlab.garbage_next("/issues", &format!("[{issue}"), 1);
    let said = scene.said(&format!(r#"{CURL} get "$API/issues"; get "$API/issues"; get "$API/issues""#));
    assert!(said.contains("open") && !said.contains("hole") && !said.contains("sign in"), "{said}");
    assert_eq!(said.matches("[gitlab/answer]").count(), 2, "{said}");
}

#[test]
fn long_threads_are_gone_through_and_too_long_ones_refused() {
    let scene = Scene::new();
    for number in 0..230 {
        scene.gitlab.add_note("issues/1", &format!("note-{number}-"));
    }
    let said = scene.said(&format!(r#"{CURL} get -i "$API/issues/1/notes?sort=asc&per_page=100&page=3""#));
    assert!(said.contains("note-229-") && !said.contains("note-199-") && said.contains("x-total: 230"), "{said}");
    for number in 230..2100 {
        scene.gitlab.add_note("issues/1", &format!("note-{number}-"));
    }
    let said = scene.said(&format!(r#"{CURL} get "$API/issues/1/notes?sort=asc""#));
    assert!(said.contains("[gitlab/size]") && !said.contains("note-"), "{said}");
}

#[test]
fn every_listed_read_stands_in_the_documentation() {
    let text = include_str!("../../docs/gitlab.md");
    for read in READS.iter().filter(|read| !read.path.is_empty()) {
        assert!(text.contains(&format!("`{}`", read.path)), "{} is not in docs/gitlab.md", read.path);
    }
}

/// The list is held to GitLab's own description where there is one.
#[test]
fn the_listed_reads_are_gitlabs() {
    let Some(document) = Document::from_environment() else { return };
    let scope = Scope { id: Some(42), paths: vec![], confidential: true };
    let (mut known, mut wrong) = (0, Vec::new());
    // The list of issues is not in the extract that there is.
    for read in READS.iter().filter(|read| read.path != "issues") {
        let path = read.path.replace("{n}", "7").replace("{hex}", "0a").replace("{name}", "x");
        let target = format!("/api/v4/projects/42/{path}");
        let Ok(Errand::Call(call)) = judge("GET", target.trim_end_matches('/'), &scope) else { panic!("{target}") };
        let request = |query: String| Request { method: "GET".into(), path: call.target.clone(), query, headers: vec![], body: vec![] };
        match document.check(&request(String::new())) {
            Err(why) if why == "no such operation" => continue,
            _ => known += 1,
        }
        for name in read.query {
            let answer = document.check(&request(format!("{}=1", name.trim_end_matches("[]"))));
            wrong.extend(answer.err().filter(|why| why.contains("unknown")).map(|why| format!("{}: {why}", read.path)));
        }
    }
    assert!(known > 12, "only {known} of the reads are in the document");
    assert_eq!(wrong, Vec::<String>::new());
}
