//! Dockerfiles (docs.docker.com, "Dockerfile reference").

use std::collections::{BTreeMap, BTreeSet};

/// What a Dockerfile does that matters here.
#[derive(Debug, Default)]
pub(super) struct Build {
    /// Images that it builds from or copies out of, and the frontend that reads it.
    pub(super) images: BTreeSet<String>,
    /// What is added from elsewhere.
    pub(super) remote: BTreeSet<String>,
    /// Commands that run what they download.
    pub(super) piped: BTreeSet<String>,
    /// More rights for the build.
    pub(super) rights: BTreeSet<String>,
    /// Who a container of each stage runs as, by the stage's name; the last one's is empty.
    pub(super) users: BTreeMap<String, String>,
}

/// Instructions read so far.
#[derive(Default)]
struct State {
    values: BTreeMap<String, String>,
    /// Names of stages with who they run as.
    stages: BTreeMap<String, String>,
    count: usize,
    name: String,
    user: String,
}

/// Whether this is the administrator, or nobody in particular.
pub(super) fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    name.is_empty()
        || name.eq_ignore_ascii_case("root")
        || name.eq_ignore_ascii_case("ContainerAdministrator")
        || name.bytes().all(|b| b == b'0')
}

impl Build {
    pub(super) fn read(text: &str) -> Self {
        let mut build = Self::default();
        let mut state = State::default();
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim).take_while(|line| line.starts_with('#')) {
            let line = line.trim_start_matches('#').trim();
            if let Some((key, value)) = line.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("syntax")) {
                build.images.insert(format!("{} {}", key.trim().to_lowercase(), value.trim()));
            }
        }
        for instruction in instructions(text) {
            let (word, rest) = instruction.split_once(char::is_whitespace).unwrap_or((&instruction, ""));
            let word = word.to_ascii_lowercase();
            let (word, rest) =
                if word == "onbuild" { rest.trim().split_once(char::is_whitespace).unwrap_or((rest, "")) } else { (word.as_str(), rest) };
            build.instruction(&mut state, &word.to_ascii_lowercase(), rest.trim());
        }
        build.end_stage(&mut state);
        build.users.insert(String::new(), state.user);
        build
    }

    fn end_stage(&mut self, state: &mut State) {
        if state.count > 0 {
            state.stages.insert((state.count - 1).to_string(), state.user.clone());
            if !state.name.is_empty() {
                state.stages.insert(state.name.clone(), state.user.clone());
                self.users.insert(state.name.clone(), state.user.clone());
            }
        }
    }

    fn instruction(&mut self, state: &mut State, word: &str, rest: &str) {
        match word {
            "from" => self.from(state, &filled(rest, &state.values)),
            "arg" | "env" => {
                let loads = ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV"].iter().find(|name| rest.starts_with(**name));
                self.rights.extend(loads.map(|name| (*name).to_owned()));
                assignments(rest, &mut state.values);
            }
            "user" => state.user = filled(rest, &state.values),
            "add" | "copy" => self.add(state, &filled(rest, &state.values)),
            "run" => self.run(state, rest),
            _ => {}
        }
    }

    fn from(&mut self, state: &mut State, rest: &str) {
        self.end_stage(state);
        let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
        let image = words.next().unwrap_or_default().to_owned();
        let alias = words.next().filter(|word| word.eq_ignore_ascii_case("as")).and_then(|_| words.next()).unwrap_or_default();
        alias.to_lowercase().clone_into(&mut state.name);
        state.count += 1;
        match state.stages.get(&image.to_lowercase()) {
            Some(user) => state.user = user.clone(),
            None => {
                state.user = String::new();
                self.images.insert(image);
            }
        }
    }

    fn image(&mut self, state: &State, from: &str) {
        if !from.is_empty() && !state.stages.contains_key(&from.to_lowercase()) && !from.bytes().all(|b| b.is_ascii_digit()) {
            self.images.insert(from.to_owned());
        }
    }

    fn add(&mut self, state: &State, rest: &str) {
        let plain = rest.replace("=\"", "=");
        for word in plain.split(|c: char| c.is_whitespace() || "[]\",".contains(c)) {
            let lower = word.to_lowercase();
            if let Some(from) = word.strip_prefix("--from=") {
                self.image(state, from.trim_matches(['"', '\'']));
            } else if lower.contains("://") || lower.starts_with("git@") || lower.starts_with("github.com/") {
                self.remote.insert(word.to_owned());
            }
        }
    }

    fn run(&mut self, state: &State, rest: &str) {
        for option in rest.split_whitespace().take_while(|word| word.starts_with("--")) {
            if option.starts_with("--security=insecure") || option.starts_with("--network=host") {
                self.rights.insert(option.to_owned());
            }
            let parts = option.strip_prefix("--mount=").into_iter().flat_map(|mount| mount.split(','));
            for from in parts.filter_map(|part| part.strip_prefix("from=")) {
                self.image(state, from);
            }
        }
        if let Some(name) = downloaded_and_run(rest) {
            self.piped.insert(format!("a download to {name}"));
        }
        for command in rest.split(['\n', ';']).flat_map(|part| part.split("&&")).map(squeezed) {
            if runs_download(&command) || takes_from_elsewhere(&command) {
                self.piped.insert(command.clone());
            }
            let lower = command.to_lowercase();
            for right in ["--privileged", "docker.sock", "containerd.sock", "podman.sock", "nopasswd"] {
                if lower.contains(right) {
                    self.rights
                        .insert(command.split_whitespace().find(|word| word.to_lowercase().contains(right)).unwrap_or(right).to_owned());
                }
            }
        }
    }
}

