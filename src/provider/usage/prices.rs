//! What models cost, as data: an estimate for budgets, not a bill.
//!
//! Sources, read in November 2026: platform.claude.com/docs/en/about-claude/pricing ("Model pricing", and "Web search tool" for
//! searches) with the models' own pages; developers.openai.com/api/docs/models/gpt-5-codex. These are the prices of the
//! providers' own interfaces; regional endpoints of clouds can cost a tenth more. A model that has several prices (by the length
//! of its input) has its highest one here.

/// Thousandths of a US dollar for a million tokens, which are billionths of a dollar a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price {
    /// Input that no cache has.
    pub(super) input: u64,
    /// Input that a cache keeps for five minutes.
    pub(super) write: u64,
    /// Input that a cache keeps for an hour.
    pub(super) write_hour: u64,
    /// Input from a cache.
    pub(super) read: u64,
    /// Output.
    pub(super) output: u64,
}

/// Billionths of a dollar for one search by the provider's web search tool (10 dollars for a thousand).
pub(super) const SEARCH: u64 = 10_000_000;

const fn price(input: u64, write: u64, write_hour: u64, read: u64, output: u64) -> Price {
    Price { input, write, write_hour, read, output }
}

/// Models by the name without date and version, in the order of the sources.
pub(super) const PRICES: &[(&str, Price)] = &[
    ("claude-fable-5-1", price(10_000, 12_500, 20_000, 250, 50_000)),
    ("claude-mythos-5-1", price(10_000, 12_500, 20_000, 250, 50_000)),
    ("claude-fable-5", price(10_000, 12_500, 20_000, 1_000, 50_000)),
    ("claude-mythos-5", price(10_000, 12_500, 20_000, 1_000, 50_000)),
    ("claude-opus-5-5", price(4_000, 5_000, 8_000, 200, 20_000)),
    ("claude-opus-5", price(5_000, 6_250, 10_000, 500, 25_000)),
    ("claude-opus-4-8", price(5_000, 6_250, 10_000, 500, 25_000)),
    ("claude-opus-4-7", price(5_000, 6_250, 10_000, 500, 25_000)),
    ("claude-opus-4-6", price(5_000, 6_250, 10_000, 500, 25_000)),
    ("claude-opus-4-5", price(5_000, 6_250, 10_000, 500, 25_000)),
    ("claude-opus-4-1", price(15_000, 18_750, 30_000, 1_500, 75_000)),
    ("claude-opus-4", price(15_000, 18_750, 30_000, 1_500, 75_000)),
    ("claude-sonnet-5-5", price(2_000, 2_500, 4_000, 100, 10_000)),
    ("claude-sonnet-5", price(2_000, 2_500, 4_000, 200, 10_000)),
    ("claude-sonnet-4-6", price(3_000, 3_750, 6_000, 300, 15_000)),
    ("claude-sonnet-4-5", price(3_000, 3_750, 6_000, 300, 15_000)),
    ("claude-sonnet-4", price(3_000, 3_750, 6_000, 300, 15_000)),
    ("claude-haiku-5-5", price(500, 625, 1_000, 50, 2_500)),
    ("claude-haiku-4-5", price(1_000, 1_250, 2_000, 100, 5_000)),
    ("claude-3-5-haiku", price(800, 1_000, 1_600, 80, 4_000)),
    ("gpt-5-codex", price(1_250, 1_250, 1_250, 125, 10_000)),
    ("gpt-5", price(1_250, 1_250, 1_250, 125, 10_000)),
];

/// What `name` costs: a model's name, or a path that has one in it, as Vertex and Bedrock write it. The highest of all prices
/// where no listed model is named.
pub(super) fn of(name: &str) -> Price {
    let named: Vec<Price> = PRICES.iter().filter(|(model, _)| names(name, model)).map(|(_, price)| *price).collect();
    match named[..] {
        [] => highest(PRICES.iter().map(|(_, price)| *price)),
        _ => highest(named.into_iter()),
    }
}

fn highest(prices: impl Iterator<Item = Price>) -> Price {
    prices.fold(price(0, 0, 0, 0, 0), |a, b| Price {
        input: a.input.max(b.input),
        write: a.write.max(b.write),
        write_hour: a.write_hour.max(b.write_hour),
        read: a.read.max(b.read),
        output: a.output.max(b.output),
    })
}

/// Whether `model` stands in `name` as a whole: behind it only a date, a version or what belongs to no name can follow, so that
/// `gpt-5` is not `gpt-5-pro` and `claude-opus-4` not `claude-opus-4-8`.
fn names(name: &str, model: &str) -> bool {
    name.match_indices(model).any(|(at, _)| {
        let (before, after) = (&name[..at], &name[at + model.len()..]);
        let digits = |text: &str, count: usize| text.len() >= count && text.bytes().take(count).all(|b| b.is_ascii_digit());
        let begins = !before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        let ends = match after.strip_prefix('-') {
            Some(more) => {
                more.strip_prefix("20").is_some_and(|rest| digits(rest, 2)) || more.strip_prefix('v').is_some_and(|v| digits(v, 1))
            }
            None => !after.starts_with(|c: char| c.is_alphanumeric() || c == '.'),
        };
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str) -> u64 {
        of(name).input
    }

    #[test]
    fn a_model_is_known_in_every_spelling() {
        for name in [
            "claude-opus-4-8",
            "claude-opus-4-8[1m]",
            "claude-opus-4-8-20260401",
            "eu.anthropic.claude-opus-4-8-20260401-v1:0",
            "/model/eu.anthropic.claude-opus-4-8-v1%3A0/invoke",
            "/v1/projects/p/locations/eu/publishers/anthropic/models/claude-opus-4-8@20260401:rawPredict",
        ] {
            assert_eq!(input(name), 5_000, "{name}");
        }
        assert_eq!((input("claude-opus-4-20250514"), input("claude-haiku-4-5"), input("gpt-5-2025-08-07")), (15_000, 1_000, 1_250));
    }

    #[test]
    fn what_is_not_listed_costs_the_most() {
        let most = price(15_000, 18_750, 30_000, 1_500, 75_000);
        for name in ["", "claude-opus-4-9", "claude-haiku-4-5-pro", "gpt-5-pro", "gpt-5.4", "my-claude-haiku-4-5", "claude-haiku-4-5x", "é"]
        {
            assert_eq!(of(name), most, "{name}");
        }
    }
}
