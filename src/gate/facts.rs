//! A change as JSON, for policies in other languages (conftest, Open Policy Agent): `docs/facts.schema.json`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{Blobs, Change, Fact, Judgement, Oddity, Op};
use crate::{
    digest::Digest,
    git::{self, Entry, Mode, Oid, shown},
    verdict::Verdict,
};

/// Everything that the rules know of a change, and what they say.
#[derive(Debug, Serialize)]
pub struct Facts<'a> {
    version: u32,
    base: Oid,
    tree: Oid,
    files: Vec<File>,
    ignored: Vec<Path>,
    dropped: Vec<Path>,
    own_repository_touched: bool,
    verdict: &'a Verdict,
}

/// A path: as text where it is UTF-8, and always as bytes.
#[derive(Debug, Serialize)]
struct Path {
    path: String,
    path_base64: String,
}

#[derive(Debug, Serialize)]
struct File {
    #[serde(flatten)]
    path: Path,
    operation: &'static str,
    old: Option<Side>,
    new: Option<Side>,
    lines_added: u64,
    lines_removed: u64,
    /// The object of Git LFS that stands behind `new`, where it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs: Option<Lfs>,
    /// Why it can be in no tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    oddity: Option<Oddity>,
}

#[derive(Debug, Serialize)]
struct Lfs {
    oid: Digest,
    size: u64,
}

#[derive(Debug, Serialize)]
struct Side {
    mode: String,
    kind: &'static str,
    id: Oid,
    /// None for a submodule, and where the object is not here.
    size: Option<u64>,
}

/// The facts of `change` and what `judgement` says of them.
///
/// # Errors
/// What [`Blobs::size`] says of a file of the judged tree.
pub fn facts<'a>(change: &Change, judgement: &'a Judgement, blobs: &dyn Blobs) -> Result<Facts<'a>, git::Error> {
    let file = |fact: &Fact| {
        let (lines_added, lines_removed) = judgement.lines(&fact.path);
        Ok(File {
            path: path(&fact.path),
            operation: operation(fact.op()),
            old: fact.old.map(|entry| side(entry, size(entry, blobs).unwrap_or(None))),
            new: fact.new.map(|entry| Ok(side(entry, size(entry, blobs)?))).transpose()?,
            lines_added,
            lines_removed,
            lfs: change.object(fact).map(|pointer| Lfs { oid: pointer.digest, size: pointer.size }),
            oddity: fact.oddity.clone(),
        })
    };
    Ok(Facts {
        version: 1,
        base: change.base(),
        tree: change.tree(),
        files: change.facts().iter().map(file).collect::<Result<_, git::Error>>()?,
        ignored: change.ignored().iter().map(|name| path(name)).collect(),
        dropped: change.dropped().iter().map(|(name, _)| path(name)).collect(),
        own_repository_touched: change.repository_touched(),
        verdict: &judgement.verdict,
    })
}

fn path(bytes: &[u8]) -> Path {
    let path = std::str::from_utf8(bytes).map_or_else(|_| shown(bytes), str::to_owned);
    Path { path, path_base64: STANDARD.encode(bytes) }
}

fn operation(op: Op) -> &'static str {
    match op {
        Op::Add => "add",
        Op::Modify => "modify",
        Op::Delete => "delete",
        Op::Mode => "mode",
    }
}

fn side(entry: Entry, size: Option<u64>) -> Side {
    let kind = match entry.mode {
        Mode::File | Mode::Executable | Mode::Odd(_) => "file",
        Mode::Symlink => "symlink",
        Mode::Gitlink => "submodule",
    };
    Side { mode: entry.mode.octal(), kind, id: entry.id, size }
}

fn size(entry: Entry, blobs: &dyn Blobs) -> Result<Option<u64>, git::Error> {
    if entry.mode == Mode::Gitlink { Ok(None) } else { blobs.size(entry.id).map(Some) }
}
