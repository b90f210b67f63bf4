//! The agent's environment: an allow-list, never what is left after taking things away.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::{
    policy::{
        Files, Policy,
        credentials::{HELD, KEPT, PLACEHOLDER, is_credential},
    },
    secret::Secret,
    upstream::Proxy,
};

/// Variables by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// Passed on where the job has them.
const INHERITED: &[&str] =
    &["PATH", "SHELL", "LANG", "TERM", "TZ", "CI", "GITLAB_CI", "CI_SERVER_VERSION", "CI_DEFAULT_BRANCH", "COLUMNS", "NO_COLOR"];

/// Passed on where the job has any that begin so. None of GitLab's variables of these names holds a credential.
const INHERITED_PREFIXES: &[&str] = &["LC_", "CI_COMMIT_", "CI_MERGE_REQUEST_", "CI_PROJECT_"];

/// Where programs are looked for when the job does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where our images keep the `claude` that is Tidewaiter itself, first in the job's PATH. The agent's PATH goes without it.
pub const SHIM_DIRECTORY: &str = "/usr/local/lib/tidewaiter/bin";

/// The job's PATH as the agent gets it.
pub fn path(job: &Variables) -> OsString {
    let path = job.get(OsStr::new("PATH")).map_or(OsStr::new(PATH), |path| path);
    let kept = std::env::split_paths(path).filter(|directory| directory != Path::new(SHIM_DIRECTORY));
    // What was split can be joined again.
    std::env::join_paths(kept).unwrap_or_else(|_| PATH.into())
}

/// The agent's own places.
#[derive(Clone, Debug)]
pub struct Places {
    /// The tree that it may change.
    pub workspace: PathBuf,
    /// A private home.
    pub home: PathBuf,
    /// A private directory for temporary files.
    pub tmp: PathBuf,
}

/// The agent's environment, the provider's part aside: fixed names, what the policy's `process.env` names (`extra`), and
/// the way to the gateway on loopback port `gateway` with `ticket`.
pub fn agent(job: &Variables, extra: &[String], places: &Places, gateway: u16, ticket: &Secret) -> Variables {
    let mut out: Variables =
        job.iter().filter(|(name, _)| inherited(name, extra)).map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut set = |name: &str, value: &OsStr| out.insert(name.into(), value.into());
    for (name, path) in [("HOME", &places.home), ("TMPDIR", &places.tmp), ("CI_PROJECT_DIR", &places.workspace), ("PWD", &places.workspace)]
    {
        set(name, path.as_os_str());
    }
    set("USER", OsStr::new("agent"));
    set("LOGNAME", OsStr::new("agent"));
    let proxy = format!("http://tidewaiter:{}@127.0.0.1:{gateway}", ticket.reveal());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        set(name, OsStr::new(&proxy));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        set(name, OsStr::new("127.0.0.1,localhost,::1"));
    }
    out.insert("PATH".into(), path(job));
    out
}

/// Checks that no variable that the agent would get holds a credential under another name (`KEY: $ANTHROPIC_API_KEY`): one of the
/// job's that Tidewaiter uses, GitLab's own for the job, what stands in a file with one, or the upstream proxy's, which stands in
/// `proxy`.
///
/// # Errors
/// In words that name both.
pub fn part(job: &Variables, extra: &[String], proxy: Option<&str>) -> Result<(), String> {
    let named = KEPT.iter().copied().chain(["CI_JOB_TOKEN"]).chain(proxy);
    let named = named.filter_map(|name| Some((name.to_owned(), text(job, name)?.to_owned())));
    let in_files = FILES.iter().filter_map(|name| Some(((*name).to_owned(), value(job, name)?)));
    let kept: Vec<(String, String)> =
        named.chain(in_files).filter(|(_, value)| value.trim().len() >= SHORTEST && value != PLACEHOLDER).collect();
    for (name, given) in job.iter().filter(|(name, _)| inherited(name, extra)) {
        let (name, given) = (name.to_string_lossy(), given.to_string_lossy());
        if let Some((credential, _)) = kept.iter().find(|(own, value)| **own != *name && given.contains(value.trim())) {
            return Err(format!("the variable {name} would hand the value of {credential} to the agent: take it out of {name}"));
        }
    }
    Ok(())
}

/// Whether the agent gets the job's variable of this name.
pub fn inherited(name: &OsStr, extra: &[String]) -> bool {
    let Some(name) = name.to_str().filter(|name| !is_credential(name)) else { return false };
    INHERITED.contains(&name)
        || INHERITED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || extra.iter().any(|listed| listed == name)
}

