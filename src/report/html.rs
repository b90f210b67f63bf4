//! One page that stands by itself: no script, nothing from elsewhere.

use super::{
    markup,
    text::{place, sum},
    word,
};
use crate::verdict::{Finding, Verdict};

/// Content Security Policy (CSP3): the page's own style and nothing else.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
<meta name=\"viewport\" content=\"width=device-width\">\n<title>Tidewaiter: verdict</title>\n<style>\n\
body{font:1rem/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\n\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ccc}\n\
code{overflow-wrap:anywhere}.block,.deny{color:#a40000;font-weight:600}.review{color:#7a4b00;font-weight:600}\n\
</style>\n</head>\n<body>\n";

/// The verdict as a page.
pub fn html(verdict: &Verdict) -> String {
    let title = format!("<h1>Verdict</h1>\n<p>{}</p>\n", markup(&sum(verdict)));
    let rows: String = verdict.findings.iter().map(row).collect();
    let table = if rows.is_empty() {
        String::new()
    } else {
        format!(
            "<table>\n<thead><tr><th>Weight</th><th>Rule</th><th>Where</th><th>What</th><th>To do</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        )
    };
    format!("{HEAD}{title}{table}</body>\n</html>\n")
}

fn row(finding: &Finding) -> String {
    let weight = word(finding.severity);
    let policy = finding.policy_line.as_ref().map(|line| format!("<br><code>{}</code>", markup(line))).unwrap_or_default();
    format!(
        "<tr><td class=\"{weight}\">{weight}</td><td><code>{}</code></td><td><code>{}</code></td><td>{}{policy}</td><td>{}</td></tr>\n",
        markup(&finding.rule),
        markup(&place(finding)),
        markup(&finding.message),
        markup(&finding.fix),
    )
}
