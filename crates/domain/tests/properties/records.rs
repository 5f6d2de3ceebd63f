//! Stored formats: what was written once is read for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use calltrail_domain::decision::{Decision, EffectsDecided, LeftOut, Logged, Verdict};
use calltrail_domain::effect::{
    Action, AddComment, AssignConversation, ConversationStatus, Effect, EffectSettled, ImportActivity,
    LookUpContact, ObserveConversation, Outcome, ReopenConversation, Sender, TagConversation,
};
use calltrail_domain::ids::{
    CallId, CommentId, ContactId, ConversationId, EffectKey, EffectKind, InboxId, LineId, MessageUid,
    PartyId, ThreadRef,
};
use calltrail_domain::policy::{Anonymous, CallType, Comments, ImportType, Policy, Recording, Tags};
use calltrail_domain::record::{
    AccountCreated, AircallEvent, AircallRead, CallsReconsidered, ConversationMerged, EffectsDropped,
    EffectsRetried, FrontEvent, KNOWN_KINDS, PartyErased, PartyKey, Record, RecordBody, SNAPSHOT_FORMAT,
    SnapshotEnd, StateSnapshot,
};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;

use crate::engine::{number, policy};

fn key(kind: EffectKind) -> EffectKey {
    EffectKey { call: CallId(812), kind }
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_123)
}

fn import(from: Sender) -> Action {
    Action::ImportActivity(activity(from))
}

fn activity(from: Sender) -> ImportActivity {
    ImportActivity {
        line: None,
        inbox: InboxId::new("inb_1"),
        thread: ThreadRef::new("calltrail:812"),
        import_type: ImportType::Custom,
        subject: "Missed call - Support".to_owned(),
        body: "Missed call - Support\nAircall call 812".to_owned(),
        created_at: at(),
        from,
        archived: false,
        with_audio: false,
        skips_rules: false,
    }
}

fn decision(verdict: Verdict, actions: Vec<(EffectKind, Action)>) -> Decision {
    let effect = |(kind, action)| Arc::new(Effect { key: key(kind), action });
    let effects = actions.into_iter().map(effect).collect();
    Decision {
        party: PartyId::new("0a1b"),
        step: 1,
        call: CallId(812),
        verdict,
        effects,
        position: 0,
        more: false,
        conversation: None,
    }
}

fn decisions() -> Vec<Decision> {
    let customer =
        Sender::Customer { number: Some(number(1)), name: Some("Ada".to_owned()), line_number: None };
    let email = "iris@example.com".to_owned();
    let agent = Sender::Agent {
        email: Some(email.clone()),
        line_number: Some(number(2)),
        number: Some(number(1)),
        assign: true,
    };
    let logged = Logged {
        call_type: CallType::Missed,
        thread: ThreadRef::new("calltrail:812"),
        inbox: InboxId::new("inb_1"),
        subject: "Missed call - Support".to_owned(),
        opens_segment: true,
        status_unread: false,
    };
    let look_up = LookUpContact {
        number: Some(number(1)),
        name: Some("Ada".to_owned()),
        emails: vec!["ada@example.com".to_owned()],
        import_type: ImportType::Sms,
        known: None,
    };
    let observe = ObserveConversation {
        conversation: ConversationId::new("cnv_1"),
        segment_ended: None,
        with_inboxes: false,
    };
    vec![
        decision(Verdict::ReadFirst, vec![(EffectKind::Contact, Action::LookUpContact(look_up))]),
        decision(Verdict::ReadFirst, vec![(EffectKind::Observe, Action::ObserveConversation(observe))]),
        decision(Verdict::LeftOut { reason: LeftOut::Hours }, Vec::new()),
        decision(
            Verdict::Logged(logged),
            vec![
                (EffectKind::Call, import(customer)),
                (EffectKind::Duration, import(agent)),
                (EffectKind::Assign, Action::AssignConversation(AssignConversation { email })),
                (
                    EffectKind::Reopen,
                    Action::ReopenConversation(ReopenConversation { unless_archived_after: at() }),
                ),
            ],
        ),
    ]
}

/// An import that names its line.
fn lined_decisions() -> Vec<Decision> {
    let nobody = Sender::Customer { number: None, name: None, line_number: None };
    let import = ImportActivity { line: Some(LineId(41_065)), ..activity(nobody) };
    vec![decision(Verdict::Added, vec![(EffectKind::Voicemail, Action::ImportActivity(import))])]
}

