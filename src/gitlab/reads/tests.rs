use super::*;

fn scope() -> Scope {
    Scope { id: Some(42), paths: vec!["harbour/ferry".to_owned(), "harbour/charts".to_owned()], confidential: false }
}

fn of(method: &str, target: &str) -> Result<String, &'static str> {
    judge(method, target, &scope())
        .map(|errand| match errand {
            Errand::Call(call) => call.target,
            Errand::Fetch(fetch) => fetch.target,
        })
        .map_err(|refusal| refusal.rule)
}

#[test]
fn listed_reads_go_on_in_one_spelling() {
    for (sent, goes_on) in [
        ("/api/v4/projects/42", "/api/v4/projects/42"),
        ("/api/v4/projects/harbour%2fferry", "/api/v4/projects/harbour%2Fferry"),
        (
            "/api/v4/projects/harbour%2Fcharts/repository/tree?ref=a/b&recursive=true",
            "/api/v4/projects/harbour%2Fcharts/repository/tree?ref=a%2Fb&recursive=true",
        ),
        ("/api/v4/projects/42/issues/7", "/api/v4/projects/42/issues/7"),
        (
            "/api/v4/projects/42/issues?state=opened&iids[]=1&iids%5B%5D=2",
            "/api/v4/projects/42/issues?state=opened&iids%5B%5D=1&iids%5B%5D=2&confidential=false",
        ),
        ("/api/v4/projects/42/issues/7/notes?per_page=5&page=2&sort=asc", "/api/v4/projects/42/issues/7/notes?sort=asc"),
        (
            "/api/v4/projects/42/repository/files/src%2fferry%2epy/raw?ref=main",
            "/api/v4/projects/42/repository/files/src%2Fferry%2Epy/raw?ref=main",
        ),
        ("/api/v4/projects/42/repository/files/%2Egitlab-ci.yml", "/api/v4/projects/42/repository/files/%2Egitlab-ci%2Eyml"),
        ("/api/v4/projects/42/jobs/9/trace", "/api/v4/projects/42/jobs/9/trace"),
        ("/api/v4/projects/42/labels?search=a+b", "/api/v4/projects/42/labels?search=a%20b"),
        ("/harbour/ferry.git/info/refs?service=git-upload-pack", "/harbour/ferry.git/info/refs?service=git-upload-pack"),
        ("/harbour/charts/info/refs?service=git-upload-pack", "/harbour/charts.git/info/refs?service=git-upload-pack"),
    ] {
        assert_eq!(of("GET", sent).as_deref(), Ok(goes_on), "{sent}");
    }
    assert_eq!(of("POST", "/harbour/ferry.git/git-upload-pack").as_deref(), Ok("/harbour/ferry.git/git-upload-pack"));
    assert!(of("HEAD", "/api/v4/projects/42/repository/files/README.md?ref=main").is_ok());
}

