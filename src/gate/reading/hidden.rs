//! Characters that a reader does not see, or that rewrite what is seen: a text that holds more than it shows.

use std::collections::BTreeSet;

use crate::{
    gate::{
        content::{File, Line},
        finding::{Judge, Place, Way},
        language::Ground,
    },
    glyph::is_invisible,
    verdict::Severity::{self, Block, Deny, Review, Warn},
};

/// Characters of private use in a row from which on they are no symbols of an icon font.
const PRIVATE: usize = 4;

/// What is hidden, by how far it can be meant well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hidden {
    /// A sign of a font's own.
    Private,
    /// Shows nothing and divides or joins words: documents are full of them.
    Blank,
    /// Changes colours where the text is shown, and nothing else.
    Colour,
    /// Moves the cursor, conceals or erases where the text is shown.
    Control,
    /// Ends a line for a terminal alone, which shows what follows over what stood before.
    Return,
    /// Spells out a text of its own: tags, rows of variation selectors or of private use.
    Message,
}

impl Hidden {
    fn words(self) -> &'static str {
        match self {
            Self::Private => "this line has characters that every font shows in its own way, or not at all",
            Self::Blank => "this line has characters that show nothing",
            Self::Colour => "this line has colours for a terminal, in which code can be hard to see",
            Self::Control | Self::Return => "this line has control characters, which can erase or rewrite what is shown of it",
            Self::Message => "this line has a row of invisible characters, in which text or code can be hidden",
        }
    }
}

/// What is hidden in the added lines, told where it weighs most.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let ground = Ground::of(file.folded);
    let weighed = hidden(file).filter_map(|(line, hidden)| Some((weight(judge, file, ground, line, hidden)?, line, hidden)));
    // Of the heaviest ones the first.
    let heaviest = weighed.reduce(|worst, next| if (next.0, next.2) > (worst.0, worst.2) { next } else { worst });
    let Some((severity, line, hidden)) = heaviest else { return };
    let (place, message) = (Place::shown(file, line), hidden.words().to_owned());
    match severity {
        Block => judge.block("content/hidden", place, message),
        _ => judge.weigh("content/hidden", severity, place, message, Way::Rule),
    }
}

/// In code no policy can allow it, but for what hides nothing there; elsewhere it depends on what it is.
fn weight(judge: &Judge<'_>, file: &File<'_>, ground: Ground, line: Line<'_>, hidden: Hidden) -> Option<Severity> {
    match (ground, hidden) {
        // Icon fonts put their signs where styles, drawings and themes name them.
        (Ground::Code, Hidden::Private) if is_style(file) => None,
        // Tests keep what programs print in files that are named as its input was.
        (Ground::Code, Hidden::Colour) if is_of_tests(file) => Some(Review),
        // Built code spells its tables out. Nobody reads such a line anyway, so it is the policy's to say whether it may come.
        (Ground::Code, Hidden::Private | Hidden::Blank | Hidden::Colour | Hidden::Control)
            if line.text.len() as u64 > judge.policy.max_line_bytes =>
        {
            Some(Deny)
        }
        (Ground::Code, _) => Some(Block),
        (_, Hidden::Message) | (Ground::Prose | Ground::Words, Hidden::Colour | Hidden::Control | Hidden::Return) => Some(Deny),
        (Ground::Prose | Ground::Words | Ground::Output, _) => Some(Warn),
    }
}

/// Whether something is hidden in the added lines.
pub(super) fn has_hidden(file: &File<'_>) -> bool {
    hidden(file).next().is_some()
}

fn is_style(file: &File<'_>) -> bool {
    ["css", "scss", "less", "sass", "svg", "styl"].contains(&crate::gate::language::ending(file.folded))
}

/// Whether the file stands among tests.
fn is_of_tests(file: &File<'_>) -> bool {
    file.folded.rsplit('/').skip(1).any(|folder| ["test", "tests", "testdata", "fixtures", "__tests__"].contains(&folder))
}

/// The added lines with what each hides.
fn hidden<'a>(file: &File<'a>) -> impl Iterator<Item = (Line<'a>, Hidden)> + use<'a> {
    let lines = file.added.iter().flat_map(|line| in_line(line.text, line.number == 1).into_iter().map(|hidden| (*line, hidden)));
    lines.chain(lone_return(file).map(|line| (line, Hidden::Return)))
}

/// A carriage return within a line of a file whose lines end otherwise: a terminal shows only what follows it. Some old
/// tools doubled it before a line feed, which hides nothing.
fn lone_return<'a>(file: &File<'a>) -> Option<Line<'a>> {
    let lone = |text: &str| {
        let bytes = text.as_bytes();
        let alone = |at: &usize| bytes.get(*at) == Some(&b'\r') && !matches!(bytes.get(at + 1), None | Some(b'\n' | b'\r'));
        memchr(bytes).filter(alone).count()
    };
    let text = file.text.filter(|text| text.contains('\r') && text.contains('\n'))?;
    let more = lone(text) > file.old_text.map_or(0, lone);
    if more { file.added.first().copied() } else { None }
}

