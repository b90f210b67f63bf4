//! What the kernel's Landlock can do.
#![allow(unsafe_code)]

/// `LANDLOCK_CREATE_RULESET_VERSION` of linux/landlock.h.
const VERSION: u32 = 1;

/// `LANDLOCK_CREATE_RULESET_ERRATA` of linux/landlock.h (Linux 6.15).
const ERRATA: u32 = 2;

/// The Landlock ABI of this kernel; 0 where there is none or it is switched off.
pub fn abi() -> u32 {
    ask(VERSION)
}

/// The bits of fixed errata (Landlock ABI 7); 0 where the kernel does not tell.
pub fn errata() -> u32 {
    ask(ERRATA)
}

fn ask(flags: u32) -> u32 {
    // SAFETY: with these flags the call takes no structure (null, size 0) and only returns a number.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, flags) };
    u32::try_from(answer).unwrap_or(0)
}
