//! Container files: what an image is built from, what a build fetches and runs, which rights a container gets.

mod compose;
mod dockerfile;

use std::collections::BTreeSet;

use super::{Lines, named};
use crate::{
    gate::{
        Op,
        content::File,
        finding::{Judge, Way},
    },
    verdict::Severity::{Deny, Review, Warn},
};
use dockerfile::Build;

/// Endings of files that are about Dockerfiles and are none.
const OTHERS: &[&str] = &[
    "md",
    "rst",
    "adoc",
    "html",
    "rs",
    "go",
    "py",
    "rb",
    "js",
    "mjs",
    "ts",
    "tsx",
    "jsx",
    "java",
    "kt",
    "scala",
    "cs",
    "php",
    "lua",
    "vim",
    "json",
    "xml",
    "yml",
    "yaml",
    "toml",
    "svg",
    "png",
    "snap",
    "lock",
    "css",
    "scss",
    "el",
    "swift",
    "c",
    "h",
    "cpp",
    "hpp",
    "dockerignore",
];

/// Whether a file is a Dockerfile by its name, folded.
fn is_dockerfile(name: &str) -> bool {
    let named = ["dockerfile", "containerfile"].iter().any(|word| {
        let begins = name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
        begins || name.strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '-', '_']))
    });
    let named = named || name == "earthfile";
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    named && !OTHERS.contains(&ending)
}

/// Whether a file is for Compose by its name, folded.
fn is_compose(name: &str) -> bool {
    let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"));
    let begins = |stem: &str| {
        let rest = ["docker-compose", "podman-compose", "container-compose", "compose"].iter().find_map(|word| stem.strip_prefix(word));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
    };
    stem.is_some_and(|stem| begins(stem) || stem.ends_with("docker-compose") || stem.ends_with(".compose"))
}

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    if file.fact.op() == Op::Delete {
        return;
    }
    if is_dockerfile(file.name()) {
        match file.text {
            Some(text) => build(judge, file, &Build::read(file.old_text.unwrap_or_default()), &Build::read(text)),
            None => judge.find("container/base", file, "this container file cannot be read".to_owned(), Way::Rule),
        }
    } else if is_compose(file.name()) {
        compose::judge_file(judge, file);
    }
}

fn build(judge: &mut Judge<'_>, file: &File<'_>, old: &Build, new: &Build) {
    let mut lines = Lines::of(file);
    for image in new.images.difference(&old.images) {
        let word = image.split(['@', ':', ' ']).next().unwrap_or_default();
        if file.old_text.is_none_or(str::is_empty) {
            judge.weigh("container/base", Review, lines.at(word), format!("this new container is built from {}", named(image)), Way::Rule);
        } else {
            judge.find(
                "container/base",
                lines.at(word),
                format!("the container is built from {}, and was not before", named(image)),
                Way::Rule,
            );
        }
    }
    for add in new.remote.difference(&old.remote) {
        judge.find("container/download", lines.at(add), format!("the build adds what it downloads: {}", named(add)), Way::Rule);
    }
    for command in new.piped.difference(&old.piped) {
        let word = command.split_whitespace().find(|word| word.contains("://")).unwrap_or(command);
        judge.find("container/download", lines.at(word), format!("the build runs what it downloads: {}", named(command)), Way::Rule);
    }
    for right in new.rights.difference(&old.rights) {
        judge.find("container/privilege", lines.at(right), format!("the build gets more rights: {}", named(right)), Way::Rule);
    }
    for (stage, user) in &old.users {
        let loses = new.users.get(stage).is_some_and(|now| dockerfile::is_root(now)) && !dockerfile::is_root(user);
        // A stage that is gone leaves nothing to run; the last one is always there.
        if loses {
            let message = format!("the container ran as {}, and would run as root", named(user));
            judge.find("container/privilege", lines.at("USER"), message, Way::Rule);
            break;
        }
    }
}

/// Rights of a service, each with the line that it may stand in.
fn rights(judge: &mut Judge<'_>, file: &File<'_>, old: &BTreeSet<(String, String)>, new: &BTreeSet<(String, String)>) {
    let mut lines = Lines::of(file);
    for (service, right) in new.difference(old) {
        let word = right.split([' ', ':']).next().unwrap_or_default();
        let message = format!("{} gets more rights: {}", named(service), named(right));
        judge.weigh("container/privilege", Deny, lines.at(word), message, Way::Rule);
    }
}

/// Images of services: a new one is brought in, another tag of one that was there is an update.
fn images(judge: &mut Judge<'_>, file: &File<'_>, old: &BTreeSet<(String, String)>, new: &BTreeSet<(String, String)>) {
    let mut lines = Lines::of(file);
    for (service, image) in new.difference(old) {
        let repository =
            |image: &str| image.split('@').next().unwrap_or_default().rsplit_once(':').map_or(image, |(name, _)| name).to_owned();
        let update = old.iter().any(|(_, other)| repository(other) == repository(image) && (other.contains('@') <= image.contains('@')));
        let severity = if update { Warn } else { Review };
        judge.weigh("container/base", severity, lines.at(image), format!("{} runs {}", named(service), named(image)), Way::Rule);
    }
}

/// Has every reader of this module read a text; whether it is a Compose file.
#[cfg(test)]
pub(super) fn reads(text: &str) -> bool {
    Build::read(text);
    compose::read(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_files_are_known_by_name() {
        for name in
            ["dockerfile", "containerfile", "dockerfile.dev", "dockerfile-alpine", "app.dockerfile", "dockerfile_test", "dockerfile.j2"]
        {
            assert!(is_dockerfile(name), "{name}");
        }
        for name in
            ["dockerfile.md", "dockerfile.rs", "dockerfiles", "mydockerfile", "dockerfile_parser.py", "docker", "dockerfile.dockerignore"]
        {
            assert!(!is_dockerfile(name), "{name}");
        }
        for name in ["docker-compose.yml", "compose.yaml", "docker-compose.prod.yml", "compose.override.yml", "dev.docker-compose.yml"] {
            assert!(is_compose(name), "{name}");
        }
        for name in ["compose.md", "composer.yml", "compose.rs", "docker.yml", "decompose.yml"] {
            assert!(!is_compose(name), "{name}");
        }
    }
}
