//! Messages of an AWS event stream (smithy.io/2.0/aws/amazon-eventstream.html), out of which Bedrock's events are taken:
//! `{"bytes": "…"}` in Base64 (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::provider::json;

/// Its own length, that of its headers, and a checksum, four bytes each.
const PRELUDE: usize = 12;

/// The checksum at its end.
const END: usize = 4;

/// Bytes of a message that is looked into; longer ones are passed over. An event that counts tokens has a few hundred.
const LONGEST: usize = 1 << 20;

/// Reads messages that come in pieces, and keeps one at a time.
#[derive(Debug, Default)]
pub(super) struct Messages {
    message: Vec<u8>,
    /// Bytes still to come of a message that is too long.
    passed_over: usize,
    /// What comes is no such stream.
    broken: bool,
}

impl Messages {
    /// Reads on. The JSON text of each event comes out.
    pub(super) fn feed(&mut self, mut bytes: &[u8], found: &mut impl FnMut(&[u8])) {
        while !bytes.is_empty() && !self.broken {
            let wanted = match (self.passed_over, self.message.len()) {
                (0, length) if length < PRELUDE => PRELUDE - length,
                (0, length) => number(&self.message, 0).saturating_sub(length),
                (left, _) => left,
            };
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.passed_over > 0 {
                self.passed_over -= part.len();
                continue;
            }
            self.message.extend_from_slice(part);
            if self.message.len() >= PRELUDE {
                self.look(found);
            }
        }
    }

    /// At a message that has its prelude at least.
    fn look(&mut self, found: &mut impl FnMut(&[u8])) {
        let (whole, headers) = (number(&self.message, 0), number(&self.message, 4));
        let Some(end) = whole.checked_sub(END).filter(|end| headers.checked_add(PRELUDE).is_some_and(|start| start <= *end)) else {
            self.broken = true;
            return;
        };
        if whole > LONGEST {
            self.passed_over = whole - self.message.len();
            self.message.clear();
        } else if self.message.len() == whole {
            if let Some(event) = event(&self.message[PRELUDE + headers..end]) {
                found(&event);
            }
            self.message.clear();
        }
    }
}

/// The number of four bytes at `at`; none are there only before a message has its prelude.
fn number(message: &[u8], at: usize) -> usize {
    let bytes = message.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX)
}

fn event(payload: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(json::parse(payload).ok()?["bytes"].as_str()?).ok()
}
