//! Files of the repository that CI jobs run: what their script lines name, and what those files name in turn.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use super::{
    BYTES,
    scripts::{SHOWN, Scripts, WORD, WORDS},
    tools::{APPLY, ENDINGS, EVERYWHERE, FED, FIXED, FOLDERS, HOMES, PACKAGE_HOMES},
    wild, without_variables,
};
use crate::{
    gate::{Blobs, language, place},
    git::{self, Mode, Tree, shown},
};

/// Files that are read for the files that they run.
const READ: usize = 200;
/// Hooks and settings that are read for the files that they run.
const HOOKS: usize = 50;
/// From a job's line to the last file that is read.
const DEEPEST: usize = 2;
/// Bytes of a path (PATH_MAX, limits.h). No file has a longer one.
const LONGEST_PATH: usize = 4096;
/// Words with a `*`, each of which is compared with every path.
const GLOBS: usize = 200;

/// Packages whose scripts are looked at then.
const PACKAGES: usize = 100;

/// Package managers that run a `package.json`'s scripts, and the scripts that installing runs.
const NPM: &[&str] = &["npm", "yarn", "pnpm", "bun"];
const ON_INSTALL: &[&str] = &["preinstall", "install", "postinstall", "prepare", "prepublish"];

/// Who runs which files.
#[derive(Clone, Debug, Default)]
pub(super) struct Called {
    /// Words about the first job or file that runs it, by folded path.
    files: BTreeMap<String, String>,
    /// The same of patterns, folded: scripts that match are run, new ones as well. A `*` stays within one name.
    patterns: Vec<(String, String)>,
    /// Whether there was more than is looked at.
    unread: bool,
}

impl Called {
    /// Who runs the file at `path`, folded, in words.
    pub(super) fn by(&self, path: &str) -> Option<String> {
        let named = || path.match_indices('/').find_map(|(at, _)| self.files.get(&path[..=at]));
        let matched = || {
            self.patterns
                .iter()
                .find(|(pattern, _)| pattern.matches('/').count() == path.matches('/').count() && wild(pattern, path))
                .map(|(_, who)| who)
        };
        match self.files.get(path).or_else(named).or_else(matched) {
            Some(who) => Some(format!("{who} runs this file")),
            None if self.unread && is_script(path) => {
                Some("the target branch's CI configuration could not be read to its end, so a job may run this script".to_owned())
            }
            None => None,
        }
    }

    /// Says that not everything was read.
    pub(super) fn leave_unread(&mut self) {
        self.unread = true;
    }
}

/// A file whose own lines are still to be looked at.
struct Waiting {
    path: String,
    depth: usize,
}

/// Follows script lines through the files of a tree.
struct Reader<'a> {
    blobs: &'a dyn Blobs,
    tree: &'a Tree,
    called: Called,
    waiting: VecDeque<Waiting>,
    /// The scripts of each `package.json` that was read.
    packages: BTreeMap<String, Rc<[(String, String)]>>,
    words: usize,
    globs: usize,
}

/// Where a line stands.
#[derive(Clone, Copy)]
struct Lines<'a> {
    /// The folder of the file that it stands in.
    home: &'a str,
    /// Who runs it.
    who: &'a str,
    depth: usize,
}

/// Follows the lines of jobs through `tree`.
///
/// # Errors
/// [`git::Error`] when a file cannot be read.
pub(super) fn follow(blobs: &dyn Blobs, tree: &Tree, scripts: &Scripts) -> Result<Called, git::Error> {
    let called = Called { unread: scripts.more, ..Called::default() };
    let mut reader = Reader { blobs, tree, called, waiting: VecDeque::new(), packages: BTreeMap::new(), words: 0, globs: 0 };
    for (job, text) in &scripts.lines {
        let who = format!("job `{}`", shown(job.as_bytes()));
        reader.text(text, "", Lines { home: "", who: &who, depth: 0 })?;
    }
    let mut read = 0;
    while let Some(Waiting { path, depth }) = reader.waiting.pop_front() {
        read += 1;
        if read > READ {
            reader.called.unread = true;
            break;
        }
        if let Some(text) = reader.content(&path)? {
            let who = format!("{}, which CI runs,", shown(path.as_bytes()));
            let home = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            reader.text(&text, "", Lines { home, who: &who, depth })?;
        }
    }
    hooks(&mut reader)?;
    Ok(reader.called)
}

