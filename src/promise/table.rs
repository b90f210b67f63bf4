//! Promise by promise: the wall that keeps it here.

use serde::Serialize;

use super::{Host, Missing};

/// One promise on this host.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The promise's id in SECURITY.md.
    pub promise: &'static str,
    /// What keeps it here.
    pub wall: String,
    /// What is missing; none where it is kept.
    #[serde(serialize_with = "shown")]
    pub missing: Option<Missing>,
}

fn shown<S: serde::Serializer>(missing: &Option<Missing>, to: S) -> Result<S::Ok, S::Error> {
    missing.as_ref().map(ToString::to_string).serialize(to)
}

/// The table for people.
pub fn text(host: &Host, rows: &[Row]) -> String {
    let mut out = format!(
        "Linux {} {} · {} · uid {} · Landlock ABI {} · {}\n\n",
        host.kernel,
        host.architecture,
        host.container.name(),
        host.uid,
        host.landlock,
        match host.capabilities.len() {
            0 => "no capability".to_owned(),
            1 => "1 capability".to_owned(),
            count => format!("{count} capabilities"),
        },
    );
    let width = rows.iter().map(|row| row.promise.len()).max().unwrap_or(0);
    for row in rows {
        let (sign, what) = match &row.missing {
            None => ("kept", row.wall.clone()),
            Some(missing) => ("MISSING", missing.to_string()),
        };
        out.push_str(&format!("  {:width$}  {sign:7}  {what}\n", row.promise));
    }
    out
}
