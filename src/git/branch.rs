//! Names of branches that we push.

use std::fmt;

use super::shown;

/// A branch name that means one thing to git, to GitLab and to a shell: letters, digits and `._-`, in parts divided
/// by `/`. Narrower than git-check-ref-format(1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch(String);

/// Text that is no such name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` cannot be the name of a branch: use 1 to 200 letters, digits, `.`, `_`, `-` in parts divided by `/`")]
pub struct NotABranch(String);

/// GitLab takes 255 bytes with `refs/heads/`.
const LONGEST: usize = 200;

impl Branch {
    /// Checks `name`.
    ///
    /// # Errors
    /// [`NotABranch`].
    pub fn new(name: &str) -> Result<Self, NotABranch> {
        let fits = (1..=LONGEST).contains(&name.len())
            && name.split('/').all(part_is_sound)
            && !name.starts_with("refs/")
            && name != "HEAD"
            && !(name.len() >= 40 && name.bytes().all(|b| b.is_ascii_hexdigit()));
        if fits { Ok(Self(name.to_owned())) } else { Err(NotABranch(shown(name.as_bytes()))) }
    }

    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn part_is_sound(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with(['-', '.'])
        && !part.ends_with('.')
        && !part.ends_with(".lock")
        && !part.contains("..")
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_branches() {
        for fine in ["main", "tidewaiter/42-fix_it", "a.b/c"] {
            assert!(Branch::new(fine).is_ok(), "{fine}");
        }
        let hex = "a".repeat(40);
        for odd in
            ["", "-x", "a/-x", "a..b", "a//b", "/a", "a/", "refs/heads/x", "HEAD", &hex, "a b", "a:b", "a\nb", "é", "a.lock", "+a", ".a"]
        {
            assert!(Branch::new(odd).is_err(), "{odd:?}");
        }
    }
}
