//! Webhooks in bursts, at the moment at which they do most harm: between a decision and its fold, and before a new
//! conversation is known.

use calltrail_domain::decision::{Decision, EffectsDecided, Verdict};
use calltrail_simulator::front::{self, Action, Subject};

use super::{Engine, Event};
use crate::evidence;
use crate::fault::{Kind, Struck};
use crate::limits::{CROWD_EVENTS, CROWD_LASTS_MS, CROWD_LOOKS_EVERY_MS};
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
    /// What a decision may draw.
    pub(super) fn crowd(&mut self, account: usize, decided: &EffectsDecided) {
        for decision in &decided.decisions {
            match &decision.verdict {
                Verdict::Logged(logged) if logged.opens_segment => {
                    self.come_again(account, decision);
                    self.call_a_crowd(account, decision);
                }
                Verdict::Logged(_) | Verdict::Added => self.come_again(account, decision),
                Verdict::ReadFirst | Verdict::LeftOut { .. } => {}
            }
        }
    }

    /// A webhook of the call that is decided on comes once more, right now.
    fn come_again(&mut self, account: usize, decision: &Decision) {
        let webhooks = &self.setting.companies[account].history.webhooks;
        let known = self.deliveries_of(account, |place| webhooks[place].call == decision.call.0);
        let Some(again) = known else { return };
        let Some(Struck { kind, number }) = self.faults.draw(self.now_ms(), &[Kind::WebhookInBetween]) else {
            return;
        };
        self.faults.count(kind, number);
        let at_ms = self.now_ms() + self.by_own_chance(number, |engine| engine.dice.between(0, 2));
        self.deliver_again(again, at_ms);
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