/// The text of passwd(5) with an entry for `uid`, which programs such as PostgreSQL and ssh ask for; nothing where it has
/// one, or where `home` cannot stand in one.
pub fn with_user(mut users: Vec<u8>, uid: u32, home: &Path) -> Option<Vec<u8>> {
    let number = uid.to_string();
    let known = |line: &[u8]| line.split(|byte| *byte == b':').nth(2) == Some(number.as_bytes());
    let home = home.to_str().filter(|home| !home.contains([':', '\n']))?;
    if users.split(|byte| *byte == b'\n').any(known) {
        return None;
    }
    if users.last().is_some_and(|last| *last != b'\n') {
        users.push(b'\n');
    }
    users.extend_from_slice(format!("agent:x:{uid}:{uid}::{home}:/bin/sh\n").as_bytes());
    Some(users)
}

/// The variables of a job that hold secrets by their name or by what GitLab puts there: what the gate looks for, and what
/// the agent must never see. `proxy` names the one with the upstream proxy's credential.
pub fn secrets(job: &Variables, proxy: Option<&str>) -> Vec<(String, Secret)> {
    let mut out = Vec::new();
    for (name, value) in job {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        let of_proxy = proxy == Some(name);
        if of_proxy || is_secret_name(name) {
            let text = file_content(value).unwrap_or_else(|| value.to_owned());
            if let Some(key) = private_key(&text) {
                out.push((name.to_owned(), Secret::new(key)));
            }
            if text.trim().len() >= SHORTEST {
                out.push((name.to_owned(), Secret::new(text.trim())));
            }
        }
        let password = value.split_once(':').filter(|(_, password)| of_proxy && password.len() >= SHORTEST);
        if let Some((_, password)) = password {
            out.push((name.to_owned(), Secret::new(password)));
        }
        if let Some(password) = password_in_url(value) {
            out.push((name.to_owned(), Secret::new(password)));
        }
    }
    out
}

/// The policy's upstream proxy with the credential that the job has for it.
///
/// # Errors
/// In words: when there is none, it is of another form, or the agent would inherit it.
pub fn proxy(job: &Variables, policy: &Policy) -> Result<Option<Proxy>, String> {
    let Some(upstream) = &policy.network.upstream else { return Ok(None) };
    match &upstream.credential {
        Some(name) if inherited(OsStr::new(name), &policy.process.env) => {
            Err(format!("network.upstream.credential: the agent inherits variables of such a name, {name}: give it another one"))
        }
        _ => upstream.with_credential(|name| value(job, name)).map(Some).map_err(|error| error.to_string()),
    }
}

/// Variables that name a file with a credential: one of GitLab's variables of type File, or a path in the image.
const FILES: &[&str] = &["AWS_WEB_IDENTITY_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS"];

/// Where the content of such a file is kept that was read before the script could change it.
fn held(name: &str) -> String {
    format!("{HELD}{name}")
}

/// Reads the files with credentials now, for [`value`] to find.
pub fn hold_files(job: &mut Variables) {
    for name in FILES {
        if let Some(content) = text(job, name).and_then(file_content) {
            job.insert(held(name).into(), content.into());
        }
    }
}

/// The credentials that stand in files.
pub fn contents(job: &Variables) -> Vec<String> {
    FILES.iter().filter_map(|name| text(job, &held(name)).map(str::to_owned).or_else(|| file_content(text(job, name)?))).collect()
}

/// The value of a variable that is set and not empty; of one that names a file with a credential, the file's content. None where
/// that cannot be read: the file's name is no credential.
pub fn value(job: &Variables, name: &str) -> Option<String> {
    let own = text(job, name)?;
    if !FILES.contains(&name) {
        return Some(own.to_owned());
    }
    text(job, &held(name)).map(str::to_owned).or_else(|| file_content(own))
}

fn text<'a>(job: &'a Variables, name: &str) -> Option<&'a str> {
    job.get(OsStr::new(name))?.to_str().filter(|text| !text.is_empty())
}

/// Takes the files with credentials out of what the agent may read, wherever they lie outside of `tree`, which becomes the
/// agent's.
///
/// # Errors
/// In words: when one lies in `tree`.
pub fn guard(job: &Variables, files: &mut Files, tree: &Path) -> Result<(), String> {
    let tree = tree.canonicalize().unwrap_or_else(|_| tree.to_owned());
    for name in FILES {
        let Some(path) = text(job, name).map(Path::new).filter(|path| path.is_absolute()) else { continue };
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.starts_with(&tree) {
            return Err(format!(
                "{name} names a file in the tree that the agent gets: keep the key elsewhere, best as a variable of type File"
            ));
        }
        files.deny.push(path);
    }
    Ok(())
}

