//! Who can repair what Front refused: the engine, by sending it without a part; an operator, while the work waits; or no one.
//!
//! Front's reference names hardly any refusal, so words decide where they say enough, and the status and the request
//! otherwise. What several causes can explain is tried in the order of their cost.

use calltrail_front::{Refusal, Request};

use crate::condition::Condition;

/// Who can repair a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Repair {
    /// The engine: the same is sent without, or with less of, this part.
    Engine(Part),
    /// An operator: until then the work waits.
    Operator(Condition),
    /// Front has not the inbox or not the conversation, and does not say which.
    Unclear,
    /// No one: a dead letter.
    Nobody,
}

/// A part of a request that it can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    File,
    Author,
    /// The text is shortened.
    Text,
    /// Front does not have it any more.
    Conversation,
}

const FORBIDDEN: u16 = 403;
const TOO_LARGE: u16 = 413;
/// Answers to something that is not there. Front was seen to answer both 400 and 404 to an unknown conversation.
const NOT_THERE: [u16; 4] = [400, 404, 410, 422];
const GONE: [u16; 2] = [404, 410];
/// Answers that may be about a file.
const FILE: [u16; 4] = [400, TOO_LARGE, 415, 422];
const TOO_LONG: [&str; 6] = ["too long", "too large", "too big", "length", "exceed", "maximum"];

/// Who can repair that Front refuses this request; `author_cleared` when its author is known not to be the cause.
pub(crate) fn repair(request: &Request, refusal: &Refusal, author_cleared: bool) -> Repair {
    let (status, words) = (refusal.status, refusal.message.to_lowercase());
    let names = |any: &[&str]| any.iter().any(|word| words.contains(word));
    let has_conversation = request.conversation().is_some();
    let inbox = request.inbox().cloned();
    let without_author = || (request.has_author() && !author_cleared).then_some(Repair::Engine(Part::Author));
    if status == FORBIDDEN {
        let names_token = names(&["scope", "token"]);
        let author = if names_token { None } else { without_author() };
        return author.unwrap_or_else(|| Repair::Operator(forbidden(request, names_token)));
    }
    let is_not_there = NOT_THERE.contains(&status);
    if is_not_there && has_conversation && names(&["conversation"]) {
        return Repair::Engine(Part::Conversation);
    }
    match inbox {
        Some(inbox) if is_not_there && names(&["inbox"]) => {
            return Repair::Operator(Condition::UnknownInbox(inbox));
        }
        _ => {}
    }
    if request.has_file() && FILE.contains(&status) {
        return Repair::Engine(Part::File);
    }
    let is_too_long = status == TOO_LARGE || ([400, 422].contains(&status) && names(&TOO_LONG));
    if is_too_long && request.has_text() {
        return Repair::Engine(Part::Text);
    }
    if let Some(repair) = without_author() {
        return repair;
    }
    match (request.inbox(), GONE.contains(&status)) {
        (Some(_), true) if has_conversation => Repair::Unclear,
        (Some(inbox), true) => Repair::Operator(Condition::UnknownInbox(inbox.clone())),
        (None, true) if request.is_about_conversation() => Repair::Engine(Part::Conversation),
        (_, _) => Repair::Nobody,
    }
}

/// A right that the token lacks, or something that is not shared with it.
fn forbidden(request: &Request, names_token: bool) -> Condition {
    let place = request.conversation().map(ToString::to_string);
    let place = place.or_else(|| request.inbox().map(ToString::to_string));
    match (place, request.kind().scope()) {
        (Some(place), _) if !names_token => Condition::NotShared(place),
        (_, scope) => Condition::MissingScope(scope),
    }
}

#[cfg(test)]
mod tests {
    use calltrail_domain::ids::{ConversationId, TagId, TeammateId};

    use super::*;

    fn comment(author: bool) -> Request {
        Request::AddComment {
            conversation: ConversationId::new("cnv_5"),
            author: author.then(|| TeammateId::new("tea_1")),
            body: "Text".to_owned(),
        }
    }

    fn read() -> Request {
        Request::GetConversation(ConversationId::new("cnv_5"))
    }

    fn check(request: &Request, status: u16, words: &str, expect: &Repair) {
        let refusal = Refusal { status, message: words.to_owned(), contacts: Vec::new() };
        assert_eq!(repair(request, &refusal, false), *expect, "{status} {words}");
    }

    #[test]
    fn author_is_left_out_whatever_the_status() {
        for status in [400, 402, 403, 404, 405, 409, 422] {
            check(&comment(true), status, "Teammate is blocked", &Repair::Engine(Part::Author));
        }
    }

    #[test]
    fn rights_and_sharing_are_an_operators() {
        let scope = Repair::Operator(Condition::MissingScope("comments:write"));
        check(&comment(true), 403, "The token lacks the scope comments:write", &scope);
        let not_shared = Repair::Operator(Condition::NotShared("cnv_5".to_owned()));
        check(&comment(false), 403, "Forbidden", &not_shared);
        check(&read(), 403, "", &not_shared);
        let teammates = Repair::Operator(Condition::MissingScope("teammates:read"));
        check(&Request::ListTeammates, 403, "Forbidden", &teammates);
    }

    #[test]
    fn named_conversation_is_gone() {
        let gone = Repair::Engine(Part::Conversation);
        for status in [400, 404, 410] {
            check(&comment(true), status, "Unknown conversation ID cnv_5", &gone);
        }
        check(&comment(false), 404, "Not found", &gone);
        check(&read(), 404, "Not found", &gone);
        let tag = Request::AddTag { conversation: ConversationId::new("cnv_5"), tag: TagId::new("tag_1") };
        check(&tag, 404, "Not found", &Repair::Nobody);
        check(&tag, 404, "Unknown conversation", &gone);
    }

    #[test]
    fn text_that_is_too_long_is_shortened_and_the_rest_is_no_ones() {
        check(&comment(true), 413, "", &Repair::Engine(Part::Text));
        check(&comment(false), 422, "body exceeds 30000", &Repair::Engine(Part::Text));
        check(&comment(false), 422, "no", &Repair::Nobody);
        check(&Request::ListTeammates, 400, "no", &Repair::Nobody);
    }
}
