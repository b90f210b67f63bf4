//! System calls that name a path, for an observed run: where the path stands among the arguments and what is done with it.

use crate::journal::Access;

/// One path of one call.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The call's number.
    pub number: libc::c_long,
    /// Which argument is the directory that it is relative to; none for the current one.
    pub base: Option<usize>,
    /// Which argument points to the path.
    pub path: usize,
    /// What is done with it.
    pub purpose: Purpose,
}

/// What a call does with a path.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// What the flags of open(2) in this argument say.
    Flags(usize),
    /// What the flags in the `struct open_how` say that this argument points to (openat2(2)).
    How(usize),
    /// Always this.
    Only(Access),
}

const fn at(number: libc::c_long, base: usize, path: usize, purpose: Purpose) -> Named {
    Named { number, base: Some(base), path, purpose }
}

const fn here(number: libc::c_long, path: usize, purpose: Purpose) -> Named {
    Named { number, base: None, path, purpose }
}

const EXECUTE: Purpose = Purpose::Only(Access::Execute);
const WRITE: Purpose = Purpose::Only(Access::Write);
const CREATE: Purpose = Purpose::Only(Access::Create);
const REMOVE: Purpose = Purpose::Only(Access::Remove);

/// Those that every machine has. Metadata is not Landlock's, so calls that only look are not among them.
const EVERYWHERE: &[Named] = &[
    at(libc::SYS_openat, 0, 1, Purpose::Flags(2)),
    at(libc::SYS_openat2, 0, 1, Purpose::How(2)),
    here(libc::SYS_truncate, 0, WRITE),
    here(libc::SYS_execve, 0, EXECUTE),
    at(libc::SYS_execveat, 0, 1, EXECUTE),
    at(libc::SYS_mkdirat, 0, 1, CREATE),
    at(libc::SYS_mknodat, 0, 1, CREATE),
    at(libc::SYS_unlinkat, 0, 1, REMOVE),
    at(libc::SYS_renameat, 0, 1, REMOVE),
    at(libc::SYS_renameat, 2, 3, CREATE),
    at(libc::SYS_renameat2, 0, 1, REMOVE),
    at(libc::SYS_renameat2, 2, 3, CREATE),
    at(libc::SYS_linkat, 2, 3, CREATE),
    at(libc::SYS_symlinkat, 1, 2, CREATE),
];

#[cfg(target_arch = "x86_64")]
const OLDER: &[Named] = &[
    here(libc::SYS_open, 0, Purpose::Flags(1)),
    here(libc::SYS_creat, 0, WRITE),
    here(libc::SYS_mkdir, 0, CREATE),
    here(libc::SYS_mknod, 0, CREATE),
    here(libc::SYS_unlink, 0, REMOVE),
    here(libc::SYS_rmdir, 0, REMOVE),
    here(libc::SYS_rename, 0, REMOVE),
    here(libc::SYS_rename, 1, CREATE),
    here(libc::SYS_link, 1, CREATE),
    here(libc::SYS_symlink, 1, CREATE),
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[Named] = &[];

/// The numbers of all of them.
pub fn numbers() -> Vec<u32> {
    let mut numbers: Vec<u32> = EVERYWHERE.iter().chain(OLDER).filter_map(|named| u32::try_from(named.number).ok()).collect();
    numbers.dedup();
    numbers
}

/// The paths of the call `number`; none for one that names no path.
pub fn of(number: i32) -> impl Iterator<Item = &'static Named> {
    EVERYWHERE.iter().chain(OLDER).filter(move |named| named.number == libc::c_long::from(number))
}

/// What open(2) does by `flags`. A descriptor that is only a place (`O_PATH`) opens nothing.
pub fn opened(flags: u64) -> Option<Access> {
    let has = |flag: libc::c_int| flags & u64::from(flag.cast_unsigned()) != 0;
    let writes = has(libc::O_WRONLY) || has(libc::O_RDWR) || has(libc::O_TRUNC);
    match has(libc::O_PATH) {
        true => None,
        false if writes => Some(Access::Write),
        false => Some(Access::Read),
    }
}

/// Whether open(2) with these flags makes a file that is not there.
pub fn makes(flags: u64) -> bool {
    flags & u64::from(libc::O_CREAT.cast_unsigned()) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_that_makes_or_joins_sockets_is_among_them() {
        let numbers = numbers();
        for never in [libc::SYS_socket, libc::SYS_connect, libc::SYS_bind, libc::SYS_mount, libc::SYS_unshare, libc::SYS_setns] {
            assert!(!numbers.contains(&u32::try_from(never).unwrap()));
        }
        assert!(numbers.contains(&u32::try_from(libc::SYS_openat).unwrap()));
    }

    #[test]
    fn flags_say_what_is_done() {
        let flags = |flags: i32| opened(u64::from(flags.cast_unsigned()));
        assert_eq!(flags(libc::O_RDONLY | libc::O_CLOEXEC | libc::O_DIRECTORY), Some(Access::Read));
        assert_eq!(flags(libc::O_RDWR), Some(Access::Write));
        assert_eq!(flags(libc::O_WRONLY | libc::O_CREAT), Some(Access::Write));
        assert_eq!(flags(libc::O_RDONLY | libc::O_TRUNC), Some(Access::Write));
        assert_eq!(flags(libc::O_PATH | libc::O_RDWR), None);
        assert!(makes(u64::from((libc::O_RDWR | libc::O_CREAT).cast_unsigned())) && !makes(0));
    }
}
