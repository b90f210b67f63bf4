//! composer.json (getcomposer.org, "The composer.json schema").

use serde_json::Value;

use super::{Manifest, Meaning};
use crate::provider::json;

/// Keys by their path.
const KEYS: &[(&str, Meaning)] = &[
    ("repositories", Meaning::Registry),
    ("config.secure-http", Meaning::Registry),
    ("config.disable-tls", Meaning::Registry),
    ("config.cafile", Meaning::Registry),
    ("config.gitlab-domains", Meaning::Registry),
    ("config.github-domains", Meaning::Registry),
    ("config.allow-plugins", Meaning::Script),
    ("config.bin-dir", Meaning::Script),
    ("config.preferred-install", Meaning::Registry),
    ("minimum-stability", Meaning::Registry),
    ("autoload.files", Meaning::Script),
    ("autoload-dev.files", Meaning::Script),
    ("extra.merge-plugin", Meaning::Override),
    ("conflict", Meaning::Override),
    ("bin", Meaning::Script),
    ("replace", Meaning::Override),
    ("provide", Meaning::Override),
    ("extra.patches", Meaning::Override),
    ("extra.class", Meaning::Script),
];

pub(super) fn read(text: &str) -> Option<Manifest> {
    let value = json::parse(text.as_bytes()).ok()?;
    value.as_object()?;
    let mut manifest = Manifest::default();
    let table = |key: &str| value.get(key).and_then(Value::as_object).into_iter().flatten();
    for (name, version) in table("require").chain(table("require-dev")) {
        let version = version.as_str().unwrap_or_default();
        if !name.contains('/') {
            // The platform: PHP itself and its extensions.
        } else if version.contains(" as ") || version.contains('#') {
            manifest.depends_on(name.to_lowercase(), version);
        } else {
            manifest.depends(name.to_lowercase());
        }
    }
    for (name, script) in table("scripts") {
        let runs = name.starts_with("pre-") || name.starts_with("post-") || matches!(name.as_str(), "init" | "command");
        manifest.set(format!("scripts.{name}"), if runs { Meaning::Script } else { Meaning::Task }, script.to_string());
    }
    if value.get("type").and_then(Value::as_str) == Some("composer-plugin") {
        manifest.set("type", Meaning::Script, "composer-plugin");
    }
    for (path, meaning) in KEYS {
        if let Some(found) = path.split('.').try_fold(&value, |value, key| value.get(key)) {
            manifest.set(*path, *meaning, found.to_string());
        }
    }
    Some(manifest)
}
