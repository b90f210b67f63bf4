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

/// Names of branches that stay, alone or before a `/`.
const LASTING: [&str; 7] = ["main", "master", "trunk", "production", "prod", "staging", "stable"];

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

    /// Whether the name is one that pipelines release from or that everybody builds on: rules of CI configurations usually know
    /// such branches by name alone.
    pub fn is_for_releases(&self) -> bool {
        let name = self.0.to_ascii_lowercase();
        let released = ["release", "hotfix"].iter().any(|begin| {
            let rest = name.strip_prefix(begin).map(|rest| rest.strip_prefix("es").or(rest.strip_prefix('s')).unwrap_or(rest));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        });
        released || LASTING.contains(&name.split('/').next().unwrap_or(&name)) || name.ends_with("-stable") || is_version(&name)
    }

    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `1.2`, `v1.2.3-rc1`.
fn is_version(name: &str) -> bool {
    let numbered = name.strip_prefix('v').unwrap_or(name).split_once('.');
    numbered.is_some_and(|(major, rest)| {
        !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(|c: char| c.is_ascii_digit())
    })
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
    fn branches_for_releases_are_known_by_name() {
        for name in ["release/1.2", "Release-3", "releases/x", "hotfix/7", "hotfixes/a", "v1.2.3", "16-4-stable", "Main", "prod", "1.0"] {
            assert!(Branch::new(name).unwrap().is_for_releases(), "{name}");
        }
        for name in ["tidewaiter/issue-7", "fix/release-notes", "mainline", "releaser", "feature/1.0", "v2-parser", "produce", "main-menu"]
        {
            assert!(!Branch::new(name).unwrap().is_for_releases(), "{name}");
        }
    }

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
