//! Package registries: which paths mean a package, whose credentials may not come along, and where the pages that name files
//! lead. Reads alone; what the lists do not hold is refused.

mod pages;
mod paths;
mod tools;

use hyper::{
    HeaderMap,
    header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE, USER_AGENT},
};
pub use pages::{Pages, is_page};
pub use paths::{Place, place};
pub use tools::{File, tools};

use super::{Refusal, shown};
use crate::{
    http::{Endpoint, NotAnEndpoint},
    policy::Registry,
};

/// The far ends of a registry, in the order in which the gateway's paths number them: the registry, the root of its host, and
/// the places of its files.
///
/// # Errors
/// When one of them is no endpoint.
pub fn ends(registry: &Registry) -> Result<Vec<Endpoint>, NotAnEndpoint> {
    let base = Endpoint::parse(&registry.url)?;
    let root = Endpoint { path: String::new(), ..base.clone() };
    let files = registry.files.iter().map(|url| Endpoint::parse(url));
    [Ok(base), Ok(root)].into_iter().chain(files).collect()
}

/// Fields that go on. The client's own name for itself stays here: it can carry anything.
const PASSED: [HeaderName; 4] = [ACCEPT, RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE];

/// Bytes of one of them at most: the longest that pip and npm send have about a hundred.
const LONGEST: usize = 200;

/// Fields in which package managers and registries carry credentials, besides `Authorization`.
const CREDENTIALS: &[&str] = &[
    "cookie",
    "deploy-token",
    "job-token",
    "npm-otp",
    "private-token",
    "proxy-authorization",
    "x-api-key",
    "x-jfrog-art-api",
    "x-nuget-apikey",
];

/// Judges the method of a request to a registry.
///
/// # Errors
/// For every one but GET and HEAD.
pub fn method(method: &str) -> Result<(), Refusal> {
    if ["GET", "HEAD"].contains(&method) {
        return Ok(());
    }
    let why = format!("{}: registries are for reading alone (GET and HEAD); nothing is published from here", shown(method));
    Err(Refusal::new("registry/method", why))
}

/// The fields that go on to a registry.
///
/// # Errors
/// For every field that carries a credential, and for one that goes on and is longer than tools make it.
pub fn headers(sent: &HeaderMap) -> Result<HeaderMap, Refusal> {
    if let Some(name) = CREDENTIALS.iter().find(|name| sent.contains_key(**name)) {
        let why = format!("`{name}` is a credential of its own; packages are read without any, take it out of the tool's configuration");
        return Err(Refusal::new("registry/credential", why));
    }
    if let Some(name) = PASSED.iter().find(|name| sent.get(*name).is_some_and(|value| value.len() > LONGEST)) {
        let why = format!("`{name}` has more than {LONGEST} bytes, which no package manager needs: shorten it or leave it out");
        return Err(Refusal::new("registry/header", why));
    }
    let passed = PASSED.into_iter().filter_map(|name| Some((name.clone(), sent.get(&name)?.clone())));
    let mut out: HeaderMap = passed.collect();
    out.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    out.insert(USER_AGENT, HeaderValue::from_static("tidewaiter"));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_on_without_what_names_the_client() {
        let sent: HeaderMap =
            [("accept", "application/json"), ("user-agent", "made-up"), ("npm-session", "1"), ("x-own", "1"), ("range", "bytes=0-1")]
                .into_iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
        let out = headers(&sent).unwrap();
        let mut names: Vec<_> = out.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "range", "user-agent"]);
        assert_eq!(out["user-agent"], "tidewaiter");
        for name in ["accept", "if-none-match"] {
            let long = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(&"x".repeat(201)).unwrap())]);
            assert_eq!(headers(&long).unwrap_err().rule, "registry/header", "nothing is told in it");
        }
    }

    #[test]
    fn writes_and_own_credentials_are_refused_by_name() {
        for name in ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "get", ""] {
            assert_eq!(method(name).unwrap_err().rule, "registry/method");
        }
        assert!(method("GET").is_ok() && method("HEAD").is_ok());
        for name in ["npm-otp", "private-token", "cookie", "x-api-key"] {
            let sent = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("made-up"))]);
            let refusal = headers(&sent).unwrap_err();
            assert!(refusal.rule == "registry/credential" && refusal.reason.contains(name), "{refusal:?}");
        }
    }
}
