//! What brings other people's code in, and what runs when something is built: manifests, lockfiles, registries, build
//! programs, containers, infrastructure and vendored code.

mod address;
mod build;
mod container;
mod ground;
mod infra;
pub(super) mod lock;
mod manifest;
mod names;
mod registry;
mod unread;
mod vendor;

pub(super) use ground::Ground;

use super::{
    content::{File, Line},
    finding::{Judge, Place},
    language::Comments,
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
    Rule::new("package/unread", Review, "a manifest or lockfile of a package manager whose keys are not read"),
    Rule::new("registry/config", Deny, "configuration of a package manager or build tool"),
    Rule::new("vendor/edited", Deny, "vendored code of others that differs from theirs"),
    Rule::new("vendor/new", Review, "new vendored or minified code"),
];

/// Findings of one file whose lines are sought.
const SOUGHT: usize = 100;

/// Letters of a name that a message shows.
const SHOWN: usize = 120;

/// Judges one file.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let only_mode = file.fact.old.map(|entry| entry.id) == file.fact.new.map(|entry| entry.id);
    if only_mode {
        return;
    }
    vendor::judge_file(judge, file);
    registry::judge_file(judge, file);
    build::judge_file(judge, file);
    container::judge_file(judge, file);
    infra::judge_file(judge, file);
    manifest::judge_file(judge, file);
    lock::judge_file(judge, file);
    unread::judge_file(judge, file);
}

/// A name out of the change, fit for a message.
fn named(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    let end = if cut.len() < text.len() { "…" } else { "" };
    shown(cut.as_bytes()) + end
}

/// Finds the lines of one file's findings; of the first ones only, as each search goes through the file.
struct Lines<'f, 'a> {
    file: &'f File<'a>,
    left: usize,
}

impl<'f, 'a> Lines<'f, 'a> {
    fn of(file: &'f File<'a>) -> Self {
        Self { file, left: SOUGHT }
    }

    /// Whether there is more to be sought.
    fn seek(&self) -> bool {
        self.left > 0
    }

    /// The added line that has `word` where a key or an entry begins, as a word of its own, as a part of one, or in a comment:
    /// the first of the best ones; else the whole file.
    fn at(&mut self, word: &str) -> Place<'a> {
        if self.left == 0 {
            return Place::from(self.file);
        }
        self.left -= 1;
        let comments = Comments::of(self.file.folded);
        let rank = |line: &&Line<'a>| match stands(line.text, word) {
            _ if comments.fills(line.text) => 3,
            Some(at) if !line.text[..at].contains(char::is_alphanumeric) => 0,
            Some(_) => 1,
            None => 2,
        };
        let line = self.file.added.iter().filter(|line| line.text.contains(word)).min_by_key(rank);
        line.map_or_else(|| Place::from(self.file), |line| Place::shown(self.file, *line))
    }
}

/// Where `word` stands in `text` by itself and not as a part of a longer name. The head of a table has it behind a dot.
fn stands(text: &str, word: &str) -> Option<usize> {
    let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '-' | '_' | '.' | '/' | '@');
    let alone = |at: &usize| {
        let (before, after) = (&text[..*at], &text[at + word.len()..]);
        let is_head = before.trim_start().starts_with('[') && before.ends_with('.');
        (is_head || !before.ends_with(is_part)) && !after.starts_with(is_part)
    };
    text.match_indices(word).map(|(at, _)| at).find(alone)
}

/// A text without the byte order mark that it may begin with.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_would_be_copied_for_each_of_many_is_refused_where_it_is_long() {
        let metadata = |group: &str| format!("<m><component group=\"{group}\"><artifact name=\"a\"/></component></m>");
        let gradle = |text: &str| lock::read(lock::Kind::GradleHashes, text);
        assert_eq!(gradle(&metadata("g")).unwrap().len(), 1);
        assert!(gradle(&metadata(&"g".repeat(2000))).is_none());
        let service = |name: &str| container::reads(&format!("services: {{? {name} : {{privileged: true}}}}"));
        assert!(service("web") && !service(&"w".repeat(2000)));
    }

    /// Every reader goes through texts that people do not write in a time that grows with their length alone.
    #[test]
    fn hostile_texts_end() {
        let texts = [
            format!("{}b = 1\n", "a.".repeat(50_000)),
            format!("[{}b]\n", "a.".repeat(50_000)),
            format!("a = {}", "[".repeat(100_000)),
            format!("a = {}", "{a=".repeat(50_000)),
            "{\"a\":".repeat(50_000),
            "<".repeat(200_000),
            "<a>".repeat(70_000),
            format!("<a {}/>", (0..20_000).map(|n| format!("x{n}=\"1\" ")).collect::<String>()),
            "://".repeat(70_000),
            "a:///".repeat(40_000),
            "{\n".repeat(100_000),
            "repositories {\n".repeat(15_000),
            "- ".repeat(100_000),
            (0..10_000).map(|n| format!("ENV A{}=$A{n}$A{n}\n", n + 1)).collect(),
            "RUN <<A <<B\n".repeat(20_000),
            "requests==1 \\\n".repeat(15_000),
            "a@npm:b@".repeat(25_000),
            "\u{feff}".repeat(50_000),
        ];
        let manifests = [
            "package.json",
            "pnpm-workspace.yaml",
            "cargo.toml",
            "pyproject.toml",
            "pipfile",
            "setup.cfg",
            "requirements.txt",
            "go.mod",
            "pom.xml",
            "build.gradle",
            "libs.versions.toml",
            "composer.json",
            "gemfile",
        ];
        let locks = [
            "package-lock.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "cargo.lock",
            "poetry.lock",
            "uv.lock",
            "pipfile.lock",
            "composer.lock",
            "go.sum",
            "gemfile.lock",
            "gradle/verification-metadata.xml",
            "bun.lock",
        ];
        for text in &texts {
            let began = Instant::now();
            for path in manifests {
                manifest::read(manifest::kind(path).unwrap(), text);
            }
            for path in locks {
                lock::read(lock::kind(path).unwrap(), text);
            }
            container::reads(text);
            assert!(began.elapsed() < Duration::from_secs(30), "{}", &text[..text.len().min(60)]);
        }
    }
}
