//! Keys of a role: when they are fetched, when renewed, and what is said when there are none.

use std::{
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tidewaiter::{
    gateway::Spec,
    policy,
    provider::{self, Credential, bedrock::Keys},
};

use super::{REGION, STREAMED, ask, hello, is_signed, text};
use crate::{
    Running, spec,
    support::schema,
    support::{
        aws::{Grant, SECRET, Sts, session_token},
        provider::{Failure, Provider, Turn},
    },
};

pub(super) const TOKEN: &str = "made-up-header.made-up-claims.made-up-signature";
pub(super) const ROLE: &str = "arn:aws:iam::123456789012:role/ci/agent";
const HOUR: Duration = Duration::from_secs(3600);

/// The job's variables as a credential.
fn credential() -> Credential {
    let variable = |name: &str| match name {
        "GITLAB_OIDC_TOKEN" => Some(TOKEN.to_owned()),
        "AWS_ROLE_TO_ASSUME" => Some(ROLE.to_owned()),
        "CI_PROJECT_ID" => Some("7".to_owned()),
        "CI_JOB_ID" => Some("42".to_owned()),
        _ => None,
    };
    let policy = policy::Policy::compose(spec(&text("http://127.0.0.1:1", "http://127.0.0.1:1")).policy).unwrap();
    provider::credential(&policy.network.routes[0], variable).unwrap()
}

pub(super) fn through(provider: &Provider, token_url: &str) -> Running {
    let text = text(&provider.base_url(), token_url);
    Running::of(Spec { credentials: [(policy::Provider::Bedrock, credential())].into(), ..spec(&text) })
}

fn call(gateway: &Running) -> (u16, String) {
    ask(gateway, &format!("{REGION}/{STREAMED}"), &hello())
}

/// The keys of the grant `number`.
pub(super) fn granted(number: usize) -> Keys {
    Keys::new(&format!("ASIAMADEUP{number}"), SECRET, Some(&session_token(number))).unwrap()
}

/// That nothing of the token, of the keys or of the service's words is in `text`.
fn tells_nothing(text: &str) {
    for secret in ["made-up", "ASIAMADEUP", "role/"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn a_role_is_assumed_once_for_requests_that_come_together() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    let sts = Sts::start(TOKEN, ROLE, Grant::Keys(HOUR));
    let gateway = through(&provider, &sts.url());
    assert!(sts.requests().is_empty(), "nothing is fetched before it is needed");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(call(&gateway).0, 200));
        }
    });
    assert_eq!(call(&gateway).0, 200);
    assert_eq!(sts.requests().len(), 1);
    let arrived = provider.requests();
    assert!(arrived.len() == 9 && arrived.iter().all(|request| is_signed(request, &granted(1), REGION)));
    assert!(arrived.iter().all(|request| !String::from_utf8_lossy(&request.body).contains(TOKEN)));
    let form = String::from_utf8(sts.requests()[0].body.clone()).unwrap();
    assert!(form.contains("RoleSessionName=tidewaiter-7-42"), "{form}");
    for record in gateway.records(9) {
        tells_nothing(&record.to_string());
    }
}

#[test]
fn keys_are_renewed_before_they_expire_and_used_until_then() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    // Within the five minutes before their end keys are good, and renewed.
    let sts = Sts::start(TOKEN, ROLE, Grant::Keys(Duration::from_secs(60)));
    let gateway = through(&provider, &sts.url());
    assert_eq!((call(&gateway).0, call(&gateway).0), (200, 200));
    assert_eq!(sts.requests().len(), 2);
    // The service fails: what there is still does, and the service is not asked each time.
    sts.change(Grant::Refused(500, "InternalFailure".to_owned()));
    for _ in 0..3 {
        assert_eq!(call(&gateway).0, 200);
    }
    assert_eq!(sts.requests().len(), 3);
    thread::sleep(Duration::from_millis(3100));
    sts.change(Grant::Keys(HOUR));
    assert_eq!((call(&gateway).0, call(&gateway).0), (200, 200));
    assert_eq!((sts.requests().len(), sts.most_at_once()), (4, 1));
    let arrived = provider.requests();
    for (request, number) in arrived.iter().zip([1, 2, 2, 2, 2, 3, 3]) {
        assert!(is_signed(request, &granted(number), REGION), "{number}: {request:?}");
    }
}

