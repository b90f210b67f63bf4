//! Finds tests, assertions and marks that skip, by plain scanning: no language is parsed.

use std::{collections::BTreeSet, sync::LazyLock};

use aho_corasick::AhoCorasick;

use super::skip::focuses;
use crate::gate::{
    content::lines,
    language::{Comments, ending},
};

/// Bytes of a line that are kept to be shown.
const SHOWN: usize = 120;

/// Families of test frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Python,
    Script,
    Go,
    Jvm,
    Ruby,
    Php,
    Sharp,
    Swift,
    Elixir,
    Cpp,
    Dart,
    Bats,
}

/// The tests of one text.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Names, in order.
    pub(super) tests: Vec<String>,
    /// Lines with an assertion.
    pub(super) assertions: usize,
    /// Those of them that compare with a value.
    pub(super) exact: usize,
    /// Marks that skip, by line.
    pub(super) skips: Vec<(u64, String)>,
    pub(super) skip_texts: BTreeSet<String>,
    /// The first mark that lets only some tests run.
    pub(super) focus: Option<(u64, String)>,
    /// Failures that are caught and forgotten.
    pub(super) swallowed: usize,
}

static ASSERTIONS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        "assert",
        "Assert",
        "ASSERT_",
        "EXPECT_",
        "expect(",
        "expect!",
        ".should",
        "should.",
        "t.Error",
        "t.Fatal",
        "require.",
        "REQUIRE(",
        "CHECK(",
        "refute",
        "must_",
        "verify(",
        "XCTFail",
        "is_expected",
        "Should",
        "BOOST_CHECK",
        "expect {",
    ];
    AhoCorasick::new(words).ok()
});

static EXACT: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        "_eq!",
        "_eq(",
        "Equal",
        "equal",
        "_EQ(",
        "==",
        "toBe(",
        "toStrictEqual",
        "toEqual",
        "Same",
        "same(",
        "toHaveBeenCalledTimes",
        "toMatchSnapshot",
        "eq(",
        "eql(",
        "deep.",
        "_ne!",
        "matches!",
        "=~",
        "StrictEq",
    ];
    AhoCorasick::new(words).ok()
});

