//! The repository of a checkout, read by our own code: where its objects are and what its references name.
//!
//! Git itself is not asked, because every git command reads the repository's configuration first.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{Error, Oid, file_error};

/// No reference file, gitfile or `commondir` is longer (a name has at most 4096 bytes, path_resolution(7)).
const LINE: u64 = 8192;
/// `packed-refs` of the largest repositories has some ten million bytes.
const PACKED: u64 = 256 << 20;
/// How deep references nest; git's own limit is the path length.
const DEPTH: usize = 16;
/// References that are read.
const REFERENCES: usize = 500_000;

/// A checkout's repository.
#[derive(Clone, Debug)]
pub struct Checkout {
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
}

/// What `HEAD` says.
enum Head {
    Branch(String),
    At(Oid),
}

impl Checkout {
    /// Finds the repository of the work tree at `root`: its folder `.git`, or what a gitfile there points to (linked
    /// work trees and submodules, gitrepository-layout(5)).
    ///
    /// # Errors
    /// [`Error::NotARepository`] with what is missing.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let root = root.canonicalize().map_err(file_error(root))?;
        let git_dir = git_dir(&root)?;
        let common_dir = match read_line(&git_dir.join("commondir"))? {
            Some(path) => canonical(&root, &git_dir.join(path))?,
            None => git_dir.clone(),
        };
        let found = Self { root, git_dir, common_dir };
        for (path, what) in [(found.git_dir.join("HEAD"), "HEAD"), (found.objects(), "objects")] {
            if !path.exists() {
                return Err(refused(&found.root, format!("it has no {what}")));
            }
        }
        if found.common_dir.join("reftable").exists() {
            return Err(refused(&found.root, "its references are in the reftable format, which is not supported yet".to_owned()));
        }
        Ok(found)
    }

    /// Finds the repository of the work tree that `folder` is in, at that folder or the nearest above it.
    ///
    /// # Errors
    /// [`Error::NotARepository`] with what is missing.
    pub fn find(folder: &Path) -> Result<Self, Error> {
        let folder = folder.canonicalize().map_err(file_error(folder))?;
        let is_bare = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir() && path.join("refs").is_dir();
        for path in folder.ancestors() {
            if path.join(".git").symlink_metadata().is_ok() {
                return Self::open(path);
            }
            if is_bare(path) {
                let reason = "this is the inside of a repository or a bare one, which has no work tree; run it in a clone".to_owned();
                return Err(refused(path, reason));
            }
        }
        Err(refused(&folder, "neither it nor a folder above it has a .git; run it in a clone".to_owned()))
    }

    /// The work tree, with all symbolic links resolved.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of its objects.
    pub(super) fn objects(&self) -> PathBuf {
        self.common_dir.join("objects")
    }

    /// The bytes of its `shallow` file: the commits at which its history was cut.
    pub(super) fn shallow(&self) -> Result<Option<Vec<u8>>, Error> {
        let bytes = read_bounded(&self.common_dir.join("shallow"), PACKED)?;
        match &bytes {
            Some(bytes) if !std::str::from_utf8(bytes).is_ok_and(|text| text.lines().all(|line| line.parse::<Oid>().is_ok())) => {
                Err(refused(&self.root, "its shallow file is not a list of object names".to_owned()))
            }
            _ => Ok(bytes),
        }
    }

    /// Whether objects may be missing because the clone is partial (gitrepository-layout(5), `*.promisor`).
    pub(super) fn is_partial(&self) -> Result<bool, Error> {
        let folder = self.objects().join("pack");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(Error::File { path: folder, source }),
        };
        for entry in entries {
            let entry = entry.map_err(file_error(&folder))?;
            if entry.path().extension().is_some_and(|extension| extension == "promisor") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commit that `HEAD` names, and the branch if it is on one.
    ///
    /// # Errors
    /// [`Error::NotARepository`] when there is no commit yet.
    pub fn head(&self) -> Result<(Oid, Option<String>), Error> {
        match self.head_file()? {
            Head::At(oid) => Ok((oid, None)),
            Head::Branch(name) => {
                let references = self.references()?;
                let oid = references.get(&name).ok_or_else(|| refused(&self.root, format!("its branch {name} has no commit yet")))?;
                Ok((*oid, name.strip_prefix("refs/heads/").map(str::to_owned)))
            }
        }
    }

    fn head_file(&self) -> Result<Head, Error> {
        let text = read_line(&self.git_dir.join("HEAD"))?.unwrap_or_default();
        if let Some(name) = text.strip_prefix("ref:") {
            let name = name.trim();
            return sound(name)
                .then(|| Head::Branch(name.to_owned()))
                .ok_or_else(|| refused(&self.root, "HEAD is not understood".to_owned()));
        }
        Ok(Head::At(self.oid(&text)?))
    }

    fn oid(&self, text: &str) -> Result<Oid, Error> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::Sha256(self.root.clone()));
        }
        text.parse().map_err(|error: super::NotAnOid| refused(&self.root, error.to_string()))
    }

    /// Every reference under `refs/` with what it names; symbolic ones followed once.
    pub(super) fn references(&self) -> Result<BTreeMap<String, Oid>, Error> {
        let mut found = self.packed()?;
        let mut symbolic = Vec::new();
        self.loose("refs", DEPTH, &mut found, &mut symbolic)?;
        for (name, target) in symbolic {
            if let Some(oid) = found.get(&target).copied() {
                found.insert(name, oid);
            }
        }
        found.retain(|name, _| !name.starts_with("refs/replace/"));
        Ok(found)
    }

    fn packed(&self) -> Result<BTreeMap<String, Oid>, Error> {
        let bytes = read_bounded(&self.common_dir.join("packed-refs"), PACKED)?.unwrap_or_default();
        let mut found = BTreeMap::new();
        for line in bytes.split(|b| *b == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            match line.split_once(' ') {
                Some((oid, name)) if !line.starts_with(['#', '^']) && sound(name) => found.insert(name.to_owned(), self.oid(oid)?),
                _ => None,
            };
        }
        Ok(found)
    }

    fn loose(
        &self,
        folder: &str,
        depth: usize,
        found: &mut BTreeMap<String, Oid>,
        symbolic: &mut Vec<(String, String)>,
    ) -> Result<(), Error> {
        let path = self.common_dir.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::File { path, source }),
        };
        for entry in entries {
            let entry = entry.map_err(file_error(&path))?;
            let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}/{name}")) else { continue };
            let kind = entry.file_type().map_err(file_error(&path))?;
            if kind.is_dir() && depth > 0 {
                self.loose(&name, depth - 1, found, symbolic)?;
            } else if kind.is_file() && sound(&name) {
                self.loose_file(&name, &entry.path(), found, symbolic)?;
            }
            if found.len() > REFERENCES {
                return Err(refused(&self.root, format!("it has more than {REFERENCES} references")));
            }
        }
        Ok(())
    }

    fn loose_file(
        &self,
        name: &str,
        path: &Path,
        found: &mut BTreeMap<String, Oid>,
        symbolic: &mut Vec<(String, String)>,
    ) -> Result<(), Error> {
        let Some(text) = read_line(path)? else { return Ok(()) };
        match text.strip_prefix("ref:") {
            Some(target) => symbolic.push((name.to_owned(), target.trim().to_owned())),
            None => {
                found.insert(name.to_owned(), self.oid(&text)?);
            }
        }
        Ok(())
    }
}

