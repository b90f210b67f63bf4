//! Rules in gitleaks' format find what they are for, and keep their exceptions.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::{leaks::scan, tests::Dice};
use crate::policy::{Leaks, Policy, Source};

fn rules(text: &str) -> Vec<Leaks> {
    let layer = Source { name: "test".to_owned(), text: "version = 1\n[changes.secrets]\nfiles = [\"rules\"]\n".to_owned() };
    let file = Source { name: "rules".to_owned(), text: text.to_owned() };
    Policy::compose(vec![layer, file]).unwrap().changes.secrets
}

fn found(files: &[Leaks], path: &str, text: &str) -> Vec<String> {
    let (found, whole) = scan(files, Some(path.as_bytes()), text.as_bytes());
    assert!(whole);
    found.into_iter().map(|leak| format!("{}:{}", leak.id, &text[leak.secret])).collect()
}

#[test]
fn groups_entropy_keywords_and_paths_count() {
    let files = rules(
        r#"
        [[rules]]
        id = "group"
        regex = '''harbour-(?:(old)|([a-z0-9]{8}))'''
        entropy = 2.0
        keywords = ["HARBOUR"]
        [[rules]]
        id = "path"
        path = '''\.p12$'''
        [[rules]]
        id = "both"
        regex = '''pass=(\w+)'''
        path = '''^conf/'''
        [[rules]]
        id = "second"
        regex = '''(a)(b+)'''
        secretGroup = 2
        "#,
    );
    assert_eq!(found(&files, "x", "Harbour harbour-a1b2c3d4"), ["group:a1b2c3d4"]);
    assert_eq!(found(&files, "x", "harbour-aaaaaaaa"), Vec::<String>::new());
    assert_eq!(found(&files, "k/x.p12", "x"), ["path:"]);
    assert_eq!(found(&files, "conf/x", "pass=word"), ["both:word"]);
    assert_eq!(found(&files, "x/conf/", "pass=word"), Vec::<String>::new());
    assert_eq!(found(&files, "x", "abbb"), ["second:bbb"]);
}

#[test]
fn exceptions_hold_as_they_say() {
    let rule = |more: &str| rules(&format!("[[rules]]\nid = \"r\"\nregex = '''key=(\\w+)'''\n{more}"));
    for (more, path, text, silent) in [
        ("[[rules.allowlists]]\nregexes = ['''^test''']", "x", "key=test1", true),
        ("[[rules.allowlists]]\nregexes = ['''^key''']", "x", "key=test1", false),
        ("[[rules.allowlists]]\nregexTarget = \"match\"\nregexes = ['''^key''']", "x", "key=test1", true),
        ("[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''# sample''']", "x", "a\nkey=test1 # sample\nb", true),
        ("[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''# sample''']", "x", "# sample\nkey=test1", false),
        ("[[rules.allowlists]]\nstopwords = [\"Sample\"]", "x", "key=mySAMPLE", true),
        ("[[rules.allowlists]]\npaths = ['''^docs/''']", "docs/x", "key=one", true),
        ("[[rules.allowlists]]\npaths = ['''^docs/''']", "src/docs/x", "key=one", false),
        ("[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''^docs/''']\nstopwords = [\"one\"]", "docs/x", "key=one", true),
        ("[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''^docs/''']\nstopwords = [\"one\"]", "docs/x", "key=two", false),
        ("[[rules.allowlists]]\ncommits = [\"abc\"]", "x", "key=one", false),
        ("[[rules.allowlists]]\ncondition = \"AND\"\ncommits = [\"abc\"]\nstopwords = [\"one\"]", "x", "key=one", false),
        ("[rules.allowlist]\nstopwords = [\"one\"]", "x", "key=one", true),
        ("[allowlist]\nstopwords = [\"one\"]", "x", "key=one", true),
        ("[[allowlists]]\ntargetRules = [\"r\"]\nstopwords = [\"one\"]", "x", "key=one", true),
    ] {
        assert_eq!(found(&rule(more), path, text).is_empty(), silent, "{more}: {text}");
    }
}

/// A text that `hir` matches.
fn sample(hir: &Hir, dice: &mut Dice, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend(literal.0.iter()),
        HirKind::Class(class) => {
            let all: Vec<u8> = match class {
                Class::Bytes(class) => class.iter().flat_map(|range| range.start()..=range.end()).collect(),
                Class::Unicode(class) => {
                    class.iter().flat_map(|range| range.start()..=range.end()).filter_map(|c| u8::try_from(c).ok()).collect()
                }
            };
            let shown: Vec<u8> = all.iter().copied().filter(u8::is_ascii_graphic).collect();
            let set = if shown.is_empty() { all } else { shown };
            out.push(set[dice.below(set.len())]);
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + 8).min(repetition.min + 8);
            for _ in 0..repetition.min as usize + dice.below((most - repetition.min) as usize + 1) {
                sample(&repetition.sub, dice, out);
            }
        }
        HirKind::Capture(capture) => sample(&capture.sub, dice, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, dice, out)),
        HirKind::Alternation(parts) => sample(&parts[dice.below(parts.len())], dice, out),
    }
}

fn text_for(pattern: &str, dice: &mut Dice) -> Vec<u8> {
    let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern).unwrap();
    let mut out = Vec::new();
    sample(&hir, dice, &mut out);
    out
}

/// Every rule of gitleaks' own file loads, and finds a made-up token that its pattern describes.
#[test]
fn every_rule_of_gitleaks_finds_a_token_made_from_its_pattern() {
    let Some(path) = std::env::var_os("TIDEWAITER_GITLEAKS_TOML") else {
        println!("NOT RUN: TIDEWAITER_GITLEAKS_TOML names no copy of gitleaks' rules");
        return;
    };
    let files = rules(&std::fs::read_to_string(path).unwrap());
    let mut dice = Dice::new(7);
    let mut missed = Vec::new();
    for rule in &files[0].rules {
        // Entropy and exceptions make some of what a pattern describes no secret: then another one is made.
        let finds = (0..400).any(|_| {
            let path = rule.path.as_ref().map_or(b"src/main.txt".to_vec(), |path| text_for(path.text(), &mut dice));
            let keyword = rule.keywords.first().map_or("", String::as_str);
            let made = rule.regex.as_ref().map_or_else(Vec::new, |regex| text_for(regex.text(), &mut dice));
            let text = [keyword.as_bytes(), b"\n", &made].concat();
            scan(&files, Some(&path), &text).0.iter().any(|leak| leak.id == rule.id)
        });
        if !finds {
            missed.push(&rule.id);
        }
    }
    println!("{} rules", files[0].rules.len());
    assert!(files[0].rules.len() >= 200 && missed.is_empty(), "found nothing: {missed:?}");
}
