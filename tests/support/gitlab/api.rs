//! The REST API over the model.

use std::path::Path;

use serde_json::{Value, json};

use super::{Emoji, MergeRequest, Model, PROJECT, Request, Response, http::decode, reads};

/// Who asks.
#[derive(Clone, Copy)]
enum Caller {
    User(u64),
    Job(u64),
}

type Branch<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn answer(model: &mut Model, request: &Request, branch: Branch<'_>, repository: &Path) -> Response {
    let Some(caller) = caller(model, request) else { return Response::message(401, "Unauthorized") };
    let path: Vec<String> = request.path.trim_start_matches("/api/v4/").split('/').map(decode).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Caller::Job(job) = caller {
        return match path[..] {
            ["job"] => {
                Response::json(200, &json!({"id": job, "status": model.jobs[&job], "pipeline": {"id": 5, "project_id": model.runs_in}}))
            }
            _ => Response::message(401, "Unauthorized"),
        };
    }
    let Caller::User(user) = caller else { return Response::message(401, "Unauthorized") };
    match path[..] {
        ["user"] => Response::json(200, &model.user_json(user)),
        ["projects", id, ..] if id != PROJECT.to_string() && id != super::PATH => Response::message(404, "Project Not Found"),
        ["projects", _, ref rest @ ..] => match reads::answer(model, request, rest, repository) {
            Some(answer) => answer,
            None => project(model, request, user, rest, branch),
        },
        _ => Response::message(404, "Not Found"),
    }
}

fn caller(model: &Model, request: &Request) -> Option<Caller> {
    if let Some(token) = request.header("job-token") {
        let job = *model.job_tokens.get(token)?;
        // The token of a job that ended is worth nothing.
        return matches!(model.jobs[&job].as_str(), "running" | "canceling").then_some(Caller::Job(job));
    }
    model.tokens.get(request.header("private-token")?).copied().map(Caller::User)
}

fn project(model: &mut Model, request: &Request, user: u64, path: &[&str], branch: Branch<'_>) -> Response {
    let found = |value: Option<Value>| value.map_or_else(|| Response::message(404, "Not found"), |value| Response::json(200, &value));
    if request.method != "GET" {
        let writes = model.users[&user].role >= 30 || path.last() == Some(&"notes");
        return if writes { write(model, request, user, path, branch) } else { Response::message(403, "Forbidden") };
    }
    match *path {
        [] => Response::json(200, &model.project_json(Some(user))),
        ["protected_branches"] => {
            paged(request, model.protected.iter().map(|name| json!({"name": name, "allow_force_push": false})).collect())
        }
        ["repository", "branches", name] => {
            found(branch(name).map(|id| json!({"name": name, "protected": model.is_protected(name), "commit": {"id": id}})))
        }
        ["members", "all", id] => found(
            id.parse()
                .ok()
                .and_then(|id: u64| model.users.get(&id))
                .map(|user| json!({"id": user.id, "username": user.username, "access_level": user.role})),
        ),
        ["issues", iid] => found(model.issues.iter().find(|one| one.iid.to_string() == iid).map(|one| model.issue_json(one))),
        ["merge_requests"] => paged(request, merge_requests(model, request, branch)),
        ["merge_requests", iid] => {
            let one = model.merge_requests.iter().find(|one| one.iid.to_string() == iid);
            found(one.map(|one| model.merge_request_json(one, branch(&one.source_branch))))
        }
        [kind, iid, what @ ("notes" | "discussions")] if exists(model, kind, iid) => {
            let on = format!("{kind}/{iid}");
            paged(request, if what == "discussions" { model.discussions_json(&on) } else { notes(model, request, &on) })
        }
        _ => Response::message(404, "Not found"),
    }
}

fn exists(model: &Model, kind: &str, iid: &str) -> bool {
    match kind {
        "issues" => model.issues.iter().any(|one| one.iid.to_string() == iid),
        "merge_requests" => model.merge_requests.iter().any(|one| one.iid.to_string() == iid),
        _ => false,
    }
}

fn merge_requests(model: &Model, request: &Request, branch: Branch<'_>) -> Vec<Value> {
    let (source, state) = (request.parameter("source_branch"), request.parameter("state"));
    let fits = |one: &&MergeRequest| {
        source.as_ref().is_none_or(|source| *source == one.source_branch)
            && state.as_ref().is_none_or(|state| state == "all" || *state == one.state)
    };
    model.merge_requests.iter().rev().filter(fits).map(|one| model.merge_request_json(one, branch(&one.source_branch))).collect()
}

fn notes(model: &Model, request: &Request, on: &str) -> Vec<Value> {
    let mut notes: Vec<Value> = model.notes.iter().filter(|note| note.on == on).map(|note| model.note_json(note)).collect();
    if request.parameter("sort").as_deref() != Some("asc") {
        notes.reverse();
    }
    notes
}

