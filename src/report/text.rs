//! The verdict for a terminal or a job's log.

use super::{About, Look, visible::visible, words};
use crate::verdict::{Decision, Finding, Severity, Verdict};

/// No line is made narrower, however narrow the terminal is: the rail and a label would leave nothing.
const NARROWEST: usize = 40;
/// Columns of a label and the space after it.
const LABEL: usize = 8;

/// The findings, the heaviest first, and one line of summary. Every line that carries words of the change begins with a rail
/// of ours, so that none can pass for a line of the runner's.
pub fn text(verdict: &Verdict, about: &About<'_>, look: Look) -> String {
    let paint = Paint { colour: look.colour, width: look.width.max(NARROWEST) };
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

/// Whether and how text is coloured (ECMA-48, SGR), and the columns of a line.
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
    width: usize,
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

/// `╭─ DENY · may not leave … ─────── 2 findings ─`; what it means on a line of its own where one line does not hold it.
fn heading(severity: Severity, number: usize, first: bool, paint: Paint) -> String {
    let (name, corner) = (words::name(severity).to_uppercase(), if first { '╭' } else { '├' });
    let (meaning, number) = (words::meaning(severity), words::count(number, "finding"));
    let sign = paint.severity(severity, &name);
    let left = |meaning: usize| paint.width.checked_sub("╭─    ─".chars().count() + name.len() + meaning + number.len());
    match left(" · ".chars().count() + meaning.len()) {
        Some(left) if left > 0 => format!("{corner}─ {sign} · {meaning} {} {number} ─\n", paint.dim(&"─".repeat(left))),
        _ => {
            let line = paint.dim(&"─".repeat(left(0).unwrap_or(1)));
            let meaning: String = wrapped(meaning, paint.width - 3).iter().map(|line| format!("│  {line}\n")).collect();
            format!("{corner}─ {sign} {line} {number} ─\n{meaning}")
        }
    }
}

fn entry(finding: &Finding, paint: Paint) -> String {
    let lines = wrapped(&visible(&finding.message), paint.width - 5);
    let message: String = lines.iter().map(|line| format!("│    {line}\n")).collect();
    let policy = finding.policy_line.as_deref().map_or_else(String::new, |line| labelled("policy", line, paint));
    format!("│\n{}{message}{}{policy}{}", head(finding, paint), excerpt(finding, paint), labelled("to do", &finding.fix, paint))
}

/// `12 ┆ the line as it stands there`; nothing where no line is shown.
fn excerpt(finding: &Finding, paint: Paint) -> String {
    let (Some(line), Some(text)) = (finding.line, &finding.excerpt) else { return String::new() };
    let number = format!("{line:>6}");
    let lines = wrapped(&visible(text), paint.width - 5 - number.len() - 3);
    let first = |index: usize| if index == 0 { number.clone() } else { " ".repeat(number.len()) };
    lines.iter().enumerate().map(|(index, line)| format!("│    {} {line}\n", paint.dim(&format!("{} ┆", first(index))))).collect()
}

/// Sign, rule and place; the place on lines of its own where one line does not hold them.
fn head(finding: &Finding, paint: Paint) -> String {
    let sign = paint.severity(finding.severity, &words::sign(finding.severity).to_string());
    let (rule, place) = (visible(&finding.rule), visible(&words::place(finding)));
    if columns(&rule) + 2 + columns(&place) <= paint.width - 5 {
        return format!("│  {sign} {}  {}\n", paint.severity(finding.severity, &rule), paint.with("1", &place));
    }
    let rules = wrapped(&rule, paint.width - 5).into_iter().map(|line| paint.severity(finding.severity, &line));
    let places = wrapped(&place, paint.width - 5).into_iter().map(|line| paint.with("1", &line));
    let lines: String = rules.chain(places).map(|line| format!("│    {line}\n")).collect();
    lines.replacen("│   ", &format!("│  {sign}"), 1)
}

fn labelled(label: &str, text: &str, paint: Paint) -> String {
    let mut out = String::new();
    for (index, line) in wrapped(&visible(text), paint.width - 5 - LABEL).iter().enumerate() {
        let label = format!("{:LABEL$}", if index == 0 { label } else { "" });
        out.push_str(&format!("│    {}{line}\n", paint.dim(&label)));
    }
    out
}

/// What was judged by what, and the one line that says it all.
fn summary(verdict: &Verdict, about: &About<'_>, paint: Paint) -> String {
    let known = [("base", about.base), ("tree", about.tree)];
    let known: String = known.iter().filter(|(_, id)| !id.is_empty()).map(|(name, id)| format!(" · {name} {}", short(id))).collect();
    let changed = about.changed.map_or_else(String::new, |number| format!(" · {} changed", words::count(number, "file")));
    let mut sources = String::new();
    for (index, line) in wrapped(&format!("policy {}{known}{changed}", short(&about.policy.hex())), paint.width - 3).iter().enumerate() {
        let rail = if index == 0 && verdict.findings.is_empty() { "╭─" } else { "│ " };
        sources.push_str(&format!("{rail} {}\n", paint.dim(line)));
    }
    let (word, outcome) = (words::verdict_word(verdict.decision).to_uppercase(), words::outcome(verdict.decision));
    let (sum, sign) = (words::sentence(&words::sum(verdict)), paint.decision(verdict.decision, &word));
    if "╰─    .".chars().count() + word.len() + outcome.len() + sum.len() <= paint.width {
        return format!("{sources}╰─ {sign}  {outcome} {sum}.\n");
    }
    let sum: String = wrapped(&sum, paint.width - 3).iter().map(|line| format!("│  {line}\n")).collect();
    format!("{sources}{sum}╰─ {sign}  {outcome}\n")
}

/// Enough of an id to find it again.
fn short(id: &str) -> String {
    visible(&id.chars().take(12).collect::<String>())
}

/// `text` in lines of at most `width` columns, broken at spaces where there are any. At least one line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').flat_map(|word| pieces(word, width)) {
        let size = columns(&word);
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
    let (mut parts, mut used) = (vec![String::new()], 0);
    for sign in word.chars() {
        used += wide(sign);
        if used > width {
            parts.push(String::new());
            used = wide(sign);
        }
        parts.last_mut().into_iter().for_each(|part| part.push(sign));
    }
    parts
}

/// Columns of `text` on a terminal.
fn columns(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// Signs of East Asian scripts and pictures take two columns. They begin at U+1100 (Unicode Standard Annex #11); whatever stands
/// behind that is taken for one, since a line that is too long would go on below, without a rail of ours.
fn wide(sign: char) -> usize {
    if sign < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_inside_words_that_are_too_long() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("大きさ a", 4), ["大き", "さ a"]);
    }
}
