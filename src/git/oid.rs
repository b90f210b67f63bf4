//! SHA-1 object names. An [`Oid`] is made only by hashing or parsing.

use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

use sha1_checked::{Builder, Digest as _, Sha1};

use super::{Error, shown};

/// The name of a git object: SHA-1 over its header and bytes (gitformat-loose(5)).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid([u8; 20]);

/// Text that is no object name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an object name: expected 40 lower-case hex digits")]
pub struct NotAnOid(String);

impl Oid {
    /// The name that `bytes` have as a blob.
    ///
    /// # Errors
    /// [`Error::Collision`] when the bytes carry the marks of a SHA-1 collision attack.
    pub fn of_blob(bytes: &[u8]) -> Result<Self, Error> {
        Self::of("blob", bytes)
    }

    /// The name of an object of the kind `kind`.
    pub(super) fn of(kind: &str, bytes: &[u8]) -> Result<Self, Error> {
        let mut hash = Sha1::new();
        hash.update(format!("{kind} {}\0", bytes.len()));
        hash.update(bytes);
        let result = hash.try_finalize();
        if result.has_collision() {
            return Err(Error::Collision);
        }
        Ok(Self(<[u8; 20]>::try_from(result.hash().as_slice()).map_err(|_| Error::Collision)?))
    }

    /// The name that the `size` bytes of `from` have as a blob, read through `buffer`; none when there are fewer or more.
    /// It is for a comparison with a name that is known and nothing else: collisions are not looked for, since where two
    /// files share a name, the known one is what stays in the tree.
    ///
    /// # Errors
    /// What `from` says.
    pub fn of_stream(mut from: impl Read, size: u64, buffer: &mut [u8]) -> io::Result<Option<Self>> {
        let mut hash = Builder::default().detect_collision(false).build();
        hash.update(format!("blob {size}\0"));
        let mut left = size;
        loop {
            let n = from.read(buffer)?;
            match (n, left.checked_sub(n as u64)) {
                (0, _) => break,
                (_, None) => return Ok(None),
                (_, Some(rest)) => left = rest,
            }
            hash.update(&buffer[..n]);
            // A file gives less than there is room for only at its end, and so that its end need not be asked for again.
            if left == 0 && n < buffer.len() {
                break;
            }
        }
        let name = <[u8; 20]>::try_from(hash.try_finalize().hash().as_slice()).map_err(io::Error::other)?;
        Ok((left == 0).then_some(Self(name)))
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for Oid {
    type Err = NotAnOid;

    fn from_str(text: &str) -> Result<Self, NotAnOid> {
        let refused = || NotAnOid(shown(text.as_bytes()));
        let digits = text.as_bytes();
        if digits.len() != 40 || !digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refused());
        }
        let mut out = [0; 20];
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| refused())?;
        }
        Ok(Self(out))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::digest::hex(&self.0))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Oid {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_blob_has_its_published_name() {
        let empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        assert_eq!(Oid::of_blob(b"").unwrap().to_string(), empty);
        assert_eq!(empty.parse::<Oid>().unwrap(), Oid::of_blob(b"").unwrap());
    }

    #[test]
    fn a_stream_has_the_name_of_its_bytes_if_it_has_as_many_as_it_should() {
        let (bytes, mut buffer) = (b"0123456789".repeat(100), [0; 64]);
        let of = |size, buffer: &mut [u8]| Oid::of_stream(bytes.as_slice(), size, buffer).unwrap();
        assert_eq!(of(1000, &mut buffer), Some(Oid::of_blob(&bytes).unwrap()));
        assert_eq!((of(999, &mut buffer), of(1001, &mut buffer)), (None, None));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "HEAD", "e69de29", &"E".repeat(40), &"0".repeat(64), &"é".repeat(20)] {
            assert!(text.parse::<Oid>().is_err(), "{text}");
        }
    }
}
