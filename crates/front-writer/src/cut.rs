//! What is kept of a refusal, cut to what the stores take. The note in its place says so.

use calltrail_domain::effect::Action;
use calltrail_event_log::limits::BODY_BYTES_MAX;
use calltrail_front::WireRequest;
use serde::Serialize;
use serde_json::{Value, json};

use crate::dead_letter::DeadLetter;
use crate::limits::{KEPT_REQUEST_BYTES_MAX, KEPT_TEXT_CHARS_MAX};

/// The request, without its texts when they are too long.
pub(crate) fn request(mut wire: WireRequest) -> WireRequest {
    if let Some(size_bytes) = too_long(&wire, KEPT_REQUEST_BYTES_MAX) {
        wire.path = shortened(&wire.path);
        wire.body = wire.body.map(|body| with_short_texts(&body, size_bytes));
    }
    wire
}

/// The letter, without its request and then without long texts when it is too large to be kept.
pub(crate) fn letter(mut letter: DeadLetter) -> DeadLetter {
    if too_long(&letter, BODY_BYTES_MAX).is_some() {
        letter.request = None;
    }
    if too_long(&letter, BODY_BYTES_MAX).is_some() {
        match &mut letter.effect.action {
            Action::ImportActivity(import) => import.body = shortened(&import.body),
            Action::AddComment(comment) => {
                comment.body = shortened(&comment.body);
                comment.unsigned_body = shortened(&comment.unsigned_body);
            }
            Action::LookUpContact(_)
            | Action::ObserveConversation(_)
            | Action::AssignConversation(_)
            | Action::ReopenConversation(_)
            | Action::TagConversation(_) => {}
        }
    }
    letter
}

/// Its length when it is longer than this. What has no JSON form is refused where it is stored.
fn too_long(value: &impl Serialize, most: usize) -> Option<usize> {
    let size_bytes = serde_json::to_vec(value).map_or(0, |bytes| bytes.len());
    (size_bytes > most).then_some(size_bytes)
}

/// The fields of the body, each text cut. Bodies are flat but for a few short fields, which are left out.
fn with_short_texts(body: &Value, size_bytes: usize) -> Value {
    let mut short = json!({"cut": format!("the request has {size_bytes} bytes; its texts are cut here")});
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => short[name] = Value::from(shortened(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => short[name] = value.clone(),
            Value::Array(_) | Value::Object(_) => {}
        }
    }
    short
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(KEPT_TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{} [cut: {} bytes]", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use calltrail_front::Method;

    use super::{KEPT_REQUEST_BYTES_MAX, Value, WireRequest, json, request};

    fn check(body: Value, expect: impl Fn(&WireRequest) -> bool) {
        let kept = request(WireRequest {
            method: Method::Post,
            path: "/conversations/cnv_1/comments".to_owned(),
            body: Some(body),
        });
        let size_bytes = serde_json::to_vec(&kept).expect("a request has a JSON form").len();
        assert!(size_bytes <= KEPT_REQUEST_BYTES_MAX);
        assert!(expect(&kept));
    }

    #[test]
    fn longest_comment_is_kept_whole() {
        for letter in ["a", "\u{1}", "😀"] {
            let body = json!({"author_id": "tea_1", "body": letter.repeat(10_000)});
            check(body.clone(), |kept| kept.body.as_ref() == Some(&body));
        }
    }

    #[test]
    fn oversized_request_is_cut_with_a_note() {
        let body =
            json!({"external_id": "calltrail:acme:7:call", "created_at": 7, "body": "😀".repeat(500_000)});
        check(body, |kept| {
            let body = kept.body.as_ref().expect("a body is kept");
            let text = body["body"].as_str().expect("a text is kept");
            body["external_id"] == "calltrail:acme:7:call"
                && body["created_at"] == 7
                && text.ends_with("[cut: 2000000 bytes]")
                && body["cut"].as_str().is_some_and(|note| note.contains("bytes"))
        });
    }
}