/// What is looked up again, and read with the inboxes.
fn read_again() -> Vec<Decision> {
    let look_up = LookUpContact {
        number: Some(number(1)),
        name: None,
        emails: Vec::new(),
        import_type: ImportType::Custom,
        known: Some(ContactId::new("crd_1")),
    };
    let conversation = ConversationId::new("cnv_1");
    let observe = ObserveConversation { conversation, segment_ended: Some(false), with_inboxes: true };
    vec![
        decision(Verdict::ReadFirst, vec![(EffectKind::Contact, Action::LookUpContact(look_up))]),
        decision(Verdict::ReadFirst, vec![(EffectKind::Observe, Action::ObserveConversation(observe))]),
    ]
}

/// What comes late for a call, and a call without a number.
fn late_decisions() -> Vec<Decision> {
    let nobody =
        Sender::Customer { number: None, name: Some("Anonymous caller".to_owned()), line_number: None };
    let agent = Sender::Agent { email: None, line_number: None, number: None, assign: false };
    let recording = ImportActivity { with_audio: true, ..activity(agent) };
    let voicemail = ImportActivity { archived: true, ..activity(nobody) };
    let comment = AddComment {
        email: Some("iris@example.com".to_owned()),
        body: "Called back\n\nAircall call 812, note 99".to_owned(),
        unsigned_body: "Iris: Called back\n\nAircall call 812, note 99".to_owned(),
    };
    let observe = ObserveConversation {
        conversation: ConversationId::new("cnv_1"),
        segment_ended: None,
        with_inboxes: false,
    };
    vec![
        decision(
            Verdict::ReadFirst,
            vec![(EffectKind::ObserveAgain(4), Action::ObserveConversation(observe))],
        ),
        decision(
            Verdict::Added,
            vec![
                (EffectKind::Recording, Action::ImportActivity(recording.clone())),
                (EffectKind::RecordingPending, Action::ImportActivity(recording)),
                (EffectKind::Voicemail, Action::ImportActivity(voicemail.clone())),
                (EffectKind::VoicemailPending, Action::ImportActivity(voicemail)),
                (EffectKind::Comment(99), Action::AddComment(comment)),
                (
                    EffectKind::Tag(u64::MAX),
                    Action::TagConversation(TagConversation { name: "Refund".to_owned() }),
                ),
            ],
        ),
    ]
}

/// Contacts are looked up again.
fn lookup_policy() -> Policy {
    let mut policy = late_policy();
    policy.timing.contact_lookup_seconds = Some(3_600);
    policy
}

/// Links to some hosts alone are shown.
fn linked_policy() -> Policy {
    let link_hosts = Some(["aircall.io".to_owned()].into());
    Policy { link_hosts, ..lookup_policy() }
}

/// The rules as releases wrote them whose comments were neutral, in one time zone.
fn late_policy() -> Policy {
    let (tags, recording, comments) = (Tags::FrontTags, Recording::Attach, Comments::Neutral);
    Policy { comments_on_unanswered: true, comments, tags, recording, ..policy() }
}

fn policy_of_each_line() -> Policy {
    Policy { comments: Comments::Escaped, time_zone: None, ..policy() }
}

/// The rules as releases wrote them that knew neither comments nor anonymous callers.
fn first_policy() -> Policy {
    let first = policy();
    let comments = Comments::Neutral;
    Policy { anonymous: Anonymous::Skip, comments_on_unanswered: false, comments, ..first }
}

fn settled(outcome: Outcome) -> RecordBody {
    RecordBody::EffectSettled(EffectSettled {
        party: PartyId::new("0a1b"),
        ordinal: 3,
        key: key(EffectKind::Call),
        attempts: 2,
        outcome,
    })
}

/// One record of every kind and every shape, by the name of its golden file.
pub(crate) fn every_record() -> Vec<(&'static str, RecordBody)> {
    let mut records = settled_records();
    records.extend(told_records());
    records.extend(other_records());
    records.push(("party.erased", erased()));
    records.push(("state.snapshot", snapshot(None)));
    let end = SnapshotEnd {
        state_hash: "9f86d081884c7d65".to_owned(),
        first: Some((1, u64::MAX)),
        recent: vec![(40, 7), (41, 8)],
    };
    records.push(("state.snapshot.end", snapshot(Some(end))));
    records.push(("calls.reconsidered", reconsidered(&[812, 813], false)));
    records.push(("calls.reconsidered.history", reconsidered(&[812], true)));
    let refused = BTreeMap::from([("812:call", 7), ("812:comment:99", 12)]);
    let refused = || refused.iter().map(|(key, ordinal)| (key.parse().expect("a key"), *ordinal)).collect();
    for (name, history) in [("effects.retried", false), ("effects.retried.history", true)] {
        records.push((name, RecordBody::EffectsRetried(EffectsRetried { effects: refused(), history })));
    }
    records.push(("effects.dropped", RecordBody::EffectsDropped(EffectsDropped { effects: refused() })));
    records
}

