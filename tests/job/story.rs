//! The story from the variables to the merge request, and what stays in the job.

use std::{fs, process::Command};

use crate::{IMPLEMENT, Scene, support::gitlab::Role, text};

#[test]
fn a_change_becomes_a_merge_request() {
    let scene = Scene::new();
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let requests = scene.gitlab.merge_requests();
    assert_eq!(requests.len(), 1);
    let branch = format!("tidewaiter/issue-{}", scene.issue);
    assert_eq!((requests[0].source_branch.as_str(), requests[0].target_branch.as_str()), (branch.as_str(), "main"));
    let shown = scene.gitlab.git(&["show", "--format=%an <%ae>", "--stat", &branch]);
    assert!(shown.starts_with("Tidewaiter <tidewaiter@noreply.127.0.0.1>") && shown.contains("src/ferry.py"), "{shown}");
    let notes = scene.gitlab.notes(&format!("issues/{}", scene.issue));
    assert!(notes.last().unwrap().body.contains("Done"), "{}", notes.last().unwrap().body);
    let verdict = fs::read_to_string(scene.directory().join("tidewaiter-report/verdict.json")).unwrap();
    assert!(verdict.contains("pass"), "{verdict}");
}

#[test]
fn a_second_job_updates_the_merge_request() {
    let scene = Scene::new();
    assert_eq!(scene.run(IMPLEMENT).status.code(), Some(0));
    let again = scene.run("cat >/dev/null; grep -q 'return True' src/ferry.py && echo '# tested' >> src/ferry.py; git log --oneline");
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    assert_eq!(scene.gitlab.merge_requests().len(), 1);
    let branch = format!("tidewaiter/issue-{}", scene.issue);
    let content = scene.gitlab.git(&["show", &format!("{branch}:src/ferry.py")]);
    assert!(content.contains("return True") && content.contains("# tested"), "{content}");
    assert_eq!(scene.gitlab.git(&["rev-list", "--count", &format!("main..{branch}")]).trim(), "2");
}

#[test]
fn what_the_gate_denies_stays() {
    let scene = Scene::new();
    for (script, rule) in [
        ("echo 'x: {script: evil}' >> .gitlab-ci.yml", "ci/config"),
        ("echo \"$(cat)\" >/dev/null; ln -s /etc/passwd link", "mode/symlink"),
        ("mkdir -p .claude; echo '{}' > .claude/settings.json", "agent/control"),
    ] {
        let output = scene.run(script);
        assert_eq!(output.status.code(), Some(66), "{script}: {}", text(&output));
        assert!(text(&output).contains(rule), "{script}: {}", text(&output));
    }
    scene.nothing_left();
    assert!(scene.gitlab.notes(&format!("issues/{}", scene.issue)).last().unwrap().body.contains("Refused"));
}

#[test]
fn a_leaked_secret_stays() {
    let scene = Scene::new();
    let secret = "made-up-deploy-secret-0001";
    let script = format!("cat >/dev/null; printf %s '{secret}' | base64 > notes.txt");
    let control = scene.run(&script.replace("notes.txt", "fine.txt").replace(secret, "harmless-text-of-any-kind"));
    assert_eq!(control.status.code(), Some(0), "{}", text(&control));
    let output = scene.job(&script).env("DEPLOY_TOKEN", secret).output().unwrap();
    assert_eq!(output.status.code(), Some(66), "{}", text(&output));
    assert!(text(&output).contains("secret/known") && text(&output).contains("DEPLOY_TOKEN"), "{}", text(&output));
    assert!(!text(&output).contains(secret), "the log shows the secret");
}

#[test]
fn a_planted_hook_leaves_nothing_behind() {
    let scene = Scene::new();
    let before = fs::read(scene.directory().join(".git/config")).unwrap();
    let output = scene.run("cat >/dev/null; printf '#!/bin/sh\\ntouch /tmp/x' > .git/hooks/pre-push; chmod +x .git/hooks/pre-push; git config core.fsmonitor ./evil");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("changed no file"), "{}", text(&output));
    assert_eq!(fs::read(scene.directory().join(".git/config")).unwrap(), before);
    assert!(!scene.directory().join(".git/hooks/pre-push").exists());
    scene.nothing_left();
}

