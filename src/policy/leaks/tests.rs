use super::*;

fn leaks(text: &str) -> Result<Leaks, String> {
    parse(&Source { name: "rules.toml".to_owned(), text: text.to_owned() }).map_err(|error| error.to_string())
}

#[test]
fn a_rule_is_read_with_all_that_changes_its_meaning() {
    let text = r#"
        title = "ours"
        [allowlist]
        paths = ['''\.lock$''']
        [[rules]]
        id = "harbour"
        regex = '''harbour-([a-z]{8})'''
        secretGroup = 1
        entropy = 2.5
        keywords = ["Harbour"]
        [[rules.allowlists]]
        condition = "AND"
        regexTarget = "line"
        regexes = ['''# sample''']
        paths = ['''^docs/''']
    "#;
    let read = leaks(text).unwrap();
    let rule = &read.rules[0];
    assert_eq!((rule.id.as_str(), rule.group, rule.keywords.as_slice()), ("harbour", 1, &["harbour".to_owned()][..]));
    assert!(rule.allowed[0].all && rule.allowed[0].target == Target::Line);
    assert_eq!(read.allowed.len(), 1);
}

#[test]
fn what_is_not_understood_is_refused_with_the_rule_that_has_it() {
    for (text, said) in [
        ("[extend]\nuseDefault = true", "`extend.useDefault`"),
        ("[[rules]]\nid = \"a\"\nregex = 'x'\nreport = true", "rule `a` is not understood: unknown field `report`"),
        ("[[rules]]\nid = \"b\"\nregex = '(x)\\1'", "rule `b` has a `regex` that cannot be searched for in linear time"),
        ("[[rules]]\nid = \"c\"", "rule `c` has no id, or neither"),
        ("[[rules]]\nid = \"d\"\nregex = 'x'\nsecretGroup = 1", "rule `d` has a `secretGroup`"),
        ("[[rules]]\nid = \"e\"\nregex = 'x'\n[[rules]]\nid = \"e\"\nregex = 'y'", "rule `e` is there twice"),
        ("[[rules]]\nregex = 'x'", "rule `number 1`"),
        ("[[rules]]\nid = \"f\"\nregex = 'x'\n[[rules.allowlists]]\ncondition = \"XOR\"\nregexes = ['x']", "neither AND nor OR"),
        ("[[rules]]\nid = \"g\"\nregex = 'x'\n[[rules.required]]\nid = \"a\"", "unknown field `required`"),
        ("[[allowlists]]\ntargetRules = [\"h\"]\nregexes = ['x']", "for the rule `h`"),
    ] {
        let error = leaks(text).unwrap_err();
        assert!(error.contains(said) && error.contains("rules.toml"), "{text}: {error}");
    }
}

#[test]
fn an_error_shows_nothing_of_the_file() {
    let error = leaks("made-up-text that is no TOML").unwrap_err();
    assert!(!error.contains("made-up"), "{error}");
}
