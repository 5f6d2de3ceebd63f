//! A Front with its own time, and the requests that tests send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calltrail_simulator::front::{
    Act, Action, Answer, Behaviour, Front, FrontOptions, Ledger, Request, Response, SpanMs, Subject,
};
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "front-token";
pub(crate) const CALLER: &str = "+447700900123";

/// A front, and the time it is told.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) front: Front,
    pub(crate) now_ms: i64,
}

impl Sim {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Behaviour)) -> Self {
        let mut options = FrontOptions::default();
        options.behaviour.visibility_lag_ms = SpanMs { min: 100, max: 100 };
        options.behaviour.burst_limit = false;
        change(&mut options.behaviour);
        Self { front: Front::new(options, 7), now_ms: 1_700_000_000_000 }
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        self.front.step(self.now_ms, request)
    }

    pub(crate) fn send(&mut self, request: &Request) -> Response {
        self.answer(request).response().expect("an answer, as no fault is set").clone()
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send(&Request::bare("GET", path, TOKEN))
    }

    pub(crate) fn with_body(&mut self, method: &str, path: &str, body: &Value) -> Response {
        self.send(&Request::json(method, path, TOKEN, body))
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Response {
        self.with_body("POST", path, body)
    }

    pub(crate) fn patch(&mut self, path: &str, body: &Value) -> Response {
        self.with_body("PATCH", path, body)
    }

    pub(crate) fn pass(&mut self, by_ms: i64) {
        self.now_ms += by_ms;
        self.front.tick(self.now_ms);
    }

    /// Imports a draft and waits until it is visible; returns the 202's uid.
    pub(crate) fn import(&mut self, draft: &Value) -> String {
        let response = self.post("/inboxes/inb_1/imported_messages", draft);
        assert_eq!(response.status, 202, "{}", response.json());
        self.pass(100);
        text(&response.json()["message_uid"])
    }

    /// Imports a draft and returns the conversation it landed in.
    pub(crate) fn import_into(&mut self, draft: &Value) -> String {
        let uid = self.import(draft);
        let message = self.get(&format!("/messages/alt:uid:{uid}")).json();
        text(&message["_links"]["related"]["conversation"]).rsplit('/').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn act(&mut self, conversation: &str, action: Action) {
        let on = Subject::Conversation(conversation.to_owned());
        let act = Act { by: "tea_1".into(), on, action };
        self.front.act(self.now_ms, &act).expect("the test names things that exist");
    }

    pub(crate) fn shown(&mut self, conversation: &str) -> Value {
        self.get(&format!("/conversations/{conversation}")).json()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.front.ledger()
    }

    pub(crate) fn event_kinds(&self) -> Vec<&'static str> {
        self.ledger().events.iter().map(|event| event.kind).collect()
    }
}

/// An inbound import of the caller, open, threaded by the caller's number.
pub(crate) fn draft(external_id: &str) -> Value {
    json!({
        "sender": { "handle": CALLER },
        "to": ["+441632960001"],
        "subject": "Missed call - Support line",
        "body": format!("call {external_id}"),
        "external_id": external_id,
        "created_at": 1_700_000_000,
        "type": "custom",
        "metadata": { "thread_ref": "party-1", "is_inbound": true, "is_archived": false },
    })
}

/// The same with one field changed; a path of two names reaches into an object.
pub(crate) fn draft_with(external_id: &str, changes: &[(&str, Value)]) -> Value {
    let mut draft = draft(external_id);
    for (path, value) in changes {
        match path.split_once('.') {
            Some((object, field)) => draft[object][field] = value.clone(),
            None => draft[*path] = value.clone(),
        }
    }
    draft
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

pub(crate) fn fixture(path: &str) -> Value {
    let file = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&file).expect("the fixture is part of the crate");
    serde_json::from_slice(&bytes).expect("the fixture is JSON")
}

/// A request to Aircall with this credential.
pub(crate) fn basic(method: &str, path: &str, credential: Option<&str>, body: &Value) -> Request {
    let mut request = Request::json(method, path, "", body);
    request.headers.retain(|(name, _)| name != "authorization");
    let basic = credential.map(|given| format!("Basic {}", STANDARD.encode(given)));
    request.headers.extend(basic.map(|basic| ("authorization".to_owned(), basic)));
    request
}
