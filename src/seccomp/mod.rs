//! The seccomp wall: an allow-list of system calls, refusals with `EPERM` of forms that get past other walls, and the
//! filter with the listener that hands `socket` and `connect` to the broker.
//!
//! The lists are data, `policies/seccomp/calls.toml`, every group with its why. What is not listed does not exist
//! (`ENOSYS`), so that C libraries fall back to older calls; another architecture's calls (i386, 32-bit ARM) end the
//! process, and those of x32 do not exist either.

mod list;
#[cfg(test)]
mod machine;
mod sockets;

use seccompiler::{BpfProgram, TargetArch, apply_filter, compile_from_json};

pub use sockets::{Sockets, sockets};

/// What differs between the machines that we know. Others do not compile: a filter for the wrong one is none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(test), allow(dead_code, reason = "a program knows one machine, its tests know both"))]
enum Machine {
    X86_64,
    Aarch64,
}

#[cfg(target_arch = "x86_64")]
const HERE: Machine = Machine::X86_64;
#[cfg(target_arch = "aarch64")]
const HERE: Machine = Machine::Aarch64;

impl Machine {
    fn target(self) -> TargetArch {
        match self {
            Self::X86_64 => TargetArch::x86_64,
            Self::Aarch64 => TargetArch::aarch64,
        }
    }

    /// `AUDIT_ARCH_*` of linux/audit.h.
    fn audit(self) -> u32 {
        match self {
            Self::X86_64 => 0xC000_003E,
            Self::Aarch64 => 0xC000_00B7,
        }
    }

    /// The number of socket(2): asm/unistd_64.h, asm-generic/unistd.h.
    fn socket(self) -> u32 {
        match self {
            Self::X86_64 => 41,
            Self::Aarch64 => 198,
        }
    }

    /// The number of connect(2), from the same files.
    fn connect(self) -> u32 {
        match self {
            Self::X86_64 => 42,
            Self::Aarch64 => 203,
        }
    }
}

/// Why this wall does not stand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lists are not in their form: a fault of ours.
    #[error("the lists of system calls cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// A group that can be read in two ways: a fault of ours.
    #[error("the lists of system calls: {0}")]
    Ambiguous(String),
    /// The lists do not compile: a fault of ours.
    #[error("the lists of system calls do not compile: {0}")]
    Compile(#[from] seccompiler::Error),
    /// A part of the lists is missing: a fault of ours.
    #[error("the lists of system calls have no part `{0}`")]
    Missing(&'static str),
}

/// The compiled allow-list and refusals.
#[derive(Debug)]
pub struct Filters {
    allow: BpfProgram,
    refuse: BpfProgram,
}

/// Compiles the lists for this machine.
///
/// # Errors
/// When a list is broken.
pub fn compile() -> Result<Filters, Error> {
    compile_for(HERE)
}

fn compile_for(machine: Machine) -> Result<Filters, Error> {
    let json = list::read()?.for_seccompiler(machine)?.to_string();
    let mut map = compile_from_json(json.as_bytes(), machine.target())?;
    let mut part = |name| map.remove(name).ok_or(Error::Missing(name));
    Ok(Filters { allow: part("allow")?, refuse: part("refuse")? })
}

impl Filters {
    /// Puts the wall up for this thread and all that it starts. Needs no_new_privs. The refusals come last: of two
    /// filters that refuse, the newer one's error is seen.
    ///
    /// # Errors
    /// When the kernel refuses a filter.
    pub fn apply(&self) -> Result<(), Error> {
        apply_filter(&self.allow)?;
        apply_filter(&self.refuse)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
