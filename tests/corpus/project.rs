//! A base with its workspace in the hands of an agent, which is laid anew after each case.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tidewaiter::{
    gate::{self, CI_CONFIG, Terms},
    git::Repository,
    policy::Policy,
    verdict::Verdict,
    workspace::{self, Manifest},
};

use crate::{
    made,
    support::repo::{Scene, known, limits, run_git, write_bytes},
};

pub struct Project {
    scene: Scene,
    repository: Repository,
    manifest: Manifest,
    files: BTreeMap<String, (Vec<u8>, u32)>,
    head: String,
}

/// What the gate said, and what was noticed besides.
pub struct Tried {
    pub verdict: Verdict,
    pub ran: bool,
    pub differs: bool,
}

impl Project {
    pub fn new(base: &toml::Table) -> Self {
        let scene = Scene::empty();
        let mut files = BTreeMap::new();
        let executable: Vec<&str> =
            base.get("executable").and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str).collect();
        for (path, text) in base["files"].as_table().unwrap() {
            let mode = if executable.contains(&path.as_str()) { 0o755 } else { 0o644 };
            files.insert(path.clone(), (text.as_str().unwrap().as_bytes().to_vec(), mode));
        }
        if let Some(many) = base.get("many").and_then(toml::Value::as_table) {
            files.extend(numbered(many).map(|path| (path, (b"a note\n".to_vec(), 0o644))));
        }
        lay(&scene.checkout(), &files);
        // What git ignores is part of the base where a case needs it.
        scene.git(&["add", "-A", "-f"]);
        scene.git(&["commit", "-q", "-m", "first"]);
        let head = scene.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let given = scene.hand_over();
        let (repository, manifest) = (given.repository, given.manifest);
        copy(&scene.workspace().join(".git"), &scene.path().join("kept.git"));
        Self { scene, repository, manifest, files, head }
    }

    /// Does `acts` in the workspace, has the gate judge, twice, and lays the workspace anew.
    pub fn attempt(&self, acts: &[toml::Table], policy: &Policy) -> Tried {
        let marker = self.scene.path().join("ran");
        let agent = Agent { root: self.scene.workspace(), marker: marker.clone(), head: &self.head };
        acts.iter().for_each(|act| agent.perform(act));
        let root = self.scene.workspace();
        let known = known();
        let terms = Terms::now(&policy.changes, &known, limits().deadline);
        let candidate = workspace::candidate(&self.manifest, &root, &self.repository, limits(), CI_CONFIG).unwrap();
        let judge = || gate::judge(&candidate.change, &self.repository, &terms).unwrap().verdict;
        let verdict = judge();
        let differs = format!("{verdict:?}") != format!("{:?}", judge());
        let ran = fs::remove_file(&marker).is_ok();
        self.lay_anew();
        Tried { verdict, ran, differs }
    }

    fn lay_anew(&self) {
        let root = self.scene.workspace();
        for entry in fs::read_dir(&root).unwrap() {
            remove(&entry.unwrap().path());
        }
        copy(&self.scene.path().join("kept.git"), &root.join(".git"));
        lay(&root, &self.files);
    }
}

fn lay(root: &Path, files: &BTreeMap<String, (Vec<u8>, u32)>) {
    for (path, (bytes, mode)) in files {
        write_bytes(root, path.as_bytes(), bytes);
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(*mode)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn remove(path: &Path) {
    let is_folder = fs::symlink_metadata(path).unwrap().is_dir();
    if is_folder { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
}

fn numbered(act: &toml::Table) -> impl Iterator<Item = String> {
    let pattern = act.get("path").or_else(|| act.get("many")).and_then(toml::Value::as_str).unwrap();
    (0..act["count"].as_integer().unwrap()).map(move |n| pattern.replace("{n}", &n.to_string()))
}

/// Whoever works in the workspace.
struct Agent<'a> {
    root: PathBuf,
    /// What programs leave behind that should not have run.
    marker: PathBuf,
    head: &'a str,
}

impl Agent<'_> {
    fn perform(&self, act: &toml::Table) {
        let text = |key: &str| act.get(key).and_then(toml::Value::as_str).map(|text| self.here(text));
        let path = |key: &str| text(key).map(|path| self.root.join(path));
        let content = || -> Vec<u8> {
            if let Some(packed) = text("base64") {
                return STANDARD.decode(packed).unwrap();
            }
            let plain = text("text").unwrap_or_default();
            let plain = plain.repeat(act.get("times").map_or(1, |times| usize::try_from(times.as_integer().unwrap()).unwrap()));
            text("encoding").map_or_else(|| plain.clone().into_bytes(), |encoding| made::encoded(&plain, &encoding))
        };
        let to = || text("to").unwrap();
        if let Some(name) = text("write") {
            let name = if act.contains_key("raw") { made::raw(&name) } else { name.into_bytes() };
            write_bytes(&self.root, &name, content());
        } else if let Some(path) = path("append") {
            self.edit(&path, |old| [old, content()].concat());
        } else if let Some(path) = path("prepend") {
            self.edit(&path, |old| [content(), old].concat());
        } else if let Some(path) = path("replace") {
            let from = text("from").unwrap();
            self.edit(&path, |old| {
                let old = String::from_utf8(old).unwrap();
                assert!(old.contains(&from), "{} has no {from:?}", path.display());
                old.replacen(&from, &to(), 1).into_bytes()
            });
        } else if let Some(path) = path("crlf") {
            self.edit(&path, |old| String::from_utf8(old).unwrap().replace('\n', "\r\n").into_bytes());
        } else if let Some(path) = path("remove") {
            remove(&path);
        } else if let Some(path) = path("rename") {
            fs::create_dir_all(self.root.join(to()).parent().unwrap()).unwrap();
            fs::rename(path, self.root.join(to())).unwrap();
        } else if let Some(path) = path("copy") {
            fs::write(self.root.join(to()), fs::read(path).unwrap()).unwrap();
        } else if let Some(path) = path("chmod") {
            let mode = u32::from_str_radix(&text("mode").unwrap(), 8).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        } else if let Some(path) = path("link") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(to(), path).unwrap();
        } else {
            self.perform_odd(act, &text, &path, content());
        }
    }

    fn perform_odd(
        &self,
        act: &toml::Table,
        text: &dyn Fn(&str) -> Option<String>,
        path: &dyn Fn(&str) -> Option<PathBuf>,
        content: Vec<u8>,
    ) {
        if let Some(path) = path("fifo") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        } else if let Some(path) = path("socket") {
            std::os::unix::net::UnixListener::bind(path).unwrap();
        } else if let Some(path) = path("sparse") {
            let size = u64::try_from(act["size"].as_integer().unwrap()).unwrap();
            fs::File::create(path).unwrap().set_len(size).unwrap();
        } else if act.contains_key("many") {
            numbered(act).for_each(|name| write_bytes(&self.root, name.as_bytes(), &content));
        } else if let Some(names) = text("both") {
            names.split(' ').for_each(|name| write_bytes(&self.root, name.as_bytes(), b"x\n"));
        } else if let Some(words) = text("git") {
            run_git(&self.root, &words.split(' ').collect::<Vec<_>>());
        } else {
            panic!("{act:?} is no act");
        }
    }

    fn here(&self, text: &str) -> String {
        text.replace("{marker}", self.marker.to_str().unwrap()).replace("{head}", self.head)
    }

    fn edit(&self, path: &Path, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let old = fs::read(path).unwrap_or_default();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, edit(old)).unwrap();
    }
}
