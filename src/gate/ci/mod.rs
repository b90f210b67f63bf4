//! GitLab CI configuration: the file itself and every local file that it includes at the base.

mod called;
mod scripts;
mod tools;

use std::{
    cell::LazyCell,
    collections::{BTreeSet, HashSet, VecDeque},
    ops::Deref,
    rc::Rc,
};

use super::{
    Blobs,
    finding::{Judge, Way},
    place,
    rules::Rule,
    yaml::{self, Value},
};
use crate::{
    git::{self, Tree},
    verdict::Severity::{Deny, Review},
};

/// The rules of this module.
pub(super) const RULES: &[Rule] = &[
    Rule::new("ci/called", Review, "a file that a CI job, a hook or the settings of an agent or editor run"),
    Rule::new("ci/config", Deny, "GitLab CI configuration and every local file that it includes"),
];

/// Where GitLab looks where the project names no other path.
pub const CI_CONFIG: &str = ".gitlab-ci.yml";

/// GitLab's own bound on included files is 150 (docs.gitlab.com, "CI/CD YAML syntax reference", `include`).
const FILES: usize = 200;
/// GitLab's own bound on one file is 1 MiB.
const BYTES: u64 = 1 << 20;

/// Which paths GitLab reads as CI configuration at a base.
#[derive(Clone, Debug, Default)]
pub struct CiFiles {
    /// Paths, folded.
    paths: BTreeSet<String>,
    /// Patterns, folded, in which `*` stands for anything at all.
    patterns: Vec<String>,
    /// A file that could not be read as YAML: then every YAML file may be configuration.
    unread: bool,
    /// Files that jobs run.
    called: called::Called,
}

impl CiFiles {
    /// Follows `include:` and `trigger: include:` from `config` through the files of `tree`.
    ///
    /// # Errors
    /// [`git::Error`] when a file cannot be read.
    pub fn at(blobs: &dyn Blobs, tree: &Tree, config: &str) -> Result<Self, git::Error> {
        let mut found = Self::default();
        let mut scripts = scripts::Scripts::default();
        let names = LazyCell::new(|| folded(tree));
        let mut waiting =
            VecDeque::from([config.split('@').next().unwrap_or(config).trim_start_matches('/').to_owned(), CI_CONFIG.to_owned()]);
        while let Some(path) = waiting.pop_front() {
            if !found.paths.insert(place::fold(path.as_bytes())) {
                continue;
            }
            if found.paths.len() > FILES {
                found.unread = true;
                break;
            }
            let included = found.read(blobs, tree, &path, &mut scripts)?;
            found.unread |= included.len() > FILES;
            for included in included.iter().take(FILES) {
                found.follow(&names, included, &mut waiting);
            }
        }
        found.called = called::follow(blobs, tree, &scripts)?;
        if found.unread {
            found.called.leave_unread();
        }
        Ok(found)
    }

    fn read(&mut self, blobs: &dyn Blobs, tree: &Tree, path: &str, scripts: &mut scripts::Scripts) -> Result<Vec<String>, git::Error> {
        let Some(entry) = tree.get(path.as_bytes()).filter(|entry| entry.mode.is_file()) else { return Ok(vec![]) };
        let bytes = match blobs.blob(entry.id, BYTES) {
            Err(git::Error::BlobTooLarge { .. }) => {
                self.unread = true;
                return Ok(vec![]);
            }
            other => other?,
        };
        let text = std::str::from_utf8(&bytes).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
        let Some(documents) = text.and_then(yaml::parse) else {
            self.unread = true;
            return Ok(vec![]);
        };
        scripts.read(&documents);
        let Includes { local, perhaps } = includes_of(&documents);
        let is_there = |path: &String| tree.contains_key(path.trim_start_matches('/').as_bytes());
        Ok(local.into_iter().chain(perhaps.into_iter().filter(|twins| twins.iter().any(is_there)).flatten()).collect())
    }

