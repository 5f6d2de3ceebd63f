//! People at work in Front: they archive, reopen, move, assign, snooze, merge and trash what they come across.
//!
//! A person leaves a conversation alone while anything is under way for its party, and shortly before a call of it settles
//! or something comes late for one: what is done then may reach the engine after its decision ("Known windows"). Mergers
//! happen only without Front's webhooks, where the survivor counts at once: no webhook tells of them.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::{ConversationId, PhoneNumber};
use calltrail_simulator::front::{Act, Action, ConversationEntry, Subject};

use super::company::{Caller, Rules};
use super::engine::{Engine, Rest};
use super::limits::{APART_MS, LOOKS_MAX, MARGIN_MS};
use super::who::Who;
use crate::dice::Dice;

const TEAMMATES: [&str; 2] = ["tea_1", "tea_2"];
const INBOXES: [&str; 4] = ["inb_1", "inb_2", "inb_3", "inb_4"];
const MINUTE_MS: i64 = 60_000;

/// What a person did with the conversation that a caller's calls went into.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) at_ms: i64,
    pub(crate) who: Who,
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
    /// Into the conversation of this one.
    Merged(Who),
}

/// The people, what they may know and what they have done.
#[derive(Debug)]
pub(crate) struct People {
    dice: Dice,
    numbers: Vec<Vec<PhoneNumber>>,
    /// When something becomes known of anybody's calls.
    happens_ms: BTreeMap<Who, Vec<i64>>,
    may_merge: bool,
    /// Whose conversations were merged into this one.
    companions: BTreeMap<String, BTreeSet<Who>>,
    deeds: Vec<Deed>,
}

/// A conversation that a person has come across.
struct Found {
    who: Who,
    /// Everybody whose calls go into it.
    group: BTreeSet<Who>,
    shown: ConversationEntry,
}

impl People {
    pub(crate) fn new(
        seed: u64,
        callers: &[Caller],
        happens_ms: BTreeMap<Who, Vec<i64>>,
        rules: Rules,
    ) -> Self {
        let numbers_of = |caller: &Caller| caller.numbers.iter().map(PhoneNumber::from_e164).collect();
        Self {
            dice: Dice(seed),
            numbers: callers.iter().map(numbers_of).collect(),
            happens_ms,
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
        let who = *self.happens_ms.keys().nth(self.dice.place(self.happens_ms.len()))?;
        let conversation = self.conversation_of(engine, who)??;
        let shown = engine.in_front(|_, front| front.conversation_shown(conversation.as_str()))?;
        let mut group = self.companions.get(&shown.id).cloned().unwrap_or_default();
        group.insert(who);
        let now_ms = engine.now_ms();
        let is_free = |other: &Who| {
            self.conversation_of(engine, *other).is_some()
                && self.happens_after(*other, now_ms).all(|at_ms| at_ms > now_ms + MARGIN_MS)
        };
        group.iter().all(is_free).then_some(Found { who, group, shown })
    }

    fn happens_after(&self, who: Who, now_ms: i64) -> impl Iterator<Item = i64> {
        self.happens_ms[&who].iter().copied().filter(move |at_ms| *at_ms >= now_ms)
    }

    /// Where somebody's calls went last; nothing while anything is under way there.
    fn conversation_of(&self, engine: &Engine, who: Who) -> Option<Option<ConversationId>> {
        let rests = match who {
            Who::Caller(place) => self.numbers[place].iter().map(|number| engine.rest(number)).collect(),
            Who::Withheld(call) => vec![engine.rest_of_call(call)],
        };
        let mut conversation = None;
        for rest in rests {
            match rest {
                Rest::Busy => return None,
                Rest::Unknown => {}
                Rest::Quiet(known) => conversation = known.or(conversation),
            }
        }
        Some(conversation)
    }

    fn wish(&mut self, engine: &mut Engine, found: &Found) -> Option<Done> {
        let wish = self.dice.roll(100);
        match (found.shown.status, wish) {
            ("deleted", 0..50) => Some(Done::Restored),
            ("archived", 0..25) => Some(Done::Reopened),
            ("assigned" | "unassigned", 0..55) => Some(Done::Archived),
            ("archived" | "assigned" | "unassigned", wish) => match wish {
                55..65 => Some(Done::Moved(INBOXES[self.dice.place(INBOXES.len())])),
                65..75 => Some(Done::Assigned(TEAMMATES[self.dice.place(TEAMMATES.len())])),
                75..80 => Some(Done::Unassigned),
                80..86 => self.snooze(engine.now_ms(), found),
                86..90 => Some(Done::Trashed),
                90..98 => self.merge(engine, found),
                _ => None,
            },
            _ => None,
        }
    }

    /// A snooze does not end when something happens for its callers: what is on its way then finds another status than was
    /// decided on ("Known windows").
    fn snooze(&mut self, now_ms: i64, found: &Found) -> Option<Done> {
        let until_ms = now_ms + MINUTE_MS * (20 + self.dice.place(100) as i64);
        let mut happens = found.group.iter().flat_map(|who| self.happens_after(*who, now_ms));
        happens.all(|at_ms| (at_ms - until_ms).abs() > APART_MS).then_some(Done::SnoozedUntil(until_ms))
    }

    /// Another conversation to merge this one into, for whose callers nothing will happen when it does for this one's.
    fn merge(&mut self, engine: &mut Engine, found: &Found) -> Option<Done> {
        let other = self.may_merge.then(|| self.come_across(engine)).flatten()?;
        let now_ms = engine.now_ms();
        let happens = |group: &BTreeSet<Who>| {
            group.iter().flat_map(|who| self.happens_after(*who, now_ms)).collect::<Vec<_>>()
        };
        let (ours, theirs) = (happens(&found.group), happens(&other.group));
        let apart = ours.iter().all(|ours| theirs.iter().all(|theirs| (ours - theirs).abs() > APART_MS));
        let differs = other.shown.id != found.shown.id && other.shown.status != "deleted";
        (apart && differs).then_some(Done::Merged(other.who))
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
        self.deeds.push(Deed { at_ms: engine.now_ms(), who: found.who, done });
    }

    /// Returns the id of the conversation that survives.
    fn merge_companions(&mut self, engine: &mut Engine, found: &Found, other: Who) -> String {
        let conversation = self.conversation_of(engine, other).flatten().expect("it was come across");
        let shown = engine.in_front(|_, front| front.conversation_shown(conversation.as_str()));
        let survivor = shown.expect("it was come across").id;
        let companions = self.companions.entry(survivor.clone()).or_default();
        companions.extend(&found.group);
        companions.insert(other);
        survivor
    }
}
