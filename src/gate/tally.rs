//! What is counted over all files of a change.

use std::collections::BTreeMap;

use super::{checks::Suite, content::File, host::Hosts};

/// Counts of one part of a change, or of the whole of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Lines added and removed, by path.
    pub(super) lines: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Bytes of changed files.
    pub(super) bytes: u64,
    /// Files that had text and have none any more.
    pub(super) emptied: u64,
    /// Hosts that code names.
    pub(super) hosts: Hosts,
    /// Tests.
    pub(super) suite: Suite,
}

impl Tally {
    /// Counts one file.
    pub(super) fn see(&mut self, file: &File<'_>) {
        let counts = (file.added.len() as u64, file.removed.len() as u64);
        self.lines.insert(file.fact.path.clone(), counts);
        // Blanks and line ends say as much as nothing.
        let says_nothing = |bytes: &[u8]| bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).iter().all(u8::is_ascii_whitespace);
        self.emptied += u64::from(file.fact.remains() && says_nothing(file.new) && !says_nothing(file.old));
    }

    /// Adds the counts of another part.
    pub(super) fn join(&mut self, part: Self) {
        self.lines.extend(part.lines);
        self.bytes = self.bytes.saturating_add(part.bytes);
        self.emptied += part.emptied;
        self.hosts.join(part.hosts);
        self.suite.join(part.suite);
    }
}
