//! What several agents of one job share: what one has used up is taken off the limits of the next.

use std::{fmt, time::Duration};

use super::{Limits, Source};

/// What an agent has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Used {
    /// Wall time.
    pub time: Duration,
    /// Turns.
    pub turns: u64,
    /// Requests through the gateway.
    pub requests: u64,
    /// Bytes sent through the gateway.
    pub up_bytes: u64,
    /// Bytes received through the gateway.
    pub down_bytes: u64,
    /// Tokens of models.
    pub tokens: u64,
    /// What they cost, in millionths of a US dollar.
    pub micro_usd: u64,
}

impl Used {
    /// For an agent of which nobody knows what it used.
    pub const ALL: Self = Self {
        time: Duration::MAX,
        turns: u64::MAX,
        requests: u64::MAX,
        up_bytes: u64::MAX,
        down_bytes: u64::MAX,
        tokens: u64::MAX,
        micro_usd: u64::MAX,
    };
}

/// Millionths of a US dollar, shown as dollars.
#[derive(Clone, Copy, Debug)]
pub struct Usd(pub u64);

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s, {} turns, {} requests", self.time.as_secs(), self.turns, self.requests)?;
        write!(f, ", {} bytes sent and {} received, {} tokens", self.up_bytes, self.down_bytes, self.tokens)?;
        write!(f, " for about {} USD", Usd(self.micro_usd))
    }
}

impl Limits {
    /// What `used` leaves of these limits, as one more layer; none where one of them is reached.
    pub fn left(&self, used: &Used) -> Option<Source> {
        let rest = |limit: u64, used: u64| limit.checked_sub(used).filter(|rest| *rest > 0);
        let seconds = rest(self.time.as_secs(), used.time.as_secs())?;
        let requests = rest(self.requests, used.requests)?;
        let (up, down) = (rest(self.up_bytes, used.up_bytes)?, rest(self.down_bytes, used.down_bytes)?);
        let turns = match self.turns {
            Some(turns) => format!("turns = {}\n", rest(u64::from(turns), used.turns)?),
            None => String::new(),
        };
        let tokens = match self.tokens {
            Some(tokens) => format!("tokens = {}\n", rest(tokens, used.tokens)?),
            None => String::new(),
        };
        let usd = match self.micro_usd {
            Some(micro) => format!("usd = {}\n", Usd(rest(micro, used.micro_usd)?)),
            None => String::new(),
        };
        let text = format!(
            "version = 1\n[limits]\ntime = {seconds}\n{turns}requests = {requests}\nup_bytes = {up}\ndown_bytes = {down}\n{tokens}{usd}"
        );
        Some(Source { name: "what this job has left".to_owned(), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn limits(layers: Vec<Source>) -> Limits {
        let top = Source {
            name: "top".to_owned(),
            text: "version = 1\n[limits]\ntime = 60\nturns = 9\nrequests = 5\ntokens = 1000\nusd = 2.5\n".to_owned(),
        };
        Policy::compose([vec![top], layers].concat()).unwrap().limits
    }

    #[test]
    fn what_was_used_is_taken_off() {
        let used =
            Used { time: Duration::from_secs(20), turns: 4, requests: 1, up_bytes: 10, down_bytes: 0, tokens: 300, micro_usd: 1_250_000 };
        let first = limits(vec![]);
        let left = first.left(&used).unwrap();
        let second = limits(vec![left]);
        assert_eq!((second.time.as_secs(), second.turns, second.requests), (40, Some(5), 4));
        assert_eq!(second.up_bytes, first.up_bytes - 10);
        assert_eq!((second.tokens, second.micro_usd), (Some(700), Some(1_250_000)));
        assert!(first.left(&Used { tokens: 1000, ..used }).is_none() && first.left(&Used { micro_usd: 2_500_000, ..used }).is_none());
        let said = "20 s, 4 turns, 1 requests, 10 bytes sent and 0 received, 300 tokens for about 1.250000 USD";
        assert_eq!(used.to_string(), said);
        assert!(second.left(&Used { turns: 5, ..Used::default() }).is_none());
        assert!(first.left(&Used::ALL).is_none());
        assert!(first.left(&Used::default()).is_some());
    }
}