impl Language {
    /// Of the file at `path`, folded; none where nothing is known of its tests.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match ending(path) {
            "rs" => Self::Rust,
            "py" => Self::Python,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "vue" | "svelte" | "coffee" => Self::Script,
            // Names that begin so, and folders of test data, are passed over by the compiler.
            "go" if path.ends_with("_test.go")
                && !path.split('/').any(|name| name.starts_with(['_', '.']) || name == "testdata")
                && !["windows", "darwin", "plan9", "js", "wasip1"].iter().any(|system| path.ends_with(&format!("_{system}_test.go"))) =>
            {
                Self::Go
            }
            "java" | "kt" | "kts" | "groovy" | "scala" => Self::Jvm,
            "rb" => Self::Ruby,
            "php" => Self::Php,
            "cs" | "fs" => Self::Sharp,
            "swift" => Self::Swift,
            "ex" | "exs" => Self::Elixir,
            "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" => Self::Cpp,
            "dart" => Self::Dart,
            "bats" => Self::Bats,
            _ => return None,
        })
    }

    fn comments(self) -> Comments {
        match self {
            Self::Python | Self::Ruby | Self::Elixir | Self::Bats => Comments::Hash,
            Self::Php => Comments::Both,
            _ => Comments::Slashes,
        }
    }

    /// Reads a text.
    pub(super) fn read(self, text: &str) -> Read {
        let mut read = Read::default();
        let (mut marked, mut in_comment, mut caught, mut begun) = (false, false, false, false);
        for line in lines(text) {
            let trimmed = line.text.trim();
            let shown = || (line.number, trimmed.chars().take(SHOWN).collect::<String>());
            if self == Self::Go && (trimmed.starts_with("//go:build ") || trimmed.starts_with("// +build ")) {
                read.skips.push(shown());
            }
            // A test that returns before it does anything.
            if begun && !trimmed.is_empty() && !matches!(trimmed, "{" | "\"\"\"") {
                begun = false;
                if self.returns(trimmed) {
                    read.skips.push(shown());
                }
            }
            if in_comment {
                in_comment = !trimmed.contains("*/");
                continue;
            }
            if self.comments() == Comments::Slashes && trimmed.starts_with("/*") {
                in_comment = !trimmed.contains("*/");
                continue;
            }
            // A function of C# may be marked by an attribute that looks like a comment of another language.
            let attribute = self == Self::Php && trimmed.starts_with("#[");
            if trimmed.is_empty()
                || self.comments().fills(trimmed)
                    && !attribute
                    && !(self == Self::Php && ["@test", "@requires ", "@doesNotPerform"].iter().any(|mark| trimmed.contains(mark)))
            {
                continue;
            }
            marked |= self.marks(trimmed);
            if let Some(name) = self.declares(trimmed, marked) {
                read.tests.push(name.to_owned());
                marked = false;
                begun = trimmed.ends_with(['{', ':', ')']) || trimmed.ends_with(" do");
            }
            if self.skips(trimmed) {
                read.skips.push(shown());
            }
            if self == Self::Script && focuses(trimmed) {
                read.focus = read.focus.or_else(|| Some(shown()));
            }
            let asserts = |search: &LazyLock<Option<AhoCorasick>>| search.as_ref().is_some_and(|search| search.is_match(trimmed));
            if asserts(&ASSERTIONS) {
                read.assertions += 1;
                read.exact += usize::from(asserts(&EXACT) || self == Self::Python && is_identity(trimmed));
            }
            read.swallowed += usize::from(
                caught && trimmed == "pass"
                    || matches!(self, Self::Script | Self::Jvm | Self::Sharp) && trimmed.contains("catch") && is_empty_catch(trimmed),
            );
            caught = self == Self::Python
                && matches!(trimmed, "except:" | "except Exception:" | "except BaseException:" | "except AssertionError:");
        }
        read.skip_texts = read.skips.iter().map(|(_, text)| text.clone()).collect();
        read
    }

    /// Whether a line marks what follows as a test.
    fn marks(self, line: &str) -> bool {
        let annotation =
            |names: &[&str]| names.iter().any(|name| line.match_indices(name).any(|(at, _)| !continues(line, at + name.len())));
        match self {
            Self::Rust => {
                let path = line.strip_prefix("#[").map(|rest| rest.split(['(', ']', '=']).next().unwrap_or_default().trim());
                path.is_some_and(|path| {
                    let last = path.rsplit("::").next().unwrap_or_default();
                    last == "test"
                        || last.ends_with("_test")
                        || last == "rstest"
                        || last == "test_case"
                        || last == "proptest"
                        || last == "quickcheck"
                })
            }
            Self::Jvm => annotation(&["@Test", "@ParameterizedTest", "@RepeatedTest", "@TestFactory", "@TestTemplate"]),
            Self::Sharp => {
                line.starts_with('[') && annotation(&["[Fact", "[Theory", "[Test", "[TestMethod", "[TestCase", "[DataTestMethod"])
            }
            Self::Swift => line.starts_with("@Test"),
            Self::Php => line.starts_with("#[Test") || line.contains("* @test"),
            _ => false,
        }
    }

    /// The name of the test that a line begins, where one does.
    fn declares(self, line: &str, marked: bool) -> Option<&str> {
        match self {
            Self::Rust => marked.then(|| behind(line, "fn "))?,
            Self::Python => {
                let name = behind_start(line, &["def ", "async def "])?;
                name.starts_with("test").then_some(name)
            }
            Self::Script => {
                let word = line.split(|sign: char| !sign.is_ascii_alphanumeric()).next()?;
                matches!(word, "it" | "test" | "specify" | "xit" | "fit" | "xtest").then(|| called(line.get(word.len()..)?))?
            }
            Self::Go => behind_start(line, &["func "])
                .filter(|name| ["Test", "Fuzz", "Example", "Benchmark"].iter().any(|start| name.starts_with(start)))
                .or_else(|| line.starts_with("t.Run(").then(|| quoted(line))?),
            Self::Jvm | Self::Sharp => marked.then(|| function(line))?,
            Self::Ruby => {
                let word = line.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_')).next()?;
                match word {
                    "it" | "specify" | "test" | "scenario" | "xit" | "xspecify" => quoted(line),
                    "def" => behind_start(line, &["def "]).filter(|name| name.starts_with("test_")),
                    _ => None,
                }
            }
            // What is private is run by nobody.
            Self::Php => behind(line, "function ").filter(|name| !line.starts_with("private") && (marked || name.starts_with("test"))),
            Self::Swift => behind(line, "func ").filter(|name| !line.starts_with("private") && (marked || name.starts_with("test"))),
            Self::Elixir => line.starts_with("test ").then(|| quoted(line))?,
            Self::Cpp => {
                let starts =
                    ["TEST(", "TEST_F(", "TEST_P(", "TEST_CASE(", "TYPED_TEST(", "BOOST_AUTO_TEST_CASE(", "SCENARIO(", "TEST_METHOD("];
                starts.iter().find_map(|start| line.strip_prefix(start)).map(|rest| rest.split(')').next().unwrap_or(rest))
            }
            Self::Dart => (line.starts_with("test(") || line.starts_with("testWidgets(")).then(|| quoted(line))?,
            Self::Bats => line.starts_with("@test ").then(|| quoted(line))?,
        }
    }
}

