//! An observed run: what it lets through and notes, what it refuses all the same, and that nobody takes it for an enforced one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

const TIDEWAITER: &str = env!("CARGO_BIN_EXE_tidewaiter");
const POLICY: &str = "version = 1\n[files]\nread = [\"/usr\", \"/bin\", \"/lib\", \"/lib64\", \"/proc\", \"DIRECTORY/cert.pem\", \"DIRECTORY/learner.py\"]\ndeny = [\"/etc/group\"]\n[network]\nfence = \"FENCE\"\ntunnels = [\"allowed.example:8443\"]\nprivate = [\"allowed.example\", \"evil.example\"]\n";

/// What is tried, and how it ends without walls, enforced, and observed.
const ATTEMPTS: &[(&str, &str, &str, &str)] = &[
    ("a file outside", "read", "EACCES", "read"),
    ("again", "read", "EACCES", "read"),
    ("a file that is not there", "ENOENT", "ENOENT", "ENOENT"),
    ("a denied file", "read", "EACCES", "EACCES"),
    ("a file of the job's variables", "read", "EACCES", "EACCES"),
    ("its neighbour", "read", "EACCES", "read"),
    ("a temporary file of others", "read", "EACCES", "EACCES"),
    ("the key in an environment", "found", "nowhere", "nowhere"),
    ("a file of the workspace", "written", "written", "written"),
    ("a new file outside", "written", "EACCES", "EACCES"),
    ("a program outside", "it ran", "EACCES", "it ran"),
    ("an unlisted call", "EFAULT", "ENOSYS", "ENOSYS"),
    ("a dangerous call", "made", "EPERM", "EPERM"),
    ("a raw socket", "made", "EACCES", "EACCES"),
    ("an unlisted host by CONNECT", "evil by TLS", "403", "evil by TLS"),
    ("an unlisted host by plain HTTP", "evil", "403", "evil"),
    ("a listed host", "allowed by TLS", "allowed by TLS", "allowed by TLS"),
    ("past the proxy", "connected", "EACCES", "EACCES"),
    ("a private address", "", "403", "403"),
    ("a metadata service", "", "403", "403"),
];

/// What the journal of an observed run says of them: kind, what, access, program, and the count where it is known.
const NOTED: &[(&str, &str, &str, &str, Option<u64>)] = &[
    ("file", "/etc/passwd", "read", "python3", Some(2)),
    ("file", "/etc/group", "read", "python3", Some(1)),
    ("file", "PLACE/variable", "read", "python3", Some(1)),
    ("file", "PLACE/open", "read", "python3", Some(1)),
    ("file", "STAGE/key.pem", "read", "python3", Some(1)),
    ("file", "PLACE/new", "create", "python3", Some(1)),
    ("file", "PLACE/tool", "execute", "python3", Some(1)),
    ("syscall", "mq_open", "call", "python3", Some(1)),
    ("syscall", "unshare", "call", "python3", Some(1)),
    ("syscall", "socket(2, 3, 1)", "call", "python3", Some(1)),
    ("host", "evil.example:8443", "connect", "", Some(1)),
    ("host", "evil.example:8080", "connect", "", Some(1)),
    ("host", "database:5432", "connect", "", Some(1)),
    ("host", "169.254.169.254:443", "connect", "", Some(1)),
    ("address", "database:5432", "connect", "", Some(1)),
    ("address", "169.254.169.254:443", "connect", "", Some(1)),
    ("address", "198.51.100.7:8080", "connect", "python3", Some(1)),
];

/// A stage of stage.sh's for `uid`, and a place outside of everything that the policy grants.
struct Scene {
    stage: TempDir,
    place: TempDir,
    uid: u32,
}

