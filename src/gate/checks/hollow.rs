//! Tests and test commands that cannot fail.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::{
    gate::{
        content::File,
        finding::{Judge, Place, Way},
        language::{self, Comments, Ground},
    },
    provider::json,
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
    "assert_eq!(0,0",
    "assertequals(0,0",
    "assert!(trueas",
    "debug_assert!(true",
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
const EXCUSES: &[&str] = &[
    "|| true",
    "||true",
    "|| :",
    "|| exit 0",
    "|| node",
    "; true",
    "; exit 0",
    "& true",
    "| cat",
    "--passwithnotests",
    "--exit-zero",
    "|| echo",
    "--listtests",
    "--list-tests",
    "--collect-only",
    "--no-run",
    "test --help",
    "jest --version",
    "jest -t ",
    "--testnamepattern",
];
/// What makes a command's failure, or its silence, count as success where it stands before the command.
const EXCUSES_BEFORE: &[&str] = &["-", "@-", "-@", "! ", "echo ", "@echo ", "@echo \"", "- "];

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
    "ignorefailures true",
    "ignorefailures.set(true",
    "maven.test.failure.ignore",
    "<skipits>true",
    "<testsourcedirectory>",
    "<excludedgroups>",
    "-dskipits",
    "--ignore-glob=",
    "--ignore-glob ",
    "-k 'not",
    "-k \\\"not",
    "-m 'not",
    "-m \\\"not",
    "--collect-only",
    "testmatch\"",
    "testregex\"",
    "modulepathignorepatterns",
    "coveragepathignorepatterns",
    "passwithnotests\"",
    "testignore",
    "testpathignore",
    "excludetestsmatching",
    "excludetags",
    "excludedtasknames",
    "failonnodiscoveredtests",
    "test.enabled",
    "test.onlyif",
    "tasks.test { enabled",
    "dependson.remove(test",
    "test { exclude",
    "default-filter",
    "autotests = false",
    "test = false",
    "-- --skip",
];
/// Keys that name where a runner looks for tests; another value than before leaves some out.
const LOOKED_IN: &[&str] =
    &["testpaths", "python_files", "python_functions", "python_classes", "norecursedirs", "\"roots\"", "\"projects\"", "testdir"];

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build([
            "assert",
            "expect",
            "refute",
            "||",
            "; true",
            "; exit 0",
            "--passWithNoTests",
            "--exit-zero",
            "skip",
            "ignore",
            "deselect",
            "exclude",
            "test",
            "python_",
            "norecurse",
            "collect",
            "harness",
            "-features",
            "os.exit",
            "-k ",
            "-m ",
            "roots",
            "projects",
            "| cat",
        ])
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
    if let Some(command) = lost_command(file).filter(|_| !file.added.is_empty()) {
        judge.find("test/hollow", file, format!("`{command}` is run here no more"), Way::Rule);
        told.0 = true;
    }
    let mut looked =
        file.added.iter().filter(|line| LOOKED_IN.iter().any(|key| line.text.trim_start().to_ascii_lowercase().starts_with(key)));
    if let Some(line) = looked.find(|_| file.fact.old.is_some()) {
        judge.find("test/skipped", Place::shown(file, *line), "tests are looked for in other places than before".to_owned(), Way::Rule);
        told.1 = true;
    }
    for line in file.added.iter().filter(|line| line.text.len() < 1000 && search.is_match(line.text) && !comments.fills(line.text)) {
        if let (false, Some(message)) = (told.0, hollow(line.text)) {
            told.0 = true;
            judge.find("test/hollow", Place::shown(file, *line), message.to_owned(), Way::Rule);
        }
        if !told.1 && (leaves_out(file.name(), line.text) || file.name().contains(".gradle") && stops_task(line.text)) {
            told.1 = true;
            judge.find("test/skipped", Place::shown(file, *line), "this leaves out tests, or their failures".to_owned(), Way::Rule);
        }
    }
}

/// A command that checks the project, on a line that is gone from a file of tasks, and on no line of it any more.
fn lost_command(file: &File<'_>) -> Option<&'static str> {
    let tasks = matches!(language::ending(file.folded), "mk" | "sh" | "bash" | "just" | "yml" | "yaml")
        || ["makefile", "gnumakefile", "justfile", ".justfile", "package.json", "tox.ini", "noxfile.py", "composer.json"]
            .contains(&file.name());
    // What cannot be read has been refused for that.
    let unread = || file.name().ends_with(".json") && !json::parse(file.new).is_ok_and(|value| value.is_object());
    if !tasks || file.removed.is_empty() || unread() {
        return None;
    }
    let comments = Comments::of(file.folded);
    let said = |lines: &mut dyn Iterator<Item = &str>| {
        // The name of a task or of a dependency is no command.
        let command = |line: &str| match line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once("\":")) {
            Some((_, value)) => value.to_ascii_lowercase(),
            None => line.to_ascii_lowercase(),
        };
        lines.filter(|line| !comments.fills(line)).map(command).collect::<Vec<_>>().join("\n")
    };
    let gone = said(&mut file.removed.iter().map(|line| line.text));
    let there = said(&mut file.text.unwrap_or_default().lines());
    COMMANDS.iter().find(|command| gone.contains(**command) && !there.contains(**command)).copied()
}

