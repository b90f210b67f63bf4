//! The lists of system calls as they are written (`policies/seccomp/calls.toml`), and in the form that `seccompiler` takes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Machine};

const CALLS: &str = include_str!("../../policies/seccomp/calls.toml");

/// The three answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lists {
    pub(crate) allow: Vec<Group>,
    pub(crate) refuse: Vec<Group>,
    /// For the reader, and for the test that every call was thought of: what is not allowed is absent.
    #[cfg_attr(not(test), allow(dead_code, reason = "read by the tests alone"))]
    pub(crate) absent: Vec<Group>,
}

/// Calls that have one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    #[cfg_attr(not(test), allow(dead_code, reason = "required of whoever writes a group; tests look at it"))]
    pub(crate) why: String,
    #[serde(default)]
    calls: Vec<String>,
    #[serde(default)]
    x86_64: Vec<String>,
    #[serde(default)]
    pub(crate) any: Vec<Condition>,
    #[serde(default)]
    pub(crate) all: Vec<Condition>,
}

/// What is asked of one argument.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) arg: u8,
    #[cfg_attr(not(test), allow(dead_code, reason = "required of whoever writes a condition; tests look at it"))]
    pub(crate) is: String,
    pub(crate) mask: Option<u32>,
    pub(crate) eq: Option<u32>,
    pub(crate) ne: Option<u32>,
    pub(crate) set: Option<u32>,
}

/// Reads the lists.
///
/// # Errors
/// When they are not in their form.
pub(crate) fn read() -> Result<Lists, Error> {
    Ok(toml::from_str(CALLS)?)
}

impl Lists {
    /// Both lists as one document of `seccompiler`'s.
    ///
    /// # Errors
    /// When a group could be read in two ways.
    pub(crate) fn for_seccompiler(&self, machine: Machine) -> Result<Value, Error> {
        Ok(json!({
            "allow": {
                "mismatch_action": {"errno": libc::ENOSYS},
                "match_action": "allow",
                "filter": rules(&self.allow, machine)?,
            },
            "refuse": {
                "mismatch_action": "allow",
                "match_action": {"errno": libc::EPERM},
                "filter": rules(&self.refuse, machine)?,
            },
        }))
    }
}

/// One rule a call and alternative. A call without conditions stands once: beside a rule with conditions `seccompiler`
/// would take it for a part of that one.
fn rules(groups: &[Group], machine: Machine) -> Result<Vec<Value>, Error> {
    let (mut rules, mut seen) = (Vec::new(), BTreeMap::new());
    for group in groups {
        let alternatives = group.alternatives()?;
        for call in group.names(machine) {
            let conditional = !alternatives.is_empty();
            if seen.insert(call, conditional).is_some_and(|before| !(before && conditional)) {
                return Err(Error::Ambiguous(format!("`{call}` stands twice")));
            }
            if !conditional {
                rules.push(json!({"syscall": call}));
            }
            rules.extend(alternatives.iter().map(|args| json!({"syscall": call, "args": args})));
        }
    }
    Ok(rules)
}

impl Group {
    /// The calls that this machine has.
    pub(crate) fn names(&self, machine: Machine) -> impl Iterator<Item = &str> {
        let older: &[String] = if machine == Machine::X86_64 { &self.x86_64 } else { &[] };
        self.calls.iter().chain(older).map(String::as_str)
    }

    /// Lists of conditions, of which one has to hold as a whole. None when nothing is asked.
    fn alternatives(&self) -> Result<Vec<Vec<Value>>, Error> {
        let asked = |conditions: &[Condition]| conditions.iter().map(Condition::for_seccompiler).collect::<Result<Vec<_>, _>>();
        match (&self.any[..], &self.all[..]) {
            ([], []) => Ok(Vec::new()),
            (any, []) => Ok(asked(any)?.into_iter().map(|condition| vec![condition]).collect()),
            ([], all) => Ok(vec![asked(all)?]),
            _ => Err(Error::Ambiguous(format!("`any` and `all` in one group: {}", self.why))),
        }
    }
}

impl Condition {
    /// The kernel takes 32 bits of each argument that is looked at, so the filter does too ("dword").
    fn for_seccompiler(&self) -> Result<Value, Error> {
        let (operator, value) = match (self.mask, self.eq, self.ne, self.set) {
            (None, Some(value), None, None) => (json!("eq"), value),
            (None, None, Some(value), None) => (json!("ne"), value),
            (None, None, None, Some(bits)) => (json!({"masked_eq": bits}), bits),
            (Some(mask), Some(value), None, None) => (json!({"masked_eq": mask}), value),
            _ => return Err(Error::Ambiguous(format!("a condition needs one of `eq`, `ne`, `set`: {}", self.is))),
        };
        Ok(json!({"index": self.arg, "type": "dword", "op": operator, "val": value}))
    }
}