/// An answer of Bedrock's to keys whose session is over.
fn expired() -> Turn {
    let fields = vec![("x-amzn-errortype".to_owned(), "ExpiredTokenException".to_owned())];
    Turn::Fails(Failure::Status(403, fields, r#"{"message":"made-up words"}"#.to_owned()))
}

#[test]
fn keys_that_bedrock_calls_expired_are_fetched_anew_once() {
    let provider = Provider::start(vec![expired()]);
    let sts = Sts::start(TOKEN, ROLE, Grant::Keys(HOUR));
    let gateway = through(&provider, &sts.url());
    let (code, answer) = call(&gateway);
    assert!(code == 400 && answer.contains("it has expired"), "{answer}");
    let arrived = provider.requests();
    assert_eq!((arrived.len(), sts.requests().len()), (2, 2), "once more, with other keys");
    assert!(is_signed(&arrived[0], &granted(1), REGION) && is_signed(&arrived[1], &granted(2), REGION));
    // Nobody is asked again and again.
    assert_eq!((call(&gateway).0, sts.requests().len()), (400, 2));
    let noted = gateway.records_of("credential", 2);
    for record in &noted {
        assert_eq!((&record["path"], &record["status"]), (&Value::from("/"), &Value::from(200)));
        assert!(record["up"].as_u64() > Some(0) && record["down"].as_u64() > Some(0) && record["ms"].is_u64(), "{record}");
        tells_nothing(&record.to_string());
    }
}

#[test]
fn nothing_is_sent_with_keys_that_have_expired() {
    let provider = Provider::start(vec![Turn::text("hi")]);
    // The last five seconds do not count.
    let sts = Sts::start(TOKEN, ROLE, Grant::Keys(Duration::from_secs(8)));
    let gateway = through(&provider, &sts.url());
    assert_eq!(call(&gateway).0, 200);
    sts.change(Grant::Refused(400, "ExpiredTokenException".to_owned()));
    thread::sleep(Duration::from_millis(3500));
    let (code, answer) = call(&gateway);
    assert!(code == 400 && answer.contains("credential/expired") && answer.contains("the job's timeout"), "{answer}");
    tells_nothing(&answer);
    let record = gateway.records(2).pop().unwrap();
    assert_eq!((&record["allowed"], &record["rule"]), (&Value::Bool(false), &Value::from("credential/expired")));
    tells_nothing(&record.to_string());
    assert_eq!(provider.requests().len(), 1);
}

#[test]
fn a_token_service_that_gives_no_keys_is_told_in_our_own_words() {
    for (grant, status, rule, named) in [
        (Grant::Refused(403, "AccessDenied".to_owned()), 400, "credential/refused", "trust policy"),
        (Grant::Refused(400, "InvalidIdentityToken".to_owned()), 400, "credential/refused", "`aud`"),
        (Grant::Refused(400, "made-up-code".to_owned()), 400, "credential/refused", "(400)"),
        (Grant::Refused(503, "ServiceUnavailable".to_owned()), 502, "credential/refused", "(503)"),
        (Grant::Says(200, "made-up words".to_owned()), 400, "credential/answer", "no usable keys"),
        (Grant::Says(302, "made-up words".to_owned()), 400, "credential/refused", "(302)"),
        (Grant::Says(200, "x".repeat(70 << 10)), 502, "credential/unreachable", "more than 65536 bytes"),
        (Grant::Keys(Duration::from_secs(2)), 400, "credential/expired", "the clock here"),
    ] {
        let provider = Provider::start(vec![Turn::text("hi")]);
        let sts = Sts::start(TOKEN, ROLE, grant.clone());
        let gateway = through(&provider, &sts.url());
        let (code, answer) = call(&gateway);
        assert!(code == status && answer.contains(rule) && answer.contains(named), "{grant:?}: {answer}");
        tells_nothing(&answer);
        tells_nothing(&gateway.records(1)[0].to_string());
        assert_eq!(provider.connections(), 0);
    }
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, answer) = call(&through(&provider, &format!("http://{gone}")));
    assert!(code == 502 && answer.contains("credential/unreachable") && answer.contains(&gone.to_string()), "{answer}");
    // A wrong token or role, or another form, is none that the stand-in takes.
    let sts = Sts::start("another.token", ROLE, Grant::Keys(HOUR));
    assert_eq!(call(&through(&provider, &sts.url())).0, 400);
    assert_eq!(provider.connections(), 0);
}

/// moto's stand-in for the service, started on a loopback port; none where it is not installed.
fn moto() -> Option<(std::process::Child, String)> {
    let Some(python) = schema::python() else {
        eprintln!("NOT RUN: the token service of moto: `make setup` could not install it");
        return None;
    };
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &address.port().to_string()]).env_clear();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "moto did not start");
        thread::sleep(Duration::from_millis(50));
    }
    Some((child, format!("http://{address}")))
}

#[test]
fn motos_token_service_gives_keys_that_are_signed_with() {
    let Some((mut moto, url)) = moto() else { return };
    let provider = Provider::start(vec![Turn::text("hi")]);
    let gateway = through(&provider, &url);
    let (code, answer) = call(&gateway);
    moto.kill().unwrap();
    moto.wait().unwrap();
    assert_eq!(code, 200, "{answer}");
    let arrived = &provider.requests()[0];
    let signature = arrived.header("authorization").unwrap();
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=ASIA") && signature.contains("x-amz-security-token"), "{signature}");
    assert!(arrived.header("x-amz-security-token").is_some_and(|token| token.len() > 100));
}
