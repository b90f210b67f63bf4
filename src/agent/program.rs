//! The agent's program must not be ourselves under its name: an image may have a `claude` in PATH that is Tidewaiter.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::claude;
use crate::digest::Digest;

/// There is no program of the agent's but ourselves.
#[derive(Debug, thiserror::Error)]
pub enum Ourselves {
    /// Named by its path.
    #[error("{0} is Tidewaiter itself and not Claude Code; name the real one in `agent.command` of the policy")]
    Named(PathBuf),
    /// The only one in PATH.
    #[error(
        "the only `claude` in PATH is Tidewaiter itself ({0}); install Claude Code in the image (npm install -g @anthropic-ai/claude-code)"
    )]
    Only(PathBuf),
    /// This very program cannot be looked at, so nothing can be told apart from it.
    #[error("/proc/self/exe cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
}

/// Which programs named `program` in `path` are ourselves, by device and inode or by their content: they are passed over when
/// the agent starts. Only the name `claude` is ever ours.
///
/// # Errors
/// When nothing is left to be started.
pub fn passed_over(program: &OsStr, path: OsString) -> Result<Vec<PathBuf>, Ourselves> {
    let named = Path::new(program);
    if named.file_name() != Some(OsStr::new(claude::PROGRAM)) {
        return Ok(vec![]);
    }
    let own = Own::look()?;
    if named.components().count() > 1 {
        return if own.is(named) { Err(Ourselves::Named(named.to_owned())) } else { Ok(vec![]) };
    }
    let found: Vec<PathBuf> =
        std::env::split_paths(&path).map(|directory| directory.join(named)).filter(|place| is_program(place)).collect();
    let (ours, others): (Vec<PathBuf>, Vec<PathBuf>) = found.into_iter().partition(|place| own.is(place));
    match ours.first() {
        Some(first) if others.is_empty() => Err(Ourselves::Only(first.clone())),
        _ => Ok(ours),
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// This program's file.
struct Own {
    meta: Metadata,
    digest: Digest,
}

impl Own {
    fn look() -> std::io::Result<Self> {
        Ok(Self { meta: fs::metadata("/proc/self/exe")?, digest: Digest::of(fs::read("/proc/self/exe")?) })
    }

    /// Links are followed; only a file of our size is read.
    fn is(&self, path: &Path) -> bool {
        let Ok(meta) = fs::metadata(path) else { return false };
        let same = (meta.dev(), meta.ino()) == (self.meta.dev(), self.meta.ino());
        same || meta.len() == self.meta.len() && fs::read(path).is_ok_and(|content| Digest::of(content) == self.digest)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_copies_of_ourselves_are_passed_over() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = |name: &str| {
            let made = scratch.path().join(name);
            fs::create_dir(&made).unwrap();
            made
        };
        let own = std::env::current_exe().unwrap();
        let (link, copy, other, plain) = (directory("link"), directory("copy"), directory("other"), directory("plain"));
        symlink(&own, link.join("claude")).unwrap();
        fs::copy(&own, copy.join("claude")).unwrap();
        fs::write(other.join("claude"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(other.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(plain.join("claude"), "not executable").unwrap();
        let path = |places: &[&PathBuf]| std::env::join_paths(places).unwrap();
        let over = |program: &str, places: &[&PathBuf]| passed_over(OsStr::new(program), path(places));

        assert_eq!(over("claude", &[&link, &copy, &other]).unwrap(), [link.join("claude"), copy.join("claude")]);
        assert!(over("claude", &[&other]).unwrap().is_empty());
        assert!(matches!(over("claude", &[&plain, &copy]), Err(Ourselves::Only(_))));
        assert!(matches!(over(link.join("claude").to_str().unwrap(), &[]), Err(Ourselves::Named(_))));
        assert!(over(other.join("claude").to_str().unwrap(), &[]).unwrap().is_empty());
        assert!(over("sh", &[&link]).unwrap().is_empty());
    }
}
