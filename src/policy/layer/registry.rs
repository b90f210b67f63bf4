//! The tables `[[network.registry]]` of a layer.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::{
    super::{
        Error, Registry, file,
        registry::{Kind, is_module},
    },
    Layer,
};
use crate::http::Endpoint;

impl Layer<'_> {
    pub(super) fn registries(&self, above: &[Registry], list: Vec<Spanned<file::Registry>>) -> Result<Vec<Registry>, Error> {
        let mut checked: Vec<Registry> = Vec::new();
        for entry in list {
            let made = self.registry(&entry)?;
            if !self.top && !above.iter().any(|granted| made.is_within(granted)) {
                return Err(self.widens(&entry, "network.registry", format!("no layer above has this registry at {}", made.url)));
            }
            if checked.iter().any(|other| other.kind == made.kind) {
                return Err(self.value(&entry, "network.registry", "is the second registry of one kind"));
            }
            checked.push(made);
        }
        Ok(checked)
    }

    fn registry(&self, entry: &Spanned<file::Registry>) -> Result<Registry, Error> {
        let file = entry.get_ref();
        let refused = |key: &str, reason: &str| self.value(entry, &format!("network.registry.{key}"), reason);
        let base = |text: &String| {
            let text = text.trim_end_matches('/').to_owned();
            Endpoint::parse(&text).map(|_| text).map_err(|error| error.to_string())
        };
        let files = file.files.iter().map(base).collect::<Result<_, _>>().map_err(|error| refused("files", &error))?;
        let ca_file = match &file.ca_file {
            Some(path) if !Path::new(path).is_absolute() => return Err(refused("ca_file", "must be an absolute path")),
            path => path.as_ref().map(PathBuf::from),
        };
        match (file.kind, file.modules.is_empty()) {
            (Kind::Go, true) => {
                let reason = "must name the modules that may be asked for, or \"go.mod\" for those that the project requires";
                return Err(refused("modules", reason));
            }
            (Kind::Go, false) | (_, true) => {}
            (_, false) => return Err(refused("modules", "means something to `go` alone")),
        }
        if let Some(odd) = file.modules.iter().find(|module| !is_module(module)) {
            return Err(refused("modules", &format!("has `{odd}`, which is no module path with a host in it")));
        }
        let made = Registry { kind: file.kind, url: file.url.clone(), files, modules: file.modules.clone(), ca_file };
        match made.variable() {
            Some(name) if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                Err(refused("url", "has no name of a variable behind its `$`"))
            }
            Some(_) => Ok(made),
            None => base(&made.url).map(|url| Registry { url, ..made }).map_err(|error| refused("url", &error)),
        }
    }
}