/// Where carriage returns stand.
fn memchr(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.iter().enumerate().filter(|(_, b)| **b == b'\r').map(|(at, _)| at)
}

/// Whether a byte can be the beginning of something hidden: control characters, and all that is not ASCII.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\x0b' | b'\x0c')
}

/// What is hidden in a line of text.
fn in_line(line: &str, is_first: bool) -> BTreeSet<Hidden> {
    let mut found = BTreeSet::new();
    if line.bytes().all(is_plain) {
        return found;
    }
    let signs: Vec<char> = line.chars().collect();
    let at = |index: Option<usize>| index.and_then(|index| signs.get(index)).copied();
    let right_to_left = signs.iter().any(|sign| reads_right_to_left(*sign));
    let mut private = 0;
    for (index, sign) in signs.iter().copied().enumerate() {
        let (before, after) = (at(index.checked_sub(1)), at(index.checked_add(1)));
        private = if is_private(sign) { private + 1 } else { 0 };
        let hidden = match sign {
            '\u{1b}' if colours(&signs, index) => Some(Hidden::Colour),
            '\u{1}'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some(Hidden::Control),
            _ if is_private(sign) => Some(if private >= PRIVATE { Hidden::Message } else { Hidden::Private }),
            // Turns of direction have a rule of their own.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => None,
            _ if !is_invisible(sign) => None,
            '\u{feff}' if is_first && index == 0 => None,
            '\u{e0020}'..='\u{e007f}' if is_flag(&signs, index) => None,
            '\u{e0000}'..='\u{e0fff}' if selects_ideograph(sign, before) => None,
            '\u{e0000}'..='\u{e0fff}' => Some(Hidden::Message),
            '\u{fe00}'..='\u{fe0f}' if before.is_some_and(can_be_varied) => None,
            '\u{fe00}'..='\u{fe0f}' => Some(Hidden::Message),
            '\u{180b}'..='\u{180f}' if before.is_some_and(is_mongolian) => None,
            '\u{200c}' | '\u{200d}' if joins(before, after) => None,
            '\u{200e}' | '\u{200f}' | '\u{61c}' if right_to_left => None,
            '\u{200b}' | '\u{2060}' if before.is_some_and(has_no_spaces) || after.is_some_and(has_no_spaces) => None,
            '\u{1160}' | '\u{115f}' if before.is_some_and(is_jamo) || after.is_some_and(is_jamo) => None,
            // Marks of numbers and verses are seen.
            '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{110bd}' | '\u{110cd}' => None,
            _ => Some(Hidden::Blank),
        };
        found.extend(hidden);
    }
    found
}

/// Whether the escape at `index` only sets colours and weights: `ESC [ 1 ; 38 ; 5 ; 8 m` (ECMA-48, 8.3.117), but does not
/// conceal, which is 8 where it is no number of a colour.
fn colours(signs: &[char], index: usize) -> bool {
    const LONGEST: usize = 32;
    let rest = signs.get(index + 1..).unwrap_or_default();
    let Some(end) = rest.iter().take(LONGEST).position(|sign| *sign == 'm') else { return false };
    let words: String = rest.iter().take(end).collect();
    let Some(words) = words.strip_prefix('[').filter(|words| words.bytes().all(|b| b.is_ascii_digit() || b == b';')) else { return false };
    let mut numbers = words.split(';');
    while let Some(number) = numbers.next() {
        match number.trim_start_matches('0') {
            "8" => return false,
            "38" | "48" | "58" => match numbers.next() {
                Some("5") => drop(numbers.next()),
                Some("2") => drop(numbers.nth(2)),
                _ => return false,
            },
            _ => {}
        }
    }
    true
}