/// Follows what hooks and the settings of agents and editors run on a developer's machine.
fn hooks(reader: &mut Reader<'_>) -> Result<(), git::Error> {
    let paths = reader.tree.keys().filter_map(|path| std::str::from_utf8(path).ok());
    let paths: Vec<String> = paths.filter(|path| place::runs_by_itself(path)).take(HOOKS).map(str::to_owned).collect();
    reader.waiting.clear();
    for path in paths {
        let Some(text) = reader.content(&path)? else { continue };
        let who = shown(path.as_bytes());
        reader.text(&text, "", Lines { home: "", who: &who, depth: DEEPEST })?;
    }
    Ok(())
}

impl Reader<'_> {
    fn content(&self, path: &str) -> Result<Option<String>, git::Error> {
        let Some(entry) = self.tree.get(path.as_bytes()).filter(|entry| entry.mode.is_file()) else { return Ok(None) };
        match self.blobs.blob(entry.id, BYTES) {
            Err(git::Error::BlobTooLarge { .. }) => Ok(None),
            other => Ok(Some(String::from_utf8_lossy(&other?).into_owned())),
        }
    }

    /// Counts words that are to be looked at. False where there were too many before: then no more are.
    fn afford(&mut self, words: usize) -> bool {
        self.words = self.words.saturating_add(words);
        self.called.unread |= self.words > WORDS;
        self.words <= WORDS
    }

    /// Looks at each command of a text, from the folder `from`.
    fn text(&mut self, text: &str, from: &str, lines: Lines<'_>) -> Result<(), git::Error> {
        if !self.afford(text.len() / WORD) {
            return Ok(());
        }
        let text = named_plainly(&text.replace("\\\n", " ").replace(['"', '\''], ""));
        let mut at = from.to_owned();
        for whole in text.lines() {
            let line = whole.trim();
            if line.starts_with('#') {
                continue;
            }
            // What is piped into a shell runs, whatever its name.
            let fed = line.split('|').skip(1).any(|command| FED.contains(&command.split_whitespace().next().unwrap_or_default()));
            for command in line.split([';', '|', '&', '(', ')', '`', '{', '}']) {
                // `${NAME}` falls apart here: what follows it begins with a slash, and is a path all the same.
                let words: Vec<&str> = command.split_whitespace().collect();
                if !self.afford(words.len()) {
                    return Ok(());
                }
                if let ["cd" | "pushd", folder, ..] = words.as_slice() {
                    at = joined(&at, bare(folder)).unwrap_or(at);
                } else {
                    self.command(&words, &at, line, lines, fed)?;
                }
            }
            // Each recipe line of a makefile is a shell of its own.
            if whole.starts_with('\t') {
                from.clone_into(&mut at);
            }
        }
        Ok(())
    }

    fn command(&mut self, words: &[&str], at: &str, line: &str, lines: Lines<'_>, fed: bool) -> Result<(), git::Error> {
        let names: Vec<&str> = words.iter().map(|word| word.trim_start_matches(['@', '-'])).collect();
        let manages = names.iter().take(4).any(|name| NPM.contains(name));
        let package = || option(words, PACKAGE_HOMES).filter(|_| manages);
        let folder = option(words, HOMES).or_else(package).and_then(|folder| joined(at, bare(folder)));
        let at = folder.as_deref().unwrap_or(at);
        for (command, files) in FIXED.iter().filter(|(command, _)| names.iter().take(8).any(|name| name == command)) {
            let builds = !matches!(*command, "docker" | "podman" | "buildah")
                || names.iter().any(|name| matches!(*name, "build" | "bud" | "buildx"));
            for file in files.iter().filter(|_| builds) {
                match joined(at, file) {
                    Some(path) if path.contains('*') => self.pattern(&path, line, lines),
                    Some(path) => self.mark(&path, line, lines),
                    None => {}
                }
            }
        }
        if names.windows(2).any(|pair| pair == ["cargo", "xtask"]) {
            self.mark("xtask/", line, lines);
        }
        if manages {
            self.npm(&names, at, lines)?;
            if names.iter().any(|name| EVERYWHERE.contains(&name.split('=').next().unwrap_or_default())) {
                for folder in self.packages() {
                    self.npm(&names, &folder, lines)?;
                }
            }
        }
        let in_folder =
            names.iter().take(2).any(|name| FOLDERS.contains(name)) || names.first() == Some(&"find") && words.contains(&"-exec");
        for folder in words.iter().skip(1).filter(|_| in_folder).filter_map(|word| joined(at, bare(word))).filter(|path| !path.is_empty()) {
            let folder = folder + "/";
            if self.tree.range(folder.clone().into_bytes()..).next().is_some_and(|(path, _)| path.starts_with(folder.as_bytes())) {
                self.mark(&folder, line, lines);
            }
        }
        let applies = names.iter().take(4).any(|name| APPLY.contains(name));
        let includes = matches!(words.first(), Some(&("include" | "-include" | "sinclude" | "import" | "mod" | "source" | ".")));
        for (index, word) in words.iter().enumerate() {
            if let (Some("-m"), Some(module)) = (index.checked_sub(1).and_then(|before| words.get(before)).copied(), Some(*word)) {
                let path = module.replace('.', "/");
                self.named(&format!("{path}.py"), at, line, lines, true);
                self.named(&format!("{path}/__main__.py"), at, line, lines, true);
            }
            self.named(bare(word), at, line, lines, applies || includes || fed || index == 0);
        }
        Ok(())
    }

    /// The folders of packages below the root.
    fn packages(&self) -> Vec<String> {
        let folders = self.tree.keys().filter_map(|path| std::str::from_utf8(path).ok()?.strip_suffix("/package.json"));
        folders.filter(|folder| !folder.contains("node_modules")).take(PACKAGES).map(str::to_owned).collect()
    }

    /// The scripts of a `package.json` that a package manager is asked for.
    fn npm(&mut self, names: &[&str], at: &str, lines: Lines<'_>) -> Result<(), git::Error> {
        let Some(path) = joined(at, "package.json") else { return Ok(()) };
        if lines.depth > DEEPEST {
            return Ok(());
        }
        let scripts = self.scripts(&path)?;
        if !self.afford(scripts.len() * (1 + names.len() / WORD)) {
            return Ok(());
        }
        let installs = names.iter().any(|name| matches!(*name, "ci" | "i" | "install" | "add")) || names == ["yarn"];
        for (name, script) in scripts.iter() {
            let plain = name.strip_prefix("pre").or_else(|| name.strip_prefix("post")).unwrap_or(name);
            if names.contains(&name.as_str()) || names.contains(&plain) || installs && ON_INSTALL.contains(&name.as_str()) {
                let who = format!("{}, by the script {} of {},", lines.who, shown(name.as_bytes()), shown(path.as_bytes()));
                self.text(script, at, Lines { home: lines.home, who: &who, depth: lines.depth + 1 })?;
            }
        }
        Ok(())
    }

    /// The scripts of the `package.json` at `path`, which is read once.
    fn scripts(&mut self, path: &str) -> Result<Rc<[(String, String)]>, git::Error> {
        if let Some(known) = self.packages.get(path) {
            return Ok(Rc::clone(known));
        }
        let text = self.content(path)?.unwrap_or_default();
        let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let scripts = package.get("scripts").and_then(serde_json::Value::as_object).into_iter().flatten();
        let scripts: Rc<[_]> = scripts.filter_map(|(name, script)| Some((name.clone(), script.as_str()?.to_owned()))).collect();
        self.packages.insert(path.to_owned(), Rc::clone(&scripts));
        Ok(scripts)
    }

    /// Marks what `word` names, if it names a file that can be run from here.
    fn named(&mut self, word: &str, at: &str, line: &str, lines: Lines<'_>, any: bool) {
        if word.is_empty() || word.contains("://") {
            return;
        }
        let variable = word.contains('$');
        let word = &*without_variables(word);
        if word.contains('*') {
            self.globs += 1;
            if self.globs > GLOBS {
                self.called.unread = true;
                return;
            }
            // What lists files for a linter names no scripts of a shell, or all of a tree.
            let runs = |pattern: &String| {
                let known = if variable { is_script(pattern) } else { matches!(language::ending(pattern), "sh" | "bash" | "bats") };
                known && !pattern.contains("**") && pattern.len() > 4
            };
            if let Some(pattern) = joined(at, word).filter(runs) {
                self.pattern(&pattern, line, lines);
            }
            return;
        }
        let places = [joined(at, word), joined("", word), joined(lines.home, word)];
        for path in places.into_iter().flatten() {
            let entry = self.tree.get(path.as_bytes());
            let runs = |mode: Mode| mode == Mode::Executable || is_script(&path) || any;
            if entry.is_some_and(|entry| entry.mode.is_file() && runs(entry.mode)) {
                self.mark(&path, line, lines);
                return;
            }
        }
        // A script that is not there yet would run as soon as it is.
        if let Some(path) = joined(at, word).filter(|_| (word.starts_with("./") || any) && is_script(word)) {
            self.mark(&path, line, lines);
        }
    }

    fn pattern(&mut self, pattern: &str, line: &str, lines: Lines<'_>) {
        let folded = place::fold(pattern.as_bytes());
        if self.called.patterns.iter().all(|(known, _)| *known != folded) {
            self.called.patterns.push((folded, said(line, lines.who)));
        }
    }

    fn mark(&mut self, path: &str, line: &str, lines: Lines<'_>) {
        let folded = place::fold(path.as_bytes());
        if self.called.files.contains_key(&folded) {
            return;
        }
        self.called.files.insert(folded, said(line, lines.who));
        if lines.depth < DEEPEST && reads_on(path) {
            self.waiting.push_back(Waiting { path: path.to_owned(), depth: lines.depth + 1 });
        }
    }
}