/// Instructions with their continued lines and here-documents, without comments.
fn instructions(text: &str) -> Vec<String> {
    let text = text.trim_start_matches('\u{feff}');
    // Directives stand before everything else, other comments too.
    let directives = text.lines().map(|line| line.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase());
    let directives = directives.take_while(|line| ["#syntax=", "#escape=", "#check="].iter().any(|start| line.starts_with(start)));
    let escape = directives.filter_map(|line| line.strip_prefix("#escape=").and_then(|rest| rest.chars().next())).next();
    let escape = escape.unwrap_or('\\');
    let (mut found, mut open, mut ends) = (Vec::new(), String::new(), Vec::<String>::new());
    for line in text.lines() {
        let bare = line.trim();
        if let Some(end) = ends.first() {
            if bare == end {
                ends.remove(0);
            } else {
                open.push('\n');
                open.push_str(line);
            }
        } else if bare.is_empty() || bare.starts_with('#') {
            continue;
        } else if let Some(part) = bare.strip_suffix(escape).filter(|part| !part.ends_with(escape)) {
            open.push_str(part);
            open.push(' ');
            continue;
        } else {
            open.push_str(bare);
            ends = here_documents(&open);
        }
        if ends.is_empty() {
            found.push(std::mem::take(&mut open));
        }
    }
    // A document that never ends was none: what it would have held are instructions.
    if !ends.is_empty() {
        let rest = open.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        found.extend(rest.lines().map(|line| line.trim().to_owned()));
    }
    found.push(open);
    found
}

