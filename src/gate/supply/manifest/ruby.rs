//! Gemfile and gemspec (bundler.io, "gemfile(5)"; guides.rubygems.org, "Specification Reference"). They are programs, so only
//! what is written plainly is read; whatever else runs something counts as a build program.

use super::{Manifest, Meaning};

/// What runs a program or takes code from elsewhere.
const RUNS: &[&str] = &[
    "`",
    "%x",
    "system(",
    "system ",
    "exec(",
    "exec ",
    "spawn",
    "instance_eval",
    "eval_gemfile",
    "open(",
    "io.popen",
    "net::http",
    "eval(",
    "file.read",
    "require_relative",
    "load ",
];

pub(super) fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let (word, rest) = line.split_once([' ', '(']).unwrap_or((line, ""));
        let verb = word.rsplit('.').next().unwrap_or_default();
        let first = quoted(rest);
        match (verb, first) {
            ("gem" | "add_dependency" | "add_runtime_dependency" | "add_development_dependency", Some(name)) => {
                gem(&mut manifest, name, rest)
            }
            // A name that is no plain text is whatever it becomes.
            ("gem", None) => manifest.depends(rest),
            ("gemspec", _) if rest.contains("..") => manifest.set(format!("gemspec {rest}"), Meaning::Override, rest),
            ("source" | "git_source" | "git" | "path" | "github", _) if !line.contains("source_files") => {
                let is_own = verb == "path";
                manifest.set(format!("{verb} {rest}"), if is_own { Meaning::Override } else { Meaning::Registry }, rest);
            }
            ("plugin", _) => manifest.set(format!("plugin {rest}"), Meaning::Script, rest),
            ("extensions", _) => manifest.set("extensions", Meaning::Build, rest),
            _ if line.contains("| gem ") || line.contains("{ gem ") => manifest.depends(line),
            _ => {
                let lower = line.to_ascii_lowercase();
                let is_listing = lower.contains("git ls-files");
                if RUNS.iter().any(|part| lower.contains(part)) && !is_listing {
                    manifest.set(format!("program {line}"), Meaning::Build, line);
                }
            }
        }
    }
    manifest
}

fn gem(manifest: &mut Manifest, name: &str, rest: &str) {
    const ELSEWHERE: &[&str] = &["git", "github", "gist", "bitbucket", "gitlab", "path", "source"];
    let bare: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
    let elsewhere = |key: &&&str| bare.contains(&format!(",{key}:")) || bare.contains(&format!(":{key}=>"));
    match ELSEWHERE.iter().find(elsewhere) {
        Some(_) => manifest.depends_on(name, bare.split_once(',').map_or("", |(_, options)| options)),
        None => manifest.depends(name),
    }
}

/// The first text in quotes.
fn quoted(text: &str) -> Option<&str> {
    let start = text.find(['"', '\''])?;
    let mark = text.get(start..=start)?;
    let rest = &text[start + 1..];
    rest.find(mark).map(|end| &rest[..end])
}