impl Scene {
    fn new(uid: u32) -> Self {
        let (stage, place) = (TempDir::new().unwrap(), tempfile::Builder::new().tempdir_in("/srv").unwrap());
        for (directory, owner) in [(stage.path(), 0), (place.path(), uid)] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap();
            chown(directory, Some(owner), Some(owner)).unwrap();
        }
        for name in ["workspace", "journals"] {
            fs::create_dir(stage.path().join(name)).unwrap();
            chown(stage.path().join(name), Some(uid), Some(uid)).unwrap();
        }
        fs::copy(TIDEWAITER, stage.path().join("tidewaiter")).unwrap();
        let names = ["allowed.example", "evil.example"].map(str::to_owned).to_vec();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(stage.path().join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(stage.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::copy(format!("{}/tests/attacks/learner.py", env!("CARGO_MANIFEST_DIR")), stage.path().join("learner.py")).unwrap();
        for (name, mode) in [("variable", 0o644), ("open", 0o644), ("tool", 0o755)] {
            fs::write(place.path().join(name), "#!/bin/sh\necho it ran\n").unwrap();
            fs::set_permissions(place.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        Self { stage, place, uid }
    }

    /// Every attempt, with how it ended.
    fn tried(&self, run: &[&str]) -> (Output, BTreeMap<String, String>) {
        let stage = self.stage.path().to_str().unwrap();
        let ids = ["--reuid", "--regid"].map(|option| format!("{option}={}", self.uid));
        let learner = [format!("{stage}/learner.py"), format!("{stage}/cert.pem"), self.place.path().display().to_string()];
        let mut made = Command::new(format!("{}/tests/attacks/stage.sh", env!("CARGO_MANIFEST_DIR")));
        made.args([stage, "setpriv", &ids[0], &ids[1], "--clear-groups"]).args(run).arg("python3").args(learner);
        made.env_remove("TIDEWAITER_POLICY").env_remove("GITLAB_CI").env("TMPDIR", "/tmp").env("ANTHROPIC_API_KEY", "made-up-provider-key");
        made.env("KUBECONFIG", self.place.path().join("variable")).stdin(Stdio::null());
        let output = made.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let tried = text.lines().filter_map(|line| line.split_once(": ")).map(|(what, how)| (what.to_owned(), how.to_owned())).collect();
        (output, tried)
    }

    fn inside(&self, fence: &str, more: &[&str]) -> (Output, BTreeMap<String, String>, Vec<Value>) {
        let stage = self.stage.path().to_str().unwrap();
        let [program, policy, journal] = ["tidewaiter", "policy.toml", "journals/journal"].map(|name| format!("{stage}/{name}"));
        fs::write(&policy, POLICY.replace("FENCE", fence).replace("DIRECTORY", stage)).unwrap();
        let run = [&[&program, "run", "--policy", &policy, "--journal", &journal][..], more, &["--"]].concat();
        let (output, tried) = self.tried(&run);
        let records = records(Path::new(&journal));
        fs::remove_file(&journal).unwrap();
        let _ = fs::remove_file(self.place.path().join("new"));
        (output, tried, records)
    }
}

fn records(journal: &Path) -> Vec<Value> {
    fs::read_to_string(journal).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn lacks() -> bool {
    let lacks = !nix::unistd::geteuid().is_root();
    if lacks {
        println!("NOT RUN: an observed run on a stage of hosts: the stage needs root");
    }
    lacks
}

fn expected(column: impl Fn(&(&'static str, &'static str, &'static str, &'static str)) -> &'static str) -> BTreeMap<String, String> {
    ATTEMPTS.iter().map(|row| (row.0.to_owned(), column(row).to_owned())).filter(|(_, how)| !how.is_empty()).collect()
}

#[test]
fn without_walls_everything_goes_through() {
    if lacks() {
        return;
    }
    let (output, tried) = Scene::new(0).tried(&[]);
    assert_eq!(tried, expected(|row| row.1), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_enforced_is_refused_and_nothing_is_noted() {
    if lacks() {
        return;
    }
    for (fence, uid) in [("broker", 0), ("netns", 1000)] {
        let (output, tried, records) = Scene::new(uid).inside(fence, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(tried, expected(|row| row.2), "{fence} {uid}: {said}");
        assert_eq!(output.status.code(), Some(0));
        assert!(!said.contains("OBSERV"), "{said}");
        let marked = |record: &Value| record.get("observe").is_some() || record.get("unlisted").is_some();
        let observed = |record: &Value| ["observe", "would-refuse", "observed"].contains(&record["event"].as_str().unwrap());
        assert!(!records.iter().any(|record| marked(record) || observed(record)), "{records:#?}");
        assert_eq!(records[0]["story"], "run");
    }
}

#[test]
fn what_is_observed_is_noted_and_secrets_stay_unreadable() {
    if lacks() {
        return;
    }
    for (fence, uid) in [("broker", 0), ("netns", 0), ("broker", 1000), ("netns", 1000)] {
        let scene = Scene::new(uid);
        let (output, tried, records) = scene.inside(fence, &["--observe"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(tried, expected(|row| row.3), "{fence} {uid}: {said}");
        assert_eq!(output.status.code(), Some(72), "{said}");
        for (kind, what, access, program, count) in NOTED {
            let what = what.replace("PLACE", scene.place.path().to_str().unwrap()).replace("STAGE", scene.stage.path().to_str().unwrap());
            let found: Vec<&Value> = of(&records, "would-refuse")
                .filter(|record| {
                    [&record["kind"], &record["what"], &record["access"], &record["program"]] == [kind, &*what, access, program]
                })
                .collect();
            assert_eq!(found.len(), 1, "{fence} {uid}: {kind} {what}\n{records:#?}");
            assert!(count.is_none_or(|count| found[0]["count"] == count), "{fence} {uid}: {:#?}", found[0]);
        }
        let kept = |record: &Value| record["what"].as_str().is_some_and(|what| what.contains("not-there") || what.ends_with("/own"));
        assert!(!records.iter().any(kept), "what would not have been refused is noted: {records:#?}");
        marked(&records);
    }
}

fn of<'a>(records: &'a [Value], event: &'a str) -> impl Iterator<Item = &'a Value> {
    records.iter().filter(move |record| record["event"] == event)
}

/// Every record is marked, and the run's beginning and end say what it is.
fn marked(records: &[Value]) {
    assert!(records.iter().all(|record| record["observe"] == true), "{records:#?}");
    assert_eq!(records[0]["story"], "observe");
    assert_eq!((&records[1]["event"], &records[1]["enforced"]), (&json!("observe"), &json!(false)));
    let [.., observed, end] = records else { panic!("{records:#?}") };
    assert_eq!((&observed["event"], &end["event"], &end["exit"]), (&json!("observed"), &json!("end"), &json!(72)));
    assert_eq!(observed["distinct"], of(records, "would-refuse").count());
    let listed = |record: &&Value| record["allowed"] == true && record["unlisted"] == true;
    assert!(of(records, "gateway").filter(listed).count() <= of(records, "would-refuse").filter(|record| record["kind"] == "host").count());
}

fn run(arguments: &[&str], directory: &Path) -> Output {
    let mut made = Command::new(TIDEWAITER);
    made.args(arguments).current_dir(directory).env_remove("TIDEWAITER_POLICY").env_remove("GITLAB_CI").stdin(Stdio::null());
    made.output().unwrap()
}

fn workspace() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(directory.path().join("workspace")).unwrap();
    directory
}

#[test]
fn an_observed_run_has_banners_and_an_exit_code_of_its_own() {
    for (command, status) in [("exit 0", Some(0)), ("exit 3", Some(3)), ("kill -9 $$", Some(137))] {
        let directory = workspace();
        let output = run(&["run", "--observe", "--journal", "../journal", "--", "sh", "-c", command], &directory.path().join("workspace"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(72), "{command}: {said}");
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with("tidewaiter: OBSERVING, NOT ENFORCING: "), "{said}");
        assert!(lines.last().unwrap().starts_with("tidewaiter: OBSERVED, NOT ENFORCED: "), "{said}");
        let records = records(&directory.path().join("journal"));
        marked(&records);
        assert_eq!(of(&records, "observed").next().unwrap()["status"], json!(status), "{command}");
        // Without --observe its status is passed on.
        let output = run(&["run", "--", "sh", "-c", command], &directory.path().join("workspace"));
        assert_eq!(output.status.code(), status, "{command}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("OBSERV"));
    }
}

#[test]
fn failures_of_ours_keep_their_codes_and_nothing_else_observes() {
    let directory = workspace();
    let place = directory.path().join("workspace");
    let missing = run(&["run", "--observe", "--journal", "../journal", "--", "no-such-program"], &place);
    assert_eq!(missing.status.code(), Some(127));
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(said.contains("OBSERVING, NOT ENFORCING") && said.contains("did not run to its end"), "{said}");
    for unusable in [&["run", "--observe", "--", "true"][..], &["job", "--observe"], &["init", "--observe"], &["doctor", "--observe"]] {
        let output = run(unusable, &place);
        // What `init` is given is a program.
        let code = if unusable[0] == "init" { 127 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{unusable:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Observing is decided by one value, and only the command line's `run` sets it.
#[test]
fn no_story_but_run_can_observe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (place, may) in [("job", false), ("init", false), ("shim.rs", false), ("doctor.rs", false), ("run", true)] {
        let place = root.join(place);
        let files =
            if place.is_dir() { fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()).collect() } else { vec![place.clone()] };
        let names = files.iter().any(|file| fs::read_to_string(file).unwrap().contains("Stance::Observe"));
        assert_eq!(names, may, "{}", place.display());
    }
}