#[test]
fn everything_else_is_refused_by_name() {
    for (method, target, rule) in [
        // Other spellings of what is allowed, and ways around it.
        ("GET", "/api/v4/projects/42/%2e%2e/43", "gitlab/path"),
        ("GET", "/api/v4/projects/42/../43", "gitlab/path"),
        ("GET", "/api/v4/projects/42/./issues", "gitlab/path"),
        ("GET", "/api/v4/projects/%2e%2e%2fuser", "gitlab/path"),
        ("GET", "/api/v4/%2e%2e/v4/projects/42", "gitlab/path"),
        ("GET", "/api/v4/projects%2f42", "gitlab/path"),
        ("GET", "/api/v4/projects/42%2fissues", "gitlab/project"),
        ("GET", "/api/v4/projects//42", "gitlab/path"),
        ("GET", "//api/v4/projects/42", "gitlab/path"),
        ("GET", "/api/v4/projects/42//issues", "gitlab/path"),
        ("GET", "/api/v4/projects/42;x/issues", "gitlab/path"),
        ("GET", "/api/v4/projects/42/issues;a=b", "gitlab/path"),
        ("GET", "/api/v4/projects/42/issues%00", "gitlab/path"),
        ("GET", "/api/v4/projects/42%00", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/a%00b", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/..%2fb", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/a%2f%2e%2e%2f%2e%2e%2fvariables", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/a%252f..", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/a%5cb", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/a%ff", "gitlab/path"),
        ("GET", "/api/v4/projects/42/repository/files/a%2", "gitlab/path"),
        ("GET", "/api/v4/projects/42/%69ssues", "gitlab/path"),
        ("GET", "/api/v4/projects/42/issues/", "gitlab/path"),
        ("GET", "/api/v4/projects/42/", "gitlab/path"),
        ("GET", "/api/v4/projects/42/issues.json", "gitlab/path"),
        ("GET", "/api/v4/projects/42/issues/07", "gitlab/path"),
        ("GET", "/api/v4/projects/42/issues/1e3", "gitlab/path"),
        ("GET", "/API/v4/projects/42", "gitlab/path"),
        ("GET", "/api/v3/projects/42", "gitlab/path"),
        // Other projects.
        ("GET", "/api/v4/projects/43", "gitlab/project"),
        ("GET", "/api/v4/projects/042", "gitlab/project"),
        ("GET", "/api/v4/projects/+42", "gitlab/project"),
        ("GET", "/api/v4/projects/harbour%2Fother", "gitlab/project"),
        ("GET", "/api/v4/projects/Harbour%2Fferry", "gitlab/project"),
        ("GET", "/harbour/other.git/info/refs?service=git-upload-pack", "gitlab/project"),
        ("POST", "/harbour/ferry.git.git/git-upload-pack", "gitlab/project"),
        // Reads that are not listed.
        ("GET", "/api/v4/projects", "gitlab/path"),
        ("GET", "/api/v4/user", "gitlab/path"),
        ("GET", "/api/v4/job", "gitlab/path"),
        ("GET", "/api/v4/projects/42/variables", "gitlab/path"),
        ("GET", "/api/v4/projects/42/hooks", "gitlab/path"),
        ("GET", "/api/v4/projects/42/access_tokens", "gitlab/path"),
        ("GET", "/api/v4/projects/42/pipelines/9/variables", "gitlab/path"),
        ("GET", "/api/v4/projects/42/search", "gitlab/path"),
        ("GET", "/oauth/token", "gitlab/path"),
        ("GET", "/harbour/ferry/-/raw/main/README.md", "gitlab/path"),
        ("GET", "/harbour/ferry.git/HEAD", "gitlab/path"),
        // GraphQL, writes and pushes.
        ("POST", "/api/graphql", "gitlab/graphql"),
        ("GET", "/api/graphql?query=%7B%7D", "gitlab/graphql"),
        ("POST", "/api/v4/projects/42/merge_requests", "gitlab/write"),
        ("PUT", "/api/v4/projects/42/issues/1", "gitlab/write"),
        ("DELETE", "/api/v4/projects/42", "gitlab/write"),
        ("PATCH", "/api/v4/projects/43", "gitlab/write"),
        ("get", "/api/v4/projects/42", "gitlab/method"),
        ("TRACE", "/api/v4/projects/42", "gitlab/method"),
        ("HEAD", "/api/v4/projects/42/issues", "gitlab/method"),
        ("HEAD", "/api/v4/projects/42/issues/1/notes", "gitlab/method"),
        ("HEAD", "/api/v4/projects/42/merge_requests/1/changes", "gitlab/method"),
        ("GET", "/harbour/ferry.git/info/refs?service=git-receive-pack", "gitlab/push"),
        ("GET", "/harbour/other.git/info/refs?service=git-receive-pack", "gitlab/push"),
        ("POST", "/harbour/ferry.git/git-receive-pack", "gitlab/push"),
        ("POST", "/harbour/ferry.git/info/lfs/objects/batch", "gitlab/lfs"),
        ("GET", "/harbour/ferry.git/info/refs", "gitlab/git"),
        ("GET", "/harbour/ferry.git/info/refs?service=git-upload-archive", "gitlab/git"),
        ("GET", "/harbour/ferry.git/info/refs?service=git-upload-pack&x=1", "gitlab/git"),
        ("GET", "/harbour/ferry.git/git-upload-pack", "gitlab/method"),
        ("POST", "/harbour/ferry.git/info/refs?service=git-upload-pack", "gitlab/method"),
        ("GET", "/harbour%2fferry.git/info/refs?service=git-upload-pack", "gitlab/path"),
        // Queries.
        ("GET", "/api/v4/projects/42/issues?private_token=x", "gitlab/credential"),
        ("GET", "/api/v4/projects/42?job_token=x", "gitlab/credential"),
        ("GET", "/api/v4/projects/42?access%5ftoken=x", "gitlab/credential"),
        ("GET", "/api/v4/projects/42?Sudo=root", "gitlab/credential"),
        ("GET", "/api/v4/projects/42/issues?confidential=true", "gitlab/query"),
        ("GET", "/api/v4/projects/42/issues?state=opened&state=closed", "gitlab/query"),
        ("GET", "/api/v4/projects/42/issues?_method=DELETE", "gitlab/query"),
        ("GET", "/api/v4/projects/42/merge_requests/1?render_html=true", "gitlab/query"),
        ("GET", "/api/v4/projects/42/issues/1?x=1", "gitlab/query"),
        ("GET", "/api/v4/projects/42/issues?search=%0d%0ax", "gitlab/query"),
        ("GET", "/api/v4/projects/42/issues/1/notes?page=0", "gitlab/query"),
        ("GET", "/api/v4/projects/42/repository/compare?from=a&to=b&from_project_id=43", "gitlab/query"),
        ("GET", "", "gitlab/path"),
    ] {
        assert_eq!(of(method, target), Err(rule), "{method} {target}");
    }
}

