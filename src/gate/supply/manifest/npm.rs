//! package.json (docs.npmjs.com, "package.json") and pnpm-workspace.yaml (pnpm.io, "Settings").

use serde_json::Value;

use super::{Manifest, Meaning};
use crate::{gate::yaml, provider::json};

/// Scripts that run without being asked for (docs.npmjs.com, "scripts", "Life Cycle Scripts"; pnpm.io, "Scripts").
const LIFECYCLE: &[&str] = &[
    "preinstall",
    "install",
    "postinstall",
    "preuninstall",
    "uninstall",
    "postuninstall",
    "prepublish",
    "prepublishonly",
    "publish",
    "postpublish",
    "preprepare",
    "prepare",
    "postprepare",
    "prepack",
    "pack",
    "postpack",
    "preversion",
    "version",
    "postversion",
    "dependencies",
    "predependencies",
    "postdependencies",
    "pnpm:devpreinstall",
];

/// Tables of dependencies.
const TABLES: &[&str] = &["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// Other keys by their path.
const KEYS: &[(&str, Meaning)] = &[
    ("bin", Meaning::Script),
    ("directories.bin", Meaning::Script),
    ("packageManager", Meaning::Script),
    ("devEngines.packageManager", Meaning::Script),
    ("gypfile", Meaning::Script),
    ("trustedDependencies", Meaning::Script),
    ("husky", Meaning::Script),
    ("gitHooks", Meaning::Script),
    ("simple-git-hooks", Meaning::Script),
    ("pre-commit", Meaning::Script),
    ("pre-push", Meaning::Script),
    ("pnpm.onlyBuiltDependencies", Meaning::Script),
    ("pnpm.allowBuilds", Meaning::Script),
    ("pnpm.dangerouslyAllowAllBuilds", Meaning::Script),
    ("pnpm.configDependencies", Meaning::Script),
    ("pnpm.executionEnv", Meaning::Script),
    ("dependenciesMeta", Meaning::Script),
    ("lint-staged", Meaning::Script),
    ("commitlint", Meaning::Script),
    ("config", Meaning::Script),
    ("volta", Meaning::Script),
    ("devEngines.runtime", Meaning::Script),
    ("wireit", Meaning::Script),
    ("release", Meaning::Script),
    ("release-it", Meaning::Script),
    ("lavamoat", Meaning::Script),
    ("allowScripts", Meaning::Script),
    ("pnpm.neverBuiltDependencies", Meaning::Script),
    ("pnpm.ignoredBuiltDependencies", Meaning::Script),
    ("binary", Meaning::Registry),
    ("publishConfig.registry", Meaning::Registry),
    ("publishConfig.access", Meaning::Registry),
    ("publishConfig.directory", Meaning::Registry),
    ("imports", Meaning::Override),
    ("alias", Meaning::Override),
    ("workspaces", Meaning::Override),
    ("overrides", Meaning::Override),
    ("resolutions", Meaning::Override),
    ("patchedDependencies", Meaning::Override),
    ("pnpm.overrides", Meaning::Override),
    ("pnpm.patchedDependencies", Meaning::Override),
    ("pnpm.packageExtensions", Meaning::Override),
    ("bundleDependencies", Meaning::Override),
    ("bundledDependencies", Meaning::Override),
];

pub(super) fn package(text: &str) -> Option<Manifest> {
    let value = json::parse(text.as_bytes()).ok()?;
    let object = value.as_object()?;
    let mut manifest = Manifest::default();
    for (name, script) in entries(object.get("scripts")) {
        let runs = LIFECYCLE.contains(&name.to_ascii_lowercase().as_str());
        manifest.set(format!("scripts.{name}"), if runs { Meaning::Script } else { Meaning::Task }, script.to_string());
    }
    for (name, version) in TABLES.iter().flat_map(|table| entries(object.get(*table))) {
        dependency(&mut manifest, name, version.as_str().unwrap_or_default());
    }
    for (path, meaning) in KEYS {
        let found = path.split('.').try_fold(&value, |value, key| value.get(key));
        if let Some(found) = found {
            manifest.set(*path, *meaning, found.to_string());
        }
    }
    Some(manifest)
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// Reads a version as npm does (docs.npmjs.com, "dependencies"): what is no range may be an address, a path, another
/// package's name, or `owner/repository` of a well-known host.
fn dependency(manifest: &mut Manifest, name: &str, version: &str) {
    let version = version.trim();
    let scheme = version.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
    let path = version.strip_prefix("file:").or_else(|| version.strip_prefix("link:")).or_else(|| version.strip_prefix("portal:"));
    let is_path = ["./", "../", "/", "~/"].iter().any(|start| version.starts_with(start));
    if let Some(path) = path.or_else(|| is_path.then_some(version)) {
        manifest.depends_on(name, format!("path {path}"));
    } else if matches!(scheme.as_str(), "workspace" | "catalog") {
        // Its own manifest, or the catalog, says where it comes from.
    } else if scheme == "npm" {
        let package = version.get(4..).unwrap_or_default();
        let real = match package.get(1..).and_then(|rest| rest.find('@')) {
            Some(at) => &package[..=at],
            None => package,
        };
        if real == name || real.chars().next().is_some_and(|c| c.is_ascii_digit() || matches!(c, '^' | '~' | '*' | '>' | '<' | '=')) {
            manifest.depends(name);
        } else {
            manifest.depends_on(name, format!("the package {real}"));
        }
    } else if !scheme.is_empty() || version.contains('/') || version.contains('@') {
        manifest.depends_on(name, version);
    } else {
        manifest.depends(name);
    }
}

pub(super) fn workspace(text: &str) -> Option<Manifest> {
    const SETTINGS: &[(&str, Meaning)] = &[
        ("overrides", Meaning::Override),
        ("patchedDependencies", Meaning::Override),
        ("packageExtensions", Meaning::Override),
        ("configDependencies", Meaning::Script),
        ("onlyBuiltDependencies", Meaning::Script),
        ("allowBuilds", Meaning::Script),
        ("dangerouslyAllowAllBuilds", Meaning::Script),
        ("pnpmfile", Meaning::Script),
        ("globalPnpmfile", Meaning::Script),
        ("ignorePnpmfile", Meaning::Script),
        ("scriptShell", Meaning::Script),
        ("nodeOptions", Meaning::Script),
        ("registry", Meaning::Registry),
        ("registries", Meaning::Registry),
        ("minimumReleaseAge", Meaning::Registry),
        ("strictSsl", Meaning::Registry),
        ("strict-ssl", Meaning::Registry),
    ];
    let documents = yaml::parse(text)?;
    let mut manifest = Manifest::default();
    for document in &documents {
        for (key, meaning) in SETTINGS {
            for value in document.get(key) {
                manifest.set(*key, *meaning, value.written()?);
            }
        }
        let named = document.get("catalogs").flat_map(|catalogs| catalogs.pairs().map(|(_, catalog)| catalog));
        for catalog in document.get("catalog").chain(named) {
            for (name, version) in catalog.pairs() {
                dependency(&mut manifest, name.text()?, version.text().unwrap_or_default());
            }
        }
    }
    Some(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_other_sources() {
        for version in ["^1.2.3", "*", "latest", "1 - 2", ">=1 <2", "npm:a@1", "npm:^2", ""] {
            let mut manifest = Manifest::default();
            dependency(&mut manifest, "a", version);
            assert!(manifest.dependencies["a"].is_empty(), "{version}");
        }
        for version in
            ["git+https://h.example/a", "https://h.example/a.tgz", "owner/a", "github:o/a", "npm:b@1", "npm:@o/b@1", "file:x", "../x"]
        {
            let mut manifest = Manifest::default();
            dependency(&mut manifest, "a", version);
            assert_eq!(manifest.dependencies["a"].len(), 1, "{version}");
        }
    }
}
