//! What the gate says where a change weakens what checks it: each attack with its harmless twin.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::repo::{Given, Scene};

const RUST: &str = "#[test]\nfn a() {\n    assert_eq!(f(), 1);\n}\n#[test]\nfn b() {\n    assert_eq!(g(), 2);\n}\n";
const PYTHON: &str = "def test_a():\n    assert f() == 1\n\ndef test_b():\n    assert g() == 2\n";
const SCRIPT: &str = "describe('x', () => {\n  it('a', () => { expect(f()).toBe(1) })\n  it('b', () => { expect(g()).toBe(2) })\n})\n";

fn scene() -> Scene {
    let scene = Scene::plain();
    scene.write("tests/a.rs", RUST);
    scene.write("tests/test_a.py", PYTHON);
    scene.write("tests/a.test.ts", SCRIPT);
    scene.write("tests/a_test.go", "func TestA(t *testing.T) {\n\tif f() != 1 {\n\t\tt.Fatal(\"x\")\n\t}\n}\n");
    scene.write("tests/__snapshots__/a.snap", "one\n");
    scene.write(".coveragerc", "[report]\nfail_under = 80\n");
    scene.write("jest.config.js", "module.exports = { coverageThreshold: { global: { branches: 90, lines: 90 } } }\n");
    scene.write("tox.ini", "[testenv]\ncommands = pytest --cov-fail-under=85\n");
    scene.write(".eslintrc.json", "{\"rules\": {\n  \"no-eval\": \"error\",\n  \"semi\": \"error\"\n}}\n");
    scene.write("ruff.toml", "select = [\"E\", \"F\"]\nline-length = 100\n");
    scene.write("sonar-project.properties", "sonar.projectKey=x\nsonar.projectVersion=1\n");
    scene.write("package.json", "{\"scripts\": {\"test\": \"jest\"}}\n");
    scene.write("LICENSE", "All rights to everyone.\n");
    scene.write("SECURITY.md", "Write to us.\n");
    scene.write("src/app.py", "x = 1\n");
    scene.write("src/marked.py", "import a  # noqa: F401\nx = 1\n");
    scene.write(".golangci.yml", "linters:\n  enable:\n    - gosec\n    - errcheck\n  disable:\n  - lll\n");
    scene.write(".ruff.toml", "select = [\n  \"E\",\n  \"S\",\n]\nignore = [\n  \"E501\"\n]\n");
    scene.commit("with tests");
    scene
}

