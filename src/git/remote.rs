//! Push and fetch: an explicit address, an explicit reference, and a token that is in no argument, no configuration
//! and no environment.
//!
//! The token goes through a pipe that git's children inherit. Git asks the program named in `GIT_ASKPASS` (this
//! program) for user and password; it reads the pipe, which holds the token once.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::PathBuf,
    process::{Command, ExitCode},
};

use nix::fcntl::OFlag;

use super::{Branch, Error, Oid, Repository, program, shown};
use crate::{
    host::{Host, HostPort},
    secret::Secret,
    upstream::Proxy,
};

/// Set for the program that git asks for a password: the number of the pipe to read it from. A program of ours that
/// finds it in its environment is [`askpass_main`] and nothing else.
pub const ASKPASS_VARIABLE: &str = "TIDEWAITER_ASKPASS";

/// Set beside it where the upstream proxy has a password: the number of that pipe, and by what the two questions are told
/// apart, the addresses of the proxy and of the repository's host.
const PROXY_VARIABLE: &str = "TIDEWAITER_ASKPASS_PROXY";

/// The user that GitLab takes with any token (docs.gitlab.com, "Token overview": any non-blank value).
pub const USER: &str = "oauth2";

/// A token is shorter than this, and so fits a pipe at once (PIPE_BUF, pipe(7)).
const LONGEST_TOKEN: usize = 4096;

/// Git gives up on a far end that sends less than a byte a second for so long (git-config(1), `http.lowSpeedTime`).
const PATIENCE: u32 = 60;

/// The references that a fetch writes.
const FETCHED: &str = "refs/tidewaiter/fetched";

/// A repository at the far end.
#[derive(Clone, Debug)]
pub struct Remote {
    /// `https://host/path.git` without user and password; `http` where GitLab itself has no TLS.
    pub url: String,
    /// The token.
    pub token: Secret,
    /// This program, which git starts to ask for the token.
    pub askpass: PathBuf,
    /// PEM file of the certificate authorities, where the system's do not do.
    pub ca_file: Option<PathBuf>,
    /// The upstream proxy on the way there.
    pub proxy: Option<Proxy>,
}

/// What must stand at the far end for a push to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No branch of that name.
    Absent,
    /// A branch whose tip is an ancestor of what is pushed.
    Ancestor,
}

impl Repository {
    /// Pushes the commit `oid` to `branch` and nothing else.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Authentication`], [`Error::Unreachable`], [`Error::Url`].
    pub fn push(&self, remote: &Remote, oid: Oid, branch: &Branch, expect: Expect) -> Result<(), Error> {
        let mut command = self.speaking_to(remote)?;
        command.args([
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            "--no-push-option",
        ]);
        if expect == Expect::Absent {
            // An empty value: the branch must not exist (git-push(1)).
            command.arg(format!("--force-with-lease=refs/heads/{branch}:"));
        }
        command.args(["--", &remote.url]).arg(format!("{oid}:refs/heads/{branch}"));
        let output = remote.call("push", &mut command)?;
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        match pushed(&report, &format!("refs/heads/{branch}")) {
            Pushed::Accepted if output.status.success() => Ok(()),
            Pushed::Rejected(reason) => Err(Error::Rejected { branch: branch.to_string(), reason: reason_of(&reason, &output.stderr) }),
            Pushed::Accepted | Pushed::Unsaid => Err(remote.complaint("push", output.stderr)),
        }
    }

    /// Fetches the tip of `branch` with at most `depth` commits of its history.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`Error::Rejected`] when there is no such branch.
    pub fn fetch(&self, remote: &Remote, branch: &Branch, depth: u32) -> Result<Oid, Error> {
        let mut command = self.speaking_to(remote)?;
        command.args(["fetch", "--quiet", "--force", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head"]);
        command.args(["--no-recurse-submodules", "--no-write-commit-graph"]).arg(format!("--depth={}", depth.max(1)));
        command.args(["--", &remote.url]).arg(format!("refs/heads/{branch}:{FETCHED}"));
        let output = remote.call("fetch", &mut command)?;
        self.renew();
        if output.status.success() {
            return self.resolve(FETCHED);
        }
        if output.stderr.contains("couldn't find remote ref") {
            return Err(Error::Rejected { branch: branch.to_string(), reason: "there is no such branch".to_owned() });
        }
        Err(remote.complaint("read", output.stderr))
    }

    fn speaking_to(&self, remote: &Remote) -> Result<Command, Error> {
        remote.check_url()?;
        let mut command = self.command();
        for setting in ["protocol.http.allow=always", "protocol.https.allow=always", "http.followRedirects=false"] {
            command.args(["-c", setting]);
        }
        command.args(["-c", "http.lowSpeedLimit=1", "-c", &format!("http.lowSpeedTime={PATIENCE}")]);
        command.args(["-c", &format!("credential.username={USER}"), "-c", "credential.useHttpPath=false"]);
        match remote.upstream()? {
            None => drop(command.args(["-c", "http.proxy="])),
            // The user's name is in no argument.
            Some(proxy) => {
                let user = proxy.user().map(|(user, _)| format!("{}@", percent(user))).unwrap_or_default();
                let url = format!("http://{user}{}", proxy.address());
                command.args(["-c", "http.proxyAuthMethod=basic"]);
                command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "http.proxy").env("GIT_CONFIG_VALUE_0", url);
            }
        }
        if let Some(file) = &remote.ca_file {
            let mut setting = OsString::from("http.sslCAInfo=");
            setting.push(file);
            command.arg("-c").arg(setting);
        }
        Ok(command)
    }
}

impl Remote {
    fn check_url(&self) -> Result<(), Error> {
        let rest = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        let fits = |rest: &str| !rest.is_empty() && !rest.contains('@') && rest.bytes().all(|b| b.is_ascii_graphic());
        if rest.is_some_and(fits) { Ok(()) } else { Err(Error::Url(shown(self.url.as_bytes()))) }
    }

