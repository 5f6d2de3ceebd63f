//! The segments of each caller, retraced from the log by the rule of MAPPING M8 alone.
//!
//! A call belongs to the segment that was open at the log position at which it settled. Of what people did, and was known by
//! then, the latest by Front's time counts: an archiving ends the segment, if it came after the call that opened it.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::decision::{Logged, Verdict};
use calltrail_domain::effect::{Action, ConversationStatus, EffectSettled, Outcome};
use calltrail_domain::ids::{CallId, EffectKey, EffectKind};
use calltrail_domain::record::ConversationMerged;

use super::limits::CLOCK_WRONG_MS;
use super::records::{Decided, Place, SettledBy, is_gone};
use super::status::{is_by_people, is_status};
use super::thread::{Known, Seen, Thread};
use super::view::AccountView;

/// What a call's subject has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Must {
    Keep,
    Open,
    /// Its own, in another conversation: the one before was trashed.
    Leave,
    Either(Lenient),
}

macro_rules! reasons {
    ($($reason:ident $words:literal),* $(,)?) => {
        /// Why a subject is judged leniently.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Lenient { $($reason),* }

        impl Lenient {
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// The reason in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$reason => $words),* }
            }
        }
    };
}

reasons! {
    Unsettled "the log does not show where the call settled",
    SameMoment "two acts have the same time in Front",
    UntimedRead "a read showed a change, and the events could not be read",
    Merged "the conversation was merged into another since the segment began",
    TrashInDoubt "trashed or restored within the error of a clock",
    DecidedAgain "the log lost its last records, and the call was in Front before it was decided again",
    EventsDropped "more events of unknown conversations came first than are kept, and the status was read",
    OpenerElsewhere "the first call of another conversation was refused",
}

pub(super) const LENIENT_REASONS: usize = Lenient::ALL.len();

/// What a logged call had to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) decided: Decided<'a>,
    pub(super) must: Must,
    /// The subject of the segment that was open, and its thread, if one was.
    pub(super) current: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
}

/// What the log asks of every call, and of what came late.
#[derive(Debug, Default)]
pub(super) struct Segments<'a> {
    pub(super) calls: BTreeMap<u64, Judged<'a>>,
    /// The subject of the segment that was open when a late part was decided.
    pub(super) late: BTreeMap<EffectKey, &'a str>,
}

impl<'a> Segments<'a> {
    pub(super) fn of(account: &AccountView<'a>) -> Self {
        let mut retracing = Retracing {
            account,
            parties: BTreeMap::new(),
            contacts: BTreeMap::new(),
            settled: BTreeSet::new(),
            segments: Self::default(),
        };
        retracing.retrace();
        retracing.segments
    }
}

/// A party while the log is retraced.
#[derive(Debug, Default)]
struct Party<'a> {
    thread: Option<Thread<'a>>,
    /// The first call of the segment, until it is in Front, and the thread before it.
    opening: Option<(u64, Option<Thread<'a>>)>,
    /// The next call is judged leniently for this.
    doubt: Option<Lenient>,
}

struct Retracing<'v, 'a> {
    account: &'v AccountView<'a>,
    parties: BTreeMap<&'a str, Party<'a>>,
    /// The contact of each party, once it was found.
    contacts: BTreeMap<&'a str, &'a str>,
    /// An effect settles once, and once more for each time that its conversation was gone.
    settled: BTreeSet<(EffectKey, Option<u64>)>,
    segments: Segments<'a>,
}

