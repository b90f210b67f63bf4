//! The verdict as a page of its own: no script, nothing loaded from anywhere.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{About, markup::escaped, rules, words};
use crate::verdict::{Finding, Severity, Verdict};

const STYLE: &str = include_str!("html.css");

/// A page for a browser, in its reader's light or dark, and for paper.
pub fn html(verdict: &Verdict, about: &About<'_>) -> String {
    let word = words::verdict_word(verdict.decision);
    let sections: String = words::SEVERITIES.iter().map(|&severity| section(verdict, severity)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Tidewaiter: {word}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1 class=\"{word}\">Verdict: <span>{word}</span></h1>\n<p class=\"sum\">{} {}.</p>\n{}</header>\n<main>\n{sections}{}</main>\n\
         </body>\n</html>\n",
        content_policy(),
        words::outcome(verdict.decision),
        escaped(&words::sum(verdict)),
        sources(about),
        quiet_rules(verdict, about),
    )
}

/// Nothing may be loaded, sent or run; the one style is named by its hash (W3C, Content Security Policy Level 3).
fn content_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

fn sources(about: &About<'_>) -> String {
    let policy = about.policy.to_string();
    let rows = [("Policy", policy.as_str()), ("Base", about.base), ("Tree", about.tree)];
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    let rows: String = rows.map(|(name, value)| format!("<dt>{name}</dt><dd><code>{}</code></dd>\n", escaped(value))).collect();
    format!("<dl class=\"about\">\n{rows}</dl>\n")
}

fn section(verdict: &Verdict, severity: Severity) -> String {
    let articles: String = words::of(verdict, severity).map(article).collect();
    if articles.is_empty() {
        return articles;
    }
    let (name, meaning, number) = (words::name(severity), words::meaning(severity), words::of(verdict, severity).count());
    let number = words::count(number, "finding");
    format!("<section class=\"{name}\">\n<h2><b>{name}</b> <span>{meaning} · {number}</span></h2>\n{articles}</section>\n")
}

fn article(finding: &Finding) -> String {
    let policy = finding.policy_line.as_ref().map(|line| format!("<dt>policy</dt><dd><code>{}</code></dd>\n", escaped(line)));
    let policy = policy.unwrap_or_default();
    format!(
        "<article>\n<span class=\"rule\">{}</span><bdi class=\"place\" dir=\"ltr\">{}</bdi>\n<p><bdi>{}</bdi></p>\n{}\
         <dl>{policy}<dt>to do</dt><dd>{}</dd></dl>\n</article>\n",
        escaped(&finding.rule),
        escaped(&words::place(finding)),
        escaped(&finding.message),
        excerpt(finding),
        escaped(&finding.fix),
    )
}

fn excerpt(finding: &Finding) -> String {
    let (Some(line), Some(text)) = (finding.line, &finding.excerpt) else { return String::new() };
    format!("<pre><b>{line}</b> <bdi>{}</bdi></pre>\n", escaped(text))
}

/// The rules that found nothing: what was looked for is part of the answer.
fn quiet_rules(verdict: &Verdict, about: &About<'_>) -> String {
    let all = rules(verdict, about);
    let quiet = all.iter().filter(|rule| !verdict.findings.iter().any(|finding| finding.rule == rule.id));
    let rows: Vec<String> = quiet.map(|rule| format!("<li><code>{}</code> {}</li>\n", escaped(rule.id), escaped(rule.about))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let number = words::count(rows.len(), "rule");
    format!("<section class=\"pass\">\n<h2><b>{number}</b> <span>found nothing</span></h2>\n<ul>\n{}</ul>\n</section>\n", rows.concat())
}
