//! Trees as git stores them, an object for each folder, made from flat lists of files.
//!
//! Git's own way is an index, which takes three processes and reads every file's entry. Here the folders are hashed by our
//! own code, and one process writes those that are new.

use std::{
    collections::HashSet,
    fs,
    io::{self, Write},
};

use flate2::{Compression, write::ZlibEncoder};
use sha1_checked::{Digest as _, Sha1};

use super::{Entry, Error, Mode, Oid, Repository, Tree, file_error, program, shown};

/// A change of one path of a tree.
#[derive(Clone, Debug)]
pub struct Staged {
    /// From the root, `/` between names.
    pub path: Vec<u8>,
    /// What stands there from now on; none to remove it.
    pub entry: Option<Entry>,
}

impl Repository {
    /// The tree that `base`, whose files are `files`, becomes by `changes`, written into this repository, and its files.
    /// Removals come first, so that a file can take a folder's place.
    ///
    /// # Errors
    /// [`Error::Path`]; [`Error::Answer`] when git's name of a tree is not ours, [`Error::Failed`].
    pub fn write_tree(&self, base: Oid, files: &Tree, changes: &[Staged]) -> Result<(Oid, Tree), Error> {
        let mut after = files.clone();
        for change in changes.iter().filter(|change| change.entry.is_none()) {
            after.remove(&change.path);
        }
        for change in changes {
            if let Some(entry) = change.entry {
                check(&change.path)?;
                after.insert(change.path.clone(), Entry { mode: canonical(entry.mode), id: entry.id });
            }
        }
        let before = folders(files)?;
        // A base that git once wrote in another form, such as with empty folders, is written anew as a whole.
        let known: HashSet<Oid> = if before.root == base { before.objects.iter().map(|(id, _)| *id).collect() } else { HashSet::new() };
        let made = folders(&after)?;
        self.write_folders(made.objects.iter().filter(|(id, _)| !known.contains(id)))?;
        Ok((made.root, after))
    }

    /// One process takes every folder, packed, and its index of the pack (gitformat-pack(5)) says by what names it knows them.
    fn write_folders<'a>(&self, objects: impl Iterator<Item = &'a (Oid, Vec<Named<'a>>)>) -> Result<(), Error> {
        const CALL: &str = "index-pack";
        /// The index's mark, its version, and how many names there are up to each first byte.
        const HEAD: usize = 8 + 4 * 256;
        let objects: Vec<_> = objects.collect();
        if objects.is_empty() {
            return Ok(());
        }
        let packed = packed(&objects).map_err(|source| Error::Pipe { call: CALL, source })?;
        let answer = program::ask(CALL, self.command().args([CALL, "--stdin"]), |pipe| pipe.write_all(&packed), 4096)?;
        let name = answer.strip_prefix(b"pack\t").map(|name| program::oid(CALL, name));
        let name = name.ok_or_else(|| Error::Answer { call: CALL, answer: shown(&answer) })??;
        let path = self.dir.join(format!("objects/pack/pack-{name}.idx"));
        let index = fs::read(&path).map_err(file_error(&path))?;
        let mut names: Vec<[u8; 20]> = objects.iter().map(|(id, _)| *id.bytes()).collect();
        names.sort_unstable();
        let theirs = index.strip_prefix(b"\xfftOc\0\0\0\x02").and_then(|_| index.get(HEAD..HEAD + 20 * names.len()));
        if theirs == Some(names.as_flattened()) {
            Ok(())
        } else {
            Err(Error::Answer { call: CALL, answer: "other names than ours".to_owned() })
        }
    }
}

/// One name in a folder.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a [u8],
    /// None for a folder.
    mode: Option<Mode>,
    id: Oid,
}

/// Every folder of a tree.
struct Folders<'a> {
    root: Oid,
    /// Those within others first; each once.
    objects: Vec<(Oid, Vec<Named<'a>>)>,
}

/// A folder that may go on.
struct Open<'a> {
    path: &'a [u8],
    entries: Vec<Named<'a>>,
}

/// Hashes the folders of `files`. Paths in the order of their bytes are in the order of trees, where a folder is sorted as
/// if its name ended in `/` (git-mktree(1)).
fn folders(files: &Tree) -> Result<Folders<'_>, Error> {
    let (mut open, mut closed) = (vec![Open { path: b"", entries: vec![] }], Closed::default());
    for (path, entry) in files {
        while open.last().is_some_and(|folder| !is_in(path, folder.path)) {
            close(&mut open, &mut closed)?;
        }
        let mut from = open.last().map_or(0, |folder| if folder.path.is_empty() { 0 } else { folder.path.len() + 1 });
        while let Some(length) = path.get(from..).and_then(|rest| rest.iter().position(|b| *b == b'/')) {
            let path = &path[..from + length];
            if files.contains_key(path) {
                return Err(Error::Path(shown(path)));
            }
            open.push(Open { path, entries: vec![] });
            from += length + 1;
        }
        let named = Named { name: &path[from..], mode: Some(entry.mode), id: entry.id };
        open.last_mut().into_iter().for_each(|folder| folder.entries.push(named));
    }
    while open.len() > 1 {
        close(&mut open, &mut closed)?;
    }
    let root = closed.add(open.pop().map(|folder| folder.entries).unwrap_or_default())?;
    Ok(Folders { root, objects: closed.objects })
}

