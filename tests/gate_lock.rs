//! What the gate says of changed lockfiles: swapped hosts and hashes, entries that hold another package, beside ordinary updates.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::repo::Scene;

const HOST: &[&str] = &["lock/host=deny"];
const HASH: &[&str] = &["lock/hash=deny"];
const ALIAS: &[&str] = &["lock/alias=deny"];
const FORMAT: &[&str] = &["lock/format=deny"];

/// Judges each candidate of one file against one base with other files, and tells every one that was judged otherwise.
fn check(path: &str, old: &str, beside: &[(&str, &str)], cases: &[(&str, String, &[&str])]) {
    let scene = Scene::plain();
    scene.write(path, old);
    beside.iter().for_each(|(path, text)| scene.write(path, text));
    scene.commit("base");
    let given = scene.hand_over();
    let mut wrong = Vec::new();
    for (name, new, expected) in cases {
        given.write(path, new);
        let findings = given.judge().verdict.findings;
        let mut rules: Vec<String> =
            findings.iter().map(|finding| format!("{}={:?}", finding.rule, finding.severity).to_lowercase()).collect();
        rules.sort();
        rules.dedup();
        if rules != *expected {
            let messages: Vec<&String> = findings.iter().map(|finding| &finding.message).collect();
            wrong.push(format!("{name}: expected {expected:?}, found {rules:?} {messages:?}"));
        }
    }
    assert!(wrong.is_empty(), "{path}:\n{}", wrong.join("\n"));
}

/// A package in npm's lockfile.
fn npm(path: &str, version: &str, resolved: &str, integrity: &str, more: &str) -> String {
    format!("\"{path}\":{{\"version\":\"{version}\",\"resolved\":\"{resolved}\",\"integrity\":\"{integrity}\"{more}}}")
}

fn npm_lock(packages: &[String]) -> String {
    format!("{{\"lockfileVersion\":3,\"packages\":{{\"\":{{\"name\":\"x\"}},\n{}}}}}\n", packages.join(",\n"))
}

