//! The route table: which method and path reaches which endpoint.

use serde_json::json;

use super::Front;
use super::wire::{Answered, Reply, Request, Target};

impl Front {
    pub(super) fn route(&mut self, now_ms: i64, request: &Request, target: &Target) -> Answered {
        let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
        if let ["conversations", id, rest @ ..] = segments.as_slice() {
            self.stay_or_move(request, id, rest.first().copied())?;
        }
        let body = request.body.as_slice();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["me"]) => Ok(self.me()),
            ("GET", ["teammates"]) => Ok(self.teammates()),
            ("GET", ["teammates", reference]) => self.teammate(reference),
            ("GET", ["inboxes"]) => Ok(self.inboxes()),
            ("GET", ["inboxes", id]) => self.inbox(id),
            ("POST", ["inboxes", id, "imported_messages"]) => self.import(now_ms, id, request),
            ("GET", ["messages", reference]) => self.message(reference),
            ("GET", ["conversations", id]) => self.conversation(id),
            ("PATCH", ["conversations", id]) => self.update_conversation(now_ms, id, body),
            ("PUT", ["conversations", id, "assignee"]) => self.set_assignee(now_ms, id, body),
            ("GET", ["conversations", id, "messages"]) => self.conversation_messages(id, target),
            ("GET", ["conversations", id, "comments"]) => self.conversation_comments(id),
            ("GET", ["conversations", id, "inboxes"]) => self.conversation_inboxes(id),
            ("GET", ["conversations", id, "events"]) => self.conversation_events(id, target),
            ("POST", ["conversations", id, "comments"]) => self.add_comment(now_ms, id, body),
            ("POST", ["conversations", id, "tags"]) => self.add_tags(now_ms, id, body),
            ("DELETE", ["conversations", id, "tags"]) => self.remove_tags(now_ms, id, body),
            ("POST", ["contacts"]) => self.create_contact(body),
            ("POST", ["contacts", "merge"]) => self.merge_contacts(body),
            ("GET", ["contacts", reference]) => self.contact(reference),
            ("POST", ["contacts", reference, "handles"]) => self.add_handle(reference, body),
            ("DELETE", ["contacts", reference, "handles"]) => self.remove_handle(reference, body),
            ("GET", ["contacts", reference, "conversations"]) => {
                self.contact_conversations(reference, target)
            }
            ("GET", ["company", "tags"]) => self.company_tags(target),
            ("POST", ["company", "tags"]) => self.create_tag(body),
            ("GET", ["events"]) => self.list_events(target),
            _ => Err(Reply::not_found()),
        }
    }

    /// Refuses with 404 or 301 unless the conversation is where the path says.
    fn stay_or_move(&self, request: &Request, id: &str, rest: Option<&str>) -> Result<(), Reply> {
        if !self.company.has_conversation(id) {
            return Err(Reply::unknown("conversation", id));
        }
        let survivor = self.company.survivor(id);
        if survivor == id {
            return Ok(());
        }
        let rest = rest.map_or_else(String::new, |rest| format!("/{rest}"));
        let query =
            request.path_and_query.split_once('?').map_or_else(String::new, |(_, query)| format!("?{query}"));
        Err(Reply::moved(format!("{}/conversations/{survivor}{rest}{query}", self.options.base_url)))
    }

    fn me(&self) -> Reply {
        let options = &self.options;
        let links = json!({ "self": format!("{}/me", options.base_url) });
        Reply::json(200, &json!({ "_links": links, "id": options.company_id, "name": options.company_name }))
    }

    fn teammates(&self) -> Reply {
        let rows = self.company.teammates.iter().map(|row| self.show_teammate(row)).collect();
        self.list_reply("/teammates", rows)
    }

    fn teammate(&self, reference: &str) -> Answered {
        let teammate = self.company.teammate_or_alias(reference).ok_or_else(Reply::not_found)?;
        Ok(Reply::json(200, &self.show_teammate(teammate)))
    }

    fn inboxes(&self) -> Reply {
        let rows = self.company.inboxes.iter().map(|row| self.show_inbox(row)).collect();
        self.list_reply("/inboxes", rows)
    }

    fn inbox(&self, id: &str) -> Answered {
        let inbox = self.company.inboxes.get(id).ok_or_else(Reply::not_found)?;
        Ok(Reply::json(200, &self.show_inbox(inbox)))
    }

    fn message(&self, reference: &str) -> Answered {
        let id = match reference.strip_prefix("alt:uid:") {
            Some(uid) => self.company.messages_by_uid.get(uid).map(String::as_str),
            None => Some(reference),
        };
        let message = id.and_then(|id| self.company.messages.get(id));
        let message = message.filter(|row| self.company.has_conversation(&row.conversation));
        let message = message.ok_or_else(Reply::not_found)?;
        Ok(Reply::json(200, &self.show_message(message)))
    }
}
