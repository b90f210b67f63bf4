//! A bare repository of ours that borrows the checkout's objects.

use std::{
    fs,
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::DirBuilderExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use super::{Checkout, Error, Oid, batch::Batch, checkout::fits_a_line, file_error, program};

/// `HEAD` of a repository of ours where that of the checkout names no commit.
const UNBORN: &[u8] = b"ref: refs/heads/none\n";

/// The whole configuration of a repository of ours (gitrepository-layout(5)).
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// A git directory that we made and that nobody else writes.
pub struct Repository {
    pub(super) program: program::Program,
    pub(super) dir: PathBuf,
    pub(super) batch: Mutex<Option<Batch>>,
}

impl Repository {
    /// Makes an empty repository in `dir`, which must not exist yet (its parent must).
    ///
    /// # Errors
    /// [`Error::NoProgram`], [`Error::TooOld`], [`Error::File`].
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let program = program::Program::find()?;
        lay_out(dir, CONFIG)?;
        let dir = dir.canonicalize().map_err(file_error(dir))?;
        program.check_version(&dir)?;
        Ok(Self { program, dir, batch: Mutex::new(None) })
    }

    /// Opens a repository that [`create`](Self::create) made, from another process of ours.
    ///
    /// # Errors
    /// [`Error::NoProgram`], [`Error::NotARepository`] when its configuration is not the one that we wrote.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let program = program::Program::find()?;
        let dir = dir.canonicalize().map_err(file_error(dir))?;
        let config = dir.join("config");
        if fs::read(&config).map_err(file_error(&config))? != CONFIG.as_bytes() {
            return Err(Error::NotARepository { path: dir, reason: "it was not made by this program".to_owned() });
        }
        Ok(Self { program, dir, batch: Mutex::new(None) })
    }

    /// Borrows the objects and the history's cut of `checkout`, and copies what its references name, so that
    /// [`resolve`](Self::resolve) knows its branches and tags. Nothing else of it is read.
    ///
    /// # Errors
    /// [`Error::Sha256`], [`Error::NotARepository`], [`Error::File`].
    pub fn borrow(&self, checkout: &Checkout) -> Result<(), Error> {
        self.lean_on(checkout.objects())?;
        if let Some(shallow) = checkout.shallow()? {
            self.write("shallow", &shallow)?;
        }
        let references = checkout.references()?;
        let packed: String = references.iter().map(|(name, oid)| format!("{oid} {name}\n")).collect();
        self.write("packed-refs", packed.as_bytes())?;
        match checkout.head() {
            Ok((head, _)) => self.write("HEAD", format!("{head}\n").as_bytes()),
            Err(Error::NotARepository { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Borrows the objects of `other` and nothing else of it, so that trees can be written that hold some of them.
    ///
    /// # Errors
    /// [`Error::NotARepository`], [`Error::File`].
    pub fn borrow_objects(&self, other: &Self) -> Result<(), Error> {
        self.lean_on(other.dir.join("objects"))
    }

    fn lean_on(&self, objects: PathBuf) -> Result<(), Error> {
        if !fits_a_line(&objects) {
            return Err(Error::NotARepository { path: objects, reason: "a line break in its path cannot be handled".to_owned() });
        }
        let mut line = objects.as_os_str().as_bytes().to_vec();
        line.push(b'\n');
        self.write("objects/info/alternates", &line)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The commit that `revision` names (gitrevisions(7)): `main`, `HEAD~2`, a tag, an object name.
    ///
    /// # Errors
    /// [`Error::Revision`].
    pub fn resolve(&self, revision: &str) -> Result<Oid, Error> {
        self.peel(revision, "commit")
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// [`Error::Revision`] when the commit is not here.
    pub fn tree_of(&self, commit: Oid) -> Result<Oid, Error> {
        self.peel(&commit.to_string(), "tree")
    }

    /// The tree that `revision` names: a commit's, a tag's, or itself.
    ///
    /// # Errors
    /// [`Error::Revision`].
    pub fn tree(&self, revision: &str) -> Result<Oid, Error> {
        self.peel(revision, "tree")
    }

    fn peel(&self, revision: &str, kind: &str) -> Result<Oid, Error> {
        let refused = || Error::Revision { revision: super::shown(revision.as_bytes()), why: self.why_not(revision) };
        if revision.is_empty() || revision.contains(['\0', '\n']) {
            return Err(refused());
        }
        let mut command = self.command();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options"]).arg(format!("{revision}^{{{kind}}}"));
        let output = program::talk("rev-parse", &mut command, |_| Ok(()), 4096)?;
        if !output.status.success() {
            return Err(refused());
        }
        program::oid("rev-parse", &output.stdout)
    }

    /// What is known of why `revision` names nothing.
    fn why_not(&self, revision: &str) -> &'static str {
        let unborn = || fs::read(self.dir.join("HEAD")).is_ok_and(|head| head == UNBORN);
        if revision.is_empty() {
            "; the variable that it comes from may have no value here"
        } else if self.dir.join("shallow").exists() {
            ", which is a shallow clone; fetch more of it (GIT_DEPTH: 0 in a job, git fetch --unshallow)"
        } else if revision.starts_with("HEAD") && unborn() {
            ", whose branch has no commit yet; measure from the empty tree ($(git hash-object -t tree /dev/null))"
        } else {
            ""
        }
    }

    pub(super) fn command(&self) -> Command {
        self.program.command(&self.dir)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write(&self.dir.join(name), bytes)
    }
}

/// The files that make a folder a git directory (gitrepository-layout(5)), with `config` and no template.
pub(super) fn lay_out(dir: &Path, config: &str) -> Result<(), Error> {
    for folder in ["", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"] {
        let path = if folder.is_empty() { dir.to_owned() } else { dir.join(folder) };
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(file_error(&path))?;
    }
    write(&dir.join("HEAD"), UNBORN)?;
    write(&dir.join("config"), config.as_bytes())
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = fs::File::create(path).map_err(file_error(path))?;
    file.write_all(bytes).map_err(file_error(path))
}
