//! What changed, as facts.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, OnceLock},
};

use super::Error;
use crate::git::{Entry, Mode, Oid, Pointer, Repository, Tree};

/// Where the bytes of changed files come from.
pub trait Blobs: Sync {
    /// The bytes of the blob `id`, at most `limit` of them.
    ///
    /// # Errors
    /// What [`Repository::blob`] says.
    fn blob(&self, id: Oid, limit: u64) -> Result<Vec<u8>, crate::git::Error>;

    /// How many bytes it has.
    ///
    /// # Errors
    /// What [`Repository::blob_size`] says.
    fn size(&self, id: Oid) -> Result<u64, crate::git::Error>;

    /// The bytes of an object of Git LFS.
    ///
    /// # Errors
    /// What [`Repository::object_bytes`] says.
    fn object(&self, pointer: &Pointer) -> Result<Vec<u8>, crate::git::Error>;
}

impl Blobs for Repository {
    fn blob(&self, id: Oid, limit: u64) -> Result<Vec<u8>, crate::git::Error> {
        Self::blob(self, id, limit)
    }

    fn size(&self, id: Oid) -> Result<u64, crate::git::Error> {
        self.blob_size(id)
    }

    fn object(&self, pointer: &Pointer) -> Result<Vec<u8>, crate::git::Error> {
        self.object_bytes(pointer)
    }
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// It was not there.
    Add,
    /// Its bytes are others.
    Modify,
    /// It is gone.
    Delete,
    /// Its mode is another one, and its bytes may be too.
    Mode,
}

/// Why something in the workspace is in no tree.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Oddity {
    /// A device, FIFO, socket, set-user-id file, or a file of another owner: what it is, in words.
    Special(String),
    /// A git directory or gitfile below the root.
    Repository,
    /// A submodule's place that holds something else than a folder, or nothing.
    Submodule,
    /// A name that git takes in no tree.
    Name,
    /// A changed or new file whose bytes a filter of the base's attributes would have to convert: the filter's name.
    Filter(String),
    /// A changed or new file with this `working-tree-encoding`.
    Encoding(String),
}

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// From the repository's root, `/` between names; any bytes.
    pub path: Vec<u8>,
    /// What stood there in the base.
    pub old: Option<Entry>,
    /// What stands there in the candidate tree.
    pub new: Option<Entry>,
    /// What stands there in the workspace and can be in no tree.
    pub oddity: Option<Oddity>,
}

impl Fact {
    /// What happened.
    pub fn op(&self) -> Op {
        match (self.old, self.new) {
            (Some(old), Some(new)) if old.mode == new.mode => Op::Modify,
            (Some(_), Some(_)) => Op::Mode,
            (Some(_), None) if self.oddity.is_none() => Op::Delete,
            (Some(_), None) => Op::Modify,
            (None, _) => Op::Add,
        }
    }

    /// Whether the path is there afterwards.
    pub fn remains(&self) -> bool {
        self.op() != Op::Delete
    }
}

/// A candidate tree as its difference from a base tree. What was found cannot be altered afterwards.
#[derive(Clone, Debug)]
pub struct Change {
    base: Oid,
    tree: Oid,
    facts: Vec<Fact>,
    before: Arc<Tree>,
    after: Arc<Tree>,
    /// The contents of the base, once somebody asks for them.
    contents: OnceLock<HashSet<Oid>>,
    /// Objects of Git LFS that are here, by the paths of the pointers to them in the judged tree.
    objects: BTreeMap<Vec<u8>, Pointer>,
    /// The files that the job began with, where `before` is older than that.
    begun: Option<Arc<Tree>>,
    ignored: Vec<Vec<u8>>,
    own_repository_touched: bool,
    ci: super::CiFiles,
    dropped: Vec<(Vec<u8>, String)>,
    texts: Vec<(String, String)>,
}