fn is_private(sign: char) -> bool {
    matches!(sign, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

/// The flags of England, Scotland and Wales are a black flag and tags up to the tag that ends them (UTS 51, annex C).
fn is_flag(signs: &[char], index: usize) -> bool {
    const LONGEST: usize = 8;
    let start = signs.get(..index).unwrap_or_default().iter().rev().take(LONGEST).position(|sign| *sign == '\u{1f3f4}');
    let ends = signs.get(index..).unwrap_or_default().iter().take(LONGEST).any(|sign| *sign == '\u{e007f}');
    let tags_between = |back: usize| {
        let between = signs.get(index.saturating_sub(back)..index).unwrap_or_default();
        between.iter().all(|sign| matches!(sign, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}'))
    };
    ends && start.is_some_and(tags_between)
}

/// Variants of Chinese characters are picked by one selector each (Unicode Technical Standard 37).
fn selects_ideograph(sign: char, before: Option<char>) -> bool {
    ('\u{e0100}'..='\u{e01ef}').contains(&sign) && before.is_some_and(is_ideograph)
}

fn is_ideograph(sign: char) -> bool {
    matches!(sign, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Signs that standardised variants exist of: keycaps, symbols, emoji, mathematics, Chinese characters.
fn can_be_varied(sign: char) -> bool {
    let symbol = matches!(sign, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' | '\u{3297}' | '\u{3299}');
    matches!(sign, '0'..='9' | '#' | '*') || symbol || is_emoji(sign) || is_ideograph(sign) || is_mongolian(sign)
}

fn is_emoji(sign: char) -> bool {
    matches!(sign, '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{2bff}')
}

fn is_mongolian(sign: char) -> bool {
    matches!(sign, '\u{1800}'..='\u{18af}' | '\u{11660}'..='\u{1167f}')
}

fn is_jamo(sign: char) -> bool {
    matches!(sign, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}')
}

/// Joiners between emoji, and beside letters that change their form: Arabic, Syriac, N'Ko and Indic scripts.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let emoji = |sign: Option<char>| sign.is_some_and(|sign| is_emoji(sign) || sign == '\u{fe0f}');
    let shaped = |sign: Option<char>| {
        sign.is_some_and(|sign| {
            matches!(sign,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{e7f}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1a20}'..='\u{1cff}'
        | '\u{a840}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}')
        })
    };
    emoji(before) && emoji(after) || shaped(before)
}

/// Scripts that write words without spaces, where a break has to be said.
fn has_no_spaces(sign: char) -> bool {
    matches!(sign, '\u{e00}'..='\u{eff}' | '\u{f00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1980}'..='\u{1aaf}')
}

fn reads_right_to_left(sign: char) -> bool {
    matches!(sign, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        && !is_invisible(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_told_apart() {
        for (line, expected) in [
            ("let x\u{200b} = 1;", Hidden::Blank),
            ("pass\u{ad}word", Hidden::Blank),
            ("const \u{3164} = 1;", Hidden::Blank),
            ("const \u{ffa0} = 1;", Hidden::Blank),
            ("a\u{200d}b", Hidden::Blank),
            ("a\u{200c}b", Hidden::Blank),
            ("a\u{200e}b", Hidden::Blank),
            ("a\u{2028}b", Hidden::Blank),
            ("x \u{feff}y", Hidden::Blank),
            ("\u{2800}", Hidden::Blank),
            ("a\u{e0041}\u{e0042}", Hidden::Message),
            ("\u{1f3f4}\u{e0041}\u{e0042}", Hidden::Message),
            ("``\u{fe00}\u{fe01}\u{fe0f}", Hidden::Message),
            ("\u{1f600}\u{fe0f}\u{fe0e}", Hidden::Message),
            ("字\u{e0100}\u{e0101}", Hidden::Message),
            ("a\u{e0101}", Hidden::Message),
            ("'\u{e000}'", Hidden::Private),
            ("'\u{e000}\u{e001}\u{e002}\u{f0000}'", Hidden::Message),
            ("\u{1b}[1;38;5;8mlet\u{1b}[38;2;8;8;8m x\u{1b}[0m", Hidden::Colour),
            ("\u{1b}[mx\u{1b}[48;5;231mx", Hidden::Colour),
            ("\u{1b}[8mevil", Hidden::Control),
            ("\u{1b}[1;08mevil", Hidden::Control),
            ("\u{1b}[38;5;1;8mevil", Hidden::Control),
            ("\u{1b}[38;8mevil", Hidden::Control),
            ("\u{1b}[0m\u{1b}[1Aevil", Hidden::Control),
            ("a\u{1b}[2Kb", Hidden::Control),
            ("a\u{8}b", Hidden::Control),
            ("a\u{9b}2Jb", Hidden::Control),
        ] {
            assert_eq!(in_line(line, false).pop_last(), Some(expected), "{line:?}");
        }
    }

    #[test]
    fn what_scripts_and_emoji_need_hides_nothing() {
        for line in [
            "family 👨\u{200d}👩\u{200d}👧 ❤\u{fe0f} 1\u{fe0f}\u{20e3} ❤\u{fe0f}\u{200d}🔥",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "葛\u{e0100}",
            "ภาษา\u{200b}ไทย",
            "שלום\u{200f}!",
            "\u{6dd}",
            "naïve café 日本語 한국어",
            "a\tb\u{c}",
        ] {
            assert!(in_line(line, false).is_empty(), "{line:?}");
        }
        assert!(in_line("\u{feff}fn main() {}", true).is_empty());
    }
}
