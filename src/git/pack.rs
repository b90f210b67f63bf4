//! The agent's own repository: what a checkout's `HEAD` reaches, in a pack of its own, with an index that agrees with
//! the files. It is made before the agent starts and is never read back.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Checkout, Error, Oid, Repository,
    checkout::fits_a_line,
    file_error, program,
    repository::{lay_out, write},
};

const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\
    [user]\n\tname = agent\n\temail = agent@localhost\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";

/// Where objects of a partial clone are missing on purpose (partial-clone.txt).
const PARTIAL: &str = "[extensions]\n\tpartialClone = origin\n[remote \"origin\"]\n\tpromisor = true\n";

const LIMIT: u64 = 256 << 20;

/// The repository inside a workspace.
pub struct OwnRepository<'a> {
    ours: &'a Repository,
    work_tree: PathBuf,
    dir: PathBuf,
}

impl<'a> OwnRepository<'a> {
    /// Makes `work_tree/.git` with everything that `head` reaches through `ours`, on `branch` or detached.
    ///
    /// # Errors
    /// [`Error::File`] when there is a `.git` already, [`Error::Failed`].
    pub fn create(ours: &'a Repository, checkout: &Checkout, work_tree: &Path, head: Oid, branch: Option<&str>) -> Result<Self, Error> {
        let dir = work_tree.join(".git");
        let partial = checkout.is_partial()?;
        let config = if partial { format!("{CONFIG}{PARTIAL}").replace("version = 0", "version = 1") } else { CONFIG.to_owned() };
        lay_out(&dir, &config)?;
        let made = Self { ours, work_tree: work_tree.to_owned(), dir };
        // Where history is cut: the checkout's cut, or that of a fetch since.
        match std::fs::read(ours.dir.join("shallow")) {
            Ok(shallow) => write(&made.dir.join("shallow"), &shallow)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error(&ours.dir.join("shallow"))(error)),
        }
        made.pack(head, partial)?;
        made.point_head(head, branch)?;
        program::ask("read-tree", made.command().args(["read-tree", &head.to_string()]), |_| Ok(()), 4096)?;
        Ok(made)
    }

    fn pack(&self, head: Oid, partial: bool) -> Result<(), Error> {
        let base = self.dir.join("objects/pack/pack");
        if !fits_a_line(&base) {
            return Err(Error::NotARepository { path: base, reason: "a line break in its path cannot be handled".to_owned() });
        }
        let mut command = self.ours.command();
        command.args(["pack-objects", "--quiet", "--revs", "--delta-base-offset", "--missing=allow-any"]).arg(&base);
        let name = program::ask("pack-objects", &mut command, |pipe| writeln!(pipe, "{head}"), 4096)?;
        let name = program::oid("pack-objects", &name)?;
        if partial { write(&self.dir.join(format!("objects/pack/pack-{name}.promisor")), b"") } else { Ok(()) }
    }

    fn point_head(&self, head: Oid, branch: Option<&str>) -> Result<(), Error> {
        let path = self.dir.join("HEAD");
        match branch.filter(|branch| super::Branch::new(branch).is_ok()) {
            Some(branch) => {
                write(&self.dir.join("packed-refs"), format!("{head} refs/heads/{branch}\n").as_bytes())?;
                write(&path, format!("ref: refs/heads/{branch}\n").as_bytes())
            }
            None => write(&path, format!("{head}\n").as_bytes()),
        }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the index agree with the work tree: paths in `absent` are marked as not checked out; files whose bytes
    /// differ from their blobs by a filter that is not run here are marked as unchanged.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn settle(&self, absent: &[Vec<u8>]) -> Result<(), Error> {
        self.mark("--skip-worktree", absent)?;
        // git-update-index(1): it fails when a file is not up to date, which the next step looks into.
        program::talk("update-index", self.command().args(["update-index", "-q", "--refresh"]), |_| Ok(()), LIMIT)?;
        let mut differing = self.command();
        differing.args(["diff-files", "--name-only", "-z", "--ignore-submodules=all"]);
        let answer = program::ask("diff-files", &mut differing, |_| Ok(()), LIMIT)?;
        let paths: Vec<Vec<u8>> = answer.split(|b| *b == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect();
        self.mark("--assume-unchanged", &paths)
    }

    fn mark(&self, how: &'static str, paths: &[Vec<u8>]) -> Result<(), Error> {
        if paths.is_empty() {
            return Ok(());
        }
        let feed = |pipe: &mut dyn Write| paths.iter().try_for_each(|path| pipe.write_all(path).and_then(|()| pipe.write_all(b"\0")));
        program::ask("update-index", self.command().args(["update-index", how, "-z", "--stdin"]), feed, 4096)?;
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = self.ours.program.command(&self.dir);
        command.env("GIT_WORK_TREE", &self.work_tree).current_dir(&self.work_tree);
        command
    }

    /// The bytes of its configuration file, for a later look at whether they changed.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn config(&self) -> Result<Vec<u8>, Error> {
        let path = self.dir.join("config");
        std::fs::read(&path).map_err(file_error(&path))
    }
}