impl Change {
    /// What `tree` changes of `base`, with `odd` facts that are in neither. `ci_config` is the project's CI
    /// configuration path, [`super::CI_CONFIG`] where the project names none.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn between(repository: &Repository, base: Oid, tree: Oid, odd: Vec<Fact>, ci_config: &str) -> Result<Self, Error> {
        let before = Arc::new(repository.list(base)?);
        let after = if tree == base { Arc::clone(&before) } else { Arc::new(repository.list(tree)?) };
        Self::of(repository, (base, before), (tree, after), odd, ci_config)
    }

    /// The same of two trees with their files, which are known already.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn of(
        repository: &Repository,
        (base, before): (Oid, Arc<Tree>),
        (tree, after): (Oid, Arc<Tree>),
        odd: Vec<Fact>,
        ci_config: &str,
    ) -> Result<Self, Error> {
        let ci = super::CiFiles::at(repository, &before, ci_config)?;
        let facts = facts(&before, &after, odd);
        Ok(Self {
            base,
            tree,
            facts,
            before,
            after,
            contents: OnceLock::new(),
            objects: BTreeMap::new(),
            begun: None,
            ignored: vec![],
            own_repository_touched: false,
            ci,
            dropped: vec![],
            texts: vec![],
        })
    }

    /// With new or changed files that the base's ignore rules leave out: in no tree, told all the same.
    #[must_use]
    pub fn with_ignored(self, ignored: Vec<Vec<u8>>) -> Self {
        Self { ignored, ..self }
    }

    /// With the objects of Git LFS that changed files were made into, by the files' paths: their bytes are judged in the place of
    /// the pointers.
    #[must_use]
    pub fn with_objects(self, objects: BTreeMap<Vec<u8>, Pointer>) -> Self {
        Self { objects, ..self }
    }

    /// With what leaves besides the files: what each text is, such as "the branch's name", and the text.
    #[must_use]
    pub fn with_texts(self, texts: Vec<(String, String)>) -> Self {
        Self { texts, ..self }
    }

    /// With whether the agent changed the hooks or the configuration of its own repository, of which nothing is used.
    #[must_use]
    pub fn with_repository_touched(self, own_repository_touched: bool) -> Self {
        Self { own_repository_touched, ..self }
    }

    /// The same change with another tree, whose files are `after`, in which some paths are again what they were at the base;
    /// why, by path.
    pub(super) fn without(mut self, tree: Oid, after: Tree, dropped: Vec<(Vec<u8>, String)>) -> Self {
        let gone: BTreeSet<&Vec<u8>> = dropped.iter().map(|(path, _)| path).collect();
        let odd: Vec<Fact> = self.facts.into_iter().filter(|fact| fact.oddity.is_some() && !gone.contains(&fact.path)).collect();
        self.objects.retain(|path, _| !gone.contains(path));
        self.after = Arc::new(after);
        self.facts = facts(&self.before, &self.after, odd);
        self.tree = tree;
        self.dropped.extend(dropped);
        self
    }

    /// The same tree as a change of an earlier one. What CI configuration is, is that of the later base: it was merged since.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub(super) fn since(&self, repository: &Repository, earlier: Oid) -> Result<Self, Error> {
        let before = Arc::new(repository.list(earlier)?);
        let facts = facts(&before, &self.after, vec![]);
        Ok(Self {
            base: earlier,
            facts,
            before,
            begun: Some(Arc::clone(&self.before)),
            contents: OnceLock::new(),
            ignored: vec![],
            own_repository_touched: false,
            dropped: vec![],
            ..self.clone()
        })
    }

    /// What the policy left out of it, and why.
    pub fn dropped(&self) -> &[(Vec<u8>, String)] {
        &self.dropped
    }

    /// The base's tree.
    pub fn base(&self) -> Oid {
        self.base
    }

    /// The judged tree.
    pub fn tree(&self) -> Oid {
        self.tree
    }

    /// Every changed path, sorted.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Every file of the base.
    pub fn before(&self) -> &Tree {
        &self.before
    }

    /// Whether some file of the base has the content `id`.
    pub(super) fn holds(&self, id: Oid) -> bool {
        self.contents.get_or_init(|| self.before.values().map(|entry| entry.id).collect()).contains(&id)
    }

    /// Whether some file that the job began with has the content `id`: an earlier job brought it.
    pub(super) fn began_with(&self, id: Oid) -> bool {
        self.begun.as_ref().is_some_and(|files| files.values().any(|entry| entry.id == id))
    }

    /// The object of Git LFS that a changed file is, where its bytes are here.
    pub fn object(&self, fact: &Fact) -> Option<Pointer> {
        fact.new.and_then(|_| self.objects.get(&fact.path).copied())
    }

    /// How many bytes a changed file has afterwards: of an object of Git LFS those of the object.
    ///
    /// # Errors
    /// What [`Blobs::size`] says.
    pub fn size(&self, fact: &Fact, blobs: &dyn Blobs) -> Result<u64, crate::git::Error> {
        match (self.object(fact), fact.new.filter(|entry| entry.mode != Mode::Gitlink)) {
            (Some(pointer), _) => Ok(pointer.size),
            (None, Some(entry)) => blobs.size(entry.id),
            (None, None) => Ok(0),
        }
    }

    /// Every file of the judged tree.
    pub fn after(&self) -> &Tree {
        &self.after
    }

    /// Files left out by ignore rules.
    pub fn ignored(&self) -> &[Vec<u8>] {
        &self.ignored
    }

    /// What leaves besides the files.
    pub fn texts(&self) -> &[(String, String)] {
        &self.texts
    }

    /// Whether the agent's own repository was changed in a way that would run programs elsewhere.
    pub fn repository_touched(&self) -> bool {
        self.own_repository_touched
    }

    /// What is CI configuration at the base.
    pub(super) fn ci(&self) -> &super::CiFiles {
        &self.ci
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

/// The differences of two trees, with facts that are in neither in the place of those at the same paths.
fn facts(before: &Tree, after: &Tree, odd: Vec<Fact>) -> Vec<Fact> {
    let told: BTreeSet<Vec<u8>> = odd.iter().map(|fact| fact.path.clone()).collect();
    let mut facts = differences(before, after);
    facts.retain(|fact| !told.contains(&fact.path));
    facts.extend(odd);
    facts.sort_by(|a, b| a.path.cmp(&b.path));
    facts
}

pub(super) fn differences(before: &Tree, after: &Tree) -> Vec<Fact> {
    let same = |old: &Entry, new: &Entry| old.id == new.id && alike(old.mode, new.mode);
    let fact = |path: &Vec<u8>, old, new| Fact { path: path.clone(), old, new, oddity: None };
    let (mut facts, mut afterwards) = (Vec::new(), after.iter().peekable());
    for (path, old) in before {
        while let Some((path, new)) = afterwards.next_if(|(other, _)| *other < path) {
            facts.push(fact(path, None, Some(*new)));
        }
        match afterwards.next_if(|(other, _)| *other == path) {
            Some((_, new)) if same(old, new) => {}
            found => facts.push(fact(path, Some(*old), found.map(|(_, new)| *new))),
        }
    }
    facts.extend(afterwards.map(|(path, new)| fact(path, None, Some(*new))));
    facts
}

/// Git writes an odd old mode such as `100664` anew as the plain one that it always read it as.
fn alike(old: Mode, new: Mode) -> bool {
    let plain = |mode| match mode {
        Mode::Odd(number) if number & 0o170_000 == 0o100_000 && number & 0o100 != 0 => Mode::Executable,
        Mode::Odd(number) if number & 0o170_000 == 0o100_000 => Mode::File,
        other => other,
    };
    old == new || plain(old) == new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mode: Mode, bytes: &str) -> Entry {
        Entry { mode, id: Oid::of_blob(bytes.as_bytes()).unwrap() }
    }

    #[test]
    fn a_rename_is_both_its_sides() {
        let before = Tree::from([(b"a".to_vec(), entry(Mode::File, "x"))]);
        let after = Tree::from([(b"b".to_vec(), entry(Mode::File, "x"))]);
        let ops: Vec<Op> = differences(&before, &after).iter().map(Fact::op).collect();
        assert_eq!(ops, [Op::Delete, Op::Add]);
        let ops: Vec<Op> = differences(&after, &before).iter().map(Fact::op).collect();
        assert_eq!(ops, [Op::Add, Op::Delete]);
    }

    #[test]
    fn an_odd_mode_that_became_plain_is_no_change() {
        let before = Tree::from([(b"a".to_vec(), entry(Mode::Odd(0o100_664), "x"))]);
        let after = Tree::from([(b"a".to_vec(), entry(Mode::File, "x"))]);
        assert_eq!(differences(&before, &after), []);
        let executable = Tree::from([(b"a".to_vec(), entry(Mode::Executable, "x"))]);
        assert_eq!(differences(&before, &executable)[0].op(), Op::Mode);
    }
}
