//! Reads that only an agent makes.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{Model, Request, Response, api::paged};

/// The answer to a read of `path` below the project; none where it is another's to answer.
pub(super) fn answer(model: &Model, request: &Request, path: &[&str], repository: &Path) -> Option<Response> {
    let found = |value: Option<Value>| value.map_or_else(|| Response::message(404, "Not found"), |value| Response::json(200, &value));
    let text = |text: Option<Vec<u8>>| match text {
        Some(body) => Response { status: 200, headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())], body },
        None => Response::message(404, "Not found"),
    };
    let show = |path: &str| {
        let reference = request.parameter("ref").unwrap_or_else(|| "main".to_owned());
        let output = Command::new("git").arg("--git-dir").arg(repository).args(["show", &format!("{reference}:{path}")]).output().unwrap();
        output.status.success().then_some(output.stdout)
    };
    Some(match (request.method.as_str(), path) {
        ("GET", ["issues"]) => paged(request, issues(model, request)),
        ("GET", ["issues" | "merge_requests", iid, "notes", id]) => {
            let on = format!("{}/{iid}", path[0]);
            found(model.notes.iter().find(|note| note.on == on && note.id.to_string() == *id).map(|note| model.note_json(note)))
        }
        ("GET", ["issues" | "merge_requests", iid, "discussions", id]) => {
            found(model.discussions_json(&format!("{}/{iid}", path[0])).into_iter().find(|one| one["id"] == *id))
        }
        ("GET", ["repository", "tree"]) => {
            let output = Command::new("git").arg("--git-dir").arg(repository).args(["ls-tree", "--name-only", "main"]).output().unwrap();
            let names = String::from_utf8(output.stdout).unwrap();
            let mut response = paged(request, names.lines().map(|name| json!({"name": name, "path": name})).collect());
            let link = format!("<{}/api/v4/projects/42/repository/tree?id=42&page=2&per_page=1>; rel=\"next\"", model.url);
            response.headers.push(("Link".to_owned(), link));
            response
        }
        ("GET" | "HEAD", ["repository", "files", name]) => {
            let mut response = found(show(name).map(|text| json!({"file_path": name, "size": text.len(), "encoding": "base64"})));
            response.headers.push(("X-Gitlab-File-Path".to_owned(), (*name).to_owned()));
            if request.method == "HEAD" {
                response.body.clear();
            }
            response
        }
        ("GET", ["repository", "files", name, "raw"]) => text(show(name)),
        ("GET", ["jobs", id, "trace"]) => {
            text(id.parse().ok().and_then(|id: u64| model.traces.get(&id)).map(|text| text.clone().into_bytes()))
        }
        _ => return None,
    })
}

/// Newest first.
fn issues(model: &Model, request: &Request) -> Vec<Value> {
    let wanted = request.parameter("confidential");
    let fits = |confidential: bool| wanted.as_ref().is_none_or(|wanted| *wanted == confidential.to_string());
    model.issues.iter().rev().filter(|issue| fits(issue.confidential)).map(|issue| model.issue_json(issue)).collect()
}
