//! Tests and test commands that cannot fail.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::gate::{
    content::File,
    finding::{Judge, Place, Way},
    language::{Comments, Ground},
};

/// Assertions of what is always so, without blanks.
const ALWAYS: &[&str] = &[
    "assert!(true",
    "assert_eq!(true,true",
    "assert_eq!(1,1",
    "asserttrue(true",
    "assertfalse(false",
    "assertequal(1,1",
    "assertequals(1,1",
    "assertequal(true,true",
    "assertequals(true,true",
    "assert(true)",
    "assert.ok(true",
    "assert.true(true",
    "assert.istrue(true",
    "assert.equal(1,1",
    "assert.equal(true,true",
    "assert.equal(t,true,true",
    "assert.true(t,true",
    "require.true(t,true",
    "expect(true).tobe(true",
    "expect(true).tobetruthy",
    "expect(true).toequal(true",
    "expect(1).tobe(1",
    "expect(1).toequal(1",
    "expect(true).tobe_truthy",
    "expect(true).toeq(true",
    "xctasserttrue(true",
    "expect_true(true",
    "assert_true(true",
    "assert1==1",
    "asserttrue==true",
    "refutefalse",
];

/// Commands whose failure matters.
const COMMANDS: &[&str] = &[
    "pytest",
    "unittest",
    "npm test",
    "npm run test",
    "npm t ",
    "yarn test",
    "pnpm test",
    "pnpm run test",
    "bun test",
    "cargo test",
    "cargo nextest",
    "cargo clippy",
    "cargo audit",
    "cargo deny",
    "go test",
    "go vet",
    "golangci-lint",
    "jest",
    "vitest",
    "mocha",
    "rspec",
    "phpunit",
    "mvn test",
    "mvn verify",
    "gradle test",
    "gradlew test",
    "gradlew check",
    "make test",
    "make check",
    "make lint",
    "ctest",
    "tox",
    "nox ",
    "dotnet test",
    "mix test",
    "swift test",
    "eslint",
    "ruff check",
    "mypy",
    "semgrep",
    "gitleaks",
    "trivy",
    "bandit",
    "npm audit",
    "pip-audit",
    "bats ",
    "playwright test",
    "cypress run",
    "deno test",
    "rake test",
    "rake spec",
];

/// What makes such a command succeed whatever it finds.
const EXCUSES: &[&str] = &["|| true", "||true", "|| :", "|| exit 0", "; true", "; exit 0", "--passwithnotests", "--exit-zero", "|| echo"];

/// Orders to leave out tests, wherever a runner reads them.
const LEAVES_OUT: &[&str] = &[
    "--ignore=test",
    "--ignore test",
    "--deselect",
    "testpathignorepatterns",
    "-dskiptests",
    "maven.test.skip",
    "<skiptests>true",
    "<testfailureignore>true",
    "ignorefailures = true",
    "ignorefailures=true",
];

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(["assert", "expect", "refute", "||", "; true", "; exit 0", "--passWithNoTests", "--exit-zero", "skip", "ignore", "deselect"])
        .ok()
});

/// The first added line of each sort.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(search) = SEARCH.as_ref() else { return };
    if matches!(Ground::of(file.folded), Ground::Prose | Ground::Output) {
        return;
    }
    let comments = Comments::of(file.folded);
    let mut told = (false, false);
    for line in file.added.iter().filter(|line| line.text.len() < 1000 && search.is_match(line.text) && !comments.fills(line.text)) {
        if let (false, Some(message)) = (told.0, hollow(line.text)) {
            told.0 = true;
            judge.find("test/hollow", Place::shown(file, *line), message.to_owned(), Way::Rule);
        }
        if !told.1 && leaves_out(file.name(), line.text) {
            told.1 = true;
            judge.find("test/skipped", Place::shown(file, *line), "this leaves out tests, or their failures".to_owned(), Way::Rule);
        }
    }
}

fn hollow(line: &str) -> Option<&'static str> {
    let lower = line.to_ascii_lowercase();
    let bare: String = lower.split_ascii_whitespace().collect();
    if ALWAYS.iter().any(|always| stands(&bare, always)) || is_bare_assert(&lower) {
        return Some("this assertion holds whatever the code does");
    }
    let excused = EXCUSES.iter().any(|excuse| lower.contains(excuse)) && COMMANDS.iter().any(|command| lower.contains(command));
    excused.then_some("this command succeeds whatever it finds")
}

/// `assert True` and `assert 1` of Python, alone or with a message.
fn is_bare_assert(lower: &str) -> bool {
    let rest = lower.trim().strip_prefix("assert ").map(|rest| rest.split([',', '#']).next().unwrap_or_default().trim());
    rest.is_some_and(|rest| matches!(rest, "true" | "1" | "not false" | "1 == 1" | "true is true" | "true == true"))
}

/// Whether `mark` stands in `text` and is no part of a longer word; what follows it closes the call.
fn stands(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + mark.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|sign| sign.is_alphanumeric()) && after.is_none_or(|sign| matches!(sign, ')' | ',' | '(' | ';'))
    })
}

fn leaves_out(name: &str, line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    LEAVES_OUT.iter().any(|order| lower.contains(order)) || name.ends_with(".py") && ignores(name, &lower)
}

/// pytest's `collect_ignore` and `collect_ignore_glob`, which it takes from a `conftest.py`. Elsewhere who only reads them has
/// them in quotes; who sets them does not, or does it by a call or a key.
fn ignores(name: &str, lower: &str) -> bool {
    let sets = |(at, _): (usize, &str)| {
        let before = lower.get(..at).unwrap_or_default();
        !before.ends_with(['"', '\'']) || before.ends_with("[\"") || before.ends_with("['") || before.contains("setattr(")
    };
    lower.contains("collect_ignore") && (name == "conftest.py" || lower.match_indices("collect_ignore").any(sets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_are_left_out_are_known() {
        for (name, line) in [
            ("conftest.py", "collect_ignore = [\"test_a.py\"]"),
            ("conftest.py", "globals().update({\"collect_ignore\": [\"test_a.py\"]})"),
            ("hooks.py", "conftest.collect_ignore_glob += [\"*\"]"),
            ("hooks.py", "setattr(conftest, \"collect_ignore\", [\"test_a.py\"])"),
            ("hooks.py", "vars(conftest)[\"collect_ignore\"] = [\"test_a.py\"]"),
            ("tox.ini", "addopts = --ignore=tests/slow"),
        ] {
            assert!(leaves_out(name, line), "{line}");
        }
        for (name, line) in [("main.py", "found = config.get(\"collect_ignore\", path=path.parent)"), ("notes.cfg", "collect_ignore")] {
            assert!(!leaves_out(name, line), "{line}");
        }
    }

    #[test]
    fn what_cannot_fail_is_known() {
        for line in [
            "assert True",
            "    assert True, \"ok\"",
            "assert!(true);",
            "self.assertTrue(True)",
            "expect(true).toBe(true);",
            "assert.Equal(t, true, true)",
            "  - pytest tests/ || true",
            "\"test\": \"jest --passWithNoTests\"",
            "\tcargo test || exit 0",
        ] {
            assert!(hollow(line).is_some(), "{line}");
        }
        for line in [
            "assert true_value == 1",
            "assert!(true_or_false(x))",
            "self.assertTrue(TrueNorth(x))",
            "expect(trueValue).toBe(true);",
            "rm -f x || true",
            "assert True in found",
            "pytest tests/",
            "assert_eq!(1, 1 + x)",
        ] {
            assert!(hollow(line).is_none(), "{line}");
        }
    }
}