    /// Host, and port where there is one, as the address has them.
    fn authority(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }

    /// The proxy that this is reached through.
    fn upstream(&self) -> Result<Option<&Proxy>, Error> {
        let Some(proxy) = &self.proxy else { return Ok(None) };
        let authority = self.authority();
        let host = authority.parse::<HostPort>().map(|to| to.host).or_else(|_| authority.parse::<Host>());
        let host = host.map_err(|_| Error::Url(shown(self.url.as_bytes())))?;
        Ok(proxy.passage(&host).map(|_| proxy))
    }

    /// Runs `command` with the token in a pipe that only it and its children hold. The process must start no other
    /// program meanwhile, which would inherit the pipe too.
    fn call(&self, call: &'static str, command: &mut Command) -> Result<program::Output, Error> {
        let broken = |source| Error::Pipe { call, source };
        let pipe = self.pipe().map_err(broken)?;
        let proxy = self.upstream()?.and_then(|proxy| Some((proxy.address(), proxy.user()?.1)));
        let proxy = proxy.map(|(address, password)| Ok((address, handed(password.reveal().as_bytes())?))).transpose().map_err(broken)?;
        if let Some((address, pipe)) = &proxy {
            command.env(PROXY_VARIABLE, format!("{} {address} {}", pipe.as_raw_fd(), self.authority()));
        }
        command.env("GIT_ASKPASS", &self.askpass).env(ASKPASS_VARIABLE, pipe.as_raw_fd().to_string());
        program::talk(call, command, |_| Ok(()), 1 << 20)
    }

    fn pipe(&self) -> std::io::Result<OwnedFd> {
        let token = self.token.reveal().as_bytes();
        if token.is_empty() || token.len() >= LONGEST_TOKEN || !token.iter().all(u8::is_ascii_graphic) {
            return Err(std::io::Error::other("the token is empty, longer than 4095 bytes, or has other characters than printable ASCII"));
        }
        handed(token)
    }

    fn complaint(&self, right: &'static str, stderr: String) -> Error {
        let url = match self.upstream() {
            Ok(Some(proxy)) => format!("{} (through the upstream proxy {proxy}, network.upstream)", self.url),
            _ => self.url.clone(),
        };
        let refused = [
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "error: 401",
            "error: 403",
            "HTTP 401",
            "HTTP 403",
        ];
        if refused.iter().any(|sign| stderr.contains(sign)) {
            Error::Authentication { url, right, stderr }
        } else {
            Error::Unreachable { url, stderr }
        }
    }
}

/// A pipe with `secret` in it, which git's children inherit.
fn handed(secret: &[u8]) -> std::io::Result<OwnedFd> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    File::from(write).write_all(secret)?;
    let flags = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty());
    nix::fcntl::fcntl(&read, flags)?;
    Ok(read)
}

/// `text` as the user of a URL (RFC 3986 section 2.3).
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

enum Pushed {
    Accepted,
    Rejected(String),
    Unsaid,
}

/// Reads `<flag> TAB <from>:<to> TAB <summary>` (git-push(1), "Output").
fn pushed(report: &str, reference: &str) -> Pushed {
    for line in report.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [flag, names, summary] = fields[..] else { continue };
        if names.rsplit(':').next() != Some(reference) {
            continue;
        }
        return if flag == "!" { Pushed::Rejected(shown(summary.as_bytes())) } else { Pushed::Accepted };
    }
    Pushed::Unsaid
}

/// What the far end said on the way (`remote: …`), which tells more than `pre-receive hook declined`.
fn reason_of(summary: &str, stderr: &str) -> String {
    let said: Vec<&str> =
        stderr.split("; ").filter_map(|line| line.strip_prefix("remote: ")).map(str::trim).filter(|line| !line.is_empty()).collect();
    if said.is_empty() { summary.to_owned() } else { format!("{summary}: {}", said.join(" ")) }
}

