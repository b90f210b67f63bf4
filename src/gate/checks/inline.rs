//! Comments that silence a scanner, a linter or a type checker where they stand.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::gate::{
    content::{File, Line},
    finding::{Judge, Place, Way},
    language::{self, Ground},
};

/// What tools take as an order to look away, in any case of letters.
const MARKS: &[&str] = &[
    "nosec",
    "gitleaks:allow",
    "eslint-disable",
    "tslint:disable",
    "biome-ignore",
    "oxlint-disable",
    "stylelint-disable",
    "# noqa",
    "#noqa",
    "type: ignore",
    "type:ignore",
    "pyright: ignore",
    "mypy: ignore",
    "ruff: noqa",
    "@ts-ignore",
    "@ts-nocheck",
    "@ts-expect-error",
    "nosemgrep",
    "#[allow(",
    "#![allow(",
    "//nolint",
    "// nolint",
    "nosonar",
    "pylint: disable",
    "pylint:disable",
    "rubocop:disable",
    "@suppresswarnings",
    "@suppress(",
    "@file:suppress",
    "phpcs:ignore",
    "phpcs:disable",
    "@phpstan-ignore",
    "@psalm-suppress",
    "trivy:ignore",
    "checkov:skip",
    "tfsec:ignore",
    "kics-scan ignore",
    "kics-scan disable",
    "hadolint ignore",
    "shellcheck disable",
    "pragma: no cover",
    "pragma: allowlist secret",
    "istanbul ignore",
    "c8 ignore",
    "v8 ignore",
    "coverage:ignore",
    "@codecoverageignore",
    "lcov_excl",
    "grcov-excl",
    "swiftlint:disable",
    "detekt:",
    "credo:disable",
    "#pragma warning disable",
    "yamllint disable",
    "markdownlint-disable",
    "snyk:ignore",
    "deepcode ignore",
    "lgtm[",
    "codeql[",
    "ggignore",
    "trufflehog:ignore",
    "talisman:",
    "brakeman:ignore",
    "skipcq",
    "dockle:ignore",
    "zizmor: ignore",
    "flake8: noqa",
    "pyre-ignore",
    "pyre-fixme",
    "pytype: disable",
    "ty: ignore",
    "pyrefly: ignore",
    "pylint: skip-file",
    "pragma: allowlist nextline secret",
    "pragma: whitelist secret",
    "pragma:no cover",
    "cov: ignore",
    "mypy: disable-error-code",
    "noinspection",
    "betterleaks:allow",
    "kingfisher:ignore",
    "gitleaks: allow",
    "sourcery skip",
    "bearer:disable",
    "secretlint-disable",
    "semgrep-ignore",
    "deno-lint-ignore",
    "jshint ignore",
    "node:coverage disable",
    "/*eslint ",
    "/* eslint ",
    "standard-disable",
    "flow-disable-line",
    "$flowfixme",
    "rome-ignore",
    "#[expect(",
    "#![expect(",
    ", allow(",
    "#![allow (",
    "# ! [allow",
    "coverage(off)",
    "tarpaulin_include",
    "nolint",
    "cppcheck-suppress",
    "diagnostic ignored",
    "#pragma warning(disable",
    "gcovr_excl",
    "no_sanitize",
    "gsl::suppress",
    "coverity[",
    "/*lint -",
    "lint:ignore",
    "revive:disable",
    "checkstyle:off",
    "nopmd",
    "@suppressfbwarnings",
    "@suppresslint",
    "suppressmessage(",
    "excludefromcodecoverage",
    "resharper disable",
    "periphery:ignore",
    "rubocop:todo",
    "standard:disable",
    "steep:ignore",
    "# typed: ignore",
    "# typed: false",
    ":nocov:",
    "@phan-suppress",
    "@codingstandardsignore",
    "@dialyzer {:nowarn",
    "-compile(nowarn",
    "tflint-ignore",
    "terrascan:skip",
    "bridgecrew:skip",
    "yor:skip",
    "regula:ignore",
    "#ts:skip",
];

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(MARKS).ok());

/// One finding a file, with the first line and the number of such lines.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(search) = SEARCH.as_ref() else { return };
    let is_rust = language::ending(file.folded) == "rs";
    if Ground::of(file.folded) != Ground::Code {
        return;
    }
    // From the mark to the line's end.
    let silenced = |line: &Line<'_>| {
        let order = search.find(line.text).and_then(|hit| line.text.get(hit.start()..))?;
        (is_rust || !order.starts_with("#[allow(")).then(|| order.trim_end().to_owned())
    };
    let (before, after): (Vec<String>, Vec<_>) =
        (file.removed.iter().filter_map(silenced).collect(), file.added.iter().filter_map(|line| Some((line, silenced(line)?))).collect());
    let more = after.len().saturating_sub(before.len());
    // A line that changed beside a mark that it had already is not the one to look at.
    let Some((line, _)) = after.iter().find(|(_, order)| !before.contains(order)).or(after.first()).filter(|_| more > 0) else { return };
    let message =
        format!("{more} more {} a scanner, a linter or a type checker look away", if more == 1 { "line makes" } else { "lines make" });
    judge.find("scanner/inline", Place::shown(file, **line), message, Way::Rule);
}
