//! Coverage that has to be reached: a number that falls, or that is gone.

use crate::gate::{
    content::File,
    finding::{Judge, Place, Way},
    language::Ground,
};

/// Keys and options that mean this in any file.
const KEYS: &[&str] = &[
    "fail_under",
    "fail-under",
    "cov-fail-under",
    "fail-under-lines",
    "fail-under-functions",
    "fail-under-regions",
    "fail-under-line",
    "fail-under-branch",
    "minmsi",
    "mincoveredmsi",
    "minscore",
    "minimum_coverage",
    "minimum_coverage_by_file",
    "mincoverage",
    "coverage_threshold",
    "coverage-threshold",
    "min_coverage",
    "min-coverage",
    "minimumcoverage",
    "check-coverage",
    "checkcoverage",
];
/// Keys that mean it in a coverage tool's own file, or behind its name.
const OWN: &[&str] = &["branches", "functions", "lines", "statements", "perfile", "autoupdate", "global"];
/// Keys of JaCoCo and Kover.
const RATIOS: &[&str] = &["minimum", "minvalue", "minbound", "minlines"];
/// Keys of files that are about nothing else, by their names.
const LEVELS: &[&str] = &["threshold", "total", "file", "package", "break", "line", "branch"];
/// Keys of what must not grow.
const MOST: &[&str] = &["max-warnings", "maxwarnings", "errorlevel"];

/// A number, or the words of one that is on or off.
type Level = f64;

/// Tells the first key whose level fell.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let (Some(old), Some(new)) = (file.old_text, file.text) else { return };
    if file.removed.is_empty() || Ground::of(file.folded) == Ground::Prose || !file.fact.remains() && !is_own(file.name()) {
        return;
    }
    for key in MOST {
        let (before, after) = (levels(old, key), levels(new, key));
        if let Some((old, new)) = before.iter().zip(&after).find(|(old, new)| new > old) {
            judge.find("test/threshold", file, format!("{key} grew from {old} to {new}"), Way::Rule);
            return;
        }
    }
    let keys = keys_of(file.name());
    for list in keys {
        for key in *list {
            if !file.removed.iter().any(|line| !levels(line.text, key).is_empty()) {
                continue;
            }
            let (before, after) = (levels(section(file, old), key), levels(section(file, new), key));
            let fell = before.iter().zip(&after).find(|(old, new)| new < old);
            let message = match fell {
                Some((old, new)) => format!("{key} fell from {old} to {new}"),
                None if after.len() < before.len() => format!("{key} is gone"),
                None => continue,
            };
            let line = file.added.iter().find(|line| !levels(line.text, key).is_empty());
            let place = line.map_or_else(|| Place::from(file), |line| Place::shown(file, *line));
            judge.find("test/threshold", place, message, Way::Rule);
            return;
        }
    }
}

fn is_own(name: &str) -> bool {
    let starts = [
        "jest.config.",
        "vitest.config.",
        "vite.config.",
        ".nycrc",
        "nyc.config.",
        ".c8rc",
        "karma.conf.",
        ".coveragerc",
        ".simplecov",
        "tarpaulin",
    ];
    starts.iter().any(|start| name.starts_with(start))
}

fn keys_of(name: &str) -> &'static [&'static [&'static str]] {
    if is_own(name) || name == "package.json" {
        &[KEYS, OWN]
    } else if ["testcoverage", "stryker", "coverlet", "mix_cover", "simplecov"].iter().any(|part| name.contains(part)) {
        &[KEYS, LEVELS]
    } else if name == "pom.xml" || name.starts_with("build.gradle") {
        &[KEYS, RATIOS]
    } else {
        &[KEYS]
    }
}

/// The part of a file that is a coverage tool's own: in a `package.json` what follows its name.
fn section<'a>(file: &File<'_>, text: &'a str) -> &'a str {
    if file.name() != "package.json" {
        return text;
    }
    let start = ["\"coverageThreshold\"", "\"nyc\"", "\"c8\""].iter().filter_map(|name| text.find(name)).min();
    start.and_then(|at| text.get(at..)).unwrap_or(text)
}

/// Every level that `key` has in `text`, in order. Yes and no are 1 and 0.
fn levels(text: &str, key: &str) -> Vec<Level> {
    let bytes = text.as_bytes();
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = find_folded(bytes, key.as_bytes(), from) {
        from = at + key.len();
        // `cov-fail-under` ends with another key.
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        if part(before)
            || before == Some(&b'-') && bytes.get(at.wrapping_sub(2)) != Some(&b'-')
            || part(bytes.get(from))
            || bytes.get(from) == Some(&b'-')
        {
            continue;
        }
        let rest = text.get(from..).unwrap_or_default();
        let value = rest.trim_start_matches(['"', '\'', ' ', '\t', ':', '=', '>', ')', '(']);
        // SimpleCov has the kind of coverage between.
        let value = value.strip_prefix("line: ").or_else(|| value.strip_prefix("branch: ")).unwrap_or(value);
        let end = value.find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '.')).unwrap_or(value.len());
        let level = match value.get(..end).unwrap_or_default() {
            "true" => Some(1.0),
            "false" => Some(0.0),
            number => number.parse().ok().filter(|level: &f64| level.is_finite()),
        };
        found.extend(level);
    }
    found
}

fn find_folded(text: &[u8], key: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(key.len()).position(|part| part.eq_ignore_ascii_case(key)).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_every_notation() {
        for (text, key, expected) in [
            ("fail_under = 80", "fail_under", vec![80.0]),
            ("--cov-fail-under=85.5 x", "cov-fail-under", vec![85.5]),
            ("--cov-fail-under=85.5 x", "fail-under", vec![]),
            ("--fail-under 70", "fail-under", vec![70.0]),
            ("\"branches\": 90, branches: 80", "branches", vec![90.0, 80.0]),
            ("<minimum>0.80</minimum>", "minimum", vec![0.8]),
            ("\"check-coverage\": true", "check-coverage", vec![1.0]),
            ("minimum_coverage 95", "minimum_coverage", vec![95.0]),
            ("headlines: 3", "lines", vec![]),
            ("lines: foo", "lines", vec![]),
        ] {
            assert_eq!(levels(text, key), expected, "{text}");
        }
    }
}