/// Who runs something, and where they say so.
fn said(line: &str, who: &str) -> String {
    let text: String = line.chars().take(SHOWN).collect();
    format!("{who} (`{}`)", shown(text.as_bytes()))
}

/// Whether a file's own lines are shell lines, or near enough to them.
fn reads_on(path: &str) -> bool {
    let ending = language::ending(path).to_ascii_lowercase();
    matches!(ending.as_str(), "" | "sh" | "bash" | "zsh" | "ksh" | "mk" | "mak" | "just" | "justfile" | "dockerfile")
        || path.to_ascii_lowercase().contains("dockerfile")
}

fn is_script(path: &str) -> bool {
    let ending = language::ending(path).to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    ENDINGS.contains(&ending.as_str())
        || matches!(
            name.as_str(),
            "makefile" | "gnumakefile" | "justfile" | "rakefile" | "dockerfile" | "containerfile" | "gradlew" | "mvnw"
        )
}

/// `${NAME}` as `$_`, so that it stays in the word that it stands in.
fn named_plainly(text: &str) -> String {
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((name, rest)) if !name.contains(['\n', '{']) => {
                out.push_str("$_");
                out.push_str(rest);
            }
            _ => {
                out.push_str("${");
                out.push_str(part);
            }
        }
    }
    out
}