/// A runner writes the token that it clones with into the checkout's `.git/config`.
#[test]
fn clone_credentials_stay_in_the_checkout() {
    let scene = Scene::new();
    let config = scene.directory().join(".git/config");
    let plain = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{plain}[http \"https://git.example\"]\n\textraheader = \"Private: made-up-clone-token\"\n")).unwrap();
    let look = |place: &str| format!("grep -rlsF made-up-clone-token {place}");
    let control = Command::new("sh").args(["-c", &look(".")]).current_dir(scene.directory()).output().unwrap();
    assert_eq!(text(&control), "./.git/config\n");
    let all = format!(". \"$HOME\" \"$TMPDIR\" {}", scene.directory().display());
    let output = scene.run(&format!("cat >/dev/null; {}; echo looked; git config --get-regexp extraheader || echo none", look(&all)));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("looked") && said.contains("none"), "{said}");
    assert!(!said.contains(".git/config") && !said.contains("made-up-clone-token"), "{said}");
    scene.nothing_left();
}

#[test]
fn a_link_in_the_checkout_does_not_choose_where_reports_go() {
    let scene = Scene::new();
    let victim = scene.scratch.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    let reports = scene.directory().join("tidewaiter-report");
    fs::create_dir(&reports).unwrap();
    for name in ["journal.jsonl", "verdict.json", "report.html"] {
        std::os::unix::fs::symlink(&victim, reports.join(name)).unwrap();
    }
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert!(fs::read_to_string(reports.join("journal.jsonl")).unwrap().contains("\"seq\":0"));
}

#[test]
fn no_change_is_said_and_nothing_is_opened() {
    let scene = Scene::new();
    let output = scene.run("cat > /dev/null");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    scene.nothing_left();
    assert!(scene.gitlab.notes(&format!("issues/{}", scene.issue)).last().unwrap().body.contains("Nothing to do"));
}

#[test]
fn an_agent_that_fails_hangs_or_forks_leaves_nothing() {
    let scene = Scene::new();
    for (script, code) in [
        ("echo x >> src/ferry.py; exit 3", 67),
        ("echo x >> src/ferry.py; kill -TERM $$", 143),
        ("(setsid sh -c 'sleep 1; echo late >> src/ferry.py' &) ; exit 1", 67),
    ] {
        let output = scene.run(script);
        assert_eq!(output.status.code(), Some(code), "{script}: {}", text(&output));
    }
    let mut slow = scene.job("sleep 60");
    let policy = scene.scratch.path().join("policy.toml");
    fs::write(&policy, fs::read_to_string(&policy).unwrap().replace("time = 20", "time = 1")).unwrap();
    let output = slow.output().unwrap();
    assert_eq!(output.status.code(), Some(68), "{}", text(&output));
    scene.nothing_left();
}

#[test]
fn what_is_missing_is_said_before_the_agent_starts() {
    let scene = Scene::new();
    let marker = scene.scratch.path().join("started");
    let cases: [(&str, &str, u8, &str); 5] = [
        ("GITLAB_ACCESS_TOKEN", "", 69, "GITLAB_ACCESS_TOKEN"),
        ("GITLAB_ACCESS_TOKEN", "made-up-and-wrong", 69, "401"),
        ("AI_FLOW_CONTEXT", "{\"issue\":{\"iid\":999}}", 69, "999"),
        ("CI_PROJECT_ID", "none", 2, "CI_PROJECT_ID"),
        ("TIDEWAITER_POLICY", "version = 1\n[network]\ntunnels = [\"a.example:443\"]\n", 64, "widen"),
    ];
    for (name, value, code, reason) in cases {
        let output = scene.job(&format!("touch {}", marker.display())).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(code)), "{name}={value}: {}", text(&output));
        assert!(text(&output).contains(reason), "{name}={value}: {}", text(&output));
    }
    let reporter = scene.gitlab.token(Role::Reporter);
    let output = scene.job("true").env("GITLAB_ACCESS_TOKEN", reporter).output().unwrap();
    assert!(text(&output).contains("Developer role"), "{}", text(&output));
    let own = "Tidewaiter <tidewaiter@noreply.127.0.0.1>";
    let output = scene.job("true").env("CI_COMMIT_AUTHOR", own).env_remove("AI_FLOW_INPUT").env_remove("AI_FLOW_CONTEXT").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("own"), "{}", text(&output));
    scene.nothing_left();
}

#[test]
fn gitlab_that_fails_ends_the_job() {
    let scene = Scene::new();
    scene.gitlab.garbage_next("/user", "<html>", 1);
    let output = scene.run(IMPLEMENT);
    assert_eq!(output.status.code(), Some(69), "{}", text(&output));
    scene.nothing_left();
}
