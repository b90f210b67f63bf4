//! Runs a filter as the kernel would (the part of classic BPF that our filters use), for machines that are not here too.

use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};

/// One call, as in `struct seccomp_data` (seccomp(2)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) arch: u32,
    pub(super) nr: u32,
    pub(super) args: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        let half = |index: u32, shift: u32| (self.args[usize::try_from(index).unwrap()] >> shift) as u32;
        match offset {
            0 => self.nr,
            4 => self.arch,
            offset if offset >= 16 && offset.is_multiple_of(4) => half((offset - 16) / 8, 8 * (offset % 8)),
            offset => panic!("a filter looks at {offset}"),
        }
    }
}

/// The answer of a program, given as (code, jump if true, jump if false, k).
pub(super) fn run(program: impl IntoIterator<Item = (u16, u8, u8, u32)>, call: Call) -> u32 {
    let program: Vec<_> = program.into_iter().collect();
    let (mut at, mut a) = (0, 0);
    loop {
        let (code, yes, no, k) = program[at];
        at += 1;
        let mut jump = |holds: bool| at += usize::from(if holds { yes } else { no });
        match u32::from(code) {
            code if code == BPF_LD | BPF_W | BPF_ABS => a = call.word(k),
            code if code == BPF_ALU | BPF_AND | BPF_K => a &= k,
            code if code == BPF_JMP | BPF_JEQ | BPF_K => jump(a == k),
            code if code == BPF_JMP | BPF_JGT | BPF_K => jump(a > k),
            code if code == BPF_JMP | BPF_JGE | BPF_K => jump(a >= k),
            code if code == BPF_JMP | BPF_JA => at += usize::try_from(k).unwrap(),
            code if code == BPF_RET | BPF_K => return k,
            code => panic!("statement {code:#x} is not known here"),
        }
    }
}
