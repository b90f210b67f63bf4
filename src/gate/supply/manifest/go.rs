//! go.mod and go.work (go.dev/ref/mod, "go.mod files").

use super::{Manifest, Meaning};

pub(super) fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let mut block = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let unquoted = line.replace(['"', '`'], "");
        let mut words: Vec<&str> = unquoted.split_whitespace().collect();
        match words.as_slice() {
            [] => continue,
            [")"] => block.clear(),
            [verb, "("] => (*verb).clone_into(&mut block),
            [verb] if verb.len() > 1 && verb.ends_with('(') => verb.trim_end_matches('(').clone_into(&mut block),
            _ => {
                let verb = if block.is_empty() { words.remove(0).to_owned() } else { block.clone() };
                statement(&mut manifest, &verb, &words);
            }
        }
    }
    manifest
}

fn statement(manifest: &mut Manifest, verb: &str, words: &[&str]) {
    match (verb, words) {
        ("require", [module, ..]) => manifest.depends(*module),
        ("replace", [module, rest @ ..]) => manifest.set(format!("replace {module}"), Meaning::Override, rest.join(" ")),
        ("use", [folder, ..]) if folder.contains("..") || folder.starts_with('/') => {
            manifest.set(format!("use {folder}"), Meaning::Override, folder);
        }
        ("toolchain", [toolchain, ..]) => manifest.set("toolchain", Meaning::Task, toolchain),
        ("tool", [tool, ..]) => manifest.set(format!("tool {tool}"), Meaning::Build, tool),
        ("exclude", [module, ..]) => manifest.set(format!("exclude {module}"), Meaning::Task, words.join(" ")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_single_lines_are_read() {
        let text = "module m.example/x\ngo 1.22\nrequire a.example/a v1.0.0 // indirect\nrequire (\n\t\"b.example/b\" v1\n)\n\
                    replace a.example/a => ../a\nreplace(\n c.example/c v1 => d.example/d v2\n)\n";
        let manifest = read(text);
        assert_eq!(manifest.dependencies.keys().collect::<Vec<_>>(), ["a.example/a", "b.example/b"]);
        assert_eq!(manifest.settings.keys().collect::<Vec<_>>(), ["replace a.example/a", "replace c.example/c"]);
    }
}
