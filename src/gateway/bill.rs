//! What one request to a model costs: reserved before it goes on, read from its answer as that passes, settled at its end.

use std::sync::Arc;

use hyper::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
};

use crate::{
    journal,
    provider::usage::{Asked, Reader, Usage},
};

use super::{
    budget::{Budget, Cost},
    denial::Denial,
};

/// A request to a model, from its admission on. It is settled however it ends.
pub(super) struct Bill {
    budget: Arc<Budget>,
    asked: Asked,
    reserved: Cost,
    answer: Answer,
}

enum Answer {
    /// Nothing was sent, or nothing will be billed.
    Free,
    /// Sent, and none yet: the provider may have begun to work.
    None,
    Comes(Reader),
}

impl Bill {
    /// Waits until it is sure that the budgets are not used up, with those requests that are under way.
    pub(super) async fn open(budget: Arc<Budget>, asked: Asked) -> Result<Self, Denial> {
        let most = asked.most();
        let reserved = Cost { tokens: most.tokens(), micro_usd: asked.cost(&most) };
        budget.admit(reserved).await?;
        Ok(Self { budget, asked, reserved, answer: Answer::Free })
    }

    /// From here on it may be billed.
    pub(super) fn sent(&mut self) {
        self.answer = Answer::None;
    }

    /// It will not be billed after all.
    pub(super) fn free(&mut self) {
        self.answer = Answer::Free;
    }

    /// The head of its answer came. Errors and rate limits are not billed.
    pub(super) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        self.answer = match status.is_success() {
            true => Answer::Comes(Reader::new(text(CONTENT_TYPE).unwrap_or_default(), text(CONTENT_ENCODING))),
            false => Answer::Free,
        };
    }

    /// A part of its answer passes.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        if let Answer::Comes(reader) = &mut self.answer {
            reader.feed(bytes);
        }
    }

    /// What it cost in the end.
    pub(super) fn close(self) -> Option<journal::Bill> {
        let (usage, estimated) = self.usage()?;
        Some(journal::Bill {
            input: usage.input,
            cache_write: usage.write.saturating_add(usage.write_hour),
            cache_read: usage.read,
            output: usage.output,
            micro_usd: self.asked.cost(&usage),
            estimated,
        })
    }

    fn usage(&self) -> Option<(Usage, bool)> {
        let most = self.asked.most();
        match &self.answer {
            Answer::Free => None,
            Answer::None => Some((most, true)),
            Answer::Comes(reader) => {
                let (usage, whole) = reader.end(&most);
                Some((usage, !whole))
            }
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        let cost = self.usage().map(|(usage, _)| Cost { tokens: usage.tokens(), micro_usd: self.asked.cost(&usage) });
        self.budget.settle(self.reserved, cost.unwrap_or_default());
    }
}
