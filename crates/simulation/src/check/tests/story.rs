//! Evidence told by hand: a clean run of two accounts, to be spoiled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use calltrail_domain::decision::{Decision, EffectsDecided, Logged, Verdict};
use calltrail_domain::effect::{
    Act, Action as Do, AddComment, ConversationStatus, Effect, EffectSettled, ImportActivity, LookUpContact,
    ObserveConversation, Outcome, Sender,
};
use calltrail_domain::ids::{
    CallId, ContactId, ConversationId, EffectKey, EffectKind, InboxId, PartyId, ThreadRef,
};
use calltrail_domain::policy::{CallType, ImportType};
use calltrail_domain::record::{AccountCreated, AircallEvent, FrontEvent, PartyKey, Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_simulator::front::{
    Action, CommentEntry, ContactEntry, ConversationEntry, EventEntry, Handle, ImportEntry, ImportOutcome,
    Ledger, MessageEntry, RequestEntry, Teammate,
};

use crate::check::front::Kind;
use crate::evidence::{AccountEvidence, CallKind, Deed, Evidence, LoggedRecord, PlannedCall};
use crate::fault::Scenario;

pub(super) const ARCHIVED_MS: i64 = 2_000_000;
/// When call 3 settles.
pub(super) const THIRD_MS: i64 = 4_000_000;

/// A missed call, an answered one, an archiving, a late recording, a voicemail; a call without a number; another account.
pub(super) fn clean() -> Evidence {
    told(None, None, false)
}

/// The same, with the answered call from another number of the same contact.
pub(super) fn with_two_numbers() -> Evidence {
    told(Some("+15550199"), None, false)
}

/// The same without Front's webhooks: the third call is decided after this read.
pub(super) fn with_a_read(status: ConversationStatus, acts: Vec<Act>) -> Evidence {
    let mut evidence = told(None, Some((status, acts)), false);
    evidence.accounts[0].front_webhooks = false;
    evidence
}

/// The same, with a read that shows the conversation as open, although the archiving has become known since it was asked for.
pub(super) fn with_an_overtaken_read() -> Evidence {
    told(None, None, true)
}

fn told(
    second: Option<&str>,
    read: Option<(ConversationStatus, Vec<Act>)>,
    is_read_overtaken: bool,
) -> Evidence {
    let mut story = Story::default();
    story.account("acme");
    story.caller("cnv_a", "crd_a", "+15550100");
    story.call(1, Some("+15550100"), CallKind::Missed, 100_000);
    story.look_up(110_000, "pa", 1, "crd_a");
    story.log(120_000, "pa", 1, "cnv_a", "Missed call - Support", &[Kind::Call], &[]);
    story.call(2, second.or(Some("+15550100")), CallKind::InboundAnswered, 1_000_000);
    if let Some(second) = second {
        story.front().contacts[0].handles.push(Handle::new("custom", second));
        story.look_up(1_005_000, "pa2", 2, "crd_a");
    }
    story.log(1_010_000, "pa", 2, "cnv_a", "Missed call - Support", &[Kind::Call, Kind::Duration], &[5, 6]);
    story.front().conversations[0].assignee = Some("tea_1".into());
    if is_read_overtaken {
        story.ask(ARCHIVED_MS - 1_000, "pa", 2, "cnv_a");
    }
    story.act(ARCHIVED_MS, "cnv_a", "archive", Action::Archive);
    if is_read_overtaken {
        story.answer(ARCHIVED_MS + 1_000, "pa", 2, "cnv_a", ConversationStatus::Open, Vec::new());
    }
    story.add(3_000_000, "pa", 2, "cnv_a", "Missed call - Support", &[Kind::Recording]);
    story.call(3, Some("+15550100"), CallKind::Voicemail, THIRD_MS);
    if let Some((status, acts)) = read {
        story.observe(THIRD_MS + 5_000, "pa", 3, "cnv_a", status, acts);
    }
    story.log(
        THIRD_MS + 10_000,
        "pa",
        3,
        "cnv_a",
        "Voicemail - Support",
        &[Kind::Call, Kind::Voicemail],
        &[],
    );
    story.caller("cnv_w", "crd_w", "anonymous");
    story.call(4, None, CallKind::Missed, 5_000_000);
    story.log(5_010_000, "pw", 4, "cnv_w", "Missed call - Support", &[Kind::Call], &[]);
    story.account("beta");
    story.caller("cnv_b", "crd_b", "+15550100");
    story.call(900, Some("+15550100"), CallKind::OutboundUnanswered, 6_000_000);
    story.log(6_010_000, "pb", 900, "cnv_b", "Unanswered outbound call - Support", &[Kind::Call], &[]);
    story.finish()
}

#[derive(Default)]
struct Story {
    accounts: Vec<AccountEvidence>,
    log: Vec<LoggedRecord>,
    steps: BTreeMap<String, u64>,
    ordinals: BTreeMap<String, u64>,
    subjects: BTreeMap<String, String>,
    ids: usize,
}

impl Story {
    fn finish(self) -> Evidence {
        let end = self.log.len() as u64;
        Evidence {
            accounts: self.accounts,
            log: self.log,
            folds: vec![("live".into(), end, 7), ("replay".into(), end, 7)],
            publications: Vec::new(),
            decided: Vec::new(),
            claims: Vec::new(),
            tails_lost: 0,
            folded_again: 0,
            is_trimmed: false,
            scenario: Scenario::Everything,
            faults_end_ms: 6_000_000,
            ended_ms: 9_000_000,
            at_rest: true,
        }
    }

    fn account(&mut self, id: &str) {
        self.accounts.push(AccountEvidence {
            id: id.into(),
            calls: Vec::new(),
            taken: BTreeMap::new(),
            taken_each: BTreeSet::new(),
            front: Ledger {
                requests: Vec::new(),
                imports: Vec::new(),
                conversations: Vec::new(),
                contacts: Vec::new(),
                tags: Vec::new(),
                events: Vec::new(),
                webhooks: Vec::new(),
            },
            logged: Vec::new(),
            requests_per_minute: 50,
            front_webhooks: true,
            import_reopens: true,
            front_silence_ms: 900_000,
            archived_import_archives: false,
            import_assigns: true,
            late_comments: BTreeSet::new(),
            refused: BTreeSet::new(),
            deeds: Vec::new(),
            deleted: BTreeMap::new(),
            teammates: vec![Teammate::new("tea_1", "noor@example.com", "Noor", "Haddad")],
            aircall: None,
            sent_ms: BTreeMap::new(),
            sent: Vec::new(),
        });
        self.append(
            0,
            RecordBody::AccountCreated(AccountCreated { party_key: PartyKey::from_random([7; 32]) }),
        );
    }

    fn here(&mut self) -> &mut AccountEvidence {
        self.accounts.last_mut().expect("an account was told of")
    }

    fn front(&mut self) -> &mut Ledger {
        &mut self.here().front
    }

    fn next(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_{}", self.ids)
    }

    fn append(&mut self, at_ms: i64, body: RecordBody) {
        let record = Record { received_at: Timestamp::from_millis(at_ms), body };
        let (sequence, account) = (self.log.len() as u64 + 1, self.here().id.clone());
        self.log.push(LoggedRecord { sequence, appended_ms: at_ms, account, record });
    }

    /// A contact with its conversation.
    fn caller(&mut self, conversation: &str, contact: &str, handle: &str) {
        self.front().contacts.push(ContactEntry {
            id: contact.into(),
            name: None,
            handles: vec![Handle::new("custom", handle)],
            merged_into: None,
        });
        self.front().conversations.push(conversation_entry(conversation, contact));
    }

    /// A call that ends and settles at this time.
    fn call(&mut self, id: u64, number: Option<&str>, kind: CallKind, ended_ms: i64) {
        let answered = kind.is_answered();
        self.here().calls.push(PlannedCall {
            id,
            number: number.map(Into::into),
            line: "Support",
            kind,
            agent: answered.then_some("Noor@example.com"),
            recorded: answered || kind == CallKind::Voicemail,
            notes: if answered { vec![5, 6] } else { Vec::new() },
            tags: vec!["Refund".into()],
            tags_off: vec!["Spam".into()],
            ended_ms,
        });
        for event in ["call.hungup", "call.ended"] {
            self.here().taken.insert((id, event.into()), ended_ms);
            let body = format!(r#"{{"event":"{event}","data":{{"id":{id},"tags":[]}}}}"#);
            self.append(ended_ms, RecordBody::AircallEvent(AircallEvent { number: None, body }));
        }
    }

    fn act(&mut self, at_ms: i64, conversation: &str, kind: &'static str, action: Action) {
        let id = self.next("evt");
        let body = format!(r#"{{"type":"x","payload":{{"id":"{id}"}}}}"#);
        self.append(at_ms, RecordBody::FrontEvent(FrontEvent { body }));
        self.here().deeds.push(Deed { at_ms, conversation: conversation.into(), action });
        self.front().events.push(event(&id, at_ms, kind, conversation, "teammate"));
    }

    fn observe(
        &mut self,
        at_ms: i64,
        party: &str,
        call: u64,
        conversation: &str,
        status: ConversationStatus,
        acts: Vec<Act>,
    ) {
        self.ask(at_ms, party, call, conversation);
        self.answer(at_ms, party, call, conversation, status, acts);
    }

    fn ask(&mut self, at_ms: i64, party: &str, call: u64, conversation: &str) {
        let key = EffectKey { call: CallId(call), kind: EffectKind::Observe };
        let conversation = ConversationId::new(conversation);
        let observe = ObserveConversation { conversation, segment_ended: Some(false), with_inboxes: false };
        let effects = vec![Effect { key, action: Do::ObserveConversation(observe) }];
        self.decide(at_ms, party, call, Verdict::ReadFirst, effects);
    }

    fn answer(
        &mut self,
        at_ms: i64,
        party: &str,
        call: u64,
        conversation: &str,
        status: ConversationStatus,
        acts: Vec<Act>,
    ) {
        let key = EffectKey { call: CallId(call), kind: EffectKind::Observe };
        let (conversation, at) = (ConversationId::new(conversation), Timestamp::from_millis(at_ms));
        self.settle(
            at_ms,
            party,
            key,
            Outcome::Observed { conversation, status, at, acts, inboxes: Vec::new(), contact: None },
        );
    }

    fn look_up(&mut self, at_ms: i64, party: &str, call: u64, contact: &str) {
        let key = EffectKey { call: CallId(call), kind: EffectKind::Contact };
        let look_up = LookUpContact {
            number: None,
            name: None,
            emails: Vec::new(),
            import_type: ImportType::Custom,
            known: None,
        };
        self.decide(
            at_ms,
            party,
            call,
            Verdict::ReadFirst,
            vec![Effect { key, action: Do::LookUpContact(look_up) }],
        );
        self.settle(
            at_ms,
            party,
            key,
            Outcome::ContactFound { contact: ContactId::new(contact), created: true, replaces: None },
        );
    }

    #[expect(clippy::too_many_arguments, reason = "a call with everything that is logged of it, in one line")]
    fn log(
        &mut self,
        at_ms: i64,
        party: &str,
        call: u64,
        conversation: &str,
        subject: &str,
        kinds: &[Kind],
        notes: &[u64],
    ) {
        let logged = Logged {
            call_type: CallType::Missed,
            thread: ThreadRef::new("t"),
            inbox: InboxId::new("inb_1"),
            subject: subject.into(),
            opens_segment: self.subjects.insert(party.into(), subject.into()).as_deref() != Some(subject),
            status_unread: false,
        };
        let keys: Vec<_> = kinds.iter().map(|kind| kind.key(call)).collect();
        let comments =
            notes.iter().map(|id| EffectKey { call: CallId(call), kind: EffectKind::Comment(*id) });
        let keys: Vec<_> = keys.into_iter().chain(comments).collect();
        self.decide(at_ms, party, call, Verdict::Logged(logged), keys.into_iter().map(effect).collect());
        for kind in kinds {
            self.import(at_ms, party, call, conversation, subject, *kind);
        }
        for note in notes {
            self.comment(at_ms, party, call, conversation, *note);
        }
    }

    fn add(&mut self, at_ms: i64, party: &str, call: u64, conversation: &str, subject: &str, kinds: &[Kind]) {
        let effects = kinds.iter().map(|kind| effect(kind.key(call))).collect();
        self.decide(at_ms, party, call, Verdict::Added, effects);
        for kind in kinds {
            self.import(at_ms, party, call, conversation, subject, *kind);
        }
    }

    fn decide(&mut self, at_ms: i64, party: &str, call: u64, verdict: Verdict, effects: Vec<Effect>) {
        let step = self.steps.entry(party.into()).or_default();
        *step += 1;
        let effects = effects.into_iter().map(Arc::new).collect();
        let decision = Decision {
            party: PartyId::new(party),
            step: *step,
            call: CallId(call),
            verdict,
            effects,
            position: 0,
            more: false,
            conversation: None,
        };
        let through = self.log.len() as u64;
        let decided = EffectsDecided { through, basis: None, decisions: vec![decision], complete: false };
        self.append(at_ms, RecordBody::EffectsDecided(decided));
    }

    fn settle(&mut self, at_ms: i64, party: &str, key: EffectKey, outcome: Outcome) {
        let ordinal = self.ordinals.entry(party.into()).or_default();
        *ordinal += 1;
        let settled =
            EffectSettled { party: PartyId::new(party), ordinal: *ordinal, key, attempts: 1, outcome };
        self.append(at_ms, RecordBody::EffectSettled(settled));
    }

    fn import(&mut self, at_ms: i64, party: &str, call: u64, conversation: &str, subject: &str, kind: Kind) {
        let account = self.here().id.clone();
        let number = self.front().messages().len() + 1;
        self.request(at_ms, "/inboxes/inb_1/imported_messages");
        let message = MessageEntry {
            id: self.next("msg"),
            uid: self.next("uid"),
            external_id: format!("calltrail:{account}:{call}:{}", kind.word()),
            subject: subject.into(),
            body: format!("{subject}\nTags: Refund, Other\n{}", kind.marker(call)),
            is_inbound: true,
            author: None,
            sender: String::new(),
            to: Vec::new(),
            files: Vec::new(),
            created_at_ms: at_ms,
            imported_at_ms: at_ms,
            number,
        };
        let accepted = ImportEntry {
            at_ms,
            external_id: message.external_id.clone(),
            message_uid: Some(message.uid.clone()),
            outcome: ImportOutcome::Accepted,
        };
        self.front().imports.push(accepted);
        self.conversation(conversation).messages.push(message);
        self.settle(at_ms, party, kind.key(call), applied(conversation));
    }

    fn comment(&mut self, at_ms: i64, party: &str, call: u64, conversation: &str, note: u64) {
        let (id, event_id) = (self.next("com"), self.next("evt"));
        self.request(at_ms, &format!("/conversations/{conversation}/comments"));
        let body = format!("Well\n\nAircall #{call}, note {note}");
        self.conversation(conversation).comments.push(CommentEntry {
            id,
            author: None,
            body,
            posted_at_ms: at_ms,
        });
        self.front().events.push(event(&event_id, at_ms, "comment", conversation, "api"));
        let key = EffectKey { call: CallId(call), kind: EffectKind::Comment(note) };
        self.settle(at_ms, party, key, applied(conversation));
    }

    fn conversation(&mut self, id: &str) -> &mut ConversationEntry {
        self.front().conversations.iter_mut().find(|row| row.id == id).expect("the conversation is there")
    }

    fn request(&mut self, at_ms: i64, path: &str) {
        let request =
            RequestEntry { at_ms, method: "POST".into(), path: path.into(), status: Some(202), fault: None };
        self.front().requests.push(request);
    }
}

pub(super) fn event(
    id: &str,
    at_ms: i64,
    kind: &'static str,
    conversation: &str,
    source: &'static str,
) -> EventEntry {
    EventEntry { id: id.into(), at_ms, kind, conversation: conversation.into(), source }
}

fn conversation_entry(id: &str, contact: &str) -> ConversationEntry {
    ConversationEntry {
        id: id.into(),
        subject: String::new(),
        status: "unassigned",
        inbox: "inb_1".into(),
        assignee: None,
        contact: contact.into(),
        tags: Vec::new(),
        snoozed_until_ms: None,
        merged_into: None,
        messages: Vec::new(),
        comments: Vec::new(),
    }
}

fn applied(conversation: &str) -> Outcome {
    Outcome::Applied {
        conversation: Some(ConversationId::new(conversation)),
        message_uid: None,
        at: Timestamp::from_millis(0),
        unconfirmed: false,
        comment: None,
    }
}

fn effect(key: EffectKey) -> Effect {
    let comment = matches!(key.kind, EffectKind::Comment(_));
    let action = if comment {
        Do::AddComment(AddComment { email: None, body: String::new(), unsigned_body: String::new() })
    } else {
        Do::ImportActivity(ImportActivity {
            line: None,
            inbox: InboxId::new("inb_1"),
            thread: ThreadRef::new("t"),
            import_type: ImportType::Custom,
            subject: String::new(),
            body: String::new(),
            created_at: Timestamp::from_millis(0),
            from: Sender::Customer { number: None, name: None, line_number: None },
            archived: false,
            with_audio: false,
            skips_rules: false,
        })
    };
    Effect { key, action }
}
