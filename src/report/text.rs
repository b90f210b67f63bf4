//! The verdict for a terminal or a job's log.

use super::{About, visible::visible, words};
use crate::verdict::{Decision, Finding, Severity, Verdict};

/// Columns of a line, the rail at its left included.
const WIDTH: usize = 100;
/// Columns of a label and the space after it.
const LABEL: usize = 8;

/// The findings, the heaviest first, and one line of summary. Every line that carries words of the change begins with a rail
/// of ours, so that none can pass for a line of the runner's.
pub fn text(verdict: &Verdict, about: &About<'_>, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    for severity in words::SEVERITIES {
        let findings: Vec<&Finding> = words::of(verdict, severity).collect();
        if findings.is_empty() {
            continue;
        }
        out.push_str(&heading(severity, findings.len(), out.is_empty(), paint));
        for finding in findings {
            out.push_str(&entry(finding, paint));
        }
        out.push_str("│\n");
    }
    out + &summary(verdict, about, paint)
}

/// Whether and how text is coloured (ECMA-48, SGR).
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Block => "1;35",
            Severity::Deny => "1;31",
            Severity::Review => "1;33",
            Severity::Warn => "1;36",
        };
        self.with(code, text)
    }

    fn decision(self, decision: Decision, text: &str) -> String {
        let code = match decision {
            Decision::Pass => "1;32",
            Decision::Review => "1;33",
            Decision::Deny => "1;31",
        };
        self.with(code, text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }
}

/// `╭─ DENY · may not leave … ─────── 2 findings ─`
fn heading(severity: Severity, number: usize, first: bool, paint: Paint) -> String {
    let name = words::name(severity).to_uppercase();
    let meaning = words::meaning(severity);
    let number = words::count(number, "finding");
    let used = [name.as_str(), meaning, &number].iter().map(|part| part.chars().count()).sum::<usize>() + "╭─  ·    ─".chars().count();
    let corner = if first { '╭' } else { '├' };
    let line = "─".repeat(WIDTH.saturating_sub(used));
    format!("{corner}─ {} · {meaning} {} {number} ─\n", paint.severity(severity, &name), paint.dim(&line))
}

fn entry(finding: &Finding, paint: Paint) -> String {
    let lines = wrapped(&visible(&finding.message), WIDTH - 5);
    let message: String = lines.iter().map(|line| format!("│    {line}\n")).collect();
    let (policy, fix) = (labelled("policy", words::origin(finding), paint), labelled("to do", &finding.fix, paint));
    format!("│\n{}{message}{}{policy}{fix}", head(finding, paint), excerpt(finding, paint))
}

/// `12 │ the line as it stands there`; nothing where no line is shown.
fn excerpt(finding: &Finding, paint: Paint) -> String {
    let (Some(line), Some(text)) = (finding.line, &finding.excerpt) else { return String::new() };
    let number = format!("{line:>6}");
    let lines = wrapped(&visible(text), WIDTH - 5 - number.len() - 3);
    let first = |index: usize| if index == 0 { number.clone() } else { " ".repeat(number.len()) };
    lines.iter().enumerate().map(|(index, line)| format!("│    {} {line}\n", paint.dim(&format!("{} ┆", first(index))))).collect()
}

/// Sign, rule and place; the place on lines of its own where one line does not hold them.
fn head(finding: &Finding, paint: Paint) -> String {
    let sign = paint.severity(finding.severity, &words::sign(finding.severity).to_string());
    let (rule, place) = (visible(&finding.rule), visible(&words::place(finding)));
    if rule.chars().count() + 2 + place.chars().count() <= WIDTH - 5 {
        return format!("│  {sign} {}  {}\n", paint.severity(finding.severity, &rule), paint.with("1", &place));
    }
    let rules = wrapped(&rule, WIDTH - 5).into_iter().map(|line| paint.severity(finding.severity, &line));
    let places = wrapped(&place, WIDTH - 5).into_iter().map(|line| paint.with("1", &line));
    let lines: String = rules.chain(places).map(|line| format!("│    {line}\n")).collect();
    lines.replacen("│   ", &format!("│  {sign}"), 1)
}

fn labelled(label: &str, text: &str, paint: Paint) -> String {
    let mut out = String::new();
    for (index, line) in wrapped(&visible(text), WIDTH - 5 - LABEL).iter().enumerate() {
        let label = format!("{:LABEL$}", if index == 0 { label } else { "" });
        out.push_str(&format!("│    {}{line}\n", paint.dim(&label)));
    }
    out
}

/// What was judged by what, and the one line that says it all.
fn summary(verdict: &Verdict, about: &About<'_>, paint: Paint) -> String {
    let known = [("base", about.base), ("tree", about.tree)];
    let known: String = known.iter().filter(|(_, id)| !id.is_empty()).map(|(name, id)| format!(" · {name} {}", short(id))).collect();
    let sources = paint.dim(&format!("policy {}{known}", short(&about.policy.hex())));
    let rail = if verdict.findings.is_empty() { "╭─" } else { "│ " };
    let word = paint.decision(verdict.decision, &words::verdict_word(verdict.decision).to_uppercase());
    format!("{rail} {sources}\n╰─ {word}  {} {}.\n", words::outcome(verdict.decision), words::sentence(&words::sum(verdict)))
}

/// Enough of an id to find it again.
fn short(id: &str) -> String {
    visible(&id.chars().take(12).collect::<String>())
}

/// `text` in lines of at most `width` characters, broken at spaces where there are any. At least one line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').flat_map(|word| pieces(word, width)) {
        let size = word.chars().count();
        if used > 0 && used + 1 + size > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(&word);
            used += size;
        }
    }
    lines
}

/// A word in parts that each fit in a line.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    letters.chunks(width.max(1)).map(|part| part.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_inside_words_that_are_too_long() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
