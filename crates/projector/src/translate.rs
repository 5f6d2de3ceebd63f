//! Records as facts.

use calltrail_domain::fact::Fact;
use calltrail_domain::fold::Place;
use calltrail_domain::record::{BadRecord, Record, RecordBody};
use calltrail_event_log::ports::LoggedRecord;

/// What a record of the log means, and where it stands.
pub fn translate(record: &LoggedRecord) -> Result<(Place, Fact), BadRecord> {
    let Record { received_at, body } = Record::decode(&record.body)?;
    let place = Place { sequence: record.sequence, received_at };
    let fact = match body {
        RecordBody::AccountCreated(created) => Fact::AccountCreated(created),
        RecordBody::PolicyChanged(policy) => Fact::PolicyChanged(policy),
        RecordBody::AircallEvent(event) => calltrail_aircall::facts(&event, received_at),
        RecordBody::FrontEvent(event) => calltrail_front::events::facts(&event, received_at),
        RecordBody::EffectsDecided(decided) => Fact::EffectsDecided(decided),
        RecordBody::EffectSettled(settled) => Fact::EffectSettled(settled),
        RecordBody::ConversationMerged(merged) => Fact::ConversationMerged(merged),
        RecordBody::TimerElapsed(timer) => Fact::TimerElapsed(timer),
        RecordBody::Unknown { .. } => Fact::Other,
    };
    Ok((place, fact))
}
