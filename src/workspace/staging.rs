//! From found differences to a written tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Error, LARGEST_CHANGED,
    convert::{Foreign, foreign, is_large, needs_base, to_git},
    listing::{Reader, Root, What},
};
use crate::{
    gate::{Fact, Oddity},
    git::{Attributed, Attributes, Entry, Mode, Oid, Pointer, Repository, Staged, Tree},
};

/// A path that is not what it was.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) what: What,
    /// What the base has there.
    pub(super) old: Option<Entry>,
    pub(super) same_bytes: bool,
    pub(super) same_mode: bool,
}

/// A tree in the making.
pub(super) struct Stage<'a> {
    root: &'a Root,
    repository: &'a Repository,
    base_tree: Oid,
    base: &'a Arc<Tree>,
    set: BTreeMap<Vec<u8>, Entry>,
    removed: BTreeSet<Vec<u8>>,
    objects: BTreeMap<Vec<u8>, Pointer>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(root: &'a Root, repository: &'a Repository, base_tree: Oid, base: &'a Arc<Tree>) -> Self {
        Self { root, repository, base_tree, base, set: BTreeMap::new(), removed: BTreeSet::new(), objects: BTreeMap::new() }
    }

    /// Takes new and changed files and links in, with the attributes that are known already. Gives the facts of those that
    /// cannot be converted; the base's entry stays in their place.
    pub(super) fn add(&mut self, found: Vec<Found>, mut attributes: Attributed) -> Result<Vec<Fact>, Error> {
        let unknown = |found: &&Found| matches!(found.what, What::File { .. }) && !attributes.contains_key(&found.path);
        let files: Vec<Vec<u8>> = found.iter().filter(unknown).map(|found| found.path.clone()).collect();
        attributes.extend(self.repository.attributes(self.base_tree, self.base, &files)?);
        let none = Attributes::default();
        let (mut facts, mut store) = (Vec::new(), Vec::new());
        for found in found {
            let mode = new_mode(&found);
            match (found.old, attributes.get(&found.path).unwrap_or(&none)) {
                (Some(old), _) if found.same_bytes => {
                    self.set.insert(found.path, Entry { mode, id: old.id });
                }
                (_, given) if mode != Mode::Symlink && foreign(given).is_some() => {
                    facts.extend(foreign(given).map(|foreign| unconverted(&found, foreign)))
                }
                (_, given) => store.push((found, mode, given.clone())),
            }
        }
        self.store(&store)?;
        Ok(facts)
    }

    fn store(&mut self, store: &[(Found, Mode, Attributes)]) -> Result<(), Error> {
        if store.is_empty() {
            return Ok(());
        }
        // One repository cannot answer questions about blobs while it takes others in; it can read its base.
        let (mut waiting, mut reader, mut objects) = (store.iter(), self.root.reader(), BTreeMap::new());
        let next = || match waiting.next() {
            Some((found, Mode::Symlink, _)) => reader.link(&found.path).map(Some),
            Some((found, _, attributes)) if is_large(attributes) => self.pointer(&mut reader, found, &mut objects).map(Some),
            Some((found, _, attributes)) => self.bytes(&mut reader, found, attributes).map(Some),
            None => Ok(None),
        };
        let ids = self.repository.store_blobs::<Error>(next)?;
        self.objects.extend(objects);
        for ((found, mode, _), id) in store.iter().zip(ids) {
            self.set.insert(found.path.clone(), Entry { mode: *mode, id });
        }
        Ok(())
    }

    /// What Git LFS makes of a file: the pointer to its bytes, which are kept. An empty file and a pointer stay what they are.
    fn pointer(&self, reader: &mut Reader<'_>, found: &Found, objects: &mut BTreeMap<Vec<u8>, Pointer>) -> Result<Vec<u8>, Error> {
        let mut keeping = self.repository.keep_object()?;
        reader.each(&found.path, LARGEST_CHANGED, |bytes| Ok(keeping.take(bytes)?))?;
        let pointer = keeping.done()?;
        if pointer.size <= Pointer::LONGEST {
            let bytes = self.repository.object_bytes(&pointer)?;
            if bytes.is_empty() || Pointer::looks_like_one(&bytes) {
                return Ok(bytes);
            }
        }
        objects.insert(found.path.clone(), pointer);
        Ok(pointer.to_string().into_bytes())
    }

    fn bytes(&self, reader: &mut Reader<'_>, found: &Found, attributes: &Attributes) -> Result<Vec<u8>, Error> {
        let bytes = reader.read(&found.path, LARGEST_CHANGED)?;
        let base = match found.old {
            Some(entry) if needs_base(attributes) && entry.mode.is_file() => Some(self.repository.blob(entry.id, LARGEST_CHANGED)?),
            _ => None,
        };
        Ok(to_git(bytes, attributes, base.as_deref()))
    }

    /// The objects that files were made into, by the files' paths.
    pub(super) fn objects(&mut self) -> BTreeMap<Vec<u8>, Pointer> {
        std::mem::take(&mut self.objects)
    }

    /// Takes paths of the base out.
    pub(super) fn remove(&mut self, paths: impl Iterator<Item = Vec<u8>>) {
        self.removed.extend(paths);
    }

    /// Writes the tree and gives its files. What stands in the way of a new path goes: files below it, a file above it.
    pub(super) fn write(mut self) -> Result<(Oid, Arc<Tree>), Error> {
        let in_the_way: Vec<Vec<u8>> =
            self.set.keys().flat_map(|path| below(self.base, path).into_iter().chain(above(self.base, path))).collect();
        self.removed.extend(in_the_way);
        self.removed.retain(|path| !self.set.contains_key(path));
        if self.set.is_empty() && self.removed.is_empty() {
            return Ok((self.base_tree, Arc::clone(self.base)));
        }
        let removals = self.removed.into_iter().map(|path| Staged { path, entry: None });
        let additions = self.set.into_iter().map(|(path, entry)| Staged { path, entry: Some(entry) });
        let changes: Vec<Staged> = removals.chain(additions).collect();
        let (tree, files) = self.repository.write_tree(self.base_tree, self.base, &changes)?;
        Ok((tree, Arc::new(files)))
    }
}

fn unconverted(found: &Found, foreign: Foreign) -> Fact {
    let oddity = match foreign {
        Foreign::Filter(name) => Oddity::Filter(name),
        Foreign::Encoding(name) => Oddity::Encoding(name),
    };
    Fact { path: found.path.clone(), old: found.old, new: None, oddity: Some(oddity) }
}

/// The mode in the tree: that of the base where the file's own did not change.
fn new_mode(found: &Found) -> Mode {
    match (&found.what, found.old) {
        (What::Symlink, _) => Mode::Symlink,
        (What::File { .. }, Some(old)) if found.same_mode && old.mode.is_file() => old.mode,
        (What::File { executable: true, .. }, _) => Mode::Executable,
        _ => Mode::File,
    }
}

/// Every path of `tree` below the folder `path`.
pub(super) fn below(tree: &Tree, path: &[u8]) -> Vec<Vec<u8>> {
    let folder = [path, b"/"].concat();
    tree.range(folder.clone()..).map(|(path, _)| path).take_while(|path| path.starts_with(&folder)).cloned().collect()
}

/// Every path of `tree` that `path` would be below.
fn above(tree: &Tree, path: &[u8]) -> Vec<Vec<u8>> {
    let cuts = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| path[..at].to_vec());
    cuts.filter(|prefix| tree.contains_key(prefix)).collect()
}
