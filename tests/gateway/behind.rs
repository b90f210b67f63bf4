//! The gateway behind an organisation's proxy: everything goes through it, nothing goes round it, and it is told addresses that
//! were checked.

use std::{
    io::{Read as _, Write as _},
    sync::{Arc, atomic::Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::Version;
use serde_json::{Value, json};
use tidewaiter::{
    gateway::{Spec, Unlisted},
    gitlab::{self, reads::Access},
    policy::{Policy, Source},
    provider,
    secret::Secret,
};

use crate::{
    Running, TICKET, proxy_ticket,
    route::{ask, hello, tls_for},
    route_policy, spec, status,
    support::{
        provider::{Provider, Turn},
        proxy::{Corporate, LOGIN, Mood, PEERS_LOGIN, PROXY, Peer, Stands, in_a_network},
    },
    tunnel::{Far, client_hello, tunnel},
    upstream::Keeps,
};

/// Names that are known here, in a network of the test's own.
const HOSTS: &[(&str, &str)] = &[
    ("api.example", "93.184.216.34"),
    ("direct.example", "93.184.216.35"),
    ("inner.example", "10.9.9.9"),
    ("metadata.example", "169.254.169.254"),
    ("here.example", "127.0.0.1"),
];
const API: &str = "93.184.216.34";

fn section(proxy: &str, keys: &str) -> String {
    format!("[network.upstream]\nproxy = \"{proxy}\"\ncredential = \"PROXY_LOGIN\"\n{keys}\n")
}

/// A gateway for `policy`, with `login` in the variable of the proxy's credential.
fn spec_with(policy: &str, login: &str) -> Spec {
    let composed = Policy::compose(vec![Source { name: "test".to_owned(), text: policy.to_owned() }]).unwrap();
    let upstream = composed.network.upstream;
    Spec { proxy: upstream.map(|upstream| upstream.with_credential(|_| Some(login.to_owned())).unwrap()), ..spec(policy) }
}

fn behind(policy: &str) -> Running {
    Running::of(spec_with(policy, LOGIN))
}

fn tunnels(port: u16, private: &str, upstream: &str) -> String {
    let names = [HOSTS.iter().map(|(name, _)| *name).collect(), vec!["only-there.example", API, "169.254.169.254", "10.9.9.9"]].concat();
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}:{port}\"")).collect();
    format!("version = 1\n[network]\ntunnels = [{}]\nprivate = [{private}]\n{upstream}", names.join(", "))
}

