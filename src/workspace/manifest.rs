//! What was handed over to the agent.

use std::{collections::BTreeMap, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::{digest::Digest, git::Oid};

/// What a handed-over path was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link; its digest is that of its text.
    Symlink,
    /// The folder of a submodule.
    Submodule,
}

/// One handed-over path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// What it was.
    pub kind: Kind,
    /// Its bytes.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
}

/// Everything that was handed over. Kept where the agent cannot write.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The commit that the checkout is at.
    pub head: Oid,
    /// Its tree: the base of what the agent does.
    pub tree: Oid,
    /// The uid that all files of the workspace belong to.
    pub owner: u32,
    /// The configuration of the agent's own repository.
    pub config: Digest,
    /// Every path but those of that repository.
    pub files: BTreeMap<Vec<u8>, Handed>,
}

/// The manifest as a file: paths in base64, as they can be any bytes.
#[derive(Serialize, Deserialize)]
struct Written {
    head: Oid,
    tree: Oid,
    owner: u32,
    config: Digest,
    files: Vec<(String, Handed)>,
}

impl Manifest {
    /// Writes it to `path`, which must not exist, readable for us alone.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let files = self.files.iter().map(|(path, handed)| (STANDARD.encode(path), *handed)).collect();
        let written = Written { head: self.head, tree: self.tree, owner: self.owner, config: self.config, files };
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let bytes = serde_json::to_vec(&written).map_err(|error| failed(error.into()))?;
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Manifest`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let refused = |reason: String| Error::Manifest { path: path.to_owned(), reason };
        let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
        let written: Written = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        let decode = |(path, handed): (String, Handed)| STANDARD.decode(path).map(|path| (path, handed));
        let files = written.files.into_iter().map(decode).collect::<Result<_, _>>().map_err(|error| refused(error.to_string()))?;
        Ok(Self { head: written.head, tree: written.tree, owner: written.owner, config: written.config, files })
    }
}
