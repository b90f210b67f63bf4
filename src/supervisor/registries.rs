//! What is made known of the policy's registries before the agent starts: to the gateway their addresses, to the agent's tools
//! where the gateway serves them.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, chown},
    path::Path,
};

use nix::fcntl::OFlag;

use super::{Error, Task, start::step};
use crate::{
    environment::{Variables, prepend},
    policy::{
        Registry,
        registry::{Kind, OF_GO_MOD, is_module},
    },
    provider::registry::tools,
};

/// Bytes of a go.mod that is read.
const LARGEST_GO_MOD: u64 = 1 << 20;

/// The registries with their addresses, and Go's with the modules that the project requires.
pub(super) fn located(task: &Task<'_>) -> Result<Vec<Registry>, Error> {
    let value = |name: &str| task.job.get(OsStr::new(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty());
    let located = |registry: &Registry| {
        let mut registry = registry.located(|name| value(name).map(str::to_owned))?;
        if registry.modules.iter().any(|module| module == OF_GO_MOD) {
            let text = step("read the project's go.mod", go_mod(&task.places.workspace.join(OF_GO_MOD)))?;
            registry.modules.retain(|module| module != OF_GO_MOD);
            registry.modules.extend(required(&text));
        }
        Ok(registry)
    };
    task.policy.network.registries.iter().map(located).collect()
}

/// The agent has not run yet: what stands in the tree is what was handed over. Where there is none, no module is required.
fn go_mod(path: &Path) -> io::Result<String> {
    let opened = fs::OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(LARGEST_GO_MOD).read_to_string(&mut text)?;
    Ok(text)
}

/// The modules of the directives `require` (go.dev/ref/mod#go-mod-file-require). A host alone would grant all that lies on it, so it
/// is none of them.
fn required(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split("//").next().unwrap_or_default().split_whitespace().collect();
        match words[..] {
            ["require", "("] => inside = true,
            [")"] => inside = false,
            ["require", module, _] => found.push(module.trim_matches('"').to_owned()),
            [module, _] if inside => found.push(module.trim_matches('"').to_owned()),
            _ => {}
        }
    }
    found.retain(|module| module.contains('/') && is_module(module));
    found
}

/// Adds the agent's variables for them. Options that a tool has from the job stay.
pub(super) fn tell(task: &Task<'_>, variables: &mut Variables) -> Result<(), Error> {
    let host = task.gateway.address()?.to_string();
    for (name, value) in kinds(task).flat_map(|kind| tools(kind, &host, &task.gateway.ticket, &task.places.home).0) {
        match name.ends_with("_OPTS") {
            true => prepend(variables, &name, &value),
            false => drop(variables.insert(name.into(), value.into())),
        }
    }
    Ok(())
}

/// Writes the files in the agent's home that tell its tools of them.
pub(super) fn furnish(task: &Task<'_>) -> Result<(), Error> {
    let host = task.gateway.address()?.to_string();
    for file in kinds(task).flat_map(|kind| tools(kind, &host, &task.gateway.ticket, &task.places.home).1) {
        step("tell the agent's tools of the registries", give(&task.places.home, file.path, &file.text, task.ground.uid))?;
    }
    Ok(())
}

fn kinds<'a>(task: &'a Task<'_>) -> impl Iterator<Item = Kind> + use<'a> {
    task.policy.network.registries.iter().map(|registry| registry.kind)
}

/// Makes a file below `home` that is the agent's own, as are the directories on the way to it.
fn give(home: &Path, path: &str, text: &str, uid: Option<u32>) -> io::Result<()> {
    let mut at = home.to_owned();
    let (directories, name) = path.rsplit_once('/').map_or((None, path), |(directories, name)| (Some(directories), name));
    for directory in directories.into_iter().flat_map(|directories| directories.split('/')) {
        at.push(directory);
        if !at.is_dir() {
            fs::create_dir(&at)?;
            chown(&at, uid, uid)?;
        }
    }
    at.push(name);
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at)?.write_all(text.as_bytes())?;
    chown(&at, uid, uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_that_a_project_requires_are_known() {
        let text = "module git.example/own\n\ngo 1.22\n\nrequire git.example/one v1.0.0 // why\nrequire (\n\tgit.example/two/v2 v2.1.0 // indirect\n\
                    \t// git.example/not v1.0.0\n)\nrequire host.example v1.0.0\nrequire \"\" v1.0.0\nrequire nohost/x v1.0.0\nreplace (\n\tgit.example/three v1.0.0 => ../three\n)\nexclude git.example/four v1.0.0\n";
        assert_eq!(required(text), ["git.example/one", "git.example/two/v2"]);
    }
}