/// GitLab's file variables hold the path of a file with the secret.
fn file_content(value: &str) -> Option<String> {
    let path = Path::new(value);
    let small = path.is_absolute() && path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST_FILE);
    small.then(|| std::fs::read_to_string(path).ok())?
}

/// The key within a service account's file, which is worth as much as the whole.
fn private_key(text: &str) -> Option<String> {
    let file: serde_json::Value = text.starts_with('{').then(|| serde_json::from_str(text).ok())??;
    file["private_key"].as_str().map(|key| key.trim().to_owned()).filter(|key| key.len() >= SHORTEST)
}

/// Bytes of a file variable that is read; keys and certificates are far smaller.
const LARGEST_FILE: u64 = 256 << 10;

/// Shorter values would be found everywhere.
const SHORTEST: usize = 8;

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let parts: Vec<&str> = name.split('_').collect();
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASS", "KEY", "APIKEY", "CREDENTIAL", "CREDENTIALS", "JWT", "PAT"]
        .iter()
        .any(|word| parts.contains(word))
        || ["TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.ends_with(word))
}

/// `scheme://user:password@host`: GitLab's `CI_REPOSITORY_URL` has that form.
fn password_in_url(value: &str) -> Option<&str> {
    let (user, _) = value.split_once("://")?.1.split_once('@')?;
    let (_, password) = user.split_once(':')?;
    (password.len() >= SHORTEST && !user.contains('/')).then_some(password)
}

