//! People in Front: what they do is planned by the clock, and done to whatever stands there then.

use calltrail_simulator::front::{Act, Action, Subject};

use super::{Engine, Event};
use crate::dice::Dice;
use crate::evidence;
use crate::trace::Who;
use crate::world::people::{Deed, KINDS, What, deed};

impl Engine {
    pub(super) fn plan_people(&mut self, seed: u64, starts_ms: i64, until_ms: i64) {
        let mut dice = Dice::of(seed, 5);
        for kind in KINDS {
            for number in self.faults.plan(kind) {
                let account = dice.place(self.offices.len());
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

    /// It counts if Front has let them.
    pub(super) fn act(&mut self, deed: Deed) {
        let now_ms = self.now_ms();
        let Deed { kind, number, account, handle, by, what } = deed;
        let front = &mut self.offices[account].front;
        let action = match what {
            What::Do(action) => action,
            What::Merge(other) => match front.conversation_with(&other) {
                Some(survivor) => Action::MergeInto(survivor),
                None => return,
            },
        };
        // What is open cannot be reopened, nor restored: there are others.
        let on = match action {
            Action::Reopen => self.conversation_that_is(account, "archived"),
            Action::Restore => self.conversation_that_is(account, "deleted"),
            _ => Some(Subject::Contact(handle)),
        };
        let Some(on) = on else { return };
        let front = &mut self.offices[account].front;
        let act = Act { by: by.to_owned(), on, action };
        let before = front.events_seen();
        let Ok(conversation) = front.act(now_ms, &act) else { return };
        if front.events_seen() == before {
            return;
        }
        self.offices[account].deeds.push(evidence::Deed {
            at_ms: now_ms,
            conversation: conversation.clone(),
            action: act.action.clone(),
        });
        self.faults.count(kind, number);
        let line = format_args!("{:?} {conversation}", act.action);
        self.trace.note(now_ms, Who::Person(account), "acts", number, line);
        self.watch_front(account);
    }
}
