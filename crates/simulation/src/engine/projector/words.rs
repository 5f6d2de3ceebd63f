//! Answers as words and numbers of a trace, and what records mean.

use std::fmt;
use std::sync::Arc;

use calltrail_domain::decision::EffectsDecided;
use calltrail_domain::effect::Action;
use calltrail_domain::fact::Fact;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_projector::{Came as ProjectorCame, fact_of};

/// What came, for a line of the trace.
pub(in crate::engine) struct Word<'a>(pub(in crate::engine) &'a ProjectorCame);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ProjectorCame::Records { records, .. } => write!(f, "{} records", records.len()),
            ProjectorCame::Started => f.write_str("started"),
            ProjectorCame::Tail(tail) => write!(f, "tail {tail}"),
            ProjectorCame::Tick => f.write_str("tick"),
            ProjectorCame::Identity { at, first, base } => {
                let first = first.map(|first| first.hash);
                write!(f, "has record {at:?}, begins with {first:?}, after a snapshot of {base:?}")
            }
            ProjectorCame::Published { ticket } => write!(f, "published, ticket {ticket}"),
            ProjectorCame::Holds(held) => write!(f, "the outbox holds it: {held}"),
            ProjectorCame::Appended => f.write_str("appended"),
            ProjectorCame::Slept => f.write_str("slept"),
            ProjectorCame::Refused => f.write_str("refused"),
            ProjectorCame::TooLarge => f.write_str("too large"),
        }
    }
}

/// Tells answers apart.
pub(in crate::engine) fn number_of(came: &ProjectorCame) -> u64 {
    match came {
        ProjectorCame::Started => 1,
        ProjectorCame::Tail(tail) => tail << 8 | 2,
        ProjectorCame::Records { records, .. } => (records.len() as u64) << 8 | 3,
        ProjectorCame::Tick => 4,
        ProjectorCame::Published { ticket } => ticket << 8 | 5,
        ProjectorCame::Holds(held) => u64::from(*held) << 8 | 6,
        ProjectorCame::Appended => 7,
        ProjectorCame::Slept => 8,
        ProjectorCame::Refused => 9,
        ProjectorCame::Identity { at, first, base } => {
            at.unwrap_or(0) ^ base.unwrap_or(0) << 40 ^ first.map_or(0, |first| first.hash).rotate_left(1)
        }
        ProjectorCame::TooLarge => 11,
    }
}

/// What a record means.
pub(in crate::engine) fn meaning(record: &Record) -> Arc<Fact> {
    Arc::new(fact_of(record.received_at, record.body.clone()))
}

/// A later release says a line more.
pub(super) fn reworded(mut record: Record) -> Record {
    if let RecordBody::EffectsDecided(EffectsDecided { decisions, .. }) = &mut record.body {
        for effect in decisions.iter_mut().flat_map(|decision| &mut decision.effects) {
            if let Action::ImportActivity(import) = &mut Arc::make_mut(effect).action {
                import.body = format!("Logged by a later release\n{}", import.body);
            }
        }
    }
    record
}
