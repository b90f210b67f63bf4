//! Git's smart HTTP (gitprotocol-http(5)): fetches go through, pushes do not.

use super::{Refusal, Scope, shown};

/// One of the two requests of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Path and query below the GitLab's URL.
    pub target: String,
    /// The second one, which has a body.
    pub post: bool,
}

/// Judges a request outside of the API.
pub(super) fn judge(method: &str, path: &str, query: Option<&str>, scope: &Scope) -> Result<Fetch, Refusal> {
    let refused = |rule, reason: String| Err(Refusal::new(rule, reason));
    if path.contains('%') {
        return refused("gitlab/path", format!("`{}` has percent-encoding, which a repository's address does not need", shown(path)));
    }
    if path.ends_with("/git-receive-pack") || query.is_some_and(|query| query.contains("receive-pack")) {
        return refused(
            "gitlab/push",
            "nothing is pushed from here: leave the change in the workspace, committed or not; Tidewaiter inspects it, pushes its branch and opens the merge request when you have ended".to_owned(),
        );
    }
    if path.contains("/info/lfs") {
        return refused(
            "gitlab/lfs",
            "files in Git LFS are not fetched from here; those of the checkout are in the workspace already".to_owned(),
        );
    }
    let (repository, post) = match (path.strip_suffix("/info/refs"), path.strip_suffix("/git-upload-pack")) {
        (Some(repository), _) => (repository, false),
        (None, Some(repository)) => (repository, true),
        (None, None) => {
            let hint = "below /gitlab there are the API (/gitlab/api/v4/projects/…) and repositories to clone or fetch";
            return refused("gitlab/path", format!("there is no way to /gitlab{}: {hint}", shown(path)));
        }
    };
    let project = repository.trim_start_matches('/');
    let project = project.strip_suffix(".git").unwrap_or(project);
    scope.has_path(project)?;
    let service = match (post, query) {
        (false, Some("service=git-upload-pack")) => "info/refs?service=git-upload-pack",
        (true, None) => "git-upload-pack",
        _ => return refused("gitlab/git", "only git's smart protocol for fetches is forwarded (service=git-upload-pack)".to_owned()),
    };
    let wanted = if post { "POST" } else { "GET" };
    if method != wanted {
        return refused("gitlab/method", format!("{} is not allowed on {}, {wanted} is", shown(method), shown(path)));
    }
    Ok(Fetch { target: format!("/{project}.git/{service}"), post })
}
