//! Marks by which tests are taken out of those that run.

use super::read::Language;

impl Language {
    /// Whether a line takes a test out of those that run.
    pub(super) fn skips(self, line: &str) -> bool {
        let has = |marks: &[&str]| marks.iter().any(|mark| line.contains(mark));
        let starts = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark));
        match self {
            Self::Rust => {
                starts(&["#[ignore", "#[ ignore", "#[cfg(any())]", "#[cfg(never)]", "#[cfg(false)]"])
                    || has(&["#[test] #[ignore", "#[test]#[ignore"])
                    || line.starts_with("#[cfg_attr(")
                        && line.contains(", ignore")
                        && !["(miri,", "(target_", "(not(target_", "(windows,", "(any(target_"].iter().any(|mark| line.contains(mark))
            }
            Self::Python => {
                has(&[
                    "mark.skip",
                    "mark.xfail",
                    "unittest.skip",
                    "expectedFailure",
                    "pytest.skip(",
                    ".skipTest(",
                    "pytest.xfail(",
                    "__test__ = False",
                    "raise SkipTest",
                    "SkipTest(",
                    "__test__=False",
                    "__unittest_skip__",
                    "suppress(AssertionError",
                ]) || starts(&["@skip", "@xfail", "pytest.importorskip(", "@nottest", "if False:"])
            }
            Self::Script => {
                has(&[
                    "it.skip",
                    "test.skip",
                    "describe.skip",
                    "context.skip",
                    "suite.skip",
                    "it.todo",
                    "test.todo",
                    "test.fixme",
                    "test.fails",
                    "test.failing",
                    "it.fails",
                    "it.failing",
                    ".skipIf(",
                    ".runIf(",
                    "concurrent.skip",
                    "['skip']",
                    "[\"skip\"]",
                    "specify.skip",
                    "QUnit.skip",
                    "test.ignore(",
                    "if (false) ",
                    "false && ",
                ]) || has(&["it(", "test(", "describe("]) && has(&["ignore: true", "skip: true", "todo: true"])
                    || starts(&["xit(", "xtest(", "xdescribe(", "xcontext(", "xspecify(", "this.skip(", "pending(", "t.skip("])
            }
            Self::Go => {
                has(&["t.Skip(", "t.SkipNow(", "t.Skipf(", "b.Skip(", "T().Skip", "os.Exit(0)"]) || starts(&["XIt(", "PIt(", "XDescribe("])
            }
            Self::Jvm => {
                starts(&["@Disabled", "@Ignore", "@EnabledIf", "@EnabledOn", "@org.junit.jupiter.api.Disabled", "@org.junit.Ignore"])
                    || has(&[
                        "enabled = false",
                        "enabled=false",
                        "@Disabled",
                        "@Ignore",
                        "assumeTrue(false",
                        "assumeFalse(true",
                        "SkipException(",
                    ])
                    || has(&["expected = Throwable", "expected = Exception", "Assumptions.abort(", "if (false) "])
            }
            Self::Ruby => {
                starts(&[
                    "xit ",
                    "xit(",
                    "xspecify ",
                    "xdescribe ",
                    "xdescribe(",
                    "xcontext ",
                    "xexample ",
                    "pending ",
                    "pending(",
                    "skip ",
                    "skip(",
                    "skip_",
                ]) || matches!(line, "skip" | "pending")
                    || has(&[", skip:", ", :skip", ", pending:", ", if: false", ", :focus", ", focus: true"])
                    || starts(&["fit ", "fit(", "fdescribe ", "fcontext "])
            }
            Self::Php => has(&[
                "markTestSkipped",
                "markTestIncomplete",
                "->skip(",
                "->todo(",
                "@requires PHP",
                "#[RequiresPhp",
                "@doesNotPerformAssertions",
            ]),
            Self::Sharp => {
                starts(&["#if false", "#if NEVER", "#if 0"])
                    || has(&[
                        "Skip=",
                        "Skip =",
                        ", Ignore]",
                        "Explicit = true",
                        "[Ignore",
                        "(Skip =",
                        "(Skip=",
                        ", Skip =",
                        "[Explicit",
                        "Assert.Ignore(",
                        "Assert.Inconclusive(",
                    ])
            }
            Self::Swift => has(&["XCTSkip", ".disabled(", "@available(*, unavailable)"]) || starts(&["#if false", "#if 0"]),
            Self::Elixir => starts(&["@tag :skip", "@moduletag :skip", "@tag skip", "@moduletag skip", "@describetag :skip"]),
            Self::Cpp => {
                starts(&["#if 0", "#if false"]) || has(&["GTEST_SKIP", "(DISABLED_", ", DISABLED_", "[!mayfail]", "[!shouldfail]", "[.]"])
            }
            Self::Dart => has(&["@Skip(", "skip: true", "skip: '", "skip: \""]),
            Self::Bats => starts(&["skip"]),
        }
    }

    /// Whether nothing of a function is done that begins with this line.
    pub(super) fn returns(self, line: &str) -> bool {
        let first =
            line.split("//").next().unwrap_or_default().trim().trim_end_matches(';').trim_end_matches('}').trim().trim_end_matches(';');
        matches!(
            first,
            "return"
                | "return Ok(())"
                | "return None"
                | "return nil"
                | "return true"
                | "if false {"
                | "if (false) {"
                | "if False:"
                | "if true {"
        ) || self == Self::Go && matches!(line, "os.Exit(0)" | "runtime.Goexit()" | "defer func() { recover() }()")
            || line.starts_with("return; ")
    }
}

pub(super) fn focuses(line: &str) -> bool {
    let marks =
        ["it.only", "test.only", "describe.only", "context.only", "suite.only", "it.each.only", "test.concurrent.only", "specify.only"];
    marks.iter().any(|mark| line.contains(mark)) || ["fit(", "fdescribe(", "fcontext("].iter().any(|mark| line.starts_with(mark))
}
