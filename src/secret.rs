//! Values that must never be shown.

use std::fmt;

/// A credential. It never prints: `Debug` shows `Secret(…)`, and there is no `Display`.
///
/// It is serialised only to be handed to another process of ours over a private descriptor.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes custody of `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// 256 random bits in hex: a ticket.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(crate::digest::hex(&bytes)))
    }

    /// The value itself, for the one place that has to send or compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `guess` is this secret; takes the same time wherever the two differ.
    pub fn matches(&self, guess: &[u8]) -> bool {
        let own = self.0.as_bytes();
        own.len() == guess.len() && own.iter().zip(guess).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("made-up-value");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("made-up").count(), 0);
    }

    #[test]
    fn only_the_whole_value_matches() {
        let secret = Secret::new("abc");
        assert!(secret.matches(b"abc"));
        for wrong in [&b"ab"[..], b"abd", b"abcd", b""] {
            assert!(!secret.matches(wrong));
        }
    }
}
