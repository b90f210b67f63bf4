//! Makes a filter's program short to compile and short to run. `seccompiler` asks for one number after the other; the kernel
//! compiles that anew for every process, and walks it for every call whose arguments are looked at. The same questions make a
//! tree: numbers are halved, and neighbours with one answer are asked for once.

use std::collections::BTreeSet;

use libc::{BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};
use seccompiler::{BpfProgram, sock_filter};

/// What comes before the first number: the architecture is compared, and the number loaded.
const HEAD: usize = 4;

/// The same program as a tree. None where it is not in `seccompiler`'s form.
pub(crate) fn tree(program: &BpfProgram) -> Option<BpfProgram> {
    // The first of the numbers that get this answer, up to the next one's. An answer is a program that looks at arguments only.
    let mut answers: Vec<(u32, BpfProgram)> = Vec::new();
    let mut asked = Vec::new();
    let mut at = HEAD;
    while code(program, at)? == BPF_JMP | BPF_JEQ | BPF_K {
        let step = program.get(at)?;
        asked.push((step.k, reached(program, landing(program, at, step.jt.into())?)?));
        at = landing(program, at, step.jf.into())?;
    }
    let otherwise = reached(program, at)?;
    let mut add = |from, answer: &BpfProgram| {
        if answers.last().is_none_or(|(_, before)| before != answer) {
            answers.push((from, answer.clone()));
        }
    };
    let mut next = 0;
    for (number, answer) in asked {
        if number > next {
            add(next, &otherwise);
        }
        // Were one asked for twice, or out of its order, the first question would count.
        next = (number >= next).then(|| number.checked_add(1))??;
        add(number, &answer);
    }
    add(next, &otherwise);
    Some(program.get(..HEAD)?.iter().cloned().chain(halve(&answers)?).collect())
}

fn code(program: &[sock_filter], at: usize) -> Option<u32> {
    Some(program.get(at)?.code.into())
}

/// Where a jump from `at` ends, those that depend on nothing gone along.
fn landing(program: &[sock_filter], at: usize, far: u32) -> Option<usize> {
    let at = at.checked_add(1)?.checked_add(usize::try_from(far).ok()?)?;
    if code(program, at)? == BPF_JMP | BPF_JA { landing(program, at, program.get(at)?.k) } else { Some(at) }
}

/// The steps that can be reached from `entry`, as a program of its own.
fn reached(program: &[sock_filter], entry: usize) -> Option<BpfProgram> {
    let (mut left, mut found) = (vec![entry], BTreeSet::new());
    while let Some(at) = left.pop() {
        if found.insert(at) {
            left.extend(after(program, at)?);
        }
    }
    let places: Vec<usize> = found.into_iter().collect();
    let steps = places.iter().enumerate().map(|(place, at)| {
        let mut step = program.get(*at)?.clone();
        let far = |to: &usize| u8::try_from(places.binary_search(to).ok()? - place - 1).ok();
        match after(program, *at)?.as_slice() {
            [yes, no] => (step.jt, step.jf) = (far(yes)?, far(no)?),
            [next] if far(next)? != 0 => return None,
            _ => {}
        }
        Some(step)
    });
    steps.collect()
}

/// Where a step leads: two ways, one, or, for an answer, none.
fn after(program: &[sock_filter], at: usize) -> Option<Vec<usize>> {
    let step = program.get(at)?;
    let far: &[u8] = match u32::from(step.code) {
        code if code == BPF_JMP | BPF_JEQ | BPF_K || code == BPF_JMP | BPF_JGT | BPF_K || code == BPF_JMP | BPF_JGE | BPF_K => {
            &[step.jt, step.jf]
        }
        code if code == BPF_LD | BPF_W | BPF_ABS || code == BPF_ALU | BPF_AND | BPF_K => &[0],
        code if code == BPF_RET | BPF_K => &[],
        _ => return None,
    };
    far.iter().map(|far| landing(program, at, (*far).into())).collect()
}

fn halve(answers: &[(u32, BpfProgram)]) -> Option<BpfProgram> {
    if let [(_, answer)] = answers {
        return Some(answer.clone());
    }
    let (below, from) = answers.split_at(answers.len() / 2);
    let (pivot, below, from) = (from.first()?.0, halve(below)?, halve(from)?);
    let step = |code: u32, jf, k| Some(sock_filter { code: code.try_into().ok()?, jt: 0, jf, k });
    // A jump that depends on something reaches 255 steps only, one that does not reaches every step.
    let ask = [step(BPF_JMP | BPF_JGE | BPF_K, 1, pivot)?, step(BPF_JMP | BPF_JA, 0, below.len().try_into().ok()?)?];
    Some(ask.into_iter().chain(below).chain(from).collect())
}
