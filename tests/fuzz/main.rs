//! The fuzz targets over their seeds, so that neither rots between two runs of `make fuzz`, and over thousands of made inputs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeSet, fs, path::PathBuf};

mod properties;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../fuzz/targets.rs"]
mod targets;

fn names(directory: &str) -> BTreeSet<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(directory);
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(&path).unwrap().map(|entry| stem(entry.unwrap().path())).collect()
}

#[test]
fn every_target_has_its_program_and_its_seeds() {
    let known: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let manifest: toml::Value =
        toml::from_str(&fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/Cargo.toml")).unwrap()).unwrap();
    let built = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap().to_owned()).collect();
    for (what, found) in [("program", names("fuzz_targets")), ("seeds", names("seeds")), ("entry in Cargo.toml", built)] {
        assert_eq!(found, known, "{what}");
    }
}

#[test]
fn every_target_bears_its_seeds() {
    for (name, target) in targets::TARGETS {
        let mut seeds = 0;
        for seed in fs::read_dir(format!("{}/fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
            target(&fs::read(seed.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds > 1, "{name}: {seeds} seeds");
    }
}
