//! People in Front: what they do is planned by the clock, and done to whatever stands there then.

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::Action;
use calltrail_simulator::front::{self, Action as Act, MassAction, Subject};

use super::{Engine, Event};
use crate::dice::Dice;
use crate::evidence;
use crate::fault::Kind;
use crate::trace::Who;
use crate::world::people::{Deed, KINDS, TEAMMATES, What, deed};

/// What people do just while the engine is about to do the like.
const MEDDLING: [Kind; 4] =
    [Kind::PersonArchives, Kind::PersonMoves, Kind::PersonSnoozes, Kind::PersonTrashes];

impl Engine {
    pub(super) fn plan_people(&mut self, seed: u64, starts_ms: i64, until_ms: i64) {
        for kind in KINDS {
            for number in self.faults.plan(kind) {
                let mut dice = Dice::of(seed ^ (number << 32), 5);
                let account = dice.place(self.offices.len());
                if MEDDLING.contains(&kind) && dice.percent(50) {
                    self.offices[account].meddlers.push((kind, number));
                    continue;
                }
                let handles = self.setting.companies[account].handles();
                let (handle, at_ms) = match dice.percent(50) {
                    true => self.after_a_call(&mut dice, account),
                    false => (None, dice.between(starts_ms + 120_000, until_ms)),
                };
                let mut deed = deed(&mut dice, kind, number, account, &handles, at_ms);
                deed.handle = handle.unwrap_or(deed.handle);
                self.agenda.note(at_ms, Event::Act(deed));
            }
        }
    }

    /// What is decided about a conversation's status or assignee draws the people who meddle with just that.
    pub(super) fn meddle(&mut self, account: usize, decided: &EffectsDecided) {
        for decision in &decided.decisions {
            let is_tempting = |kind: &Kind| {
                decision.effects.iter().any(|effect| match effect.action {
                    Action::ReopenConversation(_) => *kind != Kind::PersonMoves,
                    Action::AssignConversation(_) => *kind == Kind::PersonMoves,
                    _ => false,
                })
            };
            let office = &mut self.offices[account];
            let Some(place) = office.meddlers.iter().position(|(kind, _)| is_tempting(kind)) else {
                continue;
            };
            let (kind, number) = office.meddlers.swap_remove(place);
            let calls = &self.setting.companies[account].history.calls;
            let with = calls.iter().find(|call| call.id == decision.call.0);
            let Some(handle) = with.and_then(|call| call.number.clone()) else { continue };
            let (now_ms, teammates) = (self.now_ms(), TEAMMATES.len());
            let (at_ms, teammate) = self.by_own_chance(number, |engine| {
                (now_ms + engine.dice.between(500, 150_000), engine.dice.place(teammates))
            });
            let what = match kind {
                Kind::PersonArchives => Act::Archive,
                Kind::PersonSnoozes => Act::Snooze(at_ms + 600_000),
                Kind::PersonTrashes => Act::Trash,
                _ => Act::Assign(TEAMMATES[teammate].to_owned()),
            };
            let deed = Deed { kind, number, account, handle, by: TEAMMATES[0], what: What::Do(what) };
            self.agenda.note(at_ms, Event::Act(deed));
        }
    }

    /// Soon after a call, while it is being logged: with whom it was, and a time.
    fn after_a_call(&self, dice: &mut Dice, account: usize) -> (Option<String>, i64) {
        let company = &self.setting.companies[account];
        let call = &company.history.calls[dice.place(company.calls)];
        (call.number.clone(), call.ended_ms + dice.between(20_000, 300_000))
    }

    fn conversation_that_is(&self, account: usize, status: &str) -> Option<Subject> {
        let found = self.offices[account].front.conversation_in(status)?;
        Some(Subject::Conversation(found))
    }

    /// Events tell of it, and no webhook.
    fn mass_act(
        &mut self,
        (kind, number): (Kind, u64),
        account: usize,
        handle: &str,
        by: &str,
        action: MassAction,
    ) {
        let now_ms = self.now_ms();
        let company = &mut self.offices[account].front;
        let Some(conversation) = company.conversation_with(handle) else { return };
        let before = company.events_seen();
        let done = company.mass_action(now_ms, by, &conversation, action, true);
        if done.is_err() || company.events_seen() == before {
            return;
        }
        let line = format_args!("mass {action:?} {conversation}");
        self.trace.say(now_ms, Who::Person(account), "acts", line);
        let action = match action {
            MassAction::Archive => Act::Archive,
            MassAction::Trash => Act::Trash,
        };
        self.offices[account].deeds.push(evidence::Deed { at_ms: now_ms, conversation, action });
        self.faults.count(kind, number);
        self.watch_front(account);
    }

    /// Nothing tells of it: it counts if there was something to delete.
    fn delete(&mut self, (kind, number): (Kind, u64), account: usize, handle: &str) {
        let now_ms = self.now_ms();
        let office = &mut self.offices[account];
        let Some(conversation) = office.front.conversation_with(handle) else { return };
        if !office.front.delete_conversation(now_ms, &conversation) {
            return;
        }
        self.trace.say(now_ms, Who::Person(account), "deletes", format_args!("{conversation}"));
        office.deleted.insert(conversation, now_ms);
        self.faults.count(kind, number);
        self.watch_front(account);
    }

    /// It counts if Front has let them.
    pub(super) fn act(&mut self, deed: Deed) {
        let now_ms = self.now_ms();
        let Deed { kind, number, account, handle, by, what } = deed;
        let action = match what {
            What::Do(action) => action,
            What::Mass(action) => return self.mass_act((kind, number), account, &handle, by, action),
            What::Delete => return self.delete((kind, number), account, &handle),
            What::Merge(other) => match self.offices[account].front.conversation_with(&other) {
                Some(survivor) => Act::MergeInto(survivor),
                None => return,
            },
        };
        // What is open cannot be reopened, nor restored: there are others.
        let on = match action {
            Act::Reopen => self.conversation_that_is(account, "archived"),
            Act::Restore => self.conversation_that_is(account, "deleted"),
            _ => Some(Subject::Contact(handle)),
        };
        let Some(on) = on else { return };
        let company = &mut self.offices[account].front;
        let act = front::Act { by: by.to_owned(), on, action };
        let before = company.events_seen();
        let Ok(conversation) = company.act(now_ms, &act) else { return };
        if company.events_seen() == before {
            return;
        }
        self.offices[account].deeds.push(evidence::Deed {
            at_ms: now_ms,
            conversation: conversation.clone(),
            action: act.action.clone(),
        });
        self.faults.count(kind, number);
        let line = format_args!("{:?} {conversation}", act.action);
        self.trace.say(now_ms, Who::Person(account), "acts", line);
        self.watch_front(account);
    }
}
