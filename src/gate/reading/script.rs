//! Letters of other alphabets that look like Latin ones, within a word of Latin letters.

use crate::gate::{
    content::File,
    finding::{Judge, Place, Way},
    language::Ground,
};

/// Letters that the common fonts draw like a Latin one (Unicode's confusables.txt says the same of them). Greek letters that
/// formulas use beside Latin ones are left out, but for those that nobody tells apart.
fn looks_latin(sign: char) -> bool {
    matches!(sign,
        'а' | 'с' | 'ԁ' | 'е' | 'һ' | 'і' | 'ј' | 'ӏ' | 'о' | 'р' | 'ԛ' | 'ѕ' | 'ѵ' | 'ԝ' | 'х' | 'у' | 'ү' | 'ѡ' | 'к' | 'м' | 'т' | 'в' | 'н' | 'п'
        | 'А' | 'В' | 'С' | 'Е' | 'Н' | 'І' | 'Ј' | 'К' | 'М' | 'О' | 'Р' | 'Ѕ' | 'Т' | 'Ү' | 'Х' | 'У' | 'Ԍ' | 'Ԝ' | 'Ӏ'
        | 'ο' | 'ν' | 'ϲ' | 'ϳ' | 'ι' | 'Α' | 'Β' | 'Ε' | 'Ζ' | 'Η' | 'Ι' | 'Κ' | 'Μ' | 'Ν' | 'Ο' | 'Ρ' | 'Τ' | 'Υ' | 'Χ' | 'Ϲ' | 'Ϳ'
        | 'օ' | 'ո' | 'ս' | 'հ' | 'զ' | 'ց' | 'ք' | 'Ս' | 'Լ' | 'Օ'
        | 'ɑ' | 'ɡ' | 'ɩ' | 'ſ' | 'ᴀ'..='ᴢ' | 'ǃ' | 'ǀ' | 'ː' | 'ꞌ' | 'ꓸ'..='ꓽ' | 'Ꭰ'..='Ᏽ' | 'ꓐ'..='ꓷ' | 'ⅼ' | 'ⅰ' | 'ⅽ' | 'ⅾ' | 'ⅿ' | 'ⅴ' | 'ⅹ'
        | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '\u{1d400}'..='\u{1d6a5}')
}

/// Letters that nobody tells from Latin ones, in any font.
fn is_latin_twin(sign: char) -> bool {
    matches!(sign, 'а' | 'с' | 'ԁ' | 'е' | 'һ' | 'і' | 'ј' | 'ӏ' | 'о' | 'р' | 'ԛ' | 'ѕ' | 'ԝ' | 'х' | 'у' | 'ο' | 'ν' | 'ɑ' | 'ɡ')
}

/// Signs that look like those that divide paths and names, and blanks that look like a space or like nothing.
fn divides_like(sign: char) -> bool {
    matches!(
        sign,
        '\u{a0}' | '\u{2000}'
            ..='\u{200a}'
                | '\u{2010}'
                | '\u{2011}'
                | '\u{2024}'
                | '\u{202f}'
                | '\u{2044}'
                | '\u{205f}'
                | '\u{2212}'
                | '\u{2215}'
                | '\u{29f8}'
                | '\u{a789}'
                | '\u{ff0e}'
                | '\u{ff0f}'
    )
}

/// Whether a word has Latin letters, and no others but those that look like them.
fn is_mixed(word: &str) -> bool {
    let mut foreign = word.chars().filter(|sign| !sign.is_ascii()).peekable();
    foreign.peek().is_some() && foreign.all(looks_latin) && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// The first word that has Latin letters' twins alone, in a text that has no other letters of an alphabet beside Latin ones.
fn twin_word(text: &str) -> Option<&str> {
    const SHORTEST: usize = 3;
    let other = |sign: char| sign.is_alphabetic() && !sign.is_ascii() && !is_latin_twin(sign);
    if text.chars().any(other) || !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    text.split(|sign: char| !sign.is_alphabetic()).find(|word| word.chars().count() >= SHORTEST && word.chars().all(is_latin_twin))
}

/// The first mixed word of a text.
pub(super) fn mixed_word(text: &str) -> Option<&str> {
    if text.is_ascii() {
        return None;
    }
    // The letter of an escape such as `\n` belongs to no word.
    let pieces = text.split(|sign: char| !sign.is_alphabetic() && sign != '\\');
    let mut words = pieces.flat_map(|piece| {
        let mut parts = piece.split('\\');
        parts.next().into_iter().chain(parts.map(|part| part.strip_prefix(|sign: char| sign.is_ascii_alphabetic()).unwrap_or(part)))
    });
    words.find(|word| is_mixed(word)).or_else(|| twin_word(text))
}

/// New paths with such words.
pub(in crate::gate) fn judge_names(judge: &mut Judge<'_>) {
    for fact in judge.facts().filter(|fact| fact.remains() && fact.old.is_none() && !fact.path.is_ascii()) {
        let text = String::from_utf8_lossy(&fact.path);
        if let Some(word) = mixed_word(&text) {
            let message = format!("the word {} in this path has letters of another alphabet that look like Latin ones", escaped(word));
            judge.find("name/script", &fact.path, message, Way::Rule);
        } else if let Some(sign) = text.chars().find(|sign| divides_like(*sign)) {
            let message = format!("the sign {} in this path looks like one that divides names", escaped(&sign.to_string()));
            judge.find("name/script", &fact.path, message, Way::Rule);
        }
    }
}

/// Such words in added code.
pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    if Ground::of(file.folded) != Ground::Code {
        return;
    }
    let Some((line, word)) = file.added.iter().find_map(|line| Some((*line, mixed_word(line.text)?))) else { return };
    let message = format!("the word {} has letters of another alphabet that look like Latin ones", escaped(word));
    judge.find("content/script", Place::shown(file, line), message, Way::Rule);
}

/// A word with its foreign letters as code points, so that the difference is seen.
fn escaped(word: &str) -> String {
    let letters = word.chars().take(40).map(|sign| if sign.is_ascii() { sign.to_string() } else { format!("<U+{:04X}>", u32::from(sign)) });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_two_alphabets_that_look_alike_are_mixed() {
        for word in ["аdmin", "pаypal", "ѕcope", "usеr", "Οbject", "𝐞xec", "ｅval", "is_аdmin", "environmentǃ", "paɡe", "x = сору"]
        {
            assert!(mixed_word(word).is_some(), "{word}");
        }
        for word in [
            "admin",
            "Привет",
            "CSS-класс",
            "Δt",
            "µs",
            "σ_x",
            "naïve",
            "USBшник",
            "а\\rв",
            "日本語abc",
            "αβγ",
            "x_а",
            "ελληνικά",
            "роса и лес x",
        ] {
            assert!(mixed_word(word).is_none(), "{word}");
        }
        assert_eq!(escaped("аb"), "<U+0430>b");
    }
}
