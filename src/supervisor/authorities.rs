//! Certificate authorities that the policy names, told to the agent's tools: files in the room that the agent can only read.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    Error, Task,
    start::{publish, step},
};
use crate::{
    environment::{Variables, prepend},
    http,
};

/// Where images keep the authorities that their tools trust: Debian and Alpine, Fedora, SUSE.
const OF_IMAGES: &[&str] = &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Variables that name a file in the place of the image's own: OpenSSL (Python, Ruby, Go), git, curl, Python's requests, pip, cargo.
const WHOLE: &[&str] = &["SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CARGO_HTTP_CAINFO"];

/// One that names a file besides the built-in ones: Node.js.
const MORE: &str = "NODE_EXTRA_CA_CERTS";

/// What every Java reads, and says so; its trust store has a form of its own. What the job gives it by `process.env` stays.
const JAVA: &str = "JAVA_TOOL_OPTIONS";

/// Writes the files: those that the policy names, and the same behind what the image trusts, for Java too.
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
    let [extra, whole, java] = files(task.room.base());
    let image = OF_IMAGES.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let all = format!("{image}\n{more}");
    let written = publish(&whole, all.as_bytes())
        .and_then(|()| publish(&extra, more.as_bytes()))
        .and_then(|()| publish(&java, &store(all.as_bytes())));
    step("write the certificate authorities", written)
}

/// The named ones alone, all of them, and all of them for Java.
fn files(room: &Path) -> [PathBuf; 3] {
    ["authorities-named.pem", "authorities.pem", "authorities.jks"].map(|name| room.join(name))
}

/// The certificates of a PEM file as the trust store that every Java reads (`sun.security.provider.JavaKeyStore` of OpenJDK says how it
/// is laid out). The password guards nothing; it is the one that Java's own store has.
fn store(pem: &[u8]) -> Vec<u8> {
    const PASSWORD: &str = "changeit";
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).flatten().collect();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let text = |text: &str| [&length(text.as_bytes())[2..], text.as_bytes()].concat();
    let mut store = [0xfeed_feed_u32, 2, u32::try_from(certificates.len()).unwrap_or(u32::MAX)].map(u32::to_be_bytes).concat();
    for (number, certificate) in certificates.iter().enumerate() {
        // A certificate that is trusted, its name, its time.
        store.extend([&2_u32.to_be_bytes()[..], &text(&format!("authority-{number}")), &[0; 8]].concat());
        store.extend([&text("X.509"), &length(certificate)[..], certificate].concat());
    }
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    PASSWORD.encode_utf16().for_each(|unit| digest.update(&unit.to_be_bytes()));
    digest.update(b"Mighty Aphrodite");
    digest.update(&store);
    store.extend(digest.finish().as_ref());
    store
}

/// What the agent may read for them.
pub(super) fn grants(task: &Task<'_>) -> Vec<PathBuf> {
    if task.policy.network.ca_files.is_empty() { vec![] } else { files(task.room.base()).into() }
}

/// Adds the agent's variables for them.
pub(super) fn tell(task: &Task<'_>, variables: &mut Variables) {
    if task.policy.network.ca_files.is_empty() {
        return;
    }
    let [extra, whole, java] = files(task.room.base());
    variables.extend(WHOLE.iter().map(|name| (OsString::from(name), OsString::from(&whole))));
    variables.insert(MORE.into(), extra.into());
    prepend(variables, JAVA, &format!("-Djavax.net.ssl.trustStore={}", java.display()));
}
