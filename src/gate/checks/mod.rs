//! What checks the code: tests, thresholds, scanners, linters. Whoever weakens them has the rest pass more easily.

mod hollow;
mod inline;
mod scanner;
mod suite;
mod tables;
mod threshold;

pub(super) use suite::Suite;

use super::{content::File, finding::Judge, rules::Rule};
use crate::verdict::Severity::{Deny, Review, Warn};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("project/licence", Deny, "licences, notices and SECURITY.md"),
    Rule::new("scanner/config", Deny, "configuration and exceptions of security scanners and of coverage services"),
    Rule::new("scanner/inline", Warn, "comments that silence a scanner, a linter or a type checker"),
    Rule::new("scanner/lint", Review, "linter configuration that asks for less than before"),
    Rule::new("test/hollow", Review, "tests and test commands that cannot fail"),
    Rule::new("test/removed", Review, "tests, snapshots or assertions that are gone"),
    Rule::new("test/skipped", Review, "tests that are skipped, or others that run no more"),
    Rule::new("test/threshold", Review, "a coverage threshold that is lower than before"),
];

/// Judges what paths alone say.
pub(super) fn judge(judge: &mut Judge<'_>) {
    scanner::judge(judge);
    suite::judge_snapshots(judge);
}

/// Judges one file, and counts its tests.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    scanner::judge_file(judge, file);
    inline::judge_file(judge, file);
    threshold::judge_file(judge, file);
    hollow::judge_file(judge, file);
    suite::count(judge, file);
}

/// Judges the tests of the whole change: one that moved to another file is there still.
pub(super) fn judge_sums(judge: &mut Judge<'_>) {
    suite::judge(judge);
}
