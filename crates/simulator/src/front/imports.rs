//! Imported messages: accepted at once, seen later, never twice.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::Front;
use super::company::{Conversation, Message, Recipient, Status};
use super::contacts::normalised;
use super::events::{EventKind, Source};
use super::ledger::{ImportEntry, ImportOutcome};
use super::multipart::{self, File};
use super::options::{Handle, RepeatAnswer, SubjectRule};
use super::shapes::raw;
use super::wire::{Answered, Reply, Request, parse};

/// What was accepted and does not exist yet, and every external id that was ever accepted.
#[derive(Debug, Clone, Default)]
pub(super) struct Imports {
    pending: BTreeMap<(i64, u64), Accepted>,
    accepted: u64,
    uids: BTreeMap<String, Vec<String>>,
    messages: BTreeMap<String, String>,
    pub(super) entries: Vec<ImportEntry>,
}

impl Imports {
    pub(super) fn due_ms(&self) -> Option<i64> {
        self.pending.keys().next().map(|(due_ms, _)| *due_ms)
    }
}

#[derive(Debug, Clone)]
struct Accepted {
    inbox: String,
    uid: String,
    draft: Draft,
    files: Vec<File>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    sender: Sender,
    to: Vec<String>,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    bcc: Vec<String>,
    #[serde(default)]
    subject: String,
    body: String,
    body_format: Option<String>,
    external_id: String,
    created_at: f64,
    #[serde(rename = "type", default = "email")]
    kind: String,
    assignee_id: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    conversation_id: Option<String>,
    metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sender {
    handle: String,
    name: Option<String>,
    author_id: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    thread_ref: Option<String>,
    is_inbound: bool,
    #[serde(default = "yes")]
    is_archived: bool,
    #[serde(default = "yes")]
    should_skip_rules: bool,
}

fn email() -> String {
    "email".into()
}

fn yes() -> bool {
    true
}

impl Draft {
    fn source(&self) -> &'static str {
        match self.kind.as_str() {
            "sms" => "phone",
            "custom" => "custom",
            "intercom" => "intercom",
            _ => "email",
        }
    }

    /// The customer's handle: the sender of an inbound message, the first addressee of an outbound one.
    fn outside(&self) -> (Handle, Option<String>) {
        let (handle, name) = if self.metadata.is_inbound {
            (self.sender.handle.as_str(), self.sender.name.clone())
        } else {
            (self.to.first().map_or("", String::as_str), None)
        };
        (normalised(Handle::new(self.source(), handle)), name)
    }

    fn recipients(&self, contact: &str) -> Vec<Recipient> {
        let inbound = self.metadata.is_inbound;
        let mut recipients = vec![Recipient {
            handle: self.sender.handle.clone(),
            name: self.sender.name.clone(),
            role: "from",
            contact: inbound.then(|| contact.to_owned()),
        }];
        let roles = [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)];
        for (role, handle) in
            roles.into_iter().flat_map(|(role, list)| list.iter().map(move |row| (role, row)))
        {
            let is_customer = !inbound && role == "to" && self.to.first() == Some(handle);
            let contact = is_customer.then(|| contact.to_owned());
            recipients.push(Recipient { handle: handle.clone(), name: None, role, contact });
        }
        recipients
    }
}

impl Front {
    pub(super) fn import(&mut self, now_ms: i64, inbox: &str, request: &Request) -> Answered {
        if self.company.inboxes.get(inbox).is_none() {
            return Err(Reply::not_found());
        }
        let (body, files) = multipart::read(request)?;
        if !files.is_empty() && !self.options.behaviour.takes_files {
            return Err(Reply::bad_request("attachments are not taken"));
        }
        let draft: Draft = parse(&body)?;
        self.check_draft(&draft)?;
        if self.imports.uids.contains_key(&draft.external_id) {
            return self.repeated_import(now_ms, &draft.external_id);
        }
        let uid = self.ids.message_uid();
        let lag = self.options.behaviour.visibility_lag_ms;
        let due_ms = now_ms.saturating_add_unsigned(self.chance.between(lag.min, lag.max));
        self.imports.uids.insert(draft.external_id.clone(), vec![uid.clone()]);
        self.imports.entries.push(ImportEntry {
            at_ms: now_ms,
            external_id: draft.external_id.clone(),
            message_uid: Some(uid.clone()),
            outcome: ImportOutcome::Accepted,
        });
        self.imports.accepted += 1;
        let accepted = Accepted { inbox: inbox.to_owned(), uid: uid.clone(), draft, files };
        self.imports.pending.insert((due_ms, self.imports.accepted), accepted);
        self.tick(now_ms);
        Ok(Reply::json(202, &json!({ "status": "accepted", "message_uid": uid })))
    }

