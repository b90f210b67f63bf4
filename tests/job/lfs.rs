//! Files of Git LFS: what leaves is a pointer to an object that was judged and is there, or nothing leaves.

use std::{
    fs,
    process::{Command, Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tidewaiter::{digest::Digest, git::Pointer};

use crate::{
    JOB, Scene, all_at_once,
    support::gitlab::{Request, lfs::Storage},
    text,
};

const OLD: &[u8] = b"old\0content";
const NEW: &[u8] = b"new\0content";

/// An agent that adds a file of Git LFS and changes one that is none.
const ADD: &str = "cat > /dev/null; printf 'new\\000content' > assets/new.bin; echo '# more' >> src/ferry.py";

const ALLOWED: &str = "lfs = true\nbinary = [\"assets/**\"]\n";

fn pointer(content: &[u8]) -> Pointer {
    Pointer { digest: Digest::of(content), size: content.len() as u64 }
}

/// A project whose `*.bin` are in Git LFS, one of them already.
fn scene() -> Scene {
    let scene = Scene::new();
    let attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
    scene.gitlab.commit("main", &[(".gitattributes", attributes), ("assets/old.bin", &pointer(OLD).to_string())]);
    scene.gitlab.model().lfs.add(OLD);
    scene.checkout();
    scene
}

/// A job whose agent is `script`, with these lines of `[changes]` and of another section.
fn job(scene: &Scene, script: &str, changes: &str, more: &str) -> Command {
    let script = json!(script);
    scene.job_by(&format!(
        "version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {script}]\n[limits]\ntime = 20\n[changes]\n{changes}\n{more}"
    ))
}

fn run(scene: &Scene, script: &str) -> Output {
    job(scene, script, ALLOWED, "").output().unwrap()
}

/// Requests to Git LFS, and pushes, in their order: method and the path's end.
fn asked(scene: &Scene) -> Vec<String> {
    let counts =
        |request: &&Request| request.path.contains("lfs") || request.path.ends_with("git-receive-pack") && request.method == "POST";
    let end = |request: &Request| request.path.split('/').skip(3).collect::<Vec<_>>().join("/");
    scene.gitlab.requests().iter().filter(counts).map(|request| format!("{} {}", request.method, end(request))).collect()
}

/// The file at `path` of the branch, as git has it.
fn shown(scene: &Scene, path: &str) -> String {
    scene.gitlab.git(&["show", &format!("{}:{path}", scene.branch())]) + "\n"
}

#[test]
fn a_file_of_lfs_leaves_as_a_pointer_once_its_object_is_there() {
    let scene = scene();
    let output = run(&scene, ADD);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    assert!(text(&output).contains("objects of Git LFS: 1 uploaded, 0 there already"), "{}", text(&output));
    assert_eq!(shown(&scene, "assets/new.bin"), pointer(NEW).to_string());
    assert_eq!(shown(&scene, "assets/old.bin"), pointer(OLD).to_string());
    assert!(shown(&scene, "src/ferry.py").contains("# more"));
    assert_eq!(scene.gitlab.model().lfs.objects[&pointer(NEW).digest.hex()], NEW);
    let put = format!("PUT gitlab-lfs/objects/{}/{}", pointer(NEW).digest.hex(), NEW.len());
    let batch = "POST info/lfs/objects/batch";
    assert_eq!(asked(&scene), [batch, &put, batch, "POST git-receive-pack"]);
    let first = scene.gitlab.requests().into_iter().find(|request| request.path.ends_with("/batch")).unwrap();
    let body = first.json();
    assert_eq!((&body["operation"], &body["hash_algo"], &body["transfers"]), (&json!("upload"), &json!("sha256"), &json!(["basic"])));
    assert_eq!(body["ref"]["name"], format!("refs/heads/{}", scene.branch()));
    assert_eq!(first.header("accept"), Some("application/vnd.git-lfs+json"));

    // The same job where the policy does not say so: nothing of it leaves, and Git LFS is not spoken to.
    let closed = self::scene();
    let output = job(&closed, ADD, "binary = [\"assets/**\"]", "").output().unwrap();
    closed.ended(&output, 66, &["denied"]);
    assert!(text(&output).contains("content/lfs") && text(&output).contains("changes.lfs = true"), "{}", text(&output));
    closed.nothing_left();
    assert_eq!(asked(&closed), [""; 0]);
}

#[test]
fn what_is_there_is_not_sent_again_and_what_did_not_change_stays_its_pointer() {
    let scene = scene();
    // As the runner fills it in.
    fs::write(scene.directory().join("assets/old.bin"), OLD).unwrap();
    scene.gitlab.model().lfs.add(NEW);
    scene.ended(&run(&scene, ADD), 0, &["merge request !1 opened"]);
    assert_eq!(asked(&scene), ["POST info/lfs/objects/batch", "POST git-receive-pack"]);
    assert_eq!(scene.gitlab.git(&["diff", "--name-only", "main", &scene.branch()]), "assets/new.bin\nsrc/ferry.py");
    // The next job begins with the pointers, and leaves them alone.
    let output = run(&scene, "cat > /dev/null; grep -c oid assets/*.bin; echo '# yet more' >> src/ferry.py");
    scene.ended(&output, 0, &["merge request !1 updated"]);
    assert_eq!(scene.gitlab.git(&["diff", "--name-only", "main", &scene.branch()]), "assets/new.bin\nsrc/ferry.py");
    assert_eq!(asked(&scene).len(), 3, "a push more");
}

#[test]
fn what_earlier_jobs_uploaded_counts_in_the_branch_as_a_whole() {
    let scene = scene();
    let add = |name: &str| format!("cat > /dev/null; head -c 3000 /dev/zero > assets/{name}.bin; echo {name} >> assets/{name}.bin");
    let one = |name: &str| job(&scene, &add(name), &format!("{ALLOWED}max_bytes = 5000"), "").output().unwrap();
    scene.ended(&one("first"), 0, &["merge request !1 opened"]);
    let second = one("second");
    scene.ended(&second, 66, &["denied"]);
    assert!(text(&second).contains("bytes changed, more than 5000, since "), "{}", text(&second));
    scene.gitlab.commit(&scene.branch(), &[("src/theirs.py", "x\n")]);
    scene.ended(&one("second"), 0, &["merge request !1 updated"]);
}

#[test]
fn the_real_client_gets_the_bytes_of_the_pushed_branch() {
    if !Command::new("git").args(["lfs", "version"]).output().is_ok_and(|output| output.status.success()) {
        println!("NOT RUN: there is no git-lfs here");
        return;
    }
    let scene = scene();
    let large =
        "cat > /dev/null; seq 1 100000 | gzip -n > assets/new.bin; seq 100000 300000 | gzip -n > assets/old.bin; sha256sum assets/*.bin";
    let output = run(&scene, large);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    let clone = scene.scratch.path().join("clone");
    let url = scene.gitlab.clone_url().replace("://", &format!("://oauth2:{}@", scene.token));
    let done = Command::new("git")
        .env("HOME", scene.scratch.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_LFS_SKIP_SMUDGE")
        .args(["-c", "filter.lfs.process=git-lfs filter-process", "-c", "filter.lfs.smudge=git-lfs smudge -- %f"])
        .args(["-c", "filter.lfs.required=true", "clone", "-q", "--branch", &scene.branch(), &url])
        .arg(&clone)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done));
    for path in ["assets/new.bin", "assets/old.bin"] {
        let bytes = fs::read(clone.join(path)).unwrap();
        assert!(bytes.len() > 100_000, "{path} is filled in");
        assert!(text(&output).contains(&format!("{}  {path}", Digest::of(&bytes).hex())), "{path} is what the agent wrote");
    }
    let clean = Command::new("git").args(["lfs", "fsck"]).current_dir(&clone).env("HOME", scene.scratch.path()).output().unwrap();
    assert!(clean.status.success(), "{}", text(&clean));
}

#[test]
fn a_pointer_by_hand_brings_nothing_in_that_nobody_judged() {
    let scene = scene();
    scene.gitlab.model().lfs.add(b"of another branch");
    let foreign = pointer(b"of another branch").to_string();
    for path in ["assets/new.bin", "assets/old.bin", "notes.txt"] {
        let output = run(&scene, &format!("cat > /dev/null; printf '%s' '{foreign}' > {path}"));
        scene.ended(&output, 66, &["denied"]);
        assert!(text(&output).contains("content/lfs"), "{path}: {}", text(&output));
    }
    scene.nothing_left();
    assert_eq!(asked(&scene), [""; 0]);
    // The base's own may move, and what stands in a file is judged wherever it comes from.
    scene.ended(&run(&scene, "cat > /dev/null; mv assets/old.bin assets/moved.bin"), 0, &["merge request !1 opened"]);
    assert_eq!(shown(&scene, "assets/moved.bin"), pointer(OLD).to_string());
}

#[test]
fn a_secret_in_a_file_of_lfs_is_found() {
    let scene = scene();
    let secret = "made-up-deploy-secret-0002";
    let script = format!("cat > /dev/null; (printf 'a\\000b'; printf '%s' '{secret}' | base64) > assets/new.bin");
    let output = job(&scene, &script, ALLOWED, "").env("DEPLOY_TOKEN", secret).output().unwrap();
    scene.ended(&output, 66, &["denied"]);
    assert!(text(&output).contains("secret/known") && !text(&output).contains(secret), "{}", text(&output));
    scene.nothing_left();
    assert_eq!(asked(&scene), [""; 0]);
    assert_eq!(scene.gitlab.model().lfs.objects.len(), 1);
    scene.ended(&run(&scene, &script.replace(secret, "harmless")), 0, &["merge request !1 opened"]);
}

#[test]
fn a_denied_change_is_kept_with_its_objects_and_leaves_later() {
    let scene = scene();
    let denied = job(&scene, ADD, "binary = [\"assets/**\"]", "").output().unwrap();
    scene.ended(&denied, 66, &["denied"]);
    let kept = scene.directory().with_file_name("ferry.tidewaiter").join(JOB.to_string()).join("change.json");
    let again = |from: &std::path::Path| job(&scene, "exit 3", ALLOWED, "").arg("--from").arg(from).output().unwrap();
    let sound = fs::read_to_string(&kept).unwrap();
    let forged = scene.scratch.path().join("forged.json");
    let object = |bytes: &[u8]| format!("\"object\":\"{}\"", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes));
    let path = |path: &str| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, path);
    for (what, text, words) in [
        ("another object", sound.replace(&object(NEW), &object(b"evil")), "no pointer to the object"),
        ("no object", sound.replace(&format!(",{}", object(NEW)), ""), "denied"),
        ("another path", sound.replace(&path("assets/new.bin"), &path("assets/new.txt")), "do not make the tree"),
    ] {
        println!("{what}");
        assert_ne!(text, sound);
        fs::write(&forged, text).unwrap();
        let code = if words == "denied" { 66 } else { 71 };
        scene.ended(&again(&forged), code, &[words]);
        scene.nothing_left();
    }
    assert_eq!(scene.gitlab.model().lfs.objects.len(), 1);
    scene.ended(&again(&kept), 0, &["merge request !1 opened"]);
    assert_eq!(shown(&scene, "assets/new.bin"), pointer(NEW).to_string());
    assert_eq!(scene.gitlab.model().lfs.objects[&pointer(NEW).digest.hex()], NEW);
}