    /// Takes what a file includes: one file, or every file in `names`, which are asked for then alone, that matches a pattern.
    fn follow<'t>(&mut self, names: &impl Deref<Target = Vec<(String, &'t str)>>, included: &str, waiting: &mut VecDeque<String>) {
        let included = included.trim_start_matches('/');
        if !included.contains(['*', '$']) {
            waiting.push_back(included.to_owned());
            return;
        }
        let pattern = place::fold(without_variables(included).as_bytes());
        if self.patterns.contains(&pattern) {
            return;
        }
        if self.patterns.len() >= FILES {
            self.unread = true;
            return;
        }
        let matching = names.iter().filter(|(folded, _)| wild(&pattern, folded));
        waiting.extend(matching.map(|(_, path)| (*path).to_owned()).take(FILES + 1));
        self.patterns.push(pattern);
    }

    /// Whether `path` is CI configuration or a file that jobs run: the rule that holds for it, and why.
    pub(super) fn why(&self, path: &[u8]) -> Option<(&'static str, String)> {
        let folded = place::fold(path);
        let config = self.reads(&folded).map(|why| ("ci/config", why.to_owned()));
        config.or_else(|| Some(("ci/called", self.called.by(&folded)?)))
    }

    fn reads(&self, folded: &str) -> Option<&'static str> {
        let is_yaml = folded.ends_with(".yml") || folded.ends_with(".yaml");
        if self.paths.contains(folded) {
            Some("GitLab reads this file as CI configuration of the target branch")
        } else if folded.ends_with(CI_CONFIG) {
            Some("files of this name are CI configuration")
        } else if is_yaml && self.patterns.iter().any(|pattern| wild(pattern, folded)) {
            Some("the CI configuration of the target branch includes files by a pattern that this path matches")
        } else if is_yaml && self.unread {
            Some("the CI configuration of the target branch could not be read to its end, so every YAML file may be part of it")
        } else {
            None
        }
    }
}

pub(super) fn judge(judge: &mut Judge<'_>) {
    let change = judge.change;
    for fact in judge.facts() {
        if let Some((rule, why)) = change.ci().why(&fact.path) {
            judge.find(rule, &fact.path, why, Way::Rule);
        }
    }
}

/// Every path that is text, folded and as it is.
fn folded(tree: &Tree) -> Vec<(String, &str)> {
    tree.keys().filter_map(|path| std::str::from_utf8(path).ok()).map(|path| (place::fold(path.as_bytes()), path)).collect()
}

/// `$NAME`, `${NAME}` and `$[[ inputs.x ]]` as `*`: nobody here knows what they become.
fn without_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        out.push('*');
        rest = &rest[at + 1..];
        let end = match rest.as_bytes().first() {
            Some(b'{') => rest.find('}').map_or(rest.len(), |end| end + 1),
            Some(b'[') => rest.find("]]").map_or(rest.len(), |end| end + 2),
            _ => rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count(),
        };
        rest = &rest[end..];
    }
    out + rest
}

