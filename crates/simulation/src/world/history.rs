//! What happened in an Aircall company: calls of every kind, and what Aircall tells of them.
//!
//! Bodies are dear to make and to read, so a bounded number of histories is made once and shared by all seeds; who gets
//! which webhook when, how often and in which order is each seed's own.

use std::sync::OnceLock;

use calltrail_aircall::{Tokens, facts, receive};
use calltrail_domain::fact::{Fact, Media};
use calltrail_domain::record::AircallEvent;
use calltrail_domain::time::Timestamp;
use calltrail_simulator::aircall::{AGENTS, Agent, CallEvent, CallScript, LINES, WEBHOOK_TOKEN};

use crate::dice::Dice;
use crate::evidence::{CallKind, PlannedCall};
use crate::limits::{
    CALLS, FIRST_CALL, HISTORIES, HISTORY_STARTS_S, LARGE_CALLS, LARGE_ONE_IN, NOTE_CHARS_MAX,
    NOTES_OF_BURST, WRITTEN_UP_EVERY_S,
};

/// The calls of one company, and the webhooks that tell of them, in the order of their times.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) calls: Vec<PlannedCall>,
    pub(crate) webhooks: Vec<Webhook>,
    /// The numbers that Front knows as one contact.
    pub(crate) shared: Option<[String; 2]>,
}

/// One webhook of Aircall, as ingest would take it.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) call: u64,
    pub(crate) name: String,
    pub(crate) at_ms: i64,
    pub(crate) event: AircallEvent,
    /// What it means to somebody who receives it at time zero.
    pub(crate) fact: Fact,
}

/// The history of this place among all of them.
pub(crate) fn history(place: usize) -> &'static History {
    static ALL: [OnceLock<History>; HISTORIES] = [const { OnceLock::new() }; HISTORIES];
    ALL[place % HISTORIES].get_or_init(|| make(place as u64))
}

const REASONS: [&str; 4] =
    ["out_of_opening_hours", "abandoned_in_ivr", "no_available_agent", "agents_did_not_answer"];
const TAGS: [&str; 4] = ["Refund", "Delivery", "Vip", "Call back"];

fn make(place: u64) -> History {
    let mut dice = Dice::of(place, 2);
    let parties = 3 + dice.below(3);
    let numbers: Vec<String> = (0..parties).map(|party| format!("+447700{:06}", 900_000 + party)).collect();
    let shared = dice.percent(40).then(|| [numbers[0].clone(), numbers[1].clone()]);
    let mut starts_s = HISTORY_STARTS_S;
    let is_large = place.is_multiple_of(LARGE_ONE_IN);
    let (mut calls, mut webhooks) = (Vec::new(), Vec::new());
    for place in 0..CALLS {
        starts_s += dice.between(20, 260);
        let id = FIRST_CALL + place as u64;
        let number = (!dice.percent(5)).then(|| numbers[dice.place(numbers.len())].clone());
        let has_burst = LARGE_CALLS.contains(&place) && is_large;
        let (call, told) = one_call(&mut dice, id, number, starts_s, has_burst);
        calls.push(call);
        webhooks.extend(told);
    }
    webhooks.sort_by_key(|webhook: &Webhook| webhook.at_ms);
    History { calls, webhooks, shared }
}

/// A call while it is made up.
struct Draft {
    script: CallScript,
    over_s: i64,
    call: PlannedCall,
}

