use super::*;
use crate::policy::Grant;

fn compose_texts(texts: &[&str]) -> Result<Policy, Error> {
    let source = |(index, text): (usize, &&str)| Source { name: format!("layer{index}.toml"), text: (*text).to_owned() };
    compose(texts.iter().enumerate().map(source).collect())
}

#[test]
fn the_default_policy_is_valid() {
    compose_texts(&[super::super::DEFAULT]).unwrap();
}

#[test]
fn the_policy_for_vertex_is_valid() {
    let policy = compose_texts(&[include_str!("../../../policies/vertex.toml")]).unwrap();
    let urls: Vec<String> = policy.network.routes[0].urls().into_values().collect();
    assert_eq!(urls, ["https://europe-west1-aiplatform.googleapis.com"]);
}

#[test]
fn no_policy_hands_a_credential_to_the_agent() {
    let policy = |name: &str| format!("version = 1\n[process]\nenv = [\"PLAIN\", \"{name}\"]\n");
    for name in
        ["ANTHROPIC_API_KEY", "CI_JOB_TOKEN", "CI_REPOSITORY_URL", "AWS_SESSION_TOKEN", "TIDEWAITER_HELD_GOOGLE_APPLICATION_CREDENTIALS"]
    {
        let error = compose_texts(&[&policy(name)]).unwrap_err();
        assert!(matches!(error, Error::Value { .. }) && error.to_string().contains("is a credential, and no agent gets one"), "{error}");
    }
    assert_eq!(compose_texts(&[&policy("DATABASE_PASSWORD")]).unwrap().process.env, ["PLAIN", "DATABASE_PASSWORD"]);
}

#[test]
fn budgets_only_shrink() {
    let policy = |limits: &str| format!("version = 1\n[limits]\n{limits}\n");
    let top = policy("tokens = 1000\nusd = 2.5\nconnections = 2000");
    let limits = compose_texts(&[&top, &policy("tokens = 900\nusd = 2\nconnections = 20")]).unwrap().limits;
    assert_eq!((limits.tokens, limits.micro_usd, limits.connections), (Some(900), Some(2_000_000), 20));
    for wider in ["tokens = 1001", "usd = 2.500001", "connections = 2001"] {
        assert!(matches!(compose_texts(&[&top, &policy(wider)]), Err(Error::Widens { .. })), "{wider}");
    }
    for odd in ["tokens = 0", "usd = 0", "usd = -1.0", "usd = nan", "usd = inf", "usd = 0.0000001", "connections = 0"] {
        assert!(matches!(compose_texts(&[&policy(odd)]), Err(Error::Value { .. })), "{odd}");
    }
    let free = compose_texts(&[&policy("")]).unwrap().limits;
    assert_eq!((free.tokens, free.micro_usd, free.connections), (None, None, 512));
}

#[test]
fn a_grant_is_only_taken_away_below() {
    let route = |provider: &str, keys: &str| format!("version = 1\n[[network.route]]\nprovider = \"{provider}\"\n{keys}\n");
    let (bare, granted) = (route("anthropic", ""), route("anthropic", "grants = [\"reaches-the-internet\"]"));
    let grants = |texts: &[&str]| compose_texts(texts).map(|policy| policy.network.routes[0].grants.clone());
    assert_eq!(grants(&[&bare]).unwrap(), []);
    assert_eq!(grants(&[&granted, &granted]).unwrap(), [Grant::ReachesTheInternet]);
    assert_eq!(grants(&[&granted, &bare]).unwrap(), [], "off unless the lowest layer that has the route says so");
    assert!(matches!(grants(&[&bare, &granted]), Err(Error::Widens { .. })));
    assert!(matches!(grants(&[&route("anthropic", "grants = [\"everything\"]")]), Err(Error::Syntax { .. })));
    let other = route("vertex", "regions = [\"eu\"]\ngrants = [\"reaches-the-internet\"]");
    assert!(matches!(grants(&[&other]), Err(Error::Value { .. })));
}

