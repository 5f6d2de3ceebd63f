//! A call, merged from everything Aircall told about it, in any order and any number of times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decision::Verdict;
use crate::effect::Outcome;
use crate::fact::{
    Agent, Answer, AnsweredGuess, CallEvent, CallSnapshot, CallStatus, Comment, ContactHint, Direction, Line,
    Media, MenuChoice, Rung, Transfer, TransferTarget,
};
use crate::ids::{CallId, EffectKey, EffectKind, PartyId, PhoneNumber};
use crate::limits::{MENU_CHOICES_MAX, OLD_CALL, RUNG_AGENTS_MAX};
use crate::policy::CallType;
use crate::rule::{self, Rule};
use crate::segment::Moment;
use crate::time::Timestamp;
use crate::timer::Timer;

/// The status of an import that Front took and showed nowhere in time: it may be there all the same.
pub(crate) const ACCEPTED: u16 = 202;

/// What is known of one call, and what was decided for it. Kept for ever: late facts must find what was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The earliest record of this call.
    pub first_received_at: Timestamp,
    /// The latest record of this call.
    pub last_received_at: Timestamp,
    /// The sequence of the last record that told something new of this call.
    pub told_at: u64,
    /// The sequence of the last record that made it a call of another type.
    pub retyped_at: u64,
    /// The earliest record that showed the call as over.
    pub over_received_at: Option<Timestamp>,
    /// Aircall told that it ended, and did not only mention it later.
    pub end_told: bool,
    pub told: Arc<CallTold>,
    pub settled: Option<Settled>,
    /// `LeftOut` or `Logged`, once decided.
    pub verdict: Option<Verdict>,
    /// The links of its recording and voicemail were waited for long enough.
    pub media_overdue: bool,
    /// Everything ever decided for this call: an effect key that stands here is never decided again.
    pub effects: BTreeMap<EffectKey, EffectState>,
    /// Effects that Front refused, that may be there all the same, and that are decided again because an operator asked for
    /// it. Decided, they stand in `effects`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub retried: BTreeSet<EffectKey>,
    /// What the call waits for, and until when.
    pub timer: Option<(Timestamp, Timer)>,
}

/// That a call has settled: which party's it is, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub party: PartyId,
    /// The receive time of the record that settled it, by the clock of the machine that received it; the end of the call,
    /// where it was read long after.
    pub at: Timestamp,
    /// Where that record stands in the log: calls settle in this order, whatever the clocks say.
    pub sequence: u64,
    /// The record that settled it was read from Aircall's API, perhaps long after the end of the call: among what people did,
    /// its place goes by `at`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_time: bool,
    /// The call is history: nothing of it may disturb anyone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub history: bool,
    /// The call was left out or refused, and is decided again: what was read for it before is out of date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconsidered: bool,
}

impl Settled {
    /// Its place among what people did.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { sequence: self.sequence, at: self.at, by_time: self.by_time }
    }
}

/// An effect of this call: its place in the party's life, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectState {
    pub ordinal: u64,
    pub outcome: Option<Outcome>,
    /// Front refused it, and an operator has given it up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

/// The merged fields. Each is what the greatest (status, event time, value) told: present beats absent, and the
/// order of arrival does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTold {
    number: Option<Told<PhoneNumber>>,
    shown_number: Option<Told<String>>,
    direction: Option<Told<Direction>>,
    line: Option<Told<Line>>,
    started_at: Option<Told<Timestamp>>,
    answered_at: Option<Told<Timestamp>>,
    ended_at: Option<Told<Timestamp>>,
    missed_reason: Option<Told<String>>,
    agent: Option<Told<Agent>>,
    contact: Option<Told<ContactHint>>,
    tags: Option<Told<BTreeSet<String>>>,
    recording: Media,
    voicemail: Media,
    transfers: BTreeSet<Transfer>,
    comments: BTreeMap<u64, Comment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_guess: Option<AnsweredGuess>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    menu: BTreeSet<MenuChoice>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rung: BTreeMap<u64, Rung>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered_by: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told<T> {
    status: Option<CallStatus>,
    at: Timestamp,
    value: T,
}

impl Call {
    /// A call of which nothing but its first receive time is known.
    #[must_use]
    pub fn new(first_received_at: Timestamp) -> Self {
        Self {
            first_received_at,
            last_received_at: first_received_at,
            told_at: 0,
            retyped_at: 0,
            over_received_at: None,
            end_told: false,
            told: Arc::default(),
            settled: None,
            verdict: None,
            media_overdue: false,
            effects: BTreeMap::new(),
            retried: BTreeSet::new(),
            timer: None,
        }
    }

