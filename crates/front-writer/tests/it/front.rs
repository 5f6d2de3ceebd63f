//! A tiny model of Front: what the writer's rules rest on and nothing else.

use std::collections::BTreeMap;

use calltrail_domain::effect::ConversationStatus;
use calltrail_domain::ids::{
    CommentId, ContactId, ConversationId, InboxId, MessageUid, PhoneNumber, TagId, TeammateId,
};
use calltrail_domain::time::Timestamp;
use calltrail_front::{
    Accepted, Activity, Answer, Comment, Contact, Conversation, ConversationEvent, Handle, HandleSource,
    Inbox, Message, Page, Refusal, Reply, Request, Tag, TagPage, Teammate, customer_of,
};

/// Stands for the number of all callers without one.
pub(crate) const ANONYMOUS: &str = "anonymous-caller";

/// What Front says to an external id that it has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// 202, and the new uid leads to the first message.
    Accepted,
    /// 202, and the new uid leads nowhere.
    Dropped,
    /// 409.
    Refused,
}

#[derive(Debug, Clone)]
pub(crate) struct Imported {
    pub(crate) external_id: String,
    pub(crate) uids: Vec<MessageUid>,
    pub(crate) conversation: ConversationId,
    pub(crate) last_line: String,
    pub(crate) visible_at: Timestamp,
    pub(crate) activity: Activity,
}

#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) status: ConversationStatus,
    pub(crate) assignee: Option<TeammateId>,
    pub(crate) events: Vec<ConversationEvent>,
    pub(crate) merged_into: Option<ConversationId>,
    /// Author and text, the oldest first.
    pub(crate) comments: Vec<(Option<TeammateId>, String)>,
    pub(crate) tags: Vec<String>,
    pub(crate) inboxes: Vec<InboxId>,
    thread: Option<String>,
}

/// The state of Front.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) repeat: Repeat,
    /// What it answers to every import, if it takes none.
    pub(crate) refusal: Option<(u16, &'static str)>,
    /// From the acceptance of an import to its being shown.
    pub(crate) lag_ms: i64,
    /// Messages on one page of a list.
    pub(crate) page_len: usize,
    /// Front shows the texts of imports differently from how they were sent.
    pub(crate) rewrites: bool,
    pub(crate) messages: Vec<Imported>,
    pub(crate) rooms: BTreeMap<ConversationId, Room>,
    pub(crate) contacts: BTreeMap<String, Contact>,
    pub(crate) teammates: Vec<Teammate>,
    pub(crate) tags: Vec<Tag>,
    /// The writes that changed something, in order.
    pub(crate) writes: Vec<String>,
    uids: u64,
}

impl Room {
    fn read(&self, id: &ConversationId) -> Conversation {
        let (assignee, tags) = (self.assignee.clone(), self.tags.clone());
        Conversation { id: id.clone(), status: self.status, assignee, tags, contact: None }
    }
}

impl Front {
    pub(crate) fn new() -> Self {
        let iris = Teammate { id: TeammateId::new("tea_1"), email: Some("Iris@example.com".to_owned()) };
        Self {
            repeat: Repeat::Accepted,
            refusal: None,
            lag_ms: 1_000,
            page_len: 100,
            rewrites: false,
            messages: Vec::new(),
            rooms: BTreeMap::new(),
            contacts: BTreeMap::new(),
            teammates: vec![iris],
            tags: Vec::new(),
            writes: Vec::new(),
            uids: 0,
        }
    }

    /// Adds a conversation with this status.
    pub(crate) fn open_room(&mut self, id: &str, status: ConversationStatus) -> ConversationId {
        let id = ConversationId::new(id);
        let room = Room {
            status,
            assignee: None,
            events: Vec::new(),
            merged_into: None,
            comments: Vec::new(),
            tags: Vec::new(),
            inboxes: Vec::new(),
            thread: None,
        };
        self.rooms.insert(id.clone(), room);
        id
    }

    pub(crate) fn room(&mut self, id: &str) -> &mut Room {
        self.rooms.get_mut(&ConversationId::new(id)).expect("the conversation exists")
    }

    fn inboxes_of(&self, id: &ConversationId) -> Reply {
        let inbox = |id: &InboxId| Inbox { id: id.clone() };
        Reply::Inboxes(self.rooms[id].inboxes.iter().map(inbox).collect())
    }

