//! Certificate authorities that the policy names, told to the agent's tools: files in the room that the agent can only read.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Error, Task,
    start::{publish, step},
};
use crate::http;

/// Where images keep the authorities that their tools trust: Debian and Alpine, Fedora, SUSE.
const OF_IMAGES: &[&str] = &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Variables that name a file in the place of the image's own: OpenSSL (Python, Ruby, Go), git, curl, Python's requests, pip, cargo.
const WHOLE: &[&str] = &["SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO"];

/// One that names a file besides the built-in ones: Node.js.
const MORE: &str = "NODE_EXTRA_CA_CERTS";

/// Writes the files: those that the policy names, and the same behind what the image trusts.
pub(super) fn furnish(task: &Task<'_>) -> Result<(), Error> {
    let named = &task.policy.network.ca_files;
    if named.is_empty() {
        return Ok(());
    }
    let read = |path: &PathBuf| {
        // One that holds no certificate would be passed over in silence by some tools.
        http::client_config(Some(path)).map_err(io::Error::other)?;
        fs::read_to_string(path)
    };
    let texts = named.iter().map(read).collect::<Result<Vec<_>, _>>();
    let more = step("read the certificate authorities of network.ca_files", texts)?.join("\n");
    let [extra, whole] = files(task.room.base());
    let image = OF_IMAGES.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let written = publish(&whole, format!("{image}\n{more}").as_bytes()).and_then(|()| publish(&extra, more.as_bytes()));
    step("write the certificate authorities", written)
}

/// The named ones alone, and all of them.
fn files(room: &Path) -> [PathBuf; 2] {
    ["authorities-named.pem", "authorities.pem"].map(|name| room.join(name))
}

/// What the agent may read for them.
pub(super) fn grants(task: &Task<'_>) -> Vec<PathBuf> {
    if task.policy.network.ca_files.is_empty() { vec![] } else { files(task.room.base()).into() }
}

/// The agent's variables for them.
pub(super) fn variables(task: &Task<'_>) -> Vec<(OsString, OsString)> {
    if task.policy.network.ca_files.is_empty() {
        return vec![];
    }
    let [extra, whole] = files(task.room.base());
    let of_whole = WHOLE.iter().map(|name| (OsString::from(name), OsString::from(&whole)));
    of_whole.chain([(MORE.into(), extra.into())]).collect()
}