/// What is retraced, in the order of the log.
enum Step<'a> {
    Decided(Decided<'a>),
    Settled(Place, &'a EffectSettled),
    Merged(&'a ConversationMerged),
}

impl<'a> Retracing<'_, 'a> {
    fn retrace(&mut self) {
        let records = &self.account.records;
        let decided =
            records.decisions.iter().map(|decided| (decided.place.sequence, Step::Decided(*decided)));
        let settled =
            records.settled.iter().map(|(place, fact)| (place.sequence, Step::Settled(*place, fact)));
        let merged = records.merged.iter().map(|(place, merged)| (place.sequence, Step::Merged(merged)));
        let mut steps: Vec<(u64, Step<'a>)> = decided.chain(settled).chain(merged).collect();
        steps.sort_by_key(|(sequence, _)| *sequence);
        for (sequence, step) in steps {
            match step {
                Step::Decided(decided) => self.decide(decided),
                Step::Settled(place, fact) => self.settle(place, fact),
                Step::Merged(merged) => self.merge(sequence, merged),
            }
        }
    }

    /// A decision counts if what it decided came to something under the party that decided it.
    fn decide(&mut self, decided: Decided<'a>) {
        match &decided.decision.verdict {
            Verdict::Logged(logged) if self.counts(&decided) => self.log(decided, logged),
            Verdict::Added if decided.is_first => self.add(decided),
            Verdict::Logged(_) | Verdict::Added | Verdict::ReadFirst | Verdict::LeftOut { .. } => {}
        }
    }

    fn counts(&self, decided: &Decided<'a>) -> bool {
        let records = &self.account.records;
        let key = EffectKey { call: decided.decision.call, kind: EffectKind::Call };
        let by = records.fact_of(key).map(|(_, fact)| &fact.party);
        decided.is_first
            && !records.is_undone(decided)
            && by == Some(&decided.decision.party)
            && !self.segments.calls.contains_key(&decided.decision.call.0)
    }

    fn log(&mut self, decided: Decided<'a>, logged: &'a Logged) {
        let party = decided.decision.party.as_str();
        self.adopt(party);
        let call = decided.decision.call.0;
        let settled = self.account.records.settles.get(&call).copied();
        let entry = self.parties.entry(party).or_default();
        let current = entry.thread.as_ref().map(|thread| thread.subject);
        let reference = entry.thread.as_ref().map(|thread| thread.reference);
        let must = match (settled, entry.doubt.take()) {
            (None, _) => Must::Either(Lenient::Unsettled),
            (Some(_), Some(doubt)) => Must::Either(doubt),
            (Some(settled), None) => must(self.account, entry.thread.as_ref(), &settled, decided.through),
        };
        self.segments.calls.insert(call, Judged { decided, must, current, reference });
        if let Some(mut settled) = settled.filter(|_| logged.opens_segment) {
            if must == Must::Either(Lenient::OpenerElsewhere) {
                // What it was opened for may be anything that was known then: none of it ends the segment once more.
                settled.place.sequence = settled.place.sequence.max(decided.through);
                settled.received_ms = settled.received_ms.max(decided.place.appended_ms);
            }
            entry.open(&decided, logged, settled);
        }
    }

    /// Two numbers of one contact are one party: the older goes on with the younger's conversation if it has none.
    fn adopt(&mut self, party: &'a str) {
        if self.parties.get(party).is_some_and(|known| known.thread.is_some()) {
            return;
        }
        let Some(contact) = self.contacts.get(party).copied() else { return };
        let same = |other: &&str| *other != party && self.contacts.get(*other) == Some(&contact);
        let other = self.parties.iter().filter(|(_, known)| known.thread.is_some()).map(|(name, _)| *name);
        let Some(other) = other.into_iter().find(same) else { return };
        let joined = self.parties.remove(other).unwrap_or_default();
        self.parties.insert(party, joined);
    }

    fn add(&mut self, decided: Decided<'a>) {
        let Some(party) = self.parties.get(decided.decision.party.as_str()) else { return };
        let Some(thread) = &party.thread else { return };
        for effect in &decided.decision.effects {
            self.segments.late.entry(effect.key).or_insert(thread.subject);
        }
    }

    fn settle(&mut self, place: Place, fact: &'a EffectSettled) {
        let ordinal = is_gone(fact).then_some(fact.ordinal);
        if !self.settled.insert((fact.key, ordinal)) {
            return;
        }
        let party = fact.party.as_str();
        let call = self.account.calls.get(&fact.key.call.0);
        let has_number = call.is_some_and(|call| call.number.is_some());
        // Those who withhold their number share a contact, and nothing else.
        if let Outcome::ContactFound { contact, .. } = &fact.outcome
            && has_number
        {
            self.contacts.insert(party, contact.as_str());
        }
        // Both are about a conversation that the party has by now.
        if let Outcome::Observed { .. } | Outcome::Gone { .. } = &fact.outcome {
            self.adopt(party);
        }
        let elsewhere = self.is_of_another(party, &fact.outcome);
        let Some(entry) = self.parties.get_mut(party) else { return };
        let is_read = matches!(fact.key.kind, EffectKind::Observe | EffectKind::ObserveAgain(_));
        if let Some(thread) = entry.thread.as_mut().filter(|_| is_read) {
            thread.was_read = true;
        }
        match &fact.outcome {
            Outcome::Applied { conversation: Some(conversation), .. } => {
                let into = action_of(self.account, fact.key).and_then(thread_of);
                if let Some(thread) = entry.thread.as_mut().filter(|thread| into == Some(thread.reference)) {
                    thread.link_by_import(conversation.as_str(), place.sequence, elsewhere);
                }
            }
            Outcome::Observed { conversation, status, at, acts, .. } => {
                let from = asked_for(self.account, fact.key, place.sequence);
                let asked = self.account.records.decision_of(fact.key);
                let seen = Seen {
                    status: *status,
                    at_ms: at.as_millis(),
                    sequence: place.sequence,
                    from,
                    asked_through: asked.map_or(place.sequence, |asked| asked.through),
                    events_requested: events_requested(self.account, conversation.as_str(), fact.key, place),
                };
                if let Some(thread) = &mut entry.thread {
                    thread.link(conversation.as_str(), place.sequence, elsewhere);
                    entry.doubt = thread.observe(self.account, seen, acts).or(entry.doubt);
                }
            }
            Outcome::Applied { .. }
            | Outcome::ContactFound { .. }
            | Outcome::Rejected { .. }
            | Outcome::Overtaken { .. }
            | Outcome::Skipped { .. } => {}
            Outcome::Gone { conversation, .. } => {
                if let Some(thread) = &mut entry.thread {
                    thread.lose(conversation.as_str(), place.sequence);
                }
            }
        }
        if let (EffectKind::Reopen, Outcome::Applied { at, .. }, Some(thread)) =
            (fact.key.kind, &fact.outcome, &mut entry.thread)
        {
            let open = Seen {
                status: ConversationStatus::Open,
                at_ms: at.as_millis(),
                sequence: place.sequence,
                from: 0,
                asked_through: 0,
                events_requested: false,
            };
            thread.seen.push(open);
        }
        entry.opened_or_not(fact);
    }

    /// The conversation was merged into that of another party before it was known here.
    fn is_of_another(&self, party: &str, outcome: &Outcome) -> bool {
        let Outcome::Applied { conversation: Some(conversation), .. } = outcome else { return false };
        let others = self.parties.iter().filter(|(name, _)| **name != party);
        others
            .filter_map(|(_, other)| other.thread.as_ref())
            .any(|thread| thread.conversation == Some(conversation.as_str()))
    }

    fn merge(&mut self, sequence: u64, merged: &'a ConversationMerged) {
        let threads = self.parties.values_mut().filter_map(|party| party.thread.as_mut());
        for thread in threads.filter(|thread| thread.conversation == Some(merged.from.as_str())) {
            thread.link(merged.into.as_str(), sequence, true);
        }
    }
}

impl<'a> Party<'a> {
    fn open(&mut self, decided: &Decided<'a>, logged: &'a Logged, settled: SettledBy) {
        let before = self.thread.clone();
        let reference = logged.thread.as_str();
        match self.thread.as_mut().filter(|thread| thread.reference == reference) {
            Some(thread) => thread.begin(&logged.subject, settled, decided.place.sequence),
            None => self.thread = Some(Thread::new(reference, &logged.subject, settled)),
        }
        self.opening = Some((decided.decision.call.0, before));
    }

    /// A segment counts once its first call is in Front. Where that was refused, the segment before goes on.
    fn opened_or_not(&mut self, fact: &EffectSettled) {
        let is_it = |(call, _): &mut (u64, _)| CallId(*call) == fact.key.call;
        if fact.key.kind != EffectKind::Call {
            return;
        }
        let Some((_, before)) = self.opening.take_if(is_it) else { return };
        if !matches!(fact.outcome, Outcome::Rejected { .. } | Outcome::Skipped { .. } | Outcome::Gone { .. })
        {
            return;
        }
        let now = self.thread.take();
        self.thread = match (now, before) {
            (Some(now), Some(before)) if now.reference == before.reference => Some(now.back_in(before)),
            (Some(_), Some(before)) => {
                self.doubt = Some(Lenient::OpenerElsewhere);
                Some(before)
            }
            (_, before) => before,
        };
    }
}

/// What the acts known when the call settled ask for.
fn must(account: &AccountView<'_>, thread: Option<&Thread<'_>>, settled: &SettledBy, through: u64) -> Must {
    let Some(thread) = thread else { return Must::Open };
    match is_trashed(account, thread, through) {
        Some(true) if thread.trashing_was_dropped(account, through) => {
            return Must::Either(Lenient::EventsDropped);
        }
        Some(true) => return Must::Leave,
        Some(false) => {}
        None => return Must::Either(Lenient::TrashInDoubt),
    }
    if thread.was_read_for_dropped_events(account, through) {
        return Must::Either(Lenient::EventsDropped);
    }
    // History opens no segment in a conversation that is there.
    if settled.history {
        return Must::Keep;
    }
    match thread.ended(account, through, Some(settled)) {
        Known::Ended => Must::Open,
        Known::GoesOn if thread.was_relinked && thread.is_archived_before(account, through) => {
            Must::Either(Lenient::Merged)
        }
        Known::GoesOn => Must::Keep,
        Known::Tied => Must::Either(Lenient::SameMoment),
    }
}

/// Whether the conversation was known to be trashed; `None` where clocks that may be wrong decide.
fn is_trashed(account: &AccountView<'_>, thread: &Thread<'_>, through: u64) -> Option<bool> {
    if thread.is_gone(through) {
        return Some(true);
    }
    let conversation = thread.conversation?;
    let events = account.front.own_events.get(conversation).into_iter().flatten();
    let told = events.filter(|event| is_status(event)).filter_map(|event| {
        let place = account.records.told_after(&event.id, thread.told_from)?;
        let is_known = place.sequence <= through && account.evidence.front_webhooks;
        is_known.then_some((event.at_ms, event.kind == "trash", false))
    });
    let seen = thread.seen.iter().filter(|seen| seen.sequence <= through);
    let seen = seen.map(|seen| (seen.at_ms, seen.status == ConversationStatus::Trashed, true));
    let mut all: Vec<(i64, bool, bool)> = told.chain(seen).collect();
    all.sort_unstable();
    let Some((at_ms, trashed, by_clock)) = all.last().copied() else { return Some(false) };
    let other = all.iter().rev().find(|(_, other, _)| *other != trashed);
    let is_doubtful = other.is_some_and(|(other_ms, _, other_by_clock)| {
        at_ms == *other_ms || ((by_clock || *other_by_clock) && at_ms - other_ms <= CLOCK_WRONG_MS)
    });
    (!is_doubtful).then_some(trashed)
}

/// The position from which a change counts that a read showed and no event explains: that of the call which asked for the
/// read, if it is still to be decided.
fn asked_for(account: &AccountView<'_>, key: EffectKey, sequence: u64) -> u64 {
    let records = &account.records;
    let mut logged = records.decisions_of(key.call.0).filter(|decided| decided.logged().is_some());
    let is_decided =
        logged.any(|decided| decided.place.sequence < sequence && !records.is_undone_by(decided, sequence));
    let settled = account.records.settles.get(&key.call.0).filter(|_| !is_decided);
    settled.map_or(sequence, |settled| settled.place.sequence)
}

/// Whether the conversation's events were requested between the decision to read it and the read's record.
fn events_requested(account: &AccountView<'_>, conversation: &str, key: EffectKey, place: Place) -> bool {
    let Some(decided) = account.records.decision_of(key) else { return false };
    let (window, path) =
        (decided.place.appended_ms..=place.appended_ms, format!("/conversations/{conversation}/events"));
    account.evidence.sent.iter().any(|sent| window.contains(&sent.at_ms) && sent.path.starts_with(&path))
}

fn action_of<'a>(account: &AccountView<'a>, key: EffectKey) -> Option<&'a Action> {
    let decided = account.records.decision_of(key)?;
    decided.decision.effects.iter().find(|effect| effect.key == key).map(|effect| &effect.action)
}

fn thread_of(action: &Action) -> Option<&str> {
    match action {
        Action::ImportActivity(import) => Some(import.thread.as_str()),
        Action::LookUpContact(_)
        | Action::ObserveConversation(_)
        | Action::AssignConversation(_)
        | Action::ReopenConversation(_)
        | Action::AddComment(_)
        | Action::TagConversation(_) => None,
    }
}

/// An act that ends a segment, or lets it go on: `true` for an archiving.
pub(super) fn is_mark(event: &calltrail_simulator::front::EventEntry) -> Option<bool> {
    let counts = is_status(event) && is_by_people(event) && event.kind != "trash";
    counts.then_some(event.kind == "archive")
}
