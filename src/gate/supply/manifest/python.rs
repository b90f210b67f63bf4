//! pyproject.toml (packaging.python.org, "pyproject.toml specification", and the tables of well-known tools), Pipfile,
//! setup.cfg and requirements files (pip.pypa.io, "Requirements File Format").

use toml::{Table, Value};

use super::{Manifest, Meaning};

/// Keys of pyproject.toml by their path.
const KEYS: &[(&str, Meaning)] = &[
    ("build-system.build-backend", Meaning::Build),
    ("build-system.backend-path", Meaning::Build),
    ("tool.poetry.build", Meaning::Build),
    ("tool.pdm.build", Meaning::Build),
    ("tool.hatch.build.hooks", Meaning::Build),
    ("tool.hatch.metadata.hooks", Meaning::Build),
    ("tool.setuptools.cmdclass", Meaning::Build),
    ("tool.cibuildwheel", Meaning::Build),
    ("tool.maturin", Meaning::Build),
    ("tool.scikit-build", Meaning::Build),
    ("tool.setuptools.data-files", Meaning::Build),
    ("tool.pdm.scripts", Meaning::Build),
    ("tool.poetry.plugins", Meaning::Build),
    ("tool.mypy.plugins", Meaning::Build),
    ("tool.pylint.main.init-hook", Meaning::Build),
    ("tool.pylint.main.load-plugins", Meaning::Build),
    ("tool.uv.extra-build-variables", Meaning::Build),
    ("tool.uv.no-build-isolation", Meaning::Build),
    ("project.entry-points", Meaning::Build),
    ("tool.uv.extra-build-dependencies", Meaning::Override),
    ("tool.uv.workspace", Meaning::Override),
    ("tool.rye.sources", Meaning::Registry),
    ("tool.conda-lock", Meaning::Registry),
    ("tool.pip-tools.index-url", Meaning::Registry),
    ("tool.pip-tools.extra-index-url", Meaning::Registry),
    ("tool.poetry.source", Meaning::Registry),
    ("tool.pdm.source", Meaning::Registry),
    ("tool.uv.index", Meaning::Registry),
    ("tool.uv.index-url", Meaning::Registry),
    ("tool.uv.extra-index-url", Meaning::Registry),
    ("tool.uv.find-links", Meaning::Registry),
    ("tool.uv.index-strategy", Meaning::Registry),
    ("tool.uv.pip", Meaning::Registry),
    ("tool.uv.allow-insecure-host", Meaning::Registry),
    ("tool.pixi.project.channels", Meaning::Registry),
    ("tool.pixi.workspace.channels", Meaning::Registry),
    ("tool.uv.override-dependencies", Meaning::Override),
    ("tool.pdm.resolution.overrides", Meaning::Override),
];

/// Lists of requirements.
const LISTS: &[&str] = &[
    "build-system.requires",
    "project.dependencies",
    "tool.uv.dev-dependencies",
    "tool.uv.constraint-dependencies",
    "tool.uv.build-constraint-dependencies",
    "tool.rye.dev-dependencies",
];
/// Tables whose values are such lists.
const LISTS_OF: &[&str] = &["project.optional-dependencies", "dependency-groups", "tool.pdm.dev-dependencies"];
/// Tables with a name and a version, or a table that says more.
const TABLES: &[&str] = &[
    "tool.poetry.dependencies",
    "tool.poetry.dev-dependencies",
    "tool.poetry.requires-plugins",
    "tool.pixi.pypi-dependencies",
    "tool.pixi.dependencies",
];

fn find<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    rest.into_iter().flat_map(|rest| rest.split('.')).try_fold(table.get(first)?, |value, key| value.get(key))
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn pairs(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_table).into_iter().flatten()
}