/// The words that end the here-documents that an instruction begins.
fn here_documents(instruction: &str) -> Vec<String> {
    let takes =
        ["run", "copy", "add"].iter().any(|word| instruction.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
    // A mark begins a word outside of quotes, a descriptor's number before it.
    let mut quote = None;
    let mut words = vec![String::new()];
    for sign in instruction.chars().filter(|_| takes) {
        match (quote, sign) {
            (None, '"' | '\'')
                if !words.last().is_some_and(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with("<<")) =>
            {
                quote = Some(sign);
            }
            (Some(open), sign) if open == sign => quote = None,
            (Some(_), _) => {}
            (None, sign) if sign.is_whitespace() => words.push(String::new()),
            (None, sign) => words.last_mut().into_iter().for_each(|word| word.push(sign)),
        }
    }
    let ends = words.iter().filter_map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<"));
    let ends = ends
        .filter(|end| !end.contains('<') && !end.contains(')'))
        .map(|end| end.trim_start_matches('-').trim_matches(['"', '\'']).to_owned());
    ends.filter(|end| !end.is_empty()).collect()
}

/// `NAME=value` and `NAME value`.
fn assignments(rest: &str, values: &mut BTreeMap<String, String>) {
    for word in rest.split_whitespace() {
        if let Some((name, value)) = word.split_once('=') {
            let value = filled(value.trim_matches(['"', '\'']), values);
            values.insert(name.to_owned(), value);
        }
    }
    if let Some((name, value)) = rest.split_once(' ').filter(|_| !rest.contains('=')) {
        values.insert(name.to_owned(), value.trim().to_owned());
    }
}

/// Bytes that variables may add: they can be made of each other.
const FILLED: usize = 256;

/// A text with its variables' values, as far as those are known.
fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$').filter(|_| out.len() < FILLED) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, otherwise, end) = match braced {
            Some((inner, end)) => {
                let (name, otherwise) = inner.split_once(":-").or_else(|| inner.split_once('-')).unwrap_or((inner, ""));
                (name, otherwise, end)
            }
            None => {
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], "", &after[end..])
            }
        };
        match values.get(name) {
            Some(value) => out.push_str(value),
            None if !otherwise.is_empty() => out.push_str(otherwise),
            None => out.push_str(&format!("${name}")),
        }
        rest = end;
    }
    out + rest
}

fn squeezed(command: &str) -> String {
    command.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a command has a package manager take packages from where nobody set it to, or take them unchecked.
fn takes_from_elsewhere(command: &str) -> bool {
    const ORDERS: &[&str] = &[
        "--index-url",
        "--extra-index-url",
        "--trusted-host",
        "--registry",
        "config set registry",
        "--allow-untrusted",
        "--allow-unauthenticated",
        "--nogpgcheck",
        "--no-gpg-check",
        "--no-check-certificate",
        "add-apt-repository",
        "sources.list",
    ];
    const MANAGERS: &[&str] = &[
        "pip", "pip3", "uv", "uvx", "pipx", "npm", "npx", "pnpm", "yarn", "bun", "gem", "cargo", "go", "rpm", "yum", "dnf", "zypper",
        "apk", "deno", "nix", "helm", "kubectl",
    ];
    let lower = command.to_lowercase();
    let mut words = lower.split_whitespace();
    let manages = words.any(|word| MANAGERS.contains(&word.rsplit('/').next().unwrap_or_default()));
    let mut elsewhere = || words.any(|word| word.contains("://") || word.starts_with("git+") || word.starts_with("github:"));
    ORDERS.iter().any(|order| lower.contains(order)) || manages && elsewhere()
}

/// The name under which a download is kept, where a later command of the same line runs it.
fn downloaded_and_run(commands: &str) -> Option<String> {
    const RUN: &[&str] = &["sh", "bash", "zsh", "ash", "dash", "ksh", "python", "python3", "perl", "ruby", "node", "php", "source", "."];
    let base = |word: &str| word.trim_matches(['"', '\'', '(', ')', ',', '[', ']']).rsplit('/').next().unwrap_or_default().to_owned();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for command in commands.split(['\n', ';', '|']).flat_map(|part| part.split("&&")) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let first = words.first().map(|word| base(word)).unwrap_or_default();
        let run = if RUN.contains(&first.as_str()) { words.get(1).map(|word| base(word)) } else { Some(first.clone()) };
        if let Some(name) = run.filter(|name| kept.contains(name)) {
            return Some(name);
        }
        let fetches = words.iter().any(|word| matches!(base(word).as_str(), "curl" | "wget" | "aria2c"));
        let goes_on = first == "tee";
        if fetches || goes_on {
            let named = words.windows(2).filter(|two| matches!(two[0], "-o" | "-O" | "--output" | "--output-document" | ">" | "tee"));
            kept.extend(named.map(|two| base(two[1])));
            kept.extend(words.iter().filter(|word| word.contains("://")).map(|word| base(word)));
        }
    }
    None
}

