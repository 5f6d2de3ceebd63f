//! One call of the day: how it goes, what is left and said about it, and how late all of that becomes known.

use calltrail_simulator::aircall::{AGENTS, Agent, CallEvent, CallScript, LINES};

use super::limits::{LATE_AFTER_S, LINK_IN_TIME_S};
use crate::dice::Dice;

/// One call in so many is never told to have ended.
const SILENT_EVERY: u64 = 50;
/// Reasons that Aircall gives for a missed call.
const REASONS: [&str; 4] =
    ["out_of_opening_hours", "abandoned_in_ivr", "no_available_agent", "agents_did_not_answer"];
/// One call in so many is recorded, if it is answered; one voicemail in so many becomes known only after its call was logged.
const RECORDED_EVERY: u64 = 3;
const TOLD_LATE_EVERY: u64 = 3;
/// One call in so many is tagged before it settles, and one in so many later.
const TAGGED_EVERY: u64 = 4;
const TAGGED_LATE_EVERY: u64 = 20;
const TAGS: [&str; 4] = ["Refund", "Delivery", "Vip", "Call back"];
/// One call in so many is commented on before it settles, and one in so many later.
const COMMENTED_EVERY: u64 = 5;
const COMMENTED_LATE_EVERY: u64 = 10;
const COMMENTS: [&str; 3] = [
    "Wants a *refund*: https://crm.example.com/d/42?tab=a_b#top",
    "Sent the form, @iris rang dana@shop.example",
    "# Asks\n- for Monday",
];

/// What is never told of a call.
#[derive(Debug, Default)]
struct Untold {
    end: bool,
    link: bool,
}

/// The webhooks of a call from or to these digits, as Aircall sends them.
pub(crate) fn webhooks(dice: &mut Dice, id: i64, outside: &str, at_s: i64) -> Vec<CallEvent> {
    let mut untold = Untold { end: dice.roll(SILENT_EVERY) == 0, link: false };
    let (script, over_s) = course(dice, id, outside, at_s, &mut untold);
    let script = tagged(dice, script, over_s);
    let script = commented(dice, script, over_s);
    let is_told = |event: &CallEvent| match event.name {
        "call.ended" => !untold.end,
        "call.comm_assets_generated" => !untold.link,
        _ => true,
    };
    script.events().into_iter().filter(is_told).collect()
}

/// How the call goes, and after how many seconds it is hung up.
fn course(dice: &mut Dice, id: i64, outside: &str, at_s: i64, untold: &mut Untold) -> (CallScript, i64) {
    let line = LINES[dice.place(LINES.len())];
    let place = dice.place(AGENTS.len());
    let (agent, other) = (AGENTS[place], AGENTS[(place + 1) % AGENTS.len()]);
    let (talk_s, ring_s) = (20 + seconds(dice, 400), 4 + seconds(dice, 20));
    let inbound = CallScript::inbound(id, line, outside, at_s);
    let outbound = CallScript::outbound(id, line, outside, agent, at_s);
    let (script, over_s) = match dice.roll(20) {
        0..4 => (inbound.rings(agent, 0).answered(agent, ring_s), ring_s + talk_s),
        4..6 => (inbound.rings(agent, 0).answered(agent, 5).transferred(other, 15), 16 + talk_s),
        6 => (inbound.rings(agent, 0).answered(agent, 5).transfer_failed(other, 15), 16 + talk_s),
        7 => {
            let tried = inbound.rings(agent, 0).answered(agent, 5).transferred(other, 11);
            (tried.transfer_failed(other, 15), 16 + talk_s)
        }
        8..12 => (outbound.answered(agent, ring_s), ring_s + talk_s),
        12..14 => return (outbound.ends(ring_s), ring_s),
        14 => return (inbound.missed(REASONS[dice.place(REASONS.len())]).ends(ring_s), ring_s),
        15..17 => {
            let rung = inbound.chose("Orders", "2", 0).rings(agent, 1).rings(other, 2).declined(agent, 3);
            return (rung.missed(REASONS[dice.place(REASONS.len())]).ends(ring_s), ring_s);
        }
        _ => return (voicemail(dice, inbound.rings(agent, 0).ends(ring_s + 20), untold), ring_s + 20),
    };
    let script = script.ends(over_s);
    let is_recorded = dice.roll(RECORDED_EVERY) == 0;
    (if is_recorded { link(dice, script.recorded(), 0, untold) } else { script }, over_s)
}

