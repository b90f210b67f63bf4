//! Maven's pom.xml (maven.apache.org, "POM Reference") and Gradle's scripts, which are programs: only what is written plainly is read.

use roxmltree::{Document, Node};
use toml::{Table, Value};

use super::{Manifest, Meaning};

/// Elements in each other that a pom has at most.
const DEEPEST: usize = 100;
/// Equals signs between two elements.
const ATTRIBUTES: usize = 10_000;

pub(super) fn maven(text: &str) -> Option<Manifest> {
    let document = document(text)?;
    let mut manifest = Manifest::default();
    for node in document.descendants().filter(Node::is_element) {
        match node.tag_name().name() {
            "dependency" => dependency(&mut manifest, node),
            "parent" => manifest.depends(format!("parent {}", coordinates(node))),
            "plugin" if parent(node) == "plugins" => plugin(&mut manifest, node),
            "extension" if parent(node) == "extensions" => manifest.depends(format!("extension {}", coordinates(node))),
            "repository" | "pluginRepository" | "snapshotRepository" => {
                let key = format!("{} {}", parent(node), child(node, "url"));
                manifest.set(key, Meaning::Registry, written(node));
            }
            "path" if parent(node) == "annotationProcessorPaths" => manifest.depends(format!("processor {}", coordinates(node))),
            "argLine" | "compilerArgs" | "compilerArgument" => manifest.set(node.tag_name().name(), Meaning::Build, written(node)),
            "module" if parent(node) == "modules" && node.text().is_some_and(|text| text.trim().starts_with("..")) => {
                manifest.set("modules", Meaning::Override, written(node));
            }
            "exec" | "java" | "script" if parent(node) == "target" => manifest.set("target", Meaning::Build, written(node)),
            _ => {}
        }
    }
    Some(manifest)
}

/// Reads XML within bounds; none when it cannot be.
pub(in crate::gate::supply) fn document(text: &str) -> Option<Document<'_>> {
    fits(text).then(|| Document::parse(text).ok()).flatten()
}

/// Whether elements stand in each other, and attributes in one element, as in what people write: the parser's time and stack grow
/// faster than either.
fn fits(text: &str) -> bool {
    let (mut open, mut deepest, mut attributes, mut most) = (0_usize, 0, 0, 0);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => {
                attributes = 0;
                match bytes.get(at + 1) {
                    Some(b'/') => open = open.saturating_sub(1),
                    Some(b'!' | b'?') => {}
                    _ => open += 1,
                }
                deepest = deepest.max(open);
            }
            b'>' if at > 0 && bytes.get(at - 1) == Some(&b'/') => open = open.saturating_sub(1),
            b'=' => {
                attributes += 1;
                most = most.max(attributes);
            }
            _ => {}
        }
    }
    deepest <= DEEPEST && most <= ATTRIBUTES
}

fn parent(node: Node<'_, '_>) -> String {
    node.parent_element().map(|parent| parent.tag_name().name().to_owned()).unwrap_or_default()
}

fn child(node: Node<'_, '_>, name: &str) -> String {
    let found = node.children().find(|child| child.tag_name().name() == name);
    found.and_then(|child| child.text()).unwrap_or_default().trim().to_owned()
}

fn coordinates(node: Node<'_, '_>) -> String {
    let group = child(node, "groupId");
    let group = if group.is_empty() { "org.apache.maven.plugins" } else { &group };
    format!("{group}:{}", child(node, "artifactId"))
}

/// An element with all that is in it, in one line, for comparing.
pub(in crate::gate::supply) fn written(node: Node<'_, '_>) -> String {
    let mut out = String::new();
    for inner in node.descendants() {
        let words = inner.text().filter(|_| inner.is_text()).unwrap_or_default().split_whitespace();
        let name = inner.is_element().then(|| inner.tag_name().name());
        let attributes = inner.attributes().flat_map(|attribute| [attribute.name(), attribute.value()]);
        for word in name.into_iter().chain(attributes).chain(words) {
            out.push_str(word);
            out.push(' ');
        }
    }
    out
}

