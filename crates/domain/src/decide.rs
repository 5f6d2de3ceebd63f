//! Decide: what Front must show for the call at the head of a party's queue.
//!
//! **Invariants:** what is decided here changes nothing; only its record, folded, does. Nothing is decided for a
//! position that a folded decision covers. No effect key is decided twice.

mod effects;
mod former;

use std::sync::Arc;

use crate::call::{Call, Settled};
use crate::decision::{Decision, LeftOut, Logged, Verdict};
use crate::effect::{Action, ConversationStatus, Effect, LookUpContact, ObserveConversation, Outcome};
use crate::hash;
use crate::ids::{CallId, ConversationId, EffectKey, EffectKind, InboxId, PartyId, ThreadRef};
use crate::parts;
use crate::party::{Number, Party, PartyEntry, Thread, Waiting};
use crate::policy::{Anonymous, Policy, Threading};
use crate::render;
use crate::rule::{self, Rule};
use crate::state::{Account, Backing, Key, State, StateError, Stored as _};
use crate::time::Timestamp;

/// The party's next step; `None` when it has nothing to decide, or has to wait for a fact.
pub fn decide<B: Backing>(
    state: &State<B>,
    party: &PartyId,
) -> Result<Option<Decision>, StateError<B::Error>> {
    let policy = state.piece(&Key::Policy)?;
    let Some(policy) = policy.as_deref().and_then(Policy::of) else { return Ok(None) };
    decide_under(state, policy, party)
}

/// What the party's next step would be under this policy, whichever one is recorded.
pub fn decide_under<B: Backing>(
    state: &State<B>,
    policy: &Policy,
    party: &PartyId,
) -> Result<Option<Decision>, StateError<B::Error>> {
    let pieces = (state.piece(&Key::Party(party))?, state.piece(&Key::Account)?);
    let entry = pieces.0.as_deref().and_then(PartyEntry::of);
    let account = pieces.1.as_deref().and_then(Account::of);
    let (Some(PartyEntry::Party(entry)), Some(account)) = (entry, account) else {
        return Ok(None);
    };
    if !may_decide(entry, account) {
        return Ok(None);
    }
    let Some(&Waiting { call: id, position }) = entry.queue.front() else { return Ok(None) };
    let call = state.piece(&Key::Call(id))?;
    let Some(call) = call.as_deref().and_then(Call::of) else { return Ok(None) };
    let Some(settled) = &call.settled else { return Ok(None) };
    let number = number(state, account, call)?;
    let head = Head { id, call, settled, party: entry, policy, account, number };
    Ok(head.decide().map(|Step { verdict, effects, more, conversation }| Decision {
        party: party.clone(),
        step: head.party.step + 1,
        call: id,
        verdict,
        effects: effects.into_iter().map(Arc::new).collect(),
        position,
        more,
        conversation,
    }))
}

/// True when the party has something that no folded decision covers, and what it would be decided on is known: a segment
/// counts once its first call is in Front.
pub(crate) fn may_decide(party: &Party, account: &Account) -> bool {
    party.opening.is_none()
        && party.joining.is_none()
        && party.awaits.is_empty()
        && !party.queue.is_empty()
        && party.touched > party.decided_through.max(account.covered_through)
}

/// What is known of the call's number; `None` for a call without one, and before the first look-up.
fn number<B: Backing>(
    state: &State<B>,
    account: &Account,
    call: &Call,
) -> Result<Option<Number>, StateError<B::Error>> {
    let Some((key, number)) = account.party_key.as_ref().zip(call.told.number()) else { return Ok(None) };
    state.read(&Key::Number(&hash::keyed(key, number.as_str())))
}

/// The call at the head of the queue, and all that its decision looks at.
struct Head<'a> {
    id: CallId,
    call: &'a Call,
    settled: &'a Settled,
    party: &'a Party,
    policy: &'a Policy,
    account: &'a Account,
    number: Option<Number>,
}

/// What the next step does.
struct Step {
    verdict: Verdict,
    effects: Vec<Effect>,
    /// There is more than fits one step.
    more: bool,
    /// Where the effects go when that is not the party's present conversation.
    conversation: Option<ConversationId>,
}

