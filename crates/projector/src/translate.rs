//! Records as facts.

use std::sync::Arc;

use calltrail_domain::fact::{Fact, Later};
use calltrail_domain::fold::Place;
use calltrail_domain::hash;
use calltrail_domain::record::{BadRecord, Record, RecordBody};
use calltrail_domain::time::Timestamp;
use calltrail_domain::vocabulary;
use calltrail_event_log::ports::LoggedRecord;
use tracing::error;

use crate::lineage::Seen;

/// A record as the fold takes it.
#[derive(Debug, Clone)]
pub struct Folding {
    pub sequence: u64,
    pub account: Arc<str>,
    /// The hash of the record's bytes ([`hash::of_record`]).
    pub hash: u64,
    /// `None` for a record that cannot be read.
    pub meaning: Option<(Place, Arc<Fact>)>,
}

impl Folding {
    /// A record that cannot be read is told here; it means nothing, to everybody alike, and stays in the log.
    #[must_use]
    pub fn of(record: &LoggedRecord) -> Self {
        let meaning = translate(record).map(|(place, fact)| (place, Arc::new(fact)));
        let meaning = meaning.inspect_err(|cause| {
            error!(sequence = record.sequence, %cause, "a record of the log cannot be read");
        });
        Self {
            sequence: record.sequence,
            account: Arc::from(record.account.as_str()),
            hash: hash::of_record(&record.body),
            meaning: meaning.ok(),
        }
    }

    /// The record as it is known again.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { sequence: self.sequence, hash: self.hash }
    }
}

/// What a record of the log means, and where it stands.
pub fn translate(record: &LoggedRecord) -> Result<(Place, Fact), BadRecord> {
    let Record { received_at, body } = Record::decode(&record.body)?;
    let place = Place { sequence: record.sequence, received_at };
    Ok((place, fact_of(received_at, body)))
}

/// What a record means that was received, or made, at this time.
#[must_use]
pub fn fact_of(received_at: Timestamp, body: RecordBody) -> Fact {
    match body {
        RecordBody::AccountCreated(created) => Fact::AccountCreated(created),
        RecordBody::PolicyChanged(policy) => Fact::PolicyChanged(policy),
        RecordBody::AircallEvent(event) => calltrail_aircall::facts(&event, received_at),
        RecordBody::AircallRead(read) => calltrail_aircall::read_facts(&read, received_at),
        RecordBody::FrontEvent(event) => calltrail_front::events::facts(&event, received_at),
        RecordBody::FrontPolled(event) => calltrail_front::polled::facts(&event, received_at),
        RecordBody::EffectsDecided(decided) => Fact::EffectsDecided(decided),
        RecordBody::EffectSettled(settled) => Fact::EffectSettled(settled),
        RecordBody::ConversationMerged(merged) => Fact::ConversationMerged(merged),
        RecordBody::TimerElapsed(timer) => Fact::TimerElapsed(timer),
        RecordBody::PartyErased(erased) => Fact::PartyErased(Box::new(erased)),
        RecordBody::CallsReconsidered(again) => Fact::CallsReconsidered(again),
        RecordBody::EffectsRetried(again) => Fact::EffectsRetried(again),
        RecordBody::EffectsDropped(dropped) => Fact::EffectsDropped(dropped),
        RecordBody::Unknown { needs, .. } if needs > vocabulary::VERSION => Fact::Later(Later { needs }),
        RecordBody::StateSnapshot(_) | RecordBody::Unknown { .. } => Fact::Other,
    }
}
