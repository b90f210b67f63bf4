//! The directories of one job: a private home and a private temporary directory for the agent, and a file outside that the
//! self-test must not be able to read.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::Error;

/// Made for one job, removed at its end.
#[derive(Debug)]
pub struct Room {
    base: PathBuf,
}

impl Room {
    /// Makes the directories beneath `parent`, the agent's own owned by `uid` where that is another than ours.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub fn make(parent: &Path, uid: Option<u32>) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Room { path: parent.to_owned(), source };
        let base = nix::unistd::mkdtemp(&parent.join("tidewaiter-XXXXXX")).map_err(|errno| failed(errno.into()))?;
        let room = Self { base };
        room.furnish(uid).map_err(failed)?;
        Ok(room)
    }

    fn furnish(&self, uid: Option<u32>) -> io::Result<()> {
        // Another uid has to go through, but not to look around.
        fs::set_permissions(&self.base, Permissions::from_mode(if uid.is_some() { 0o711 } else { 0o700 }))?;
        fs::write(self.outside(), "a file that the agent must not be able to read\n")?;
        fs::set_permissions(self.outside(), Permissions::from_mode(0o644))?;
        for place in [self.home(), self.tmp()] {
            fs::create_dir(&place)?;
            fs::set_permissions(&place, Permissions::from_mode(0o700))?;
            chown(&place, uid, uid)?;
        }
        Ok(())
    }

    /// The agent's home.
    pub fn home(&self) -> PathBuf {
        self.base.join("home")
    }

    /// The agent's temporary directory.
    pub fn tmp(&self) -> PathBuf {
        self.base.join("tmp")
    }

    /// Readable by its mode bits, outside of every grant.
    pub fn outside(&self) -> PathBuf {
        self.base.join("outside")
    }

    /// The file of names that the agent sees in the place of the host's, where it can be put there.
    pub fn hosts(&self) -> PathBuf {
        self.base.join("hosts")
    }

    /// The file of users that the agent sees in the place of the host's, likewise.
    pub fn users(&self) -> PathBuf {
        self.base.join("passwd")
    }

    /// The directory that holds all of it.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Where it was made, and is removed from.
    pub fn parent(&self) -> PathBuf {
        self.base.parent().unwrap_or(&self.base).to_owned()
    }

    /// Removes all of it. An agent of our own uid may have locked its directories: they are opened again.
    ///
    /// # Errors
    /// What is left behind.
    pub fn remove(self) -> io::Result<()> {
        let result = remove(&self.base);
        std::mem::forget(self);
        result
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = remove(&self.base);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(path)?;
            fs::remove_dir_all(path)
        }
        other => other,
    }
}

fn unlock(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}
