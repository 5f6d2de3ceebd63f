//! What must stand in Front after a history, computed from its webhooks alone.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_simulator::front::{ImportOutcome, Ledger, MessageEntry};
use serde_json::Value;

use super::site::ACCOUNT;

/// A call as its last webhook tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    party: String,
    subject: String,
    answered: bool,
    voicemail: bool,
    started_at_ms: i64,
    ended_at_ms: i64,
}

/// The calls of a history, by id.
#[derive(Debug)]
pub(super) struct Oracle {
    calls: BTreeMap<i64, Call>,
}

/// What one call must leave in Front.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) call: i64,
    pub(super) party: &'a str,
    /// The subject of a segment that begins with it.
    pub(super) subject: &'a str,
    /// External ids with the times that they carry, in order.
    pub(super) activities: Vec<(String, i64)>,
}

impl Oracle {
    /// Reads the webhooks: each call has one `call.ended`, which tells everything that is looked at here.
    pub(super) fn of<'a>(bodies: impl Iterator<Item = &'a str>) -> Self {
        let mut calls = BTreeMap::new();
        for body in bodies {
            let webhook: Value = serde_json::from_str(body).expect("a webhook is JSON");
            if webhook["event"] == "call.ended" {
                calls.insert(id_in(&webhook), call_in(&webhook["data"]));
            }
        }
        Self { calls }
    }

    /// How many calls and parties there are.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.calls.len(), self.parties().len())
    }

    /// How many activities they make.
    pub(super) fn activities(&self) -> usize {
        self.stories().map(|story| story.activities.len()).sum()
    }

    /// Each call's own part, in the order of their ids.
    pub(super) fn stories(&self) -> impl Iterator<Item = Story<'_>> {
        self.calls.iter().map(|(id, call)| {
            let duration = call.answered.then(|| (external_id(*id, "duration"), call.ended_at_ms));
            let voicemail = call.voicemail.then(|| (external_id(*id, "voicemail"), call.ended_at_ms + 2_000));
            let own = std::iter::once((external_id(*id, "call"), call.started_at_ms));
            let activities = own.chain(duration).chain(voicemail);
            Story { call: *id, party: &call.party, subject: &call.subject, activities: activities.collect() }
        })
    }

    /// Every activity of every call exactly once, and no other.
    pub(super) fn check_activities(&self, ledger: &Ledger) {
        let expect: BTreeMap<String, i64> = self.stories().flat_map(|story| story.activities).collect();
        let messages = ledger.messages();
        let found: BTreeMap<String, i64> =
            messages.iter().map(|row| (row.external_id.clone(), row.created_at_ms)).collect();
        let missing: Vec<_> = expect.keys().filter(|id| !found.contains_key(*id)).collect();
        assert!(missing.is_empty(), "lost: {missing:?}");
        assert_eq!(messages.len(), found.len(), "something is there twice");
        assert_eq!(found, expect, "activities that nobody asked for, or with another time");
    }

    /// One conversation and one contact per party, with the subject of the call that settled first.
    pub(super) fn check_conversations(&self, ledger: &Ledger, settled: &[i64]) {
        let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for conversation in &ledger.conversations {
            for message in &conversation.messages {
                places.entry(&self.call_of(message).party).or_default().insert(&conversation.id);
            }
        }
        assert!(places.values().all(|ids| ids.len() == 1), "a party has several conversations: {places:?}");
        assert_eq!(ledger.conversations.len(), self.parties().len(), "conversations without a party");
        assert_eq!(ledger.contacts.len(), self.parties().len(), "a party has several contacts, or none");
        for conversation in &ledger.conversations {
            let party = &self.call_of(&conversation.messages[0]).party;
            let first = settled.iter().find(|id| self.calls[id].party == *party).expect("a settled call");
            let expect = &self.calls[first].subject;
            let subjects: BTreeSet<_> = conversation.messages.iter().map(|row| &row.subject).collect();
            assert_eq!(subjects, BTreeSet::from([expect]), "another subject than that of call {first}");
        }
    }

    /// Front took each party's activities in the order in which its calls settled, each call before its duration.
    pub(super) fn check_order(&self, ledger: &Ledger, settled: &[i64]) {
        let taken = ledger.imports.iter().filter(|import| import.outcome == ImportOutcome::Accepted);
        let taken: Vec<&str> = taken.map(|import| import.external_id.as_str()).collect();
        for party in self.parties() {
            let mut stories: Vec<Story<'_>> = self.stories().filter(|story| story.party == party).collect();
            stories.sort_by_key(|story| settled.iter().position(|id| *id == story.call));
            let activities = stories.into_iter().flat_map(|story| story.activities);
            let expect: Vec<String> = activities.map(|(external_id, _)| external_id).collect();
            let found: Vec<&str> =
                taken.iter().filter(|id| expect.iter().any(|e| e == *id)).copied().collect();
            assert_eq!(found, expect, "the activities of a party are in another order");
        }
    }

    fn parties(&self) -> BTreeSet<&str> {
        self.calls.values().map(|call| call.party.as_str()).collect()
    }

    fn call_of(&self, message: &MessageEntry) -> &Call {
        let id = message.external_id.split(':').nth(2).and_then(|id| id.parse().ok());
        id.and_then(|id: i64| self.calls.get(&id)).unwrap_or_else(|| panic!("no call has {message:?}"))
    }
}

/// The calls in the order of their first `call.ended` in the log.
pub(super) fn settled_in(records: &[Value]) -> Vec<i64> {
    let mut settled = Vec::new();
    for record in records.iter().filter(|record| record["kind"] == "aircall.event") {
        let webhook = webhook_of(record);
        if webhook["event"] == "call.ended" && !settled.contains(&id_in(&webhook)) {
            settled.push(id_in(&webhook));
        }
    }
    settled
}

/// The webhook in a record of the log.
pub(super) fn webhook_of(record: &Value) -> Value {
    let body = record["data"]["body"].as_str().expect("a webhook's record holds its body");
    serde_json::from_str(body).expect("a stored body is JSON")
}

fn id_in(webhook: &Value) -> i64 {
    webhook["data"]["id"].as_i64().expect("a call has an id")
}

fn call_in(data: &Value) -> Call {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let millis = |value: &Value| value.as_i64().expect("a time") * 1000;
    let answered = !data["answered_at"].is_null();
    let kind = match (data["direction"] == "inbound", answered, data["voicemail"].is_null()) {
        (true, true, _) => "Inbound call",
        (false, true, _) => "Outbound call",
        (false, false, _) => "Unanswered outbound call",
        (true, false, false) => "Voicemail",
        (true, false, true) => "Missed call",
    };
    Call {
        party: text(&data["raw_digits"]).replace(' ', ""),
        subject: format!("{kind} - {}", text(&data["number"]["name"])),
        answered,
        voicemail: !data["voicemail"].is_null(),
        started_at_ms: millis(&data["started_at"]),
        ended_at_ms: millis(&data["ended_at"]),
    }
}

fn external_id(id: i64, kind: &str) -> String {
    format!("calltrail:{ACCOUNT}:{id}:{kind}")
}
