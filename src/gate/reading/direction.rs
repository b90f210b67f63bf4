//! Trojan Source (CVE-2021-42574): characters that show a text in another order than it has.

use crate::{
    gate::{
        content::File,
        finding::{Judge, Place, Way},
    },
    verdict::Severity,
};

/// Embeddings, overrides and isolates with their ends (Unicode Standard Annex 9, section 2).
fn turns(sign: char) -> bool {
    matches!(sign, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// In code nothing may turn the direction; in a document it needs the policy's leave.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let Some(line) = file.added.iter().find(|line| line.text.contains(turns)) else { return };
    let message = "this line has characters that change the direction of reading: it is not what it looks like".to_owned();
    if !super::is_prose(file) {
        judge.block("content/direction", Place::shown(file, *line), message);
    } else if !judge.policy.bidirectional.names(&file.fact.path) {
        let step = "take them out, or add the path to changes.bidirectional";
        judge.weigh("content/direction", Severity::Deny, Place::shown(file, *line), message, Way::Step(step));
    }
}
