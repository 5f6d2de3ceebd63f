//! The rights that a token may lack: which scope each request needs (`x-required-scopes` of Front's API description).

use super::options::Behaviour;
use super::wire::{Reply, Request, Target};

/// Refuses a request whose scope the token lacks, before anything of it is read.
pub(super) fn check(behaviour: &Behaviour, request: &Request, target: &Target) -> Result<(), Reply> {
    let scope = scope_of(&request.method, target).filter(|scope| behaviour.lacking_scopes.contains(scope));
    scope.map_or(Ok(()), |scope| Err(Reply::forbidden(&scope)))
}

/// Nothing for `GET /me` and for what Front does not have.
fn scope_of(method: &str, target: &Target) -> Option<String> {
    let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
    let resource = match segments.as_slice() {
        ["me"] => return None,
        ["events", ..] => "events:*",
        ["company", "tags"] | ["tags", ..] => "tags",
        ["inboxes", _, "imported_messages"] | ["messages", ..] | ["conversations", _, "messages"] => {
            "messages"
        }
        ["conversations", _, "comments"] => "comments",
        ["conversations", _, "inboxes"] => "inboxes",
        [resource @ ("teammates" | "inboxes" | "contacts" | "conversations"), ..] => resource,
        _ => return None,
    };
    Some(format!("{resource}:{}", if method == "GET" { "read" } else { "write" }))
}
