//! Bodies with files: `multipart/form-data`, put back into the JSON that an endpoint reads.

use std::borrow::Cow;

use futures_util::FutureExt as _;
use multer::Multipart;
use serde_json::{Map, Value, json};

use super::wire::{Reply, Request};

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct File {
    /// As sent.
    pub name: String,
    /// As sent.
    pub content_type: String,
    /// Its size.
    pub bytes: usize,
}

/// The request's body as JSON, and its files; the body as it is when it is no form.
pub(super) fn read(request: &Request) -> Result<(Cow<'_, [u8]>, Vec<File>), Reply> {
    let boundary = request.header("content-type").and_then(|kind| multer::parse_boundary(kind).ok());
    let Some(boundary) = boundary else { return Ok((request.body.as_slice().into(), Vec::new())) };
    let whole = futures_util::stream::iter([Ok::<_, std::io::Error>(request.body.clone())]);
    // The body is here as a whole, so nothing is waited for.
    let parts = parts(Multipart::new(whole, boundary)).now_or_never();
    let (fields, files) = parts
        .and_then(Result::ok)
        .ok_or_else(|| Reply::bad_request("the form of the body cannot be read"))?;
    let mut body = Value::Object(Map::new());
    for (name, text) in fields {
        put(&mut body, &name, &text);
    }
    Ok((body.to_string().into_bytes().into(), files))
}

type Parts = (Vec<(String, String)>, Vec<File>);

async fn parts(mut form: Multipart<'_>) -> Result<Parts, multer::Error> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        match field.file_name().map(ToOwned::to_owned) {
            Some(file) => {
                let content_type = field.content_type().map(ToString::to_string).unwrap_or_default();
                files.push(File { name: file, content_type, bytes: field.bytes().await?.len() });
            }
            None => fields.push((name, field.text().await?)),
        }
    }
    Ok((fields, files))
}

/// Puts a value where `sender[handle]` or `to[0]` says. A form has no types: what reads as a number or as true or false
/// is one, except where Front takes text.
fn put(body: &mut Value, name: &str, text: &str) {
    let steps: Vec<&str> = name.split(['[', ']']).filter(|step| !step.is_empty()).collect();
    let mut place = body;
    for (at, step) in steps.iter().enumerate() {
        let is_list = steps.get(at + 1).is_some_and(|next| next.parse::<usize>().is_ok());
        let empty = || if is_list { json!([]) } else { json!({}) };
        place = match place {
            Value::Array(items) => {
                let index = step.parse::<usize>().unwrap_or(0).min(items.len());
                if index == items.len() {
                    items.push(empty());
                }
                &mut items[index]
            }
            Value::Object(members) => members.entry((*step).to_owned()).or_insert_with(empty),
            other => other,
        };
    }
    let typed =
        matches!(steps.last(), Some(&"created_at" | &"is_inbound" | &"is_archived" | &"should_skip_rules"));
    let value = typed.then(|| serde_json::from_str(text).ok()).flatten();
    *place = value.unwrap_or_else(|| Value::from(text));
}
