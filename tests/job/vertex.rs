//! Jobs whose provider is Vertex AI: what is missing is named, and nothing of Google's credentials is in the agent's reach.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::{
    Scene, TIDEWAITER,
    support::{
        google::{ACCOUNT, Google, ID_TOKEN, KEY, POOL, PROJECT},
        provider::{Provider, Turn},
    },
    text,
};

const VARIABLES: [(&str, &str); 4] = [
    ("GITLAB_OIDC_TOKEN", ID_TOKEN),
    ("GCP_WORKLOAD_IDENTITY_PROVIDER", POOL),
    ("GCP_SERVICE_ACCOUNT", ACCOUNT),
    ("GCP_PROJECT_ID", PROJECT),
];

/// An agent that looks for credentials, asks the model once, and does its work.
const AGENT: &str = r#"cat > /dev/null
env | grep -e made-up.id -e iam.gserviceaccount -e workloadIdentity -e GOOGLE_APPLICATION && echo 'FOUND in the environment'
cat "$KEY_FILE" > /dev/null && echo 'FOUND the file'
for directory in /proc/[0-9]*; do cat $directory/environ; done 2>/dev/null | grep -a made-up.id && echo 'FOUND in a process'
url="$ANTHROPIC_VERTEX_BASE_URL/projects/$ANTHROPIC_VERTEX_PROJECT_ID/locations/$CLOUD_ML_REGION/publishers/anthropic/models/claude-opus-4-8:rawPredict"
body='{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
curl -sS --noproxy '*' -H "Authorization: Bearer $ANTHROPIC_AUTH_TOKEN" -H 'content-type: application/json' -d "$body" "$url"
echo '# by the agent' >> src/ferry.py"#;

fn route(vertex: &str, google: &str) -> String {
    format!(
        "[[network.route]]\nprovider = \"vertex\"\nbase_url = \"{vertex}\"\nregions = [\"europe-west1\"]\ntoken_url = \"{google}\"\n\
         iam_url = \"{google}\"\noauth_url = \"{google}/token\"\n"
    )
}

fn job(scene: &Scene, kind: &str, route: &str, key: &Path) -> Command {
    let command = serde_json::to_string(AGENT).unwrap();
    scene
        .job_by(&format!(
            "version = 1\n[agent]\nkind = \"{kind}\"\ncommand = [\"sh\", \"-c\", {command}]\nmodels = [\"claude-opus-*\"]\n\
             [files]\nread = [\"/usr\", \"/bin\", \"/sbin\", \"/lib\", \"/lib64\", \"/etc\", \"/proc\", \"{}\"]\n[process]\nenv = [\"KEY_FILE\"]\n\
             [limits]\ntime = 30\n{route}",
            key.parent().unwrap().display()
        ))
}

