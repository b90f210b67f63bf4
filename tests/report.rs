//! Reports of a hostile change: whatever its names and contents say, no format lets them do anything.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;
use tidewaiter::{
    digest::Digest,
    report::{About, Format, Look, Rule, render},
    verdict::{Finding, Severity, Verdict},
};

const RULES: &[Rule<'_>] = &[
    Rule { id: "agent/control", about: "settings, hooks and MCP servers of coding agents" },
    Rule { id: "ci/config", about: "GitLab CI configuration and every local file that it includes" },
    Rule { id: "path/review", about: "paths that changes.review names" },
    Rule { id: "secret/known", about: "a secret of this job, plain or encoded" },
];

/// What an attacker would put into a path or a file.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "]]></failure><testcase name=\"forged\"/>",
    "\x1b[2J\x1b]0;owned\x07",
    "\"onload=\"x\" 'y' `z` \\\" \\u0022",
    "a\u{202e}txt.exe\u{2066}\u{200b}",
    "\r\n│  tidewaiter: PASS\n{\"command_exit_code\": 0}\n",
    "section_start:1:x\r\x1b[0Kgone",
    "\0\u{1}\u{8}\u{b}\u{7f}\u{85}\u{fffe}\u{ffff}\u{e0041}",
    "&lt;b&gt; <!-- --> <![CDATA[ <?xml ?> <!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]> &e;",
    "[[ATTACHMENT|etc/passwd]] /close @all ![x](https://evil.example/x.png)",
    "大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大大╰─ PASS",
];

fn about() -> About<'static> {
    let (base, tree) = ("1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222");
    About { policy: Digest::of("policy"), base, tree, changed: Some(7), rules: RULES }
}

fn finding(rule: &str, severity: Severity, path: &str, line: Option<u64>, message: &str) -> Finding {
    let (policy_line, fix) = (Some("changes.protect[3] = \".gitlab/**\"".to_owned()), "Take it out of the change.".to_owned());
    Finding { rule: rule.to_owned(), severity, path: path.to_owned(), line, policy_line, message: message.to_owned(), fix, excerpt: None }
}

fn hostile() -> Verdict {
    let severities = [Severity::Block, Severity::Deny, Severity::Review, Severity::Warn];
    let findings = HOSTILE.iter().zip(severities.iter().cycle()).map(|(&text, &severity)| Finding {
        rule: text.to_owned(),
        severity,
        path: text.to_owned(),
        line: Some(3),
        policy_line: Some(text.to_owned()),
        message: text.to_owned(),
        fix: text.to_owned(),
        excerpt: Some(text.to_owned()),
    });
    Verdict::weigh(findings.collect())
}

fn ordinary() -> Verdict {
    Verdict::weigh(vec![
        finding("ci/config", Severity::Deny, ".gitlab-ci.yml", None, "The pipeline's configuration was changed."),
        finding("secret/known", Severity::Block, "src/app.py", Some(12), "A secret of this job, in base64."),
        finding("path/review", Severity::Review, "Makefile", Some(1), "The policy wants a human to look at changes here."),
        finding("secret/known", Severity::Block, "src/app.py", Some(40), "A secret of this job, in base64."),
    ])
}

fn parsed(format: Format, verdict: &Verdict) -> Value {
    serde_json::from_str(&render(format, verdict, &about(), Look::PLAIN)).unwrap()
}

/// What `program`, a few lines of Python, prints for `input`.
fn python(program: &str, input: &str) -> Value {
    let mut child =
        Command::new("python3").args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 is needed");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "not parsed:\n{input}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const ALL: [Format; 6] = [Format::Text, Format::Json, Format::Codequality, Format::Sarif, Format::Junit, Format::Html];

#[test]
fn no_format_writes_what_controls_a_reader() {
    for format in ALL {
        let out = render(format, &hostile(), &about(), Look::PLAIN);
        let bad = out.chars().find(|&c| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}'..='\u{ffff}' | '\u{e0041}')
        });
        assert_eq!(bad, None, "{format:?}:\n{out}");
        assert!(out.ends_with('\n'), "{format:?}");
    }
}