impl Step {
    fn of(verdict: Verdict, effects: Vec<Effect>) -> Self {
        Self { verdict, effects, more: false, conversation: None }
    }
}

/// Where a call, or what came late for one, goes.
struct Target {
    thread: ThreadRef,
    inbox: InboxId,
    subject: String,
    /// The conversation is archived, and what goes there leaves it so.
    archived: bool,
    /// The call's own activities, not what came late for it.
    with_call: bool,
    /// When it is not the party's present conversation.
    conversation: Option<ConversationId>,
}

impl Head<'_> {
    fn decide(&self) -> Option<Step> {
        if let Some(Verdict::Logged(_)) = &self.call.verdict {
            return if rule::holds(Rule::WhatComesLateOpensNoSegment) { self.add() } else { self.log() };
        }
        if let Some(reason) = self.left_out() {
            return Some(Step::of(Verdict::LeftOut { reason }, Vec::new()));
        }
        match self.reading() {
            Reading::Waits => None,
            Reading::First(effect) => Some(Step::of(Verdict::ReadFirst, vec![*effect])),
            Reading::Done => self.log(),
        }
    }

    fn left_out(&self) -> Option<LeftOut> {
        if !rule::holds(Rule::WhatIsSwitchedOffIsLeftOut) {
            return None;
        }
        let told = &self.call.told;
        let line = told.line().map(|line| line.id);
        let started = told.started_at().unwrap_or(self.settled.at);
        if told.is_withheld() && self.policy.anonymous == Anonymous::Skip {
            Some(LeftOut::NoNumber)
        } else if self.call.is_old_news() {
            Some(LeftOut::Old)
        } else if !self.policy.types.contains(&told.call_type()) {
            Some(LeftOut::Type)
        } else if line.is_some_and(|line| self.policy.skip_lines.contains(&line)) {
            Some(LeftOut::Line)
        } else if !render::in_business_hours(started, told, self.policy) {
            Some(LeftOut::Hours)
        } else {
            None
        }
    }

    /// Reads come before the subject: the contact once per party, the status where it is not known well enough.
    fn reading(&self) -> Reading {
        if !self.is_contact_known()
            && let Some(reading) = self.read(EffectKind::Contact, || self.look_up())
        {
            return reading;
        }
        let (last, next) = self.own_reads();
        self.reading_status(last, next)
    }

    /// The status is read as `next`, unless it is known well enough or was read as `last` for this step.
    fn reading_status(&self, last: EffectKind, next: EffectKind) -> Reading {
        let unknown = self.party.thread.as_ref().filter(|thread| !self.is_status_trusted(thread));
        let Some(conversation) = unknown.and_then(|thread| thread.conversation.clone()) else {
            return Reading::Done;
        };
        let segment_ended = unknown.map(Thread::has_ended);
        let with_inboxes = rule::holds(Rule::ReadShowsTheInbox);
        let observe =
            || Action::ObserveConversation(ObserveConversation { conversation, segment_ended, with_inboxes });
        match self.call.effects.get(&self.key(last)) {
            Some(effect) if effect.outcome.is_some() => Reading::Done,
            Some(_) => Reading::Waits,
            None => self.read(next, observe).unwrap_or(Reading::Done),
        }
    }

    /// `None` when this read was done for this call, whatever came of it.
    fn read(&self, kind: EffectKind, action: impl FnOnce() -> Action) -> Option<Reading> {
        match self.call.effects.get(&self.key(kind)) {
            Some(effect) if effect.outcome.is_some() => None,
            Some(_) => Some(Reading::Waits),
            None => Some(Reading::First(Box::new(Effect { key: self.key(kind), action: action() }))),
        }
    }

    /// Callers without a number share one contact, which is looked up for the first of them.
    fn is_contact_known(&self) -> bool {
        match self.call.told.number() {
            Some(_) => {
                let known = self.party.contact.is_some() && rule::holds(Rule::AContactIsLookedUpOnce);
                known && !self.is_contact_in_doubt()
            }
            None => self.account.anonymous.is_some(),
        }
    }

    /// Looked up too long ago, or before Front showed the conversation to be with another contact: a person may have given
    /// the number away.
    fn is_contact_in_doubt(&self) -> bool {
        let Some(number) = &self.number else { return false };
        let lasts = self.policy.timing.contact_lookup().filter(|_| rule::holds(Rule::ContactIsLookedUpAgain));
        let is_old = lasts.is_some_and(|lasts| self.now().since(number.looked_up_at) > lasts);
        let doubted = self.party.thread.as_ref().map_or(0, |thread| thread.contact_doubted);
        is_old || doubted > number.sequence
    }

    fn look_up(&self) -> Action {
        let told = &self.call.told;
        let emails = if told.number().is_some() { render::contact_emails(told) } else { Vec::new() };
        Action::LookUpContact(LookUpContact {
            number: told.number().cloned(),
            name: render::customer_name(told, self.policy),
            emails,
            import_type: self.import_type(),
            known: self.party.contact.clone().filter(|_| told.number().is_some()),
        })
    }

    /// Front's webhooks are configured and were heard lately, or the conversation was read for a later call; and it is not so long ago
    /// that something of this conversation was seen: no webhook reports what a mass action does.
    fn is_status_trusted(&self, thread: &Thread) -> bool {
        if !rule::holds(Rule::AnUntrustedStatusIsReadFirst) {
            return true;
        }
        let now = self.now();
        let is_recent = |at: Timestamp| now.since(at) <= self.policy.timing.front_silence();
        let is_read = thread.read_at.is_some_and(|read| read >= now);
        let is_heard =
            thread.heard_at.is_some_and(is_recent) || !rule::holds(Rule::QuietConversationIsReadFirst);
        self.policy.front_webhooks
            && !thread.unsure
            && is_heard
            && (is_read || self.account.front_heard_at.is_some_and(is_recent))
    }

    /// When the call settled, or the last that came late for it did.
    fn now(&self) -> Timestamp {
        let is_late = self.call.verdict.is_some() || self.settled.by_time;
        if is_late { self.call.last_received_at } else { self.settled.at }
    }

    fn log(&self) -> Option<Step> {
        let (target, opens_segment) = self.target()?;
        let observed = self.call.effects.get(&self.key(self.own_reads().0));
        let unread = observed.is_some_and(|effect| matches!(effect.outcome, Some(Outcome::Rejected { .. })));
        let (effects, more) = self.effects(&target);
        let logged = Logged {
            call_type: self.call.told.call_type(),
            thread: target.thread,
            inbox: target.inbox,
            subject: target.subject,
            opens_segment,
            status_unread: unread,
        };
        Some(Step { more, ..Step::of(Verdict::Logged(logged), effects) })
    }

    /// What came late opens no segment and reopens nothing. It goes to the party's conversation as it is now, under the
    /// current segment's subject; where each segment has a conversation of its own, to that of its call.
    fn add(&self) -> Option<Step> {
        if self.call.is_on_its_way(self.id) {
            return None;
        }
        let Some(thread) = &self.party.thread else { return Some(Step::of(Verdict::Added, Vec::new())) };
        let is_activity = parts::missing(self.id, self.call, self.policy).into_iter().any(is_activity);
        let former = self.former_conversation(thread);
        let reading = match &former {
            _ if !is_activity => Reading::Done,
            Some(conversation) => self.reading_former(conversation),
            None => self.reading_status(self.last_read(), self.next_read()),
        };
        match reading {
            Reading::Waits => return None,
            Reading::First(effect) => return Some(Step::of(Verdict::ReadFirst, vec![*effect])),
            Reading::Done => {}
        }
        let target = former.and_then(|conversation| self.former_target(conversation));
        let target = target.unwrap_or_else(|| Target {
            thread: thread.reference.clone(),
            inbox: thread.inbox.clone(),
            subject: thread.segment.subject.clone(),
            archived: stays_archived(thread),
            with_call: false,
            conversation: None,
        });
        let (mut effects, more) = self.effects(&target);
        if thread.look_after == Some(self.id) && !more && target.conversation.is_none() {
            effects.extend(self.look_again());
        }
        Some(Step { more, conversation: target.conversation, ..Step::of(Verdict::Added, effects) })
    }

    /// How the last and the next read of the status before the call are called. What was read before a call was left out says
    /// nothing about the time at which it is decided again.
    fn own_reads(&self) -> (EffectKind, EffectKind) {
        if self.settled.reconsidered {
            (self.last_read(), self.next_read())
        } else {
            (EffectKind::Observe, EffectKind::Observe)
        }
    }

    /// What came late is read about once per step.
    fn last_read(&self) -> EffectKind {
        EffectKind::ObserveAgain(self.party.step)
    }

    fn next_read(&self) -> EffectKind {
        EffectKind::ObserveAgain(self.party.step + 1)
    }

    /// Where the call goes, and whether it opens a segment there: that is decided by its place in the log when it settled.
    /// A new conversation waits until the old one's effects have drained, so that a work item has one conversation.
    fn target(&self) -> Option<(Target, bool)> {
        let known = self.party.thread.as_ref().filter(|_| rule::holds(Rule::LaterCallsJoinTheConversation));
        let Some(thread) = known else { return Some((self.new_thread(), true)) };
        let settled = self.settled.moment();
        // History opens no segment in a conversation that is there.
        let ended = thread.marks.had_ended(&thread.segment, settled) && !self.settled.history;
        let leaves = match thread.status {
            ConversationStatus::Trashed => true,
            ConversationStatus::Open | ConversationStatus::Archived | ConversationStatus::Snoozed => {
                ended && self.policy.threading == Threading::Segment
            }
        };
        if leaves {
            return self.party.is_drained().then(|| (self.new_thread(), true));
        }
        let own = ended || !rule::holds(Rule::TheSubjectBelongsToItsSegment);
        let subject = if own { self.subject() } else { thread.segment.subject.clone() };
        // A person archived it after the call: it stays so.
        let is_left_so = self.settled.history || thread.marks.archived_after(settled);
        let archived = is_left_so && stays_archived(thread);
        let (thread, inbox) = (thread.reference.clone(), thread.inbox.clone());
        Some((Target { thread, inbox, subject, archived, with_call: true, conversation: None }, ended))
    }

    fn new_thread(&self) -> Target {
        let line = self.call.told.line().map(|line| line.id);
        let line = line.filter(|_| rule::holds(Rule::ALineHasItsInbox));
        let mapped = line.and_then(|line| self.policy.inboxes.get(&line));
        Target {
            thread: ThreadRef::new(format!("calltrail:{}", self.id)),
            inbox: mapped.unwrap_or(&self.policy.default_inbox).clone(),
            subject: self.subject(),
            archived: self.settled.history,
            with_call: true,
            conversation: None,
        }
    }

    fn subject(&self) -> String {
        render::subject(&self.call.told, self.policy)
    }

    fn key(&self, kind: EffectKind) -> EffectKey {
        EffectKey { call: self.id, kind }
    }
}

/// Archived by webhooks' word, with a segment that goes on: the reopening of its call is under way.
fn stays_archived(thread: &Thread) -> bool {
    match thread.status {
        ConversationStatus::Open => false,
        ConversationStatus::Archived => thread.has_ended(),
        ConversationStatus::Snoozed | ConversationStatus::Trashed => true,
    }
}

/// True for what is imported, so that it has a subject and may reopen a conversation.
fn is_activity(kind: EffectKind) -> bool {
    match kind {
        EffectKind::Call
        | EffectKind::Duration
        | EffectKind::Recording
        | EffectKind::RecordingPending
        | EffectKind::Voicemail
        | EffectKind::VoicemailPending => true,
        EffectKind::Contact
        | EffectKind::Observe
        | EffectKind::Comment(_)
        | EffectKind::Tag(_)
        | EffectKind::Assign
        | EffectKind::Reopen
        | EffectKind::ObserveAgain(_) => false,
    }
}

enum Reading {
    First(Box<Effect>),
    Waits,
    Done,
}