/// Sets the options that a program takes from the variable `name`: `ours`, and behind them what the job has for it already, since of
/// two the last one counts.
pub fn prepend(variables: &mut Variables, name: &str, ours: &str) {
    let own = variables.remove(OsStr::new(name));
    variables.insert(name.into(), own.into_iter().fold(ours.into(), |ours, own| [ours, own].join(OsStr::new(" "))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Variables {
        [
            ("PATH", "/bin"),
            ("ANTHROPIC_API_KEY", "made-up-key-000"),
            ("CI_JOB_TOKEN", "made-up-job-000"),
            ("CI_REPOSITORY_URL", "https://gitlab-ci-token:made-up-clone-000@git.example/a/b.git"),
            ("LD_PRELOAD", "/evil.so"),
            ("MY_VALUE", "x"),
            ("CI_COMMIT_SHA", "0123"),
            ("SIGNING_KEY", "/made-up/key+0001"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into()
    }

    fn places() -> Places {
        Places { workspace: "/w".into(), home: "/h".into(), tmp: "/t".into() }
    }

    #[test]
    fn only_what_is_listed_is_passed_on() {
        let made = agent(&job(), &["MY_VALUE".into()], &places(), 4000, &Secret::new("ticket"));
        for (name, there) in [
            ("MY_VALUE", true),
            ("CI_COMMIT_SHA", true),
            ("ANTHROPIC_API_KEY", false),
            ("LD_PRELOAD", false),
            ("CI_JOB_TOKEN", false),
            ("CI_REPOSITORY_URL", false),
        ] {
            assert_eq!(made.contains_key(OsStr::new(name)), there, "{name}");
        }
        assert_eq!(made[OsStr::new("HOME")], "/h");
        assert_eq!(made[OsStr::new("https_proxy")], "http://tidewaiter:ticket@127.0.0.1:4000");
    }

    #[test]
    fn no_credential_goes_to_the_agent_under_another_name() {
        let mut job = job();
        assert_eq!(part(&job, &["MY_VALUE".into()], None), Ok(()));
        job.insert("MY_VALUE".into(), "Bearer made-up-key-000".into());
        assert_eq!(part(&job, &[], None), Ok(()), "it is not passed on");
        let said = part(&job, &["MY_VALUE".into()], None).unwrap_err();
        assert!(said.contains("MY_VALUE would hand the value of ANTHROPIC_API_KEY") && !said.contains("made-up"), "{said}");
        job.insert("CI_COMMIT_MESSAGE".into(), "made-up-job-000".into());
        assert!(part(&job, &[], None).unwrap_err().contains("CI_COMMIT_MESSAGE would hand the value of CI_JOB_TOKEN"));
        job.insert("ANTHROPIC_API_KEY".into(), PLACEHOLDER.into());
        job.insert("CI_COMMIT_MESSAGE".into(), PLACEHOLDER.into());
        assert_eq!(part(&job, &[], None), Ok(()), "in custody nothing is there");
        assert!(!inherited(OsStr::new("ANTHROPIC_API_KEY"), &["ANTHROPIC_API_KEY".into()]), "whatever a policy says");
    }

    #[test]
    fn the_uid_gets_a_name_where_it_has_none() {
        let made = |users: &str, home: &str| with_user(users.into(), 61000, Path::new(home)).map(|made| String::from_utf8(made).unwrap());
        let users = "root:x:0:61000:r:/root:/bin/sh";
        assert_eq!(made(users, "/h"), Some(format!("{users}\nagent:x:61000:61000::/h:/bin/sh\n")));
        assert_eq!(made("a:x:61000:1::/:/bin/sh\n", "/h"), None);
        assert_eq!(made(users, "/h:0"), None);
    }

    #[test]
    fn secrets_are_known_by_name_and_form() {
        let names: Vec<String> = secrets(&job(), None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ANTHROPIC_API_KEY", "CI_JOB_TOKEN", "CI_REPOSITORY_URL", "SIGNING_KEY"]);
    }

    #[test]
    fn the_proxys_credential_is_a_secret_and_never_the_agents() {
        let job: Variables =
            [("PROXY_LOGIN".into(), "made-up:long-password".into()), ("CI_COMMIT_LOGIN".into(), "made-up:password".into())].into();
        assert!(secrets(&job, None).is_empty());
        let found: Vec<String> = secrets(&job, Some("PROXY_LOGIN")).into_iter().map(|(_, secret)| secret.reveal().to_owned()).collect();
        assert_eq!(found, ["made-up:long-password", "long-password"]);
        let policy = |name: &str| {
            let text = format!("version = 1\n[network.upstream]\nproxy = \"http://proxy.example:3128\"\ncredential = \"{name}\"\n");
            Policy::compose(vec![crate::policy::Source { name: "test".to_owned(), text }]).unwrap()
        };
        assert!(proxy(&job, &policy("PROXY_LOGIN")).unwrap().is_some());
        let copied: Variables =
            [("PROXY_LOGIN".into(), "made-up:long-password".into()), ("CI_COMMIT_MESSAGE".into(), "made-up:long-password".into())].into();
        assert_eq!(part(&copied, &[], None), Ok(()));
        assert!(part(&copied, &[], Some("PROXY_LOGIN")).unwrap_err().contains("would hand the value of PROXY_LOGIN"));
        assert!(proxy(&job, &policy("CI_COMMIT_LOGIN")).unwrap_err().contains("the agent inherits"));
        assert!(proxy(&job, &policy("OTHER")).unwrap_err().contains("OTHER, which is not set"));
    }

    #[test]
    fn a_key_file_is_read_once_and_kept_from_the_agent() {
        let directory = tempfile::tempdir().unwrap();
        let (file, tree) = (directory.path().join("key.json"), directory.path().join("tree"));
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(&file, "{\"private_key\":\"made-up\\nkey\"}").unwrap();
        let name = "GOOGLE_APPLICATION_CREDENTIALS";
        let mut job: Variables = [(name.into(), file.clone().into())].into();
        assert!(secrets(&job, None).iter().any(|(_, secret)| secret.matches(b"made-up\nkey")));
        hold_files(&mut job);
        std::fs::write(&file, "changed").unwrap();
        assert_eq!(value(&job, name).unwrap(), "{\"private_key\":\"made-up\\nkey\"}");
        assert_eq!(contents(&job), [value(&job, name).unwrap()]);
        let mut files = Files { read: vec![], built_in: true, write: vec![], deny: vec![] };
        guard(&job, &mut files, &tree).unwrap();
        assert_eq!(files.deny, [file.canonicalize().unwrap()]);
        assert!(guard(&job, &mut files, directory.path()).unwrap_err().contains(name));
        assert!(!inherited(OsStr::new(&held(name)), &[]));
    }

    #[test]
    fn the_name_of_a_file_is_no_credential() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "made-up-token").unwrap();
        for name in FILES {
            let of = |value: &Path| value_of(name, value);
            assert_eq!(of(file.path()).as_deref(), Some("made-up-token"));
            assert_eq!(of(Path::new("/nowhere/token")), None);
            assert_eq!(of(Path::new("token")), None);
        }
        assert_eq!(value_of("OTHER", Path::new("/nowhere/token")).as_deref(), Some("/nowhere/token"));
    }

    fn value_of(name: &str, text: &Path) -> Option<String> {
        value(&[(name.into(), text.into())].into(), name)
    }

    #[test]
    fn a_file_variable_is_known_by_its_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "made-up-content-of-a-key\n").unwrap();
        let found = secrets(&[("DEPLOY_KEY".into(), file.path().into())].into(), None);
        assert!(found[0].1.matches(b"made-up-content-of-a-key"), "{found:?}");
    }
}
