//! The body of a call webhook, as captured: absent keys stay absent, null stays null.

use serde_json::{Map, Value, json};

use super::cast::{Agent, Line};

/// One webhook of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEvent {
    /// The body's `timestamp`, Unix time in seconds.
    pub at_s: i64,
    /// `call.created`, `call.answered`, …
    pub name: &'static str,
    /// The whole body.
    pub body: Value,
}

/// A call at one moment of its life.
#[derive(Debug, Clone)]
pub(super) struct Call {
    id: i64,
    inbound: bool,
    line: Line,
    outside: String,
    started_at: i64,
    pub(super) answered_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
    pub(super) missed_reason: Option<&'static str>,
    pub(super) user: Option<Agent>,
    pub(super) successor: Option<Agent>,
    /// Who had the call before the last transfer, and has it again if that fails.
    pub(super) holder: Option<Agent>,
    pub(super) transfer: Option<(Agent, Agent)>,
    /// Who gave the call to a number outside.
    pub(super) transferred_by: Option<Agent>,
    /// What the caller has just chosen in the menu: the option's title and its key.
    pub(super) choice: Option<(&'static str, &'static str)>,
    pub(super) voicemail: bool,
    pub(super) recording: bool,
    pub(super) has_asset: bool,
    pub(super) tags: Vec<TagUse>,
    pub(super) comments: Vec<Note>,
}

#[derive(Debug, Clone)]
pub(super) struct TagUse {
    pub(super) name: String,
    pub(super) at_s: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) content: String,
    pub(super) at_s: i64,
    pub(super) by: Option<Agent>,
}

impl Call {
    pub(super) fn starting(id: i64, inbound: bool, line: Line, outside: &str, started_at: i64) -> Self {
        Self {
            id,
            inbound,
            line,
            outside: outside.into(),
            started_at,
            answered_at: None,
            ended_at: None,
            missed_reason: None,
            user: None,
            successor: None,
            holder: None,
            transfer: None,
            transferred_by: None,
            choice: None,
            voicemail: false,
            recording: false,
            has_asset: false,
            tags: Vec::new(),
            comments: Vec::new(),
        }
    }

    pub(super) fn hand_on(&mut self, to: Agent) {
        self.transfer = self.user.map(|by| (by, to));
        self.holder = self.successor.or(self.user);
        self.successor = Some(to);
    }

    /// Who had the call before has it again.
    pub(super) fn fail_transfer(&mut self, to: Agent) {
        self.transfer = self.user.map(|by| (by, to));
        if self.successor == Some(to) {
            self.successor = self.holder;
        }
    }

    /// The webhook `name`, built at `at_s`; `user` is who the event is about.
    pub(super) fn event(&self, name: &'static str, at_s: i64, user: Option<Agent>, token: &str) -> CallEvent {
        let body = json!({
            "resource": "call",
            "event": name,
            "timestamp": at_s,
            "token": token,
            "data": self.data(at_s, user),
        });
        CallEvent { at_s, name, body }
    }

    fn data(&self, at_s: i64, user: Option<Agent>) -> Value {
        let mut data = json!({
            "id": self.id,
            "direct_link": format!("https://api.aircall.io/v1/calls/{}", self.id),
            "direction": if self.inbound { "inbound" } else { "outbound" },
            "status": self.status(),
            "missed_call_reason": self.missed_reason,
            "started_at": self.started_at,
            "answered_at": self.answered_at,
            "ended_at": self.ended_at,
            "duration": self.ended_at.map_or(0, |ended_at| ended_at - self.started_at),
            "cost": "0.0",
            "hangup_cause": null,
            "voicemail": self.voicemail.then(|| signed_link("voicemail", at_s)),
            "recording": self.recording.then(|| signed_link("recording", at_s)),
            "asset": self.asset(),
            "raw_digits": self.outside,
            "number": number(self.line),
            "archived": false,
            "teams": [],
            "comments": (0..).zip(&self.comments).map(|(index, note)| self.comment(index, note)).collect::<Vec<_>>(),
            "tags": (0..).zip(&self.tags).map(|(index, tag)| self.tag(index, tag)).collect::<Vec<_>>(),
        });
        if let Some(object) = data.as_object_mut() {
            self.add_people(object, user);
            if let Some((title, key)) = self.choice {
                let option = json!({ "id": self.id, "title": title, "key": key, "created_at": at_s });
                object.insert("ivr_options_selected".into(), json!([option]));
            }
        }
        data
    }

    /// Who is not there has no key.
    fn add_people(&self, object: &mut Map<String, Value>, user: Option<Agent>) {
        if let Some(agent) = user {
            object.insert("user".into(), person(agent));
        }
        if let Some(by) = self.transferred_by {
            object.insert("transferred_by".into(), person(by));
        }
        if let Some((by, to)) = self.transfer {
            object.insert("transferred_by".into(), person(by));
            object.insert("transferred_to".into(), person(to));
        }
    }

    fn status(&self) -> &'static str {
        match (self.ended_at, self.answered_at) {
            (Some(_), _) => "done",
            (None, Some(_)) => "answered",
            (None, None) => "initial",
        }
    }

    fn asset(&self) -> Option<String> {
        let kind = if self.voicemail { "voicemail" } else { "recording" };
        (self.has_asset && (self.voicemail || self.recording))
            .then(|| format!("https://assets.aircall.io/calls/{}/{kind}", self.id))
    }

    fn comment(&self, index: i64, note: &Note) -> Value {
        json!({
            "id": self.id * 10 + index,
            "content": note.content,
            "posted_at": note.at_s,
            "posted_by": note.by.map(person),
        })
    }

    fn tag(&self, index: i64, tag: &TagUse) -> Value {
        let by = self.user.map_or_else(|| json!({}), person);
        json!({ "id": self.id * 10 + index, "name": tag.name, "tagged_by": by, "tagged_at": tag.at_s })
    }
}

/// A link whose signature differs each time it is made.
fn signed_link(kind: &str, at_s: i64) -> String {
    format!("https://media.example.test/{kind}.mp3?expires=600&signed_at={at_s}")
}

pub(super) fn person(agent: Agent) -> Value {
    json!({
        "id": agent.id,
        "direct_link": format!("https://api.aircall.io/v1/users/{}", agent.id),
        "name": agent.name,
        "email": agent.email,
        "available": true,
        "availability_status": "available",
        "language": "en-US",
        "wrap_up_time": 0,
    })
}

pub(super) fn number(line: Line) -> Value {
    let greeting = "https://media.example.test/greeting.mp3";
    json!({
        "id": line.id,
        "direct_link": format!("https://api.aircall.io/v1/numbers/{}", line.id),
        "name": line.name,
        "digits": line.digits,
        "country": line.country,
        "time_zone": line.time_zone,
        "open": true,
        "availability_status": "open",
        "is_ivr": line.is_ivr,
        "live_recording_activated": false,
        "messages": {
            "welcome": greeting,
            "waiting": greeting,
            "ivr": greeting,
            "voicemail": greeting,
            "closed": greeting,
            "callback_later": greeting,
        },
    })
}
