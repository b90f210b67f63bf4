//! What leaves as text: each attack becomes what `tests/text/attacks.md` says, each ordinary text of `tests/text/harmless.md` looks as it
//! did, and whatever is made of their pieces does nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use comrak::markdown_to_html;
use tidewaiter::{
    gitlab::markdown::{Hosts, clean, options, quote},
    glyph::is_invisible,
};

const LIMIT: usize = 16 << 10;

fn hosts() -> Hosts {
    Hosts { gitlab: "https://gitlab.example".to_owned(), named: vec!["docs.example".parse().unwrap()] }
}

/// A corpus' cases: what begins with `=== `, its text, and what stands behind `=== becomes`.
fn cases(corpus: &str) -> Vec<(String, String, String)> {
    let parts = corpus.strip_prefix("=== ").unwrap().split("\n=== ").map(|part| part.split_once('\n').unwrap_or((part, "")));
    let mut cases: Vec<(String, String, String)> = Vec::new();
    for (name, text) in parts {
        match name {
            "becomes" => text.trim_end_matches('\n').clone_into(&mut cases.last_mut().unwrap().2),
            _ => cases.push((name.to_owned(), spelled(text), String::new())),
        }
    }
    cases
}

/// Characters that no editor keeps stand as `\u{…}`.
fn spelled(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap();
        out.push(char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

fn attacks() -> Vec<(String, String, String)> {
    cases(include_str!("text/attacks.md"))
}

fn harmless() -> Vec<(String, String, String)> {
    cases(include_str!("text/harmless.md"))
}

/// GitLab's options for its parser, with a span around each escaped character, where it looks for no reference.
fn html(text: &str, spans: bool) -> String {
    let mut options = options();
    options.parse.escaped_char_spans = spans;
    options.render.escaped_char_spans = spans;
    options.render.r#unsafe = true;
    markdown_to_html(text, &options)
}

/// The texts between tags of what GitLab shows, without code and links, in which it looks for nothing. An escaped character
/// divides two texts if it is one of GitLab's reference characters.
fn texts(html: &str) -> Vec<String> {
    const SPAN: &str = "<span data-escaped-char>";
    let mut html = html.to_owned();
    for sign in
        ["\\", "`", "*", "_", "[", "]", "(", ")", "&lt;", "&gt;", "|", "-", "+", "=", ".", "/", "{", "}", "&quot;", "'", ",", ";", "?"]
    {
        html = html.replace(&format!("{SPAN}{sign}</span>"), sign);
    }
    let (mut texts, mut ignored) = (vec![String::new()], 0_u32);
    let mut rest = html.as_str();
    while let Some((text, after)) = rest.split_once('<') {
        if ignored == 0 {
            texts.push(text.to_owned());
        }
        let (tag, after) = after.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        if ["code", "pre", "a"].contains(&name) {
            ignored = if tag.starts_with('/') { ignored - 1 } else { ignored + 1 };
        }
        if SPAN[1..SPAN.len() - 1] == *tag {
            rest = after.split_once("</span>").unwrap().1;
            continue;
        }
        rest = after;
    }
    let plain = |text: String| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    texts.into_iter().map(plain).collect()
}

/// What GitLab would take for a reference in a text.
fn refers(text: &str) -> Option<String> {
    let signs: Vec<char> = text.chars().collect();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    for (at, sign) in signs.iter().enumerate() {
        let before = at.checked_sub(1).map_or(' ', |at| signs[at]);
        let after = signs.get(at + 1).copied().unwrap_or(' ');
        let found = match sign {
            '@' => !(before.is_ascii_alphanumeric() || before == '_') && word(after),
            '#' | '!' | '&' | '$' => after.is_ascii_digit(),
            '%' | '~' => word(after) || after == '"',
            '^' => after == 'a',
            ':' => word(after) && signs[at + 1..].iter().find(|&&c| !(word(c) || "+-".contains(c))) == Some(&':'),
            _ => false,
        };
        if found {
            return Some(signs[at.saturating_sub(5)..(at + 8).min(signs.len())].iter().collect());
        }
    }
    if text.lines().any(|line| line.split_once("{+").is_some_and(|(_, after)| after.contains("+}"))) {
        return Some("{+ +}".to_owned());
    }
    ["://", "[[_TOC_]]", "data:text", "javascript:"].iter().find(|part| text.contains(**part)).map(|part| (*part).to_owned())
}

/// A quick action: a slash and a name that ends there, behind nothing but marks.
fn acts(line: &str) -> bool {
    let body = line.trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_digit() || ">*+-.)".contains(c));
    let Some(rest) = body.strip_prefix('/') else { return false };
    let name = rest.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'_').count();
    name > 0 && rest[name..].chars().next().is_none_or(char::is_whitespace)
}

