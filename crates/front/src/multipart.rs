//! A body with a file: `multipart/form-data`, in which the names of fields tell where a value stands in the JSON.
//!
//! Front documents that attachments want it, and not how nested fields are named. `sender[handle]`, `to[0]` and
//! `attachments[0]` is what clients that are in use send. Where Front refuses it, the message is sent without the file.

use bytes::Bytes;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

/// A file that goes with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    pub name: String,
    /// A media type, `audio/mpeg`.
    pub content_type: String,
    pub bytes: Bytes,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attachment({} bytes)", self.bytes.len())
    }
}

/// The body as a form with the file. One whose type is no media type goes without it.
pub(crate) fn form(body: &Value, file: &Attachment) -> Form {
    let mut form = Form::new();
    for (name, value) in fields(body) {
        form = form.text(name, value);
    }
    let length = file.bytes.len() as u64;
    let part = Part::stream_with_length(file.bytes.clone(), length).file_name(file.name.clone());
    match part.mime_str(&file.content_type) {
        Ok(part) => form.part("attachments[0]", part),
        Err(_) => form,
    }
}

/// Every value that is no object and no list, by its place.
fn fields(body: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Value::Object(members) = body {
        members.iter().for_each(|(name, value)| collect(name.clone(), value, &mut found));
    }
    found
}

fn collect(name: String, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(member, value)| collect(format!("{name}[{member}]"), value, found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| collect(format!("{name}[{at}]"), value, found));
        }
        Value::Null => {}
        Value::String(text) => found.push((name, text.clone())),
        Value::Bool(_) | Value::Number(_) => found.push((name, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fields;

    #[test]
    fn each_value_is_named_by_its_place() {
        let body =
            json!({"sender": {"handle": "h"}, "to": ["a", "b"], "n": 5, "m": {"yes": true}, "none": null});
        let mut found = fields(&body);
        found.sort();
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expect = [
            named("m[yes]", "true"),
            named("n", "5"),
            named("sender[handle]", "h"),
            named("to[0]", "a"),
            named("to[1]", "b"),
        ];
        assert_eq!(found, expect);
    }
}