fn dependency(manifest: &mut Manifest, node: Node<'_, '_>) {
    let name = coordinates(node);
    let path = child(node, "systemPath");
    if path.is_empty() {
        manifest.depends(name);
    } else {
        manifest.depends_on(name, path);
    }
}

/// A plugin is a dependency that runs; what it is told to do in an execution is compared as a whole.
fn plugin(manifest: &mut Manifest, node: Node<'_, '_>) {
    /// Plugins that run whatever their configuration names.
    const RUNNERS: &[&str] =
        &["exec-maven-plugin", "maven-antrun-plugin", "gmavenplus-plugin", "groovy-maven-plugin", "frontend-maven-plugin"];
    let name = coordinates(node);
    if RUNNERS.contains(&child(node, "artifactId").as_str()) {
        let parts = node.children().filter(|part| matches!(part.tag_name().name(), "executions" | "configuration"));
        parts.for_each(|part| manifest.set(format!("plugin {name}"), Meaning::Build, written(part)));
    }
    manifest.depends(format!("plugin {name}"));
}

/// What runs a program in a Gradle script.
const RUNS: &[&str] = &[
    ".execute()",
    "commandline",
    "processbuilder",
    "getruntime",
    "exec {",
    "exec{",
    "javaexec",
    "providers.exec",
    "new url(",
    "url(\"http",
    ".exec(",
    ", exec)",
    "type: exec",
    "groovyshell",
    "evaluate(",
    "includebuild",
];

pub(super) fn gradle(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let mut blocks: Vec<String> = Vec::new();
    let (mut in_comment, mut deeper) = (false, 0_usize);
    for line in text.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if in_comment || line.starts_with("//") {
            in_comment &= !line.contains("*/");
            continue;
        }
        statement(&mut manifest, line, &blocks);
        let word: String = line.chars().take_while(|c| c.is_alphanumeric() || *c == '.').collect();
        for sign in line.chars() {
            match sign {
                '{' if blocks.len() < DEEPEST => blocks.push(word.clone()),
                '{' => deeper += 1,
                '}' if deeper > 0 => deeper -= 1,
                '}' => drop(blocks.pop()),
                _ => {}
            }
        }
    }
    manifest
}

fn statement(manifest: &mut Manifest, line: &str, blocks: &[String]) {
    const REPOSITORIES: &[&str] =
        &["maven", "ivy", "flatdir", "url", "seturl", "artifacturls", "mavenlocal", "jcenter", "credentials", "allowinsecureprotocol"];
    let lower = line.to_ascii_lowercase();
    let inside = |name: &str| blocks.iter().any(|block| block == name) || lower.starts_with(&format!("{} {{", name.to_ascii_lowercase()));
    let inner = lower.rsplit('{').find(|part| !part.trim_matches([' ', '}']).is_empty()).unwrap_or(&lower).trim();
    let verb: String = inner.chars().take_while(|c| c.is_alphanumeric()).collect();
    if lower.starts_with("apply") && lower.contains("://") {
        manifest.set(format!("apply {line}"), Meaning::Registry, line);
    } else if lower.starts_with("apply") && lower.contains("from") {
        manifest.set(format!("apply {line}"), Meaning::Build, line);
    } else if lower.starts_with("apply") && lower.contains("plugin") {
        quoted(line).take(1).for_each(|name| manifest.depends(format!("plugin {name}")));
    } else if (inside("repositories") || lower.contains("repositories.") || lower.contains("repositories {"))
        && (REPOSITORIES.contains(&verb.as_str()) || lower.contains("://"))
    {
        manifest.set(format!("repositories {line}"), Meaning::Registry, line);
    } else if inner.starts_with("id(") || inner.starts_with("id ") {
        quoted(line).take(1).for_each(|name| manifest.depends(format!("plugin {name}")));
    } else if RUNS.iter().any(|part| lower.contains(part)) {
        manifest.set(format!("program {line}"), Meaning::Build, line);
    } else if inside("dependencies") || inside("classpath") {
        coordinates_in(manifest, line);
    }
    if lower.starts_with("substitute")
        || lower.contains(" force ") && lower.contains("resolutionstrategy")
        || lower.contains("substitute ")
        || (lower.contains("dependencysubstitution") && !lower.ends_with('{'))
    {
        manifest.set(format!("substitution {line}"), Meaning::Override, line);
    }
}

