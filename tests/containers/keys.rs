//! The real Claude Code looks for the key everywhere, with a program of its own: it is nowhere, and yet the provider gets it.

use std::{collections::BTreeMap, fs, io::Read as _};

use serde_json::{Value, json};

use crate::{
    place::{given, text},
    scene::{Job, Scene},
    search,
    support::provider::{Provider, Turn},
};

/// A made-up secret that stands in no program, this one included.
fn made_up(kind: &str) -> String {
    let mut bytes = [0; 8];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    format!("{kind}-made-up-{:016x}", u64::from_ne_bytes(bytes))
}

/// Place, then what was counted there.
type Counts = BTreeMap<String, BTreeMap<String, usize>>;

#[test]
#[ignore = "run apart by a test of main.rs"]
fn inside() {
    let (scratch, runner) = given();
    let scene = Scene::new(&scratch);
    // The policy hands the agent one of them: what may be found is found. The word stands in a file of the project.
    let (key, granted, word) = (made_up("sk-ant"), made_up("granted"), made_up("word"));
    let (key, granted) = (key.as_str(), granted.as_str());
    scene.gitlab.commit("main", &[("docs/harbour.md", &word)]);
    // Without the entrypoint the job's shell holds the credentials: there the search must find them.
    let mut job = Job { entrypoint: false, ..scene.job() };
    scene.get_sources(&job);
    let searcher = scratch.join("bin/searcher");
    fs::copy(std::env::current_exe().unwrap(), &searcher).unwrap();
    // The runner writes variables of type file beside the checkout.
    let file = scratch.join("builds/ferry.tmp/KEY_FILE");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, key).unwrap();
    let secrets = [("ANTHROPIC_API_KEY", key), ("GRANTED_TOKEN", granted)];
    job.variables.extend(secrets.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let words = [("key", key), ("token", &scene.token), ("job", &job.token), ("granted", granted), ("word", &word)];
    let outside = format!("/etc:/dev/shm:{}/builds", scratch.display());
    let everywhere = format!("{outside}:{0}/.git:{0}:\"$HOME\":\"$TMPDIR\":/tmp:/var/tmp:/run:.", scene.checkout().display());
    let provider = Provider::start(vec![
        Turn::tool("Bash", json!({ "command": search::command(&searcher, &words, &everywhere), "description": "search" })),
        Turn::tool("Bash", json!({ "command": "printf 'def depart():\\n    return True\\n' > src/ferry.py", "description": "edit" })),
        Turn::text("Done."),
    ]);
    scene.policy(&policy(&scratch, &provider.base_url()));

    let control = search::command(&searcher, &words, &outside);
    let script = format!(
        "set -eu\nexec 9< {}\nsh -c 'while :; do sleep 0.1; done' sh \"$ANTHROPIC_API_KEY\" &\nuntil grep -qaz 'while :' /proc/$!/cmdline; do sleep 0.01; done\n{control}\nkill $!; wait $! || true\nexec 9<&-\n{}\n",
        file.display(),
        scene.tidewaiter(runner)
    );
    let output = scene.run(runner, &job, &script);
    let said = text(&output);
    let sent = provider.requests();
    let inside = counts(&sent.last().map(|request| lines(&request.json())).unwrap_or_default());
    println!("outside of the walls, {runner:?}:\n{}", table(&counts(&said)));
    println!("inside, {runner:?}:\n{}", table(&inside));
    assert_eq!(output.status.code(), Some(0), "{said}");

    outside_it_is_found(&counts(&said));
    inside_it_is_not(&inside);
    assert!(sent.len() >= 3 && sent.iter().all(|request| request.header("x-api-key") == Some(key)));
    assert!(!sent.iter().any(|request| String::from_utf8_lossy(&request.body).contains(key)));
    assert!(!said.contains(key), "the log shows the key");
    assert_eq!(scene.gitlab.merge_requests().len(), 1, "{said}");
}

fn policy(scratch: &std::path::Path, base_url: &str) -> String {
    let bin = scratch.join("bin");
    let read: Vec<_> = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc"].into_iter().chain(bin.to_str()).collect();
    format!(
        "[agent]\nkind = \"claude\"\nmodels = [\"claude-*\"]\n[files]\nread = {}\n[[network.route]]\nprovider = \"anthropic\"\n\
         base_url = \"{base_url}\"\n[process]\nenv = [\"GRANTED_TOKEN\"]\n[limits]\ntime = \"120s\"\nrequests = 50\n",
        json!(read)
    )
}

fn outside_it_is_found(counts: &Counts) {
    for place in ["environ", "cmdline", "memory", "descriptors", "files"] {
        assert!(counts[place]["key"] > 0, "the search does not even work outside: {place}");
    }
    for (place, word) in [("environ", "token"), ("memory", "token"), ("environ", "job"), ("files", "job"), ("files", "word")] {
        assert!(counts[place][word] > 0, "the search does not even work outside: {word} in {place}");
    }
}

fn inside_it_is_not(counts: &Counts) {
    assert_eq!(counts.len(), 5);
    for (place, count) in counts {
        assert_eq!((count["key"], count["token"], count["job"]), (0, 0, 0), "{place}");
    }
    // It did look: what it may find is found, and what is shut was tried.
    for (place, word) in [("environ", "granted"), ("memory", "granted"), ("files", "word")] {
        assert!(counts[place][word] > 0 && counts[place]["read"] > 0 && counts[place]["shut"] > 0, "{place}: {:?}", counts[place]);
    }
    assert!(counts["cmdline"]["read"] > 0 && counts["descriptors"]["shut"] > 0);
}

/// Every line in every string of a document.
fn lines(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(list) => list.iter().map(lines).collect(),
        Value::Object(map) => map.values().map(lines).collect(),
        _ => String::new(),
    }
}

fn counts(text: &str) -> Counts {
    let line = |line: &str| {
        let mut fields = line.strip_prefix("[search] ")?.split(' ');
        let place = fields.next()?.to_owned();
        let counted = fields.filter_map(|field| field.split_once('=')).filter_map(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
        Some((place, counted.collect()))
    };
    text.lines().filter_map(line).collect()
}

fn table(counts: &Counts) -> String {
    let row = |(place, counted): (&String, &BTreeMap<String, usize>)| {
        let fields: Vec<String> = counted.iter().map(|(name, count)| format!("{name} {count}")).collect();
        format!("  {place}: {}\n", fields.join(", "))
    };
    counts.iter().map(row).collect()
}
