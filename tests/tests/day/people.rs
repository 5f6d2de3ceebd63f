//! People at work in Front: they archive, reopen, move, assign, snooze, merge and trash what they come across.
//!
//! A person leaves a conversation alone while anything is under way for its party, and shortly before a call of it
//! settles: what is done then may reach the engine after its decision ("Known windows"). Mergers happen only without
//! Front's webhooks, where the survivor counts at once: no webhook tells of them.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{ConversationId, PhoneNumber};
use calltrail_simulator::front::{Act, Action, ConversationEntry, Subject};

use super::company::{Caller, Rules};
use super::engine::{Engine, Rest};
use super::limits::{APART_MS, LOOKS_MAX, MARGIN_MS};
use crate::dice::Dice;

const TEAMMATES: [&str; 2] = ["tea_1", "tea_2"];
const INBOXES: [&str; 4] = ["inb_1", "inb_2", "inb_3", "inb_4"];
const MINUTE_MS: i64 = 60_000;

/// What a person did with the conversation that a caller's calls went into.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) at_ms: i64,
    /// The caller, by its place.
    pub(crate) caller: usize,
    pub(crate) done: Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    Archived,
    Reopened,
    Restored,
    Trashed,
    SnoozedUntil(i64),
    Moved(&'static str),
    Assigned(&'static str),
    Unassigned,
    /// Into the conversation of this caller.
    Merged(usize),
}

/// The people, what they may know and what they have done.
#[derive(Debug)]
pub(crate) struct People {
    dice: Dice,
    numbers: Vec<Vec<PhoneNumber>>,
    /// When each caller's calls settle.
    settles_ms: Vec<Vec<i64>>,
    may_merge: bool,
    /// Callers whose conversations were merged into this one.
    companions: BTreeMap<String, BTreeSet<usize>>,
    deeds: Vec<Deed>,
}

/// A conversation that a person has come across.
struct Found {
    caller: usize,
    /// Everybody whose calls go into it.
    group: BTreeSet<usize>,
    shown: ConversationEntry,
}

impl People {
    pub(crate) fn new(seed: u64, callers: &[Caller], settles_ms: Vec<Vec<i64>>, rules: Rules) -> Self {
        let numbers_of = |caller: &Caller| caller.numbers.iter().map(PhoneNumber::from_e164).collect();
        Self {
            dice: Dice(seed),
            numbers: callers.iter().map(numbers_of).collect(),
            settles_ms,
            may_merge: !rules.front_webhooks,
            companions: BTreeMap::new(),
            deeds: Vec::new(),
        }
    }

    /// Everything they have done, in order.
    pub(crate) fn into_deeds(self) -> Vec<Deed> {
        self.deeds
    }

    /// Somebody looks for something to do, and does it.
    pub(crate) fn look(&mut self, engine: &mut Engine) {
        for _ in 0..LOOKS_MAX {
            let Some(found) = self.come_across(engine) else { continue };
            if let Some(done) = self.wish(engine, &found) {
                self.act(engine, &found, done);
                return;
            }
        }
    }

    /// The conversation of a random caller, if it may be touched.
    fn come_across(&mut self, engine: &mut Engine) -> Option<Found> {
        let caller = self.dice.place(self.numbers.len());
        let conversation = self.conversation_of(engine, caller)??;
        let shown = engine.in_front(|_, front| front.conversation_shown(conversation.as_str()))?;
        let mut group = self.companions.get(&shown.id).cloned().unwrap_or_default();
        group.insert(caller);
        let now_ms = engine.now_ms();
        let is_free = |other: &usize| {
            let settles_soon = |at_ms: &i64| (now_ms..=now_ms + MARGIN_MS).contains(at_ms);
            self.conversation_of(engine, *other).is_some()
                && !self.settles_ms[*other].iter().any(settles_soon)
        };
        group.iter().all(is_free).then_some(Found { caller, group, shown })
    }

    /// Where the caller's calls went last; nothing while anything is under way for it.
    fn conversation_of(&self, engine: &Engine, caller: usize) -> Option<Option<ConversationId>> {
        let mut conversation = None;
        for number in &self.numbers[caller] {
            match engine.rest(number) {
                Rest::Busy => return None,
                Rest::Unknown => {}
                Rest::Quiet(known) => conversation = known.or(conversation),
            }
        }
        Some(conversation)
    }

    fn wish(&mut self, engine: &mut Engine, found: &Found) -> Option<Done> {
        let snoozed_until = engine.now_ms() + MINUTE_MS * (20 + self.dice.place(100) as i64);
        let wish = self.dice.roll(100);
        match (found.shown.status, wish) {
            ("deleted", 0..50) => Some(Done::Restored),
            ("archived", 0..25) => Some(Done::Reopened),
            ("assigned" | "unassigned", 0..55) => Some(Done::Archived),
            ("archived" | "assigned" | "unassigned", wish) => match wish {
                55..65 => Some(Done::Moved(INBOXES[self.dice.place(INBOXES.len())])),
                65..75 => Some(Done::Assigned(TEAMMATES[self.dice.place(TEAMMATES.len())])),
                75..80 => Some(Done::Unassigned),
                80..86 => Some(Done::SnoozedUntil(snoozed_until)),
                86..90 => Some(Done::Trashed),
                90..98 => self.merge(engine, found),
                _ => None,
            },
            _ => None,
        }
    }

    /// Another conversation to merge this one into, whose callers never call when this one's do.
    fn merge(&mut self, engine: &mut Engine, found: &Found) -> Option<Done> {
        let other = self.may_merge.then(|| self.come_across(engine)).flatten()?;
        let settles = |group: &BTreeSet<usize>| {
            group.iter().flat_map(|caller| self.settles_ms[*caller].iter().copied()).collect::<Vec<_>>()
        };
        let (ours, theirs) = (settles(&found.group), settles(&other.group));
        let apart = ours.iter().all(|ours| theirs.iter().all(|theirs| (ours - theirs).abs() > APART_MS));
        let differs = other.shown.id != found.shown.id && other.shown.status != "deleted";
        (apart && differs).then_some(Done::Merged(other.caller))
    }

    fn act(&mut self, engine: &mut Engine, found: &Found, done: Done) {
        let action = match &done {
            Done::Archived => Action::Archive,
            Done::Reopened => Action::Reopen,
            Done::Restored => Action::Restore,
            Done::Trashed => Action::Trash,
            Done::SnoozedUntil(until_ms) => Action::Snooze(*until_ms),
            Done::Moved(inbox) => Action::Move((*inbox).to_owned()),
            Done::Assigned(teammate) => Action::Assign((*teammate).to_owned()),
            Done::Unassigned => Action::Unassign,
            Done::Merged(other) => Action::MergeInto(self.merge_companions(engine, found, *other)),
        };
        let on = Subject::Conversation(found.shown.id.clone());
        let act = Act { by: TEAMMATES[self.dice.place(TEAMMATES.len())].to_owned(), on, action };
        let acted = engine.in_front(|now_ms, front| front.act(now_ms, &act));
        acted.expect("the person can do that");
        self.deeds.push(Deed { at_ms: engine.now_ms(), caller: found.caller, done });
    }

    /// Returns the id of the conversation that survives.
    fn merge_companions(&mut self, engine: &mut Engine, found: &Found, other: usize) -> String {
        let conversation = self.conversation_of(engine, other).flatten().expect("it was come across");
        let shown = engine.in_front(|_, front| front.conversation_shown(conversation.as_str()));
        let survivor = shown.expect("it was come across").id;
        let companions = self.companions.entry(survivor.clone()).or_default();
        companions.extend(&found.group);
        companions.insert(other);
        survivor
    }
}