/// `x is False`, but not `x is not None`, which all values but one fulfil.
fn is_identity(line: &str) -> bool {
    line.split(" is ").skip(1).any(|rest| !rest.trim_start().starts_with("not "))
        || ["assertIs(", "assertIsNone("].iter().any(|call| line.contains(call))
}

/// `catch (e) {}` and `catch {}` with nothing in them.
fn is_empty_catch(line: &str) -> bool {
    let bare: String = line.split_ascii_whitespace().collect();
    bare.contains("catch{}")
        || bare.split("catch(").skip(1).any(|rest| rest.split_once(')').is_some_and(|(_, rest)| rest.starts_with("{}")))
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a name goes on at `at`.
fn continues(line: &str, at: usize) -> bool {
    line.as_bytes().get(at).is_some_and(|byte| is_part(*byte))
}

/// The name at the beginning of `text`.
fn name(text: &str) -> Option<&str> {
    let end = text.bytes().position(|byte| !is_part(byte)).unwrap_or(text.len());
    text.get(..end).filter(|name| !name.is_empty())
}

fn behind<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let at = line.find(word)?;
    name(line.get(at + word.len()..)?.trim_start_matches('`'))
}

fn behind_start<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| line.strip_prefix(word)).and_then(name)
}

/// The first text in quotes.
fn quoted(line: &str) -> Option<&str> {
    let at = line.find(['"', '\'', '`'])?;
    let quote = line.get(at..)?.chars().next()?;
    line.get(at + 1..)?.split(quote).next()
}

/// The title in a call such as `("title", …)`, `.each(…)("title")` or `.skip("title")`.
fn called(rest: &str) -> Option<&str> {
    rest.starts_with(['(', '.']).then(|| quoted(rest).or(Some("")))?
}

