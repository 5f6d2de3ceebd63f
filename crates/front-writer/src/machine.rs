//! The machine of one claim of one work item: one input in, one command out. It never awaits and reads no clock.
//!
//! What must survive is in the fence; everything else here is found again by asking Front. So a crash between any two
//! commands loses nothing but time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use calltrail_domain::effect::{Action, Outcome, WorkItem};
use calltrail_domain::ids::{ConversationId, EffectKey, EffectKind, TagId, TeammateId};
use calltrail_domain::record::ConversationMerged;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_front::{Attachment, Request};

use crate::clock::StoreTime;
use crate::command::{Command, Input, Why};
use crate::condition::Condition;
use crate::contact::ContactSteps;
use crate::delays;
use crate::fence::{Entry, Fence, State};
use crate::limits::CONFLICTS_MAX;
use crate::look::Look;
use crate::observe::Observed;
use crate::set_like::Read;
use crate::settings::Settings;
use crate::tag::TagSteps;

/// One claim's work on one item.
pub struct Machine {
    pub(crate) settings: Arc<Settings>,
    /// The claim's own name: an attempt in flight under another name belongs to somebody else.
    pub(crate) claim: String,
    pub(crate) item: WorkItem,
    pub(crate) fence: Fence,
    pub(crate) revision: Option<u64>,
    pub(crate) loaded: bool,
    /// When this process first saw the fence's revision.
    pub(crate) first_seen: Timestamp,
    /// The fence in memory says more than the stored one, and nothing may go on before it is stored.
    pub(crate) unsaved: bool,
    awaiting: Awaiting,
    pub(crate) pending: Option<Pending>,
    pub(crate) scratch: Scratch,
    pub(crate) teammates: BTreeMap<String, Option<TeammateId>>,
    /// Tags of the company by name, as far as this claim has seen them.
    pub(crate) tags: BTreeMap<String, TagId>,
    pub(crate) moved: Option<ConversationMerged>,
    /// Ordinals whose dead letters were kept by this claim.
    pub(crate) kept: BTreeSet<u64>,
    pub(crate) leave: Option<(Duration, Why)>,
    /// What an operator has to repair before the claim is of use.
    pub(crate) waits_for: Option<Condition>,
    /// The stored fence still says "in flight" of an attempt that is known to have ended.
    pub(crate) landed: bool,
    conflicts: u32,
    pub(crate) takeovers: u32,
    pub(crate) duplicates: u32,
    /// This claim has sent a request: what it has learned is worth waiting for.
    pub(crate) has_sent: bool,
    /// The moment before the last request of this claim was sent.
    pub(crate) sent_at: Timestamp,
    /// The time of the last step.
    pub(crate) last_now: Timestamp,
    /// The latest that the key-value store's clock can have shown at a moment of this claim.
    pub(crate) store_time: Option<StoreTime>,
    /// The fence knew the item's ordinals and the log did not; counted once that is stored.
    pub(crate) begins_again: bool,
    newer_fences: u32,
    pub(crate) seed: u64,
}

/// Shows nothing personal: the item holds names and numbers.
impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("claim", &self.claim)
            .field("party", &self.item.party)
            .field("awaiting", &self.awaiting)
            .finish_non_exhaustive()
    }
}

/// What the next input is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaiting {
    Claimed,
    Fence,
    Saved,
    Armed,
    TakenOver,
    Finished,
    Slot,
    StoreTime { asked_at: Timestamp },
    Answer,
    Teammate,
    Audio,
    Appended { merge: bool },
    Kept { ordinal: u64 },
    Woke,
    Nothing,
}

/// A request on its way: reserved, armed or sent.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The effect's place in the item.
    pub(crate) index: usize,
    pub(crate) purpose: Purpose,
    pub(crate) request: Request,
    pub(crate) sent_at: Timestamp,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Teammates,
    Import,
    ConfirmByUid,
    ConfirmByList,
    LookByUid,
    LookInMessages,
    LookForContact,
    LookForConversations,
    FindContact,
    CreateContact,
    NamedContact,
    KnownContact,
    AddHandle,
    FreeHandle,
    Observe,
    ReadBefore,
    ReadEvents,
    ObserveEvents,
    ObserveInboxes,
    Change,
    Comment,
    FindComment,
    FindTag,
    CreateTag,
    /// Whether the conversation that an import named is there.
    FindConversation,
}