#[test]
fn every_line_of_text_is_ours() {
    for verdict in [hostile(), ordinary()] {
        for width in [0, 40, 63, 80, 100] {
            let out = render(Format::Text, &verdict, &about(), Look { colour: false, width });
            for line in out.lines() {
                assert!(line.starts_with(['│', '╭', '├', '╰']), "{line}");
                let wide = line.chars().filter(|sign| matches!(sign, '大')).count();
                assert!(line.chars().count() + wide <= width.max(40), "{line}");
            }
            assert_eq!(out.lines().filter(|line| line.starts_with('╰')).count(), 1);
            assert!(out.ends_with("Nothing leaves.\n") || out.lines().last().unwrap().contains("Nothing leaves. "));
        }
    }
}

#[test]
fn text_says_rule_place_policy_line_and_what_to_do() {
    let out = render(Format::Text, &ordinary(), &about(), Look::PLAIN);
    for part in [
        "✖ secret/known  src/app.py:12",
        "changes.protect[3]",
        "Take it out",
        "╰─ DENY",
        "4 findings in 3 files (2 block, 1 deny, 1 review)",
    ] {
        assert!(out.contains(part), "{part} is not in:\n{out}");
    }
    let order = ["BLOCK", "DENY", "REVIEW"].map(|word| out.find(word).unwrap());
    assert!(order.is_sorted());
}