#[test]
fn a_route_to_bedrock_names_regions_and_then_geographies() {
    let urls = |regions: &str| {
        let text = format!("version = 1\n[[network.route]]\nprovider = \"bedrock\"\nregions = {regions}\n");
        compose_texts(&[&text])
            .map(|policy| policy.network.routes[0].urls().into_keys().collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    assert_eq!(urls("[\"eu-central-1\", \"eu\", \"eu-west-1\"]").unwrap(), ["eu-central-1", "eu-west-1"], "nobody is asked at a geography");
    for regions in ["[\"eu\"]", "[\"global\", \"eu-central-1\"]"] {
        assert!(urls(regions).unwrap_err().contains("must begin with the region that requests go to"), "{regions}");
    }
}

#[test]
fn a_credential_goes_only_in_a_field_of_its_own() {
    let route = |keys: &str| format!("version = 1\n[[network.route]]\nprovider = \"anthropic\"\n{keys}\n");
    let header = |name: &str| route(&format!("header = {name:?}"));
    let made = |text: &str| compose_texts(&[text]).map(|policy| policy.network.routes[0].header.clone());
    for (name, field) in
        [("x-my-gateway-key", "x-my-gateway-key"), ("Api-Key", "api-key"), ("ocp-apim-subscription-key", "ocp-apim-subscription-key")]
    {
        assert_eq!(made(&header(name)).unwrap().as_deref(), Some(field));
    }
    for name in [
        "",
        "host",
        "Content-Length",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "proxy-authorization",
        "cookie",
        "authorization",
        "anthropic-beta",
        "x-forwarded-for",
        "x-stainless-os",
        "x key",
        "x-key:",
        "x-key\r\nhost",
        "-x",
        "x-",
        "schlüssel",
    ] {
        assert!(matches!(made(&header(name)), Err(Error::Value { .. })), "{name:?}");
    }
    for (below, fine) in [("header = \"x-key\"", true), ("header = \"x-other\"", false), ("", false)] {
        assert_eq!(compose_texts(&[&header("x-key"), &route(below)]).is_ok(), fine, "{below}");
    }
    assert!(compose_texts(&[&vertex("regions = [\"eu\"]\nheader = \"x-key\"")]).is_err());
}

fn vertex(keys: &str) -> String {
    format!("version = 1\n[[network.route]]\nprovider = \"vertex\"\n{keys}")
}

#[test]
fn each_region_has_its_host() {
    let urls = |keys: &str| compose_texts(&[&vertex(keys)]).unwrap().network.routes[0].urls().into_values().collect::<Vec<_>>();
    assert_eq!(
        urls("regions = [\"eu\", \"global\", \"us\", \"us-east5\"]"),
        [
            "https://aiplatform.eu.rep.googleapis.com",
            "https://aiplatform.googleapis.com",
            "https://aiplatform.us.rep.googleapis.com",
            "https://us-east5-aiplatform.googleapis.com"
        ]
    );
    let own = "base_url = \"https://{region}.vertex.example/proxy\"\nregions = [\"eu\", \"global\"]";
    assert_eq!(urls(own), ["https://eu.vertex.example/proxy", "https://global.vertex.example/proxy"]);
}

#[test]
fn a_route_to_vertex_only_narrows() {
    let top = vertex("regions = [\"eu\", \"global\"]");
    for (keys, fine) in [
        ("regions = [\"global\"]", true),
        ("regions = [\"global\"]\nproject = \"made-up-project\"", true),
        ("regions = [\"global\", \"us\"]", false),
        ("regions = [\"eu\"]\ntoken_url = \"https://sts.example\"", false),
        ("regions = [\"eu\"]\niam_url = \"https://iam.example\"", false),
        ("regions = [\"eu\"]\nbase_url = \"https://vertex.example\"", false),
    ] {
        assert_eq!(compose_texts(&[&top, &vertex(keys)]).is_ok(), fine, "{keys}");
    }
    let pinned = vertex("regions = [\"eu\"]\nproject = \"made-up-project\"");
    for (keys, fine) in [("", false), ("\nproject = \"made-up-other\"", false), ("\nproject = \"made-up-project\"", true)] {
        assert_eq!(compose_texts(&[&pinned, &vertex(&format!("regions = [\"eu\"]{keys}"))]).is_ok(), fine, "{keys}");
    }
}

#[test]
fn keys_of_google_cloud_are_held_to_their_form() {
    for keys in [
        "",
        "regions = []",
        "regions = [\"EU\"]",
        "regions = [\"eu.evil.example/\"]",
        "regions = [\"eu\"]\nproject = \"made/up\"",
        "regions = [\"eu\"]\nproject = \"\"",
        "regions = [\"eu\"]\ntoken_url = \"http://sts.example\"",
        "regions = [\"eu\"]\noauth_url = \"https://user:word@oauth.example\"",
    ] {
        assert!(compose_texts(&[&vertex(keys)]).is_err(), "{keys}");
    }
    for keys in ["project = \"made-up-project\"", "token_url = \"https://sts.example\"", "iam_url = \"https://iam.example\""] {
        assert!(compose_texts(&[&format!("version = 1\n[[network.route]]\nprovider = \"anthropic\"\n{keys}")]).is_err(), "{keys}");
    }
}

#[test]
fn an_empty_policy_grants_no_way_out() {
    let policy = compose_texts(&["version = 1"]).unwrap();
    assert!(policy.network.tunnels.is_empty() && policy.network.routes.is_empty() && policy.files.write.is_empty());
}

#[test]
fn an_error_names_its_line() {
    let error = compose_texts(&["version = 1\n[network]\ntunnels = [\n  \"a.example:443\",\n  \"127.1:443\",\n]\n"]).unwrap_err();
    assert!(error.to_string().contains("layer0.toml:5"), "{error}");
}

#[test]
fn what_is_unknown_empty_or_of_the_wrong_type_is_refused() {
    for text in [
        "",
        "version = 2",
        "version = 1\nx = 1",
        "version = 1\n[network]\ntunnel = []",
        "version = 1\n[network]\ntunnels = \"a.example:443\"",
        "version = 1\n[changes]\nallow = []",
        "version = 1\n[changes]\nprotect = [\"/x\"]",
        "version = 1\n[limits]\ntime = 0",
        "version = 1\n[limits]\ntime = 1\ntime = 2",
        "version = 1\n[files]\nread = [\"relative\"]",
        "version = 1\n[process]\nuid = 0",
        "version = 1\n[process]\nuid = 4294967295",
        "version = 1\n[process.limits]\nmemory_bytes = 0",
        "version = 1\n[process.limits]\ncpus = 0",
        "version = 1\n[process.limits]\ncpus = -1",
        "version = 1\n[process.limits]\ncpus = nan",
        "version = 1\n[process.limits]\ncpus = inf",
        "version = 1\n[process.limits]\ncpus = 0.001",
        "version = 1\n[process.limits]\ncpus = \"2\"",
        "version = 1\n[[network.route]]\nprovider = \"nobody\"",
        "version = 1\n[network.gitlab]\nprojects = []",
        "version = 1\n[network.gitlab]\nurl = \"https://u:p@git.example\"",
        "version = 1\n[network.gitlab]\nurl = \"https://git.example/../x\"",
        "version = 1\n[network.gitlab]\nurl = \"https://git.example\"\nprojects = [\"42\"]",
        "version = 1\n[network.gitlab]\nurl = \"https://git.example\"\nprojects = [\"a/../b\"]",
        "version = 1\n[network.gitlab]\nurl = \"https://git.example\"\nca_file = \"ca.pem\"",
        "version = 1\n[network.gitlab]\nurl = \"https://git.example\"\nlfs_hosts = [\"objects.example\"]",
        "version = 1\n[network.gitlab]\nurl = \"https://git.example\"\nlfs_hosts = [\"https://objects.example:443\"]",
        "version = 1\n[changes]\nlfs = \"yes\"",
        "version = 1\n[[network.route]]\nprovider = \"anthropic\"\nbase_url = \"http://far.example\"",
    ] {
        assert!(compose_texts(&[text]).is_err(), "{text}");
    }
}

#[test]
fn what_would_have_no_door_in_a_network_of_the_agents_own_is_refused() {
    let services = |count: usize| format!("services = {:?}\n", (0..count).map(|i| format!("s{i}.example:80")).collect::<Vec<_>>());
    for (keys, reason) in [
        ("ports = [3129]\n".to_owned(), None),
        ("ports = [\n  3129,\n  3128,\n]\n".to_owned(), Some("layer0.toml:3: `network.ports` names 3128")),
        (services(253), None),
        (services(254), Some("layer0.toml:3: `network.services` has 254 entries")),
    ] {
        let text = format!("version = 1\n[network]\n{keys}");
        let error = compose_texts(&[&text]).err().map(|error| error.to_string());
        assert_eq!(error.is_some(), reason.is_some(), "{error:?}");
        let said = error.unwrap_or_default();
        assert!(said.contains(reason.unwrap_or_default()) && (reason.is_none() || said.contains("\"broker\"")), "{said}");
        // On the loopback that is shared, neither holds.
        compose_texts(&[&text.replace("[network]", "[network]\nfence = \"broker\"")]).unwrap();
        compose_texts(&[&text, "version = 1\n[network]\nfence = \"broker\"\n"]).unwrap();
    }
}

#[test]
fn a_lower_layer_names_no_other_gitlab() {
    let top = "version = 1\n[network.gitlab]\nurl = \"https://git.example/x\"\nprojects = [\"a/b\", \"a/c\"]\n\
               lfs_hosts = [\"objects.example:443\"]\n";
    let section = |lines: &str| format!("version = 1\n[network.gitlab]\n{lines}");
    for (above, lower, fine) in [
        (top, "", true),
        (top, "url = \"https://GIT.example:443/x/\"", true),
        (top, "projects = [\"a/c\"]\nreads = false", true),
        (top, "url = \"https://git.example\"", false),
        (top, "url = \"http://git.example/x\"", false),
        (top, "url = \"https://evil.example/x\"", false),
        (top, "projects = [\"a/d\"]", false),
        (top, "ca_file = \"/tmp/ca.pem\"", false),
        (top, "confidential = true", false),
        (top, "lfs_hosts = [\"objects.example:443\"]", true),
        (top, "lfs_hosts = [\"objects.example:9000\"]", false),
        ("version = 1", "url = \"https://evil.example\"", false),
    ] {
        assert_eq!(compose_texts(&[above, &section(lower)]).is_ok(), fine, "{lower}");
    }
    let closed = format!("{top}reads = false\n");
    assert!(compose_texts(&[&closed, &section("reads = true")]).is_err());
}

#[test]
fn a_lower_layer_may_only_narrow() {
    let top = "version = 1\n[network]\ntunnels = [\"a.example:443\"]\n[limits]\ntime = \"1h\"\n[files]\nread = [\"/usr\"]\n[process.limits]\nmemory_bytes = \"1G\"\ncpus = 2\n[changes.rules]\n\"ci/config\" = \"deny\"";
    for (lower, fine) in [
        ("[network]\ntunnels = []", true),
        ("[network]\ntunnels = [\"b.example:443\"]", false),
        ("[limits]\ntime = \"10m\"", true),
        ("[limits]\ntime = \"2h\"", false),
        ("[agent]\nask_gate = false", true),
        ("[agent]\nask_gate = true", false),
        ("[files]\nread = [\"/usr/lib\"]", true),
        ("[files]\nread = [\"/usrlocal\"]", false),
        ("[process]\nunix = \"allow\"", false),
        ("[process.limits]\nmemory_bytes = \"512M\"\ncpus = 1.5", true),
        ("[process.limits]\nmemory_bytes = \"2G\"", false),
        ("[process.limits]\ncpus = 2.5", false),
        ("[network]\nloopback = \"any\"", false),
        ("[changes]\nprotect = [\"a/**\"]", true),
        ("[changes.rules]\n\"ci/config\" = \"warn\"", false),
        ("[changes.rules]\n\"path/other\" = \"warn\"", false),
        ("[changes.rules]\n\"path/other\" = \"deny\"", true),
    ] {
        assert_eq!(compose_texts(&[top, &format!("version = 1\n{lower}")]).is_ok(), fine, "{lower}");
    }
}

#[test]
fn a_lower_layer_takes_registries_files_and_modules_away() {
    let go = |more: &str| format!("version = 1\n[[network.registry]]\nkind = \"go\"\nurl = \"https://registry.example/go\"\n{more}\n");
    let above = go("modules = [\"git.example/team\", \"go.mod\"]\nfiles = [\"https://files.example\"]");
    let both = |top: &str, low: &str| compose_texts(&[top, low]).map(|policy| policy.network.registries).map_err(|error| error.to_string());
    assert_eq!(both(&above, "version = 1\n").unwrap().len(), 1);
    assert_eq!(both(&above, "version = 1\n[network]\nregistry = []\n").unwrap(), []);
    assert_eq!(both(&above, &go("modules = [\"git.example/team/one\"]")).unwrap()[0].modules, ["git.example/team/one"]);
    for wider in [
        go("modules = [\"git.example\"]"),
        go("modules = [\"git.example/teams\"]"),
        go("modules = [\"git.example/team\"]\nfiles = [\"https://evil.example\"]"),
        go("modules = [\"git.example/team\"]").replace("registry.example", "evil.example"),
    ] {
        assert!(both(&above, &wider).unwrap_err().contains("widen"), "{wider}");
    }
    for (odd, why) in [
        (go(""), "must name the modules"),
        (go("modules = [\"team\"]"), "no module path"),
        (go("modules = [\"go.mod\"]").replace("https://registry.example/go", "$"), "name of a variable"),
        (go("modules = [\"go.mod\"]").replace("https", "http"), "plain http"),
        (go("modules = [\"a.example/b\"]").replace("\"go\"", "\"npm\""), "`go` alone"),
        (go("modules = [\"go.mod\"]\nca_file = \"ca.pem\""), "absolute path"),
    ] {
        assert!(both(&odd, "version = 1\n").unwrap_err().contains(why), "{odd}");
    }
}

#[test]
fn a_lower_layer_names_hosts_below_a_listed_name() {
    let tunnels = |entry: &str| format!("version = 1\n[network]\ntunnels = [\"{entry}\"]\n");
    for (low, fits) in
        [("a.sub.example:443", true), ("*.a.sub.example:443", true), ("sub.example:443", false), ("*.example.example:443", false)]
    {
        assert_eq!(compose_texts(&[&tunnels("*.sub.example:443"), &tunnels(low)]).is_ok(), fits, "{low}");
    }
    let error = compose_texts(&[&tunnels("*.example:443")]).unwrap_err().to_string();
    assert!(error.contains("layer0.toml:3") && error.contains("two parts"), "{error}");
}

#[test]
fn a_lower_layer_excepts_waives_and_drops_only_what_is_granted_above() {
    let changes = |text: &str| format!("version = 1\n[changes]\n{text}\n");
    let waiver = |day: &str| {
        format!("[[changes.waivers]]\nrule = \"mode/exec\"\npath = \"bin/*\"\nowner = \"@o\"\nreason = \"r\"\nexpires = {day}\n")
    };
    for (top, low, fine) in [
        ("", "binary = [\"a/**\"]", false),
        ("binary = [\"a/**\"]", "binary = [\"**\"]", true),
        ("", "hosts = [\"a.example\"]", false),
        ("on_violation = \"drop\"", "on_violation = \"deny\"", true),
        ("", "on_violation = \"drop\"", false),
        ("", "max_deleted = 51", false),
        ("", "lower_waivers = true", false),
        ("", "lfs = true", false),
        ("lfs = true", "lfs = false", true),
        ("", &waiver("2030-01-01"), false),
        ("lower_waivers = true", &waiver("2030-01-01"), true),
        ("lower_waivers = true", &waiver("2030-01-01T10:00:00Z"), false),
        ("lower_waivers = true", &waiver("2030-01-01").replace("\"@o\"", "\" \""), false),
        ("lower_waivers = true", &waiver("2030-01-01").replace("bin/*", "bin/"), false),
    ] {
        assert_eq!(compose_texts(&[&changes(top), &changes(low)]).is_ok(), fine, "{top} / {low}");
    }
    let both = compose_texts(&[&changes("binary = [\"a/**\"]"), &changes("binary = [\"**\"]")]).unwrap();
    assert!(both.changes.binary.names(b"a/x.png") && !both.changes.binary.names(b"b/x.png"));
}

fn upstream(keys: &str) -> String {
    format!("version = 1\n[network.upstream]\n{keys}\n")
}

#[test]
fn the_top_layer_alone_names_the_upstream_proxy() {
    let top = upstream(
        "proxy = \"http://Proxy.Example.:3128/\"\ncredential = \"PROXY_LOGIN\"\nno_proxy = [\"git.example\", \"*.inner.example\"]",
    );
    let made = |texts: &[&str]| compose_texts(texts).map(|policy| policy.network.upstream.unwrap());
    let first = made(&[&top]).unwrap();
    assert_eq!(
        (first.proxy.to_string().as_str(), first.credential.as_deref(), first.resolves),
        ("proxy.example:3128", Some("PROXY_LOGIN"), false)
    );
    for narrower in ["", "proxy = \"http://proxy.example:3128\"", "credential = \"PROXY_LOGIN\"", "resolves = false"] {
        assert_eq!(made(&[&top, &upstream(narrower)]).unwrap(), first, "{narrower}");
    }
    assert_eq!(made(&[&top, &upstream("no_proxy = [\"git.example\"]")]).unwrap().no_proxy.len(), 1);
    for wider in [
        "proxy = \"http://other.example:3128\"",
        "proxy = \"http://proxy.example:3129\"",
        "credential = \"OTHER\"",
        "no_proxy = [\"api.example\"]",
        "resolves = true",
    ] {
        assert!(matches!(made(&[&top, &upstream(wider)]), Err(Error::Widens { .. })), "{wider}");
    }
    let nothing = "version = 1\n";
    assert!(matches!(compose_texts(&[nothing, &top]), Err(Error::Widens { .. })), "a layer below adds none");
    assert!(compose_texts(&[&top, nothing]).unwrap().network.upstream.is_some(), "nor takes one away");
    let delegating = upstream("proxy = \"http://proxy.example:3128\"\nresolves = true");
    assert!(made(&[&delegating]).unwrap().resolves && !made(&[&delegating, &upstream("resolves = false")]).unwrap().resolves);
}

#[test]
fn a_proxy_is_a_plain_host_and_port() {
    let refused = |keys: &str| match compose_texts(&[&upstream(keys)]) {
        Err(Error::Value { key, reason, .. }) => format!("{key} {reason}"),
        other => panic!("{keys}: {other:?}"),
    };
    for (url, why) in [
        ("https://proxy.example:3128", "TLS, which is not supported"),
        ("http://made-up:password@proxy.example:3128", "keep it in a variable"),
        ("http://proxy.example", "must be http://host:port"),
        ("http://proxy.example:0", "must be http://host:port"),
        ("http://proxy.example:3128/path", "must be http://host:port"),
        ("proxy.example:3128", "must be http://host:port"),
        ("socks5://proxy.example:1080", "must be http://host:port"),
        ("http://127.1:3128", "must be http://host:port"),
        ("", "must be http://host:port"),
        ("http://169.254.169.254:3128", "a cloud metadata service"),
        ("http://[::ffff:169.254.169.254]:3128", "a cloud metadata service"),
    ] {
        let said = refused(&format!("proxy = \"{url}\""));
        assert!(said.starts_with("network.upstream.proxy ") && said.contains(why), "{url}: {said}");
    }
    assert!(refused("resolves = true").contains("is missing"));
    let with = |keys: &str| format!("proxy = \"http://10.1.2.3:3128\"\n{keys}");
    assert!(compose_texts(&[&upstream(&with(""))]).is_ok(), "it may be private");
    for name in ["", "A-B", "1ST", "A=B"] {
        assert!(refused(&with(&format!("credential = \"{name}\""))).contains("not the name of a variable"), "{name}");
    }
    assert!(refused(&with("no_proxy = [\".inner.example\"]")).contains("write `*.inner.example`"));
    assert!(matches!(compose_texts(&[&upstream(&with("noproxy = []"))]), Err(Error::Syntax { .. })));
}

#[test]
fn the_agent_gets_no_way_to_the_proxy_itself() {
    for (proxy, keys, key) in [
        ("10.1.2.3:3128", "[network]\nservices = [\"10.1.2.3:3128\"]", "network.services"),
        ("proxy.inner.example:3128", "[network]\ntunnels = [\"*.inner.example:3128\"]", "network.tunnels"),
        ("127.0.0.1:8888", "[network]\nports = [8888]", "network.ports"),
        ("localhost:8888", "[network]\nloopback = \"any\"", "network.loopback"),
        ("10.1.2.3:3128", "[process]\nenv = [\"PROXY_LOGIN\"]", "process.env"),
    ] {
        let section = format!("[network.upstream]\nproxy = \"http://{proxy}\"\ncredential = \"PROXY_LOGIN\"\n");
        let refused = compose_texts(&[&format!("version = 1\n{section}{keys}\n")]);
        assert!(matches!(&refused, Err(Error::Value { key: named, .. }) if named == key), "{keys}: {refused:?}");
        let elsewhere = section.replace(proxy, "192.0.2.9:9").replace("PROXY_LOGIN", "OTHER");
        assert!(compose_texts(&[&format!("version = 1\n{elsewhere}{keys}\n")]).is_ok(), "{keys}");
    }
}

#[test]
fn the_proxys_credential_comes_from_its_variable() {
    let upstream = |keys: &str| {
        compose_texts(&[&upstream(&format!("proxy = \"http://proxy.example:3128\"\n{keys}"))]).unwrap().network.upstream.unwrap()
    };
    let named = upstream("credential = \"PROXY_LOGIN\"");
    let of = |value: Option<&str>| named.with_credential(|name| value.filter(|_| name == "PROXY_LOGIN").map(str::to_owned));
    assert_eq!(of(Some("made-up:password")).unwrap().user().unwrap().0, "made-up");
    assert!(of(None).unwrap_err().to_string().contains("the variable PROXY_LOGIN, which is not set"));
    let wrong = of(Some("made-up-password")).unwrap_err().to_string();
    assert!(wrong.contains("the variable PROXY_LOGIN must hold user:password") && !wrong.contains("made-up"), "{wrong}");
    assert!(upstream("").with_credential(|_| None).unwrap().user().is_none());
}
