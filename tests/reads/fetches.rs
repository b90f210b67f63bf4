//! Clones and fetches by the real git.

use std::process::Command;

use crate::{Scene, text};

#[test]
fn git_clones_and_fetches_by_the_addresses_that_everyone_uses() {
    let scene = Scene::new();
    let port = scene.gitlab.address().port();
    let script = format!(
        r#"set -e
        git clone -q "$CI_PROJECT_URL.git" one
        git -c protocol.version=0 clone -q "$CI_PROJECT_URL.git" two
        git -c protocol.version=1 clone -q "$CI_PROJECT_URL" three
        git clone -q --depth=1 "http://gitlab-ci-token:${{CI_JOB_TOKEN}}@127.0.0.1:{port}/$CI_PROJECT_PATH.git" four
        git clone -q git@127.0.0.1:$CI_PROJECT_PATH.git five
        git clone -q ssh://git@127.0.0.1/$CI_PROJECT_PATH.git six
        git clone -q "$CI_REPOSITORY_URL" seven
        git ls-remote "$CI_PROJECT_URL.git" main
        git -C one remote get-url origin
        for it in one two three four five six seven; do git -C $it rev-parse HEAD; git -C $it fsck --no-progress; done
        cat one/src/ferry.py"#
    );
    let said = scene.said(&script);
    let tip = scene.gitlab.tip("main").unwrap();
    assert_eq!(said.matches(&tip).count(), 8, "{said}");
    assert!(said.contains("def depart"), "{said}");
    scene.kept(&said);
    let requests = scene.gitlab.requests();
    assert!(requests.iter().all(|request| request.header("authorization").is_some_and(|value| value.starts_with("Basic "))));
    let versions: Vec<_> = requests.iter().filter_map(|request| request.header("git-protocol")).collect();
    assert!(versions.contains(&"version=1") && versions.contains(&"version=2"), "{versions:?}");
}

#[test]
fn a_fetch_streams_both_ways() {
    let scene = Scene::new();
    // More than is held anywhere on the way, and nothing that compresses.
    let mut state = 1_u64;
    let noise: String = (0..3_000_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from((state >> 56) % 26).unwrap())
        })
        .collect();
    scene.gitlab.commit("main", &[("noise", &noise)]);
    for number in 0..199 {
        scene.gitlab.commit("main", &[("count", &number.to_string())]);
    }
    // Many commits that the far end does not know make a request that git compresses.
    let said = scene.said(
        r#"set -e
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a.invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a.invalid
        git clone -q "$CI_PROJECT_URL.git" one
        for version in 0 2; do
            git init -q two-$version
            for i in $(seq 60); do git -C two-$version commit -q --allow-empty -m $i; done
            git -C two-$version -c protocol.version=$version fetch -q "$CI_PROJECT_URL.git" main
            git -C two-$version rev-list --count FETCH_HEAD
        done
        wc -c < one/noise"#,
    );
    assert!(said.contains("3000000") && said.matches("202\n").count() == 2, "{said}");
    let requests = scene.gitlab.requests();
    assert!(requests.iter().any(|request| request.header("content-encoding") == Some("gzip")), "no compressed request was seen");
    let journal = std::fs::read_to_string(scene.journal()).unwrap();
    let down: u64 = journal
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|record| record["way"] == "route/gitlab" && record["allowed"] == true)
        .filter_map(|record| record["down"].as_u64())
        .sum();
    assert!(down > 3_000_000, "{down}");
}

#[test]
fn a_push_is_refused_in_words_that_git_shows() {
    let scene = Scene::new();
    let work = r#"
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a.invalid GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a.invalid
        rm -rf one; git clone -q "$URL" one && cd one && git commit -q --allow-empty -m x && git push "$URL" HEAD:refs/heads/mine; echo "status $?""#;
    let outside =
        scene.outside(&format!("URL='{}'{work}", scene.gitlab.clone_url().replace("http://", &format!("http://oauth2:{}@", scene.token))));
    assert!(text(&outside).contains("status 0") && scene.gitlab.branches().contains(&"mine".to_owned()), "{}", text(&outside));
    scene.gitlab.git(&["branch", "-D", "mine"]);
    let before = scene.gitlab.requests().len();
    let _ = Command::new("rm").arg("-rf").arg(scene.workspace.path().join("one")).status();
    let said = scene.said(&format!(r#"URL="$CI_PROJECT_URL.git"{work}"#));
    assert!(
        said.contains("remote: tidewaiter: refused: ") && said.contains("opens the merge request") && said.contains("[gitlab/push]"),
        "{said}"
    );
    assert!(said.contains("status 128"), "{said}");
    assert_eq!(scene.gitlab.branches(), ["main"]);
    assert!(
        scene.gitlab.requests()[before..]
            .iter()
            .all(|request| !request.query.contains("receive-pack") && !request.path.contains("receive-pack"))
    );
}

#[test]
fn a_push_to_another_project_and_a_fetch_of_one_are_refused() {
    let scene = Scene::new();
    let said = scene.said(
        r#"git init -q x; cd x; git -c user.name=a -c user.email=a@a.invalid commit -q --allow-empty -m x
        git push "$CI_SERVER_URL/harbour/other.git" HEAD:refs/heads/x; git fetch "${CI_PROJECT_URL%ferry}other.git"; git ls-remote "$CI_SERVER_URL/harbour/ferry2.git"; true"#,
    );
    assert_eq!((said.matches("[gitlab/push]").count(), said.matches("[gitlab/project]").count()), (1, 2), "{said}");
    assert!(scene.gitlab.requests().is_empty());
}

#[test]
fn the_jobs_own_token_fetches_where_there_is_no_other() {
    let scene = Scene::new();
    let token = scene.gitlab.job_token(9);
    let script = r#"git clone -q "$CI_PROJECT_URL.git" one && cat one/src/ferry.py; curl -sS "$CI_API_V4_URL/projects/42" -H "JOB-TOKEN: $CI_JOB_TOKEN""#;
    let output = scene.inside(script).env_remove("GITLAB_ACCESS_TOKEN").env("CI_JOB_TOKEN", &token).output().unwrap();
    let said = text(&output);
    assert!(said.contains("def depart") && said.contains("[gitlab/unauthorized]"), "GitLab lets a job's token read little: {said}");
    scene.kept(&said);
    assert!(scene.gitlab.requests().iter().any(|request| request.header("job-token") == Some(token.as_str())));
}

#[test]
fn a_project_that_the_policy_lists_is_fetched_and_read() {
    let scene = Scene::with("projects = [\"harbour/charts\"]\n");
    let charts = scene.gitlab.root().join("harbour/charts.git");
    std::fs::create_dir_all(charts.parent().unwrap()).unwrap();
    let cloned = Command::new("git").args(["clone", "-q", "--bare"]).arg(scene.gitlab.repository()).arg(&charts).status().unwrap();
    assert!(cloned.success());
    let said = scene.said(
        r#"git clone -q "$CI_SERVER_URL/harbour/charts.git" one && ls one
        curl -sS "$CI_API_V4_URL/projects/harbour%2Fcharts" -H "JOB-TOKEN: $CI_JOB_TOKEN""#,
    );
    assert!(said.contains("README.md") && said.contains("404 Project Not Found"), "the stand-in's API knows one project: {said}");
}
