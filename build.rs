//! Compiles the lists of system calls (`policies/seccomp/`) into the programs of the filters.

#[path = "src/seccomp/written.rs"]
mod written;

use std::{env, error::Error, fs, path::PathBuf};

use written::Machine;

fn main() -> Result<(), Box<dyn Error>> {
    for file in ["policies/seccomp/calls.toml", "src/seccomp/written.rs", "src/seccomp/list.rs", "src/seccomp/tree.rs", "build.rs"] {
        println!("cargo::rerun-if-changed={file}");
    }
    // The program is started again for every process of a job: relative relocations in their short form save reading most of them.
    if env::var("CARGO_CFG_TARGET_ENV")? == "musl" {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let machine = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => Machine::X86_64,
        "aarch64" => Machine::Aarch64,
        other => return Err(format!("there is no list of system calls for {other}").into()),
    };
    let mut text = String::new();
    for (name, program) in ["ALLOW", "REFUSE"].into_iter().zip(written::compile(machine)?) {
        let steps: String = program.iter().map(|step| format!("({}, {}, {}, {}), ", step.code, step.jt, step.jf, step.k)).collect();
        text += &format!("pub(super) const {name}: &[(u16, u8, u8, u32)] = &[{steps}];\n");
    }
    Ok(fs::write(PathBuf::from(env::var("OUT_DIR")?).join("programs.rs"), text)?)
}
