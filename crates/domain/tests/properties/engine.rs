//! A whole engine in memory: it appends, folds, decides and answers for Front, one small step at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use calltrail_domain::decide::decide;
use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::{
    Action, ConversationStatus, EffectSettled, NumberedEffect, Outcome, WorkItem,
};
use calltrail_domain::fact::{
    Agent, CallEvent, CallSnapshot, CallStatus, ConversationChange, ConversationChanged, Direction, Fact,
    Line, Media,
};
use calltrail_domain::fold::{Output, Place, fold};
use calltrail_domain::ids::{CallId, ContactId, ConversationId, InboxId, LineId, PartyId, PhoneNumber};
use calltrail_domain::policy::{
    Anonymous, AssignBy, CallType, Comments, ImportType, Locale, Policy, Recording, Tags, Threading, Timing,
};
use calltrail_domain::record::{AccountCreated, PartyKey};
use calltrail_domain::state::{Memory, State};
use calltrail_domain::time::Timestamp;

pub(crate) fn policy() -> Policy {
    Policy {
        locale: Locale::En,
        default_inbox: InboxId::new("inb_1"),
        inboxes: BTreeMap::new(),
        types: CallType::ALL.into(),
        skip_lines: BTreeSet::new(),
        subject: "{type} - {line}".to_owned(),
        threading: Threading::Contact,
        import_type: ImportType::Custom,
        assign_by: AssignBy::Import,
        anonymous: Anonymous::PerCall,
        comments_on_unanswered: false,
        comments: Comments::AsWritten,
        tags: Tags::Text,
        recording: Recording::Link,
        link_hosts: None,
        time_zone: Some("Europe/Vienna".to_owned()),
        business_hours: None,
        front_webhooks: true,
        timing: Timing {
            ended_wait_seconds: 120,
            silent_call_seconds: 14_400,
            front_silence_seconds: 900,
            contact_lookup_seconds: None,
            voicemail_wait_seconds: 180,
        },
    }
}

pub(crate) fn number(n: u8) -> PhoneNumber {
    PhoneNumber::from_e164(format!("+4477009001{n:02}"))
}

/// One webhook of a call that is answered or not, at one stage of its life.
pub(crate) fn snapshot(call: u64, party: u8, stage: usize, answered: bool) -> CallSnapshot {
    let start = 1_700_000_000 + i64::try_from(call).expect("small") * 60;
    let at = |offset: i64| Timestamp::from_seconds(start + offset);
    let (event, status) = [
        (CallEvent::Other, CallStatus::Initial),
        (CallEvent::Other, if answered { CallStatus::Answered } else { CallStatus::Initial }),
        (CallEvent::HungUp, CallStatus::Done),
        (CallEvent::Ended, CallStatus::Done),
        (CallEvent::Other, CallStatus::Done),
    ][stage];
    let offset = [0, 5, 30, 60, 63][stage];
    CallSnapshot {
        call: CallId(call),
        event,
        at: at(offset),
        received_at: at(offset + 1),
        status: Some(status),
        number: Some(number(party)),
        shown_number: None,
        answered_guess: None,
        menu: Vec::new(),
        answered_by: None,
        rung: None,
        direction: Some(Direction::Inbound),
        line: Some(Line { id: LineId(7), name: Some("Support".to_owned()), number: None, time_zone: None }),
        started_at: Some(at(0)),
        answered_at: (answered && stage >= 1).then(|| at(5)),
        ended_at: (stage >= 2).then(|| at(30)),
        missed_reason: (!answered && stage >= 2).then(|| "agents_did_not_answer".to_owned()),
        agent: (answered && stage >= 1).then(|| Agent { id: 5, name: Some("Iris".to_owned()), email: None }),
        contact: None,
        recording: Media::Absent,
        voicemail: Media::Absent,
        comments: Vec::new(),
        tags: (stage >= 3).then(|| BTreeSet::from(["vip".to_owned()])),
        transfer: None,
        read: None,
    }
}

