//! What the log says of one account, by call and effect.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::decision::{Decision, Logged, Verdict};
use calltrail_domain::effect::{Action, EffectSettled, Outcome};
use calltrail_domain::ids::{EffectKey, EffectKind};
use calltrail_domain::record::{AircallRead, ConversationMerged, RecordBody};
use calltrail_domain::timer::Timer;
use serde::Deserialize;

use crate::evidence::LoggedRecord;

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) appended_ms: i64,
}

/// The record that settled a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct SettledBy {
    pub(super) place: Place,
    /// When it was received, by the clock of whoever received it.
    pub(super) received_ms: i64,
    /// A webhook that shows it as over was in the log by then.
    pub(super) was_over: bool,
    /// It was read, and `received_ms` is when it ended: its place among what people did goes by that.
    pub(super) by_time: bool,
    /// It is marked as history.
    pub(super) history: bool,
}

/// A decision in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decided<'a> {
    pub(super) place: Place,
    pub(super) through: u64,
    pub(super) decision: &'a Decision,
    /// It is the first of its party and step.
    pub(super) is_first: bool,
}

impl<'a> Decided<'a> {
    pub(super) fn logged(&self) -> Option<&'a Logged> {
        match &self.decision.verdict {
            Verdict::Logged(logged) => Some(logged),
            Verdict::ReadFirst | Verdict::LeftOut { .. } | Verdict::Added => None,
        }
    }

    pub(super) fn is_late(&self) -> bool {
        matches!(self.decision.verdict, Verdict::Added)
    }
}

