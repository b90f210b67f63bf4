//! Objects of Git LFS, kept in a folder of a repository of ours. An object is made by one reading of its bytes, and whoever
//! reads it again gets those bytes or an error.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use super::{Checkout, Error, Pointer, Repository, file_error};
use crate::digest::{Digest, Hashing};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 17;

/// An object whose bytes are coming. What is not [finished](Self::done) is removed again.
#[derive(Debug)]
pub struct Keeping {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    hashing: Hashing,
}

impl Keeping {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hashing.take(bytes);
        self.file.write_all(bytes).map_err(file_error(&self.path))
    }

    /// The object is whole: the pointer to it.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn done(self) -> Result<Pointer, Error> {
        let (digest, size) = self.hashing.clone().done();
        fs::rename(&self.path, self.folder.join(digest.hex())).map_err(file_error(&self.path))?;
        Ok(Pointer { digest, size })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        // Not there any more once it is done.
        let _ = fs::remove_file(&self.path);
    }
}

impl Repository {
    /// Begins to keep an object.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn keep_object(&self) -> Result<Keeping, Error> {
        let folder = self.objects_of_lfs();
        fs::DirBuilder::new().mode(0o700).recursive(true).create(&folder).map_err(file_error(&folder))?;
        let (fd, path) = nix::unistd::mkstemp(&folder.join("XXXXXX")).map_err(|errno| file_error(&folder)(errno.into()))?;
        Ok(Keeping { folder, path, file: fd.into(), hashing: Hashing::default() })
    }

    /// The object that `pointer` names, opened at its beginning.
    ///
    /// # Errors
    /// [`Error::LfsObject`] when it is not kept here, or is not what the pointer says.
    pub fn object(&self, pointer: &Pointer) -> Result<File, Error> {
        let absent = || Error::LfsObject(pointer.digest);
        let mut file = opened(&self.objects_of_lfs().join(pointer.digest.hex())).ok_or_else(absent)?;
        let is_it = is(&mut file, pointer).and_then(|is_it| file.rewind().map(|()| is_it));
        if is_it.unwrap_or(false) { Ok(file) } else { Err(absent()) }
    }

    /// The bytes of the object that `pointer` names.
    ///
    /// # Errors
    /// As [`object`](Self::object).
    pub fn object_bytes(&self, pointer: &Pointer) -> Result<Vec<u8>, Error> {
        let absent = || Error::LfsObject(pointer.digest);
        let file = opened(&self.objects_of_lfs().join(pointer.digest.hex())).ok_or_else(absent)?;
        let mut bytes = Vec::new();
        let read = file.take(pointer.size.saturating_add(1)).read_to_end(&mut bytes);
        let is_it = read.is_ok() && bytes.len() as u64 == pointer.size && Digest::of(&bytes) == pointer.digest;
        if is_it { Ok(bytes) } else { Err(absent()) }
    }

    fn objects_of_lfs(&self) -> PathBuf {
        self.dir.join("lfs")
    }
}

impl Checkout {
    /// What the checkout's own Git LFS keeps as the object that `pointer` names (git-lfs, `docs/spec.md`, "Intercepting Git"):
    /// anybody may have written it.
    pub fn object(&self, pointer: &Pointer) -> Option<File> {
        let hex = pointer.digest.hex();
        opened(&self.objects().with_file_name("lfs").join("objects").join(&hex[..2]).join(&hex[2..4]).join(hex))
    }
}

/// The regular file at `path`, never through a link.
fn opened(path: &Path) -> Option<File> {
    let file = File::options().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path).ok()?;
    file.metadata().is_ok_and(|found| found.is_file()).then_some(file)
}

fn is(file: &mut File, pointer: &Pointer) -> io::Result<bool> {
    let (mut hashing, mut buffer) = (Hashing::default(), vec![0; BUFFER]);
    let mut bytes = file.take(pointer.size.saturating_add(1));
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(hashing.done() == (pointer.digest, pointer.size)),
            n => hashing.take(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_what_was_kept_or_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        let repository = Repository::create(&scratch.path().join("ours")).unwrap();
        let folder = repository.objects_of_lfs();
        let keep = |pieces: &[&str]| {
            let mut keeping = repository.keep_object().unwrap();
            pieces.iter().for_each(|piece| keeping.take(piece.as_bytes()).unwrap());
            keeping
        };
        let pointer = keep(&["made", "-up"]).done().unwrap();
        assert_eq!(pointer, Pointer { digest: Digest::of("made-up"), size: 7 });
        assert_eq!(io::read_to_string(repository.object(&pointer).unwrap()).unwrap(), "made-up");
        assert_eq!(repository.object_bytes(&pointer).unwrap(), b"made-up");
        let absent = |pointer: &Pointer| {
            let (file, bytes) = (repository.object(pointer), repository.object_bytes(pointer));
            matches!((file, bytes), (Err(Error::LfsObject(_)), Err(Error::LfsObject(_))))
        };
        drop(keep(&["half"]));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "what is not finished is gone");
        for wrong in [Pointer { size: 6, ..pointer }, Pointer { size: 8, ..pointer }, Pointer { digest: Digest::of("other"), size: 7 }] {
            assert!(absent(&wrong), "{wrong:?}");
        }
        let path = folder.join(pointer.digest.hex());
        fs::write(&path, "made-uq").unwrap();
        assert!(absent(&pointer), "other bytes of the same size");
        fs::rename(&path, scratch.path().join("aside")).unwrap();
        fs::write(scratch.path().join("aside"), "made-up").unwrap();
        std::os::unix::fs::symlink(scratch.path().join("aside"), &path).unwrap();
        assert!(absent(&pointer), "a link");
    }
}
