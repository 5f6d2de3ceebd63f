//! Records as lines of a trace.

use std::fmt;

use calltrail_domain::decision::Verdict;
use calltrail_domain::fact::Fact;
use calltrail_domain::record::RecordBody;

use super::Entry;

/// What a record says, in one line without numbers and names of callers.
pub(super) struct Line<'a>(pub(super) &'a str, pub(super) &'a Entry);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(account, entry) = self;
        write!(f, "{account} {}", entry.record.body.kind())?;
        match (&entry.record.body, &*entry.fact) {
            (RecordBody::EffectsDecided(decided), _) => {
                write!(f, " through {}", decided.through)?;
                for decision in &decided.decisions {
                    let verdict = match &decision.verdict {
                        Verdict::ReadFirst => "read first".to_owned(),
                        Verdict::LeftOut { reason } => format!("left out: {}", reason.as_str()),
                        Verdict::Added => "added".to_owned(),
                        Verdict::Logged(logged) => {
                            format!("logged {:?}, opens {}", logged.subject, logged.opens_segment)
                        }
                    };
                    let effects: Vec<_> =
                        decision.effects.iter().map(|effect| effect.key.to_string()).collect();
                    let (party, step, call) = (&decision.party, decision.step, decision.call);
                    write!(f, "; {party} step {step} call {call} {verdict} [{}]", effects.join(" "))?;
                }
                Ok(())
            }
            (RecordBody::EffectSettled(settled), _) => {
                let (party, ordinal, key) = (&settled.party, settled.ordinal, settled.key);
                write!(f, "; {party} #{ordinal} {key} {:?}", settled.outcome)
            }
            (RecordBody::TimerElapsed(timer), _) => write!(f, "; {timer:?}"),
            (RecordBody::ConversationMerged(merged), _) => {
                write!(f, "; {} into {}", merged.from, merged.into)
            }
            (_, Fact::CallSnapshot(told)) => {
                write!(f, "; call {} {:?} {:?}", told.call, told.event, told.status)
            }
            (_, Fact::ConversationChanged(told)) => write!(f, "; {} {:?}", told.conversation, told.change),
            _ => Ok(()),
        }
    }
}