/// Whether `text` matches `pattern`, in which `*` stands for anything at all, `/` included. Linear but for one step back.
pub(super) fn wild(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The local files that a CI configuration names; none when it cannot be read.
pub(super) fn includes(text: &str) -> Option<Vec<String>> {
    yaml::parse(text).map(|documents| includes_of(&documents).local)
}

/// Files that a configuration names.
#[derive(Default)]
struct Includes {
    /// Of this repository.
    local: Vec<String>,
    /// Of a project that may be this one: each time the paths of which one is read, if there is any of them here.
    perhaps: Vec<Vec<String>>,
}

fn includes_of(documents: &[Rc<Value>]) -> Includes {
    let (mut found, mut seen) = (Includes::default(), HashSet::new());
    documents.iter().for_each(|document| search(document, &mut found, &mut seen));
    found
}

/// Every `include:` at any depth: of the file, of a job's `trigger`, of a template that some job takes over.
fn search(value: &Rc<Value>, found: &mut Includes, seen: &mut HashSet<*const Value>) {
    if !seen.insert(Rc::as_ptr(value)) {
        return;
    }
    match &**value {
        Value::Text(_) => {}
        Value::List(items) => items.iter().for_each(|item| search(item, found, seen)),
        Value::Map(pairs) => {
            value.get("include").for_each(|include| local(include, found, 4));
            pairs.iter().for_each(|(_, inner)| search(inner, found, seen));
        }
    }
}

/// `include:` as a text, a list, or a map with `local` (docs.gitlab.com, "include").
fn local(value: &Value, found: &mut Includes, depth: usize) {
    match value {
        Value::Text(text) if !text.contains("://") => found.local.push(text.clone()),
        Value::List(items) if depth > 0 => items.iter().for_each(|item| local(item, found, depth - 1)),
        Value::Map(_) => {
            for path in value.get("local") {
                local(path, found, depth.saturating_sub(1));
            }
            own(value, found);
        }
        Value::Text(_) | Value::List(_) => {}
    }
}

/// What an include of a project, a component or an address may be of this repository: nobody here knows its name.
fn own(value: &Value, found: &mut Includes) {
    let files = value.get("project").flat_map(|_| value.get("file"));
    let files = files.flat_map(|file| file.items().filter_map(|item| item.text()).chain(file.text()));
    found.perhaps.extend(files.map(|file| vec![file.to_owned()]));
    for address in value.get("remote").filter_map(|remote| remote.text()) {
        // The ref may have slashes in it, so the file begins behind any of them.
        let rest = address.split_once("/-/raw/").map_or("", |(_, rest)| rest).split(['?', '#']).next().unwrap_or_default();
        found.perhaps.extend(rest.match_indices('/').map(|(at, _)| vec![rest[at + 1..].to_owned()]));
    }
    for component in value.get("component").filter_map(|component| component.text()) {
        let name = component.rsplit_once('@').map_or(component, |(name, _)| name).rsplit('/').next().unwrap_or_default();
        found.perhaps.push(vec![format!("templates/{name}.yml"), format!("templates/{name}/template.yml")]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_include_is_read() {
        for (text, expected) in [
            ("include: ci/a.yml", vec!["ci/a.yml"]),
            (
                "include:\n  - local: /ci/a.yml\n  - ci/b.yml\n  - remote: https://h.example/x.yml\n  - project: g/p\n    file: x.yml\n",
                vec!["/ci/a.yml", "ci/b.yml"],
            ),
            ("include: {local: a.yml}\n", vec!["a.yml"]),
            ("child:\n  trigger:\n    include:\n      - local: child.yml\n", vec!["child.yml"]),
            ("child:\n  trigger: {include: child.yml}\n", vec!["child.yml"]),
            ("x: &i\n  - a.yml\ninclude: *i\n", vec!["a.yml"]),
            (".t: &t\n  trigger: {include: c.yml}\njob:\n  <<: *t\n", vec!["c.yml"]),
            ("spec:\n  inputs: {}\n---\ninclude: a.yml\n", vec!["a.yml"]),
            ("a:\n  script: !reference [b, script]\ninclude: https://h.example/a.yml\n", vec![]),
        ] {
            assert_eq!(includes(text).unwrap(), expected, "{text}");
        }
        assert!(includes("a: [\n").is_none());
        assert!(includes(&"[\n".repeat(500_000)).is_none());
        assert!(includes(&"- ".repeat(500_000)).is_none());
    }

    #[test]
    fn what_is_shared_too_often_is_not_read() {
        assert_eq!(includes("a: &a [x.yml]\nb: &b [*a, *a]\ninclude: *b\n"), Some(vec!["x.yml".to_owned(); 2]));
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..30 {
            text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", ")));
        }
        text.push_str("include: *a29\n");
        assert!(includes(&text).is_none());
        let mut deep = "a0: &a0 [x]\n".to_owned();
        for n in 1..40_000 {
            deep.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
        }
        assert!(includes(&deep).is_none());
    }

    #[test]
    fn variables_match_anything() {
        assert_eq!(without_variables("ci/${A}/$B.yml"), "ci/*/*.yml");
        assert!(wild("ci/*/*.yml", "ci/a/b/c.yml"));
        assert!(wild("*", "x"));
        assert!(!wild("ci/*.yml", "src/a.yml"));
        assert!(!wild("ci/a.yml", "ci/a.yml2"));
    }
}