/// An e-mail, in lower case, that the list of teammates is wanted for, and what the last list said.
pub(crate) struct Asked {
    pub(crate) email: String,
    pub(crate) last: Option<TeammateId>,
}

/// What this claim has found out about the effect at hand. It is lost without harm.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) index: usize,
    /// The attempt in doubt was waited for, and the fence says that it is ours now.
    pub(crate) taken_over: bool,
    pub(crate) not_before: Option<Timestamp>,
    /// The store's time, asked for because of an attempt in doubt.
    pub(crate) store_asked: Option<StoreTime>,
    /// What a read has shown whose events are still wanted.
    pub(crate) observed: Option<Observed>,
    pub(crate) looks: u32,
    pub(crate) look: Option<Look>,
    pub(crate) read: Option<Read>,
    pub(crate) events_read: bool,
    /// What the events said: it was trashed before the call, and not since.
    pub(crate) trashed_before: bool,
    /// The read was repeated because the slot for the change came late. Once: with a small budget every slot does.
    pub(crate) read_again: bool,
    pub(crate) contact: ContactSteps,
    pub(crate) audio: Option<Attachment>,
    /// The comment was looked for and is not there.
    pub(crate) comments_listed: bool,
    pub(crate) tag: TagSteps,
    pub(crate) asked_for: Option<Asked>,
    /// The import was refused because this conversation, or its inbox, is not there.
    pub(crate) doubted: Option<ConversationId>,
}

impl Machine {
    /// A machine for a claim named `claim`, a name that no other claim has ever had.
    #[must_use]
    pub fn new(settings: Arc<Settings>, claim: String, item: WorkItem) -> Self {
        let seed = claim.bytes().fold(item.item, |seed, byte| seed.rotate_left(8) ^ u64::from(byte));
        Self {
            settings,
            claim,
            item,
            fence: Fence::default(),
            revision: None,
            loaded: false,
            first_seen: Timestamp::from_millis(0),
            unsaved: false,
            awaiting: Awaiting::Claimed,
            pending: None,
            scratch: Scratch::default(),
            teammates: BTreeMap::new(),
            tags: BTreeMap::new(),
            moved: None,
            kept: BTreeSet::new(),
            leave: None,
            waits_for: None,
            landed: false,
            conflicts: 0,
            takeovers: 0,
            duplicates: 0,
            has_sent: false,
            sent_at: Timestamp::from_millis(0),
            last_now: Timestamp::from_millis(i64::MIN),
            store_time: None,
            begins_again: false,
            newer_fences: 0,
            seed,
        }
    }

    /// Effects that were in flight under another claim and that this one took over.
    #[must_use]
    pub fn takeovers(&self) -> u32 {
        self.takeovers
    }

    /// Comments of ours that stand in Front a second time, as far as this claim has looked.
    #[must_use]
    pub fn duplicates(&self) -> u32 {
        self.duplicates
    }

    /// The fence's compare-and-sets that this claim lost.
    #[must_use]
    pub fn conflicts(&self) -> u32 {
        self.conflicts
    }

    /// Items whose effects the fence knew and the log did not; this claim did them again.
    #[must_use]
    pub fn newer_fences(&self) -> u32 {
        self.newer_fences
    }