/// What the agent is told when a tunnel to `target` is not opened.
fn refused(gateway: &Running, target: &str) -> String {
    gateway.raw(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", proxy_ticket()))
}

/// That nobody learns the credential.
fn tells_nothing(gateway: &Running) {
    let text = String::from_utf8(gateway.records.0.lock().unwrap().clone()).unwrap();
    for secret in ["pass:word", &STANDARD.encode(LOGIN)] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn the_proxy_is_told_the_address_that_was_checked() {
    in_a_network(HOSTS, || {
        let far = Far::start(b"from the far end");
        let stands = Stands::at(API, far.port);
        let target = format!("api.example:{}", far.port);
        let gateway = Running::start(&tunnels(far.port, "", ""));
        assert_eq!(
            tunnel(&gateway, &target, &client_hello("api.example")),
            (200, b"from the far end".to_vec()),
            "directly without a proxy"
        );
        assert_eq!(gateway.records(1)[0].get("upstream"), None);

        let far = Far::start(b"from the far end");
        let through = Stands::at(API, far.port);
        let target = format!("api.example:{}", far.port);
        let proxy = Corporate::start(Mood::Works, &[]);
        let gateway = behind(&tunnels(far.port, "", &section(&proxy.url(), "")));
        assert_eq!(tunnel(&gateway, &target, &client_hello("api.example")), (200, b"from the far end".to_vec()));
        let asked = proxy.asked();
        assert_eq!(asked.iter().map(|asked| asked.target.as_str()).collect::<Vec<_>>(), [format!("{API}:{}", far.port)]);
        assert!(!asked[0].head.contains("api.example") && !asked[0].head.contains(TICKET), "{}", asked[0].head);
        assert_eq!(gateway.records(1)[0]["upstream"], "resolved");
        assert_eq!((stands.connections(), through.connections()), (1, 1));
        tells_nothing(&gateway);
    });
}

#[test]
fn what_may_not_be_reached_is_refused_before_the_proxy_is_asked() {
    in_a_network(HOSTS, || {
        let proxy = Corporate::start(Mood::Works, &[]);
        let gateway = behind(&tunnels(443, "", &section(&proxy.url(), "")));
        for host in ["inner.example", "metadata.example", "here.example", "169.254.169.254", "10.9.9.9"] {
            let answer = refused(&gateway, &format!("{host}:443"));
            assert!(status(&answer) == 403 && answer.contains("network/address"), "{answer}");
        }
        let answer = refused(&gateway, "other.example:443");
        assert!(answer.contains("network/tunnel"), "{answer}");
        assert!(proxy.asked().is_empty() && gateway.records(6).iter().all(|record| record.get("upstream").is_none()));

        let private = "\"inner.example\", \"metadata.example\", \"here.example\"";
        let gateway = behind(&tunnels(443, private, &section(&proxy.url(), "")));
        assert!(refused(&gateway, "metadata.example:443").contains("network/address"));
        let answer = refused(&gateway, "here.example:443");
        assert!(status(&answer) == 403 && answer.contains("loopback") && answer.contains("network.upstream.no_proxy"), "{answer}");
        assert!(proxy.asked().is_empty());
        refused(&gateway, "inner.example:443");
        assert_eq!(proxy.targets(), ["10.9.9.9:443"], "the policy's word goes for the proxy too");
    });
}

#[test]
fn a_name_that_only_the_proxy_knows_is_delegated_and_recorded_so() {
    in_a_network(HOSTS, || {
        let far = Far::start(b"from the far end");
        let stands = Stands::at(API, far.port);
        let target = format!("only-there.example:{}", far.port);
        let proxy = Corporate::start(Mood::Works, &[(&target, stands.address)]);
        let gateway = behind(&tunnels(far.port, "", &section(&proxy.url(), "")));
        let answer = refused(&gateway, &target);
        assert!(status(&answer) == 502 && answer.contains("network/name"), "{answer}");
        assert!(proxy.asked().is_empty());

        let delegating = tunnels(far.port, "", &section(&proxy.url(), "resolves = true"));
        let gateway = behind(&delegating);
        assert_eq!(tunnel(&gateway, &target, &client_hello("only-there.example")), (200, b"from the far end".to_vec()));
        assert_eq!(proxy.targets(), std::slice::from_ref(&target));
        assert_eq!(gateway.records(1)[0]["upstream"], "delegated");
        // Addresses need nobody to resolve them.
        for host in ["169.254.169.254", "10.9.9.9"] {
            assert!(refused(&gateway, &format!("{host}:{}", far.port)).contains("network/address"));
        }
        let literal = format!("{API}:{}", far.port);
        refused(&gateway, &format!("{API}:{}", far.port));
        assert_eq!(proxy.targets(), [target.clone(), literal]);
        assert_eq!(gateway.records(4)[3]["upstream"], "resolved");

        let observed = Running::of(Spec { unlisted: Unlisted::Noted, ..spec_with(&delegating, LOGIN) });
        let answer = refused(&observed, "unlisted.example:443");
        assert!(status(&answer) == 403 && answer.contains("only listed hosts are reached"), "{answer}");
        assert_eq!(observed.records(1)[0]["unlisted"], true);
        assert_eq!(proxy.targets().len(), 2);
    });
}

#[test]
fn hosts_that_are_named_go_without_it() {
    in_a_network(HOSTS, || {
        for exempt in ["\"direct.example\"", "\"*.example\""] {
            let far = Far::start(b"from the far end");
            let direct = Stands::at("93.184.216.35", far.port);
            // The proxy is dead.
            let dead = section(&format!("http://{PROXY}:9"), &format!("no_proxy = [{exempt}]"));
            let gateway = behind(&tunnels(far.port, "", &dead));
            let target = format!("direct.example:{}", far.port);
            assert_eq!(tunnel(&gateway, &target, &client_hello("direct.example")), (200, b"from the far end".to_vec()));
            assert_eq!((gateway.records(1)[0].get("upstream"), direct.connections()), (None, 1));
        }
    });
}

/// The ports on which the far ends of [`all_ways`] stand, and what is asked of each.
const WAYS: [(u16, &str); 7] =
    [(9001, "tunnel"), (9002, "plain"), (9003, "gitlab"), (9004, "anthropic"), (9005, "bedrock"), (9006, "vertex"), (9007, "registry")];

/// A policy with every way out; Bedrock and Vertex ask for keys first.
fn all_ways(upstream: &str) -> String {
    format!(
        "version = 1\n[agent]\nmodels = [\"claude-*\", \"anthropic.claude-*\"]\n\
         [network]\ntunnels = [\"api.example:9001\", \"api.example:9002\"]\n\
         [network.gitlab]\nurl = \"http://api.example:9003\"\n\
         [[network.route]]\nprovider = \"anthropic\"\nbase_url = \"https://api.example:9004\"\n\
         [[network.route]]\nprovider = \"bedrock\"\nregions = [\"eu-central-1\"]\ntoken_url = \"https://api.example:9005\"\n\
         [[network.route]]\nprovider = \"vertex\"\nregions = [\"eu\"]\ntoken_url = \"https://api.example:9006\"\n\
         [[network.registry]]\nkind = \"npm\"\nurl = \"https://api.example:9007\"\n{upstream}"
    )
}

fn with_credentials(mut spec: Spec) -> Spec {
    let variable = |name: &str| match name {
        "ANTHROPIC_API_KEY" => Some(crate::KEY.to_owned()),
        "GITLAB_OIDC_TOKEN" => Some("made-up.id.token".to_owned()),
        "AWS_ROLE_TO_ASSUME" => Some("arn:aws:iam::123456789012:role/ci/agent".to_owned()),
        "GCP_WORKLOAD_IDENTITY_PROVIDER" => Some("projects/1/locations/global/workloadIdentityPools/made-up/providers/gitlab".to_owned()),
        "GCP_SERVICE_ACCOUNT" => Some("made-up-agent@made-up-project.iam.gserviceaccount.com".to_owned()),
        "ANTHROPIC_VERTEX_PROJECT_ID" => Some("made-up-project".to_owned()),
        "CI_PROJECT_ID" => Some("7".to_owned()),
        "CI_JOB_ID" => Some("42".to_owned()),
        _ => None,
    };
    let network = Policy::compose(spec.policy.clone()).unwrap().network;
    spec.credentials = network.routes.iter().map(|route| (route.provider, provider::credential(route, variable).unwrap())).collect();
    let credential = gitlab::Credential::Job(Secret::new("made-up-job-token"));
    spec.gitlab = Some(Access { credential, project: Some(42), path: Some("harbour/ferry".to_owned()), ca_file: None });
    spec
}

fn go(gateway: &Running, way: &str) -> String {
    let post = |path: &str, body: &Value| {
        let body = body.to_string();
        let fields = format!("Authorization: Bearer {TICKET}\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        gateway.raw(format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n\r\n{body}"))
    };
    let get = |target: &str, field: &str| gateway.raw(format!("GET {target} HTTP/1.1\r\n{field}Connection: close\r\n\r\n"));
    let messages = json!([{ "role": "user", "content": "hi" }]);
    match way {
        "tunnel" => refused(gateway, "api.example:9001"),
        "plain" => get("http://api.example:9002/x", &proxy_ticket()),
        "gitlab" => get("/gitlab/api/v4/projects/42/languages", &format!("Host: a\r\nJOB-TOKEN: {TICKET}\r\n")),
        "anthropic" => ask(gateway, "/v1/messages", &hello()).1,
        "bedrock" => post(
            "/bedrock/eu-central-1/model/anthropic.claude-opus-4-8-v1:0/invoke",
            &json!({ "anthropic_version": "bedrock-2023-05-31", "max_tokens": 10, "messages": messages }),
        ),
        "vertex" => post(
            "/vertex/v1/projects/made-up-project/locations/eu/publishers/anthropic/models/claude-opus-4-8:rawPredict",
            &json!({ "anthropic_version": "vertex-2023-10-16", "max_tokens": 10, "messages": messages }),
        ),
        _ => get("/registry/npm/left-pad", &format!("Host: a\r\nAuthorization: Bearer {TICKET}\r\n")),
    }
}

/// That each way fails, that `fits` says so of its words, and that nothing was dialled directly.
fn every_way_fails(proxy: &str, login: &str, far: &[Stands], fits: impl Fn(&str) -> bool) {
    let gateway = Running::of(with_credentials(spec_with(&all_ways(&section(proxy, "")), login)));
    for (_, way) in WAYS {
        let answer = go(&gateway, way);
        assert!([403, 502, 400].contains(&status(&answer)) && answer.contains(proxy) && fits(&answer), "{way}: {answer}");
        assert!(!answer.contains("made-up words") && !answer.contains("pass:word"), "{way}: {answer}");
    }
    assert!(far.iter().all(|far| far.connections() == 0), "nothing goes round the proxy");
    assert!(gateway.records(WAYS.len()).iter().all(|record| record["allowed"] == false));
    // Bedrock and Vertex ask for keys, of which there are records of their own.
    assert!(gateway.records_of("credential", 2).iter().all(|record| record["upstream"] == "resolved"));
    tells_nothing(&gateway);
}

fn far_ends() -> Vec<Stands> {
    WAYS.iter().map(|(port, _)| Stands::at(API, *port)).collect()
}

#[test]
fn every_way_out_asks_the_proxy() {
    in_a_network(HOSTS, || {
        let far = far_ends();
        let direct = Running::of(with_credentials(spec(&all_ways(""))));
        for ((_, way), far) in WAYS.iter().zip(&far) {
            go(&direct, way);
            assert!(far.connections() > 0, "{way} goes directly without a proxy");
        }
    });
    in_a_network(HOSTS, || {
        let far = far_ends();
        let proxy = Corporate::start(Mood::Works, &[]);
        every_way_fails(&proxy.url(), "made-up-user:wrong", &far, |answer| {
            answer.contains("407 Proxy Authentication Required") && answer.contains("network.upstream.credential")
        });
        let mut targets = proxy.targets();
        targets.dedup();
        assert_eq!(targets, WAYS.map(|(port, _)| format!("{API}:{port}")), "each by its address");
    });
}

#[test]
fn a_dead_proxy_is_a_closed_door() {
    in_a_network(HOSTS, || {
        every_way_fails(&format!("http://{PROXY}:9"), LOGIN, &far_ends(), |answer| answer.contains("cannot be reached"));
    });
}

#[test]
fn what_a_proxy_says_wrong_is_told_by_its_status_alone() {
    in_a_network(HOSTS, || {
        let far = far_ends();
        let says = |line: &str| Mood::Says(format!("HTTP/1.1 {line}\r\nContent-Length: 12\r\n\r\nmade-up words"));
        for (mood, words) in [
            (says("403 Made-Up words"), "answered 403 Forbidden to CONNECT 93.184.216.34:"),
            (says("502 Bad Gateway"), "answered 502 Bad Gateway"),
            (says("302 Found"), "answered 302 Found"),
            (says("200 OK"), "something follows its head"),
            (Mood::Says("SSH-2.0-made-up words\r\n".to_owned()), "does not begin with HTTP/1"),
            (Mood::Says(String::new()), "closed the connection"),
            (Mood::Endless, "no end within 16 KiB"),
        ] {
            let proxy = Corporate::start(mood, &[]);
            every_way_fails(&proxy.url(), LOGIN, &far, |answer| {
                answer.contains(words) || (words.contains("connection") && answer.contains("reset"))
            });
        }
    });
}

#[test]
fn a_proxy_that_hangs_is_given_up() {
    in_a_network(HOSTS, || {
        let far = far_ends();
        let proxy = Corporate::start(Mood::Hangs, &[]);
        let gateway = Running::of(with_credentials(spec_with(&all_ways(&section(&proxy.url(), "")), LOGIN)));
        let start = Instant::now();
        thread::scope(|scope| {
            for (_, way) in WAYS {
                let gateway = &gateway;
                scope.spawn(move || {
                    let answer = go(gateway, way);
                    assert!(status(&answer) == 502 && answer.contains("gave no answer to CONNECT within 12 s"), "{way}: {answer}");
                });
            }
        });
        assert!(start.elapsed() < Duration::from_secs(15) && far.iter().all(|far| far.connections() == 0));
    });
}

#[test]
fn a_policy_with_a_proxy_serves_nothing_without_it() {
    let policy = all_ways(&section("http://proxy.example:3128", ""));
    let said = tidewaiter::gateway::Gateway::prepare(spec(&policy)).unwrap_err().to_string();
    assert!(said.contains("network.upstream"), "{said}");
    let proxy = spec_with(&policy, LOGIN).proxy;
    assert!(tidewaiter::gateway::Gateway::prepare(Spec { proxy, ..spec(&all_ways("")) }).is_err());
}

#[test]
fn a_far_end_of_http_2_is_spoken_to_in_it_through_one_connection() {
    for (protocols, version, resolves, told) in [
        (["h2"], Version::HTTP_2, false, API),
        (["http/1.1"], Version::HTTP_11, false, API),
        (["h2"], Version::HTTP_2, true, "api.example"),
    ] {
        in_a_network(HOSTS, || {
            let far = Keeps::start_for(&protocols, "api.example");
            let port: u16 = far.url.rsplit(':').next().unwrap().parse().unwrap();
            let stands = Stands::at(API, port);
            let proxy = Corporate::start(Mood::Works, &[(&format!("api.example:{port}"), stands.address)]);
            let authority =
                format!("ca_file = \"{}\"\n{}[limits]", far.ca.path().display(), section(&proxy.url(), &format!("resolves = {resolves}")));
            let gateway = behind(&route_policy(&format!("https://api.example:{port}")).replace("[limits]", &authority));
            for _ in 0..3 {
                let (code, answer) = ask(&gateway, "/v1/messages", &hello());
                assert!(code == 200 && answer.contains(&format!("api.example:{port}")), "{answer}");
            }
            assert_eq!(*far.versions.lock().unwrap(), [version; 3]);
            assert_eq!((far.connections.load(SeqCst), proxy.targets()), (1, vec![format!("{told}:{port}")]));
            let passage = if resolves { "delegated" } else { "resolved" };
            assert!(gateway.records(3).iter().all(|record| record["upstream"] == passage));
            tells_nothing(&gateway);
        });
    }
}

#[test]
fn real_proxies_connect_us_and_know_their_users() {
    for (program, port) in [("tinyproxy", 8888), ("squid", 3128)] {
        in_a_network(HOSTS, || {
            let (config, ca) = tls_for(&["api.example"]);
            let provider = Provider::start_tls(vec![Turn::text("from the model")], Arc::new(config));
            let far: u16 = provider.base_url().rsplit(':').next().unwrap().parse().unwrap();
            let stands = Stands::at(API, far);
            let folder = tempfile::tempdir().unwrap();
            let Some(_peer) = Peer::start(program, port, far, folder.path()) else {
                return println!("NOT RUN: {program} is not installed");
            };
            let upstream = section(&format!("http://{PROXY}:{port}"), "");
            let policy = route_policy(&format!("https://api.example:{far}")).replace(
                "[limits]",
                &format!("ca_file = \"{}\"\n[network]\ntunnels = [\"api.example:{far}\"]\n{upstream}[limits]", ca.path().display()),
            );
            let gateway = Running::of(spec_with(&policy, PEERS_LOGIN));
            let (code, answer) = ask(&gateway, "/v1/messages", &hello());
            assert!(code == 200 && answer.contains("from the model"), "{program}: {answer}");
            let target = format!("api.example:{far}");
            assert!(tunnel_opens(&gateway, &target), "{program}");
            assert_eq!(gateway.records(2)[1]["upstream"], "resolved");
            let reached = stands.connections();

            let gateway = Running::of(spec_with(&policy, "made-up-user:wrong"));
            let (code, answer) = ask(&gateway, "/v1/messages", &hello());
            // tinyproxy answers with 401 where it should with 407.
            assert!(code == 403 && (answer.contains("answered 407") || answer.contains("answered 401")), "{program}: {answer}");
            assert!(refused(&gateway, &target).contains("network/upstream"), "{program}");
            assert_eq!(stands.connections(), reached, "{program}");
        });
    }
}

/// Whether TLS comes back through a tunnel to `target`.
fn tunnel_opens(gateway: &Running, target: &str) -> bool {
    let mut stream = gateway.connect();
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", proxy_ticket()).as_bytes()).unwrap();
    let mut head = [0; 128];
    let length = stream.read(&mut head).unwrap();
    assert!(head[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head[..length]));
    stream.write_all(&client_hello("api.example")).unwrap();
    let mut first = [0];
    // A TLS handshake record (RFC 8446 section 5.1).
    stream.read_exact(&mut first).is_ok() && first == [22]
}
