//! Package manifests, compared key by key.

mod cargo;
mod go;
pub(super) mod jvm;
mod npm;
mod php;
mod python;
mod ruby;

use std::collections::{BTreeMap, BTreeSet};

use super::{Lines, named, names, without_mark};
use crate::{
    gate::{
        Op,
        content::File,
        finding::{Judge, Way},
    },
    verdict::Severity::Warn,
};

/// Whose packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::gate) enum Ecosystem {
    Npm,
    Cargo,
    Python,
    Go,
    Jvm,
    Php,
    Ruby,
}

/// The form of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Npm,
    /// A `package.json` in another notation, which pnpm reads before that one.
    NpmOther,
    PnpmWorkspace,
    Cargo,
    Pyproject,
    Pipfile,
    SetupCfg,
    Requirements,
    GoMod,
    Maven,
    Gradle,
    GradleCatalog,
    Composer,
    Gemfile,
}

impl Kind {
    pub(super) fn ecosystem(self) -> Ecosystem {
        match self {
            Self::Npm | Self::NpmOther | Self::PnpmWorkspace => Ecosystem::Npm,
            Self::Cargo => Ecosystem::Cargo,
            Self::Pyproject | Self::Pipfile | Self::SetupCfg | Self::Requirements => Ecosystem::Python,
            Self::GoMod => Ecosystem::Go,
            Self::Maven | Self::Gradle | Self::GradleCatalog => Ecosystem::Jvm,
            Self::Composer => Ecosystem::Php,
            Self::Gemfile => Ecosystem::Ruby,
        }
    }
}

/// The form of the manifest at a path, folded.
pub(super) fn kind(path: &str) -> Option<Kind> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "package.json" => Some(Kind::Npm),
        "package.yaml" | "package.json5" => Some(Kind::NpmOther),
        "pnpm-workspace.yaml" => Some(Kind::PnpmWorkspace),
        "cargo.toml" => Some(Kind::Cargo),
        "pyproject.toml" => Some(Kind::Pyproject),
        "pipfile" => Some(Kind::Pipfile),
        "setup.cfg" => Some(Kind::SetupCfg),
        "go.mod" | "go.work" => Some(Kind::GoMod),
        "pom.xml" => Some(Kind::Maven),
        "composer.json" => Some(Kind::Composer),
        "gemfile" | "gems.rb" => Some(Kind::Gemfile),
        _ if name.ends_with(".gemspec") => Some(Kind::Gemfile),
        _ if name.ends_with(".gradle") || name.ends_with(".gradle.kts") => Some(Kind::Gradle),
        _ if name.ends_with(".versions.toml") => Some(Kind::GradleCatalog),
        _ if name.ends_with(".pom") => Some(Kind::Maven),
        _ => {
            let is_text = name.ends_with(".txt") || name.ends_with(".in");
            let named = name.contains("requirements") || name.starts_with("constraints");
            let beside = folder == "requirements" || folder.ends_with("/requirements");
            (is_text && (named || beside)).then_some(Kind::Requirements)
        }
    }
}

/// What a key of a manifest is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Runs when packages are installed or published, or becomes a command.
    Script,
    /// Runs when somebody asks for it.
    Task,
    /// Puts something else in a dependency's place.
    Override,
    /// Says where packages come from.
    Registry,
    /// Runs when the project is built.
    Build,
    /// The hashes of one version of a dependency.
    Hash,
}

impl Meaning {
    fn rule(self) -> (&'static str, &'static str) {
        match self {
            Self::Script => ("package/script", "it runs at installation or publication, or becomes a command"),
            Self::Task => ("package/task", "it runs when somebody asks for it"),
            Self::Override => ("package/override", "it is put in a dependency's place"),
            Self::Registry => ("package/registry", "packages are fetched from there"),
            Self::Build => ("build/program", "it runs when the project is built"),
            Self::Hash => ("lock/hash", "the version must have these hashes"),
        }
    }
}

/// What a manifest says, in a form in which two of them can be compared.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// Dependencies by name, with where those come from that come from no registry.
    pub(super) dependencies: BTreeMap<String, BTreeSet<String>>,
    settings: BTreeMap<String, (Meaning, String)>,
}

impl Manifest {
    /// A dependency from a registry.
    fn depends(&mut self, name: impl Into<String>) {
        self.dependencies.entry(name.into()).or_default();
    }

    /// A dependency from elsewhere.
    fn depends_on(&mut self, name: impl Into<String>, source: impl Into<String>) {
        self.dependencies.entry(name.into()).or_default().insert(source.into());
    }

    /// A key with what it says. A key that stands more than once says all of it.
    fn set(&mut self, key: impl Into<String>, meaning: Meaning, value: impl AsRef<str>) {
        let (_, text) = self.settings.entry(key.into()).or_insert_with(|| (meaning, String::new()));
        text.push_str(value.as_ref());
        text.push('\n');
    }
}

