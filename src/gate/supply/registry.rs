//! Configuration of package managers and build tools: where they fetch from and what they run.

use crate::gate::{
    content::File,
    finding::{Judge, Way},
};

/// Files by name, folded, wherever they stand.
const FILES: &[&str] = &[
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".yarnrc.yaml",
    ".pnpmfile.cjs",
    ".pnpmfile.mjs",
    "pnpmfile.js",
    ".pnp.cjs",
    ".pnp.js",
    ".pnp.loader.mjs",
    "bunfig.toml",
    ".bunfig.toml",
    ".bowerrc",
    "pip.conf",
    "pip.ini",
    ".pypirc",
    ".pydistutils.cfg",
    "uv.toml",
    ".condarc",
    "nuget.config",
    ".gemrc",
    ".netrc",
    "_netrc",
    ".curlrc",
    ".wgetrc",
    ".bazelrc",
    ".sbtopts",
    ".jvmopts",
    "init.gradle",
    "init.gradle.kts",
    ".pnpmfile.js",
    ".pnpmfile.mts",
    "pnpmfile.cjs",
    "global-pnpmfile.cjs",
    "yarn.config.cjs",
    "gradle-daemon-jvm.properties",
    "lerna.json",
    "poetry.toml",
    "pdm.toml",
    ".pdm.toml",
    "pydistutils.cfg",
    ".mambarc",
    "condarc",
    "dotnet-tools.json",
    "ivysettings.xml",
    ".bazeliskrc",
    ".bazelrc.user",
    "user.bazelrc",
    "bazel.rc",
    ".buckconfig",
    ".buckconfig.local",
    "pants.toml",
    ".pantsrc",
    ".terraformrc",
    "terraform.rc",
    ".tofurc",
    ".dockercfg",
    "buildkitd.toml",
    "kubeconfig",
    "ansible.cfg",
    ".ansible.cfg",
    "aqua-policy.yaml",
    "go.env",
    ".rprofile",
    ".renviron",
    ".gitcredentials",
    ".git-credentials",
    ".pdbrc",
    ".gdbinit",
    ".lldbinit",
    ".irbrc",
    ".pryrc",
    ".rspec",
    ".ghci",
    ".iex.exs",
    ".ocamlinit",
    ".perldb",
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".inputrc",
    "ld.so.preload",
];

/// Folders with the names in them that count; no names: all.
const FOLDERS: &[(&str, &[&str])] = &[
    (".cargo", &["config", "config.toml", "credentials", "credentials.toml", "env"]),
    (".m2", &[]),
    (".bundle", &[]),
    (".gem", &[]),
    (".gradle", &[]),
    (".poetry", &[]),
    (".pdm-plugins", &[]),
    (".hatch", &[]),
    (".conda", &[]),
    (".pixi", &[]),
    (".docker", &["config.json"]),
    (".helm", &[]),
    (".kube", &[]),
    (".aws", &[]),
    (".ssh", &[]),
    (".gnupg", &[]),
    (".coursier", &[]),
    (".ivy2", &[]),
    (".hex", &[]),
    (".pub-cache", &[]),
    (".swiftpm", &[]),
    (".opam", &[]),
    (".cabal", &[]),
    (".stack", &[]),
    (".luarocks", &[]),
    (".cpan", &[]),
    (".julia", &[]),
    (".go", &["env"]),
    ("project", &["repositories"]),
    (".pip", &[]),
    (".nuget", &[]),
    (".composer", &[]),
    (".sbt", &[]),
    (".conan", &[]),
    (".conan2", &[]),
];

/// Folders of Yarn's that hold programs and packages, below `.yarn`.
const YARN: &[&str] = &["releases", "plugins", "cache", "unplugged", "patches", "sdks"];

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let name = file.name();
    let names: Vec<&str> = file.folded.split('/').collect();
    let found = FILES.contains(&name) || in_folder(&names) || is_maven(&names, file) || is_composer(judge, &names, file);
    if found {
        let what = "this says where packages or tools are fetched from, or what runs when they are";
        judge.find("registry/config", file, what.to_owned(), Way::Rule);
    } else if name == "gradle.properties" {
        gradle(judge, file);
    }
}

fn in_folder(names: &[&str]) -> bool {
    let pairs = names.iter().zip(names.iter().skip(1));
    pairs.into_iter().any(|(folder, inner)| {
        let listed = FOLDERS.iter().any(|(name, files)| name == folder && (files.is_empty() || files.contains(inner)));
        listed || (*folder == ".yarn" && YARN.contains(inner)) || (*folder == ".mvn" && *inner != "wrapper")
    })
}

/// Maven's `settings.xml`, a name that others use as well.
fn is_maven(names: &[&str], file: &File<'_>) -> bool {
    const PARTS: &[&str] =
        &["maven.apache.org/settings", "<mirror", "<servers", "<profiles", "<localrepository", "<proxies", "<pluginrepo"];
    let is_settings = |text: &str| {
        let text = text.to_lowercase();
        PARTS.iter().any(|part| text.contains(part))
    };
    let name = file.name();
    let named = matches!(name, "settings.xml" | "settings-security.xml" | "maven-settings.xml") || name.ends_with("-settings.xml");
    named && (names.len() == 1 || [file.text, file.old_text].into_iter().flatten().any(is_settings))
}

/// Composer's `auth.json`, a name that others use as well.
fn is_composer(judge: &Judge<'_>, names: &[&str], file: &File<'_>) -> bool {
    const PARTS: &[&str] = &["http-basic", "github-oauth", "gitlab-token", "gitlab-oauth", "bitbucket-oauth", "custom-headers"];
    let is_auth = |text: &str| PARTS.iter().any(|part| text.contains(part));
    names.last() == Some(&"auth.json")
        && (has_beside(judge, file, "composer.json") || [file.text, file.old_text].into_iter().flatten().any(is_auth))
}

/// Whether a file of this name stands in the same folder, before or after the change.
pub(super) fn has_beside(judge: &Judge<'_>, file: &File<'_>, name: &str) -> bool {
    let folder = file.fact.path.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    let path = [&file.fact.path[..folder], name.as_bytes()].concat();
    judge.change.before().contains_key(&path) || judge.change.after().contains_key(&path)
}

/// Of Gradle's properties, those that lead elsewhere or load a program into its JVM.
fn gradle(judge: &mut Judge<'_>, file: &File<'_>) {
    let steers = |line: &str| {
        let line = line.trim().to_lowercase();
        let key = line.split(['=', ':', ' ']).next().unwrap_or_default();
        let arguments = key.ends_with("jvmargs") && ["agent", "-xx:on", "-d", "bootclasspath", "@"].iter().any(|part| line.contains(part));
        let encoding = line.contains("-dfile.encoding") && line.matches("-d").count() == 1 && !line.contains("agent");
        key.starts_with("systemprop.") || key == "org.gradle.java.home" || key.contains("repositoryurl") || (arguments && !encoding)
    };
    if let Some(line) = file.added.iter().find(|line| steers(line.text)) {
        let what = "this property steers what Gradle fetches or loads".to_owned();
        judge.find("registry/config", crate::gate::finding::Place::shown(file, *line), what, Way::Rule);
    }
}
