//! Infrastructure: Terraform, Kubernetes, Helm, CloudFormation. More rights than before, and programs that run when it is set up.

use std::collections::BTreeMap;

use super::named;
use crate::gate::{
    Op,
    content::{File, Line, lines},
    finding::{Judge, Place, Way},
    language,
    yaml::{self, Value},
};

/// Lines before a rule's own that are looked at for whether it is about the way out.
const AROUND: usize = 15;

/// Values that are looked at in one file.
const VALUES: usize = 100_000;

/// A line of such a text without spaces, quotes and capitals: rights that it gives.
const RIGHTS: &[&str] = &[
    "privileged:true",
    "privileged=true",
    "hostnetwork:true",
    "hostpid:true",
    "hostipc:true",
    "host_network=true",
    "host_pid=true",
    "host_ipc=true",
    "hostpath:",
    "host_path{",
    "allowprivilegeescalation:true",
    "allow_privilege_escalation=true",
    "runasuser:0",
    "run_as_user=0",
    "runasnonroot:false",
    "run_as_non_root=false",
    "procmount:unmasked",
    "type:unconfined",
    "name:cluster-admin",
    "name=cluster-admin",
    "name:system:masters",
    "sys_admin",
    "cap_sys_admin",
    "add:[all]",
    "verbs:[*]",
    "verbs=[*]",
    "resources:[*]",
    "resources=[*]",
    "apigroups:[*]",
    "action:*",
    "action=*",
    "action:[*]",
    "action=[*]",
    "actions:[*]",
    "actions=[*]",
    "action:*:*",
    "principal:*",
    "principal=*",
    "principals:[*]",
    "identifiers=[*]",
    "aws:*",
    "iam:*",
    "resource:*",
    "resource=*",
    "administratoraccess",
    "poweruseraccess",
    "iamfullaccess",
    "roles/owner",
    "roles/editor",
    "allusers",
    "allauthenticatedusers",
    "public-read",
    "publicly_accessible=true",
    "publiclyaccessible:true",
    "pod-security.kubernetes.io/enforce:privileged",
    "privileged:yes",
    "privileged:on",
    "privileged:!!booltrue",
    "shareprocessnamespace:true",
    "automountserviceaccounttoken:true",
    "hostprocess:true",
    "hostusers:true",
    "hostport:",
    "readonlyrootfilesystem:false",
    "runasgroup:0",
    "runasuser:0x0",
    "net_admin",
    "net_raw",
    "sys_ptrace",
    "sys_module",
    "dac_override",
    "name:system:authenticated",
    "name:system:unauthenticated",
    "name:system:anonymous",
    "escalate",
    "impersonate",
    "pods/exec",
    "resources:[secrets]",
    "nonresourceurls:[*]",
    "ingress:[{}]",
    "egress:[{}]",
    "aws=*",
    "iam:passrole",
    "sts:assumerole",
    "s3:*",
    "0.0.0.0/1",
    "role_definition_name=owner",
    "role_definition_name=contributor",
    "microsoft.authorization/roleassignments",
    "block_public_acls=false",
    "block_public_policy=false",
    "ignore_public_acls=false",
    "restrict_public_buckets=false",
    "storage_encrypted=false",
    "encrypted=false",
    "deletion_protection=false",
];

/// Kinds of Kubernetes that keep others out, or within bounds.
const GUARDS: &[&str] = &[
    "networkpolicy",
    "resourcequota",
    "limitrange",
    "podsecuritypolicy",
    "validatingadmissionpolicy",
    "validatingwebhookconfiguration",
    "clusterpolicy",
    "constrainttemplate",
    "authorizationpolicy",
    "peerauthentication",
];

/// What Terraform runs, or takes from elsewhere.
const PROGRAMS: &[&str] = &[
    "provisionerlocal-exec",
    "provisionerremote-exec",
    "provisionerfile",
    "dataexternal",
    "datahttp",
    "local-exec",
    "remote-exec",
    "before_hook",
    "after_hook",
    "run_cmd(",
    "user_data=",
    "backend",
    "endpoints{",
];

/// Bytes of the longest name that any of these has, and more.
const NAME: usize = 64;

/// Counts containers among the pairs.
const IMAGES: &str = "image";

