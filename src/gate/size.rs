//! How much changed.

use std::collections::HashMap;

use super::{Blobs, Error, Fact, LARGEST, finding::Judge};
use crate::git::{self, Entry, Mode, Oid};

/// The content of a changed path that other rules look into.
pub(super) struct Content {
    pub(super) path: Vec<u8>,
    pub(super) id: Oid,
}

/// Compares files, bytes and lines with the policy's bounds, and gives the contents that are small enough to be read.
pub(super) fn judge(judge: &mut Judge<'_>, blobs: &dyn Blobs) -> Result<Vec<Content>, Error> {
    let (policy, count) = (judge.policy, judge.change.facts().len() as u64);
    if count > policy.max_files {
        over(judge, "size/files", b"", format!("{count} files changed, more than {}", policy.max_files), "changes.max_files");
    }
    let (mut bytes, mut lines, mut contents) = (0_u64, 0_u64, Vec::new());
    for fact in judge.facts() {
        let Some(id) = blob_of(fact) else {
            lines = lines.saturating_add(total(changed_lines(fact, blobs)?));
            continue;
        };
        let size = blobs.size(id)?;
        bytes = bytes.saturating_add(size);
        if size > policy.max_file_bytes {
            let message = format!("this file has {size} bytes, more than {}", policy.max_file_bytes);
            over(judge, "size/file", &fact.path, message, "changes.max_file_bytes");
        }
        lines = lines.saturating_add(total(changed_lines(fact, blobs)?));
        contents.push(Content { path: fact.path.clone(), id });
    }
    if bytes > policy.max_bytes {
        over(judge, "size/bytes", b"", format!("{bytes} bytes changed, more than {}", policy.max_bytes), "changes.max_bytes");
    }
    if lines > policy.max_lines {
        over(judge, "size/lines", b"", format!("{lines} lines added and removed, more than {}", policy.max_lines), "changes.max_lines");
    }
    Ok(contents)
}

fn over(judge: &mut Judge<'_>, rule: &'static str, path: &[u8], message: String, key: &str) {
    judge.by_policy(rule, path, None, message, &format!("make a smaller change, or raise {key}"));
}

/// The blob of a path that is there afterwards.
fn blob_of(fact: &Fact) -> Option<Oid> {
    fact.new.filter(|entry| entry.mode != Mode::Gitlink).map(|entry| entry.id)
}

fn total((added, removed): (u64, u64)) -> u64 {
    added.saturating_add(removed)
}

/// The lines that `fact` adds and removes. A line that only moved does not count.
///
/// # Errors
/// [`Error::Git`] when the new content cannot be read.
pub fn changed_lines(fact: &Fact, blobs: &dyn Blobs) -> Result<(u64, u64), Error> {
    let blob = |entry: Option<Entry>| entry.filter(|entry| entry.mode != Mode::Gitlink).map(|entry| blobs.blob(entry.id, LARGEST));
    let old = match blob(fact.old) {
        // What was there may be missing in a partial clone, or too large to count; it does not leave.
        None | Some(Err(git::Error::Missing(_) | git::Error::BlobTooLarge { .. })) => vec![],
        Some(other) => other?,
    };
    let new = blob(fact.new).transpose()?.unwrap_or_default();
    Ok(line_changes(&old, &new))
}

/// Lines of `new` that are not in `old`, and the other way round.
fn line_changes(old: &[u8], new: &[u8]) -> (u64, u64) {
    let mut counts: HashMap<&[u8], i64> = HashMap::new();
    for line in lines(old) {
        *counts.entry(line).or_default() -= 1;
    }
    for line in lines(new) {
        *counts.entry(line).or_default() += 1;
    }
    let sum = |sign: i64| counts.values().filter(|count| count.signum() == sign).map(|count| count.unsigned_abs()).sum();
    (sum(1), sum(-1))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    whole.split(|b| *b == b'\n').filter(move |_| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::line_changes;

    #[test]
    fn added_and_removed_lines_are_counted() {
        assert_eq!(line_changes(b"a\nb\n", b"a\nb\n"), (0, 0));
        assert_eq!(line_changes(b"a\nb\n", b"a\nc\n"), (1, 1));
        assert_eq!(line_changes(b"", b"a\nb\nc"), (3, 0));
        assert_eq!(line_changes(b"a\n", b""), (0, 1));
    }
}