fn hollow(line: &str) -> Option<&'static str> {
    let lower = line.to_ascii_lowercase();
    let bare: String = lower.split_ascii_whitespace().collect();
    if ALWAYS.iter().any(|always| stands(&bare, always)) || is_bare_assert(&lower) {
        return Some("this assertion holds whatever the code does");
    }
    if always_true(&lower) || same_on_both_sides(&bare) {
        return Some("this assertion holds whatever the code does");
    }
    let trimmed = lower.trim_start();
    let before = EXCUSES_BEFORE.iter().any(|excuse| {
        trimmed.strip_prefix(excuse).is_some_and(|rest| COMMANDS.iter().any(|command| rest.trim_start().starts_with(command)))
    });
    if before && (line.starts_with('\t') || !trimmed.starts_with("- ")) {
        return Some("this command succeeds whatever it finds");
    }
    let excused = EXCUSES.iter().any(|excuse| lower.contains(excuse)) && COMMANDS.iter().any(|command| lower.contains(command));
    excused.then_some("this command succeeds whatever it finds")
}

/// `assert True` and `assert 1` of Python, alone or with a message.
fn is_bare_assert(lower: &str) -> bool {
    let rest = lower.trim().strip_prefix("assert ").map(|rest| rest.split([',', '#']).next().unwrap_or_default().trim());
    rest.is_some_and(|rest| matches!(rest, "true" | "1" | "1 == 1.0" | "not false" | "1 == 1" | "true is true" | "true == true"))
}

/// An assertion with `or True` in it, and Python's of a pair in parentheses, which is always true.
fn always_true(lower: &str) -> bool {
    let line = lower.trim();
    let asserts = line.starts_with("assert") || line.contains("expect(");
    let or_true = [" or true", "|| true)", "||true)", "else true"].iter().any(|part| line.contains(part));
    let pair = line.strip_prefix("assert (").or_else(|| line.strip_prefix("assert(")).is_some_and(|rest| {
        let mut depth = 1_usize;
        let mut comma = false;
        for (at, sign) in rest.char_indices() {
            match sign {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 1 => comma = true,
                _ => {}
            }
            if depth == 0 {
                return comma && rest.get(at + 1..).is_some_and(|rest| rest.trim().is_empty()) && rest.contains('"');
            }
        }
        false
    });
    // A text by itself is true.
    let text = line.strip_prefix("assert \"").and_then(|rest| rest.split_once('"')).is_some_and(|(_, rest)| {
        let rest = rest.trim_start();
        rest.is_empty() || rest.starts_with([',', '#'])
    });
    asserts && (or_true || pair) || text || line.starts_with("assert not none")
}

/// Whether an assertion, without blanks, compares a value with itself.
fn same_on_both_sides(bare: &str) -> bool {
    const CALLS: &[&str] = &["assert_eq!(", "assertequals(", "assertequal(", "assert_equal(", "assert.equal(", "assertsame(", "expect_eq("];
    let arguments = CALLS.iter().find_map(|call| bare.split_once(call)).map(|(_, rest)| rest.trim_end_matches(';'));
    let halves = |text: &str, mark: &str| text.match_indices(mark).any(|(at, _)| at > 0 && text[..at] == text[at + mark.len()..]);
    let called = arguments.and_then(|text| text.strip_suffix(')')).is_some_and(|text| halves(text, ","));
    let plain = bare.strip_prefix("assert").filter(|rest| !rest.starts_with(['_', '(', '!', '.'])).is_some_and(|rest| halves(rest, "=="));
    let expected = bare.split_once("expect(").map(|(_, rest)| rest.trim_end_matches(';')).is_some_and(|rest| {
        [").tobe(", ").toequal(", ").tostrictequal("].iter().any(|mark| rest.strip_suffix(')').is_some_and(|rest| halves(rest, mark)))
    });
    called || plain || expected
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
    let sets = |(at, word): (usize, &str)| {
        let (before, after) = (lower.get(..at).unwrap_or_default(), lower.get(at + word.len()..).unwrap_or_default());
        let after = after.strip_prefix("_glob").unwrap_or(after);
        let is_key = after.starts_with("\":") || after.starts_with("':");
        !before.ends_with(['"', '\'']) || before.ends_with("[\"") || before.ends_with("['") || before.contains("setattr(") || is_key
    };
    lower.contains("collect_ignore") && (name == "conftest.py" || lower.match_indices("collect_ignore").any(sets))
}

/// Whether a line of Gradle's keeps its tests from running.
fn stops_task(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.contains("test")
        && ["enabled = false", "enabled=false", "enabled.set(false", "onlyif", "srcdirs = []"].iter().any(|part| lower.contains(part))
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
            ("hooks.py", "vars(conftest).update({'collect_ignore_glob': ['*']})"),
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