/// What keeps rights small, as Kubernetes' values; fewer of them than before are more rights.
const HARDENED: &[&str] =
    &["runasnonroot=true", "allowprivilegeescalation=false", "readonlyrootfilesystem=true", "drop=all", "privileged=false"];

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let name = file.name();
    if file.fact.op() == Op::Delete {
        let guards = |line: Line<'_>| bare(line.text).strip_prefix("kind:").is_some_and(|kind| GUARDS.contains(&kind));
        if matches!(language::ending(name), "yaml" | "yml") && lines(file.old_text.unwrap_or_default()).any(guards) {
            judge.find("infra/privilege", file, "this kept others out, and is gone".to_owned(), Way::Rule);
        }
        return;
    }
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let terraform =
        matches!(ending, "tf" | "tofu" | "tfvars" | "nomad") || name.ends_with(".tf.json") || matches!(name, "terragrunt.hcl" | "root.hcl");
    let terraform = terraform || name.ends_with(".pkr.hcl") || name.ends_with(".nomad.hcl");
    let values = name.strip_prefix("values").is_some_and(|rest| rest.starts_with(['.', '-', '_'])) || name.starts_with("kustomization.");
    let may = || matches!(ending, "yaml" | "yml" | "json" | "tpl" | "gotmpl" | "template" | "bicep" | "container" | "kube");
    let speaks = || [file.text, file.old_text].into_iter().flatten().any(|text| is_infrastructure(file.folded, text));
    if !terraform && (!may() || !(values || speaks())) {
        return;
    }
    let found = by_line(file, terraform).or_else(|| by_value(file));
    if let Some((line, what)) = found {
        let place = line.map_or_else(|| Place::from(file), |line| Place::shown(file, line));
        judge.find("infra/privilege", place, what, Way::Rule);
    }
    if terraform {
        programs(judge, file);
    }
}

/// Whether a text sets up machines, by its own words.
fn is_infrastructure(path: &str, text: &str) -> bool {
    let kubernetes = (text.contains("apiVersion") && text.contains("kind")) || text.contains("securityContext");
    let cloud = text.contains("AWSTemplateFormatVersion")
        || text.contains("\"Statement\"")
        || text.contains("AWS::")
        || text.contains("Statement:")
        || text.contains("iamRoleStatements")
        || text.contains("Microsoft.Authorization");
    let chart = path
        .split('/')
        .any(|name| matches!(name, "helm" | "charts" | "chart" | "k8s" | "kubernetes" | "kustomize" | "manifests" | "deploy"));
    kubernetes || cloud || chart
}

/// Without spaces, quotes, list marks and capitals.
fn bare(line: &str) -> String {
    let code = line.split(" #").next().unwrap_or_default().trim().trim_start_matches("- ");
    code.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'')).flat_map(char::to_lowercase).collect()
}

fn by_line<'a>(file: &File<'a>, terraform: bool) -> Option<(Option<Line<'a>>, String)> {
    let all: Vec<Line<'_>> = lines(file.text.unwrap_or_default()).collect();
    for line in file.added {
        // The items of a list may stand on lines of their own.
        let text = bare(line.text);
        let text = if terraform && text.starts_with('*') { listed(&all, *line) + "*]" } else { text };
        if text.starts_with(['#', '/']) {
            continue;
        }
        if let Some(right) = RIGHTS.iter().find(|right| holds(&text, right)) {
            return Some((Some(*line), format!("this gives more rights: {}", named(right))));
        }
        if (text.contains("0.0.0.0/0") || text.contains("::/0")) && !goes_out(&all, *line, terraform) {
            return Some((Some(*line), "this lets every address in".to_owned()));
        }
    }
    None
}

