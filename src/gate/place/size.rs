//! How much changed.

use crate::gate::{Error, Op, finding::Judge};

/// Compares files, bytes and folders with the policy's bounds.
pub(super) fn judge(judge: &mut Judge<'_>) -> Result<(), Error> {
    let (policy, blobs, count) = (judge.policy, judge.blobs, judge.change.facts().len() as u64);
    if count > policy.max_files {
        over(judge, "size/files", b"", format!("{count} files changed, more than {}", policy.max_files), "changes.max_files");
    }
    for fact in judge.facts() {
        let depth = fact.path.iter().filter(|b| **b == b'/').count() as u64;
        if fact.op() == Op::Add && depth > policy.max_depth {
            let message = format!("this path is {depth} folders deep, more than {}", policy.max_depth);
            over(judge, "size/depth", &fact.path, message, "changes.max_depth");
        }
        let size = judge.change.size(fact, blobs)?;
        judge.tally.bytes = judge.tally.bytes.saturating_add(size);
        if size > policy.max_file_bytes {
            let message = format!("this file has {size} bytes, more than {}", policy.max_file_bytes);
            over(judge, "size/file", &fact.path, message, "changes.max_file_bytes");
        }
    }
    Ok(())
}

/// Compares what was counted over all files.
pub(in crate::gate) fn judge_sums(judge: &mut Judge<'_>) {
    let (policy, bytes) = (judge.policy, judge.tally.bytes);
    if bytes > policy.max_bytes {
        over(judge, "size/bytes", b"", format!("{bytes} bytes changed, more than {}", policy.max_bytes), "changes.max_bytes");
    }
    let lines = judge.tally.lines.values().fold(0_u64, |sum, (added, removed)| sum.saturating_add(*added).saturating_add(*removed));
    if lines > policy.max_lines {
        over(judge, "size/lines", b"", format!("{lines} lines added and removed, more than {}", policy.max_lines), "changes.max_lines");
    }
    let deleted = judge.tally.emptied + judge.facts().filter(|fact| fact.op() == Op::Delete).count() as u64;
    if deleted > policy.max_deleted {
        let message = format!("{deleted} files removed or emptied, more than {}", policy.max_deleted);
        over(judge, "size/deleted", b"", message, "changes.max_deleted");
    }
}

fn over(judge: &mut Judge<'_>, rule: &'static str, path: &[u8], message: String, key: &str) {
    judge.by_policy(rule, path, None, message, &format!("make a smaller change, or raise {key}"));
}
