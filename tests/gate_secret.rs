//! Secrets in changes that were really made in a workspace: each way of hiding one with its harmless twin.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{fs, io::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use support::repo::{Given, SECRET, Scene, known, limits, policy_of, rules};
use tidewaiter::{
    gate::{self, Change, Terms},
    policy::Policy,
    verdict::{Severity, Verdict},
};

/// Made up on the spot, in GitLab's form.
const TOKEN: &str = "glpat-b0at5and-ferri3s9QxZ";
const VALUE: &str = "q7Zt2mXk9Lw4Rv8Bn3Hs6Yd1";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rules of this area that speak of what the agent does.
fn spoken(act: impl FnOnce(&Given<'_>)) -> Vec<String> {
    spoken_by("version = 1\n", act)
}

fn spoken_by(policy: &str, act: impl FnOnce(&Given<'_>)) -> Vec<String> {
    let scene = Scene::plain();
    scene.write("config/app.toml", format!("token = \"{TOKEN}\"\nname = \"app\"\n"));
    scene.commit("with an old token");
    let given = scene.hand_over();
    act(&given);
    let judgement = given.judge_by(policy);
    for finding in &judgement.verdict.findings {
        let said = format!("{finding:?}");
        assert!(!said.contains(SECRET) && !said.contains(TOKEN) && !said.contains(VALUE), "{said}");
    }
    rules(&judgement).into_iter().filter(|rule| rule.starts_with("secret/")).collect()
}

fn judge(change: &Change, given: &Given<'_>, policy: &Policy) -> Verdict {
    gate::judge(change, &given.repository, &Terms::now(&policy.changes, &known(), limits().deadline)).unwrap().verdict
}

fn file(path: &str, bytes: impl AsRef<[u8]>) -> Vec<String> {
    spoken(|given| given.write(path, bytes))
}

#[test]
fn the_jobs_own_secret_is_found_however_it_is_hidden() {
    let twice = STANDARD.encode(STANDARD.encode(SECRET));
    let reversed: String = SECRET.chars().rev().collect();
    let (half, rest) = SECRET.split_at(11);
    let utf16 = |text: &str| -> Vec<u8> { [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect() };
    let big = vec![b'x'; 900_000];
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("plain.txt", SECRET.into()),
        ("base64.txt", STANDARD.encode(SECRET).into()),
        ("base64 twice.txt", twice.clone().into()),
        ("base64 of hex.txt", STANDARD.encode(hex(SECRET.as_bytes())).into()),
        ("hex of base64 of base64.txt", hex(twice.as_bytes()).into()),
        ("gzip and base64.txt", STANDARD.encode(gzip(SECRET.as_bytes())).into()),
        ("percent of base64.txt", STANDARD.encode(STANDARD.encode(SECRET)).replace('=', "%3D").into()),
        ("file.gz", gzip(format!("a {SECRET} b").as_bytes())),
        ("reversed.txt", reversed.clone().into()),
        ("reversed base64.txt", STANDARD.encode(SECRET).chars().rev().collect::<String>().into()),
        ("base64 of reversed.txt", STANDARD.encode(reversed).into()),
        ("concatenated.js", format!("const k = \"{half}\" +\n  \"{rest}\";\n").into()),
        ("continued.sh", format!("K=\"{half}\\\n{rest}\"\n").into()),
        ("folded.yml", format!("k: >-\n  {half}\n  {rest}\n").into()),
        ("list.py", format!("''.join(['{half}', '{rest}'])\n").into()),
        ("utf16.txt", utf16(&format!("über {SECRET}\n"))),
        ("utf16 base64.txt", utf16(&format!("é {}\n", STANDARD.encode(SECRET)))),
        ("cr.txt", format!("a\rb {SECRET}\rc").into()),
        ("notebook.ipynb", format!("{{\"cells\": [{{\"outputs\": [\"{SECRET}\\n\"]}}]}}").into()),
        ("bundle.js.map", format!("{{\"sourcesContent\": [\"x = '{SECRET}'\"]}}").into()),
        ("package-lock.json", format!("{{\"x\": \"{SECRET}\"}}").into()),
        ("large.txt", [&big[..], b" ", SECRET.as_bytes()].concat()),
        ("binary.bin", [b"\x7fELF\0\0\x01".as_slice(), SECRET.as_bytes(), b"\0"].concat()),
    ];
    for (path, bytes) in cases {
        assert_eq!(file(path, &bytes), ["secret/known=block"], "{path}");
    }
    assert_eq!(spoken(|given| given.write(&format!("x/{}", STANDARD.encode(SECRET).replace('=', "")), "x")), ["secret/known=block"]);
    // Nothing in the tree makes it silent.
    let hushed = spoken(|given| {
        given.write(".gitleaksignore", "x.txt:known:1\n");
        given.write(".gitattributes", "*.txt -diff binary\n");
        given.write("x.txt", format!("{SECRET} # gitleaks:allow #nosec\n"));
    });
    assert_eq!(hushed, ["secret/known=block"]);
    // No policy can allow it.
    let policy = "version = 1\n[changes.rules]\n\"secret/known\" = \"deny\"\n";
    assert_eq!(spoken_by(policy, |given| given.write("x", SECRET)), ["secret/known=block"]);
    assert_eq!(file("x.txt", "made-up-job-token-0124 and MADE-UP-JOB-TOKEN-0123"), Vec::<String>::new());
}

#[test]
fn a_token_by_its_form_is_found_once_it_is_new() {
    let found = ["secret/pattern=deny"];
    assert_eq!(file("a.py", format!("t = '{TOKEN}'\n")), found);
    assert_eq!(file("tests/fixtures/a.bin", [b"\0\x01".as_slice(), TOKEN.as_bytes(), b"\0"].concat()), found);
    assert_eq!(file("a.txt", TOKEN.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()), found);
    assert_eq!(file("secret.yml", format!("token: {}\n", STANDARD.encode(TOKEN))), found);
    // What was there may stay, move and be surrounded by something else; a copy of it elsewhere is new.
    assert_eq!(file("config/app.toml", format!("name = \"app 2\"\n\ntoken = \"{TOKEN}\"\n")), Vec::<String>::new());
    assert_eq!(file("config/other.toml", format!("token = \"{TOKEN}\"\n")), found);
    let renamed = spoken(|given| fs::rename(given.path("config/app.toml"), given.path("config/new.toml")).unwrap());
    assert_eq!(renamed, found);
    // The policy can allow it.
    let policy = "version = 1\n[changes.rules]\n\"secret/pattern\" = \"warn\"\n";
    assert_eq!(spoken_by(policy, |given| given.write("a", TOKEN)), ["secret/pattern=warn"]);
    for harmless in ["glpat-xxxxxxxxxxxxxxxxxxxx", "glpat-$TOKEN", "AKIAIOSFODNN7EXAMPLE", "ghp_0123456789abcdefghijklmnopqrstuvwxyz"] {
        assert_eq!(file("README.md", harmless), Vec::<String>::new(), "{harmless}");
    }
}

#[test]
fn random_values_under_telling_names_speak_outside_of_tests() {
    let line = format!("password = \"{VALUE}\"\n");
    assert_eq!(file("src/settings.py", &line), ["secret/entropy=deny"]);
    for path in ["tests/settings.py", "src/settings_test.go", "docs/guide.md", "Cargo.lock", "app.min.js"] {
        assert_eq!(file(path, &line), Vec::<String>::new(), "{path}");
    }
    for harmless in [
        "password = get_password(user)\n",
        "\"integrity\": \"sha512-q7Zt2mXk9Lw4Rv8Bn3Hs6Yd1q7Zt2mXk9Lw4Rv8Bn3Hs6Yd1q7Zt2mXk9Lw4Rv8Bn3Hs6Yd1q7Zt2mXk9Lw4Rv==\"\n",
        "token_id = \"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"\n",
        "secretKeyRef: {name: database-credentials-v2, key: password}\n",
        "TOKEN: ${{ secrets.DEPLOY_TOKEN_2024 }}\n",
    ] {
        assert_eq!(file("src/x.yml", harmless), Vec::<String>::new(), "{harmless}");
    }
}

#[test]
fn packed_data_that_cannot_be_looked_through_is_denied() {
    assert_eq!(file("bomb.gz", gzip(&vec![0; 40 << 20])), ["secret/packed=deny"]);
    assert_eq!(file("fine.gz", gzip(&vec![0; 1 << 20])), Vec::<String>::new());
}

#[test]
fn lines_are_right_and_lines_with_secrets_are_not_shown() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.write("a.txt", format!("one\r\ntwo\rthree {TOKEN} \u{202e}x\nfour\u{202e}\n{SECRET}\n"));
    let judgement = given.judge();
    let mut lines: Vec<(String, Option<u64>, bool)> =
        judgement.verdict.findings.iter().map(|f| (f.rule.clone(), f.line, f.excerpt.is_some())).collect();
    lines.retain(|(rule, _, _)| rule.starts_with("secret/") || rule == "content/direction");
    lines.sort();
    let direction = lines.iter().filter(|(rule, _, _)| rule == "content/direction").map(|(_, line, shown)| (*line, *shown));
    assert!(direction.clone().all(|(line, shown)| line != Some(3) || !shown), "{lines:?}");
    assert!(
        lines.contains(&("secret/pattern".into(), Some(3), false)) && lines.contains(&("secret/known".into(), Some(5), false)),
        "{lines:?}"
    );
}

#[test]
fn texts_that_leave_besides_the_files_are_looked_at() {
    let scene = Scene::plain();
    let given = scene.hand_over();
    given.write("a.txt", "x\n");
    let judged = |texts: &[(&str, &str)]| {
        let texts = texts.iter().map(|(what, text)| ((*what).to_owned(), (*text).to_owned())).collect();
        let change = given.inspect().unwrap().change.with_texts(texts);
        judge(&change, &given, &policy_of("version = 1\n"))
    };
    assert_eq!(judged(&[("the title", "Mend the boat")]).findings, []);
    let twice = STANDARD.encode(STANDARD.encode(SECRET));
    for (text, rule) in [(SECRET, "secret/known"), (twice.as_str(), "secret/known"), (TOKEN, "secret/pattern")] {
        let verdict = judged(&[("the title", text)]);
        let [finding] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
        assert_eq!((finding.rule.as_str(), finding.severity), (rule, Severity::Block));
        assert!(finding.message.starts_with("the title has ") && !finding.message.contains(text), "{}", finding.message);
    }
    let said = gate::redact(&known(), &[], &format!("I used {SECRET}, {TOKEN} and no other"));
    assert_eq!(said, "I used [JOB_TOKEN], [gitlab-pat] and no other");
}

#[test]
fn rule_files_are_read_with_the_policy_that_names_them() {
    let scene = Scene::plain();
    let rule = "[[rules]]\nid = \"harbour\"\nregex = '''hbr-[0-9]{6}'''\nkeywords = [\"hbr\"]\n";
    fs::write(scene.path().join("rules.toml"), rule).unwrap();
    let layer = scene.path().join("policy.toml");
    fs::write(&layer, "version = 1\n[changes.secrets]\nfiles = [\"rules.toml\"]\n").unwrap();
    let policy = Policy::of_command(std::slice::from_ref(&layer), None).unwrap();
    // Another process of the job composes it again, where there is no file.
    fs::remove_file(scene.path().join("rules.toml")).unwrap();
    let policy = Policy::compose(policy.sources().to_vec()).unwrap();
    let given = scene.hand_over();
    given.write("a.txt", "x\nhbr-123456\n");
    let change = given.inspect().unwrap().change;
    let verdict = judge(&change, &given, &policy);
    let [finding] = &verdict.findings[..] else { panic!("{:?}", verdict.findings) };
    assert_eq!((finding.rule.as_str(), finding.line, finding.severity), ("secret/pattern", Some(2), Severity::Deny));
    assert!(finding.message.contains("`harbour`") && finding.message.contains("rules.toml"), "{}", finding.message);
    let gone = Policy::of_command(std::slice::from_ref(&layer), None).unwrap_err().to_string();
    assert!(gone.contains("rules.toml") && gone.contains("cannot be read"), "{gone}");
    fs::write(scene.path().join("rules.toml"), rule.replace("{6}", "{6}(?=x)")).unwrap();
    let refused = Policy::of_command(&[layer], None).unwrap_err().to_string();
    assert!(refused.contains("rule `harbour`") && refused.contains("linear"), "{refused}");
}
