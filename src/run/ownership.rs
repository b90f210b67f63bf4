//! As root, the agent has a uid of its own: for the time of the run the workspace is lent to it.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
};

use super::place::Error;

/// Gives the workspace back when dropped: at that time nobody of the agent is left.
#[derive(Debug)]
pub(super) struct Lent {
    workspace: PathBuf,
    owner: (u32, u32),
    agent: u32,
}

/// Lends `workspace` to `agent`. Only what its owner owns changes hands, and no file that has another name too, which may
/// lie outside.
///
/// # Errors
/// When an owner cannot be changed.
pub(super) fn lend(workspace: &Path, agent: Option<u32>) -> Result<Option<Lent>, Error> {
    let Some(agent) = agent else { return Ok(None) };
    let meta = fs::metadata(workspace).map_err(|source| Error::Open { path: workspace.to_owned(), source })?;
    if meta.uid() == agent {
        return Ok(None);
    }
    let lent = Lent { workspace: workspace.to_owned(), owner: (meta.uid(), meta.gid()), agent };
    change(workspace, lent.owner.0, (agent, agent))?;
    Ok(Some(lent))
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Err(error) = change(&self.workspace, self.agent, self.owner) {
            eprintln!("tidewaiter: {error}; `chown -R {}:{} {}` mends it", self.owner.0, self.owner.1, self.workspace.display());
        }
    }
}

fn change(path: &Path, from: u32, to: (u32, u32)) -> Result<(), Error> {
    let failed = |source| Error::Own { path: path.to_owned(), source };
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    if meta.uid() == from && (meta.is_dir() || meta.nlink() == 1) {
        lchown(path, Some(to.0), Some(to.1)).map_err(failed)?;
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            change(&entry.map_err(failed)?.path(), from, to)?;
        }
    }
    Ok(())
}