/// GitLab's default closing pattern, which it looks for in the raw text: a word, perhaps a colon, and an issue's number, address or
/// key.
fn closes(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty() && !["issue", "issues"].contains(word)).collect();
    words.windows(2).any(|pair| {
        let word = pair[0].trim_end_matches(':').to_ascii_lowercase();
        let word = word.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap();
        let ending = ["clos", "fix", "resolv", "implement"].iter().find_map(|stem| word.strip_prefix(stem));
        let number = pair[1].split_once('#').is_some_and(|(project, number)| {
            let named = project.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b));
            named && number.starts_with(|c: char| c.is_ascii_digit())
        });
        let key = pair[1].split_once('-').is_some_and(|(name, number)| {
            let upper = name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            upper && name.starts_with(|c: char| c.is_ascii_uppercase()) && number.starts_with(|c: char| c.is_ascii_digit())
        });
        let what = number || key || pair[1].starts_with("http://") || pair[1].starts_with("https://");
        what && ending.is_some_and(|ending| ["", "e", "es", "ed", "s", "d", "ing"].contains(&ending))
    })
}

/// Every tag that GitLab is given, with the place it leads to.
fn tags(html: &str) -> Vec<(String, Option<String>)> {
    let tags = html.split('<').skip(1).map(|rest| rest.split_once('>').unwrap().0);
    tags.map(|tag| {
        let place = ["href=\"", "src=\""].iter().find_map(|name| Some(tag.split_once(name)?.1.split_once('"')?.0.to_owned()));
        (tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned(), place)
    })
    .collect()
}

const TAGS: [&str; 27] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "input",
    "blockquote",
    "pre",
    "code",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "em",
    "strong",
    "del",
    "br",
    "hr",
    "a",
    "img",
];

/// Everything that must hold of what is made of `words`.
fn does_nothing(words: &str) {
    let made = clean(words, LIMIT, &hosts());
    let about = || format!("{words:?} became {made:?}");
    assert!(!made.lines().any(acts), "a quick action: {}", about());
    assert!(!made.lines().any(closes), "an issue is closed: {}", about());
    assert!(!made.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c)), "something hidden: {}", about());
    assert!(!made.to_lowercase().replace(['-', '_'], " ").contains("[skip ci]"), "a mark: {}", about());
    assert_eq!(clean(&made, usize::MAX / 8, &hosts()), made, "not at rest: {}", about());
    for shown in [made.clone(), quote(words, LIMIT, &hosts())] {
        let html_of_it = html(&shown, false);
        for (tag, place) in tags(&html_of_it) {
            assert!(TAGS.contains(&tag.as_str()), "a tag {tag}: {}", about());
            let place = place.unwrap_or_default();
            let known = ["https://docs.example", "http://docs.example", "https://gitlab.example/g/p/-/blob/", "mailto:"];
            let known = known.iter().any(|begin| place.starts_with(begin));
            assert!(known || !(place.contains([':', '?']) || place.starts_with('/')), "{place}: {}", about());
        }
        for text in texts(&html(&shown, true)) {
            assert_eq!(refers(&text), None, "{text:?}: {}", about());
        }
    }
}