/// Whether `path` is below `folder`.
fn is_in(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn close<'a>(open: &mut Vec<Open<'a>>, closed: &mut Closed<'a>) -> Result<(), Error> {
    let Some(Open { path, entries }) = open.pop() else { return Ok(()) };
    let id = closed.add(entries)?;
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    open.last_mut().into_iter().for_each(|above| above.entries.push(Named { name, mode: None, id }));
    Ok(())
}

#[derive(Default)]
struct Closed<'a> {
    objects: Vec<(Oid, Vec<Named<'a>>)>,
    seen: HashSet<Oid>,
}

impl<'a> Closed<'a> {
    fn add(&mut self, entries: Vec<Named<'a>>) -> Result<Oid, Error> {
        let id = Oid::of("tree", &written(&entries))?;
        if self.seen.insert(id) {
            self.objects.push((id, entries));
        }
        Ok(id)
    }
}

/// `<mode> SP <name> NUL <20 bytes>` for each entry, the mode without zeros before it.
fn written(entries: &[Named<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Named { name, mode, id } in entries {
        let octal = mode.map_or_else(|| "40000".to_owned(), Mode::octal);
        for part in [octal.trim_start_matches('0').as_bytes(), b" ", name, b"\0", id.bytes()] {
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

/// A pack of folders (gitformat-pack(5)): `PACK`, its version and how many there are; for each its kind and size, and its bytes
/// in a zlib stream; the SHA-1 of all that.
fn packed(objects: &[&(Oid, Vec<Named<'_>>)]) -> io::Result<Vec<u8>> {
    const TREE: u8 = 2;
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend(u32::try_from(objects.len()).map_err(io::Error::other)?.to_be_bytes());
    for (_, entries) in objects {
        let bytes = written(entries);
        // Four bits of the size stand beside the kind, seven in each further byte; the highest bit says that one follows.
        let (mut byte, mut rest) = (TREE << 4 | (bytes.len() & 0xf) as u8, bytes.len() >> 4);
        while rest > 0 {
            pack.push(byte | 0x80);
            (byte, rest) = ((rest & 0x7f) as u8, rest >> 7);
        }
        pack.push(byte);
        let mut stream = ZlibEncoder::new(pack, Compression::fast());
        stream.write_all(&bytes)?;
        pack = stream.finish()?;
    }
    let sum = Sha1::digest(&pack);
    pack.extend_from_slice(&sum);
    Ok(pack)
}

/// What git's own index takes in no tree. The gate judges names more strictly; here they must only not break it.
fn check(path: &[u8]) -> Result<(), Error> {
    let odd = |name: &[u8]| matches!(name, b"" | b"." | b"..") || name.eq_ignore_ascii_case(b".git") || name.contains(&0);
    if path.split(|b| *b == b'/').any(odd) { Err(Error::Path(shown(path))) } else { Ok(()) }
}

/// An odd mode is kept where it stands; what is written anew has the nearest plain one, as git itself reads it.
fn canonical(mode: Mode) -> Mode {
    match mode {
        Mode::Odd(number) if number & 0o100 != 0 => Mode::Executable,
        Mode::Odd(_) => Mode::File,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let id = Oid::of_blob(b"").unwrap();
        paths.iter().map(|path| (path.as_bytes().to_vec(), Entry { mode: Mode::File, id })).collect()
    }

    #[test]
    fn the_empty_tree_has_its_published_name() {
        assert_eq!(folders(&Tree::new()).unwrap().root.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn folders_come_after_what_is_in_them_and_each_once() {
        let files = tree(&["a-b", "a.c", "a/x/y", "a/x/z", "a/z", "a0", "b/x/y", "b/x/z"]);
        let found = folders(&files).unwrap();
        let names: Vec<Vec<&str>> = found
            .objects
            .iter()
            .map(|(_, entries)| entries.iter().map(|entry| std::str::from_utf8(entry.name).unwrap()).collect())
            .collect();
        assert_eq!(names, [vec!["y", "z"], vec!["x", "z"], vec!["x"], vec!["a-b", "a.c", "a", "a0", "b"]]);
    }

    #[test]
    fn a_file_is_no_folder_and_names_that_git_refuses_are_refused() {
        assert!(folders(&tree(&["a", "a/b"])).is_err() && folders(&tree(&["a", "a-", "a/b"])).is_err());
        for path in ["", "/a", "a/", "a//b", "../a", "a/./b", ".git/config", "a/.GIT"] {
            assert!(check(path.as_bytes()).is_err(), "{path}");
        }
        assert!(check(b".gitignore").is_ok() && check(b"a/...").is_ok());
    }
}