/// Whether a command hands what it downloads to an interpreter.
fn runs_download(command: &str) -> bool {
    const FETCH: &[&str] = &["curl", "wget", "fetch", "invoke-webrequest", "iwr", "irm", "invoke-restmethod", "aria2c"];
    const RUN: &[&str] = &[
        "sh",
        "bash",
        "zsh",
        "ash",
        "dash",
        "ksh",
        "fish",
        "python",
        "python3",
        "python2",
        "perl",
        "ruby",
        "node",
        "php",
        "iex",
        "pwsh",
        "powershell",
        "invoke-expression",
    ];
    let lower = command.to_lowercase();
    // Quotes within a word are nothing to a shell.
    let lower = lower.replace("''", "").replace("\"\"", "");
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '3');
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<String> = lower.split(|c: char| !is_word(c) && c != '/').filter(|word| !word.is_empty()).map(base).collect();
    let fetches = |words: &[String]| words.iter().any(|word| FETCH.contains(&word.as_str()));
    let runs = |part: &str| {
        const BEFORE: &[&str] = &["sudo", "env", "exec", "doas", "&", "nice", "xargs", "busybox", "command", "nohup", "time"];
        let words: Vec<String> =
            part.split_whitespace().map(|word| base(word.trim_matches(['"', '\'', '(', ')', '[', ']', ',']))).collect();
        // The word behind an option may be its value, such as a user's name.
        let takes = |at: usize| at > 0 && words.get(at - 1).is_some_and(|word| matches!(word.as_str(), "-u" | "-g" | "-n" | "-c"));
        let is_first = |(at, word): &(usize, &String)| {
            !BEFORE.contains(&word.as_str()) && !word.contains('=') && !word.starts_with('-') && !takes(*at)
        };
        words.iter().enumerate().find(is_first).is_some_and(|(_, word)| RUN.contains(&word.as_str()))
    };
    let opens = ["urlopen(", "requests.get(", "lwp::simple", "open-uri"].iter().any(|part| lower.contains(part))
        && ["exec(", "eval"].iter().any(|part| lower.contains(part));
    if opens {
        return true;
    }
    let piped = lower.replace("||", " ").split('|').skip(1).any(runs);
    let inner =
        lower.contains("$(") || lower.contains('`') || lower.contains("<(") || lower.contains("(iwr") || lower.contains("downloadstring");
    let evaluated = inner && words.iter().any(|word| RUN.contains(&word.as_str()) || matches!(word.as_str(), "eval" | "source" | "."));
    fetches(&words) && (piped || evaluated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_that_run_are_told_from_others() {
        for command in [
            "curl -fsSL https://x.example/i | sh",
            "wget -qO- https://x.example | sudo -E bash -",
            "bash <(curl -s https://x.example)",
            "sh -c \"$(curl -fsSL https://x.example)\"",
            "eval \"$(wget -qO- x.example)\"",
            "/usr/bin/curl x.example|/bin/sh",
            "curl x.example | python3 -",
            "curl x.example | tee /x | bash",
        ] {
            assert!(runs_download(command), "{command}");
        }
        for command in [
            "curl -o a.tar https://x.example/a.tar",
            "curl https://x.example/a.tar | tar xz",
            "apt-get install -y curl bash",
            "echo hi | sh",
            "curl https://x.example || exit 1",
            "curl -s https://x.example | gpg --dearmor -o /k",
            "bash build.sh",
        ] {
            assert!(!runs_download(command), "{command}");
        }
    }

    #[test]
    fn stages_users_and_variables_are_followed() {
        let text = "# syntax=docker/x:1\nARG BASE=a:1\nFROM ${BASE} AS build\nRUN make \\\n  # why\n  all\nFROM scratch\nCOPY --from=build /x /x\nCOPY --from=b:2 /y /y\nARG UID=1000\nUSER $UID\n";
        let build = Build::read(text);
        assert_eq!(build.images.iter().map(String::as_str).collect::<Vec<_>>(), ["a:1", "b:2", "scratch", "syntax docker/x:1"]);
        assert_eq!(build.users[""], "1000");
        let inherited = Build::read("FROM a AS b\nUSER app\nFROM b\nRUN <<EOF\nFROM not-an-image\nEOF\n");
        assert_eq!((inherited.users[""].as_str(), inherited.images.len()), ("app", 1));
    }
}