    /// What to do next, after `input` at `now`.
    ///
    /// # Panics
    /// When the input does not answer the last command.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Command {
        self.follow_clock(now);
        match (self.awaiting, input) {
            (Awaiting::Claimed, Input::Claimed) | (Awaiting::Woke, Input::Woke) => self.advance(now),
            (Awaiting::Fence, Input::Fence { found, first_seen }) => self.load(now, found, first_seen),
            (Awaiting::Saved, Input::Written { revision }) => {
                self.saved(now, revision);
                self.advance(now)
            }
            (Awaiting::TakenOver, Input::Written { revision }) => {
                self.saved(now, revision);
                self.scratch.taken_over = true;
                self.advance(now)
            }
            (Awaiting::Armed, Input::Written { revision }) => {
                self.saved(now, revision);
                self.send(now)
            }
            (Awaiting::Finished, Input::Written { .. }) => self.expect(Awaiting::Nothing, Command::Done),
            (
                Awaiting::Saved | Awaiting::Armed | Awaiting::TakenOver | Awaiting::Finished,
                Input::Conflict,
            ) => self.lose(now),
            (Awaiting::Slot, Input::Slot { store_now_ms }) => {
                self.store_time = Some(StoreTime { ms: store_now_ms, at: now });
                self.use_slot(now)
            }
            (Awaiting::StoreTime { asked_at }, Input::StoreTime { now_ms }) => {
                self.store_time_read(now, asked_at, now_ms)
            }
            (Awaiting::Slot, Input::NoSlot { wait }) => {
                self.pending = None;
                self.release(now, wait + delays::spread(self.seed), Why::Budget)
            }
            (Awaiting::Slot, Input::Barred { wait }) => {
                self.pending = None;
                self.release(now, wait + delays::spread(self.seed), Why::Operator)
            }
            (Awaiting::Answer, Input::Answered(answer)) => self.answered(now, answer),
            (Awaiting::Teammate, Input::Teammate(lookup)) => self.teammate_found(now, lookup),
            (Awaiting::Audio, Input::Audio(fetched)) => self.audio_fetched(now, fetched),
            (Awaiting::Appended { merge }, Input::Appended) => self.appended(now, merge),
            (Awaiting::Kept { ordinal }, Input::Kept) => {
                self.kept.insert(ordinal);
                self.advance(now)
            }
            // Not the input itself: it may hold what Front said.
            (awaiting, _) => panic!("the input does not answer {awaiting:?}"),
        }
    }

    /// The next command, from the fence and from what this claim knows.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Command {
        if !self.loaded {
            return self.expect(Awaiting::Fence, Command::ReadFence);
        }
        if self.unsaved {
            return self.write(Awaiting::Saved);
        }
        if let Some((after, why)) = self.leave.take() {
            return self.expect(Awaiting::Nothing, Command::Release { after, why });
        }
        if let Some(merged) = &self.moved {
            return self.append_merger(now, merged.clone());
        }
        if let Some(command) = self.publish_settled(now) {
            return command;
        }
        self.next_effect(now)
    }

    fn next_effect(&mut self, now: Timestamp) -> Command {
        let effects = &self.item.effects;
        let state_of = |index: usize| self.entry(index).map(|entry| &entry.state);
        let is_accepted = |index: &usize| matches!(state_of(*index), Some(State::Accepted { .. }));
        let is_open =
            |index: &usize| !matches!(state_of(*index), Some(State::Accepted { .. } | State::Settled { .. }));
        let places =
            || (0..effects.len()).filter(|index| effects[*index].ordinal > self.fence.settled_through);
        let mut next = places().find(is_open);
        if !rule::holds(Rule::AWriterPassesNoOpenEffect) {
            next = places().filter(is_open).find(|index| !self.is_held(now, *index)).or(next);
        }
        let unproved = places().find(is_accepted).filter(|index| next.is_none_or(|next| *index < next));
        match (next, unproved) {
            (Some(next), Some(unproved)) if self.must_be_seen_before(next) => self.confirm(now, unproved),
            (Some(next), _) => self.work(now, next),
            (None, Some(unproved)) => self.confirm(now, unproved),
            (None, None) => self.finish(),
        }
    }

    /// 202 is not proof: the first import of a conversation, and any import before another kind of effect, is seen in
    /// Front before the next effect is sent.
    fn must_be_seen_before(&self, next: usize) -> bool {
        let import = matches!(self.item.effects[next].effect.action, Action::ImportActivity(_));
        !import || self.conversation_of(next).is_none()
    }

    fn work(&mut self, now: Timestamp, index: usize) -> Command {
        self.enter(index);
        if let Some(at) = self.scratch.not_before.filter(|at| now < *at) {
            return self.hold(now, at, Why::Trouble);
        }
        match self.item.effects[index].effect.action.clone() {
            Action::LookUpContact(wanted) => self.look_up_contact(now, index, &wanted),
            Action::ObserveConversation(wanted) => self.observe(now, index, &wanted),
            Action::ImportActivity(wanted) => self.import(now, index, &wanted),
            Action::AssignConversation(wanted) => self.assign(now, index, &wanted),
            Action::ReopenConversation(wanted) => self.reopen(now, index, &wanted),
            Action::AddComment(wanted) => self.comment(now, index, &wanted),
            Action::TagConversation(wanted) => self.tag(now, index, &wanted),
        }
    }

    /// What was found out about another effect is of no use for this one.
    pub(crate) fn enter(&mut self, index: usize) {
        if self.scratch.index != index {
            self.scratch = Scratch { index, ..Scratch::default() };
        }
    }

    pub(crate) fn start_over(&mut self) {
        self.scratch = Scratch { index: self.scratch.index, ..Scratch::default() };
    }

    /// Another writer changed the fence: what this claim believed may be wrong.
    fn lose(&mut self, now: Timestamp) -> Command {
        self.conflicts += 1;
        (self.loaded, self.unsaved, self.landed, self.begins_again) = (false, false, false, false);
        (self.pending, self.moved, self.leave) = (None, None, None);
        self.start_over();
        if self.conflicts > CONFLICTS_MAX {
            let after = delays::retry(self.conflicts, self.seed);
            return self.expect(Awaiting::Nothing, Command::Release { after, why: Why::Conflict });
        }
        self.advance(now)
    }

    fn saved(&mut self, now: Timestamp, revision: u64) {
        (self.revision, self.first_seen) = (Some(revision), now);
        (self.unsaved, self.landed) = (false, false);
        self.newer_fences += u32::from(std::mem::take(&mut self.begins_again));
    }

    pub(crate) fn write(&mut self, awaiting: Awaiting) -> Command {
        let mut fence = Box::new(self.fence.clone());
        if !rule::holds(Rule::AFactIsToldAgainWhenUnknown) {
            fence.entries.iter_mut().for_each(|entry| entry.appended |= entry.outcome().is_some());
        }
        self.expect(awaiting, Command::WriteFence { fence, expected: self.revision })
    }

    pub(crate) fn expect(&mut self, awaiting: Awaiting, command: Command) -> Command {
        self.awaiting = awaiting;
        command
    }

    pub(crate) fn entry(&self, index: usize) -> Option<&Entry> {
        self.fence.entry(self.item.effects[index].ordinal)
    }

    /// An operator has it retried, and Front may have it although it refused it.
    fn is_retried(&self, index: usize) -> bool {
        self.item.effects[index].retried && rule::holds(Rule::RetriedEffectsAreInDoubt)
    }

    /// The effect's entry. Without a fence for it, an item that was published again may have been worked on: in doubt. So
    /// may any effect of a party whose log has lost a part of its history.
    pub(crate) fn entry_mut(&mut self, index: usize) -> &mut Entry {
        let effect = &self.item.effects[index];
        let (ordinal, key) = (effect.ordinal, effect.effect.key);
        let place = self.fence.entries.iter().position(|entry| entry.ordinal == ordinal);
        let place = place.unwrap_or_else(|| {
            let in_doubt =
                self.item.publication > 1 || self.fence.known_through > 0 || self.is_retried(index);
            self.fence.entries.push(Entry::new(ordinal, key, in_doubt));
            self.fence.entries.len() - 1
        });
        &mut self.fence.entries[place]
    }

    /// The conversation that an effect goes into, as it is called after all mergers.
    pub(crate) fn conversation_of(&self, index: usize) -> Option<ConversationId> {
        match &self.item.effects[index].conversation {
            Some(own) => Some(self.fence.survivor(own).clone()),
            None => self.conversation_of_call(index).or_else(|| self.conversation()),
        }
    }

    /// Where Front has the call that the effect belongs to, if that was settled with this item. After a log that lost its
    /// tail, a call that is decided again may stand in another conversation than the party's present one.
    fn conversation_of_call(&self, index: usize) -> Option<ConversationId> {
        let key = self.item.effects[index].effect.key;
        let call = EffectKey { kind: EffectKind::Call, ..key };
        let entry = self.fence.entries.iter().find(|entry| entry.key == call && key != call)?;
        match &entry.state {
            State::Settled { outcome: Outcome::Applied { conversation, .. } } => {
                conversation.as_ref().map(|conversation| self.fence.survivor(conversation).clone())
            }
            _ => None,
        }
    }

    /// The party's present conversation.
    fn conversation(&self) -> Option<ConversationId> {
        let known = self.fence.conversation.as_ref().or(self.item.conversation.as_ref())?;
        Some(self.fence.survivor(known).clone())
    }
}
