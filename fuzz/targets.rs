//! What each fuzz target does with its bytes, and what must hold whatever they are. Used by the targets, and by a test that
//! runs the seeds.

#![allow(unreachable_pub, reason = "a library for the targets, a module for the test")]

pub mod gate;
mod reference;

use tidewaiter::{
    agent,
    gate::{Known, fuzz},
    gateway, git,
    gitlab::{
        markdown::{Hosts, clean},
        reads::{Call, Errand, Fetch, Scope, judge},
        text,
    },
    glyph::is_invisible,
    policy::{AgentKind, Policy, Provider, Source},
    provider::{self, Rules, Target as To, anthropic, json, usage as answers},
    scribe,
};

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by the names of their files and of the directories of their seeds.
pub const TARGETS: [(&str, Target); 20] = [
    ("head", head),
    ("hello", hello),
    ("gitlab", reads),
    ("body", body),
    ("usage", usage),
    ("policy", policy),
    ("stream", stream),
    ("log", log),
    ("repository", repository),
    ("text", markdown),
    ("description", description),
    ("secrets", secrets),
    ("ci", gate::ci),
    ("differences", gate::differences),
    ("glob", gate::glob),
    ("kind", gate::kind),
    ("leaks", gate::leaks),
    ("lock", gate::lock),
    ("path", gate::path),
    ("pipeline", gate::pipeline),
];

/// The head of a request to the gateway: one method, one target, one length.
pub fn head(bytes: &[u8]) {
    let Some((method, target, lengths)) = gateway::fuzz::head(bytes) else { return };
    assert!(!method.is_empty() && method.bytes().all(|b| b.is_ascii_graphic()));
    assert!(!target.is_empty() && target.bytes().all(|b| b.is_ascii_graphic()));
    assert!(lengths.len() <= 1);
}

/// The first record of a tunnel: the name is in it, whatever its case.
pub fn hello(bytes: &[u8]) {
    let Some(name) = gateway::fuzz::hello(bytes) else { return };
    assert!(bytes.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name.as_bytes())));
}

/// A method and a target for GitLab: what goes on is below one project, has one spelling, and is judged alike again.
pub fn reads(bytes: &[u8]) {
    let Some((method, target)) = str::from_utf8(bytes).ok().and_then(|text| text.split_once(' ')) else { return };
    for confidential in [false, true] {
        let scope = Scope { id: Some(42), paths: vec!["harbour/ferry".to_owned()], confidential };
        let Ok(errand) = judge(method, target, &scope) else { continue };
        let (Errand::Call(Call { target: sent, .. }) | Errand::Fetch(Fetch { target: sent, .. })) = &errand;
        let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
        let below = ["/api/v4/projects/42", "/api/v4/projects/harbour%2Fferry", "/harbour/ferry.git"];
        let rest = below.iter().find_map(|project| path.strip_prefix(project)).expect(sent);
        assert!(rest.is_empty() || rest.starts_with('/'), "{sent}");
        let parts = path.replace("%2F", "/").replace("%2E", ".");
        assert!(!parts.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")), "{sent}");
        assert!(sent.bytes().all(|b| b.is_ascii_alphanumeric() || b"/%-_~?&=.".contains(&b)), "{sent}");
        let foreign = ["private", "job", "access"].map(|kind| format!("{kind}_token="));
        assert!(!query.split('&').any(|pair| foreign.iter().any(|name| pair.starts_with(name))), "{sent}");
        if confidential {
            assert_eq!(judge(method, sent, &scope).ok(), Some(errand));
        }
    }
}

/// The body of a request to the provider: what goes on is what was checked, and is checked alike again.
pub fn body(bytes: &[u8]) {
    let models = ["claude-*".to_owned()];
    if let Ok(sent) = anthropic::body(bytes, &models, true) {
        assert_eq!(anthropic::body(&sent, &models, true).ok(), Some(sent));
    }
    let rules = Rules { models: models.to_vec(), regions: vec![], internet: false, project: None };
    for path in ["/v1/responses", "/v1/chat/completions"] {
        let target = To { method: Default::default(), path: path.to_owned(), region: String::new() };
        let judge = |bytes: &[u8]| provider::body(Provider::OpenAi, bytes, &target, &rules).ok();
        if let Some(sent) = judge(bytes) {
            assert_eq!(judge(&sent), Some(sent));
        }
    }
    let Ok(sent) = anthropic::body(bytes, &models, false) else { return };
    assert_eq!(json::parse(bytes).ok(), json::parse(&sent).ok());
    assert_eq!(anthropic::body(&sent, &models, false).ok(), Some(sent));
}

/// A provider's answer: in whatever pieces it comes the same is read, and never less than what a whole answer must have told.
pub fn usage(bytes: &[u8]) {
    let asked = answers::Asked::new("/v1/messages", bytes);
    for kind in ["text/event-stream", "application/json", "application/vnd.amazon.eventstream"] {
        let read = |size| {
            let mut reader = answers::Reader::new(kind, None);
            bytes.chunks(size).for_each(|part| reader.feed(part));
            reader.end(&asked.most())
        };
        let (usage, whole) = read(bytes.len().max(1));
        assert_eq!((usage, whole), read(1));
        assert!(whole || usage.output >= asked.most().output || usage.input == asked.most().input);
        let _ = (usage.tokens(), asked.cost(&usage));
    }
}

/// A policy, on top and below the default: never a crash, and what is taken is taken again.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let source = |text: &str| Source { name: "fuzz".to_owned(), text: text.to_owned() };
    if let Ok(policy) = Policy::compose(vec![source(text)]) {
        assert_eq!(Policy::compose(policy.sources().to_vec()).ok().map(|again| again.digest()), Some(policy.digest()));
    }
    // Its error is for people: it must be possible to say it.
    if let Err(error) = Policy::compose(vec![source(include_str!("../policies/default.toml")), source(text)]) {
        assert!(!error.to_string().is_empty());
    }
}

