//! Where a symbolic link leads, within a tree.

use crate::git::{Mode, Tree};

/// Links followed before a chain counts as endless (path_resolution(7) says 40).
const HOPS: usize = 40;

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To a file or folder of the tree.
    Inside,
    /// An absolute path.
    Absolute,
    /// Above the root.
    Outside,
    /// Through a name that is read as `.git`.
    Git,
    /// To nothing, or round in a circle.
    Dangling,
}

/// Follows the link at `path` with the text `target`; `read` gives the text of other links on the way.
pub(super) fn resolve<E>(tree: &Tree, path: &[u8], target: &[u8], mut read: impl FnMut(&[u8]) -> Result<Vec<u8>, E>) -> Result<Target, E> {
    let mut at: Vec<Vec<u8>> = parent(path);
    let mut rest: Vec<Vec<u8>> = names(target);
    if let Some(bad) = unfit(target) {
        return Ok(bad);
    }
    let mut hops = 0;
    while let Some(name) = rest.pop() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => match at.pop() {
                Some(_) => continue,
                None => return Ok(Target::Outside),
            },
            _ => at.push(name),
        }
        let here = at.join(&b'/');
        if tree.get(&here).is_some_and(|entry| entry.mode == Mode::Symlink) {
            hops += 1;
            let text = read(&here)?;
            if let Some(bad) = unfit(&text) {
                return Ok(bad);
            }
            if hops > HOPS {
                return Ok(Target::Dangling);
            }
            at.pop();
            rest.extend(names(&text));
        } else if !exists(tree, &here) {
            return Ok(if leaves(at.len(), &rest) { Target::Outside } else { Target::Dangling });
        }
    }
    Ok(Target::Inside)
}

fn unfit(target: &[u8]) -> Option<Target> {
    if target.first().is_none_or(|b| *b == b'/') {
        Some(if target.is_empty() { Target::Dangling } else { Target::Absolute })
    } else if super::name::has_dot_git(target) {
        Some(Target::Git)
    } else {
        None
    }
}

/// The names of a path, the first one last.
fn names(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|b| *b == b'/').rev().map(<[u8]>::to_vec).collect()
}

fn parent(path: &[u8]) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = path.split(|b| *b == b'/').map(<[u8]>::to_vec).collect();
    names.pop();
    names
}

/// Whether `path` is a file, or a folder with something in it.
fn exists(tree: &Tree, path: &[u8]) -> bool {
    let folder = [path, b"/"].concat();
    tree.contains_key(path) || tree.range(folder.clone()..).next().is_some_and(|(found, _)| found.starts_with(&folder))
}

/// Whether what is left of a dangling target climbs above the root.
fn leaves(depth: usize, rest: &[Vec<u8>]) -> bool {
    let mut depth = isize::try_from(depth).unwrap_or(isize::MAX);
    rest.iter().rev().any(|name| {
        depth += match name.as_slice() {
            b"" | b"." => 0,
            b".." => -1,
            _ => 1,
        };
        depth < 0
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::git::{Entry, Oid};

    #[test]
    fn links_are_followed_within_the_tree_only() {
        let entry = |mode| Entry { mode, id: Oid::of_blob(b"").unwrap() };
        let tree = Tree::from([
            (b"a/b/c".to_vec(), entry(Mode::File)),
            (b"up".to_vec(), entry(Mode::Symlink)),
            (b"loop".to_vec(), entry(Mode::Symlink)),
            (b"in".to_vec(), entry(Mode::Symlink)),
        ]);
        let read = |path: &[u8]| {
            Ok::<_, Infallible>(match path {
                b"up" => b"..".to_vec(),
                b"loop" => b"loop".to_vec(),
                _ => b"a/b".to_vec(),
            })
        };
        for (path, target, expected) in [
            ("x", "a/b/c", Target::Inside),
            ("a/x", "b", Target::Inside),
            ("a/x", "../a/./b//c", Target::Inside),
            ("x", "in/c", Target::Inside),
            ("x", "/etc/passwd", Target::Absolute),
            ("x", "../y", Target::Outside),
            ("a/x", "../../y", Target::Outside),
            ("x", "no/../../y", Target::Outside),
            ("x", "up/y", Target::Outside),
            ("x", "loop", Target::Dangling),
            ("x", "nothing", Target::Dangling),
            ("x", "", Target::Dangling),
            ("a/x", "../.git/config", Target::Git),
            ("x", ".GIT", Target::Git),
        ] {
            assert_eq!(resolve(&tree, path.as_bytes(), target.as_bytes(), read).unwrap(), expected, "{path} -> {target}");
        }
    }
}
