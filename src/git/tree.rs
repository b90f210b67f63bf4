//! Trees as flat lists of files.

use std::collections::BTreeMap;

use super::{Error, Oid, Repository, program, shown};

/// Bytes of a tree's listing: about a million files with long names.
const LISTING: u64 = 512 << 20;

/// What a tree entry is (git-fast-import(1), "filemodify").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Mode {
    /// `100644`.
    File,
    /// `100755`.
    Executable,
    /// `120000`.
    Symlink,
    /// `160000`, a submodule's commit.
    Gitlink,
    /// Anything else, such as the `100664` of old repositories: kept where it stands, never made.
    Odd(u32),
}

impl Mode {
    /// The six octal digits of trees.
    pub fn octal(self) -> String {
        match self {
            Self::File => "100644".to_owned(),
            Self::Executable => "100755".to_owned(),
            Self::Symlink => "120000".to_owned(),
            Self::Gitlink => "160000".to_owned(),
            Self::Odd(number) => format!("{number:06o}"),
        }
    }

    /// Whether the object is a blob with a file's bytes.
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable | Self::Odd(_))
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "100644" => Some(Self::File),
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Symlink),
            "160000" => Some(Self::Gitlink),
            _ => u32::from_str_radix(text, 8).ok().map(Self::Odd),
        }
    }
}

/// One file, link or submodule of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// What it is.
    pub mode: Mode,
    /// Its blob, or the submodule's commit.
    pub id: Oid,
}

/// Every file of a tree by its path: bytes, `/` between names.
pub type Tree = BTreeMap<Vec<u8>, Entry>;

impl Repository {
    /// Lists the whole tree `id`.
    ///
    /// # Errors
    /// [`Error::Failed`] when it is not here, [`Error::TooLarge`], [`Error::Answer`].
    pub fn list(&self, id: Oid) -> Result<Tree, Error> {
        let mut command = self.command();
        command.args(["ls-tree", "-r", "-z", "--full-tree", &id.to_string()]);
        let listing = program::ask("ls-tree", &mut command, |_| Ok(()), LISTING)?;
        parse(&listing)
    }
}

pub(super) fn parse(listing: &[u8]) -> Result<Tree, Error> {
    let records = listing.split(|b| *b == 0).filter(|record| !record.is_empty());
    let parsed = records.map(|record| parse_record(record).ok_or_else(|| Error::Answer { call: "ls-tree", answer: shown(record) }));
    let mut entries = parsed.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    // A tree with one name twice reads differently to everyone who reads it.
    if let Some([(path, _), _]) = entries.array_windows().find(|[one, next]| one.0 == next.0) {
        return Err(Error::Answer { call: "ls-tree", answer: format!("the path {} twice", shown(path)) });
    }
    Ok(entries.into_iter().collect())
}

/// `<mode> SP <type> SP <object> TAB <file>` (git-ls-tree(1)).
fn parse_record(record: &[u8]) -> Option<(Vec<u8>, Entry)> {
    let tab = record.iter().position(|b| *b == b'\t')?;
    let mut fields = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
    let mode = Mode::parse(fields.next()?)?;
    let _kind = fields.next()?;
    let id = fields.next()?.parse().ok()?;
    Some((record[tab + 1..].to_vec(), Entry { mode, id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_bytes() {
        let oid = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        let listing = format!("100644 blob {oid}\ta\tb\n\0120000 blob {oid}\tl\0160000 commit {oid}\ts\0100664 blob {oid}\to\0");
        let tree = parse(listing.as_bytes()).unwrap();
        assert_eq!(tree[&b"a\tb\n".to_vec()].mode, Mode::File);
        assert_eq!(tree[&b"s".to_vec()].mode, Mode::Gitlink);
        assert_eq!(tree[&b"o".to_vec()].mode.octal(), "100664");
    }

    #[test]
    fn a_path_twice_is_refused() {
        let record = "100644 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\ta\0";
        assert!(parse(record.repeat(2).as_bytes()).is_err());
        assert!(parse(b"100644 blob\0").is_err());
    }
}