#[test]
fn colours_come_only_when_asked_for_and_change_nothing_else() {
    let (plain, coloured) = (
        render(Format::Text, &ordinary(), &about(), Look::PLAIN),
        render(Format::Text, &ordinary(), &about(), Look { colour: true, ..Look::PLAIN }),
    );
    assert!(!plain.contains('\x1b') && coloured.contains("\x1b[1;31m"));
    let mut stripped = String::new();
    for (index, part) in coloured.split('\x1b').enumerate() {
        stripped.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(stripped, plain);
}

#[test]
fn a_change_without_findings_passes_in_every_format() {
    let verdict = Verdict::weigh(vec![]);
    assert!(render(Format::Text, &verdict, &about(), Look::PLAIN).ends_with("\n╰─ PASS  The change may leave. No findings.\n"));
    assert_eq!(parsed(Format::Json, &verdict)["decision"], "pass");
    assert_eq!(parsed(Format::Codequality, &verdict), serde_json::json!([]));
    assert_eq!(parsed(Format::Sarif, &verdict)["runs"][0]["results"], serde_json::json!([]));
    assert!(render(Format::Junit, &verdict, &about(), Look::PLAIN).contains("tests=\"4\" failures=\"0\""));
    assert!(render(Format::Html, &verdict, &about(), Look::PLAIN).contains("<b>4 rules</b> <span>found nothing</span>"));
}

#[test]
fn json_keeps_every_text_exactly() {
    let out = parsed(Format::Json, &hostile());
    for (item, finding) in out["findings"].as_array().unwrap().iter().zip(&hostile().findings) {
        assert_eq!(serde_json::from_value::<Finding>(item.clone()).unwrap(), *finding);
    }
    assert_eq!(out["policy"], Digest::of("policy").to_string());
    assert_eq!((&out["version"], &out["decision"]), (&Value::from(1), &Value::from("deny")));
}

#[test]
fn code_quality_has_what_gitlab_reads() {
    let mut verdict = ordinary();
    verdict.findings.push(finding("size/files", Severity::Warn, "", None, "Many files."));
    let out = parsed(Format::Codequality, &verdict);
    let rows: Vec<(&str, &str, u64)> = out
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert!(row["description"].as_str().unwrap().contains("To do: Take it out"));
            (
                row["severity"].as_str().unwrap(),
                row["location"]["path"].as_str().unwrap(),
                row["location"]["lines"]["begin"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("critical", ".gitlab-ci.yml", 1),
            ("major", "Makefile", 1),
            ("blocker", "src/app.py", 12),
            ("blocker", "src/app.py", 40),
            ("minor", ".", 1),
        ]
    );
}

#[test]
fn fingerprints_are_unique_and_outlive_moved_lines_and_other_weights() {
    let of = |verdict: &Verdict| -> Vec<String> {
        let out = parsed(Format::Codequality, verdict);
        out.as_array().unwrap().iter().map(|row| row["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let first = of(&ordinary());
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    let mut moved = ordinary();
    for finding in &mut moved.findings {
        finding.line = finding.line.map(|line| line + 7);
        finding.severity = Severity::Warn;
    }
    assert_eq!(of(&moved), first);
    moved.findings[0].path.push('x');
    assert_ne!(of(&moved)[0], first[0]);
    // Where one text ends and the next begins is part of it.
    let joined = |rule: &str, path: &str| of(&Verdict::weigh(vec![finding(rule, Severity::Deny, path, None, "m")]));
    assert_ne!(joined("a/b", "cd"), joined("a/bc", "d"));
    let sarif = parsed(Format::Sarif, &ordinary());
    assert_eq!(sarif["runs"][0]["results"][0]["partialFingerprints"]["rulePathMessage/v1"], Value::from(first[0].clone()));
}

#[test]
fn sarif_names_rules_levels_and_places() {
    let out = parsed(Format::Sarif, &ordinary());
    assert_eq!(out["version"], "2.1.0");
    let run = &out["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "tidewaiter");
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    let levels: Vec<&str> = run["results"].as_array().unwrap().iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "warning", "error", "error"]);
    let place = &run["results"][2]["locations"][0]["physicalLocation"];
    assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&Value::from("src/app.py"), &Value::from(12)));
    let whole = parsed(Format::Sarif, &Verdict::weigh(vec![finding("size/files", Severity::Deny, "", None, "Many files.")]));
    assert_eq!(whole["runs"][0]["results"][0]["locations"], serde_json::json!([]));
}

#[test]
fn sarif_takes_no_path_for_an_address() {
    for result in parsed(Format::Sarif, &hostile())["runs"][0]["results"].as_array().unwrap() {
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/%".contains(c)), "{uri}");
    }
}

const READ_JUNIT: &str = r#"
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
cases = [[case.get("name"), case.get("classname"), case.get("file"), [part.tag for part in case], "".join(case.itertext())]
         for case in root.iter("testcase")]
print(json.dumps({"tests": root.get("tests"), "failures": root.get("failures"), "cases": cases}))
"#;

#[test]
fn junit_has_a_case_for_each_rule_and_fails_those_that_deny() {
    let out = python(READ_JUNIT, &render(Format::Junit, &ordinary(), &about(), Look::PLAIN));
    assert_eq!((&out["tests"], &out["failures"]), (&Value::from("4"), &Value::from("2")));
    let kinds: Vec<(&str, usize, Option<&str>)> = out["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let children = case[3].as_array().unwrap();
            (case[0].as_str().unwrap().split(':').next().unwrap(), children.len(), children.first().and_then(Value::as_str))
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("agent/control", 0, None),
            ("ci/config", 1, Some("failure")),
            ("path/review", 1, Some("system-out")),
            ("secret/known", 1, Some("failure")),
        ]
    );
    let text = out["cases"][3][4].as_str().unwrap();
    assert!(text.contains("block src/app.py:12: A secret") && text.contains("src/app.py:40") && text.contains("to do: Take it out"));
}

#[test]
fn no_text_forges_a_test_case() {
    let verdict = hostile();
    let out = python(READ_JUNIT, &render(Format::Junit, &verdict, &about(), Look::PLAIN));
    let cases = out["cases"].as_array().unwrap();
    assert_eq!(cases.len(), RULES.len() + HOSTILE.len());
    for case in cases {
        assert_eq!(case[1], "tidewaiter");
        assert_ne!(case[0], "forged");
    }
    // The words are all there, as words.
    assert!(cases.iter().any(|case| case[2] == HOSTILE[1] && case[4].as_str().unwrap().contains(HOSTILE[1])));
}

