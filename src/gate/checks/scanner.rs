//! Files that tell scanners and linters what to look for, and what licences a project.

use std::cell::LazyCell;

use crate::gate::{
    Op,
    content::{File, Line, lines},
    finding::{Judge, Place, Way},
    language, place,
};

/// Configuration, exceptions and baselines of security scanners, and of services that watch coverage: whole names, folded.
const SCANNERS: &[&str] = &[
    ".semgrepignore",
    ".semgrep.yml",
    ".semgrep.yaml",
    "semgrep.yml",
    "semgrep.yaml",
    ".gitleaks.toml",
    "gitleaks.toml",
    ".gitleaksignore",
    ".gitleaks-baseline.json",
    ".trivyignore",
    ".trivyignore.yaml",
    ".trivyignore.yml",
    "trivy.yaml",
    ".trivy.yaml",
    "trivy-secret.yaml",
    ".snyk",
    ".bandit",
    "bandit.yaml",
    "bandit.yml",
    ".bandit.yml",
    ".bandit.yaml",
    ".checkov.yml",
    ".checkov.yaml",
    ".checkov.baseline",
    ".hadolint.yaml",
    ".hadolint.yml",
    "hadolint.yaml",
    ".secrets.baseline",
    ".detect-secrets.yaml",
    ".grype.yaml",
    ".grype.yml",
    "osv-scanner.toml",
    "deny.toml",
    ".deny.toml",
    "audit.toml",
    ".nsprc",
    ".auditrc",
    "audit-ci.json",
    "audit-ci.jsonc",
    ".audit-ci.json",
    ".talismanrc",
    ".gitguardian.yml",
    ".gitguardian.yaml",
    ".ggshield.yml",
    ".socket.yml",
    "socket.yml",
    ".whitesource",
    ".mend.yml",
    ".brakeman.ignore",
    "brakeman.ignore",
    ".tfsec.yml",
    ".tfsec.yaml",
    ".terrascan.toml",
    "kics.config",
    ".kics.yaml",
    ".kubesec.yaml",
    ".dockle.yaml",
    ".dockleignore",
    ".dive-ci",
    ".zap.conf",
    ".lgtm.yml",
    "lgtm.yml",
    ".gosec.json",
    "gosec.json",
    ".nancy-ignore",
    ".safety-policy.yml",
    ".pip-audit.toml",
    ".bundler-audit.yml",
    ".retireignore",
    ".retireignore.json",
    ".njsscan",
    ".horusec-config.json",
    "horusec-config.json",
    "codecov.yml",
    "codecov.yaml",
    ".codecov.yml",
    ".codecov.yaml",
    ".coveralls.yml",
    ".codeclimate.yml",
    ".codacy.yml",
    ".codacy.yaml",
    "qodana.yaml",
];
/// Beginnings of such names.
const SCANNER_STARTS: &[&str] = &[
    ".trufflehog",
    "trufflehog",
    ".dependency-check",
    "dependency-check-",
    "owasp-suppression",
    "odc-suppression",
    "zap-baseline",
    ".gitleaks",
];
/// Folders that hold nothing else.
const SCANNER_FOLDERS: &[&str] = &[".semgrep", ".tfsec", ".trivy", ".checkov", ".codeql", ".kics", ".dependency-check"];

/// Linters, by names and beginnings of names, folded.
const LINTERS: &[&str] = &[
    ".eslintignore",
    "ruff.toml",
    ".ruff.toml",
    ".flake8",
    "clippy.toml",
    ".clippy.toml",
    ".pylintrc",
    "pylintrc",
    "pylintrc.toml",
    "mypy.ini",
    ".mypy.ini",
    "pyrightconfig.json",
    "tslint.json",
    "biome.json",
    "biome.jsonc",
    ".oxlintrc.json",
    ".swiftlint.yml",
    "detekt.yml",
    "checkstyle.xml",
    "pmd.xml",
    "psalm.xml",
    "phpcs.xml",
    "phpmd.xml",
    ".credo.exs",
    ".yamllint",
    ".yamllint.yml",
    ".yamllint.yaml",
    ".shellcheckrc",
    ".ansible-lint",
    ".tflint.hcl",
    ".clang-tidy",
    ".luacheckrc",
    ".perlcriticrc",
    "sonar-project.properties",
];
const LINTER_STARTS: &[&str] = &[
    ".eslintrc",
    "eslint.config.",
    ".golangci.",
    ".rubocop",
    "phpstan",
    ".stylelintrc",
    "stylelint.config.",
    ".markdownlint",
    "spotbugs-exclude",
];

