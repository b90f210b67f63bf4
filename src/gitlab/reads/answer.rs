//! Answers, without what only some eyes may see: whoever sees the agent's merge request might see it too.

use serde_json::Value;

use super::Shape;

/// Why nothing of an answer is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is confidential or internal: for the agent it is not there.
    Hidden,
    /// It is not what GitLab answers to such a request.
    Odd,
}

/// Of a project, what everyone who sees it sees, and no token (`runners_token`), no address with a password (`import_url`),
/// no count that counts hidden issues.
const PROJECT: &[&str] = &[
    "archived",
    "auto_devops_enabled",
    "builds_access_level",
    "ci_config_path",
    "created_at",
    "default_branch",
    "description",
    "empty_repo",
    "http_url_to_repo",
    "id",
    "issues_access_level",
    "issues_enabled",
    "jobs_enabled",
    "last_activity_at",
    "lfs_enabled",
    "license",
    "license_url",
    "merge_method",
    "merge_requests_access_level",
    "merge_requests_enabled",
    "name",
    "name_with_namespace",
    "only_allow_merge_if_all_discussions_are_resolved",
    "only_allow_merge_if_pipeline_succeeds",
    "path",
    "path_with_namespace",
    "readme_url",
    "remove_source_branch_after_merge",
    "repository_access_level",
    "squash_option",
    "ssh_url_to_repo",
    "topics",
    "visibility",
    "web_url",
    "wiki_enabled",
];

/// Of an issue or merge request, what counts or names things that may be hidden: notes, blocked issues, an epic, the issue that it
/// was moved to; whoever wrote by mail; and text that was rendered for the token's eyes, in which a reference to a hidden issue
/// has that one's title.
const TELLING: &[&str] = &[
    "blocking_issues_count",
    "description_html",
    "epic",
    "epic_iid",
    "moved_to_id",
    "service_desk_reply_to",
    "title_html",
    "user_notes_count",
];

/// What of `answer` may be shown. Whole answers are not read here.
///
/// # Errors
/// An [`Unfit`].
pub fn fit(shape: Shape, answer: Value) -> Result<Value, Unfit> {
    match shape {
        Shape::Whole => Ok(answer),
        Shape::Project => project(answer),
        Shape::Issue => issue(answer),
        Shape::Issues => all(answer, issue),
        Shape::MergeRequest => discreet(answer),
        Shape::MergeRequests => all(answer, discreet),
        Shape::Note => note(answer),
        Shape::Notes => all(answer, note),
        Shape::Discussion => discussion(answer),
        Shape::Discussions => all(answer, discussion),
    }
}

fn project(answer: Value) -> Result<Value, Unfit> {
    let Value::Object(mut fields) = answer else { return Err(Unfit::Odd) };
    fields.retain(|name, _| PROJECT.contains(&name.as_str()));
    Ok(fields.into())
}

