//! Runs a filter as the kernel would (the part of classic BPF that our filters use): for the broker of an observed run, which
//! answers in the filters' place, and for tests on machines that are not here.

use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};

/// One call, as in `struct seccomp_data` (seccomp(2)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) arch: u32,
    pub(super) nr: u32,
    pub(super) args: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> Option<u32> {
        let half = |index: u32, shift: u32| Some((self.args.get(usize::try_from(index).ok()?)? >> shift) as u32);
        match offset {
            0 => Some(self.nr),
            4 => Some(self.arch),
            offset if offset >= 16 && offset.is_multiple_of(4) => half((offset - 16) / 8, 8 * (offset % 8)),
            _ => None,
        }
    }
}

/// A statement: code, jump if true, jump if false, k.
pub(super) type Step = (u16, u8, u8, u32);

/// The answer of a program; none where it has a statement that is not known here.
pub(super) fn run(program: &[Step], call: Call) -> Option<u32> {
    let (mut at, mut a) = (0, 0);
    loop {
        let (code, yes, no, k) = *program.get(at)?;
        at += 1;
        let mut jump = |holds: bool| at += usize::from(if holds { yes } else { no });
        match u32::from(code) {
            code if code == BPF_LD | BPF_W | BPF_ABS => a = call.word(k)?,
            code if code == BPF_ALU | BPF_AND | BPF_K => a &= k,
            code if code == BPF_JMP | BPF_JEQ | BPF_K => jump(a == k),
            code if code == BPF_JMP | BPF_JGT | BPF_K => jump(a > k),
            code if code == BPF_JMP | BPF_JGE | BPF_K => jump(a >= k),
            code if code == BPF_JMP | BPF_JA => at += usize::try_from(k).ok()?,
            code if code == BPF_RET | BPF_K => return Some(k),
            _ => return None,
        }
    }
}
