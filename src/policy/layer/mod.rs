//! From layers to one policy: each layer is checked by itself and then only takes away.

mod changes;
mod gitlab;
mod network;
mod registry;
mod upstream;

use std::path::{Component, Path, PathBuf};

use toml::Spanned;

use super::{
    Agent, Error, Files, Limits, MergeRequest, Origin, Policy, Process, Source, Unix, credentials::is_credential, empty, file, leaks, size,
};
use crate::digest::Digest;

/// The kernel shares out no less: a millisecond of each tenth of a second.
const LEAST_CPUS: f64 = 0.01;

/// One layer while it is read: gives a line to every byte offset.
struct Layer<'a> {
    source: &'a Source,
    top: bool,
}

pub(super) fn compose(sources: Vec<Source>) -> Result<Policy, Error> {
    let mut policy: Option<Policy> = None;
    let mut rest = sources.iter();
    while let Some(source) = rest.next() {
        let layer = Layer { source, top: policy.is_none() };
        let file = layer.parse()?;
        let mut next = policy.take().unwrap_or_else(empty::policy);
        for name in file.changes.secrets.files.iter().flatten() {
            // The files' texts stand behind the layer that names them.
            match rest.next().filter(|text| text.name == *name.get_ref()) {
                Some(text) => next.changes.secrets.push(leaks::parse(text)?),
                None => return Err(layer.value(name, "changes.secrets.files", "names a file that was not read")),
            }
        }
        layer.narrow(&mut next, file)?;
        policy = Some(next);
    }
    let mut policy = policy.ok_or(Error::Empty)?;
    network::doors(&policy.network, &sources)?;
    upstream::apart(&policy, &sources)?;
    let document = serde_json::to_vec(&sources).unwrap_or_default();
    policy.digest = Digest::of(document);
    policy.sources = sources;
    Ok(policy)
}

/// Where the lowest layer that has `key` says it.
fn origin_of(sources: &[Source], key: &str) -> Origin {
    let mut layers = sources.iter().rev().map(|source| Layer { source, top: false });
    let origin = layers.find_map(|layer| Some(Origin { file: layer.source.name.clone(), line: layer.find(key)? }));
    // Written in one line with its section.
    origin.unwrap_or_else(|| Origin { file: sources.last().map(|source| source.name.clone()).unwrap_or_default(), line: 1 })
}