/// A reference name that means the same to everyone (git-check-ref-format(1)).
fn sound(name: &str) -> bool {
    let parts_are_sound = |name: &str| {
        name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.ends_with(".lock"))
    };
    name.starts_with("refs/")
        && parts_are_sound(name)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
}

fn git_dir(root: &Path) -> Result<PathBuf, Error> {
    let entry = root.join(".git");
    let kind = fs::symlink_metadata(&entry).map_err(|_| refused(root, "it has no .git".to_owned()))?.file_type();
    if kind.is_dir() {
        return Ok(entry);
    }
    if !kind.is_file() {
        return Err(refused(root, "its .git is neither a folder nor a file".to_owned()));
    }
    let text = read_line(&entry)?.unwrap_or_default();
    let target = text.strip_prefix("gitdir:").ok_or_else(|| refused(root, "its .git file names no gitdir".to_owned()))?;
    canonical(root, &root.join(target.trim()))
}

fn canonical(root: &Path, path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| refused(root, format!("{}: {error}", path.display())))
}

fn refused(root: &Path, reason: String) -> Error {
    Error::NotARepository { path: root.to_owned(), reason }
}

/// The bytes of a regular file; none where there is none. Does not wait for a writer of a FIFO.
fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let opened = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOFOLLOW).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::File { path: path.to_owned(), source }),
    };
    let too_long = || std::io::Error::other(format!("is no regular file of at most {limit} bytes"));
    let is_file = file.metadata().map_err(file_error(path))?.is_file();
    let mut bytes = Vec::new();
    if is_file {
        file.take(limit + 1).read_to_end(&mut bytes).map_err(file_error(path))?;
    }
    if !is_file || bytes.len() as u64 > limit {
        return Err(file_error(path)(too_long()));
    }
    Ok(Some(bytes))
}

fn read_line(path: &Path) -> Result<Option<String>, Error> {
    let Some(bytes) = read_bounded(path, LINE)? else { return Ok(None) };
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.contains('\0') => Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned())),
        _ => Err(file_error(path)(std::io::Error::other("is not text"))),
    }
}

/// Whether a path can stand in `objects/info/alternates`, which knows lines and comments.
pub(super) fn fits_a_line(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.starts_with(b"/") && !bytes.contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::sound;

    #[test]
    fn only_plain_reference_names_are_taken() {
        assert!(sound("refs/heads/feature/a-b"));
        for name in [
            "HEAD",
            "refs/",
            "refs/heads/..",
            "refs/heads/a..b",
            "refs/heads/a b",
            "refs/heads/.x",
            "refs/heads/x.lock",
            "refs//a",
            "refs/a\u{1b}",
        ] {
            assert!(!sound(name), "{name:?}");
        }
    }
}
