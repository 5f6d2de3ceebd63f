//! Webhooks on their way: Aircall and Front deliver each until it is answered 200, an ingest appends it and answers.
//!
//! That Front repeats until it is answered is more than it promises; what is lost when it gives up is told in
//! docs/GUARANTEES.md.

use calltrail_domain::record::{FrontEvent, Record, RecordBody};
use calltrail_domain::rule::{self, Rule};

use std::sync::Arc;

use super::process::{Id, Task};
use super::{Came, Engine, Entry, Event, Meeting, Operation};
use crate::fault::{Kind, Struck};
use crate::trace::Who;

/// A webhook that is to be delivered, perhaps once more.
#[derive(Debug)]
pub(super) struct Delivery {
    account: usize,
    what: What,
    /// The ingest that has it, and what that waits for; 0 when none has it.
    ingest: usize,
    pub(super) awaits: u64,
    attempts: u32,
    /// It was answered 200.
    pub(super) is_taken: bool,
    /// Aircall itself posted it, and waits for an answer under this number.
    posted: Option<u64>,
    /// Whether it comes again is Aircall's affair.
    pub(super) is_aircalls: bool,
}

#[derive(Debug, Clone)]
enum What {
    /// By its place in the history.
    Aircall(usize),
    Front(String),
}

impl Engine {
    /// Every webhook of Aircall has its time; some come late, some twice.
    pub(super) fn plan_deliveries(&mut self) {
        if !self.aircalls.is_empty() {
            return self.plan_aircall();
        }
        for account in 0..self.offices.len() {
            let company = self.setting.companies[account].clone();
            for (place, webhook) in company.history.webhooks.iter().enumerate() {
                if !company.has(webhook.call) {
                    continue;
                }
                let at_ms = webhook.at_ms + self.dice.between(30, 400);
                let late_ms = self.later_by_ms(at_ms, Kind::WebhookLate, Self::lateness_ms).unwrap_or(0);
                self.plan_delivery(at_ms + late_ms, account, What::Aircall(place));
                let again_ms =
                    self.later_by_ms(at_ms, Kind::WebhookRepeated, |engine| engine.dice.between(1, 600_000));
                if let Some(again_ms) = again_ms {
                    self.plan_delivery(at_ms + again_ms, account, What::Aircall(place));
                }
            }
        }
    }

    /// By how much the fault makes a webhook later, if it strikes.
    fn later_by_ms(&mut self, at_ms: i64, kind: Kind, by: impl FnOnce(&mut Self) -> i64) -> Option<i64> {
        let Struck { kind, number } = self.faults.draw(at_ms, &[kind])?;
        self.faults.count(kind, number);
        Some(self.by_own_chance(number, by))
    }

    fn lateness_ms(&mut self) -> i64 {
        if self.dice.percent(85) {
            self.dice.between(1_000, 60_000)
        } else {
            self.dice.between(60_000, 2_400_000)
        }
    }

    fn plan_delivery(&mut self, at_ms: i64, account: usize, what: What) {
        self.deliveries.push(Delivery {
            account,
            what,
            ingest: 0,
            awaits: 0,
            attempts: 0,
            is_taken: false,
            posted: None,
            is_aircalls: false,
        });
        self.agenda.note(at_ms, Event::Deliver(self.deliveries.len() - 1));
    }

    /// Aircall posts this webhook of the history, and waits for an answer.
    pub(super) fn post(&mut self, account: usize, place: usize, number: u64) {
        let at_ms = self.now_ms() + self.dice.between(30, 400);
        self.plan_delivery(at_ms, account, What::Aircall(place));
        if let Some(delivery) = self.deliveries.last_mut() {
            (delivery.posted, delivery.is_aircalls) = (Some(number), true);
        }
    }