    /// Takes in what one webhook told, whose record stands at `sequence`.
    pub fn tell(&mut self, snapshot: &CallSnapshot, sequence: u64) {
        self.first_received_at = self.first_received_at.min(snapshot.received_at);
        self.last_received_at = self.last_received_at.max(snapshot.received_at);
        if snapshot.shows_call_over() {
            let earliest =
                self.over_received_at.map_or(snapshot.received_at, |at| at.min(snapshot.received_at));
            self.over_received_at = Some(earliest);
        }
        self.end_told |= snapshot.event != CallEvent::Other;
        let before = Arc::clone(&self.told);
        Arc::make_mut(&mut self.told).tell(snapshot);
        if self.told != before {
            self.told_at = sequence;
        }
        if self.told.call_type() != before.call_type() {
            self.retyped_at = sequence;
        }
    }

    /// True when this was decided for the call before.
    #[must_use]
    pub fn has_decided(&self, id: CallId, kind: EffectKind) -> bool {
        self.effects.contains_key(&EffectKey { call: id, kind }) && rule::holds(Rule::AnEffectIsDecidedOnce)
    }

    /// How the call's own activity ended in Front; `None` while that is open.
    #[must_use]
    pub fn own_outcome(&self, id: CallId) -> Option<&Outcome> {
        self.effects.get(&EffectKey { call: id, kind: EffectKind::Call })?.outcome.as_ref()
    }

    /// The call's own activity was decided, and is not known to be in Front or refused.
    #[must_use]
    pub fn is_on_its_way(&self, id: CallId) -> bool {
        let own = self.effects.get(&EffectKey { call: id, kind: EffectKind::Call });
        own.is_some_and(|own| own.outcome.is_none()) && rule::holds(Rule::PartsOfARefusedCallAreSkipped)
    }

    /// Front refused the call's own activity: no part of it is shown alone.
    #[must_use]
    pub fn is_refused(&self, id: CallId) -> bool {
        let refused = self.own_outcome(id).is_some_and(|own| match own {
            Outcome::Rejected { status, .. } => *status != ACCEPTED,
            Outcome::Skipped { .. } | Outcome::Gone { .. } => true,
            Outcome::ContactFound { .. }
            | Outcome::Observed { .. }
            | Outcome::Applied { .. }
            | Outcome::Overtaken { .. } => false,
        });
        refused && rule::holds(Rule::PartsOfARefusedCallAreSkipped)
    }

    /// True for a call that is logged without disturbing anyone.
    #[must_use]
    pub fn is_history(&self) -> bool {
        self.settled.as_ref().is_some_and(|settled| settled.history)
    }

    /// True when something can be listened to, and its link may still come in time.
    #[must_use]
    pub fn waits_for_link(&self) -> bool {
        let announced = [self.told.recording(), self.told.voicemail()].contains(&&Media::Announced);
        announced && !self.media_overdue
    }

    /// True for a call whose end was not told, and that was over for longer than Aircall repeats webhooks when it was first
    /// heard of.
    #[must_use]
    pub fn is_old_news(&self) -> bool {
        let over_for = self.told.ended_at().map(|ended| self.first_received_at.since(ended));
        !self.end_told && over_for.is_some_and(|over_for| over_for > OLD_CALL)
    }
}

impl CallSnapshot {
    fn shows_call_over(&self) -> bool {
        match self.event {
            CallEvent::HungUp | CallEvent::Ended => true,
            CallEvent::Other => self.status == Some(CallStatus::Done) || self.ended_at.is_some(),
        }
    }
}

impl CallTold {
    fn tell(&mut self, snapshot: &CallSnapshot) {
        let s = snapshot;
        keep_greatest(&mut self.number, s, s.number.as_ref());
        keep_greatest(&mut self.shown_number, s, s.shown_number.as_ref());
        keep_greatest(&mut self.direction, s, s.direction.as_ref());
        keep_greatest(&mut self.line, s, s.line.as_ref());
        keep_greatest(&mut self.started_at, s, s.started_at.as_ref());
        keep_greatest(&mut self.answered_at, s, s.answered_at.as_ref());
        keep_greatest(&mut self.ended_at, s, s.ended_at.as_ref());
        keep_greatest(&mut self.missed_reason, s, s.missed_reason.as_ref());
        keep_greatest(&mut self.agent, s, s.agent.as_ref());
        keep_greatest(&mut self.contact, s, s.contact.as_ref());
        keep_tags(&mut self.tags, s);
        keep_better(&mut self.recording, &s.recording);
        keep_better(&mut self.voicemail, &s.voicemail);
        keep_least(&mut self.answered_guess, s.answered_guess);
        keep_least(&mut self.answered_by, s.answered_by.clone());
        self.keep_menu(&s.menu);
        if let Some(rung) = &s.rung {
            self.keep_rung(rung);
        }
        if let Some(transfer) = &s.transfer {
            self.keep_transfer(transfer);
        }
        for comment in &s.comments {
            let known = self.comments.entry(comment.id).or_insert_with(|| comment.clone());
            if *known < *comment {
                known.clone_from(comment);
            }
        }
    }

