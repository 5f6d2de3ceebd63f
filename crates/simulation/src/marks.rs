//! Rare things that must have happened in a campaign: what the log and the processes show of them.

use std::collections::BTreeMap;

use calltrail_domain::decision::Verdict;
use calltrail_domain::effect::Outcome;
use calltrail_domain::record::RecordBody;
use calltrail_domain::timer::Timer;

use crate::evidence::Evidence;

/// How often each thing happened.
pub type Marks = BTreeMap<&'static str, u64>;

/// What a campaign of some thousand seeds must have seen.
pub const EXPECTED: [&str; 37] = [
    "decided: read first",
    "decided: logged, opening a segment",
    "decided: logged, going on with a segment",
    "decided: logged, the status unread",
    "decided: added what came late",
    "decided: a step that somebody else had decided",
    "settled: contact found",
    "settled: contact made",
    "settled: observed",
    "settled: applied",
    "settled: rejected",
    "settled: overtaken",
    "settled: skipped",
    "settled: told twice",
    "timer: a call that never ended",
    "timer: a link that never came",
    "timer: an item that was lost",
    "merged: told by a redirect",
    "left: budget",
    "left: trouble",
    "left: in_doubt",
    "left: invisible",
    "work: an attempt taken over",
    "work: a compare-and-set lost",
    "projector: started in the middle",
    "projector: rebuilt from the first record",
    "projector: rebuilt from a snapshot",
    "snapshot: whole",
    "snapshot: killed half-way",
    "erasure: announced",
    "erasure: killed, and announced in vain",
    "aircall: the webhook switched off",
    "reader: a compare-and-set lost",
    "read: history",
    "read: what was missed",
    "read: what came late",
    "work: a bulk item",
];

/// What the log shows.
pub(crate) fn of_log(evidence: &Evidence, marks: &mut Marks) {
    let mut steps = std::collections::BTreeSet::new();
    let mut told = std::collections::BTreeSet::new();
    for logged in &evidence.log {
        let mut mark = |name: &'static str| *marks.entry(name).or_default() += 1;
        match &logged.record.body {
            RecordBody::EffectsDecided(decided) => {
                for decision in &decided.decisions {
                    if !steps.insert((logged.account.as_str(), decision.party.clone(), decision.step)) {
                        mark("decided: a step that somebody else had decided");
                    }
                    match &decision.verdict {
                        Verdict::ReadFirst => mark("decided: read first"),
                        Verdict::LeftOut { .. } => mark("decided: left out"),
                        Verdict::Added => mark("decided: added what came late"),
                        Verdict::Logged(logged) => {
                            mark(if logged.opens_segment {
                                "decided: logged, opening a segment"
                            } else {
                                "decided: logged, going on with a segment"
                            });
                            if logged.status_unread {
                                mark("decided: logged, the status unread");
                            }
                        }
                    }
                }
            }
            RecordBody::EffectSettled(settled) => {
                if !told.insert((logged.account.as_str(), settled.party.clone(), settled.ordinal)) {
                    mark("settled: told twice");
                }
                mark(match &settled.outcome {
                    Outcome::ContactFound { created: true, .. } => "settled: contact made",
                    Outcome::ContactFound { .. } => "settled: contact found",
                    Outcome::Observed { .. } => "settled: observed",
                    Outcome::Applied { .. } => "settled: applied",
                    Outcome::Rejected { .. } => "settled: rejected",
                    Outcome::Overtaken { .. } => "settled: overtaken",
                    Outcome::Skipped { .. } => "settled: skipped",
                    Outcome::Gone { .. } => "settled: gone",
                });
            }
            RecordBody::TimerElapsed(Timer::CallEnd { .. }) => mark("timer: a call that never ended"),
            RecordBody::TimerElapsed(Timer::MediaLink { .. }) => mark("timer: a link that never came"),
            RecordBody::TimerElapsed(Timer::WorkItem { .. }) => mark("timer: an item that was lost"),
            RecordBody::AircallRead(read) => mark(match (read.history, read.update) {
                (_, true) => "read: what came late",
                (true, false) => "read: history",
                (false, false) => "read: what was missed",
            }),
            RecordBody::ConversationMerged(_) => mark("merged: told by a redirect"),
            RecordBody::AccountCreated(_)
            | RecordBody::PolicyChanged(_)
            | RecordBody::AircallEvent(_)
            | RecordBody::FrontEvent(_)
            | RecordBody::PartyErased(_)
            | RecordBody::StateSnapshot(_)
            | RecordBody::CallsReconsidered(_)
            | RecordBody::EffectsRetried(_)
            | RecordBody::EffectsDropped(_)
            | RecordBody::FrontPolled(_)
            | RecordBody::Unknown { .. } => {}
        }
    }
}
