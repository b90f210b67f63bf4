//! How each tool is told where its registry is: by variables, and by files in the agent's own home where it reads nothing else.

use std::path::Path;

use crate::{policy::registry::Kind, secret::Secret};

/// A file of configuration.
#[derive(Debug)]
pub struct File {
    /// Below the agent's home.
    pub path: &'static str,
    /// What it says.
    pub text: String,
}

/// Gradle's init script (docs.gradle.org/current/userguide/init_scripts.html): every repository that is reached over the network becomes the
/// registry's, plugins' too, as Maven's mirror of everything does it.
const GRADLE: &str = r"
def led = { repositories ->
    repositories.withType(MavenArtifactRepository) { repository ->
        if (repository.url.scheme.startsWith('http')) {
            repository.url = 'ADDRESS'
            repository.credentials { username = 'tidewaiter'; password = 'TICKET' }
            repository.authentication { basic(BasicAuthentication) }
            if (repository.hasProperty('allowInsecureProtocol')) repository.allowInsecureProtocol = true
        }
    }
}
def settled = { settings ->
    led(settings.pluginManagement.repositories)
    if (settings.hasProperty('dependencyResolutionManagement')) led(settings.dependencyResolutionManagement.repositories)
}
// Before Gradle 6 nothing is told earlier.
gradle.metaClass.respondsTo(gradle, 'beforeSettings', Closure) ? gradle.beforeSettings(settled) : gradle.settingsEvaluated(settled)
// Without any, plugins would come from Gradle's own portal.
gradle.settingsEvaluated { settings ->
    if (settings.pluginManagement.repositories.empty) settings.pluginManagement.repositories { maven { url = 'ADDRESS' } }
}
gradle.allprojects {
    led(buildscript.repositories)
    led(repositories)
}
";

/// Variables and files for the clients of `kind`, whose registry the gateway serves at `host` (`127.0.0.1:PORT`); `home` is the
/// agent's.
///
/// Every kind has `TIDEWAITER_REGISTRY_<KIND>` besides, an address with the ticket in it, for tools that are not listed here. apt
/// and apk install nothing without root, so that is all they have.
pub fn tools(kind: Kind, host: &str, ticket: &Secret, home: &Path) -> (Vec<(String, String)>, Vec<File>) {
    let (name, ticket) = (kind.name(), ticket.reveal());
    let bare = format!("{host}/registry/{name}/");
    let full = format!("http://tidewaiter:{ticket}@{bare}");
    let (variables, files): (Vec<(&str, String)>, Vec<File>) = match kind {
        // npm's own documentation, "config": variables win over a project's own file. A lock file that is written here does not
        // name the gateway. pnpm reads npm's settings, since version 11 under its own name; yarn since version 2 has its own
        // (yarnpkg.com/configuration/yarnrc), the first one none that would keep the gateway's address out of its lock file.
        Kind::Npm => (
            vec![
                ("npm_config_registry", format!("http://{bare}")),
                ("npm_config_omit_lockfile_registry_resolved", "true".into()),
                ("npm_config_replace_registry_host", "always".into()),
                ("npm_config_audit", "false".into()),
                ("npm_config_fund", "false".into()),
                ("npm_config_update_notifier", "false".into()),
                ("pnpm_config_registry", format!("http://{bare}")),
                ("YARN_NPM_REGISTRY_SERVER", format!("http://{}", bare.trim_end_matches('/'))),
                ("YARN_NPM_AUTH_TOKEN", ticket.into()),
                ("YARN_NPM_ALWAYS_AUTH", "true".into()),
                ("YARN_UNSAFE_HTTP_WHITELIST", host.split(':').next().unwrap_or_default().into()),
                ("YARN_ENABLE_TELEMETRY", "false".into()),
            ],
            vec![File { path: ".npmrc", text: format!("//{bare}:_authToken={ticket}\n") }],
        ),
        // pip.pypa.io/en/stable/topics/configuration, docs.astral.sh/uv/reference/environment.
        Kind::Pypi => (
            vec![("PIP_INDEX_URL", full.clone()), ("PIP_DISABLE_PIP_VERSION_CHECK", "1".into()), ("UV_DEFAULT_INDEX", full.clone())],
            vec![],
        ),
        // doc.rust-lang.org/cargo/reference/source-replacement.html: sources are not read from variables.
        Kind::Crates => {
            let source = format!("[source.tidewaiter]\nregistry = \"sparse+http://{bare}~{ticket}/\"\n");
            // HTTP/2 is not spoken here, and cargo would ask for it. It shows no password when it downloads, so the ticket is a part of
            // the path.
            let text = format!("[http]\nmultiplexing = false\n\n[source.crates-io]\nreplace-with = \"tidewaiter\"\n\n{source}");
            (vec![], vec![File { path: ".cargo/config.toml", text }])
        }
        // go.dev/ref/mod#environment-variables. Go sends no password over plain HTTP, so the ticket is a part of the path; the
        // checksum database is another host, and go.sum is compared all the same.
        Kind::Go => {
            (vec![("GOPROXY", format!("http://{bare}~{ticket}")), ("GOSUMDB", "off".into()), ("GOTOOLCHAIN", "local".into())], vec![])
        }
        // maven.apache.org/guides/mini/guide-mirror-settings.html.
        Kind::Maven => {
            let text = format!(
                "<settings>\n  <mirrors><mirror><id>tidewaiter</id><mirrorOf>*</mirrorOf><url>http://{bare}</url></mirror></mirrors>\n  \
                 <servers><server><id>tidewaiter</id><username>tidewaiter</username><password>{ticket}</password></server></servers>\n\
                 </settings>\n"
            );
            let gradle = GRADLE.replace("ADDRESS", &format!("http://{bare}")).replace("TICKET", ticket);
            let files = vec![File { path: ".m2/settings.xml", text }, File { path: ".gradle/init.d/tidewaiter.gradle", text: gradle }];
            // Java takes the home that the system knows, if it knows one.
            let home = home.display();
            (vec![("MAVEN_OPTS", format!("-Duser.home={home}")), ("GRADLE_USER_HOME", format!("{home}/.gradle"))], files)
        }
        Kind::Debian | Kind::Alpine => (vec![], vec![]),
    };
    let own = (format!("TIDEWAITER_REGISTRY_{}", name.to_ascii_uppercase()), full);
    (variables.into_iter().map(|(name, value)| (name.to_owned(), value)).chain([own]).collect(), files)
}
