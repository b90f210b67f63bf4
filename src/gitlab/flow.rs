//! What GitLab's own flow triggers tell a job: the variables `AI_FLOW_*`.

use serde_json::Value;

use super::Noteable;

/// What `AI_FLOW_CONTEXT` points at. Its form is not fixed by GitLab's documentation ("JSON-serialized parent object"): a
/// webhook's payload, a single issue or merge request, or one of them under its own key are all understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pointers {
    pub(super) on: Option<Noteable>,
    pub(super) discussion: Option<String>,
    pub(super) note: Option<u64>,
}

pub(super) fn pointers(context: &Value) -> Pointers {
    let attributes = context.get("object_attributes").filter(|value| value.is_object());
    let note = attributes.filter(|_| context.get("object_kind").is_none_or(|kind| kind == "note"));
    let note = note.filter(|note| note.get("note").is_some()).or_else(|| context.get("note").filter(|note| note.is_object()));
    Pointers {
        on: subject(context, attributes),
        discussion: [Some(context), note].into_iter().flatten().find_map(|value| discussion(value.get("discussion_id")?)),
        note: number(context.get("note_id")).or_else(|| number(note?.get("id"))),
    }
}

/// A discussion id is hex; anything else is dropped, since it becomes part of an address.
pub(super) fn discussion(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    ((1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned())
}

fn subject(context: &Value, attributes: Option<&Value>) -> Option<Noteable> {
    let all = [Some(context), attributes];
    let kind = all.iter().flatten().find_map(|value| value.get("noteable_type")?.as_str());
    match kind {
        Some("MergeRequest") => merge_request(context).or_else(|| own(context, attributes).map(Noteable::MergeRequest)),
        Some("Issue" | "WorkItem") => issue(context).or_else(|| own(context, attributes).map(Noteable::Issue)),
        Some(_) => None,
        None => merge_request(context).or_else(|| issue(context)).or_else(|| whole(attributes.unwrap_or(context))),
    }
}

fn merge_request(context: &Value) -> Option<Noteable> {
    under(context, "merge_request").map(Noteable::MergeRequest)
}

fn issue(context: &Value) -> Option<Noteable> {
    under(context, "issue").or_else(|| under(context, "work_item")).map(Noteable::Issue)
}

/// `{"issue": {"iid": 7}}` or `{"issue_iid": 7}`.
fn under(context: &Value, key: &str) -> Option<u64> {
    number(context.get(key).and_then(|value| value.get("iid"))).or_else(|| number(context.get(format!("{key}_iid"))))
}

fn own(context: &Value, attributes: Option<&Value>) -> Option<u64> {
    let all = [Some(context), attributes];
    all.iter().flatten().find_map(|value| number(value.get("noteable_iid")).or_else(|| number(value.get("iid"))))
}

/// The object itself: a merge request has a source branch.
fn whole(value: &Value) -> Option<Noteable> {
    let iid = number(value.get("iid"))?;
    Some(if value.get("source_branch").is_some() { Noteable::MergeRequest(iid) } else { Noteable::Issue(iid) })
}

/// A positive number, written as a number or as text.
fn number(value: Option<&Value>) -> Option<u64> {
    let number = match value? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_u64()?,
    };
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_known_shape_points_at_its_subject() {
        let hook = json!({"object_kind": "note", "object_attributes": {"id": 5, "note": "@bot do", "noteable_type": "Issue",
            "discussion_id": "ab12"}, "issue": {"iid": 7}});
        assert_eq!(pointers(&hook), Pointers { on: Some(Noteable::Issue(7)), discussion: Some("ab12".to_owned()), note: Some(5) });
        for (context, on) in [
            (json!({"issue": {"iid": 7}}), Noteable::Issue(7)),
            (json!({"merge_request": {"iid": "9"}}), Noteable::MergeRequest(9)),
            (json!({"issue_iid": 3}), Noteable::Issue(3)),
            (json!({"iid": 4, "title": "x"}), Noteable::Issue(4)),
            (json!({"iid": 4, "source_branch": "x"}), Noteable::MergeRequest(4)),
            (json!({"noteable_type": "MergeRequest", "noteable_iid": 8}), Noteable::MergeRequest(8)),
            (json!({"object_kind": "issue", "object_attributes": {"id": 99, "iid": 6}}), Noteable::Issue(6)),
        ] {
            assert_eq!(pointers(&context).on, Some(on), "{context}");
        }
    }

    #[test]
    fn what_is_no_pointer_points_nowhere() {
        for context in [json!(null), json!([]), json!({"iid": -1}), json!({"noteable_type": "Epic", "iid": 1}), json!({"issue": 7})] {
            assert_eq!(pointers(&context).on, None, "{context}");
        }
        assert_eq!(discussion(&json!("../../x")), None);
    }
}