/// An agent's event stream, line by line.
pub fn stream(bytes: &[u8]) {
    for mut reader in [AgentKind::Claude, AgentKind::Codex].into_iter().filter_map(|kind| agent::adapter(kind).reader()) {
        for line in bytes.split(|b| *b == b'\n') {
            agent::stream::line(reader.as_mut(), line);
        }
        assert!(reader.progress().final_text.len() <= 64 << 10);
    }
}

/// A line of the log: nothing in it that a terminal or the runner would obey.
pub fn log(bytes: &[u8]) {
    let line = scribe::fuzz::clean(bytes);
    assert!(!line.chars().any(|c| c.is_control() && c != '\t'));
    assert!(!line.contains("section_start") && !line.contains("section_end"));
    for size in [1, 7, 80] {
        let parts = scribe::fuzz::parts(&line, size);
        assert!(parts.concat() == line && parts.iter().all(|part| part.len() <= size.max(4)));
    }
}

/// What git says of a hostile repository, and the names in it.
pub fn repository(bytes: &[u8]) {
    git::fuzz::attributes(bytes);
    git::fuzz::tree(bytes).iter().flatten().for_each(|(path, _)| gate::path(path));
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(oid) = text.parse::<git::Oid>()
    {
        assert_eq!(oid.to_string(), text);
    }
    assert!(!git::shown(bytes).chars().any(char::is_control));
}

/// Text of others for GitLab: one line where one is promised, one fence, no quick action, nobody mentioned.
pub fn markdown(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let lines = [text::line(text, 100), text::code(text, 100), text::prose(text, 100), text::title(text)];
    for line in &lines {
        assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)), "{line:?}");
    }
    let block = text::block(text, 1000);
    assert!(block.matches("```").count() == 2 && block.starts_with("```text\n") && block.ends_with("\n```"), "{block:?}");
    for line in lines[1..3].iter().map(String::as_str).chain(block.lines()) {
        assert!(!line.trim_start().starts_with('/'), "{line:?}");
        assert!(!line.split('@').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric())) || mail(line), "{line:?}");
    }
}

/// An agent's Markdown: what is made of it stays as it is when it is made anew, hides nothing, and has no line that acts. What
/// it becomes on the page is looked at in tests/text.rs.
pub fn description(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let hosts = Hosts { gitlab: "https://gitlab.example".to_owned(), named: vec![] };
    let made = clean(text, 16 << 10, &hosts);
    assert_eq!(clean(&made, usize::MAX / 8, &hosts), made);
    assert!(!made.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || is_invisible(c)), "{made:?}");
    assert!(!made.to_ascii_lowercase().contains("[skip ci]"), "{made:?}");
    for line in made.lines() {
        let body = line.trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_digit() || ">*+-.)".contains(c));
        let name = body.strip_prefix('/').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '_'));
        let acts = name.is_some_and(|rest| body.len() - rest.len() > 1 && rest.chars().next().is_none_or(char::is_whitespace));
        assert!(!acts, "{line:?}");
    }
}

/// Whether every `@` with a name behind it stands behind a letter or digit, escaped or not: an address, which mentions nobody.
fn mail(line: &str) -> bool {
    let parts: Vec<&str> = line.split('@').collect();
    parts.windows(2).all(|pair| {
        !pair[1].starts_with(|c: char| c.is_ascii_alphanumeric())
            || pair[0].trim_end_matches('\\').ends_with(|c: char| c.is_ascii_alphanumeric())
    })
}

/// A blob that may hold secrets: decoding is bounded, and a token and an encoded value of the job's are found behind it.
pub fn secrets(bytes: &[u8]) {
    let (found, shown) = fuzz::secrets(bytes);
    assert!(found.iter().all(|(at, _)| at.start < at.end && at.end <= bytes.len()), "{found:?}");
    assert!(shown <= 8 * bytes.len() + (16 << 20), "{shown} of {}", bytes.len());
    let planted = [bytes, b"\n", b"glpat-b0at5and-ferri3s9QxZ", b"\n"].concat();
    let at = bytes.len() + 1;
    assert!(fuzz::secrets(&planted).0.iter().any(|(found, _)| found.start < at + 26 && at < found.end));
    let known = Known::new(vec![("KEY".to_owned(), tidewaiter::secret::Secret::new("made-up-value-000"))]).expect("one needle");
    // "made-up-value-000" in base64 in base64.
    let planted = [bytes, b"\n: ", b"YldGa1pTMTFjQzEyWVd4MVpTMHdNREE9", b"\n"].concat();
    assert_eq!(fuzz::known(&known, &planted), ["KEY"]);
}
