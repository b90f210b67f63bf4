//! Which GitLab it is: the policy's alone, wherever and however it is served.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, sync::Arc};

use crate::{CURL, Scene, support::gitlab::GitLab, text};

/// The settings of a server at 127.0.0.1, and its certificate in PEM.
fn certificate() -> (Arc<rustls::ServerConfig>, String) {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), cert.pem())
}

#[test]
fn a_gitlab_below_a_path_with_its_own_authority_and_port_works() {
    let (tls, pem) = certificate();
    let scene = Scene::at(GitLab::start_at("/sub/git", Some(tls)), "");
    let ca = scene.policies.path().join("ca.pem");
    fs::write(&ca, pem).unwrap();
    fs::set_permissions(&ca, fs::Permissions::from_mode(0o644)).unwrap();
    let script = format!(
        r#"{CURL} get "$API/issues/1"; get "$API/repository/branches/main"
        git clone -q "$CI_PROJECT_URL.git" one && cat one/src/ferry.py
        git ls-remote git@127.0.0.1:harbour/ferry.git main"#
    );
    // Nobody vouches for the certificate.
    let said = text(&scene.inside(&script).output().unwrap());
    assert!(said.contains("certificate") && said.contains("provider/unreachable") && !said.contains("depart"), "{said}");
    assert!(scene.gitlab.requests().is_empty());
    // The runner's variable does, or the policy.
    let by_variable = scene.inside(&script).env("CI_SERVER_TLS_CA_FILE", &ca).output().unwrap();
    let lines = format!("[network.gitlab]\nurl = \"{}\"\nca_file = \"{}\"\n", scene.gitlab.url(), ca.display());
    scene.policy(&lines);
    let _ = fs::remove_dir_all(scene.workspace.path().join("one"));
    let by_policy = scene.inside(&script).env("CI_SERVER_TLS_CA_FILE", "/nowhere").output().unwrap();
    for output in [by_variable, by_policy] {
        let said = text(&output);
        assert!(
            output.status.success() && said.contains("not depart") && said.contains("def depart") && said.contains("\"protected\":true"),
            "{said}"
        );
        assert!(said.contains("refs/heads/main"), "{said}");
        scene.kept(&said);
    }
}

#[test]
fn plain_http_is_spoken_only_where_the_policy_says_so() {
    let scene = Scene::new();
    scene.policy(&format!("[network.gitlab]\nurl = \"{}\"\n", scene.gitlab.url().replace("http:", "https:")));
    let url = scene.gitlab.url().replace("http:", "https:");
    let mut command = scene.inside(&format!(r#"{CURL} get "$API""#));
    let output = command.env("CI_SERVER_URL", &url).env("CI_API_V4_URL", format!("{url}/api/v4")).output().unwrap();
    assert!(text(&output).contains("[provider/unreachable]") && scene.gitlab.requests().is_empty(), "{}", text(&output));
}

#[test]
fn a_variable_that_names_another_gitlab_refuses_the_run() {
    let scene = Scene::new();
    let evil = GitLab::start();
    for (name, value) in [
        ("CI_SERVER_URL", evil.url()),
        ("CI_API_V4_URL", evil.api()),
        ("CI_API_V4_URL", format!("{}/sub/api/v4", scene.gitlab.url())),
        ("CI_SERVER_URL", scene.gitlab.url().replace("127.0.0.1", "localhost")),
    ] {
        let output = scene.inside("true").env(name, &value).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(125), "{said}");
        assert!(said.contains(name) && said.contains("network.gitlab.url") && said.contains("remove the variable"), "{said}");
        scene.kept(&said);
    }
    assert!(evil.requests().is_empty() && scene.gitlab.requests().is_empty());
}

#[test]
fn in_a_network_of_its_own_the_agent_reads_as_well() {
    let scene = Scene::new();
    scene.policy(&format!("[network]\nfence = \"netns\"\n[network.gitlab]\nurl = \"{}\"\n", scene.gitlab.url()));
    let output = scene
        .inside(&format!(r#"{CURL} get "$API/issues/1"; git clone -q "$CI_PROJECT_URL.git" one && cat one/src/ferry.py"#))
        .output()
        .unwrap();
    let said = text(&output);
    if output.status.code() == Some(125) && said.contains("namespace") {
        // Not `eprintln!`: the test harness hides that of tests that pass.
        return drop(writeln!(std::io::stderr(), "NOT RUN: the route in a network of the agent's own: {said}"));
    }
    assert!(said.contains("not depart") && said.contains("def depart"), "{said}");
}
