//! Both fences, and what each lets through: the same visits by a client that knows of no proxy, outside and inside.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use tempfile::TempDir;

const POLICY: &str = "version = 1\n[files]\nread = [\"/usr\", \"/bin\", \"/lib\", \"/lib64\", \"/etc\", \"/proc\", \"DIRECTORY\"]\n[network]\nfence = \"FENCE\"\ntunnels = [\"allowed.example:8080\", \"allowed.example:8443\"]\nprivate = [\"allowed.example\"]\nservices = [\"database:5432\"]\n";

/// What a visitor sees without walls.
const OPEN: &[&str] = &[
    "allowed, plain: 200 allowed",
    "allowed, TLS: allowed by TLS",
    "evil by name: 200 evil",
    "evil by address: 200 evil",
    "evil by the door of hosts: 200 allowed",
    "evil by the door of hosts, TLS: allowed by TLS",
    "allowed by address: 200 allowed",
    "service by name: the database",
    "service by variable: the database",
    "UDP on loopback: x came",
    "UDP outside: sent",
    "IPv6 on loopback: x came",
    "IPv4 in IPv6, outside: connected",
];

/// In a network of the agent's own, names lead through the gateway.
const NETNS: &[&str] = &[
    "allowed, plain: 200 allowed",
    "allowed, TLS: allowed by TLS",
    "evil by name: no such name",
    "evil by address: EACCES",
    "evil by the door of hosts: 403 tidewaiter",
    "evil by the door of hosts, TLS: closed",
    "allowed by address: EACCES",
    "service by name: the database",
    "service by variable: the database",
    "UDP on loopback: x came",
    "UDP outside: ENETUNREACH",
    "IPv6 on loopback: x came",
    "IPv4 in IPv6, outside: EACCES",
];

/// On a shared loopback, only the proxy and the services' ports.
const BROKER: &[&str] = &[
    "allowed, plain: EACCES",
    "allowed, TLS: EACCES",
    "evil by name: EACCES",
    "evil by address: EACCES",
    "evil by the door of hosts: EACCES",
    "evil by the door of hosts, TLS: EACCES",
    "allowed by address: EACCES",
    "service by name: EACCES",
    "service by variable: the database",
    "UDP on loopback: EACCES",
    "UDP outside: EACCES",
    "IPv6 on loopback: EAFNOSUPPORT",
    "IPv4 in IPv6, outside: EAFNOSUPPORT",
];

