//! A denied change that is kept, so that it can be judged again without its agent.
//!
//! It is a list of paths with their bytes, not a pack: whoever reads one parses no object that somebody else made, and the
//! tree that is made of it must have the name that was judged.

use std::{collections::BTreeMap, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{Error, convert::is_large};
use crate::{
    gate::{Change, Fact, Oddity},
    git::{Entry, Mode, Oid, Pointer, Repository, Staged},
};

/// Bytes of changed files that are kept; a larger change is not.
const CONTENT: u64 = 64 << 20;

/// Bytes of a bundle that is read: the content in base64, and the rest.
pub const LONGEST: u64 = 128 << 20;

/// A change by itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    version: u32,
    /// The commit that it was made from.
    pub commit: Oid,
    base: Oid,
    tree: Oid,
    files: Vec<File>,
    odd: Vec<Odd>,
    /// Paths in base64.
    ignored: Vec<String>,
    own_repository_touched: bool,
    /// The agent's last words, without the job's secrets.
    pub summary: String,
}

/// One path of the tree that differs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// In base64.
    path: String,
    /// What stands there; none where it is gone.
    new: Option<New>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    mode: Mode,
    id: Oid,
    /// In base64; none for a submodule.
    content: Option<String>,
    /// The object of Git LFS that the content is the pointer to, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
}

/// What can be in no tree.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Odd {
    /// In base64.
    path: String,
    oddity: Oddity,
}

impl Bundle {
    /// Everything of `change`, made from `commit`; none where it is too large to be kept.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn of(change: &Change, repository: &Repository, commit: Oid, summary: &str) -> Result<Option<Self>, Error> {
        let (mut files, mut odd, mut left) = (Vec::new(), Vec::new(), CONTENT);
        for fact in change.facts() {
            let path = STANDARD.encode(&fact.path);
            if let Some(oddity) = fact.oddity.clone() {
                odd.push(Odd { path, oddity });
                continue;
            }
            let new = match fact.new {
                Some(Entry { mode, id }) if mode != Mode::Gitlink => {
                    let (size, pointer) = (repository.blob_size(id)?, change.object(fact));
                    let Some(rest) = left.checked_sub(size + pointer.map_or(0, |pointer| pointer.size)) else { return Ok(None) };
                    left = rest;
                    let object =
                        pointer.map(|pointer| repository.object_bytes(&pointer).map(|bytes| STANDARD.encode(bytes))).transpose()?;
                    Some(New { mode, id, content: Some(STANDARD.encode(repository.blob(id, size)?)), object })
                }
                other => other.map(|Entry { mode, id }| New { mode, id, content: None, object: None }),
            };
            files.push(File { path, new });
        }
        let ignored = change.ignored().iter().map(|path| STANDARD.encode(path)).collect();
        let (base, tree, own_repository_touched) = (change.base(), change.tree(), change.repository_touched());
        Ok(Some(Self { version: 1, commit, base, tree, files, odd, ignored, own_repository_touched, summary: summary.to_owned() }))
    }

    /// Writes it to `path`, which must not exist, readable for us alone.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let bytes = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)
    }

    /// Reads one that anybody may have written.
    ///
    /// # Errors
    /// [`Error::Bundle`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|error| Error::Bundle(error.to_string()))?;
        let bundle: Self = serde_json::from_slice(&bytes).map_err(|error| Error::Bundle(format!("it is no bundle: {error}")))?;
        match bundle.version {
            1 => Ok(bundle),
            other => Err(Error::Bundle(format!("it has version {other}, and this program knows 1"))),
        }
    }

    /// Makes the change again in `repository`.
    ///
    /// # Errors
    /// [`Error::Bundle`] when what is written is not what its names say, [`Error::Git`].
    pub fn change(&self, repository: &Repository, ci_config: &str) -> Result<Change, Error> {
        let odd_one = |what: &str| Error::Bundle(what.to_owned());
        // Measured from another tree, the change would leave out what the two differ in.
        if repository.tree_of(self.commit)? != self.base {
            return Err(odd_one("it is not measured from the commit that it names"));
        }
        let base = repository.list(self.base)?;
        let mut contents = self.files.iter().filter_map(|file| file.new.as_ref()?.content.as_deref());
        let next = || contents.next().map(bytes).transpose();
        let mut ids = repository.store_blobs::<Error>(next)?.into_iter();
        let mut staged = Vec::new();
        for file in &self.files {
            let entry = match &file.new {
                None => None,
                Some(new) => {
                    let written = if new.content.is_some() { ids.next() } else { Some(new.id).filter(|_| new.mode == Mode::Gitlink) };
                    if written != Some(new.id) {
                        return Err(odd_one("a file has not the content that it names"));
                    }
                    Some(Entry { mode: new.mode, id: new.id })
                }
            };
            staged.push(Staged { path: bytes(&file.path)?, entry });
        }
        let (tree, after) = repository.write_tree(self.base, &base, &staged)?;
        if tree != self.tree {
            return Err(odd_one("its files do not make the tree that it names"));
        }
        let fact = |odd: &Odd| {
            let path = bytes(&odd.path)?;
            Ok(Fact { old: base.get(&path).copied(), path, new: None, oddity: Some(odd.oddity.clone()) })
        };
        let odd = self.odd.iter().map(fact).collect::<Result<_, Error>>()?;
        let ignored = self.ignored.iter().map(|path| bytes(path)).collect::<Result<_, Error>>()?;
        let change = Change::of(repository, (self.base, Arc::new(base)), (tree, Arc::new(after)), odd, ci_config)?;
        let objects = self.objects(repository)?;
        Ok(change.with_ignored(ignored).with_repository_touched(self.own_repository_touched).with_objects(objects))
    }

    /// Keeps the objects of Git LFS, by the paths of the pointers to them.
    fn objects(&self, repository: &Repository) -> Result<BTreeMap<Vec<u8>, Pointer>, Error> {
        let files = self.files.iter().filter_map(|file| {
            let new = file.new.as_ref()?;
            Some((&file.path, new.content.as_ref()?, new.object.as_ref()?))
        });
        let mut objects = BTreeMap::new();
        for (path, content, object) in files {
            let mut keeping = repository.keep_object()?;
            keeping.take(&bytes(object)?)?;
            let pointer = keeping.done()?;
            if pointer.to_string().as_bytes() != bytes(content)? {
                return Err(Error::Bundle("a file is no pointer to the object that it has".to_owned()));
            }
            objects.insert(bytes(path)?, pointer);
        }
        let paths: Vec<Vec<u8>> = objects.keys().cloned().collect();
        let attributes = repository.attributes(self.base, &repository.list(self.base)?, &paths)?;
        match paths.iter().all(|path| attributes.get(path).is_some_and(is_large)) {
            true => Ok(objects),
            false => Err(Error::Bundle("it has an object of Git LFS for a file that the base does not hand to it".to_owned())),
        }
    }
}

fn bytes(base64: &str) -> Result<Vec<u8>, Error> {
    STANDARD.decode(base64).map_err(|error| Error::Bundle(format!("it has text that is no base64: {error}")))
}
