//! The rules by their ids.

use super::{Error, checks, ci, host, place, reading, secret, supply};
use crate::{
    policy::{Changes, Origin},
    verdict::Severity,
};

/// A rule: its id is stable.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// `area/name`.
    pub id: &'static str,
    /// What its findings weigh where the policy says nothing. Single findings of a rule may be heavier or lighter; what
    /// [`Severity::Block`] finds cannot be made lighter.
    pub severity: Severity,
    /// What it is about, in one line.
    pub about: &'static str,
    /// Whether no finding of it can be made lighter or waived.
    pub fixed: bool,
}

impl Rule {
    pub(super) const fn new(id: &'static str, severity: Severity, about: &'static str) -> Self {
        Self { id, severity, about, fixed: matches!(severity, Severity::Block) }
    }

    /// The same rule, some of whose findings weigh less than [`Severity::Block`] and are the policy's to judge.
    pub(super) const fn with_lighter(self) -> Self {
        Self { fixed: false, ..self }
    }

    /// The page of the documentation that explains it, from the project's root: `docs/rules/AREA.md#areaname`.
    pub fn page(&self) -> String {
        let area = self.id.split('/').next().unwrap_or_default();
        format!("docs/rules/{area}.md#{}", self.id.replace('/', ""))
    }
}

/// The rules of each module of the gate.
const MODULES: &[&[Rule]] = &[checks::RULES, ci::RULES, host::RULES, place::RULES, reading::RULES, secret::RULES, supply::RULES];

/// Every rule of the gate.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    MODULES.iter().copied().flatten()
}

pub(super) fn find(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}

fn known(id: &str, origin: &Origin) -> Result<&'static Rule, Error> {
    find(id).ok_or_else(|| Error::UnknownRule {
        origin: origin.clone(),
        id: crate::git::shown(id.as_bytes()),
        known: rules().map(|rule| rule.id).collect::<Vec<_>>().join(", "),
    })
}

/// Whether every rule that the policy sets or waives exists and can be set.
///
/// # Errors
/// [`Error::UnknownRule`], [`Error::FixedRule`].
pub fn check_rules(policy: &Changes) -> Result<(), Error> {
    for (id, (severity, origin)) in &policy.rules {
        let rule = known(id, origin)?;
        if rule.fixed && *severity < Severity::Deny {
            return Err(Error::FixedRule { origin: origin.clone(), id: rule.id });
        }
    }
    for waiver in &policy.waivers {
        let rule = known(&waiver.rule, &waiver.origin)?;
        if rule.fixed {
            return Err(Error::FixedRule { origin: waiver.origin.clone(), id: rule.id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_each_has_its_place_in_the_documentation() {
        let ids: BTreeSet<&str> = rules().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), rules().count());
        for rule in rules() {
            let page = rule.page();
            let (file, _) = page.split_once('#').unwrap();
            let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
            assert!(text.contains(&format!("\n## {}\n", rule.id)), "{page} explains no rule {}", rule.id);
        }
    }
}
