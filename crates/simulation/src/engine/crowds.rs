//! Webhooks in bursts, at the moment at which they do most harm: between a decision and its fold, and before a new
//! conversation is known.

use calltrail_domain::decision::{Decision, EffectsDecided, Verdict};
use calltrail_domain::record::RecordBody;
use calltrail_domain::state::State;
use calltrail_projector::{Operation, Pieces as _};
use calltrail_simulator::front::{self, Action, Subject};

use super::{Engine, Event};
use crate::evidence;
use crate::fault::{Kind, Struck};
use crate::limits::{
    CROWD_EVENTS, CROWD_LASTS_MS, CROWD_LOOKS_EVERY_MS, IN_BETWEEN_MS, TRIES_WITH_OTHERS_WAITING,
};
use crate::trace::Who;
use crate::world::people::TEAMMATES;

/// Other people's events that follow on a person's.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    number: u64,
    account: usize,
    handle: String,
    until_ms: i64,
}

impl Engine {
    /// What a decision that opens a conversation may draw.
    pub(super) fn crowd(&mut self, account: usize, decided: &EffectsDecided) {
        for decision in &decided.decisions {
            match &decision.verdict {
                Verdict::Logged(logged) if logged.opens_segment => self.call_a_crowd(account, decision),
                Verdict::Logged(_) | Verdict::Added | Verdict::ReadFirst | Verdict::LeftOut { .. } => {}
            }
        }
    }

    /// A webhook of a call that is being decided on comes once more, and reaches the log before the decision does. Returns
    /// by how much the decision is later.
    pub(super) fn come_in_between(&mut self, projector: usize, operation: &Operation) -> i64 {
        let Operation::Append { account, records } = operation else { return 0 };
        let decided = records.iter().find_map(|record| match &record.body {
            RecordBody::EffectsDecided(decided) => Some(decided),
            _ => None,
        });
        let Some(office) = self.offices.iter().position(|office| *office.name == **account) else { return 0 };
        let mut later_ms = 0;
        for decision in decided.into_iter().flat_map(|decided| &decided.decisions) {
            match decision.verdict {
                Verdict::Logged(_) | Verdict::Added => {}
                Verdict::ReadFirst | Verdict::LeftOut { .. } => continue,
            }
            // Where another call waits behind, much depends on it.
            let tries =
                if self.waiting(projector, account, decision) > 1 { TRIES_WITH_OTHERS_WAITING } else { 1 };
            if (0..tries).any(|_| self.comes_again(office, decision)) {
                later_ms = IN_BETWEEN_MS;
            }
        }
        later_ms
    }

    /// How many calls of the party wait for a decision.
    fn waiting(&self, projector: usize, account: &str, decision: &Decision) -> usize {
        let state = State::new(self.projectors[projector].disk().account(account));
        let party = state.party(&decision.party).ok().flatten();
        party.map_or(0, |(_, party)| party.queue.len())
    }

    fn comes_again(&mut self, account: usize, decision: &Decision) -> bool {
        let webhooks = &self.setting.companies[account].history.webhooks;
        let known = self.deliveries_of(account, |place| webhooks[place].call == decision.call.0);
        let Some(again) = known else { return false };
        let struck = self.faults.draw(self.now_ms(), &[Kind::WebhookInBetween]);
        let Some(Struck { kind, number }) = struck else { return false };
        self.faults.count(kind, number);
        self.deliver_again(again, self.now_ms());
        true
    }

    fn call_a_crowd(&mut self, account: usize, decision: &Decision) {
        let company = &self.setting.companies[account];
        let call = company.history.calls.iter().find(|call| call.id == decision.call.0);
        let Some(handle) = call.and_then(|call| call.number.clone()).filter(|_| company.front_webhooks)
        else {
            return;
        };
        let is_new = self.offices[account].front.conversation_with(&handle).is_none();
        if !is_new {
            return;
        }
        let Some(Struck { number, .. }) = self.faults.draw(self.now_ms(), &[Kind::ForeignEvents]) else {
            return;
        };
        let until_ms = self.now_ms() + CROWD_LASTS_MS;
        let crowd = Crowd { number, account, handle, until_ms };
        self.agenda.note(self.now_ms() + CROWD_LOOKS_EVERY_MS, Event::Crowd(crowd));
    }

    /// The conversation may not be there yet. The writers are slow to see it, the others are not.
    pub(super) fn crowd_comes(&mut self, crowd: Crowd) {
        let now_ms = self.now_ms();
        if now_ms > crowd.until_ms {
            return;
        }
        let Crowd { number, account, ref handle, .. } = crowd;
        let act = front::Act {
            by: TEAMMATES[0].to_owned(),
            on: Subject::Contact(handle.clone()),
            action: Action::Archive,
        };
        let front = &mut self.offices[account].front;
        let before = front.events_seen();
        let done = front.act(now_ms, &act).ok().filter(|_| front.events_seen() > before);
        let Some(conversation) = done else {
            return self.agenda.note(now_ms + CROWD_LOOKS_EVERY_MS, Event::Crowd(crowd));
        };
        self.trace.say(
            now_ms,
            Who::Person(account),
            "acts",
            format_args!("Archive {conversation}, and a crowd follows"),
        );
        let deed = evidence::Deed { at_ms: now_ms, conversation, action: Action::Archive };
        self.offices[account].deeds.push(deed);
        self.watch_front(account);
        for writer in &mut self.writers {
            writer.process.paused_until_ms = writer.process.paused_until_ms.max(now_ms + CROWD_LASTS_MS);
        }
        // After Front's own webhook about the archiving.
        for place in 0..CROWD_EVENTS {
            let at_ms = now_ms + CROWD_LASTS_MS / 2 + place;
            self.plan_front_webhook(at_ms, account, foreign(number, place, now_ms));
        }
        self.faults.count(Kind::ForeignEvents, number);
    }
}

/// A webhook about a conversation that no call is in.
fn foreign(number: u64, place: i64, at_ms: i64) -> String {
    let (conversation, event) = (format!("cnv_o{number}x{place}"), format!("evt_o{number}x{place}"));
    let at_s = at_ms as f64 / 1000.0;
    format!(
        r#"{{"type":"conversation_archived","payload":{{"id":"{event}","type":"archive","emitted_at":{at_s:.3},"conversation":{{"id":"{conversation}"}}}}}}"#
    )
}
