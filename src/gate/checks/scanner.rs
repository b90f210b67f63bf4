//! Files that tell scanners and linters what to look for, and what licences a project.

use std::{cell::LazyCell, collections::BTreeMap};

use super::tables::{BASELINES, LINTER_STARTS, LINTERS, SCANNER_ENDINGS, SCANNER_FOLDERS, SCANNER_STARTS, SCANNERS};
use crate::gate::{
    Op,
    content::{File, Line},
    finding::{Judge, Place, Way},
    language, place,
};

/// Files of several tools, in which only what is a linter's counts.
const MIXED: &[&str] =
    &["pyproject.toml", "setup.cfg", "tox.ini", "cargo.toml", "package.json", "tsconfig.json", "jsconfig.json", ".editorconfig"];
/// Tools whose tables in them are a linter's.
const OWN: &[&str] = &[
    "ruff",
    "mypy",
    "pylint",
    "flake8",
    "bandit",
    "pyright",
    "semgrep",
    "vulture",
    "coverage",
    "detect-secrets",
    "pydocstyle",
    "isort.skip",
    "ty",
    "pyrefly",
    "pycodestyle",
    "pydoclint",
];
/// Letters of a key that are looked at.
const LONGEST: usize = 100;
/// Keys in each other that are followed.
const DEEPEST: usize = 32;

/// Words on an added line that ask for less.
const LESS: &[&str] = &[
    "off",
    "ignore",
    "ignores",
    "ignorepatterns",
    "disable",
    "disabled",
    "exclude",
    "excludes",
    "excluded",
    "exclusions",
    "allow",
    "skip",
    "warn",
    "warning",
    "false",
    "0",
    "extend-ignore",
    "per-file-ignores",
    "extend-exclude",
    "disable-all",
    "ignoreerrors",
    "suppress",
    "omit",
    "skips",
    "exclude-dirs",
    "exclude-lines",
    "exclude-paths",
    "ignore-errors",
    "ignore-missing-imports",
    "ignore-names",
    "disable-error-code",
    "none",
    "silent",
    "suggestion",
    "skiplibcheck",
    "issues-exit-code",
    "eslintignore",
    "null",
];
/// Words on a line that asked for something, now gone.
const MORE: &[&str] = &[
    "error",
    "deny",
    "forbid",
    "enable",
    "enabled",
    "true",
    "select",
    "extend-select",
    "strict",
    "extends",
    "plugins",
    "plugin",
    "level",
    "2",
    "rules",
    "disallow-untyped-defs",
    "unsafe-code",
];

/// Judges names alone.
pub(super) fn judge(judge: &mut Judge<'_>) {
    let before = judge.change.before();
    let has = LazyCell::new(|| before.iter().filter(|(path, _)| is_licence(path)).map(|(_, entry)| entry.id).collect::<Vec<_>>());
    for fact in judge.facts() {
        let folded = place::fold(&fact.path);
        let verb = if fact.remains() { "changes" } else { "removes" };
        if is_scanner(&folded) {
            let message = format!("this {verb} what a scanner looks for, or what it leaves out");
            judge.find("scanner/config", &fact.path, message, Way::Rule);
        }
        // A part of a project that is new may bring a copy of a licence that the project has already.
        let is_copy = || fact.op() == Op::Add && fact.new.is_some_and(|entry| has.contains(&entry.id));
        if is_licence(&fact.path) && !is_copy() {
            judge.find("project/licence", &fact.path, format!("this {verb} a licence, a notice or the security policy"), Way::Rule);
        }
        let name = name_of(&folded);
        let is_new_list = || fact.op() == Op::Add && is_linter(&folded) && is_list(name);
        if fact.remains() && (BASELINES.contains(&name) || name.ends_with(".supp") || is_new_list()) {
            judge.find("scanner/lint", &fact.path, "this says what a linter or a sanitizer is to pass over".to_owned(), Way::Rule);
        } else if !fact.remains() && is_linter(&folded) {
            judge.find("scanner/lint", &fact.path, "this removes the configuration of a linter".to_owned(), Way::Rule);
        }
    }
}

fn name_of(folded: &str) -> &str {
    folded.rsplit('/').next().unwrap_or_default()
}

fn is_scanner(folded: &str) -> bool {
    let name = name_of(folded);
    SCANNERS.contains(&name)
        || SCANNER_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || folded.ends_with("supply-chain/config.toml")
        || SCANNER_STARTS.iter().any(|start| name.starts_with(start))
        || folded.split('/').rev().skip(1).any(|folder| SCANNER_FOLDERS.contains(&folder))
}

fn is_linter(folded: &str) -> bool {
    let name = name_of(folded);
    LINTERS.contains(&name) || LINTER_STARTS.iter().any(|start| name.starts_with(start))
}