/// How effects end.
fn settled_records() -> Vec<(&'static str, RecordBody)> {
    let conversation = ConversationId::new("cnv_1");
    let applied = Outcome::Applied {
        conversation: Some(conversation.clone()),
        message_uid: Some(MessageUid::new("1eab")),
        at: at(),
        unconfirmed: false,
        comment: None,
    };
    let commented = Outcome::Applied {
        conversation: Some(conversation.clone()),
        message_uid: None,
        at: at(),
        unconfirmed: false,
        comment: Some(CommentId::new("com_1")),
    };
    let observed = Outcome::Observed {
        conversation: conversation.clone(),
        status: ConversationStatus::Snoozed,
        at: at(),
        acts: Vec::new(),
        inboxes: Vec::new(),
        contact: None,
    };
    let read = Outcome::Observed {
        conversation: conversation.clone(),
        status: ConversationStatus::Open,
        at: at(),
        acts: Vec::new(),
        inboxes: vec![InboxId::new("inb_2")],
        contact: Some(ContactId::new("crd_2")),
    };
    let found = Outcome::ContactFound { contact: ContactId::new("crd_1"), created: true, replaces: None };
    let replaces = Some(ContactId::new("crd_1"));
    let merged = Outcome::ContactFound { contact: ContactId::new("crd_2"), created: false, replaces };
    vec![
        ("effect.settled.applied", settled(applied)),
        ("effect.settled.commented", settled(commented)),
        ("effect.settled.observed", settled(observed)),
        ("effect.settled.read", settled(read)),
        ("effect.settled.contact_found", settled(found)),
        ("effect.settled.contact_merged", settled(merged)),
        (
            "effect.settled.rejected",
            settled(Outcome::Rejected { status: 400, reason: "Bad request".to_owned() }),
        ),
        ("effect.settled.overtaken", settled(Outcome::Overtaken { found: "archived".to_owned() })),
        (
            "effect.settled.gone",
            settled(Outcome::Gone { conversation: ConversationId::new("cnv_1"), at: at() }),
        ),
        ("effect.settled.skipped", settled(Outcome::Skipped { because_of: key(EffectKind::Call) })),
    ]
}

fn read(history: bool, update: bool) -> RecordBody {
    let body = "{\"id\": 812}".to_owned();
    RecordBody::AircallRead(AircallRead { number: Some(number(1)), body, history, update })
}

fn told_records() -> Vec<(&'static str, RecordBody)> {
    vec![
        (
            "aircall.event",
            RecordBody::AircallEvent(AircallEvent {
                number: Some(number(1)),
                body: "{\"event\": 1}".to_owned(),
            }),
        ),
        ("aircall.read", read(false, false)),
        ("aircall.read.history", read(true, false)),
        ("aircall.read.update", read(false, true)),
        ("front.event", RecordBody::FrontEvent(FrontEvent { body: "{}".to_owned() })),
        ("front.polled", RecordBody::FrontPolled(FrontEvent { body: "{}".to_owned() })),
    ]
}