fn one_call(
    dice: &mut Dice,
    id: u64,
    number: Option<String>,
    starts_s: i64,
    is_large: bool,
) -> (PlannedCall, Vec<Webhook>) {
    let draft = course(dice, id, number, starts_s);
    let draft = tag(dice, draft);
    let draft = if is_large { burst(draft) } else { comment(dice, draft) };
    let silent = dice.percent(3);
    let events = draft.script.events();
    let told = events.into_iter().filter(|event| !(silent && event.name == "call.ended"));
    let body = |event: &CallEvent| {
        let mut body = event.body.clone();
        if is_large {
            keep_comments(&mut body, usize::from(event.name == "call.commented"));
        }
        body.to_string()
    };
    let webhooks: Vec<_> = told.map(|event| webhook(id, event.name, event.at_s, &body(&event))).collect();
    // A link that came with an end that is never told is not known either.
    let recorded = webhooks.iter().any(|webhook| webhook.tells_a_link());
    (PlannedCall { recorded, ..draft.call }, webhooks)
}

fn course(dice: &mut Dice, id: u64, number: Option<String>, starts_s: i64) -> Draft {
    let line = LINES[dice.place(LINES.len())];
    let place = dice.place(AGENTS.len());
    let (agent, other) = (AGENTS[place], AGENTS[(place + 1) % AGENTS.len()]);
    let (ring_s, talk_s) = (dice.between(4, 23), dice.between(20, 180));
    let outside = number.as_deref().map_or_else(|| "anonymous".to_owned(), spaced);
    let script_id = i64::try_from(id).expect("ids are small");
    let inbound = || CallScript::inbound(script_id, line, &outside, starts_s);
    let outbound = || CallScript::outbound(script_id, line, &outside, agent, starts_s);
    let over_s = ring_s + talk_s;
    let (script, kind, by, over_s) = match dice.below(20) {
        0..3 => (
            inbound().rings(agent, 0).answered(agent, ring_s),
            CallKind::InboundAnswered,
            Some(agent),
            over_s,
        ),
        3 if dice.percent(50) => {
            let named = dice.percent(50);
            let script = inbound().rings(agent, 0).answered(agent, 5).transferred(other, 15);
            let script = script.transferred_outside(18, named);
            (script, CallKind::InboundAnswered, Some(other), 19 + talk_s)
        }
        3 => {
            let script = inbound().rings(agent, 0).answered(agent, 5).transferred(other, 15);
            (script, CallKind::InboundAnswered, Some(other), 16 + talk_s)
        }
        4..6 => (outbound().answered(agent, ring_s), CallKind::OutboundAnswered, Some(agent), over_s),
        6..10 => (outbound(), CallKind::OutboundUnanswered, Some(agent), ring_s),
        10..17 => (inbound().missed(dice.pick(&REASONS)), CallKind::Missed, None, ring_s),
        _ => (inbound().rings(agent, 0), CallKind::Voicemail, None, ring_s + 20),
    };
    let call = PlannedCall {
        id,
        number,
        line: line.name,
        kind,
        agent: by.map(|agent: Agent| agent.email),
        recorded: false,
        notes: Vec::new(),
        tags: Vec::new(),
        tags_off: Vec::new(),
        ended_ms: (starts_s + over_s) * 1000,
    };
    media(dice, Draft { script: script.ends(over_s), over_s, call })
}

/// The link comes with the end, soon after it, or long after; a voicemail may become known long after its call.
fn media(dice: &mut Dice, draft: Draft) -> Draft {
    let Draft { script, over_s, call } = draft;
    let answered = matches!(call.kind, CallKind::InboundAnswered | CallKind::OutboundAnswered);
    let voicemail = call.kind == CallKind::Voicemail;
    if !(voicemail || answered && dice.percent(30)) {
        return Draft { script, over_s, call };
    }
    let told_s = if voicemail && dice.percent(25) { dice.between(300, 1_500) } else { 0 };
    let script = match (voicemail, told_s) {
        (true, 0) => script.voicemail(),
        (true, _) => script.voicemail_told(told_s),
        (false, _) => script.recorded(),
    };
    let script = match dice.below(6) {
        0 => script.link_comes(told_s + dice.between(40, 150)),
        1 => script.link_comes(told_s + dice.between(300, 1_500)),
        _ => script,
    };
    Draft { script, over_s, call }
}

