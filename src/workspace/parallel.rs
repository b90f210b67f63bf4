//! Many like pieces of work, shared out over the processors.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Pieces that one thread takes at a time.
const PART: usize = 64;

/// More threads than this would only wait for each other.
const THREADS: usize = 8;

/// What `work` makes of each of `items`, in their order; each thread has a `tool` of its own.
///
/// # Errors
/// What `work` says of the first part of `items` that fails: parts are begun in order and no begun one is left, so that
/// it is the same part each time.
pub(super) fn map<I: Sync, T, O: Send, E: Send>(
    items: &[I],
    tool: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, &I) -> Result<O, E> + Sync,
) -> Result<Vec<O>, E> {
    let parts: Vec<&[I]> = items.chunks(PART).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(parts.len());
    let done = Mutex::new(Vec::with_capacity(parts.len()));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let take = || {
        let mut tool = tool();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(number) else { return };
            let made: Result<Vec<O>, E> = part.iter().map(|item| work(&mut tool, item)).collect();
            stop.fetch_or(made.is_err(), Ordering::Relaxed);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, made));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(take);
        }
        take();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    let mut out = Vec::with_capacity(items.len());
    for (_, made) in done {
        out.extend(made?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_keep_their_order_and_the_first_failure_is_told() {
        let items: Vec<usize> = (0..10_000).collect();
        let double = |_: &mut (), n: &usize| Ok::<_, usize>(2 * n);
        assert_eq!(map(&items, || (), double).unwrap(), items.iter().map(|n| 2 * n).collect::<Vec<_>>());
        for _ in 0..50 {
            let failing = |_: &mut (), n: &usize| if n % 1000 == 999 { Err(*n) } else { Ok(()) };
            assert_eq!(map(&items, || (), failing).unwrap_err(), 999);
        }
        assert_eq!(map(&[], || (), double).unwrap(), Vec::<usize>::new());
    }
}