pub(super) fn pyproject(text: &str) -> Option<Manifest> {
    let table: Table = text.parse().ok()?;
    let mut manifest = Manifest::default();
    for (path, meaning) in KEYS {
        if let Some(value) = find(&table, path) {
            manifest.set(*path, *meaning, value.to_string());
        }
    }
    LISTS.iter().flat_map(|path| texts(find(&table, path))).for_each(|text| requirement(&mut manifest, text));
    for (_, list) in LISTS_OF.iter().flat_map(|path| pairs(find(&table, path))) {
        texts(Some(list)).for_each(|text| requirement(&mut manifest, text));
    }
    for (_, environment) in pairs(find(&table, "tool.hatch.envs")) {
        let lists = ["dependencies", "extra-dependencies"].iter().flat_map(|key| texts(environment.get(*key)));
        lists.for_each(|text| requirement(&mut manifest, text));
    }
    let groups = ["tool.poetry.group", "tool.pixi.feature"].iter().flat_map(|path| pairs(find(&table, path)));
    let groups = groups.filter_map(|(_, group)| group.get("dependencies"));
    for (name, value) in TABLES.iter().filter_map(|path| find(&table, path)).chain(groups).flat_map(|table| pairs(Some(table))) {
        dependency(&mut manifest, name, value);
    }
    for (name, value) in pairs(find(&table, "tool.uv.sources")) {
        if value.get("workspace").is_none() {
            manifest.set(format!("tool.uv.sources.{name}"), Meaning::Override, value.to_string());
        }
    }
    Some(manifest)
}

pub(super) fn pipfile(text: &str) -> Option<Manifest> {
    let table: Table = text.parse().ok()?;
    let mut manifest = Manifest::default();
    if let Some(source) = table.get("source") {
        manifest.set("source", Meaning::Registry, source.to_string());
    }
    for (key, value) in &table {
        match key.as_str() {
            "source" | "requires" | "pipenv" => {}
            "scripts" => {
                pairs(Some(value)).for_each(|(name, script)| manifest.set(format!("scripts.{name}"), Meaning::Task, script.to_string()))
            }
            _ => pairs(Some(value)).for_each(|(name, value)| dependency(&mut manifest, name, value)),
        }
    }
    Some(manifest)
}

fn dependency(manifest: &mut Manifest, name: &str, value: &Value) {
    const ELSEWHERE: &[&str] = &["git", "url", "file", "path", "hg", "svn", "bzr", "source", "index"];
    let name = canonical(name);
    if name == "python" {
        return;
    }
    let found = ELSEWHERE.iter().find_map(|key| value.get(key).and_then(Value::as_str).map(|text| (*key, text)));
    match found {
        Some(("path" | "file", path)) => manifest.depends_on(name, format!("path {path}")),
        Some((key, text)) => {
            let at = ["rev", "ref", "branch", "tag"].iter().find_map(|key| value.get(key).and_then(Value::as_str)).unwrap_or_default();
            manifest.depends_on(name, format!("{key} {text} {at}"));
        }
        None => manifest.depends(name),
    }
}

/// A project's name in the form in which two of them are compared (packaging.python.org, "Names and normalization").
fn canonical(name: &str) -> String {
    let mut out = String::new();
    for sign in name.trim().chars() {
        match sign {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

/// One requirement (packaging.python.org, "Dependency specifiers").
fn requirement(manifest: &mut Manifest, text: &str) {
    let text = text.trim();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = match rest.trim_start().strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest),
        None => rest,
    };
    let rest = rest.trim_start();
    if let Some(source) = rest.strip_prefix('@') {
        manifest.depends_on(canonical(name), source.split_whitespace().next().unwrap_or_default());
    } else if rest.contains("://") && !rest.starts_with(['=', '<', '>', '~', '!', ';', '(']) || rest.starts_with([':', '/', '+', '\\']) {
        manifest.depends_on(egg(text), text);
    } else if !name.is_empty() && rest.chars().next().is_none_or(|c| matches!(c, '=' | '<' | '>' | '~' | '!' | ';' | '(' | '#')) {
        manifest.depends(canonical(name));
    }
}

/// The name that an address gives, else the address.
fn egg(text: &str) -> String {
    let named = text.split_once("egg=").map(|(_, name)| name.split(['&', '[', ' ']).next().unwrap_or_default());
    named.map_or_else(|| text.to_owned(), canonical)
}

pub(super) fn requirements(text: &str) -> Manifest {
    const REGISTRY: &[&str] = &[
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "--trusted-host",
        "--no-index",
        "--pypi-url",
        "--pre",
        "--no-binary",
    ];
    const OPTIONS: &[&str] = &["--config-setting", "--global-option", "--install-option", "--build-option"];
    const FURTHER: &[&str] = &["-r", "--requirement", "-c", "--constraint"];
    let mut manifest = Manifest::default();
    let joined = text.replace("\r\n", "\n").replace("\\\n", "");
    for line in joined.lines() {
        let line = line.trim();
        let line = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default().trim() };
        let (word, rest) = line.split_once([' ', '=', '\t']).unwrap_or((line, ""));
        let short = ["-i", "-f"].iter().find(|short| word.starts_with(**short)).copied();
        if OPTIONS.iter().any(|option| line.contains(option)) {
            manifest.set(format!("options {line}"), Meaning::Build, line);
        }
        // Options may stand together on a line.
        let further = line.starts_with('-')
            && line.split_whitespace().skip(1).any(|word| REGISTRY.contains(&word.split('=').next().unwrap_or_default()));
        if line.is_empty() {
        } else if further || REGISTRY.contains(&word) || (short.is_some() && !word.starts_with("--")) {
            manifest.set(format!("{} {rest}", short.unwrap_or(word)), Meaning::Registry, line);
        } else if let Some(source) = line.strip_prefix("-e").or_else(|| line.strip_prefix("--editable")) {
            let source = source.trim_start_matches(['=', ' ']);
            let is_path = !source.contains("://") && !source.contains('@');
            manifest.depends_on(egg(source), if is_path { format!("path {source}") } else { source.to_owned() });
        } else if FURTHER.contains(&word) && rest.contains("://") {
            manifest.set(format!("{word} {rest}"), Meaning::Registry, line);
        } else if !line.starts_with('-') {
            hashed(&mut manifest, line);
        }
    }
    manifest
}

