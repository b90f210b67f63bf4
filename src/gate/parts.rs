//! Looks at changed files one by one, on all processors; what comes out does not depend on how they were shared out.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::{Error, Fact, content, finding::Judge};

/// Files that one thread takes at a time.
const PART: usize = 16;

/// More threads than this would only wait for each other.
const THREADS: usize = 8;

/// Parts that are done, and those of them that follow the ones that were taken over already.
struct Done<'j, 'a> {
    judge: &'j mut Judge<'a>,
    waiting: BTreeMap<usize, Judge<'a>>,
    next: usize,
}

impl<'a> Done<'_, 'a> {
    fn take(&mut self, number: usize, part: Judge<'a>) {
        self.waiting.insert(number, part);
        while let Some(part) = self.waiting.remove(&self.next) {
            self.judge.join(part);
            self.next += 1;
        }
    }
}

/// Has `look` look at every changed file, as long as there is time.
///
/// # Errors
/// [`Error::TimedOut`]; [`Error::Git`] for the first file, in the order of paths, that cannot be read.
pub(super) fn each<'a>(judge: &mut Judge<'a>, look: fn(&mut Judge<'a>, &content::File<'_>)) -> Result<(), Error> {
    let parts: Vec<&'a [Fact]> = judge.change.facts().chunks(PART).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(parts.len());
    let pattern = judge.part();
    let done = Mutex::new(Done { judge, waiting: BTreeMap::new(), next: 0 });
    let failed: Mutex<BTreeMap<usize, Error>> = Mutex::new(BTreeMap::new());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(facts) = parts.get(number) else { return };
            match one(&pattern, facts, look) {
                Ok(part) => done.lock().unwrap_or_else(PoisonError::into_inner).take(number, part),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).insert(number, error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner).pop_first() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

fn one<'a>(pattern: &Judge<'a>, facts: &[Fact], look: fn(&mut Judge<'a>, &content::File<'_>)) -> Result<Judge<'a>, Error> {
    let mut part = pattern.part();
    for fact in facts {
        if Instant::now() > part.until {
            return Err(Error::TimedOut);
        }
        content::with(fact, part.change, part.blobs, |file| look(&mut part, file))?;
    }
    Ok(part)
}