/// Those of a list that are not hidden.
fn all(answer: Value, show: fn(Value) -> Result<Value, Unfit>) -> Result<Value, Unfit> {
    let Value::Array(items) = answer else { return Err(Unfit::Odd) };
    let shown = items.into_iter().map(show).filter(|one| *one != Err(Unfit::Hidden));
    shown.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn discreet(answer: Value) -> Result<Value, Unfit> {
    let Value::Object(mut fields) = answer else { return Err(Unfit::Odd) };
    fields.retain(|name, _| !TELLING.contains(&name.as_str()));
    Ok(fields.into())
}

/// One that says that it is not confidential.
fn issue(answer: Value) -> Result<Value, Unfit> {
    let open = answer["confidential"] == Value::Bool(false);
    discreet(answer).and_then(|issue| if open { Ok(issue) } else { Err(Unfit::Hidden) })
}

fn note(answer: Value) -> Result<Value, Unfit> {
    match answer {
        Value::Object(_) if is_open_note(&answer) => Ok(answer),
        Value::Object(_) => Err(Unfit::Hidden),
        _ => Err(Unfit::Odd),
    }
}

/// A discussion with its open notes; one without any is hidden.
fn discussion(mut answer: Value) -> Result<Value, Unfit> {
    let Some(Value::Array(notes)) = answer.get_mut("notes") else { return Err(Unfit::Odd) };
    notes.retain(is_open_note);
    if notes.is_empty() { Err(Unfit::Hidden) } else { Ok(answer) }
}

/// A person's, and not only for some: `internal`, and `confidential`, its older name: one of them is there, and none says yes.
/// GitLab knows null for no. Of GitLab's own notes it decides for each reader which to show, since they name other issues.
fn is_open_note(note: &Value) -> bool {
    let said: Vec<&Value> = ["internal", "confidential"].iter().filter_map(|name| note.get(*name)).collect();
    let no = |value: &Value| value.is_null() || *value == Value::Bool(false);
    note["system"] == Value::Bool(false) && !said.is_empty() && said.into_iter().all(no)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_says_that_it_is_open_is_shown() {
        for (issue, open) in [(json!({"confidential": false}), true), (json!({"confidential": true}), false), (json!({}), false)] {
            assert_eq!(fit(Shape::Issue, issue.clone()).is_ok(), open, "{issue}");
            assert_eq!(fit(Shape::Issues, json!([issue])).unwrap().as_array().unwrap().len(), usize::from(open));
        }
        for (note, open) in [
            (json!({"system": false, "internal": false, "confidential": false}), true),
            (json!({"system": false, "internal": null, "confidential": null}), true),
            (json!({"system": false, "confidential": false}), true),
            (json!({"system": false, "internal": true, "confidential": false}), false),
            (json!({"system": false, "internal": false, "confidential": true}), false),
            (json!({"system": false, "internal": "no"}), false),
            (json!({"system": true, "internal": false}), false),
            (json!({"internal": false}), false),
            (json!({"system": false, "body": "x"}), false),
        ] {
            assert_eq!(fit(Shape::Note, note.clone()).is_ok(), open, "{note}");
            assert_eq!(fit(Shape::Notes, json!([note])).unwrap(), if open { json!([note]) } else { json!([]) });
            let kept = if open { json!([{"id": "a", "notes": [note]}]) } else { json!([]) };
            assert_eq!(fit(Shape::Discussions, json!([{"id": "a", "notes": [note]}])).unwrap(), kept);
        }
        assert_eq!(fit(Shape::Issue, json!({"confidential": true})), Err(Unfit::Hidden));
    }

    #[test]
    fn what_is_no_answer_is_not_shown() {
        for shape in [
            Shape::Project,
            Shape::Issue,
            Shape::Issues,
            Shape::MergeRequest,
            Shape::MergeRequests,
            Shape::Note,
            Shape::Notes,
            Shape::Discussion,
            Shape::Discussions,
        ] {
            assert_eq!(fit(shape, json!("text")), Err(Unfit::Odd), "{shape:?}");
        }
        assert_eq!(fit(Shape::Issues, json!({"message": "x"})), Err(Unfit::Odd));
    }

    #[test]
    fn no_count_tells_of_what_is_hidden() {
        let one = json!({"iid": 1, "confidential": false, "user_notes_count": 3, "epic": {"title": "x"}, "moved_to_id": 9,
            "title_html": "x", "description_html": "<a title=\"A hole\">#2</a>", "service_desk_reply_to": "someone@host.example"});
        for shape in [Shape::Issue, Shape::MergeRequest] {
            assert_eq!(fit(shape, one.clone()).unwrap(), json!({"iid": 1, "confidential": false}));
        }
    }

    #[test]
    fn of_a_project_no_token_is_shown() {
        let shown = fit(Shape::Project, json!({"id": 42, "runners_token": "made-up", "open_issues_count": 3})).unwrap();
        assert_eq!(shown, json!({"id": 42}));
    }
}