fn voicemail(dice: &mut Dice, script: CallScript, untold: &mut Untold) -> CallScript {
    if dice.roll(TOLD_LATE_EVERY) > 0 {
        return link(dice, script.voicemail(), 0, untold);
    }
    let told_s = late(dice);
    link(dice, script.voicemail_told(told_s), told_s, untold)
}

/// The link comes with what it leads to, soon enough after it, too late or never.
fn link(dice: &mut Dice, script: CallScript, told_s: i64, untold: &mut Untold) -> CallScript {
    let [soonest_s, latest_s] = LINK_IN_TIME_S;
    match dice.roll(6) {
        0 => script.link_comes(told_s + even(dice, soonest_s, latest_s)),
        1 => script.link_comes(told_s + late(dice)),
        2 => {
            untold.link = true;
            script.link_comes(told_s + LATE_AFTER_S[0])
        }
        _ => script,
    }
}

/// A tag is taken off before the call settles or never: what is on the conversation stays there.
fn tagged(dice: &mut Dice, script: CallScript, over_s: i64) -> CallScript {
    let first = dice.place(TAGS.len());
    let tag = |after: usize| TAGS[(first + after) % TAGS.len()];
    let script = match dice.roll(TAGGED_EVERY * 3) {
        0 => script.tagged(tag(0), over_s + 5),
        1 => script.tagged(tag(0), over_s + 5).tagged(tag(1), over_s + 9),
        2 => script.tagged(tag(0), over_s + 5).tagged(tag(1), over_s + 9).untagged(tag(0), over_s + 13),
        _ => script,
    };
    // Not in one second with anything else: two lists of tags with one time are ordered by nothing.
    match dice.roll(TAGGED_LATE_EVERY) {
        0 => script.tagged(tag(2), over_s + late(dice) + 1),
        _ => script,
    }
}

fn commented(dice: &mut Dice, script: CallScript, over_s: i64) -> CallScript {
    let script = match dice.roll(COMMENTED_EVERY * 3) {
        0 => script.commented(text(dice), over_s - 2),
        1 => script.commented_by(anybody(dice), text(dice), over_s + 17),
        2 => script.commented(text(dice), over_s - 2).commented_by(anybody(dice), text(dice), over_s + 17),
        _ => script,
    };
    match dice.roll(COMMENTED_LATE_EVERY * 2) {
        0 => script.commented_by(anybody(dice), text(dice), over_s + late(dice)),
        1 => {
            let script = script.commented(text(dice), over_s + late(dice));
            script.commented_by(anybody(dice), text(dice), over_s + late(dice))
        }
        _ => script,
    }
}

fn anybody(dice: &mut Dice) -> Agent {
    AGENTS[dice.place(AGENTS.len())]
}

fn text(dice: &mut Dice) -> &'static str {
    COMMENTS[dice.place(COMMENTS.len())]
}

/// Long after the hang-up, an even number of seconds.
fn late(dice: &mut Dice) -> i64 {
    let [soonest_s, latest_s] = LATE_AFTER_S;
    even(dice, soonest_s, latest_s)
}

fn even(dice: &mut Dice, soonest_s: i64, latest_s: i64) -> i64 {
    soonest_s + seconds(dice, (latest_s - soonest_s) / 2) * 2
}

fn seconds(dice: &mut Dice, below: i64) -> i64 {
    i64::try_from(dice.roll(below.unsigned_abs())).expect("a short span")
}
