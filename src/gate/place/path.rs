//! The policy's own lists of paths. A rename is a removal and an addition, so both its sides are looked at.

use crate::{
    gate::{Fact, Op, finding::Judge},
    glyph::fold,
    policy::Pattern,
};

pub(super) fn judge(judge: &mut Judge<'_>) {
    let policy = judge.policy;
    for fact in judge.facts() {
        for (rule, key, lists, concerned) in [
            ("path/allow", "changes.allow", &policy.allow, true),
            ("path/add", "changes.add", &policy.add, fact.op() == Op::Add),
            ("path/delete", "changes.delete", &policy.delete, fact.op() == Op::Delete),
        ] {
            let outside = |list: &&Vec<Pattern>| !list.iter().any(|pattern| pattern.allows(&fact.path));
            if let Some(list) = lists.iter().find(outside).filter(|_| concerned) {
                let line = list.first().map(Pattern::policy_line);
                let message = format!("no pattern of {key} matches this path");
                judge.by_policy(rule, &fact.path, line, message, &format!("take it out of the change, or add the path to {key}"));
            }
        }
        if let Some(pattern) = protecting(&policy.protect, fact) {
            let message = "this path is protected".to_owned();
            let step = "take it out of the change, or remove the pattern from changes.protect";
            judge.by_policy("path/protect", &fact.path, Some(pattern.policy_line()), message, step);
        }
        if let Some(pattern) = protecting(&policy.review, fact) {
            let message = "the policy wants a human to look at changes here".to_owned();
            judge.by_policy("path/review", &fact.path, Some(pattern.policy_line()), message, "look at it before merging");
        }
    }
}

/// The first pattern that protects `path` as it is written or as other systems read it. What is no plain file may
/// stand in the place of a folder, so a pattern that protects that folder's content holds for it, too.
fn protecting<'a>(patterns: &'a [Pattern], fact: &Fact) -> Option<&'a Pattern> {
    let folded = fold(&fact.path);
    let plain = fact.oddity.is_none() && fact.new.is_none_or(|entry| entry.mode.is_file());
    // No pattern can name this child, as patterns have no control characters.
    let child = (!plain).then(|| format!("{folded}/\x01"));
    let protects = |pattern: &&Pattern| {
        pattern.protects(&fact.path, &folded) || child.as_ref().is_some_and(|child| pattern.protects(child.as_bytes(), child))
    };
    patterns.iter().find(protects)
}