/// One page of `items` with GitLab's headers.
pub(super) fn paged(request: &Request, items: Vec<Value>) -> Response {
    let number = |name: &str, default: usize| request.parameter(name).and_then(|value| value.parse().ok()).unwrap_or(default);
    let (page, size) = (number("page", 1), number("per_page", 20).clamp(1, 100));
    let pages = items.len().div_ceil(size).max(1);
    let next = if page < pages { (page + 1).to_string() } else { String::new() };
    let total = items.len().to_string();
    let body: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
    let mut response = Response::json(200, &Value::from(body));
    for (name, value) in [("X-Next-Page", next), ("X-Total-Pages", pages.to_string()), ("X-Page", page.to_string()), ("X-Total", total)] {
        response.headers.push((name.to_owned(), value));
    }
    response
}

fn write(model: &mut Model, request: &Request, user: u64, path: &[&str], branch: Branch<'_>) -> Response {
    let body = request.json();
    match (request.method.as_str(), path) {
        ("POST", ["merge_requests"]) => create(model, &body, user, branch),
        ("PUT", ["merge_requests", iid]) => update(model, &body, iid, branch),
        ("POST", [kind, iid, "notes"]) if exists(model, kind, iid) => note(model, &body, user, &format!("{kind}/{iid}"), None),
        ("POST", [kind, iid, "discussions", id, "notes"]) if model.notes.iter().any(|note| note.discussion == *id) => {
            note(model, &body, user, &format!("{kind}/{iid}"), Some((*id).to_owned()))
        }
        ("PUT", [_, _, "notes", id]) => edit(model, &body, user, id),
        ("POST", [kind, iid, "award_emoji"]) if exists(model, kind, iid) => award(model, &body, user, format!("{kind}/{iid}"), None),
        ("POST", [kind, iid, "notes", id, "award_emoji"]) if exists(model, kind, iid) => {
            award(model, &body, user, format!("{kind}/{iid}"), id.parse().ok())
        }
        _ => Response::message(404, "Not found"),
    }
}

fn create(model: &mut Model, body: &Value, author: u64, branch: Branch<'_>) -> Response {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let source_branch = text("source_branch");
    if branch(&source_branch).is_none() {
        return Response::json(400, &json!({"message": {"source_branch": ["does not exist"]}}));
    }
    if let Some(other) = model.merge_requests.iter().find(|one| one.source_branch == source_branch && one.state == "opened") {
        let message = format!("Another open merge request already exists for this source branch: !{}", other.iid);
        return Response::json(409, &json!({"message": [message]}));
    }
    let (iid, created_at) = (model.merge_requests.len() as u64 + 1, model.tick());
    let (title, description, target_branch) = (text("title"), text("description"), text("target_branch"));
    let labels = words(&body["labels"]);
    let state = "opened".to_owned();
    let made = MergeRequest { iid, title, description, state, source_branch, target_branch, labels, author, created_at };
    let answer = model.merge_request_json(&made, branch(&made.source_branch));
    model.merge_requests.push(made);
    Response::json(201, &answer)
}

fn update(model: &mut Model, body: &Value, iid: &str, branch: Branch<'_>) -> Response {
    let Some(one) = model.merge_requests.iter_mut().find(|one| one.iid.to_string() == iid) else {
        return Response::message(404, "Not found");
    };
    for (key, field) in [("title", &mut one.title), ("description", &mut one.description)] {
        if let Some(text) = body[key].as_str() {
            text.clone_into(field);
        }
    }
    one.labels.extend(words(&body["add_labels"]));
    let one = one.clone();
    Response::json(200, &model.merge_request_json(&one, branch(&one.source_branch)))
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn note(model: &mut Model, body: &Value, author: u64, on: &str, discussion: Option<String>) -> Response {
    let (id, _) = model.add_note(on, body["body"].as_str().unwrap_or_default(), author, discussion);
    let made = model.notes.iter().find(|note| note.id == id).map(|note| model.note_json(note));
    Response::json(201, &made.unwrap())
}

fn edit(model: &mut Model, body: &Value, user: u64, id: &str) -> Response {
    let at = model.tick();
    let Some(note) = model.notes.iter_mut().find(|note| note.id.to_string() == id) else { return Response::message(404, "Not found") };
    if note.author != user {
        return Response::message(403, "Forbidden");
    }
    (note.body, note.updated_at) = (body["body"].as_str().unwrap_or_default().to_owned(), at);
    let note = note.clone();
    Response::json(200, &model.note_json(&note))
}

fn award(model: &mut Model, body: &Value, user: u64, on: String, note: Option<u64>) -> Response {
    let emoji = Emoji { on, note, name: body["name"].as_str().unwrap_or_default().to_owned(), user };
    if model.emoji.contains(&emoji) {
        return Response::json(404, &json!({"message": "404 Award Emoji Name has already been taken Not Found"}));
    }
    let answer = json!({"id": model.emoji.len() + 1, "name": emoji.name});
    // GitLab moves the note's time, so that open pages show the emoji.
    let at = model.tick();
    model.notes.iter_mut().filter(|one| Some(one.id) == note).for_each(|one| one.updated_at.clone_from(&at));
    model.emoji.push(emoji);
    Response::json(201, &answer)
}