/// A word without what stands before a path in it: an option's name, a redirection, a variable with a folder.
fn bare(word: &str) -> &str {
    let word = word.trim_start_matches(['<', '>', '@', '!']);
    let word = match word.split_once('=') {
        Some((name, value)) if !name.contains('/') => value,
        _ => word,
    };
    let word = match word.strip_prefix('$') {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None => word,
    };
    // What is left of `${NAME}/path` or `$(command)/path`.
    word.strip_prefix('/')
        .filter(|rest| {
            !rest.is_empty()
                && !["usr", "bin", "etc", "opt", "tmp", "var", "dev", "proc", "kaniko"].iter().any(|root| rest.starts_with(root))
        })
        .unwrap_or(word)
}

/// The value of an option, behind it or behind its `=`.
fn option<'a>(words: &[&'a str], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(index, word)| {
        names.iter().find_map(|name| match word.strip_prefix(name)? {
            "" => words.get(index + 1).copied(),
            rest => rest.strip_prefix('='),
        })
    })
}

/// `path` from the folder `from`, without `.` and `..`; none where it leaves the repository or no file has such a path.
fn joined(from: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || from.len() + path.len() > LONGEST_PATH {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    for name in from.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::yaml;

    #[test]
    fn script_lines_are_found_wherever_jobs_have_them() {
        let text = "default:\n  before_script: [a]\nx:\n  script:\n    - b\n    - [c, d]\n  after_script: e\n.t: &t\n  script: |\n    f\n    g\ny:\n  <<: *t\n  hooks:\n    pre_get_sources_script: [h]\nbefore_script:\n  - i\n";
        let mut found = Scripts::default();
        found.read(&yaml::parse(text).unwrap());
        let lines: Vec<&str> = found.lines.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, ["a", "b", "c", "d", "e", "f\ng\n", "h", "i"]);
        assert_eq!(found.lines[1].0, "x");
    }

    #[test]
    fn a_package_is_read_once_and_what_it_costs_is_bounded() {
        let scripts: Vec<String> = (0..300).map(|n| format!("\"s{n}\": \"npm run s{} && sh x{n}.sh\"", (n + 1) % 300)).collect();
        let package = format!("{{\"scripts\": {{{}}}}}", scripts.join(", "));
        let config = |lines: usize| format!("a: {{script: [{}]}}", (0..lines).map(|n| format!("npm run s{n}, ")).collect::<String>());
        let (few, many) = (config(2), config(3000));
        for (config, mark) in [(&few, "x1.sh"), (&many, "x2.sh")] {
            let files = [(".gitlab-ci.yml", config.as_bytes()), ("package.json", package.as_bytes()), (mark, b""), ("sub/y.sh", b"")];
            let (found, read) = crate::gate::fuzz::pipeline(&files.map(|(path, text)| (path.to_owned(), text)).into()).unwrap();
            assert_eq!(read, config.len() + package.len(), "each file once");
            assert!(found[3].is_some(), "{mark} is run");
            // Where there was more than is looked at, every script may run.
            assert_eq!(found[2].is_some(), config.len() == many.len());
        }
    }

    #[test]
    fn a_folder_that_runs_runs_whole() {
        let files = ["tools/", "tools/a.py"].map(|path| (path.to_owned(), path.to_owned()));
        let called = Called { files: files.into(), ..Called::default() };
        for (path, who) in [("tools/a.py", "tools/a.py"), ("tools/b.py", "tools/"), ("tools/x/y.py", "tools/")] {
            assert_eq!(called.by(path), Some(format!("{who} runs this file")), "{path}");
        }
        assert_eq!(called.by("toolsb.py"), None);
    }

    #[test]
    fn words_are_bared_and_joined() {
        for (word, expected) in [
            ("$CI_PROJECT_DIR/ci/x.sh", "ci/x.sh"),
            ("/ci/x.sh", "ci/x.sh"),
            ("/usr/bin/env", "/usr/bin/env"),
            ("--file=ci/x.mk", "ci/x.mk"),
            ("./x.sh", "./x.sh"),
            ("$X", ""),
        ] {
            assert_eq!(bare(word), expected, "{word}");
        }
        assert_eq!(joined("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(joined("", "../x"), None);
    }
}