#[test]
fn where_an_upload_fails_nothing_is_pushed() {
    type Case = (&'static str, fn(&Scene), &'static [&'static str]);
    const BATCH: &str = "POST /objects/batch$";
    const PUT: &str = "PUT /gitlab-lfs/objects/";
    const LATER: &[(&str, &str)] = &[("Retry-After", "3600")];
    let cases: &[Case] = &[
        ("401", |scene| scene.gitlab.fail_next(BATCH, 401, &[], usize::MAX), &["Git LFS", "401", "GITLAB_ACCESS_TOKEN"]),
        ("403", |scene| scene.gitlab.fail_next(BATCH, 403, &[], usize::MAX), &["(403)", "switched off", "may not push"]),
        ("off", |scene| scene.gitlab.model().lfs.off = true, &["(403)", "switched off in this project", "Access forbidden"]),
        ("404", |scene| scene.gitlab.fail_next(BATCH, 404, &[], usize::MAX), &["(404)", "switched off"]),
        ("501", |scene| scene.gitlab.fail_next(BATCH, 501, &[], usize::MAX), &["(501)", "on this server"]),
        ("406", |scene| scene.gitlab.fail_next(BATCH, 406, &[], usize::MAX), &["(406)", "storage is full"]),
        ("422", |scene| scene.gitlab.fail_next(BATCH, 422, &[], usize::MAX), &["422", "made-up failure"]),
        ("429", |scene| scene.gitlab.fail_next(BATCH, 429, LATER, usize::MAX), &["rate limit", "429"]),
        ("500", |scene| scene.gitlab.fail_next(BATCH, 500, LATER, usize::MAX), &["Git LFS", "status 500"]),
        ("503", |scene| scene.gitlab.fail_next(BATCH, 503, LATER, usize::MAX), &["Git LFS", "status 503"]),
        ("302", |scene| scene.gitlab.fail_next(BATCH, 302, &[("Location", "http://127.0.0.1:1/")], usize::MAX), &["status 302"]),
        ("no JSON", |scene| scene.gitlab.garbage_next(BATCH, "<html>", usize::MAX), &["batch API", "JSON"]),
        ("other objects", |scene| scene.gitlab.garbage_next(BATCH, "{\"objects\":[]}", usize::MAX), &["speaks of 0 objects"]),
        (
            "another transfer",
            |scene| scene.gitlab.garbage_next(BATCH, "{\"transfer\":\"tus\",\"objects\":[]}", 1),
            &["another kind of transfer"],
        ),
        ("another hash", |scene| scene.gitlab.garbage_next(BATCH, "{\"hash_algo\":\"sha512\",\"objects\":[]}", 1), &["transfer or hash"]),
        ("another size", |scene| scene.gitlab.model().lfs.missays = Some(NEW.len() as u64), &["has 11 bytes, and GitLab says 12"]),
        (
            "an object's error",
            |scene| scene.gitlab.model().lfs.error = Some(json!({"code": 422, "message": "no"})),
            &["not taken", "422 no"],
        ),
        ("upload 401", |scene| scene.gitlab.fail_next(PUT, 401, &[], usize::MAX), &["cannot be uploaded", "401"]),
        ("upload 413", |scene| scene.gitlab.fail_next(PUT, 413, &[], usize::MAX), &["cannot be uploaded", "413", "made-up failure"]),
        ("upload 422", |scene| scene.gitlab.fail_next(PUT, 422, &[], usize::MAX), &["cannot be uploaded", "422"]),
        ("upload 500", |scene| scene.gitlab.fail_next(PUT, 500, LATER, usize::MAX), &["cannot be uploaded", "500"]),
        ("upload 302", |scene| scene.gitlab.fail_next(PUT, 302, &[("Location", "http://127.0.0.1:1/")], usize::MAX), &["302"]),
        ("lost", |scene| scene.gitlab.model().lfs.forgets = true, &["was uploaded, and GitLab says that it is not there"]),
        ("no address", |scene| scene.gitlab.model().lfs.leads_to = Some("evil".to_owned()), &["an address for it that is none"]),
        (
            "another scheme",
            |scene| scene.gitlab.model().lfs.leads_to = Some("ssh://127.0.0.1".to_owned()),
            &["address for it that is none"],
        ),
        (
            "a user",
            |scene| {
                let url = scene.gitlab.url().replace("://", "://u:p@");
                scene.gitlab.model().lfs.leads_to = Some(url);
            },
            &["an address for it that is none"],
        ),
        (
            "another host",
            |scene| scene.gitlab.model().lfs.leads_to = Some("https://objects.example/x?secret=1".to_owned()),
            &["upload it to objects.example:443", "network.gitlab.lfs_hosts"],
        ),
        (
            "another port",
            |scene| scene.gitlab.model().lfs.leads_to = Some("http://127.0.0.1:9".to_owned()),
            &["upload it to 127.0.0.1:9", "network.gitlab.lfs_hosts"],
        ),
    ];
    all_at_once(cases.to_vec(), |(what, prepare, words): Case| {
        let scene = scene();
        prepare(&scene);
        let output = run(&scene, ADD);
        println!("{what}: {}", crate::last_line(&output));
        scene.ended(&output, 69, &[words, &["nothing was pushed"]].concat());
        scene.nothing_left();
        scene.answered("**Failed:**", &["Git LFS", "nothing was pushed"]);
        assert!(!text(&output).contains("secret=1") && !text(&output).contains(&scene.token), "{}", text(&output));
        assert!(!asked(&scene).contains(&"POST git-receive-pack".to_owned()));
    });
}

#[test]
fn a_failure_that_passes_is_waited_for_and_the_token_goes_to_gitlab_alone() {
    let scene = scene();
    scene.gitlab.fail_next("POST /objects/batch$", 429, &[("Retry-After", "1")], 1);
    scene.gitlab.fail_next("PUT /gitlab-lfs/objects/", 502, &[], 1);
    scene.gitlab.fail_after("PUT /gitlab-lfs/objects/", 504);
    // Where the server gives no credential for it, GitLab gets the one that it gets anyway.
    scene.gitlab.model().lfs.gives_nothing = true;
    let output = run(&scene, ADD);
    scene.ended(&output, 0, &["merge request !1 opened"]);
    assert_eq!(asked(&scene).iter().filter(|line| line.starts_with("PUT")).count(), 3);
}

#[test]
fn an_object_storage_is_uploaded_to_where_the_policy_names_it_and_gets_no_token() {
    let (scene, storage) = (scene(), Storage::start(200));
    scene.gitlab.model().lfs.storage = Some(storage.clone());
    let pin = |hosts: &str| format!("[network.gitlab]\nurl = \"{}\"\nlfs_hosts = [{hosts}]\n", scene.gitlab.url());
    let named = pin(&format!("\"{}\"", storage.host()));
    scene.ended(&run(&scene, ADD), 69, &[&storage.host(), "network.gitlab.lfs_hosts"]);
    scene.ended(&job(&scene, ADD, ALLOWED, &pin("\"127.0.0.1:9\"")).output().unwrap(), 69, &[&storage.host()]);
    scene.gitlab.model().lfs.gives_token = true;
    scene.refused(&job(&scene, ADD, ALLOWED, &named).output().unwrap(), 69, &["its token sent to another host"]);
    assert!(storage.requests().is_empty());
    scene.gitlab.model().lfs.gives_token = false;
    scene.ended(&job(&scene, ADD, ALLOWED, &named).output().unwrap(), 0, &["merge request !1 opened"]);
    let requests = storage.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.query.as_str(), request.body.as_slice()), ("PUT", "X-Signature=made%2Dup", NEW));
    assert_eq!((request.header("x-storage"), request.header("authorization")), (Some("made-up-signature"), None));
    assert_eq!(request.header("content-length"), Some("11"));
    let asked = asked(&scene);
    let verified = asked.iter().position(|line| line == "POST gitlab-lfs/verify").unwrap();
    assert!(verified < asked.iter().position(|line| line == "POST git-receive-pack").unwrap(), "{asked:?}");

    let (scene, broken) = (self::scene(), Storage::start(403));
    scene.gitlab.model().lfs.storage = Some(broken.clone());
    let named = format!("[network.gitlab]\nurl = \"{}\"\nlfs_hosts = [\"{}\"]\n", scene.gitlab.url(), broken.host());
    scene.ended(&job(&scene, ADD, ALLOWED, &named).output().unwrap(), 69, &[&broken.url(), "403", "nothing was pushed"]);
    scene.nothing_left();
}

#[test]
fn a_job_that_is_cancelled_while_it_uploads_pushes_nothing() {
    let (scene, silent) = (scene(), Storage::start(0));
    scene.gitlab.model().lfs.storage = Some(silent.clone());
    let named = format!("[network.gitlab]\nurl = \"{}\"\nlfs_hosts = [\"{}\"]\n", scene.gitlab.url(), silent.host());
    let job = job(&scene, ADD, ALLOWED, &named).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while silent.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(i32::try_from(job.id()).unwrap()), Signal::SIGTERM).unwrap();
    let output = job.wait_with_output().unwrap();
    scene.ended(&output, 143, &["cancelled by signal 15"]);
    scene.nothing_left();
}
