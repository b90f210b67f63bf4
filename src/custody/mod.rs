//! Custody: the credentials that Tidewaiter uses are taken out of what the job's script gets, its environment and its text,
//! and a word stands in their place.
//!
//! It goes by value, not by syntax: wherever the runner's script spells a credential, in any of the ways in which the runner
//! quotes, the word stands there instead.

mod quoting;
mod veil;

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use aho_corasick::BuildError;
pub use veil::Veil;

use crate::environment::{self, Variables};
pub use crate::policy::credentials::{KEPT, PLACEHOLDER};

/// A shorter value is no credential, and would be found everywhere.
const SHORTEST: usize = 8;

/// Takes the credentials of `variables` into custody: they are replaced in every variable that holds one, and in whatever goes
/// through the veil that comes back, the content of files with credentials too: the runner's script writes these files.
///
/// `proxy` names the variable with the upstream proxy's credential.
///
/// # Errors
/// When there are more of them than can be looked for.
pub fn take(variables: &mut Variables, proxy: Option<&str>) -> Result<Veil, BuildError> {
    let kept: Vec<OsString> = KEPT
        .iter()
        .copied()
        .chain(proxy)
        .filter_map(|name| variables.get(OsStr::new(name)).cloned())
        .filter(|value| is_secret(value))
        .collect();
    let files = environment::contents(variables);
    let files = files.iter().map(String::as_bytes).filter(|content| content.trim_ascii().len() >= SHORTEST);
    let veil = Veil::over(kept.iter().map(|value| value.as_bytes()).chain(files))?;
    for value in variables.values_mut() {
        *value = OsString::from_vec(veil.clone().whole(value.as_bytes()));
    }
    Ok(veil)
}

fn is_secret(value: &OsStr) -> bool {
    value.as_bytes().trim_ascii().len() >= SHORTEST && value != PLACEHOLDER
}

/// Whether `variables` are those of a script whose credentials are in custody: one was replaced, or none is there at all.
pub fn holds(variables: &Variables) -> bool {
    let set: Vec<&OsString> = KEPT.iter().filter_map(|name| variables.get(OsStr::new(name))).filter(|value| !value.is_empty()).collect();
    set.is_empty() || replaced(variables)
}

/// Whether a credential of `variables` was replaced.
pub fn replaced(variables: &Variables) -> bool {
    KEPT.iter().filter_map(|name| variables.get(OsStr::new(name))).any(|value| value == PLACEHOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn a_credential_is_replaced_wherever_it_stands() {
        let mut job = variables(&[
            ("ANTHROPIC_API_KEY", "made-up-key-0001"),
            ("COPY", "Bearer made-up-key-0001"),
            ("GITLAB_OIDC_TOKEN", "short"),
            ("CI_JOB_TOKEN", "made-up-job-token"),
            ("GITLAB_ACCESS_TOKEN", ""),
        ]);
        let mut veil = take(&mut job, None).unwrap();
        let found: Vec<(&str, &str)> = job.iter().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap())).collect();
        assert_eq!(
            found,
            [
                ("ANTHROPIC_API_KEY", PLACEHOLDER),
                ("CI_JOB_TOKEN", "made-up-job-token"),
                ("COPY", "Bearer held-by-tidewaiter"),
                ("GITLAB_ACCESS_TOKEN", ""),
                ("GITLAB_OIDC_TOKEN", "short"),
            ]
        );
        assert_eq!(veil.whole(b"export A=made-up-key-0001\n"), b"export A=held-by-tidewaiter\n");
    }

    #[test]
    fn the_proxys_credential_is_kept_under_whatever_name() {
        let mut job = variables(&[("PROXY_LOGIN", "made-up:password"), ("HTTPS_PROXY", "http://made-up:password@proxy.example:3128")]);
        let as_before = job.clone();
        take(&mut job, None).unwrap();
        assert_eq!(job, as_before, "nobody says that it is one");
        take(&mut job, Some("PROXY_LOGIN")).unwrap();
        assert_eq!(
            (&job[OsStr::new("PROXY_LOGIN")], &job[OsStr::new("HTTPS_PROXY")]),
            (&PLACEHOLDER.into(), &"http://held-by-tidewaiter@proxy.example:3128".into())
        );
    }

    #[test]
    fn a_key_that_the_script_would_write_to_a_file_is_replaced() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let key = "{\n  \"private_key\": \"made-up\\nkey\"\n}";
        std::fs::write(file.path(), format!("{key}\n")).unwrap();
        let mut job: Variables = [("GOOGLE_APPLICATION_CREDENTIALS".into(), file.path().into()), ("COPY".into(), key.into())].into();
        let mut veil = take(&mut job, None).unwrap();
        assert_eq!(job[OsStr::new("COPY")], PLACEHOLDER);
        assert_eq!(job[OsStr::new("GOOGLE_APPLICATION_CREDENTIALS")], file.path());
        let quoted = "printf '%s' $'{\\n  \"private_key\": \"made-up\\\\nkey\"\\n}\\n' > key.json\n";
        let shown = String::from_utf8(veil.whole(quoted.as_bytes())).unwrap();
        assert!(shown.contains(PLACEHOLDER) && !shown.contains("made-up"), "{shown}");
    }

    #[test]
    fn who_holds_them_can_be_told() {
        assert!(holds(&variables(&[("ANTHROPIC_API_KEY", PLACEHOLDER), ("GITLAB_ACCESS_TOKEN", "made-up-token")])));
        assert!(holds(&variables(&[])));
        assert!(!holds(&variables(&[("ANTHROPIC_API_KEY", "made-up-key-0001")])));
    }
}
