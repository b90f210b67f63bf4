//! `[changes]`.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Layer, file};
use crate::{
    policy::{Changes, Error, Exceptions, Named, OnViolation, Origin, Pattern, Waiver},
    verdict::Severity,
};

impl Layer<'_> {
    pub(super) fn changes(&self, changes: &mut Changes, file: file::Changes) -> Result<(), Error> {
        for (lists, list, key) in [
            (&mut changes.allow, file.allow, "changes.allow"),
            (&mut changes.add, file.add, "changes.add"),
            (&mut changes.delete, file.delete, "changes.delete"),
        ] {
            if let Some(list) = list {
                lists.push(self.patterns(list, key)?);
            }
        }
        changes.protect.extend(self.patterns(file.protect.unwrap_or_default(), "changes.protect")?);
        changes.review.extend(self.patterns(file.review.unwrap_or_default(), "changes.review")?);
        self.excepted(&mut changes.executable, file.executable, "changes.executable")?;
        self.excepted(&mut changes.binary, file.binary, "changes.binary")?;
        self.excepted(&mut changes.bidirectional, file.bidirectional, "changes.bidirectional")?;
        if let Some(hosts) = file.hosts {
            changes.hosts = self.named(&changes.hosts, hosts)?;
        }
        self.weights(changes, file.rules)?;
        if let Some(limit) = file.max_files {
            changes.max_files = self.no_more(changes.max_files, &limit, "changes.max_files")?;
        }
        if let Some(size) = file.max_file_bytes {
            changes.max_file_bytes = self.bytes(changes.max_file_bytes, &size, "changes.max_file_bytes")?;
        }
        if let Some(size) = file.max_bytes {
            changes.max_bytes = self.bytes(changes.max_bytes, &size, "changes.max_bytes")?;
        }
        if let Some(limit) = file.max_lines {
            changes.max_lines = self.no_more(changes.max_lines, &limit, "changes.max_lines")?;
        }
        if let Some(limit) = file.max_deleted {
            changes.max_deleted = self.no_more(changes.max_deleted, &limit, "changes.max_deleted")?;
        }
        if let Some(limit) = file.max_depth {
            changes.max_depth = self.no_more(changes.max_depth, &limit, "changes.max_depth")?;
        }
        if let Some(size) = file.max_line_bytes {
            changes.max_line_bytes = self.bytes(changes.max_line_bytes, &size, "changes.max_line_bytes")?;
        }
        if let Some(what) = file.on_violation {
            match (what.get_ref(), changes.on_violation) {
                (OnViolation::Drop, OnViolation::Deny) if !self.top => {
                    return Err(self.widens(&what, "changes.on_violation", "the layers above say \"deny\"".to_owned()));
                }
                (asked, _) => changes.on_violation = *asked,
            }
        }
        self.waivers(changes, file.waivers)?;
        self.grant(&mut changes.lfs, file.lfs, "changes.lfs")?;
        self.grant(&mut changes.denied_artifact, file.denied_artifact, "changes.denied_artifact")?;
        self.grant(&mut changes.lower_waivers, file.lower_waivers, "changes.lower_waivers")?;
        Ok(())
    }

    /// What a lower layer may only take back.
    fn grant(&self, to: &mut bool, asked: Option<Spanned<bool>>, key: &str) -> Result<(), Error> {
        let Some(asked) = asked else { return Ok(()) };
        if *asked.get_ref() && !self.top && !*to {
            return Err(self.widens(&asked, key, "the layers above say false".to_owned()));
        }
        *to = *asked.get_ref();
        Ok(())
    }

    fn waivers(&self, changes: &mut Changes, waivers: Vec<Spanned<file::Waiver>>) -> Result<(), Error> {
        const KEY: &str = "changes.waivers";
        for waiver in waivers {
            if !self.top && !changes.lower_waivers {
                return Err(self.widens(&waiver, KEY, "the layers above take none (changes.lower_waivers)".to_owned()));
            }
            let origin = self.origin(&waiver);
            let file::Waiver { rule, path, owner, reason, expires } = waiver.into_inner();
            let pattern = Pattern::new(path.get_ref(), KEY, self.origin(&path)).map_err(|reason| self.value(&path, KEY, &reason))?;
            let made = Waiver::new(rule, pattern, &owner, &reason, expires.get_ref(), origin);
            changes.waivers.push(made.map_err(|reason| self.value(&expires, KEY, &reason))?);
        }
        Ok(())
    }

    /// What a rule weighs. A lower layer may make a rule heavier than a layer above made it, and cannot touch one left at
    /// its default.
    fn weights(&self, changes: &mut Changes, rules: BTreeMap<String, Spanned<file::Weight>>) -> Result<(), Error> {
        for (rule, weight) in rules {
            let severity = match weight.get_ref() {
                file::Weight::Deny => Severity::Deny,
                file::Weight::Review => Severity::Review,
                file::Weight::Warn => Severity::Warn,
            };
            let key = format!("changes.rules.\"{rule}\"");
            match changes.rules.get(&rule) {
                Some((above, _)) if !self.top && severity < *above => {
                    return Err(self.widens(&weight, &key, "a layer above gives this rule more weight".to_owned()));
                }
                None if !self.top && severity != Severity::Deny => {
                    return Err(self.widens(&weight, &key, "the layers above leave this rule at its default".to_owned()));
                }
                _ => {}
            }
            changes.rules.insert(rule, (severity, self.origin(&weight)));
        }
        Ok(())
    }

    fn named(&self, above: &[Named], list: Vec<Spanned<String>>) -> Result<Vec<Named>, Error> {
        const KEY: &str = "changes.hosts";
        let checked = |text: Spanned<String>| {
            let named: Named = text.get_ref().parse().map_err(|reason: String| self.value(&text, KEY, &reason))?;
            match self.top || above.iter().any(|granted| named.is_within(granted)) {
                true => Ok(named),
                false => Err(self.widens(&text, KEY, format!("`{named}` is not granted above"))),
            }
        };
        list.into_iter().map(checked).collect()
    }

    /// A list of exceptions, which a lower layer may only make shorter.
    fn excepted(&self, to: &mut Exceptions, list: Option<Vec<Spanned<String>>>, key: &'static str) -> Result<(), Error> {
        let Some(list) = list else { return Ok(()) };
        if let (false, true, Some(first)) = (self.top, to.0.is_empty(), list.first()) {
            return Err(self.widens(first, key, "the layers above except nothing".to_owned()));
        }
        to.0.push(self.patterns(list, key)?);
        Ok(())
    }

    fn patterns(&self, list: Vec<Spanned<String>>, key: &'static str) -> Result<Vec<Pattern>, Error> {
        if key == "changes.allow" && list.is_empty() {
            let origin = Origin { file: self.source.name.clone(), line: self.line_of(key) };
            return Err(Error::Value {
                origin,
                key: key.to_owned(),
                reason: "is empty, so nothing could ever leave; name paths or leave it out".to_owned(),
            });
        }
        list.iter()
            .map(|text| Pattern::new(text.get_ref(), key, self.origin(text)).map_err(|reason| self.value(text, key, &reason)))
            .collect()
    }
}
