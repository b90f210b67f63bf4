//! Files of Git LFS. What leaves of them is a pointer, so nothing may stand behind it that was not judged.

use super::{
    content::File,
    finding::{Judge, Way},
};
use crate::git::Pointer;

/// A file that was made into a pointer here is judged by its bytes, and may leave where the policy says so. A pointer that came as
/// one may leave only where the base has it: that GitLab has the object, too, says that somebody who may push uploaded it, not that
/// anybody ever looked at it. Whoever wants it in the change writes the file itself.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(entry) = file.fact.new.filter(|entry| entry.mode.is_file()) else { return };
    let object = judge.change.object(file.fact);
    if object.is_none() && !Pointer::looks_like_one(file.new) || judge.change.holds(entry.id) {
        return;
    }
    let (message, step) = match (object, Pointer::parse(file.new)) {
        (Some(_), _) if judge.policy.lfs => return,
        (Some(_), _) => {
            ("Git LFS holds this file, and the policy lets none leave".to_owned(), "take it out of the change, or set changes.lfs = true")
        }
        // An earlier job of this branch brought it, and it was judged then. It counts as what it stands for.
        (None, Some(pointer)) if judge.change.began_with(entry.id) => {
            judge.tally.bytes = judge.tally.bytes.saturating_add(pointer.size);
            return;
        }
        (None, Some(pointer)) => {
            let message = format!("this is a pointer of Git LFS to the object {}, which is not here to be judged", pointer.digest);
            (message, "take it out of the change, or write the file itself; where people's commits are checked, run `git lfs fetch` before")
        }
        (None, None) => ("this is a broken pointer of Git LFS".to_owned(), "take it out of the change"),
    };
    judge.find("content/lfs", file, message, Way::Step(step));
}