    fn check_draft(&self, draft: &Draft) -> Result<(), Reply> {
        if !["email", "sms", "intercom", "custom"].contains(&draft.kind.as_str()) {
            return Err(Reply::bad_request(format!("unknown type `{}`", draft.kind)));
        }
        if draft.body_format.is_some() && draft.kind != "email" {
            return Err(Reply::bad_request("body_format is for the type email"));
        }
        if draft.to.is_empty() || draft.external_id.is_empty() || draft.outside().0.handle.is_empty() {
            return Err(Reply::bad_request("to, external_id and the customer's handle must not be empty"));
        }
        if let Some(author) = draft.sender.author_id.as_deref().filter(|_| !draft.metadata.is_inbound) {
            self.company.teammate(author)?;
            if self.options.behaviour.barred_authors.iter().any(|barred| barred == author) {
                return Err(Reply::no_access());
            }
        }
        if let Some(assignee) = &draft.assignee_id {
            self.company.teammate(assignee)?;
        }
        match &draft.conversation_id {
            Some(id) if !self.company.has_conversation(id) => Err(Reply::unknown("conversation", id)),
            _ => Ok(()),
        }
    }

    fn repeated_import(&mut self, now_ms: i64, external_id: &str) -> Answered {
        let repeat = self.options.behaviour.repeat;
        let accepted =
            matches!(repeat, RepeatAnswer::AcceptedAndResolves | RepeatAnswer::AcceptedAndNeverResolves);
        let uid = accepted.then(|| self.ids.message_uid());
        if let Some(uid) = uid.clone().filter(|_| repeat == RepeatAnswer::AcceptedAndResolves) {
            if let Some(message) = self.imports.messages.get(external_id) {
                self.company.messages_by_uid.insert(uid.clone(), message.clone());
            }
            self.imports.uids.entry(external_id.to_owned()).or_default().push(uid);
        }
        self.imports.entries.push(ImportEntry {
            at_ms: now_ms,
            external_id: external_id.to_owned(),
            message_uid: uid.clone(),
            outcome: if accepted { ImportOutcome::Dropped } else { ImportOutcome::Refused },
        });
        match (repeat, uid) {
            (RepeatAnswer::Conflict, _) => {
                Err(Reply::conflict("A message with this external_id exists already".into()))
            }
            (_, Some(uid)) => Ok(Reply::json(202, &json!({ "status": "accepted", "message_uid": uid }))),
            (_, None) => Err(Reply::bad_request("external_id was imported already")),
        }
    }

    /// How many imports were accepted as the first of their external id.
    #[must_use]
    pub fn imports_accepted(&self) -> u64 {
        self.imports.accepted
    }

    /// The import that was accepted last comes to nothing, unless it has appeared already, and Front knows nothing of it.
    pub fn forget_last_import(&mut self) {
        let last = self.imports.pending.keys().copied().max_by_key(|(_, number)| *number);
        let is_last = last.filter(|(_, number)| *number == self.imports.accepted);
        if let Some(forgotten) = is_last.and_then(|key| self.imports.pending.remove(&key)) {
            self.imports.uids.remove(&forgotten.draft.external_id);
        }
    }

    /// Makes the message whose time has come first.
    pub(super) fn apply_next_import(&mut self) {
        let Some(((at_ms, _), Accepted { inbox, uid, draft, files })) = self.imports.pending.pop_first()
        else {
            return;
        };
        let (handle, name) = draft.outside();
        let contact = self.contact_of_handle(handle, name);
        let found = self.thread_of(&draft, &contact);
        if found.as_deref().is_some_and(|id| !self.company.has_conversation(id)) {
            // It was deleted after the import was accepted.
            return;
        }
        let conversation = match &found {
            Some(id) => id.clone(),
            None => self.open_conversation(at_ms, &inbox, &draft, &contact),
        };
        let message = self.add_message(at_ms, uid, &draft, &conversation, &contact);
        if let Some(row) = self.company.messages.get_mut(&message) {
            row.files = files;
        }
        if found.is_some() {
            self.continue_conversation(at_ms, &draft, &conversation);
        }
        self.tag_by_name(&draft.tags, &conversation);
        if self.options.behaviour.import_emits_event && !draft.metadata.should_skip_rules {
            let target = self.company.messages.get(&message).map(|row| raw(&self.show_message(row)));
            let target = target.map(|data| ("message", data));
            let (kind, source) = if draft.metadata.is_inbound {
                (EventKind::Inbound, Source::Inbox(inbox))
            } else {
                (EventKind::Outbound, Source::Api)
            };
            self.emit(at_ms, kind, &conversation, &source, target);
        }
    }