    pub(crate) fn apply(&mut self, now: Timestamp, request: &Request) -> Answer {
        match request {
            Request::Me => Answer::Done(Reply::Company("cmp_1".to_owned())),
            Request::ListTeammates => Answer::Done(Reply::Teammates(self.teammates.clone())),
            Request::ImportMessage(activity) => self.import(now, activity),
            Request::GetMessageByUid(uid) => {
                let seen = self.messages.iter().find(|one| one.visible_at <= now && one.uids.contains(uid));
                seen.map_or_else(missing, |one| Answer::Done(Reply::Message(shown(one))))
            }
            Request::ListConversationMessages { conversation, page } => {
                let from = page.as_ref().map_or(0, |page| page.parse().expect("a token of this Front"));
                self.in_room(conversation, |front, id| Reply::Messages(front.page(now, id, from)))
            }
            Request::GetConversation(id) => {
                self.in_room(id, |front, id| Reply::Conversation(front.rooms[id].read(id)))
            }
            Request::ListConversationEvents(id) => {
                self.in_room(id, |front, id| Reply::Events(front.rooms[id].events.clone()))
            }
            Request::ListConversationInboxes(id) => self.in_room(id, |front, id| front.inboxes_of(id)),
            Request::OpenConversation(id) => self.in_room(id, |front, id| {
                front.writes.push(format!("open {id}"));
                front.room(id.as_str()).status = ConversationStatus::Open;
                Reply::Nothing
            }),
            Request::PutAssignee { conversation, teammate } => self.in_room(conversation, |front, id| {
                front.writes.push(format!("assign {id} {teammate}"));
                front.room(id.as_str()).assignee = Some(teammate.clone());
                Reply::Nothing
            }),
            Request::AddComment { conversation, author, body } => self.comment(conversation, author, body),
            Request::ListComments(id) => self.in_room(id, |front, id| {
                Reply::Comments(
                    front.rooms[id].comments.iter().enumerate().map(shown_comment).rev().collect(),
                )
            }),
            Request::ListTags { .. } => {
                Answer::Done(Reply::Tags(TagPage { tags: self.tags.clone(), next: None }))
            }
            Request::CreateTag { name } => {
                self.writes.push(format!("create tag {name}"));
                let id = TagId::new(format!("tag_{}", self.tags.len() + 1));
                self.tags.push(Tag { id, name: name.clone() });
                Answer::Done(Reply::Tag(self.tags[self.tags.len() - 1].clone()))
            }
            Request::AddTag { conversation, tag } => self.in_room(conversation, |front, id| {
                front.writes.push(format!("tag {id} {tag}"));
                let known = front.tags.iter().find(|known| known.id == *tag).expect("the tag exists");
                let name = known.name.clone();
                front.room(id.as_str()).tags.push(name);
                Reply::Nothing
            }),
            Request::GetContact(_)
            | Request::CreateContact { .. }
            | Request::AddContactHandle { .. }
            | Request::GetContactById(_)
            | Request::RemoveContactHandle { .. }
            | Request::ListContactConversations(_) => self.contact(request),
            Request::ListInboxes
            | Request::TrashConversation(_)
            | Request::ListEvents { .. }
            | Request::Probe(_) => {
                unreachable!("a writer asks for nothing of the kind")
            }
        }
    }

    fn comment(&mut self, id: &ConversationId, author: &Option<TeammateId>, body: &str) -> Answer {
        let known = |author: &TeammateId| self.teammates.iter().any(|teammate| teammate.id == *author);
        if !author.as_ref().is_none_or(known) {
            return refused(400, "unknown author");
        }
        self.in_room(id, |front, id| {
            front.writes.push(format!("comment {id}"));
            let room = front.room(id.as_str());
            room.comments.push((author.clone(), body.to_owned()));
            Reply::Comment(shown_comment((room.comments.len() - 1, &room.comments[room.comments.len() - 1])))
        })
    }

    /// Newest first; the token of a page is the number of messages before it.
    fn page(&self, now: Timestamp, id: &ConversationId, from: usize) -> Page {
        let visible = |one: &&Imported| one.conversation == *id && one.visible_at <= now;
        let all: Vec<_> = self.messages.iter().filter(visible).map(shown).rev().collect();
        let to = (from + self.page_len).min(all.len());
        Page { messages: all[from..to].to_vec(), next: (to < all.len()).then(|| to.to_string()) }
    }

    fn in_room(
        &mut self,
        id: &ConversationId,
        act: impl FnOnce(&mut Self, &ConversationId) -> Reply,
    ) -> Answer {
        match self.rooms.get(id).map(|room| room.merged_into.clone()) {
            Some(Some(survivor)) => Answer::Moved(survivor),
            Some(None) => Answer::Done(act(self, id)),
            None => missing(),
        }
    }

    fn import(&mut self, now: Timestamp, activity: &Activity) -> Answer {
        if let Some((status, message)) = self.refusal {
            return refused(status, message);
        }
        let room = activity.conversation.as_ref().and_then(|id| self.rooms.get(id));
        if let Some(survivor) = room.and_then(|room| room.merged_into.clone()) {
            return Answer::Moved(survivor);
        }
        self.uids += 1;
        let uid = MessageUid::new(format!("uid{}", self.uids));
        let accepted = Answer::Done(Reply::Accepted(Accepted { message_uid: uid.clone() }));
        if let Some(first) = self.messages.iter_mut().find(|one| one.external_id == activity.external_id) {
            return match self.repeat {
                Repeat::Accepted => {
                    first.uids.push(uid);
                    accepted
                }
                Repeat::Dropped => accepted,
                Repeat::Refused => refused(409, "external_id is taken"),
            };
        }
        let conversation = activity.conversation.clone().unwrap_or_else(|| self.room_of(activity));
        self.writes.push(format!("import {}", activity.external_id));
        self.messages.push(Imported {
            external_id: activity.external_id.clone(),
            uids: vec![uid],
            conversation,
            last_line: if self.rewrites {
                "rewritten"
            } else {
                activity.body.lines().last().unwrap_or_default()
            }
            .to_owned(),
            visible_at: Timestamp::from_millis(now.as_millis() + self.lag_ms),
            activity: activity.clone(),
        });
        accepted
    }