    /// What Front tells is delivered too, some of it late, some twice.
    pub(super) fn front_tells(&mut self, account: usize, body: Vec<u8>) {
        let body = String::from_utf8(body).expect("a webhook of Front is text");
        let now_ms = self.now_ms();
        let late_ms =
            self.later_by_ms(now_ms, Kind::FrontWebhookLate, |engine| engine.dice.between(500, 45_000));
        let at_ms = now_ms + late_ms.unwrap_or(0);
        let again_ms =
            self.later_by_ms(now_ms, Kind::FrontWebhookRepeated, |engine| engine.dice.between(1, 120_000));
        if let Some(again_ms) = again_ms {
            self.plan_delivery(at_ms + again_ms, account, What::Front(body.clone()));
        }
        self.plan_delivery(at_ms, account, What::Front(body));
    }

    /// The last webhook of Aircall that was taken, of those that are asked for.
    pub(super) fn deliveries_of(
        &self,
        account: usize,
        is_asked_for: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        self.deliveries.iter().rposition(|delivery| match delivery.what {
            What::Aircall(place) => delivery.account == account && delivery.is_taken && is_asked_for(place),
            What::Front(_) => false,
        })
    }

    /// All such deliveries, each webhook once.
    pub(super) fn taken_deliveries_of(
        &self,
        account: usize,
        is_asked_for: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut webhooks = std::collections::BTreeSet::new();
        let deliveries = self.deliveries.iter().enumerate();
        let taken = deliveries.filter(|(_, delivery)| match delivery.what {
            What::Aircall(place) => {
                delivery.account == account
                    && delivery.is_taken
                    && is_asked_for(place)
                    && webhooks.insert(place)
            }
            What::Front(_) => false,
        });
        taken.map(|(place, _)| place).collect()
    }

    /// The same webhook once more.
    pub(super) fn deliver_again(&mut self, delivery: usize, at_ms: i64) {
        let Delivery { account, ref what, .. } = self.deliveries[delivery];
        let what = what.clone();
        self.plan_delivery(at_ms, account, what);
    }

    pub(super) fn plan_front_webhook(&mut self, at_ms: i64, account: usize, body: String) {
        self.plan_delivery(at_ms, account, What::Front(body));
    }

    pub(super) fn deliver(&mut self, delivery: usize) {
        let ingest = self.dice.place(self.ingests.len());
        self.deliveries[delivery].attempts += 1;
        // The receivers open when the account has its first record.
        let is_open = self.offices[self.deliveries[delivery].account].is_open;
        if self.ingests[ingest].is_down || !is_open || self.are_receivers_away(delivery) {
            return self.deliver_later(delivery);
        }
        let token = self.token();
        (self.deliveries[delivery].ingest, self.deliveries[delivery].awaits) = (ingest, token);
        let kinds = [Kind::LogRefused, Kind::LogAnswerLost, Kind::WebhookAnswerLost, Kind::IngestKilled];
        let struck = self.faults.draw(self.now_ms(), &kinds);
        let killed = struck.filter(|struck| struck.kind == Kind::IngestKilled);
        if !rule::holds(Rule::AWebhookIsAnsweredWhenItIsStored) {
            self.taken(delivery);
        }
        let task = Task::Delivery { ingest, delivery };
        let is_sent =
            killed.is_none_or(|killed| self.by_own_chance(killed.number, |engine| engine.dice.percent(50)));
        if is_sent {
            let arrives_ms = self.now_ms() + self.dice.between(1, 4);
            let struck = struck.filter(|_| killed.is_none());
            self.agenda.note(
                arrives_ms,
                Event::Arrive { task, token, operation: Operation::Store(delivery), struck },
            );
        }
        if let Some(killed) = killed {
            self.faults.count(killed.kind, killed.number);
            self.by_own_chance(killed.number, |engine| engine.kill(Id::Ingest(ingest)));
        }
    }

    pub(super) fn store_webhook(&mut self, task: Task, token: u64, delivery: usize, struck: Option<Struck>) {
        let meeting = self.meeting(struck);
        if meeting == Meeting::Refused {
            self.count_struck(struck);
        } else {
            let mut entry = self.entry(task, delivery);
            entry.delivery = Some(delivery);
            assert!(
                self.append(task.who(), self.deliveries[delivery].account, vec![entry]),
                "a webhook is small"
            );
        }
        let after_ms = self.dice.between(1, 4);
        // An ingest that is killed before its answer shows nothing of the answer's loss.
        let lost = struck.filter(|_| meeting == Meeting::Unheard);
        self.answer(after_ms, task, token, Came::Stored { stored: meeting == Meeting::Fine, lost });
    }

