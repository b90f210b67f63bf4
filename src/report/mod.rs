//! A verdict in the forms that people and GitLab read. Paths and messages are escaped when findings are made; each
//! form escapes once more for itself.

mod codequality;
mod html;
mod junit;
mod sarif;
mod text;

pub use codequality::codequality;
pub use html::html;
pub use junit::junit;
pub use sarif::sarif;
pub use text::text;

use crate::verdict::{Severity, Verdict};

/// The verdict as JSON, as the journal has it.
pub fn json(verdict: &Verdict) -> String {
    serde_json::to_string_pretty(verdict).unwrap_or_default() + "\n"
}

/// The word for a weight.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warn",
        Severity::Review => "review",
        Severity::Deny => "deny",
        Severity::Block => "block",
    }
}

/// The five characters that mean something in XML and HTML; what neither takes is gone since the finding was made.
fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            sign if sign.is_control() => out.extend(sign.escape_default()),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Finding;

    fn verdict() -> Verdict {
        let finding = Finding {
            rule: "ci/config".into(),
            severity: Severity::Deny,
            path: "a<script>\"&'.yml".into(),
            line: Some(3),
            policy_line: Some("default:1: changes.protect = \"x\"".into()),
            message: "said ]]> no".into(),
            fix: "do <b>that</b>".into(),
        };
        let second = Finding { severity: Severity::Warn, line: None, policy_line: None, ..finding.clone() };
        Verdict::weigh(vec![finding.clone(), finding, second])
    }

    #[test]
    fn markup_is_escaped_in_every_form() {
        for page in [html(&verdict()), junit(&verdict())] {
            assert!(!page.contains("<script>") && !page.contains("<b>") && page.contains("a&lt;script&gt;"), "{page}");
        }
        assert!(html(&verdict()).contains("default-src 'none'"));
    }

    #[test]
    fn fingerprints_are_unique_and_stable() {
        let issues: Vec<serde_json::Value> = serde_json::from_str(&codequality(&verdict())).unwrap();
        let prints: std::collections::BTreeSet<&str> = issues.iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
        assert_eq!((issues.len(), prints.len()), (3, 3));
        assert_eq!(codequality(&verdict()), codequality(&verdict()));
        for issue in &issues {
            assert!(
                issue["location"]["lines"]["begin"].is_u64() && issue["location"]["path"].is_string() && issue["check_name"].is_string()
            );
        }
    }

    #[test]
    fn sarif_names_its_rules_and_its_version() {
        let log: serde_json::Value = serde_json::from_str(&sarif(&verdict())).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "ci/config");
        assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%3Cscript%3E%22%26%27.yml");
    }

    #[test]
    fn the_text_names_rule_place_policy_and_remedy() {
        let text = text(&verdict(), false);
        for part in ["ci/config", ".yml:3", "default:1: changes.protect", "said ]]> no", "do <b>that</b>", "denied"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains('\x1b') && super::text(&verdict(), true).contains('\x1b'));
    }

    #[test]
    fn a_pass_is_a_report_too() {
        let pass = Verdict::weigh(vec![]);
        assert!(text(&pass, false).contains("passed"));
        assert_eq!(codequality(&pass), "[]\n");
        assert!(junit(&pass).contains("failures=\"0\""));
        assert!(html(&pass).contains("passed"));
    }
}
