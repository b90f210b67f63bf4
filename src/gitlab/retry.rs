//! When to ask again, and after how long. Plain functions of values.

use std::time::Duration;

/// How long a call may go on trying.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first request to the last, waiting included; the last request may take its own time on top.
    pub total: Duration,
    /// The first pause; each further one is twice as long.
    pub first: Duration,
}

impl Patience {
    /// One minute: GitLab.com's rate limits are counted by the minute.
    pub const DEFAULT: Self = Self { total: Duration::from_secs(60), first: Duration::from_millis(500) };
}

impl Default for Patience {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a call may be repeated after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Any failure that may pass: doing it twice is the same as once.
    Always,
    /// Only what says that nothing was done: doing it twice would be seen.
    IfRefused,
}

/// How a request failed, as far as repeating it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It never arrived.
    NotSent,
    /// It may have arrived.
    Broken,
    /// This status came.
    Status(u16),
}

/// Whether `failure` may pass, and the call may be made again.
pub(super) fn may_repeat(failure: Failure, repeat: Repeat) -> bool {
    match failure {
        // RFC 6585 section 4 and RFC 9110 section 15.6.4: the request was not worked on.
        Failure::NotSent | Failure::Status(429 | 503) => true,
        Failure::Broken | Failure::Status(500 | 502 | 504) => repeat == Repeat::Always,
        Failure::Status(_) => false,
    }
}

/// The pause before repetition `number` (from 0): twice as long each time, up to half of it more by `chance` (0 to 255), never
/// less than `asked` (the answer's `Retry-After`). None: it would end after the time that is `left`.
pub(super) fn pause(patience: Patience, number: u32, chance: u8, asked: Option<Duration>, left: Duration) -> Option<Duration> {
    let base = patience.first.saturating_mul(1 << number.min(16));
    let pause = base + base.mul_f64(f64::from(chance) / 512.0);
    let pause = pause.max(asked.unwrap_or_default());
    (pause < left).then_some(pause)
}

/// Reads `Retry-After` in its form of seconds (RFC 9110 section 10.2.3); a date is left alone, GitLab sends none.
pub(super) fn asked(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { total: Duration::from_secs(60), first: Duration::from_millis(500) };

    #[test]
    fn a_note_is_never_posted_twice_on_a_guess() {
        for failure in [Failure::Broken, Failure::Status(500), Failure::Status(502), Failure::Status(504)] {
            assert!(may_repeat(failure, Repeat::Always) && !may_repeat(failure, Repeat::IfRefused), "{failure:?}");
        }
        for failure in [Failure::NotSent, Failure::Status(429), Failure::Status(503)] {
            assert!(may_repeat(failure, Repeat::Always) && may_repeat(failure, Repeat::IfRefused), "{failure:?}");
        }
        assert!(!may_repeat(Failure::Status(404), Repeat::Always));
    }

    #[test]
    fn pauses_grow_and_end() {
        let left = Duration::from_secs(60);
        let at = |number, chance| pause(PATIENCE, number, chance, None, left);
        assert_eq!(at(0, 0), Some(Duration::from_millis(500)));
        assert_eq!(at(3, 0), Some(Duration::from_secs(4)));
        assert!(at(0, 255).unwrap() < Duration::from_millis(750) && at(0, 255) > at(0, 0));
        assert_eq!(at(40, 0), None, "the pause would end after the time that is left");
        assert_eq!(pause(PATIENCE, 0, 0, asked(Some("7")), left), Some(Duration::from_secs(7)));
        assert_eq!(pause(PATIENCE, 0, 0, asked(Some("3600")), left), None, "an hour is not waited for");
        assert_eq!(asked(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(asked(Some("99999999999999999999999")), None);
    }
}