    /// One that is known already with the agents' names or e-mails written in another way is the same; the greatest stays.
    fn keep_transfer(&mut self, transfer: &Transfer) {
        let known = self.transfers.iter().find(|known| known.is_same(transfer)).cloned();
        match known {
            Some(known) if known < *transfer => {
                self.transfers.remove(&known);
                self.transfers.insert(transfer.clone());
            }
            Some(_) => {}
            None => drop(self.transfers.insert(transfer.clone())),
        }
    }

    /// The first ones stay when there are too many, in whatever order they come.
    fn keep_menu(&mut self, told: &[MenuChoice]) {
        self.menu.extend(told.iter().cloned());
        while self.menu.len() > MENU_CHOICES_MAX {
            self.menu.pop_last();
        }
    }

    /// The first time counts, the fullest naming of the agent, and a refusal once it was made.
    fn keep_rung(&mut self, told: &Rung) {
        let known = self.rung.entry(told.agent.id).or_insert_with(|| told.clone());
        known.at = known.at.min(told.at);
        known.declined |= told.declined;
        if known.agent < told.agent {
            known.agent.clone_from(&told.agent);
        }
        while self.rung.len() > RUNG_AGENTS_MAX {
            self.rung.pop_last();
        }
    }

    /// The outside number; `None` when it was withheld or cannot be read.
    #[must_use]
    pub fn number(&self) -> Option<&PhoneNumber> {
        value(&self.number)
    }