fn snapshot(end: Option<SnapshotEnd>) -> RecordBody {
    let pieces =
        [("call/812", r#"{"told":{"#), ("call/812", r#""number":null}}"#), ("erased/813", r#"{"at":7}"#)];
    let pieces = pieces.map(|(key, stored)| (key.to_owned(), stored.to_owned()));
    RecordBody::StateSnapshot(StateSnapshot {
        format: SNAPSHOT_FORMAT,
        id: "0a1b2c3d4e5f6071".to_owned(),
        through: 41,
        began: 1,
        part: if end.is_some() { 3 } else { 2 },
        pieces: if end.is_some() { Vec::new() } else { pieces.into() },
        end,
    })
}

fn reconsidered(calls: &[u64], history: bool) -> RecordBody {
    let calls = calls.iter().copied().map(CallId).collect();
    RecordBody::CallsReconsidered(CallsReconsidered { calls, history })
}

fn erased() -> RecordBody {
    let piece = |key: &str, piece| (key.to_owned(), piece);
    RecordBody::PartyErased(PartyErased {
        through: 40,
        part: 1,
        parties: BTreeSet::from([PartyId::new("0a1b")]),
        calls: BTreeSet::from([CallId(812)]),
        conversations: BTreeSet::from([ConversationId::new("cnv_1")]),
        contacts: BTreeSet::from([ContactId::new("crd_1")]),
        records: vec![3, 5, 9],
        pieces: BTreeMap::from([
            piece("call/812", None),
            piece("conversation/cnv_1", Some(serde_json::json!(["2c3d"]))),
            piece("erased/812", Some(serde_json::json!({ "at": at() }))),
        ]),
    })
}

fn other_records() -> Vec<(&'static str, RecordBody)> {
    vec![
        (
            "account.created",
            RecordBody::AccountCreated(AccountCreated { party_key: PartyKey::from_random([7; 32]) }),
        ),
        ("policy.changed.own_zones", RecordBody::PolicyChanged(policy_of_each_line())),
        ("policy.changed.lookup", RecordBody::PolicyChanged(lookup_policy())),
        ("policy.changed.link_hosts", RecordBody::PolicyChanged(linked_policy())),
        (
            "effects.decided",
            RecordBody::EffectsDecided(EffectsDecided {
                through: 9,
                basis: None,
                decisions: decisions(),
                complete: false,
            }),
        ),
        (
            "effects.decided.late",
            RecordBody::EffectsDecided(EffectsDecided {
                through: 9,
                basis: None,
                decisions: late_decisions(),
                complete: true,
            }),
        ),
        (
            "effects.decided.lined",
            RecordBody::EffectsDecided(EffectsDecided {
                through: 9,
                basis: None,
                decisions: lined_decisions(),
                complete: true,
            }),
        ),
        (
            "effects.decided.again",
            RecordBody::EffectsDecided(EffectsDecided {
                through: 9,
                basis: None,
                decisions: read_again(),
                complete: false,
            }),
        ),
        (
            "conversation.merged",
            RecordBody::ConversationMerged(ConversationMerged {
                from: ConversationId::new("cnv_1"),
                into: ConversationId::new("cnv_2"),
            }),
        ),
        ("timer.elapsed.call_end", RecordBody::TimerElapsed(Timer::CallEnd { call: CallId(812) })),
        ("timer.elapsed.media_link", RecordBody::TimerElapsed(Timer::MediaLink { call: CallId(812) })),
        (
            "timer.elapsed.work_item",
            RecordBody::TimerElapsed(Timer::WorkItem {
                party: PartyId::new("0a1b"),
                item: 4,
                publication: 2,
            }),
        ),
    ]
}

/// Golden files are written once, for a new kind or version, and never changed: `CALLTRAIL_WRITE_GOLDEN=1` adds those
/// that are missing.
#[test]
#[expect(clippy::disallowed_methods, reason = "golden files are files; the ban is for the domain itself")]
fn every_record_is_written_and_read_as_its_golden_file_says() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    for (name, body) in every_record() {
        let record = Record { received_at: at(), body };
        let path = folder.join(format!("{name}.json"));
        if std::env::var_os("CALLTRAIL_WRITE_GOLDEN").is_some() && !path.exists() {
            std::fs::create_dir_all(&folder).expect("writable");
            std::fs::write(&path, record.encode()).expect("writable");
        }
        let golden = std::fs::read(&path).unwrap_or_else(|_| panic!("{name} has a golden file"));
        assert_eq!(String::from_utf8_lossy(&record.encode()), String::from_utf8_lossy(&golden), "{name}");
        assert_eq!(Record::decode(&golden).expect("readable"), record, "{name}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "golden files are files; the ban is for the domain itself")]
fn rules_that_were_written_before_there_were_more_are_read_as_what_was_done_then() {
    for (name, policy) in [("policy.changed", first_policy()), ("policy.changed.late", late_policy())] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
        let golden = std::fs::read(folder.join(format!("{name}.json"))).expect("it was written once");
        let body = RecordBody::PolicyChanged(policy);
        assert_eq!(Record::decode(&golden).expect("readable"), Record { received_at: at(), body }, "{name}");
    }
}

#[test]
fn every_kind_is_among_the_known_ones_and_has_a_golden_file() {
    let written: Vec<_> = every_record().into_iter().map(|(_, body)| body.kind().to_owned()).collect();
    for kind in KNOWN_KINDS {
        assert!(written.iter().any(|written| written == kind), "{kind}");
    }
    assert!(written.iter().all(|kind| KNOWN_KINDS.contains(&kind.as_str())));
}

#[test]
fn a_kind_of_a_later_release_is_kept_without_meaning() {
    let bytes = br#"{"v":2,"kind":"call.summarised","received_at":5,"data":{"anything":[1]}}"#;
    let record = Record::decode(bytes).expect("readable");
    assert_eq!(record.body, RecordBody::Unknown { kind: "call.summarised".to_owned(), needs: 2 });
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let without_data = br#"{"v":1,"kind":"aircall.event","received_at":5,"data":{}}"#;
    for bytes in [&b""[..], b"null", b"{\"v\":1}", without_data] {
        assert!(Record::decode(bytes).is_err());
    }
}
