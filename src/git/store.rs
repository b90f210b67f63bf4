//! Writes objects into a repository of ours: blobs and commits.

use std::{
    fs,
    io::{self, Write},
};

use super::{Error, Oid, Repository, file_error, program, shown};

/// Whose name a commit bears.
#[derive(Clone, Debug)]
pub struct Identity {
    /// A name without `<`, `>` and line breaks.
    pub name: String,
    /// An e-mail address without them.
    pub email: String,
    /// Seconds since 1970.
    pub seconds: u64,
}

/// Bytes of the list of objects that fast-import wrote.
const MARKS: u64 = 256 << 20;

impl Repository {
    /// Writes every blob that `next` gives, byte for byte, and returns their names in order. `next` gives none when
    /// there are no more.
    ///
    /// # Errors
    /// What `next` says, or [`Error::Failed`]; [`Error::Answer`] when git's name of a blob is not ours.
    pub fn store_blobs<E: From<Error> + Send>(&self, mut next: impl FnMut() -> Result<Option<Vec<u8>>, E> + Send) -> Result<Vec<Oid>, E> {
        const CALL: &str = "fast-import";
        let marks = self.dir.join("marks");
        let mut command = self.command();
        // What it packs stays packed: to take a few objects apart again needs one more process.
        command
            .args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--done"])
            .arg(format!("--export-marks={}", marks.display()));
        let mut names = Vec::new();
        let mut stopped = None;
        let feed = |pipe: &mut dyn Write| feed_blobs(pipe, &mut next, &mut names, &mut stopped);
        let output = program::talk(CALL, &mut command, feed, 4096);
        if let Some(error) = stopped {
            return Err(error);
        }
        let output = output?;
        if !output.status.success() {
            return Err(Error::Failed { call: CALL, status: output.status.to_string(), stderr: output.stderr }.into());
        }
        let written = fs::read(&marks).map_err(file_error(&marks))?;
        fs::remove_file(&marks).map_err(file_error(&marks))?;
        self.renew();
        check_marks(&written, &names)?;
        Ok(names)
    }

    /// A commit of `tree` on `parents` with exactly this message and identity. Nothing signs it.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn commit(&self, tree: Oid, parents: &[Oid], message: &str, by: &Identity) -> Result<Oid, Error> {
        let date = format!("@{} +0000", by.seconds);
        let mut command = self.command();
        for (role, value) in [("NAME", &by.name), ("EMAIL", &by.email), ("DATE", &date)] {
            command.env(format!("GIT_AUTHOR_{role}"), value).env(format!("GIT_COMMITTER_{role}"), value);
        }
        command.args(["commit-tree", "--no-gpg-sign", &tree.to_string(), "-F", "-"]);
        for parent in parents {
            command.args(["-p", &parent.to_string()]);
        }
        let answer = program::ask("commit-tree", &mut command, |pipe| pipe.write_all(message.as_bytes()), 4096)?;
        program::oid("commit-tree", &answer)
    }
}

fn feed_blobs<E: From<Error>>(
    pipe: &mut dyn Write,
    next: &mut dyn FnMut() -> Result<Option<Vec<u8>>, E>,
    names: &mut Vec<Oid>,
    stopped: &mut Option<E>,
) -> io::Result<()> {
    loop {
        let bytes = match next() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return pipe.write_all(b"done\n"),
            Err(error) => {
                *stopped = Some(error);
                return Ok(());
            }
        };
        match Oid::of_blob(&bytes) {
            Ok(name) => names.push(name),
            Err(error) => {
                *stopped = Some(error.into());
                return Ok(());
            }
        }
        // git-fast-import(1): the bytes are counted, never delimited.
        write!(pipe, "blob\nmark :{}\ndata {}\n", names.len(), bytes.len())?;
        pipe.write_all(&bytes)?;
        pipe.write_all(b"\n")?;
    }
}

/// Compares git's names, lines `:<mark> SP <oid>` in any order, with ours.
fn check_marks(written: &[u8], names: &[Oid]) -> Result<(), Error> {
    let differ = || Error::Answer { call: "fast-import", answer: shown(&written[..written.len().min(200)]) };
    if written.len() as u64 > MARKS {
        return Err(differ());
    }
    let text = std::str::from_utf8(written).map_err(|_| differ())?;
    let mut seen = 0;
    for line in text.lines() {
        let (mark, oid) = line.strip_prefix(':').and_then(|line| line.split_once(' ')).ok_or_else(differ)?;
        let index: usize = mark.parse().map_err(|_| differ())?;
        let ours = index.checked_sub(1).and_then(|index| names.get(index)).ok_or_else(differ)?;
        if *oid != ours.to_string() {
            return Err(differ());
        }
        seen += 1;
    }
    if seen == names.len() { Ok(()) } else { Err(differ()) }
}