/// `LICENSE`, `LICENSE-MIT`, `COPYING.LESSER`, `LICENSES/…` and `SECURITY.md`, but no program of that name.
fn is_licence(path: &[u8]) -> bool {
    let folded = place::fold(path);
    let name = name_of(&folded);
    let ending = language::ending(name);
    let is_text = !language::is_code(ending) && !matches!(ending, "tpl" | "tmpl" | "in" | "template");
    let stem = name.split(['.', '-', '_']).next().unwrap_or_default();
    let licence = ["license", "licence", "copying", "copyright", "notice", "unlicense", "patents", "licenses"].contains(&stem);
    // A page may be named after a notice; the notice itself is plain.
    let licence = licence && (stem != "notice" || matches!(ending, "" | "txt" | "md"));
    let whole = name.split(['.', '-', '_']).skip(1).all(|part| part.len() <= 12 && part != "checker" && part != "header");
    licence && whole && is_text
        || folded.starts_with("licenses/") && is_text
        || OWN_NAMES.contains(&name)
        || folded.ends_with(".well-known/security.txt")
        || stem == "security" && matches!(ending, "md" | "rst" | "txt") && is_policy_place(&folded)
}

/// Other files of the kind by their whole names.
const OWN_NAMES: &[&str] =
    &["security_contacts", "security-insights.yml", "security.adoc", "dco", "dco.txt", "cla.md", "eula.txt", "eula.md"];

/// Where forges look for a security policy.
fn is_policy_place(folded: &str) -> bool {
    matches!(folded.rsplit_once('/').map_or("", |(folder, _)| folder), "" | "docs" | ".github" | ".gitlab")
        && name_of(folded).matches(['-', '_', '.']).count() == 1
}

/// Judges what changed in a linter's configuration.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    if file.fact.old.is_none() || !file.fact.remains() {
        return;
    }
    let name = file.name();
    if name == "sonar-project.properties" {
        let concerns = |line: &&Line<'_>| {
            const KEYS: &[&str] = &[
                "exclusions",
                "inclusions",
                "issue.ignore",
                "sonar.sources",
                "sonar.tests",
                "qualitygate",
                "host.url",
                ".disabled",
                "sonar.skip",
            ];
            KEYS.iter().any(|key| line.text.contains(key))
        };
        if let Some(line) = file.added.iter().chain(file.removed).find(concerns) {
            let message = "this changes what a scanner leaves out".to_owned();
            judge.find("scanner/config", Place::line(&file.fact.path, line.number), message, Way::Rule);
        }
    } else if is_linter(file.folded) || MIXED.contains(&name) {
        let (all, before) = (sections(file.text.unwrap_or_default()), sections(file.old_text.unwrap_or_default()));
        let concerns = |line: &Line<'_>, all: &[String]| !MIXED.contains(&name) || is_own(name, section(all, *line), line.text);
        // Marks alone, such as a comma behind what was the last entry, ask for nothing.
        let was_there = |line: &Line<'_>| file.removed.iter().any(|old| bare(old.text) == bare(line.text));
        let less = |line: &&Line<'_>| {
            concerns(line, &all)
                && !was_there(line)
                && (asks(line.text, LESS) || is_list(name) || is_item_of_less(section(&all, **line), line.text))
        };
        let words =
            |text: &str| text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '-')).map(str::to_owned).collect::<Vec<_>>();
        let counted = |words: Vec<String>| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
            counts
        };
        let there = counted(file.added.iter().filter(|line| !is_comment(line.text)).flat_map(|line| words(line.text)).collect());
        // A line that only grew asks for no less.
        let shrunk = |line: &&Line<'_>| counted(words(line.text)).iter().any(|(word, count)| there.get(word).unwrap_or(&0) < count);
        let gone = |line: &&Line<'_>| {
            concerns(line, &before) && shrunk(line) && (asks(line.text, MORE) || is_item_of_more(section(&before, **line), line.text))
        };
        let first = file.added.iter().find(less).copied();
        if let Some(line) = first.or_else(|| file.removed.iter().find(gone).copied()) {
            let message = "this linter is asked for less than before".to_owned();
            judge.find("scanner/lint", Place::line(&file.fact.path, line.number), message, Way::Rule);
        }
    }
}

/// The section or the key that each line of a file of settings stands in: a table's name, or the nearest key above that is
/// indented less.
fn sections(text: &str) -> Vec<String> {
    let (mut table, mut open): (String, Vec<(usize, String)>) = (String::new(), Vec::new());
    let mut found = Vec::new();
    for line in crate::gate::content::lines(text) {
        let trimmed = line.text.trim_start();
        let indent = line.text.len() - trimmed.len();
        // An entry of a list may stand right below its key.
        let depth = indent + usize::from(trimmed.starts_with("- "));
        if !trimmed.is_empty() {
            while open.last().is_some_and(|(above, _)| *above >= depth) {
                open.pop();
            }
        }
        let above = open.last().map_or("", |(_, key)| key.as_str());
        found.push(format!("{table} {above}"));
        let is_key = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '"' | '\'');
        let key: String = trimmed.chars().take(LONGEST).take_while(|c| is_key(*c)).collect();
        if trimmed.starts_with('[') && indent == 0 && trimmed.trim_end().ends_with(']') {
            table = trimmed.trim_end().trim_matches(['[', ']', ' ']).to_ascii_lowercase().chars().take(LONGEST).collect();
            open.clear();
        } else if !key.is_empty() && !is_text(trimmed, &key) && open.len() < DEEPEST {
            open.push((depth, key.trim_matches(['"', '\'']).to_ascii_lowercase()));
        }
    }
    found
}

