//! What the agent may use up of the gateway in all.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::Limits;

use super::denial::Denial;

/// Requests and bytes, each with its limit. Never gives back.
#[derive(Debug)]
pub(super) struct Budget {
    requests: Line,
    up: Line,
    down: Line,
}

#[derive(Debug)]
struct Line {
    used: AtomicU64,
    limit: u64,
}

impl Line {
    fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used.load(Relaxed))
    }

    /// Takes `amount`, or nothing where it would pass the limit.
    fn take(&self, amount: u64) -> bool {
        self.used.fetch_update(Relaxed, Relaxed, |used| used.checked_add(amount).filter(|sum| *sum <= self.limit)).is_ok()
    }

    /// Takes what is left of `amount`; false where that was less.
    fn drain(&self, amount: u64) -> bool {
        let taken = self.take(amount);
        if !taken {
            self.used.store(self.limit, Relaxed);
        }
        taken
    }
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { requests: Line::new(limits.requests), up: Line::new(limits.up_bytes), down: Line::new(limits.down_bytes) }
    }

    /// One more request or tunnel goes on.
    pub(super) fn request(&self) -> Result<(), Denial> {
        for (line, rule, what) in [(&self.up, "limits/up_bytes", "bytes to send"), (&self.down, "limits/down_bytes", "bytes to receive")] {
            if line.left() == 0 {
                return Err(spent(rule, line, what));
            }
        }
        if self.requests.take(1) { Ok(()) } else { Err(spent("limits/requests", &self.requests, "requests")) }
    }

    /// `bytes` more go to a far end.
    pub(super) fn up(&self, bytes: u64) -> Result<(), Denial> {
        if self.up.take(bytes) { Ok(()) } else { Err(spent("limits/up_bytes", &self.up, "bytes to send")) }
    }

    /// How many bytes may still go to far ends; an error when none.
    pub(super) fn up_left(&self) -> Result<usize, Denial> {
        match self.up.left() {
            0 => Err(spent("limits/up_bytes", &self.up, "bytes to send")),
            left => Ok(usize::try_from(left).unwrap_or(usize::MAX)),
        }
    }

    /// `bytes` more came from a far end. They count although they are dropped where they pass the limit.
    pub(super) fn down(&self, bytes: u64) -> Result<(), Denial> {
        if self.down.drain(bytes) { Ok(()) } else { Err(spent("limits/down_bytes", &self.down, "bytes to receive")) }
    }
}

fn spent(rule: &'static str, line: &Line, what: &str) -> Denial {
    let (limit, left) = (line.limit, line.left());
    Denial::forbidden(
        rule,
        format!("the job's budget of {limit} {what} through the gateway is used up, {left} left; finish with what there is"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_past_a_limit() {
        let budget = Budget { requests: Line::new(2), up: Line::new(10), down: Line::new(1) };
        assert!(budget.request().is_ok() && budget.up(11).is_err() && budget.up(10).is_ok() && budget.up(1).is_err());
        assert_eq!(budget.request().unwrap_err().rule, "limits/up_bytes");
        let budget = Budget { requests: Line::new(1), up: Line::new(1), down: Line::new(u64::MAX) };
        assert!(budget.request().is_ok());
        let denial = budget.request().unwrap_err();
        assert_eq!(denial.rule, "limits/requests");
        assert!(denial.reason.contains("0 left"));
        assert!(budget.down(u64::MAX).is_ok() && budget.down(1).is_err());
        let budget = Budget { requests: Line::new(9), up: Line::new(1), down: Line::new(10) };
        assert!(budget.down(11).is_err());
        assert_eq!(budget.request().unwrap_err().rule, "limits/down_bytes");
    }
}
