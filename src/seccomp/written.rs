//! From the lists as they are written to the filter's program. This happens when the project is built (`build.rs`): a program
//! that is compiled at every start would cost milliseconds.

#[path = "list.rs"]
pub(crate) mod list;
#[path = "tree.rs"]
mod tree;

use seccompiler::{BpfProgram, TargetArch, compile_from_json};

/// The machines whose calls are listed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(dead_code, reason = "a program knows one machine, its tests know both")]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    fn target(self) -> TargetArch {
        match self {
            Self::X86_64 => TargetArch::x86_64,
            Self::Aarch64 => TargetArch::aarch64,
        }
    }
}

/// Lists that make no program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The lists are not in their form.
    #[error("the lists of system calls cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// A group that can be read in two ways.
    #[error("the lists of system calls: {0}")]
    Ambiguous(String),
    /// The lists do not compile.
    #[error("the lists of system calls do not compile: {0}")]
    Compile(#[from] seccompiler::Error),
    /// A part of the lists is missing.
    #[error("the lists of system calls have no part `{0}`")]
    Missing(&'static str),
    /// A program that no tree can be made of.
    #[error("the compiled list `{0}` is not in the compiler's form")]
    Shape(&'static str),
}

/// The programs of both lists, the allow-list first.
///
/// # Errors
/// When a list is broken.
pub(crate) fn compile(machine: Machine) -> Result<[BpfProgram; 2], Error> {
    let json = list::read()?.for_seccompiler(machine)?.to_string();
    let mut map = compile_from_json(json.as_bytes(), machine.target())?;
    let mut part = |name| tree::tree(&map.remove(name).ok_or(Error::Missing(name))?).ok_or(Error::Shape(name));
    Ok([part("allow")?, part("refuse")?])
}
