//! What is refused, each by the exact rule, and that nothing of it reaches GitLab.

use crate::{CURL, Scene, support::gitlab::Role, text};

/// Each line: curl's arguments after `get`, and the rule.
const REFUSED: &[(&str, &str)] = &[
    // Encodings and other spellings.
    (r#""$CI_API_V4_URL/%2e%2e/v4/projects/42""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/projects/42/%2e%2e/%2e%2e/user""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/projects/42/../../user""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/projects%2f42""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/projects/42%2fvariables""#, "gitlab/project"),
    (r#""$CI_API_V4_URL//projects/42""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/projects/42;x/issues""#, "gitlab/path"),
    (r#""$API/issues/1;x""#, "gitlab/path"),
    (r#""$API/issues%00""#, "gitlab/path"),
    (r#""$API/repository/files/..%2f..%2fvariables""#, "gitlab/path"),
    (r#""$API/repository/files/a%252f..%252fb""#, "gitlab/path"),
    (r#""$CI_SERVER_URL/api/V4/projects/42""#, "gitlab/path"),
    (r#""$CI_SERVER_URL/../anthropic/v1/messages""#, "gitlab/path"),
    // Other paths and other projects.
    (r#""$CI_API_V4_URL/user""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/job""#, "gitlab/path"),
    (r#""$CI_API_V4_URL/projects/43""#, "gitlab/project"),
    (r#""$CI_API_V4_URL/projects/harbour%2Fother/repository/tree""#, "gitlab/project"),
    (r#""$API/variables""#, "gitlab/path"),
    (r#""$API/pipelines/1/variables""#, "gitlab/path"),
    (r#""$API/hooks""#, "gitlab/path"),
    (r#""$API/members/all""#, "gitlab/path"),
    (r#""$CI_SERVER_URL/oauth/token""#, "gitlab/path"),
    (r#""$CI_SERVER_URL/harbour/ferry/-/raw/main/README.md""#, "gitlab/path"),
    // Writes, by any spelling of the method.
    (r#"-X POST "$API/merge_requests" -d title=x"#, "gitlab/write"),
    (r#"-X POST "$API/issues/1/notes" -d body=tell-all"#, "gitlab/write"),
    (r#"-X PUT "$API/issues/1" -d title=x"#, "gitlab/write"),
    (r#"-X DELETE "$API""#, "gitlab/write"),
    (r#"-X post "$API/issues/1/notes""#, "gitlab/method"),
    (r#"-X PROPFIND "$API""#, "gitlab/method"),
    (r#"-H "X-HTTP-Method-Override: DELETE" "$API""#, "gitlab/header"),
    (r#"-H "x-http-method: POST" "$API""#, "gitlab/header"),
    (r#""$API?_method=delete""#, "gitlab/query"),
    (r#"-X GET "$API" -d x=y"#, "gitlab/body"),
    (r#"-X GET "$API" -H "Transfer-Encoding: chunked" -d x=y"#, "gitlab/body"),
    // GraphQL and large files.
    (r#"-X POST "$CI_SERVER_URL/api/graphql" -d query=x"#, "gitlab/graphql"),
    (r#"-X POST "$CI_SERVER_URL/harbour/ferry.git/info/lfs/objects/batch" -d x"#, "gitlab/lfs"),
    (r#"-X POST "$CI_SERVER_URL/harbour/ferry.git/git-receive-pack" -d x"#, "gitlab/push"),
    (r#""$CI_SERVER_URL/harbour/ferry.git/info/refs""#, "gitlab/git"),
    (r#""$CI_SERVER_URL/harbour/ferry.git/HEAD""#, "gitlab/path"),
    // Who asks.
    (r#"-H "Sudo: root" "$API""#, "gitlab/header"),
    (r#"-H "Cookie: _gitlab_session=x" "$API""#, "gitlab/header"),
    (r#"-H "PRIVATE-TOKEN: mine-0001" "$API""#, "gitlab/credential"),
    (r#"-H "Private-Token: $CI_JOB_TOKEN" -H "private-token: mine-0001" "$API""#, "gitlab/credential"),
    (r#"-H "Authorization: Bearer mine-0001" "$API""#, "gitlab/credential"),
    (r#"-H "Deploy-Token: mine-0001" "$API""#, "gitlab/credential"),
    (r#"-u oauth2:mine-0001 "$CI_SERVER_URL/harbour/ferry.git/info/refs?service=git-upload-pack""#, "gitlab/credential"),
    (r#""$API?private_token=mine-0001""#, "gitlab/credential"),
    (r#""$API?job_token=mine-0001""#, "gitlab/credential"),
    (r#""$API?access%5Ftoken=mine-0001""#, "gitlab/credential"),
    (r#""$API?private_token=$CI_JOB_TOKEN""#, "gitlab/credential"),
    (r#""$API/issues?sudo=1""#, "gitlab/credential"),
    // Queries.
    (r#""$API/issues?confidential=true""#, "gitlab/query"),
    (r#""$API/issues?state=opened&state=all""#, "gitlab/query"),
    (r#""$API/repository/compare?from=a&to=b&from_project_id=43""#, "gitlab/query"),
    (r#"-I "$API/issues""#, ""),
];

#[test]
fn every_refusal_names_its_rule_and_reaches_nobody() {
    let scene = Scene::new();
    let calls: String = REFUSED.iter().enumerate().map(|(number, (call, _))| format!("echo '#{number}'; get {call}\n")).collect();
    let said = scene.said(&format!("{CURL}{calls}"));
    for (number, (call, rule)) in REFUSED.iter().enumerate() {
        let answer = said.split(&format!("#{number}\n")).nth(1).unwrap().split("\n#").next().unwrap();
        assert!(answer.trim_end().ends_with("403"), "{call}: {answer}");
        // HEAD has no body to say it in.
        assert!(rule.is_empty() || answer.contains(&format!("[{rule}]")), "{call}: {rule}: {answer}");
    }
    assert!(scene.gitlab.requests().is_empty(), "{:?}", scene.gitlab.requests());
    let journal = std::fs::read_to_string(scene.journal()).unwrap();
    let records: Vec<&str> = journal.lines().filter(|line| line.contains("\"way\":\"route/gitlab\"")).collect();
    assert_eq!(records.len(), REFUSED.len());
    // Queries, fields and bodies are not recorded.
    assert!(!records.iter().any(|record| record.contains("mine-0001") || record.contains("tell-all")), "{records:?}");
    // The same door is open for what is listed.
    assert!(scene.said(&format!(r#"{CURL} get "$API/issues/1""#)).contains("not depart"));
}

#[test]
fn the_agents_own_token_at_gitlab_gets_nowhere() {
    let scene = Scene::new();
    let own = scene.gitlab.token(Role::Maintainer);
    let (url, api) = (scene.gitlab.url(), scene.gitlab.api());
    let tries = |base: &str| {
        format!(
            r#"curl -sS -m 10 -w '%{{http_code}}\n' -H "PRIVATE-TOKEN: {own}" {base}/api/v4/projects/42 | tail -c 300; echo
            curl -sS -m 10 -w '%{{http_code}}\n' -H "PRIVATE-TOKEN: {own}" -H "Content-Type: application/json" {base}/api/v4/projects/42/issues/1/notes -d '{{"body":"exfiltrated"}}' | tail -c 500; echo
            git -c credential.helper= -c "http.{base}/.extraHeader=Authorization: Basic $(printf 'oauth2:{own}' | base64 -w0)" push {base}/harbour/ferry.git HEAD:refs/heads/stolen; echo "git $?""#
        )
    };
    let repository = "git init -q . && git -c user.name=a -c user.email=a@a.invalid commit -q --allow-empty -m x; ";
    let control = text(&scene.outside(&format!("{repository}{}", tries(&url))));
    assert!(control.contains("200") && control.contains("201") && control.contains("git 0"), "{control}");
    assert_eq!((scene.gitlab.notes("issues/1").len(), scene.gitlab.branches().len()), (1, 2), "{control}");
    let before = scene.gitlab.requests().len();
    let _ = std::fs::remove_dir_all(scene.workspace.path().join(".git"));

    // At the gateway, straight at GitLab's address, and through the proxy.
    let said = scene.said(&format!("{repository}{}", tries("$CI_SERVER_URL")));
    assert_eq!(said.matches("[gitlab/credential]").count(), 3, "{said}");
    assert!(said.contains("git 128") && !said.contains("git 0"), "{said}");
    let said = scene.said(&format!("unset GIT_CONFIG_COUNT; {}", tries(&url)));
    assert_eq!(said.matches("Failed to connect").count(), 3, "{said}");
    let said = scene.said(&format!(
        r#"curl -sS --noproxy '' -x "$http_proxy" -H "PRIVATE-TOKEN: {own}" {api}/projects/42; curl -sS --noproxy '' -p -x "$http_proxy" -H "PRIVATE-TOKEN: {own}" {api}/projects/42 2>&1; true"#
    ));
    assert!(said.contains("[network/tunnel]") && said.contains("403"), "{said}");
    assert_eq!(scene.gitlab.requests().len(), before, "nothing of it reached GitLab");
    assert_eq!((scene.gitlab.notes("issues/1").len(), scene.gitlab.branches().len()), (1, 2));
}

#[test]
fn without_the_ticket_nothing_happens() {
    let scene = Scene::new();
    let said = scene.said(r#"curl -sS -w '%{http_code}' "$CI_API_V4_URL/projects/42"; GIT_CONFIG_COUNT=0 git ls-remote "$CI_SERVER_URL/harbour/ferry.git"; true"#);
    assert!(said.contains("[gateway/ticket]") && said.contains("401") && said.contains("fatal: "), "{said}");
    assert!(scene.gitlab.requests().is_empty());
}

#[test]
fn a_redirect_leads_nowhere() {
    let scene = Scene::new();
    let elsewhere = crate::support::gitlab::GitLab::start();
    for status in [301, 302, 307] {
        scene.gitlab.fail_next("/jobs/9/", status, &[("Location", &format!("{}/bucket/trace", elsewhere.url()))], 1);
    }
    scene.gitlab.fail_next("/info/refs", 302, &[("Location", &format!("{}/harbour/ferry.git/info/refs", elsewhere.url()))], 1);
    let said = scene.said(&format!(
        r#"{CURL} get -L "$API/jobs/9/trace"; get -L "$API/jobs/9/artifacts"; get -L "$API/jobs/9/trace"; git ls-remote "$CI_PROJECT_URL.git"; true"#
    ));
    assert_eq!(said.matches("[gitlab/redirect]").count(), 4, "{said}");
    assert!(said.contains("object storage") && !said.contains("bucket") && elsewhere.requests().is_empty(), "{said}");
}

#[test]
fn a_token_that_gitlab_does_not_take_is_said_to_be_that() {
    let mut scene = Scene::new();
    scene.token = "glpat-made-up-and-expired".to_owned();
    let said = scene.said(&format!(r#"{CURL} get "$API"; git ls-remote "$CI_PROJECT_URL.git"; true"#));
    assert_eq!(said.matches("[gitlab/unauthorized]").count(), 2, "{said}");
    scene.kept(&said);
}

#[test]
fn answers_count_against_the_budget() {
    let scene = Scene::new();
    scene.policy(&format!(
        "[limits]\ndown_bytes = \"200K\"\n[network]\nfence = \"broker\"\n[network.gitlab]\nurl = \"{}\"\n",
        scene.gitlab.url()
    ));
    scene.gitlab.model().traces.insert(9, "x".repeat(1 << 20));
    let script = format!(r#"{CURL} get -o trace "$API/jobs/9/trace"; wc -c < trace; get "$API/issues/1"; true"#);
    let output = scene.inside(&script).output().unwrap();
    assert!(text(&output).contains("[limits/down_bytes]"), "{}", text(&output));
    assert_eq!(output.status.code(), Some(125), "a budget that is used up ends it");
    let got = std::fs::metadata(scene.workspace.path().join("trace")).unwrap().len();
    assert!(got <= 200 << 10, "{got}");
}

#[test]
fn a_policy_that_pins_no_gitlab_opens_no_way_to_one() {
    let scene = Scene::new();
    let script = r#"env | grep -c -e CI_API_V4_URL -e CI_SERVER_URL -e CI_JOB_TOKEN; curl -sS "${http_proxy/tidewaiter*@/}/gitlab/api/v4/projects/42" -H "JOB-TOKEN: $(sed 's/.*tidewaiter:\(.*\)@.*/\1/' <<< "$http_proxy")""#;
    for policy in [String::new(), format!("[network.gitlab]\nurl = \"{}\"\nreads = false\n", scene.gitlab.url())] {
        scene.policy(&policy);
        let said = scene.said(script);
        assert!(said.starts_with("0\n") && said.contains("[gitlab/route]"), "{said}");
    }
    assert!(scene.gitlab.requests().is_empty());
}