    /// The caller showed no number.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.number.is_none() && self.shown_number.is_none()
    }

    /// What Aircall shows where no number can be read.
    #[must_use]
    pub fn shown_number(&self) -> Option<&str> {
        value(&self.shown_number).map(String::as_str)
    }

    #[must_use]
    pub fn recording(&self) -> &Media {
        &self.recording
    }

    #[must_use]
    pub fn voicemail(&self) -> &Media {
        &self.voicemail
    }

    /// Comments in the order in which they were written.
    #[must_use]
    pub fn comments(&self) -> Vec<&Comment> {
        let mut comments: Vec<_> = self.comments.values().collect();
        comments.sort_by_key(|comment| (comment.posted_at, comment.id));
        comments
    }

    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        value(&self.line)
    }

    #[must_use]
    pub fn started_at(&self) -> Option<Timestamp> {
        value(&self.started_at).copied()
    }

    #[must_use]
    pub fn answered_at(&self) -> Option<Timestamp> {
        value(&self.answered_at).copied().or_else(|| self.answered_guess.map(|guess| guess.at))
    }

    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        value(&self.ended_at).copied()
    }

    #[must_use]
    pub fn missed_reason(&self) -> Option<&str> {
        value(&self.missed_reason).map(String::as_str)
    }

    #[must_use]
    pub fn contact(&self) -> Option<&ContactHint> {
        value(&self.contact)
    }

    /// Tag names in alphabetical order.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        value(&self.tags).into_iter().flatten().map(String::as_str)
    }

    /// Transfers in the order in which they happened, also the failed ones.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter()
    }

    /// The options that the caller chose in the line's menu, in order.
    pub fn menu(&self) -> impl Iterator<Item = &MenuChoice> {
        self.menu.iter()
    }

    /// The agents whom the call rang on, in the order in which it first did.
    #[must_use]
    pub fn rung(&self) -> Vec<&Rung> {
        let mut rung: Vec<_> = self.rung.values().collect();
        rung.sort();
        rung
    }

    /// The agent who had the call first: who answered it, else who made the first transfer.
    #[must_use]
    pub fn first_agent(&self) -> Option<&Agent> {
        let answered = self.answered_by.as_ref().map(|answer| &answer.agent);
        answered.or_else(|| self.transfers.iter().find_map(|transfer| transfer.by.as_ref()))
    }

    /// The agent who ended with the call.
    ///
    /// Whether `user` moves on to the agent a call was transferred to is not documented, so both are built for: a
    /// later `user` other than the one who transferred wins, else the target of the last transfer to an agent that
    /// succeeded. A transfer to outside leaves the call with the agent who made it.
    #[must_use]
    pub fn agent(&self) -> Option<&Agent> {
        let Some(transfer) = self.transfers.iter().rev().find(|transfer| self.took_place(transfer)) else {
            return value(&self.agent);
        };
        let handed_on = |agent: &Agent| {
            let mut by = self.transfers.iter().filter(|t| self.took_place(t)).filter_map(|t| t.by.as_ref());
            by.any(|by| by.id == agent.id)
        };
        let moved_on = self.agent.as_ref().filter(|told| told.at >= transfer.at && !handed_on(&told.value));
        if let Some(told) = moved_on {
            return Some(&told.value);
        }
        if let Some(TransferTarget::Agent(agent)) = &transfer.to {
            return Some(agent);
        }
        let before = self.transfers.iter().rev().filter(|transfer| self.took_place(transfer));
        let target = before.into_iter().find_map(|transfer| match &transfer.to {
            Some(TransferTarget::Agent(agent)) => Some(agent),
            Some(TransferTarget::External) | None => None,
        });
        let last = target.or(transfer.by.as_ref());
        last.filter(|_| rule::holds(Rule::ExternalTransferKeepsTheLastAgent)).or(value(&self.agent))
    }

    /// A transfer that was reported, and not reported as failed before the next one was made.
    #[must_use]
    pub fn took_place(&self, transfer: &Transfer) -> bool {
        let is_next = |other: &Transfer| other.succeeded && other.at > transfer.at;
        let next = self.transfers.iter().find(|other| is_next(other)).map(|next| next.at);
        let failed = |other: &Transfer| {
            let is_of_this = other.at >= transfer.at && next.is_none_or(|next| other.at < next);
            !other.succeeded && is_of_this && other.target_id() == transfer.target_id()
        };
        transfer.succeeded && !self.transfers.iter().any(failed)
    }

    /// Which of the five kinds the call is, by what is known now. Answered is told by `answered_at`, a voicemail by the
    /// voicemail itself, neither by the missed reason.
    #[must_use]
    pub fn call_type(&self) -> CallType {
        let answered = self.answered_at().is_some();
        match value(&self.direction).copied().unwrap_or(Direction::Inbound) {
            Direction::Outbound if answered => CallType::OutboundAnswered,
            Direction::Outbound => CallType::OutboundUnanswered,
            Direction::Inbound if answered => CallType::InboundAnswered,
            Direction::Inbound if self.voicemail != Media::Absent => CallType::Voicemail,
            Direction::Inbound => CallType::Missed,
        }
    }
}

fn value<T>(told: &Option<Told<T>>) -> Option<&T> {
    told.as_ref().map(|told| &told.value)
}

fn keep_least<T: Ord>(known: &mut Option<T>, told: Option<T>) {
    let is_news = told.as_ref().is_some_and(|told| known.as_ref().is_none_or(|known| told < known));
    if is_news {
        *known = told;
    }
}

fn keep_better(known: &mut Media, told: &Media) {
    if *known < *told {
        known.clone_from(told);
    }
}

fn keep_greatest<T: Ord + Clone>(field: &mut Option<Told<T>>, snapshot: &CallSnapshot, value: Option<&T>) {
    let Some(value) = value else { return };
    let (status, at) = (snapshot.status, snapshot.at);
    let is_less = |known: &Told<T>| (known.status, known.at, &known.value) < (status, at, value);
    if field.as_ref().is_none_or(is_less) || !rule::holds(Rule::FieldsGoByTheirTime) {
        *field = Some(Told { status, at, value: value.clone() });
    }
}

/// Aircall sends the full list: a tag that is missing in a later one was taken off.
fn keep_tags(field: &mut Option<Told<BTreeSet<String>>>, snapshot: &CallSnapshot) {
    if rule::holds(Rule::ATagTakenOffIsGone) {
        return keep_greatest(field, snapshot, snapshot.tags.as_ref());
    }
    let known = field.iter().flat_map(|told| told.value.iter().cloned()).collect::<BTreeSet<_>>();
    let tags = snapshot.tags.as_ref().map(|tags| tags.union(&known).cloned().collect());
    keep_greatest(field, snapshot, tags.as_ref());
}
