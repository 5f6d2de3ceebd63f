//! The fence: what has been done for a party's effects, in the key-value store, changed by compare-and-set alone.

use calltrail_domain::effect::{ConversationStatus, Outcome};
use calltrail_domain::ids::{
    AccountId, CommentId, ConversationId, EffectKey, InboxId, MessageUid, PartyId, TeammateId,
};
use calltrail_domain::time::Timestamp;
use calltrail_front::WireRequest;
use serde::{Deserialize, Serialize};

use crate::limits::{UID_BYTES_MAX, UIDS_MAX};

/// The bucket that holds the fences.
pub const BUCKET: &str = "fences";

/// The key of a party's fence.
#[must_use]
pub fn key(account: &AccountId, party: &PartyId) -> String {
    format!("{account}.{party}")
}

/// The party whose fence has this key; `None` for one of another account.
#[must_use]
pub fn party_of(account: &AccountId, key: &str) -> Option<PartyId> {
    key.strip_prefix(account.as_str())?.strip_prefix('.').map(PartyId::new)
}

/// A stored fence without the requests that Front refused, which hold texts and numbers; nothing where it has none.
#[must_use]
pub fn without_requests(stored: &[u8]) -> Option<Vec<u8>> {
    let mut fence: Fence = serde_json::from_slice(stored).ok()?;
    let kept = fence.entries.iter_mut().filter_map(|entry| entry.refused.take()).count();
    (kept > 0).then(|| serde_json::to_vec(&fence).ok()).flatten()
}

/// One party's fence. It has no age limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fence {
    /// Every effect up to this ordinal is settled and its fact is in the log. Kept for ever.
    pub settled_through: u64,
    /// The first ordinal of the item that the rest belongs to.
    pub item_from: u64,
    /// The conversation that the item's first import opened.
    pub conversation: Option<ConversationId>,
    /// Conversations that were merged, and into which.
    pub merges: Vec<(ConversationId, ConversationId)>,
    pub entries: Vec<Entry>,
    /// The effects of the last item that was finished, also while the next one is in progress. An item with other effects under these ordinals belongs to
    /// another history: the log was restored, or lost its last records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<(u64, EffectKey)>,
    /// The item and the publication that were acknowledged without a fact. The same item published once more means that
    /// its facts are not in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<(u64, u32)>,
    /// The highest ordinal of a history that the log has lost; 0 when it lost none. Any effect may have been done before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub known_through: u64,
}

/// What has been done for one effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub ordinal: u64,
    pub key: EffectKey,
    /// Counts the writes that were sent and the take-overs.
    pub generation: u32,
    /// The claim that wrote the state.
    pub claim: String,
    pub state: State,
    /// An attempt of it had an unknown outcome. It never becomes false again.
    pub ambiguous: bool,
    /// HTTP requests sent for it.
    pub attempts: u32,
    /// Failures in a row; delays grow with it.
    pub failures: u32,
    /// What Front answered its imports with; any of them proves the message.
    pub uids: Vec<MessageUid>,
    /// The comment that it added.
    #[serde(default)]
    pub comment: Option<CommentId>,
    /// What was read before a set-like effect was sent first.
    pub before: Option<Before>,
    pub first_tried_at: Option<Timestamp>,
    /// Times that an import was given up as invisible after Front had accepted it, and sent again.
    #[serde(default)]
    pub resends: u32,
    /// Front refused the import with its author, who may have left: it is sent without.
    #[serde(default)]
    pub without_author: bool,
    /// Front refused it without its author too, for what an operator has to repair: the author is not the cause.
    #[serde(default)]
    pub author_cleared: bool,
    /// The audio of its recording cannot be had, or Front does not take it: it is sent without.
    #[serde(default)]
    pub without_audio: bool,
    /// How often its audio was not there, or took Front too long to take.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub audio_tries: u32,
    /// How often Front found its text too long.
    #[serde(default, skip_serializing_if = "is_never")]
    pub shortened: u8,
    /// The inbox of the present configuration, because Front does not have the one that was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<InboxId>,
    /// The request that Front refused, for the dead letter.
    pub refused: Option<WireRequest>,
    /// Its fact is in the log. False means unknown.
    pub appended: bool,
}

/// How far an effect is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing is under way.
    Planned,
    /// A write may be in flight until `deadline`, by the clock of the writer that sent it, and until `store_deadline_ms`
    /// by the clock of the key-value store. Older releases did not write the latter.
    InFlight {
        deadline: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store_deadline_ms: Option<i64>,
    },
    /// Front accepted the import and has not shown it yet.
    Accepted {
        since: Timestamp,
    },
    /// Front refused it while an earlier attempt is in doubt.
    Refused {
        at: Timestamp,
        status: u16,
        reason: String,
        /// `at` by the clock of the key-value store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store_at_ms: Option<i64>,
    },
    Settled {
        outcome: Outcome,
    },
}

/// The value of a field before we changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    Status(ConversationStatus),
    Assignee(Option<TeammateId>),
}