/// A requirement with the hashes that its files must have.
fn hashed(manifest: &mut Manifest, line: &str) {
    let (text, hashes) = line.split_once("--hash").unwrap_or((line, ""));
    requirement(manifest, text);
    if let Some((name, version)) = text.split(';').next().and_then(|text| text.split_once("==")) {
        let mut hashes: Vec<&str> = hashes.split("--hash").map(|hash| hash.trim_matches(['=', ' '])).collect();
        hashes.sort_unstable();
        manifest.set(format!("{}=={}", canonical(name), version.trim()), Meaning::Hash, hashes.join(" "));
    }
}

pub(super) fn setup_cfg(text: &str) -> Manifest {
    const REGISTRY: &[&str] = &["index_url", "index-url", "find_links", "dependency_links", "extra_index_url", "allow_hosts"];
    const REQUIRES: &[&str] = &["install_requires", "setup_requires", "tests_require", "requires"];
    let mut manifest = Manifest::default();
    let (mut section, mut key) = (String::new(), String::new());
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        let mut value = line.trim();
        if value.is_empty() {
            continue;
        }
        if !line.starts_with([' ', '\t']) {
            if let Some(name) = value.strip_prefix('[') {
                section = name.trim_end_matches(']').trim().to_ascii_lowercase();
                key.clear();
                continue;
            }
            let (name, rest) = value.split_once(['=', ':']).unwrap_or((value, ""));
            key = name.trim().to_ascii_lowercase().replace('-', "_");
            value = rest.trim();
        }
        if REQUIRES.contains(&key.as_str()) || section == "options.extras_require" {
            value.split(';').next().into_iter().for_each(|text| requirement(&mut manifest, text));
        } else if REGISTRY.contains(&key.as_str()) || section == "easy_install" {
            manifest.set(format!("{section}.{key}"), Meaning::Registry, value);
        } else if key == "cmdclass" || section == "global" {
            manifest.set(format!("{section}.{key}"), Meaning::Build, value);
        }
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_pip_does() {
        let text = "# c\nA_b==1.0 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\nc[x] >= 2 ; python_version > '3' # why\nd @ https://h.example/d.whl\n\
                    git+https://h.example/e.git#egg=E\nhttps://h.example/f.whl\n-e ./g\n-r other.txt\n--extra-index-url https://i.example/s\n-ihttps://j.example\n\nSome prose here\n./local.whl\n";
        let manifest = requirements(text);
        let names: Vec<&str> = manifest.dependencies.keys().map(String::as_str).collect();
        assert_eq!(names, ["./g", "./local.whl", "a-b", "c", "d", "e", "https://h.example/f.whl"]);
        let keys: Vec<&str> = manifest.settings.keys().map(String::as_str).collect();
        assert_eq!(keys, ["--extra-index-url https://i.example/s", "-i ", "a-b==1.0"]);
    }
}