#[test]
fn about_an_issue_the_issue_is_asked_first() {
    let guard = |target: &str| match judge("GET", target, &scope()) {
        Ok(Errand::Call(call)) => call.guard,
        other => panic!("{other:?}"),
    };
    let issue = Some("/api/v4/projects/42/issues/7".to_owned());
    for below in ["notes", "notes/3", "discussions", "discussions/0a"] {
        assert_eq!(guard(&format!("/api/v4/projects/42/issues/7/{below}")), issue, "{below}");
    }
    assert_eq!(guard("/api/v4/projects/42/issues/7"), None);
    assert_eq!(guard("/api/v4/projects/42/merge_requests/7/notes"), None);
}

#[test]
fn the_policy_may_let_everything_be_read() {
    let all = Scope { confidential: true, ..scope() };
    let Ok(Errand::Call(call)) = judge("GET", "/api/v4/projects/42/issues?page=2", &all) else { panic!() };
    assert_eq!((call.target.as_str(), call.shape, call.page), ("/api/v4/projects/42/issues?page=2", Shape::Whole, None));
    let Ok(Errand::Call(call)) = judge("GET", "/api/v4/projects/42", &all) else { panic!() };
    assert_eq!(call.shape, Shape::Project);
}

#[test]
fn the_list_is_in_order_and_every_row_is_found() {
    for read in READS {
        let path = read.path.replace("{n}", "7").replace("{hex}", "0a").replace("{name}", "x");
        let target = format!("/api/v4/projects/42/{path}");
        let Ok(Errand::Call(call)) = judge("GET", target.trim_end_matches('/'), &scope()) else { panic!("{target}") };
        assert_eq!(call.read, read, "{target}");
        assert!(read.query.is_sorted(), "{path}");
    }
}
