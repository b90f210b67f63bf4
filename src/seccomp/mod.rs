//! The seccomp wall: an allow-list of system calls, refusals with `EPERM` of forms that get past other walls, and the
//! filter with the listener that hands `socket` and `connect` to the broker.
//!
//! The lists are data, `policies/seccomp/calls.toml`, every group with its why. What is not listed does not exist
//! (`ENOSYS`), so that C libraries fall back to older calls; another architecture's calls (i386, 32-bit ARM) end the
//! process, and those of x32 do not exist either.

mod machine;
mod sockets;
mod watched;
#[cfg(test)]
mod written;

use seccompiler::{BpfProgram, apply_filter, sock_filter};

pub use sockets::{Sockets, sockets};
pub use watched::{Watched, name, watched};

/// `ALLOW` and `REFUSE`, the programs of the lists for this machine, compiled by `build.rs`.
mod programs {
    include!(concat!(env!("OUT_DIR"), "/programs.rs"));
}

/// What differs between machines. There is one for each that we know; a filter for the wrong one is none.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    /// `AUDIT_ARCH_*` of linux/audit.h.
    audit: u32,
    /// Of socket(2), connect(2) and truncate(2): asm/unistd_64.h, asm-generic/unistd.h.
    socket: u32,
    connect: u32,
    truncate: u32,
}

#[cfg(any(test, target_arch = "x86_64"))]
const X86_64: Numbers = Numbers { audit: 0xC000_003E, socket: 41, connect: 42, truncate: 76 };
#[cfg(any(test, target_arch = "aarch64"))]
const AARCH64: Numbers = Numbers { audit: 0xC000_00B7, socket: 198, connect: 203, truncate: 45 };

#[cfg(target_arch = "x86_64")]
const HERE: Numbers = X86_64;
#[cfg(target_arch = "aarch64")]
const HERE: Numbers = AARCH64;

/// Why this wall does not stand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel takes no filter.
    #[error("the list of system calls cannot be put up: {0}")]
    Apply(#[from] seccompiler::Error),
}

/// Refuses to truncate a file by its name, where Landlock has no rule on that (before ABI 3): whoever may write a file may
/// truncate what is open for it. Needs no_new_privs.
///
/// # Errors
/// When the kernel refuses the filter.
pub fn forbid_truncate() -> Result<(), Error> {
    let program = sockets::without_truncate(HERE);
    Ok(apply_filter(&program.iter().map(|s| sock_filter { code: s.code, jt: s.jt, jf: s.jf, k: s.k }).collect::<BpfProgram>())?)
}

/// Puts the wall up for this thread and all that it starts: only listed calls, and of those the refused forms fail. Needs
/// no_new_privs. The refusals come last: of two filters that refuse, the newer one's error is seen.
///
/// # Errors
/// When the kernel refuses a filter.
pub fn apply() -> Result<(), Error> {
    for program in [programs::ALLOW, programs::REFUSE] {
        apply_filter(&program.iter().map(|&(code, jt, jf, k)| sock_filter { code, jt, jf, k }).collect::<BpfProgram>())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