/// Whether a line that begins with `word` has it as a text and not as the key of something.
fn is_text(line: &str, word: &str) -> bool {
    let rest = line.get(word.len()..).unwrap_or_default().trim_start();
    word.starts_with(['"', '\'']) && !rest.starts_with([':', '='])
}

fn section<'s>(all: &'s [String], line: Line<'_>) -> &'s str {
    usize::try_from(line.number).ok().and_then(|number| all.get(number.checked_sub(1)?)).map_or("", String::as_str)
}

/// Whether a line of a file of several tools is about a linter.
fn is_own(name: &str, section: &str, line: &str) -> bool {
    let trimmed = line.trim_start().to_ascii_lowercase();
    match name {
        "package.json" => ["eslintconfig", "eslintignore", "xo", "standard", "stylelint"]
            .iter()
            .any(|key| section.split(' ').any(|word| word == *key) || trimmed.starts_with(&format!("\"{key}\""))),
        ".editorconfig" => trimmed.contains("severity"),
        "tsconfig.json" | "jsconfig.json" => {
            ["strict", "noimplicit", "nounchecked", "nounused", "skiplibcheck", "checkjs"].iter().any(|key| trimmed.contains(key))
        }
        "cargo.toml" => section.contains("lints") || trimmed.starts_with("lints"),
        _ => OWN.iter().any(|tool| section.starts_with(tool) || section.starts_with(&format!("tool.{tool}"))),
    }
}

/// Whether a line is an entry of a list of what is left out.
fn is_item_of_less(section: &str, line: &str) -> bool {
    is_item(line) && LESS.iter().any(|word| section.split(' ').next_back() == Some(word))
}

/// Whether a line is an entry of a list of what is looked for.
fn is_item_of_more(section: &str, line: &str) -> bool {
    is_item(line)
        && !is_item_of_less(section, line)
        && section
            .split(' ')
            .next_back()
            .is_some_and(|key| matches!(key, "enable" | "select" | "extend-select" | "plugins" | "linters" | "rules" | "extends"))
}

fn is_item(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("- ") || (line.starts_with(['"', '\'']) && line.trim_end_matches(',').ends_with(['"', '\'']))
}

/// Files whose every line is something to leave out.
fn is_list(name: &str) -> bool {
    name.ends_with("ignore")
        || name.starts_with("phpstan-baseline")
        || name.starts_with(".rubocop_todo")
        || name.starts_with("spotbugs-exclude")
}

fn is_comment(line: &str) -> bool {
    ["#", "//", ";", "<!--"].iter().any(|mark| line.trim_start().starts_with(mark))
}

/// Whether one of `words` stands in `line`, outside of a comment.
fn asks(line: &str, words: &[&str]) -> bool {
    if is_comment(line) {
        return false;
    }
    let line = line.replace('_', "-");
    line.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '-'))
        .any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// What a line says without the marks around it.
fn bare(line: &str) -> Vec<&str> {
    line.split(|sign: char| sign.is_whitespace() || "\"',;:=[]{}()".contains(sign)).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scanners_and_licences_are_known() {
        for path in [
            ".gitleaks.toml",
            "sub/.trivyignore",
            ".semgrep/rules.yml",
            ".cargo/audit.toml",
            "dependency-check-suppressions.xml",
            "codecov.yml",
        ] {
            assert!(is_scanner(path), "{path}");
        }
        for path in ["src/gitleaks.rs", "docs/codecov.md", "deny.rs", "src/audit.py", "semgrep/x"] {
            assert!(!is_scanner(path), "{path}");
        }
        for path in [
            "LICENSE",
            "License.txt",
            "LICENSE-MIT",
            "COPYING.LESSER",
            "sub/NOTICE",
            "LICENSES/MIT.txt",
            "SECURITY.md",
            ".github/SECURITY.md",
        ] {
            assert!(is_licence(path.as_bytes()), "{path}");
        }
        for path in [
            "src/license.rs",
            "license_checker.py",
            "docs/licensing.md",
            "src/security.md",
            "security/x.md",
            "src/license-checker.md",
            "notices.js",
        ] {
            assert!(!is_licence(path.as_bytes()), "{path}");
        }
    }
}