#[test]
fn npm_lockfiles() {
    let a = || npm("node_modules/a", "1.0.0", "https://r.example/a/-/a-1.0.0.tgz", "sha512-aaaa", "");
    let b = |address: &str, hash: &str, more: &str| npm("node_modules/b", "2.0.0", address, hash, more);
    let good = || b("https://r.example/b/-/b-2.0.0.tgz", "sha512-bbbb", "");
    let old = npm_lock(&[a(), good()]);
    let lock = |b: String| npm_lock(&[a(), b]);
    let string_width =
        || npm("node_modules/string-width", "4.2.3", "https://r.example/string-width/-/string-width-4.2.3.tgz", "sha512-s", "");
    let cases = [
        ("an update", lock(npm("node_modules/b", "2.1.0", "https://r.example/b/-/b-2.1.0.tgz", "sha512-cccc", "")), &[][..]),
        (
            "a new one",
            npm_lock(&[a(), good(), npm("node_modules/@s/c", "1.0.0", "https://r.example/@s/c/-/c-1.0.0.tgz", "sha512-c", "")]),
            &[],
        ),
        (
            "inside another",
            npm_lock(&[a(), good(), npm("node_modules/a/node_modules/b", "3.0.0", "https://r.example/b/-/b-3.0.0.tgz", "sha512-d", "")]),
            &[],
        ),
        ("a workspace's link", npm_lock(&[a(), good(), "\"node_modules/w\":{\"resolved\":\"packages/w\",\"link\":true}".to_owned()]), &[]),
        (
            "in a bundle",
            npm_lock(&[a(), good(), "\"node_modules/a/node_modules/z\":{\"version\":\"1.0.0\",\"inBundle\":true}".to_owned()]),
            &[],
        ),
        (
            "an address for funding",
            lock(b("https://r.example/b/-/b-2.0.0.tgz", "sha512-bbbb", ",\"funding\":{\"url\":\"https://fund.example\"}")),
            &[],
        ),
        (
            "a usual second version",
            npm_lock(&[
                a(),
                good(),
                string_width(),
                npm(
                    "node_modules/string-width-cjs",
                    "4.2.3",
                    "https://r.example/string-width/-/string-width-4.2.3.tgz",
                    "sha512-s",
                    ",\"name\":\"string-width\"",
                ),
            ]),
            &[],
        ),
        ("another host", lock(b("https://evil.example/b/-/b-2.0.0.tgz", "sha512-bbbb", "")), HOST),
        ("another port", lock(b("https://r.example:8443/b/-/b-2.0.0.tgz", "sha512-bbbb", "")), HOST),
        ("a host in the user's place", lock(b("https://r.example@evil.example/b/-/b-2.0.0.tgz", "sha512-bbbb", "")), HOST),
        ("in capitals", lock(b("HTTPS://R.EXAMPLE/b/-/b-2.0.0.tgz", "sha512-bbbb", "")), &[]),
        ("no https", lock(b("http://r.example/b/-/b-2.0.0.tgz", "sha512-bbbb", "")), HOST),
        ("git", lock("\"node_modules/b\":{\"version\":\"2.0.1\",\"resolved\":\"git+ssh://git@g.example/b.git#abc\"}".to_owned()), HOST),
        (
            "git in a version's place",
            lock("\"node_modules/b\":{\"version\":\"2.0.0\",\"resolved\":\"git+ssh://git@g.example/b.git#abc\"}".to_owned()),
            &["lock/hash=deny", "lock/host=deny"],
        ),
        ("another hash", lock(b("https://r.example/b/-/b-2.0.0.tgz", "sha512-eeee", "")), HASH),
        ("a weaker hash", lock(b("https://r.example/b/-/b-2.0.0.tgz", "sha1-eeee", "")), HASH),
        ("one hash more", lock(b("https://r.example/b/-/b-2.0.0.tgz", "sha512-bbbb sha512-eeee", "")), &["lock/hash=review"]),
        ("no hash", lock("\"node_modules/b\":{\"version\":\"2.0.0\",\"resolved\":\"https://r.example/b/-/b-2.0.0.tgz\"}".to_owned()), HASH),
        ("an empty hash", lock(b("https://r.example/b/-/b-2.0.0.tgz", "", "")), HASH),
        (
            "a new one without a hash",
            npm_lock(&[
                a(),
                good(),
                "\"node_modules/c\":{\"version\":\"2.0.0\",\"resolved\":\"https://r.example/c/-/c-2.0.0.tgz\"}".to_owned(),
            ]),
            HASH,
        ),
        ("an alias", lock(b("https://r.example/evil/-/evil-2.0.0.tgz", "sha512-bbbb", ",\"name\":\"evil\"")), ALIAS),
        (
            "another package's address",
            lock(npm("node_modules/b", "2.0.1", "https://r.example/evil/-/evil-2.0.1.tgz", "sha512-q", "")),
            ALIAS,
        ),
        ("another version's address", lock(npm("node_modules/b", "2.0.1", "https://r.example/b/-/b-1.9.9.tgz", "sha512-q", "")), ALIAS),
        ("another scope's", lock(npm("node_modules/b", "2.0.1", "https://r.example/@evil/b/-/b-2.0.1.tgz", "sha512-q", "")), ALIAS),
        (
            "a file",
            lock("\"node_modules/b\":{\"version\":\"2.0.1\",\"resolved\":\"file:evil.tgz\",\"integrity\":\"sha512-q\"}".to_owned()),
            &["lock/host=review"],
        ),
        ("a key twice", npm_lock(&[a(), good(), good()]), FORMAT),
        ("no JSON", "<<<<<<< ours\n".to_owned(), FORMAT),
        ("emptied", "{\"lockfileVersion\":3}\n".to_owned(), &["lock/removed=review"]),
    ];
    check("package-lock.json", &old, &[], &cases);
    let first = |resolved: &str, hash: &str| {
        format!(
            "{{\"lockfileVersion\":1,\"dependencies\":{{\"a\":{{\"version\":\"1.0.0\",\n\"resolved\":\"{resolved}\",\n\"integrity\":\"{hash}\"}}}}}}\n"
        )
    };
    let cases = [
        ("its first version, another host", first("https://evil.example/a/-/a-1.0.0.tgz", "sha512-a"), HOST),
        ("another hash", first("https://r.example/a/-/a-1.0.0.tgz", "sha512-b"), HASH),
        ("a stronger hash", first("https://r.example/a/-/a-1.0.0.tgz", "sha1-o sha512-a"), &[]),
    ];
    check("sub/npm-shrinkwrap.json", &first("https://r.example/a/-/a-1.0.0.tgz", "sha512-a"), &[], &cases);
}

