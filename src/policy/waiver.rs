//! A finding that somebody answers for, until a day.

use super::{Origin, Pattern};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// One waiver.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The rule's id.
    pub rule: String,
    path: Pattern,
    owner: String,
    reason: String,
    /// `2026-12-31`: the last day on which it holds, in UTC.
    day: String,
    /// The moment after that day, in milliseconds since 1970.
    end: i64,
    /// The line of policy.
    pub origin: Origin,
}

impl Waiver {
    /// A waiver of `rule` for paths that match `path`, until the end of `day`.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub(super) fn new(
        rule: String,
        path: Pattern,
        owner: &str,
        reason: &str,
        day: &toml::value::Datetime,
        origin: Origin,
    ) -> Result<Self, String> {
        if owner.trim().is_empty() || reason.trim().is_empty() {
            return Err("needs an owner and a reason; whoever reads it must know whom to ask and why".to_owned());
        }
        let day = match (day.date, day.time) {
            (Some(date), None) => date.to_string(),
            _ => return Err("expires on a day, written as 2026-12-31".to_owned()),
        };
        let start = crate::moment::moment(&format!("{day}T00:00:00Z")).ok_or("expires on a day, written as 2026-12-31")?;
        Ok(Self { rule, path, owner: owner.trim().to_owned(), reason: reason.trim().to_owned(), day, end: start + DAY, origin })
    }

    /// Whether it speaks of what `rule` finds at `path`; findings about the whole change have no path, and only `**` names them.
    pub fn covers(&self, rule: &str, path: &[u8]) -> bool {
        self.rule == rule && self.path.allows(path)
    }

    /// Whether it has no force any more at `now`, in milliseconds since 1970.
    pub fn has_expired(&self, now: i64) -> bool {
        now >= self.end
    }
}

impl std::fmt::Display for Waiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "waived by {} until {}: {}", self.owner, self.day, self.reason)
    }
}