#[test]
fn every_attack_becomes_what_is_written() {
    let cases = attacks();
    assert!(cases.len() >= 80, "{}", cases.len());
    for (name, attack, expected) in cases {
        assert_eq!(clean(&attack, LIMIT, &hosts()), expected, "{name}");
        does_nothing(&attack);
    }
}

#[test]
fn ordinary_text_looks_as_it_did() {
    let cases = harmless();
    assert!(cases.len() >= 30, "{}", cases.len());
    for (name, text, _) in cases {
        let made = clean(&text, LIMIT, &hosts());
        assert_eq!(html(&made, false), html(&text, false), "{name}: {made}");
        does_nothing(&text);
    }
}

#[test]
fn the_search_for_references_finds_them() {
    for text in ["@all", "#1", "!2", "&3", "%x", "~\"x\"", "$4", "^alert5"] {
        let refers = |text: &str| texts(&html(text, true)).iter().find_map(|text| refers(text));
        assert!(refers(&format!("x {text}")).is_some(), "{text}");
        assert_eq!(refers(&format!("x \\{text}")), None);
    }
    assert!(
        closes("It fixes: #1") && closes("Closes issue a/b#2") && closes("resolved ABC-3") && !closes("Closes \\#1") && !closes("fix a")
    );
    assert!(acts("/merge") && acts("> - 1. /merge now") && !acts("/usr/bin") && !acts("x /merge"));
}

#[test]
fn a_quote_holds_everything() {
    for (name, attack, _) in attacks().into_iter().chain(harmless()) {
        let quoted = quote(&attack, LIMIT, &hosts());
        assert!(quoted.lines().all(|line| line.starts_with('>')), "{name}: {quoted}");
        let page = html(&format!("# ours\n\n{quoted}\n\nours\n"), false);
        let inside = page.strip_prefix("<h1>ours</h1>\n").unwrap().strip_suffix("<p>ours</p>\n").unwrap();
        assert!(quoted.is_empty() || inside.starts_with("<blockquote>") && inside.ends_with("</blockquote>\n"), "{name}: {inside}");
    }
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let made = clean(&"word ".repeat(100_000), LIMIT, &hosts());
    assert!(made.len() < LIMIT + 100 && made.ends_with("cut here.*"));
    // Few bytes of a table may mean many cells.
    let table = format!("{}\n{}\n{}", "|a".repeat(500), "|-".repeat(500), "|\n".repeat(4000));
    assert!(clean(&table, LIMIT, &hosts()).len() < LIMIT * 7);
}

/// Texts put together at random from the pieces of the corpus, the same on every run.
#[test]
fn whatever_is_put_together_does_nothing() {
    let corpus: Vec<String> = attacks().into_iter().chain(harmless()).map(|(_, text, _)| text).collect();
    let mut pieces: Vec<&str> = corpus.iter().flat_map(|text| text.split_inclusive([' ', '\n'])).collect();
    pieces.extend([
        "*", "**", "_", "`", "``", "```\n", "~~", "[", "](", ")", "!", "<", ">", "\n", "\n\n", "    ", "\t", "- ", "1. ", "> ", "|",
        "|-|\n",
    ]);
    pieces.extend([
        "\\", "&", "#", "@", "/", ":", "$", "%", "~", "^", "\r", "&#10;", "&#9;", "&nbsp;", "&#47;", "é", "中", "a", "1", "<!--", "-->",
        "<br>", "{+", "+}",
    ]);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let rounds = std::env::var("TIDEWAITER_TEXTS").ok().and_then(|count| count.parse().ok()).unwrap_or(2000);
    for _ in 0..rounds {
        let count = 1 + random(14);
        let text: String = (0..count).map(|_| pieces[random(pieces.len())]).collect();
        does_nothing(&text);
    }
}
