//! Who made the last commits of a branch.

use super::{Error, Oid, Repository, program, shown};

/// Bytes of the answer: a thousand commits with long addresses.
const ANSWER: u64 = 1 << 20;

impl Repository {
    /// The newest of the last `depth` commits up to `tip`, along first parents, of whose author's and committer's
    /// addresses `ours` knows neither; none where all that are here are ours.
    ///
    /// # Errors
    /// [`Error::Failed`] when `tip` is not here, [`Error::Answer`].
    pub fn last_of_others(&self, tip: Oid, depth: u32, ours: impl Fn(&str) -> bool) -> Result<Option<Oid>, Error> {
        const CALL: &str = "log";
        let mut command = self.command();
        command.args([CALL, "-z", "--first-parent", "--no-decorate", "--no-show-signature", "--format=%H %ae %ce"]);
        command.args([format!("--max-count={depth}"), tip.to_string()]);
        let answer = program::ask(CALL, &mut command, |_| Ok(()), ANSWER)?;
        for record in answer.split(|b| *b == 0).filter(|record| !record.is_empty()) {
            let text = String::from_utf8_lossy(record);
            let (id, addresses) = text.split_once(' ').ok_or_else(|| Error::Answer { call: CALL, answer: shown(record) })?;
            // A commit of ours that somebody rebases has another committer, and nobody has looked at it for that.
            if !addresses.split(' ').any(&ours) {
                return id.parse().map(Some).map_err(|_| Error::Answer { call: CALL, answer: shown(record) });
            }
        }
        Ok(None)
    }
}