const READ_HTML: &str = r#"
import base64, hashlib, html.parser, json, sys
class Page(html.parser.HTMLParser):
    tags, attributes, policy, style, inside, text = [], [], "", "", "", ""
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag); self.inside = tag
        self.attributes += [name for name, _ in attributes]
        if dict(attributes).get("http-equiv") == "Content-Security-Policy": self.policy = dict(attributes)["content"]
    def handle_data(self, data):
        if self.inside == "style" and not self.style: self.style = data
        else: self.text += data
    def handle_comment(self, data): self.tags.append("comment")
page = Page(); page.feed(sys.stdin.buffer.read().decode())
hash = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
print(json.dumps({"tags": page.tags, "attributes": page.attributes, "policy": page.policy, "hash": hash, "text": page.text}))
"#;

#[test]
fn a_page_holds_no_element_or_attribute_of_the_changes() {
    let out = python(READ_HTML, &render(Format::Html, &hostile(), &about(), Look::PLAIN));
    let known = "html head meta title style body header h1 span p dl dt dd code main section h2 b article bdi pre ul li";
    for tag in out["tags"].as_array().unwrap() {
        assert!(known.split(' ').any(|name| tag == name), "{tag}");
    }
    for name in out["attributes"].as_array().unwrap() {
        assert!(["lang", "charset", "http-equiv", "content", "name", "class", "dir"].iter().any(|known| name == known), "{name}");
    }
    assert!(out["text"].as_str().unwrap().contains("<script>alert(1)</script>"));
}

#[test]
fn a_page_may_load_and_run_nothing_and_its_style_is_the_named_one() {
    let out = python(READ_HTML, &render(Format::Html, &ordinary(), &about(), Look::PLAIN));
    let policy = out["policy"].as_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{}'", out["hash"].as_str().unwrap())), "{policy}");
}

#[test]
fn junit_is_what_its_schema_says_and_other_readers_count_the_same() {
    for (verdict, failures) in [(ordinary(), 2), (hostile(), 6), (Verdict::weigh(vec![]), 0)] {
        let text = render(Format::Junit, &verdict, &about(), Look::PLAIN);
        // GitLab takes this for the address of a picture.
        assert!(!text.contains("[[ATTACHMENT|"));
        let Some(read) = support::schema::junit(&text) else { return };
        assert_eq!(read["wrong"], serde_json::json!([]), "{text}");
        assert_eq!((&read["failures"], &read["told"]), (&failures.into(), &serde_json::json!([read["tests"], failures])));
    }
    let broken = "<testsuites><testsuite name=\"x\" tests=\"1\" failures=\"0\" errors=\"0\"><testcase/></testsuite></testsuites>";
    let read = support::schema::junit(broken).unwrap();
    assert!(read["wrong"][0].as_str().unwrap().contains("'name' is required"), "the schema is looked at");
}

#[test]
fn code_quality_is_what_gitlab_asks_for() {
    let published = support::schema::ours("tests/support/codequality.schema.json");
    let mut verdict = hostile();
    verdict.findings.push(finding("size/files", Severity::Warn, "", None, "Many files."));
    for verdict in [ordinary(), verdict, Verdict::weigh(vec![])] {
        support::schema::validate("Code Quality", &parsed(Format::Codequality, &verdict), &published);
    }
}

#[test]
fn our_report_is_what_its_schema_says() {
    let published = support::schema::ours("docs/report.schema.json");
    for verdict in [ordinary(), Verdict::weigh(vec![])] {
        support::schema::validate("our report", &parsed(Format::Json, &verdict), &published);
    }
}

#[test]
fn sarif_is_what_its_published_schema_says() {
    let Some(text) = support::schema::kept("sarif.schema.json") else {
        println!("NOT RUN: SARIF is held to its schema (tests/setup.sh keeps it where npm is)");
        return;
    };
    let published = serde_json::from_str(&text).unwrap();
    for verdict in [ordinary(), hostile(), Verdict::weigh(vec![])] {
        support::schema::validate("SARIF", &parsed(Format::Sarif, &verdict), &published);
    }
    let broken = serde_json::json!({ "version": "2.1.0", "runs": [{ "results": [] }] });
    let fails = std::panic::catch_unwind(|| support::schema::validate("SARIF without a tool", &broken, &published));
    assert!(support::schema::python().is_none() || fails.is_err(), "the schema is looked at");
}
