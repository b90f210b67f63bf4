//! What a file is by its name, as far as rules that read lines must know it.

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// Something a program runs or reads.
    Code,
    /// A document that people read.
    Prose,
    /// Translations: texts of any script for people to read.
    Words,
    /// What a program once printed, kept to compare with.
    Output,
}

/// Endings of documents that are read and not run.
const PROSE: &[&str] = &[
    "md", "markdown", "mdx", "txt", "rst", "adoc", "asciidoc", "tex", "html", "htm", "xhtml", "csv", "tsv", "rtf", "org", "pod", "rdoc",
    "texi", "1", "2", "3", "5", "7", "8", "bib", "srt", "vtt",
];
/// Names of documents without an ending.
const PROSE_NAMES: &[&str] = &[
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "authors",
    "contributors",
    "maintainers",
    "changelog",
    "changes",
    "news",
    "todo",
];
/// Endings of files of translations.
const WORDS: &[&str] = &["po", "pot", "xlf", "xliff", "strings", "stringsdict", "xcstrings", "arb", "ftl", "resx"];
/// Folders of translations.
const WORDS_FOLDERS: &[&str] = &[
    "i18n",
    "l10n",
    "intl",
    "locale",
    "locales",
    "_locales",
    "lang",
    "langs",
    "language",
    "languages",
    "translation",
    "translations",
    "cldr",
];
/// Endings of files in folders of translations that hold them; a program there is still one.
const WORDS_DATA: &[&str] = &["json", "json5", "yml", "yaml", "properties", "toml", "xml", "ini", "lang"];
/// Endings of kept output.
const OUTPUT: &[&str] =
    &["snap", "golden", "out", "log", "ans", "cast", "stdout", "stderr", "ambr", "expected", "approved", "transcript", "diff", "patch"];

/// The part of a folded path after its last dot; empty where the name has none.
pub(super) fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

impl Ground {
    /// Of the file at `path`, folded.
    pub(super) fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default();
        let ending = ending(path);
        let in_words = || path.split('/').any(|folder| WORDS_FOLDERS.contains(&folder) || folder.starts_with("values-"));
        if WORDS.contains(&ending) || WORDS_DATA.contains(&ending) && (in_words() || is_translation(name)) {
            Self::Words
        } else if name.contains("requirements") || name == "cmakelists.txt" {
            Self::Code
        } else if PROSE.contains(&ending) || PROSE_NAMES.contains(&name.split(['.', '-']).next().unwrap_or_default()) && !is_code(ending) {
            Self::Prose
        } else if OUTPUT.contains(&ending) {
            Self::Output
        } else {
            Self::Code
        }
    }
}

/// `messages_de.json`, `strings.fr.yml` and their like.
fn is_translation(name: &str) -> bool {
    ["messages", "strings", "translation", "locale"].iter().any(|start| name.starts_with(start))
}

/// Names of files that package managers write.
const LOCKS: &[&str] = &["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", "packages.lock.json", "gradle.lockfile"];

/// Whether a package manager writes the file at `path`, folded.
pub(super) fn is_lock(path: &str) -> bool {
    ending(path) == "lock" || LOCKS.contains(&path.rsplit('/').next().unwrap_or_default())
}

/// Whether programs are written in files with this ending.
pub(super) fn is_code(ending: &str) -> bool {
    Comments::of_ending(ending).is_some()
}

/// Whether a program may be in the file at `path`, folded, whatever else its bytes are.
pub(super) fn runs(path: &str, bytes: &[u8]) -> bool {
    bytes.starts_with(b"#!") || is_code(ending(path))
}

/// How comments that fill a line begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comments {
    /// `//`, `/*` and the `*` of the lines below it.
    Slashes,
    /// `#`.
    Hash,
    /// Both, as in PHP and HCL.
    Both,
    /// `--`.
    Dashes,
    /// `;`.
    Semicolon,
    /// `%`.
    Percent,
    /// `<!--`.
    Markup,
}

