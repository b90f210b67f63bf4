//! Hosts that mean nothing by being named, and services that only pass things on.

/// Names that stand for no host, or for the machine itself (RFC 2606, RFC 6761, RFC 6762), with all below them.
const RESERVED: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    "example",
    "test",
    "invalid",
    "localhost",
    "local",
    "internal",
    "localdomain",
    "lan",
    "arpa",
];

/// Hosts of names and texts that programs compare and do not fetch: namespaces, schemas, licences, standards, badges; with all below.
const WORDS: &[&str] = &[
    "w3.org",
    "schema.org",
    "json-schema.org",
    "json.schemastore.org",
    "schemastore.org",
    "xmlns.com",
    "purl.org",
    "ns.adobe.com",
    "xmlsoap.org",
    "openxmlformats.org",
    "schemas.microsoft.com",
    "schemas.android.com",
    "oasis-open.org",
    "sodipodi.sourceforge.net",
    "inkscape.org",
    "java.sun.com",
    "xmlns.jcp.org",
    "jakarta.ee",
    "springframework.org",
    "maven.apache.org",
    "www.apache.org",
    "apache.org",
    "opensource.org",
    "spdx.org",
    "gnu.org",
    "creativecommons.org",
    "unlicense.org",
    "mozilla.org",
    "ietf.org",
    "rfc-editor.org",
    "unicode.org",
    "iso.org",
    "iana.org",
    "ecma-international.org",
    "tc39.es",
    "whatwg.org",
    "semver.org",
    "keepachangelog.com",
    "wikipedia.org",
    "shields.io",
    "docs.rs",
    "readthedocs.io",
    "readthedocs.org",
    "docs.python.org",
    "doc.rust-lang.org",
    "developer.mozilla.org",
    "pkg.go.dev",
    "stackoverflow.com",
    "doi.org",
    "arxiv.org",
    "json.org",
    "yaml.org",
    "toml.io",
    "opengis.net",
    "dublincore.org",
    "freedesktop.org",
    "apple.com",
];

/// A service with the beginning of the path that makes it one; an empty one holds for all of it.
type Service = (&'static str, &'static str);

/// Services that shorten addresses, keep what anyone pastes, take in what anyone sends or lead into a private network.
const SERVICES: &[Service] = &[
    ("bit.ly", ""),
    ("tinyurl.com", ""),
    ("t.co", ""),
    ("goo.gl", ""),
    ("is.gd", ""),
    ("v.gd", ""),
    ("cutt.ly", ""),
    ("ow.ly", ""),
    ("rebrand.ly", ""),
    ("shorturl.at", ""),
    ("t.ly", ""),
    ("tiny.cc", ""),
    ("rb.gy", ""),
    ("pastebin.com", ""),
    ("pastebin.pl", ""),
    ("paste.ee", ""),
    ("hastebin.com", ""),
    ("rentry.co", ""),
    ("dpaste.com", ""),
    ("dpaste.org", ""),
    ("ix.io", ""),
    ("termbin.com", ""),
    ("sprunge.us", ""),
    ("0x0.st", ""),
    ("ghostbin.com", ""),
    ("controlc.com", ""),
    ("gist.githubusercontent.com", ""),
    ("transfer.sh", ""),
    ("file.io", ""),
    ("anonfiles.com", ""),
    ("gofile.io", ""),
    ("catbox.moe", ""),
    ("bashupload.com", ""),
    ("temp.sh", ""),
    ("webhook.site", ""),
    ("requestbin.com", ""),
    ("requestbin.net", ""),
    ("requestcatcher.com", ""),
    ("pipedream.net", ""),
    ("beeceptor.com", ""),
    ("hookbin.com", ""),
    ("hookb.in", ""),
    ("ptsv2.com", ""),
    ("mockbin.org", ""),
    ("typedwebhook.tools", ""),
    ("interact.sh", ""),
    ("oast.pro", ""),
    ("oast.live", ""),
    ("oast.site", ""),
    ("oast.online", ""),
    ("oast.fun", ""),
    ("oast.me", ""),
    ("oastify.com", ""),
    ("burpcollaborator.net", ""),
    ("canarytokens.com", ""),
    ("dnslog.cn", ""),
    ("ceye.io", ""),
    ("ngrok.io", ""),
    ("ngrok.app", ""),
    ("ngrok.dev", ""),
    ("ngrok-free.app", ""),
    ("ngrok-free.dev", ""),
    ("trycloudflare.com", ""),
    ("loca.lt", ""),
    ("localtunnel.me", ""),
    ("serveo.net", ""),
    ("localhost.run", ""),
    ("lhr.life", ""),
    ("bore.pub", ""),
    ("pinggy.io", ""),
    ("pinggy.link", ""),
    ("devtunnels.ms", ""),
    ("duckdns.org", ""),
    ("no-ip.org", ""),
    ("ddns.net", ""),
    ("nip.io", ""),
    ("sslip.io", ""),
    ("onion", ""),
    ("discord.com", "/api/webhooks"),
    ("discordapp.com", "/api/webhooks"),
    ("hooks.slack.com", ""),
    ("api.telegram.org", ""),
    ("webhook.office.com", ""),
    ("hooks.zapier.com", ""),
    ("maker.ifttt.com", ""),
    ("script.google.com", "/macros"),
];

/// Addresses that texts about networks name as anybody's.
const ANYBODY: &[&str] = &["1.2.3.4", "5.6.7.8", "1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "2001:4860:4860::8888"];

/// Endings of files that look like those of names.
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "js", "mjs", "cjs", "ts", "tsx", "jsx", "py", "rb", "rs", "go", "css", "scss",
    "html", "htm", "json", "yml", "yaml", "toml", "md", "txt", "sh", "so", "dll", "exe", "jar", "zip", "gz", "tar", "xml", "lock", "log",
    "java", "class", "php", "tgz", "cfg", "conf", "ini", "vue", "service", "timer", "socket", "patch", "git",
];

/// Whether `host` is `name` or below it.
fn is_within(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether naming `host` says nothing.
pub(super) fn means_nothing(host: &str) -> bool {
    RESERVED.iter().chain(WORDS).any(|name| is_within(host, name))
}

/// Whether `host`, reached at `path`, only passes things on.
pub(super) fn is_service(host: &str, path: &str) -> bool {
    SERVICES.iter().any(|(name, start)| is_within(host, name) && path.starts_with(start))
}

/// Whether an address is one that texts name as an example.
pub(super) fn is_anybodys(address: &str) -> bool {
    ANYBODY.contains(&address)
}

/// Whether the last part of `host` is rather the ending of a file.
pub(super) fn is_file(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|ending| FILES.contains(&ending))
}
