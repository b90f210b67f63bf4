//! What the audience sees.

use std::io::IsTerminal as _;

/// Columns of a page.
const WIDTH: usize = 100;

/// A colour (ECMA-48, SGR).
#[derive(Clone, Copy, Debug)]
pub enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

/// Where the demo plays: standard output, in colours on a terminal alone.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    colour: bool,
}

impl Stage {
    pub fn new() -> Self {
        Self { colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// `text` in `ink`.
    pub fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Red => "31",
            Ink::Green => "32",
            Ink::Yellow => "33",
            Ink::Cyan => "36",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A headline over an act.
    pub fn act(self, title: &str) {
        println!("\n{}\n{}", self.ink(Ink::Bold, title), self.ink(Ink::Dim, &"═".repeat(WIDTH)));
    }

    /// One line of the teller's.
    pub fn say(self, text: &str) {
        println!("{text}");
    }

    /// A page of GitLab's: a title on its frame and lines in it.
    pub fn page(self, title: &str, lines: &[String]) {
        let rest = WIDTH.saturating_sub(title.chars().count() + 5);
        println!("\n{}{}{}", self.ink(Ink::Dim, "╭─ "), self.ink(Ink::Bold, title), self.ink(Ink::Dim, &format!(" {}", "─".repeat(rest))));
        for line in lines.iter().flat_map(|line| folded(line, WIDTH - 2)) {
            println!("{} {}", self.ink(Ink::Dim, "│"), self.looked_at(&line));
        }
        println!("{}", self.ink(Ink::Dim, &format!("╰{}", "─".repeat(WIDTH - 1))));
    }

    /// A line of a page, in the colours that GitLab would give it.
    fn looked_at(self, line: &str) -> String {
        match line {
            _ if line.starts_with("## ") || line.starts_with("+++") || line.starts_with("---") => self.ink(Ink::Bold, line),
            _ if line.starts_with("@@") => self.ink(Ink::Cyan, line),
            _ if line.starts_with('+') => self.ink(Ink::Green, line),
            _ if line.starts_with('-') && !line.starts_with("- ") => self.ink(Ink::Red, line),
            _ => line.to_owned(),
        }
    }

    /// A line of the job's log.
    pub fn log(self, line: &str) {
        println!("  {} {}", self.ink(Ink::Dim, "┊"), self.ink(Ink::Dim, line));
    }

    /// A label and what belongs to it, beneath an attempt.
    pub fn row(self, label: &str, text: &str, ink: Ink) {
        for (index, line) in folded(text, WIDTH - 15).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            println!("      {} {}", self.ink(Ink::Dim, &format!("{label:8}")), self.ink(ink, line));
        }
    }

    /// States an expectation that holds, or ends the demo.
    pub fn expect(self, what: &str, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
        if !holds {
            return Err(format!("expected: {what}; but {}", otherwise()));
        }
        println!("  {} {what}", self.ink(Ink::Green, "✓"));
        Ok(())
    }
}

/// `line` in parts of at most `width` characters, broken at spaces where there are any.
fn folded(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > width {
        let cut = rest[..width].iter().rposition(|c| *c == ' ').filter(|at| *at > width / 2).map_or(width, |at| at + 1);
        let tail = rest.split_off(cut);
        lines.push(rest.iter().collect::<String>().trim_end().to_owned());
        rest = tail;
    }
    lines.push(rest.into_iter().collect());
    lines
}
