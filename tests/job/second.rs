//! A denied change is kept and judged again, without its agent; and what no change may do in one go, it may not do in slices.

use std::{fs, path::PathBuf, process::Output};

use crate::{IMPLEMENT, JOB, Scene, text};

fn policy(agent: &str, changes: &str) -> String {
    let script = serde_json::to_string(agent).unwrap();
    format!("version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {script}]\n[limits]\ntime = 20\n[changes]\n{changes}\n")
}

fn kept(scene: &Scene) -> PathBuf {
    scene.directory().with_file_name("ferry.tidewaiter").join(JOB.to_string()).join("change.json")
}

/// A git command in the scene's checkout.
fn git(scene: &Scene, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").args(arguments).current_dir(scene.directory()).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn again(scene: &Scene, from: &std::path::Path, changes: &str) -> Output {
    scene.job_by(&policy("echo agent-at-work >&2", changes)).arg("--from").arg(from).output().unwrap()
}

#[test]
fn a_denied_change_leaves_under_a_waiver_without_its_agent() {
    const WAIVER: &str = "[[changes.waivers]]\nrule = \"path/allow\"\npath = \"src/*.py\"\nowner = \"@ferries\"\nreason = \"seen\"\n";
    let scene = Scene::new();
    let denied = scene.job_by(&policy(IMPLEMENT, "allow = [\"docs/**\"]")).output().unwrap();
    scene.ended(&denied, 66, &["denied"]);
    assert!(text(&denied).contains("change.json"), "{}", text(&denied));
    scene.nothing_left();
    let bundle = kept(&scene);
    for (changes, code, words) in [
        ("allow = [\"docs/**\"]".to_owned(), 66, &["denied"][..]),
        (format!("allow = [\"docs/**\"]\n{WAIVER}expires = 2020-01-01\n"), 66, &["denied"]),
        (format!("allow = [\"docs/**\"]\n{WAIVER}expires = 9999-12-31\n"), 0, &["merge request !1 opened"]),
    ] {
        let output = again(&scene, &bundle, &changes);
        scene.ended(&output, code, words);
        assert!(!text(&output).contains("agent-at-work"), "the agent ran: {}", text(&output));
    }
    let tip = scene.gitlab.tip(&scene.branch()).unwrap();
    assert_eq!(scene.gitlab.git(&["show", &format!("{tip}:src/ferry.py")]), "def depart():\n    return True");
}

#[test]
fn a_kept_change_is_not_believed() {
    let scene = Scene::new();
    scene.ended(&scene.job_by(&policy(IMPLEMENT, "allow = [\"docs/**\"]")).output().unwrap(), 66, &["denied"]);
    let sound = fs::read_to_string(kept(&scene)).unwrap();
    let forged = scene.scratch.path().join("forged.json");
    let content = "ZGVmIGRlcGFydCgp";
    for (what, text, code, words) in [
        ("other content", sound.replace(content, "ZXZpbCBkZXBhcnQoKQ"), 71, &["cannot be used"][..]),
        ("another path", sound.replace("c3JjL2ZlcnJ5LnB5", "c3JjL290aGVyLnB5"), 71, &["do not make the tree"]),
        ("another version", sound.replace("\"version\":1", "\"version\":2"), 71, &["version 2"]),
        ("an unknown key", sound.replace("\"version\":1", "\"version\":1,\"more\":1"), 71, &["no bundle"]),
        ("nothing", String::new(), 71, &["no bundle"]),
    ] {
        println!("{what}");
        assert_ne!(text, sound, "{what}");
        fs::write(&forged, text).unwrap();
        scene.ended(&again(&scene, &forged, ""), code, words);
        scene.nothing_left();
    }
    // A tree of another branch as the base: what it holds would leave unseen.
    let tree = |revision: &str| git(&scene, &["rev-parse", &format!("{revision}^{{tree}}")]);
    git(&scene, &["checkout", "-q", "--orphan", "evil"]);
    fs::write(scene.directory().join(".gitlab-ci.yml"), "evil: {script: x}\n").unwrap();
    git(&scene, &["add", "-A"]);
    let evil = git(&scene, &["write-tree"]);
    git(&scene, &["read-tree", &evil]);
    fs::write(scene.directory().join("src/ferry.py"), "def depart():\n    return True\n").unwrap();
    git(&scene, &["add", "-A"]);
    let made = git(&scene, &["write-tree"]);
    git(&scene, &["checkout", "-q", "-f", "--detach", "origin/main"]);
    let (base, judged) = (tree("HEAD"), serde_json::from_str::<serde_json::Value>(&sound).unwrap()["tree"].as_str().unwrap().to_owned());
    fs::write(&forged, sound.replace(&base, &evil).replace(&judged, &made)).unwrap();
    scene.ended(&again(&scene, &forged, ""), 71, &["not measured from the commit"]);
    scene.nothing_left();
    scene.ended(&again(&scene, std::path::Path::new("/nowhere/change.json"), ""), 2, &["/nowhere/change.json"]);
    scene.gitlab.commit("main", &[("README.md", "moved on\n")]);
    scene.checkout();
    fs::write(&forged, &sound).unwrap();
    scene.ended(&again(&scene, &forged, ""), 2, &["made from the commit"]);
    scene.nothing_left();
}

#[test]
fn a_denied_change_is_an_artifact_only_where_the_policy_says_so_and_no_secret_is_in_it() {
    let scene = Scene::new();
    let artifact = scene.directory().join("tidewaiter-report/change.json");
    let with_key = "cat > /dev/null; echo made-up-key-0123456789 > src/key.txt";
    for (agent, changes, there) in [
        (IMPLEMENT, "allow = [\"docs/**\"]", false),
        (IMPLEMENT, "allow = [\"docs/**\"]\ndenied_artifact = true", true),
        (with_key, "denied_artifact = true", false),
    ] {
        let _ = fs::remove_file(&artifact);
        let output = scene.job_by(&policy(agent, changes)).env("DEPLOY_TOKEN", "made-up-key-0123456789").output().unwrap();
        scene.ended(&output, 66, &["denied"]);
        assert_eq!(artifact.exists(), there, "{changes}");
    }
    scene.nothing_left();
}

#[test]
fn what_may_not_change_at_once_does_not_change_in_slices() {
    let scene = Scene::new();
    let add = |name: &str| format!("cat > /dev/null; echo x > src/{name}.py");
    let one = |name: &str| scene.job_by(&policy(&add(name), "max_files = 1")).output().unwrap();
    scene.ended(&one("first"), 0, &["merge request !1 opened"]);
    let ours = scene.gitlab.tip(&scene.branch()).unwrap();
    let second = one("second");
    scene.ended(&second, 66, &["denied"]);
    assert!(text(&second).contains("2 files changed, more than 1, since "), "{}", text(&second));
    assert_eq!(scene.gitlab.tip(&scene.branch()).unwrap(), ours);
    // Whoever adds a commit has seen what came before.
    scene.gitlab.commit(&scene.branch(), &[("src/theirs.py", "x\n")]);
    scene.ended(&one("second"), 0, &["merge request !1 updated"]);
}
