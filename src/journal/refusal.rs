//! What an observed run did although its policy would refuse it, counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Distinct things that are kept; of those that come later only the number is.
pub const MOST: usize = 5_000;

/// Bytes of one name that are kept: the longest path (limits.h, `PATH_MAX`).
const LONGEST: usize = 4096;

/// What kind of thing would have been refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A path: `files` of the policy.
    File,
    /// A host and port that was asked for at the gateway: `network.tunnels`.
    Host,
    /// A system call; refused in the observed run too.
    Syscall,
    /// An address that was connected to past the gateway, or that a host has and nobody may reach; refused in the observed
    /// run too.
    Address,
}

/// What was to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read a file, list a directory.
    Read,
    /// Change a file's content.
    Write,
    /// Start a program.
    Execute,
    /// Make a name: a file, a directory, a link.
    Create,
    /// Take a name away.
    Remove,
    /// Connect to a host or an address.
    Connect,
    /// Make a system call.
    Call,
}

/// One distinct thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusal {
    /// Its kind.
    pub kind: Kind,
    /// Its path, `host:port`, or name.
    pub what: String,
    /// What was to be done with it.
    pub access: Access,
    /// The program's name, as it calls itself; empty where a request came through the gateway, which knows none.
    pub program: String,
}

/// Counts distinct things, a bounded number of them.
#[derive(Debug, Default)]
pub struct Tally {
    seen: BTreeMap<Refusal, u64>,
    left_out: u64,
}

impl Tally {
    /// Adds `count`; true when the thing is new and kept.
    pub fn add(&mut self, mut refusal: Refusal, count: u64) -> bool {
        refusal.what.truncate(refusal.what.floor_char_boundary(LONGEST));
        let is_new = !self.seen.contains_key(&refusal);
        if is_new && self.seen.len() >= MOST {
            self.left_out = self.left_out.saturating_add(count);
            return false;
        }
        let counted = self.seen.entry(refusal).or_default();
        *counted = counted.saturating_add(count);
        is_new
    }

    /// Adds what somebody else has left out.
    pub fn leave_out(&mut self, count: u64) {
        self.left_out = self.left_out.saturating_add(count);
    }

    /// What was kept, with how often.
    pub fn seen(&self) -> impl Iterator<Item = (&Refusal, u64)> {
        self.seen.iter().map(|(refusal, count)| (refusal, *count))
    }

    /// How often something came that was not kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(what: &str) -> Refusal {
        Refusal { kind: Kind::File, what: what.to_owned(), access: Access::Read, program: "cat".to_owned() }
    }

    #[test]
    fn things_are_counted_once_each_and_their_number_is_bounded() {
        let mut tally = Tally::default();
        assert!(tally.add(file("/a"), 1));
        assert!(!tally.add(file("/a"), 2));
        assert_eq!(tally.seen().map(|(refusal, count)| (refusal.what.as_str(), count)).collect::<Vec<_>>(), [("/a", 3)]);
        for number in 0..MOST {
            tally.add(file(&format!("/{number}")), 1);
        }
        assert_eq!((tally.seen().count(), tally.left_out()), (MOST, 1));
        assert!(!tally.add(file("/a"), 1), "what is known is counted on");
        assert_eq!(tally.left_out(), 1);
        let mut tally = Tally::default();
        tally.add(file(&"ä".repeat(4000)), 1);
        assert!(tally.seen().all(|(refusal, _)| refusal.what.len() == LONGEST));
    }

    #[test]
    fn a_record_is_flat() {
        let event = crate::journal::Event::WouldRefuse { refusal: file("/a"), count: 2 };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(json, r#"{"event":"would-refuse","kind":"file","what":"/a","access":"read","program":"cat","count":2}"#);
        assert!(matches!(serde_json::from_str(&json).unwrap(), crate::journal::Event::WouldRefuse { count: 2, .. }));
    }
}
