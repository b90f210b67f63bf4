//! Code of others that is kept in the repository.

use crate::gate::{
    Fact, Op,
    content::File,
    finding::{Judge, Way},
};

/// Folders whose content comes from others, folded.
const FOLDERS: &[&str] = &[
    "vendor",
    "_vendor",
    "vendored",
    "vendors",
    "third_party",
    "third-party",
    "thirdparty",
    "3rdparty",
    "3rd_party",
    "3rd-party",
    "externals",
    "godeps",
    "pods",
    "carthage",
    "web_modules",
    "node_modules",
    "bower_components",
    "jspm_packages",
    "site-packages",
];

/// A folder of the name `vendor` in one of these is about sellers, in the project's own words.
const OWN: &[&str] = &[
    "models",
    "views",
    "controllers",
    "components",
    "pages",
    "routes",
    "services",
    "entities",
    "templates",
    "serializers",
    "policies",
    "mailers",
    "helpers",
    "repositories",
    "domain",
    "features",
    "modules",
    "api",
    "locales",
    "spec",
];

/// Endings of scripts that nobody reads.
const MINIFIED: &[&str] = &[".min.js", ".min.mjs", ".min.cjs", "-min.js", ".bundle.js"];

/// Judges one file. Whatever else it is, the other rules say so, too: the policy may allow that vendored code changes, and a new
/// folder of such a name is anybody's.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    if let Some(folder) = vendored(file) {
        if holds(judge, file.fact, folder) {
            let what = "this is code of others that the repository keeps: it must stay as they published it";
            judge.find("vendor/edited", file, what.to_owned(), Way::Rule);
        } else {
            judge.find("vendor/new", file, "this is new code of others that the repository would keep".to_owned(), Way::Rule);
        }
    } else if MINIFIED.iter().any(|ending| file.name().ends_with(ending)) {
        match file.fact.op() {
            Op::Modify | Op::Mode => {
                let what = "this script is minified: nobody can see what an edit does".to_owned();
                judge.find("vendor/edited", file, what, Way::Rule);
            }
            Op::Add => judge.find("vendor/new", file, "this new script is minified: nobody can review it".to_owned(), Way::Rule),
            Op::Delete => {}
        }
    }
}

/// How many names of the path lead to the vendored folder that it is in.
fn vendored(file: &File<'_>) -> Option<usize> {
    let mut above = "";
    let mut names = file.folded.split('/').enumerate().peekable();
    while let Some((at, name)) = names.next() {
        let is_folder = names.peek().is_some();
        let own = matches!(name, "vendor" | "vendors") && OWN.contains(&above);
        if is_folder && !own && FOLDERS.contains(&name) {
            return Some(at + 1);
        }
        above = name;
    }
    None
}

/// Whether the base has anything in the folder that the first names of the path lead to.
fn holds(judge: &Judge<'_>, fact: &Fact, names: usize) -> bool {
    let end = fact.path.iter().enumerate().filter(|(_, b)| **b == b'/').nth(names - 1).map_or(0, |(at, _)| at + 1);
    let folder = &fact.path[..end];
    judge.change.before().range(folder.to_vec()..).next().is_some_and(|(path, _)| path.starts_with(folder))
}