    fn room_of(&mut self, activity: &Activity) -> ConversationId {
        let thread = activity.thread.as_str();
        let known = self.rooms.iter().find(|(_, room)| room.thread.as_deref() == Some(thread));
        if let Some((id, _)) = known {
            return id.clone();
        }
        let id = self.open_room(&format!("cnv_{}", self.rooms.len() + 1), ConversationStatus::Open);
        self.room(id.as_str()).thread = Some(thread.to_owned());
        id
    }

    fn contact(&mut self, request: &Request) -> Answer {
        match request {
            Request::GetContact(number) => {
                let found = self.contacts.get(digits(number));
                found.map_or_else(missing, |contact| Answer::Done(Reply::Contact(contact.clone())))
            }
            Request::GetContactById(id) => {
                let found = self.contacts.values().find(|contact| contact.id == *id);
                found.map_or_else(missing, |contact| Answer::Done(Reply::Contact(contact.clone())))
            }
            Request::CreateContact { phone, custom_handle, emails, .. } => {
                let owner = |known: &Handle| emails.contains(&known.handle) || known.handle == digits(phone);
                let mut owners = self.contacts.values().filter(|one| one.handles.iter().any(owner));
                if let Some(contact) = owners.next() {
                    return conflict_with(&contact.id);
                }
                let id = ContactId::new(format!("crd_{}", self.contacts.len() + 1));
                let mut contact = Contact { id, handles: vec![handle(HandleSource::Phone, digits(phone))] };
                if *custom_handle {
                    contact.handles.push(handle(HandleSource::Custom, digits(phone)));
                }
                self.writes.push(format!("contact {}", contact.id));
                self.contacts.insert(digits(phone).to_owned(), contact.clone());
                Answer::Done(Reply::Contact(contact))
            }
            Request::RemoveContactHandle { source, handle: number, contact } => {
                let found = self.contacts.values_mut().find(|one| one.id == *contact);
                let Some(found) = found else { return missing() };
                let gone = handle(*source, number.as_str());
                found.handles.retain(|known| *known != gone);
                self.writes.push(format!("free {} {contact}", source.as_str()));
                Answer::Done(Reply::Nothing)
            }
            Request::AddContactHandle { source, handle: number, contact } => {
                let added = handle(*source, number.as_str());
                let others = self.contacts.values().filter(|one| one.id != *contact);
                if let Some(owner) = others.into_iter().find(|one| one.handles.contains(&added)) {
                    return conflict_with(&owner.id);
                }
                let found = self.contacts.values_mut().find(|one| one.id == *contact);
                let Some(found) = found else { return missing() };
                found.handles.push(handle(*source, number.as_str()));
                self.writes.push(format!("handle {} {contact}", source.as_str()));
                Answer::Done(Reply::Nothing)
            }
            Request::ListContactConversations(contact) => {
                let number = self
                    .contacts
                    .iter()
                    .find(|(_, one)| one.id == *contact)
                    .map(|(number, _)| number.clone());
                let of_contact = |one: &&Imported| Some(customer(&one.activity)) == number.as_deref();
                let list =
                    self.messages.iter().filter(of_contact).map(|one| one.conversation.clone()).collect();
                Answer::Done(Reply::Conversations(list))
            }
            _ => missing(),
        }
    }
}

pub(crate) fn handle(source: HandleSource, number: &str) -> Handle {
    Handle { source: source.as_str().to_owned(), handle: number.to_owned() }
}

pub(crate) fn refused(status: u16, message: &str) -> Answer {
    Answer::Rejected(Refusal { status, message: message.to_owned(), contacts: Vec::new() })
}

pub(crate) fn conflict_with(contact: &ContactId) -> Answer {
    Answer::Rejected(Refusal { status: 409, message: "conflict".to_owned(), contacts: vec![contact.clone()] })
}

fn missing() -> Answer {
    refused(404, "")
}

fn digits(number: &Option<PhoneNumber>) -> &str {
    number.as_ref().map_or(ANONYMOUS, PhoneNumber::as_str)
}

fn customer(activity: &Activity) -> &str {
    customer_of(&activity.from).map_or(ANONYMOUS, |number| number.as_str())
}

fn shown_comment((index, (_, body)): (usize, &(Option<TeammateId>, String))) -> Comment {
    let last_line = body.lines().last().map(ToOwned::to_owned);
    Comment { id: CommentId::new(format!("com_{}", index + 1)), last_line }
}

fn shown(one: &Imported) -> Message {
    Message {
        uid: one.uids.first().cloned(),
        conversation: Some(one.conversation.clone()),
        last_line: Some(one.last_line.clone()),
        subject: None,
    }
}