/// Reads a manifest; none when it cannot be read.
pub(super) fn read(kind: Kind, text: &str) -> Option<Manifest> {
    let text = without_mark(text);
    match kind {
        Kind::Npm => npm::package(text),
        Kind::NpmOther => None,
        Kind::PnpmWorkspace => npm::workspace(text),
        Kind::Cargo => cargo::read(text),
        Kind::Pyproject => python::pyproject(text),
        Kind::Pipfile => python::pipfile(text),
        Kind::SetupCfg => Some(python::setup_cfg(text)),
        Kind::Requirements => Some(python::requirements(text)),
        Kind::GoMod => Some(go::read(text)),
        Kind::Maven => jvm::maven(text),
        Kind::Gradle => Some(jvm::gradle(text)),
        Kind::GradleCatalog => jvm::catalog(text),
        Kind::Composer => php::read(text),
        Kind::Gemfile => Some(ruby::read(text)),
    }
}

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(kind) = kind(file.folded).filter(|_| file.fact.op() != Op::Delete) else { return };
    let is_file = |entry: Option<crate::git::Entry>| entry.is_some_and(|entry| entry.mode.is_file());
    let old = file.old_text.filter(|_| is_file(file.fact.old)).map(|text| read(kind, text));
    let Some(new) = file.text.filter(|_| is_file(file.fact.new)).and_then(|text| read(kind, text)) else {
        let what = "this manifest cannot be read with one meaning only, so nothing is known of what it brings in".to_owned();
        if matches!(old, Some(None)) {
            judge.weigh("package/format", Warn, file, what, Way::Step("write it so that every key stands once"));
        } else {
            judge.find("package/format", file, what, Way::Step("write it so that every key stands once"));
        }
        return;
    };
    let old = old.flatten().unwrap_or_default();
    let mut lines = Lines::of(file);
    settings(judge, &mut lines, &old, &new);
    dependencies(judge, &mut lines, kind, &old, &new);
}

fn dependencies(judge: &mut Judge<'_>, lines: &mut Lines<'_, '_>, kind: Kind, old: &Manifest, new: &Manifest) {
    let ground = std::sync::Arc::clone(&judge.ground);
    for (name, sources) in &new.dependencies {
        let before = old.dependencies.get(name);
        let strange = |source: &&String| {
            let there = before.is_some_and(|sources| sources.contains(*source));
            let own = before.is_none() && is_own(judge, lines.file, source);
            !there && !own
        };
        if let Some(source) = sources.iter().find(strange) {
            let message = format!("the dependency {} comes from {}", named(name), named(source));
            judge.find("package/source", lines.at(last_word(name)), message, Way::Rule);
        } else if before.is_none() && sources.is_empty() && !ground.has_name(kind.ecosystem(), name) {
            let known = old.dependencies.keys().map(String::as_str).chain(ground.names(kind.ecosystem()));
            let like = lines.seek().then(|| names::like(kind.ecosystem(), name, known)).flatten();
            let message = match like {
                Some(other) => format!("the dependency {} is new, and is easily taken for {}: is it that one?", named(name), named(other)),
                None => format!("the dependency {} is new", named(name)),
            };
            judge.find("package/new", lines.at(last_word(name)), message, Way::Rule);
        }
    }
}

/// How a name stands in the file where it is put together of several parts.
fn last_word(name: &str) -> &str {
    name.rsplit([':', ' ']).next().unwrap_or(name)
}

/// Whether a source is a folder of the project's own that the base has.
fn is_own(judge: &Judge<'_>, file: &File<'_>, source: &str) -> bool {
    let Some(path) = source.strip_prefix("path ") else { return false };
    let mut names: Vec<&[u8]> = file.fact.path.split(|b| *b == b'/').collect();
    names.pop();
    for name in path.trim_end_matches('/').split('/') {
        match name {
            "" | "." => {}
            ".." if names.pop().is_none() => return false,
            ".." => {}
            name => names.push(name.as_bytes()),
        }
    }
    if names.is_empty() {
        return !path.starts_with('/');
    }
    let folder = [names.join(&b'/').as_slice(), b"/"].concat();
    let inside = judge.change.before().range(folder.clone()..).next();
    !path.starts_with('/') && inside.is_some_and(|(path, _)| path.starts_with(&folder))
}

fn settings(judge: &mut Judge<'_>, lines: &mut Lines<'_, '_>, old: &Manifest, new: &Manifest) {
    for key in old.settings.keys().chain(new.settings.keys()).collect::<BTreeSet<_>>() {
        let (before, after) = (old.settings.get(key), new.settings.get(key));
        let Some((meaning, _)) = after.or(before).filter(|_| before.map(|b| &b.1) != after.map(|a| &a.1)) else { continue };
        // Hashes of a version that came or went are no other hashes; a task that is gone runs no more.
        if (*meaning == Meaning::Hash && before.is_none()) || (matches!(meaning, Meaning::Hash | Meaning::Task) && after.is_none()) {
            continue;
        }
        let verb = match (before, after) {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "is changed",
        };
        let (rule, what) = meaning.rule();
        let place = lines.at(last_word(key.rsplit('.').next().unwrap_or(key)));
        judge.find(rule, place, format!("`{}` {verb}: {what}", named(key)), Way::Rule);
    }
}
