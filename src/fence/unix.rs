//! Whether a unix socket of somebody else is in reach.
//!
//! Landlock restricts connecting to path names only from ABI 9 on. Below it the kernel's list of bound sockets is read for
//! those of this network namespace, wherever they lie, and what is mounted from outside is looked through for those of others
//! (a container engine's, say): when one is found that the agent's uid could connect to, the agent gets no unix sockets at all.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

/// How many entries are looked at; a tree with more counts as one that has a socket.
const MOST: usize = 4_000;

/// File systems in which no socket can lie.
const KERNEL: &[&str] =
    &["proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "bpf", "tracefs", "debugfs", "securityfs", "pstore", "fusectl"];

/// Who would connect.
struct Who {
    uid: u32,
    groups: Vec<u32>,
}

/// The first socket that `uid` could connect to, or the first place that could not be looked through. `own` is not entered.
pub fn reachable(uid: u32, own: &Path) -> Option<PathBuf> {
    let Ok(who) = who(uid) else { return Some(PathBuf::from("/proc/self/status")) };
    let mut left = MOST;
    let (mounts, bound) = match ["/proc/self/mountinfo", "/proc/net/unix"].map(|table| fs::read_to_string(table).map_err(|_| table)) {
        [Ok(mounts), Ok(names)] => (mounted(&mounts), bound(&names)),
        [Err(table), _] | [_, Err(table)] => return Some(PathBuf::from(table)),
    };
    // Where a relative name lies, only its process knows.
    if let Some(unknown) = bound.iter().find(|place| place.is_relative()) {
        return Some(unknown.clone());
    }
    // Each of them is gone through by itself, and not again on the way through another.
    let mut passed: HashSet<PathBuf> = mounts.iter().map(|mount| mount.point.clone()).collect();
    passed.insert(own.to_owned());
    let points = mounts.into_iter().filter(|mount| mount.holds_sockets).map(|mount| mount.point);
    let bound = bound.into_iter().filter(|place| !place.starts_with(own));
    points.chain(bound).find_map(|place| search(&place, &who, &passed, &mut left))
}

/// A mount, by proc(5), `/proc/pid/mountinfo`.
#[derive(Debug, PartialEq)]
struct Mount {
    point: PathBuf,
    /// Whether somebody else's socket may lie in it. The root is the container's own: what is bound there stands in the
    /// kernel's list.
    holds_sockets: bool,
}

/// A uid of the agent's own comes with one group of the same number; ours comes with all that we are in.
fn who(uid: u32) -> nix::Result<Who> {
    if uid != nix::unistd::geteuid().as_raw() {
        return Ok(Who { uid, groups: vec![uid] });
    }
    let mut groups: Vec<u32> = nix::unistd::getgroups()?.into_iter().map(nix::unistd::Gid::as_raw).collect();
    groups.push(nix::unistd::getegid().as_raw());
    Ok(Who { uid, groups })
}

/// All mounts of a table.
fn mounted(table: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let kind = right.split(' ').next()?;
        let point = left.split(' ').nth(4)?;
        // What would end the name in the table is written as an octal number, the backslash too.
        let point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
        Some(Mount { holds_sockets: point != "/" && !KERNEL.contains(&kind), point: point.into() })
    };
    table.lines().filter_map(mount).collect()
}

/// The path names of proc(5), `/proc/net/unix`: every socket that this network namespace has bound, wherever it lies, by
/// the name that was given to bind(2). Abstract ones begin with `@`.
fn bound(table: &str) -> Vec<PathBuf> {
    let name = |line: &str| (0..7).try_fold(line.to_owned(), |rest, _| Some(rest.trim_start().split_once(' ')?.1.to_owned()));
    table.lines().skip(1).filter_map(name).filter(|name| !name.starts_with('@')).map(PathBuf::from).collect()
}