#[test]
fn a_host_may_come_from_settings_or_the_policy() {
    let scene = Scene::plain();
    scene.write("package-lock.json", npm_lock(&[npm("node_modules/a", "1.0.0", "https://r.example/a/-/a-1.0.0.tgz", "sha512-a", "")]));
    scene.write(".npmrc", "@own:registry=https://own.example/npm/\n");
    scene.commit("npm");
    let given = scene.hand_over();
    let with =
        |host: &str| npm_lock(&[npm("node_modules/@own/c", "1.0.0", &format!("https://{host}/@own/c/-/c-1.0.0.tgz"), "sha512-c", "")]);
    given.write("package-lock.json", with("own.example"));
    assert!(given.rules().is_empty());
    given.write("package-lock.json", with("third.example"));
    assert_eq!(given.rules(), HOST);
    assert!(given.rules_by("version = 1\n[changes]\nhosts = [\"third.example\"]\n").is_empty());
    given.remove("package-lock.json");
    assert_eq!(given.rules(), ["lock/removed=review"]);
}

#[test]
fn the_first_lockfile_names_its_hosts_for_review() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.write("package-lock.json", npm_lock(&[npm("node_modules/a", "1.0.0", "https://r.example/a/-/a-1.0.0.tgz", "sha512-a", "")]));
    let findings = given.judge().verdict.findings;
    assert_eq!(given.rules(), ["lock/host=review"]);
    assert!(findings[0].message.contains("r.example"), "{}", findings[0].message);
    given.write("package-lock.json", npm_lock(&[npm("node_modules/a", "1.0.0", "http://r.example/a/-/a-1.0.0.tgz", "sha512-a", "")]));
    assert_eq!(given.rules(), HOST);
}

#[test]
fn yarn_lockfiles() {
    let classic = |head: &str, version: &str, resolved: &str, rest: &str| {
        format!("# yarn lockfile v1\n\n\n{head}:\n  version \"{version}\"\n  resolved \"{resolved}\"\n{rest}")
    };
    let good = "https://r.example/a/-/a-1.0.0.tgz#aaaa";
    let old = classic("a@^1.0.0", "1.0.0", good, "  integrity sha512-a\n");
    let cases = [
        ("an update", classic("a@^1.0.0", "1.1.0", "https://r.example/a/-/a-1.1.0.tgz#bbbb", "  integrity sha512-b\n"), &[][..]),
        ("a wider range", classic("a@^1.0.0, \"a@1\"", "1.0.0", good, "  integrity sha512-a\n"), &[]),
        ("another host", classic("a@^1.0.0", "1.0.0", "https://evil.example/a/-/a-1.0.0.tgz#aaaa", "  integrity sha512-a\n"), HOST),
        ("another hash", classic("a@^1.0.0", "1.0.0", good, "  integrity sha512-b\n"), HASH),
        ("another fragment", classic("a@^1.0.0", "1.0.0", "https://r.example/a/-/a-1.0.0.tgz#bbbb", "  integrity sha512-a\n"), HASH),
        ("no hash", classic("a@^1.0.0", "1.0.0", "https://r.example/a/-/a-1.0.0.tgz", ""), HASH),
        ("an alias", classic("a@^1.0.0", "1.0.0", "https://r.example/evil/-/evil-1.0.0.tgz#aaaa", "  integrity sha512-a\n"), ALIAS),
    ];
    check("yarn.lock", &old, &[], &cases);
    let berry = |resolution: &str, checksum: &str| {
        format!(
            "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"a@npm:^1.0.0\":\n  version: 1.0.0\n  resolution: \"{resolution}\"\n{checksum}  languageName: node\n  linkType: hard\n"
        )
    };
    let cases = [
        ("another hash", berry("a@npm:1.0.0", "  checksum: 10c0/bbbb\n"), HASH),
        ("no hash", berry("a@npm:1.0.0", ""), HASH),
        ("another key of the cache", berry("a@npm:1.0.0", "  checksum: 11c0/cccc\n"), &["lock/hash=review"]),
        ("another package", berry("evil@npm:1.0.0", "  checksum: 10c0/aaaa\n"), ALIAS),
        ("an address", berry("a@https://evil.example/a.tgz", "  checksum: 10c0/aaaa\n"), HOST),
        ("an archive", berry("a@npm:1.0.0::__archiveUrl=https%3A%2F%2Fevil.example%2Fa.tgz", "  checksum: 10c0/aaaa\n"), HOST),
        ("broken", "__metadata:\n  x: [\n".to_owned(), FORMAT),
    ];
    check("yarn.lock", &berry("a@npm:1.0.0", "  checksum: 10c0/aaaa\n"), &[], &cases);
}