/// The key of the list that a line is in, with what opens it.
fn listed(all: &[Line<'_>], line: Line<'_>) -> String {
    let number = usize::try_from(line.number).unwrap_or(usize::MAX);
    let above = all.get(number.saturating_sub(AROUND)..number.saturating_sub(1)).unwrap_or_default();
    above.iter().rev().map(|line| bare(line.text)).find(|text| text.ends_with('[')).unwrap_or_default()
}

/// Whether `text` has `right` as a whole word.
fn holds(text: &str, right: &str) -> bool {
    text.match_indices(right).any(|(at, _)| {
        let joined = |c: char| c.is_alphanumeric() || c == '_';
        let before = text[..at].chars().next_back().is_none_or(|c| !joined(c) || !right.starts_with(joined));
        let after = text[at + right.len()..].chars().next().is_none_or(|c| {
            if right.ends_with('*') { !matches!(c, '.' | '/' | ':') } else { !joined(c) && c != '.' || right.ends_with([':', '{']) }
        });
        before && after
    })
}

/// Whether the nearest words above say that this is about what goes out.
fn goes_out(all: &[Line<'_>], line: Line<'_>, terraform: bool) -> bool {
    let number = usize::try_from(line.number).unwrap_or(usize::MAX);
    let above = all.get(number.saturating_sub(AROUND)..number.min(all.len())).unwrap_or_default();
    let word = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    let near = above.iter().rev().map(|line| line.text.to_lowercase());
    let said =
        near.map(|text| (word(&text, &["egress", "outbound"]), word(&text, &["ingress", "inbound"]))).find(|(out, inside)| *out || *inside);
    let route =
        || above.iter().rev().take(6).any(|line| word(&line.text.to_lowercase(), &["aws_route", "route {", "destination", "next_hop"]));
    said.is_some_and(|(out, _)| out) || (terraform && route())
}

/// Values over several lines, and what keeps rights small and is gone.
fn by_value<'a>(file: &File<'a>) -> Option<(Option<Line<'a>>, String)> {
    let count = |text: Option<&str>| {
        text.and_then(yaml::parse).map(|documents| {
            let (mut counts, mut left) = (BTreeMap::new(), VALUES);
            documents.iter().for_each(|document| walk(document, "", &mut counts, &mut left));
            (counts, left > 0)
        })
    };
    let (old, (new, whole)) = (count(file.old_text).unwrap_or_default().0, count(file.text)?);
    if !whole {
        return Some((None, "this has more values than are looked at".to_owned()));
    }
    let more = new.iter().find(|(key, count)| *key != IMAGES && !HARDENED.contains(&key.as_str()) && old.get(*key).unwrap_or(&0) < count);
    if let Some((key, _)) = more {
        return Some((None, format!("this gives more rights: {}", named(key))));
    }
    // Less of everything is what was taken out as a whole.
    if new.get(IMAGES) < old.get(IMAGES) {
        return None;
    }
    let less = old.iter().find(|(key, count)| HARDENED.contains(&key.as_str()) && new.get(*key).unwrap_or(&0) < count);
    less.map(|(key, _)| (None, format!("this keeps rights small and is gone: {}", named(key))))
}

/// Counts pairs of a key and a value that matter.
fn walk(value: &Value, key: &str, counts: &mut BTreeMap<String, usize>, left: &mut usize) {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return;
    }
    if let Some(text) = value.text().filter(|_| key.len() <= NAME) {
        let text = text.to_lowercase();
        let says =
            |right: &&&str| right.split_once([':', '=']).is_some_and(|(name, value)| name == key && value.trim_matches(['[', ']']) == text);
        let right = RIGHTS.iter().find(says).is_some();
        let pair = if key == IMAGES { key.to_owned() } else { format!("{key}={text}") };
        if key == IMAGES || right || HARDENED.contains(&pair.as_str()) {
            *counts.entry(pair).or_default() += 1;
        }
    }
    value.items().for_each(|item| walk(item, key, counts, left));
    for (name, inner) in value.pairs() {
        walk(inner, &name.text().unwrap_or_default().to_lowercase(), counts, left);
    }
}

/// Programs that run when Terraform is applied, and modules and providers from elsewhere.
fn programs(judge: &mut Judge<'_>, file: &File<'_>) {
    for line in file.added {
        let text = bare(line.text);
        let inner = text.split_once('{').map_or(text.as_str(), |(_, inner)| inner);
        let source = text.strip_prefix("source=").or_else(|| text.strip_prefix("source:")).or_else(|| inner.strip_prefix("source="));
        if PROGRAMS
            .iter()
            .any(|program| text.contains(program) && (*program != "backend" || text.ends_with('{') && text.starts_with("backend")))
        {
            judge.find("infra/program", Place::shown(file, *line), "this runs a program when it is set up".to_owned(), Way::Rule);
        } else if let Some(source) = source.filter(|source| !source.starts_with("./") && !source.starts_with("../") && source.contains('/'))
        {
            let message = format!("this module or provider comes from {}", named(source));
            judge.find("infra/program", Place::shown(file, *line), message, Way::Rule);
        }
    }
}