impl Comments {
    /// Of files with this ending; none where nothing is known of them.
    pub(super) fn of_ending(ending: &str) -> Option<Self> {
        Some(match ending {
            "rs" | "c" | "h" | "cc" | "cpp" | "cxx" | "hpp" | "hh" | "m" | "mm" | "java" | "kt" | "kts" | "scala" | "groovy" | "gradle"
            | "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "go" | "swift" | "cs" | "dart" | "zig" | "v" | "proto"
            | "css" | "scss" | "less" | "vue" | "svelte" | "astro" | "sol" | "jsonc" | "json5" | "glsl" | "cu" | "d" | "json" => {
                Self::Slashes
            }
            "py" | "pyi" | "pyx" | "rb" | "sh" | "bash" | "zsh" | "fish" | "ksh" | "pl" | "pm" | "t" | "yml" | "yaml" | "toml" | "r"
            | "jl" | "ex" | "exs" | "nim" | "cr" | "mk" | "cmake" | "dockerfile" | "ps1" | "psm1" | "tcl" | "awk" | "conf" | "cfg"
            | "properties" | "env" | "nix" | "bats" | "rake" | "gemspec" | "feature" | "graphql" | "ipynb" => Self::Hash,
            "php" | "tf" | "tfvars" | "hcl" => Self::Both,
            "lua" | "sql" | "hs" | "elm" | "ada" | "adb" | "vhdl" => Self::Dashes,
            "lisp" | "el" | "clj" | "cljs" | "scm" | "asm" | "s" | "ini" | "rkt" => Self::Semicolon,
            "erl" | "hrl" | "pro" | "sty" => Self::Percent,
            "xml" | "svg" | "xsd" | "xsl" | "plist" | "csproj" | "props" | "targets" | "pom" => Self::Markup,
            _ => return None,
        })
    }

    /// Of the file at `path`, folded; what has no ending is taken for a script.
    pub(super) fn of(path: &str) -> Self {
        let ending = ending(path);
        Self::of_ending(ending).unwrap_or(if ending.is_empty() { Self::Hash } else { Self::Both })
    }

    /// Whether `line` is nothing but a comment, as far as one line shows it.
    pub(super) fn fills(self, line: &str) -> bool {
        let line = line.trim_start();
        let starts = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark));
        let slashes = || starts(&["//", "/*", "* ", "*/"]) || line == "*";
        match self {
            Self::Slashes => slashes(),
            Self::Hash => starts(&["#"]),
            Self::Both => starts(&["#"]) || slashes(),
            Self::Dashes => starts(&["--"]),
            Self::Semicolon => starts(&[";", "#"]),
            Self::Percent => starts(&["%"]),
            Self::Markup => starts(&["<!--"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        for (path, expected) in [
            ("src/main.rs", Ground::Code),
            ("docs/guide.md", Ground::Prose),
            ("readme", Ground::Prose),
            ("license-mit", Ground::Prose),
            ("src/license.rs", Ground::Code),
            ("requirements.txt", Ground::Code),
            ("dev-requirements/base.txt", Ground::Prose),
            ("cmakelists.txt", Ground::Code),
            ("package.json", Ground::Code),
            ("src/i18n/fa.json", Ground::Words),
            ("src/i18n/index.ts", Ground::Code),
            ("app/res/values-ar/strings.xml", Ground::Words),
            ("po/de.po", Ground::Words),
            ("tests/a.snap", Ground::Output),
            ("makefile", Ground::Code),
        ] {
            assert_eq!(Ground::of(path), expected, "{path}");
        }
    }

    #[test]
    fn whole_comments_are_known() {
        for (path, line, expected) in [
            ("a.rs", "  // x", true),
            ("a.rs", "let x = 1; // x", false),
            ("a.rs", "# x", false),
            ("a.js", " * see", true),
            ("a.js", "*fetch(x)", false),
            ("a.py", "# x", true),
            ("makefile", "# x", true),
            ("a.sql", "-- x", true),
        ] {
            assert_eq!(Comments::of(path).fills(line), expected, "{path} {line}");
        }
    }
}
