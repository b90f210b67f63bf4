//! A job behind an organisation's proxy: its own calls, git's fetch and push, and what the agent reads go through it.

use std::{fs, process::Output, sync::Arc};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::{
    IMPLEMENT, Scene,
    support::{
        gitlab::GitLab,
        proxy::{Corporate, LOGIN, Mood, PROXY, Stands, in_a_network},
    },
    text,
};

const GIT: &str = "93.184.216.40";

/// A GitLab with TLS for `git.example`, and the file with the certificate that signs for it.
fn gitlab() -> (GitLab, NamedTempFile) {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec!["git.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), cert.pem()).unwrap();
    fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    (GitLab::start_at("", Some(Arc::new(config))), file)
}

struct Behind {
    scene: Scene,
    stands: Stands,
    ca: NamedTempFile,
}

impl Behind {
    fn new() -> Self {
        let (gitlab, ca) = gitlab();
        let stands = Stands::at(GIT, gitlab.address().port());
        Self { scene: Scene::at(gitlab), stands, ca }
    }

    fn job(&self, script: &str, upstream: &str, login: &str) -> Output {
        let (url, ca) = (format!("https://git.example:{}", self.stands.address.port()), self.ca.path().display());
        let quoted = serde_json::to_string(script).unwrap();
        let policy = format!(
            "version = 1\n[agent]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {quoted}]\n[limits]\ntime = 20\n[changes]\nlfs = true\n\
             [network.gitlab]\nurl = \"{url}\"\nca_file = \"{ca}\"\n{upstream}"
        );
        let mut job = self.scene.job_by(&policy);
        job.env("CI_SERVER_URL", &url).env("CI_API_V4_URL", format!("{url}/api/v4")).env("PROXY_LOGIN", login);
        job.output().unwrap()
    }
}

fn section(proxy: &str, keys: &str) -> String {
    format!("[network.upstream]\nproxy = \"{proxy}\"\ncredential = \"PROXY_LOGIN\"\n{keys}\n")
}

#[test]
fn a_job_calls_fetches_and_pushes_through_the_proxy() {
    in_a_network(&[("git.example", GIT)], || {
        let behind = Behind::new();
        let port = behind.stands.address.port();
        behind.scene.gitlab.commit("main", &[(".gitattributes", "*.bin filter=lfs -text\n")]);
        behind.scene.gitlab.model().lfs.leads_to = Some(format!("https://git.example:{port}/harbour/ferry.git/gitlab-lfs"));
        behind.scene.checkout();
        let nothing = "for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do tr '\\0' '\\n' < $file; done 2>/dev/null | grep -q made-up-pas[s] && exit 9";
        let read = "curl -sf -H \"JOB-TOKEN: $CI_JOB_TOKEN\" $CI_API_V4_URL/projects/$CI_PROJECT_ID > /dev/null || exit 8";
        let script = format!("{nothing}; {read}; {IMPLEMENT}");
        let proxy = Corporate::start(Mood::Works, &[(&format!("git.example:{port}"), behind.stands.address)]);
        for (turn, script) in [(1, script.as_str()), (2, "cat > /dev/null; echo more > more.txt; echo more > more.bin; echo done")] {
            let done = behind.job(script, &section(&proxy.url(), ""), LOGIN);
            let log = text(&done);
            assert_eq!(done.status.code(), Some(0), "{turn}: {log}");
            assert!(log.contains(&format!("everything goes out through the upstream proxy {}", proxy.url())), "{log}");
            assert!(!log.contains("made-up-pass"), "{log}");
            behind.scene.checkout();
        }
        assert_eq!(behind.scene.gitlab.merge_requests().len(), 1);
        assert_eq!(behind.scene.gitlab.model().lfs.objects.values().collect::<Vec<_>>(), [b"more\n"]);
        let asked = proxy.asked();
        let by_address = asked.iter().filter(|asked| asked.target == format!("{GIT}:{port}")).count();
        let by_git: Vec<_> = asked.iter().filter(|asked| asked.target == format!("git.example:{port}")).collect();
        // Twice to push, once to fetch the branch that is followed up.
        assert!(by_git.len() >= 3 && by_git.iter().all(|asked| asked.head.contains("git/")), "{asked:?}");
        assert!(by_address > 6 && by_address + by_git.len() == asked.len(), "{asked:?}");
        assert_eq!(behind.stands.connections(), asked.len(), "nothing goes round it");
        for journal in journals(&behind.scene) {
            assert!(!journal.contains("made-up-pass"), "{journal}");
            let steps: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(steps.iter().any(|step| step["step"] == "upstream" && step["outcome"].as_str().unwrap().contains("told addresses")));
        }
    });
}

fn journals(scene: &Scene) -> Vec<String> {
    let all = scene.directory().with_extension("tidewaiter");
    let files = fs::read_dir(all).unwrap().flat_map(|job| fs::read_dir(job.unwrap().path()).unwrap());
    let texts: Vec<String> = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(!texts.is_empty());
    texts
}

#[test]
fn a_job_goes_nowhere_without_its_proxy() {
    in_a_network(&[("git.example", GIT)], || {
        let behind = Behind::new();
        let refused = |upstream: &str, login: &str, words: &[&str]| {
            let done = behind.job(IMPLEMENT, upstream, login);
            let log = text(&done);
            assert_eq!(done.status.code(), Some(69), "{log}");
            assert!(words.iter().all(|word| log.contains(word)), "{words:?}: {log}");
        };
        let dead = format!("http://{PROXY}:9");
        refused(&section(&dead, ""), LOGIN, &[&dead, "cannot be reached"]);
        let proxy = Corporate::start(Mood::Works, &[]);
        refused(&section(&proxy.url(), ""), "made-up-user:wrong", &[&proxy.url(), "407 Proxy Authentication Required"]);
        refused(&section(&proxy.url(), ""), "", &["PROXY_LOGIN, which is not set"]);
        refused(&section(&proxy.url(), ""), "made-up-wrong", &["PROXY_LOGIN must hold user:password"]);
        assert_eq!(behind.stands.connections(), 0);
        let done = behind.job(IMPLEMENT, &section(&dead, "no_proxy = [\"git.example\"]"), LOGIN);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done));
        assert!(behind.stands.connections() > 0, "without it where the policy says so");
    });
}