fn search(place: &Path, who: &Who, passed: &HashSet<PathBuf>, left: &mut usize) -> Option<PathBuf> {
    let Ok(meta) = fs::symlink_metadata(place) else { return None };
    if *left == 0 {
        return Some(place.to_owned());
    }
    *left -= 1;
    if meta.file_type().is_socket() {
        return may(&meta, who, 2).then(|| place.to_owned());
    }
    if !meta.is_dir() || !may(&meta, who, 1) {
        return None;
    }
    // Its names cannot be listed, and yet one who knows them could go through.
    let Ok(entries) = fs::read_dir(place) else { return Some(place.to_owned()) };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_socket()))
        .map(|entry| entry.path())
        .filter(|path| !passed.contains(path))
        .find_map(|path| search(&path, who, passed, left))
}

/// Whether the mode gives `who` the permission `bit` (1 search, 2 write).
fn may(meta: &fs::Metadata, who: &Who, bit: u32) -> bool {
    let shift = if meta.uid() == who.uid { 6 } else { 0 };
    let group = who.groups.contains(&meta.gid());
    who.uid == 0 || meta.mode() >> shift & bit != 0 || (group && meta.mode() >> 3 & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_sockets_are_found_by_their_names() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 15 /home/u/.gnupg/S.agent\n0000: 00000003 00000000 00000000 0001 03 16\n0000: 2 0 0 1 1 17 @abstract/x\n0000: 00000002 00000000 00010000 0001 01 235139 a b.sock\n";
        assert_eq!(bound(table), ["/home/u/.gnupg/S.agent", "a b.sock"].map(PathBuf::from));
    }

    #[test]
    fn a_directory_that_can_be_entered_and_not_listed_may_hold_one() {
        use std::os::unix::fs::PermissionsExt as _;
        if !nix::unistd::geteuid().is_root() {
            println!("NOT RUN: only root can take on the uid of somebody who may not list a directory");
            return;
        }
        let directory = tempfile::TempDir::new().unwrap();
        for (mode, expected) in [(0o711, true), (0o700, false), (0o755, false)] {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
            let found = crate::sys::namespace::Attempt::begin(|| {
                let nobody = nix::unistd::Uid::from_raw(65_534);
                nix::unistd::setresuid(nobody, nobody, nobody).unwrap();
                let who = Who { uid: 65_534, groups: vec![] };
                search(directory.path(), &who, &HashSet::new(), &mut 10).is_some()
            });
            assert_eq!(found.unwrap().succeeded().unwrap(), expected, "{mode:o}");
        }
    }

    #[test]
    fn mounts_are_those_of_the_table_and_some_can_hold_a_socket() {
        let table = "1 0 0:1 / / rw - overlay o rw\n2 1 0:2 / /proc rw - proc p rw\n3 1 0:3 / /builds\\040x\\134 rw - ext4 e rw\n4 1 0:4 /d /var/run/docker.sock rw - tmpfs t rw\n";
        let mounts = mounted(table).into_iter().map(|mount| (mount.point, mount.holds_sockets)).collect::<Vec<_>>();
        let expected = [("/", false), ("/proc", false), ("/builds x\\", true), ("/var/run/docker.sock", true)];
        assert_eq!(mounts, expected.map(|(point, holds)| (PathBuf::from(point), holds)));
    }

    #[test]
    fn a_mount_is_gone_through_by_itself_alone() {
        let outer = tempfile::TempDir::new().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let _bound = std::os::unix::net::UnixListener::bind(inner.join("a.sock")).unwrap();
        let who = Who { uid: 0, groups: vec![] };
        let look = |place: &Path, passed: &[&PathBuf]| search(place, &who, &passed.iter().copied().cloned().collect(), &mut 10);
        assert_eq!(look(outer.path(), &[]), Some(inner.join("a.sock")));
        assert_eq!(look(outer.path(), &[&inner]), None);
        assert_eq!(look(&inner, &[&inner]), Some(inner.join("a.sock")));
    }
}