impl Layer<'_> {
    fn parse(&self) -> Result<file::File, Error> {
        let file: file::File = toml::from_str(&self.source.text)
            .map_err(|error| Error::Syntax { name: self.source.name.clone(), message: error.to_string().trim_end().to_owned() })?;
        match file.version.get_ref() {
            1 => Ok(file),
            _ => Err(self.value(&file.version, "version", "must be 1, the only version that this program knows")),
        }
    }

    fn narrow(&self, policy: &mut Policy, file: file::File) -> Result<(), Error> {
        self.agent(&mut policy.agent, file.agent)?;
        self.files(&mut policy.files, file.files)?;
        self.network(&mut policy.network, file.network)?;
        self.process(&mut policy.process, file.process)?;
        self.limits(&mut policy.limits, &file.limits)?;
        self.changes(&mut policy.changes, file.changes)?;
        self.merge_request(&mut policy.merge_request, file.merge_request)?;
        if let Some(landlock) = file.require.landlock {
            policy.require.landlock = self.no_less(policy.require.landlock, &landlock, "require.landlock")?;
        }
        Ok(())
    }

    fn agent(&self, agent: &mut Agent, file: file::Agent) -> Result<(), Error> {
        if let Some(kind) = file.kind {
            self.same(&mut agent.kind, &kind, "agent.kind")?;
        }
        if let Some(command) = file.command {
            self.same(&mut agent.command, &command, "agent.command")?;
        }
        if let Some(models) = file.models {
            agent.models = self.subset(&agent.models, models, "agent.models", |text| Ok(text.to_owned()))?;
        }
        if let Some(model) = file.model {
            if !agent.models.iter().any(|allowed| matches_model(allowed, model.get_ref())) {
                return Err(self.value(&model, "agent.model", "is not among `agent.models`"));
            }
            agent.model = Some(model.into_inner());
        }
        if let Some(turns) = file.max_turns {
            agent.max_turns = Some(self.no_more(agent.max_turns.unwrap_or(u32::MAX), &turns, "agent.max_turns")?);
        }
        if let Some(text) = file.instructions {
            let above = agent.instructions.take().map(|above| format!("{above}\n\n")).unwrap_or_default();
            agent.instructions = Some(above + text.get_ref());
        }
        if let Some(asked) = file.ask_gate {
            agent.ask_gate = self.no_wider(agent.ask_gate, &asked, "agent.ask_gate")?;
        }
        Ok(())
    }

    fn files(&self, files: &mut Files, file: file::Files) -> Result<(), Error> {
        if let Some(read) = file.read {
            files.read = self.beneath(&files.read, read, "files.read")?;
            files.built_in = false;
        }
        if let Some(write) = file.write {
            files.write = self.beneath(&files.write, write, "files.write")?;
        }
        for path in file.deny.unwrap_or_default() {
            files.deny.push(self.absolute(&path, "files.deny")?);
        }
        Ok(())
    }

    fn process(&self, process: &mut Process, file: file::Process) -> Result<(), Error> {
        if let Some(env) = file.env {
            process.env = self.subset(&process.env, env, "process.env", |name| {
                let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                match sound {
                    false => Err("is not the name of a variable".to_owned()),
                    true if is_credential(name) => Err(
                        "is a credential, and no agent gets one: take it out, the gateway puts it into the agent's requests (network.route, network.gitlab)"
                            .to_owned(),
                    ),
                    true => Ok(name.to_owned()),
                }
            })?;
        }
        if let Some(unix) = file.unix {
            process.unix = match (unix.get_ref(), process.unix) {
                (file::Unix::Deny, _) => Unix::Deny,
                (file::Unix::Auto, Unix::Deny) => {
                    return Err(self.widens(&unix, "process.unix", "the layers above say \"deny\"".to_owned()));
                }
                (file::Unix::Auto, _) => Unix::Auto,
                (file::Unix::Allow, above) if self.top || above == Unix::Allow => Unix::Allow,
                (file::Unix::Allow, _) => {
                    return Err(self.widens(&unix, "process.unix", "the layers above do not say \"allow\"".to_owned()));
                }
            };
        }
        if let Some(uid) = file.uid {
            if !(1..=super::HIGHEST_UID).contains(uid.get_ref()) {
                return Err(self.value(&uid, "process.uid", "must be a uid of the agent's own: not root's, and not among the last"));
            }
            self.same(&mut process.uid, &uid, "process.uid")?;
        }
        if let Some(limit) = file.limits.processes {
            process.processes = self.no_more(process.processes, &limit, "process.limits.processes")?;
        }
        if let Some(limit) = file.limits.open_files {
            process.open_files = self.no_more(process.open_files, &limit, "process.limits.open_files")?;
        }
        if let Some(limit) = file.limits.file_bytes {
            process.file_bytes = self.bytes(process.file_bytes, &limit, "process.limits.file_bytes")?;
        }
        if let Some(limit) = file.limits.memory_bytes {
            let above = process.memory_bytes.unwrap_or(u64::MAX);
            process.memory_bytes = Some(self.bytes(above, &limit, "process.limits.memory_bytes")?);
        }
        if let Some(limit) = file.limits.cpus {
            if !limit.get_ref().is_finite() || *limit.get_ref() < LEAST_CPUS {
                return Err(self.value(&limit, "process.limits.cpus", "must be a number of processors such as 1 or 2.5, at least 0.01"));
            }
            let above = process.cpus.unwrap_or(f64::INFINITY);
            process.cpus = Some(self.no_more(above, &limit, "process.limits.cpus")?);
        }
        Ok(())
    }

    fn limits(&self, limits: &mut Limits, file: &file::Limits) -> Result<(), Error> {
        if let Some(time) = &file.time {
            let asked = size::time(time.get_ref()).map_err(|reason| self.value(time, "limits.time", &reason))?;
            limits.time = self.at_most(limits.time, asked, time, "limits.time")?;
        }
        if let Some(turns) = &file.turns {
            limits.turns = Some(self.no_more(limits.turns.unwrap_or(u32::MAX), turns, "limits.turns")?);
        }
        if let Some(requests) = &file.requests {
            limits.requests = self.no_more(limits.requests, requests, "limits.requests")?;
        }
        if let Some(size) = &file.up_bytes {
            limits.up_bytes = self.bytes(limits.up_bytes, size, "limits.up_bytes")?;
        }
        if let Some(size) = &file.down_bytes {
            limits.down_bytes = self.bytes(limits.down_bytes, size, "limits.down_bytes")?;
        }
        if let Some(tokens) = &file.tokens {
            limits.tokens = Some(self.no_more(limits.tokens.unwrap_or(u64::MAX), tokens, "limits.tokens")?);
        }
        if let Some(usd) = &file.usd {
            let asked = size::micro_usd(*usd.get_ref()).map_err(|reason| self.value(usd, "limits.usd", reason))?;
            limits.micro_usd = Some(self.at_most(limits.micro_usd.unwrap_or(u64::MAX), asked, usd, "limits.usd")?);
        }
        if let Some(connections) = &file.connections {
            limits.connections = self.no_more(limits.connections, connections, "limits.connections")?;
        }
        if let Some(size) = &file.log_bytes {
            limits.log_bytes = self.bytes(limits.log_bytes, size, "limits.log_bytes")?;
        }
        Ok(())
    }

    fn merge_request(&self, to: &mut MergeRequest, file: file::MergeRequest) -> Result<(), Error> {
        if let Some(branch) = file.branch {
            let text = branch.get_ref();
            let sound = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b))
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !text.contains("..")
                && !text.contains("//")
                && !text.starts_with("refs/");
            if !sound {
                return Err(self.value(
                    &branch,
                    "merge_request.branch",
                    "must begin a branch name: letters, digits, `-`, `_`, `.` and single `/`",
                ));
            }
            self.same(&mut to.branch, &branch, "merge_request.branch")?;
        }
        if let Some(draft) = file.draft {
            if to.draft && !*draft.get_ref() {
                return Err(self.widens(&draft, "merge_request.draft", "the layers above say true".to_owned()));
            }
            to.draft = *draft.get_ref();
        }
        if let Some(labels) = file.labels {
            to.labels = self.subset(&to.labels, labels, "merge_request.labels", |text| {
                if text.is_empty() || text.contains([',', '\n', '\r']) { Err("is no label".to_owned()) } else { Ok(text.to_owned()) }
            })?;
        }
        Ok(())
    }

    /// The line on which the last part of `key` is written first; for lists that have no element to point at.
    fn line_of(&self, key: &str) -> usize {
        self.find(key).unwrap_or(1)
    }

    fn find(&self, key: &str) -> Option<usize> {
        let name = key.rsplit('.').next().unwrap_or(key);
        self.source.text.lines().position(|line| line.trim_start().starts_with(name)).map(|index| index + 1)
    }

    /// Values of a list that may only lose members in lower layers.
    fn subset<T: PartialEq>(
        &self,
        above: &[T],
        list: Vec<Spanned<String>>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Error> {
        let mut out = Vec::new();
        for text in list {
            let value = parse(text.get_ref()).map_err(|reason| self.value(&text, key, &reason))?;
            if !self.top && !above.contains(&value) {
                return Err(self.widens(&text, key, format!("`{}` is not granted above", text.get_ref())));
            }
            out.push(value);
        }
        Ok(out)
    }

    fn beneath(&self, above: &[PathBuf], list: Vec<Spanned<String>>, key: &str) -> Result<Vec<PathBuf>, Error> {
        let mut out = Vec::new();
        for text in list {
            let path = self.absolute(&text, key)?;
            if !self.top && !above.iter().any(|granted| path.starts_with(granted)) {
                return Err(self.widens(&text, key, format!("`{}` is not beneath a path that is granted above", path.display())));
            }
            out.push(path);
        }
        Ok(out)
    }

    fn absolute(&self, text: &Spanned<String>, key: &str) -> Result<PathBuf, Error> {
        let path = Path::new(text.get_ref());
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if path.is_absolute() && plain && !text.get_ref().contains('\0') {
            Ok(path.components().collect())
        } else {
            Err(self.value(text, key, "must be an absolute path without `.` and `..`"))
        }
    }

    /// A value that a lower layer may repeat but not change.
    fn same<T: PartialEq + Clone>(&self, to: &mut T, value: &Spanned<T>, key: &str) -> Result<(), Error> {
        if self.top || to == value.get_ref() {
            to.clone_from(value.get_ref());
            Ok(())
        } else {
            Err(self.widens(value, key, "the layers above decide this".to_owned()))
        }
    }

    fn bytes(&self, above: u64, asked: &Spanned<file::Size>, key: &str) -> Result<u64, Error> {
        let value = size::bytes(asked.get_ref()).map_err(|reason| self.value(asked, key, &reason))?;
        self.at_most(above, value, asked, key)
    }

    fn no_more<T: PartialOrd + Copy + std::fmt::Display + Default>(&self, above: T, asked: &Spanned<T>, key: &str) -> Result<T, Error> {
        if *asked.get_ref() == T::default() {
            return Err(self.value(asked, key, "must be above zero"));
        }
        self.at_most(above, *asked.get_ref(), asked, key)
    }

    fn no_less<T: PartialOrd + Copy>(&self, above: T, asked: &Spanned<T>, key: &str) -> Result<T, Error> {
        if !self.top && *asked.get_ref() < above {
            return Err(self.widens(asked, key, "a layer above requires more".to_owned()));
        }
        Ok(*asked.get_ref())
    }

    fn at_most<T: PartialOrd, S>(&self, above: T, value: T, asked: &Spanned<S>, key: &str) -> Result<T, Error> {
        if !self.top && value > above {
            return Err(self.widens(asked, key, "a layer above sets a lower bound".to_owned()));
        }
        Ok(value)
    }

    fn origin<T>(&self, at: &Spanned<T>) -> Origin {
        let before = self.source.text.get(..at.span().start).unwrap_or_default();
        Origin { file: self.source.name.clone(), line: before.bytes().filter(|byte| *byte == b'\n').count() + 1 }
    }

    fn value<T>(&self, at: &Spanned<T>, key: &str, reason: &str) -> Error {
        Error::Value { origin: self.origin(at), key: key.to_owned(), reason: reason.to_owned() }
    }

    /// A freedom that the top layer may grant, and the others only take away.
    fn no_wider(&self, granted: bool, asked: &Spanned<bool>, key: &str) -> Result<bool, Error> {
        if !self.top && *asked.get_ref() && !granted {
            return Err(self.widens(asked, key, "the layers above say false".to_owned()));
        }
        Ok(*asked.get_ref())
    }

    fn widens<T>(&self, at: &Spanned<T>, key: &str, reason: String) -> Error {
        Error::Widens { origin: self.origin(at), key: key.to_owned(), reason }
    }
}

/// Whether `allowed`, an exact model name or a prefix with a final `*`, covers `model`.
pub(super) fn matches_model(allowed: &str, model: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(prefix) => model.starts_with(prefix),
        None => allowed == model,
    }
}

#[cfg(test)]
mod tests;