/// A directory with a workspace for `uid`, the certificates of the far ends, and our program where everybody may run it.
fn stage(uid: u32) -> TempDir {
    let directory = TempDir::new().unwrap();
    let place = directory.path();
    fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.join("workspace")).unwrap();
    std::os::unix::fs::chown(place.join("workspace"), Some(uid), Some(uid)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_tidewaiter"), place.join("tidewaiter")).unwrap();
    let names = ["allowed.example", "evil.example"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(place.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(place.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::copy(format!("{}/tests/attacks/visitor.py", env!("CARGO_MANIFEST_DIR")), place.join("visitor.py")).unwrap();
    directory
}

fn on(stage: &Path, command: &[&str]) -> Vec<String> {
    let mut made = Command::new(format!("{}/tests/attacks/stage.sh", env!("CARGO_MANIFEST_DIR")));
    made.arg(stage).args(command).env_remove("TIDEWAITER_POLICY").env_remove("GITLAB_CI").env("TMPDIR", "/tmp");
    let output = made.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    text.lines().map(str::to_owned).collect()
}

/// The visits inside, as `uid`, and the journal.
fn inside(fence: &str, uid: u32) -> (Vec<String>, String) {
    let stage = stage(uid);
    let place = stage.path().to_str().unwrap();
    fs::write(stage.path().join("policy.toml"), POLICY.replace("FENCE", fence).replace("DIRECTORY", place)).unwrap();
    let journals = stage.path().join("journals");
    fs::create_dir(&journals).unwrap();
    std::os::unix::fs::chown(&journals, Some(uid), Some(uid)).unwrap();
    let ids = ["--reuid", "--regid"].map(|option| format!("{option}={uid}"));
    let [program, policy, journal, visitor, ca] =
        ["tidewaiter", "policy.toml", "journals/journal", "visitor.py", "cert.pem"].map(|name| format!("{place}/{name}"));
    let run = ["setpriv", &ids[0], &ids[1], "--clear-groups", &program, "run", "--policy", &policy, "--journal", &journal, "--"];
    let seen = on(stage.path(), &[&run[..], &["python3", &visitor, &ca]].concat());
    (seen, fs::read_to_string(journals.join("journal")).unwrap_or_default())
}

fn lacks() -> bool {
    let lacks = !nix::unistd::geteuid().is_root();
    if lacks {
        println!("NOT RUN: visits through both fences: the stage needs root");
    }
    lacks
}

#[test]
fn without_walls_every_visit_is_received() {
    if lacks() {
        return;
    }
    let stage = stage(0);
    let place = stage.path().to_str().unwrap();
    assert_eq!(on(stage.path(), &["python3", &format!("{place}/visitor.py"), &format!("{place}/cert.pem")]), OPEN);
}

#[test]
fn a_network_of_its_own_leads_to_listed_hosts_and_services_only() {
    if lacks() {
        return;
    }
    for uid in [0, 1000] {
        let (seen, journal) = inside("netns", uid);
        assert_eq!(seen, NETNS, "uid {uid}");
        for (event, what) in [
            ("outside", "\"program\":\"python3\""),
            ("outside", "\"address\":\"198.51.100.7:8080\""),
            ("gateway", "\"way\":\"service\",\"method\":\"\",\"host\":\"database:5432\""),
            ("gateway", "\"allowed\":false,\"way\":\"tunnel\",\"method\":\"\",\"host\":\"evil.example:8443\""),
        ] {
            let noted = journal.lines().any(|line| line.contains(&format!("\"event\":\"{event}\"")) && line.contains(what));
            assert!(noted, "uid {uid}: no {event} with {what}:\n{journal}");
        }
    }
}

#[test]
fn on_a_shared_loopback_only_services_and_the_proxy_are_reached() {
    if lacks() {
        return;
    }
    for uid in [0, 1000] {
        let (seen, journal) = inside("broker", uid);
        assert_eq!(seen, BROKER, "uid {uid}");
        assert!(journal.contains("\"program\":\"python3\"") && journal.contains("\"address\":\"203.0.113.5:8443\""), "{journal}");
    }
}

/// PostgreSQL, ssh and others do not start for a uid that has no name.
#[test]
fn in_a_network_of_its_own_a_uid_without_a_name_gets_one() {
    if lacks() {
        return;
    }
    let uid = 48211;
    let stage = stage(uid);
    let place = stage.path().to_str().unwrap();
    fs::write(stage.path().join("policy.toml"), POLICY.replace("FENCE", "netns").replace("DIRECTORY", place)).unwrap();
    let ids = ["--reuid", "--regid"].map(|option| format!("{option}={uid}"));
    let outside = ["setpriv", &ids[0], &ids[1], "--clear-groups"];
    let [program, policy] = ["tidewaiter", "policy.toml"].map(|name| format!("{place}/{name}"));
    let run = [&program, "run", "--policy", &policy, "--"].map(AsRef::as_ref);
    for (walls, answer) in [(&[][..], "whoami: cannot find name for user ID 48211"), (&run[..], "agent")] {
        assert_eq!(on(stage.path(), &[&outside[..], walls, &["whoami"]].concat()), [answer]);
    }
}

#[test]
fn a_star_lets_names_below_through_at_every_door() {
    if lacks() {
        return;
    }
    let more =
        [("\"allowed.example:8", "\"*.allowed.example:8"), ("[\"allowed.example\"]", "[\"allowed.example\", \"deep.a.allowed.example\"]")];
    let policy = more.iter().fold(POLICY.to_owned(), |policy, (plain, wide)| policy.replace(plain, wide));
    // A file of names holds no star, so a client that knows of no proxy has to find the door by itself.
    let direct = "--noproxy '*' --connect-to ::127.0.0.2:";
    let ask = |how: &str, url: String| {
        format!("curl -sk {how} {url} -o answer -w '%{{http_code}} %{{http_connect}} '; cut -c 1-19 answer; rm answer;")
    };
    for (fence, how, refused) in [("broker", "", "000 403"), ("netns", "", "000 403"), ("netns", direct, "000 000")] {
        let stage = stage(1000);
        let place = stage.path().to_str().unwrap();
        fs::write(stage.path().join("policy.toml"), policy.replace("FENCE", fence).replace("DIRECTORY", place)).unwrap();
        let script: String = ["deep.a.allowed.example", "allowed.example"]
            .iter()
            .flat_map(|host| [format!("http://{host}:8080/"), format!("https://{host}:8443/")])
            .map(|url| ask(how, url))
            .collect();
        let [program, policy] = ["tidewaiter", "policy.toml"].map(|name| format!("{place}/{name}"));
        let run = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", &program, "run", "--policy", &policy, "--"];
        let seen = on(stage.path(), &[&run[..], &["sh", "-c", &format!("exec 2>/dev/null; {script}")]].concat());
        let seen: Vec<&str> = seen.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        let tls = if how.is_empty() { "200 200 allowed by TLS" } else { "200 000 allowed by TLS" };
        assert_eq!(seen, ["200 000 allowed", tls, "403 000 tidewaiter: refused", &format!("{refused} ")], "{fence} {how}");
    }
}

#[test]
fn tools_inside_trust_the_authorities_of_the_policy() {
    if lacks() {
        return;
    }
    let url = "https://allowed.example:8443/";
    let python = format!("import urllib.request as r; print(r.urlopen('{url}').read().decode())");
    let node = format!("fetch('{url}').then(a => a.text()).then(console.log, e => console.log(e.cause.code))");
    let script = format!(
        "curl -s {url} && echo || echo refused; python3 -c \"{python}\" || echo refused; node -e \"{node}\"; \
                          git ls-remote {url} 2>&1 | grep -c certificate; head -c 0 \"${{SSL_CERT_FILE:-/x}}\" && ! echo >>\"$SSL_CERT_FILE\" && echo kept"
    );
    if is_there("node") {
        assert_eq!(
            without_and_with_authorities(&script),
            [
                vec!["refused", "refused", "DEPTH_ZERO_SELF_SIGNED_CERT", "1"],
                vec!["allowed by TLS", "allowed by TLS", "allowed by TLS", "0", "kept"]
            ]
        );
    }
}

/// What Java itself asks, which reads none of the variables that other tools do; and that its store is whole, by the password that
/// everybody's has.
const ASK: &str = r#"
import java.io.FileInputStream;
import java.net.URI;
import java.security.KeyStore;
class Ask {
    public static void main(String[] words) throws Exception {
        try (var answer = URI.create("https://allowed.example:8443/").toURL().openStream()) {
            System.out.println(new String(answer.readAllBytes()));
        } catch (javax.net.ssl.SSLHandshakeException error) {
            System.out.println("refused");
        }
        var file = System.getProperty("javax.net.ssl.trustStore");
        if (file != null) {
            var store = KeyStore.getInstance("JKS");
            store.load(new FileInputStream(file), "changeit".toCharArray());
            System.out.println(store.size() == Integer.parseInt(words[0]) ? "all of them" : "other ones: " + store.size());
        }
        System.out.println(System.getProperty("own"));
    }
}
"#;

#[test]
fn java_inside_trusts_the_authorities_of_the_policy() {
    if lacks() || !is_there("javac") {
        return;
    }
    let count = "$(grep -c 'BEGIN CERTIFICATE' \"${SSL_CERT_FILE:-/dev/null}\")";
    let script = format!("printf '%s' '{ASK}' >Ask.java && java Ask.java {count}");
    assert_eq!(without_and_with_authorities(&script), [vec!["refused", "kept"], vec!["allowed by TLS", "all of them", "kept"]]);
}

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        println!("NOT RUN: {program} with the policy's authorities: it is not installed");
    }
    there
}

/// What a script says inside, where the policy names the far end's authority and where it does not.
fn without_and_with_authorities(script: &str) -> [Vec<String>; 2] {
    ["", "ca_files = [\"DIRECTORY/cert.pem\"]\n"].map(|more| {
        let stage = stage(1000);
        let place = stage.path().to_str().unwrap();
        let text =
            format!("{POLICY}{more}[process]\nenv = [\"JAVA_TOOL_OPTIONS\"]\n").replace("FENCE", "netns").replace("DIRECTORY", place);
        fs::write(stage.path().join("policy.toml"), text).unwrap();
        let [program, policy] = ["tidewaiter", "policy.toml"].map(|name| format!("{place}/{name}"));
        let run = ["env", "JAVA_TOOL_OPTIONS=-Down=kept", "setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
        let inside = [&program, "run", "--policy", &policy, "--", "sh", "-c"];
        let script = format!("exec 2>/dev/null; {{ {script}; }} | grep .");
        on(stage.path(), &[&run[..], &inside, &[&script]].concat())
    })
}
