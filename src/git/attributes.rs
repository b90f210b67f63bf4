//! What a tree's own `.gitattributes` and `.gitignore` files say of paths. No other file is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
};

use super::{Error, Oid, Repository, Tree, program, shown};

const LIMIT: u64 = 512 << 20;

/// The attributes that change a file's bytes on their way into git (gitattributes(5)), in the order asked for.
const ASKED: [&str; 6] = ["text", "eol", "crlf", "working-tree-encoding", "filter", "ident"];

/// The attributes of one path: `unspecified`, `set`, `unset` or the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, String>);

/// Attributes by path.
pub type Attributed = BTreeMap<Vec<u8>, Attributes>;

impl Attributes {
    /// The value of `name`; `unspecified` where nothing says more.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("unspecified", String::as_str)
    }

    /// Attributes made by hand: for tests of what depends on them.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Repository {
    /// What the `.gitattributes` files of the tree `source`, whose files are `files`, say of each of `paths`. Of those that
    /// are not in the answer they say nothing.
    ///
    /// # Errors
    /// [`Error::Failed`], [`Error::Answer`].
    pub fn attributes(&self, source: Oid, files: &Tree, paths: &[Vec<u8>]) -> Result<Attributed, Error> {
        let says_something = |path: &Vec<u8>| path.rsplit(|b| *b == b'/').next() == Some(b".gitattributes");
        if paths.is_empty() || !files.keys().any(says_something) {
            return Ok(Attributed::new());
        }
        let mut command = self.command();
        command.arg("check-attr").arg(format!("--source={source}")).args(["-z", "--stdin"]).args(ASKED);
        let output = program::talk("check-attr", &mut command, |pipe| feed(pipe, paths), LIMIT)?;
        if !output.status.success() {
            return Err(Error::Failed { call: "check-attr", status: output.status.to_string(), stderr: output.stderr });
        }
        parse_attributes(&output.stdout)
    }

    /// Which of `paths` (files, or folders with a final `/`) the `.gitignore` files in the folder `rules` ignore. That
    /// folder holds these files and nothing else.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn ignored(&self, rules: &Path, paths: &[Vec<u8>]) -> Result<BTreeSet<Vec<u8>>, Error> {
        if paths.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut command = self.command();
        // This command knows no literal paths; `./` before a path keeps its first character from meaning anything.
        command.env("GIT_WORK_TREE", rules).env_remove("GIT_LITERAL_PATHSPECS").current_dir(rules);
        let paths: Vec<Vec<u8>> = paths.iter().map(|path| [b"./", path.as_slice()].concat()).collect();
        command.args(["-c", "core.bare=false", "check-ignore", "--no-index", "-z", "--stdin"]);
        let output = program::talk("check-ignore", &mut command, |pipe| feed(pipe, &paths), LIMIT)?;
        // git-check-ignore(1): 1 says that none is ignored.
        if !matches!(output.status.code(), Some(0 | 1)) {
            return Err(Error::Failed { call: "check-ignore", status: output.status.to_string(), stderr: output.stderr });
        }
        Ok(output.stdout.split(|b| *b == 0).filter_map(|path| path.strip_prefix(b"./")).map(<[u8]>::to_vec).collect())
    }
}

fn feed(pipe: &mut dyn Write, paths: &[Vec<u8>]) -> std::io::Result<()> {
    let mut pipe = std::io::BufWriter::new(pipe);
    for path in paths {
        pipe.write_all(path)?;
        pipe.write_all(b"\0")?;
    }
    pipe.flush()
}

/// `<path> NUL <attribute> NUL <info> NUL` (git-check-attr(1)).
pub(super) fn parse_attributes(answer: &[u8]) -> Result<Attributed, Error> {
    let refused = |what: &[u8]| Error::Answer { call: "check-attr", answer: shown(what) };
    let fields: Vec<&[u8]> = answer.strip_suffix(b"\0").unwrap_or(answer).split(|b| *b == 0).collect();
    let mut found = Attributed::new();
    for record in fields.chunks(3) {
        let [path, name, value] = record else { return Err(refused(&record.concat())) };
        let name = String::from_utf8(name.to_vec()).map_err(|_| refused(name))?;
        found.entry(path.to_vec()).or_default().0.insert(name, String::from_utf8_lossy(value).into_owned());
    }
    Ok(found)
}
