//! What the agent may use up of the gateway in all.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use tokio::sync::Notify;

use crate::policy::{Limits, Usd};

use super::denial::Denial;

/// Requests, bytes, tokens and dollars, each with its limit. Never gives back.
#[derive(Debug)]
pub(super) struct Budget {
    requests: Line,
    up: Line,
    down: Line,
    models: Mutex<Models>,
    settled: Notify,
}

#[derive(Debug)]
struct Line {
    used: AtomicU64,
    limit: u64,
}

/// What requests to models cost: known only when their answers end.
#[derive(Debug)]
struct Models {
    used: Cost,
    /// The most that those under way may cost.
    reserved: Cost,
    limit: Limit,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    tokens: Option<u64>,
    micro_usd: Option<u64>,
}

/// What requests to models cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) tokens: u64,
    /// Millionths of a US dollar.
    pub(super) micro_usd: u64,
}

impl Cost {
    fn plus(self, more: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(more.tokens), micro_usd: self.micro_usd.saturating_add(more.micro_usd) }
    }

    fn less(self, less: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(less.tokens), micro_usd: self.micro_usd.saturating_sub(less.micro_usd) }
    }
}

impl Limit {
    /// The rule of the limit that `cost` reaches.
    fn reached(self, cost: Cost) -> Option<&'static str> {
        let is_over = |limit: Option<u64>, used| limit.is_some_and(|limit| used >= limit);
        match (is_over(self.tokens, cost.tokens), is_over(self.micro_usd, cost.micro_usd)) {
            (true, _) => Some("limits/tokens"),
            (false, true) => Some("limits/usd"),
            (false, false) => None,
        }
    }
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
        let limit = Limit { tokens: limits.tokens, micro_usd: limits.micro_usd };
        Self {
            requests: Line::new(limits.requests),
            up: Line::new(limits.up_bytes),
            down: Line::new(limits.down_bytes),
            models: Mutex::new(Models { used: Cost::default(), reserved: Cost::default(), limit }),
            settled: Notify::new(),
        }
    }

    /// One more request or tunnel goes on.
    pub(super) fn request(&self) -> Result<(), Denial> {
        for (line, rule) in [(&self.up, "limits/up_bytes"), (&self.down, "limits/down_bytes")] {
            if line.left() == 0 {
                return Err(self.spent(rule));
            }
        }
        if self.requests.take(1) { Ok(()) } else { Err(self.spent("limits/requests")) }
    }

    /// `bytes` more go to a far end.
    pub(super) fn up(&self, bytes: u64) -> Result<(), Denial> {
        if self.up.take(bytes) { Ok(()) } else { Err(self.spent("limits/up_bytes")) }
    }

    /// How many bytes may still go to far ends; an error when none.
    pub(super) fn up_left(&self) -> Result<usize, Denial> {
        match self.up.left() {
            0 => Err(self.spent("limits/up_bytes")),
            left => Ok(usize::try_from(left).unwrap_or(usize::MAX)),
        }
    }

    /// `bytes` more came from a far end. They count although they are dropped where they pass the limit.
    pub(super) fn down(&self, bytes: u64) -> Result<(), Denial> {
        if self.down.drain(bytes) { Ok(()) } else { Err(self.spent("limits/down_bytes")) }
    }

    /// Lets a request to a model go on that may cost `most`. Where those under way could use up what is left it waits for them,
    /// so that no more than one answer goes past a limit.
    pub(super) async fn admit(&self, most: Cost) -> Result<(), Denial> {
        loop {
            let settled = self.settled.notified();
            {
                let mut models = self.models();
                if let Some(rule) = models.limit.reached(models.used) {
                    drop(models);
                    return Err(self.spent(rule));
                }
                if models.limit.reached(models.used.plus(models.reserved)).is_none() {
                    models.reserved = models.reserved.plus(most);
                    return Ok(());
                }
            }
            settled.await;
        }
    }

    /// A request that was admitted with `most` is over and has cost `cost`.
    pub(super) fn settle(&self, most: Cost, cost: Cost) {
        {
            let mut models = self.models();
            models.reserved = models.reserved.less(most);
            models.used = models.used.plus(cost);
        }
        self.settled.notify_waiters();
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        // Plain numbers: whoever held it left them whole.
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spent(&self, rule: &'static str) -> Denial {
        let limit = rule.strip_prefix("limits/").unwrap_or(rule);
        let left = self.left();
        Denial::forbidden(rule, format!("this job's budget `limits.{limit}` is used up (left: {left}); finish with what there is"))
    }

    fn left(&self) -> String {
        let models = self.models();
        let mut left =
            format!("{} requests, {} bytes to send, {} bytes to receive", self.requests.left(), self.up.left(), self.down.left());
        if let Some(tokens) = models.limit.tokens {
            left.push_str(&format!(", {} tokens", tokens.saturating_sub(models.used.tokens)));
        }
        if let Some(micro_usd) = models.limit.micro_usd {
            left.push_str(&format!(", {} USD", Usd(micro_usd.saturating_sub(models.used.micro_usd))));
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(requests: u64, up: u64, down: u64, tokens: Option<u64>) -> Budget {
        Budget {
            requests: Line::new(requests),
            up: Line::new(up),
            down: Line::new(down),
            models: Mutex::new(Models {
                used: Cost::default(),
                reserved: Cost::default(),
                limit: Limit { tokens, micro_usd: Some(2_000_000) },
            }),
            settled: Notify::new(),
        }
    }

    #[test]
    fn nothing_goes_past_a_limit() {
        let full = budget(2, 10, 1, None);
        assert!(full.request().is_ok() && full.up(11).is_err() && full.up(10).is_ok() && full.up(1).is_err());
        assert_eq!(full.request().unwrap_err().rule, "limits/up_bytes");
        let full = budget(1, 1, u64::MAX, None);
        assert!(full.request().is_ok());
        let denial = full.request().unwrap_err();
        assert_eq!(denial.rule, "limits/requests");
        assert!(denial.reason.contains("(left: 0 requests, 1 bytes to send, ") && denial.reason.contains("2.000000 USD"), "{denial:?}");
        assert!(full.down(u64::MAX).is_ok() && full.down(1).is_err());
        let full = budget(9, 1, 10, None);
        assert!(full.down(11).is_err());
        assert_eq!(full.request().unwrap_err().rule, "limits/down_bytes");
    }

    #[tokio::test]
    async fn requests_to_models_wait_for_those_that_could_use_up_what_is_left() {
        let full = budget(9, 9, 9, Some(100));
        let cost = |tokens| Cost { tokens, micro_usd: tokens };
        full.admit(cost(60)).await.unwrap();
        full.admit(cost(60)).await.unwrap();
        let third = full.admit(cost(60));
        tokio::pin!(third);
        assert!(by_now(third.as_mut()).await.is_none(), "two under way may use up all");
        full.settle(cost(60), cost(30));
        assert!(by_now(third.as_mut()).await.unwrap().is_ok(), "there is room again");
        full.settle(cost(60), cost(69));
        full.settle(cost(60), cost(40));
        let denial = full.admit(cost(1)).await.unwrap_err();
        assert_eq!(denial.rule, "limits/tokens");
        assert!(denial.reason.contains("9 bytes to receive, 0 tokens, 1.999861 USD"), "{denial:?}");
        let full = budget(9, 9, 9, None);
        full.admit(cost(1)).await.unwrap();
        full.settle(cost(1), Cost { tokens: 1, micro_usd: 2_000_000 });
        assert_eq!(full.admit(cost(1)).await.unwrap_err().rule, "limits/usd");
    }

    /// What is ready by now.
    async fn by_now<F: Future + Unpin>(future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }
}