/// What the agent does, and which of this area's rules must speak.
fn case(name: &str, act: impl FnOnce(&Given<'_>), expected: &[&str]) -> Vec<String> {
    let scene = scene();
    let given = scene.hand_over();
    act(&given);
    let own = |rule: &String| ["test/", "scanner/", "project/"].iter().any(|area| rule.starts_with(area));
    let found: Vec<String> = given.rules().into_iter().filter(own).collect();
    assert_eq!(found, expected, "{name}");
    given.judge().verdict.findings.iter().filter(|finding| own(&finding.rule)).map(|finding| finding.message.clone()).collect()
}

fn write(path: &str, text: &str, expected: &[&str]) -> Vec<String> {
    case(&format!("{path}: {text}"), |given| given.write(path, text), expected)
}

#[test]
fn removed_tests_are_counted() {
    let messages = write("tests/a.rs", "#[test]\nfn a() {\n    assert_eq!(f(), 1);\n}\n", &["test/removed=review"]);
    assert_eq!(messages, ["1 test removed (b); 1 assertion fewer in the whole change"]);
    write("tests/test_a.py", "", &["test/removed=review"]);
    write("tests/a.rs", &RUST.replace("#[test]\nfn b", "// #[test]\nfn b"), &["test/removed=review"]);
    write("tests/a.rs", &RUST.replace("#[test]\nfn b", "fn b"), &["test/removed=review"]);
    write("tests/test_a.py", &PYTHON.replace("def test_b", "def no_test_b"), &["test/removed=review"]);
    write("tests/a.test.ts", "describe('x', () => {\n  it('a', () => { expect(f()).toBe(1) })\n})\n", &["test/removed=review"]);
    case("a file", |given| given.remove("tests/a_test.go"), &["test/removed=review"]);
    case("a snapshot", |given| given.remove("tests/__snapshots__/a.snap"), &["test/removed=review"]);
}

#[test]
fn emptied_and_loosened_tests_are_counted() {
    let messages = write("tests/test_a.py", &PYTHON.replace("assert g() == 2", "pass"), &["test/removed=review"]);
    assert_eq!(messages, ["1 assertion fewer in the whole change"]);
    let messages = write("tests/a.test.ts", &SCRIPT.replace("toBe(2)", "toBeDefined()"), &["test/removed=review"]);
    assert_eq!(messages, ["1 assertion that compared exactly is weaker"]);
    write("tests/a.rs", &RUST.replace("assert_eq!(g(), 2)", "assert!(g() > 0)"), &["test/removed=review"]);
}

#[test]
fn tests_that_move_or_get_another_name_are_there_still() {
    case(
        "moved",
        |given| {
            given.remove("tests/a.rs");
            given.write("tests/other/b.rs", RUST);
        },
        &[],
    );
    case(
        "split",
        |given| {
            given.write("tests/a.rs", &RUST[..RUST.find("#[test]\nfn b").unwrap()]);
            given.write("tests/b.rs", &RUST[RUST.find("#[test]\nfn b").unwrap()..]);
        },
        &[],
    );
    write("tests/a.rs", &RUST.replace("fn b", "fn better"), &[]);
    write("tests/a.rs", &format!("{RUST}#[test]\nfn c() {{ assert_eq!(h(), 3); }}\n"), &[]);
    write("tests/test_a.py", &PYTHON.replace("== 2", "== 3"), &[]);
    case(
        "a snapshot moved",
        |given| {
            given.remove("tests/__snapshots__/a.snap");
            given.write("tests/__snapshots__/b.snap", "one\n");
        },
        &[],
    );
}

#[test]
fn skipped_tests() {
    write("tests/a.rs", &RUST.replace("#[test]\nfn b", "#[test]\n#[ignore]\nfn b"), &["test/skipped=review"]);
    write("tests/test_a.py", &PYTHON.replace("def test_b", "@pytest.mark.skip\ndef test_b"), &["test/skipped=review"]);
    write("tests/test_a.py", &PYTHON.replace("def test_b", "@pytest.mark.xfail(strict=False)\ndef test_b"), &["test/skipped=review"]);
    write("tests/a.test.ts", &SCRIPT.replace("it('b'", "it.skip('b'"), &["test/skipped=review"]);
    write("tests/a.test.ts", &SCRIPT.replace("it('b'", "xit('b'"), &["test/skipped=review"]);
    write("tests/a.test.ts", &SCRIPT.replace("it('b'", "it.only('b'"), &["test/skipped=review"]);
    write(
        "tests/a_test.go",
        "func TestA(t *testing.T) {\n\tt.Skip()\n\tif f() != 1 {\n\t\tt.Fatal(\"x\")\n\t}\n}\n",
        &["test/skipped=review"],
    );
    write("tests/conftest.py", "collect_ignore = ['test_a.py']\n", &["test/skipped=review"]);
    write("tests/test_new.py", "@pytest.mark.skipif(sys.platform == 'win32', reason='x')\ndef test_new():\n    assert f() == 1\n", &[]);
    case(
        "moved and skipped",
        |given| {
            given.remove("tests/a.rs");
            given.write("tests/b.rs", RUST.replace("#[test]\nfn b", "#[test]\n#[ignore]\nfn b2"));
        },
        &["test/removed=review", "test/skipped=review"],
    );
}

#[test]
fn an_assertion_that_all_values_but_one_fulfil_is_weaker() {
    let exact = PYTHON.replace("g() == 2", "g() is False");
    for (to, expected) in [("is not None", &["test/removed=review"][..]), ("is None", &[])] {
        let scene = scene();
        scene.write("tests/test_a.py", &exact);
        scene.commit("exact");
        let given = scene.hand_over();
        given.write("tests/test_a.py", exact.replace("is False", to));
        assert_eq!(given.rules(), expected, "{to}");
    }
}

#[test]
fn who_only_reads_what_pytest_ignores_leaves_nothing_out() {
    write("src/app.py", "x = 1\nfound = config.get(\"collect_ignore\", path=path.parent)\n", &[]);
    write("src/app.py", "x = 1\nconftest.collect_ignore += [\"tests/test_a.py\"]\n", &["test/skipped=review"]);
    write("tests/conftest.py", "globals().update({\"collect_ignore\": [\"test_a.py\"]})\n", &["test/skipped=review"]);
}

#[test]
fn tests_that_cannot_fail() {
    write("tests/test_a.py", &PYTHON.replace("assert g() == 2", "assert True"), &["test/hollow=review", "test/removed=review"]);
    write(
        "tests/test_a.py",
        &PYTHON.replace("    assert g() == 2", "    try:\n        assert g() == 2\n    except:\n        pass"),
        &["test/hollow=review"],
    );
    write("package.json", "{\"scripts\": {\"test\": \"jest || true\"}}\n", &["test/hollow=review"]);
    write("run.sh", "#!/bin/sh\npytest tests || true\n", &["test/hollow=review"]);
    write("run.sh", "#!/bin/sh\nrm -f x || true\npytest tests\n", &[]);
}

#[test]
fn thresholds_that_fall() {
    let messages = write(".coveragerc", "[report]\nfail_under = 60\n", &["test/threshold=review"]);
    assert_eq!(messages, ["fail_under fell from 80 to 60"]);
    write(".coveragerc", "[report]\n", &["test/threshold=review"]);
    write(
        "jest.config.js",
        "module.exports = { coverageThreshold: { global: { branches: 10, lines: 90 } } }\n",
        &["test/threshold=review"],
    );
    write("tox.ini", "[testenv]\ncommands = pytest --cov-fail-under=1\n", &["test/threshold=review"]);
    write(".coveragerc", "[report]\nfail_under = 90\n", &[]);
    write("tox.ini", "[testenv]\ncommands = pytest -q --cov-fail-under=85\n", &[]);
}

#[test]
fn scanners_linters_and_what_silences_them() {
    for path in [".gitleaks.toml", ".semgrepignore", "sub/.trivyignore", ".snyk", "deny.toml", "codecov.yml", ".secrets.baseline"] {
        write(path, "x\n", &["scanner/config=deny"]);
    }
    write("sonar-project.properties", "sonar.projectKey=x\nsonar.projectVersion=1\nsonar.exclusions=src/**\n", &["scanner/config=deny"]);
    write("sonar-project.properties", "sonar.projectKey=x\nsonar.projectVersion=2\n", &[]);
    write(".eslintrc.json", "{\"rules\": {\n  \"no-eval\": \"off\",\n  \"semi\": \"error\"\n}}\n", &["scanner/lint=review"]);
    write(".eslintrc.json", "{\"rules\": {\n  \"semi\": \"error\"\n}}\n", &["scanner/lint=review"]);
    write("ruff.toml", "select = [\"E\"]\nline-length = 100\n", &["scanner/lint=review"]);
    case("removed", |given| given.remove("ruff.toml"), &["scanner/lint=review"]);
    write(".eslintrc.json", "{\"rules\": {\n  \"no-eval\": \"error\",\n  \"curly\": \"error\",\n  \"semi\": \"error\"\n}}\n", &[]);
    write("ruff.toml", "select = [\"E\", \"F\"]\nline-length = 120\n", &[]);
    write("ruff.toml", "select = [ 'E', 'F', 'S' ]\nline-length = 100\n", &[]);
    let lists = [
        ("linters:\n  enable:\n    - errcheck\n  disable:\n  - lll\n", &["scanner/lint=review"][..]),
        ("linters:\n  enable:\n    - gosec\n    - errcheck\n  disable:\n  - lll\n  - gosec\n", &["scanner/lint=review"]),
        ("linters:\n  enable:\n    - gosec\n    - errcheck\n    - revive\n  disable:\n  - lll\n", &[]),
        ("linters:\n  enable:\n    - errcheck\n    - gosec\n", &[]),
    ];
    for (text, expected) in lists {
        write(".golangci.yml", text, expected);
    }
    write(".ruff.toml", "select = [\n  \"E\",\n]\nignore = [\n  \"E501\"\n]\n", &["scanner/lint=review"]);
    write(".ruff.toml", "select = [\n  \"E\",\n  \"S\",\n]\nignore = [\n  \"E501\",\n  \"S102\"\n]\n", &["scanner/lint=review"]);
    write(".ruff.toml", "select = [\n  \"E\",\n  \"S\",\n]\nignore = [\n  \"E501\",\n]\n", &[]);
    for line in
        ["x = 1  # nosec", "y = 2  # noqa: E501", "z = f()  # type: ignore", "k = 'x'  # gitleaks:allow", "def f():  # pragma: no cover"]
    {
        write("src/app.py", &format!("x = 1\n{line}\n"), &["scanner/inline=warn"]);
    }
    let messages = write("src/main.rs", "#[allow(dead_code)]\nfn main() {}\n#[allow(unused)]\nfn f() {}\n", &["scanner/inline=warn"]);
    assert_eq!(messages, ["2 more lines make a scanner, a linter or a type checker look away"]);
    case(
        "a line that changed beside its mark",
        |given| {
            given.write("src/marked.py", "import a, b  # noqa: F401\nx = f()  # nosec\n");
            let findings = given.judge().verdict.findings;
            assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [Some(2)]);
        },
        &["scanner/inline=warn"],
    );
    write("src/marked.py", "import a, b  # noqa: F401\nx = 1\n", &[]);
    write("docs/lint.md", "Write `# noqa` or eslint-disable.\n", &[]);
    write("src/nose.py", "import nose\nnosing = 1\n", &[]);
}

#[test]
fn licences_and_the_security_policy() {
    for path in ["LICENSE", "SECURITY.md", "NOTICE", "sub/COPYING", "LICENSE-MIT", "LICENSES/MIT.txt"] {
        write(path, "other\n", &["project/licence=deny"]);
    }
    case("removed", |given| given.remove("LICENSE"), &["project/licence=deny"]);
    write("crates/new/LICENSE", "All rights to everyone.\n", &[]);
    write("src/license.rs", "fn f() {}\n", &[]);
    write("docs/security.txt.md", "x\n", &[]);
}
