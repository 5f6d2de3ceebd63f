//! What stands in Front, by call.

use std::collections::BTreeMap;

use calltrail_domain::ids::{CallId, EffectKey, EffectKind};
use calltrail_simulator::front::{CommentEntry, ConversationEntry, EventEntry, ImportOutcome, MessageEntry};

use crate::evidence::AccountEvidence;

/// The parts of a call that are imported, in the order in which they must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Call,
    Duration,
    RecordingPending,
    Recording,
    VoicemailPending,
    Voicemail,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Call,
        Self::Duration,
        Self::RecordingPending,
        Self::Recording,
        Self::VoicemailPending,
        Self::Voicemail,
    ];

    /// As it stands in external ids and effect keys.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Duration => "duration",
            Self::RecordingPending => "recording_pending",
            Self::Recording => "recording",
            Self::VoicemailPending => "voicemail_pending",
            Self::Voicemail => "voicemail",
        }
    }

    /// The effect that imports it.
    pub(super) fn key(self, call: u64) -> EffectKey {
        let kind = match self {
            Self::Call => EffectKind::Call,
            Self::Duration => EffectKind::Duration,
            Self::RecordingPending => EffectKind::RecordingPending,
            Self::Recording => EffectKind::Recording,
            Self::VoicemailPending => EffectKind::VoicemailPending,
            Self::Voicemail => EffectKind::Voicemail,
        };
        EffectKey { call: CallId(call), kind }
    }

    /// The last line of the activity.
    pub(super) fn marker(self, call: u64) -> String {
        match self {
            Self::Call => format!("Aircall #{call}"),
            Self::Duration | Self::Recording | Self::Voicemail => {
                format!("Aircall #{call}, {}", self.word())
            }
            Self::RecordingPending => format!("Aircall #{call}, recording pending"),
            Self::VoicemailPending => format!("Aircall #{call}, voicemail pending"),
        }
    }
}

/// A message.
#[derive(Debug)]
pub(super) struct Activity<'a> {
    /// The account, the call and the part that its external id names; `None` if it names none.
    pub(super) named: Option<(&'a str, u64, Kind)>,
    pub(super) message: &'a MessageEntry,
    /// Where it is in the end.
    pub(super) conversation: &'a ConversationEntry,
}

/// A comment that ends with a line that looks like a marker.
#[derive(Debug)]
pub(super) struct Note<'a> {
    pub(super) marker: &'a str,
    /// The call and the note that the marker names; `None` if it names none.
    pub(super) named: Option<(u64, u64)>,
    pub(super) comment: &'a CommentEntry,
    pub(super) conversation: &'a ConversationEntry,
}

/// One account's Front.
#[derive(Debug)]
pub(super) struct FrontView<'a> {
    /// In the order in which they became visible.
    pub(super) activities: Vec<Activity<'a>>,
    /// In the order of their writing.
    pub(super) notes: Vec<Note<'a>>,
    /// The place in `activities` of the first message of this call and part.
    pub(super) first: BTreeMap<(u64, Kind), usize>,
    /// The place among Front's imports of the first that was accepted of this call and part. Front shows imports in an
    /// order of its own, and what it forgets is sent again later.
    pub(super) accepted: BTreeMap<(u64, Kind), usize>,
    /// The conversations by id.
    pub(super) conversations: BTreeMap<&'a str, &'a ConversationEntry>,
    /// Events by the conversation where they are in the end, in the order of their emission.
    pub(super) events: BTreeMap<&'a str, Vec<&'a EventEntry>>,
    /// Events by the conversation where they happened.
    pub(super) own_events: BTreeMap<&'a str, Vec<&'a EventEntry>>,
    /// Those that were merged into each survivor.
    pub(super) merged: BTreeMap<&'a str, Vec<&'a ConversationEntry>>,
}

impl<'a> FrontView<'a> {
    pub(super) fn of(account: &'a AccountEvidence) -> Self {
        let ledger = &account.front;
        let mut view = Self {
            activities: Vec::new(),
            notes: Vec::new(),
            first: BTreeMap::new(),
            accepted: BTreeMap::new(),
            conversations: ledger.conversations.iter().map(|row| (row.id.as_str(), row)).collect(),
            events: BTreeMap::new(),
            own_events: BTreeMap::new(),
            merged: BTreeMap::new(),
        };
        for (place, import) in ledger.imports.iter().enumerate() {
            if let (ImportOutcome::Accepted, Some((_, call, kind))) =
                (import.outcome, named(&import.external_id))
            {
                view.accepted.entry((call, kind)).or_insert(place);
            }
        }
        for row in &ledger.conversations {
            view.activities.extend(row.messages.iter().map(|message| Activity {
                named: named(&message.external_id),
                message,
                conversation: row,
            }));
            view.notes.extend(row.comments.iter().filter_map(|comment| note(comment, row)));
            if row.merged_into.is_some() {
                view.merged.entry(view.survivor(&row.id)).or_default().push(row);
            }
        }
        view.activities.sort_by_key(|activity| activity.message.number);
        view.notes.sort_by_key(|note| note.comment.posted_at_ms);
        for (place, activity) in view.activities.iter().enumerate() {
            if let Some((_, call, kind)) = activity.named {
                view.first.entry((call, kind)).or_insert(place);
            }
        }
        for event in &ledger.events {
            let survivor = view.survivor(&event.conversation);
            view.events.entry(survivor).or_default().push(event);
            view.own_events.entry(event.conversation.as_str()).or_default().push(event);
        }
        view
    }

    /// Where a conversation lives on in the end.
    pub(super) fn survivor(&self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(next) = self.conversations.get(id).and_then(|row| row.merged_into.as_deref()) {
            id = next;
        }
        id
    }

    pub(super) fn activity(&self, call: u64, kind: Kind) -> Option<&Activity<'a>> {
        self.first.get(&(call, kind)).map(|place| &self.activities[*place])
    }

    pub(super) fn events_of(&self, conversation: &str) -> &[&'a EventEntry] {
        self.events.get(conversation).map_or(&[], Vec::as_slice)
    }
}

/// `calltrail:{account}:{call}:{kind}`
fn named(external_id: &str) -> Option<(&str, u64, Kind)> {
    let mut parts = external_id.strip_prefix("calltrail:")?.splitn(3, ':');
    let (account, call, word) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
    Some((account, call.parse().ok()?, kind))
}

fn note<'a>(comment: &'a CommentEntry, conversation: &'a ConversationEntry) -> Option<Note<'a>> {
    let marker = last_line(&comment.body);
    let rest = marker.strip_prefix("Aircall #")?;
    let named =
        rest.split_once(", note ").and_then(|(call, note)| Some((call.parse().ok()?, note.parse().ok()?)));
    Some(Note { marker, named, comment, conversation })
}

pub(super) fn last_line(body: &str) -> &str {
    body.trim_end().rsplit('\n').next().unwrap_or_default()
}