    fn entry(&mut self, task: Task, delivery: usize) -> Entry {
        let (appended_ms, received_at) = (self.now_ms(), self.clock(task.process()));
        let Delivery { account, what, .. } = &self.deliveries[delivery];
        match what {
            What::Aircall(place) => {
                let webhook = &self.setting.companies[*account].history.webhooks[*place];
                let body = RecordBody::AircallEvent(webhook.event.clone());
                let fact = Arc::new(webhook.fact_at(received_at));
                Entry::new(appended_ms, Record { received_at, body }, fact)
            }
            What::Front(body) => {
                let event = FrontEvent { body: body.clone() };
                let fact = Arc::new(calltrail_front::events::facts(&event, received_at));
                let body = RecordBody::FrontEvent(event);
                Entry::new(appended_ms, Record { received_at, body }, fact)
            }
        }
    }

    pub(super) fn webhook_stored(&mut self, delivery: usize, stored: bool, lost: Option<Struck>) {
        if let Some(Struck { kind, number }) = lost {
            self.faults.count(kind, number);
        }
        self.deliveries[delivery].awaits = 0;
        if stored {
            self.taken(delivery);
        } else {
            self.deliver_later(delivery);
        }
    }

    fn taken(&mut self, delivery: usize) {
        let now_ms = self.now_ms();
        let Delivery { account, what, is_taken, posted, .. } = &mut self.deliveries[delivery];
        let (account_of, posted) = (*account, posted.take());
        *is_taken = true;
        self.trace.note(now_ms, Who::World, "taken", delivery as u64, format_args!("webhook {delivery}"));
        if let What::Aircall(place) = what {
            let webhook = &self.setting.companies[*account].history.webhooks[*place];
            let office = &mut self.offices[*account];
            office.taken.entry((webhook.call, webhook.name.clone())).or_insert(now_ms);
            office.taken_each.insert((webhook.call, webhook.name.clone(), webhook.at_ms / 1000));
        }
        if let Some(number) = posted {
            self.aircall_is_answered(account_of, number, true);
        }
    }

    /// Of Aircall's webhooks: Front's reach another address.
    fn are_receivers_away(&mut self, delivery: usize) -> bool {
        let is_away = self.now_ms() < self.receivers_back_ms;
        if !is_away || matches!(self.deliveries[delivery].what, What::Front(_)) {
            return false;
        }
        if let Some(number) = self.receivers_gone.take() {
            self.faults.count(Kind::ReceiversDown, number);
        }
        true
    }

    /// What was taken is gone with the log's last records, and comes again.
    pub(super) fn lose_delivery(&mut self, delivery: usize, at_ms: i64) {
        let lost = &mut self.deliveries[delivery];
        (lost.is_taken, lost.awaits, lost.attempts) = (false, 0, 0);
        self.agenda.note(at_ms, Event::Deliver(delivery));
    }

    /// Not answered 200: it comes again, later and later.
    fn deliver_later(&mut self, delivery: usize) {
        let attempts = self.deliveries[delivery].attempts;
        if self.deliveries[delivery].is_taken {
            return;
        }
        if self.deliveries[delivery].is_aircalls {
            let (account, posted) =
                (self.deliveries[delivery].account, self.deliveries[delivery].posted.take());
            return posted.into_iter().for_each(|number| self.aircall_is_answered(account, number, false));
        }
        let wait_ms = (500_i64 << attempts.min(7)) + self.dice.between(0, 500);
        self.agenda.note(self.now_ms() + wait_ms, Event::Deliver(delivery));
    }

    /// The ingest is gone: nobody answers.
    pub(super) fn connections_break(&mut self, ingest: usize) {
        for delivery in 0..self.deliveries.len() {
            if self.deliveries[delivery].awaits != 0 && self.deliveries[delivery].ingest == ingest {
                self.deliveries[delivery].awaits = 0;
                self.deliver_later(delivery);
            }
        }
    }
}
