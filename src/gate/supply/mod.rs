//! What brings other people's code in, and what runs when something is built: manifests, lockfiles, registries, build
//! programs, containers, infrastructure and vendored code.

mod address;
mod build;
mod container;
mod ground;
mod infra;
mod lock;
mod manifest;
mod names;
mod registry;
mod vendor;

pub(super) use ground::Ground;

use super::{
    content::{File, Line},
    finding::{Judge, Place},
    rules::Rule,
};
use crate::{
    git::shown,
    verdict::Severity::{Deny, Review, Warn},
};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("build/program", Review, "a program that runs when something is built or tested"),
    Rule::new("build/startup", Deny, "a file that Python runs at every start"),
    Rule::new("build/wrapper", Deny, "the wrapper of Gradle or Maven, which fetches and runs the build tool"),
    Rule::new("container/base", Deny, "the image that a container is built from"),
    Rule::new("container/download", Deny, "a container build that runs or adds what it downloads"),
    Rule::new("container/privilege", Deny, "a container that gets more rights than it had"),
    Rule::new("infra/privilege", Review, "infrastructure that gets more rights than it had"),
    Rule::new("infra/program", Review, "infrastructure that runs a program, or takes a module or provider from elsewhere"),
    Rule::new("lock/alias", Deny, "a lockfile entry that holds another package than its name says"),
    Rule::new("lock/format", Deny, "a lockfile that cannot be read"),
    Rule::new("lock/hash", Deny, "a lockfile entry whose hash is missing or another one"),
    Rule::new("lock/host", Deny, "a lockfile entry from a host that the base does not use, or without https"),
    Rule::new("lock/removed", Review, "a lockfile that is gone"),
    Rule::new("package/format", Deny, "a package manifest that cannot be read"),
    Rule::new("package/new", Review, "a new dependency"),
    Rule::new("package/override", Review, "a dependency that is replaced, patched or held at another version"),
    Rule::new("package/registry", Deny, "where a package manifest lets packages be fetched from"),
    Rule::new("package/script", Deny, "what a package manager runs or installs as a command"),
    Rule::new("package/source", Review, "a dependency that comes from no registry"),
    Rule::new("package/task", Warn, "a task of a package manifest"),
    Rule::new("registry/config", Deny, "configuration of a package manager or build tool"),
    Rule::new("vendor/edited", Deny, "vendored code of others that differs from theirs"),
    Rule::new("vendor/new", Review, "new vendored or minified code"),
];

/// Letters of a name that a message shows.
const SHOWN: usize = 120;

/// Judges one file.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let only_mode = file.fact.old.map(|entry| entry.id) == file.fact.new.map(|entry| entry.id);
    if only_mode || vendor::judge_file(judge, file) {
        return;
    }
    registry::judge_file(judge, file);
    build::judge_file(judge, file);
    container::judge_file(judge, file);
    infra::judge_file(judge, file);
    manifest::judge_file(judge, file);
    lock::judge_file(judge, file);
}

/// A name out of the change, fit for a message.
fn named(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    let end = if cut.len() < text.len() { "…" } else { "" };
    shown(cut.as_bytes()) + end
}

/// The added line that holds `word`, else the whole file.
fn at<'a>(file: &File<'a>, word: &str) -> Place<'a> {
    let line: Option<&Line<'a>> = file.added.iter().find(|line| line.text.contains(word));
    line.map_or_else(|| Place::from(file), |line| Place::shown(file, *line))
}

/// A text without the byte order mark that it may begin with.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
