//! Pointers of Git LFS: the small files that git stores in the place of large ones (git-lfs, `docs/spec.md`).

use std::fmt;

use crate::digest::Digest;

/// What a pointer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Pointer {
    /// The object's SHA-256.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// The addresses that stand for the format's version; the older ones are still read.
const VERSIONS: [&str; 3] = ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"];

impl Pointer {
    /// A pointer is shorter than this.
    pub const LONGEST: u64 = 1024;

    /// What `blob` names if it is a pointer as Git LFS writes it today, byte for byte: nothing else is said in it.
    pub fn plain(blob: &[u8]) -> Option<Self> {
        Self::parse(blob).filter(|found| found.to_string().as_bytes() == blob)
    }

    /// What `blob` names if it is a pointer.
    pub fn parse(blob: &[u8]) -> Option<Self> {
        Self::looks_like_one(blob).then_some(())?;
        let text = std::str::from_utf8(blob).ok()?;
        let value = |key: &str| {
            let mut found = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            // A key that stands twice means one thing to one reader and another to the next.
            found.next().filter(|_| found.next().is_none())
        };
        Some(Self { digest: value("oid")?.parse().ok()?, size: value("size")?.parse().ok()? })
    }

    /// Whether some reader may take `blob` for a pointer, a broken one included.
    pub fn looks_like_one(blob: &[u8]) -> bool {
        let first = blob.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default().trim_ascii();
        let named = first.strip_prefix(b"version ").map(<[u8]>::trim_ascii);
        blob.len() as u64 <= Self::LONGEST && named.is_some_and(|named| VERSIONS.iter().any(|version| named == version.as_bytes()))
    }
}

/// The pointer as Git LFS writes it.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, size } = self;
        write!(f, "version {}\noid {digest}\nsize {size}\n", VERSIONS[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_what_only_looks_like_one() {
        let digest = Digest::of("x");
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid {digest}\nsize 1\n");
        assert_eq!(Pointer::parse(pointer.as_bytes()), Some(Pointer { digest, size: 1 }));
        for broken in ["size 2\n", &format!("oid {digest}\n")] {
            let broken = pointer.clone() + broken;
            assert!(Pointer::parse(broken.as_bytes()).is_none() && Pointer::looks_like_one(broken.as_bytes()), "{broken}");
        }
        for other in ["", "version 2\n", &format!("# about\n{pointer}"), &format!("{pointer}{}", "ext\n".repeat(300))] {
            assert!(!Pointer::looks_like_one(other.as_bytes()), "{other}");
        }
        assert_eq!(Pointer::plain(pointer.as_bytes()), Some(Pointer { digest, size: 1 }));
        for more in [format!("{pointer}ext-0-more x\n"), pointer.replace("size 1", "size 01"), pointer.replace("git-lfs", "hawser")] {
            assert!(Pointer::parse(more.as_bytes()).is_some() && Pointer::plain(more.as_bytes()).is_none(), "{more}");
        }
        assert!(Pointer::looks_like_one(b"\r\nversion  https://hawser.github.com/spec/v1\r\noid x"));
    }
}
