//! Pointers of Git LFS that nothing stands behind.

use super::{
    content::File,
    finding::{Judge, Way},
};
use crate::git::Pointer;

/// A pointer says that the project's storage has an object. Where the base has the same pointer somewhere, it has.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(entry) = file.fact.new.filter(|entry| entry.mode.is_file()) else { return };
    if !Pointer::looks_like_one(file.new) || judge.change.holds(entry.id) {
        return;
    }
    let message = match Pointer::parse(file.new) {
        Some(pointer) => format!("this is a pointer of Git LFS to the object {}, which nothing here uploads", pointer.digest),
        None => "this is a broken pointer of Git LFS".to_owned(),
    };
    judge.find("content/lfs", &file.fact.path, message, Way::Step("take it out of the change"));
}
