//! Where a cgroup for the agent can be made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Error, write};

/// One tree of cgroups, and where we are in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Of version 1, the controllers of this tree; version 2 says so in its files.
    controllers: Option<Vec<String>>,
    /// The cgroup that we are in.
    own: PathBuf,
    /// Where the tree is mounted: nothing above is in our sight.
    top: PathBuf,
}

/// The trees that are mounted here, from `/proc/self/cgroup` (cgroups(7)) and `/proc/self/mountinfo` (proc(5)).
pub(super) fn hierarchies(cgroups: &str, mounts: &str) -> Vec<Hierarchy> {
    cgroups.lines().filter_map(|line| hierarchy(line, mounts)).collect()
}

fn hierarchy(line: &str, mounts: &str) -> Option<Hierarchy> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (names, path) = (parts.next()?, parts.next()?);
    let controllers = (!names.is_empty()).then(|| names.split(',').map(str::to_owned).collect::<Vec<_>>());
    mounts.lines().find_map(|mount| {
        let (where_, what) = mount.split_once(" - ")?;
        let (kind, options) = (what.split(' ').next()?, what.rsplit(' ').next()?);
        let is_it = match &controllers {
            None => kind == "cgroup2",
            Some(names) => kind == "cgroup" && names.iter().all(|name| options.split(',').any(|option| option == name)),
        };
        let mut fields = where_.split(' ').skip(3);
        let (root, top) = (fields.next()?, PathBuf::from(fields.next()?));
        let own = top.join(Path::new(path).strip_prefix(root).ok().filter(|_| is_it)?);
        Some(Hierarchy { controllers: controllers.clone(), own: own.components().collect(), top })
    })
}

/// The cgroup beneath which one with `controller` can be made, and the version of its tree.
pub(super) fn parent(controller: &'static str, hierarchies: &[Hierarchy]) -> Result<(PathBuf, u8), Error> {
    let of_version_1 = |tree: &&Hierarchy| tree.controllers.as_ref().is_some_and(|names| names.iter().any(|name| name == controller));
    if let Some(tree) = hierarchies.iter().find(of_version_1) {
        return Ok((tree.own.clone(), 1));
    }
    let has_it = |tree: &&Hierarchy| tree.controllers.is_none() && names(&tree.top, "cgroup.controllers").any(|name| name == controller);
    let tree = hierarchies.iter().find(has_it).ok_or(Error::Absent(controller))?;
    beneath(tree, controller).map(|parent| (parent, 2))
}

/// In version 2 a cgroup with processes, as ours is, hands no controller on; the machine's own root does. Elsewhere the new
/// one has to stand beside ours, which must take no bound off the agent.
fn beneath(tree: &Hierarchy, controller: &'static str) -> Result<PathBuf, Error> {
    let hands_on = |path: &Path| names(path, "cgroup.subtree_control").any(|name| name == controller);
    // The root of all has no such file.
    if !tree.own.join("cgroup.type").exists() {
        if !hands_on(&tree.own) {
            write(&tree.own.join("cgroup.subtree_control"), &format!("+{controller}"))?;
        }
        return Ok(tree.own.clone());
    }
    let above = tree.own.parent().filter(|_| tree.own != tree.top);
    let above = above.ok_or_else(|| Error::Occupied { path: tree.own.clone(), controller })?;
    if !hands_on(above) {
        return Err(Error::Kept { path: above.to_owned(), controller });
    }
    match bound(&tree.own) {
        Some(path) => Err(Error::Bounded { path }),
        None => Ok(above.to_owned()),
    }
}

/// A file of `cgroup` that bounds it: `max` stands for no bound.
fn bound(cgroup: &Path) -> Option<PathBuf> {
    let files = ["memory.max", "memory.high", "memory.swap.max", "cpu.max", "pids.max"].map(|name| cgroup.join(name));
    files.into_iter().find(|file| fs::read_to_string(file).is_ok_and(|text| !text.starts_with("max")))
}

/// The words of a file; none where it is not there.
fn names(cgroup: &Path, file: &str) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(cgroup.join(file)).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn own(cgroups: &str, mounts: &str) -> Vec<String> {
        hierarchies(cgroups, mounts).iter().map(|tree| tree.own.display().to_string()).collect()
    }

    /// Recorded: a host of version 2, containers with and without a cgroup namespace, and one of both versions.
    #[test]
    fn our_own_cgroup_is_found() {
        let host = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(own("0::/system.slice/runner.service", host), ["/sys/fs/cgroup/system.slice/runner.service"]);
        assert_eq!(own("0::/", host), ["/sys/fs/cgroup"]);
        let bound = "900 899 0:26 /docker/4f2a /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw";
        assert_eq!(own("0::/docker/4f2a/init", bound), ["/sys/fs/cgroup/init"]);
        assert!(own("0::/../other", bound).is_empty());
        let both = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        let trees = "4:memory:/a\n1:cpuacct,cpu:/\n9:name=systemd:/\n0::/b\n";
        assert_eq!(own(trees, both), ["/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified/b"]);
    }

    /// A tree of plain files with what the kernel's would say.
    fn version_2(files: &[(&str, &str)]) -> (TempDir, Hierarchy) {
        let top = TempDir::new().unwrap();
        let own = top.path().join("init");
        fs::create_dir(&own).unwrap();
        for (name, text) in [("cgroup.type", "domain"), ("init/cgroup.type", "domain"), ("cgroup.controllers", "cpu memory pids")] {
            fs::write(top.path().join(name), text).unwrap();
        }
        for (name, text) in files {
            fs::write(top.path().join(name), text).unwrap();
        }
        let tree = Hierarchy { controllers: None, own, top: top.path().to_owned() };
        (top, tree)
    }

    #[test]
    fn beside_ours_one_is_made_only_where_that_takes_no_bound_off() {
        let reason = |files: &[(&str, &str)]| {
            let (_top, tree) = version_2(files);
            parent("memory", &[tree]).map(|(_, version)| version)
        };
        let handed_on = ("cgroup.subtree_control", "cpu memory");
        assert_eq!(reason(&[handed_on, ("init/memory.max", "max"), ("init/cpu.max", "max 100000")]).unwrap(), 2);
        assert!(matches!(reason(&[("cgroup.subtree_control", "cpu")]), Err(Error::Kept { .. })));
        assert!(matches!(reason(&[handed_on, ("init/memory.max", "1048576")]), Err(Error::Bounded { .. })));
        assert!(matches!(reason(&[handed_on, ("init/cpu.max", "50000 100000")]), Err(Error::Bounded { .. })));
        assert!(matches!(reason(&[("cgroup.controllers", "cpu")]), Err(Error::Absent("memory"))));
    }

    #[test]
    fn a_cgroup_with_processes_has_none_beneath_it_but_the_root_of_all() {
        let (_top, mut tree) = version_2(&[("cgroup.subtree_control", "")]);
        tree.own = tree.top.clone();
        let occupied = parent("memory", &[tree]).unwrap_err();
        assert!(matches!(occupied, Error::Occupied { .. }) && occupied.remedy().contains("subtree_control"), "{occupied}");
        let (top, mut tree) = version_2(&[("cgroup.subtree_control", "")]);
        fs::remove_file(top.path().join("cgroup.type")).unwrap();
        tree.own = tree.top.clone();
        assert_eq!(parent("memory", &[tree]).unwrap(), (top.path().to_owned(), 2));
        assert_eq!(fs::read_to_string(top.path().join("cgroup.subtree_control")).unwrap(), "+memory");
    }
}