#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) log: Vec<(Place, Fact)>,
    pub(crate) state: State<Memory>,
    pub(crate) published: Vec<WorkItem>,
    /// Parties `a` and `b` with `a / 2 == b / 2` are one contact in Front.
    pub(crate) shared_contacts: bool,
    touched: BTreeSet<PartyId>,
    /// Decisions on their way into the log.
    on_their_way: VecDeque<EffectsDecided>,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let mut engine = Self {
            log: Vec::new(),
            state: State::new(Memory::default()),
            published: Vec::new(),
            shared_contacts: false,
            touched: BTreeSet::new(),
            on_their_way: VecDeque::new(),
        };
        let key = PartyKey::from_random([7; 32]);
        engine.append(Fact::AccountCreated(AccountCreated { party_key: key }));
        engine.append(Fact::PolicyChanged(policy()));
        engine
    }

    /// The engine that comes up on a log of somebody else's making.
    pub(crate) fn rebuilt(log: &[(Place, Fact)]) -> Self {
        let mut engine = Self { state: State::new(Memory::default()), ..Self::new() };
        engine.log.clear();
        engine.published.clear();
        engine.touched.clear();
        for (place, fact) in log {
            engine.take(*place, fact.clone());
        }
        engine
    }

    pub(crate) fn append(&mut self, fact: Fact) {
        self.append_behind(0, fact);
    }

    /// Appends a fact that came to a machine whose clock is behind by so much.
    pub(crate) fn append_behind(&mut self, seconds: i64, fact: Fact) {
        let sequence = self.log.last().map_or(0, |(place, _)| place.sequence) + 10;
        let now = 1_700_000_000 + i64::try_from(sequence).expect("small");
        self.take(Place { sequence, received_at: Timestamp::from_seconds(now - seconds) }, fact);
    }

    fn take(&mut self, place: Place, fact: Fact) {
        let outputs = fold(&mut self.state, place, &fact).expect("memory does not fail");
        self.log.push((place, fact));
        self.state.commit();
        for output in outputs {
            match output {
                Output::Publish(item) => self.published.push(item),
                Output::Touched(party) => drop(self.touched.insert(party)),
            }
        }
    }

    /// Decides everything that can be decided now; returns how many decisions were made.
    pub(crate) fn decide(&mut self) -> usize {
        self.decisions_arrive();
        let mut made = 0;
        while self.decide_ahead() {
            made += 1;
            self.decisions_arrive();
        }
        made
    }

    /// Makes one decision, whose record is on its way into the log; false when there was nothing to decide, or when
    /// another one is on its way.
    pub(crate) fn decide_ahead(&mut self) -> bool {
        if !self.on_their_way.is_empty() {
            return false;
        }
        while let Some(party) = self.touched.pop_first() {
            let decision = decide(&self.state, &party).expect("memory does not fail");
            let Some(decision) = decision else { continue };
            let through = self.log.last().map_or(0, |(place, _)| place.sequence);
            let complete = self.touched.is_empty();
            let decisions = vec![decision];
            self.on_their_way.push_back(EffectsDecided { through, basis: None, decisions, complete });
            return true;
        }
        false
    }

    /// The decisions on their way are appended.
    pub(crate) fn decisions_arrive(&mut self) {
        while let Some(decided) = self.on_their_way.pop_front() {
            self.append(Fact::EffectsDecided(decided));
        }
    }

    /// Front's answers to the oldest work item that is not settled yet.
    pub(crate) fn settle_one_item(&mut self) -> bool {
        if self.published.is_empty() {
            return false;
        }
        let item = self.published.remove(0);
        for effect in &item.effects {
            let outcome = self.answer(&item, effect);
            self.append(Fact::EffectSettled(EffectSettled {
                party: item.party.clone(),
                ordinal: effect.ordinal,
                key: effect.effect.key,
                attempts: 1,
                outcome,
            }));
        }
        true
    }

    fn answer(&self, item: &WorkItem, effect: &NumberedEffect) -> Outcome {
        let at = self.log.last().map(|(place, _)| place.received_at).expect("never empty");
        match &effect.effect.action {
            Action::LookUpContact(look_up) => {
                let digits: u32 = look_up
                    .number
                    .as_ref()
                    .map_or("99", |number| &number.as_str()[number.as_str().len() - 2..])
                    .parse()
                    .expect("two digits");
                let contact = if self.shared_contacts { digits / 2 } else { digits };
                Outcome::ContactFound {
                    contact: ContactId::new(format!("crd_{contact}")),
                    created: false,
                    replaces: None,
                }
            }
            Action::ObserveConversation(observe) => Outcome::Observed {
                conversation: observe.conversation.clone(),
                status: ConversationStatus::Open,
                at,
                acts: Vec::new(),
                inboxes: Vec::new(),
                contact: None,
            },
            Action::ImportActivity(_)
            | Action::AssignConversation(_)
            | Action::ReopenConversation(_)
            | Action::AddComment(_)
            | Action::TagConversation(_) => {
                let conversation = item.conversation.clone();
                let conversation =
                    conversation.unwrap_or_else(|| ConversationId::new(format!("cnv_{}", item.party)));
                Outcome::Applied {
                    conversation: Some(conversation),
                    message_uid: None,
                    at,
                    unconfirmed: false,
                    comment: None,
                }
            }
        }
    }

    /// Runs until nothing is left to be decided or to be settled.
    pub(crate) fn run_dry(&mut self) {
        loop {
            let decided = self.decide();
            if !self.settle_one_item() && decided == 0 {
                return;
            }
        }
    }

    pub(crate) fn archive(&mut self, party: u8) {
        let id = calltrail_domain::fold::party_of_number(&self.state, &number(party))
            .expect("memory does not fail");
        let Some((_, entry)) = id.and_then(|id| self.state.party(&id).expect("memory does not fail")) else {
            return;
        };
        let Some(conversation) = entry.thread.and_then(|thread| thread.conversation) else { return };
        let at = self.log.last().map(|(place, _)| place.received_at).expect("never empty");
        self.append(Fact::ConversationChanged(ConversationChanged {
            conversation,
            at,
            received_at: Some(at),
            change: ConversationChange::Archived,
            contact: None,
        }));
    }

    /// Every effect that was decided and folded, as it went to the outbox, with its ordinal.
    pub(crate) fn effects_in_log(&self) -> Vec<(PartyId, u64, String)> {
        let mut published = Vec::new();
        let mut state = State::new(Memory::default());
        for (place, fact) in &self.log {
            for output in fold(&mut state, *place, fact).expect("memory does not fail") {
                if let Output::Publish(item) = output {
                    let party = item.party;
                    published.extend(
                        item.effects
                            .into_iter()
                            .map(|e| (party.clone(), e.ordinal, e.effect.key.to_string())),
                    );
                }
            }
            state.commit();
        }
        published
    }
}