    fn thread_of(&self, draft: &Draft, contact: &str) -> Option<String> {
        let named = match (&draft.conversation_id, &draft.metadata.thread_ref) {
            (Some(id), _) => Some(id.as_str()),
            (None, Some(reference)) => {
                let known = self.company.thread_refs.get(reference).map(String::as_str);
                known.filter(|id| self.company.has_conversation(id))
            }
            (None, None) => self.company.newest_conversation_of(contact).map(|row| row.id.as_str()),
        };
        named.map(|id| self.company.survivor(id).to_owned())
    }

    fn open_conversation(&mut self, at_ms: i64, inbox: &str, draft: &Draft, contact: &str) -> String {
        let id = self.ids.next("cnv");
        if let (None, Some(reference)) = (&draft.conversation_id, &draft.metadata.thread_ref) {
            self.company.thread_refs.insert(reference.clone(), id.clone());
        }
        let (handle, name) = draft.outside();
        let role = if draft.metadata.is_inbound { "from" } else { "to" };
        let recipient = Recipient { handle: handle.handle, name, role, contact: Some(contact.to_owned()) };
        let conversation = Conversation {
            id: id.clone(),
            subject: draft.subject.clone(),
            status: if draft.metadata.is_archived { Status::Archived } else { Status::Open },
            inbox: inbox.to_owned(),
            assignee: draft.assignee_id.clone(),
            contact: contact.to_owned(),
            recipient,
            tags: Vec::new(),
            messages: Vec::new(),
            comments: Vec::new(),
            created_at_ms: at_ms,
            updated_at_ms: at_ms,
            snoozed_until_ms: None,
            archived_since_subject: false,
            merged_into: None,
            is_gone: false,
        };
        self.company.conversations.insert(&id, conversation);
        id
    }

    fn add_message(
        &mut self,
        at_ms: i64,
        uid: String,
        draft: &Draft,
        conversation: &str,
        contact: &str,
    ) -> String {
        let id = self.ids.next("msg");
        for uid in self.imports.uids.get(&draft.external_id).into_iter().flatten() {
            self.company.messages_by_uid.insert(uid.clone(), id.clone());
        }
        self.imports.messages.insert(draft.external_id.clone(), id.clone());
        let created_at_ms = (draft.created_at * 1000.0).round() as i64;
        let message = Message {
            id: id.clone(),
            uid,
            external_id: draft.external_id.clone(),
            conversation: conversation.to_owned(),
            kind: draft.kind.clone(),
            is_inbound: draft.metadata.is_inbound,
            created_at_ms,
            imported_at_ms: at_ms,
            number: self.imports.messages.len(),
            subject: draft.subject.clone(),
            body: draft.body.clone(),
            author: draft.sender.author_id.clone().filter(|_| !draft.metadata.is_inbound),
            recipients: draft.recipients(contact),
            files: Vec::new(),
        };
        self.company.messages.insert(&id, message);
        if let Some(row) = self.company.conversations.get_mut(conversation) {
            row.messages.push(id.clone());
            row.updated_at_ms = at_ms;
        }
        id
    }

    /// What an import does to a conversation that existed before it.
    fn continue_conversation(&mut self, at_ms: i64, draft: &Draft, id: &str) {
        let behaviour = self.options.behaviour.clone();
        let Some(row) = self.company.conversations.get_mut(id) else { return };
        if behaviour.subject == SubjectRule::FirstAfterArchive && row.archived_since_subject {
            row.subject.clone_from(&draft.subject);
            row.archived_since_subject = false;
        }
        if behaviour.import_assigns_existing && draft.assignee_id.is_some() {
            row.assignee.clone_from(&draft.assignee_id);
        }
        match (row.status, draft.metadata.is_archived) {
            (Status::Archived, false) if behaviour.import_reopens => {
                row.status = Status::Open;
                row.snoozed_until_ms = None;
                if behaviour.import_reopening_emits_event {
                    self.emit(at_ms, EventKind::Reopen, id, &Source::Api, None);
                }
            }
            (Status::Open, true) if behaviour.archived_import_archives => row.status = Status::Archived,
            (Status::Open | Status::Archived | Status::Deleted, _) => {}
        }
    }

    fn tag_by_name(&mut self, names: &[String], conversation: &str) {
        for name in names {
            let id = self.tag_named(name).id;
            if let Some(row) = self.company.conversations.get_mut(conversation)
                && !row.tags.contains(&id)
            {
                row.tags.push(id);
            }
        }
    }
}