/// A directory that the policy lets the agent read, with the key of a service account in it.
fn key_file(scene: &Scene, google: &Google) -> std::path::PathBuf {
    let directory = scene.scratch.path().join("keys");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("key.json");
    fs::write(&file, google.key_file().to_string()).unwrap();
    for (path, mode) in [(&directory, 0o755), (&file, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    file
}

#[test]
fn an_agent_works_with_vertex_and_finds_no_credential() {
    for federated in [true, false] {
        let (scene, google) = (Scene::new(), Google::start());
        let vertex = Provider::start_guarded(vec![Turn::text("Well said.")], None, google.admits());
        let file = key_file(&scene, &google);
        let mut job = job(&scene, "command", &route(&vertex.base_url(), &google.url()), &file);
        job.env("KEY_FILE", &file).env("GOOGLE_APPLICATION_CREDENTIALS", &file).env("GCP_PROJECT_ID", PROJECT);
        if federated {
            job.envs(VARIABLES);
        }
        let output = job.output().unwrap();
        scene.ended(&output, 0, &["merge request !1 opened"]);
        let log = text(&output);
        assert!(log.contains("Well said.") && !log.contains("FOUND"), "{log}");
        assert!(log.contains("key.json: Permission denied"), "{log}");
        assert_eq!(vertex.requests().len(), 1);
        let first = google.asked()[0].path.clone();
        assert_eq!(first, if federated { "/v1/token" } else { "/token" });
    }
}

#[test]
fn without_the_walls_the_key_can_be_read() {
    let (scene, google) = (Scene::new(), Google::start());
    let file = key_file(&scene, &google);
    let output =
        Command::new("sh").args(["-c", AGENT]).env("KEY_FILE", &file).envs(VARIABLES).current_dir(scene.directory()).output().unwrap();
    let log = text(&output);
    assert!(log.contains("FOUND in the environment") && log.contains("FOUND the file"), "{log}");
}

#[test]
fn what_a_job_for_vertex_lacks_is_said_before_gitlab_is_asked() {
    let route = route("http://127.0.0.1:9", "http://127.0.0.1:9");
    let scene = Scene::new();
    let file = key_file(&scene, &Google::start());
    for (left_out, _) in VARIABLES {
        let variables = VARIABLES.into_iter().filter(|(name, _)| *name != left_out);
        let output = job(&scene, "claude", &route, &file).envs(variables).output().unwrap();
        scene.ended(&output, 69, &[&format!("{left_out} is not set: ")]);
    }
    let none = job(&scene, "claude", &route, &file).output().unwrap();
    scene.ended(&none, 69, &["GCP_WORKLOAD_IDENTITY_PROVIDER is not set: for Vertex AI", "GOOGLE_APPLICATION_CREDENTIALS"]);
    let pinned = format!("{route}project = \"made-up-other\"\n");
    let output = job(&scene, "claude", &pinned, &file).envs(VARIABLES).output().unwrap();
    scene.ended(&output, 69, &["GCP_PROJECT_ID is `made-up-project`", "`made-up-other`"]);
    // A key that is somewhere among the agent's files is no secret any more.
    let inside = scene.directory().join("key.json");
    fs::copy(&file, &inside).unwrap();
    let output = job(&scene, "command", &route, &file)
        .env("GOOGLE_APPLICATION_CREDENTIALS", &inside)
        .env("GCP_PROJECT_ID", PROJECT)
        .output()
        .unwrap();
    scene.ended(&output, 69, &["GOOGLE_APPLICATION_CREDENTIALS names a file in the tree that the agent gets"]);
    // One that is none is not shown.
    fs::write(&file, KEY).unwrap();
    let output =
        job(&scene, "command", &route, &file).env("GOOGLE_APPLICATION_CREDENTIALS", &file).env("GCP_PROJECT_ID", PROJECT).output().unwrap();
    scene.ended(&output, 69, &["GOOGLE_APPLICATION_CREDENTIALS is neither the path of a file"]);
    assert!(!text(&output).contains("PRIVATE KEY"));
    scene.unanswered();
}

#[test]
fn the_script_gets_a_word_in_the_place_of_a_key_in_a_file() {
    let (scene, google) = (Scene::new(), Google::start());
    let file = key_file(&scene, &google);
    // As the runner writes a variable of type File.
    let quoted = fs::read_to_string(&file).unwrap().replace('\\', "\\\\").replace('\n', "\\n");
    let script = format!("printf '%s' $'{quoted}' > \"{0}\"\ncat \"{0}\"\n", file.display());
    let run = |program: &str, more: &[&str]| {
        let input = scene.scratch.path().join("script");
        fs::write(&input, &script).unwrap();
        let mut shell = Command::new(program);
        shell.args(more).env("GOOGLE_APPLICATION_CREDENTIALS", &file).stdin(fs::File::open(input).unwrap());
        text(&shell.output().unwrap())
    };
    assert!(run("bash", &[]).contains("PRIVATE KEY"));
    assert_eq!(run(TIDEWAITER, &["init", "--", "bash"]), "held-by-tidewaiter");
}