/// What the log says of one account.
#[derive(Debug, Default)]
pub(super) struct Records<'a> {
    /// The kind of its first record.
    pub(super) first: Option<(u64, &'a str)>,
    /// Where each webhook of a call stands first.
    pub(super) heard: BTreeMap<(u64, Cow<'a, str>), Place>,
    /// The webhook that told of a call's end; a call may be read as over before that.
    pub(super) ends: BTreeMap<u64, Place>,
    /// Each webhook of a call, with Aircall's time in seconds.
    pub(super) told_each: BTreeSet<(u64, Cow<'a, str>, i64)>,
    /// Where each event of Front stands first.
    pub(super) told: BTreeMap<Cow<'a, str>, Place>,
    /// Where events of Front stand.
    pub(super) front_events: Vec<u64>,
    /// Where it stands again.
    pub(super) told_again: BTreeMap<Cow<'a, str>, Vec<Place>>,
    pub(super) settles: BTreeMap<u64, SettledBy>,
    /// All decisions, in the order of the log.
    pub(super) decisions: Vec<Decided<'a>>,
    /// Places in `decisions` by call.
    pub(super) by_call: BTreeMap<u64, Vec<usize>>,
    /// The place in `decisions` that decided an effect: the first, those of a second record of a step left out, unless it
    /// was undone and decided again.
    pub(super) effects: BTreeMap<EffectKey, usize>,
    /// Every fact, in the order of the log.
    pub(super) settled: Vec<(Place, &'a EffectSettled)>,
    /// Places in `settled` by effect.
    pub(super) by_effect: BTreeMap<EffectKey, Vec<usize>>,
    /// Reads of each conversation: when it was asked for, by the writer's clock, and when the answer was appended.
    pub(super) observed: BTreeMap<&'a str, Vec<(i64, i64)>>,
    /// Calls that were read: call id, and the mark of history.
    pub(super) reads: Vec<(Place, u64, bool)>,
    /// Mergers that a redirect told of.
    pub(super) merged: Vec<(Place, &'a ConversationMerged)>,
    /// Calls that a timer names, with the sequence.
    pub(super) timers: Vec<(u64, u64)>,
    steps: BTreeSet<(&'a str, u64)>,
}

#[derive(Deserialize)]
struct CallBody<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(default)]
    timestamp: i64,
    data: CallData,
}

#[derive(Deserialize)]
struct CallData {
    id: u64,
}

/// A call as Aircall's list shows it.
#[derive(Deserialize)]
struct CallRead {
    id: u64,
    status: Option<String>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

#[derive(Deserialize)]
struct FrontBody<'a> {
    #[serde(borrow)]
    payload: FrontPayload<'a>,
}

#[derive(Deserialize)]
struct FrontPayload<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

impl<'a> Records<'a> {
    /// Takes the next record of this account.
    pub(super) fn take(&mut self, logged: &'a LoggedRecord) {
        let place = Place { sequence: logged.sequence, appended_ms: logged.appended_ms };
        let (body, received_ms) = (&logged.record.body, logged.record.received_at.as_millis());
        self.first.get_or_insert((place.sequence, body.kind()));
        match body {
            RecordBody::AircallEvent(event) => self.hear(place, received_ms, &event.body),
            RecordBody::AircallRead(read) => self.read(place, received_ms, read),
            RecordBody::FrontEvent(event) => {
                self.front_events.push(place.sequence);
                if let Ok(body) = serde_json::from_str::<FrontBody<'a>>(&event.body) {
                    self.told_again.entry(body.payload.id.clone()).or_default().push(place);
                    self.told.entry(body.payload.id).or_insert(place);
                }
            }
            RecordBody::TimerElapsed(Timer::CallEnd { call }) => {
                self.timers.push((place.sequence, call.0));
                self.settle(place, received_ms, call.0, true);
            }
            RecordBody::TimerElapsed(Timer::MediaLink { call }) => {
                self.timers.push((place.sequence, call.0));
            }
            RecordBody::EffectsDecided(decided) => {
                for decision in &decided.decisions {
                    self.decide(place, decided.through, decision);
                }
            }
            RecordBody::EffectSettled(fact) => {
                if let Outcome::Observed { conversation, at, .. } = &fact.outcome {
                    let read = (at.as_millis(), place.appended_ms);
                    self.observed.entry(conversation.as_str()).or_default().push(read);
                }
                self.by_effect.entry(fact.key).or_default().push(self.settled.len());
                self.settled.push((place, fact));
            }
            RecordBody::ConversationMerged(merged) => self.merged.push((place, merged)),
            RecordBody::AccountCreated(_)
            | RecordBody::PolicyChanged(_)
            | RecordBody::PartyErased(_)
            | RecordBody::StateSnapshot(_)
            | RecordBody::CallsReconsidered(_)
            | RecordBody::EffectsRetried(_)
            | RecordBody::EffectsDropped(_)
            | RecordBody::FrontPolled(_)
            | RecordBody::TimerElapsed(Timer::WorkItem { .. })
            | RecordBody::Unknown { .. } => {}
        }
    }

    fn hear(&mut self, place: Place, received_ms: i64, body: &'a str) {
        let Ok(told) = serde_json::from_str::<CallBody<'a>>(body) else { return };
        let CallBody { event, timestamp, data } = told;
        let is_end = event == "call.ended";
        self.told_each.insert((data.id, event.clone(), timestamp));
        self.heard.entry((data.id, event)).or_insert(place);
        if is_end {
            self.ends.entry(data.id).or_insert(place);
            self.settle(place, received_ms, data.id, false);
        }
    }

    /// A call that was read as over settles at its end, however late that was. Read for what came late, it means nothing
    /// where nobody has heard of it.
    fn read(&mut self, place: Place, received_ms: i64, read: &'a AircallRead) {
        let Ok(CallRead { id, status, started_at, ended_at }) = serde_json::from_str(&read.body) else {
            return;
        };
        if read.update && !self.is_heard(id) {
            return;
        }
        let is_over = ended_at.is_some() || status.as_deref() == Some("done");
        let word = if is_over { "call.ended" } else { "aircall.read" };
        self.heard.entry((id, Cow::Borrowed(word))).or_insert(place);
        self.reads.push((place, id, read.history));
        if is_over {
            let ended_ms = ended_at.or(started_at).map(|at_s| (at_s * 1_000).min(received_ms));
            self.settles.entry(id).or_insert(SettledBy {
                place,
                received_ms: ended_ms.unwrap_or(received_ms),
                was_over: true,
                by_time: ended_ms.is_some(),
                history: read.history,
            });
        }
    }

    fn is_heard(&self, call: u64) -> bool {
        let first = self.heard.range((call, Cow::Borrowed(""))..).next();
        first.is_some_and(|((heard, _), _)| *heard == call)
    }

    /// A timer of a call that nobody has heard of means nothing.
    fn settle(&mut self, place: Place, received_ms: i64, call: u64, by_timer: bool) {
        if !self.is_heard(call) {
            return;
        }
        let was_over = !by_timer || self.heard.contains_key(&(call, Cow::Borrowed("call.hungup")));
        self.settles.entry(call).or_insert(SettledBy {
            place,
            received_ms,
            was_over,
            by_time: false,
            history: false,
        });
    }

    fn decide(&mut self, place: Place, through: u64, decision: &'a Decision) {
        let is_first = self.steps.insert((decision.party.as_str(), decision.step));
        let index = self.decisions.len();
        self.decisions.push(Decided { place, through, decision, is_first });
        self.by_call.entry(decision.call.0).or_default().push(index);
        if is_first {
            for effect in &decision.effects {
                let before =
                    self.effects.get(&effect.key).map(|before| self.decisions[*before].place.sequence);
                if before.is_none_or(|before| self.is_gone_since(effect.key, before)) {
                    self.effects.insert(effect.key, index);
                }
            }
        }
    }

    pub(super) fn decisions_of(&self, call: u64) -> impl Iterator<Item = &Decided<'a>> {
        self.by_call.get(&call).into_iter().flatten().map(|index| &self.decisions[*index])
    }

    /// Where this event of Front stands first after a position.
    pub(super) fn told_after(&self, event: &str, sequence: u64) -> Option<Place> {
        self.told_again.get(event)?.iter().copied().find(|place| place.sequence > sequence)
    }

    /// The decision that brought this effect, if one did.
    pub(super) fn decision_of(&self, key: EffectKey) -> Option<&Decided<'a>> {
        self.effects.get(&key).map(|index| &self.decisions[*index])
    }

    /// Every fact about this effect, in the order of the log.
    pub(super) fn facts_of(
        &self,
        key: EffectKey,
    ) -> impl Iterator<Item = &(Place, &'a EffectSettled)> + Clone {
        self.by_effect.get(&key).into_iter().flatten().map(|index| &self.settled[*index])
    }

    /// The fact that counts: the first, but one that finds its conversation gone only where no other follows.
    pub(super) fn fact_of(&self, key: EffectKey) -> Option<(Place, &'a EffectSettled)> {
        let mut facts = self.facts_of(key);
        let first = facts.clone().next();
        facts.find(|(_, fact)| !is_gone(fact)).or(first).copied()
    }

    pub(super) fn outcome_of(&self, key: EffectKey) -> Option<&'a Outcome> {
        self.fact_of(key).map(|(_, fact)| &fact.outcome)
    }

    /// After this position it was told, for the first time, that the conversation of this effect is gone.
    fn is_gone_since(&self, key: EffectKey, sequence: u64) -> bool {
        self.new_facts(key, sequence).any(|(_, fact)| is_gone(fact))
    }

    /// The facts after this position that repeat none from before it.
    pub(super) fn new_facts(
        &self,
        key: EffectKey,
        sequence: u64,
    ) -> impl Iterator<Item = &(Place, &'a EffectSettled)> {
        let old = self.facts_of(key).filter(move |(place, _)| place.sequence <= sequence);
        self.facts_of(key).filter(move |(place, fact)| {
            place.sequence > sequence && old.clone().all(|(_, old)| old.ordinal != fact.ordinal)
        })
    }

    /// The decision to log a call does not count from where its conversation is told to be gone: the call is decided again.
    pub(super) fn is_undone_by(&self, decided: &Decided<'_>, sequence: u64) -> bool {
        let key = EffectKey { call: decided.decision.call, kind: EffectKind::Call };
        let mut facts = self.new_facts(key, decided.place.sequence);
        decided.logged().is_some() && facts.any(|(place, fact)| is_gone(fact) && place.sequence <= sequence)
    }

    pub(super) fn is_undone(&self, decided: &Decided<'_>) -> bool {
        self.is_undone_by(decided, u64::MAX)
    }

    /// Whether this account's decisions tag conversations.
    pub(super) fn tags_by_effect(&self) -> bool {
        let tags = |decided: &Decided<'_>| {
            decided.decision.effects.iter().any(|effect| matches!(effect.action, Action::TagConversation(_)))
        };
        self.decisions.iter().any(tags)
    }
}

pub(super) fn is_gone(fact: &EffectSettled) -> bool {
    matches!(fact.outcome, Outcome::Gone { .. })
}
