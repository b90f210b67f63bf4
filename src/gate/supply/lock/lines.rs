//! Lockfiles that are read line by line: go.sum, Gemfile.lock, Gradle's verification metadata, and all of which only the addresses are read.

use roxmltree::Node;

use super::{Entry, Source, address};

/// Bytes of a component's coordinates. Each of its artifacts is named with them.
const COORDINATES: usize = 1024;

/// `module version hash` (go.dev/ref/mod, "go.sum files").
pub(super) fn go_sum(text: &str) -> Vec<Entry> {
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version, hash) = (words.next()?, words.next()?, words.next());
        let entry = Entry { name: name.to_owned(), version: version.to_owned(), hashed: true, ..Entry::default() };
        Some(entry.with_hashes(hash))
    };
    text.lines().filter_map(read).collect()
}

/// Sections in capitals; in them `remote:` and, below `CHECKSUMS`, `name (version) sha256=…`.
pub(super) fn gemfile(text: &str) -> Vec<Entry> {
    let (mut section, mut entries) = ("", Vec::new());
    for line in text.lines() {
        let word = line.trim();
        if !line.starts_with(' ') {
            section = word;
        } else if let Some(remote) = word.strip_prefix("remote:") {
            let address = if section == "GIT" { format!("git+{}", remote.trim()) } else { remote.trim().to_owned() };
            let source = Source::of(&address);
            let file = (source.is_none() && section != "PATH").then(|| remote.trim().to_owned());
            entries.push(Entry {
                name: "remote".to_owned(),
                version: address,
                sources: source.into_iter().collect(),
                file,
                ..Entry::default()
            });
        } else if section == "CHECKSUMS"
            && let Some((name, rest)) = word.split_once(" (")
        {
            let (version, sums) = rest.split_once(')').unwrap_or((rest, ""));
            let entry = Entry { name: name.to_owned(), version: version.to_owned(), ..Entry::default() };
            entries.push(entry.with_hashes(sums.trim().split(',')));
        }
    }
    entries
}

/// gradle/verification-metadata.xml (docs.gradle.org, "Verifying dependencies").
pub(super) fn gradle(text: &str) -> Option<Vec<Entry>> {
    let document = crate::gate::supply::manifest::jvm::document(text)?;
    let mut entries = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        let attribute = |name: &str| node.attribute(name).unwrap_or_default();
        match node.tag_name().name() {
            "component" => {
                let long = ["group", "name", "version"].iter().map(|name| attribute(name).len()).sum::<usize>() > COORDINATES;
                if long {
                    return None;
                }
                for artifact in node.children().filter(|child| child.tag_name().name() == "artifact") {
                    let name = format!("{}:{} {}", attribute("group"), attribute("name"), artifact.attribute("name").unwrap_or_default());
                    let sums = artifact.children().filter(|sum| sum.tag_name().name().starts_with("sha"));
                    let sums: Vec<String> =
                        sums.map(|sum| format!("{}:{}", sum.tag_name().name(), sum.attribute("value").unwrap_or_default())).collect();
                    let entry = Entry { name, version: attribute("version").to_owned(), hashed: true, ..Entry::default() };
                    entries.push(entry.with_hashes(sums.iter().map(String::as_str)));
                }
            }
            "configuration" => {
                let written = crate::gate::supply::manifest::jvm::written(node);
                let entry = Entry { name: "configuration".to_owned(), ..Entry::default() };
                entries.push(entry.with_hashes([format!("configuration:{written}").as_str()]));
            }
            _ => {}
        }
    }
    Some(entries)
}

/// Every address.
pub(super) fn addresses(text: &str) -> Vec<Entry> {
    let entry = |(_, address): (address::Address, &str)| {
        let source = Source::of(address)?;
        Some(Entry { name: source.host.clone(), version: address.to_owned(), sources: vec![source], ..Entry::default() })
    };
    address::all(text).filter_map(entry).collect()
}