#[test]
fn pnpm_lockfiles() {
    let lock = |importer: &str, resolution: &str| {
        format!(
            "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      a:\n        specifier: ^1.0.0\n        version: {importer}\n\npackages:\n\n  a@1.0.0:\n    resolution: {resolution}\n    engines: {{node: '>=8'}}\n"
        )
    };
    let cases = [
        ("the same", lock("1.0.0(b@2.0.0)", "{integrity: sha512-a}"), &[][..]),
        ("another hash", lock("1.0.0", "{integrity: sha512-b}"), HASH),
        ("no hash", lock("1.0.0", "{}"), HASH),
        ("from elsewhere", lock("1.0.0", "{integrity: sha512-a, tarball: 'https://evil.example/a.tgz'}"), HOST),
        ("git", lock("1.0.0", "{commit: abc, repo: 'https://evil.example/a.git', type: git}"), &["lock/hash=deny", "lock/host=deny"]),
        ("another package", lock("evil@1.0.0", "{integrity: sha512-a}"), ALIAS),
        ("broken", "packages: [\n".to_owned(), FORMAT),
    ];
    check("pnpm-lock.yaml", &lock("1.0.0", "{integrity: sha512-a}"), &[], &cases);
}

#[test]
fn cargo_lockfiles() {
    let index = "registry+https://r.example/index";
    let lock = |source: &str, rest: &str| {
        format!(
            "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n{source}{rest}"
        )
    };
    let from = |source: &str| format!("source = \"{source}\"\n");
    let sum = "checksum = \"aaaa\"\n";
    let cases = [
        ("a version of its own", lock(&from(index), sum).replace("0.1.0", "0.2.0"), &[][..]),
        ("an update", lock(&from(index), "checksum = \"bbbb\"\n").replace("1.0.0", "1.0.1"), &[]),
        ("another index of the same host", lock(&from("registry+https://r.example/evil"), sum), HOST),
        ("another host", lock(&from("sparse+https://evil.example/index/"), sum), HOST),
        ("git", lock(&from("git+https://r.example/a#abc"), ""), &["lock/hash=deny", "lock/host=deny"]),
        ("another hash", lock(&from(index), "checksum = \"bbbb\"\n"), HASH),
        ("no hash", lock(&from(index), ""), HASH),
        ("no source", lock("", ""), HASH),
        ("broken", "x".to_owned(), FORMAT),
    ];
    check("Cargo.lock", &lock(&from(index), sum), &[], &cases);
}

#[test]
fn python_lockfiles() {
    let lock = |source: &str, hash: &str| {
        format!("[[package]]\nname = \"a\"\nversion = \"1.0\"\nfiles = [\n    {{file = \"a-1.0.whl\"{hash}}},\n]\n{source}")
    };
    let source = |address: &str| format!("\n[package.source]\ntype = \"legacy\"\nurl = \"{address}\"\nreference = \"x\"\n");
    let old = lock(&source("https://r.example/simple"), ", hash = \"sha256:aa\"");
    let cases = [
        ("another hash", lock(&source("https://r.example/simple"), ", hash = \"sha256:bb\""), HASH),
        ("no hash", lock(&source("https://r.example/simple"), ""), HASH),
        ("one file more", old.replace("},\n]\n", "},\n    {file = \"a-2.whl\", hash = \"sha256:cc\"},\n]\n"), &["lock/hash=review"]),
        ("another host", lock(&source("https://evil.example/simple"), ", hash = \"sha256:aa\""), HOST),
        ("an update", old.replace("1.0", "1.1").replace("sha256:aa", "sha256:dd"), &[]),
    ];
    check("poetry.lock", &old, &[], &cases);
    let uv = |host: &str, hash: &str| {
        format!(
            "version = 1\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = {{ registry = \"https://r.example/simple\" }}\nsdist = {{ url = \"https://{host}/a.tar.gz\"{hash} }}\nwheels = [\n    {{ url = \"https://files.example/a.whl\", hash = \"sha256:bb\" }},\n]\n"
        )
    };
    let cases = [
        ("another hash", uv("files.example", ", hash = \"sha256:cc\""), HASH),
        ("no hash", uv("files.example", ""), HASH),
        ("another host", uv("evil.example", ", hash = \"sha256:aa\""), HOST),
        ("an update", uv("files.example", ", hash = \"sha256:ee\"").replace("1.0", "1.1"), &[]),
    ];
    check("uv.lock", &uv("files.example", ", hash = \"sha256:aa\""), &[], &cases);
    let pipfile = |host: &str, hashes: &str| {
        format!(
            "{{\"_meta\":{{\"sources\":[{{\"name\":\"x\",\"url\":\"https://{host}/simple\"}}]}},\"default\":{{\"a\":{{\"hashes\":[{hashes}],\"version\":\"==1.0\"}}}}}}\n"
        )
    };
    let cases = [
        ("another hash", pipfile("r.example", "\"sha256:bb\""), HASH),
        ("no hash", pipfile("r.example", ""), HASH),
        ("another host", pipfile("evil.example", "\"sha256:aa\""), HOST),
    ];
    check("Pipfile.lock", &pipfile("r.example", "\"sha256:aa\""), &[], &cases);
}