/// Tags are put on, and perhaps taken off again, between the hang-up and the end; no two in one second.
fn tag(dice: &mut Dice, draft: Draft) -> Draft {
    let Draft { mut script, over_s, mut call } = draft;
    let first = dice.place(TAGS.len());
    let (kept, gone) = (TAGS[first], TAGS[(first + 1) % TAGS.len()]);
    if dice.percent(25) {
        script = script.tagged(kept, over_s + 5);
        call.tags.push(kept.to_owned());
    }
    if dice.percent(15) {
        script = script.tagged(gone, over_s + 9).untagged(gone, over_s + 13);
        call.tags_off.push(gone.to_owned());
    }
    Draft { script, over_s, call }
}

/// Agents write up many calls at one time.
fn written_up(call: &PlannedCall, after_s: i64) -> i64 {
    let ended_s = call.ended_ms / 1000;
    let at_s = ((ended_s + after_s) / WRITTEN_UP_EVERY_S + 1) * WRITTEN_UP_EVERY_S;
    at_s - ended_s
}

/// Comments during the call, after it, and long after it.
fn comment(dice: &mut Dice, draft: Draft) -> Draft {
    let Draft { mut script, over_s, mut call } = draft;
    for (chance, after_s) in [(20, -2), (15, 17), (16, dice.between(200, 1_800))] {
        if dice.percent(chance) {
            let after_s =
                if after_s > 100 && dice.percent(70) { written_up(&call, after_s) } else { after_s };
            script = script.commented_by(dice.pick(&AGENTS), "Sent the form", over_s + after_s);
            call.notes.push(call.id * 10 + call.notes.len() as u64);
        }
    }
    Draft { script, over_s, call }
}

/// Notes of Aircall's greatest length, in the longest of characters: more of them than one record or one work item takes.
/// Only answered calls show them.
fn burst(draft: Draft) -> Draft {
    let Draft { mut script, over_s, mut call } = draft;
    if !matches!(call.kind, CallKind::InboundAnswered | CallKind::OutboundAnswered) {
        return Draft { script, over_s, call };
    }
    let text = "\u{1F4DE}".repeat(NOTE_CHARS_MAX);
    call.notes.clear();
    for place in 0..NOTES_OF_BURST {
        script = script.commented_by(AGENTS[0], &text, over_s - 3);
        call.notes.push(call.id * 10 + place);
    }
    Draft { script, over_s, call }
}

/// All of a burst would be more than a receiver takes.
fn keep_comments(body: &mut serde_json::Value, last: usize) {
    if let Some(comments) = body.pointer_mut("/data/comments").and_then(serde_json::Value::as_array_mut) {
        comments.drain(..comments.len().saturating_sub(last));
    }
}

fn webhook(call: u64, name: &str, at_s: i64, body: &str) -> Webhook {
    let received = receive(body.as_bytes()).expect("a webhook of Aircall");
    assert!(received.is_from(&Tokens::new([WEBHOOK_TOKEN])), "a webhook without the token");
    let event = received.into_event();
    let fact = facts(&event, Timestamp::from_millis(0));
    Webhook { call, name: name.to_owned(), at_ms: at_s * 1000, event, fact }
}

impl Webhook {
    fn tells_a_link(&self) -> bool {
        let Fact::CallSnapshot(told) = &self.fact else { return false };
        [&told.recording, &told.voicemail].iter().any(|media| matches!(media, Media::Linked(_)))
    }

    /// What it means to somebody who receives it at this time.
    pub(crate) fn fact_at(&self, received_at: Timestamp) -> Fact {
        let mut fact = self.fact.clone();
        if let Fact::CallSnapshot(snapshot) = &mut fact {
            snapshot.received_at = received_at;
        }
        fact
    }
}

/// Digits as Aircall shows them.
fn spaced(number: &str) -> String {
    format!("{} {} {}", &number[..3], &number[3..7], &number[7..])
}
