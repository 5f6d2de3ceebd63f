//! What the outbox is told, and what becomes of what it refuses: the accounts never wait for one another.

use calltrail_domain::effect::WorkItem;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;

use super::{Asked, Machine, Step};
use crate::limits::REPUBLISH_AFTER_DEFAULT;
use crate::pieces::Pieces;
use crate::published::Refusal;

impl<P: Pieces> Machine<P> {
    /// Items of an account whose outbox takes nothing now wait for the next tick.
    pub(super) fn publish(&mut self, account: &str, items: impl Iterator<Item = WorkItem>) {
        for item in items {
            let published = &mut self.projection.account(account).published;
            if published.is_away() {
                published.waits(&item);
            } else {
                self.ask(Asked::Publish { account: account.to_owned(), item });
            }
        }
    }

    /// A refusal that concerns one account is remembered with it, and nothing else waits: what is left of `asked` for
    /// the others to do is returned.
    pub(super) fn account_refused(
        &mut self,
        now: Timestamp,
        asked: Asked,
        refusal: Refusal,
    ) -> Option<Asked> {
        let concerns_one = matches!(asked, Asked::Publish { .. } | Asked::LookFor { .. });
        if !concerns_one || !rule::holds(Rule::RefusedPublicationHoldsUpNothingElse) {
            return Some(asked);
        }
        match (asked, refusal) {
            (Asked::Publish { account, item }, Refusal::ForGood) => {
                self.projection.account(&account).published.refused_for_good(&item, now);
            }
            (Asked::Publish { account, item }, Refusal::ForNow) => {
                self.projection.account(&account).published.waits(&item);
                self.leave_alone(&account);
            }
            (Asked::LookFor { account, .. }, _) => self.leave_alone(&account),
            (asked, _) => return Some(asked),
        }
        None
    }

    /// The outbox does nothing for this account now: the rest of what it would be asked waits for the next tick.
    fn leave_alone(&mut self, name: &str) {
        let published = &mut self.projection.account(name).published;
        self.agenda.retain(|step| match step {
            Step::Ask(Asked::Publish { account, item }) if account == name => {
                published.waits(item);
                false
            }
            Step::Ask(Asked::LookFor { account, .. }) => account != name,
            Step::Ask(_) | Step::Commit | Step::CaughtUp | Step::LookAtTimers { .. } => true,
        });
    }

    /// Items that the outbox may have lost are looked for, then timers.
    pub(super) fn look_for_lost(&mut self, at: Timestamp) {
        for rules in &self.rules {
            let account = self.projection.account(&rules.id);
            let look_for = account.overdue(rules.republish_after, at);
            let look_for = look_for.into_iter().filter(|_| rule::holds(Rule::ALostItemIsPublishedAgain));
            self.agenda.extend(
                look_for.map(|(party, told)| {
                    Step::Ask(Asked::LookFor { account: rules.id.clone(), party, told })
                }),
            );
            self.agenda.push_back(Step::LookAtTimers { account: rules.id.clone(), at });
        }
    }

    /// What was refused is published again, after all else that a tick is for.
    pub(super) fn publish_refused(&mut self, at: Timestamp) {
        let names: Vec<_> = self.projection.accounts().keys().cloned().collect();
        for name in names {
            let rules = self.rules.iter().find(|rules| rules.id == name);
            let patience = rules.map_or(REPUBLISH_AFTER_DEFAULT, |rules| rules.republish_after);
            let items = self.projection.account(&name).due_again(patience, at);
            for item in items {
                self.ask(Asked::Publish { account: name.clone(), item });
            }
        }
    }
}