#[test]
fn other_lockfiles() {
    let cases = [
        ("an update", "m.example/a v1.0.0 h1:aa=\nm.example/a v1.1.0 h1:bb=\n".to_owned(), &[][..]),
        ("another hash", "m.example/a v1.0.0 h1:bb=\n".to_owned(), HASH),
        ("no hash", "m.example/a v1.0.0\n".to_owned(), HASH),
    ];
    check("go.sum", "m.example/a v1.0.0 h1:aa=\n", &[], &cases);
    let composer = |host: &str, reference: &str| {
        format!(
            "{{\"packages\":[{{\"name\":\"a/b\",\"version\":\"1.0\",\"source\":{{\"type\":\"git\",\"url\":\"https://g.example/a/b.git\",\"reference\":\"{reference}\"}},\"dist\":{{\"type\":\"zip\",\"url\":\"https://{host}/z\",\"reference\":\"{reference}\",\"shasum\":\"\"}}}}]}}\n"
        )
    };
    let cases = [
        ("another host", composer("evil.example", "aa"), HOST),
        ("another commit", composer("d.example", "bb"), HASH),
        ("an update", composer("d.example", "bb").replace("1.0", "1.1"), &[]),
    ];
    check("composer.lock", &composer("d.example", "aa"), &[], &cases);
    let gemfile = |remote: &str, sum: &str| format!("GEM\n  remote: {remote}\n  specs:\n    a (1.0)\n\nCHECKSUMS\n  a (1.0) {sum}\n");
    let cases = [
        ("another host", gemfile("https://evil.example/", "sha256=aa"), HOST),
        ("no https", gemfile("http://r.example/", "sha256=aa"), HOST),
        ("another hash", gemfile("https://r.example/", "sha256=bb"), HASH),
        ("an update", gemfile("https://r.example/", "sha256=bb").replace("1.0", "1.1"), &[]),
    ];
    check("Gemfile.lock", &gemfile("https://r.example/", "sha256=aa"), &[], &cases);
    let gradle = |sum: &str, verify: &str| {
        format!(
            "<verification-metadata><configuration><verify-metadata>{verify}</verify-metadata></configuration><components><component group=\"g\" name=\"a\" version=\"1\"><artifact name=\"a.jar\"><sha256 value=\"{sum}\"/></artifact></component></components></verification-metadata>\n"
        )
    };
    let cases = [("another hash", gradle("bb", "true"), HASH), ("no longer verified", gradle("aa", "false"), HASH)];
    check("gradle/verification-metadata.xml", &gradle("aa", "true"), &[], &cases);
    let cases = [
        ("another host", "{\"a\": [\"https://evil.example/a.tgz\"]}\n".to_owned(), HOST),
        ("the same host", "{\"b\": [\"https://r.example/b.tgz\"]}\n".to_owned(), &[][..]),
    ];
    check("bun.lock", "{\"a\": [\"https://r.example/a.tgz\"]}\n", &[], &cases);
}