impl Fence {
    /// The entry of an ordinal.
    #[must_use]
    pub fn entry(&self, ordinal: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.ordinal == ordinal)
    }

    pub(crate) fn entry_mut(&mut self, ordinal: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.ordinal == ordinal)
    }

    /// The key that the fence knows under this ordinal, of the item at hand or of the last one that was finished.
    pub(crate) fn key_of(&self, ordinal: u64) -> Option<EffectKey> {
        let settled = self.settled.iter().find(|(known, _)| *known == ordinal).map(|(_, key)| *key);
        self.entry(ordinal).map(|entry| entry.key).or(settled)
    }

    /// The highest ordinal that the fence has ever known.
    pub(crate) fn highest(&self) -> u64 {
        let entries = self.entries.iter().map(|entry| entry.ordinal).max().unwrap_or(0);
        entries.max(self.settled_through).max(self.known_through)
    }

    /// The conversation that lives on where `conversation` was.
    pub(crate) fn survivor<'a>(&'a self, conversation: &'a ConversationId) -> &'a ConversationId {
        self.merges
            .iter()
            .fold(conversation, |current, (from, into)| if from == current { into } else { current })
    }
}

impl Entry {
    pub(crate) fn new(ordinal: u64, key: EffectKey, ambiguous: bool) -> Self {
        Self {
            ordinal,
            key,
            generation: 0,
            claim: String::new(),
            state: State::Planned,
            ambiguous,
            attempts: 0,
            failures: 0,
            uids: Vec::new(),
            comment: None,
            before: None,
            first_tried_at: None,
            resends: 0,
            without_author: false,
            author_cleared: false,
            without_audio: false,
            audio_tries: 0,
            shortened: 0,
            inbox: None,
            refused: None,
            appended: false,
        }
    }

    pub(crate) fn add_uid(&mut self, uid: MessageUid) {
        if uid.as_str().len() > UID_BYTES_MAX {
            return;
        }
        if !self.uids.contains(&uid) {
            self.uids.push(uid);
        }
        if self.uids.len() > UIDS_MAX {
            self.uids.remove(0);
        }
    }

    /// Its outcome, once it has one.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Settled { outcome } => Some(outcome),
            State::Planned | State::InFlight { .. } | State::Accepted { .. } | State::Refused { .. } => None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_none_yet(times: &u32) -> bool {
    *times == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_never(times: &u8) -> bool {
    *times == 0
}

#[cfg(test)]
mod tests {
    use calltrail_domain::ids::{CallId, EffectKind};

    use super::*;

    /// A fence as the releases before the store's clock and the settled keys wrote it.
    const OLD: &str = r#"{"settled_through":4,"item_from":5,"conversation":"cnv_1","merges":[["cnv_0","cnv_1"]],"entries":[
        {"ordinal":5,"key":"7:call","generation":1,"claim":"a-1","state":{"state":"in_flight","deadline":1700000015000},
         "ambiguous":true,"attempts":1,"failures":1,"uids":["u1"],"before":null,"first_tried_at":1700000000000,
         "refused":null,"appended":false},
        {"ordinal":6,"key":"7:reopen","generation":1,"claim":"a-1",
         "state":{"state":"refused","at":1700000015000,"status":422,"reason":"no"},
         "ambiguous":true,"attempts":1,"failures":1,"uids":[],"before":{"status":"archived"},"first_tried_at":null,
         "refused":null,"appended":false}]}"#;

    #[test]
    fn older_fence_is_read_and_new_fields_are_left_out_while_empty() {
        let fence: Fence = serde_json::from_str(OLD).expect("an older fence is read");
        let deadline = Timestamp::from_millis(1_700_000_015_000);
        assert_eq!(fence.entries[0].state, State::InFlight { deadline, store_deadline_ms: None });
        assert_eq!((fence.settled.len(), fence.acknowledged, fence.known_through), (0, None, 0));
        assert_eq!((fence.highest(), fence.key_of(6).map(|key| key.kind)), (6, Some(EffectKind::Reopen)));
        let stored = serde_json::to_string(&fence).expect("a fence has a JSON form");
        for field in ["store_", "\"settled\"", "acknowledged", "known_through"] {
            assert!(!stored.contains(field), "{field} is written");
        }
    }

    #[test]
    fn new_fields_read_back() {
        let state = State::InFlight { deadline: Timestamp::from_millis(9), store_deadline_ms: Some(7) };
        let key = EffectKey { call: CallId(7), kind: EffectKind::Comment(9) };
        let mut entry = Entry::new(8, key, true);
        entry.state = state;
        let fence = Fence {
            settled: vec![(7, key)],
            acknowledged: Some((3, 2)),
            known_through: 9,
            entries: vec![entry],
            ..Fence::default()
        };
        let stored = serde_json::to_string(&fence).expect("a fence has a JSON form");
        assert!(stored.contains(r#""settled":[[7,"7:comment:9"]],"acknowledged":[3,2],"known_through":9"#));
        assert_eq!(serde_json::from_str::<Fence>(&stored).expect("it reads back"), fence);
        assert_eq!(fence.highest(), 9);
    }
}
