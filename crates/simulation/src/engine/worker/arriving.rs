//! What a writer has asked for reaches its port, or Front. Who asked may be gone.

use calltrail_front::{Answer, Request};
use calltrail_front_writer::{Came as WorkCame, Operation as WorkOperation, Written};

use super::super::process::Task;
use super::super::projector::words::meaning;
use super::super::{Came, Engine, Entry, Meeting};
use super::{Asked, Held, millis};
use crate::fault::{Kind, Struck};

/// What becomes of a request while Front is away; the absence itself is counted.
const AWAY: Struck = Struck { kind: Kind::FrontAway, number: 0 };

impl Engine {
    /// The operation reaches its port. Who issued it may be gone.
    pub(in crate::engine) fn work_arrives(
        &mut self,
        task: Task,
        token: u64,
        asked: Asked,
        struck: Option<Struck>,
    ) {
        let Asked { held, sent_ms, operation } = asked;
        if let WorkOperation::Send { request, .. } = &operation {
            return self.request_arrives(task, token, held.account, sent_ms, request, struck);
        }
        let meeting = self.meet(struck);
        let came = match operation {
            WorkOperation::Release { after, .. } => {
                return self.claim_ends(task, token, held, Some(millis(after)), meeting);
            }
            WorkOperation::Done => return self.claim_ends(task, token, held, None, meeting),
            operation => self.stored(task, held.account, operation, meeting),
        };
        let after_ms = self.dice.between(1, 4);
        self.answer(after_ms, task, token, Came::Work(came));
    }

    fn stored(&mut self, task: Task, account: usize, operation: WorkOperation, meeting: Meeting) -> WorkCame {
        let (refused, unheard) = (meeting == Meeting::Refused, meeting == Meeting::Unheard);
        match operation {
            WorkOperation::Get(_) | WorkOperation::ReadStoreTime | WorkOperation::Append(_) if refused => {
                WorkCame::Failed
            }
            WorkOperation::Put { .. } if refused => WorkCame::Put(Written::Unknown),
            WorkOperation::Get(place) => {
                let found = self.store.get(&(account, place));
                WorkCame::Found(found.map(|(value, revision)| (value.clone(), revision)))
            }
            WorkOperation::Put { ref value, .. }
                if self.is_too_large(
                    value.encode().map_or(0, |stored| stored.len()),
                    "port: the fences refused what is too large",
                ) =>
            {
                WorkCame::TooLarge
            }
            WorkOperation::Put { place, value, expected } => {
                let key = (account, place);
                let written = match expected {
                    None => self.store.create(key.clone(), value),
                    Some(revision) => self.store.update(&key, value, revision),
                };
                let line = format_args!("{:?}, expected {expected:?}: {written:?}", key.1);
                self.trace.note(self.agenda.now_ms(), task.who(), "put", expected.unwrap_or_default(), line);
                match written {
                    _ if unheard => WorkCame::Put(Written::Unknown),
                    Ok(revision) => WorkCame::Put(Written::Revision(revision)),
                    Err(_) => WorkCame::Put(Written::Conflict),
                }
            }
            WorkOperation::ReadStoreTime => WorkCame::StoreTime(self.now_ms()),
            WorkOperation::Append(records) => {
                let appended_ms = self.now_ms();
                let entry = |record| {
                    let fact = meaning(&record);
                    Entry::new(appended_ms, record, fact)
                };
                if !self.append(task.who(), account, records.into_iter().map(entry).collect()) {
                    return WorkCame::TooLarge;
                }
                if unheard { WorkCame::Failed } else { WorkCame::Appended }
            }
            operation => panic!("{operation:?} is done elsewhere"),
        }
    }

    fn request_arrives(
        &mut self,
        task: Task,
        token: u64,
        account: usize,
        sent_ms: i64,
        request: &Request,
        struck: Option<Struck>,
    ) {
        let now_ms = self.now_ms();
        self.sends_under_way -= 1;
        // Nothing else can go wrong with a Front that is away.
        let shows = struck.is_none() && self.awaits(task) == token;
        let struck = if self.is_away(account, shows) { Some(AWAY) } else { struck };
        let party = match task {
            Task::Worker { writer, worker } => self.writers[writer].party(worker),
            Task::Delivery { .. } | Task::Projector(_) | Task::Turn { .. } => None,
        };
        let is_lost = self.lost.as_mut().is_some_and(|lost| lost.takes(now_ms, request.kind(), party));
        let struck = if is_lost { Some(Struck { kind: Kind::AnswerLost, number: 0 }) } else { struck };

        let before = self.offices[account].front.imports_accepted();
        let refused = self.offices[account].refused.len();
        // An import that Front has forgotten often enough it keeps, and shows in its usual time.
        let is_shown = |kind| ![Kind::Forgotten, Kind::ShownLate].contains(&kind);
        let struck =
            struck.filter(|struck| is_shown(struck.kind) || self.offices[account].may_forget(request));
        let fault = struck.map(|struck| struck.kind);
        let exchange = self.offices[account].exchange(now_ms, sent_ms, request, fault);
        let is_accepted = self.offices[account].front.imports_accepted() > before;
        if let Some((kind, number)) = self.offices[account].withheld_met.take() {
            self.faults.count(kind, number);
        }
        match struck {
            // Only what was accepted can be shown late, or never.
            Some(Struck { kind: Kind::ShownLate | Kind::Forgotten, .. }) if !is_accepted => {}
            Some(Struck { kind: Kind::FrontAway, .. }) => {}
            Some(Struck { kind: Kind::RefusedForGood, .. })
                if self.offices[account].refused.len() == refused => {}
            // What Front refuses for good it refuses.
            Some(Struck {
                kind: Kind::ErrorBefore | Kind::ErrorAfter | Kind::PageBefore | Kind::PageAfter,
                ..
            }) if matches!(exchange.answer, Answer::Rejected(_)) => {}
            Some(Struck { kind, number }) => self.faults.count(kind, number),
            None => {}
        }
        let line = format_args!("{:?} {fault:?}", request.kind());
        self.trace.note(
            now_ms,
            task.who(),
            "sends",
            u64::from(is_accepted) << 8 | request.kind() as u64,
            line,
        );
        self.watch_front(account);
        let slow_ms = match struck {
            Some(Struck { kind: Kind::SlowAnswer, number }) => {
                self.by_own_chance(number, |engine| engine.dice.between(15_000, 40_000))
            }
            _ => 0,
        };
        let after_ms = self.dice.between(10, 120) + slow_ms;
        self.answer(after_ms, task, token, Came::Work(WorkCame::Exchanged(exchange)));
    }

    /// The worker is free; the outbox has heard of it, or has not.
    fn claim_ends(&mut self, task: Task, token: u64, held: Held, after_ms: Option<i64>, meeting: Meeting) {
        let now_ms = self.now_ms();
        let is_heard = meeting == Meeting::Fine;
        match after_ms {
            _ if !is_heard => {}
            Some(after_ms) => drop(self.outbox.release(now_ms, held.ticket, held.claim, after_ms)),
            None => self.outbox.done(held.ticket),
        }
        let line = format_args!("ticket {}, again after {after_ms:?} ms, heard {is_heard}", held.ticket);
        self.trace.note(now_ms, task.who(), "leaves", held.ticket << 1 | u64::from(is_heard), line);
        if let Task::Worker { writer, worker } = task
            && self.writers[writer].awaits(worker) == token
        {
            self.writers[writer].workers[worker] = None;
        }
        self.note_claim(now_ms);
    }
}