/// Files of several tools, in which only what is a linter's counts.
const MIXED: &[&str] = &["pyproject.toml", "setup.cfg", "tox.ini", "cargo.toml"];

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
        if !fact.remains() && is_linter(&folded) {
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
        || stem == "security" && matches!(ending, "md" | "rst" | "txt") && is_policy_place(&folded)
}

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
            line.text.contains("exclusions") || line.text.contains("issue.ignore") || line.text.contains("sonar.sources")
        };
        if let Some(line) = file.added.iter().chain(file.removed).find(concerns) {
            let message = "this changes what a scanner leaves out".to_owned();
            judge.find("scanner/config", Place::line(&file.fact.path, line.number), message, Way::Rule);
        }
    } else if is_linter(file.folded) {
        let asks_in = |line: &Line<'_>, text: Option<&str>, words| {
            asks(line.text, words) || text.and_then(|text| key_above(text, *line)).is_some_and(|key| asks(key, words))
        };
        // Marks alone, such as a comma behind what was the last entry, ask for nothing; neither do words behind the old ones.
        let was_there = |line: &Line<'_>| file.removed.iter().any(|old| words(old.text) == words(line.text));
        let is_kept = |line: &Line<'_>| file.added.iter().any(|new| words(new.text).starts_with(&words(line.text)));
        let less = |line: &&Line<'_>| is_list(name) || asks_in(line, file.text, LESS) && !was_there(line);
        let gone = |line: &&Line<'_>| asks_in(line, file.old_text, MORE) && !is_kept(line);
        let (less, gone) = (file.added.iter().find(less), || file.removed.iter().find(gone));
        if let Some(line) = less.copied().or_else(|| gone().copied()) {
            let message = "this linter is asked for less than before".to_owned();
            judge.find("scanner/lint", Place::line(&file.fact.path, line.number), message, Way::Rule);
        }
    } else if MIXED.contains(&name) {
        let less = |line: &&Line<'_>| {
            let text = line.text.trim_start();
            let allows = name == "cargo.toml" && text.contains("\"allow\"");
            allows
                || ["ignore_errors = true", "ignore-errors = true", "disable_error_code", "extend-ignore", "per-file-ignores", "ignore = ["]
                    .iter()
                    .any(|key| text.starts_with(key))
        };
        if let Some(line) = file.added.iter().find(less) {
            let message = "this linter is asked for less than before".to_owned();
            judge.find("scanner/lint", Place::shown(file, *line), message, Way::Rule);
        }
    }
}

/// Files whose every line is something to leave out.
fn is_list(name: &str) -> bool {
    name.ends_with("ignore")
        || name.starts_with("phpstan-baseline")
        || name.starts_with(".rubocop_todo")
        || name.starts_with("spotbugs-exclude")
}

/// Whether one of `words` stands in `line`, outside of a comment.
fn asks(line: &str, words: &[&str]) -> bool {
    let line = line.trim_start();
    if ["#", "//", ";", "<!--"].iter().any(|mark| line.starts_with(mark)) {
        return false;
    }
    line.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '-'))
        .any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Where a line is nothing but an entry of a list: the line with the list's key.
fn key_above<'a>(text: &'a str, entry: Line<'_>) -> Option<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let bare = entry.text.trim();
    let in_yaml = bare.starts_with("- ");
    if !in_yaml && !bare.starts_with(['"', '\'']) {
        return None;
    }
    let above: Vec<&str> = lines(text).take_while(|line| line.number < entry.number).map(|line| line.text).collect();
    let is_key = |line: &&&str| {
        let (own, least) = (indent(line), indent(entry.text));
        !line.trim().is_empty() && (own < least || in_yaml && own == least && !line.trim_start().starts_with('-'))
    };
    above.iter().rev().find(is_key).copied()
}

/// What a line says without the marks around it.
fn words(line: &str) -> Vec<&str> {
    line.split(|sign: char| sign.is_whitespace() || "\"',;:=[]{}()".contains(sign)).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_belongs_to_the_key_above_it() {
        let text = "linters:\n  enable:\n    - gosec\n\n    - errcheck\n  disable:\n  - lll\nselect = [\n  \"E\",\n  \"S\",\n]\n";
        let key = |number| key_above(text, lines(text).find(|line| line.number == number).unwrap()).map(str::trim);
        assert_eq!([3, 5, 7, 10].map(key), ["enable:", "enable:", "disable:", "select = ["].map(Some));
        assert_eq!([1, 2, 8].map(key), [None; 3]);
    }

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
