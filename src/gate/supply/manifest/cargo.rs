//! Cargo.toml (doc.rust-lang.org/cargo, "The Manifest Format").

use toml::{Table, Value};

use super::{Manifest, Meaning};

/// Tables of dependencies; the old spellings still count.
const TABLES: &[&str] = &["dependencies", "dev-dependencies", "dev_dependencies", "build-dependencies", "build_dependencies"];

pub(super) fn read(text: &str) -> Option<Manifest> {
    let table: Table = text.parse().ok()?;
    let mut manifest = Manifest::default();
    tables(&mut manifest, &table);
    for target in table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values).filter_map(Value::as_table) {
        tables(&mut manifest, target);
    }
    if let Some(workspace) = table.get("workspace").and_then(Value::as_table) {
        tables(&mut manifest, workspace);
    }
    for (source, replaced) in tables_of(&table, "patch") {
        for (name, value) in replaced.as_table().into_iter().flatten() {
            manifest.set(format!("patch.{source}.{name}"), Meaning::Override, value.to_string());
        }
    }
    for (name, value) in tables_of(&table, "replace") {
        manifest.set(format!("replace.{name}"), Meaning::Override, value.to_string());
    }
    for (key, inner) in [("package", "build"), ("lib", "proc-macro"), ("lib", "proc_macro"), ("package", "links")] {
        if let Some(value) = table.get(key).and_then(|table| table.get(inner)) {
            manifest.set(format!("{key}.{inner}"), Meaning::Build, value.to_string());
        }
    }
    Some(manifest)
}

fn tables_of<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    table.get(key).and_then(Value::as_table).into_iter().flatten()
}

fn tables(manifest: &mut Manifest, table: &Table) {
    for (name, value) in TABLES.iter().flat_map(|key| tables_of(table, key)) {
        dependency(manifest, name, value);
    }
}

fn dependency(manifest: &mut Manifest, key: &str, value: &Value) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if value.get("workspace").and_then(Value::as_bool) == Some(true) {
        return;
    }
    // Cargo takes `-` and `_` for different names, but a registry has only one of them.
    let name = text("package").unwrap_or(key);
    let origin = ["branch", "tag", "rev"].iter().filter_map(|at| text(at).map(|text| format!(" {at} {text}"))).collect::<String>();
    if let Some(path) = text("path") {
        manifest.depends_on(name, format!("path {path}"));
    } else if let Some(git) = text("git") {
        manifest.depends_on(name, format!("{git}{origin}"));
    } else if let Some(registry) = text("registry").or_else(|| text("registry-index")) {
        manifest.depends_on(name, format!("the registry {registry}"));
    } else {
        manifest.depends(name);
    }
}