/// What this program does when git asks it for a user name or a password: `arguments` are those after the program's
/// name, of which git gives one, the question.
pub fn askpass_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let question = arguments.into_iter().next().unwrap_or_default();
    let number = std::env::var(ASKPASS_VARIABLE).unwrap_or_default();
    let proxy = std::env::var(PROXY_VARIABLE).ok();
    let written = answer(&question.to_string_lossy(), &number, proxy.as_deref()).map(|answer| writeln!(std::io::stdout(), "{answer}"));
    if matches!(written, Some(Ok(()))) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The user's name, or the token from the pipe with this number, or the password from the `proxy`'s pipe. What could be a
/// question for either gets neither.
fn answer(question: &str, number: &str, proxy: Option<&str>) -> Option<String> {
    if question.starts_with("Username") {
        return Some(USER.to_owned());
    }
    let number = match proxy.map(|proxy| proxy.split(' ').collect::<Vec<_>>()).as_deref() {
        None => number,
        Some(&[of_proxy, address, authority]) => {
            let asks_for = |scheme: &str, host: &str| {
                let asked = question.trim_end().strip_prefix("Password for '").and_then(|rest| rest.strip_suffix("':"));
                asked.is_some_and(|url| url.starts_with(scheme) && url.rsplit('@').next() == Some(host))
            };
            match (asks_for("http://", address), asks_for("http", authority)) {
                (true, false) => of_proxy,
                (false, true) => number,
                (true, true) | (false, false) => return None,
            }
        }
        Some(_) => return None,
    };
    let number: u32 = number.parse().ok()?;
    // The name opens the pipe anew; reading it takes the token out of it, so that it is given once.
    let pipe = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(format!("/proc/self/fd/{number}")).ok()?;
    let mut token = String::new();
    pipe.take(LONGEST_TOKEN as u64).read_to_string(&mut token).ok()?;
    Some(token).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_push_is_read_for_one_reference() {
        let report = "To http://h/r\n!\tabc:refs/heads/x\t[remote rejected] (pre-receive hook declined)\nDone\n";
        assert!(matches!(pushed(report, "refs/heads/x"), Pushed::Rejected(reason) if reason.contains("pre-receive")));
        assert!(matches!(pushed(report, "refs/heads/y"), Pushed::Unsaid));
        assert!(matches!(pushed("*\tabc:refs/heads/x\t[new branch]\n", "refs/heads/x"), Pushed::Accepted));
    }

    #[test]
    fn the_token_is_given_once_and_only_as_a_password() {
        let remote =
            Remote { url: String::new(), token: Secret::new("made-up-token"), askpass: PathBuf::new(), ca_file: None, proxy: None };
        let pipe = remote.pipe().unwrap();
        let number = pipe.as_raw_fd().to_string();
        assert_eq!(answer("Username for 'https://gitlab.example': ", &number, None).as_deref(), Some(USER));
        assert_eq!(answer("Password for 'https://oauth2@gitlab.example': ", &number, None).as_deref(), Some("made-up-token"));
        assert_eq!(answer("Password for 'https://oauth2@gitlab.example': ", &number, None), None);
        assert_eq!(answer("Password: ", "no number", None), None);
    }

    #[test]
    fn the_proxys_password_and_the_token_never_change_places() {
        let (token, password) = (handed(b"made-up-token").unwrap(), handed(b"made-up-password").unwrap());
        let number = token.as_raw_fd().to_string();
        let proxy = format!("{} proxy.example:3128 gitlab.example", password.as_raw_fd());
        let answer = |question: &str| answer(question, &number, Some(&proxy));
        for odd in [
            "Password for 'http://proxy.example:3128.evil.example': ",
            "Password for 'https://oauth2@proxy.example:3128': ",
            "Password for 'https://oauth2@evil.example': ",
            "Password for 'https://oauth2@gitlab.example:8443': ",
            "Password: ",
            "",
        ] {
            assert_eq!(answer(odd), None, "{odd}");
        }
        assert_eq!(answer("Password for 'http://m%40de-up@proxy.example:3128': ").as_deref(), Some("made-up-password"));
        assert_eq!(answer("Password for 'https://oauth2@gitlab.example': ").as_deref(), Some("made-up-token"));
        assert_eq!(answer("Password for 'https://oauth2@gitlab.example': "), None);
    }

    #[test]
    fn only_plain_http_addresses_are_spoken_to() {
        let remote = |url: &str| Remote { url: url.into(), token: Secret::new("x"), askpass: PathBuf::new(), ca_file: None, proxy: None };
        assert!(remote("https://gitlab.example/a/b.git").check_url().is_ok());
        for url in
            ["", "https://", "ext::sh -c x", "file:///x", "ssh://h/x", "--upload-pack=x", "https://u:p@h/x", "https://h/a b", "http://h/\n"]
        {
            assert!(remote(url).check_url().is_err(), "{url:?}");
        }
    }
}