/// The name before the first parenthesis of a declaration; annotations before it are passed over.
fn function(line: &str) -> Option<&str> {
    if line.starts_with(['@', '[']) && !line.contains(" void ") && !line.contains("fun ") && !line.contains(" Task ") {
        return None;
    }
    if let Some(at) = line.find("fun `") {
        return line.get(at + 5..)?.split('`').next();
    }
    let from = ["fun ", "void ", "Task "].iter().filter_map(|word| line.find(word)).min().unwrap_or(0);
    let before = line.get(from..)?.split('(').next()?.trim_end();
    before
        .rsplit(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'))
        .next()
        .filter(|name| !name.is_empty() && line.get(from..).is_some_and(|rest| rest.contains('(')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_each_framework_are_found() {
        for (path, text, expected) in [
            (
                "a.rs",
                "#[test]\nfn a() {}\n#[tokio::test(flavor = \"x\")]\nasync fn b() {}\n// #[test]\nfn c() {}\n/*\n#[test]\nfn d() {}\n*/\n#[cfg(test)]\nfn e() {}\n",
                vec!["a", "b"],
            ),
            (
                "a.py",
                "def test_a():\n  pass\nclass T:\n    async def test_b(self):\n# def test_c():\ndef helper():\n",
                vec!["test_a", "test_b"],
            ),
            (
                "a.ts",
                "it('a', () => {})\ntest.each([1])('b', x)\nit.skip(\"c\", f)\n// it('d')\niterate('x')\ndescribe('e')\n",
                vec!["a", "b", "c"],
            ),
            ("a_test.go", "func TestA(t *testing.T) {\n\tt.Run(\"b\", f)\n}\nfunc helper() {}\n", vec!["TestA", "b"]),
            (
                "A.java".to_lowercase().as_str(),
                "@Test\npublic void a() {}\n@ParameterizedTest\n@ValueSource(ints = {1})\nvoid b(int x) {}\n@Testable\nvoid c() {}\n",
                vec!["a", "b"],
            ),
            ("a.kt", "@Test fun `it works`() {}\n@Test\nfun b() = x()\n", vec!["it works", "b"]),
            ("a.rb", "it 'a' do\n  specify \"b\" do\ndef test_c\ndef helper\n", vec!["a", "b", "test_c"]),
            ("a.php", "public function testA() {}\n#[Test]\npublic function b() {}\nfunction c() {}\n", vec!["testA", "b"]),
            ("a.cs", "[Fact]\npublic void A() {}\n[Theory]\n[InlineData(1)]\npublic async Task B(int x) {}\n", vec!["A", "B"]),
            ("a.swift", "func testA() {}\n@Test\nfunc b() {}\nfunc c() {}\n", vec!["testA", "b"]),
            ("a.exs", "test \"a\" do\n", vec!["a"]),
            ("a.cc", "TEST(A, b) {\nTEST_F(C, d) {\n", vec!["A, b", "C, d"]),
            ("a.bats", "@test \"a\" {\n", vec!["a"]),
        ] {
            assert_eq!(Language::of(path).unwrap().read(text).tests, expected, "{path}");
        }
    }

    #[test]
    fn marks_that_skip_are_found() {
        for (path, line) in [
            ("a.rs", "#[ignore = \"slow\"]"),
            ("a.rs", "#[cfg_attr(all(), ignore)]"),
            ("a.py", "@pytest.mark.skip(reason='x')"),
            ("a.py", "@unittest.skipIf(True, 'x')"),
            ("a.py", "@pytest.mark.xfail"),
            ("a.js", "it.skip('x', f)"),
            ("a.js", "xdescribe('x', f)"),
            ("a_test.go", "\tt.Skip(\"x\")"),
            ("a_test.go", "//go:build ignore"),
            ("a.java", "@Disabled(\"x\")"),
            ("a.rb", "  pending 'x'"),
            ("a.php", "$this->markTestSkipped();"),
            ("a.cs", "[Fact(Skip = \"x\")]"),
            ("a.swift", "throw XCTSkip()"),
            ("a.exs", "@tag :skip"),
            ("a.cc", "TEST(A, DISABLED_b) {"),
        ] {
            assert_eq!(Language::of(path).unwrap().read(line).skips.len(), 1, "{path} {line}");
        }
        for (path, line) in [("a.js", "list.skip(3)"), ("a.rb", "skipper = 1"), ("a.py", "# pytest.mark.skip"), ("a.rs", "// #[ignore]")] {
            assert!(Language::of(path).unwrap().read(line).skips.is_empty(), "{path} {line}");
        }
        for (line, exact) in [
            ("assert high(7) is False", 1),
            ("self.assertIsNone(x)", 1),
            ("assert high(7) is not None", 0),
            ("self.assertIsNotNone(x)", 0),
            ("assert high(7)", 0),
        ] {
            assert_eq!(Language::Python.read(line).exact, exact, "{line}");
        }
        assert!(Language::Script.read("test.only('x', f)").focus.is_some() && Language::Script.read("benefit(x)").focus.is_none());
    }
}
