//! What the outbox has, which items it may have lost since, and what it refused to take.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::PartyId;
use calltrail_domain::rule::{self, Rule};
use calltrail_domain::time::Timestamp;
use calltrail_domain::timer::Timer;
use calltrail_event_log::ports::Class;

use crate::limits::PUBLICATIONS_MAX;

/// The items of one account that are outstanding, as far as this process has published them or tried to.
#[derive(Debug, Default)]
pub(crate) struct Published {
    told: BTreeMap<PartyId, Told>,
    refused: BTreeMap<PartyId, Refused>,
}

/// An item as the outbox was told of it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    item: u64,
    publication: u32,
    pub(crate) class: Class,
    pub(crate) ticket: u64,
    looked_at: Timestamp,
}

/// An item that the outbox did not take.
#[derive(Debug, Clone)]
struct Refused {
    item: u64,
    publication: u32,
    /// When it was refused for good; `None` when the next tick may try again.
    for_good_at: Option<Timestamp>,
}

/// Whether a repetition may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The port is away, or full.
    ForNow,
    /// What was asked is too large, or its name is not taken.
    ForGood,
}

/// The class that the item is published under.
#[must_use]
pub fn class_of(item: &WorkItem) -> Class {
    if item.bulk { Class::Bulk } else { Class::Live }
}

impl Published {
    /// The outbox has the item, and calls it `ticket`.
    pub(crate) fn told(&mut self, item: &WorkItem, ticket: u64, now: Timestamp) {
        self.refused.remove(&item.party);
        let told = Told {
            item: item.item,
            publication: item.publication,
            class: class_of(item),
            ticket,
            looked_at: now,
        };
        self.told.insert(item.party.clone(), told);
    }

    /// True when exactly this publication was told, or refused.
    pub(crate) fn knows(&self, item: &WorkItem) -> bool {
        let numbers = (item.item, item.publication);
        let told = self.told.get(&item.party).map(|told| (told.item, told.publication));
        let refused = self.refused.get(&item.party).map(|refused| (refused.item, refused.publication));
        told == Some(numbers) || refused == Some(numbers)
    }

    /// The outbox did not take the item, or was not asked because it takes none now.
    pub(crate) fn waits(&mut self, item: &WorkItem) {
        self.refuse(item, None);
    }

    /// The outbox never takes the item as it is.
    pub(crate) fn refused_for_good(&mut self, item: &WorkItem, now: Timestamp) {
        self.refuse(item, Some(now));
    }

    fn refuse(&mut self, item: &WorkItem, for_good_at: Option<Timestamp>) {
        let refused = Refused { item: item.item, publication: item.publication, for_good_at };
        self.refused.insert(item.party.clone(), refused);
    }

    /// True while the outbox takes nothing of this account: what is to be published waits for the next tick.
    pub(crate) fn is_away(&self) -> bool {
        self.refused.values().any(|refused| refused.for_good_at.is_none())
    }

    /// How many items were refused, for now and for good.
    pub(crate) fn refused_count(&self) -> (usize, usize) {
        let for_good = self.refused.values().filter(|refused| refused.for_good_at.is_some()).count();
        (self.refused.len() - for_good, for_good)
    }

    /// Parties whose items were published, or refused, under a number that no healthy one comes to.
    pub(crate) fn published_often(&self) -> impl Iterator<Item = &PartyId> {
        let told = self.told.iter().map(|(party, told)| (party, told.publication));
        let refused = self.refused.iter().map(|(party, refused)| (party, refused.publication));
        let often = told.chain(refused).filter(|(_, publication)| *publication >= PUBLICATIONS_MAX);
        often.map(|(party, _)| party)
    }

    /// Parties whose items are to be published again: at each tick, after `patience` where they were refused for good.
    /// Those that are not `outstanding` any more are forgotten.
    pub(crate) fn due_again(
        &mut self,
        patience: Duration,
        now: Timestamp,
        max: usize,
        outstanding: impl Fn(&PartyId) -> Option<(u64, u32)>,
    ) -> Vec<PartyId> {
        let mut due = Vec::new();
        self.refused.retain(|party, refused| {
            let is_due = refused.for_good_at.as_mut().is_none_or(|at| has_passed(at, patience, now));
            if due.len() >= max || !is_due {
                return true;
            }
            let is_outstanding = outstanding(party) == Some((refused.item, refused.publication));
            if is_outstanding {
                due.push(party.clone());
            }
            is_outstanding
        });
        due
    }

    /// Items told longer than `patience` ago (or looked at so long ago) that are still outstanding by `outstanding`: the
    /// outbox is to be asked for them. Those that are not are forgotten.
    pub(crate) fn overdue(
        &mut self,
        patience: Duration,
        now: Timestamp,
        outstanding: impl Fn(&PartyId) -> Option<(u64, u32)>,
    ) -> Vec<(PartyId, Told)> {
        let mut due = Vec::new();
        self.told.retain(|party, told| {
            if !has_passed(&mut told.looked_at, patience, now) {
                return true;
            }
            let is_outstanding = outstanding(party) == Some((told.item, told.publication));
            if is_outstanding {
                due.push((party.clone(), told.clone()));
            }
            is_outstanding
        });
        due
    }

    /// The outbox was asked for the item: it is not asked again for as long as before.
    pub(crate) fn looked_for(&mut self, party: &PartyId, now: Timestamp) {
        if let Some(told) = self.told.get_mut(party) {
            told.looked_at = now;
        }
    }
}

/// True when `patience` has passed since `at`. A time that has yet to come is one of a clock that was set back since:
/// the wait begins now, else it would last for as long as the jump.
fn has_passed(at: &mut Timestamp, patience: Duration, now: Timestamp) -> bool {
    if *at > now && rule::holds(Rule::ClockSetBackHoldsNothing) {
        *at = now;
    }
    now.since(*at) >= patience
}

impl Told {
    /// The item is published again under the next publication number. Waiting in the queue is not being lost.
    pub(crate) fn lost(&self, party: PartyId) -> Timer {
        Timer::WorkItem { party, item: self.item, publication: self.publication + 1 }
    }
}