fn coordinates_in(manifest: &mut Manifest, line: &str) {
    if line.contains("files(") || line.contains("fileTree(") {
        manifest.depends_on(line, line);
    }
    let named = |key: &str| line.split_once(key).and_then(|(_, rest)| quoted(rest).next());
    if let (Some(group), Some(name)) = (named("group:").or(named("group =")), named("name:").or(named("name ="))) {
        manifest.depends(format!("{group}:{name}"));
    }
    // A name that is put together is whatever it becomes.
    if quoted(line).any(|text| text.contains(':')) && (line.contains("' +") || line.contains("\" +") || line.contains("${'")) {
        manifest.depends(line);
    }
    for text in quoted(line) {
        let mut parts = text.split(':');
        if let (Some(group), Some(name)) = (parts.next(), parts.next())
            && !group.is_empty()
            && !name.is_empty()
            && !text.contains([' ', '/'])
        {
            manifest.depends(format!("{group}:{name}"));
        }
    }
}

/// Every text in quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split(['"', '\'']).skip(1).step_by(2)
}

/// A version catalog (docs.gradle.org, "Version Catalogs").
pub(super) fn catalog(text: &str) -> Option<Manifest> {
    let table: Table = text.parse().ok()?;
    let mut manifest = Manifest::default();
    let values = |key: &str| table.get(key).and_then(Value::as_table).into_iter().flat_map(Table::values);
    for library in values("libraries") {
        let part = |key: &str| library.get(key).and_then(Value::as_str);
        let whole = library.as_str().or_else(|| part("module")).map(str::to_owned);
        let name = whole.unwrap_or_else(|| format!("{}:{}", part("group").unwrap_or_default(), part("name").unwrap_or_default()));
        manifest.depends(name.split(':').take(2).collect::<Vec<_>>().join(":"));
    }
    for plugin in values("plugins") {
        let name = plugin.as_str().or_else(|| plugin.get("id").and_then(Value::as_str)).unwrap_or_default();
        manifest.depends(format!("plugin {}", name.split(':').next().unwrap_or_default()));
    }
    Some(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradle_scripts_are_read_line_by_line() {
        let text = "plugins {\n    id(\"a.b\") version \"1\"\n}\nrepositories {\n    mavenCentral()\n    maven { url 'https://m.example' }\n}\n\
                    dependencies {\n    implementation(\"g:a:1\")\n    api project(':x')\n    testImplementation 'h:b:2'\n}\nprintln \"c:d\"\n";
        let manifest = gradle(text);
        assert_eq!(manifest.dependencies.keys().collect::<Vec<_>>(), ["g:a", "h:b", "plugin a.b"]);
        assert_eq!(manifest.settings.len(), 1);
    }

    #[test]
    fn a_pom_is_read_within_bounds() {
        let text = "<project><repositories><repository><url>https://m.example</url></repository></repositories><dependencies><dependency>\
                    <groupId>g</groupId><artifactId>a</artifactId></dependency></dependencies></project>";
        let manifest = maven(text).unwrap();
        assert_eq!(manifest.dependencies.keys().collect::<Vec<_>>(), ["g:a"]);
        assert_eq!(manifest.settings.len(), 1);
        assert!(maven(&"<a>".repeat(100_000)).is_none());
        assert!(maven("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><project>&e;</project>").is_none());
    }
}
